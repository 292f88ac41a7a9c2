//! The user's installed bundles, by name.

use std::path::{Path, PathBuf};

use super::bundle::{Bundle, Manifest};
use super::encoder::{Descriptor, EncoderBundle, EncoderManifest};
use super::error::ModelError;
use rounds_support::{NamedFolders, Paths, ReservedName, paths};

/// The manifest of a bundle of either kind.
pub enum BundleManifest {
    /// A model that answers.
    Learner(Box<Manifest>),
    /// An image-text encoder.
    Encoder(Box<EncoderManifest>),
}

impl BundleManifest {
    /// Reads the manifest of the bundle in `folder`, whichever kind it is.
    pub fn of(folder: &Path) -> Result<Self, ModelError> {
        Ok(match EncoderBundle::is_encoder(folder) {
            true => Self::Encoder(Box::new(EncoderBundle::manifest(folder)?)),
            false => Self::Learner(Box::new(Bundle::manifest(folder)?)),
        })
    }

    /// Hashes every file of the bundle in `folder`; returns a message for each that differs from the manifest.
    pub fn verify(folder: &Path) -> Result<Vec<String>, ModelError> {
        match EncoderBundle::is_encoder(folder) {
            true => EncoderBundle::verify(folder),
            false => Bundle::verify(folder),
        }
    }

    /// Names of its manifest and of its other files.
    fn files(&self) -> (&'static str, impl Iterator<Item = &String>) {
        match self {
            Self::Learner(manifest) => ("model.toml", manifest.files.keys()),
            Self::Encoder(manifest) => (EncoderBundle::MANIFEST, manifest.files.keys()),
        }
    }
}

/// Whether `folder` is a bundle of either kind.
pub fn is_bundle(folder: &Path) -> bool {
    folder.join("model.toml").exists() || EncoderBundle::is_encoder(folder)
}

/// The folder with the user's bundles, each in a subfolder.
pub struct Library {
    folders: NamedFolders,
}

impl Library {
    /// The library in the program's data folder.
    pub fn of(paths: &Paths) -> Self {
        Self {
            folders: NamedFolders::new(paths.data_dir.join("models")),
        }
    }

    /// The folder of a bundle: `given` itself where it is a bundle, else the installed bundle of that name. The descriptor has no
    /// folder; its name is returned as it is.
    pub fn find(&self, given: &Path) -> PathBuf {
        match Descriptor::is_descriptor(given) {
            true => given.to_path_buf(),
            false => self.folders.find(given, is_bundle),
        }
    }

    /// A name or absolute path from which [`Library::find`] finds the same bundle, whatever the working directory.
    pub fn stable_path(&self, given: &Path) -> PathBuf {
        match Descriptor::is_descriptor(given) {
            true => given.to_path_buf(),
            false => paths::stable_path(&self.find(given), self.folders.folder()),
        }
    }

    /// The folder of an installed bundle.
    pub fn folder_of(&self, name: &str) -> PathBuf {
        self.folders.folder().join(name)
    }

    /// Where a new bundle goes: into the library for a bare name, else to the given path.
    ///
    /// Errors where the name is reserved.
    pub fn place(&self, given: &Path) -> Result<PathBuf, ReservedName> {
        self.folders.place(given)
    }

    /// The names of all installed bundles, sorted, without opening any.
    pub fn names(&self) -> Vec<String> {
        let folders = self.folders.list().into_iter();
        folders
            .filter(|(_, folder)| is_bundle(folder))
            .map(|(name, _)| name)
            .collect()
    }

    /// Every installed bundle with its manifest or the reason why it cannot be read, sorted by name.
    pub fn list(&self) -> Vec<(String, Result<BundleManifest, ModelError>)> {
        let folders = self.folders.list().into_iter();
        folders
            .map(|(name, folder)| (name, BundleManifest::of(&folder)))
            .collect()
    }

    /// Deletes the bundle's files, then the folder if it is empty.
    ///
    /// Errors where `folder` is not a bundle, so that a mistyped path deletes nothing.
    pub fn remove(&self, folder: &Path) -> Result<(), ModelError> {
        let known = BundleManifest::of(folder)?;
        let (manifest, files) = known.files();
        let delete = |path: PathBuf| match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(rounds_support::FileError::from_io(&path, "delete", &e))
            }
            _ => Ok(()),
        };
        // The manifest first: after an interruption the rest is no longer recognised as a bundle.
        delete(folder.join(manifest))?;
        for name in files {
            delete(folder.join(name))?;
        }
        let _ = std::fs::remove_dir(folder);
        Ok(())
    }

    /// Creates the library's folder.
    pub fn create(&self) -> Result<(), ModelError> {
        Ok(self.folders.create()?)
    }
}
