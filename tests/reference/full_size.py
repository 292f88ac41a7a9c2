#!/usr/bin/env python3
"""One check at full size: OpenFlamingo-3B's shape with random f32 weights, as published files, and what the reference
makes of them, in which time and memory. No golden file comes of it. Needs 12 GB of memory, and 12 GB of disk beside
the bundle.

    env/bin/python tests/reference/full_size.py OUT --mosaic examples
    rounds model import --family flamingo --checkpoint OUT/checkpoint.pt --language OUT/language \\
        --vision OUT/vision.safetensors --dtype f32 --out OUT/bundle --cross-attn-every 1
    rounds model logits OUT/bundle --prompt OUT/p.jsonl --out OUT/f32.safetensors --tokens 16
    env/bin/python tests/reference/full_size.py OUT --compare OUT/f32.safetensors

`env` and `examples` as in flamingo.py. Where other work shares the cores, set OMP_NUM_THREADS to those that are free:
torch splits evenly and waits for the slowest thread.

  language/             MPT-1B with the 50432 rows of its published table, and a tokenizer of 50277 words
  vision.safetensors    CLIP ViT-L/14 whole, under open_clip's names
  checkpoint.pt         resampler, a gated block in front of each of 24 layers, table of 50280 rows
  a.png b.png p.jsonl   the prompt: 40 ids, two images, text before the first
  expected.safetensors  logits [40, 50280], media [2, 64, 1024], greedy [16], steps [16, 50280]
  result.json           seconds, peak memory, least lead of a greedy winner; "bench": the prompt of `model bench`
"""

import argparse
import json
import os
import resource
import statistics
import time
from pathlib import Path

import flamingo_models as models
import numpy
import open_clip
import torch
from flamingo import saved_by_new
from open_flamingo.src.flamingo import Flamingo
from open_flamingo.src.flamingo_lm import FlamingoLMMixin
from open_flamingo.src.utils import extend_instance
from PIL import Image
from safetensors.torch import load_file, save_file

WORDS, TABLE = 50277, 50432
ENDOFCHUNK, IMAGE, PAD = range(WORDS, WORDS + 3)
VOCAB, WIDTH, GATE, GREEDY, IMAGES = WORDS + 3, 2048, 0.5, 16, ("a.png", "b.png")


def draw(named, seed):
    """Uniform weights with the spread of 1 / sqrt(inputs), in place; norms are 1, gates a half."""
    random = torch.Generator().manual_seed(seed)
    for name, value in named:
        if name.endswith("_gate"):
            value.fill_(GATE)
        elif value.dim() == 1 and name.endswith("weight"):
            value.fill_(1)
        else:
            spread = 0.02 if value.dim() < 2 else value[0].numel() ** -0.5
            value.uniform_(-spread * 3**0.5, spread * 3**0.5, generator=random)
            if value.dim() == 2:
                # GELU's mean would else add up over the layers until hardly a position had an answer of its own.
                value.sub_(value.mean(-1, keepdim=True))


def write_tokenizer(folder):
    vocabulary = {f"t{i}": i for i in range(WORDS)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "t0"}
    contents = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": model}
    absent = dict.fromkeys(["truncation", "padding", "normalizer", "post_processor", "decoder"])
    (folder / "tokenizer.json").write_text(json.dumps(contents | absent))


def make(out, mosaic):
    """Writes all files and gives the assembled model, its image transform and the ids of the prompt."""
    clip, _, transform = open_clip.create_model_and_transforms("ViT-L-14", force_quick_gelu=True)
    draw(clip.named_parameters(), 1)
    save_file(clip.state_dict(), out / "vision.safetensors")
    clip.visual.output_tokens = True

    published, config = models.mosaic_classes(mosaic)
    shape = dict(d_model=WIDTH, n_heads=16, n_layers=24, mlp_ratio=4, max_seq_len=2048, vocab_size=TABLE)
    language = published(config(**shape, attn_impl="torch", attn_qk_ln=True, alibi=True, no_bias=True))
    draw(language.named_parameters(), 2)
    # torch.save writes tensor by tensor: safetensors would hold all of it once more.
    models.save_language(language, out / "language", "bin", {})
    write_tokenizer(out / "language")

    extend_instance(language, FlamingoLMMixin)
    language.set_decoder_layers_attr_name("transformer.blocks")
    language.resize_token_embeddings(VOCAB)
    model = Flamingo(clip, language, ENDOFCHUNK, IMAGE, vis_dim=1024, cross_attn_every_n_layers=1)
    model.requires_grad_(False)
    for part in (model.perceiver, language.gated_cross_attn_layers, language.get_input_embeddings()):
        part.requires_grad_(True)
    draw([(name, value) for name, value in model.named_parameters() if value.requires_grad], 3)
    # The reference counts images anew when it writes one.
    language.get_input_embeddings().weight[IMAGE:] /= 16
    torch.save(saved_by_new(model), out / "checkpoint.pt")

    random = numpy.random.default_rng(4)
    for name in IMAGES:
        Image.fromarray(random.integers(0, 256, (224, 224, 3), dtype=numpy.uint8)).save(out / name)
    ids = random.integers(1, WORDS, 40).tolist()
    ids[6], ids[20], ids[21] = IMAGE, ENDOFCHUNK, IMAGE
    (out / "p.jsonl").write_text(json.dumps({"input_ids": ids, "images": IMAGES}) + "\n")
    return model.eval(), transform, ids


def peak():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2)


class Timed:
    """generate() with the seconds that tower and resampler, the prompt and each further token take."""

    def __init__(self, model):
        self.model, self.spans = model, []
        model.lang_encoder.register_forward_pre_hook(lambda *_: self.spans.append(-time.perf_counter()))
        model.lang_encoder.register_forward_hook(self.stop)
        model.vision_encoder.register_forward_pre_hook(lambda *_: setattr(self, "vision", -time.perf_counter()))
        model.perceiver.register_forward_hook(lambda *_: setattr(self, "vision", self.vision + time.perf_counter()))

    def stop(self, *_):
        self.spans[-1] += time.perf_counter()

    def run(self, ids, pixels):
        self.spans.clear()
        ids = torch.tensor([ids])
        settings = dict(max_new_tokens=GREEDY, eos_token_id=-1, pad_token_id=PAD, use_cache=True)
        mask = torch.ones_like(ids)
        more = dict(return_dict_in_generate=True, output_scores=True)
        load = os.getloadavg()[0]
        out = self.model.generate(pixels, ids, attention_mask=mask, **settings, **more)
        prefill, *steps = self.spans
        assert len(steps) == GREEDY - 1, len(steps)
        took = {"prompt": ids.shape[1], "images": pixels.shape[1], "vision s": self.vision, "prefill s": prefill}
        took |= {"decode ms per token (median)": 1e3 * statistics.median(steps), "load average before": load}
        took = {name: round(value, 3) for name, value in took.items()}
        return out.sequences[0, ids.shape[1] :], torch.cat(out.scores), took


def ask(model, transform, ids, out):
    result = {"threads": torch.get_num_threads(), "peak GB when made": peak()}
    pixels = torch.stack([transform(Image.open(out / name)) for name in IMAGES])[None, :, None]
    logits = model(pixels, torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long)).logits[0]
    media = model.perceiver(model.vision_encoder(pixels[0, :, 0])[1][None, :, None])[0]
    timed = Timed(model)
    greedy, steps, result["prompt"] = timed.run(ids, pixels)
    best = steps.topk(2).values
    result["greedy margin"] = round((best[:, 0] - best[:, 1]).min().item(), 5)
    result["greedy"] = greedy.tolist()
    found = {"logits": logits, "media": media, "greedy": greedy, "steps": steps}
    save_file({name: value.contiguous() for name, value in found.items()}, out / "expected.safetensors")
    bench = [IMAGE] + [(7 + i * 13) % 1000 for i in range(1, 256)]
    _, _, result["bench"] = timed.run(bench, pixels[:, :1])
    result["peak GB"] = peak()
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def compare(out, path):
    wanted, found = load_file(out / "expected.safetensors"), load_file(path)
    for name in ("logits", "media"):
        ours, theirs = found[f"0.{name}"].double(), wanted[name].double()
        cosine = torch.cosine_similarity(ours, theirs, dim=-1)
        off = (ours - theirs).abs()
        size, most = theirs.square().mean().sqrt(), theirs.abs().max()
        print(f"{name}: largest difference {off.max():.2e}, mean {off.mean():.2e}; rms {size:.3f}, up to {most:.2f}")
        print(f"  cosine per row: least {cosine.min():.8f}, mean {cosine.mean():.8f}")
    agree = (found["0.logits"].argmax(-1) == wanted["logits"].argmax(-1)).float().mean()
    ours, theirs = found["0.greedy"].flatten().tolist(), wanted["greedy"].tolist()
    same = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b), len(theirs))
    print(f"winner the same at {100 * agree:.1f} % of positions; greedy ids the same: first {same} of {len(theirs)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mosaic", help="folder with mosaicml/examples v0.0.4")
    parser.add_argument("--compare", type=Path, help="what `rounds model logits` wrote")
    given = parser.parse_args()
    torch.set_grad_enabled(False)
    if given.compare:
        return compare(given.out, given.compare)
    given.out.mkdir(parents=True, exist_ok=True)
    ask(*make(given.out, given.mosaic), given.out)


if __name__ == "__main__":
    main()
