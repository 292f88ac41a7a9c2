//! Exports a session as Markdown, as one HTML page with its images inside, or as JSON with the full provenance.
//!
//! Everything in a session is untrusted and is escaped for its format. Every export states the intended use. Patient and
//! study are never exported, and images are encoded again, so that no hidden metadata is exported with them.

mod data_uri;
mod escape;
mod html;
mod json;
mod markdown;

use std::io::Write;
use std::path::Path;

use super::Sessions;
use super::error::SessionError;
use super::id::SessionId;
use super::types::{Session, StoredImage, Turn, TurnState};
use rounds_support::{FileError, INTENDED_USE};

pub use html::html;
pub use json::{SCHEMA_VERSION, json};
pub use markdown::markdown;

/// An export format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text without images.
    Markdown,
    /// One page with the images inside.
    Html,
    /// JSON as in `docs/session.schema.json`.
    Json,
}

impl Format {
    /// The usual file name extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

impl Sessions {
    /// A session as text in `format`. An image that cannot be read is replaced by a note.
    pub fn export(&self, id: &SessionId, format: Format) -> Result<String, SessionError> {
        let session = self.load(id)?;
        Ok(match format {
            Format::Markdown => markdown(&session),
            Format::Html => html(&session, &|image: &StoredImage| self.image(image).ok()),
            Format::Json => json(&session),
        })
    }

    /// Writes a session to a new private file at `path`, atomically.
    ///
    /// Errors if `path` already exists.
    pub fn export_to(
        &self,
        id: &SessionId,
        format: Format,
        path: &Path,
    ) -> Result<(), SessionError> {
        let text = self.export(id, format)?;
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

/// A note on a turn's position and state: `follows turn 2, stopped`.
fn turn_status(session: &Session, turn: &Turn) -> String {
    let mut earlier = session
        .turns
        .iter()
        .rev()
        .filter(|other| other.number < turn.number);
    let sibling = earlier.find(|other| other.parent == turn.parent);
    let position = match (sibling, turn.parent) {
        (Some(sibling), _) => Some(format!("another version of turn {}", sibling.number)),
        (None, Some(parent)) if turn.number.checked_sub(1) != Some(parent) => {
            Some(format!("follows turn {parent}"))
        }
        _ => None,
    };
    let state = (turn.state != TurnState::Answered).then(|| turn.state.name().to_owned());
    [position, state]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// Why a turn has no answer, for the reader.
fn no_answer_reason(turn: &Turn) -> String {
    match (turn.state, &turn.message) {
        (TurnState::Failed, Some(message)) => format!("No answer: {message}"),
        (TurnState::Stopped, _) => "Stopped before the answer was complete.".to_owned(),
        (TurnState::Interrupted, _) => {
            "Interrupted: the program ended before the answer was complete.".to_owned()
        }
        _ => "No answer yet.".to_owned(),
    }
}

/// A score for display; `none` if it is not a finite number.
fn score(score: f32) -> String {
    if score.is_finite() {
        format!("{score:.3}")
    } else {
        "none".to_owned()
    }
}
