#!/usr/bin/env python3
"""Golden IDEFICS: a tiny one of random weights in the published layout, and what transformers makes of it.

    (environment: see pixels.py, but transformers==4.46.3 with tokenizers==0.20.3)
    env/bin/python tests/reference/idefics.py tests/golden/idefics
    env/bin/pip install transformers==4.33.3
    env/bin/python tests/reference/idefics.py tests/golden/idefics

Run under both versions, because they differ where a token may look at no image (before the first one, and after </s>).
From 4.36 on the cross-attention's output is set to zero there: cases.json and expected.safetensors, the ones to match.
Before, a softmax over nothing but masked keys gave such tokens the mean of all images' values, later images included:
ungated.json and ungated.safetensors, only to show what that does.

config.json, model.safetensors.index.json, model-0000?-of-00002.safetensors
    the model, bf16 as published; every weight is a multiple of 1/64 and exact in bf16. References compute in f32.

expected.safetensors (f32 unless said otherwise)
    pixels           [3, 3, 28, 28]       normalised images; a case uses the first `images` of them
    vision.tokens    [3, 5, 32]           all tokens, class token first, last hidden state, no last LayerNorm
    latents          [3, 8, 32]           after the resampler
    CASE.logits      [tokens, 130]        of one full pass; rows 0 .. left_padding are of padding: do not compare them
    CASE.hidden      [5, tokens, 32]      for the case "three" alone: the embeddings, the output of layers 0 to 2 (with
                                          the gated block before, if any), and of the last one after the final norm

cases.json, per case
    input_ids        padded on the left with `left_padding` zeros
    images           how many images it has
    image_index      per token the image it may look at, -1 for none (the processor's own rule)
    greedy           32 ids, the end token suppressed, by full passes: every new token looks at the image of the last
                     token of the prompt, even if <image> is produced
    greedy_by_generate  whether generate(), which caches, gives the same
    margin           least distance between best and second logit on the way
    beams, beam_scores  generate() with num_beams 3, 8 new tokens, length_penalty 1, the end token suppressed: the 3
                     finished beams, best first; score = sum of log-probabilities / 8 (under 4.33 / 8 + the prompt's
                     length with padding), where the suppressed token still counts in the softmax
"""

import json
import logging
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import IdeficsConfig, IdeficsForVisionText2Text
from transformers.models.idefics import modeling_idefics
from transformers.models.idefics.processing_idefics import image_attention_mask_for_packed_input_ids

PAD, BOS, EOS = 0, 1, 2
FAKE, IMAGE = 128, 129
NEW, BEAM_NEW, BEAMS = 32, 8, 3
GATED = "cross_attention_gate" in Path(modeling_idefics.__file__).read_text()

CONFIG = {
    "additional_vocab_size": 2,
    "alpha_initializer": "zeros",
    "alpha_type": "float",
    "alphas_initializer_range": 0.0,
    "architectures": ["IdeficsForVisionText2Text"],
    "bos_token_id": BOS,
    "cross_layer_activation_function": "swiglu",
    "cross_layer_interval": 2,
    "dropout": 0.0,
    "eos_token_id": EOS,
    "freeze_lm_head": False,
    "freeze_text_layers": False,
    "freeze_text_module_exceptions": [],
    "freeze_vision_layers": False,
    "freeze_vision_module_exceptions": [],
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "max_position_embeddings": 2048,
    "model_type": "idefics",
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "pad_token_id": PAD,
    "perceiver_config": {
        "model_type": "idefics",
        "qk_layer_norms_perceiver": True,
        "resampler_depth": 2,
        "resampler_head_dim": 8,
        "resampler_n_heads": 4,
        "resampler_n_latents": 8,
        "use_resampler": True,
    },
    "qk_layer_norms": True,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_resampler": True,
    "vision_config": {
        "attention_dropout": 0.0,
        "embed_dim": 32,
        "hidden_act": "gelu",
        "image_size": 28,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "layer_norm_eps": 1e-05,
        "model_type": "idefics",
        "num_attention_heads": 4,
        "num_channels": 3,
        "num_hidden_layers": 2,
        "patch_size": 14,
    },
    "vocab_size": 128,
}

ALPHAS = [0.75, -0.5, 1.25, 0.875]
# Chosen so that no step of a gated greedy or beam search is a near tie or gives a special token.
SEED = 19

# Text is a count of ids to draw, the rest are ids themselves.
ONE = [FAKE, IMAGE, FAKE]
TWO = [FAKE, IMAGE, FAKE, IMAGE, FAKE]
CASES = {
    "before": ["text 5", *ONE, "text 4"],
    "three": ["text 2", *ONE, "text 3", *ONE, "text 4", *ONE, "text 3"],
    "adjacent": ["text 2", *TWO, "text 4"],
    "first": [*ONE, "text 4"],
    "no_image": ["text 7"],
    "end_between": ["text 1", *ONE, "text 3", EOS, "text 3", *ONE, "text 3"],
    "end_last": ["text 1", *ONE, "text 3", EOS, "text 3"],
    "padded": ["text 2", *ONE, "text 3", *ONE, "text 4"],
}
LEFT_PADDING = {"padded": 3}


def weights(shapes, seed):
    """Random multiples of 1/64, sized so that every layer matters and logits are of order 1."""
    random = np.random.RandomState(seed)
    alphas = iter(ALPHAS)
    result = {}
    for name, shape in sorted(shapes.items()):
        if ".alpha_" in name:
            values = np.full(shape, next(alphas))
        elif "norm" in name or "layrnorm" in name or ".ln." in name:
            values = random.normal(float(name.endswith("weight")), 0.2, shape)
        elif name.endswith("bias"):
            values = random.normal(0, 0.1, shape)
        elif "embed_tokens" in name or name.endswith("latents") or "class_embedding" in name:
            values = random.normal(0, 0.7, shape)
        elif "position_embedding" in name:
            values = random.normal(0, 0.3, shape)
        else:
            values = random.normal(0, 1.2 / np.sqrt(np.prod(shape[1:])), shape)
        result[name] = torch.tensor(np.round(values * 64) / 64, dtype=torch.bfloat16)
    return result


def write_model(folder):
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    model = IdeficsForVisionText2Text(IdeficsConfig(**CONFIG))
    tensors = weights({name: tuple(p.shape) for name, p in model.named_parameters()}, SEED)
    in_second = ("lm_head.", "model.layers.3.", "model.norm.", "model.perceiver_resampler.", "model.vision_model.")
    shards = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
    for name, tensor in tensors.items():
        list(shards.values())[name.startswith(in_second)][name] = tensor
    for file, content in shards.items():
        write(content, folder / file)
    where = {name: file for file, content in shards.items() for name in content}
    size = sum(2 * tensor.numel() for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write(tensors, path):
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    path.chmod(0o644)


def read_model(folder):
    model, report = IdeficsForVisionText2Text.from_pretrained(
        folder, torch_dtype=torch.float32, output_loading_info=True
    )
    missing = [key for key in report["missing_keys"] if not key.endswith("inv_freq")]
    assert not missing and not report["unexpected_keys"] and not report["mismatched_keys"], report
    return model.eval()


class Tokens:
    """As much of a tokenizer as the mask rule asks for."""

    eos_token_id = EOS

    def convert_tokens_to_ids(self, _):
        return IMAGE


class Case:
    def __init__(self, name, parts, random, pixels):
        self.padding = LEFT_PADDING.get(name, 0)
        ids = [BOS]
        for part in parts:
            ids += [int(i) for i in random.randint(3, 128, int(part.split()[1]))] if isinstance(part, str) else [part]
        self.ids = [PAD] * self.padding + ids
        self.images = ids.count(IMAGE)
        index, _ = image_attention_mask_for_packed_input_ids(torch.tensor([self.ids]), Tokens(), *["pt"] * GATED)
        self.index = index[0].tolist()
        columns = max(self.images, 1)
        mask = torch.zeros(1, len(self.ids), columns, dtype=torch.long)
        for row, image in enumerate(self.index):
            if image >= 0:
                mask[0, row, image] = 1
        self.inputs = {
            "input_ids": torch.tensor([self.ids]),
            "attention_mask": torch.tensor([[0] * self.padding + [1] * len(ids)]),
            # Without an image the processor hands over one that is all zeros and masked everywhere.
            "pixel_values": (pixels[:columns] * bool(self.images))[None],
            "image_attention_mask": mask,
        }

    def greedy(self, model):
        """Ids and the least margin, each step a full pass."""
        inputs = dict(self.inputs)
        new, margin = [], float("inf")
        for _ in range(NEW):
            logits = model(**inputs, use_cache=False).logits[0, -1]
            logits[EOS] = -torch.inf
            best = logits.topk(2)
            margin = min(margin, (best.values[0] - best.values[1]).item())
            new.append(best.indices[0].item())
            grown = {
                "input_ids": best.indices[:1][None],
                "attention_mask": torch.ones(1, 1, dtype=torch.long),
                "image_attention_mask": inputs["image_attention_mask"][:, -1:],
            }
            for key, value in grown.items():
                inputs[key] = torch.cat([inputs[key], value], dim=1)
        return new, margin

    def generate(self, model, count, **options):
        out = model.generate(
            **self.inputs,
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
            **options,
        )
        return out, out.sequences[:, len(self.ids) :].tolist()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder)
    model = read_model(folder)
    random = np.random.RandomState(11)
    pixels = torch.tensor(np.round(random.normal(0, 1, (3, 3, 28, 28)) * 64) / 64, dtype=torch.float32)
    tokens = model.model.vision_model(pixel_values=pixels).last_hidden_state
    tensors = {"pixels": pixels, "vision.tokens": tokens, "latents": model.model.perceiver_resampler(tokens)}
    lines = []
    for name, parts in CASES.items():
        case = Case(name, parts, random, pixels)
        out = model(**case.inputs, output_hidden_states=True)
        tensors[f"{name}.logits"] = out.logits[0]
        if name == "three":
            tensors[f"{name}.hidden"] = torch.cat(out.hidden_states)
        greedy, margin = case.greedy(model)
        _, (generated,) = case.generate(model, NEW)
        out, beams = case.generate(model, BEAM_NEW, num_beams=BEAMS, num_return_sequences=BEAMS)
        notes = {
            "input_ids": case.ids,
            "images": case.images,
            "left_padding": case.padding,
            "image_index": case.index,
            "greedy": greedy,
            "greedy_by_generate": generated == greedy,
            "margin": round(margin, 5),
            "beams": beams,
            "beam_scores": [round(score, 5) for score in out.sequences_scores.tolist()],
        }
        lines.append(f'  "{name}": {json.dumps(notes)}')
        spread = tensors[f"{name}.logits"].std().item()
        print(f"{name:12} margin {margin:.4f} generate {generated == greedy} deviation {spread:.2f} {greedy[:8]}")
    head = f'{{\n "transformers": "{transformers.__version__}",\n "torch": "{torch.__version__}",\n "cases": {{\n'
    write(tensors, folder / ("expected.safetensors" if GATED else "ungated.safetensors"))
    (folder / ("cases.json" if GATED else "ungated.json")).write_text(head + ",\n".join(lines) + "\n }\n}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    with torch.no_grad():
        main(Path(sys.argv[1]))
