#!/usr/bin/env python3
"""Golden CLIP models: two tiny ones of random weights, each in both published layouts, and the references' results.

    (environment: see pixels.py, plus safetensors)
    env/bin/python tests/reference/clip.py tests/golden/clip

quick/ is like OpenAI's ViT-L/14 (QuickGELU), exact/ like LAION's ViT-H/14 (exact GELU, a head width that is no power of
two). In each:

hf/config.json, hf/model.safetensors                              the Hugging Face layout (CLIPModel)
open_clip/open_clip_config.json, .../open_clip_model.safetensors  the same numbers in open_clip's layout
expected.safetensors, f32 unless said otherwise:
  pixels        [2, 3, 28, 28]     input, already normalised
  tokens        [2, 17, width]     last hidden state, class token first, without the last LayerNorm
  pooled        [2, width]         class token after the last LayerNorm
  image_embeds  [2, projection]    pooled and projected, not normalised
  text.ids      [3, 12] int64      each ends with the end token (63, the highest id), then zeros
  text.tokens   [3, 12, width]     last hidden state, after the last LayerNorm
  text_embeds   [3, projection]    hidden state at the first end token, projected, not normalised
  logits        [2, 3]             image by text: cosine times exp(logit_scale)

Numbers are Hugging Face's. The script checks that open_clip gives the same to 1e-4. Every weight is a multiple of 1/64.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from open_clip import CLIP
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel

IMAGE, PATCH, CONTEXT, VOCAB = 28, 7, 12, 64
END = VOCAB - 1
VARIANTS = {
    "quick": {"act": "quick_gelu", "width": 32, "heads": 4, "mlp": 64, "text_width": 16, "text_heads": 2, "embed": 24},
    "exact": {"act": "gelu", "width": 40, "heads": 4, "mlp": 80, "text_width": 24, "text_heads": 3, "embed": 20},
}
LAYERS = 2


def hf_config(variant):
    shared = {"hidden_act": variant["act"], "num_hidden_layers": LAYERS, "projection_dim": variant["embed"]}
    text = shared | {
        "hidden_size": variant["text_width"],
        "intermediate_size": 4 * variant["text_width"],
        "num_attention_heads": variant["text_heads"],
        "max_position_embeddings": CONTEXT,
        "vocab_size": VOCAB,
        # As published: wrong, but it makes the library take the highest id as the end token.
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    vision = shared | {
        "hidden_size": variant["width"],
        "intermediate_size": variant["mlp"],
        "num_attention_heads": variant["heads"],
        "image_size": IMAGE,
        "patch_size": PATCH,
    }
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=variant["embed"])


def open_clip_config(variant):
    return {
        "embed_dim": variant["embed"],
        "quick_gelu": variant["act"] == "quick_gelu",
        "vision_cfg": {
            "image_size": IMAGE,
            "layers": LAYERS,
            "width": variant["width"],
            "head_width": variant["width"] // variant["heads"],
            "mlp_ratio": variant["mlp"] / variant["width"],
            "patch_size": PATCH,
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": VOCAB,
            "width": variant["text_width"],
            "heads": variant["text_heads"],
            "layers": LAYERS,
        },
    }


def weights(shapes, seed):
    """Random multiples of 1/64, sized so that every layer matters."""
    random = np.random.RandomState(seed)
    result = {}
    for name, shape in sorted(shapes.items()):
        if name == "logit_scale":
            values = np.full(shape, 2.0)
        elif "norm" in name or "layrnorm" in name:
            values = random.normal(float(name.endswith("weight")), 0.2, shape)
        elif name.endswith("bias"):
            values = random.normal(0, 0.1, shape)
        elif "embedding" in name and "patch" not in name:
            values = random.normal(0, 0.5, shape)
        else:
            values = random.normal(0, 1.2 / np.sqrt(np.prod(shape[1:])), shape)
        result[name] = torch.tensor(np.round(values * 64) / 64, dtype=torch.float32)
    return result


def to_open_clip(hf):
    """The same tensors under open_clip's names: projections transposed, queries, keys and values stacked."""
    result = {
        "logit_scale": hf["logit_scale"],
        "token_embedding.weight": hf["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": hf["text_model.embeddings.position_embedding.weight"],
        "text_projection": hf["text_projection.weight"].T.contiguous(),
        "visual.class_embedding": hf["vision_model.embeddings.class_embedding"],
        "visual.positional_embedding": hf["vision_model.embeddings.position_embedding.weight"],
        "visual.conv1.weight": hf["vision_model.embeddings.patch_embedding.weight"],
        "visual.proj": hf["visual_projection.weight"].T.contiguous(),
    }
    renamed = {
        "ln_final": "text_model.final_layer_norm",
        "visual.ln_pre": "vision_model.pre_layrnorm",
        "visual.ln_post": "vision_model.post_layernorm",
    }
    for tower, ours in (("text_model", ""), ("vision_model", "visual.")):
        for i in range(LAYERS):
            theirs = f"{tower}.encoder.layers.{i}"
            block = f"{ours}transformer.resblocks.{i}"
            renamed |= {
                f"{block}.ln_1": f"{theirs}.layer_norm1",
                f"{block}.ln_2": f"{theirs}.layer_norm2",
                f"{block}.attn.out_proj": f"{theirs}.self_attn.out_proj",
                f"{block}.mlp.c_fc": f"{theirs}.mlp.fc1",
                f"{block}.mlp.c_proj": f"{theirs}.mlp.fc2",
            }
            for kind in ("weight", "bias"):
                stacked = [hf[f"{theirs}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
                result[f"{block}.attn.in_proj_{kind}"] = torch.cat(stacked)
    for ours, theirs in renamed.items():
        for kind in ("weight", "bias"):
            result[f"{ours}.{kind}"] = hf[f"{theirs}.{kind}"]
    return result


def inputs():
    random = np.random.RandomState(7)
    pixels = np.round(random.normal(0, 1, (2, 3, IMAGE, IMAGE)) * 64) / 64
    ids = np.zeros((3, CONTEXT), dtype=np.int64)
    for row, length in enumerate((4, 9, CONTEXT)):
        ids[row, :length] = random.randint(1, END, length)
        ids[row, 0], ids[row, length - 1] = END - 1, END
    return torch.tensor(pixels, dtype=torch.float32), torch.tensor(ids)


def hugging_face(folder, pixels, ids):
    model, report = CLIPModel.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    model.eval()
    vision = model.vision_model(pixel_values=pixels)
    text = model.text_model(input_ids=ids)
    return {
        "pixels": pixels,
        "tokens": vision.last_hidden_state,
        "pooled": vision.pooler_output,
        "image_embeds": model.get_image_features(pixel_values=pixels),
        "text.ids": ids,
        "text.tokens": text.last_hidden_state,
        "text_embeds": model.get_text_features(input_ids=ids),
        "logits": model(input_ids=ids, pixel_values=pixels).logits_per_image,
    }


def check_open_clip(folder, expected):
    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    model = CLIP(**config, output_dict=True)
    model.load_state_dict(load_file(folder / "open_clip_model.safetensors"))
    model.eval()
    model.visual.output_tokens = True
    embeds, tokens = model.visual(expected["pixels"])
    ours = {"tokens": tokens, "image_embeds": embeds, "text_embeds": model.encode_text(expected["text.ids"])}
    for name, values in ours.items():
        wanted = expected[name][:, 1:] if name == "tokens" else expected[name]
        difference = (values - wanted).abs().max().item()
        print(f"  open_clip, {name}: largest difference {difference:.1e}, largest value {wanted.abs().max():.1f}")
        assert difference < 1e-4, name


def write(tensors, path):
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    path.chmod(0o644)


def main(folder):
    pixels, ids = inputs()
    for seed, (name, variant) in enumerate(VARIANTS.items()):
        print(name)
        hf, open_clip = folder / name / "hf", folder / name / "open_clip"
        hf.mkdir(parents=True, exist_ok=True)
        open_clip.mkdir(parents=True, exist_ok=True)
        config = hf_config(variant)
        config.architectures = ["CLIPModel"]
        shapes = {key: tuple(p.shape) for key, p in CLIPModel(config).named_parameters()}
        tensors = weights(shapes, seed)
        config.save_pretrained(hf)
        write(tensors, hf / "model.safetensors")
        published = {"model_cfg": open_clip_config(variant)}
        (open_clip / "open_clip_config.json").write_text(json.dumps(published, indent=2) + "\n")
        write(to_open_clip(tensors), open_clip / "open_clip_model.safetensors")
        expected = hugging_face(hf, pixels, ids)
        check_open_clip(open_clip, expected)
        write(expected, folder / name / "expected.safetensors")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    with torch.no_grad():
        main(Path(sys.argv[1]))
