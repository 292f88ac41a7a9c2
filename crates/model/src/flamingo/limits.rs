//! Whether a Flamingo of these sizes can be run at all.

use super::{FlamingoConfig, ResamplerConfig};
use crate::language::DecoderConfig;
use crate::sizes::{LARGEST, LARGEST_SIDE, MOST_LAYERS, epsilon, parts, within};
use crate::vision::VisionConfig;

/// Longest sequence: its table of angles must fit into memory before any weight is read.
const MOST_POSITIONS: usize = 1 << 17;
/// Largest head; published ones have up to 256 dimensions.
const LARGEST_HEAD: usize = 1024;
const MOST_LATENTS: usize = 4096;

impl FlamingoConfig {
    /// Errors, in words, where no Flamingo can have these sizes.
    pub fn check(&self) -> Result<(), String> {
        within(
            "cross_attn_every_n_layers",
            self.cross_attn_every_n_layers,
            LARGEST,
        )?;
        within("cross_attn_heads", self.cross_attn_heads, LARGEST)?;
        within(
            "cross_attn_head_dim",
            self.cross_attn_head_dim,
            LARGEST_HEAD,
        )?;
        vision(&self.vision)?;
        resampler(&self.resampler)?;
        language(&self.language)
    }
}

fn vision(tower: &VisionConfig) -> Result<(), String> {
    within("image_size", tower.image_size, LARGEST_SIDE)?;
    within("patch_size", tower.patch_size, tower.image_size)?;
    within("vision width", tower.width, LARGEST)?;
    within("vision layers", tower.layers, MOST_LAYERS)?;
    within("vision mlp_width", tower.mlp_width, LARGEST)?;
    // 0 stands for a tower without a projection.
    within("embed_dim", tower.embed_dim.max(1), LARGEST)?;
    parts("vision", tower.width, tower.heads)
}

fn resampler(sizes: &ResamplerConfig) -> Result<(), String> {
    within("resampler depth", sizes.depth, MOST_LAYERS)?;
    within("resampler heads", sizes.heads, LARGEST)?;
    within("resampler head_dim", sizes.head_dim, LARGEST_HEAD)?;
    within("num_latents", sizes.num_latents, MOST_LATENTS)?;
    within("ff_mult", sizes.ff_mult, LARGEST_HEAD)
}

fn language(decoder: &DecoderConfig) -> Result<(), String> {
    within("vocab_size", decoder.vocab_size, LARGEST)?;
    within("hidden_size", decoder.hidden_size, LARGEST)?;
    within("intermediate_size", decoder.intermediate_size, LARGEST)?;
    within("layers", decoder.layers, MOST_LAYERS)?;
    within("max_positions", decoder.max_positions, MOST_POSITIONS)?;
    parts("language", decoder.hidden_size, decoder.heads)?;
    let head = decoder.hidden_size / decoder.heads;
    within("dimensions of a head", head, LARGEST_HEAD)?;
    epsilon("language", decoder.norm_eps)?;
    let positive = |v: f32| v.is_finite() && v > 0.0;
    match (decoder.rope_theta, decoder.alibi_bias_max) {
        (Some(theta), _) if !positive(theta) => Err(format!("rope_theta is {theta}")),
        (_, Some(max)) if !positive(max) => Err(format!("alibi_bias_max is {max}")),
        _ if !(0.0..=1.0).contains(&decoder.rope_fraction) => {
            Err(format!("rope_fraction is {}", decoder.rope_fraction))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Bundle;
    use crate::random::Shape;

    fn shipped() -> FlamingoConfig {
        let manifest = rounds_support::shipped::file("assets/nano/model.toml").unwrap();
        Bundle::manifest_of(manifest).unwrap().config
    }

    #[test]
    fn every_published_shape_passes() {
        assert_eq!(shipped().check(), Ok(()));
        for shape in [
            Shape::OpenFlamingo3b,
            Shape::OpenFlamingo4b,
            Shape::OpenFlamingo9b,
            Shape::MedFlamingo,
            Shape::Idefics9b,
        ] {
            assert_eq!(shape.config().check(), Ok(()), "{shape:?}");
        }
    }

    #[test]
    fn sizes_that_would_take_all_memory_or_divide_by_nothing_are_refused() {
        let refused = |change: &dyn Fn(&mut FlamingoConfig), word: &str| {
            let mut config = shipped();
            change(&mut config);
            let reason = config.check().unwrap_err();
            assert!(reason.contains(word), "{reason}");
        };
        refused(
            &|c| c.language.max_positions = 99_999_999_999,
            "max_positions",
        );
        refused(&|c| c.language.heads = 1 << 40, "heads");
        refused(&|c| c.language.heads = 0, "heads");
        refused(&|c| c.language.hidden_size = 1 << 40, "hidden_size");
        refused(&|c| c.language.rope_fraction = 2.0, "rope_fraction");
        refused(&|c| c.language.rope_theta = Some(f32::NAN), "rope_theta");
        refused(&|c| c.language.norm_eps = 0.0, "eps");
        refused(&|c| c.vision.patch_size = 0, "patch_size");
        refused(&|c| c.vision.image_size = 1 << 40, "image_size");
        refused(&|c| c.vision.width = 193, "6 heads");
        refused(&|c| c.resampler.num_latents = 0, "num_latents");
        refused(&|c| c.resampler.ff_mult = usize::MAX, "ff_mult");
    }
}
