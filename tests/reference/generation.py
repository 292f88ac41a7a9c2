#!/usr/bin/env python3
"""Golden files for what generation does to logits before it picks a token, by transformers.

    python3 -m venv env && env/bin/pip install -r tests/reference/requirements.txt
    env/bin/python tests/reference/generation.py tests/golden

generation.safetensors, all f32 [rows, 50]: `logits`, and what each step alone makes of every row, under the step's name
in generation.json; removed entries are -inf. `chain` is all of "chain" one after another, in the order transformers
takes. generation.json: `histories`, per row the ids so far (prompt and answer), and `steps`, per name kind and value.
In row 5 the fifth and the sixth are equal, so that top_k 5 keeps six; row 6 is all but flat; in row 7 one entry towers.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save
from transformers import (
    LogitsProcessorList,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

VOCAB = 50
KINDS = {
    "repetition_penalty": RepetitionPenaltyLogitsProcessor,
    "no_repeat_ngram": NoRepeatNGramLogitsProcessor,
    "temperature": TemperatureLogitsWarper,
    "top_k": TopKLogitsWarper,
    "top_p": TopPLogitsWarper,
}
STEPS = {
    "repetition_1.3": ("repetition_penalty", 1.3),
    "repetition_0.8": ("repetition_penalty", 0.8),
    "ngram_2": ("no_repeat_ngram", 2),
    "ngram_3": ("no_repeat_ngram", 3),
    "temperature_0.7": ("temperature", 0.7),
    "temperature_1.5": ("temperature", 1.5),
    "top_k_1": ("top_k", 1),
    "top_k_5": ("top_k", 5),
    "top_k_500": ("top_k", 500),
    "top_p_0.5": ("top_p", 0.5),
    "top_p_0.9": ("top_p", 0.9),
}
CHAIN = [("repetition_penalty", 1.3), ("no_repeat_ngram", 3), ("temperature", 0.7), ("top_k", 20), ("top_p", 0.9)]
HISTORIES = [
    [3, 7, 3, 7, 3],
    [1, 2, 3, 4, 1, 2, 3, 9, 1, 2],
    [5],
    [6, 6, 6, 6],
    [10, 11, 12, 13, 14],
    [8, 9, 8, 9, 10, 8, 9],
    [49, 0, 49, 0, 1, 49],
    [20, 21],
]


def rows():
    random = torch.Generator().manual_seed(11)
    logits = 2 * torch.randn(len(HISTORIES), VOCAB, generator=random)
    fifth, sixth = logits[5].topk(6).indices[-2:]
    logits[5, sixth] = logits[5, fifth]
    logits[6] /= 64
    logits[7, 21] = 30
    return logits


def main():
    logits = rows()
    chain = LogitsProcessorList(KINDS[kind](value) for kind, value in CHAIN)
    found = {"logits": logits, "chain": each(chain, logits)}
    for name, (kind, value) in STEPS.items():
        found[name] = each(KINDS[kind](value), logits)
    out = Path(sys.argv[1])
    (out / "generation.safetensors").write_bytes(save(found))
    contents = {
        "reference": {name: version(name) for name in ("transformers", "torch")},
        "histories": HISTORIES,
        "steps": {name: {"kind": kind, "value": value} for name, (kind, value) in STEPS.items()},
        "chain": [{"kind": kind, "value": value} for kind, value in CHAIN],
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in contents.items()]
    (out / "generation.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def each(step, logits):
    """Row by row: histories differ in length."""
    made = [step(torch.tensor([ids]), row[None].clone()) for ids, row in zip(HISTORIES, logits, strict=True)]
    made = torch.cat(made)
    kept = made[5, logits[5].topk(6).indices[-2:]] > -torch.inf
    assert kept[0] == kept[1], "which one of two equals stays is a matter of sorting"
    return made


if __name__ == "__main__":
    main()
