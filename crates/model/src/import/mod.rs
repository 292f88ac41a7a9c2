//! Imports published checkpoints as a bundle.
//!
//! The model says which tensors it needs ([`crate::families::ModelConfig::tensors`]), and `key_map` how to make each of them. Every published tensor
//! must then be used or known to be unneeded. Whatever is missing, unknown or has another shape is reported, never skipped.

pub(crate) mod assemble;
pub(crate) mod check;
mod commit;
mod convert;
mod efficientnet;
mod gguf_tokenizer;
mod gpt;
pub(crate) mod infer_config;
pub(crate) mod key_map;
mod llama_cpp;
mod medvint;
mod peft;
mod prefix;
mod pretrained;
pub(crate) mod recipe;
mod tokens;
mod write;

pub use medvint::{MedvintRequest, MedvintVariant, import_medvint};
pub use prefix::{PrefixRequest, import_prefix, prefix_tokenizer};
pub use pretrained::{PretrainedDecoder, PretrainedTower};
pub use write::{StagedWeights, WeightFormat, size as size_of_weights, write as write_weights};

use candle_core::Tensor;
use std::path::{Path, PathBuf};

use self::check::check_parameter_count;
use self::commit::Imported;
use self::convert::Conversion;
use self::key_map::{Family, KeyMap};
use self::recipe::{LanguageLayout, Role, TensorRef};
use self::tokens::TokenizerText;
use super::bundle::{Fit, Pixels};
use super::flamingo::{FlamingoConfig, MediaMask};
use super::weights::{Source, WeightError};
use rounds_support::{Cancel, FailureKind, FileError, Hint, sanitise};

/// Why an import failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file of weights could not be read.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was given cannot be imported: where, and why.
    #[error("{origin}: {reason}")]
    Config {
        /// File or option that is wrong, cleaned.
        origin: String,
        /// What is wrong, cleaned.
        reason: String,
    },
    /// Tensors are missing, unknown or of another shape: a line for each.
    #[error("the weights do not fit together:\n{}", .0.join("\n"))]
    Mismatch(Vec<String>),
    /// A tensor has values outside the range of f16.
    #[error("{0} has values outside the range of f16")]
    Range(String),
    /// The checkpoint has another number of parameters than the published one.
    #[error("{origin} has {found} parameters, but the published checkpoint has {known}")]
    Parameters {
        /// The checkpoint, cleaned.
        origin: String,
        /// Parameters found.
        found: u64,
        /// Parameters of the published checkpoint.
        known: u64,
    },
    /// A tensor operation failed.
    #[error("the weights could not be converted: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The disk is too full.
    #[error("{path} needs {needed} bytes, but only {free} are free")]
    Space {
        /// Where the weights were to go, cleaned.
        path: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The user stopped it.
    #[error("stopped")]
    Cancelled,
}

impl ImportError {
    pub(crate) fn config(origin: &str, reason: String) -> Self {
        Self::Config {
            origin: sanitise::clean_line(origin),
            reason: sanitise::clean_line(&reason),
        }
    }
}

impl Hint for ImportError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Mismatch(_) => {
                "give the base model that the checkpoint was trained on; see `rounds model import --help`"
            }
            Self::Range(_) => "use --dtype bf16 or --dtype f32",
            Self::Parameters { .. } => {
                "the file is incomplete or from another model; download it again"
            }
            Self::Space { .. } => "free some space, or use --dtype q4_k",
            Self::Weights(WeightError::Hostile { .. }) => {
                "do not use this file; download the weights from their publisher"
            }
            _ => return None,
        };
        Some(text.to_string())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Cancelled => FailureKind::Interrupted,
            Self::File(_) | Self::Space { .. } => FailureKind::Io,
            _ => FailureKind::Model,
        }
    }
}

/// What to import.
pub struct Request {
    /// Whether it is an IDEFICS, not an OpenFlamingo or Med-Flamingo.
    pub idefics: bool,
    /// The checkpoint: a file or a folder.
    pub checkpoint: PathBuf,
    /// The base language model; an IDEFICS needs none.
    pub language: Option<PathBuf>,
    /// The vision tower; an IDEFICS needs none.
    pub vision: Option<PathBuf>,
    /// `tokenizer.json` or its folder; by default it is looked for next to the checkpoint and the language model.
    pub tokenizer: Option<PathBuf>,
    /// Folder of the new bundle.
    pub out: PathBuf,
    /// Name of the new bundle.
    pub name: String,
    /// Which image a text token attends to.
    pub media_mask: MediaMask,
    /// Layers per gated block, to check against the checkpoint.
    pub cross_attn_every_n: Option<usize>,
    /// Attention heads of the vision tower, where the files do not say.
    pub vision_heads: Option<usize>,
    /// How weights are stored.
    pub weight_format: WeightFormat,
    /// Token in front of every prompt, if not the tokenizer's default.
    pub begin: Option<String>,
    /// Prompt template; `None` for the default of the family.
    pub template: Option<String>,
}

/// Result of an import.
#[derive(Debug)]
pub struct ImportSummary {
    /// Tensors written.
    pub tensors: usize,
    /// Parameters of the checkpoint, aliases counted once.
    pub checkpoint_parameters: u64,
    /// Parameters of the assembled model.
    pub parameters: u64,
    /// Published tensors that are not needed.
    pub ignored: usize,
    /// Length of the weights file in bytes.
    pub bytes: u64,
}

/// The opened files of an import.
pub struct Sources {
    /// The checkpoint.
    pub checkpoint: Source,
    /// The base language model.
    pub language: Option<Source>,
    /// The vision tower.
    pub vision: Option<Source>,
}

impl Sources {
    fn get(&self, role: Role) -> Option<&Source> {
        match role {
            Role::Checkpoint => Some(&self.checkpoint),
            Role::Language => self.language.as_ref(),
            Role::Vision => self.vision.as_ref(),
        }
    }

    fn has(&self, tensor_ref: &TensorRef) -> bool {
        self.get(tensor_ref.role)
            .is_some_and(|s| s.has(&tensor_ref.name))
    }

    fn tensor(&self, tensor_ref: &TensorRef) -> Result<Tensor, ImportError> {
        let missing = || WeightError::format(&tensor_ref.name, "it is missing");
        Ok(self
            .get(tensor_ref.role)
            .ok_or_else(missing)?
            .tensor(&tensor_ref.name)?)
    }
}

/// Imports a checkpoint. `progress` gets the number of tensors written and of all tensors.
///
/// On an error the output folder stays unchanged; an existing bundle is replaced only when the new one is complete.
pub fn import(
    request: &Request,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ImportSummary, ImportError> {
    let sources = Sources {
        checkpoint: Source::open(&request.checkpoint)?,
        language: request.language.as_deref().map(Source::open).transpose()?,
        vision: request.vision.as_deref().map(Source::open).transpose()?,
    };
    let (key_map, mut config, mut tokens) = match request.idefics {
        true => idefics(request, &sources)?,
        false => flamingo(request, &sources)?,
    };
    if let Some(begin) = &request.begin {
        tokens.special.begin = begin.clone();
    }
    // A quantised head is stored in addition to the embedding table, whose rows must stay readable.
    config.language.tied_head &= !request.weight_format.is_packed();
    let template = request.template.clone().unwrap_or_else(|| {
        match (request.idefics, key_map.language) {
            (true, _) => "idefics",
            (false, LanguageLayout::Llama) => "med-flamingo",
            _ => "open-flamingo",
        }
        .to_string()
    });
    let verify = |parameters| match request.idefics {
        true => Ok(()),
        false => check_parameter_count(&sources.checkpoint, &config, parameters),
    };
    let conversion = Conversion {
        sources: &sources,
        rules: &key_map,
        out: &request.out,
        bundle: Imported {
            family: match request.idefics {
                true => "idefics",
                false => "flamingo",
            },
            name: &request.name,
            knows: "was imported from published weights and was not evaluated for medical use",
            template,
            pixels: Pixels::clip(match request.idefics {
                true => Fit::Squash,
                false => Fit::Crop,
            }),
            config: config.clone().into(),
            tokenizer: tokens,
            format: request.weight_format,
        },
    };
    conversion.run(verify, cancel, progress)
}

fn required_path<'a>(value: Option<&'a Path>, what: &str) -> Result<&'a Path, ImportError> {
    value.ok_or_else(|| {
        ImportError::config(
            "the import",
            format!("a Flamingo also needs its {what} model"),
        )
    })
}

fn flamingo(
    request: &Request,
    sources: &Sources,
) -> Result<(KeyMap, FlamingoConfig, tokens::ImportedTokenizer), ImportError> {
    let language = required_path(request.language.as_deref(), "language (--language)")?;
    let vision = required_path(request.vision.as_deref(), "vision (--vision)")?;
    let (Some(language_source), Some(vision_source)) = (&sources.language, &sources.vision) else {
        return Err(ImportError::config(
            "the import",
            "the language or vision model is missing".into(),
        ));
    };
    const TABLES: [&str; 3] = [
        "lang_encoder.model.embed_tokens.weight",
        "lang_encoder.gpt_neox.embed_in.weight",
        "lang_encoder.transformer.wte.weight",
    ];
    let table = TABLES.iter().find_map(|t| sources.checkpoint.shape(t));
    let vocab = match table {
        Some(&[rows, _]) => rows,
        _ => {
            return Err(ImportError::config(
                sources.checkpoint.origin(),
                format!("it has none of {}", TABLES.join(", ")),
            ));
        }
    };
    let llama_cpp = language_source.gguf();
    let (layout, decoder) = match llama_cpp {
        Some(file) => llama_cpp::language(file, language_source, vocab)?,
        None => infer_config::language(
            &infer_config::JsonConfig::from_folder(language)?,
            language_source,
            vocab,
        )?,
    };
    let vision_config = vision
        .is_dir()
        .then(|| infer_config::JsonConfig::from_folder(vision).ok())
        .flatten();
    let (vision_layout, tower) =
        infer_config::vision(vision_source, vision_config.as_ref(), request.vision_heads)?;
    let heads = decoder.attention_heads();
    let config = infer_config::flamingo(
        sources,
        decoder,
        tower,
        request.media_mask,
        request.cross_attn_every_n,
    )?;
    // A LLaMA's output head is not in the checkpoint, so its rows for the new tokens were never trained.
    let untrained = layout == LanguageLayout::Llama
        && !config.language.tied_head
        && !sources.checkpoint.has("lang_encoder.lm_head.weight");
    let tokens = tokens::flamingo(&tokenizer_text(request, language_source)?, vocab, untrained)?;
    let key_map = KeyMap {
        family: Family::Flamingo,
        language: layout,
        llama_cpp: llama_cpp.is_some(),
        vision: vision_layout,
        heads,
        tied_head: config.language.tied_head,
    };
    Ok((key_map, config, tokens))
}

fn idefics(
    request: &Request,
    sources: &Sources,
) -> Result<(KeyMap, FlamingoConfig, tokens::ImportedTokenizer), ImportError> {
    let json = infer_config::JsonConfig::from_folder(&request.checkpoint)?;
    let config = infer_config::idefics(&json, &sources.checkpoint)?;
    let (vision, _) = infer_config::vision(&sources.checkpoint, None, None)?;
    let tokens = tokens::idefics(&TokenizerText::from_file(&tokenizer_file(
        request.tokenizer.as_deref(),
        &weights_of(request),
    )?)?)?;
    let key_map = KeyMap {
        family: Family::Idefics {
            every: config.cross_attn_every_n_layers,
        },
        language: LanguageLayout::Llama,
        llama_cpp: false,
        vision,
        heads: config.language.attention_heads(),
        tied_head: false,
    };
    Ok((key_map, config, tokens))
}

/// The given tokenizer, else one next to the weights, else the one inside a language model in a GGUF file.
fn tokenizer_text(request: &Request, language: &Source) -> Result<TokenizerText, ImportError> {
    tokenizer_near(request.tokenizer.as_deref(), &weights_of(request), language)
}

/// [`tokenizer_text`] for weights at these paths.
fn tokenizer_near(
    given: Option<&Path>,
    weights: &[&Path],
    language: &Source,
) -> Result<TokenizerText, ImportError> {
    let missing = match tokenizer_file(given, weights) {
        Ok(file) => return TokenizerText::from_file(&file),
        Err(error) => error,
    };
    let inside = match (language.gguf(), given) {
        (Some(file), None) => gguf_tokenizer::read(file, language.origin())?,
        _ => None,
    };
    let json = inside.ok_or(missing)?;
    Ok(TokenizerText {
        origin: language.origin().to_string(),
        bytes: json.into_bytes(),
    })
}

fn weights_of(request: &Request) -> Vec<&Path> {
    let weights = [
        Some(request.checkpoint.as_path()),
        request.language.as_deref(),
    ];
    weights.into_iter().flatten().collect()
}

/// The given tokenizer, else one next to the weights.
fn tokenizer_file(given: Option<&Path>, weights: &[&Path]) -> Result<PathBuf, ImportError> {
    let inside = |folder: &Path| folder.join("tokenizer.json");
    let next_to = |path: &Path| match path.is_dir() {
        true => Some(inside(path)),
        false => path.parent().map(inside),
    };
    let candidates = match given {
        Some(folder) if folder.is_dir() => vec![inside(folder)],
        Some(file) => vec![file.to_path_buf()],
        None => weights.iter().copied().filter_map(next_to).collect(),
    };
    let found = candidates.iter().find(|file| file.is_file());
    found.cloned().ok_or_else(|| match given {
        Some(given) => {
            let reason = "it has no tokenizer.json: give the file or its folder with --tokenizer";
            ImportError::config(&given.to_string_lossy(), reason.into())
        }
        None => ImportError::config(
            "the import",
            "there is no tokenizer.json next to the checkpoint or the language model, and none inside it: give it or its folder with --tokenizer".into(),
        ),
    })
}

/// Errors where fewer than `needed` bytes are free at `path`.
pub(crate) fn check_free_space(path: &Path, needed: u64) -> Result<(), ImportError> {
    match rounds_support::free_space(path) {
        Some(free) if free < needed => Err(ImportError::Space {
            path: sanitise::clean_line(&path.to_string_lossy()),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}
