//! The models that make an index's vectors, loaded by what the index says of them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use candle_core::Device;

use super::types::AssistantError;
use crate::imaging::Picture;
use crate::index::ingest::Embedder;
use crate::index::{Encoder, IndexError};
use crate::model::FewShotLearner;
use crate::model::bundle::Bundle;
use crate::model::encoder::{DualEncoder, EncoderBundle, ImageEncoder, TextEncoder};
use crate::model::flamingo::FlamingoLearner;
use crate::model::library::is_bundle;

enum One {
    /// The vision tower of a learner.
    Learner(Box<FlamingoLearner>),
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
    let vision = &opened.manifest.config.vision;
    let encoder = Encoder {
        sha256: opened.manifest.encoder_id(),
        name: opened.manifest.name.clone(),
        dimension: match vision.embed_dim {
            0 => vision.width,
            projected => projected,
        },
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
            if bundle.as_deref().is_some_and(|folder| !is_bundle(folder)) {
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

impl Embedder for Embedders {
    fn picture(&self, picture: &Picture) -> Result<Vec<Vec<f32>>, String> {
        let vector = |one: &One| match one {
            One::Learner(learner) => {
                let encoded = learner.encode_image(picture).map_err(|e| e.to_string())?;
                Ok(encoded.vector)
            }
            One::Dual(dual) => {
                let dual = dual.lock().map_err(|e| e.to_string())?;
                let vectors = dual.encode_images(&[picture]).map_err(|e| e.to_string())?;
                vectors
                    .into_iter()
                    .next()
                    .ok_or_else(|| "no vector".to_string())
            }
        };
        self.encoders.iter().map(vector).collect()
    }

    fn text(&self, text: &str) -> Result<Vec<Option<Vec<f32>>>, String> {
        let vector = |one: &One| match one {
            One::Learner(_) => Ok(None),
            One::Dual(dual) => {
                let dual = dual.lock().map_err(|e| e.to_string())?;
                dual.encode_text(text).map(Some).map_err(|e| e.to_string())
            }
        };
        self.encoders.iter().map(vector).collect()
    }
}
