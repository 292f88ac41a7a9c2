//! Long-running work on an index: importing a data set, and caching the latents of its images.
//!
//! It reports progress and can be stopped at any time; finished work is kept, and the same call continues from there. Never
//! ask the user anything here; front ends do that.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Embedders;
use super::engine::Engine;
use super::types::AssistantError;
use rounds_index::codes::ExportedCodes;
use rounds_index::dataset::{self, DatasetError, Format, Options};
use rounds_index::ingest::{IngestError, Report, Summary, ingest};
use rounds_index::latents::Latents;
use rounds_index::{self as index, ExampleImage, IndexError, Writer};
use rounds_model::device;
use rounds_support::{
    Cancel, FailureKind, Hint,
    errors::{bytes, count},
    free_space,
};

/// What to import, and into which index.
#[derive(Clone, Debug)]
pub struct Import {
    /// A name in the library, or a folder; created for the built-in model if it does not exist.
    pub index: PathBuf,
    /// Format of the data set.
    pub format: Format,
    /// Path of the data set.
    pub path: PathBuf,
    /// Options of the format.
    pub options: Options,
    /// A file with the salts of the codes in an export of an index with scans.
    pub salt: Option<PathBuf>,
    /// Name of the device to encode images on.
    pub device: String,
}

/// Progress of an import.
pub enum ImportReport<'a> {
    /// A new index was created here.
    Made(&'a Path),
    /// The salt of the codes in an export is not known, so that no question can be compared with them.
    UnknownCodes,
    /// Number of rows, if known.
    Total(Option<u64>),
    /// Rows were read.
    Rows(Report<'a>),
}

/// Outcome of an import.
#[derive(Debug)]
pub struct Imported {
    /// Counts of rows and examples.
    pub summary: Summary,
    /// Examples in the index now.
    pub examples: usize,
    /// An error if it ended early.
    pub ended: Result<(), ImportError>,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The data could not be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The encoders could not be loaded.
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

    fn kind(&self) -> FailureKind {
        match self {
            Self::Index(error) => error.kind(),
            Self::Dataset(error) => error.kind(),
            Self::Model(error) => error.kind(),
        }
    }
}

/// Imports a data set. `indexes` and `models` are the user's libraries.
///
/// Errors if it could not begin; a later failure, including one while finishing the index, is in [`Imported::ended`].
pub fn import(
    import: &Import,
    indexes: &index::library::Library,
    models: &rounds_model::library::Library,
    cancel: &Cancel,
    report: &mut dyn FnMut(ImportReport),
) -> Result<Imported, ImportError> {
    // Open the data first, so that a mistyped path does not leave a new index behind.
    let options = Options {
        cancel: cancel.clone(),
        ..import.options.clone()
    };
    let mut data = dataset::open(import.format, &import.path, &options)?;
    let codes = exported_codes(import)?;
    let (device, _) = device::open(&import.device).map_err(AssistantError::from)?;
    let mut folder = indexes.find(&import.index);
    if !folder.join(index::MANIFEST).exists() {
        folder = indexes.new_folder(&import.index)?;
        index::create(&folder, Embedders::of_new_index(None, &device)?)?;
        report(ImportReport::Made(&folder));
    }
    let mut writer = Writer::open(&folder)?;
    if writer.add_codes(&codes)? {
        report(ImportReport::UnknownCodes);
    }
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
    // If writing failed, uncommitted rows are not in the index.
    if matches!(&ended, Err(ImportError::Index(error)) if !matches!(error, IndexError::Cancelled)) {
        summary = safe;
    }
    let examples = match &ended {
        Err(ImportError::Index(IndexError::Deleted(_))) => 0,
        _ => before + summary.added as usize,
    };
    Ok(Imported {
        summary,
        examples,
        ended,
    })
}

/// What the data says about the codes of its scans, if it is an export of an index.
fn exported_codes(import: &Import) -> Result<ExportedCodes, IndexError> {
    match (import.format, &import.salt) {
        (Format::Folder, salt) => ExportedCodes::read(&import.path, salt.as_deref()),
        (_, None) => Ok(ExportedCodes::default()),
        (_, Some(_)) => Err(IndexError::Refused(
            "a salt belongs to an export of an index, which has the format folder".to_owned(),
        )),
    }
}

/// Finishes the index unless writing failed; a failure here takes precedence over `ended`.
fn sealed(writer: Writer, ended: Result<(), IngestError>) -> Result<(), ImportError> {
    let ended = ended.map_err(ImportError::from);
    match &ended {
        Err(ImportError::Index(error)) if !matches!(error, IndexError::Cancelled) => ended,
        _ => writer.finish().map_err(ImportError::from).and(ended),
    }
}

/// What caching the latents of an index's images costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmPlan {
    /// Number of images in the index.
    pub images: u64,
    /// Bytes per image.
    pub bytes_each: u64,
    /// Bytes already cached.
    pub cached: u64,
    /// Bytes still to be cached, within the limit.
    pub missing: u64,
    /// Most bytes in the cache.
    pub limit: u64,
    /// Images that do not fit within the limit.
    pub skipped: u64,
}

impl WarmPlan {
    /// One line for display.
    pub fn in_words(&self) -> String {
        let images = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX), "image");
        let skipped = match self.skipped {
            0 => String::new(),
            number => format!(", which leaves out {}", images(number)),
        };
        format!(
            "{} at {} each: {} to add, {} already cached; the limit is {}{skipped}",
            images(self.images),
            bytes(self.bytes_each),
            bytes(self.missing),
            bytes(self.cached),
            bytes(self.limit)
        )
    }
}

/// What the latent cache holds after warming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmSummary {
    /// Number of cached images.
    pub images: u64,
    /// Bytes in the cache.
    pub bytes: u64,
    /// Images evicted: those of removed examples, and the least recently used ones above the limit.
    pub evicted: usize,
}

/// Progress of caching latents.
#[derive(Debug)]
pub enum WarmEvent {
    /// What it will cost; the first event.
    Plan(WarmPlan),
    /// Images done, and their total number.
    Progress(u64, u64),
    /// It is done.
    Done(WarmSummary),
    /// It failed.
    Failed(AssistantError),
}

/// The latent cache, and the index's images that belong in it.
struct CachePlan {
    cache: Latents,
    images: Vec<ExampleImage>,
    hashes: HashSet<String>,
    plan: WarmPlan,
}

impl Engine {
    /// What [`Engine::warm_all`] would cost. `limit` is in bytes; `None` keeps the current limit.
    pub fn warm_plan(&mut self, limit: Option<u64>) -> Result<WarmPlan, AssistantError> {
        Ok(self.cache_plan(limit)?.plan)
    }

    fn cache_plan(&mut self, limit: Option<u64>) -> Result<CachePlan, AssistantError> {
        let (cache, bytes_each) = self.latent_cache()?;
        let images = self.index().all_images()?;
        let hashes: HashSet<String> = images.iter().map(|image| image.sha256.clone()).collect();
        let held = cache.size_of(&|sha256| hashes.contains(sha256));
        let limit = limit.unwrap_or_else(|| cache.limit());
        let missing = hashes.len().saturating_sub(held.files) as u64;
        let fit = missing.min(limit.saturating_sub(held.bytes) / bytes_each.max(1));
        let plan = WarmPlan {
            images: hashes.len() as u64,
            bytes_each,
            cached: held.bytes,
            missing: fit * bytes_each,
            limit,
            skipped: missing - fit,
        };
        Ok(CachePlan {
            cache,
            images,
            hashes,
            plan,
        })
    }

    /// Computes and caches the latents of all images that fit into `limit` bytes; `None` keeps the current limit. The limit
    /// also applies to later questions. Latents of removed examples are evicted, and above the limit the least recently used
    /// ones. If cancelled, the work done so far is kept.
    pub fn warm_all(
        &mut self,
        limit: Option<u64>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<WarmSummary, AssistantError> {
        let CachePlan {
            cache,
            images,
            hashes,
            plan,
        } = self.cache_plan(limit)?;
        let free = self.index().folder().and_then(free_space);
        if free.is_some_and(|free| free < plan.missing) {
            return Err(IndexError::Refused(
                "there is not enough disk space; lower the limit".into(),
            )
            .into());
        }
        let stale = cache.retain(&|sha256| hashes.contains(sha256));
        let stale = stale.map_err(IndexError::from)?;
        let above = cache.set_limit(plan.limit).map_err(IndexError::from)?;
        let mut room = plan.missing / plan.bytes_each.max(1);
        for (done, image) in (1..).zip(&images) {
            if cancel.is_cancelled() || room == 0 {
                break;
            }
            if !cache.has(&image.sha256) {
                self.warm(&cache, image)?;
                room -= 1;
            }
            progress(done, plan.images);
        }
        let held = cache.size_of(&|sha256| hashes.contains(sha256));
        self.open_latent_cache();
        Ok(WarmSummary {
            images: held.files as u64,
            bytes: held.bytes,
            evicted: stale + above,
        })
    }
}
