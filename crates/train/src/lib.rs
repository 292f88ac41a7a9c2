//! Trainers. The model that ships is made here, on a CPU, from phantoms alone.

mod checkpoint;
pub mod episodes;
mod joint;
mod machine;
mod nano;
mod optim;
pub mod pool;
pub mod recipe;
mod report;
pub mod ship;
mod targets;
pub mod tokenizer;
mod tower;
mod vars;

pub use nano::{NanoError, train_nano};
