"""Times training steps of PyTorch at the shapes of this project's trainers; nothing is learned and nothing is written.

python training_speed.py adapt|learner [--threads N] [--steps N] [--bf16] [--lora]

* adapt: prefix tuning over SmolLM2-135M's shape (`rounds train adapt --decoder SmolLM2-135M... --method prefix` or, with --lora, `lora`):
  steps of 32 questions, parts of 8, each a question of 18 tokens and 8 positions of an image, 4 tokens predicted: the means of SLAKE.
* learner: the learner that ships (`rounds train radiology`, second stage): sequences of 130 tokens with 5 images, about 1,600 tokens a
  step; resampler, gated cross-attention before layers 8, 11, ... 29, match bias, low-rank additions, a vocabulary of 21,000.

Weights are random: the time does not depend on them. Tokens of text are counted, not the positions of images. Only what needs gradients gets
them: layers below the first addition run without. Needs requirements-learner.txt."""

import argparse
import math
import time

import torch
import torch.nn.functional as F
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

WIDTH, HEADS, LAYERS = 576, 9, 30


def decoder(vocab):
    config = LlamaConfig(
        vocab_size=vocab, hidden_size=WIDTH, intermediate_size=1536, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=3, max_position_embeddings=2048, rms_norm_eps=1e-5, rope_theta=100000.0, tie_word_embeddings=True,
        attn_implementation="eager",
    )
    return LlamaForCausalLM(config).requires_grad_(False)


class LowRank(nn.Module):
    def __init__(self, linear, rank, factor):
        super().__init__()
        self.linear, self.factor = linear, factor
        self.down = nn.Linear(linear.in_features, rank, bias=False)
        self.up = nn.Linear(rank, linear.out_features, bias=False)

    def forward(self, x):
        return self.linear(x) + self.factor * self.up(self.down(x))


def adapt(arguments):
    model = decoder(49152)
    if arguments.lora:
        for layer in model.model.layers:
            layer.self_attn.q_proj = LowRank(layer.self_attn.q_proj, 8, 4.0)
            layer.self_attn.v_proj = LowRank(layer.self_attn.v_proj, 8, 4.0)
    whole = 8 * WIDTH
    mapper = nn.Sequential(
        nn.Linear(1280, whole // 2), nn.Tanh(), nn.Dropout(0.5), nn.Linear(whole // 2, whole), nn.Tanh(), nn.Dropout(0.5),
        nn.Linear(whole, whole),
    )

    def step():
        for _ in range(4):
            ids = torch.randint(0, 49152, (8, 18))
            text = model.model.embed_tokens(ids)
            images = mapper(torch.randn(8, 1280)).reshape(8, 8, WIDTH)
            x = torch.cat([text[:, :14], images, text[:, 14:]], 1)
            hidden = model.model(inputs_embeds=x, use_cache=False).last_hidden_state
            logits = model.lm_head(hidden[:, 21:-1])
            (F.cross_entropy(logits.float().flatten(0, 1), ids[:, 14:].flatten()) / 4).backward()
        return 32 * 18

    return step, [*mapper.parameters(), *(p for p in model.parameters() if p.requires_grad)]


class Attention(nn.Module):
    def __init__(self, query, media, inner, heads):
        super().__init__()
        self.heads = heads
        self.norm, self.norm_media = nn.LayerNorm(query), nn.LayerNorm(media)
        self.q, self.kv, self.o = nn.Linear(query, inner, bias=False), nn.Linear(media, 2 * inner, bias=False), nn.Linear(inner, query, bias=False)

    def forward(self, x, media, mask=None):
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q = split(self.q(self.norm(x)))
        k, v = (split(t) for t in self.kv(media).chunk(2, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(mask, -1e4)
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def feed_forward(width, inner):
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, inner, bias=False), nn.GELU(), nn.Linear(inner, width, bias=False))


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.forward_ = Attention(WIDTH, 384, 384, 6), feed_forward(WIDTH, WIDTH)
        self.gates = nn.Parameter(torch.full((2,), 0.1))

    def forward(self, x, media, mask):
        x = x + self.gates[0].tanh() * self.attention(x, media, mask)
        return x + self.gates[1].tanh() * self.forward_(x)


def learner(arguments):
    count, tokens, images, latents = 12, 130, 5, 16
    model = decoder(21000)
    first = 8
    for layer in model.model.layers[first:]:
        layer.self_attn.q_proj = LowRank(layer.self_attn.q_proj, 16, 1.0)
        layer.self_attn.v_proj = LowRank(layer.self_attn.v_proj, 16, 1.0)
        layer.mlp.down_proj = LowRank(layer.mlp.down_proj, 16, 1.0)
    gated = nn.ModuleDict({str(at): Gated() for at in range(first, LAYERS, 3)})
    project, learned = nn.Linear(1280, 384), nn.Parameter(torch.randn(latents, 384))
    resampler = nn.ModuleList(nn.ModuleList([Attention(384, 384, 384, 6), feed_forward(384, 384)]) for _ in range(2))
    weight = nn.Parameter(torch.full((LAYERS - 10, HEADS), 1.5))
    turn = torch.arange(tokens) * images // tokens
    mask = (turn[:, None] != (torch.arange(images * latents) // latents)[None])[None, None]
    causal = torch.full((tokens, tokens), -1e4).triu(1)
    scored = torch.arange(4, tokens, 26)

    def step():
        for _ in range(3):
            n = count // 3
            media = project(torch.randn(n * images, 64, 1280))
            x = learned.expand(n * images, -1, -1)
            for attention, forward in resampler:
                x = x + attention(x, torch.cat([media, x], 1))
                x = x + forward(x)
            media = x.reshape(n, images * latents, 384)
            ids = torch.randint(0, 21000, (n, tokens))
            similarity = torch.randn(n, images, images).tril(-1)[:, turn][:, :, turn]
            hidden = model.model.embed_tokens(ids)
            places = model.model.rotary_emb(hidden, torch.arange(tokens)[None])
            for at, layer in enumerate(model.model.layers):
                if at >= first and str(at) in gated:
                    hidden = gated[str(at)](hidden, media, mask)
                bias = causal.expand(n, HEADS, -1, -1)
                if at >= 10:
                    bias = bias + weight[at - 10][None, :, None, None] * similarity[:, None]
                out = layer(hidden, attention_mask=bias, position_embeddings=places)
                hidden = out[0] if isinstance(out, tuple) else out
            hidden = model.model.norm(hidden)[:, scored]
            logits = model.lm_head(hidden)
            (F.cross_entropy(logits.float().flatten(0, 1), ids[:, scored].flatten()) / 3).backward()
        return count * tokens

    parts = [*gated.parameters(), *project.parameters(), learned, *resampler.parameters(), weight]
    return step, [*parts, *(p for p in model.parameters() if p.requires_grad)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["adapt", "learner"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--lora", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    step, trained = {"adapt": adapt, "learner": learner}[arguments.what](arguments)
    optimiser = torch.optim.AdamW(trained, lr=1e-4)
    times = []
    for _ in range(arguments.steps + 1):
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=arguments.bf16):
            tokens = step()
        optimiser.step()
        optimiser.zero_grad()
        times.append(time.perf_counter() - start)
    # The first step is slower and does not count.
    seconds = sum(times[1:]) / arguments.steps
    parameters = sum(p.numel() for p in trained)
    print(f"{arguments.what}{' lora' if arguments.lora else ''} {'bf16' if arguments.bf16 else 'f32'}: {seconds:.2f} s a step, {tokens / seconds:.0f} tokens a second, {parameters} trained, {torch.get_num_threads()} threads, torch {torch.__version__}")


main()
