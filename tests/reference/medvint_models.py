"""The parts of MedVInT in PyTorch, written from the published architecture and names (PMC-VQA, commit 1678ec2).

transformers' own LLaMA and CLIP, peft's own LoRA and torch's own decoder are used where PMC-VQA uses them."""

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM, LlamaModel

VOCAB, HIDDEN, TEXT_LENGTH = 96, 32, 24
RESNET = dict(width=4, blocks=[1, 2, 1, 1], side=64)
CLIP = dict(width=48, heads=4, layers=2, inner=96, patch=8, side=32)
QUERIES, QUERY_LAYERS, QUERY_INNER = 5, 2, 40


class Block(nn.Module):
    """A bottleneck whose strided convolutions are average pools, also on the shortcut."""

    def __init__(self, inputs, inner, stride):
        super().__init__()
        outputs = 4 * inner
        self.conv1, self.bn1, self.relu1 = nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU()
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2, self.relu2 = nn.BatchNorm2d(inner), nn.ReLU()
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3, self.bn3, self.relu3 = nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential()
            self.downsample.add_module("-1", nn.AvgPool2d(stride))
            self.downsample.add_module("0", nn.Conv2d(inputs, outputs, 1, bias=False))
            self.downsample.add_module("1", nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.avgpool(self.relu2(self.bn2(self.conv2(y))))
        y = self.bn3(self.conv3(y))
        return self.relu3(y + (x if self.downsample is None else self.downsample(x)))


class AttentionPool(nn.Module):
    """Present in checkpoints and never used by MedVInT."""

    def __init__(self, places, width, out):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.randn(places + 1, width))
        self.k_proj, self.q_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj = nn.Linear(width, out)


class ModifiedResNet(nn.Module):
    """The order of the attributes is that of the published module: MedVInT-TD's names are their numbers."""

    def __init__(self, width, blocks, side):
        super().__init__()
        half = width // 2
        self.conv1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False)
        self.bn1, self.relu1 = nn.BatchNorm2d(half), nn.ReLU()
        self.conv2, self.bn2, self.relu2 = nn.Conv2d(half, half, 3, padding=1, bias=False), nn.BatchNorm2d(half), nn.ReLU()
        self.conv3, self.bn3, self.relu3 = nn.Conv2d(half, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        self.avgpool = nn.AvgPool2d(2)
        channels = width
        for stage, count in enumerate(blocks):
            inner = width << stage
            layers = []
            for i in range(count):
                layers.append(Block(channels, inner, 2 if stage and i == 0 else 1))
                channels = 4 * inner
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.attnpool = AttentionPool((side // 32) ** 2, channels, 16)

    def forward(self, x):
        for part in list(self.children())[:-1]:
            x = part(x)
        return x


def clip():
    config = CLIPVisionConfig(
        hidden_size=CLIP["width"], intermediate_size=CLIP["inner"], num_hidden_layers=CLIP["layers"],
        num_attention_heads=CLIP["heads"], image_size=CLIP["side"], patch_size=CLIP["patch"], attn_implementation="eager",
    )
    return CLIPVisionModel(config)


def llama_config():
    return LlamaConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=128, rms_norm_eps=1e-6, bos_token_id=0, eos_token_id=1, attn_implementation="eager",
    )


def with_lora(model, rank):
    if rank is None:
        return model
    return get_peft_model(model, LoraConfig(r=rank, lora_alpha=32, lora_dropout=0.1, target_modules=["q_proj", "v_proj"]))


class DetrLayer(nn.Module):
    """DETR's decoder layer with its norms in front and no position codes."""

    def __init__(self, width, heads, inner):
        super().__init__()
        self.self_attn, self.multihead_attn = (nn.MultiheadAttention(width, heads) for _ in range(2))
        self.linear1, self.linear2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x, memory):
        y = self.norm1(x)
        x = x + self.self_attn(y, y, y)[0]
        x = x + self.multihead_attn(self.norm2(x), memory, memory)[0]
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class DetrDecoder(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.layers = nn.ModuleList(DetrLayer(width, heads, QUERY_INNER) for _ in range(QUERY_LAYERS))
        self.norm = nn.LayerNorm(width)

    def forward(self, x, memory):
        for layer in self.layers:
            x = layer(x, memory)
        return self.norm(x)


class Td(nn.Module):
    """MedVInT-TD; without `queries` its MLP variant."""

    def __init__(self, tower, queries, rank):
        super().__init__()
        self.resnet, self.mlp = tower == "resnet", not queries
        if self.resnet:
            self.vision_model = nn.Sequential(*list(ModifiedResNet(**RESNET).children())[:-2])
            width = RESNET["width"] * 16
        else:
            self.vision_model, width = clip(), CLIP["width"]
        if queries:
            self.query_embed = nn.Embedding(QUERIES, width)
            self.decoder = DetrDecoder(width, 8 if self.resnet else 12)
        self.fc_l1, self.fc_l2 = nn.Linear(width, width), nn.Linear(width, HIDDEN)
        self.llamacasual = with_lora(LlamaForCausalLM(llama_config()), rank)

    def tokens(self, pixels):
        """Tokens of the tower; of a CLIP with its class token in front."""
        if self.resnet:
            return self.vision_model(pixels).flatten(2).transpose(1, 2)
        return self.vision_model(pixel_values=pixels).last_hidden_state

    def read(self, tokens):
        if self.mlp:
            return tokens.mean(1, keepdim=True) if self.resnet else tokens[:, :1]
        memory = tokens if self.resnet else tokens[:, 1:]
        queries = self.query_embed.weight.unsqueeze(1).repeat(1, len(tokens), 1)
        return self.decoder(queries, memory.transpose(0, 1)).transpose(0, 1)

    def embeddings(self, read):
        return self.fc_l2(F.relu(self.fc_l1(read)))

    def sequence(self, ids, images, image_token):
        """Embeddings of a sequence in which every image token stands for the next of `images`."""
        table, images = self.llamacasual.get_input_embeddings(), iter(images)
        parts = [next(images) if i == image_token else table(torch.tensor([i])) for i in ids]
        return torch.cat(parts)[None]


class FusionBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attn, self.ln_1 = nn.MultiheadAttention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", nn.GELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Te(nn.Module):
    """MedVInT-TE with everything that its checkpoints hold, used or not."""

    def __init__(self, tower, rank):
        super().__init__()
        self.resnet, width = tower == "resnet", 48
        self.llama_model = LlamaModel(llama_config())
        self.text_encoder = with_lora(self.llama_model, rank)
        self.text_embed = nn.Sequential(nn.Linear(HIDDEN, width))
        if self.resnet:
            self.image_encoder = nn.Module()
            self.image_encoder.visual = ModifiedResNet(**RESNET)
            self.image_embed = nn.Sequential(nn.Linear(RESNET["width"] * 32, width))
        else:
            self.image_encoder = clip()
        self.qformer_query = nn.Parameter(torch.randn(QUERIES, width))
        self.qformer_decoder_layer = nn.TransformerDecoderLayer(
            width, nhead=4, dim_feedforward=QUERY_INNER, activation="relu", norm_first=True
        )
        self.qformer_decoder_norm = nn.LayerNorm(width)
        self.qformer_decoder = nn.TransformerDecoder(self.qformer_decoder_layer, QUERY_LAYERS, self.qformer_decoder_norm)
        self.positional_embedding = nn.Parameter(torch.randn(TEXT_LENGTH, width))
        self.text_projection = nn.Parameter(torch.randn(width, width))
        self.mlm_projection = nn.Parameter(torch.randn(width, VOCAB))
        self.logit_scale = nn.Parameter(torch.tensor(2.0))
        self.img_special_token = nn.Parameter(torch.randn(1, 1, width))
        self.fusion_module = nn.Module()
        self.fusion_module.resblocks = nn.ModuleList([FusionBlock(width, 8)])

    def tokens(self, pixels):
        if self.resnet:
            return self.image_encoder.visual(pixels).flatten(2).transpose(1, 2)
        return self.image_encoder(pixels).last_hidden_state

    def embeddings(self, tokens):
        memory = self.image_embed(tokens) if self.resnet else tokens[:, 1:]
        queries = self.qformer_query.unsqueeze(0).expand(len(tokens), -1, -1)
        return self.qformer_decoder(queries.transpose(0, 1), memory.transpose(0, 1)).transpose(0, 1)

    def forward(self, ids, images):
        """Log-probabilities of every token of the padded `ids`; `images` are embeddings, one after the other."""
        padded = torch.tensor([ids + [0] * (TEXT_LENGTH - len(ids))])
        mask = torch.tensor([[1] * len(ids) + [0] * (TEXT_LENGTH - len(ids))])
        text = self.text_embed(self.text_encoder(input_ids=padded, attention_mask=mask)[0])
        x = torch.cat([text, self.img_special_token, *(image[None] for image in images)], 1).transpose(0, 1)
        for block in self.fusion_module.resblocks:
            x = block(x)
        x = x.transpose(0, 1)[:, :TEXT_LENGTH]
        return F.log_softmax(x @ self.mlm_projection, -1)[0]
