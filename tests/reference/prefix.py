#!/usr/bin/env python3
"""Golden files for prefix tuning: tiny random models in the published layouts, and what PyTorch makes of them.

    python3 -m venv env && env/bin/pip install -r tests/reference/requirements-prefix.txt
    env/bin/python tests/reference/prefix.py tests/golden/prefix --published FOLDER

FOLDER is a copy of tjvsonsbeek/open-ended-medical-vqa at c605aeb: its mappers and its beam search run here. No weights were ever
released, so all weights are random. transformers and peft do the rest.

* gpt2/, biogpt/, llama/   base language models as transformers saves them; gpt2's names have no `transformer.` in front, as on the hub.
* vision/                  a CLIP tower with projection, as transformers saves it.
* CASE.pt                  the state dict of a tuned model as training saves it: `gpt.*`, `clip_project.*`, in one case `nv_tokens`.
* cases.json               losses of ten training steps, which crates/train repeats, and for every case: language model, layout, pieces or ids of the prompt, greedy ids, and for each of two
                           stop tokens the beams, best first.
* expected.safetensors     pixels [2, 3, 32, 32]; pooled [2, 20]; CASE.image [1, 4, 16], what stands for the first image; CASE.logits
                           [positions, 64], one pass without mask; CASE.grad.NAME, gradients of the loss of the answer's tokens.

"keys" says how peft's names look: "new" as version 0.13 saves them, "old" without `.default` and `base_layer`, as before 0.3. Greedy ids
and beams stay the same when all weights move by 1e-5, or other weights are drawn. In the published code `nv_tokens` is no parameter and never
saved; here it is. The case "int8" has the linear layers of its language model as bitsandbytes saves them: integers and a scale a row.
"""

import argparse
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path

import torch
from peft import LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, TaskType, get_peft_model
from safetensors.torch import save_file
from transformers import (
    BioGptConfig,
    BioGptForCausalLM,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

VOCAB, WIDTH, LAYERS, HEADS, POSITIONS = 64, 16, 2, 4, 96
VECTOR, PREFIX, CLIP_LENGTH, MAPPER_LAYERS = 20, 4, 3, 2
VIRTUAL, RANK, ALPHA = 6, 3, 32
STOP, GREEDY, ENTRY, BEAMS = 63, 10, 8, 5
PIECES = dict(before_question=[5, 6], question=[11, 40, 13, 22], before_image=[7, 8], before_answer=[9, 3])
ANSWER = [17, 31, 44]
PACKAGES = ("torch", "transformers", "peft")


def bf16(model, scale=1.0):
    """Weights that are exact in 16 bits keep the files small and the comparison sharp."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            norm = p.dim() == 1 and name.endswith("weight")
            noise = torch.randn_like(p) * (0.1 if p.dim() == 1 else scale / p.shape[-1] ** 0.5)
            p.copy_(((1.0 if norm else 0.0) + noise).to(torch.bfloat16).float())
    return model.eval()


def language(kind):
    if kind == "gpt2":
        # BioMedLM scales attention by the layer too.
        config = GPT2Config(
            vocab_size=VOCAB, n_positions=POSITIONS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, attn_implementation="eager",
            scale_attn_by_inverse_layer_idx=True,
        )
        return bf16(GPT2LMHeadModel(config), 2.0)
    if kind == "biogpt":
        config = BioGptConfig(
            vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=40,
            max_position_embeddings=POSITIONS, attn_implementation="eager",
        )
        return bf16(BioGptForCausalLM(config), 2.0)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=2, max_position_embeddings=POSITIONS, rms_norm_eps=1e-5, attn_implementation="eager",
    )
    return bf16(LlamaForCausalLM(config), 2.0)


def embeddings_of(model):
    return model.get_input_embeddings()


def tuned(base, setting):
    common = dict(task_type=TaskType.CAUSAL_LM)
    if setting == "lora":
        targets = {"gpt2": None, "biogpt": ["q_proj", "v_proj", "fc2"], "llama": None}[base.config.model_type]
        config = LoraConfig(inference_mode=False, r=RANK, lora_alpha=ALPHA, lora_dropout=0.1, target_modules=targets, **common)
    elif setting == "prefixtuning":
        config = PrefixTuningConfig(num_virtual_tokens=VIRTUAL, **common)
    elif setting == "p_tuning":
        config = PromptEncoderConfig(num_virtual_tokens=VIRTUAL, **common)
    elif setting == "prompttuning":
        config = PromptTuningConfig(num_virtual_tokens=VIRTUAL, **common)
    else:
        return base
    model = get_peft_model(base, config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_((torch.randn_like(p) * 0.15).to(torch.bfloat16).float())
            elif "prompt_encoder" in name:
                p.copy_((torch.randn_like(p) * 0.7).to(torch.bfloat16).float())
    return model


class Tuned(torch.nn.Module):
    """A language model and what puts an image into its sequence, with the published names."""

    model_type = "other"

    def __init__(self, gpt, mapper, published, replaced):
        super().__init__()
        self.gpt = gpt
        if mapper == "mlp":
            sizes = (VECTOR, WIDTH * PREFIX // 2, WIDTH * PREFIX, WIDTH * PREFIX)
            self.clip_project = published.MLP(sizes)
        else:
            self.clip_project = published.TransformerMapper(VECTOR, WIDTH, PREFIX, CLIP_LENGTH, MAPPER_LAYERS)
        bf16(self.clip_project, 1.5)
        if replaced:
            self.nv_tokens = torch.nn.Parameter(torch.randn(3, PREFIX, WIDTH).to(torch.bfloat16).float())

    def image(self, pooled):
        if hasattr(self, "nv_tokens"):
            return self.nv_tokens[0]
        return self.clip_project(pooled.view(1, -1)).view(PREFIX, WIDTH)

    def embeddings(self, ids, pooled):
        """`ids` with a string "image" for each image."""
        parts, images = [], iter(pooled)
        for one in ids:
            if one == "image":
                parts.append(self.image(next(images)))
            else:
                parts.append(embeddings_of(self.gpt)(torch.tensor([one])))
        return torch.cat(parts)[None]


def sequence(layout, pieces):
    question = pieces["before_question"] + pieces["question"]
    image = pieces["before_image"] + ["image"]
    first = {
        "regular": question + image, "replace-visual": question + image, "remove-visual": question,
        "remove-question": image, "swap": image + question,
    }
    return first[layout] + pieces["before_answer"]


def greedy(model, embeds):
    out = []
    while len(out) < GREEDY:
        out.append(int(model.gpt(inputs_embeds=embeds).logits[0, -1].argmax()))
        embeds = torch.cat((embeds, embeddings_of(model.gpt)(torch.tensor([[out[-1]]]))), 1)
    return out


class Ids:
    """A tokenizer whose text is the ids."""

    def __init__(self, stop):
        self.stop = stop

    def encode(self, _):
        return [self.stop]

    def decode(self, ids):
        return [int(i) for i in ids]


def beams(model, embeds, code, stop):
    with torch.no_grad():
        return code.generate_beam(model, Ids(stop), beam_size=BEAMS, generated=embeds, entry_length=ENTRY)


def gradients(model, embeds, shown):
    """Loss of the answer's tokens after the prompt, and the gradients of the parameters whose published names `shown` gives ours."""
    model.zero_grad()
    answer = torch.tensor(ANSWER)
    whole = torch.cat((embeds, embeddings_of(model.gpt)(answer[None])), 1)
    logits = model.gpt(inputs_embeds=whole).logits[0]
    loss = torch.nn.functional.cross_entropy(logits[-len(ANSWER) - 1 : -1], answer)
    loss.backward()
    return float(loss.detach()), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None and shown(n)}


# name, language model, setting, mapper, layout, keys.
CASES = [
    ("gpt2-frozen", "gpt2", "frozen", "mlp", "regular", "new"),
    ("gpt2-transformer", "gpt2", "frozen", "transformer", "regular", "new"),
    ("gpt2-lora", "gpt2", "lora", "mlp", "regular", "new"),
    ("gpt2-lora-old", "gpt2", "lora", "mlp", "regular", "old"),
    ("gpt2-prefix", "gpt2", "prefixtuning", "mlp", "regular", "new"),
    ("gpt2-p-tuning", "gpt2", "p_tuning", "mlp", "regular", "new"),
    ("gpt2-prompt", "gpt2", "prompttuning", "transformer", "regular", "new"),
    ("gpt2-unfrozen", "gpt2", "unfrozen", "mlp", "regular", "new"),
    ("gpt2-replace-visual", "gpt2", "frozen", "mlp", "replace-visual", "new"),
    ("gpt2-remove-visual", "gpt2", "frozen", "mlp", "remove-visual", "new"),
    ("gpt2-remove-question", "gpt2", "frozen", "mlp", "remove-question", "new"),
    ("gpt2-swap", "gpt2", "lora", "mlp", "swap", "new"),
    ("biogpt-frozen", "biogpt", "frozen", "mlp", "regular", "new"),
    ("biogpt-lora", "biogpt", "lora", "transformer", "regular", "new"),
    ("biogpt-prefix", "biogpt", "prefixtuning", "mlp", "regular", "old"),
    ("biogpt-prompt", "biogpt", "prompttuning", "mlp", "swap", "new"),
    ("llama-frozen", "llama", "frozen", "transformer", "regular", "new"),
    ("llama-lora", "llama", "lora", "mlp", "regular", "new"),
    ("llama-lora-old", "llama", "lora", "mlp", "swap", "old"),
    ("llama-prefix", "llama", "prefixtuning", "mlp", "regular", "new"),
    ("llama-p-tuning", "llama", "p_tuning", "mlp", "regular", "new"),
    ("llama-unfrozen", "llama", "unfrozen", "mlp", "remove-question", "new"),
]
GRADIENTS = ("gpt2-transformer", "gpt2-lora", "gpt2-prefix", "gpt2-prompt", "gpt2-unfrozen", "llama-lora", "llama-prefix", "biogpt-frozen")


def renamed(state, keys):
    out = {}
    for name, tensor in state.items():
        if keys == "old":
            name = name.replace(".base_layer.", ".").replace(".default.", ".")
        out[name] = tensor.to(torch.bfloat16).contiguous()
    return out


def int8(state):
    out = {}
    for name, tensor in state.items():
        linear = name.startswith("gpt.") and ".h." in name and tensor.dim() == 2
        if not linear:
            out[name] = tensor
            continue
        rows = tensor.float().t().contiguous()
        scale = rows.abs().amax(1)
        out[name] = (rows / scale[:, None] * 127).round().to(torch.int8)
        out[name.removesuffix("weight") + "SCB"] = scale
        out[name.removesuffix("weight") + "weight_format"] = torch.tensor(0, dtype=torch.uint8)
    return out


def save_language(model, kind, out):
    folder = out / kind
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "generation_config.json").unlink(missing_ok=True)
    aliases = ("lm_head.weight", "output_projection.weight") if kind != "llama" else ()
    state = {n: t.to(torch.bfloat16).contiguous() for n, t in model.state_dict().items() if n not in aliases}
    if kind == "gpt2":
        state = {n.removeprefix("transformer."): t for n, t in state.items()}
        # Hub files have these buffers.
        state["h.0.attn.bias"] = torch.ones(1, 1, 4, 4)
        state["h.0.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(state, str(folder / "model.safetensors"))


class Tie(Exception):
    """Numbers too near to one another for a fair comparison."""


def one(case, bases, pooled, code, out, tensors):
    for attempt in range(20):
        try:
            return attempted(case, attempt, bases, pooled, code, out, tensors)
        except Tie:
            print(case[0], "has a tie", file=sys.stderr)
    raise SystemExit(f"{case[0]}: always a tie")


def attempted(case, attempt, bases, pooled, code, out, tensors):
    name, kind, setting, mapper, layout, keys = case
    torch.manual_seed(sum(map(ord, name)) + 1000 * attempt)
    base = language(kind)
    base.load_state_dict(bases[kind].state_dict())
    if setting == "unfrozen":
        bf16(base, 2.0)
    gpt = tuned(base, setting)
    model = Tuned(gpt, mapper, code, layout == "replace-visual").eval()
    for p in base.parameters():
        p.requires_grad_(setting == "unfrozen" or p.requires_grad)
    ids = sequence(layout, PIECES)
    images = 0 if layout == "remove-visual" else 1
    with torch.no_grad():
        embeds = model.embeddings(ids, pooled)
        logits = model.gpt(inputs_embeds=embeds).logits[0]
        chosen = greedy(model, embeds)
        # A token that the model writes soon, and one that it hardly writes.
        stops = [chosen[2], STOP]
        found = [beams(model, embeds, code, stop) for stop in stops]
    state = renamed(model.state_dict(), keys)
    torch.save(state, out / f"{name}.pt")
    if name == "gpt2-frozen":
        torch.save(int8(state), out / "int8.pt")
    skipped = VIRTUAL if setting in ("p_tuning", "prompttuning") else 0
    tensors[f"{name}.logits"] = logits[skipped:].contiguous()
    if images:
        with torch.no_grad():
            tensors[f"{name}.image"] = model.image(pooled[0])[None].contiguous()
    entry = dict(
        name=name, language=kind, setting=setting, mapper=mapper, layout=layout, keys=keys, images=images, greedy=chosen, beams=found,
        stops=stops,
        ids=[VOCAB if i == "image" else i for i in ids],
    )
    if name == "gpt2-frozen":
        two = ids + ANSWER + [STOP] + sequence(layout, dict(PIECES, question=[50, 51]))
        with torch.no_grad():
            tensors["shots.logits"] = model.gpt(inputs_embeds=model.embeddings(two, pooled)).logits[0].contiguous()
        entry["shots"] = [VOCAB if i == "image" else i for i in two]
    if name in GRADIENTS:
        shown = lambda n: n.startswith("clip_project") or "lora_" in n or "prompt_encoder" in n or setting == "unfrozen" and ".h.1." in n
        entry["loss"], grads = gradients(model, model.embeddings(ids, pooled), shown)
        entry["grads"] = sorted(grads)
        tensors.update({f"{name}.grad.{n}": g.contiguous() for n, g in grads.items()})
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 1e-5)
        embeds = model.embeddings(ids, pooled)
        again = [beams(model, embeds, code, stop) for stop in stops]
        if greedy(model, embeds) != chosen or again != found:
            raise Tie(name)
    return entry


# Question, answer and image of each sequence that the training steps see.
SAMPLES = [([11, 40, 13], [17, 31], 0), ([50, 51], [44], 1), ([20, 21, 22, 23], [2, 9, 30], 1), ([11, 12], [31], 0)]
RATE, STEPS, WARMUP = 1e-2, 10, 2


def steps(out, base, pooled, code):
    """Losses of ten steps that train the mapper of the case gpt2-frozen, without dropout."""
    model = Tuned(base, "mlp", code, False).eval()
    model.load_state_dict({n: t.float() for n, t in torch.load(out / "gpt2-frozen.pt").items()})
    for p in model.gpt.parameters():
        p.requires_grad_(False)
    trained = list(model.clip_project.parameters())
    optimiser = torch.optim.AdamW(trained, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.0)
    losses, sequences = [], []
    for question, answer, image in SAMPLES:
        prompt = sequence("regular", dict(PIECES, question=question))
        sequences.append((prompt + answer + [STOP], len(prompt), image))
    for step in range(STEPS):
        rate = RATE * step / WARMUP if step < WARMUP else RATE * (STEPS - step) / (STEPS - WARMUP)
        optimiser.param_groups[0]["lr"] = rate
        loss = 0
        for ids, _, image in sequences:
            embeds = model.embeddings(ids, pooled[image : image + 1])
            logits = model.gpt(inputs_embeds=embeds).logits[0]
            targets = torch.tensor(ids[ids.index("image") + 2 :])
            loss = loss + torch.nn.functional.cross_entropy(logits[-len(targets) - 1 : -1], targets) / len(sequences)
        losses.append(float(loss))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
    shown = [dict(ids=[VOCAB if i == "image" else i for i in ids], answer=at, image=image) for ids, at, image in sequences]
    return dict(samples=shown, rate=RATE, warmup=WARMUP, losses=losses)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--published", type=Path, required=True)
    arguments = parser.parse_args()
    # The published helpers import a tokenizer that is not used here.
    stub = types.ModuleType("nltk.tokenize")
    stub.TreebankWordTokenizer = None
    sys.modules.update({"nltk": types.ModuleType("nltk"), "nltk.tokenize": stub})
    sys.path.insert(0, str(arguments.published))
    import prefix_mappers
    import utils

    code = types.SimpleNamespace(
        MLP=prefix_mappers.MLP, TransformerMapper=prefix_mappers.TransformerMapper, generate_beam=utils.generate_beam
    )
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    tower = bf16(
        CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=16, intermediate_size=24, projection_dim=VECTOR, num_hidden_layers=2, num_attention_heads=2, image_size=32,
                patch_size=16, attn_implementation="eager",
            )
        )
    )
    tower.save_pretrained(out / "vision", safe_serialization=True)
    state = {n: t.to(torch.bfloat16).contiguous() for n, t in tower.state_dict().items() if t.is_floating_point()}
    save_file(state, str(out / "vision" / "model.safetensors"))
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        pooled = tower(pixels).image_embeds
    bases = {kind: language(kind) for kind in ("gpt2", "biogpt", "llama")}
    for kind, model in bases.items():
        save_language(model, kind, out)
    tensors = {"pixels": pixels, "pooled": pooled}
    entries = [one(case, bases, pooled, code, out, tensors) for case in CASES]
    save_file(tensors, str(out / "expected.safetensors"))
    trained = steps(out, language("gpt2"), pooled, code)
    info = dict(
        versions={p: version(p) for p in PACKAGES}, vocabulary=VOCAB, image=VOCAB, stop=STOP, answer=ANSWER, alpha=ALPHA, beams=BEAMS,
        entry_length=ENTRY, pieces=PIECES, steps=trained, cases=entries,
    )
    (out / "cases.json").write_text(json.dumps(info) + "\n")


if __name__ == "__main__":
    main()
