//! Published language models and towers on their own, from which a trainer takes its frozen or initial parts.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use std::path::Path;

use super::assemble::assemble;
use super::check::check;
use super::key_map::{Family, KeyMap, VisionLayout};
use super::recipe::LanguageLayout;
use super::{ImportError, Sources, efficientnet, gguf_tokenizer, gpt, infer_config, llama_cpp};
use crate::flamingo::check_parts;
use crate::language::{Decoder, DecoderConfig};
use crate::ops::Heads;
use crate::store::{Store, TensorSpec, required_tensors};
use crate::vision::{EfficientNetConfig, EfficientNetTower};
use crate::weights::{Source, WeightError};
use rounds_support::files;

/// Published files and how the tensors of one part of a model are made from them.
struct Part {
    sources: Sources,
    key_map: KeyMap,
    specs: Vec<TensorSpec>,
}

impl Part {
    fn new(sources: Sources, key_map: KeyMap, specs: Vec<TensorSpec>) -> Result<Self, ImportError> {
        check(&key_map, &sources, &specs)?;
        Ok(Self {
            sources,
            key_map,
            specs,
        })
    }

    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor, ImportError> {
        let recipe = self.key_map.find(&spec.name);
        let unknown = || WeightError::format(&spec.name, "it has no known source");
        assemble(&self.sources, &recipe.ok_or_else(unknown)?, spec)
    }

    /// A store of all tensors in f32 on the CPU.
    fn store(&self) -> Result<Store<'static>, ImportError> {
        let tensors = self
            .specs
            .iter()
            .map(|spec| Ok((spec.name.clone(), self.tensor(spec)?)));
        let tensors = tensors.collect::<Result<_, ImportError>>()?;
        let full = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        Ok(Store::full(full))
    }
}

/// A published language model: a GGUF file of llama.cpp, or a folder of transformers.
pub struct PretrainedDecoder {
    /// Its sizes.
    pub config: DecoderConfig,
    /// The content of its `tokenizer.json`.
    pub tokenizer: String,
    part: Part,
}

impl PretrainedDecoder {
    /// Opens and checks the file or folder at `path` without reading weights.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let source = Source::open(path)?;
        let (layout, config, tokenizer) = match source.gguf() {
            Some(file) => {
                let rows = vocabulary(&source, &["token_embd.weight"])?;
                let (layout, config) = llama_cpp::language(file, &source, rows)?;
                let missing =
                    || ImportError::config(source.origin(), "it has no tokenizer inside".into());
                let tokenizer = gguf_tokenizer::read(file, source.origin())?;
                (layout, config, tokenizer.ok_or_else(missing)?)
            }
            None => from_folder(path, &source)?,
        };
        check_parts::decoder(&config)
            .map_err(|reason| ImportError::config(source.origin(), reason))?;
        let specs =
            required_tensors(|store| Decoder::load(&config, store.pp("lang_encoder")).map(drop))?;
        let key_map = KeyMap {
            family: Family::Flamingo,
            language: layout,
            llama_cpp: source.gguf().is_some(),
            vision: VisionLayout::EfficientNet,
            heads: config.attention_heads(),
            tied_head: config.tied_head,
        };
        let sources = Sources {
            checkpoint: Source::empty(),
            language: Some(source),
            vision: None,
        };
        Ok(Self {
            part: Part::new(sources, key_map, specs)?,
            config,
            tokenizer,
        })
    }

    /// The tensors of a decoder, all under `lang_encoder`.
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.part.specs
    }

    /// One of [`Self::tensors`] in f32 on the CPU.
    pub fn tensor(&self, spec: &TensorSpec) -> Result<Tensor, ImportError> {
        self.part.tensor(spec)
    }

    /// The decoder in f32 on the CPU.
    pub fn load(&self) -> Result<Decoder, ImportError> {
        let store = self.part.store()?.pp("lang_encoder");
        Ok(Decoder::load(&self.config, store)?)
    }
}

/// Rows of the first of `tables` that exists.
fn vocabulary(source: &Source, tables: &[&str]) -> Result<usize, ImportError> {
    let rows = tables
        .iter()
        .find_map(|table| source.shape(table)?.first().copied());
    rows.ok_or_else(|| {
        let reason = format!("it has none of {}", tables.join(", "));
        ImportError::config(source.origin(), reason)
    })
}

fn from_folder(
    folder: &Path,
    source: &Source,
) -> Result<(LanguageLayout, DecoderConfig, String), ImportError> {
    const TABLES: [&str; 3] = [
        "model.embed_tokens.weight",
        "gpt_neox.embed_in.weight",
        "transformer.wte.weight",
    ];
    let json = infer_config::JsonConfig::from_folder(folder)?;
    let rows = match gpt::vocabulary(source) {
        Some(rows) => rows,
        None => vocabulary(source, &TABLES)?,
    };
    let (layout, config) = infer_config::language(&json, source, rows)?;
    let tokenizer = files::read_limited(&folder.join("tokenizer.json"), 256 << 20)?;
    let tokenizer = String::from_utf8(tokenizer)
        .map_err(|e| ImportError::config(source.origin(), e.to_string()))?;
    Ok((layout, config, tokenizer))
}

/// A published EfficientNet-Lite with its batch norms folded into the convolutions.
pub struct PretrainedTower {
    /// Its sizes.
    pub config: EfficientNetConfig,
    part: Part,
}

impl PretrainedTower {
    /// Opens and checks the file at `path`, a tower for images of `image_size` pixels, without reading weights.
    pub fn open(path: &Path, image_size: usize) -> Result<Self, ImportError> {
        let source = Source::open(path)?;
        if !efficientnet::is_tower(&source) {
            let reason = "it is not an EfficientNet-Lite of efficientnet_lite_pytorch".into();
            return Err(ImportError::config(source.origin(), reason));
        }
        let config = efficientnet::config(&source, image_size)?;
        check_parts::tower(&config)
            .map_err(|reason| ImportError::config(source.origin(), reason))?;
        let specs = required_tensors(|store| {
            EfficientNetTower::load(&config, store.pp("vision_encoder")).map(drop)
        })?;
        let key_map = KeyMap {
            family: Family::Flamingo,
            language: LanguageLayout::Llama,
            llama_cpp: false,
            vision: VisionLayout::EfficientNet,
            heads: Heads::from(1),
            tied_head: false,
        };
        let sources = Sources {
            checkpoint: Source::empty(),
            language: None,
            vision: Some(source),
        };
        Ok(Self {
            part: Part::new(sources, key_map, specs)?,
            config,
        })
    }

    /// The tensors of a tower, all under `vision_encoder`.
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.part.specs
    }

    /// One of [`Self::tensors`] in f32 on the CPU.
    pub fn tensor(&self, spec: &TensorSpec) -> Result<Tensor, ImportError> {
        self.part.tensor(spec)
    }

    /// The tower in f32 on the CPU.
    pub fn load(&self) -> Result<EfficientNetTower, ImportError> {
        let store = self.part.store()?.pp("vision_encoder");
        Ok(EfficientNetTower::load(&self.config, store)?)
    }
}
