//! Sizes of the mapper and the virtual tokens, from the shapes of a checkpoint's tensors.

use super::rules::encoder_name;
use crate::import::ImportError;
use crate::import::infer_config::{dims, layers};
use crate::language::DecoderConfig;
use crate::prefix::{Layout, MapperConfig, VirtualKind, VirtualTokens};
use crate::weights::Source;

/// Attention heads of the transformer mapper as published; its tensors do not tell.
const MAPPER_HEADS: usize = 8;

fn wrong(source: &Source, reason: String) -> ImportError {
    ImportError::config(source.origin(), reason)
}

/// Indices of the MLP's linear layers: dropout and tanh stand between them.
fn mlp_layers(source: &Source) -> usize {
    (0..)
        .take_while(|i| source.has(&format!("clip_project.model.{}.weight", 3 * i)))
        .count()
}

/// Positions that an image takes.
pub(super) fn prefix_length(
    source: &Source,
    layout: Layout,
    decoder: &DecoderConfig,
) -> Result<usize, ImportError> {
    if layout == Layout::ReplaceVisual {
        return Ok(dims::<3>(source, "nv_tokens")?[1]);
    }
    if source.has("clip_project.prefix_const") {
        return Ok(dims::<2>(source, "clip_project.prefix_const")?[0]);
    }
    let Some(last) = mlp_layers(source).checked_sub(1) else {
        return match layout {
            // Nothing stands in an image's place, so any length will do.
            Layout::RemoveVisual => Ok(1),
            _ => Err(wrong(source, "it has no mapper (clip_project)".into())),
        };
    };
    let [rows, _] = dims(source, &format!("clip_project.model.{}.weight", 3 * last))?;
    match rows % decoder.hidden_size {
        0 => Ok(rows / decoder.hidden_size),
        _ => Err(wrong(
            source,
            format!(
                "its mapper gives {rows} values, but the language model's embeddings have {}",
                decoder.hidden_size
            ),
        )),
    }
}

/// The mapper.
pub(super) fn mapper(
    source: &Source,
    decoder: &DecoderConfig,
) -> Result<MapperConfig, ImportError> {
    let linears = mlp_layers(source);
    if linears > 0 {
        let rows = |i: usize| {
            let [rows, _] = dims(source, &format!("clip_project.model.{}.weight", 3 * i))?;
            Ok(rows)
        };
        let hidden = (0..linears - 1).map(rows);
        return Ok(MapperConfig::Mlp {
            hidden: hidden.collect::<Result<_, ImportError>>()?,
        });
    }
    let [rows, _] = dims(source, "clip_project.linear.weight")?;
    let blocks = "clip_project.transformer.layers.";
    let [inner, _] = dims(source, &format!("{blocks}0.mlp.fc1.weight"))?;
    Ok(MapperConfig::Transformer {
        clip_length: rows / decoder.hidden_size,
        layers: layers(source, blocks, "norm1.weight"),
        heads: MAPPER_HEADS,
        inner,
    })
}

/// The virtual tokens, if there are any.
pub(super) fn virtual_tokens(
    source: &Source,
    decoder: &DecoderConfig,
) -> Result<Option<VirtualTokens>, ImportError> {
    let Some(name) = encoder_name(source, "embedding.weight") else {
        return Ok(None);
    };
    let [count, width] = dims(source, &name)?;
    let keys_values = 2 * decoder.layers * decoder.key_value_width();
    let kind = match width {
        width if width == decoder.hidden_size => VirtualKind::Embeddings,
        width if width == keys_values => VirtualKind::KeysValues,
        other => {
            let reason = format!(
                "its virtual tokens have width {other}, but {} or {keys_values} was expected",
                decoder.hidden_size
            );
            return Err(wrong(source, reason));
        }
    };
    Ok(Some(VirtualTokens { count, kind }))
}
