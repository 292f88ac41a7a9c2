//! The names by which a stored turn refers to its model, index and encoder.

use std::path::PathBuf;

use clap::ValueEnum;

use rounds_assistant::{SHIPPED, Setup};
use rounds_index::Search;
use rounds_session::Sources;
use rounds_support::Paths;

/// The user's libraries, which give models and indexes stable names.
pub struct Libraries {
    models: rounds_model::library::Library,
    indexes: rounds_index::library::Library,
}

impl Libraries {
    pub fn of(paths: &Paths) -> Self {
        Self {
            models: rounds_model::library::Library::of(paths),
            indexes: rounds_index::library::Library::of(paths),
        }
    }

    /// The names by which a replay finds model, index and encoder again.
    pub fn sources(&self, setup: &Setup) -> Sources {
        let setup = setup.clone().named();
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let model = |given: &PathBuf| text(self.models.stable_path(given));
        let index = |given: &PathBuf| text(self.indexes.stable_path(given));
        Sources {
            model: setup.model.as_ref().map_or(SHIPPED.into(), model),
            index: setup.index.as_ref().map_or(SHIPPED.into(), index),
            encoder: setup.encoder.as_ref().map(model),
            search: setup.search.name().into(),
        }
    }
}

/// The setup of stored sources. The device is not among them.
pub fn setup_of(sources: &Sources) -> Setup {
    let unless_shipped = |name: &str| (name != SHIPPED).then(|| PathBuf::from(name));
    Setup {
        model: unless_shipped(&sources.model),
        index: unless_shipped(&sources.index),
        encoder: sources.encoder.as_ref().map(PathBuf::from),
        search: Search::from_str(&sources.search, true).unwrap_or_default(),
        ..Setup::default()
    }
}
