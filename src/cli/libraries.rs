//! Resolves the names of models, encoders and indexes to folders in the user's libraries.

use std::path::{Path, PathBuf};

use rounds_assistant::SHIPPED;
use rounds_index::library::{Library as Indexes, is_index};
use rounds_index::{Encoder, Index, IndexError};
use rounds_model::encoder::Descriptor;
use rounds_model::library::{Library as Models, is_bundle};
use rounds_support::errors::display_path;
use rounds_support::sanitise::clean_line;
use rounds_support::{Failure, Paths};

/// The user's library of models.
pub fn models() -> Result<Models, Failure> {
    Ok(Models::of(&Paths::find()?))
}

/// A bundle's folder by name or path; `None` for the shipped model.
pub fn find_model(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = models()?.find(given);
    let is_shipped = given == Path::new(SHIPPED) && !is_bundle(&folder);
    Ok((!is_shipped).then_some(folder))
}

/// As [`find_model`]. Errors if there is no bundle.
pub fn existing_model(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let found = find_model(given)?;
    match found.as_deref().is_none_or(is_bundle) {
        true => Ok(found),
        false => Err(
            Failure::usage(format_args!("no model named {}", display_path(given))).hint(
                "list your models with `rounds model list`, or omit --model to use the shipped one",
            ),
        ),
    }
}

/// An encoder as the assistant takes it: the names `descriptor` and `shipped`, or the folder of an existing bundle.
pub fn existing_encoder(given: &Path) -> Result<PathBuf, Failure> {
    match Descriptor::is_descriptor(given) {
        true => Ok(given.to_path_buf()),
        false => Ok(existing_model(given)?.unwrap_or_else(|| PathBuf::from(SHIPPED))),
    }
}

/// The user's library of indexes.
pub fn indexes() -> Result<Indexes, Failure> {
    Ok(Indexes::of(&Paths::find()?))
}

/// An index's folder by name or path.
pub fn find_index(given: &Path) -> Result<PathBuf, Failure> {
    Ok(indexes()?.find(given))
}

/// An existing index by name or path; `None` for the shipped index.
///
/// Errors if there is none.
pub fn existing_index(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = find_index(given)?;
    if is_index(&folder) {
        return Ok(Some(folder));
    }
    match given == Path::new(SHIPPED) {
        true => Ok(None),
        false => Err(IndexError::NotAnIndex(display_path(&folder)).into()),
    }
}

/// Opens an index by name or path.
pub fn open_index(given: &Path) -> Result<Index, Failure> {
    Ok(Index::open(existing_index(given)?.as_deref())?)
}

/// The user's indexes with vectors from the bundle in `folder`, each with the encoder's name.
pub fn indexes_using(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let models = models()?;
    let canonical = |path: &Path| std::fs::canonicalize(path).ok();
    let uses_bundle = |e: &&Encoder| {
        let found = models.find(Path::new(&e.bundle));
        !e.bundle.is_empty()
            && canonical(&found).is_some_and(|found| Some(found) == canonical(folder))
    };
    let mut users = Vec::new();
    for (name, index) in indexes()?.list() {
        let encoders = index.iter().flat_map(|index| index.encoders());
        users.extend(
            encoders
                .filter(uses_bundle)
                .map(|e| (clean_line(&name), e.name.clone())),
        );
    }
    Ok(users)
}
