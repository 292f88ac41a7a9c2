//! Evaluations with controls: plans on published sets (`bench`) and their reports, probes of single answers, blinded ratings, problems with
//! vignettes, phantoms with unseen seeds, made-up names, and the neighbours of an index.

#![warn(missing_docs, unreachable_pub)]

pub mod bench;
mod binding;
#[cfg(test)]
#[path = "../../../tests/common/fixtures.rs"]
mod fixtures;
mod neighbours;
mod phantoms;
pub mod probe;
pub mod problems;
pub mod rating;
pub mod report;
mod share;

pub use binding::{BindingResult, binding};
pub use neighbours::{Precision, neighbours};
pub use phantoms::{PhantomResult, phantoms};
pub use share::Share;
