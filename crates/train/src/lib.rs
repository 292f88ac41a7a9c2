//! Trainers: of a user's own adapters, of the radiology learner, and of nano, the small model of the tests, from phantoms only.

#![warn(missing_docs, unreachable_pub)]

pub mod adapt;
mod checkpoint;
pub mod episodes;
mod examples;
mod joint;
mod nano;
mod optim;
mod plot;
pub mod pool;
mod process;
pub mod radiology;
pub mod recipe;
mod report;
pub mod ship;
mod targets;
pub mod tokenizer;
mod tower;
mod vars;

pub use nano::{NanoError, train_nano};
