//! Recognises the layout of a published checkpoint.
//!
//! Only tensor names are reliable: files are renamed, and configurations are copied from one model to the next.

use std::path::{Path, PathBuf};

use crate::encoder::config::Family;
use crate::import::ImportError;
use crate::weights::Source;

/// A published layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A CLIP of transformers.
    HuggingFaceClip,
    /// A SigLIP of transformers.
    HuggingFaceSiglip,
    /// open_clip.
    OpenClip {
        /// Prefix of the text tower's names: empty or `text.`.
        text: &'static str,
    },
    /// open_clip with timm's ViT and transformers' BERT.
    BiomedClip,
}

/// Names of a folder's weights, in order of preference.
const WEIGHTS: [&str; 8] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "model.pt",
];

/// The weights file of `checkpoint`, a file or a folder.
pub(super) fn find_weights(checkpoint: &Path) -> Result<PathBuf, ImportError> {
    if !checkpoint.is_dir() {
        return Ok(checkpoint.to_path_buf());
    }
    let found = WEIGHTS
        .iter()
        .map(|n| checkpoint.join(n))
        .find(|p| p.exists());
    found.ok_or_else(|| {
        let reason = format!("it has none of {}", WEIGHTS.join(", "));
        ImportError::config(&checkpoint.to_string_lossy(), reason)
    })
}

impl Layout {
    /// Recognises the layout by the tensor names.
    pub(super) fn of(source: &Source) -> Result<Self, ImportError> {
        const MARKERS: [(&str, Layout); 5] = [
            ("vision_model.head.probe", Layout::HuggingFaceSiglip),
            (
                "text_model.embeddings.token_embedding.weight",
                Layout::HuggingFaceClip,
            ),
            ("visual.trunk.cls_token", Layout::BiomedClip),
            (
                "text.token_embedding.weight",
                Layout::OpenClip { text: "text." },
            ),
            ("token_embedding.weight", Layout::OpenClip { text: "" }),
        ];
        let found = MARKERS.into_iter().find(|(name, _)| source.has(name));
        found.map(|(_, layout)| layout).ok_or_else(|| {
            let reason = "it is not a CLIP, SigLIP or BiomedCLIP with both towers";
            ImportError::config(source.origin(), reason.into())
        })
    }

    /// The family with this layout.
    pub(super) fn family(&self) -> Family {
        match self {
            Self::HuggingFaceClip | Self::OpenClip { .. } => Family::Clip,
            Self::HuggingFaceSiglip => Family::Siglip,
            Self::BiomedClip => Family::Biomedclip,
        }
    }
}
