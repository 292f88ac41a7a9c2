//! Which files of a folder are those of an index, told by their places and names.
//!
//! An index may lie in a folder that somebody keeps other things in, below `images/` and `vectors/` too. Never delete or
//! replace a file there that is not known here.

use std::path::{Component, Path, PathBuf};

use super::database::DATABASE;
use super::manifest::{MANIFEST, SEAL};
use super::writer::LOCK;
use rounds_support::files::below;

/// Folders of an index.
const FOLDERS: [&str; 4] = ["images", "vectors", "graph", "latents"];
/// Digits of a SHA-256, and of the beginning of one that names a folder or a file.
const HASH: usize = 64;
const SHORT_HASH: usize = 16;
/// Longest end of a image's name.
const MAX_EXTENSION: usize = 8;

/// What lies in a folder.
#[derive(Debug, Default)]
pub struct FolderContents {
    /// Files of an index, below the folder.
    pub owned: Vec<PathBuf>,
    /// Anything else; of a folder that an index has no use for, the folder alone.
    pub others: Vec<PathBuf>,
    /// Folders of an index, those within others first.
    pub folders: Vec<PathBuf>,
}

impl FolderContents {
    /// Looks through `folder`; links are not followed.
    pub fn scan(folder: &Path) -> Self {
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

/// The parts of a path below an index's folder; `None` where one is no text.
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
        Some(["latents", model]) => is_hex(model, SHORT_HASH),
        Some(["latents", model, pair]) => is_hex(model, SHORT_HASH) && is_hex(pair, 2),
        _ => false,
    }
}

/// Whether a path below an index's folder is that of a file of an index.
pub fn is_file(relative: &Path) -> bool {
    let Some(parts) = parts(relative) else {
        return false;
    };
    // What an interrupted write leaves.
    if parts
        .last()
        .is_some_and(|name| name.starts_with(".rounds-"))
    {
        return true;
    }
    match parts.as_slice() {
        [name] => [MANIFEST, SEAL, LOCK].contains(name) || is_database(name),
        ["images", _, name] => {
            let (hash, end) = name.split_once('.').unwrap_or((name, ""));
            let plain = |end: &str| end.bytes().all(|b| b.is_ascii_alphanumeric());
            is_hex(hash, HASH - 2) && (1..=MAX_EXTENSION).contains(&end.len()) && plain(end)
        }
        ["vectors", name] => is_of_encoder(name, &["f16", "i8", "progress"]),
        ["graph", name] => is_of_encoder(name, &["graph"]),
        ["latents", _, name] => *name == super::latents::USAGE_FILE,
        ["latents", _, _, name] => is_hex(name, HASH - 2),
        _ => false,
    }
}

fn is_database(name: &str) -> bool {
    let end = name.strip_prefix(DATABASE);
    end.is_some_and(|end| ["", "-wal", "-shm", "-journal"].contains(&end))
}

/// Whether `name` is an encoder's: the beginning of its hash, a generation, maybe `-text`, and one of these ends.
fn is_of_encoder(name: &str, ends: &[&str]) -> bool {
    let Some((stem, end)) = name.split_once('.') else {
        return false;
    };
    let stem = stem.strip_suffix("-text").unwrap_or(stem);
    let parts = stem.split_once('-');
    let is_stem = parts.is_some_and(|(hash, generation)| {
        let digits = generation.bytes().all(|b| b.is_ascii_digit());
        is_hex(hash, SHORT_HASH) && !generation.is_empty() && digits
    });
    is_stem && ends.contains(&end)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_an_index_are_told_from_those_of_somebody_else() {
        let hash = "0123456789abcdef";
        let rest = "a".repeat(62);
        for own in [
            "index.toml".to_string(),
            "examples.sqlite3-wal".into(),
            format!("images/0a/{rest}.png"),
            "images/0a/.rounds-x".into(),
            format!("vectors/{hash}-3.f16"),
            format!("vectors/{hash}-3-text.i8"),
            format!("graph/{hash}-0.graph"),
            format!("latents/{hash}/0a/{rest}"),
        ] {
            assert!(is_file(Path::new(&own)), "{own}");
        }
        for other in [
            "t.csv".to_string(),
            "images/mine.png".into(),
            "images/0a/mine.png".into(),
            format!("images/0a/{rest}"),
            "vectors/emb.npy".into(),
            format!("vectors/{hash}.f16"),
            format!("other/{hash}-3.f16"),
            format!("{rest}.png"),
        ] {
            assert!(!is_file(Path::new(&other)), "{other}");
        }
    }
}
