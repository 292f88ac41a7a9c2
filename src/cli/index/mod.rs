//! `rounds index …`: create, fill, inspect and maintain indexes.

mod edit;
mod import;
mod inspect;
mod list;
mod search;
mod shared_flags;

use candle_core::Device;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

use super::failure::Outcome;
use super::interrupt::Interrupt;
use super::libraries::{find_index, find_model, models};
use rounds_assistant::{Embedders, SHIPPED};
use rounds_index::{Encoder, IndexError};
use rounds_model::device;
use rounds_model::encoder::Descriptor;
use rounds_support::Failure;

#[derive(Subcommand)]
pub enum IndexCommand {
    /// Create an empty index
    Create(edit::Create),
    /// Add one example
    Add(edit::Add),
    /// Import a data set
    Import(import::Import),
    /// List your indexes and the shipped one
    List(list::List),
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
        /// Also write the salts of the codes of scans to a new private file outside of the folder; keep it as private as the
        /// scans, because with it numbers of patients can be tried
        #[arg(long, value_name = "FILE")]
        salt: Option<PathBuf>,
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
        let (mut encoder, embedders) = loaded?;
        encoder.bundle = self.bundle_given()?.map_or_else(String::new, bundle_name);
        Ok((encoder, embedders))
    }

    /// The encoders of a new index.
    fn of_new_index(&self) -> Result<Vec<Encoder>, Failure> {
        let loaded = Embedders::of_new_index(self.bundle()?.as_deref(), &self.open_device()?);
        let mut encoders = loaded?;
        if let (Some(model), [encoder]) = (self.bundle_given()?, encoders.as_mut_slice()) {
            encoder.bundle = bundle_name(model);
        }
        Ok(encoders)
    }

    fn open_device(&self) -> Result<Device, Failure> {
        let opened = device::open(&self.device);
        opened.map(|(device, _)| device).map_err(Failure::from)
    }

    /// The bundle as given; `None` for the shipped model.
    fn bundle_given(&self) -> Result<Option<&Path>, Failure> {
        let given = self.model.as_deref();
        Ok(self.bundle()?.and(given))
    }

    fn bundle(&self) -> Result<Option<PathBuf>, Failure> {
        self.model.as_deref().map_or(Ok(None), find_model)
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

/// As [`find_index`], for commands that modify the index; the shipped index is refused.
fn find_editable(given: &Path) -> Result<PathBuf, Failure> {
    let folder = find_index(given)?;
    if folder == Path::new(SHIPPED) && !folder.exists() {
        return Err(IndexError::Shipped.into());
    }
    Ok(folder)
}

/// The embedders that compute the vectors of an index's encoders.
fn embedders(encoders: &[Encoder], device: &str) -> Result<Embedders, Failure> {
    let (device, _) = device::open(device)?;
    let library = models()?;
    Embedders::for_index(encoders, &|path| library.find(path), &device).map_err(Failure::from)
}

/// Runs the subcommand.
pub fn run(command: &IndexCommand, interrupt: &Interrupt) -> Outcome {
    match command {
        IndexCommand::Create(create) => edit::create(create),
        IndexCommand::Add(add) => edit::add(add, interrupt.flag()),
        IndexCommand::Import(import) => import::run(import, interrupt.flag()),
        IndexCommand::List(list) => list::list(list),
        IndexCommand::Show(show) => inspect::show(show),
        IndexCommand::Search(search) => search::search(search),
        IndexCommand::Remove(remove) => edit::remove(remove),
        IndexCommand::Verify(verify) => inspect::verify(verify, interrupt.flag()),
        IndexCommand::Compact { index } => edit::compact(index, interrupt.flag()),
        IndexCommand::Export { index, out, salt } => {
            edit::export(index, out, salt.as_deref(), interrupt.flag())
        }
        IndexCommand::Stats(stats) => inspect::stats(stats),
        IndexCommand::Warm(warm) => edit::warm(warm, interrupt.flag()),
        IndexCommand::Embed(embed) => edit::embed(embed, interrupt.flag()),
    }
}
