//! What every other module stands on: clean text, safe files, known folders, errors that help, quiet logging.
//!
//! Nothing here knows about images, models or surfaces, and nothing here may use a module that does.

pub mod cancel;
pub mod disk;
pub mod errors;
pub mod files;
pub mod lines;
pub mod logging;
pub mod paths;
pub mod progress;
pub mod rng;
pub mod sanitise;
pub mod shelf;
pub mod shipped;

pub use cancel::Cancel;
pub use disk::free_space;
pub use errors::{FileError, Hint};
pub use lines::Lines;
pub use paths::Paths;
pub use progress::{Progress, aside};
pub use shelf::{OwnWord, Shelf};

/// On every answer, export and bundle.
pub const INTENDED_USE: &str = "education and research only, not for diagnosis";
