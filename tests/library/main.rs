//! What holds across several crates: readers of untrusted files under damage, and one text for trainer and prompt.

mod demo_prompt;
mod documents;
#[path = "../common/fixtures.rs"]
mod fixtures;
mod hostile_datasets;
mod hostile_files;
mod hostile_scans;
/// What the fuzz targets do.
#[path = "../../fuzz/src/lib.rs"]
mod targets;
mod template;
#[path = "../common/word_tokenizer.rs"]
mod word_tokenizer;
