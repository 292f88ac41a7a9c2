//! Makes a tensor of ours from published ones, as [`super::names`] says.

use candle_core::Tensor;

use super::names::Piece;
use super::{ImportError, Sources};
use crate::model::store::Asked;
use crate::model::weights::WeightError;

/// Makes one of our tensors from published ones.
pub(in crate::model) fn make(
    sources: &Sources,
    piece: &Piece,
    asked: &Asked,
) -> Result<Tensor, ImportError> {
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
