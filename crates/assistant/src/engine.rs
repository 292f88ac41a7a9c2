//! The model, the index and the caches between answers, all on the model thread.

use std::borrow::Cow;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use lru::LruCache;

use super::embedding::Embedders;
use super::types::AssistantError;
use crate::prompt::Template;
use crate::query_images::IndexSketches;
use crate::retrieval::condition_names;
use rounds_index::latents::Latents;
use rounds_index::{Encoder, Example, ExampleImage, Index, IndexError, Search};
use rounds_model::bundle::Bundle;
use rounds_model::encoder::Descriptor;
use rounds_model::families::load_learner;
use rounds_model::{EncodedImage, FewShotLearner, device};

/// What to load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Path of the model bundle; `None` for the built-in model.
    pub model: Option<PathBuf>,
    /// Path of the index; `None` for the built-in index.
    pub index: Option<PathBuf>,
    /// The encoder for retrieval: the bundle of an image-text encoder, `descriptor`, or `shipped` for the built-in model's
    /// tower. `None` means the model's own tower, except that the built-in model uses the descriptor if the index has its
    /// vectors.
    pub encoder: Option<PathBuf>,
    /// Name of the device to compute on.
    pub device: String,
    /// How to search the index.
    pub search: Search,
}

/// The name of the built-in model and index.
pub const SHIPPED: &str = "shipped";

impl Setup {
    /// Resolves the name `shipped`, unless there is a folder of that name.
    pub fn named(mut self) -> Self {
        for path in [&mut self.model, &mut self.index] {
            if path.as_deref().is_some_and(is_shipped) {
                *path = None;
            }
        }
        self
    }
}

/// Whether a path is the name `shipped` and not a folder of that name.
pub fn is_shipped(path: &Path) -> bool {
    path == Path::new(SHIPPED) && !path.exists()
}

/// Images whose latents are cached in memory.
const MAX_CACHED_IMAGES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Texts whose vectors are cached in memory.
const MAX_CACHED_TEXTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The model, the index and the caches between answers.
pub struct Engine {
    pub(super) learner: Box<dyn FewShotLearner>,
    pub(super) index: Index,
    pub(super) template: Template,
    pub(super) model_sha256: String,
    /// Texture profiles of the model's training images; may be empty.
    pub(super) textures: Cow<'static, [u8]>,
    /// Words of the model's training questions; may be empty.
    pub(super) words: HashSet<String>,
    /// Id of the encoder whose vectors are compared.
    pub(super) encoder: String,
    /// The encoder for retrieval, if it is not the model's own tower.
    pub(super) retrieval_encoder: Option<Embedders>,
    pub(super) device: &'static str,
    pub(super) search: Search,
    image_cache: LruCache<String, Arc<EncodedImage>>,
    latents: Option<Latents>,
    tensor_device: Device,
    /// Number type the learner computes in.
    dtype: DType,
    /// Images that went through the vision tower so far.
    pub(super) encode_count: usize,
    /// To tell whether a shot shows the question's image.
    pub(super) sketches: IndexSketches,
    /// Vectors of texts from the retrieval encoder.
    pub(super) text_cache: LruCache<String, Vec<f32>>,
}

/// The encoder for retrieval, if it is not the model's own tower: a bundle, or a name as in [`Setup::encoder`].
pub fn retrieval_encoder_path<'a>(setup: &'a Setup, index: &Index) -> Option<&'a Path> {
    let shipped = setup.model.is_none();
    match setup.encoder.as_deref() {
        Some(name) if shipped && is_shipped(name) => None,
        None if shipped && index.encoder(Descriptor::id()).is_ok() => {
            Some(Path::new(Descriptor::NAME))
        }
        other => other,
    }
}

fn retrieval_encoder(
    setup: &Setup,
    index: &Index,
    device: &Device,
) -> Result<Option<(Encoder, Embedders)>, AssistantError> {
    let chosen = retrieval_encoder_path(setup, index);
    let made = chosen.map(|name| Embedders::of(Some(name).filter(|n| !is_shipped(n)), device));
    made.transpose()
}

impl Engine {
    /// Loads the model and the index.
    pub fn load(setup: &Setup) -> Result<Self, AssistantError> {
        let bundle = Bundle::open(setup.model.as_deref())?;
        let (device, name) = device::open(&setup.device)?;
        let index = Index::open(setup.index.as_deref())?;
        let retrieval_encoder = retrieval_encoder(setup, &index, &device)?;
        let encoder = match &retrieval_encoder {
            Some((encoder, _)) => encoder.sha256.clone(),
            None => bundle.manifest.encoder_id(),
        };
        let learner = load_learner(&bundle, &device)?;
        let mut engine = Self {
            dtype: learner.dtype(),
            learner,
            template: Template::shipped(&bundle.manifest.template)?,
            encoder,
            retrieval_encoder: retrieval_encoder.map(|(_, embedders)| embedders),
            model_sha256: bundle.sha256,
            textures: bundle.textures,
            words: bundle.words,
            search: setup.search,
            latents: None,
            index,
            device: name,
            image_cache: LruCache::new(MAX_CACHED_IMAGES),
            tensor_device: device,
            encode_count: 0,
            sketches: IndexSketches::default(),
            text_cache: LruCache::new(MAX_CACHED_TEXTS),
        };
        engine.open_latent_cache();
        Ok(engine)
    }

    /// Facts about the loaded model.
    pub fn info(&self) -> super::ModelInfo {
        super::ModelInfo {
            context: self.learner.context(),
            device: self.device,
            examples: self.index.len(),
            // Without them a wrong name is only found when a question is asked.
            tags: condition_names(&self.index).unwrap_or_default(),
        }
    }

    /// The template that prompts are written with.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Writes prompts with another template than the bundle's from now on. For evaluations: a model is best in the format that it was
    /// trained with, and what was measured of its answers is true of that format only.
    pub fn use_template(&mut self, template: &Template) {
        if template.sha256() != self.template.sha256() {
            self.template = template.fitted(&self.learner.manifest().tokens);
        }
    }

    /// The index it answers from.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// An image's vector and latents, from memory or from `load`.
    pub(super) fn cached(
        &mut self,
        sha256: &str,
        load: impl FnOnce(&mut Self) -> Result<EncodedImage, AssistantError>,
    ) -> Result<Arc<EncodedImage>, AssistantError> {
        if let Some(image) = self.image_cache.get(sha256) {
            return Ok(image.clone());
        }
        let image = Arc::new(load(self)?);
        self.image_cache.put(sha256.to_string(), image.clone());
        Ok(image)
    }

    /// One pass of the vision tower.
    pub(super) fn encode(
        &mut self,
        image: &rounds_imaging::Image,
    ) -> Result<EncodedImage, AssistantError> {
        self.encode_count += 1;
        Ok(self.learner.encode_image(image)?)
    }

    /// The encoded images of an example.
    pub(super) fn shot_images(
        &mut self,
        example: &Example,
    ) -> Result<Vec<Arc<EncodedImage>>, AssistantError> {
        let images = example.images.iter();
        images.map(|image| self.shot_image(image)).collect()
    }

    fn shot_image(&mut self, image: &ExampleImage) -> Result<Arc<EncodedImage>, AssistantError> {
        self.cached(&image.sha256, |engine| {
            if let Some(encoded) = engine.read_latents(&image.sha256) {
                return Ok(encoded);
            }
            let encoded = engine.encode_shot(image)?;
            if let Some(latents) = engine.latents.clone()
                && let Err(error) = engine.store_latents(&latents, image, &encoded)
            {
                tracing::warn!("latents could not be cached: {error}");
            }
            Ok(encoded)
        })
    }

    fn encode_shot(&mut self, image: &ExampleImage) -> Result<EncodedImage, AssistantError> {
        let bytes = self.index.image(image)?;
        let decoded = rounds_imaging::decode(&bytes, "image").map_err(|e| IndexError::Damaged {
            file: format!("image {}", image.sha256),
            reason: e.to_string(),
        })?;
        self.encode(&decoded)
    }

    /// The cached latents of an image, if their shape and type are what this learner would compute.
    fn read_latents(&self, sha256: &str) -> Option<EncodedImage> {
        let bytes = self.latents.as_ref()?.get(sha256)?;
        let mut tensors =
            candle_core::safetensors::load_buffer(&bytes, &self.tensor_device).ok()?;
        let vector: Vec<f32> = tensors.remove("vector")?.to_vec1().ok()?;
        let latents = tensors.remove("latents")?;
        let config = &self.learner.manifest().config;
        let fits = vector.len() == config.vision().vector_width()
            && latents.dims() == config.latent_dims()
            && latents.dtype() == self.dtype;
        fits.then_some(EncodedImage { vector, latents })
    }

    /// Computes and caches the latents of an image in the index.
    pub(super) fn warm(
        &mut self,
        latents: &Latents,
        image: &ExampleImage,
    ) -> Result<(), AssistantError> {
        let encoded = self.encode_shot(image)?;
        self.store_latents(latents, image, &encoded)
    }

    /// Caches the latents of an image, unless it was removed from the index meanwhile.
    fn store_latents(
        &self,
        latents: &Latents,
        image: &ExampleImage,
        encoded: &EncodedImage,
    ) -> Result<(), AssistantError> {
        let sha256 = &image.sha256;
        if !self.index.contains_image(sha256)? {
            return Ok(());
        }
        let put = latents.put(sha256, &to_safetensors(encoded)?);
        put.map_err(IndexError::from)?;
        // Check again: a compaction may have removed the image before it could see the new file.
        if !self.index.contains_image(sha256)? {
            latents.remove(sha256).map_err(IndexError::from)?;
        }
        Ok(())
    }

    /// Uses the latent cache from now on, if it exists.
    pub(super) fn open_latent_cache(&mut self) {
        let folder = self.index.folder();
        self.latents = folder.map(|f| self.cache_in(f)).filter(Latents::exists);
    }

    fn cache_in(&self, folder: &Path) -> Latents {
        Latents::new(folder, &self.model_sha256).computed_in(self.dtype.as_str())
    }

    /// This model's latent cache, and the bytes that one image takes in it.
    pub fn latent_cache(&mut self) -> Result<(Latents, u64), AssistantError> {
        let Some(folder) = self.index.folder().map(|f| f.to_path_buf()) else {
            return Err(IndexError::Shipped.into());
        };
        let side = self.learner.manifest().config.vision().image_size() as u32;
        let blank = rounds_imaging::blank(side);
        let bytes = to_safetensors(&self.encode(&blank)?)?.len() as u64 + 64;
        Ok((self.cache_in(&folder), bytes))
    }
}

/// Latents and vector as a safetensors file, without loss.
fn to_safetensors(image: &EncodedImage) -> Result<Vec<u8>, AssistantError> {
    let failed = |e: &dyn std::fmt::Display| AssistantError::Panic(e.to_string());
    let cpu = Device::Cpu;
    let vector =
        Tensor::from_slice(&image.vector, image.vector.len(), &cpu).map_err(|e| failed(&e))?;
    let latents = image.latents.to_device(&cpu).map_err(|e| failed(&e))?;
    debug_assert!(vector.dtype() == DType::F32);
    safetensors::serialize([("vector", &vector), ("latents", &latents)], None)
        .map_err(|e| failed(&e))
}

/// An engine on nano and its index, which tests stand on.
#[cfg(test)]
pub(crate) fn on_nano() -> Engine {
    let setup = Setup {
        model: Some(crate::fixtures::path("nano")),
        index: Some(crate::fixtures::path("index")),
        device: "cpu".into(),
        ..Setup::default()
    };
    Engine::load(&setup).unwrap()
}
