//! Stores the chat's sessions, on disk or in memory only, and gives them back.
//!
//! There is one way in and one way out: both stores keep the same turns and write the same exports. It is called on its
//! own thread and may wait for the disk. Never call it from the thread that draws.

mod conversion;
mod libraries;
mod types;

pub use conversion::{background, stored_answer, stored_shot};
pub use libraries::Libraries;
pub use rounds_session::ExportFormat;
pub use types::{
    Attached, Finished, Mark, Marked, NewTurn, Outcome, SavedEnd, SavedSession, SavedTurn,
    ScanView, SessionSummary, Subject, TurnEnd,
};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rounds_assistant::Setup;
use rounds_assistant::retrieval::Shot;
use rounds_imaging::{decode, thumbnail_jpeg};
use rounds_index::{ExampleImage, Images};
use rounds_session::{
    Hit, NewShot, Part, SessionError, Sessions, StoredImage, Summary, TurnId, local_time,
};
use rounds_support::{Paths, files};

/// Side of the saved thumbnails of shots, in pixels.
const THUMBNAIL: u32 = 96;
/// Maximum number of opened indexes that are searched for the images of shots.
const MAX_INDEXES: usize = 8;

/// The chat's sessions.
pub struct Journal {
    sessions: Sessions,
    libraries: Libraries,
    /// Image folders of the opened indexes, the newest last. Images are named by content hash, so any hit is the right one.
    images: Vec<Images>,
    /// See [`accepted_marker`]; `None` if nothing may be written.
    accepted: Option<PathBuf>,
}

/// The file that exists once the user has accepted the welcome screen.
pub fn accepted_marker(paths: &Paths) -> PathBuf {
    paths.data_dir.join("accepted")
}

impl Journal {
    /// The sessions in the user's data folder.
    pub fn open(paths: &Paths) -> Result<Self, SessionError> {
        let sessions = Sessions::open(paths)?;
        Ok(Self::of(sessions, paths, Some(accepted_marker(paths))))
    }

    /// Sessions that are gone when the program ends: nothing is written to disk except exports.
    pub fn in_memory(paths: &Paths) -> Result<Self, SessionError> {
        Ok(Self::of(Sessions::open_in_memory()?, paths, None))
    }

    /// Sessions in memory, and libraries in which there is nothing.
    #[cfg(test)]
    pub fn for_tests() -> Self {
        Self::in_memory(&Paths::under(Path::new("/nonexistent"))).unwrap()
    }

    fn of(sessions: Sessions, paths: &Paths, accepted: Option<PathBuf>) -> Self {
        Self {
            sessions,
            libraries: Libraries::of(paths),
            images: Vec::new(),
            accepted,
        }
    }

    /// Errors if there is no such session.
    pub fn check_exists(&self, session: &str) -> Result<(), SessionError> {
        self.sessions.find(session).map(drop)
    }

    /// A warning about the store that the user must see.
    pub fn notice(&self) -> Option<&str> {
        self.sessions.notice()
    }

    /// Creates a session and returns its id.
    pub fn create(
        &mut self,
        title: &str,
        model: &str,
        index: &str,
    ) -> Result<String, SessionError> {
        Ok(self.sessions.create(title, model, index)?.to_string())
    }

    /// An index was opened: shots of later answers may have their images there.
    pub fn index_opened(&mut self, images: Images) {
        if self.images.len() >= MAX_INDEXES {
            self.images.remove(0);
        }
        self.images.push(images);
    }

    /// Stores a question before it is answered; returns the turn's id.
    pub fn begin_turn(&mut self, session: &str, turn: &NewTurn) -> Result<String, SessionError> {
        let sources = self.libraries.sources(&turn.setup);
        let new = conversion::stored_question(turn, sources)?;
        let id = self.sessions.begin_turn(&session.parse()?, &new)?;
        Ok(id.to_string())
    }

    /// Stores the partial answer; called about once a second.
    pub fn append_partial(&mut self, turn: &str, text: &str) -> Result<(), SessionError> {
        self.sessions.append_partial(&turn.parse()?, text)
    }

    /// Stores how a turn ended, and the setup that answered it.
    pub fn finish_turn(
        &mut self,
        turn: &str,
        end: &TurnEnd,
        setup: &Setup,
    ) -> Result<(), SessionError> {
        let turn: TurnId = turn.parse()?;
        let outcome = match &end.outcome {
            Outcome::Answered(answer) => {
                rounds_session::Outcome::Answered(Box::new(stored_answer(answer)))
            }
            Outcome::Stopped { text } => rounds_session::Outcome::Stopped { text: text.clone() },
            Outcome::Failed { text, message } => rounds_session::Outcome::Failed {
                text: text.clone(),
                message: message.clone(),
            },
        };
        let end = rounds_session::TurnEnd {
            outcome,
            shots: end.shots.iter().map(|shot| self.new_shot(shot)).collect(),
            prompt: end.prompt.clone(),
            sources: Some(self.libraries.sources(setup)),
        };
        self.sessions.finish_turn(&turn, end)
    }

    fn new_shot(&self, shot: &Shot) -> NewShot {
        NewShot {
            shot: stored_shot(shot),
            thumbnail: shot.example.image().and_then(|image| self.thumbnail(image)),
        }
    }

    fn thumbnail(&self, image: &ExampleImage) -> Option<Vec<u8>> {
        let mut newest_first = self.images.iter().rev();
        let bytes = newest_first.find_map(|images| images.bytes(image).ok())?;
        thumbnail_jpeg(&decode(&bytes, "shot").ok()?, THUMBNAIL, 80).ok()
    }

    /// The latest sessions; only those that contain `words`, unless it is empty.
    pub fn list(&self, words: &str, limit: usize) -> Result<Vec<SessionSummary>, SessionError> {
        if words.trim().is_empty() {
            let all = self.sessions.list(limit, 0)?;
            return Ok(all.into_iter().map(|found| listed(found, None)).collect());
        }
        let hits = self.sessions.search(words, limit)?;
        let mut found: Vec<SessionSummary> = Vec::new();
        for hit in &hits {
            let known = found.iter().any(|row| row.id == hit.session.as_str());
            if !known {
                let mut own = hits.iter().filter(|other| other.session == hit.session);
                // The title is shown anyway.
                let inside = own.find(|other| other.part != Part::Title);
                found.push(listed(self.sessions.summary(&hit.session)?, inside));
            }
        }
        Ok(found)
    }

    /// Opens a session by its id, the beginning of it, its number or its title.
    pub fn open_session(&self, name: &str) -> Result<SavedSession, SessionError> {
        let session = self.sessions.load(&self.sessions.find(name)?)?;
        let turns = session.turns.iter().map(|turn| {
            // A damaged image does not prevent opening the session.
            let (mut images, mut damaged) = (Vec::new(), Vec::new());
            for image in &turn.images {
                match self.load_image(image) {
                    Some(attached) => images.push(attached),
                    None => damaged.push(image.name.clone()),
                }
            }
            conversion::restored_turn(&session.id, turn, images, damaged)
        });
        Ok(SavedSession {
            id: session.id.to_string(),
            turns: turns.collect(),
            title: session.title.clone(),
        })
    }

    /// Loads a saved image; `None` if it is damaged.
    fn load_image(&self, stored: &StoredImage) -> Option<Attached> {
        let bytes = self.sessions.image(stored).ok()?;
        let image = decode(&bytes, &stored.name).ok()?;
        Some(Attached {
            image: Arc::new(image),
            file: bytes.into(),
            path: None,
            scan: None,
            identity: Default::default(),
        })
    }

    /// Changes the title of a session.
    pub fn rename(&mut self, name: &str, title: &str) -> Result<(), SessionError> {
        let id = self.sessions.find(name)?;
        self.sessions.rename(&id, title)
    }

    /// Deletes a session with its images.
    pub fn delete(&mut self, name: &str) -> Result<(), SessionError> {
        let id = self.sessions.find(name)?;
        self.sessions.delete(&id).map(drop)
    }

    /// Writes a session to `path`.
    ///
    /// Errors if there is a file already, unless it is to be replaced.
    pub fn export(
        &self,
        name: &str,
        format: ExportFormat,
        path: &Path,
        replace: bool,
    ) -> Result<(), SessionError> {
        let id = self.sessions.find(name)?;
        self.sessions.export_to(&id, format, path, replace)
    }

    /// Remembers that the first-run screen was accepted.
    pub fn accept(&mut self) -> Result<(), SessionError> {
        let Some(marker) = &self.accepted else {
            return Ok(());
        };
        if let Some(folder) = marker.parent() {
            files::create_private_dir(folder)?;
        }
        Ok(files::write_atomic(marker, b"accepted\n")?)
    }
}

/// A row of the session list; `hit` is where the search words were found.
fn listed(found: Summary, hit: Option<&Hit>) -> SessionSummary {
    SessionSummary {
        id: found.id.to_string(),
        title: found.title,
        when: local_time(found.used),
        turns: found.turns as usize,
        image: found.image,
        last_answer: found.last_answer,
        snippet: hit.map(|hit| format!("{}: {}", hit.part.name(), hit.snippet.text)),
    }
}
