//! Reads published weights without trusting the files.

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
