#!/usr/bin/env python3
"""Golden image-text encoders: small ones of random weights in their published layouts, and what the references make of them.

    (environment: requirements-encoders.txt)
    env/bin/python tests/reference/encoders.py tests/golden/pixels tests/golden/encoders

clip/hf                 CLIPModel, QuickGELU, with vocab.json and merges.txt
clip/open_clip          the same numbers in open_clip's layout, with merges.txt alone
laion/open_clip         open_clip's CLIP with exact GELU and another head width
siglip/hf               SiglipModel whose picture does not part into whole patches, with spiece.model
biomedclip/open_clip    open_clip's CustomTextCLIP: timm's ViT and a BERT with vocab.txt, as a pickle

Each folder is a checkpoint as published. Beside them:

cases.json              texts, pictures, and for every checkpoint the token ids of each text: as the reference's own tokenizer gives
                        them, CLIP's up to the first end token, BERT's without padding
expected.safetensors    for every checkpoint NAME, f32:
                        NAME.pixels [pictures, 3, side, side]   what the reference's transform makes of tests/golden/pixels
                        NAME.image  [pictures, dimension]       image vectors, not of unit length
                        NAME.text   [texts, dimension]          text vectors, not of unit length
                        NAME.image_unit, NAME.text_unit         the same of unit length

Tokenizers are trained here, on a few sentences. Nothing is downloaded.
"""

import collections
import gzip
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import regex
import sentencepiece
import timm
import torch
from open_clip import CLIP, CustomTextCLIP, SimpleTokenizer
from open_clip.tokenizer import HFTokenizer, bytes_to_unicode
from open_clip.transform import image_transform
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    BertTokenizerFast,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizerFast,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipTokenizer,
)

from clip import to_open_clip

CORPUS = """
a frontal chest radiograph shows no focal consolidation , pleural effusion or pneumothorax
a lateral chest x-ray shows a right lower lobe pneumonia with a small pleural effusion
axial ct of the head without contrast shows an acute subdural haematoma with midline shift
t2 weighted mri of the brain shows a hyperintense lesion in the left frontal lobe
photograph of the fundus shows microaneurysms and hard exudates of diabetic retinopathy
histology of the skin shows a melanoma with a breslow depth of 2 mm
the heart is enlarged and there is pulmonary oedema in both lungs
what is the most likely diagnosis in this patient with fever and cough
""".strip()

TEXTS = [
    "",
    " ",
    "chest x-ray",
    "A frontal chest radiograph shows no focal consolidation, pleural effusion or pneumothorax.",
    "  many   spaces\tand\r\nlines  ",
    "PNEUMONIA!!! isn't it? They'll say we've seen it.",
    "T2-weighted MRI, 3.0 T; b=1000 s/mm², TE/TR: 90/4000",
    "5 µm – lesion ≥ 10 % (p<0.05)",
    "naïve café, Ménière, Sjögren",
    "decomposed cafe\u0301",
    "Crohn’s “cobblestone” pattern, ﬁbrosis and eﬀusion…",
    "肺炎の所見 폐렴 пневмония",
    "emoji 🩻🫁 and 𝔐ath",
    "R&amp;D &lt;b&gt; 5&nbsp;mm &#181;g",
    "Ｆｕｌｌ　ｗｉｄｔｈ ＣＴ",
    "no\u00a0break",
    "1234567890 12.5kg 3rd",
    "'s 't 're 've 'm 'll 'd ''s",
    "under_score #hash @at ~tilde^ |pipe| \\back `tick`",
    "▁▁meta▁space",
    "lung " * 100,
    "x" * 300,
    "?!",
    "ends with a tab\t",
]

PICTURES = ["rgb.png", "wide.png", "tall.png", "grey.png"]
LAYERS = 2


def weights(shapes, seed):
    """Random multiples of 1/256, sized so that every layer matters."""
    random = np.random.RandomState(seed)
    result = {}
    for name, shape in sorted(shapes.items()):
        if name in ("logit_scale", "logit_bias"):
            values = np.full(shape, 2.0)
        elif regex.search(r"norm|layrnorm|LayerNorm|ln_", name):
            values = random.normal(float(name.endswith("weight")), 0.2, shape)
        elif name.endswith("bias"):
            values = random.normal(0, 0.1, shape)
        elif regex.search(r"embedding|pos_embed$|cls_token|probe", name) and "patch" not in name:
            values = random.normal(0, 0.5, shape)
        else:
            values = random.normal(0, 1.2 / np.sqrt(np.prod(shape[1:])), shape)
        result[name] = torch.tensor(np.round(values * 256) / 256, dtype=torch.float32)
    return result


def filled(model, seed):
    """The model with such weights in it."""
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    report = model.load_state_dict(weights(shapes, seed), strict=False)
    assert not report.unexpected_keys
    return model.eval()


def byte_pairs(count):
    """Merges as CLIP's tokenizer would have learnt them from the corpus."""
    letters = bytes_to_unicode()
    words = collections.Counter()
    for word in CORPUS.split():
        symbols = [letters[b] for b in word.encode()]
        words[tuple(symbols[:-1]) + (symbols[-1] + "</w>",)] += 1
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        joined = collections.Counter()
        for word, times in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i : i + 2] == best:
                    out.append(word[i] + word[i + 1])
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            joined[tuple(out)] += times
        words = joined
    vocabulary = list(letters.values())
    vocabulary += [v + "</w>" for v in vocabulary] + ["".join(m) for m in merges]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    return merges, vocabulary


def write_merges(folder, merges):
    lines = ["#version: 0.2"] + [" ".join(m) for m in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")


def up_to_the_end(ids, end):
    ids = list(map(int, ids))
    return ids[: ids.index(end) + 1]


def unit(rows):
    return rows / rows.norm(dim=-1, keepdim=True)


class Golden:
    def __init__(self, pictures, folder):
        self.folder = folder
        self.pictures = [Image.open(pictures / name) for name in PICTURES]
        self.tokens, self.tensors = {}, {}

    def place(self, name):
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    def add(self, name, tokens, pixels, image, text):
        self.tokens[name] = [list(map(int, ids)) for ids in tokens]
        found = {"pixels": pixels, "image": image, "text": text, "image_unit": unit(image), "text_unit": unit(text)}
        self.tensors |= {f"{name}.{key}": value.contiguous() for key, value in found.items()}
        print(f"{name}: image vectors up to {image.abs().max():.2f}, text vectors up to {text.abs().max():.2f}")

    def write(self):
        save_file(self.tensors, self.folder / "expected.safetensors", metadata={"format": "pt"})
        cases = {"texts": TEXTS, "pictures": PICTURES, "tokens": self.tokens}
        (self.folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=None) + "\n")


def save(tensors, path):
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata={"format": "pt"})


def torchvision_pixels(golden, side):
    transform = image_transform(side, is_train=False)
    return torch.stack([transform(p) for p in golden.pictures])


def simple_tokenizer(merges, context):
    with tempfile.NamedTemporaryFile(suffix=".gz") as file:
        text = "\n".join(['"tiny#version: 0.2'] + [" ".join(m) for m in merges])
        Path(file.name).write_bytes(gzip.compress(text.encode()))
        return SimpleTokenizer(bpe_path=file.name, context_length=context)


def open_clip_config(embed, quick, image, patch, width, head, mlp, context, vocab, text_width, text_heads):
    return {
        "embed_dim": embed,
        "quick_gelu": quick,
        "vision_cfg": {
            "image_size": image,
            "layers": LAYERS,
            "width": width,
            "head_width": head,
            "mlp_ratio": mlp / width,
            "patch_size": patch,
        },
        "text_cfg": {
            "context_length": context,
            "vocab_size": vocab,
            "width": text_width,
            "heads": text_heads,
            "layers": LAYERS,
        },
    }


def clip(golden):
    merges, vocabulary = byte_pairs(120)
    embed, image, patch, width, heads, mlp, context = 24, 28, 7, 32, 4, 64, 20
    end = len(vocabulary) - 1
    config = CLIPConfig(
        text_config={
            "hidden_act": "quick_gelu",
            "num_hidden_layers": LAYERS,
            "hidden_size": 16,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "max_position_embeddings": context,
            "vocab_size": len(vocabulary),
            "projection_dim": embed,
            # As published: wrong, but it makes the library take the highest id as the end token.
            "bos_token_id": 0,
            "eos_token_id": 2,
        },
        vision_config={
            "hidden_act": "quick_gelu",
            "num_hidden_layers": LAYERS,
            "hidden_size": width,
            "intermediate_size": mlp,
            "num_attention_heads": heads,
            "image_size": image,
            "patch_size": patch,
            "projection_dim": embed,
        },
        projection_dim=embed,
    )
    place = golden.place("clip/hf")
    model = filled(CLIPModel(config), 1)
    config.save_pretrained(place)
    (place / "vocab.json").write_text(
        json.dumps({token: i for i, token in enumerate(vocabulary)}, ensure_ascii=False) + "\n"
    )
    write_merges(place, merges)
    state = dict(model.named_parameters())
    positions = {"text_model.embeddings.position_ids": torch.arange(context)[None]}
    save({k: v.data for k, v in state.items()} | positions, place / "model.safetensors")
    tokenizer = CLIPTokenizerFast(str(place / "vocab.json"), str(place / "merges.txt"), model_max_length=context)
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, return_tensors="pt").input_ids
    pixels = torchvision_pixels(golden, image)
    image_rows = model.get_image_features(pixel_values=pixels)
    text_rows = model.get_text_features(input_ids=ids)
    golden.add("clip/hf", [up_to_the_end(row, end) for row in ids], pixels, image_rows, text_rows)

    place = golden.place("clip/open_clip")
    write_merges(place, merges)
    published = open_clip_config(
        embed, True, image, patch, width, width // heads, mlp, context, len(vocabulary), 16, 2
    )
    (place / "open_clip_config.json").write_text(json.dumps({"model_cfg": published}, indent=2) + "\n")
    other = CLIP(**published)
    other.load_state_dict(to_open_clip({k: v.data for k, v in state.items()}))
    save(dict(other.state_dict()), place / "open_clip_model.safetensors")
    open_clip_case(golden, "clip/open_clip", other.eval(), merges, context, end, image)
    assert (golden.tensors["clip/open_clip.image"] - image_rows).abs().max() < 1e-4

    merges, vocabulary = byte_pairs(90)
    published = open_clip_config(20, False, 28, 7, 40, 10, 80, 16, len(vocabulary), 24, 3)
    place = golden.place("laion/open_clip")
    write_merges(place, merges)
    preprocess = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.3, 0.35]}
    (place / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": published, "preprocess_cfg": preprocess}, indent=2) + "\n"
    )
    laion = filled(CLIP(**published), 2)
    save(dict(laion.named_parameters()), place / "open_clip_pytorch_model.safetensors")
    open_clip_case(golden, "laion/open_clip", laion, merges, 16, len(vocabulary) - 1, 28, preprocess)


def open_clip_case(golden, name, model, merges, context, end, side, preprocess={}):
    ids = simple_tokenizer(merges, context)(TEXTS)
    transform = image_transform(side, is_train=False, **preprocess)
    pixels = torch.stack([transform(p) for p in golden.pictures])
    tokens = [up_to_the_end(row, end) for row in ids]
    golden.add(name, tokens, pixels, model.encode_image(pixels), model.encode_text(ids))


def siglip(golden):
    place = golden.place("siglip/hf")
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "corpus.txt").write_text(CORPUS + "\n")
        rules = {0xFF21 + i: [0x41 + i] for i in range(26)} | {0xFF41 + i: [0x61 + i] for i in range(26)}
        rules |= {0xA0: [0x20], 0x3000: [0x20], 0xFB01: [0x66, 0x69], 0xFB00: [0x66, 0x66], 0x2026: [0x2E] * 3}
        rules |= {0xB5: [0x3BC], 0xB2: [0x32], 0x9: [0x20]}
        lines = [f"{source:X}\t{' '.join(f'{t:X}' for t in to)}" for source, to in rules.items()]
        lines.append("65 301\tE9")
        (work / "rules.tsv").write_text("\n".join(lines) + "\n")
        sentencepiece.SentencePieceTrainer.train(
            input=str(work / "corpus.txt"),
            model_prefix=str(work / "spiece"),
            vocab_size=200,
            hard_vocab_limit=False,
            model_type="unigram",
            normalization_rule_tsv=str(work / "rules.tsv"),
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            minloglevel=2,
            num_threads=1,
        )
        (place / "spiece.model").write_bytes((work / "spiece.model").read_bytes())
    context, side = 16, 30
    tokenizer = SiglipTokenizer(str(place / "spiece.model"), model_max_length=context)
    shared = {"num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": 48}
    config = SiglipConfig(
        text_config=shared
        | {"hidden_size": 32, "vocab_size": tokenizer.vocab_size, "max_position_embeddings": context},
        vision_config=shared | {"hidden_size": 32, "image_size": side, "patch_size": 7},
    )
    model = filled(SiglipModel(config), 3)
    config.save_pretrained(place)
    save(dict(model.named_parameters()), place / "model.safetensors")
    processor = SiglipImageProcessor(size={"height": side, "width": side}, do_convert_rgb=True)
    processor.save_pretrained(place)
    pixels = processor([p.convert("RGB") for p in golden.pictures], return_tensors="pt").pixel_values
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, return_tensors="pt").input_ids
    golden.add(
        "siglip/hf",
        ids,
        pixels,
        model.get_image_features(pixel_values=pixels),
        model.get_text_features(input_ids=ids),
    )


def biomedclip(golden):
    place = golden.place("biomedclip/open_clip")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789"))
    pieces += letters + [f"##{c}" for c in letters] + list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~–≥²…") + ["µ", "μ", "肺"]
    pieces += sorted(set(CORPUS.replace(",", " ").replace("-", " ").split()) - set(letters))
    (place / "vocab.txt").write_text("\n".join(pieces) + "\n")
    context, side = 24, 28
    with tempfile.TemporaryDirectory() as work:
        BertConfig(
            vocab_size=len(pieces),
            hidden_size=32,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            intermediate_size=48,
            max_position_embeddings=40,
        ).save_pretrained(work)
        BertTokenizerFast(str(place / "vocab.txt"), do_lower_case=True).save_pretrained(work)
        published = {
            "embed_dim": 24,
            "vision_cfg": {
                "timm_model_name": "vit_tiny_patch16_224",
                "timm_model_pretrained": False,
                "timm_pool": "",
                "timm_proj": "linear",
                "image_size": side,
            },
            "text_cfg": {
                "hf_model_name": work,
                "hf_model_pretrained": False,
                "hf_tokenizer_name": work,
                "hf_proj_type": "mlp",
                "hf_pooler_type": "cls_last_hidden_state_pooler",
                "context_length": context,
            },
        }
        model = CustomTextCLIP(**published)
        tokenizer = HFTokenizer(work, context_length=context)
        published["text_cfg"]["hf_model_name"] = published["text_cfg"]["hf_tokenizer_name"] = "a BERT of 32"
    # timm has no ViT as small as this under a name.
    model.visual.trunk = timm.models.vision_transformer.VisionTransformer(
        img_size=side, patch_size=7, embed_dim=32, depth=LAYERS, num_heads=4, mlp_ratio=1.5, num_classes=0
    )
    model.visual.head.proj = torch.nn.Linear(32, 24, bias=False)
    filled(model, 4)
    (place / "open_clip_config.json").write_text(json.dumps({"model_cfg": published}, indent=2) + "\n")
    positions = {"text.transformer.embeddings.position_ids": torch.arange(40)[None]}
    torch.save(dict(model.state_dict()) | positions, place / "open_clip_pytorch_model.bin")
    ids = tokenizer(TEXTS)
    pixels = torchvision_pixels(golden, side)
    tokens = [[int(i) for i in row if i != 0] for row in ids]
    golden.add("biomedclip/open_clip", tokens, pixels, model.encode_image(pixels), model.encode_text(ids))


def main(pictures, folder):
    golden = Golden(pictures, folder)
    clip(golden)
    siglip(golden)
    biomedclip(golden)
    golden.write()
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    with torch.no_grad():
        main(Path(sys.argv[1]), Path(sys.argv[2]))
