//! The turns of a session as a tree: an edited or repeated question becomes a sibling of the old one, and nothing is
//! lost.
//!
//! Only this file knows the structure of the branches. A turn is never removed.

use std::time::Duration;

pub use crate::tui::journal::Finished;
use crate::tui::journal::{Attached, Outcome, SavedEnd, SavedSession, SavedTurn, Subject, TurnEnd};
use rounds_assistant::prompt::AnswerLayout;
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Influence, NOT_SURE, Settings, Setup};

use rounds_support::Failure;

/// Identifies a turn of this conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnId(pub usize);

/// The outcome of a question.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Asked; the text so far is in [`Turn::text`].
    Pending,
    Answered(Box<Finished>),
    Stopped,
    Failed(Failure),
}

/// One question and what came of it.
#[derive(Clone, Debug)]
pub struct Turn {
    pub parent: Option<TurnId>,
    pub question: String,
    pub images: Vec<Attached>,
    /// Names of stored images that could not be read back.
    pub damaged: Vec<String>,
    pub subject: Subject,
    pub settings: Settings,
    /// The setup that answers it; until it is asked, the wanted one.
    pub setup: Setup,
    /// Which opening of that setup answers it: what was opened anew may have changed. `None` for a reopened session.
    pub opening: Option<u64>,
    /// Shown with the question if its settings are special: `without shots`.
    pub label: Option<String>,
    pub shots: Vec<Shot>,
    pub asked: usize,
    pub dropped: usize,
    pub prompt: Option<String>,
    /// Streamed text, unprocessed.
    pub text: String,
    pub tokens: usize,
    pub first_token: Option<Duration>,
    pub last_token: Option<Duration>,
    pub reply: Reply,
    /// What each shot did to the answer, once that was asked.
    pub why: Option<Vec<Influence>>,
    /// Its id in the session store.
    pub stored: Option<String>,
}

impl Turn {
    /// A question that was not asked yet.
    pub fn new(
        parent: Option<TurnId>,
        question: String,
        images: Vec<Attached>,
        subject: Subject,
        settings: Settings,
    ) -> Self {
        Self {
            parent,
            question,
            images,
            damaged: Vec::new(),
            subject,
            settings,
            setup: Setup::default(),
            opening: None,
            label: None,
            shots: Vec::new(),
            asked: 0,
            dropped: 0,
            prompt: None,
            text: String::new(),
            tokens: 0,
            first_token: None,
            last_token: None,
            reply: Reply::Pending,
            why: None,
            stored: None,
        }
    }

    /// Whether both ask the same question about the same images of the same patient.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let hashes = |turn: &Self| -> Vec<String> {
            let images = turn.images.iter();
            images.map(|a| a.image.source.sha256.clone()).collect()
        };
        self.question == other.question
            && self.subject == other.subject
            && hashes(self) == hashes(other)
    }

    /// The streamed text with answer and rationale on separate lines. The marker that the prompt ended with is not in
    /// the stream, so it is put back in front.
    pub fn streamed(&self) -> String {
        let mut parts = AnswerLayout::default();
        parts.begin(self.lead());
        let shown = parts.push(&self.text);
        (shown + &parts.end()).trim().to_string()
    }

    /// The marker that the prompt ended with; empty if there is none.
    fn lead(&self) -> &str {
        let prompt = self.prompt.as_deref();
        let lead = prompt.and_then(|p| p.split_whitespace().next_back());
        lead.filter(|word| word.ends_with(':')).unwrap_or_default()
    }

    /// Errors if an image could not be read back: without it, it would be a different question.
    pub(super) fn check_images(&self) -> Result<(), Failure> {
        match self.damaged.first() {
            None => Ok(()),
            Some(name) => Err(
                Failure::usage(format!("the stored copy of {name} is damaged"))
                    .hint("attach the image again, then ask again"),
            ),
        }
    }

    /// How it ended, with what has come of it so far.
    pub fn ended(&self, outcome: Outcome) -> TurnEnd {
        TurnEnd {
            outcome,
            shots: self.shots.clone(),
            prompt: self.prompt.clone(),
        }
    }

    /// A stored turn after `parent`.
    fn restored(parent: Option<TurnId>, old: SavedTurn) -> Self {
        let mut turn = Self::new(parent, old.question, old.images, old.subject, old.settings);
        turn.stored = Some(old.id);
        turn.damaged = old.damaged;
        turn.setup = old.setup;
        turn.asked = match old.prompt {
            Some(_) => turn.settings.shots.max(old.shots.len()),
            None => old.shots.len(),
        };
        turn.shots = old.shots;
        turn.prompt = old.prompt;
        // Stored as it was shown, with the marker in front, which is not in the stream.
        let streamed = |text: String, lead: &str| match text.strip_prefix(lead) {
            Some(rest) => rest.to_string(),
            None => text,
        };
        turn.reply = match old.end {
            SavedEnd::Answered(answer) => Reply::Answered(answer),
            SavedEnd::Stopped { text } => {
                turn.text = streamed(text, turn.lead());
                Reply::Stopped
            }
            SavedEnd::Failed { text, message } => {
                turn.text = streamed(text, turn.lead());
                Reply::Failed(Failure::model(message))
            }
        };
        turn
    }

    /// The exact prompt, or why it cannot be shown.
    pub fn prompt_text(&self) -> &str {
        self.prompt.as_deref().unwrap_or(
            "The prompt of this answer is not available: an older version saved the session, or the question has not been asked yet.",
        )
    }

    /// The answer as text to copy, with its reservation.
    pub fn answer_text(&self) -> String {
        match &self.reply {
            Reply::Answered(done) => {
                let reservation = if done.is_unsure() { NOT_SURE } else { "" };
                let answer = format!("{reservation}{}", done.answer);
                match &done.rationale {
                    Some(rationale) => format!("{answer}\n\n{rationale}"),
                    None => answer,
                }
            }
            _ => self.streamed(),
        }
    }

    /// Tokens per second: of the finished answer, or of the stream so far.
    pub fn speed(&self) -> Option<f64> {
        if let Reply::Answered(done) = &self.reply {
            let seconds = done.decode_ms / 1000.0;
            return (seconds > 0.0).then(|| done.generated_tokens as f64 / seconds);
        }
        let span = self
            .last_token?
            .checked_sub(self.first_token?)?
            .as_secs_f64();
        (span > 0.05).then(|| self.tokens.saturating_sub(1) as f64 / span)
    }
}

/// All turns, and the visible branch.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    turns: Vec<Turn>,
    /// The last turn of the visible branch.
    leaf: Option<TurnId>,
}

impl Conversation {
    /// Adds a turn and shows its branch.
    pub fn add(&mut self, turn: Turn) -> TurnId {
        let id = TurnId(self.turns.len());
        self.turns.push(turn);
        self.leaf = Some(id);
        id
    }

    pub fn get(&self, id: TurnId) -> Option<&Turn> {
        self.turns.get(id.0)
    }

    pub fn get_mut(&mut self, id: TurnId) -> Option<&mut Turn> {
        self.turns.get_mut(id.0)
    }

    /// The number of turns on all branches.
    pub fn count(&self) -> usize {
        self.turns.len()
    }

    pub fn leaf(&self) -> Option<TurnId> {
        self.leaf
    }

    /// The turns of the visible branch, first to last.
    pub fn path(&self) -> Vec<TurnId> {
        let mut path = Vec::new();
        let mut at = self.leaf;
        while let Some(id) = at {
            path.push(id);
            at = self.get(id).and_then(|turn| turn.parent);
        }
        path.reverse();
        path
    }

    /// The turns with the same parent, this one included, in the order they were asked.
    pub fn siblings(&self, id: TurnId) -> Vec<TurnId> {
        let Some(parent) = self.get(id).map(|turn| turn.parent) else {
            return Vec::new();
        };
        let all = self.turns.iter().enumerate();
        all.filter(|(_, turn)| turn.parent == parent)
            .map(|(at, _)| TurnId(at))
            .collect()
    }

    /// Shows the branch of the sibling `step` positions later, down to its newest leaf. Returns that sibling.
    pub fn switch(&mut self, id: TurnId, step: isize) -> Option<TurnId> {
        let siblings = self.siblings(id);
        let here = siblings.iter().position(|s| *s == id)?;
        let next = *siblings.get(here.checked_add_signed(step)?)?;
        self.show(next);
        Some(next)
    }

    /// Shows the branch through `id`, down to its newest leaf.
    pub fn show(&mut self, id: TurnId) {
        let mut leaf = id;
        // A child always comes after its parent, so one pass finds the newest leaf.
        for (at, turn) in self.turns.iter().enumerate() {
            if turn.parent == Some(leaf) {
                let latest = self.turns.iter().rposition(|t| t.parent == Some(leaf));
                leaf = TurnId(latest.unwrap_or(at));
            }
        }
        self.leaf = Some(leaf);
    }

    /// Builds the conversation of a stored session.
    pub fn from_saved(saved: SavedSession) -> Self {
        let mut conversation = Self::default();
        let mut known: std::collections::HashMap<String, TurnId> = std::collections::HashMap::new();
        for old in saved.turns {
            let parent = old.parent.as_ref().and_then(|id| known.get(id).copied());
            let id = old.id.clone();
            known.insert(id, conversation.add(Turn::restored(parent, old)));
        }
        conversation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(parent: Option<TurnId>, question: &str) -> Turn {
        let (subject, settings) = Default::default();
        Turn::new(parent, question.into(), Vec::new(), subject, settings)
    }

    #[test]
    fn an_edited_question_is_a_branch_and_the_old_one_stays() {
        let mut conversation = Conversation::default();
        let a = conversation.add(turn(None, "a"));
        let b = conversation.add(turn(Some(a), "b"));
        let c = conversation.add(turn(Some(b), "c"));
        let edited = conversation.add(turn(Some(a), "b again"));
        assert_eq!(conversation.path(), [a, edited]);
        assert_eq!(conversation.siblings(edited), [b, edited]);
        assert_eq!(conversation.switch(edited, -1), Some(b));
        assert_eq!(conversation.path(), [a, b, c]);
        assert_eq!(conversation.switch(b, -1), None);
        assert_eq!(conversation.switch(b, 1), Some(edited));
    }

    #[test]
    fn a_stream_shows_answer_and_rationale_on_separate_lines() {
        let mut one = turn(None, "q");
        one.prompt = Some("<image>Question: q Rationale:".into());
        one.text = " I see it. Answer: yes".into();
        assert_eq!(one.streamed(), "Rationale: I see it.\nAnswer: yes");
        one.text = "  ".into();
        assert_eq!(one.streamed(), "");
    }

    #[test]
    fn speed_needs_time_to_have_passed() {
        let mut one = turn(None, "q");
        assert_eq!(one.speed(), None);
        one.first_token = Some(Duration::from_secs(1));
        one.last_token = Some(Duration::from_secs(2));
        one.tokens = 11;
        assert_eq!(one.speed(), Some(10.0));
    }
}
