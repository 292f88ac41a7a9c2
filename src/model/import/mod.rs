//! From published checkpoints to a bundle.
//!
//! The model itself says which tensors it needs ([`Flamingo::tensors`]); [`names`] says what makes each of them; every published
//! tensor must then be used or known to be of no use. What is missing, unknown or of another shape is listed, never skipped.

mod names;
mod shape;
mod tokens;
mod write;

pub use write::{Hold, Written, write as write_weights};

use candle_core::Tensor;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use self::names::{Family, Names, Piece, Place, Role, ignorable};
use super::bundle::{FORMAT_VERSION, Fit, Manifest, Pixels};
use super::flamingo::{Flamingo, FlamingoConfig, MediaMask};
use super::store::Asked;
use super::weights::{Source, WeightError};
use crate::support::{Cancel, FileError, Hint, files, sanitise};

/// Why an import failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Weights(#[from] WeightError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{place}: {reason}")]
    Config { place: String, reason: String },
    #[error("the weights do not fit together:\n{}", .0.join("\n"))]
    Mismatch(Vec<String>),
    #[error("{0} has values that half precision cannot hold")]
    Range(String),
    #[error("{place} has {found} parameters, this model's published checkpoint has {known}")]
    Parameters {
        place: String,
        found: u64,
        known: u64,
    },
    #[error("the weights could not be converted: {0}")]
    Tensor(#[from] candle_core::Error),
    #[error("{path} needs {needed} bytes, {free} are free")]
    Space {
        path: String,
        needed: u64,
        free: u64,
    },
    #[error("stopped")]
    Cancelled,
}

impl ImportError {
    fn config(place: &str, reason: String) -> Self {
        Self::Config {
            place: sanitise::clean_line(place),
            reason: sanitise::clean_line(&reason),
        }
    }
}

impl Hint for ImportError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Mismatch(_) => {
                "give the base model that the checkpoint was trained on; `rounds model import --help` shows what goes where"
            }
            Self::Range(_) => "use --dtype bf16 or --dtype f32",
            Self::Parameters { .. } => "the file is incomplete or of another model; get it again",
            Self::Space { .. } => "free some space, or use --dtype q4_k",
            Self::Weights(WeightError::Hostile { .. }) => {
                "do not use this file; get the weights from their publisher"
            }
            _ => return None,
        };
        Some(text.to_string())
    }
}

/// What to import.
pub struct Request {
    pub idefics: bool,
    pub checkpoint: PathBuf,
    pub language: Option<PathBuf>,
    pub vision: Option<PathBuf>,
    /// Folder with the `tokenizer.json`; else looked for beside checkpoint and language model.
    pub tokenizer: Option<PathBuf>,
    pub out: PathBuf,
    pub name: String,
    pub media_mask: MediaMask,
    pub cross_attn_every_n: Option<usize>,
    pub vision_heads: Option<usize>,
    pub hold: Hold,
    /// Token in front of every prompt, where it is not the tokenizer's own.
    pub begin: Option<String>,
    /// Prompt template; `None` for the family's own.
    pub template: Option<String>,
}

/// What was done.
#[derive(Debug)]
pub struct Imported {
    pub tensors: usize,
    /// Different parameters of the checkpoint.
    pub checkpoint_parameters: u64,
    /// Parameters of the assembled model.
    pub parameters: u64,
    /// Published tensors of no use, by the kind of reason they are known by.
    pub ignored: usize,
    pub bytes: u64,
}

/// The opened files of an import.
pub struct Sources {
    pub checkpoint: Source,
    pub language: Option<Source>,
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

    fn has(&self, place: &Place) -> bool {
        self.get(place.role).is_some_and(|s| s.has(&place.name))
    }

    fn tensor(&self, place: &Place) -> Result<Tensor, ImportError> {
        let missing = || WeightError::format(&place.name, "not there");
        Ok(self
            .get(place.role)
            .ok_or_else(missing)?
            .tensor(&place.name)?)
    }
}

/// Parameters of published checkpoints (seed-systems, section 8.1): decoder layers, width, gated blocks every, count.
const KNOWN: [(usize, usize, usize, u64); 4] = [
    (24, 2048, 1, 1_046_992_944),
    (32, 2560, 2, 1_218_197_536),
    (32, 4096, 4, 1_384_781_840),
    (32, 4096, 4, 1_309_919_248),
];

/// Imports. `progress` gets tensors done and in all.
///
/// Errors leave `out` as it was found; a bundle that is there already is replaced only when the new one is whole.
pub fn import(
    request: &Request,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Imported, ImportError> {
    let sources = Sources {
        checkpoint: Source::open(&request.checkpoint)?,
        language: request.language.as_deref().map(Source::open).transpose()?,
        vision: request.vision.as_deref().map(Source::open).transpose()?,
    };
    let (names, mut config, mut tokens) = match request.idefics {
        true => idefics(request, &sources)?,
        false => flamingo(request, &sources)?,
    };
    if let Some(begin) = &request.begin {
        tokens.special.begin = begin.clone();
    }
    // A quantised head is kept beside the table, which stays readable by row.
    config.language.tied_head &= !request.hold.is_packed();
    let asked = Flamingo::tensors(&config)?;
    let used = check(&names, &sources, &asked)?;
    let checkpoint_parameters = distinct(&sources.checkpoint, &used);
    let known: Vec<u64> = KNOWN
        .iter()
        .filter(|k| {
            !request.idefics
                && (k.0, k.1, k.2)
                    == (
                        config.language.layers,
                        config.language.hidden_size,
                        config.cross_attn_every_n_layers,
                    )
        })
        .map(|k| k.3)
        .collect();
    if let Some(&first) = known.first()
        && !known.contains(&checkpoint_parameters)
    {
        return Err(ImportError::Parameters {
            place: sources.checkpoint.place().to_string(),
            found: checkpoint_parameters,
            known: first,
        });
    }
    files::create_private_dir(&request.out)?;
    room(&request.out, write::size(request.hold, &asked))?;
    let mut done = 0;
    let written = write::write(&request.out, request.hold, &asked, &mut |tensor| {
        if cancel.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        progress(done, asked.len());
        done += 1;
        let piece = names
            .find(&tensor.name)
            .ok_or_else(|| WeightError::format(&tensor.name, "no rule makes it"))?;
        make(&sources, &piece, tensor)
    })?;
    progress(asked.len(), asked.len());
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        family: if request.idefics {
            "idefics"
        } else {
            "flamingo"
        }
        .into(),
        name: sanitise::clean_line(&request.name),
        licence: "as published with the weights".into(),
        intended_use: crate::assistant::INTENDED_USE.into(),
        knows: format!(
            "{} was imported from published weights; it was not evaluated for medical use",
            sanitise::clean_line(&request.name)
        ),
        template: request.template.clone().unwrap_or_else(|| {
            match (request.idefics, names.language) {
                (true, _) => "idefics",
                (false, names::LanguageLayout::Llama) => "med-flamingo",
                _ => "open-flamingo",
            }
            .to_string()
        }),
        familiar_similarity: -1.0,
        dtype: request.hold.name().into(),
        weights: vec![request.hold.file().into()],
        tokens: tokens.special,
        pixels: Pixels {
            fit: if request.idefics {
                Fit::Squash
            } else {
                Fit::Crop
            },
            mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
            std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
        },
        config,
        files: BTreeMap::from([
            (request.hold.file().to_string(), written.sha256),
            (
                "tokenizer.json".to_string(),
                files::sha256_hex(tokens.json.as_bytes()),
            ),
        ]),
        lengths: BTreeMap::from([
            (request.hold.file().to_string(), written.length),
            ("tokenizer.json".to_string(), tokens.json.len() as u64),
        ]),
    };
    files::write_atomic(&request.out.join("tokenizer.json"), tokens.json.as_bytes())?;
    let text =
        toml::to_string(&manifest).map_err(|e| ImportError::config("model.toml", e.to_string()))?;
    files::write_atomic(&request.out.join("model.toml"), text.as_bytes())?;
    Ok(Imported {
        tensors: asked.len(),
        checkpoint_parameters,
        parameters: asked
            .iter()
            .map(|a| a.shape.iter().map(|&d| d as u64).product::<u64>())
            .sum(),
        ignored: unused(&sources, &used).count(),
        bytes: written.length,
    })
}

fn needed<'a>(value: Option<&'a Path>, what: &str) -> Result<&'a Path, ImportError> {
    value.ok_or_else(|| {
        ImportError::config(
            "the import",
            format!("a Flamingo needs its {what} model too"),
        )
    })
}

fn flamingo(
    request: &Request,
    sources: &Sources,
) -> Result<(Names, FlamingoConfig, tokens::Tokens), ImportError> {
    let folder = needed(request.language.as_deref(), "language (--language)")?;
    let vision = needed(request.vision.as_deref(), "vision (--vision)")?;
    let (Some(language_source), Some(vision_source)) = (&sources.language, &sources.vision) else {
        return Err(ImportError::config(
            "the import",
            "a source is missing".into(),
        ));
    };
    let json = shape::Json::of(folder)?;
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
                sources.checkpoint.place(),
                format!("it holds none of {}", TABLES.join(", ")),
            ));
        }
    };
    let (layout, decoder) = shape::language(&json, language_source, vocab)?;
    let beside = vision
        .is_dir()
        .then(|| shape::Json::of(vision).ok())
        .flatten();
    let (vision_layout, tower) =
        shape::vision(vision_source, beside.as_ref(), request.vision_heads)?;
    let heads = decoder.heads;
    let config = shape::flamingo(
        sources,
        decoder,
        tower,
        request.media_mask,
        request.cross_attn_every_n,
    )?;
    // A LLaMA's head is not in the checkpoint: its rows for the new tokens never saw training.
    let untrained = layout == names::LanguageLayout::Llama
        && !sources.checkpoint.has("lang_encoder.lm_head.weight");
    let tokens = tokens::flamingo(&tokenizer_file(request)?, vocab, untrained)?;
    let names = Names {
        family: Family::Flamingo,
        language: layout,
        vision: vision_layout,
        heads,
    };
    Ok((names, config, tokens))
}

fn idefics(
    request: &Request,
    sources: &Sources,
) -> Result<(Names, FlamingoConfig, tokens::Tokens), ImportError> {
    let json = shape::Json::of(&request.checkpoint)?;
    let config = shape::idefics(&json, &sources.checkpoint)?;
    let (vision, _) = shape::vision(&sources.checkpoint, Some(&json), None)?;
    let tokens = tokens::idefics(&tokenizer_file(request)?)?;
    let names = Names {
        family: Family::Idefics {
            every: config.cross_attn_every_n_layers,
        },
        language: names::LanguageLayout::Llama,
        vision,
        heads: config.language.heads,
    };
    Ok((names, config, tokens))
}

fn tokenizer_file(request: &Request) -> Result<PathBuf, ImportError> {
    let folders = [
        request.tokenizer.as_deref(),
        match request.checkpoint.is_dir() {
            true => Some(request.checkpoint.as_path()),
            false => request.checkpoint.parent(),
        },
        request.language.as_deref(),
    ];
    let found = folders.into_iter().flatten().find_map(|path| {
        let file = match path.is_dir() {
            true => path.join("tokenizer.json"),
            false => path.to_path_buf(),
        };
        let right = file.file_name().is_some_and(|n| n == "tokenizer.json");
        (right && file.exists()).then_some(file)
    });
    found.ok_or_else(|| {
        ImportError::config(
            "the import",
            "no tokenizer.json lies beside the checkpoint or the language model: give its folder with --tokenizer".into(),
        )
    })
}

/// Checks every tensor the model asks for, and that nothing else is left over. Gives the published names in use.
fn check(
    names: &Names,
    sources: &Sources,
    asked: &[Asked],
) -> Result<BTreeSet<(Role, String)>, ImportError> {
    let mut used = BTreeSet::new();
    let mut faults = Vec::new();
    for tensor in asked {
        let Some(piece) = names.find(&tensor.name) else {
            faults.push(format!("missing: {} (no rule makes it)", tensor.name));
            continue;
        };
        let present: Vec<&Place> = piece.places().iter().filter(|p| sources.has(p)).collect();
        let stacked = matches!(piece, Piece::Stacked(_));
        let complete = match stacked {
            true => present.len() == piece.places().len(),
            false => !present.is_empty(),
        };
        if !complete {
            let wanted: Vec<&str> = piece.places().iter().map(|p| p.name.as_str()).collect();
            faults.push(format!("missing: {}", wanted.join(" or ")));
            continue;
        }
        let chosen = if stacked { &present[..] } else { &present[..1] };
        let shapes: Vec<Vec<usize>> = chosen
            .iter()
            .filter_map(|p| Some(sources.get(p.role)?.shape(&p.name)?.to_vec()))
            .collect();
        if let Err(reason) = fits(&piece, &shapes, &tensor.shape) {
            faults.push(format!("wrong shape: {}: {reason}", chosen[0].name));
        }
        used.extend(present.iter().map(|p| (p.role, p.name.clone())));
    }
    for (role, name) in unused(sources, &used) {
        let float = sources.get(role).is_some_and(|s| s.is_float(name));
        // MPT's head is its table; training files name it twice.
        let alias = name == "lang_encoder.lm_head.weight"
            && matches!(
                names.language,
                names::LanguageLayout::Mpt | names::LanguageLayout::Mosaic
            );
        if float && !alias && !ignorable(role, name) && !resized_head(role, name) {
            faults.push(format!("unknown: {name}"));
        }
    }
    match faults.is_empty() {
        true => Ok(used),
        false => {
            let more = faults.len().saturating_sub(40);
            faults.truncate(40);
            if more > 0 {
                faults.push(format!("and {more} more"));
            }
            let clean = faults.iter().map(|f| sanitise::clean_line(f)).collect();
            Err(ImportError::Mismatch(clean))
        }
    }
}

/// The base model's tables stand behind the checkpoint's resized ones.
fn resized_head(role: Role, name: &str) -> bool {
    const TABLES: [&str; 5] = [
        "model.embed_tokens.weight",
        "lm_head.weight",
        "gpt_neox.embed_in.weight",
        "embed_out.weight",
        "transformer.wte.weight",
    ];
    role == Role::Language && TABLES.contains(&name)
}

fn unused<'a>(
    sources: &'a Sources,
    used: &'a BTreeSet<(Role, String)>,
) -> impl Iterator<Item = (Role, &'a str)> {
    [Role::Checkpoint, Role::Language, Role::Vision]
        .into_iter()
        .filter_map(|role| Some((role, sources.get(role)?)))
        .flat_map(|(role, source)| source.names().map(move |name| (role, name)))
        .filter(|(role, name)| !used.contains(&(*role, (*name).to_string())))
}

/// Parameters of the checkpoint's tensors in use, each gated block counted once.
fn distinct(checkpoint: &Source, used: &BTreeSet<(Role, String)>) -> u64 {
    let preferred = |name: &str| {
        // Of two names of a gated block's tensor, the new one is an alias where the old one is there.
        let Some((before, rest)) = name.split_once(".gated_cross_attn_layer.") else {
            return true;
        };
        let layer = before.rsplit('.').next().unwrap_or_default();
        !checkpoint.has(&format!(
            "lang_encoder.gated_cross_attn_layers.{layer}.{rest}"
        ))
    };
    used.iter()
        .filter(|(role, name)| *role == Role::Checkpoint && preferred(name))
        .map(|(_, name)| checkpoint.elements(name))
        .sum()
}

fn fits(piece: &Piece, shapes: &[Vec<usize>], wanted: &[usize]) -> Result<(), String> {
    let first = shapes.first().ok_or("nothing there")?;
    let same_tail = |shape: &[usize]| shape.get(1..) == wanted.get(1..);
    let good = match piece {
        Piece::Whole(_) => first == wanted,
        Piece::Resized(_) => first.len() == 2 && same_tail(first),
        Piece::Third(..) | Piece::OfHeads(..) => {
            first.first() == Some(&(3 * wanted.first().copied().unwrap_or(0))) && same_tail(first)
        }
        Piece::Stacked(_) => {
            let rows: usize = shapes.iter().filter_map(|s| s.first()).sum();
            Some(&rows) == wanted.first() && shapes.iter().all(|s| same_tail(s))
        }
        Piece::Transposed(_) => first.iter().rev().eq(wanted.iter()),
    };
    match good {
        true => Ok(()),
        false => Err(format!("{shapes:?} where {wanted:?} was expected")),
    }
}

/// Makes one of our tensors from published ones.
fn make(sources: &Sources, piece: &Piece, asked: &Asked) -> Result<Tensor, ImportError> {
    let first = || {
        let place = piece.places().iter().find(|p| sources.has(p));
        sources.tensor(place.ok_or_else(|| WeightError::format(&asked.name, "not there"))?)
    };
    let rows = asked.shape.first().copied().unwrap_or(0);
    Ok(match piece {
        Piece::Whole(_) => first()?,
        Piece::Resized(_) => {
            let tensor = first()?;
            match tensor.dim(0)? {
                found if found >= rows => tensor.narrow(0, 0, rows)?,
                found => tensor.pad_with_zeros(0, 0, rows - found)?,
            }
        }
        Piece::Third(_, part) => first()?.narrow(0, part * rows, rows)?,
        Piece::OfHeads(_, part, heads) => {
            let tensor = first()?;
            let head = rows / heads;
            let mut split = vec![*heads, 3, head];
            split.extend(&asked.shape[1..]);
            tensor
                .reshape(split)?
                .narrow(1, *part, 1)?
                .contiguous()?
                .reshape(asked.shape.as_slice())?
        }
        Piece::Stacked(places) => {
            let parts = places
                .iter()
                .map(|p| sources.tensor(p))
                .collect::<Result<Vec<_>, _>>()?;
            Tensor::cat(&parts, 0)?
        }
        Piece::Transposed(_) => first()?.t()?.contiguous()?,
    })
}

/// Errors where less than `needed` bytes are free at `path`.
fn room(path: &Path, needed: u64) -> Result<(), ImportError> {
    match crate::support::free_space(path) {
        Some(free) if free < needed => Err(ImportError::Space {
            path: sanitise::clean_line(&path.to_string_lossy()),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}
