//! In which directions the vectors of a model's training images differ from each other. The vector of a new image of the same kind lies in
//! them too; that of a photograph or a drawing points elsewhere, as the tower's other directions are not used by radiology.

use candle_core::{DType, Result};
use candle_nn::Init;

use crate::bundle::Manifest;
use crate::store::Store;

/// The directions.
pub(super) struct Familiar {
    mean: Vec<f32>,
    /// Orthogonal, of unit length.
    basis: Vec<Vec<f32>>,
}

impl Familiar {
    /// Takes `familiar.mean` `[width]` and `familiar.basis` `[directions, width]` from `store`, if the manifest names them.
    pub(super) fn load(manifest: &Manifest, store: &Store) -> Result<Option<Self>> {
        let Some(reliability) = manifest.reliability.as_ref().filter(|r| r.directions > 0) else {
            return Ok(None);
        };
        let store = store.pp("familiar");
        let (width, zero) = (manifest.config.vision().vector_width(), Init::Const(0.0));
        let mean = store.get(width, "mean", zero)?;
        let basis = store.get((reliability.directions, width), "basis", zero)?;
        Ok(Some(Self {
            mean: mean.to_dtype(DType::F32)?.to_vec1()?,
            basis: basis.to_dtype(DType::F32)?.to_vec2()?,
        }))
    }

    /// The length of the part of a unit vector, after centring, that lies in the directions: from 0 to 1.
    pub(super) fn of(&self, vector: &[f32]) -> f32 {
        familiarity(vector, &self.mean, &self.basis)
    }
}

/// How much of `vector` lies in the span of `basis` (orthogonal rows of unit length), after `mean` was subtracted: from 0 to 1.
pub fn familiarity(vector: &[f32], mean: &[f32], basis: &[Vec<f32>]) -> f32 {
    let centred: Vec<f32> = vector.iter().zip(mean).map(|(v, m)| v - m).collect();
    let square = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>();
    let dot = |row: &Vec<f32>| row.iter().zip(&centred).map(|(a, b)| a * b).sum::<f32>();
    let inside: Vec<f32> = basis.iter().map(dot).collect();
    (square(&inside) / square(&centred).max(1e-12))
        .sqrt()
        .min(1.0)
}

#[cfg(test)]
mod tests {
    use super::familiarity;

    #[test]
    fn a_vector_outside_the_known_directions_is_not_familiar() {
        let basis = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
        let mean = [0.0, 0.0, 0.5];
        let of = |vector: &[f32]| familiarity(vector, &mean, &basis);
        assert_eq!(of(&[3.0, 4.0, 0.5]), 1.0);
        assert_eq!(of(&[0.0, 0.0, 2.0]), 0.0);
        assert!((of(&[3.0, 0.0, 4.5]) - 0.6).abs() < 1e-6);
    }
}
