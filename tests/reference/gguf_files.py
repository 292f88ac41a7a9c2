#!/usr/bin/env python3
"""Golden GGUF files, written by llama.cpp's own Python package under llama.cpp's own names.

    python3 -m venv env
    env/bin/pip install gguf==0.19.0 numpy==2.4.6 safetensors==0.8.0
    env/bin/python tests/reference/gguf_files.py tests/golden/flamingo tests/golden/gguf

of1-llama.gguf, of2-neox.gguf, of2-mpt7b.gguf: the language models of tests/golden/flamingo with what llama.cpp's converter does to
rows of queries and keys (conversion/llama.py, gptneox.py, mpt.py of 2026). Matrices are BF16, which holds the golden weights exactly.
of1-llama-q8_0.gguf: the same with matrices in Q8_0.

types.gguf: a tensor of every type that is read, of random blocks with sane scales, 2 x 256. types.safetensors: what gguf.quants
unpacks of each, f32.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import MODEL_ARCH, GGUFWriter, quants
from safetensors.numpy import load_file, save_file

WORDS = 128
TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]


def paired(weight, heads):
    """Rows of every head in pairs of its first and its second half."""
    rows = weight.shape[0]
    return weight.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def unmixed(tensor, heads):
    """All queries, all keys, all values instead of one after the other head by head."""
    split = tensor.reshape(heads, 3, tensor.shape[0] // heads // 3, -1)
    return split.swapaxes(0, 1).reshape(tensor.shape)


def llama(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_vocab_size(config["vocab_size"])


def neox(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    head = config["hidden_size"] // config["num_attention_heads"]
    writer.add_rope_dimension_count(int(config["rotary_pct"] * head))
    writer.add_head_count(config["num_attention_heads"])
    writer.add_parallel_residual(config["use_parallel_residual"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])


def mpt(writer, config):
    writer.add_context_length(config["max_seq_len"])
    writer.add_embedding_length(config["d_model"])
    writer.add_block_count(config["n_layers"])
    writer.add_feed_forward_length(4 * config["d_model"])
    writer.add_head_count(config["n_heads"])
    writer.add_layer_norm_eps(1e-5)
    assert config["attn_config"]["clip_qkv"] is None
    writer.add_max_alibi_bias(config["attn_config"]["alibi_bias_max"])


FAMILIES = {
    "of1-llama": (MODEL_ARCH.LLAMA, llama),
    "of2-neox": (MODEL_ARCH.GPTNEOX, neox),
    "of2-mpt7b": (MODEL_ARCH.MPT, mpt),
}


def vocabulary(writer):
    """Lists of texts, numbers and kinds, as every real file has them."""
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"t{i}" for i in range(WORDS)])
    writer.add_token_scores([float(-i) for i in range(WORDS)])
    writer.add_token_types([1] * WORDS)


def language(folder, family, out, kind):
    config = json.loads((folder / family / "language" / "config.json").read_text())
    tensors = {}
    for file in sorted((folder / family / "language").glob("*.safetensors")):
        tensors |= load_file(file)
    arch, describe = FAMILIES[family]
    layers = config.get("num_hidden_layers") or config.get("n_layers")
    heads = config.get("num_attention_heads") or config.get("n_heads")
    names = gguf.get_tensor_name_map(arch, layers)
    writer = GGUFWriter(out, gguf.MODEL_ARCH_NAMES[arch])
    writer.add_name(family)
    describe(writer, config)
    vocabulary(writer)
    for name, tensor in tensors.items():
        if name.endswith((".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq")):
            continue
        if arch == MODEL_ARCH.LLAMA and name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor = paired(tensor, heads)
        if ".query_key_value." in name:
            tensor = unmixed(tensor, heads)
        new = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if new is None:
            sys.exit(f"no name for {name}")
        full = tensor.ndim == 1 or new.endswith("_norm.weight")
        used = Type.F32 if full else kind
        writer.add_tensor(new, quants.quantize(np.ascontiguousarray(tensor), used), raw_dtype=used)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def blocks(kind, noise):
    """Random blocks, 2 rows of 256, whose half-precision scales are small numbers."""
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    data = noise.integers(0, 256, (2, 256 // elements, size), dtype=np.uint8)
    # Where the half-precision numbers of a block lie.
    halves = {"Q4_1": [0, 2], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
    for at in halves.get(kind.name, [0]):
        scales = (noise.random((2, 256 // elements)) / 50 + 0.01).astype(np.float16)
        data[:, :, at : at + 2] = scales[..., None].view(np.uint8)
    return data.reshape(2, -1)


def types(out):
    writer = GGUFWriter(out, "llama")
    noise = np.random.default_rng(7)
    unpacked = {}
    for name in TYPES:
        kind = Type[name]
        data = blocks(kind, noise)
        unpacked[name] = quants.dequantize(data, kind).astype(np.float32)
        writer.add_tensor(name, data, raw_dtype=kind)
    plain = (noise.random((3, 5)) - 0.5).astype(np.float32)
    for kind in (Type.F32, Type.F16, Type.BF16):
        data = quants.quantize(plain, kind)
        unpacked[kind.name] = quants.dequantize(data, kind).astype(np.float32)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
    writer.add_tensor("F64", plain.astype(np.float64))
    unpacked["F64"] = plain
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(unpacked, out.with_suffix(".safetensors"))


def main(folder, out):
    out.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES:
        language(folder, family, out / f"{family}.gguf", Type.BF16)
    language(folder, "of1-llama", out / "of1-llama-q8_0.gguf", Type.Q8_0)
    types(out / "types.gguf")
    for file in out.iterdir():
        file.chmod(0o644)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
