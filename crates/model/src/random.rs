//! Bundles with the sizes of published models and random weights, for benchmarks without the published files.

use candle_core::Tensor;
use std::collections::BTreeMap;
use std::path::Path;

use super::bundle::{FORMAT_VERSION, Fit, Manifest, Pixels, SpecialTokens, VectorIdentity};
use super::families::ModelConfig;
use super::flamingo::{FlamingoConfig, GatedStyle, MediaMask, ResamplerConfig};
use super::import::{ImportError, WeightFormat, write_weights};
use super::language::{DecoderConfig, Mlp};
use super::layers::NormKind;
use super::medvint::{FusionConfig, MedvintConfig, QueryConfig, TdConfig, TeConfig};
use super::prefix::{Architecture, Layout, MapperConfig, PrefixConfig};
use super::vision::{ClipConfig, ResnetConfig, VisionActivation, VisionConfig};
use rounds_support::rng::Rng;
use rounds_support::{Cancel, files};

/// Published models whose sizes can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Shape {
    /// OpenFlamingo-3B: MPT-1B, a gated block before every layer.
    #[cfg_attr(feature = "clap", value(name = "openflamingo-3b"))]
    OpenFlamingo3b,
    /// OpenFlamingo-4B: RedPajama-INCITE-3B, a gated block before every second layer.
    #[cfg_attr(feature = "clap", value(name = "openflamingo-4b"))]
    OpenFlamingo4b,
    /// OpenFlamingo-9B: MPT-7B, a gated block before every fourth layer.
    #[cfg_attr(feature = "clap", value(name = "openflamingo-9b"))]
    OpenFlamingo9b,
    /// Med-Flamingo: LLaMA-7B, a gated block before every fourth layer.
    #[cfg_attr(feature = "clap", value(name = "med-flamingo"))]
    MedFlamingo,
    /// IDEFICS-9B.
    #[cfg_attr(feature = "clap", value(name = "idefics-9b"))]
    Idefics9b,
    /// Prefix tuning of GPT-2 XL with the MLP mapper.
    #[cfg_attr(feature = "clap", value(name = "prefix-gpt2-xl"))]
    PrefixGpt2Xl,
    /// Prefix tuning of BioGPT with the MLP mapper.
    #[cfg_attr(feature = "clap", value(name = "prefix-biogpt"))]
    PrefixBioGpt,
    /// Prefix tuning of BioMedLM with the MLP mapper.
    #[cfg_attr(feature = "clap", value(name = "prefix-biomedlm"))]
    PrefixBioMedLm,
    /// MedVInT-TD: PMC-LLaMA-7B and PMC-CLIP's ResNet-50.
    #[cfg_attr(feature = "clap", value(name = "medvint-td"))]
    MedvintTd,
    /// MedVInT-TE: LLaMA-7B and PMC-CLIP's ResNet-50.
    #[cfg_attr(feature = "clap", value(name = "medvint-te"))]
    MedvintTe,
    /// MedVInT-TE with CLIP ViT-B/32 at 512 pixels.
    #[cfg_attr(feature = "clap", value(name = "medvint-te-clip"))]
    MedvintTeClip,
}

fn decoder(vocab: usize, hidden: usize, layers: usize, heads: usize) -> DecoderConfig {
    DecoderConfig {
        vocab_size: vocab,
        hidden_size: hidden,
        intermediate_size: 4 * hidden,
        layers,
        heads,
        kv_heads: None,
        max_positions: 2048,
        norm: NormKind::LayerNoBias,
        norm_eps: 1e-5,
        rope_theta: None,
        rope_fraction: 1.0,
        alibi_bias_max: Some(8.0),
        qk_norm: false,
        mlp: Mlp::Gelu,
        bias: false,
        parallel_residual: false,
        tied_head: true,
        low_rank: None,
        learned_positions: None,
        embed_scale: None,
        layer_scaled_attention: false,
    }
}

fn llama_7b(vocab: usize) -> DecoderConfig {
    DecoderConfig {
        intermediate_size: 11_008,
        norm: NormKind::Rms,
        norm_eps: 1e-6,
        rope_theta: Some(10_000.0),
        alibi_bias_max: None,
        mlp: Mlp::SwiGlu,
        tied_head: false,
        ..decoder(vocab, 4096, 32, 32)
    }
}

/// GPT-2 and its relatives.
fn gpt(vocab: usize, hidden: usize, layers: usize, heads: usize) -> DecoderConfig {
    DecoderConfig {
        max_positions: 1024,
        norm: NormKind::Layer,
        alibi_bias_max: None,
        learned_positions: Some(0),
        mlp: Mlp::GeluTanh,
        bias: true,
        ..decoder(vocab, hidden, layers, heads)
    }
}

/// CLIP ViT-B/32 for images of `side` pixels, with a projection to `embed_dim` or 0 without one.
fn clip_b32(side: usize, embed_dim: usize) -> VisionConfig {
    VisionConfig::Clip(ClipConfig {
        image_size: side,
        patch_size: 32,
        width: 768,
        layers: 12,
        heads: 12,
        mlp_width: 3072,
        embed_dim,
        activation: VisionActivation::QuickGelu,
        keep_class_token: false,
    })
}

/// A prefix-tuned `language` with CLIP ViT-B/32 and the MLP mapper.
fn prefix(language: DecoderConfig) -> PrefixConfig {
    const PREFIX: usize = 8;
    let width = PREFIX * language.hidden_size;
    PrefixConfig {
        architecture: Architecture::Prefix,
        prefix_length: PREFIX,
        layout: Layout::Regular,
        mapper: Some(MapperConfig::Mlp {
            hidden: vec![width / 2, width],
        }),
        virtual_tokens: None,
        vision: clip_b32(224, 512),
        language,
    }
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OpenFlamingo3b,
        Self::OpenFlamingo4b,
        Self::OpenFlamingo9b,
        Self::MedFlamingo,
        Self::Idefics9b,
        Self::PrefixGpt2Xl,
        Self::PrefixBioGpt,
        Self::PrefixBioMedLm,
        Self::MedvintTd,
        Self::MedvintTe,
        Self::MedvintTeClip,
    ];

    /// Whether it is a MedVInT-TE.
    fn is_te(self) -> bool {
        matches!(self, Self::MedvintTe | Self::MedvintTeClip)
    }

    /// The published configuration (seed-systems, sections 1 to 5).
    pub fn config(self) -> ModelConfig {
        match self {
            Self::PrefixGpt2Xl => prefix(gpt(50_257, 1600, 48, 25)).into(),
            Self::PrefixBioGpt => prefix(DecoderConfig {
                learned_positions: Some(2),
                embed_scale: Some(32.0),
                mlp: Mlp::Gelu,
                ..gpt(42_384, 1024, 24, 16)
            })
            .into(),
            Self::PrefixBioMedLm => prefix(DecoderConfig {
                layer_scaled_attention: true,
                ..gpt(28_896, 2560, 32, 20)
            })
            .into(),
            Self::MedvintTd | Self::MedvintTe | Self::MedvintTeClip => self.medvint().into(),
            _ => self.flamingo().into(),
        }
    }

    fn medvint(self) -> MedvintConfig {
        let queries = |heads, inner| QueryConfig {
            count: 32,
            layers: 12,
            heads,
            inner,
        };
        let tower = |stages| VisionConfig::Resnet(ResnetConfig::resnet_50(stages));
        let language = llama_7b(32_000);
        match self.is_te() {
            true => MedvintConfig::Te(TeConfig {
                vision: match self {
                    Self::MedvintTeClip => clip_b32(512, 0),
                    _ => tower(4),
                },
                queries: queries(4, 768),
                fusion: FusionConfig {
                    width: 768,
                    layers: 1,
                    heads: 8,
                    text_length: 256,
                    max_answer: 6,
                },
                language: DecoderConfig {
                    tied_head: true,
                    ..language
                },
            }),
            false => MedvintConfig::Td(TdConfig {
                vision: tower(3),
                queries: Some(queries(8, 1024)),
                language,
            }),
        }
    }

    fn flamingo(self) -> FlamingoConfig {
        let idefics = self == Self::Idefics9b;
        let (every, language) = match self {
            Self::OpenFlamingo3b => (
                1,
                DecoderConfig {
                    qk_norm: true,
                    ..decoder(50_280, 2048, 24, 16)
                },
            ),
            Self::OpenFlamingo4b => (
                2,
                DecoderConfig {
                    norm: NormKind::Layer,
                    rope_theta: Some(10_000.0),
                    alibi_bias_max: None,
                    bias: true,
                    tied_head: false,
                    ..decoder(50_280, 2560, 32, 32)
                },
            ),
            Self::OpenFlamingo9b => (4, decoder(50_280, 4096, 32, 32)),
            Self::Idefics9b => (4, llama_7b(32_002)),
            _ => (4, llama_7b(32_003)),
        };
        let tower = |width, layers, heads, mlp_width, embed_dim, activation| ClipConfig {
            image_size: 224,
            patch_size: 14,
            width,
            layers,
            heads,
            mlp_width,
            embed_dim,
            activation,
            keep_class_token: idefics,
        };
        FlamingoConfig {
            cross_attn_every_n_layers: every,
            cross_attn_first_layer: 0,
            cross_attn_heads: if idefics { 32 } else { 8 },
            cross_attn_head_dim: if idefics { 128 } else { 64 },
            gated: match idefics {
                true => GatedStyle::Idefics,
                false => GatedStyle::OpenFlamingo,
            },
            media_mask: MediaMask::Previous,
            vision: VisionConfig::Clip(match idefics {
                true => tower(1280, 32, 16, 5120, 0, VisionActivation::Gelu),
                false => tower(1024, 24, 16, 4096, 768, VisionActivation::QuickGelu),
            }),
            resampler: ResamplerConfig {
                depth: 6,
                heads: if idefics { 16 } else { 8 },
                head_dim: if idefics { 96 } else { 64 },
                num_latents: 64,
                ff_mult: 4,
                idefics,
                width: None,
                positions: None,
            },
            match_bias: None,
            language,
        }
    }
}

/// A tokenizer with a token `t17` for id 17 and so on, and the special tokens last.
fn tokenizer(vocab: usize, special: &[&str]) -> Result<String, ImportError> {
    let plain_tokens = vocab - special.len();
    let vocabulary: serde_json::Map<String, serde_json::Value> = (0..plain_tokens)
        .map(|i| (format!("t{i}"), i.into()))
        .chain(
            special
                .iter()
                .enumerate()
                .map(|(i, s)| ((*s).to_string(), (plain_tokens + i).into())),
        )
        .collect();
    let added: Vec<serde_json::Value> = special
        .iter()
        .enumerate()
        .map(|(i, token)| {
            serde_json::json!({
                "id": plain_tokens + i, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true
            })
        })
        .collect();
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "t0" }
    });
    Ok(json.to_string())
}

/// Writes a bundle of `shape` to `folder` and returns the length of its weights in bytes. `layers` reduces the decoder's depth.
pub fn write(
    shape: Shape,
    layers: Option<usize>,
    format: WeightFormat,
    folder: &Path,
    seed: u64,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<u64, ImportError> {
    let mut config = shape.config();
    // A model without an output head of its own needs none in addition to its embedding table.
    let has_head = config.medvint().is_none();
    let language = config.language_mut();
    if let Some(layers) = layers {
        language.layers = layers.clamp(1, language.layers);
    }
    if has_head {
        language.tied_head &= !format.is_packed();
    }
    let specs = config.tensors()?;
    files::create_private_dir(folder)?;
    let mut done = 0;
    let written = write_weights(folder, format, &specs, &mut |tensor| {
        if cancel.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        progress(done, specs.len());
        done += 1;
        Ok(draw(&tensor.name, &tensor.shape, seed)?)
    })?;
    progress(specs.len(), specs.len());
    let special: &[&str] = match shape {
        _ if config.medvint().is_some() => &["<unk>", "<s>", "</s>", "<image>"],
        Shape::Idefics9b => &["<s>", "</s>", "<fake_token_around_image>", "<image>"],
        _ if config.prefix().is_some() => &["<|endoftext|>", "<image>"],
        _ => &["<|endofchunk|>", "<image>", "<PAD>"],
    };
    let json = tokenizer(config.language().vocab_size, special)?;
    let idefics = shape == Shape::Idefics9b;
    let family = match (&config, shape) {
        (ModelConfig::Medvint(config), _) => config.family(),
        (ModelConfig::Prefix(_), _) => "prefix",
        _ if idefics => "idefics",
        _ => "flamingo",
    };
    let template = match &config {
        ModelConfig::Prefix(config) => config.layout.template(),
        ModelConfig::Flamingo(_) if !idefics => "open-flamingo",
        _ => family,
    };
    let (begin, end) = match shape {
        Shape::MedvintTd => ("<unk>", "<s>"),
        Shape::Idefics9b => ("<s>", "</s>"),
        _ if shape.is_te() => ("<s>", "</s>"),
        _ if config.prefix().is_some() => ("", "<|endoftext|>"),
        _ => ("", "<|endofchunk|>"),
    };
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        family: family.into(),
        name: format!("random {shape:?}"),
        licence: "none: random numbers".into(),
        intended_use: rounds_support::INTENDED_USE.into(),
        knows: "this model's weights are random, so its answers mean nothing".into(),
        template: template.into(),
        familiar_similarity: -1.0,
        reliability: None,
        dtype: format.name().into(),
        weights: vec![format.file().into()],
        vectors_known_by: VectorIdentity::Settings,
        tokens: SpecialTokens {
            begin: begin.into(),
            image: "<image>".into(),
            end_of_chunk: end.into(),
            stop: Vec::new(),
            media_reset: idefics.then(|| "</s>".into()),
            untrained: vec!["<image>".into()],
            around_image: idefics.then(|| "<fake_token_around_image>".into()),
        },
        pixels: match shape {
            _ if config.medvint().is_some() => Pixels::imagenet(Fit::SquashOpaque),
            Shape::Idefics9b => Pixels::clip(Fit::Squash),
            _ => Pixels::clip(Fit::Crop),
        },
        config,
        files: BTreeMap::from([
            (format.file().to_string(), written.sha256.clone()),
            ("tokenizer.json".into(), files::sha256_hex(json.as_bytes())),
        ]),
        lengths: BTreeMap::from([
            (format.file().to_string(), written.length),
            ("tokenizer.json".into(), json.len() as u64),
        ]),
    };
    let text = toml::to_string(&manifest)
        .map_err(|e| ImportError::Tensor(candle_core::Error::msg(e.to_string())))?;
    let bytes = written.length;
    written.commit(folder, &json, ("model.toml", &text))?;
    Ok(bytes)
}

/// Values of a tensor: norms are 1, biases 0, gates half open, everything else scaled so that hidden states stay of order 1. The
/// same seed and name give the same values.
fn draw(name: &str, shape: &[usize], seed: u64) -> candle_core::Result<Tensor> {
    let device = candle_core::Device::Cpu;
    let norm = ["norm", "ln_", ".1.0.", ".ff.0."]
        .iter()
        .any(|p| name.contains(p));
    if name.ends_with("_gate") {
        return Tensor::full(0.5f32, shape, &device);
    }
    if shape.len() == 1 && name.ends_with("weight") && norm {
        return Tensor::ones(shape, candle_core::DType::F32, &device);
    }
    if name.ends_with("bias") {
        return Tensor::zeros(shape, candle_core::DType::F32, &device);
    }
    let hash = name.bytes().fold(seed ^ 0xCBF2_9CE4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3)
    });
    let fan_in: usize = match shape {
        // A convolution.
        [_, inputs @ .., height, width] if !inputs.is_empty() => {
            inputs.iter().product::<usize>() * height * width
        }
        _ => shape.last().copied().unwrap_or(1),
    };
    let scale = 1.7 / (fan_in.max(1) as f32).sqrt();
    let mut rng = Rng::new(hash);
    // Two uniform numbers per draw, for speed: billions are needed.
    let count: usize = shape.iter().product();
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let bits = rng.next_u64();
        for half in [bits as u32, (bits >> 32) as u32] {
            values.push((half as f32 / 2_147_483_648.0 - 1.0) * scale);
        }
    }
    values.truncate(count);
    Tensor::from_vec(values, shape, &device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medvint_te_has_512_pixels_and_32_queries_with_either_tower() {
        for shape in [Shape::MedvintTe, Shape::MedvintTeClip] {
            let config = shape.config();
            assert_eq!(config.latent_dims(), [1, 32, 768], "{shape:?}");
            assert_eq!(config.vision().image_size(), 512);
            let tensors = config.tensors().unwrap();
            let embed = tensors.iter().any(|t| t.name.starts_with("image_embed"));
            assert_eq!(embed, shape == Shape::MedvintTe, "{shape:?}");
        }
        let config = Shape::MedvintTeClip.config();
        let tensors = config.tensors().unwrap();
        let positions = tensors
            .iter()
            .find(|t| t.name.ends_with("positional_embedding"));
        assert_eq!(positions.unwrap().shape, [257, 768]);
    }
}
