//! The formats, and writing an export to a file.

use std::io::Write;
use std::path::Path;

use super::html::html;
use super::json::json;
use super::markdown::markdown;
use crate::error::SessionError;
use crate::id::SessionId;
use crate::sessions::Sessions;
use crate::types::StoredImage;
use rounds_support::{FileError, files};

/// An export format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// Text without images.
    #[default]
    Markdown,
    /// One page with the images inside.
    Html,
    /// JSON as in `docs/session.schema.json`.
    Json,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Markdown, Self::Html, Self::Json];

    /// Its name as an argument: `markdown`, `html`, `json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Json => "json",
        }
    }

    /// The format of this [name](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// What it is, for display.
    pub fn description(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Html => "HTML, one file with the images",
            Self::Json => "JSON with the full provenance",
        }
    }

    /// The usual file name extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }

    /// The format that the extension of `path` names.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Sessions {
    /// A session as text in `format`. An image that cannot be read is replaced by a note.
    pub fn export(&self, id: &SessionId, format: ExportFormat) -> Result<String, SessionError> {
        let session = self.load(id)?;
        Ok(match format {
            ExportFormat::Markdown => markdown(&session),
            ExportFormat::Html => html(&session, &|image: &StoredImage| self.image(image).ok()),
            ExportFormat::Json => json(&session),
        })
    }

    /// Writes a session to a private file at `path`, atomically.
    ///
    /// Errors if `path` already exists, unless `replace`.
    pub fn export_to(
        &self,
        id: &SessionId,
        format: ExportFormat,
        path: &Path,
        replace: bool,
    ) -> Result<(), SessionError> {
        let text = self.export(id, format)?;
        if replace {
            return Ok(files::write_atomic(path, text.as_bytes())?);
        }
        let folder = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                FileError::other(path, "write", "the file already exists")
            }
            _ => FileError::from_io(path, "write", &error),
        };
        let mut file = tempfile::Builder::new()
            .prefix(".rounds-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist_noclobber(path)
            .map_err(|refused| failed(refused.error))?;
        Ok(())
    }
}
