//! Exports a session as Markdown, as one HTML page with its images inside, or as JSON with the full provenance.
//!
//! Everything in a session is untrusted and is escaped for its format. Every export states the intended use. Patient and
//! study are never exported, and images are encoded again, so that no hidden metadata is exported with them.

mod data_uri;
mod escape;
mod format;
mod html;
mod json;
mod markdown;
mod notes;

pub use format::ExportFormat;
pub use html::html;
pub use json::{SCHEMA_VERSION, json};
pub use markdown::markdown;
