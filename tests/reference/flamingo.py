#!/usr/bin/env python3
"""Golden files for Flamingo checkpoints: tiny models in the published layouts, and what open_flamingo makes of them.

    python3 -m venv env && env/bin/pip install -r tests/reference/requirements.txt
    env/bin/pip install --no-deps open_flamingo==2.0.1 open_clip_torch==2.20.0
    env/bin/pip install --no-deps --target old open_flamingo==0.0.2
    env/bin/python tests/reference/flamingo.py tests/golden/flamingo --old old --mosaic examples

`--mosaic` is a copy of mosaicml/examples at tag v0.0.4, whose `examples/llm` MPT-1B was published from; only of2-mpt1b
needs it. `--only FAMILY` makes one family.

A family's folder:
  language/             the language model as published, before any token was added
  vision.*              the CLIP tower, under open_clip's names (with a few tensors of the text half) or Hugging Face's
  checkpoint.pt         what the version's rule saves of the assembled model: resampler, gated blocks, embeddings
  checkpoint-wrapped.pt the same in bf16 as a training run saves it: {epoch, model_state_dict: {"module.": ..}, ..}
  cases.json            sizes and the cases: prompt, count of images, mask, beams, ranking of continuations
  expected.safetensors  what the reference, loaded from these files, computes: f32 numbers and i64 ids

expected.safetensors, with three images that every case uses from the first on:
  pixels         [3, 3, 28, 28], already normalised
  vision.tokens  [3, 4, 32], the patches after the last block, no norm, no class token
  vision.pooled  [3, 16], class token after ln_post and projection, length as it is
  latents        [3, 8, 32], the resampler's
  CASE.logits    [prompt, columns] of one pass over the whole prompt. Rows of left padding mean nothing.
  CASE.greedy    [32] ids that generate() writes when nothing can end it
  CASE.steps     [32, columns], in text_first: the logits behind each of them, one token at a time with the cache. They
                 equal those of one pass over prompt and ids.
  CASE.beams.N   new ids of entry N of the case's "beams" (3 beams, 8 new tokens at most). An answer that ended carries
                 the end token. "score" is the sum of log-probabilities / (prompt + ids without end token) ^ penalty.
"logit_columns" is the vocabulary, but for LLaMA 128: the head's rows for the added tokens are in no file, so the
reference runs with -inf there. In a case without images the reference is given one, which no token sees. "code" is the
version of open_flamingo that ran. Ids of beams and greedy answers stay the same when all weights move by 1e-5;
"greedy_margin" is the least lead of a winner. "ranking" has sum and mean of the log-probabilities of each continuation.
"""

import argparse
import copy
import importlib.util
import json
import re
import shutil
import sys
import types
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path

import flamingo_models as models
import torch
from flamingo_models import BASE_VOCAB, ENDOFCHUNK, IMAGE, LAYERS, PAD, VISION, VOCAB
from open_flamingo.src import flamingo as new_code
from open_flamingo.src import flamingo_lm as new_lm
from open_flamingo.src.helpers import PerceiverResampler
from open_flamingo.src.utils import extend_instance

EVERY, LATENTS, DEPTH = 2, 8, 2
GATES = [(0.703125, -0.5), (-0.40625, 0.796875)]
GREEDY, BEAM_TOKENS, BEAMS = 32, 8, 3
PACKAGES = ("open_flamingo", "transformers", "torch", "open_clip_torch")

PROMPTS = {
    "text_first": [1, 17, 45, IMAGE, 23, 9, ENDOFCHUNK, IMAGE, 77, 31, 12, ENDOFCHUNK, IMAGE, 5, 60],
    "adjacent": [1, 40, IMAGE, IMAGE, 22, 71],
    "image_first": [IMAGE, 33, 8, 94],
    "no_image": [1, 50, 14, 88],
    "padded": [PAD, PAD, PAD, 1, 17, IMAGE, 23, 9, ENDOFCHUNK, IMAGE, 5],
}
CONTINUATIONS = [[77, 31], [5], [12, 60, 9]]

# Per family: seed, layout of the language weights, of the tower, files with the trained weights, place of the layers.
FAMILIES = {
    "of1-llama": dict(seed=100, language="shards", vision="vision.pt", names="open_clip", layers="model.layers"),
    "of2-mpt7b": dict(
        seed=150,
        language="safetensors",
        vision="vision.safetensors",
        names="hugging_face",
        layers="transformer.blocks",
        wrapped=True,
    ),
    "of2-neox": dict(
        seed=110, language="safetensors", vision="vision.pt", names="hugging_face", layers="gpt_neox.layers"
    ),
    "of2-mpt1b": dict(
        seed=180, language="bin", vision="vision.safetensors", names="open_clip", layers="transformer.blocks"
    ),
}


def old_package(folder):
    """open_flamingo 0.0.2 under another name, so that both versions live in one process."""
    name, root = "open_flamingo_old", Path(folder, "open_flamingo")
    spec = importlib.util.spec_from_file_location(name, root / "__init__.py", submodule_search_locations=[str(root)])
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return types.SimpleNamespace(
        code=importlib.import_module(f"{name}.src.flamingo"), lm=importlib.import_module(f"{name}.src.flamingo_lm")
    )


class Family:
    def __init__(self, name, out, old, mosaic):
        self.name, self.old, self.mosaic = name, old, mosaic
        self.__dict__.update(FAMILIES[name])
        self.folder = Path(out, name)
        self.v1 = name.startswith("of1")
        # The three last rows of an untied LLaMA head are in no file, so nothing may depend on them.
        self.columns = BASE_VOCAB if self.v1 else VOCAB
        self.visual = models.tower(self.seed)

    def base(self):
        if self.name == "of2-mpt1b":
            return models.mpt1b(self.mosaic)
        return {"of1-llama": models.llama, "of2-mpt7b": models.mpt7b, "of2-neox": models.neox}[self.name]()

    def assemble(self, language, code):
        """What create_model_and_transforms does after it has loaded tower and language model."""
        extend_instance(language, self.old.lm.FlamingoLMMixin if code == "0.0.2" else new_lm.FlamingoLMMixin)
        language.set_decoder_layers_attr_name(self.layers)
        language.resize_token_embeddings(VOCAB)
        flamingo = self.old.code.Flamingo if code == "0.0.2" else new_code.Flamingo
        model = flamingo(
            Wrapper(self.visual),
            language,
            ENDOFCHUNK,
            IMAGE,
            vis_dim=VISION["width"],
            cross_attn_every_n_layers=EVERY,
        )
        model.perceiver = PerceiverResampler(dim=VISION["width"], depth=DEPTH, num_latents=LATENTS)
        model.requires_grad_(False)
        for part in (model.perceiver, language.gated_cross_attn_layers, language.get_input_embeddings()):
            part.requires_grad_(True)
        settings = language.generation_config
        settings._from_model_config = False
        settings.pad_token_id, settings.return_dict_in_generate, settings.output_scores = PAD, True, True
        return model.eval()

    # Making the files.

    def make(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        state = models.open_clip_names if self.names == "open_clip" else models.hugging_face_names
        models.save(state(self.visual), self.folder / self.vision)
        language = self.base()
        tied = language.config.model_type in ("mpt", "mosaic_gpt")
        embedding_std = 0.25 if tied else 0.5
        models.fill(language.named_parameters(), self.seed + 1, embedding_std)
        if self.name == "of2-neox":
            models.hush(language.embed_out.weight.data)
        models.save_language(language, self.folder / "language", self.language, self.buffers(""))
        model = self.assemble(language, "0.0.2" if self.v1 else "2.0.1")
        trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
        models.fill([pair for pair in trained if not pair[0].endswith("_gate")], self.seed + 2, embedding_std)
        if tied:
            models.hush(language.get_input_embeddings().weight.data)
        blocks = [block for block in language.gated_cross_attn_layers if block is not None]
        for block, (attention, feed_forward) in zip(blocks, GATES, strict=True):
            block.attn_gate.data.fill_(attention)
            block.ff_gate.data.fill_(feed_forward)
        state = (saved_by_old if self.v1 else saved_by_new)(model)
        state.update(self.buffers("lang_encoder.", ".decoder_layer"))
        tied_head = state.pop("lang_encoder.lm_head.weight", None)
        models.save(state, self.folder / "checkpoint.pt")
        if hasattr(self, "wrapped"):
            if tied_head is not None:
                state["lang_encoder.lm_head.weight"] = tied_head
            training = OrderedDict((f"module.{name}", value.bfloat16()) for name, value in state.items())
            for name, value in training.items():
                assert torch.equal(value.float(), state[name.removeprefix("module.")]), name
            optimizer = {"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
            contents = {"epoch": 3, "model_state_dict": training, "optimizer_state_dict": optimizer}
            contents["lr_scheduler_state_dict"] = {"last_epoch": 7, "_last_lr": [1e-4]}
            models.save(contents, self.folder / "checkpoint-wrapped.pt")

    def buffers(self, prefix, layer=""):
        """Buffers that the transformers of the time saved and a reader must pass over."""
        frequencies = 10000.0 ** (-torch.arange(0, 8, 2) / 8)
        found = {}
        for i in range(LAYERS if self.name in ("of1-llama", "of2-neox") else 0):
            at = f"{prefix}{self.layers}.{i}{layer}."
            if self.v1:
                found[f"{at}self_attn.rotary_emb.inv_freq"] = frequencies.clone()
            else:
                found[f"{at}attention.bias"] = torch.ones(1, 1, 16, 16).tril().bool()
                found[f"{at}attention.masked_bias"] = torch.tensor(-1e9)
                found[f"{at}attention.rotary_emb.inv_freq"] = frequencies.clone()
        return found

    # Asking the reference, with nothing but those files.

    def load(self, code):
        language = type(self.base()).from_pretrained(self.folder / "language")
        model = self.assemble(language, code)
        trained = torch.load(self.folder / "checkpoint.pt")
        left = model.load_state_dict(trained, strict=False)
        assert not [name for name in left.unexpected_keys if not is_buffer(name)], left.unexpected_keys
        wanted = {name for name, value in model.named_parameters() if value.requires_grad}
        assert not wanted & set(left.missing_keys), wanted & set(left.missing_keys)
        if self.v1:
            language.lm_head.register_forward_hook(without_new_rows)
        return model

    def expect(self):
        random = torch.Generator().manual_seed(self.seed + 3)
        pixels = models.grid(torch.randn(3, 3, VISION["image_size"], VISION["image_size"], generator=random))
        pooled, tokens = self.visual(pixels)
        if self.names == "hugging_face":
            models.check_hugging_face(models.hugging_face_names(self.visual), pixels, pooled, tokens)
        found, cases = {"pixels": pixels, "vision.tokens": tokens, "vision.pooled": pooled}, []
        for code, mask in [("0.0.2", "next"), ("2.0.1", "previous")] if self.v1 else [("2.0.1", "previous")]:
            asked = Asked(self, self.load(code), code, pixels)
            found["latents"] = asked.model.perceiver(tokens[None, :, None])[0]
            for prompt in PROMPTS:
                name = f"{prompt}_{mask}" if self.v1 else prompt
                described, tensors = asked.case(prompt)
                cases.append(dict(name=name, media_mask=mask, **described))
                found.update((f"{name}.{kind}", value) for kind, value in tensors.items())
            if code == "0.0.2":
                by_old = asked.previous_by_old()
        if self.v1:
            for prompt, logits in by_old.items():
                torch.testing.assert_close(logits, found[f"{prompt}_previous.logits"], rtol=1e-4, atol=1e-4)
        models.save({name: value.contiguous() for name, value in found.items()}, self.folder / "expected.safetensors")
        self.describe(cases)

    def describe(self, cases):
        files = {"language": "language", "vision": self.vision, "checkpoints": ["checkpoint.pt"]}
        if hasattr(self, "wrapped"):
            files["checkpoints"].append("checkpoint-wrapped.pt")
        contents = {
            "family": self.name,
            "reference": {name: version(name) for name in PACKAGES},
            "files": files,
            "cross_attn_every_n_layers": EVERY,
            "vision": dict(VISION, names=self.names),
            "resampler": {"latents": LATENTS, "depth": DEPTH, "heads": 8, "head_dim": 64},
            "tokens": {"endofchunk": ENDOFCHUNK, "image": IMAGE, "pad": PAD},
            "vocab": VOCAB,
            "logit_columns": self.columns,
            "gates": [dict(attn=attention, ff=feed_forward) for attention, feed_forward in GATES],
            "cases": cases,
        }
        if self.v1:
            contents["reference"]["open_flamingo_next"] = "0.0.2"
        (self.folder / "cases.json").write_text(compact(contents))


class Asked:
    """One loaded model and the questions put to it."""

    def __init__(self, family, model, code, pixels):
        self.model, self.code, self.pixels = model, code, pixels
        self.columns = family.columns
        # Copies whose weights are off by far more than rounding: what they write too is no matter of rounding.
        self.shaken = [copy.deepcopy(model) for _ in range(2)]
        random = torch.Generator().manual_seed(family.seed + 4)
        for shaken in self.shaken:
            for value in shaken.parameters():
                value.mul_(1 + 1e-5 * torch.randn(value.shape, generator=random))

    def inputs(self, prompt, extra=()):
        ids = torch.tensor([PROMPTS[prompt] + list(extra)])
        count = PROMPTS[prompt].count(IMAGE)
        # The reference cannot run without an image; a text without <image> sees none of those it gets.
        images = self.pixels[None, : max(count, 1), None]
        return dict(vision_x=images, lang_x=ids, attention_mask=(ids != PAD).long()), count

    def forward(self, prompt, extra=()):
        inputs, _ = self.inputs(prompt, extra)
        return self.model(**inputs).logits[0, :, : self.columns]

    def generate(self, prompt, eos, **settings):
        inputs, _ = self.inputs(prompt)
        outs = []
        for model in [self.model, *self.shaken]:
            model.eoc_token_id = eos
            outs.append(model.generate(**inputs, **settings))
        assert all(torch.equal(out.sequences, outs[0].sequences) for out in outs), (prompt, eos, settings)
        return outs[0]

    def case(self, prompt):
        _, count = self.inputs(prompt)
        length = len(PROMPTS[prompt])
        padding = PROMPTS[prompt].count(PAD)
        logits = self.forward(prompt)
        if padding:
            bare = self.model(self.inputs(prompt)[0]["vision_x"], torch.tensor([PROMPTS[prompt][padding:]]))
            torch.testing.assert_close(logits[padding:], bare.logits[0, :, : self.columns], rtol=1e-4, atol=1e-4)
        out = self.generate(prompt, -1, max_new_tokens=GREEDY)
        greedy = out.sequences[0, length:]
        steps = torch.cat(out.scores)[:, : self.columns]
        best = steps.topk(2).values
        margin = (best[:, 0] - best[:, 1]).min().item()
        assert len(greedy) == GREEDY and margin > 1e-3, margin
        # Step by step and all at once agree.
        whole = self.forward(prompt, greedy.tolist())[length - 1 : -1]
        torch.testing.assert_close(whole, steps, rtol=1e-4, atol=1e-4)
        tensors = {"logits": logits, "greedy": greedy}
        if prompt == "text_first":
            tensors["steps"] = steps
        often = greedy[2].item()
        beams = []
        ends = [(ENDOFCHUNK, 0.0), (ENDOFCHUNK, 1.0), (often, 0.0), (often, 1.0), (often, -2.0), (often, 3.0)]
        for eos, penalty in ends:
            settings = dict(num_beams=BEAMS, max_new_tokens=BEAM_TOKENS, length_penalty=penalty)
            out = self.generate(prompt, eos, **settings)
            ids = out.sequences[0, length:]
            tensors[f"beams.{len(beams)}"] = ids
            score = float(f"{out.sequences_scores.item():.7g}")
            beams.append(dict(eos_token_id=eos, length_penalty=penalty, score=score, ids=ids.tolist()))
        assert not {IMAGE, PAD} & set(torch.cat([value for value in tensors.values() if value.dim() == 1]).tolist())
        described = dict(code=self.code, images=count, left_padding=padding, input_ids=PROMPTS[prompt])
        described.update(greedy_margin=round(margin, 4), beams=beams)
        if prompt == "text_first":
            described["ranking"] = self.ranking(prompt)
        return described, tensors

    def ranking(self, prompt):
        """Log-probabilities of continuations, in the manner of the reference's classification suite."""
        length, answers = len(PROMPTS[prompt]), []
        for continuation in CONTINUATIONS:
            logits = self.forward(prompt, continuation)[length - 1 : -1]
            chosen = logits.log_softmax(-1).gather(1, torch.tensor(continuation)[:, None])
            if self.code == "2.0.1":
                torch.testing.assert_close(self.cached(prompt, continuation), logits, rtol=1e-4, atol=1e-4)
            sums = {"sum": round(chosen.sum().item(), 6), "mean": round(chosen.mean().item(), 6)}
            answers.append(dict(ids=continuation, **sums))
        return answers

    def cached(self, prompt, continuation):
        """The same by cache_media and one token at a time."""
        inputs, _ = self.inputs(prompt)
        self.model.cache_media(inputs["lang_x"], inputs["vision_x"])
        rows, past, ids = [], None, inputs["lang_x"]
        for token in continuation:
            out = self.model(None, ids, clear_conditioned_layers=False, past_key_values=past, use_cache=True)
            rows.append(out.logits[0, -1, : self.columns])
            past, ids = out.past_key_values, torch.tensor([[token]])
        self.model.uncache_media()
        return torch.stack(rows)

    def previous_by_old(self):
        """Logits of 0.0.2 when its training-time coin makes text attend the image before it."""
        lm = sys.modules["open_flamingo_old.src.flamingo_lm"]
        kept, lm.random = lm.random, types.SimpleNamespace(random=lambda: 0.0)
        self.model.lang_encoder.use_media_placement_augmentation = True
        logits = {prompt: self.forward(prompt) for prompt in PROMPTS}
        self.model.lang_encoder.use_media_placement_augmentation = False
        lm.random = kept
        return logits


class Wrapper(torch.nn.Module):
    """A CLIP with nothing but its tower: 0.0.2 keeps it whole, later versions take the tower out."""

    def __init__(self, visual):
        super().__init__()
        self.visual = visual


def without_new_rows(_module, _inputs, logits):
    logits[..., BASE_VOCAB:] = -torch.inf
    return logits


def is_buffer(name):
    return name.endswith(("inv_freq", "attention.bias", "masked_bias"))


def saved_by_old(model):
    """State dict less the names of frozen parameters; names that share a tensor all stay."""
    state = model.state_dict()
    for name, value in model.named_parameters():
        if not value.requires_grad:
            del state[name]
    return state


def saved_by_new(model):
    """Frozen parameters go unless "embed" is in the name; so do three prefixes."""
    state = model.state_dict()
    for name, value in model.named_parameters():
        if not value.requires_grad and "embed" not in name:
            state.pop(name, None)
    gone = ("lang_encoder.old_decoder_blocks", "lang_encoder.gated_cross_attn_layers", "vision_encoder")
    for name in [name for name in state if any(part in name for part in gone)]:
        del state[name]
    return state


def compact(contents):
    """JSON with every list of numbers on one line."""
    text = json.dumps(contents, indent=1)
    return re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--old", help="folder with open_flamingo 0.0.2")
    parser.add_argument("--mosaic", help="folder with mosaicml/examples v0.0.4")
    parser.add_argument("--only", choices=FAMILIES, action="append")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    for name in given.only or FAMILIES:
        family = Family(name, given.out, old_package(given.old) if name.startswith("of1") else None, given.mosaic)
        family.make()
        family.expect()
        print(name, "made")


if __name__ == "__main__":
    main()
