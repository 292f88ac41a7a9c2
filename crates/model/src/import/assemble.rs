//! Makes our tensors from published ones, following the recipes that [`super::key_map`] gives.

use candle_core::Tensor;
use candle_core::quantized::GgmlDType;

use super::recipe::{BatchNorm, Recipe, TensorRef};
use super::{ImportError, Sources};
use crate::store::TensorSpec;
use crate::weights::{Source, WeightError};

/// Makes one of our tensors from published ones.
pub(crate) fn assemble(
    sources: &Sources,
    recipe: &Recipe,
    spec: &TensorSpec,
) -> Result<Tensor, ImportError> {
    let first = || {
        let tensor_ref = recipe.candidates().iter().find(|p| sources.has(p));
        sources.tensor(tensor_ref.ok_or_else(|| WeightError::format(&spec.name, "it is missing"))?)
    };
    let rows = spec.shape.first().copied().unwrap_or(0);
    Ok(match recipe {
        Recipe::Copy(_) => first()?,
        Recipe::Reshaped(_) => first()?.reshape(spec.shape.as_slice())?,
        Recipe::Resized(_) => {
            let tensor = first()?;
            match tensor.dim(0)? {
                found if found >= rows => tensor.narrow(0, 0, rows)?,
                found => tensor.pad_with_zeros(0, 0, rows - found)?,
            }
        }
        Recipe::FusedQkv(_, part) => first()?.narrow(0, part * rows, rows)?,
        Recipe::InterleavedQkv(_, part, heads) => {
            let tensor = first()?;
            let head = rows / heads;
            let mut split = vec![*heads, 3, head];
            split.extend(&spec.shape[1..]);
            tensor
                .reshape(split)?
                .narrow(1, *part, 1)?
                .contiguous()?
                .reshape(spec.shape.as_slice())?
        }
        Recipe::RopePairs(_, heads) => {
            let order: Vec<u32> = unpermuted_rows(rows, *heads)
                .into_iter()
                .map(|row| row as u32)
                .collect();
            let tensor = first()?;
            tensor.index_select(&Tensor::new(order, tensor.device())?, 0)?
        }
        Recipe::Concat(tensor_refs) => {
            let parts = tensor_refs
                .iter()
                .map(|p| sources.tensor(p))
                .collect::<Result<Vec<_>, _>>()?;
            Tensor::cat(&parts, 0)?
        }
        Recipe::Transposed(_) => first()?.t()?.contiguous()?,
        Recipe::ConvQkv(_, part) => first()?.narrow(1, part * rows, rows)?.t()?.contiguous()?,
        Recipe::First(_) => first()?.narrow(0, 0, 1)?,
        Recipe::LowRankUp(_, part, alpha) => low_rank_up(&first()?, *part, rows, *alpha)?,
        Recipe::Merged {
            refs,
            base,
            part,
            alpha,
        } => {
            let published = refs.get(..1).unwrap_or_default().to_vec();
            let base = base.as_ref().clone().with_candidates(published);
            let weight = assemble(sources, &base, spec)?;
            let [_, down, up] = all(sources, refs)?;
            (weight + low_rank_up(&up, *part, rows, *alpha)?.matmul(&down)?)?
        }
        Recipe::PromptEncoder(refs) => {
            let [x, w0, b0, w1, b1, w2, b2] = all(sources, refs)?;
            let x = crate::ops::linear(&x, &w0, Some(&b0))?.relu()?;
            let x = crate::ops::linear(&x, &w1, Some(&b1))?.relu()?;
            crate::ops::linear(&x, &w2, Some(&b2))?
        }
        Recipe::FoldedWeight(refs, norm) => {
            let [weight, gamma, variance] = all(sources, refs)?;
            let factor = batch_norm_factor(*norm, &gamma, &variance)?;
            let rows = weight
                .flatten_from(1)?
                .broadcast_mul(&factor.unsqueeze(1)?)?;
            rows.reshape(spec.shape.as_slice())?
        }
        Recipe::FoldedBias(refs, norm) => {
            let [beta, mean, gamma, variance] = all(sources, refs)?;
            (beta - (mean * batch_norm_factor(*norm, &gamma, &variance)?)?)?
        }
    })
}

fn all<const N: usize>(sources: &Sources, refs: &[TensorRef]) -> Result<[Tensor; N], ImportError> {
    let tensors = refs.iter().map(|p| sources.tensor(p));
    let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
    <[Tensor; N]>::try_from(tensors)
        .map_err(|_| WeightError::format("a recipe", "it needs another number of tensors").into())
}

/// `alpha / rank up` `[rows, rank]`, or one of three equal blocks of its rows.
fn low_rank_up(
    up: &Tensor,
    part: Option<usize>,
    rows: usize,
    alpha: u32,
) -> candle_core::Result<Tensor> {
    let factor = f64::from(alpha) / up.dim(1)? as f64;
    let up = match part {
        Some(part) => up.narrow(0, part * rows, rows)?,
        None => up.clone(),
    };
    up.contiguous()? * factor
}

/// What a batch norm in evaluation multiplies its channels by.
fn batch_norm_factor(
    norm: BatchNorm,
    gamma: &Tensor,
    variance: &Tensor,
) -> candle_core::Result<Tensor> {
    gamma / (variance + norm.epsilon())?.sqrt()?
}

/// The quantised type of a published weight, if its blocks can be copied: rows may be split and reordered, blocks may not.
pub(crate) fn published_packing(sources: &Sources, recipe: &Recipe) -> Option<GgmlDType> {
    let (source, tensor_ref) = packed_source(sources, recipe)?;
    match source.packing(&tensor_ref.name)? {
        // The types that bundles use.
        dtype @ (GgmlDType::Q8_0 | GgmlDType::Q4K | GgmlDType::Q6K) => Some(dtype),
        _ => None,
    }
}

fn packed_source<'a>(
    sources: &'a Sources,
    recipe: &'a Recipe,
) -> Option<(&'a Source, &'a TensorRef)> {
    let tensor_refs = match recipe {
        Recipe::Copy(tensor_refs)
        | Recipe::FusedQkv(tensor_refs, _)
        | Recipe::RopePairs(tensor_refs, _) => tensor_refs,
        _ => return None,
    };
    let tensor_ref = tensor_refs
        .iter()
        .find(|tensor_ref| sources.has(tensor_ref))?;
    Some((sources.get(tensor_ref.role)?, tensor_ref))
}

/// The quantised blocks of one of our tensors, copied from a published one. They are dequantised once, only to check that all values
/// are finite.
pub(crate) fn assemble_packed(
    sources: &Sources,
    recipe: &Recipe,
    spec: &TensorSpec,
) -> Result<Vec<u8>, ImportError> {
    let missing = || WeightError::format(&spec.name, "it is missing");
    let (source, tensor_ref) = packed_source(sources, recipe).ok_or_else(missing)?;
    source.tensor(&tensor_ref.name)?;
    let blocks = source.packed(&tensor_ref.name)?;
    let published = source
        .shape(&tensor_ref.name)
        .and_then(|s| s.first())
        .copied();
    let row = blocks.len() / published.filter(|&rows| rows > 0).ok_or_else(missing)?;
    let rows = spec.shape.first().copied().unwrap_or(0);
    let order: Vec<usize> = match recipe {
        Recipe::FusedQkv(_, part) => (part * rows..(part + 1) * rows).collect(),
        Recipe::RopePairs(_, heads) => unpermuted_rows(rows, *heads),
        _ => (0..rows).collect(),
    };
    let mut out = Vec::with_capacity(order.len() * row);
    for at in order {
        let bytes = blocks.get(at * row..(at + 1) * row);
        out.extend_from_slice(bytes.ok_or_else(missing)?);
    }
    Ok(out)
}

/// The published row of each of our rows, where the rows of every head are interleaved in pairs.
fn unpermuted_rows(rows: usize, heads: usize) -> Vec<usize> {
    let head = rows / heads.max(1);
    (0..rows)
        .map(|row| {
            let (first, inside) = (row / head * head, row % head);
            let (half, pair) = (inside / (head / 2), inside % (head / 2));
            first + 2 * pair + half
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::import::WeightFormat;
    use crate::import::recipe::Role;
    use crate::import::write::{TensorData, write_with_published_blocks};
    use crate::weights::gguf::{GgufFile, Kind};

    #[test]
    fn interleaved_rows_are_sorted_back_into_halves() {
        // Two heads of six rows: published as 0 3 1 4 2 5.
        assert_eq!(
            unpermuted_rows(12, 2),
            [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
        );
    }

    /// Type and bytes of the tensor `name` in a `q4_k` bundle made from the published `from`, without padding rows.
    fn stored(name: &str, from: &str) -> (Kind, Vec<u8>) {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .join("tests/golden/gguf/types.gguf");
        let sources = Sources {
            checkpoint: Source::open(&file).unwrap(),
            language: None,
            vision: None,
        };
        let tensor_ref = TensorRef {
            role: Role::Checkpoint,
            name: from.into(),
        };
        let recipe = Recipe::Copy(vec![tensor_ref]);
        let specs = [TensorSpec {
            name: name.into(),
            shape: vec![2, 256],
            linear: true,
        }];
        let folder = tempfile::tempdir().unwrap();
        let packing_of = |_: &TensorSpec| published_packing(&sources, &recipe);
        let written = write_with_published_blocks(
            folder.path(),
            WeightFormat::Q4K,
            &specs,
            &packing_of,
            &mut |spec, blocks| match blocks {
                true => assemble_packed(&sources, &recipe, spec).map(TensorData::Packed),
                false => assemble(&sources, &recipe, spec).map(TensorData::Full),
            },
        );
        let bundle = written
            .unwrap()
            .commit(folder.path(), "", ("model.toml", ""));
        bundle.unwrap();
        let written = GgufFile::open(&folder.path().join("model.gguf")).unwrap();
        let info = &written.tensors()[0];
        assert_eq!(
            (info.name.as_str(), &info.shape[..]),
            (name, &[16, 256][..])
        );
        let mut bytes = written.bytes(0).unwrap();
        assert!(
            bytes[bytes.len() / 8..].iter().all(|&b| b == 0),
            "{name}: padding"
        );
        bytes.truncate(bytes.len() / 8);
        (info.kind, bytes)
    }

    #[test]
    fn published_blocks_are_copied_unless_smaller_ones_are_wanted() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .join("tests/golden/gguf/types.gguf");
        let source = Source::open(&file).unwrap();
        let published = |name: &str| source.packed(name).unwrap();
        let (four, six) = (Kind::Float(GgmlDType::Q4K), Kind::Float(GgmlDType::Q6K));
        // Value projections are stored in six bits, but published four-bit blocks lose nothing.
        assert_eq!(stored("a.v_proj.weight", "Q4_K"), (four, published("Q4_K")));
        assert_eq!(
            stored("a.down_proj.weight", "Q6_K"),
            (six, published("Q6_K"))
        );
        assert_eq!(stored("a.o_proj.weight", "Q4_K"), (four, published("Q4_K")));
        for requantised in ["Q6_K", "Q8_0", "Q5_K", "Q5_0", "Q2_K"] {
            assert_eq!(
                stored("a.o_proj.weight", requantised).0,
                four,
                "{requantised}"
            );
        }
    }
}
