//! A session as a file for others: Markdown, one HTML page with its pictures inside, or JSON with the full provenance.
//!
//! Everything in a session is untrusted and is escaped for the format it goes into. Every export says what the program is for.
//! Patient and study are never exported, and pictures are drawn anew, so nothing hidden in a file travels with them.

mod escape;
mod html;
mod json;
mod markdown;
mod pictures;

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

/// A format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Markdown,
    /// One file with the pictures inside.
    Html,
    /// As `docs/session.schema.json` says.
    Json,
}

impl Format {
    /// The usual end of a file name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

impl Sessions {
    /// A session as text in `format`. A picture that cannot be read is named in its place.
    pub fn export(&self, id: &SessionId, format: Format) -> Result<String, SessionError> {
        let session = self.load(id)?;
        Ok(match format {
            Format::Markdown => markdown(&session),
            Format::Html => html(&session, &|image: &StoredImage| self.image(image).ok()),
            Format::Json => json(&session),
        })
    }

    /// Writes a session to `path`, private and whole or not at all.
    ///
    /// Errors where there is something at `path` already.
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
                FileError::other(path, "write", "there is a file already")
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

/// What a reader must know of a turn's place and end: `follows turn 2, stopped`.
fn standing(session: &Session, turn: &Turn) -> String {
    let mut earlier = session
        .turns
        .iter()
        .rev()
        .filter(|other| other.number < turn.number);
    let sibling = earlier.find(|other| other.parent == turn.parent);
    let place = match (sibling, turn.parent) {
        (Some(sibling), _) => Some(format!("another try at turn {}", sibling.number)),
        (None, Some(parent)) if turn.number.checked_sub(1) != Some(parent) => {
            Some(format!("follows turn {parent}"))
        }
        _ => None,
    };
    let state = (turn.state != TurnState::Answered).then(|| turn.state.name().to_owned());
    [place, state]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is said of a turn without an answer.
fn why_no_answer(turn: &Turn) -> String {
    match (turn.state, &turn.message) {
        (TurnState::Failed, Some(message)) => format!("No answer: {message}"),
        (TurnState::Stopped, _) => "Stopped before the answer was complete.".to_owned(),
        (TurnState::Interrupted, _) => {
            "Interrupted: the program ended before the answer was complete.".to_owned()
        }
        _ => "No answer yet.".to_owned(),
    }
}

/// A score as it is shown; `none` where it is no number.
fn score(score: f32) -> String {
    if score.is_finite() {
        format!("{score:.3}")
    } else {
        "none".to_owned()
    }
}
