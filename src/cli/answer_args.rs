//! The flags shared by every command that answers questions.

use clap::Args;
use std::path::PathBuf;

use super::libraries::{existing_encoder, existing_index, existing_model};
use rounds_assistant::{Assistant, Settings, SettingsError, SettingsPatch, Setup};
use rounds_index::Search;
use rounds_model::device;
use rounds_support::Failure;

/// The flags shared by every command that answers questions.
#[derive(Args, Clone)]
pub struct AnswerArgs {
    #[command(flatten)]
    pub patch: SettingsPatch,
    /// Search algorithm for similar images; auto picks one by index size
    #[arg(long, value_enum, default_value = "auto")]
    pub search: Search,
    /// Index name or folder [default: the shipped index]
    #[arg(long)]
    pub index: Option<PathBuf>,
    /// Encoder used to find similar images: an image-text encoder, `descriptor` (outlines, texture, brightness, shape) or
    /// `shipped`; the index must have its vectors (see `rounds index embed`) [default: the model's vision tower; for the
    /// shipped model, the descriptor if the index has it]
    #[arg(long)]
    pub encoder: Option<PathBuf>,
    /// Model name or folder [default: the shipped model]
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = device::NAMES)]
    pub device: String,
}

impl AnswerArgs {
    /// The answer settings. Errors if a value is out of range or two values conflict.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let settings = self.patch.checked(&Settings::default());
        settings.map_err(|error| invalid(&error))
    }

    /// The model, encoder and index to open, resolved from names in the user's libraries or from folders.
    pub fn setup(&self) -> Result<Setup, Failure> {
        Ok(Setup {
            model: self.model.as_deref().map_or(Ok(None), existing_model)?,
            encoder: self.encoder.as_deref().map(existing_encoder).transpose()?,
            index: self.index.as_deref().map_or(Ok(None), existing_index)?,
            device: self.device.clone(),
            search: self.search,
        })
    }

    /// Opens the model and the index.
    pub fn start(&self) -> Result<Assistant, Failure> {
        Ok(Assistant::start(self.setup()?)?)
    }
}

/// A setting with an unusable value, named by its flag.
fn invalid(error: &SettingsError) -> Failure {
    match error {
        SettingsError::Range(..) => Failure::usage(format_args!("--{error}")),
        _ => Failure::of(error),
    }
}
