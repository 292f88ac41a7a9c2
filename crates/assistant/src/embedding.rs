//! The models that make an index's vectors, loaded by what the index says of them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::Device;

use super::types::AssistantError;
use rounds_imaging::Picture;
use rounds_index::ingest::Embedder;
use rounds_index::{Encoder, IndexError};
use rounds_model::FewShotLearner;
use rounds_model::bundle::Bundle;
use rounds_model::encoder::{Descriptor, DualEncoder, EncoderBundle, ImageEncoder, TextEncoder};
use rounds_model::flamingo::FlamingoLearner;
use rounds_model::library::is_bundle;

enum One {
    /// The vision tower of a learner.
    Learner(Box<FlamingoLearner>),
    /// The encoder without weights.
    Descriptor,
    /// An encoder of pictures and texts. Used by one thread at a time: it spreads its own work.
    Dual(Box<Mutex<DualEncoder>>),
}

/// The encoders of an index, in its order.
pub struct Embedders {
    encoders: Vec<One>,
}

/// What an index keeps of a bundle's encoder, and the model.
fn load(bundle: Option<&Path>, device: &Device) -> Result<(Encoder, One), AssistantError> {
    let place = bundle.map_or_else(String::new, |b| b.to_string_lossy().into_owned());
    if bundle.is_some_and(Descriptor::is_named) {
        let encoder = Encoder {
            sha256: Descriptor.id().to_string(),
            name: Descriptor.name().to_string(),
            dimension: Descriptor.dimension(),
            bundle: place,
            text: false,
        };
        return Ok((encoder, One::Descriptor));
    }
    if let Some(folder) = bundle.filter(|folder| EncoderBundle::is_one(folder)) {
        let dual = DualEncoder::load(&EncoderBundle::open(folder)?, device)?;
        let encoder = Encoder {
            sha256: dual.id().to_string(),
            name: dual.name().to_string(),
            dimension: dual.dimension(),
            bundle: place,
            text: true,
        };
        return Ok((encoder, One::Dual(Box::new(Mutex::new(dual)))));
    }
    let opened = Bundle::open(bundle)?;
    let learner = FlamingoLearner::load(&opened, device)?;
    let encoder = Encoder {
        sha256: opened.manifest.encoder_id(),
        name: opened.manifest.name.clone(),
        dimension: opened.manifest.config.vision.vector_width(),
        bundle: place,
        text: false,
    };
    Ok((encoder, One::Learner(Box::new(learner))))
}

impl Embedders {
    /// A bundle's encoder, as a new index keeps it; `None` is the model that ships.
    pub fn of(bundle: Option<&Path>, device: &Device) -> Result<(Encoder, Self), AssistantError> {
        let (encoder, one) = load(bundle, device)?;
        let encoders = vec![one];
        Ok((encoder, Self { encoders }))
    }

    /// What a new index keeps vectors of, the one that is searched by default first: the bundle's, or for the model that ships
    /// the descriptor's and its own. Its own tower has learnt from phantoms, and finds like pictures among those better; among
    /// real ones the descriptor does.
    pub fn of_new_index(
        bundle: Option<&Path>,
        device: &Device,
    ) -> Result<Vec<Encoder>, AssistantError> {
        let own = load(bundle, device)?.0;
        Ok(match bundle {
            Some(_) => vec![own],
            None => vec![load(Some(Path::new(Descriptor::NAME)), device)?.0, own],
        })
    }

    /// Those of an index, from where it says they were.
    ///
    /// Errors where one is not there any more or makes other vectors.
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
            let there = |folder: &Path| Descriptor::is_named(folder) || is_bundle(folder);
            if bundle.as_deref().is_some_and(|folder| !there(folder)) {
                return Err(IndexError::NoBundle {
                    encoder: wanted.name.clone(),
                    bundle: wanted.bundle.clone(),
                }
                .into());
            }
            let (found, one) = load(bundle.as_deref(), device)?;
            if found.sha256 != wanted.sha256 || found.dimension != wanted.dimension {
                return Err(IndexError::Refused(format!(
                    "the index has vectors of {}, but {} has other weights or settings now; add the new ones with `rounds index embed` and drop the old ones with its --drop",
                    wanted.name,
                    match wanted.bundle.as_str() {
                        "" => "the model that ships",
                        bundle => bundle,
                    }
                ))
                .into());
            }
            all.push(one);
        }
        Ok(Self { encoders: all })
    }
}

/// A picture that made the encoder panic left nothing behind: it holds only weights.
fn lock<T>(dual: &Mutex<T>) -> MutexGuard<'_, T> {
    dual.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Embedder for Embedders {
    fn picture(&self, picture: &Picture) -> Result<Vec<Vec<f32>>, String> {
        let first = |encoder: &dyn ImageEncoder| {
            let vectors = encoder.encode_images(&[picture]);
            let first = vectors.map_err(|e| e.to_string())?.into_iter().next();
            first.ok_or_else(|| "no vector".to_string())
        };
        let vector = |one: &One| match one {
            One::Learner(learner) => {
                let encoded = learner.encode_image(picture).map_err(|e| e.to_string())?;
                Ok(encoded.vector)
            }
            One::Descriptor => first(&Descriptor),
            One::Dual(dual) => first(&*lock(dual)),
        };
        self.encoders.iter().map(vector).collect()
    }

    fn text(&self, text: &str) -> Result<Vec<Option<Vec<f32>>>, String> {
        let vector = |one: &One| match one {
            One::Learner(_) | One::Descriptor => Ok(None),
            One::Dual(dual) => {
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
    fn an_encoder_that_panicked_once_goes_on() {
        let encoder = Mutex::new(7);
        let panicked = rounds_imaging::without_panic(|| {
            let _held = lock(&encoder);
            panic!("while it was held");
        });
        assert!(panicked.is_none() && encoder.is_poisoned());
        assert_eq!(*lock(&encoder), 7);
    }
}
