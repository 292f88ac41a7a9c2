//! Printing of questions, shots, answers and comparisons.

use super::line_ui::{LineUi, StateBefore};
use super::messages;
use crate::tui::state::{
    Activity, Event, Page, Reply, Stage, Turn, TurnId, describe_shots, opposites, same_answer,
};
use rounds_assistant::prompt::AnswerLayout;
use rounds_assistant::retrieval::shots_heading;

/// The kind of an event, as far as printing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Line,
    Retrieved(TurnId),
    Attached { before: usize },
    SessionOpened { ok: bool },
    Other,
}

impl LineUi {
    /// Looks at an event before the state handles it; streamed text is printed at once.
    pub(super) fn observe(&mut self, event: &Event) -> EventKind {
        match event {
            Event::Line(_) => return EventKind::Line,
            Event::Retrieved { turn, .. } if self.is_streamed(*turn) => {
                return EventKind::Retrieved(*turn);
            }
            Event::Attached { .. } => {
                let before = self.state.case.images.len();
                return EventKind::Attached { before };
            }
            Event::SessionOpened(result) => {
                let ok = result.is_ok();
                return EventKind::SessionOpened { ok };
            }
            Event::Prompt { turn, text } if self.is_streamed(*turn) => self.parts.begin(text),
            Event::Token { turn, text } if self.is_streamed(*turn) => {
                let text = self.parts.push(text);
                self.print(&text);
            }
            _ => {}
        }
        EventKind::Other
    }

    /// Whether a turn is running, is not being stopped, and is printed as it streams.
    fn is_streamed(&self, turn: TurnId) -> bool {
        let runs = matches!(self.state.activity, Activity::Turn { turn: running, stage } if running == turn && stage != Stage::Stopping);
        runs && !self.is_compared(turn)
    }

    fn is_compared(&self, turn: TurnId) -> bool {
        self.comparing.is_some_and(|(_, right)| right == turn)
    }

    /// Turns that ended or started.
    pub(super) fn print_turns(&mut self, kind: EventKind, before: &StateBefore) {
        let running = self.running();
        if let Some(turn) = before.running
            && running != Some(turn)
        {
            self.print_turn_end(turn);
        }
        if kind == EventKind::Line {
            // Turns that failed at once and never ran.
            for turn in (before.turns..self.state.conversation.count()).map(TurnId) {
                if running != Some(turn) {
                    self.print_turn_start(turn);
                    self.print_turn_end(turn);
                }
            }
        }
        if let Some(turn) = running
            && before.running != running
        {
            self.print_turn_start(turn);
        }
        if let EventKind::Retrieved(turn) = kind {
            self.print_shots(turn);
        }
    }

    fn print_turn_start(&mut self, id: TurnId) {
        self.parts = AnswerLayout::default();
        let Some(turn) = self.state.conversation.get(id) else {
            return;
        };
        let label = turn.label.as_ref();
        let label = label.map_or(String::new(), |label| format!(" ({label})"));
        let question = format!("Question{label}: {}", turn.question);
        if self.is_compared(id) {
            self.print_line(&format!("asking again{label}"));
        } else if self.asked_by_command || !self.is_terminal {
            self.print_line(&question);
        }
        if self.state.engine.is_opening() {
            self.print_line("waiting for the model");
        }
    }

    fn print_shots(&mut self, id: TurnId) {
        let Some(turn) = self.state.conversation.get(id) else {
            return;
        };
        let count = turn.shots.len();
        let strategy = turn.settings.strategy;
        let heading = shots_heading(strategy, count, turn.asked, turn.dropped);
        self.print_line(&heading);
        if count > 0 {
            for line in self.state.page_lines(Page::Shots) {
                self.print_line(&format!("  {line}"));
            }
        }
    }

    fn print_turn_end(&mut self, id: TurnId) {
        let rest = self.parts.end();
        if self.is_compared(id) {
            return;
        }
        self.print(&rest);
        self.end_line();
        let Some(turn) = self.state.conversation.get(id).cloned() else {
            return;
        };
        match &turn.reply {
            Reply::Answered(done) => {
                let not_streamed = turn.text.trim().is_empty();
                let mut lines = match not_streamed {
                    true => messages::answer(done),
                    false => messages::missing(done),
                };
                lines.extend(done.ranking.iter().map(|ranked| format!("  {ranked}")));
                let always = done.about_model.as_ref().filter(|_| turn.parent.is_none());
                let notices = done.notices.iter().chain(always);
                lines.extend(notices.map(|notice| format!("note: {notice}")));
                lines.push(messages::footer(done));
                lines.iter().for_each(|line| self.print_line(line));
            }
            Reply::Stopped => self.print_line("[stopped]"),
            Reply::Failed(error) => self.print_error(error),
            Reply::Pending => {}
        }
    }

    /// Both answers of a comparison, one after the other, once they are complete.
    pub(super) fn print_comparison(&mut self) {
        let Some((left, right)) = self.comparing else {
            return;
        };
        let turn = |id| self.state.conversation.get(id).cloned();
        let (Some(one), Some(two)) = (turn(left), turn(right)) else {
            self.comparing = None;
            return;
        };
        // A stopped turn is still running until the model confirms it.
        let pending = |turn: &Turn| matches!(turn.reply, Reply::Pending);
        let runs = self.running().is_some_and(|id| id == left || id == right);
        if pending(&one) || pending(&two) || runs {
            return;
        }
        self.comparing = None;
        self.print_line(&format!("Two answers to: {}", one.question));
        self.print_side(1, &one);
        self.print_side(2, &two);
        match same_answer(&one, &two) {
            Some(true) => self.print_line("the same answer"),
            Some(false) => self.print_line("different answers"),
            None => self.print_line("no two answers to compare"),
        }
        for opposed in opposites(&one, &two) {
            self.print_line(&format!("! {opposed}"));
        }
        self.print_line("both answers are kept; /branches lists them");
    }

    fn print_side(&mut self, number: usize, turn: &Turn) {
        let unlabelled = match turn.shots.is_empty() {
            true => "first answer",
            false => "with shots",
        };
        let label = turn.label.as_deref().unwrap_or(unlabelled);
        self.print_line(&format!(
            "{number}. {label} ({})",
            describe_shots(&turn.settings)
        ));
        match &turn.reply {
            Reply::Answered(done) => {
                let ranking = done.ranking.iter().map(|ranked| format!("  {ranked}"));
                let notices = done.notices.iter().map(|notice| format!("note: {notice}"));
                for line in messages::answer(done)
                    .into_iter()
                    .chain(ranking)
                    .chain(notices)
                {
                    self.print_line(&format!("   {line}"));
                }
            }
            Reply::Failed(error) => self.print_error(error),
            _ => {
                for line in turn.streamed().lines() {
                    self.print_line(&format!("   {line}"));
                }
                self.print_line("   [stopped]");
            }
        }
        let shots: Vec<&str> = turn.shots.iter().map(|s| s.example.id.as_str()).collect();
        if !shots.is_empty() {
            self.print_line(&format!("   shots: {}", shots.join(", ")));
        }
    }
}
