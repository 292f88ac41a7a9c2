//! What is said of questions and answers as they go on.

use super::face::{Before, Face};
use super::words;
use crate::tui::state::{Activity, Event, Page, Reply, Stage, Turn, TurnId, how, same_answer};
use rounds_assistant::INTENDED_USE;
use rounds_assistant::prompt::Parts;
use rounds_assistant::retrieval::{Strategy, shots_in_words};

/// What sort of event was heard, as far as it matters for what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Line,
    Retrieved(TurnId),
    Attached { before: usize },
    SessionOpened { well: bool },
    Other,
}

impl Face {
    /// Looks at an event before the state takes it: streamed text is said at once.
    pub(super) fn hear(&mut self, event: &Event) -> Kind {
        match event {
            Event::Line(_) => return Kind::Line,
            Event::Retrieved { turn, .. } if self.is_heard(*turn) => {
                return Kind::Retrieved(*turn);
            }
            Event::Attached { .. } => {
                let before = self.state.attached.len();
                return Kind::Attached { before };
            }
            Event::SessionOpened(result) => {
                let well = result.is_ok();
                return Kind::SessionOpened { well };
            }
            Event::Prompt { turn, text } if self.is_heard(*turn) => self.parts.begin(text),
            Event::Token { turn, text } if self.is_heard(*turn) => {
                let shown = self.parts.push(text);
                self.put(&shown);
            }
            _ => {}
        }
        Kind::Other
    }

    /// Whether a turn runs, was not stopped, and is said while it comes.
    fn is_heard(&self, turn: TurnId) -> bool {
        let runs = matches!(self.state.activity, Activity::Turn { turn: running, stage } if running == turn && stage != Stage::Stopping);
        runs && !self.is_compared(turn)
    }

    fn is_compared(&self, turn: TurnId) -> bool {
        self.comparing.is_some_and(|(_, right)| right == turn)
    }

    /// The ends and beginnings of turns.
    pub(super) fn say_turns(&mut self, kind: Kind, before: &Before) {
        let running = self.running();
        if let Some(turn) = before.running
            && running != Some(turn)
        {
            self.say_end(turn);
        }
        if kind == Kind::Line {
            // Turns that failed before they began.
            for turn in (before.turns..self.state.talk.count()).map(TurnId) {
                if running != Some(turn) {
                    self.say_begin(turn);
                    self.say_end(turn);
                }
            }
        }
        if let Some(turn) = running
            && before.running != running
        {
            self.say_begin(turn);
        }
        if let Kind::Retrieved(turn) = kind {
            self.say_shots(turn);
        }
    }

    fn say_begin(&mut self, id: TurnId) {
        self.parts = Parts::default();
        let Some(turn) = self.state.talk.get(id) else {
            return;
        };
        let label = turn.label.as_ref();
        let label = label.map_or(String::new(), |label| format!(" ({label})"));
        let question = format!("Question{label}: {}", turn.question);
        if self.is_compared(id) {
            self.say(&format!("asking again{label}"));
        } else if self.by_command || !self.terminal {
            self.say(&question);
        }
        if self.state.engine.is_opening() {
            self.say("waiting for the model");
        }
    }

    fn say_shots(&mut self, id: TurnId) {
        let Some(turn) = self.state.talk.get(id) else {
            return;
        };
        let (count, asked, dropped) = (turn.shots.len(), turn.asked, turn.dropped);
        if turn.settings.strategy == Strategy::None || asked.max(count) == 0 {
            return self.say("no shots");
        }
        let dropped = match dropped {
            0 => String::new(),
            some => format!(" ({some} more did not fit into the prompt)"),
        };
        self.say(&format!("{}{dropped}:", shots_in_words(count, asked)));
        if count > 0 {
            for line in self.state.lines_of(Page::Shots) {
                self.say(&format!("  {line}"));
            }
        }
    }

    fn say_end(&mut self, id: TurnId) {
        let rest = self.parts.end();
        if self.is_compared(id) {
            return;
        }
        self.put(&rest);
        self.end_line();
        let Some(turn) = self.state.talk.get(id).cloned() else {
            return;
        };
        match &turn.reply {
            Reply::Answered(done) => {
                let unseen = turn.text.trim().is_empty();
                let mut lines = match unseen {
                    true => words::answer(done),
                    false if done.rationale.is_none() => vec![words::NO_RATIONALE.into()],
                    false => Vec::new(),
                };
                lines.extend(done.ranking.iter().map(|ranked| format!("  {ranked}")));
                lines.extend(done.notices.iter().map(|notice| format!("note: {notice}")));
                lines.push(words::foot(done));
                lines.iter().for_each(|line| self.say(line));
            }
            Reply::Stopped => self.say(&format!("[stopped] {INTENDED_USE}")),
            Reply::Failed(trouble) => self.complain(trouble),
            Reply::Coming => {}
        }
    }

    /// Both answers, one after the other, once they are there.
    pub(super) fn say_comparison(&mut self) {
        let Some((left, right)) = self.comparing else {
            return;
        };
        let turn = |id| self.state.talk.get(id).cloned();
        let (Some(one), Some(two)) = (turn(left), turn(right)) else {
            self.comparing = None;
            return;
        };
        // One that was stopped is still under way until the model has said so.
        let coming = |turn: &Turn| matches!(turn.reply, Reply::Coming);
        let runs = self.running().is_some_and(|id| id == left || id == right);
        if coming(&one) || coming(&two) || runs {
            return;
        }
        self.comparing = None;
        self.say(&format!("Two answers to: {}", one.question));
        self.say_side(1, &one);
        self.say_side(2, &two);
        match same_answer(&one, &two) {
            Some(true) => self.say("the same answer"),
            Some(false) => self.say("different answers"),
            None => {}
        }
        self.say("both stay; /branches lists them");
        self.say(INTENDED_USE);
    }

    fn say_side(&mut self, number: usize, turn: &Turn) {
        let label = turn.label.as_deref().unwrap_or("as it was asked");
        self.say(&format!("{number}. {label} ({})", how(&turn.settings)));
        match &turn.reply {
            Reply::Answered(done) => {
                let ranking = done.ranking.iter().map(|ranked| format!("  {ranked}"));
                let notices = done.notices.iter().map(|notice| format!("note: {notice}"));
                for line in words::answer(done)
                    .into_iter()
                    .chain(ranking)
                    .chain(notices)
                {
                    self.say(&format!("   {line}"));
                }
            }
            Reply::Failed(trouble) => self.complain(trouble),
            _ => {
                for line in turn.streamed().lines() {
                    self.say(&format!("   {line}"));
                }
                self.say("   [stopped]");
            }
        }
        let shots: Vec<&str> = turn.shots.iter().map(|s| s.example.id.as_str()).collect();
        if !shots.is_empty() {
            self.say(&format!("   shots: {}", shots.join(", ")));
        }
    }
}
