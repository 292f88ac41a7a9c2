#!/usr/bin/env python3
"""Golden values of BERTScore: what bert_score makes of small made-up vectors.

    (environment: requirements-metrics.txt, its second part)
    env/bin/python tests/reference/metrics_bert_score.py crates/metrics/tests/golden/bert_score.json

Its own functions are run: get_idf_dict, greedy_cos_idf, get_hash. Each pair is a batch of one, so without padding.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import torch
from bert_score.utils import get_hash, get_idf_dict, greedy_cos_idf

CLS, SEP = 101, 102
WIDTH = 5


class Ids:
    """A tokenizer for texts that are token ids already."""


def idf_of(texts):
    import bert_score.utils as utils

    utils.sent_encode = lambda tokenizer, ids: list(ids)
    return get_idf_dict(texts, Ids(), nthreads=0)


def scores(candidate, reference, weights):
    def part(text):
        ids, vectors = text
        return (
            torch.tensor(vectors, dtype=torch.float64).unsqueeze(0),
            torch.ones(1, len(ids), dtype=torch.long),
            torch.tensor([[weights[i] for i in ids]], dtype=torch.float64),
        )

    precision, recall, f1 = greedy_cos_idf(*part(reference), *part(candidate))
    return [0.0 if torch.isnan(x).any() else float(x) for x in (precision, recall, f1)]


def main():
    torch.set_default_dtype(torch.float64)
    draws = torch.Generator().manual_seed(3)

    def text(length):
        ids = [CLS, *torch.randint(200, 212, (length,), generator=draws).tolist(), SEP]
        # Multiples of 1/64 are exact in f32 and short in JSON.
        vectors = torch.randn(len(ids), WIDTH, generator=draws).mul(64).round().div(64).tolist()
        return ids, vectors

    texts = [text(length) for length in (0, 1, 1, 2, 3, 5, 9, 4)]
    references = texts[:5] + texts[3:4]
    equal = defaultdict(lambda: 1.0, {CLS: 0.0, SEP: 0.0})
    idf = idf_of([ids for ids, _ in references])
    pairs = [
        {"candidate": i, "reference": j, "equal": scores(texts[i], texts[j], equal), "idf": scores(texts[i], texts[j], idf)}
        for i in range(len(texts))
        for j in range(len(texts))
    ]
    hashes = [
        {
            "idf": idf,
            "rescaled": rescaled,
            "custom": custom,
            "fast": fast,
            "hash": get_hash("roberta-large", 17, idf, rescaled, custom, fast),
        }
        for idf in (False, True)
        for rescaled, custom in ((False, False), (True, False), (True, True))
        for fast in (False, True)
    ]
    from bert_score.utils import __version__ as version, trans_version

    out = {
        "texts": [{"ids": ids, "vectors": vectors} for ids, vectors in texts],
        "references": [ids for ids, _ in references],
        "weights": [{"id": i, "weight": float(idf[i])} for i in range(100, 215)],
        "pairs": pairs,
        "version": version,
        "transformers": trans_version,
        "hashes": hashes,
    }
    Path(sys.argv[1]).write_text(json.dumps(out, separators=(",", ":"), allow_nan=False) + "\n")


main()
