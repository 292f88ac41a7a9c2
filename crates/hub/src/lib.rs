//! Downloads model files from a Hugging Face-compatible hub into the cache that all hub clients share.
//!
//! Published checkpoints are too large to ship, and the user has to accept their licences, so they are only downloaded on
//! request. A file is downloaded once, can be resumed, and is checked by length and SHA-256 before it is used. Never
//! download anything that the user did not request, and never execute a download.

#![warn(missing_docs, unreachable_pub)]

mod address;
mod cache;
mod catalogue;
mod client;
mod download;
mod error;
mod names;
mod partial;
mod pins;
mod pull;
mod remote;
mod retry;
mod settings;
mod verify_cached;

use std::path::{Path, PathBuf};

use cache::RepoCache;
use remote::FileRequest;
use verify_cached::verify_cached;

use rounds_support::Cancel;

pub use catalogue::{CatalogueFile, Entry, Family, Licence, Role, Source, catalogue, find};
pub use error::HubError;
pub use pins::Pins;
pub use pull::{Pulled, pull};
pub use retry::RetryPolicy;
pub use settings::DEFAULT_ENDPOINT;

/// Progress of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// File name in the repository.
    pub file: &'a str,
    /// Bytes received, including earlier attempts.
    pub done: u64,
    /// Total bytes, once known.
    pub total: Option<u64>,
}

/// A verified file in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Path in the cache's snapshot.
    pub path: PathBuf,
    /// The commit it belongs to.
    pub commit: String,
    /// SHA-256 of its content: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Length in bytes.
    pub size: u64,
    /// Whether it was cached already.
    pub from_cache: bool,
}

/// A hub and its local cache.
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    /// `None` if its location is unknown.
    cache: Option<PathBuf>,
    token: Option<String>,
    offline: bool,
    retry_policy: RetryPolicy,
}

/// Omits the token.
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
    /// The hub, cache and token configured by `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH` and
    /// `HF_HUB_OFFLINE`.
    pub fn from_env() -> Self {
        let settings =
            settings::Settings::read(std::env::home_dir(), |name| std::env::var_os(name));
        Self {
            endpoint: settings.endpoint,
            cache: settings.cache,
            token: settings.token,
            offline: settings.offline,
            retry_policy: RetryPolicy::default(),
        }
    }

    /// A hub at `endpoint` (a URL without a path), with its cache in `cache_folder`. If `offline`, only cached files are
    /// used.
    pub fn new(endpoint: &str, cache_folder: &Path, token: Option<String>, offline: bool) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            cache: Some(cache_folder.to_path_buf()),
            token,
            offline,
            retry_policy: RetryPolicy::default(),
        }
    }

    /// Sets the retry policy.
    #[must_use]
    pub fn with_retry_policy(mut self, retry_policy: RetryPolicy) -> Self {
        self.retry_policy = retry_policy;
        self
    }

    /// The address of the hub.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The cache folder; `None` if its location is unknown.
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// Whether only cached files are used.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// The path of a cached file. Never uses the network.
    pub fn cached(&self, repository: &str, revision: &str, file: &str) -> Option<PathBuf> {
        let request = FileRequest {
            repository,
            revision,
            file,
        };
        let repo = self.repo(request).ok()?;
        repo.find(revision, file).map(|(_, path)| path)
    }

    /// The path of a file, downloaded unless cached. `expected` is the required SHA-256: a cached file is hashed to check
    /// it, and is used unchecked if there is none.
    ///
    /// # Errors
    /// [`HubError::Cancelled`] soon after `cancel` is set; the partial download is kept for the next call. Content with
    /// the wrong length or hash is deleted and reported.
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

    /// Like [`Hub::file`], but always hashes the file.
    ///
    /// # Errors
    /// As [`Hub::file`].
    pub fn fetch(
        &self,
        repository: &str,
        revision: &str,
        file: &str,
        expected: Option<&str>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Fetched, HubError> {
        let request = FileRequest {
            repository,
            revision,
            file,
        };
        let repo = self.repo(request)?;
        expected.map_or(Ok(()), names::sha256)?;
        if let Some((commit, path)) = repo.find(revision, file) {
            return verify_cached(&repo, request, expected, commit, path, cancel, progress);
        }
        if self.offline {
            return Err(HubError::Offline {
                repository: repository.to_owned(),
                file: file.to_owned(),
            });
        }
        download::download(self, &repo, request, expected, cancel, progress)
    }

    /// The folder with the files of a commit.
    fn snapshot(&self, repository: &str, commit: &str) -> Result<PathBuf, HubError> {
        names::repository(repository)?;
        names::identifier("commit", commit)?;
        let cache = self.cache.as_deref().ok_or(HubError::NoCache)?;
        Ok(RepoCache::new(cache, repository).folder_of(commit))
    }

    /// The repository's part of the cache, after checking all names.
    fn repo(&self, request: FileRequest) -> Result<RepoCache, HubError> {
        names::repository(request.repository)?;
        names::revision(request.revision)?;
        names::file(request.file)?;
        let cache = self.cache.as_deref().ok_or(HubError::NoCache)?;
        Ok(RepoCache::new(cache, request.repository))
    }
}
