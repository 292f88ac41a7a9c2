//! Validates names before they become paths or URLs.
//!
//! Commits, etags and shard names come from a server and end up as file names. These checks reject every name that could
//! leave its folder; never join an unchecked name to a path.

use super::error::HubError;

/// Maximum length of any name, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// Maximum length of a commit or etag, in bytes; real ones have 40 and 64.
const MAX_ID_BYTES: usize = 128;

/// Checks a repository: `organisation/name`, or just a name.
pub(super) fn repository(text: &str) -> Result<(), HubError> {
    let parts: Vec<&str> = text.split('/').collect();
    // Two hyphens stand for the slash in the cache's folder names.
    let good = parts.len() <= 2
        && text.len() <= MAX_NAME_BYTES
        && !text.contains("--")
        && parts.iter().all(|part| is_valid_segment(part));
    check(good, "repository", text)
}

/// Checks a branch, tag or commit; slashes are allowed.
pub(super) fn revision(text: &str) -> Result<(), HubError> {
    let good = text.len() <= MAX_NAME_BYTES && text.split('/').all(is_valid_segment);
    check(good, "revision", text)
}

/// Checks a file name in a repository; folders are allowed.
pub(super) fn file(text: &str) -> Result<(), HubError> {
    let good = text.len() <= MAX_NAME_BYTES
        && text.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && !part
                    .chars()
                    .any(|c| c.is_control() || matches!(c, '\\' | ':'))
        });
    check(good, "file name", text)
}

/// Checks a commit or etag from a server, without quotes.
pub(super) fn identifier(what: &'static str, text: &str) -> Result<(), HubError> {
    let good = (1..=MAX_ID_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    check(good, what, text)
}

/// Checks a SHA-256.
pub(super) fn sha256(text: &str) -> Result<(), HubError> {
    check(is_sha256(text), "SHA-256", text)
}

/// Whether this is a hexadecimal SHA-256, like the etag of a large file.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether this revision is a commit hash, which never changes.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_valid_segment(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with(['.', '-'])
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn check(good: bool, what: &'static str, text: &str) -> Result<(), HubError> {
    if good {
        Ok(())
    } else {
        Err(HubError::name(what, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_names_pass() {
        for text in ["openai/clip-vit-large-patch14", "gpt2", "a/b_c.d-e"] {
            repository(text).unwrap();
        }
        for text in ["main", "v1.0", "refs/pr/1"] {
            revision(text).unwrap();
        }
        for text in ["model.pt", "folder/a file.bin"] {
            file(text).unwrap();
        }
    }

    #[test]
    fn unsafe_names_are_refused() {
        for text in ["", "..", "a/b/c", "a/..", "/a", "a--b/c", "a b/c"] {
            assert!(repository(text).is_err(), "{text}");
        }
        for text in ["", "..", "a/../b", "/main", "main?x", "ma in"] {
            assert!(revision(text).is_err(), "{text}");
        }
        for text in ["", "..", "../a", "a//b", "/a", "a\\b", "c:a", "a\nb", "a/"] {
            assert!(file(text).is_err(), "{text}");
        }
        for text in ["", "a.b", "a/b", "..", "\"a\"", "a b"] {
            assert!(identifier("etag", text).is_err(), "{text}");
        }
        assert!(identifier("etag", &"a".repeat(129)).is_err());
    }
}
