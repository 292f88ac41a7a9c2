//! Evaluations with controls: plans on published sets (`bench`), phantoms with unseen seeds, made-up names, and the neighbours of an
//! index.

#![warn(missing_docs, unreachable_pub)]

pub mod bench;
mod binding;
mod neighbours;
mod phantoms;
pub mod report;
mod share;

pub use binding::{BindingResult, binding};
pub use neighbours::{Precision, neighbours};
pub use phantoms::{PhantomResult, phantoms};
pub use share::Share;
