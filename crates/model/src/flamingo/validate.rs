//! Checks that a Flamingo's sizes are plausible.

use super::{FlamingoConfig, MatchBiasConfig, ResamplerConfig};
use crate::bounds::{
    MAX_IMAGE_SIDE, MAX_LAYERS, MAX_SIZE, check_epsilon, check_heads, check_range,
};
use crate::language::DecoderConfig;
use crate::vision::{ClipConfig, EfficientNetConfig, ResnetConfig, VisionConfig};

/// Maximum length of a sequence: the table of rotary angles is allocated before any weight is read.
const MAX_POSITIONS: usize = 1 << 17;
/// Most dimensions of a head; published models have up to 256.
const MAX_HEAD_DIM: usize = 1024;
/// Most channels of a convolution.
const MAX_CHANNELS: usize = 1 << 14;
/// Maximum side, stride and expansion of a convolution.
const MAX_KERNEL: usize = 16;
/// Most rows of a table of learned positions before that of the first token.
const MAX_ROWS_BEFORE: usize = 16;
/// Most latents per image.
const MAX_LATENTS: usize = 4096;

impl FlamingoConfig {
    /// Errors, saying which, where a size is impossible.
    pub fn check(&self) -> Result<(), String> {
        check_range(
            "cross_attn_every_n_layers",
            self.cross_attn_every_n_layers,
            MAX_SIZE,
        )?;
        check_range("cross_attn_heads", self.cross_attn_heads, MAX_SIZE)?;
        check_range(
            "cross_attn_head_dim",
            self.cross_attn_head_dim,
            MAX_HEAD_DIM,
        )?;
        vision(&self.vision)?;
        resampler(&self.resampler)?;
        let tokens = self.vision.tokens();
        if self
            .resampler
            .positions
            .is_some_and(|count| count != tokens)
        {
            return Err(format!(
                "positions must be {tokens}, as many as the tower has tokens"
            ));
        }
        language(&self.language)?;
        match &self.match_bias {
            Some(bias) => match_bias(bias, &self.language),
            None => Ok(()),
        }
    }
}

/// Checks of the parts of a Flamingo on their own.
pub(crate) mod check_parts {
    pub(crate) use super::{efficientnet as tower, language as decoder, vision};
}

/// Checks a vision tower of any kind.
pub(crate) fn vision(tower: &VisionConfig) -> Result<(), String> {
    match tower {
        VisionConfig::Clip(tower) => clip(tower),
        VisionConfig::EfficientNet(tower) => efficientnet(tower),
        VisionConfig::Resnet(tower) => resnet(tower),
    }
}

fn clip(tower: &ClipConfig) -> Result<(), String> {
    check_range("image_size", tower.image_size, MAX_IMAGE_SIDE)?;
    check_range("patch_size", tower.patch_size, tower.image_size)?;
    check_range("vision width", tower.width, MAX_SIZE)?;
    check_range("vision layers", tower.layers, MAX_LAYERS)?;
    check_range("vision mlp_width", tower.mlp_width, MAX_SIZE)?;
    // 0 means a tower without a projection.
    check_range("embed_dim", tower.embed_dim.max(1), MAX_SIZE)?;
    check_heads("vision", tower.width, tower.heads)
}

pub(crate) fn efficientnet(tower: &EfficientNetConfig) -> Result<(), String> {
    check_range("image_size", tower.image_size, MAX_IMAGE_SIDE)?;
    check_range("stem", tower.stem, MAX_CHANNELS)?;
    check_range("head", tower.head, MAX_CHANNELS)?;
    check_range("number of stages", tower.stages.len(), MAX_LAYERS)?;
    for stage in &tower.stages {
        check_range("kernel", stage.kernel, MAX_KERNEL)?;
        check_range("stride", stage.stride, MAX_KERNEL)?;
        check_range("expansion", stage.expansion, MAX_KERNEL)?;
        check_range("channels", stage.channels, MAX_CHANNELS)?;
        check_range("blocks", stage.blocks, MAX_LAYERS)?;
    }
    Ok(())
}

fn resnet(tower: &ResnetConfig) -> Result<(), String> {
    check_range("image_size", tower.image_size, MAX_IMAGE_SIDE)?;
    check_range("stem", tower.stem, MAX_CHANNELS)?;
    // Each stage halves the map, which must not vanish.
    check_range("number of stages", tower.stages.len(), 8)?;
    check_range("side of the last map", tower.map_side(), MAX_IMAGE_SIDE)?;
    for &blocks in &tower.stages {
        check_range("blocks", blocks, MAX_LAYERS)?;
    }
    match tower.stem.is_multiple_of(2) {
        true => Ok(()),
        false => Err(format!("stem is {}, but must be even", tower.stem)),
    }
}

fn match_bias(bias: &MatchBiasConfig, decoder: &DecoderConfig) -> Result<(), String> {
    check_range("match_bias dimension", bias.dimension, MAX_SIZE)?;
    if bias.first_layer >= decoder.layers {
        return Err(format!(
            "first_layer of match_bias is {}, but there are {} layers",
            bias.first_layer, decoder.layers
        ));
    }
    if decoder.rope_theta.is_none() {
        return Err("match_bias needs rotary positions".into());
    }
    match bias.scale.is_finite() {
        true => Ok(()),
        false => Err("scale of match_bias must be a number".into()),
    }
}

fn resampler(sizes: &ResamplerConfig) -> Result<(), String> {
    check_range("resampler depth", sizes.depth, MAX_LAYERS)?;
    check_range("resampler heads", sizes.heads, MAX_SIZE)?;
    check_range("resampler head_dim", sizes.head_dim, MAX_HEAD_DIM)?;
    check_range("num_latents", sizes.num_latents, MAX_LATENTS)?;
    if let Some(width) = sizes.width {
        check_range("resampler width", width, MAX_SIZE)?;
    }
    check_range("ff_mult", sizes.ff_mult, MAX_HEAD_DIM)
}

pub(crate) fn language(decoder: &DecoderConfig) -> Result<(), String> {
    check_range("vocab_size", decoder.vocab_size, MAX_SIZE)?;
    check_range("hidden_size", decoder.hidden_size, MAX_SIZE)?;
    check_range("intermediate_size", decoder.intermediate_size, MAX_SIZE)?;
    if let Some(low) = decoder.low_rank {
        check_range("rank", low.rank, decoder.hidden_size)?;
        if low.first_layer >= decoder.layers {
            return Err(format!(
                "first_layer of low_rank is {}, but there are {} layers",
                low.first_layer, decoder.layers
            ));
        }
    }
    check_range("layers", decoder.layers, MAX_LAYERS)?;
    check_range("max_positions", decoder.max_positions, MAX_POSITIONS)?;
    check_heads("language", decoder.hidden_size, decoder.heads)?;
    if let Some(kv_heads) = decoder.kv_heads {
        check_heads("kv_heads of language", decoder.heads, kv_heads)?;
    }
    let head = decoder.hidden_size / decoder.heads;
    check_range("head dimension", head, MAX_HEAD_DIM)?;
    check_epsilon("language", decoder.norm_eps)?;
    let positive = |v: f32| v.is_finite() && v > 0.0;
    if decoder
        .learned_positions
        .is_some_and(|before| before > MAX_ROWS_BEFORE)
    {
        return Err(format!(
            "learned_positions must be at most {MAX_ROWS_BEFORE}"
        ));
    }
    if decoder.embed_scale.is_some_and(|scale| !positive(scale)) {
        return Err("embed_scale must be positive".into());
    }
    if let Some(low) = decoder.low_rank {
        check_range("rank of low_rank", low.rank, MAX_SIZE)?;
    }
    match (decoder.rope_theta, decoder.alibi_bias_max) {
        (Some(theta), _) if !positive(theta) => {
            Err(format!("rope_theta is {theta}, but must be positive"))
        }
        (_, Some(max)) if !positive(max) => {
            Err(format!("alibi_bias_max is {max}, but must be positive"))
        }
        _ if !(0.0..=1.0).contains(&decoder.rope_fraction) => Err(format!(
            "rope_fraction is {}, but must be from 0 to 1",
            decoder.rope_fraction
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Bundle;
    use crate::random::Shape;

    fn nano() -> FlamingoConfig {
        let folder = crate::fixtures::path("nano");
        Bundle::manifest(&folder)
            .unwrap()
            .config
            .flamingo()
            .unwrap()
            .clone()
    }

    fn clip(config: &mut FlamingoConfig) -> &mut ClipConfig {
        match &mut config.vision {
            VisionConfig::Clip(tower) => tower,
            _ => unreachable!("nano has a CLIP"),
        }
    }

    fn efficientnet(change: impl Fn(&mut EfficientNetConfig)) -> VisionConfig {
        let mut tower = EfficientNetConfig::lite0();
        change(&mut tower);
        VisionConfig::EfficientNet(tower)
    }

    fn match_bias(first_layer: usize, scale: f32) -> MatchBiasConfig {
        MatchBiasConfig {
            dimension: 128,
            scale,
            first_layer,
        }
    }

    #[test]
    fn an_efficientnet_is_read_from_a_manifest_and_a_wrong_field_is_named() {
        let tower = efficientnet(|_| ());
        let text = toml::to_string(&tower).unwrap();
        assert_eq!(toml::from_str::<VisionConfig>(&text).unwrap(), tower);
        let wrong = text.replace("stem = 32", "stem = \"wide\"");
        let error = toml::from_str::<VisionConfig>(&wrong).unwrap_err();
        assert!(error.to_string().contains("wide"), "{error}");
    }

    #[test]
    fn every_published_shape_passes() {
        assert_eq!(nano().check(), Ok(()));
        for shape in Shape::ALL {
            assert_eq!(shape.config().check(), Ok(()), "{shape:?}");
        }
    }

    #[test]
    fn sizes_that_exhaust_memory_or_divide_by_zero_are_refused() {
        let refused = |change: &dyn Fn(&mut FlamingoConfig), word: &str| {
            let mut config = nano();
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
        refused(&|c| clip(c).patch_size = 0, "patch_size");
        refused(&|c| clip(c).image_size = 1 << 40, "image_size");
        refused(&|c| clip(c).width = 193, "6 heads");
        refused(&|c| c.language.kv_heads = Some(0), "kv_heads");
        refused(&|c| c.language.kv_heads = Some(4), "kv_heads");
        refused(&|c| c.resampler.positions = Some(7), "positions");
        refused(
            &|c| c.vision = efficientnet(|t| t.stages[3].kernel = 0),
            "kernel",
        );
        refused(&|c| c.vision = efficientnet(|t| t.head = 1 << 40), "head");
        refused(&|c| c.match_bias = Some(match_bias(6, 5.0)), "first_layer");
        refused(&|c| c.match_bias = Some(match_bias(0, f32::NAN)), "scale");
        refused(&|c| c.resampler.num_latents = 0, "num_latents");
        refused(&|c| c.resampler.ff_mult = usize::MAX, "ff_mult");
    }
}
