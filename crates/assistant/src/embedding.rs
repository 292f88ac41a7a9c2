//! The encoders that compute an index's vectors, loaded as the index describes them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::Device;

use super::types::AssistantError;
use rounds_imaging::Image;
use rounds_index::ingest::Embedder;
use rounds_index::{Encoder, IndexError};
use rounds_model::FewShotLearner;
use rounds_model::bundle::Bundle;
use rounds_model::encoder::{Descriptor, DualEncoder, EncoderBundle, ImageEncoder, TextEncoder};
use rounds_model::families::load_learner;
use rounds_model::library::is_bundle;

enum LoadedEncoder {
    /// The vision tower of a learner.
    Learner(Box<dyn FewShotLearner>),
    /// The encoder without weights.
    Descriptor,
    /// An image-text encoder. Used by one thread at a time, because it parallelises its own work.
    Dual(Box<Mutex<DualEncoder>>),
}

/// The encoders of an index, in the order of the index.
pub struct Embedders {
    encoders: Vec<LoadedEncoder>,
}

/// Loads a bundle's encoder; also returns its description for an index.
fn load(
    bundle: Option<&Path>,
    device: &Device,
) -> Result<(Encoder, LoadedEncoder), AssistantError> {
    let location = bundle.map_or_else(String::new, |b| b.to_string_lossy().into_owned());
    if bundle.is_some_and(Descriptor::is_descriptor) {
        let encoder = Encoder {
            sha256: Descriptor.id().to_string(),
            name: Descriptor.name().to_string(),
            dimension: Descriptor.dimension(),
            bundle: location,
            text: false,
        };
        return Ok((encoder, LoadedEncoder::Descriptor));
    }
    if let Some(folder) = bundle.filter(|folder| EncoderBundle::is_encoder(folder)) {
        let dual = DualEncoder::load(&EncoderBundle::open(folder)?, device)?;
        let encoder = Encoder {
            sha256: dual.id().to_string(),
            name: dual.name().to_string(),
            dimension: dual.dimension(),
            bundle: location,
            text: true,
        };
        return Ok((encoder, LoadedEncoder::Dual(Box::new(Mutex::new(dual)))));
    }
    let opened = Bundle::open(bundle)?;
    let learner = load_learner(&opened, device)?;
    let encoder = Encoder {
        sha256: opened.manifest.encoder_id(),
        name: opened.manifest.name.clone(),
        dimension: opened.manifest.config.vision().vector_width(),
        bundle: location,
        text: false,
    };
    Ok((encoder, LoadedEncoder::Learner(learner)))
}

impl Embedders {
    /// Loads a bundle's encoder (`None` for the built-in model); also returns its description for an index.
    pub fn of(bundle: Option<&Path>, device: &Device) -> Result<(Encoder, Self), AssistantError> {
        let (encoder, loaded) = load(bundle, device)?;
        let encoders = vec![loaded];
        Ok((encoder, Self { encoders }))
    }

    /// The encoders of a new index; the first is searched by default. That is the bundle's encoder. Where the built-in model was not
    /// measured on real images, the descriptor comes before its tower: a tower that knows phantoms finds similar phantoms better, and
    /// the descriptor finds similar real images better.
    pub fn of_new_index(
        bundle: Option<&Path>,
        device: &Device,
    ) -> Result<Vec<Encoder>, AssistantError> {
        let own = load(bundle, device)?.0;
        Ok(match bundle {
            Some(_) => vec![own],
            None if Bundle::open(None)?.manifest.reliability.is_some() => vec![own],
            None => vec![load(Some(Path::new(Descriptor::NAME)), device)?.0, own],
        })
    }

    /// Loads the encoders of an index from the locations it names.
    ///
    /// Errors if one no longer exists or now computes different vectors.
    pub fn for_index(
        encoders: &[Encoder],
        find: &dyn Fn(&Path) -> PathBuf,
        device: &Device,
    ) -> Result<Self, AssistantError> {
        let mut all = Vec::new();
        for wanted in encoders {
            let bundle = match wanted.bundle.is_empty() {
                true => None,
                false => Some(find(Path::new(&wanted.bundle))),
            };
            let there = |folder: &Path| Descriptor::is_descriptor(folder) || is_bundle(folder);
            if bundle.as_deref().is_some_and(|folder| !there(folder)) {
                return Err(IndexError::NoBundle {
                    encoder: wanted.name.clone(),
                    bundle: wanted.bundle.clone(),
                }
                .into());
            }
            let (found, loaded) = load(bundle.as_deref(), device)?;
            if found.sha256 != wanted.sha256 || found.dimension != wanted.dimension {
                return Err(IndexError::Refused(format!(
                    "the index has vectors from {}, but {} now has different weights or settings; add new vectors with `rounds index embed`, then remove the old ones with `rounds index embed --drop`",
                    wanted.name,
                    match wanted.bundle.as_str() {
                        "" => "the shipped model",
                        bundle => bundle,
                    }
                ))
                .into());
            }
            all.push(loaded);
        }
        Ok(Self { encoders: all })
    }
}

/// Ignores poisoning: the encoder holds only weights, which a panic leaves unchanged.
fn lock<T>(dual: &Mutex<T>) -> MutexGuard<'_, T> {
    dual.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Embedder for Embedders {
    fn image(&self, image: &Image) -> Result<Vec<Vec<f32>>, String> {
        let first = |encoder: &dyn ImageEncoder| {
            let vectors = encoder.encode_images(&[image]);
            let first = vectors.map_err(|e| e.to_string())?.into_iter().next();
            first.ok_or_else(|| "no vector".to_string())
        };
        let vector = |encoder: &LoadedEncoder| match encoder {
            LoadedEncoder::Learner(learner) => {
                let encoded = learner.encode_image(image).map_err(|e| e.to_string())?;
                Ok(encoded.vector)
            }
            LoadedEncoder::Descriptor => first(&Descriptor),
            LoadedEncoder::Dual(dual) => first(&*lock(dual)),
        };
        self.encoders.iter().map(vector).collect()
    }

    fn text(&self, text: &str) -> Result<Vec<Option<Vec<f32>>>, String> {
        let vector = |encoder: &LoadedEncoder| match encoder {
            LoadedEncoder::Learner(_) | LoadedEncoder::Descriptor => Ok(None),
            LoadedEncoder::Dual(dual) => {
                let dual = lock(dual);
                dual.encode_text(text).map(Some).map_err(|e| e.to_string())
            }
        };
        self.encoders.iter().map(vector).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_still_works_after_a_panic() {
        let encoder = Mutex::new(7);
        let panicked = rounds_imaging::catch_panic(|| {
            let _held = lock(&encoder);
            panic!("while it was held");
        });
        assert!(panicked.is_none() && encoder.is_poisoned());
        assert_eq!(*lock(&encoder), 7);
    }
}
