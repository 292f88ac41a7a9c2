//! What can go wrong with a model.

use super::bundle::FAMILIES;
use rounds_support::{FileError, Hint};

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
    #[error("{0} is an image-text encoder: it compares pictures and does not answer")]
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
    #[error("the model is of format version {found}, this program reads version {known}")]
    Version {
        /// Version of the bundle.
        found: u32,
        /// Version that this program reads.
        known: u32,
    },
    /// The family is not known.
    #[error("the model's family is {0}, which this program does not know")]
    Family(String),
    /// The device cannot be used.
    #[error("device {name} is not available in this build or on this machine{}", reason_suffix(.reason))]
    Device {
        /// Name of the device.
        name: String,
        /// The driver's words, cleaned; empty where it was not asked.
        reason: String,
    },
    /// A tensor operation failed.
    #[error("the model could not run: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The tokenizer failed.
    #[error("text could not be split into tokens: {0}")]
    Tokenizer(String),
    /// The prompt is longer than the context.
    #[error("the prompt has {tokens} tokens, the model takes {limit}")]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Longest sequence of the model.
        limit: usize,
    },
    #[error(
        "the question takes {tokens} tokens; of the {context} that the model takes, {reserve} are kept for the answer"
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

/// Drivers say it in several ways.
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
                "see what there is with `rounds model list`, or leave the name out to use the one that ships"
            }
            Self::IsEncoder(_) => "name it with --encoder, and a model that answers with --model",
            Self::Damaged { .. } => {
                "get the model folder again, or leave --model out to use the one that ships"
            }
            Self::Version { .. } => "update the program or the model, or leave --model out",
            Self::Family(_) => {
                return Some(format!(
                    "known families: {}; clip, siglip and biomedclip of encoders",
                    FAMILIES.join(" and ")
                ));
            }
            Self::Device { .. } => "use --device auto or --device cpu",
            Self::TooLong { .. } => "ask a shorter question or use fewer shots",
            Self::NoRoom { .. } => {
                "ask a shorter question, or leave more room for it with a smaller --max-new-tokens"
            }
            Self::Tensor(error) if is_out_of_memory(error) => {
                "use fewer shots or beams, a packed model, or --device cpu"
            }
            Self::Tensor(_) => {
                "try --device cpu; `rounds model verify` says whether the model's files are whole"
            }
            _ => return None,
        };
        Some(text.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_full_or_missing_is_named_with_a_way_out() {
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
            "known families: flamingo and idefics; clip, siglip and biomedclip of encoders"
        );
    }
}
