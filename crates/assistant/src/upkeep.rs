//! Long work on an index: importing a data set, and keeping what a model makes of its pictures.
//!
//! It says how far it is and can be stopped at any time; what was done stays, and the same call goes on from there. Never
//! ask for anything here: surfaces do.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Embedders;
use super::engine::Engine;
use super::types::AssistantError;
use rounds_index::dataset::{self, DatasetError, Format, Options};
use rounds_index::ingest::{IngestError, Report, Summary, ingest};
use rounds_index::latents::Latents;
use rounds_index::{self as index, ExampleImage, IndexError, Writer};
use rounds_model::device;
use rounds_support::{Cancel, Hint, errors::bytes, free_space};

/// What to import, and into which index.
#[derive(Clone, Debug)]
pub struct Import {
    /// A name in the library or a folder; made for the model that ships where there is none.
    pub index: PathBuf,
    pub format: Format,
    pub path: PathBuf,
    pub options: Options,
    pub device: String,
}

/// What is said while it works.
pub enum ImportReport<'a> {
    /// A new index was made here.
    Made(&'a Path),
    /// Rows of the data, where that is known.
    Total(Option<u64>),
    Rows(Report<'a>),
}

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    pub summary: Summary,
    /// Examples in the index now.
    pub examples: usize,
    /// Why it ended early.
    pub ended: Result<(), ImportError>,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error(transparent)]
    Model(#[from] AssistantError),
}

impl From<IngestError> for ImportError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Index(error) => Self::Index(error),
            IngestError::Dataset(error) => Self::Dataset(error),
        }
    }
}

impl Hint for ImportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Index(error) => error.hint(),
            Self::Dataset(error) => error.hint(),
            Self::Model(error) => error.hint(),
        }
    }
}

/// Imports. `indexes` and `models` are the user's libraries.
///
/// Errors where it could not begin; what stopped it later, sealing the index included, is in [`Imported::ended`].
pub fn import(
    import: &Import,
    indexes: &index::library::Library,
    models: &rounds_model::library::Library,
    cancel: &Cancel,
    report: &mut dyn FnMut(ImportReport),
) -> Result<Imported, ImportError> {
    // The data first: a mistyped path should not leave a new index behind.
    let mut data = dataset::open(import.format, &import.path, &import.options)?;
    let (device, _) = device::open(&import.device).map_err(AssistantError::from)?;
    let mut folder = indexes.find(&import.index);
    if !folder.join(index::MANIFEST).exists() {
        folder = indexes.place(&import.index)?;
        index::create(&folder, Embedders::of_new_index(None, &device)?)?;
        report(ImportReport::Made(&folder));
    }
    let mut writer = Writer::open(&folder)?;
    let before = writer.len();
    let embedders = Embedders::for_index(writer.encoders(), &|path| models.find(path), &device)?;
    report(ImportReport::Total(data.total));
    let (mut summary, mut safe) = (Summary::default(), Summary::default());
    let ended = ingest(
        &mut writer,
        &mut *data.items,
        &embedders,
        cancel,
        &mut summary,
        &mut |rows| {
            if let Report::Committed(summary) = &rows {
                safe = (*summary).clone();
            }
            report(ImportReport::Rows(rows));
        },
    );
    let ended = sealed(writer, ended);
    // What was not committed when writing failed is not in the index.
    if matches!(&ended, Err(ImportError::Index(error)) if !matches!(error, IndexError::Cancelled)) {
        summary = safe;
    }
    let examples = match &ended {
        Err(ImportError::Index(IndexError::Gone(_))) => 0,
        _ => before + summary.added as usize,
    };
    Ok(Imported {
        summary,
        examples,
        ended,
    })
}

/// Seals the index unless it could not be written; a failure here counts more than how the rows ended.
fn sealed(writer: Writer, ended: Result<(), IngestError>) -> Result<(), ImportError> {
    let ended = ended.map_err(ImportError::from);
    match &ended {
        Err(ImportError::Index(error)) if !matches!(error, IndexError::Cancelled) => ended,
        _ => writer.finish().map_err(ImportError::from).and(ended),
    }
}

/// What keeping the latents of an index's pictures costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmPlan {
    pub pictures: u64,
    /// Bytes of one picture.
    pub each: u64,
    /// Bytes of them that are kept already.
    pub held: u64,
    /// Bytes still to be kept, within the limit.
    pub wanted: u64,
    /// Most bytes to keep.
    pub limit: u64,
    /// Pictures for which the limit leaves no room.
    pub left_out: u64,
}

impl WarmPlan {
    /// All of it, on one line.
    pub fn in_words(&self) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            count => format!(", which leaves {count} pictures out"),
        };
        format!(
            "{} pictures at {} each: {} more beside {} that are kept; the limit is {}{left_out}",
            self.pictures,
            bytes(self.each),
            bytes(self.wanted),
            bytes(self.held),
            bytes(self.limit)
        )
    }
}

/// What is kept now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warmed {
    pub pictures: u64,
    pub bytes: u64,
    /// Pictures that were let go: those of removed examples, and the longest unused above the limit.
    pub gone: usize,
}

/// What is said while latents are made.
#[derive(Debug)]
pub enum Warming {
    Plan(WarmPlan),
    /// Pictures done, and all of them.
    Progress(u64, u64),
    Done(Warmed),
    Failed(AssistantError),
}

/// A cache and the pictures of the index that belong into it.
struct Belongings {
    cache: Latents,
    pictures: Vec<ExampleImage>,
    named: HashSet<String>,
    plan: WarmPlan,
}

impl Engine {
    /// What [`Engine::warm_all`] would cost. `limit` is in bytes; left out, the one that holds already.
    pub fn warm_plan(&mut self, limit: Option<u64>) -> Result<WarmPlan, AssistantError> {
        Ok(self.belongings(limit)?.plan)
    }

    fn belongings(&mut self, limit: Option<u64>) -> Result<Belongings, AssistantError> {
        let (cache, each) = self.latent_cache()?;
        let pictures = self.index().each_picture()?;
        let named: HashSet<String> = pictures.iter().map(|p| p.sha256.clone()).collect();
        let held = cache.held(&|picture| named.contains(picture));
        let limit = limit.unwrap_or_else(|| cache.limit());
        let missing = named.len().saturating_sub(held.files) as u64;
        let fit = missing.min(limit.saturating_sub(held.bytes) / each.max(1));
        let plan = WarmPlan {
            pictures: named.len() as u64,
            each,
            held: held.bytes,
            wanted: fit * each,
            limit,
            left_out: missing - fit,
        };
        Ok(Belongings {
            cache,
            pictures,
            named,
            plan,
        })
    }

    /// Computes and keeps the latents of all pictures that fit into `limit` bytes, which from then on holds for questions
    /// too; left out, the one that holds already. What was made of removed examples goes, and above the limit what was not
    /// used for the longest time. On a cancel what was done stays.
    pub fn warm_all(
        &mut self,
        limit: Option<u64>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Warmed, AssistantError> {
        let Belongings {
            cache,
            pictures,
            named,
            plan,
        } = self.belongings(limit)?;
        let free = self.index().folder().and_then(free_space);
        if free.is_some_and(|free| free < plan.wanted) {
            return Err(IndexError::Refused(
                "there is not enough room on the disk; lower the limit".into(),
            )
            .into());
        }
        let stale = cache.retain(&|picture| named.contains(picture));
        let stale = stale.map_err(IndexError::from)?;
        let above = cache.set_limit(plan.limit).map_err(IndexError::from)?;
        let mut room = plan.wanted / plan.each.max(1);
        for (done, picture) in (1..).zip(&pictures) {
            if cancel.is_cancelled() || room == 0 {
                break;
            }
            if !cache.has(&picture.sha256) {
                self.warm(&cache, picture)?;
                room -= 1;
            }
            progress(done, plan.pictures);
        }
        let held = cache.held(&|picture| named.contains(picture));
        self.use_latents();
        Ok(Warmed {
            pictures: held.files as u64,
            bytes: held.bytes,
            gone: stale + above,
        })
    }
}
