//! Chooses the reader of an encoder's sizes by its layout.

use std::path::Path;

use super::config_reader::{CheckpointConfig, ConfigReader};
use super::layout::Layout;
use super::{Overrides, defaults, hugging_face, open_clip};
use crate::import::ImportError;
use crate::import::infer_config::JsonConfig;
use crate::weights::Source;

/// Everything about a checkpoint except its tensors. Its other files are in `folder`.
pub(super) fn read_config(
    layout: &Layout,
    source: &Source,
    folder: &Path,
    overrides: &Overrides,
) -> Result<CheckpointConfig, ImportError> {
    let file = match layout {
        Layout::HuggingFaceClip | Layout::HuggingFaceSiglip => "config.json",
        Layout::OpenClip { .. } | Layout::BiomedClip => "open_clip_config.json",
    };
    let path = folder.join(file);
    let json = path
        .exists()
        .then(|| JsonConfig::from_file(&path))
        .transpose()?;
    let reader = ConfigReader {
        source,
        json: json.as_ref(),
        overrides,
    };
    match layout {
        Layout::HuggingFaceClip => hugging_face::read_config(&reader, folder, &defaults::CLIP),
        Layout::HuggingFaceSiglip => hugging_face::read_config(&reader, folder, &defaults::SIGLIP),
        Layout::OpenClip { text } => open_clip::clip(&reader, text),
        Layout::BiomedClip => open_clip::biomedclip(&reader),
    }
}
