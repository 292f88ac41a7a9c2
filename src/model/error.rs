//! What can go wrong with a model.

use crate::support::{FileError, Hint};

/// An error of loading or running a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{0} is not a model: it has no model.toml")]
    NotAModel(String),
    #[error("{0} is an image-text encoder: it compares pictures and does not answer")]
    IsEncoder(String),
    #[error("{file} in the model folder is damaged: {reason}")]
    Damaged { file: String, reason: String },
    #[error("the model is of format version {found}, this program reads version {known}")]
    Version { found: u32, known: u32 },
    #[error("the model's family is {0}, which this program does not know")]
    Family(String),
    #[error("device {0} is not available in this build or on this machine")]
    Device(String),
    #[error("the model could not run: {0}")]
    Tensor(#[from] candle_core::Error),
    #[error("text could not be split into tokens: {0}")]
    Tokenizer(String),
    #[error("the prompt has {tokens} tokens, the model takes {limit}")]
    TooLong { tokens: usize, limit: usize },
    #[error("{images} images but {places} places for them in the prompt")]
    Images { images: usize, places: usize },
    #[error("stopped")]
    Cancelled,
}

impl Hint for ModelError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::NotAModel(_) => {
                "see what there is with `rounds model list`, or leave the name out to use the one that ships"
            }
            Self::IsEncoder(_) => "name it with --encoder, and a model that answers with --model",
            Self::Damaged { .. } => {
                "get the model folder again, or leave --model out to use the one that ships"
            }
            Self::Version { .. } => "update the program or the model, or leave --model out",
            Self::Family(_) => {
                "known families: flamingo and idefics; clip, siglip and biomedclip of encoders"
            }
            Self::Device(_) => "use --device auto or --device cpu",
            Self::TooLong { .. } => "ask a shorter question or use fewer shots",
            _ => return None,
        };
        Some(text.to_string())
    }
}
