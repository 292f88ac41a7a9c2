"""Writes tests/golden/learner/probing.safetensors: what attention does in a small random Flamingo, computed by PyTorch.

python probing.py tests/golden/learner

The decoder and its match bias are those of learner_parts.py (gqa/model.safetensors and match.safetensors, which must be there). This script
adds random gated blocks before the layers from the second on and a random resampler, and writes everything out from the formulas: latents,
logits, and for the last tokens self-attention and cross-attention (mean over the heads), gates, what the blocks add, and the rollout through
the resampler (attention averaged over the heads, the residual connection counted as half).

Needs torch and safetensors as in requirements-learner.txt."""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

HEADS, KV_HEADS, WIDTH, LAYERS = 6, 2, 48, 3
CROSS_HEADS, CROSS_DIM, FIRST_GATED = 2, 8, 1
TOKENS, TOKEN_WIDTH, MEDIA_WIDTH, LATENTS, DEPTH = 4, 16, 12, 2, 2
ROWS = 5


def heads(t, n):
    return t.reshape(*t.shape[:-1], n, -1).transpose(-2, -3)


def joined(t):
    return t.transpose(-2, -3).flatten(-2)


def norm(x, weights, name):
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-5)


def feed_forward(x, weights, name):
    return F.gelu(norm(x, weights, f"{name}.0") @ weights[f"{name}.1.weight"].T) @ weights[f"{name}.3.weight"].T


def random_weights():
    weights = {}

    def linear(name, out, inner):
        weights[f"{name}.weight"] = torch.randn(out, inner) / inner**0.5

    def affine(name, width):
        weights[f"{name}.weight"] = 1 + 0.1 * torch.randn(width)
        weights[f"{name}.bias"] = 0.1 * torch.randn(width)

    inner = CROSS_HEADS * CROSS_DIM
    weights["perceiver.latents"] = torch.randn(LATENTS, MEDIA_WIDTH)
    linear("perceiver.input", MEDIA_WIDTH, TOKEN_WIDTH)
    weights["perceiver.positions"] = 0.5 * torch.randn(TOKENS, MEDIA_WIDTH)
    for i in range(DEPTH):
        layer = f"perceiver.layers.{i}"
        affine(f"{layer}.0.norm_media", MEDIA_WIDTH)
        affine(f"{layer}.0.norm_latents", MEDIA_WIDTH)
        linear(f"{layer}.0.to_q", inner, MEDIA_WIDTH)
        linear(f"{layer}.0.to_kv", 2 * inner, MEDIA_WIDTH)
        linear(f"{layer}.0.to_out", MEDIA_WIDTH, inner)
        affine(f"{layer}.1.0", MEDIA_WIDTH)
        linear(f"{layer}.1.1", MEDIA_WIDTH, MEDIA_WIDTH)
        linear(f"{layer}.1.3", MEDIA_WIDTH, MEDIA_WIDTH)
    affine("perceiver.norm", MEDIA_WIDTH)
    for i in range(FIRST_GATED, LAYERS):
        block = f"lang_encoder.gated_cross_attn_layers.{i}"
        affine(f"{block}.attn.norm", WIDTH)
        linear(f"{block}.attn.to_q", inner, WIDTH)
        linear(f"{block}.attn.to_kv", 2 * inner, MEDIA_WIDTH)
        linear(f"{block}.attn.to_out", WIDTH, inner)
        weights[f"{block}.attn_gate"] = torch.tensor([0.6 - 0.9 * (i - FIRST_GATED)])
        affine(f"{block}.ff.0", WIDTH)
        linear(f"{block}.ff.1", WIDTH, WIDTH)
        linear(f"{block}.ff.3", WIDTH, WIDTH)
        weights[f"{block}.ff_gate"] = torch.tensor([0.4 + 0.2 * i])
    return weights


def resampler(tokens, weights):
    """Latents, and the attention of each layer, mean over the heads: [images, latents, tokens + latents]."""
    media = tokens @ weights["perceiver.input.weight"].T + weights["perceiver.positions"]
    latents = weights["perceiver.latents"].expand(len(tokens), -1, -1)
    seen = []
    for i in range(DEPTH):
        layer = f"perceiver.layers.{i}"
        normed = norm(latents, weights, f"{layer}.0.norm_latents")
        source = torch.cat([norm(media, weights, f"{layer}.0.norm_media"), normed], 1)
        q = heads(normed @ weights[f"{layer}.0.to_q.weight"].T, CROSS_HEADS)
        k, v = (heads(t, CROSS_HEADS) for t in (source @ weights[f"{layer}.0.to_kv.weight"].T).chunk(2, -1))
        p = (q @ k.transpose(-1, -2) / CROSS_DIM**0.5).softmax(-1)
        seen.append(p.mean(1))
        latents = latents + joined(p @ v) @ weights[f"{layer}.0.to_out.weight"].T
        latents = latents + feed_forward(latents, weights, f"{layer}.1")
    return norm(latents, weights, "perceiver.norm"), seen


def rollout(seen):
    """[images, latents, tokens]: the product of the layers' matrices over places and latents, applied to the places."""
    size = TOKENS + LATENTS
    total = torch.eye(size).expand(len(seen[0]), -1, -1)
    for p in seen:
        layer = torch.eye(size).repeat(len(p), 1, 1)
        layer[:, TOKENS:] = 0.5 * layer[:, TOKENS:] + 0.5 * p
        total = layer @ total
    return total[:, TOKENS:, :TOKENS]


def decoder(weights, gated, latents, match, info):
    """Logits and what attention did at the last rows."""
    ids, turns, image = match["ids"], match["turns"], info["image"]
    count, head = len(ids), WIDTH // HEADS
    per_token = match["similarities"][turns][:, turns]
    seen_image = (ids == image).cumsum(0) - 1
    keys = latents.reshape(-1, MEDIA_WIDTH)
    visible = torch.arange(len(keys)) // LATENTS == seen_image[:, None]
    causal = torch.full((count, count), float("-inf")).triu(1)
    angles = torch.arange(count)[:, None] / 100000.0 ** (torch.arange(0, head, 2) / head)
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
    rotate = lambda x: x * cos + torch.cat([-x[..., head // 2 :], x[..., : head // 2]], -1) * sin
    rms = lambda x, name: x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * weights[f"{name}.weight"]
    out = {}
    hidden = weights["model.embed_tokens.weight"][ids]
    length = lambda t: t[-ROWS:].norm(dim=-1)
    for at in range(LAYERS):
        if at >= FIRST_GATED:
            block = f"lang_encoder.gated_cross_attn_layers.{at}"
            q = heads(norm(hidden, gated, f"{block}.attn.norm") @ gated[f"{block}.attn.to_q.weight"].T, CROSS_HEADS)
            k, v = (heads(t, CROSS_HEADS) for t in (keys @ gated[f"{block}.attn.to_kv.weight"].T).chunk(2, -1))
            scores = (q @ k.transpose(-1, -2) / CROSS_DIM**0.5).masked_fill(~visible, float("-inf"))
            p = scores.softmax(-1).nan_to_num(0.0)
            added = gated[f"{block}.attn_gate"].tanh() * (joined(p @ v) @ gated[f"{block}.attn.to_out.weight"].T)
            out[f"cross.{at}"] = p.mean(0)[-ROWS:]
            out[f"attention_added.{at}"] = length(added) / length(hidden)
            hidden = hidden + added
            added = gated[f"{block}.ff_gate"].tanh() * feed_forward(hidden, gated, f"{block}.ff")
            out[f"feed_forward_added.{at}"] = length(added) / length(hidden)
            out[f"gates.{at}"] = torch.cat([gated[f"{block}.attn_gate"].tanh(), gated[f"{block}.ff_gate"].tanh()])
            hidden = hidden + added
        layer = f"model.layers.{at}"
        x = rms(hidden, f"{layer}.input_layernorm")
        project = lambda name: heads(x @ weights[f"{layer}.self_attn.{name}.weight"].T, HEADS if name == "q_proj" else KV_HEADS)
        q, k, v = rotate(project("q_proj")), rotate(project("k_proj")), project("v_proj")
        k, v = k.repeat_interleave(HEADS // KV_HEADS, 0), v.repeat_interleave(HEADS // KV_HEADS, 0)
        scores = q @ k.transpose(1, 2) / head**0.5 + causal
        if at >= info["first_layer"]:
            scores = scores + match["match_bias.weight"][at - info["first_layer"]][:, None, None] * per_token
        p = scores.softmax(-1)
        out[f"self.{at}"] = p.mean(0)[-ROWS:]
        hidden = hidden + joined(p @ v) @ weights[f"{layer}.self_attn.o_proj.weight"].T
        x = rms(hidden, f"{layer}.post_attention_layernorm")
        up, gate = (x @ weights[f"{layer}.mlp.{name}.weight"].T for name in ("up_proj", "gate_proj"))
        hidden = hidden + (F.silu(gate) * up) @ weights[f"{layer}.mlp.down_proj.weight"].T
    out["logits"] = (rms(hidden, "model.norm") @ weights["model.embed_tokens.weight"].T)[-ROWS:]
    return out


def main(folder):
    folder = Path(folder)
    torch.manual_seed(11)
    match = load_file(folder / "match.safetensors")
    info = json.loads((folder / "match.json").read_text())
    weights = {name: t.float() for name, t in load_file(folder / "gqa" / "model.safetensors").items()}
    gated = random_weights()
    tokens = torch.randn(5, TOKENS, TOKEN_WIDTH)
    with torch.inference_mode():
        latents, seen = resampler(tokens, gated)
        out = decoder(weights, gated, latents, match, info)
        rolled = rollout(seen)
        # Attention on the last image's latents, mean over blocks and rows.
        own = torch.stack([out[f"cross.{i}"] for i in range(FIRST_GATED, LAYERS)]).mean((0, 1))[-LATENTS:]
        place = own @ rolled[-1]
    for at, layer in enumerate(seen):
        out[f"resampler.{at}"] = layer
    out |= {"tokens": tokens, "latents": latents, "rollout": rolled, "map": place / place.sum()}
    save_file({name: t.contiguous() for name, t in {**gated, **out}.items()}, str(folder / "probing.safetensors"))


if __name__ == "__main__":
    main(*sys.argv[1:])
