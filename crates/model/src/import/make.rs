//! Makes a tensor of ours from published ones, as [`super::names`] says.

use candle_core::Tensor;
use candle_core::quantized::GgmlDType;

use super::names::{Piece, Place};
use super::{ImportError, Sources};
use crate::store::Asked;
use crate::weights::{Source, WeightError};

/// Makes one of our tensors from published ones.
pub(crate) fn make(sources: &Sources, piece: &Piece, asked: &Asked) -> Result<Tensor, ImportError> {
    let first = || {
        let place = piece.places().iter().find(|p| sources.has(p));
        sources.tensor(place.ok_or_else(|| WeightError::format(&asked.name, "not there"))?)
    };
    let rows = asked.shape.first().copied().unwrap_or(0);
    Ok(match piece {
        Piece::Whole(_) => first()?,
        Piece::Reshaped(_) => first()?.reshape(asked.shape.as_slice())?,
        Piece::Resized(_) => {
            let tensor = first()?;
            match tensor.dim(0)? {
                found if found >= rows => tensor.narrow(0, 0, rows)?,
                found => tensor.pad_with_zeros(0, 0, rows - found)?,
            }
        }
        Piece::Third(_, part) => first()?.narrow(0, part * rows, rows)?,
        Piece::OfHeads(_, part, heads) => {
            let tensor = first()?;
            let head = rows / heads;
            let mut split = vec![*heads, 3, head];
            split.extend(&asked.shape[1..]);
            tensor
                .reshape(split)?
                .narrow(1, *part, 1)?
                .contiguous()?
                .reshape(asked.shape.as_slice())?
        }
        Piece::Paired(_, heads) => {
            let order: Vec<u32> = unpaired(rows, *heads)
                .into_iter()
                .map(|row| row as u32)
                .collect();
            let tensor = first()?;
            tensor.index_select(&Tensor::new(order, tensor.device())?, 0)?
        }
        Piece::Stacked(places) => {
            let parts = places
                .iter()
                .map(|p| sources.tensor(p))
                .collect::<Result<Vec<_>, _>>()?;
            Tensor::cat(&parts, 0)?
        }
        Piece::Transposed(_) => first()?.t()?.contiguous()?,
    })
}

/// How a linear layer's weight is packed where it is taken as it is: rows may be cut apart and reordered, blocks may not.
pub(crate) fn packing(sources: &Sources, piece: &Piece) -> Option<GgmlDType> {
    let (source, place) = packed_place(sources, piece)?;
    match source.packing(&place.name)? {
        // What the program's own bundles hold.
        dtype @ (GgmlDType::Q8_0 | GgmlDType::Q4K | GgmlDType::Q6K) => Some(dtype),
        _ => None,
    }
}

fn packed_place<'a>(sources: &'a Sources, piece: &'a Piece) -> Option<(&'a Source, &'a Place)> {
    let places = match piece {
        Piece::Whole(places) | Piece::Third(places, _) | Piece::Paired(places, _) => places,
        _ => return None,
    };
    let place = places.iter().find(|place| sources.has(place))?;
    Some((sources.get(place.role)?, place))
}

/// The blocks of one of our tensors, taken from a published one without unpacking. They are unpacked once all the same, to see that
/// they hold finite numbers.
pub(crate) fn take_packed(
    sources: &Sources,
    piece: &Piece,
    asked: &Asked,
) -> Result<Vec<u8>, ImportError> {
    let missing = || WeightError::format(&asked.name, "not there");
    let (source, place) = packed_place(sources, piece).ok_or_else(missing)?;
    source.tensor(&place.name)?;
    let blocks = source.packed(&place.name)?;
    let published = source.shape(&place.name).and_then(|s| s.first()).copied();
    let row = blocks.len() / published.filter(|&rows| rows > 0).ok_or_else(missing)?;
    let rows = asked.shape.first().copied().unwrap_or(0);
    let order: Vec<usize> = match piece {
        Piece::Third(_, part) => (part * rows..(part + 1) * rows).collect(),
        Piece::Paired(_, heads) => unpaired(rows, *heads),
        _ => (0..rows).collect(),
    };
    let mut out = Vec::with_capacity(order.len() * row);
    for at in order {
        let bytes = blocks.get(at * row..(at + 1) * row);
        out.extend_from_slice(bytes.ok_or_else(missing)?);
    }
    Ok(out)
}

/// Which published row each of our rows is, where every head's rows are in pairs.
fn unpaired(rows: usize, heads: usize) -> Vec<usize> {
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
    use crate::import::Hold;
    use crate::import::names::Role;
    use crate::import::write::{Made, write_keeping};
    use crate::weights::gguf::{GgufFile, Kind};

    #[test]
    fn pairs_of_every_head_go_back_to_halves() {
        // Two heads of six rows: published as 0 3 1 4 2 5.
        assert_eq!(unpaired(12, 2), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
    }

    /// What a bundle of `q4_k` holds of the published `from`: its type and its bytes, without the rows that only pad.
    fn held(name: &str, from: &str) -> (Kind, Vec<u8>) {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .join("tests/golden/gguf/types.gguf");
        let sources = Sources {
            checkpoint: Source::open(&file).unwrap(),
            language: None,
            vision: None,
        };
        let place = Place {
            role: Role::Checkpoint,
            name: from.into(),
        };
        let piece = Piece::Whole(vec![place]);
        let asked = [Asked {
            name: name.into(),
            shape: vec![2, 256],
            linear: true,
        }];
        let folder = tempfile::tempdir().unwrap();
        let kept = |_: &Asked| packing(&sources, &piece);
        let written = write_keeping(
            folder.path(),
            Hold::Q4K,
            &asked,
            &kept,
            &mut |asked, blocks| match blocks {
                true => take_packed(&sources, &piece, asked).map(Made::Packed),
                false => make(&sources, &piece, asked).map(Made::Full),
            },
        );
        let bundle = written
            .unwrap()
            .bundle(folder.path(), "", ("model.toml", ""));
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
    fn blocks_are_kept_unless_smaller_ones_are_asked_for() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .join("tests/golden/gguf/types.gguf");
        let source = Source::open(&file).unwrap();
        let published = |name: &str| source.packed(name).unwrap();
        let (four, six) = (Kind::Reals(GgmlDType::Q4K), Kind::Reals(GgmlDType::Q6K));
        // Values are held in six bits, but four that are there already lose nothing.
        assert_eq!(held("a.v_proj.weight", "Q4_K"), (four, published("Q4_K")));
        assert_eq!(held("a.down_proj.weight", "Q6_K"), (six, published("Q6_K")));
        assert_eq!(held("a.o_proj.weight", "Q4_K"), (four, published("Q4_K")));
        for packed_again in ["Q6_K", "Q8_0", "Q5_K", "Q5_0", "Q2_K"] {
            assert_eq!(
                held("a.o_proj.weight", packed_again).0,
                four,
                "{packed_again}"
            );
        }
    }
}
