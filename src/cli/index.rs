//! `rounds index …`: make, fill, look into and look after indexes.

mod change;
mod import;
mod look;

use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::assistant::Embedders;
use crate::index::library::Library;
use crate::index::{Encoder, Index, IndexError};
use crate::model::device;
use crate::support::{Cancel, Hint, Paths};

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
    Search(look::Search),
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
    /// Model or image-text encoder whose vectors the index has; left out: the model that ships
    #[arg(long, alias = "encoder")]
    model: Option<PathBuf>,
    /// auto, cpu, cuda or metal
    #[arg(long, default_value = "auto")]
    device: String,
}

impl Maker {
    /// The encoder and what runs it.
    fn load(&self) -> Result<(Encoder, Embedders), Failure> {
        let (device, _) = device::open(&self.device).map_err(|e| Failure::model(&e))?;
        let bundle = match &self.model {
            Some(model) => Some(super::model::library()?.find(model)),
            None => None,
        };
        let made = Embedders::of(bundle.as_deref(), &device);
        let (mut encoder, embedders) = made.map_err(|e| Failure::model(&e))?;
        // As it was typed: a name finds the bundle again when the library moved.
        if let Some(model) = &self.model {
            encoder.bundle = match model.exists() {
                true => std::path::absolute(model)
                    .unwrap_or_else(|_| model.clone())
                    .to_string_lossy()
                    .into_owned(),
                false => model.to_string_lossy().into_owned(),
            };
        }
        Ok((encoder, embedders))
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

pub fn failed(error: IndexError) -> Failure {
    let code = match &error {
        IndexError::Cancelled => 130,
        IndexError::NotAnIndex(_)
        | IndexError::Exists(_)
        | IndexError::Unknown(_)
        | IndexError::Long { .. }
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
    // The one that ships has a name too.
    let folder = (given != Path::new("shipped"))
        .then(|| find(given))
        .transpose()?;
    Index::open(folder.as_deref()).map_err(failed)
}

/// The models of an index's encoders.
fn embedders(encoders: &[Encoder], device: &str) -> Result<Embedders, Failure> {
    let (device, _) = device::open(device).map_err(|e| Failure::model(&e))?;
    let library = super::model::library()?;
    Embedders::for_index(encoders, &|path| library.find(path), &device)
        .map_err(|e| Failure::model(&e))
}

/// Runs one of the commands.
pub fn run(command: &IndexCommand, cancel: &Cancel) -> Outcome {
    match command {
        IndexCommand::Create(create) => change::create(create),
        IndexCommand::Add(add) => change::add(add, cancel),
        IndexCommand::Import(import) => import::run(import, cancel),
        IndexCommand::List { json } => look::list(*json),
        IndexCommand::Show(show) => look::show(show),
        IndexCommand::Search(search) => look::search(search),
        IndexCommand::Remove(remove) => change::remove(remove),
        IndexCommand::Verify(verify) => look::verify(verify, cancel),
        IndexCommand::Compact { index } => change::compact(index, cancel),
        IndexCommand::Export { index, out } => change::export(index, out, cancel),
        IndexCommand::Stats(stats) => look::stats(stats),
        IndexCommand::Warm(warm) => change::warm(warm, cancel),
        IndexCommand::Embed(embed) => change::embed(embed, cancel),
    }
}
