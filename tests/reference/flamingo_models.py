"""The four language models and the CLIP tower that `flamingo.py` puts together, with weights from fixed seeds.

Nothing to run here. Every weight is a multiple of 1/64, so that files compress and bf16 copies of small ones are exact.
"""

import inspect
import json
import sys
import types
from collections import OrderedDict
from pathlib import Path

import torch
from open_clip.transformer import QuickGELU, VisionTransformer
from safetensors.torch import save as safetensors_bytes
from torch import nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MptConfig,
    MptForCausalLM,
    PretrainedConfig,
)

WIDTH, HEADS, LAYERS = 32, 4, 4
# What a tokenizer of 128 entries gives the three tokens that Flamingo adds, in the order it adds them.
ENDOFCHUNK, IMAGE, PAD = 128, 129, 130
BASE_VOCAB, VOCAB = 128, 131
# MPT and GPT-NeoX publish tables with more rows than the tokenizer has entries; adding tokens then shrinks them.
LARGE_TABLE = 160
VISION = dict(image_size=28, patch_size=14, width=32, layers=2, heads=4, mlp=64, embed_dim=16, activation="quick_gelu")


def grid(tensor):
    return (tensor * 64).round() / 64


@torch.no_grad()
def fill(named, seed, embedding_std=0.5):
    """Draws every tensor of `named` (name, parameter) so that activations and logits stay of order one."""
    random = torch.Generator().manual_seed(seed)
    for name, value in named:
        noise = torch.randn(value.shape, generator=random)
        if name.endswith(("wte.weight", "embed_tokens.weight", "embed_in.weight")):
            noise *= embedding_std
        elif name.endswith(("class_embedding", "positional_embedding", "latents")):
            noise *= 0.5
        elif value.dim() == 1:
            noise = 0.1 * noise + (1 if name.endswith("weight") else 0)
        else:
            noise *= 1.3 * value[0].numel() ** -0.5
        value.copy_(grid(noise))


@torch.no_grad()
def hush(table):
    """Keeps <image> and <PAD> from winning in the head `table`: the reference counts images anew when it writes one."""
    table[IMAGE:] = grid(table[IMAGE:] / 16)


# Language models as published: `build` draws one, `load` reads its folder.


def llama():
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=BASE_VOCAB,
            hidden_size=WIDTH,
            intermediate_size=64,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            max_position_embeddings=128,
            rms_norm_eps=1e-6,
            tie_word_embeddings=False,
        )
    )


def mpt7b():
    attention = dict(alibi=True, alibi_bias_max=8, attn_impl="torch", qk_ln=False, clip_qkv=None, prefix_lm=False)
    return MptForCausalLM(
        MptConfig(
            vocab_size=LARGE_TABLE,
            d_model=WIDTH,
            n_heads=HEADS,
            n_layers=LAYERS,
            max_seq_len=128,
            learned_pos_emb=True,
            no_bias=True,
            attn_config=attention,
        )
    )


def neox():
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=LARGE_TABLE,
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            max_position_embeddings=128,
            rotary_pct=1.0,
            use_parallel_residual=False,
            hidden_act="gelu",
            tie_word_embeddings=False,
        )
    )


def mosaic_classes(root):
    """MosaicGPT and its configuration from mosaicml/examples v0.0.4, with stand-ins for what only training needs."""

    def put(name, **attributes):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(attributes)

    def anything(name):
        sys.modules[name] = type(name, (types.ModuleType,), {"__getattr__": lambda _, key: type(key, (), {})})(name)

    for name in ("omegaconf", "composer.metrics", "composer.metrics.nlp", "composer.models"):
        anything(name)
    # Low-precision layer norm is the plain one when nothing is autocast.
    norm = "composer.algorithms.low_precision_layernorm.low_precision_layernorm"
    put(norm, LPLayerNorm=nn.LayerNorm)
    source = "examples.llm.src.models"
    for name in ("examples", "examples.llm", "examples.llm.src", source, f"{source}.layers", f"{source}.mosaic_gpt"):
        put(name, __path__=[str(Path(root, *name.split(".")))])
    leave = {"kaiming_normal_": lambda module, **_: None}
    put(f"{source}.utils", MODEL_INIT_REGISTRY=leave, add_bidirectional_mask_if_missing=None)
    from examples.llm.src.models.mosaic_gpt.mosaic_gpt import MosaicGPT as Published
    from examples.llm.src.models.mosaic_gpt.mosaic_gpt import MosaicGPTConfig

    class MosaicGPT(Published):
        """With the argument and the accessors that OpenFlamingo's copy of the model adds."""

        def forward(self, input_ids, attention_mask=None, labels=None, **rest):
            mask = None if attention_mask is None else attention_mask.bool()
            return super().forward(input_ids=input_ids, attention_mask=mask, **rest)

        def get_input_embeddings(self):
            return self.transformer.wte

        def set_input_embeddings(self, table):
            self.transformer.wte = table

    return MosaicGPT, MosaicGPTConfig


def mpt1b(root):
    model, config = mosaic_classes(root)
    return model(
        config(
            vocab_size=LARGE_TABLE,
            d_model=WIDTH,
            n_heads=HEADS,
            n_layers=LAYERS,
            mlp_ratio=4,
            max_seq_len=128,
            attn_impl="torch",
            attn_qk_ln=True,
            alibi=True,
            no_bias=True,
            low_precision_layernorm=True,
        )
    )


def save(state, path):
    if path.suffix == ".safetensors":
        path.write_bytes(safetensors_bytes(state, {"format": "pt"}))
    else:
        torch.save(state, path)


def own_settings(config):
    """What the class of `config` itself defines: published files hold little more."""
    names = [name for name in inspect.signature(type(config)).parameters if name != "kwargs" and hasattr(config, name)]
    settings = {name: getattr(config, name) for name in names}
    if isinstance(settings.get("attn_config"), PretrainedConfig):
        settings["attn_config"] = own_settings(settings["attn_config"])
    return settings


def save_language(model, folder, form, extra):
    """Writes config.json and the weights as `form`, "safetensors", "shards" or "bin"; `extra` are buffers."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {"architectures": [type(model).__name__], "model_type": model.config.model_type}
    described.update(torch_dtype="float32", **own_settings(model.config))
    (folder / "config.json").write_text(json.dumps(described, indent=2) + "\n")
    state = OrderedDict(model.state_dict(), **extra)
    if model.config.model_type == "mpt":
        del state["lm_head.weight"]  # tied, and not in the published files
    if form == "bin":
        save(state, folder / "pytorch_model.bin")
        return
    if form == "safetensors":
        save(state, folder / "model.safetensors")
        return
    names, where = list(state), {}
    for part in (1, 2):
        held = names[: len(names) // 2] if part == 1 else names[len(names) // 2 :]
        file = f"model-{part:05}-of-00002.safetensors"
        save({name: state[name] for name in held}, folder / file)
        where.update(dict.fromkeys(held, file))
    total = sum(value.numel() * value.element_size() for value in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


# The CLIP tower, which every family shares up to its seed.


def tower(seed):
    visual = VisionTransformer(
        image_size=VISION["image_size"],
        patch_size=VISION["patch_size"],
        width=VISION["width"],
        layers=VISION["layers"],
        heads=VISION["heads"],
        mlp_ratio=VISION["mlp"] / VISION["width"],
        output_dim=VISION["embed_dim"],
        act_layer=QuickGELU,
        output_tokens=True,
    )
    fill(visual.named_parameters(), seed)
    return visual.eval()


def open_clip_names(visual):
    """As in the state dict of a whole CLIP: the tower under `visual.`, and some of the text half, which is not ours."""
    state = OrderedDict((f"visual.{name}", value) for name, value in visual.state_dict().items())
    text = dict(positional_embedding=(7, 8), text_projection=(8, 16), **{"token_embedding.weight": (11, 8)})
    text["transformer.resblocks.0.ln_1.weight"] = (8,)
    state.update((name, torch.ones(shape)) for name, shape in text.items())
    state["logit_scale"] = torch.tensor(4.59375)
    return state


def hugging_face_names(visual):
    """The same tower under the names of CLIPVisionModelWithProjection."""
    state, ours = OrderedDict(), visual.state_dict()
    embeddings = "vision_model.embeddings."
    state[embeddings + "class_embedding"] = ours["class_embedding"]
    state[embeddings + "patch_embedding.weight"] = ours["conv1.weight"]
    state[embeddings + "position_embedding.weight"] = ours["positional_embedding"]
    state[embeddings + "position_ids"] = torch.arange(len(ours["positional_embedding"]))[None]
    renamed = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    renamed["attn.out_proj"] = "self_attn.out_proj"
    for kind in ("weight", "bias"):
        state[f"vision_model.pre_layrnorm.{kind}"] = ours[f"ln_pre.{kind}"]
        for layer in range(VISION["layers"]):
            old, new = f"transformer.resblocks.{layer}.", f"vision_model.encoder.layers.{layer}."
            for part, value in zip("qkv", ours[f"{old}attn.in_proj_{kind}"].chunk(3)):
                state[f"{new}self_attn.{part}_proj.{kind}"] = value.clone()
            for source, target in renamed.items():
                state[f"{new}{target}.{kind}"] = ours[f"{old}{source}.{kind}"]
        state[f"vision_model.post_layernorm.{kind}"] = ours[f"ln_post.{kind}"]
    state["visual_projection.weight"] = ours["proj"].T.contiguous()
    return state


def check_hugging_face(state, pixels, pooled, tokens):
    """That the tower under Hugging Face names gives what open_clip's gave."""
    model = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=VISION["width"],
            intermediate_size=VISION["mlp"],
            projection_dim=VISION["embed_dim"],
            num_hidden_layers=VISION["layers"],
            num_attention_heads=VISION["heads"],
            image_size=VISION["image_size"],
            patch_size=VISION["patch_size"],
            hidden_act=VISION["activation"],
        )
    ).eval()
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert not missing, missing
    ours = model(pixels)
    torch.testing.assert_close(ours.image_embeds, pooled, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.last_hidden_state[:, 1:], tokens, rtol=1e-4, atol=1e-5)
