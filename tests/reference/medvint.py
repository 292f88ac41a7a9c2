"""Writes tests/golden/medvint: small random MedVInTs in the published layouts, and what PyTorch computes with them.

python medvint.py OUT

* One folder a variant: checkpoint.bin as PMC-VQA's training writes it (LoRA not merged, in one of the three forms of keys; MedVInT-TE with
  its second names on shared storage and its unused parts), config.json of the language model, cases.json, expected.safetensors.
* masked/: texts with masked answers by transformers' own slow LLaMA tokenizer, and the same tokenizer as tokenizer.json.
* pixels.json: SHA-256 of images of tests/golden/pixels as the test transform of PMC-VQA prepares them.
* scorers.json: what Python's difflib makes of predictions.

Needs requirements-medvint.txt."""

import difflib
import hashlib
import io
import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from medvint_models import CLIP, RESNET, TEXT_LENGTH, VOCAB, Td, Te, llama_config
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision import transforms
from transformers import AddedToken, LlamaTokenizer, LlamaTokenizerFast

IMAGE = VOCAB
# Folder, tower, queries, rank of the LoRA, form of its keys.
TD = [
    ("td-resnet", "resnet", True, 8, "bare"),
    ("td-clip", "clip", True, 4, "wrapped"),
    ("td-mlp-resnet", "resnet", False, None, "none"),
    ("td-mlp-clip", "clip", False, 8, "default"),
]
TE = [("te-resnet", "resnet", 8, "default"), ("te-clip", "clip", 4, "wrapped")]


def fill(model, seed):
    """Random weights that are exact in bf16, scaled so that every part matters."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            norm = isinstance(module, (nn.LayerNorm, nn.BatchNorm2d)) or "RMSNorm" in type(module).__name__
            for name, p in module.named_parameters(recurse=False):
                if norm and name == "weight":
                    p.copy_(1 + 0.2 * torch.randn_like(p))
                elif p.dim() < 2:
                    p.copy_(0.2 * torch.randn_like(p))
                elif isinstance(module, nn.Embedding):
                    p.copy_(torch.randn_like(p))
                else:
                    p.copy_(torch.randn_like(p) * (1.7 / p[0].numel()) ** 0.5)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.copy_(0.2 * torch.randn_like(module.running_mean))
                module.running_var.copy_(0.5 + torch.rand_like(module.running_var))
                module.running_mean.copy_(module.running_mean.bfloat16())
                module.running_var.copy_(module.running_var.bfloat16())
        for p in model.parameters():
            p.copy_(p.bfloat16().float())
    return model.eval()


def key(name, form):
    """peft's names of today (a wrapped base layer and the adapter's name) as older versions had them."""
    if form in ("default", "bare"):
        name = name.replace(".base_layer.", ".")
    return name.replace(".default.", ".") if form == "bare" else name


def save(model, form, path):
    """The state dict in bf16; tensors that share storage still do."""
    narrow = {}

    def stored(tensor):
        if not tensor.is_floating_point():
            return tensor
        return narrow.setdefault(tensor.data_ptr(), tensor.bfloat16())

    state = {key(name, form): stored(tensor) for name, tensor in model.state_dict().items()}
    torch.save(state, path)
    return state


def pixels(side, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, side, side, generator=generator)


def words(rng, count):
    return [rng.randrange(3, VOCAB) for _ in range(count)]


def prepared(out, name, model, form):
    folder = out / name
    folder.mkdir(parents=True)
    state = save(model, form, folder / "checkpoint.bin")
    llama_config().save_pretrained(folder)
    return folder, state


def td(out, name, tower, queries, rank, form, seed):
    model = fill(Td(tower, queries, rank), seed)
    folder, _ = prepared(out, name, model, form)
    rng, x = random.Random(seed), pixels((RESNET if tower == "resnet" else CLIP)["side"], seed)
    tokens = model.tokens(x)
    read = model.read(tokens)
    images = model.embeddings(read)
    expected = {"pixels": x, "tokens": tokens, "read": read, "embeddings": images}
    sequences = {
        "one": [IMAGE, 0, *words(rng, 9)],
        "text": [0, *words(rng, 6)],
        "shots": [IMAGE, 0, *words(rng, 5), 1, IMAGE, 0, *words(rng, 4)],
        "pair": [IMAGE, IMAGE, 0, *words(rng, 4)],
    }
    cases = []
    for case, ids in sequences.items():
        embedded = model.sequence(ids, images, IMAGE)
        logits = model.llamacasual(inputs_embeds=embedded).logits[0]
        greedy = model.llamacasual.generate(
            inputs_embeds=embedded, attention_mask=torch.ones(embedded.shape[:2]), max_new_tokens=16, do_sample=False,
            eos_token_id=None, pad_token_id=0,
        )
        expected[f"{case}.logits"] = logits
        cases.append({"name": case, "ids": ids, "greedy": greedy[0].tolist()})
    finish(folder, cases, expected)


def te(out, name, tower, rank, form, seed):
    model = fill(Te(tower, rank), seed)
    folder, state = prepared(out, name, model, form)
    assert any(n.startswith("llama_model.") for n in state) and any(n.startswith("text_encoder.") for n in state)
    rng, x = random.Random(seed), pixels((RESNET if tower == "resnet" else CLIP)["side"], seed)
    tokens = model.tokens(x)
    images = model.embeddings(tokens)
    expected = {"pixels": x, "tokens": tokens, "embeddings": images}
    cases = []
    for case, shown, count in [("one", 1, 7), ("none", 0, 5), ("several", 2, 9)]:
        prompt = [1, *words(rng, count)]
        surest = []
        for masks in range(1, 7):
            scores = model(prompt + [2] * (masks + 1), images[:shown])
            answer = scores[len(prompt) : len(prompt) + masks]
            surest.append((answer.max(-1).values.mean().item(), answer.argmax(-1).tolist()))
            if masks == 3:
                expected[f"{case}.log_probabilities"] = scores
        gap = sorted((mean for mean, _ in surest), reverse=True)
        assert gap[0] - gap[1] > 1e-3, "the surest length must be clear"
        cases.append({
            "name": case, "prompt": prompt, "images": shown, "given": surest[2][1], "surest": max(surest)[1],
        })
    finish(folder, cases, expected)


def finish(folder, cases, expected):
    (folder / "cases.json").write_text(json.dumps(cases))
    save_file({name: t.contiguous() for name, t in expected.items()}, folder / "expected.safetensors")


TEXTS = """What is the location of the lesion in the image? A: left lung B: right lung C: liver D: spleen
Which imaging modality was used to obtain the picture? A: CT B: MRI C: X-ray D: ultrasound
Question: What does the arrow in the figure show? The choices are: A: bleeding B: tumour The Answer is: A
Focal uptake pattern Diffuse uptake pattern hypodense mass with peripheral enhancement pleural effusion""".splitlines()


def tokenizer(folder):
    """A small LLaMA tokenizer. Around `</s>` blanks are dropped, as transformers did for special tokens when PMC-VQA was made."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 4), model_writer=model, model_type="bpe", vocab_size=420, byte_fallback=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, character_coverage=1.0, normalization_rule_name="identity",
        remove_extra_whitespaces=False, num_threads=1, minloglevel=2,
    )
    file = folder / "tokenizer.model"
    file.write_bytes(model.getvalue())
    ends = dict.fromkeys(("eos_token", "mask_token"), AddedToken("</s>", lstrip=True, rstrip=True, special=True))
    slow = LlamaTokenizer(str(file), unk_token=AddedToken("<unk>", lstrip=True, rstrip=True, special=True), **ends)
    fast = LlamaTokenizerFast(vocab_file=str(file), from_slow=True, add_prefix_space=True)
    fast.backend_tokenizer.post_processor = None
    fast.backend_tokenizer.save(str(folder / "tokenizer.json"))
    file.unlink()
    for text in TEXTS:
        assert fast.backend_tokenizer.encode(text, add_special_tokens=False).ids == slow.encode(text)[1:]
    return slow


def masked_texts(out):
    folder = out / "masked"
    folder.mkdir()
    slow = tokenizer(folder)
    question = "What is the location of the lesion in the image?"
    choices = " A: left lung  B: right lung  C: liver  D: spleen "
    texts = [
        (f"Question: {question}The Answer is:", "left lung"),
        (f"Question: {question}The Answer is:", "liver"),
        (f"Question: {question}The Answer is: ", "left lung"),
        (f"Question: {question}The choices are: {choices}The Answer is: ", "B"),
        (f"Question: {question}The Answer is: ", ""),
    ]
    cases = []
    for prompt, answer in texts:
        whole = prompt + answer
        asked, inputs, labels = len(prompt.split()), [], []
        for i, word in enumerate(whole.split()):
            pieces = len(slow.encode(word)) - 1
            inputs += [word] if i < asked else ["</s>"] * pieces
            labels += ["<unk>"] * pieces if i < asked else [word]
        encode = lambda parts: slow(" ".join(parts + ["</s>"])).input_ids
        cases.append({"prompt": prompt, "whole": whole, "input": encode(inputs), "labels": encode(labels)})
        assert len(cases[-1]["input"]) == len(cases[-1]["labels"]), cases[-1]
    (folder / "cases.json").write_text(json.dumps(cases))


def pixel_sums(out):
    files = Path(__file__).parent.parent / "golden/pixels"
    names = ["grey.png", "rgb.png", "rgba.png", "la.png", "palette.png", "palette_clear.png", "grey_key.png", "tall.png", "wide.png"]
    prepare = transforms.Compose([
        transforms.Resize([512, 512], interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])
    sums = {}
    for name in names:
        values = prepare(Image.open(files / name).convert("RGB")).numpy().astype("<f4")
        sums[name] = hashlib.sha256(values.tobytes()).hexdigest()
    (out / "pixels.json").write_text(json.dumps(sums, indent=1) + "\n")


def most_similar(texts, target):
    best = (None, 0.0)
    for i, text in enumerate(texts):
        ratio = difflib.SequenceMatcher(None, text, target).ratio()
        best = max(best, (i, ratio), key=lambda pair: pair[1])
    return best[0]


def scorer_cases(out):
    rng = random.Random(3)
    letters = "ABCD abcdelorntu:"
    text = lambda most: "".join(rng.choice(letters) for _ in range(rng.randrange(most)))
    pairs = [(text(40), text(40)) for _ in range(60)] + [(text(60), text(600)) for _ in range(12)] + [("", ""), ("a", "")]
    ratios = [{"a": a, "b": b, "ratio": difflib.SequenceMatcher(None, a, b).ratio()} for a, b in pairs]
    choices = [[f" {letter}:{text(30)} " for letter in "ABCD"] for _ in range(40)]
    found = [{"choices": c, "target": t, "index": most_similar(c, t)} for c in choices for t in ("A", "D", "x", text(30))]
    (out / "scorers.json").write_text(json.dumps({"ratios": ratios, "choices": found}))


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    torch.set_num_threads(1)
    np.random.seed(0)
    with torch.no_grad():
        for seed, case in enumerate(TD):
            td(out, *case, seed=10 + seed)
        for seed, case in enumerate(TE):
            te(out, *case, seed=20 + seed)
    masked_texts(out)
    pixel_sums(out)
    scorer_cases(out)


if __name__ == "__main__":
    main()
