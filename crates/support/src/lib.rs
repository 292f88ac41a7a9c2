//! Shared foundations: sanitised text, safe file access, the program's folders, errors with hints, logging and random
//! numbers.
//!
//! Nothing here may depend on images, models or the user interface.

#![warn(missing_docs, unreachable_pub)]

pub mod cancel;
pub mod disk;
pub mod errors;
pub mod failure;
pub mod files;
pub mod lines;
pub mod logging;
mod named_folders;
pub mod paths;
pub mod pickle;
pub mod progress;
pub mod rng;
pub mod sanitise;
pub mod shipped;

pub use cancel::Cancel;
pub use disk::free_space;
pub use errors::{FileError, Hint};
pub use failure::{Failure, FailureKind};
pub use lines::Lines;
pub use named_folders::{NamedFolders, ReservedName};
pub use paths::Paths;
pub use progress::{Progress, stderr_line};

/// A share with three decimals, for JSON: more would only be noise of the arithmetic.
pub fn thousandths(share: f32) -> f64 {
    (f64::from(share) * 1e3).round() / 1e3
}

/// A score with six decimals, for JSON: fused ranks differ in the fourth, and what comes after the sixth is noise.
pub fn millionths(score: f32) -> f64 {
    (f64::from(score) * 1e6).round() / 1e6
}

/// The intended use, stated on every answer, export and bundle.
pub const INTENDED_USE: &str = "education and research only, not for diagnosis";
