//! The folder of a table, the only one whose images its cards can name.

use std::path::{Component, Path, PathBuf};

use rounds_support::{FileError, files};

/// A folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder that contains the file at `path`.
    pub(super) fn of(path: &Path) -> Result<Self, FileError> {
        let failed = |error: std::io::Error| FileError::from_io(path, "read", &error);
        let file = path.canonicalize().map_err(failed)?;
        let folder = file.parent().unwrap_or(&file);
        Ok(Self(folder.to_path_buf()))
    }

    /// The bytes of an image in it, at most `limit`.
    pub(super) fn image(&self, name: &str, limit: u64) -> Result<Vec<u8>, String> {
        let outside = || "an image is not in the folder of the table".to_owned();
        let relative = Path::new(name);
        let inside = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
        if !relative.components().all(inside) {
            return Err(outside());
        }
        let missing = |_| format!("there is no image {name}");
        // A link may lead out.
        let path = self.0.join(relative).canonicalize().map_err(missing)?;
        if !path.starts_with(&self.0) {
            return Err(outside());
        }
        files::read_regular_file(&path, limit).map_err(|error| match error {
            FileError::TooLarge { .. } => format!("the image {name} is too large"),
            _ => format!("the image {name} cannot be read"),
        })
    }
}
