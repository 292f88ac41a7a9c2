//! The names of the user's own indexes and models.

use std::path::Path;
use std::time::Duration;

use rounds_assistant::SHIPPED;

/// The names as they were last read.
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub(super) names: LibraryNames,
    pub(super) read: Option<Duration>,
    /// New names were requested.
    pub(super) requested: bool,
}

/// The names of the user's own indexes and models, sanitised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibraryNames {
    pub indexes: Vec<String>,
    pub models: Vec<String>,
}

/// Whether a path is the name of the shipped model and index.
pub fn is_built_in(path: &Path) -> bool {
    path == Path::new(SHIPPED)
}

/// The names to choose from: the shipped one, and the user's own.
pub fn with_built_in(own: &[String]) -> Vec<(String, String)> {
    let own = own.iter().map(|name| (name.clone(), String::new()));
    std::iter::once((SHIPPED.to_string(), "the shipped one".to_string()))
        .chain(own)
        .collect()
}
