//! Hub settings from the environment variables that all hub clients use.
//!
//! Only reads: nothing here creates a folder or opens a connection.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rounds_support::files;

/// The default hub.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
/// Maximum length of a token file, in bytes.
const MAX_TOKEN_BYTES: u64 = 4096;

/// The hub settings.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) endpoint: String,
    /// `None` if no home folder is known.
    pub(super) cache: Option<PathBuf>,
    pub(super) token: Option<String>,
    pub(super) offline: bool,
}

impl Settings {
    /// Reads `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH` and `HF_HUB_OFFLINE`; `home` is
    /// the user's home folder.
    pub(super) fn read(home: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| {
            let value = variable(name)?.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let folder = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some(under_home(Path::new(&value), home.as_deref()))
        };
        let hub_home = folder("HF_HOME").or_else(|| {
            let caches = folder("XDG_CACHE_HOME")
                .or_else(|| home.as_ref().map(|home| home.join(".cache")))?;
            Some(caches.join("huggingface"))
        });
        let token_file = folder("HF_TOKEN_PATH")
            .or_else(|| hub_home.as_ref().map(|folder| folder.join("token")));
        Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
            cache: folder("HF_HUB_CACHE")
                .or_else(|| hub_home.as_ref().map(|folder| folder.join("hub"))),
            token: text("HF_TOKEN").or_else(|| read_token(&token_file?)),
            offline: text("HF_HUB_OFFLINE").is_some_and(|value| {
                matches!(
                    value.to_ascii_uppercase().as_str(),
                    "1" | "ON" | "YES" | "TRUE"
                )
            }),
        }
    }
}

/// Expands a leading `~`, as other clients do.
fn under_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_path_buf(),
    }
}

/// A missing token file is not an error: most files need no token.
fn read_token(path: &Path) -> Option<String> {
    let content = files::read_limited(path, MAX_TOKEN_BYTES).ok()?;
    let token = String::from_utf8(content).ok()?.trim().to_owned();
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(home: &Path, variables: &[(&str, &str)]) -> Settings {
        Settings::read(Some(home.to_path_buf()), |name| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(found.1))
        })
    }

    #[test]
    fn an_empty_environment_gives_the_default_locations() {
        let settings = read(Path::new("/home/a"), &[("HF_TOKEN", " ")]);
        assert_eq!(settings.endpoint, DEFAULT_ENDPOINT);
        assert_eq!(
            settings.cache.as_deref(),
            Some(Path::new("/home/a/.cache/huggingface/hub"))
        );
        assert!(settings.token.is_none() && !settings.offline);
        assert!(Settings::read(None, |_| None).cache.is_none());
    }

    #[test]
    fn variables_override_the_cache_and_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        files::write_atomic(&home.join("token"), b"from-file\n").unwrap();
        let at = home.to_string_lossy();
        let settings = read(home, &[("HF_HOME", &at), ("HF_HUB_OFFLINE", "true")]);
        assert_eq!(settings.cache, Some(home.join("hub")));
        assert_eq!(settings.token.as_deref(), Some("from-file"));
        assert!(settings.offline);
        let settings = read(
            home,
            &[
                ("HF_HUB_CACHE", "~/models"),
                ("HF_TOKEN_PATH", "~/token"),
                ("HF_HUB_OFFLINE", "0"),
            ],
        );
        assert_eq!(settings.cache, Some(home.join("models")));
        assert_eq!(settings.token.as_deref(), Some("from-file"));
        assert!(!settings.offline);
        let settings = read(home, &[("HF_HOME", &at), ("HF_TOKEN", "named")]);
        assert_eq!(settings.token.as_deref(), Some("named"));
    }
}
