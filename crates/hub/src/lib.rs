//! Model files from a Hugging Face-compatible hub, in the cache that every hub client shares.
//!
//! Published checkpoints are too large to ship and their licences are for the user to accept, so they are pulled on
//! request, and only then. A file is fetched once, goes on where it stopped, and is checked by length and SHA-256 before
//! anything sees it. Never fetch anything that the user did not ask for, and never run what was fetched.

mod address;
mod cache;
mod catalogue;
mod client;
mod download;
mod error;
mod names;
mod partial;
mod patience;
mod pins;
mod present;
mod pull;
mod remote;
mod settings;

use std::path::{Path, PathBuf};

use cache::Shelf;
use remote::Asked;

use rounds_support::Cancel;

pub use catalogue::{CatalogueFile, Entry, Family, Licence, Role, Source, catalogue, find};
pub use error::HubError;
pub use patience::Patience;
pub use pins::Pins;
pub use pull::{Pulled, pull};
pub use settings::DEFAULT_ENDPOINT;

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file's name in its repository.
    pub file: &'a str,
    /// Bytes that are there, those of earlier tries too.
    pub done: u64,
    /// Bytes of the whole file, once that is known.
    pub total: Option<u64>,
}

/// A file in the cache, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its path in the cache's snapshot.
    pub path: PathBuf,
    /// The commit it is of.
    pub commit: String,
    /// SHA-256 of its content: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
    /// Whether it was there before.
    pub from_cache: bool,
}

/// A hub and the cache for its files.
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    /// `None` if there is no place for it.
    cache: Option<PathBuf>,
    token: Option<String>,
    offline: bool,
    patience: Patience,
}

/// Never shows the token.
impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("has_token", &self.token.is_some())
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// The hub, cache and token that `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH` and
    /// `HF_HUB_OFFLINE` name.
    pub fn from_env() -> Self {
        let settings =
            settings::Settings::read(std::env::home_dir(), |name| std::env::var_os(name));
        Self {
            endpoint: settings.endpoint,
            cache: settings.cache,
            token: settings.token,
            offline: settings.offline,
            patience: Patience::default(),
        }
    }

    /// A hub at `endpoint` (an address without a path), with files in `cache_folder`; `offline` means that only those
    /// are used.
    pub fn new(endpoint: &str, cache_folder: &Path, token: Option<String>, offline: bool) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            cache: Some(cache_folder.to_path_buf()),
            token,
            offline,
            patience: Patience::default(),
        }
    }

    /// As this one, but with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The address of the hub.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where its files are kept; `None` if there is no place for them.
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// Whether only files that are there are used.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// The path of a file that is in the cache; never asks the network.
    pub fn cached(&self, repository: &str, revision: &str, file: &str) -> Option<PathBuf> {
        let asked = Asked {
            repository,
            revision,
            file,
        };
        let shelf = self.shelf(asked).ok()?;
        shelf.find(revision, file).map(|(_, path)| path)
    }

    /// The path of a file, fetched if the cache lacks it. `expected` is the SHA-256 it must have; a file that is there
    /// is read again to check that, and without one is taken as it is.
    ///
    /// # Errors
    /// [`HubError::Cancelled`] soon after `cancel` is raised; what came so far is kept for the next call. A content or
    /// length that is not the announced or expected one is deleted and an error.
    pub fn file(
        &self,
        repository: &str,
        revision: &str,
        file: &str,
        expected: Option<&str>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf, HubError> {
        if expected.is_none()
            && let Some(path) = self.cached(repository, revision, file)
        {
            return Ok(path);
        }
        self.fetch(repository, revision, file, expected, cancel, progress)
            .map(|fetched| fetched.path)
    }

    /// As [`Hub::file`], but always with the SHA-256 of what is there.
    ///
    /// # Errors
    /// As for [`Hub::file`].
    pub fn fetch(
        &self,
        repository: &str,
        revision: &str,
        file: &str,
        expected: Option<&str>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Fetched, HubError> {
        let asked = Asked {
            repository,
            revision,
            file,
        };
        let shelf = self.shelf(asked)?;
        expected.map_or(Ok(()), names::sha256)?;
        if let Some((commit, path)) = shelf.find(revision, file) {
            return present::check(&shelf, asked, expected, commit, path, cancel, progress);
        }
        if self.offline {
            return Err(HubError::Offline {
                repository: repository.to_owned(),
                file: file.to_owned(),
            });
        }
        download::download(self, &shelf, asked, expected, cancel, progress)
    }

    /// The folder of a commit's files.
    fn snapshot(&self, repository: &str, commit: &str) -> Result<PathBuf, HubError> {
        names::repository(repository)?;
        names::plain("commit", commit)?;
        let cache = self.cache.as_deref().ok_or(HubError::NoCache)?;
        Ok(Shelf::new(cache, repository).folder_of(commit))
    }

    /// The repository's part of the cache, once all names are known to be harmless.
    fn shelf(&self, asked: Asked) -> Result<Shelf, HubError> {
        names::repository(asked.repository)?;
        names::revision(asked.revision)?;
        names::file(asked.file)?;
        let cache = self.cache.as_deref().ok_or(HubError::NoCache)?;
        Ok(Shelf::new(cache, asked.repository))
    }
}
