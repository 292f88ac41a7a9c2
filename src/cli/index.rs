//! `rounds index …`: make, fill, look into and look after indexes.

mod change;
mod import;
mod look;
mod search;

use candle_core::Device;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::cli::interrupt::Interrupt;
use rounds_assistant::{Embedders, SHIPPED};
use rounds_index::library::{Library, is_index};
use rounds_index::{Encoder, Index, IndexError};
use rounds_model::device;
use rounds_model::encoder::Descriptor;
use rounds_support::errors::shown;
use rounds_support::{Hint, Paths};

#[derive(Subcommand)]
pub enum IndexCommand {
    /// Make a new, empty index
    Create(change::Create),
    /// Add one example
    Add(change::Add),
    /// Import a data set
    Import(import::Import),
    /// List the indexes of the library
    List {
        #[arg(long)]
        json: bool,
    },
    /// Show an index, or one of its examples
    Show(look::Show),
    /// Find examples by picture, by words, by tags
    Search(search::Search),
    /// Remove examples, or a whole index
    Remove(change::Remove),
    /// Check every byte of an index
    Verify(look::Verify),
    /// Give back the room of removed examples
    Compact { index: PathBuf },
    /// Write an index as plain files
    Export { index: PathBuf, out: PathBuf },
    /// Counts, sizes, tags, sources and licences
    Stats(look::Stats),
    /// Keep what a model makes of the index's pictures, so that later answers need not compute it
    Warm(change::Warm),
    /// Add the vectors of another model's encoder
    Embed(change::Embed),
}

/// A model whose vision tower makes the vectors.
#[derive(Args, Clone)]
pub struct Maker {
    /// Model or image-text encoder whose vectors the index has, or `descriptor`, which needs no bundle; left out: the model
    /// that ships
    #[arg(long, alias = "encoder")]
    model: Option<PathBuf>,
    /// What it is computed on; auto takes the first that works
    #[arg(long, default_value = "auto", value_parser = device::NAMES)]
    device: String,
}

impl Maker {
    /// The encoder and what runs it.
    fn load(&self) -> Result<(Encoder, Embedders), Failure> {
        let made = Embedders::of(self.bundle()?.as_deref(), &self.opened()?);
        let (mut encoder, embedders) = made.map_err(|e| Failure::model(&e))?;
        encoder.bundle = self.named()?.map_or_else(String::new, as_typed);
        Ok((encoder, embedders))
    }

    /// The encoders of a new index.
    fn of_new_index(&self) -> Result<Vec<Encoder>, Failure> {
        let made = Embedders::of_new_index(self.bundle()?.as_deref(), &self.opened()?);
        let mut encoders = made.map_err(|e| Failure::model(&e))?;
        if let (Some(model), [encoder]) = (self.named()?, encoders.as_mut_slice()) {
            encoder.bundle = as_typed(model);
        }
        Ok(encoders)
    }

    fn opened(&self) -> Result<Device, Failure> {
        let opened = device::open(&self.device);
        opened
            .map(|(device, _)| device)
            .map_err(|e| Failure::model(&e))
    }

    /// What was named, unless it is what ships.
    fn named(&self) -> Result<Option<&Path>, Failure> {
        let named = self.model.as_deref();
        Ok(self.bundle()?.and(named))
    }

    fn bundle(&self) -> Result<Option<PathBuf>, Failure> {
        self.model.as_deref().map_or(Ok(None), super::model::find)
    }
}

/// A bundle as an index keeps it: as it was typed, since a name finds the bundle again when the library moved, but a path
/// in full.
fn as_typed(bundle: &Path) -> String {
    let path = match bundle.exists() && !Descriptor::is_named(bundle) {
        true => std::path::absolute(bundle).unwrap_or_else(|_| bundle.to_path_buf()),
        false => bundle.to_path_buf(),
    };
    path.to_string_lossy().into_owned()
}

/// What is to be looked for among an index's encoders: a bundle as [`as_typed`], any other word as it is.
fn encoder_word(given: &Path) -> String {
    match rounds_model::library::is_bundle(given) {
        true => as_typed(given),
        false => given.to_string_lossy().into_owned(),
    }
}

/// The user's library of indexes.
fn library() -> Result<Library, Failure> {
    Paths::find()
        .map(|paths| Library::of(&paths))
        .map_err(|e| Failure::usage(e, e.hint()))
}

/// An index's folder by name or path.
pub fn find(given: &Path) -> Result<PathBuf, Failure> {
    Ok(library()?.find(given))
}

/// An index by name or path; `None` for the one that ships, which has a name too.
///
/// Errors where there is none.
pub fn there(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = find(given)?;
    if is_index(&folder) {
        return Ok(Some(folder));
    }
    match given == Path::new(SHIPPED) {
        true => Ok(None),
        false => Err(failed(IndexError::NotAnIndex(shown(&folder)))),
    }
}

/// As [`find`], for a command that changes the index.
fn find_own(given: &Path) -> Result<PathBuf, Failure> {
    let folder = find(given)?;
    if folder == Path::new(SHIPPED) && !folder.exists() {
        return Err(failed(IndexError::Shipped));
    }
    Ok(folder)
}

pub fn failed(error: IndexError) -> Failure {
    let code = match &error {
        IndexError::Cancelled => 130,
        IndexError::NotAnIndex(_)
        | IndexError::Exists(_)
        | IndexError::Taken { .. }
        | IndexError::NoTag { .. }
        | IndexError::OwnWord(_)
        | IndexError::Unknown(_)
        | IndexError::Missing { .. }
        | IndexError::Long { .. }
        | IndexError::NoTexts
        | IndexError::Shipped
        | IndexError::Refused(_) => 2,
        _ => 3,
    };
    Failure {
        message: error.to_string(),
        hint: error.hint(),
        code,
    }
}

pub fn open(given: &Path) -> Result<Index, Failure> {
    Index::open(there(given)?.as_deref()).map_err(failed)
}

/// Indexes of the library that have vectors of the bundle in `folder`, with the name of its encoder.
pub fn users_of(
    models: &rounds_model::library::Library,
    folder: &Path,
) -> Result<Vec<(String, String)>, Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let is_it = |e: &&Encoder| {
        let found = models.find(Path::new(&e.bundle));
        !e.bundle.is_empty() && real(&found).is_some_and(|found| Some(found) == real(folder))
    };
    let clean = rounds_support::sanitise::clean_line;
    let mut users = Vec::new();
    for (name, index) in library()?.list() {
        let encoders = index.iter().flat_map(|index| index.encoders());
        users.extend(
            encoders
                .filter(is_it)
                .map(|e| (clean(&name), e.name.clone())),
        );
    }
    Ok(users)
}

/// The models of an index's encoders.
fn embedders(encoders: &[Encoder], device: &str) -> Result<Embedders, Failure> {
    let (device, _) = device::open(device).map_err(|e| Failure::model(&e))?;
    let library = super::model::library()?;
    Embedders::for_index(encoders, &|path| library.find(path), &device)
        .map_err(|e| Failure::model(&e))
}

/// Runs one of the commands.
pub fn run(command: &IndexCommand, interrupt: &Interrupt) -> Outcome {
    match command {
        IndexCommand::Create(create) => change::create(create),
        IndexCommand::Add(add) => change::add(add, interrupt.flag()),
        IndexCommand::Import(import) => import::run(import, interrupt.flag()),
        IndexCommand::List { json } => look::list(*json),
        IndexCommand::Show(show) => look::show(show),
        IndexCommand::Search(search) => search::search(search),
        IndexCommand::Remove(remove) => change::remove(remove),
        IndexCommand::Verify(verify) => look::verify(verify, interrupt.flag()),
        IndexCommand::Compact { index } => change::compact(index, interrupt.flag()),
        IndexCommand::Export { index, out } => change::export(index, out, interrupt.flag()),
        IndexCommand::Stats(stats) => look::stats(stats),
        IndexCommand::Warm(warm) => change::warm(warm, interrupt.flag()),
        IndexCommand::Embed(embed) => change::embed(embed, interrupt.flag()),
    }
}
