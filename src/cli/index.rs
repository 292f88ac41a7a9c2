//! `rounds index …`: create, fill, inspect and maintain indexes.

mod edit;
mod import;
mod inspect;
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
use rounds_support::errors::display_path;
use rounds_support::{Hint, Paths};

#[derive(Subcommand)]
pub enum IndexCommand {
    /// Create an empty index
    Create(edit::Create),
    /// Add one example
    Add(edit::Add),
    /// Import a dataset
    Import(import::Import),
    /// List your indexes
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show an index, or one of its examples
    Show(inspect::Show),
    /// Search examples by image, text or tags
    Search(search::Search),
    /// Remove examples, or delete a whole index
    Remove(edit::Remove),
    /// Check an index for damage
    Verify(inspect::Verify),
    /// Free the space of removed examples
    Compact {
        /// Index name or folder
        index: PathBuf,
    },
    /// Export an index as plain files
    Export {
        /// Index name or folder; `shipped` for the shipped index
        index: PathBuf,
        /// New folder to write
        out: PathBuf,
    },
    /// Show counts, size, tags, sources and licences
    Stats(inspect::Stats),
    /// Cache a model's features of the index's images, to speed up later answers
    Warm(edit::Warm),
    /// Add or drop the vectors of a model or encoder
    Embed(edit::Embed),
}

/// The flags that choose the model or encoder that computes vectors.
#[derive(Args, Clone)]
pub struct EncoderArgs {
    /// Model or image-text encoder that computes the vectors, or `descriptor`, which needs no bundle [default: the shipped
    /// model]
    #[arg(long, alias = "encoder")]
    model: Option<PathBuf>,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = device::NAMES)]
    device: String,
}

impl EncoderArgs {
    /// The encoder and the embedder that runs it.
    fn load(&self) -> Result<(Encoder, Embedders), Failure> {
        let loaded = Embedders::of(self.bundle()?.as_deref(), &self.open_device()?);
        let (mut encoder, embedders) = loaded.map_err(|e| Failure::model(&e))?;
        encoder.bundle = self.bundle_given()?.map_or_else(String::new, bundle_name);
        Ok((encoder, embedders))
    }

    /// The encoders of a new index.
    fn of_new_index(&self) -> Result<Vec<Encoder>, Failure> {
        let loaded = Embedders::of_new_index(self.bundle()?.as_deref(), &self.open_device()?);
        let mut encoders = loaded.map_err(|e| Failure::model(&e))?;
        if let (Some(model), [encoder]) = (self.bundle_given()?, encoders.as_mut_slice()) {
            encoder.bundle = bundle_name(model);
        }
        Ok(encoders)
    }

    fn open_device(&self) -> Result<Device, Failure> {
        let opened = device::open(&self.device);
        opened
            .map(|(device, _)| device)
            .map_err(|e| Failure::model(&e))
    }

    /// The bundle as given; `None` for the shipped model.
    fn bundle_given(&self) -> Result<Option<&Path>, Failure> {
        let given = self.model.as_deref();
        Ok(self.bundle()?.and(given))
    }

    fn bundle(&self) -> Result<Option<PathBuf>, Failure> {
        self.model.as_deref().map_or(Ok(None), super::model::find)
    }
}

/// A bundle as an index records it: a name as given, so that it is still found after the library moves; a path made
/// absolute.
fn bundle_name(bundle: &Path) -> String {
    let path = match bundle.exists() && !Descriptor::is_descriptor(bundle) {
        true => std::path::absolute(bundle).unwrap_or_else(|_| bundle.to_path_buf()),
        false => bundle.to_path_buf(),
    };
    path.to_string_lossy().into_owned()
}

/// The key to search for among an index's encoders: a bundle as in [`bundle_name`], anything else as given.
fn encoder_key(given: &Path) -> String {
    match rounds_model::library::is_bundle(given) {
        true => bundle_name(given),
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

/// An existing index by name or path; `None` for the shipped index.
///
/// Errors if there is none.
pub fn existing(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = find(given)?;
    if is_index(&folder) {
        return Ok(Some(folder));
    }
    match given == Path::new(SHIPPED) {
        true => Ok(None),
        false => Err(failed(IndexError::NotAnIndex(display_path(&folder)))),
    }
}

/// As [`find`], for commands that modify the index; the shipped index is refused.
fn find_editable(given: &Path) -> Result<PathBuf, Failure> {
    let folder = find(given)?;
    if folder == Path::new(SHIPPED) && !folder.exists() {
        return Err(failed(IndexError::Shipped));
    }
    Ok(folder)
}

/// The failure for an index error: exit code 2 if the user caused it, else 3.
pub fn failed(error: IndexError) -> Failure {
    let code = match &error {
        IndexError::Cancelled => 130,
        IndexError::NotAnIndex(_)
        | IndexError::Exists(_)
        | IndexError::NotEmpty { .. }
        | IndexError::NoTag { .. }
        | IndexError::ReservedName(_)
        | IndexError::Unknown(_)
        | IndexError::Missing { .. }
        | IndexError::TooLong { .. }
        | IndexError::NoTextVectors
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

/// Opens an index by name or path.
pub fn open(given: &Path) -> Result<Index, Failure> {
    Index::open(existing(given)?.as_deref()).map_err(failed)
}

/// The user's indexes with vectors from the bundle in `folder`, each with the encoder's name.
pub fn indexes_using(
    models: &rounds_model::library::Library,
    folder: &Path,
) -> Result<Vec<(String, String)>, Failure> {
    let canonical = |path: &Path| std::fs::canonicalize(path).ok();
    let uses_bundle = |e: &&Encoder| {
        let found = models.find(Path::new(&e.bundle));
        !e.bundle.is_empty()
            && canonical(&found).is_some_and(|found| Some(found) == canonical(folder))
    };
    let clean = rounds_support::sanitise::clean_line;
    let mut users = Vec::new();
    for (name, index) in library()?.list() {
        let encoders = index.iter().flat_map(|index| index.encoders());
        users.extend(
            encoders
                .filter(uses_bundle)
                .map(|e| (clean(&name), e.name.clone())),
        );
    }
    Ok(users)
}

/// The embedders that compute the vectors of an index's encoders.
fn embedders(encoders: &[Encoder], device: &str) -> Result<Embedders, Failure> {
    let (device, _) = device::open(device).map_err(|e| Failure::model(&e))?;
    let library = super::model::library()?;
    Embedders::for_index(encoders, &|path| library.find(path), &device)
        .map_err(|e| Failure::model(&e))
}

/// Runs the subcommand.
pub fn run(command: &IndexCommand, interrupt: &Interrupt) -> Outcome {
    match command {
        IndexCommand::Create(create) => edit::create(create),
        IndexCommand::Add(add) => edit::add(add, interrupt.flag()),
        IndexCommand::Import(import) => import::run(import, interrupt.flag()),
        IndexCommand::List { json } => inspect::list(*json),
        IndexCommand::Show(show) => inspect::show(show),
        IndexCommand::Search(search) => search::search(search),
        IndexCommand::Remove(remove) => edit::remove(remove),
        IndexCommand::Verify(verify) => inspect::verify(verify, interrupt.flag()),
        IndexCommand::Compact { index } => edit::compact(index, interrupt.flag()),
        IndexCommand::Export { index, out } => edit::export(index, out, interrupt.flag()),
        IndexCommand::Stats(stats) => inspect::stats(stats),
        IndexCommand::Warm(warm) => edit::warm(warm, interrupt.flag()),
        IndexCommand::Embed(embed) => edit::embed(embed, interrupt.flag()),
    }
}
