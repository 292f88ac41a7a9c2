//! Tells the files of an index from other files in its folder, by path and name.
//!
//! An index may share its folder with other files, even below `images/` and `vectors/`. Never delete or replace a file that
//! is not recognised here.

use std::path::{Component, Path, PathBuf};

use super::database::DATABASE;
use super::lock::LOCK;
use super::manifest::{MANIFEST, SEAL};
use rounds_support::files::below;

/// Folders of an index.
const FOLDERS: [&str; 4] = ["images", "vectors", "graph", "latents"];
/// Hexadecimal digits of a SHA-256, and of the prefix that names a folder or file.
const HASH: usize = 64;
const SHORT_HASH: usize = 16;
/// Longest file extension of an image.
const MAX_EXTENSION: usize = 8;
/// Longest name of a numeric type.
const MAX_DTYPE: usize = 8;

/// The contents of a folder, sorted into the index's own and others.
#[derive(Debug, Default)]
pub(crate) struct FolderContents {
    /// Files of an index, as relative paths.
    pub owned: Vec<PathBuf>,
    /// Anything else; a folder that is not part of an index is listed without its contents.
    pub others: Vec<PathBuf>,
    /// Folders of an index, inner ones first.
    pub folders: Vec<PathBuf>,
}

impl FolderContents {
    /// Scans `folder` without following links.
    pub(crate) fn scan(folder: &Path) -> Self {
        let mut found = Self::default();
        found.walk(folder, Path::new(""));
        found.owned.sort();
        found.others.sort();
        found
    }

    fn walk(&mut self, folder: &Path, within: &Path) {
        for path in below(&folder.join(within)) {
            let relative = within.join(path.file_name().unwrap_or_default());
            let kind = std::fs::symlink_metadata(&path).map(|m| m.file_type());
            match kind {
                Ok(kind) if kind.is_dir() && is_folder(&relative) => {
                    self.walk(folder, &relative);
                    self.folders.push(relative);
                }
                Ok(kind) if kind.is_file() && is_file(&relative) => self.owned.push(relative),
                _ => self.others.push(relative),
            }
        }
    }
}

/// The components of a relative path; `None` if one is not UTF-8 or not a plain name.
fn parts(relative: &Path) -> Option<Vec<&str>> {
    let parts = relative.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    parts.collect()
}

fn is_folder(relative: &Path) -> bool {
    match parts(relative).as_deref() {
        Some([top]) => FOLDERS.contains(top),
        Some(["images", pair]) => is_hex(pair, 2),
        Some(["latents", model]) => is_cache(model),
        Some(["latents", model, pair]) => is_cache(model) && is_hex(pair, 2),
        _ => false,
    }
}

/// Whether a path relative to an index's folder is one of its files.
pub(crate) fn is_file(relative: &Path) -> bool {
    let Some(parts) = parts(relative) else {
        return false;
    };
    // Left by an interrupted write.
    if parts
        .last()
        .is_some_and(|name| name.starts_with(".rounds-"))
    {
        return true;
    }
    match parts.as_slice() {
        [name] => [MANIFEST, SEAL, LOCK].contains(name) || is_database(name),
        ["images", _, name] => {
            let (hash, extension) = name.split_once('.').unwrap_or((name, ""));
            let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
            is_hex(hash, HASH - 2)
                && (1..=MAX_EXTENSION).contains(&extension.len())
                && plain(extension)
        }
        ["vectors", name] => is_encoder_file(name, &["f16", "i8", "progress"]),
        ["graph", name] => is_encoder_file(name, &["graph"]),
        ["latents", model, name] => is_cache(model) && *name == super::latents::USAGE_FILE,
        ["latents", model, pair, name] => {
            is_cache(model) && is_hex(pair, 2) && is_hex(name, HASH - 2)
        }
        _ => false,
    }
}

fn is_database(name: &str) -> bool {
    let suffix = name.strip_prefix(DATABASE);
    suffix.is_some_and(|suffix| ["", "-wal", "-shm", "-journal"].contains(&suffix))
}

/// Whether `name` is a file of an encoder: hash prefix, generation, optional `-text`, and one of these extensions.
fn is_encoder_file(name: &str, extensions: &[&str]) -> bool {
    let Some((stem, extension)) = name.split_once('.') else {
        return false;
    };
    let stem = stem.strip_suffix("-text").unwrap_or(stem);
    let parts = stem.split_once('-');
    let is_stem = parts.is_some_and(|(hash, generation)| {
        let digits = generation.bytes().all(|b| b.is_ascii_digit());
        is_hex(hash, SHORT_HASH) && !generation.is_empty() && digits
    });
    is_stem && extensions.contains(&extension)
}

/// Whether `name` is the folder of a model's latents: hash prefix, and the numeric type unless it is f32.
fn is_cache(name: &str) -> bool {
    let (hash, dtype) = name.split_once('-').unwrap_or((name, "f16"));
    is_hex(hash, SHORT_HASH)
        && (1..=MAX_DTYPE).contains(&dtype.len())
        && dtype.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latents::Latents;

    #[test]
    fn the_latents_of_every_numeric_type_belong_to_the_index() {
        let folder = tempfile::tempdir().unwrap();
        for dtype in ["f32", "f16", "bf16"] {
            let latents = Latents::new(folder.path(), &"a1".repeat(32)).computed_in(dtype);
            latents.put(&"b2".repeat(32), b"latent").unwrap();
        }
        let contents = FolderContents::scan(folder.path());
        assert_eq!(contents.others, Vec::<PathBuf>::new());
        assert_eq!(contents.owned.len(), 6, "{:?}", contents.owned);
    }

    #[test]
    fn files_of_an_index_are_told_apart_from_other_files() {
        let hash = "0123456789abcdef";
        let rest = "a".repeat(62);
        for owned in [
            "index.toml".to_string(),
            "examples.sqlite3-wal".into(),
            format!("images/0a/{rest}.png"),
            "images/0a/.rounds-x".into(),
            format!("vectors/{hash}-3.f16"),
            format!("vectors/{hash}-3-text.i8"),
            format!("graph/{hash}-0.graph"),
            format!("latents/{hash}/0a/{rest}"),
            format!("latents/{hash}-bf16/0a/{rest}"),
            format!("latents/{hash}-bf16/tally"),
        ] {
            assert!(is_file(Path::new(&owned)), "{owned}");
        }
        for other in [
            "t.csv".to_string(),
            "images/mine.png".into(),
            "images/0a/mine.png".into(),
            format!("images/0a/{rest}"),
            "vectors/emb.npy".into(),
            format!("vectors/{hash}.f16"),
            format!("other/{hash}-3.f16"),
            format!("latents/mine/0a/{rest}"),
            format!("latents/{hash}-/0a/{rest}"),
            format!("latents/{hash}-my files/0a/{rest}"),
            format!("latents/{hash}-bf16/mine/{rest}"),
            format!("{rest}.png"),
        ] {
            assert!(!is_file(Path::new(&other)), "{other}");
        }
    }
}
