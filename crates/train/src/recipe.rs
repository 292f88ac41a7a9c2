//! The recipe of nano: sizes, data, schedule, seed. The model card states these values.

use serde::{Deserialize, Serialize};

use rounds_model::bundle::{Fit, Pixels};
use rounds_model::flamingo::{FlamingoConfig, GatedStyle, MediaMask, ResamplerConfig};
use rounds_model::language::{DecoderConfig, Mlp};
use rounds_model::layers::NormKind;
use rounds_model::ops::Precision;
use rounds_model::vision::{ClipConfig, VisionActivation, VisionConfig};

/// One stage of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Number of steps.
    pub steps: usize,
    /// Images (tower) or episodes (other stages) per step.
    pub batch: usize,
    /// Highest learning rate.
    pub rate: f64,
    /// Steps of learning rate warm-up.
    pub warmup: usize,
    /// Steps between evaluations and checkpoints.
    pub evaluate_every: usize,
}

/// Everything that determines a run of `rounds train nano`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NanoRecipe {
    /// Seed of weights and batches.
    pub seed: u64,
    /// Worker threads. Batches are split between them, which affects the result, so this is part of the recipe.
    pub threads: usize,
    /// Phantoms rendered for training.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// Phantoms rendered to evaluate the tower, never trained on.
    pub held_out: usize,
    /// Size of the tokenizer's vocabulary.
    pub vocab_size: usize,
    /// Weight decay of AdamW.
    pub weight_decay: f32,
    /// Precision of matrix products in linear layers; weights, sums and the optimiser stay f32.
    pub precision: Precision,
    /// The vision tower alone, on the phantoms' attributes.
    pub tower: Stage,
    /// Resampler, gated blocks and decoder on short exercises, from the tower's cached features.
    pub drill: Stage,
    /// The same on whole episodes.
    pub episodes: Stage,
    /// The whole model, briefly.
    pub joint: Stage,
}

impl Default for NanoRecipe {
    fn default() -> Self {
        Self {
            seed: 20_261_124,
            threads: 2,
            images: 27_000,
            held_out: 900,
            vocab_size: 1024,
            weight_decay: 0.05,
            precision: Precision::Bf16,
            tower: Stage {
                steps: 2400,
                batch: 64,
                rate: 1.2e-3,
                warmup: 150,
                evaluate_every: 200,
            },
            drill: Stage {
                steps: 2000,
                batch: 24,
                rate: 1.5e-3,
                warmup: 100,
                evaluate_every: 100,
            },
            episodes: Stage {
                steps: 2000,
                batch: 16,
                rate: 1e-3,
                warmup: 50,
                evaluate_every: 100,
            },
            joint: Stage {
                steps: 200,
                batch: 16,
                rate: 2e-4,
                warmup: 20,
                evaluate_every: 100,
            },
        }
    }
}

/// Sizes of nano.
pub fn nano_config(vocab_size: usize) -> FlamingoConfig {
    FlamingoConfig {
        cross_attn_every_n_layers: 2,
        cross_attn_first_layer: 0,
        cross_attn_heads: 6,
        cross_attn_head_dim: 32,
        gated: GatedStyle::OpenFlamingo,
        media_mask: MediaMask::Previous,
        vision: VisionConfig::Clip(ClipConfig {
            image_size: 128,
            patch_size: 16,
            width: 192,
            layers: 6,
            heads: 6,
            mlp_width: 768,
            embed_dim: 128,
            activation: VisionActivation::QuickGelu,
            keep_class_token: false,
        }),
        resampler: ResamplerConfig {
            depth: 2,
            heads: 6,
            head_dim: 32,
            num_latents: 16,
            ff_mult: 4,
            idefics: false,
            width: None,
            positions: None,
        },
        match_bias: None,
        language: DecoderConfig {
            vocab_size,
            hidden_size: 192,
            intermediate_size: 512,
            layers: 6,
            heads: 6,
            kv_heads: None,
            max_positions: 1024,
            norm: NormKind::Rms,
            norm_eps: 1e-6,
            rope_theta: Some(10_000.0),
            rope_fraction: 1.0,
            alibi_bias_max: None,
            qk_norm: false,
            mlp: Mlp::SwiGlu,
            bias: false,
            parallel_residual: false,
            tied_head: true,
            low_rank: None,
            learned_positions: None,
            embed_scale: None,
            layer_scaled_attention: false,
        },
    }
}

/// CLIP's mean and standard deviation of pixels.
pub fn pixel_norm() -> ([f32; 3], [f32; 3]) {
    let pixels = Pixels::clip(Fit::Crop);
    (pixels.mean, pixels.std)
}
