//! Weights as others publish them: what is in a file, without trusting it.

mod dtype;
mod error;
pub mod gguf;
mod input;
pub mod pickle;
pub mod safetensors;
mod source;

pub use dtype::Dtype;
pub use error::WeightError;
pub use source::Source;
