//! A journal in memory only: for tests, and for users who do not want sessions saved.

use std::path::Path;

use super::journal::{
    ExportFormat, Journal, JournalError, NewTurn, SavedEnd, SavedSession, SavedTurn,
    SessionSummary, TurnEnd,
};
use rounds_assistant::{INTENDED_USE, Ranked, Setup};

/// Sessions in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    sessions: Vec<SavedSession>,
    turns: usize,
}

fn unknown(id: &str) -> JournalError {
    JournalError::new(format!("there is no session {id}"))
}

impl MemoryJournal {
    fn turn(&mut self, id: &str) -> Result<&mut SavedTurn, JournalError> {
        let mut turns = self.sessions.iter_mut().flat_map(|s| s.turns.iter_mut());
        turns
            .find(|turn| turn.id == id)
            .ok_or_else(|| JournalError::new(format!("there is no turn {id}")))
    }

    fn session(&mut self, id: &str) -> Result<&mut SavedSession, JournalError> {
        self.sessions
            .iter_mut()
            .find(|s| s.id.starts_with(id))
            .ok_or_else(|| unknown(id))
    }
}

impl Journal for MemoryJournal {
    fn create(&mut self, title: &str, _model: &str, _index: &str) -> Result<String, JournalError> {
        let id = format!("s{}", self.sessions.len() + 1);
        self.sessions.push(SavedSession {
            id: id.clone(),
            title: title.to_string(),
            turns: Vec::new(),
        });
        Ok(id)
    }

    fn begin_turn(&mut self, session: &str, turn: &NewTurn) -> Result<String, JournalError> {
        self.turns += 1;
        let id = format!("t{}", self.turns);
        let saved = SavedTurn {
            id: id.clone(),
            parent: turn.parent.clone(),
            question: turn.question.clone(),
            images: turn.images.clone(),
            damaged: Vec::new(),
            subject: turn.subject.clone(),
            settings: turn.settings.clone(),
            end: SavedEnd::Stopped {
                text: String::new(),
                shots: Vec::new(),
            },
        };
        self.session(session)?.turns.push(saved);
        Ok(id)
    }

    fn append_partial(&mut self, turn: &str, text: &str) -> Result<(), JournalError> {
        self.turn(turn)?.end = SavedEnd::Stopped {
            text: text.to_string(),
            shots: Vec::new(),
        };
        Ok(())
    }

    fn finish_turn(&mut self, turn: &str, end: &TurnEnd, _: &Setup) -> Result<(), JournalError> {
        self.turn(turn)?.end = match end {
            TurnEnd::Answered(answer) => SavedEnd::Answered {
                answer: answer.answer.clone(),
                rationale: answer.rationale.clone(),
                notices: answer.notices.clone(),
                ranking: answer.ranking.iter().map(Ranked::in_words).collect(),
                shots: answer.shots.clone(),
            },
            TurnEnd::Stopped { text, shots } => SavedEnd::Stopped {
                text: text.clone(),
                shots: shots.clone(),
            },
            TurnEnd::Failed { text, message } => SavedEnd::Failed {
                text: text.clone(),
                message: message.clone(),
            },
        };
        Ok(())
    }

    fn list(&mut self, words: &str, limit: usize) -> Result<Vec<SessionSummary>, JournalError> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let fits = |session: &&SavedSession| {
            let questions = session.turns.iter().map(|turn| turn.question.as_str());
            let text = questions
                .chain([session.title.as_str()])
                .collect::<Vec<_>>()
                .join("\n")
                .to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        let found = self.sessions.iter().rev().filter(fits).take(limit);
        Ok(found
            .map(|session| SessionSummary {
                id: session.id.clone(),
                title: session.title.clone(),
                when: "now".into(),
                turns: session.turns.len(),
                snippet: None,
            })
            .collect())
    }

    fn open(&mut self, id: &str) -> Result<SavedSession, JournalError> {
        self.session(id).cloned()
    }

    fn rename(&mut self, id: &str, title: &str) -> Result<(), JournalError> {
        self.session(id)?.title = title.to_string();
        Ok(())
    }

    fn delete(&mut self, id: &str) -> Result<(), JournalError> {
        let before = self.sessions.len();
        self.sessions.retain(|session| session.id != id);
        if self.sessions.len() == before {
            Err(unknown(id))
        } else {
            Ok(())
        }
    }

    fn export(&mut self, id: &str, _format: ExportFormat, path: &Path) -> Result<(), JournalError> {
        let session = self.session(id)?;
        let mut text = format!("{}\n{INTENDED_USE}\n", session.title);
        for turn in &session.turns {
            text.push_str(&format!("\nQ: {}\n", turn.question));
            if let SavedEnd::Answered { answer, .. } = &turn.end {
                text.push_str(&format!("A: {answer}\n"));
            }
        }
        rounds_support::files::write_atomic(path, text.as_bytes())
            .map_err(|error| JournalError::new(error.to_string()))
    }

    fn accept(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}
