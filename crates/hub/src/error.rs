//! What can go wrong with the hub, and what to do then.
//!
//! Whatever a server said is cleaned before it gets into a message; a token never gets there at all.

use std::path::PathBuf;

use rounds_support::errors::{bytes, shown};
use rounds_support::{FileError, Hint, sanitise};

/// Longest text of a server, in characters, that a message repeats.
const LONGEST_TEXT: usize = 200;

/// What can go wrong while a file is fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The work was asked to stop; what is there is kept for the next time.
    #[error("stopped")]
    Cancelled,
    /// The file isn't in the cache, and the network may not be used.
    #[error("{file} of {repository} is not in the cache, and HF_HUB_OFFLINE forbids the network")]
    Offline {
        /// The repository asked for.
        repository: String,
        /// The file asked for.
        file: String,
    },
    /// The hub has no such repository, revision or file.
    #[error("the hub has no {file} in {repository} at {revision}{}", said(.detail))]
    NotFound {
        /// The repository asked for.
        repository: String,
        /// The revision asked for.
        revision: String,
        /// The file asked for.
        file: String,
        /// What the hub said; already clean, may be empty.
        detail: String,
    },
    /// The hub wants a token, another one, or an accepted licence.
    #[error("the hub does not let us have {repository} (status {status}){}", said(.detail))]
    Unauthorised {
        /// The repository asked for.
        repository: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        token_sent: bool,
        /// What the hub said; already clean, may be empty.
        detail: String,
    },
    /// The content is not the one it should be.
    #[error("the SHA-256 of {file} is {found}, not {expected}")]
    HashMismatch {
        /// The file's name.
        file: String,
        /// The SHA-256 of the etag, the catalogue or the pin.
        expected: String,
        /// The SHA-256 of what came, or the one that the hub announces.
        found: String,
    },
    /// A link of the cache leads to a file outside it, whose content is not the one it should be. The file stays.
    #[error("the SHA-256 of {} is {found}, not {expected}; it was left as it is: it does not belong to the cache", shown(.target))]
    Foreign {
        /// The link in the cache.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
        /// The SHA-256 of the name, the catalogue or the pin.
        expected: String,
        /// The SHA-256 of the file.
        found: String,
    },
    /// More or fewer bytes came than were announced.
    #[error("{file} has {found} bytes, not {expected}")]
    LengthMismatch {
        /// The file's name.
        file: String,
        /// The announced length in bytes.
        expected: u64,
        /// The length in bytes of what came.
        found: u64,
    },
    /// The file doesn't fit on the disk.
    #[error("{} needed in {}, {} free", bytes(*.needed), shown(.folder), bytes(*.free))]
    NoSpace {
        /// The folder of the cache.
        folder: PathBuf,
        /// Bytes still to come.
        needed: u64,
        /// Bytes that the file system gives us.
        free: u64,
    },
    /// A file of the cache, or the pins, cannot be used; a full disk too.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server cannot be reached, or breaks off again and again.
    #[error("no file from {host}: {reason}")]
    Network {
        /// The server's name; already clean.
        host: String,
        /// Why; already clean.
        reason: String,
    },
    /// The server answers, but not as a hub does.
    #[error("{host} does not answer as a hub: {reason}")]
    NotAHub {
        /// The server's name; already clean.
        host: String,
        /// Why; already clean.
        reason: String,
    },
    /// A name that may not become a path or an address.
    #[error("not a {what} that can be used: {name}")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name; already clean.
        name: String,
    },
    /// The token has characters that a header cannot carry.
    #[error("the token for the hub has characters that no token has")]
    Token,
    /// Nothing says where the cache is.
    #[error("no home folder is known for this user, so the hub's cache has no place")]
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

/// A server's text as a message may repeat it.
pub(super) fn clean(text: &str) -> String {
    sanitise::clean_line_max(text, LONGEST_TEXT)
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
            Self::Cancelled => "the same command goes on from where it stopped",
            Self::Offline { .. } => {
                "unset HF_HUB_OFFLINE and pull again, or copy the hub cache from another machine"
            }
            Self::NotFound { .. } => {
                "check repository, revision and file on the hub's page; a private one needs HF_TOKEN"
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
                "pull again; if it stays so, the file on the hub is not the one that is expected: take out its line in pins.toml only if you know why it changed"
            }
            Self::Foreign { link, .. } => {
                return Some(format!(
                    "put the right file there, or take out the link {} and pull again",
                    shown(link)
                ));
            }
            Self::NoSpace { .. } | Self::File(FileError::NoSpace { .. }) => {
                "free some space, or set HF_HOME to a folder on a larger disk; what came so far is kept"
            }
            Self::File(error) => return error.hint(),
            Self::Network { .. } => {
                "check the connection, HF_ENDPOINT and HTTPS_PROXY, and pull again: it goes on from where it stopped"
            }
            Self::NotAHub { .. } => "check HF_ENDPOINT; without it https://huggingface.co is used",
            Self::Name { .. } => return None,
            Self::Token => "set HF_TOKEN to the token alone, without quotes or line breaks",
            Self::NoCache => "set HF_HOME to a folder of yours",
        };
        Some(text.to_owned())
    }
}
