//! The recipe of the radiology learner: sizes, data, schedule, seed. The model card states these values.

use serde::{Deserialize, Serialize};

use crate::recipe::Stage;
use rounds_model::flamingo::{
    FlamingoConfig, GatedStyle, MatchBiasConfig, MediaMask, ResamplerConfig,
};
use rounds_model::language::{DecoderConfig, LowRankConfig, LowRankTargets};
use rounds_model::vision::{EfficientNetConfig, VisionConfig};

/// Everything that determines a run of `rounds train radiology`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RadiologyRecipe {
    /// Seed of weights and batches.
    pub seed: u64,
    /// Worker threads. Batches are split between them, which affects the result, so this is part of the recipe.
    pub threads: usize,
    /// Side of the square that the tower sees, in pixels.
    pub image_size: usize,
    /// Views of each training image: the image itself and augmented ones.
    pub tower_views: usize,
    /// Views whose features the learner is trained on.
    pub learner_views: usize,
    /// Blocks of the tower that stay as published.
    pub frozen_blocks: usize,
    /// Tokens that the vocabulary keeps from the start of the published one, beside those that the data needs.
    pub kept_tokens: usize,
    /// Weight decay of AdamW.
    pub weight_decay: f32,
    /// The tower on labels made from the data sets' answers; `batch` counts images.
    pub tower: Stage,
    /// Learning rate of the tower's heads, relative to the tower's.
    pub head_rate: f32,
    /// Resampler, gated blocks, match bias and low-rank additions on episodes; `batch` counts tokens.
    pub learner: Stage,
    /// Share of the learner's steps that have single questions only.
    pub single_share: f32,
    /// Share of the other episodes that bind made-up names.
    pub binding_share: f32,
    /// Share of the other question episodes whose shots are drawn at random instead of by likeness.
    pub random_share: f32,
    /// The same for VQA-RAD, and where the answer is yes or no if `misleading_closed` says so.
    pub misleading_share: f32,
    /// Whether the yes-or-no questions of the other sets have as many misleading shots as VQA-RAD's.
    pub misleading_closed: bool,
    /// Share of the question episodes without shots, once single questions alone are over.
    pub zero_share: f32,
    /// How often VQA-RAD's questions are drawn, relative to the other sets'.
    pub rad_share: f32,
    /// Share of the episodes with worked examples, in the words of the teaching index.
    pub worked_share: f32,
    /// Share of the episodes with questions about several images.
    pub several_share: f32,
    /// SHA-256 of the manifest of the bundle whose tower and additions the run began with; empty for a run from published parts.
    pub started_from: String,
    /// Share of the episodes whose turns have rationales.
    pub rationale_share: f32,
    /// Weight of a rationale's tokens in the loss; an answer's have 1.
    pub rationale_weight: f32,
    /// Learning rate of gates and match weights, relative to the schedule's.
    pub scalar_rate: f32,
    /// Learning rate of the low-rank additions, relative to the schedule's.
    pub low_rank_rate: f32,
    /// Rank of the additions to the decoder; 0 for none.
    pub low_rank: usize,
    /// Questions of the tuning split that a checkpoint is judged by.
    pub tuning_questions: usize,
    /// The learner's stage ends after so many evaluations without a better tuning score; 0 for never.
    pub patience: usize,
}

impl Default for RadiologyRecipe {
    fn default() -> Self {
        Self {
            seed: 20_261_129,
            threads: 2,
            image_size: 224,
            tower_views: 6,
            learner_views: 3,
            frozen_blocks: 5,
            kept_tokens: 20_000,
            weight_decay: 0.02,
            tower: Stage {
                steps: 900,
                batch: 32,
                rate: 6e-4,
                warmup: 40,
                evaluate_every: 100,
            },
            head_rate: 6.0,
            learner: Stage {
                steps: 1000,
                batch: 1600,
                rate: 6e-4,
                warmup: 20,
                evaluate_every: 100,
            },
            single_share: 0.2,
            binding_share: 0.22,
            random_share: 0.15,
            misleading_share: 0.45,
            misleading_closed: true,
            zero_share: 0.2,
            rad_share: 0.5,
            worked_share: 0.12,
            several_share: 0.06,
            started_from: String::new(),
            rationale_share: 0.3,
            rationale_weight: 0.3,
            scalar_rate: 10.0,
            low_rank_rate: 0.5,
            low_rank: 16,
            tuning_questions: 240,
            patience: 0,
        }
    }
}

/// The first decoder layer that anything is added to; the layers before it need no backward pass.
const FIRST_LAYER: usize = 8;

/// Sizes of the learner around a published decoder and tower.
pub(crate) fn config(
    recipe: &RadiologyRecipe,
    decoder: &DecoderConfig,
    tower: &EfficientNetConfig,
) -> FlamingoConfig {
    let first = FIRST_LAYER.min(decoder.layers / 2);
    FlamingoConfig {
        cross_attn_every_n_layers: 3,
        cross_attn_first_layer: first,
        cross_attn_heads: 6,
        cross_attn_head_dim: 64,
        gated: GatedStyle::OpenFlamingo,
        media_mask: MediaMask::Turn,
        resampler: ResamplerConfig {
            depth: 2,
            heads: 6,
            head_dim: 64,
            num_latents: 16,
            ff_mult: 1,
            idefics: false,
            width: Some(384),
            positions: Some(tower.map_side() * tower.map_side()),
        },
        vision: VisionConfig::EfficientNet(tower.clone()),
        match_bias: Some(MatchBiasConfig {
            dimension: 128,
            scale: 5.0,
            first_layer: (first + 2).min(decoder.layers - 1),
        }),
        language: DecoderConfig {
            low_rank: (recipe.low_rank > 0).then_some(LowRankConfig {
                rank: recipe.low_rank,
                first_layer: first,
                targets: LowRankTargets::default(),
            }),
            ..decoder.clone()
        },
    }
}
