//! Implements the chat's journal on top of the session store.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::tui::journal::{
    Attached, ExportFormat, Journal, JournalError, NewTurn, SavedEnd, SavedSession, SavedTurn,
    SessionSummary, Subject, TurnEnd,
};
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Ranked, SHIPPED, Settings, Setup};
use rounds_imaging::{decode, thumbnail_jpeg};
use rounds_index::{Example, ExampleImage, Images};
use rounds_session::{
    Format, NewImage, NewShot, Session, SessionError, SessionId, Sessions, Sources, StoredAnswer,
    StoredImage, StoredShot, Turn, TurnId, TurnState, readable_time,
};
use rounds_support::{Hint, Paths, files};

/// Side of the saved thumbnails of shots, in pixels.
const THUMBNAIL: u32 = 96;
/// Maximum number of opened indexes that are searched for the images of shots.
const MAX_INDEXES: usize = 8;

/// The user's libraries, which give models and indexes stable_path names.
pub struct Libraries {
    models: rounds_model::library::Library,
    indexes: rounds_index::library::Library,
}

impl Libraries {
    pub fn of(paths: &Paths) -> Self {
        Self {
            models: rounds_model::library::Library::of(paths),
            indexes: rounds_index::library::Library::of(paths),
        }
    }

    /// The names by which a replay finds model, index and encoder again.
    pub fn sources(&self, setup: &Setup) -> Sources {
        let setup = setup.clone().named();
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let model = |given: &PathBuf| text(self.models.stable_path(given));
        let index = |given: &PathBuf| text(self.indexes.stable_path(given));
        Sources {
            model: setup.model.as_ref().map_or(SHIPPED.into(), model),
            index: setup.index.as_ref().map_or(SHIPPED.into(), index),
            encoder: setup.encoder.as_ref().map(model),
            search: setup.search.name().into(),
        }
    }
}

/// Saves sessions in the user's data folder.
pub struct SessionJournal {
    sessions: Sessions,
    libraries: Libraries,
    /// Image folders of the opened indexes, the newest last. Images are named by content hash, so any hit is the right one.
    images: Vec<Images>,
    /// See [`accepted_marker`].
    accepted: std::path::PathBuf,
}

/// The file that exists once the user has accepted the welcome screen.
pub fn accepted_marker(paths: &Paths) -> std::path::PathBuf {
    paths.data_dir.join("accepted")
}

impl SessionJournal {
    /// Opens the session store.
    pub fn open(paths: &Paths) -> Result<Self, SessionError> {
        Ok(Self {
            sessions: Sessions::open(paths)?,
            libraries: Libraries::of(paths),
            images: Vec::new(),
            accepted: accepted_marker(paths),
        })
    }

    /// Errors if there is no such session.
    pub fn check_exists(&self, session: &str) -> Result<(), SessionError> {
        self.sessions.find(session).map(drop)
    }

    /// A warning about the store that the user must see.
    pub fn notice(&self) -> Option<&str> {
        self.sessions.notice()
    }

    fn thumbnail(&self, image: &ExampleImage) -> Option<Vec<u8>> {
        let mut newest_first = self.images.iter().rev();
        let bytes = newest_first.find_map(|images| images.bytes(image).ok())?;
        thumbnail_jpeg(&decode(&bytes, "shot").ok()?, THUMBNAIL, 80).ok()
    }

    fn shots(&self, shots: &[Shot]) -> Vec<NewShot> {
        shots
            .iter()
            .map(|shot| NewShot {
                shot: stored_shot(shot),
                thumbnail: shot.example.image().and_then(|image| self.thumbnail(image)),
            })
            .collect()
    }
}

fn failed(error: SessionError) -> JournalError {
    JournalError {
        hint: error.hint(),
        message: error.to_string(),
    }
}

/// A shot in its stored form, without a thumbnail.
pub fn stored_shot(shot: &Shot) -> StoredShot {
    let example = &shot.example;
    let images = example.images.iter();
    StoredShot {
        example_id: example.id.clone(),
        rank: shot.rank as u32,
        score: shot.score,
        reason: shot.reason.clone(),
        question: example.question.clone(),
        answer: example.answer.clone(),
        rationale: example.rationale.clone(),
        source: example.source.clone(),
        licence: example.licence.clone(),
        images: images
            .map(|i| format!("{}.{}", i.sha256, i.extension))
            .collect(),
        tags: example.tags.clone(),
        thumbnail: None,
    }
}

fn restored_shot(stored: StoredShot) -> Shot {
    let images = stored.images.iter().filter_map(|name| {
        let (sha256, extension) = name.split_once('.')?;
        Some(ExampleImage {
            sha256: sha256.to_string(),
            extension: extension.to_string(),
        })
    });
    Shot {
        example: Example {
            id: stored.example_id,
            images: images.collect(),
            question: stored.question,
            answer: stored.answer,
            rationale: stored.rationale,
            tags: stored.tags,
            source: stored.source,
            licence: stored.licence,
            ..Example::default()
        },
        score: stored.score,
        rank: stored.rank as usize,
        reason: stored.reason,
    }
}

/// An answer in its stored form.
pub fn stored_answer(answer: &Answer) -> StoredAnswer {
    StoredAnswer {
        answer: answer.answer.clone(),
        rationale: answer.rationale.clone(),
        stop_reason: json!(answer.stop).as_str().unwrap_or_default().to_string(),
        notices: answer.notices.clone(),
        provenance: json!(answer.provenance),
        timings: json!(answer.timings),
        prompt_tokens: answer.prompt_tokens as u64,
        generated_tokens: answer.generated_tokens as u64,
        log_probabilities: answer.log_probabilities.clone(),
        ranking: match answer.ranking.is_empty() {
            true => Value::Null,
            false => json!(answer.ranking),
        },
    }
}

impl Journal for SessionJournal {
    fn create(&mut self, title: &str, model: &str, index: &str) -> Result<String, JournalError> {
        let id = self.sessions.create(title, model, index).map_err(failed)?;
        Ok(id.to_string())
    }

    fn index_opened(&mut self, images: Images) {
        if self.images.len() >= MAX_INDEXES {
            self.images.remove(0);
        }
        self.images.push(images);
    }

    fn begin_turn(&mut self, session: &str, turn: &NewTurn) -> Result<String, JournalError> {
        let session = SessionId::from_str(session).map_err(failed)?;
        let parent = turn.parent.as_deref().map(TurnId::from_str);
        let images = turn.images.iter().map(|attached| NewImage {
            name: attached.image.source.name.clone(),
            format: attached.image.source.format.extension().to_string(),
            width: attached.image.width,
            height: attached.image.height,
            bytes: attached.file.clone(),
        });
        let new = rounds_session::NewTurn {
            parent: parent.transpose().map_err(failed)?.map(|t| t.number),
            question: turn.question.clone(),
            images: images.collect(),
            settings: json!(turn.settings),
            sources: Some(self.libraries.sources(&turn.setup)),
            patient: turn.subject.patient.clone(),
            study: turn.subject.study.clone(),
        };
        let id = self.sessions.begin_turn(&session, &new).map_err(failed)?;
        Ok(id.to_string())
    }

    fn append_partial(&mut self, turn: &str, text: &str) -> Result<(), JournalError> {
        let turn = TurnId::from_str(turn).map_err(failed)?;
        self.sessions.append_partial(&turn, text).map_err(failed)
    }

    fn finish_turn(
        &mut self,
        turn: &str,
        end: &TurnEnd,
        setup: &Setup,
    ) -> Result<(), JournalError> {
        let turn = TurnId::from_str(turn).map_err(failed)?;
        let end = match end {
            TurnEnd::Answered(given) => rounds_session::TurnEnd::Answered {
                answer: Box::new(stored_answer(given)),
                shots: self.shots(&given.shots),
            },
            TurnEnd::Stopped { text, shots } => rounds_session::TurnEnd::Stopped {
                text: text.clone(),
                shots: self.shots(shots),
            },
            TurnEnd::Failed { text, message } => rounds_session::TurnEnd::Failed {
                text: text.clone(),
                message: message.clone(),
                shots: Vec::new(),
            },
        };
        let sources = Some(self.libraries.sources(setup));
        self.sessions
            .finish_turn(&turn, end, sources)
            .map_err(failed)
    }

    fn list(&mut self, words: &str, limit: usize) -> Result<Vec<SessionSummary>, JournalError> {
        if words.trim().is_empty() {
            let all = self.sessions.list(limit, 0).map_err(failed)?;
            let lines = all.into_iter().map(|s| SessionSummary {
                id: s.id.to_string(),
                title: s.title,
                when: readable_time(s.used),
                turns: s.turns as usize,
                snippet: None,
            });
            return Ok(lines.collect());
        }
        let mut out: Vec<SessionSummary> = Vec::new();
        for hit in self.sessions.search(words, limit).map_err(failed)? {
            let id = hit.session.to_string();
            if out.iter().all(|s| s.id != id) {
                let summary = self.sessions.summary(&hit.session).map_err(failed)?;
                out.push(SessionSummary {
                    id,
                    title: hit.title,
                    when: readable_time(hit.used),
                    turns: summary.turns as usize,
                    snippet: Some(hit.snippet.text),
                });
            }
        }
        Ok(out)
    }

    fn open(&mut self, id: &str) -> Result<SavedSession, JournalError> {
        let id = self.sessions.find(id).map_err(failed)?;
        let session = self.sessions.load(&id).map_err(failed)?;
        let turns = session.turns.iter();
        let turns = turns.map(|turn| self.saved_turn(&session, turn)).collect();
        Ok(SavedSession {
            id: id.to_string(),
            title: session.title.clone(),
            turns,
        })
    }

    fn rename(&mut self, id: &str, title: &str) -> Result<(), JournalError> {
        let id = self.sessions.find(id).map_err(failed)?;
        self.sessions.rename(&id, title).map_err(failed)
    }

    fn delete(&mut self, id: &str) -> Result<(), JournalError> {
        let id = self.sessions.find(id).map_err(failed)?;
        self.sessions.delete(&id).map(|_| ()).map_err(failed)
    }

    fn export(&mut self, id: &str, format: ExportFormat, path: &Path) -> Result<(), JournalError> {
        let id = self.sessions.find(id).map_err(failed)?;
        let format = match format {
            ExportFormat::Markdown => Format::Markdown,
            ExportFormat::Html => Format::Html,
            ExportFormat::Json => Format::Json,
        };
        self.sessions.export_to(&id, format, path).map_err(failed)
    }

    fn accept(&mut self) -> Result<(), JournalError> {
        let done = self
            .accepted
            .parent()
            .map_or(Ok(()), files::create_private_dir);
        done.and_then(|()| files::write_atomic(&self.accepted, b"accepted\n"))
            .map_err(|e| JournalError::new(e.to_string()))
    }
}

impl SessionJournal {
    /// Loads a saved image; `None` if it is damaged.
    fn load_image(&self, stored: &StoredImage) -> Option<Attached> {
        let bytes = self.sessions.image(stored).ok()?;
        let image = decode(&bytes, &stored.name).ok()?;
        Some(Attached {
            image: Arc::new(image),
            file: bytes.into(),
            path: None,
        })
    }

    fn saved_turn(&self, session: &Session, turn: &Turn) -> SavedTurn {
        let turn_id = |number: u32| {
            TurnId {
                session: session.id.clone(),
                number,
            }
            .to_string()
        };
        // A damaged image does not prevent opening the session.
        let (mut images, mut damaged) = (Vec::new(), Vec::new());
        for image in &turn.images {
            match self.load_image(image) {
                Some(attached) => images.push(attached),
                None => damaged.push(image.name.clone()),
            }
        }
        let shots = || turn.shots.iter().cloned().map(restored_shot).collect();
        SavedTurn {
            id: turn_id(turn.number),
            parent: turn.parent.map(turn_id),
            question: turn.question.clone(),
            images,
            damaged,
            subject: Subject {
                patient: turn.patient.clone(),
                study: turn.study.clone(),
            },
            settings: serde_json::from_value::<Settings>(turn.settings.clone()).unwrap_or_default(),
            end: match (&turn.answer, turn.state) {
                (Some(answer), _) => SavedEnd::Answered {
                    answer: answer.answer.clone(),
                    rationale: answer.rationale.clone(),
                    notices: answer.notices.clone(),
                    ranking: serde_json::from_value::<Vec<Ranked>>(answer.ranking.clone())
                        .unwrap_or_default()
                        .iter()
                        .map(Ranked::in_words)
                        .collect(),
                    shots: shots(),
                },
                (None, TurnState::Failed) => SavedEnd::Failed {
                    text: turn.text.clone(),
                    message: turn.message.clone().unwrap_or_default(),
                },
                (None, _) => SavedEnd::Stopped {
                    text: turn.text.clone(),
                    shots: shots(),
                },
            },
        }
    }
}
