//! What can go wrong with the hub, and what to do about it.
//!
//! Text from a server is sanitised before it becomes part of a message. A token never appears in one.

use std::path::PathBuf;

use rounds_support::errors::{bytes, display_path};
use rounds_support::{FailureKind, FileError, Hint, sanitise};

/// Maximum length of server text in a message, in characters.
const MAX_SERVER_TEXT: usize = 200;

/// What can go wrong while a file is fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The download was cancelled; what has arrived is kept.
    #[error("stopped")]
    Cancelled,
    /// The file is not cached, and the network may not be used.
    #[error("{file} of {repository} is not cached, and HF_HUB_OFFLINE is set")]
    Offline {
        /// The requested repository.
        repository: String,
        /// The requested file.
        file: String,
    },
    /// The hub has no such repository, revision or file.
    #[error("the hub has no {file} in {repository} at {revision}{}", said(.detail))]
    NotFound {
        /// The requested repository.
        repository: String,
        /// The requested revision.
        revision: String,
        /// The requested file.
        file: String,
        /// The hub's message, sanitised; may be empty.
        detail: String,
    },
    /// The hub requires a token, a different one, or an accepted licence.
    #[error("access to {repository} was denied (status {status}){}", said(.detail))]
    Unauthorised {
        /// The requested repository.
        repository: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        token_sent: bool,
        /// The hub's message, sanitised; may be empty.
        detail: String,
    },
    /// The content has the wrong hash.
    #[error("wrong SHA-256 for {file}: {found} instead of {expected}")]
    HashMismatch {
        /// The file's name.
        file: String,
        /// The SHA-256 from the etag, the catalogue or the pin.
        expected: String,
        /// The SHA-256 of the download, or the one announced by the hub.
        found: String,
    },
    /// A link in the cache leads to a file outside it that has the wrong hash. The file is kept.
    #[error("wrong SHA-256 for {}: {found} instead of {expected}; the file is outside the cache and was left unchanged", display_path(.target))]
    OutsideCache {
        /// The link in the cache.
        link: PathBuf,
        /// Its target.
        target: PathBuf,
        /// The SHA-256 from the blob name, the catalogue or the pin.
        expected: String,
        /// The SHA-256 of the file.
        found: String,
    },
    /// The length differs from the announced one.
    #[error("{file} has {found} bytes instead of {expected}")]
    LengthMismatch {
        /// The file's name.
        file: String,
        /// The announced length in bytes.
        expected: u64,
        /// The actual length in bytes.
        found: u64,
    },
    /// The file does not fit on the disk.
    #[error("not enough space in {}: {} needed, {} free", display_path(.folder), bytes(*.needed), bytes(*.free))]
    NoSpace {
        /// The cache folder.
        folder: PathBuf,
        /// Bytes still to download.
        needed: u64,
        /// Bytes available to this user.
        free: u64,
    },
    /// A file in the cache or the pins file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server cannot be reached or keeps failing.
    #[error("cannot download from {host}: {reason}")]
    Network {
        /// The server's host name, sanitised.
        host: String,
        /// The reason, sanitised.
        reason: String,
    },
    /// The server does not behave like a hub.
    #[error("{host} is not a compatible hub: {reason}")]
    NotAHub {
        /// The server's host name, sanitised.
        host: String,
        /// The reason, sanitised.
        reason: String,
    },
    /// A name that is not safe to use as a path or URL.
    #[error("invalid {what}: {name}")]
    Name {
        /// The kind of name.
        what: &'static str,
        /// The name, sanitised.
        name: String,
    },
    /// The token has characters that are not allowed in a header.
    #[error("the hub token contains invalid characters")]
    Token,
    /// The location of the cache is unknown.
    #[error("cannot locate the hub cache: no home folder is known for this user")]
    NoCache,
}

impl HubError {
    pub(super) fn name(what: &'static str, name: &str) -> Self {
        Self::Name {
            what,
            name: clean(name),
        }
    }

    pub(super) fn not_a_hub(host: &str, reason: &str) -> Self {
        Self::NotAHub {
            host: clean(host),
            reason: clean(reason),
        }
    }

    pub(super) fn network(host: &str, reason: &str) -> Self {
        Self::Network {
            host: clean(host),
            reason: clean(reason),
        }
    }
}

/// Sanitises a server's text for a message.
pub(super) fn clean(text: &str) -> String {
    sanitise::clean_line_max(text, MAX_SERVER_TEXT)
}

fn said(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(": {detail}")
    }
}

impl Hint for HubError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Cancelled => "run the same command again to resume",
            Self::Offline { .. } => {
                "unset HF_HUB_OFFLINE and pull again, or copy the hub cache from another machine"
            }
            Self::NotFound { .. } => {
                "check the repository, revision and file name on the hub; a private repository needs HF_TOKEN"
            }
            Self::Unauthorised {
                repository,
                token_sent,
                ..
            } => {
                return Some(if *token_sent {
                    format!(
                        "accept the licence on the hub page of {repository} with the account that HF_TOKEN belongs to"
                    )
                } else {
                    format!(
                        "accept the licence on the hub page of {repository} and set HF_TOKEN to a token of that account"
                    )
                });
            }
            Self::HashMismatch { .. } | Self::LengthMismatch { .. } => {
                "pull again; if the error persists, the file on the hub is not the expected one: delete its line in pins.toml only if you know why it changed"
            }
            Self::OutsideCache { link, .. } => {
                return Some(format!(
                    "put the right file there, or delete the link {} and pull again",
                    display_path(link)
                ));
            }
            Self::NoSpace { .. } | Self::File(FileError::NoSpace { .. }) => {
                "free some space, or set HF_HOME to a folder on a larger disk; the partial download is kept"
            }
            Self::File(error) => return error.hint(),
            Self::Network { .. } => {
                "check the connection, HF_ENDPOINT and HTTPS_PROXY, then pull again to resume"
            }
            Self::NotAHub { .. } => "check HF_ENDPOINT, or unset it to use https://huggingface.co",
            Self::Name { .. } => return None,
            Self::Token => "set HF_TOKEN to the token alone, without quotes or line breaks",
            Self::NoCache => "set HF_HOME to a folder you can write to",
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Cancelled => FailureKind::Interrupted,
            _ => FailureKind::Io,
        }
    }
}
