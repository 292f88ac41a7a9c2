//! How much memory a run takes, counted before it starts.
//!
//! Counted from the tensors that the backward pass needs, each in f32, and from the copies that the trainer makes. What the allocator
//! holds back and what is alive for a moment only is not counted: it is an estimate, not a limit.

use std::fmt;

use super::recipe::AdaptRecipe;
use rounds_model::language::{DecoderConfig, Mlp, Projection};
use rounds_model::ops::Precision;
use rounds_model::prefix::{MapperConfig, PrefixConfig};

const F32: usize = 4;

/// Numbers of a run that its configuration does not show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Trained parameters, and how many of them began with given values, which are kept too.
    pub(super) trained: usize,
    pub(super) given: usize,
    /// Parameters that stay, and how many of them are also packed for products in bf16.
    pub(super) frozen: usize,
    pub(super) packed: usize,
    /// Images whose features are kept.
    pub(super) images: usize,
    /// Tokens of the longest sequence.
    pub(super) tokens: usize,
    /// Most predicted tokens of a sequence.
    pub(super) predicted: usize,
    /// Parts of a step at the same time.
    pub(super) threads: usize,
    /// Whether attention keeps its weights, as everywhere but on a CPU.
    pub(super) keeps_attention: bool,
}

/// Bytes of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    weights: usize,
    gradients: usize,
    moments: usize,
    activations: usize,
    features: usize,
}

impl Memory {
    pub(super) fn of(config: &PrefixConfig, recipe: &AdaptRecipe, counts: Counts) -> Self {
        let packed = match recipe.precision {
            // Once for a layer's output and once for its gradient, two bytes each.
            Precision::Bf16 => counts.packed * 4,
            Precision::Full => 0,
        };
        let parts = recipe.batch.div_ceil(recipe.micro_batch.max(1));
        let threads = counts.threads.clamp(1, parts.max(1));
        let vector = config.vision.vector_width();
        Self {
            weights: F32 * (counts.trained + counts.given + counts.frozen) + packed,
            // Of every part as tensors and as what is summed, and the sum.
            gradients: F32 * counts.trained * (2 * threads + 1),
            moments: 2 * F32 * counts.trained,
            activations: F32 * threads * Self::part(config, recipe, counts),
            features: F32 * counts.images * vector,
        }
    }

    /// Numbers that a part of a step keeps.
    fn part(config: &PrefixConfig, recipe: &AdaptRecipe, counts: Counts) -> usize {
        let language = &config.language;
        let questions = recipe.micro_batch.min(recipe.batch);
        let positions =
            counts.tokens.saturating_sub(1) + config.prefix_length + config.virtual_count();
        let mut layer = layer_numbers(language);
        if counts.keeps_attention {
            layer += 3 * language.heads * positions;
        }
        let hidden = language.hidden_size;
        // The gradients in flight are about those of one layer.
        let layers = match recipe.checkpointing {
            true => language.layers * hidden + 2 * layer,
            false => (language.layers + 1) * layer,
        };
        // The pieces of the sequences and the sequences, logits and their gradients, and the mapper.
        let sequences = questions * positions * (layers + 2 * hidden);
        let logits = questions * counts.predicted * (hidden + 2 * language.vocab_size);
        sequences + logits + questions * mapper_numbers(config)
    }

    pub(super) fn total(&self) -> usize {
        self.weights + self.gradients + self.moments + self.activations + self.features
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = |bytes: usize| bytes as f64 / 1e9;
        write!(
            f,
            "about {:.2} GB: weights {:.2}, gradients {:.2}, moments {:.2}, activations {:.2}, features of images {:.2}",
            gb(self.total()),
            gb(self.weights),
            gb(self.gradients),
            gb(self.moments),
            gb(self.activations),
            gb(self.features)
        )
    }
}

/// Numbers that the backward pass through a decoder layer needs of each position: what each operation gives.
fn layer_numbers(language: &DecoderConfig) -> usize {
    let (hidden, inner) = (language.hidden_size, language.intermediate_size);
    let narrow = language.key_value_width();
    // Both norms, queries, what was attended to, its projection, the feed-forward's result, and two sums.
    let mut numbers = 8 * hidden + 2 * narrow;
    numbers += match language.mlp {
        Mlp::SwiGlu => 3 * inner,
        Mlp::Gelu | Mlp::GeluTanh => 2 * inner,
    };
    if language.rope_theta.is_some() {
        numbers += hidden + narrow;
    }
    if language.qk_norm {
        numbers += hidden + narrow;
    }
    if language.bias {
        numbers += 3 * hidden + 2 * narrow + inner;
    }
    if let Some(low) = language.low_rank {
        let having = Projection::ALL.into_iter();
        let widths = having.filter(|one| low.targets.has(*one)).map(|one| {
            let (out, _) = language.projection_shape(one);
            low.rank + 2 * out
        });
        numbers += widths.sum::<usize>();
    }
    numbers
}

/// Numbers that the backward pass through the mapper needs of each image.
fn mapper_numbers(config: &PrefixConfig) -> usize {
    let hidden = config.language.hidden_size;
    let whole = config.prefix_length * hidden;
    match &config.mapper {
        None => 0,
        // A layer, its dropout's mask, what that leaves, and tanh.
        Some(MapperConfig::Mlp { hidden }) => whole + 4 * hidden.iter().sum::<usize>(),
        Some(MapperConfig::Transformer {
            clip_length,
            layers,
            inner,
            ..
        }) => (clip_length + config.prefix_length) * layers * (10 * hidden + 2 * inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_model::random::Shape;

    fn counts() -> Counts {
        Counts {
            trained: 1_000,
            given: 500,
            frozen: 10_000,
            packed: 8_000,
            images: 50,
            tokens: 40,
            predicted: 10,
            threads: 2,
            keeps_attention: false,
        }
    }

    fn memory(change: impl FnOnce(&mut AdaptRecipe, &mut Counts)) -> Memory {
        let config = Shape::PrefixBioGpt.config();
        let (mut recipe, mut counts) = (AdaptRecipe::default(), counts());
        change(&mut recipe, &mut counts);
        Memory::of(config.prefix().unwrap(), &recipe, counts)
    }

    #[test]
    fn weights_gradients_moments_and_features_are_counted_as_they_are_held() {
        let found = memory(|_, _| ());
        assert_eq!(found.weights, 4 * 11_500 + 4 * 8_000);
        assert_eq!(
            found.gradients,
            4 * 5_000,
            "two parts, each twice, and the sum"
        );
        assert_eq!(found.moments, 8_000);
        assert_eq!(found.features, 4 * 50 * 512);
        let full = memory(|recipe, _| recipe.precision = Precision::Full);
        assert_eq!(full.weights, 4 * 11_500);
    }

    #[test]
    fn activations_grow_with_the_batch_and_shrink_with_checkpointing() {
        let usual = memory(|_, _| ());
        let twice = memory(|recipe, _| recipe.micro_batch = 16);
        assert_eq!(twice.activations, 2 * usual.activations);
        let spared = memory(|recipe, _| recipe.checkpointing = true);
        assert!(5 * spared.activations < usual.activations, "24 layers");
        let one = memory(|recipe, _| recipe.micro_batch = 32);
        assert_eq!(
            one.activations,
            2 * usual.activations,
            "one part of the whole batch has no other beside it"
        );
        let kept = memory(|_, counts| counts.keeps_attention = true);
        assert!(kept.activations > usual.activations);
        assert!(spared.total() < usual.total());
        assert!(usual.to_string().contains("activations"), "{usual}");
    }
}
