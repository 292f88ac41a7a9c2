//! Long work on an index: importing a data set, and keeping what a model makes of its pictures.
//!
//! It says how far it is and can be stopped at any time; what was done stays, and the same call goes on from there. Never
//! ask for anything here: surfaces do.

use std::path::{Path, PathBuf};

use super::Embedders;
use super::engine::Engine;
use super::types::AssistantError;
use crate::index::dataset::{self, DatasetError, Format, Options};
use crate::index::ingest::{IngestError, Report, Summary, ingest};
use crate::index::{self, IndexError, Writer};
use crate::model::device;
use crate::support::{Cancel, Hint, free_space};

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
/// Errors where it could not begin; what stopped it later is in [`Imported::ended`].
pub fn import(
    import: &Import,
    indexes: &index::library::Library,
    models: &crate::model::library::Library,
    cancel: &Cancel,
    report: &mut dyn FnMut(ImportReport),
) -> Result<Imported, ImportError> {
    // The data first: a mistyped path should not leave a new index behind.
    let mut data = dataset::open(import.format, &import.path, &import.options)?;
    let (device, _) = device::open(&import.device).map_err(AssistantError::from)?;
    let mut folder = indexes.find(&import.index);
    if !folder.join(index::MANIFEST).exists() {
        folder = indexes.place(&import.index);
        index::create(&folder, vec![Embedders::of(None, &device)?.0])?;
        report(ImportReport::Made(&folder));
    }
    let mut writer = Writer::open(&folder)?;
    let embedders = Embedders::for_index(writer.encoders(), &|path| models.find(path), &device)?;
    report(ImportReport::Total(data.total));
    let mut summary = Summary::default();
    let ended = ingest(
        &mut writer,
        &mut *data.items,
        &embedders,
        cancel,
        &mut summary,
        &mut |rows| report(ImportReport::Rows(rows)),
    );
    let examples = writer.len();
    // An index that could not be written is not sealed.
    if !matches!(&ended, Err(IngestError::Index(error)) if !matches!(error, IndexError::Cancelled))
    {
        writer.finish()?;
    }
    Ok(Imported {
        summary,
        examples,
        ended: ended.map_err(ImportError::from),
    })
}

/// What keeping the latents of an index's pictures costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmPlan {
    pub pictures: u64,
    /// Bytes of one picture.
    pub each: u64,
    /// Bytes that are kept already.
    pub held: u64,
    /// Bytes still to be kept.
    pub wanted: u64,
}

/// What is kept now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warmed {
    pub pictures: u64,
    pub bytes: u64,
    /// Pictures that were let go to make room.
    pub gone: usize,
}

/// What is said while latents are made.
#[derive(Debug)]
pub enum Warming {
    Plan(WarmPlan),
    /// Examples done, and all of them.
    Progress(u64, u64),
    Done(Warmed),
    Failed(AssistantError),
}

impl Engine {
    /// What [`Engine::warm_all`] would cost.
    pub fn warm_plan(&mut self) -> Result<WarmPlan, AssistantError> {
        let (cache, each) = self.latent_cache()?;
        let held = cache.held();
        let pictures = self.index().pictures()? as u64;
        Ok(WarmPlan {
            pictures,
            each,
            held: held.bytes,
            wanted: pictures.saturating_sub(held.files as u64) * each,
        })
    }

    /// Computes and keeps the latents of all pictures that fit into `limit` bytes. What was not used for the longest time
    /// goes first. On a cancel what was done stays.
    pub fn warm_all(
        &mut self,
        limit: u64,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Warmed, AssistantError> {
        let plan = self.warm_plan()?;
        let free = self.index().folder().and_then(free_space);
        if free.is_some_and(|free| free < plan.wanted.min(limit)) {
            return Err(IndexError::Refused(
                "there is not enough room on the disk; lower the limit".into(),
            )
            .into());
        }
        let mut numbers = Vec::new();
        self.index().each_example(&mut |example| {
            numbers.push(example?.number);
            Ok(())
        })?;
        let all = numbers.len() as u64;
        let (cache, _) = self.latent_cache()?;
        let room = (limit / plan.each.max(1)) as usize;
        let mut kept = cache.held().files;
        for (done, number) in numbers.into_iter().enumerate() {
            if cancel.is_cancelled() || kept >= room {
                break;
            }
            let example = self.index().example(number)?;
            if self.warm(&example)? {
                kept += example.images.len();
            }
            progress(done as u64 + 1, all);
        }
        let gone = cache.shrink(limit).map_err(IndexError::from)?;
        let held = cache.held();
        self.use_latents();
        Ok(Warmed {
            pictures: held.files as u64,
            bytes: held.bytes,
            gone,
        })
    }
}
