//! Model, index and what is kept between answers, on the model's thread.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::embedding::Embedders;
use super::types::AssistantError;
use crate::prompt::Template;
use rounds_index::latents::Latents;
use rounds_index::{Encoder, Example, ExampleImage, Index, IndexError, Search};
use rounds_model::bundle::Bundle;
use rounds_model::encoder::Descriptor;
use rounds_model::flamingo::FlamingoLearner;
use rounds_model::{EncodedImage, FewShotLearner, device};

/// What to load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// `None`: what ships.
    pub model: Option<PathBuf>,
    pub index: Option<PathBuf>,
    /// What compares instead of the model's own tower: the bundle of an image-text encoder, `descriptor`, or `shipped` for the
    /// tower of the model that ships. `None`: the model's own tower, or the descriptor where the model that ships meets an index
    /// that has it.
    pub encoder: Option<PathBuf>,
    pub device: String,
    pub search: Search,
}

/// How the model and the index in the binary are called.
pub const SHIPPED: &str = "shipped";

impl Setup {
    /// With `shipped` as a name for what ships, unless there is a folder of that name.
    pub fn named(mut self) -> Self {
        for path in [&mut self.model, &mut self.index] {
            if path.as_deref().is_some_and(is_shipped) {
                *path = None;
            }
        }
        self
    }
}

/// Whether a path is the name of what ships: unless there is a folder of that name.
pub fn is_shipped(path: &Path) -> bool {
    path == Path::new(SHIPPED) && !path.exists()
}

/// Pictures whose latents are kept in memory.
const KEPT_IMAGES: usize = 256;

/// Model, index and what is kept between answers.
pub struct Engine {
    pub(super) learner: Box<dyn FewShotLearner>,
    pub(super) index: Index,
    pub(super) template: Template,
    pub(super) model_sha256: String,
    /// What the encoder is known by whose vectors are compared.
    pub(super) encoder: String,
    /// Where another encoder than the model's own tower compares.
    pub(super) comparer: Option<Embedders>,
    pub(super) device: &'static str,
    pub(super) search: Search,
    kept: HashMap<String, Arc<EncodedImage>>,
    latents: Option<Latents>,
    tensors: Device,
    /// What the learner computes in.
    dtype: DType,
    /// Pictures that went through the vision tower so far.
    pub(super) encoded: usize,
}

/// What compares pictures, where it is not the model's own tower: a bundle, or one of the words of [`Setup::encoder`].
pub fn compares<'a>(setup: &'a Setup, index: &Index) -> Option<&'a Path> {
    let shipped = setup.model.is_none();
    match setup.encoder.as_deref() {
        Some(name) if shipped && is_shipped(name) => None,
        None if shipped && index.encoder(Descriptor::id()).is_ok() => {
            Some(Path::new(Descriptor::NAME))
        }
        other => other,
    }
}

fn comparer(
    setup: &Setup,
    index: &Index,
    device: &Device,
) -> Result<Option<(Encoder, Embedders)>, AssistantError> {
    let chosen = compares(setup, index);
    let made = chosen.map(|name| Embedders::of(Some(name).filter(|n| !is_shipped(n)), device));
    made.transpose()
}

impl Engine {
    /// Loads model and index.
    pub fn load(setup: &Setup) -> Result<Self, AssistantError> {
        let bundle = Bundle::open(setup.model.as_deref())?;
        let (device, name) = device::open(&setup.device)?;
        let index = Index::open(setup.index.as_deref())?;
        let comparer = comparer(setup, &index, &device)?;
        let encoder = match &comparer {
            Some((encoder, _)) => encoder.sha256.clone(),
            None => bundle.manifest.encoder_id(),
        };
        let learner = FlamingoLearner::load(&bundle, &device)?;
        let mut engine = Self {
            dtype: learner.dtype(),
            learner: Box::new(learner),
            template: Template::shipped(&bundle.manifest.template)?,
            encoder,
            comparer: comparer.map(|(_, embedders)| embedders),
            model_sha256: bundle.sha256,
            search: setup.search,
            latents: None,
            index,
            device: name,
            kept: HashMap::new(),
            tensors: device,
            encoded: 0,
        };
        engine.use_latents();
        Ok(engine)
    }

    /// What it is.
    pub fn opened(&self) -> super::Opened {
        super::Opened {
            context: self.learner.context(),
            device: self.device,
        }
    }

    /// The index it answers from.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// A picture's vector and latents: from memory, or made by `load`.
    pub(super) fn kept(
        &mut self,
        sha256: &str,
        load: impl FnOnce(&mut Self) -> Result<EncodedImage, AssistantError>,
    ) -> Result<Arc<EncodedImage>, AssistantError> {
        if let Some(image) = self.kept.get(sha256) {
            return Ok(image.clone());
        }
        let image = Arc::new(load(self)?);
        if self.kept.len() >= KEPT_IMAGES {
            self.kept.clear();
        }
        self.kept.insert(sha256.to_string(), image.clone());
        Ok(image)
    }

    /// One pass of the vision tower.
    pub(super) fn encode(
        &mut self,
        picture: &rounds_imaging::Picture,
    ) -> Result<EncodedImage, AssistantError> {
        self.encoded += 1;
        Ok(self.learner.encode_image(picture)?)
    }

    /// The pictures of an example as the model sees them.
    pub(super) fn shot_images(
        &mut self,
        example: &Example,
    ) -> Result<Vec<Arc<EncodedImage>>, AssistantError> {
        let images = example.images.iter();
        images.map(|image| self.shot_image(image)).collect()
    }

    fn shot_image(&mut self, image: &ExampleImage) -> Result<Arc<EncodedImage>, AssistantError> {
        self.kept(&image.sha256, |engine| {
            if let Some(kept) = engine.read_latents(&image.sha256) {
                return Ok(kept);
            }
            let encoded = engine.encode_shot(image)?;
            if let Some(latents) = engine.latents.clone()
                && let Err(error) = engine.keep(&latents, image, &encoded)
            {
                tracing::warn!("latents could not be kept: {error}");
            }
            Ok(encoded)
        })
    }

    fn encode_shot(&mut self, image: &ExampleImage) -> Result<EncodedImage, AssistantError> {
        let bytes = self.index.image(image)?;
        let picture =
            rounds_imaging::decode(&bytes, "picture").map_err(|e| IndexError::Damaged {
                file: format!("picture {}", image.sha256),
                reason: e.to_string(),
            })?;
        self.encode(&picture)
    }

    /// What is kept of a picture, if it is what this learner would make of it.
    fn read_latents(&self, sha256: &str) -> Option<EncodedImage> {
        let bytes = self.latents.as_ref()?.get(sha256)?;
        let mut tensors = candle_core::safetensors::load_buffer(&bytes, &self.tensors).ok()?;
        let vector: Vec<f32> = tensors.remove("vector")?.to_vec1().ok()?;
        let latents = tensors.remove("latents")?;
        let config = &self.learner.manifest().config;
        let dims = [1, config.resampler.num_latents, config.vision.width];
        let fits = vector.len() == config.vision.vector_width()
            && latents.dims() == dims
            && latents.dtype() == self.dtype;
        fits.then_some(EncodedImage { vector, latents })
    }

    /// Computes and keeps the latents of one of the index's pictures.
    pub(super) fn warm(
        &mut self,
        latents: &Latents,
        image: &ExampleImage,
    ) -> Result<(), AssistantError> {
        let encoded = self.encode_shot(image)?;
        self.keep(latents, image, &encoded)
    }

    /// Keeps what was made of a picture, unless the picture left the index meanwhile.
    fn keep(
        &self,
        latents: &Latents,
        image: &ExampleImage,
        encoded: &EncodedImage,
    ) -> Result<(), AssistantError> {
        let picture = &image.sha256;
        if !self.index.still_has(picture)? {
            return Ok(());
        }
        let put = latents.put(picture, &packed(encoded)?);
        put.map_err(IndexError::from)?;
        // Asked again: a compaction that did not see the file is seen here.
        if !self.index.still_has(picture)? {
            latents.forget(picture).map_err(IndexError::from)?;
        }
        Ok(())
    }

    /// Reads the cache from now on, where there is one.
    pub(super) fn use_latents(&mut self) {
        let folder = self.index.folder();
        self.latents = folder.map(|f| self.cache_in(f)).filter(Latents::exists);
    }

    fn cache_in(&self, folder: &Path) -> Latents {
        Latents::new(folder, &self.model_sha256).computed_in(self.dtype.as_str())
    }

    /// The cache of this model's latents, and the bytes one picture takes there.
    pub fn latent_cache(&mut self) -> Result<(Latents, u64), AssistantError> {
        let Some(folder) = self.index.folder().map(|f| f.to_path_buf()) else {
            return Err(IndexError::Shipped.into());
        };
        let side = self.learner.manifest().config.vision.image_size as u32;
        let blank = rounds_imaging::blank(side);
        let bytes = packed(&self.encode(&blank)?)?.len() as u64 + 64;
        Ok((self.cache_in(&folder), bytes))
    }
}

/// Latents and vector as a safetensors file, exactly as they were computed.
fn packed(image: &EncodedImage) -> Result<Vec<u8>, AssistantError> {
    let failed = |e: &dyn std::fmt::Display| AssistantError::Panic(e.to_string());
    let cpu = Device::Cpu;
    let vector =
        Tensor::from_slice(&image.vector, image.vector.len(), &cpu).map_err(|e| failed(&e))?;
    let latents = image.latents.to_device(&cpu).map_err(|e| failed(&e))?;
    debug_assert!(vector.dtype() == DType::F32);
    safetensors::serialize([("vector", &vector), ("latents", &latents)], None)
        .map_err(|e| failed(&e))
}
