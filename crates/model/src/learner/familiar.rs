//! Typical vectors of a model's training images, against which a new image is judged.

use candle_core::{DType, Result};
use candle_nn::Init;

use crate::bundle::Manifest;
use crate::store::Store;

/// Typical vectors.
pub(super) struct Familiar {
    mean: Vec<f32>,
    /// Centred, of unit length.
    centroids: Vec<Vec<f32>>,
}

/// `vector` less `mean`, at unit length.
fn centred(vector: &[f32], mean: &[f32]) -> Vec<f32> {
    let centred: Vec<f32> = vector.iter().zip(mean).map(|(v, m)| v - m).collect();
    let length = centred.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-9);
    centred.into_iter().map(|v| v / length).collect()
}

impl Familiar {
    /// Takes `familiar.mean` `[width]` and `familiar.centroids` `[centroids, width]` from `store`, if the manifest names them.
    pub(super) fn load(manifest: &Manifest, store: &Store) -> Result<Option<Self>> {
        let Some(reliability) = manifest.reliability.as_ref().filter(|r| r.centroids > 0) else {
            return Ok(None);
        };
        let store = store.pp("familiar");
        let (width, zero) = (manifest.config.vision().vector_width(), Init::Const(0.0));
        let mean = store.get(width, "mean", zero)?;
        let centroids = store.get((reliability.centroids, width), "centroids", zero)?;
        Ok(Some(Self {
            mean: mean.to_dtype(DType::F32)?.to_vec1()?,
            centroids: centroids.to_dtype(DType::F32)?.to_vec2()?,
        }))
    }

    /// The largest cosine of a unit vector with a typical one, after centring.
    pub(super) fn of(&self, vector: &[f32]) -> f32 {
        let vector = centred(vector, &self.mean);
        let cosine = |other: &Vec<f32>| vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
        let cosines = self.centroids.iter().map(cosine);
        cosines.fold(-1.0, f32::max)
    }
}
