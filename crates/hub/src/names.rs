//! Which names may become paths and addresses.
//!
//! Commits, etags and the shards that an index lists come from a server, and all of them end up as file names. Nothing
//! passes here that could leave its folder; never join a name to a path that did not pass.

use super::error::HubError;

/// Longest name, in bytes, of anything.
const LONGEST: usize = 512;
/// Longest commit or etag, in bytes; the known ones have 40 and 64.
const LONGEST_PLAIN: usize = 128;

/// A repository: `organisation/name`, or a name alone.
pub(super) fn repository(text: &str) -> Result<(), HubError> {
    let parts: Vec<&str> = text.split('/').collect();
    // Two hyphens would read as the slash in the cache's folder name.
    let good = parts.len() <= 2
        && text.len() <= LONGEST
        && !text.contains("--")
        && parts.iter().all(|part| is_word(part));
    check(good, "repository", text)
}

/// A branch, tag or commit; may have slashes.
pub(super) fn revision(text: &str) -> Result<(), HubError> {
    let good = text.len() <= LONGEST && text.split('/').all(is_word);
    check(good, "revision", text)
}

/// A file inside a repository; may be in folders.
pub(super) fn file(text: &str) -> Result<(), HubError> {
    let good = text.len() <= LONGEST
        && text.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && !part
                    .chars()
                    .any(|c| c.is_control() || matches!(c, '\\' | ':'))
        });
    check(good, "file name", text)
}

/// A commit or etag that a server named, without quotes.
pub(super) fn plain(what: &'static str, text: &str) -> Result<(), HubError> {
    let good = (1..=LONGEST_PLAIN).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    check(good, what, text)
}

/// A SHA-256 that a caller expects.
pub(super) fn sha256(text: &str) -> Result<(), HubError> {
    check(is_sha256(text), "SHA-256", text)
}

/// Whether this is a SHA-256 in hexadecimal digits, as the etags of large files are.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether this revision is a commit, which never changes.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_word(part: &str) -> bool {
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
    fn names_of_the_hub_pass() {
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
    fn names_that_leave_their_folder_are_refused() {
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
            assert!(plain("etag", text).is_err(), "{text}");
        }
        assert!(plain("etag", &"a".repeat(129)).is_err());
    }
}
