//! Errors of loading and running models.

use super::families::FAMILIES;
use rounds_support::{FailureKind, FileError, Hint};

/// An error of loading or running a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder has no `model.toml`.
    #[error("{0} is not a model: it has no model.toml")]
    NotAModel(String),
    /// The folder has an encoder where a model that answers was expected.
    #[error("{0} is an image-text encoder: it compares images and cannot answer")]
    IsEncoder(String),
    /// A file is not what the manifest says: file name and reason.
    #[error("{file} in the model folder is damaged: {reason}")]
    Damaged {
        /// Name of the file, cleaned.
        file: String,
        /// What is wrong with it, cleaned.
        reason: String,
    },
    /// The bundle has another format version.
    #[error("the model has format version {found}, but this program reads version {known}")]
    Version {
        /// Version of the bundle.
        found: u32,
        /// Version that this program reads.
        known: u32,
    },
    /// The family is not known.
    #[error("unknown model family {0}")]
    Family(String),
    /// The device cannot be used.
    #[error("device {name} is not available in this build or on this machine{}", reason_suffix(.reason))]
    Device {
        /// Name of the device.
        name: String,
        /// The driver's message, cleaned; empty where no driver was tried.
        reason: String,
    },
    /// A tensor operation failed.
    #[error("the model could not run: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The tokenizer failed.
    #[error("text could not be split into tokens: {0}")]
    Tokenizer(String),
    /// The prompt is longer than the context.
    #[error("the prompt has {tokens} tokens, but the model takes at most {limit}")]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Longest sequence of the model.
        limit: usize,
    },
    #[error(
        "the question takes {tokens} tokens; the model takes at most {context}, of which {reserve} are reserved for the answer"
    )]
    /// The prompt leaves no room for an answer.
    NoRoom {
        /// Tokens of the question.
        tokens: usize,
        /// Longest sequence of the model.
        context: usize,
        /// Tokens reserved for the answer.
        reserve: usize,
    },
    /// The prompt has another number of image tokens than there are images.
    #[error("{images} images, but the prompt has {placeholders} image tokens")]
    ImageCount {
        /// Images given.
        images: usize,
        /// Image tokens in the prompt.
        placeholders: usize,
    },
    /// A prompt has padding in front, which models of this family never had.
    #[error("models of the family {0} take no padding in front of a prompt")]
    LeftPadding(String),
    /// The user stopped it.
    #[error("stopped")]
    Cancelled,
}

fn reason_suffix(reason: &str) -> String {
    match reason.is_empty() {
        true => String::new(),
        false => format!(": {reason}"),
    }
}

/// Drivers word this differently, and candle passes only the text on.
fn is_out_of_memory(error: &candle_core::Error) -> bool {
    let text = error.to_string().to_lowercase();
    ["out of memory", "out_of_memory"]
        .iter()
        .any(|words| text.contains(words))
}

impl Hint for ModelError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::NotAModel(_) => {
                "list your models with `rounds model list`, or omit --model to use the shipped one"
            }
            Self::IsEncoder(_) => {
                "use it with --encoder, and give a model that answers with --model"
            }
            Self::Damaged { .. } => {
                "download the model again, or omit --model to use the shipped one"
            }
            Self::Version { .. } => {
                "update the program or the model, or omit --model to use the shipped one"
            }
            Self::Family(_) => {
                return Some(format!(
                    "known families: {}; for encoders clip, siglip and biomedclip",
                    FAMILIES.join(", ")
                ));
            }
            Self::Device { .. } => "use --device auto or --device cpu",
            Self::LeftPadding(_) => "leave left_padding out",
            Self::TooLong { .. } => "ask a shorter question or use fewer shots",
            Self::NoRoom { .. } => {
                "ask a shorter question, or make room with a smaller --max-new-tokens"
            }
            Self::Tensor(error) if is_out_of_memory(error) => {
                "use fewer shots or beams, a quantised model, or --device cpu"
            }
            Self::Tensor(_) => "try --device cpu; `rounds model verify` checks the model's files",
            _ => return None,
        };
        Some(text.to_string())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Device { .. }
            | Self::TooLong { .. }
            | Self::NoRoom { .. }
            | Self::LeftPadding(_) => FailureKind::Usage,
            Self::Cancelled => FailureKind::Interrupted,
            _ => FailureKind::Model,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_about_devices_come_with_a_hint() {
        let full =
            candle_core::Error::msg("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
        let hint = ModelError::Tensor(full).hint().unwrap();
        assert!(
            hint.contains("fewer shots") && hint.contains("--device cpu"),
            "{hint}"
        );
        let other = ModelError::Tensor(candle_core::Error::msg("shape mismatch"));
        assert!(other.hint().unwrap().contains("verify"));
        let missing = crate::device::open("cuda");
        if let Err(error @ ModelError::Device { .. }) = missing {
            let text = error.to_string();
            assert!(
                text.contains("machine: "),
                "the driver's reason is missing: {text}"
            );
        }
        assert_eq!(
            ModelError::Family("x".into()).hint().unwrap(),
            "known families: flamingo, idefics, prefix, medvint-td, medvint-te; for encoders clip, siglip and biomedclip"
        );
    }
}
