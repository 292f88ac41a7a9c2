//! Text pages about the conversation and the program: a window on the full screen, a list in line mode.

use crate::tui::backend::label;
use crate::tui::journal::Attached;
use rounds_assistant::INTENDED_USE;
use rounds_scan::identity;
use rounds_support::errors::bytes;

use super::activity::Activity;
use super::conversation::{Reply, Turn, TurnId};
use super::machine::State;
use super::page::Page;
use super::regenerate::describe_shots;

impl State {
    /// The lines of a page.
    pub fn page_lines(&self, page: Page) -> Vec<String> {
        match page {
            Page::Shots => self.shot_lines(),
            Page::Why => self.why_lines(),
            Page::Turns => {
                let path = self.conversation.path();
                self.turn_lines(&path, self.turn(), "selected")
            }
            Page::Branches => {
                let branching = self.branching();
                let siblings = branching.map(|id| self.conversation.siblings(id));
                self.turn_lines(&siblings.unwrap_or_default(), branching, "shown")
            }
            Page::Question => {
                let turn = self.turn().and_then(|id| self.conversation.get(id));
                let question = turn.map(|turn| turn.question.clone());
                question.into_iter().collect()
            }
            Page::Status => self.status_lines(),
            Page::Problems => self.problem_lines(),
            Page::Background => self.background_lines(),
            Page::Reference => self.reference_lines(),
        }
    }

    fn shot_lines(&self) -> Vec<String> {
        let shots = self.shot_list();
        if shots.is_empty() {
            return vec!["this answer has no shots".into()];
        }
        let line = |(at, shot): (usize, &&rounds_assistant::retrieval::Shot)| {
            let note = match (
                self.pin_place(&shot.example.id),
                self.is_excluded(&shot.example.id),
            ) {
                (Some(place), _) => format!("  pinned {}", place + 1),
                (None, true) => "  excluded".into(),
                (None, false) => String::new(),
            };
            format!("{}. {}{note}", at + 1, shot.in_words())
        };
        shots.iter().enumerate().map(line).collect()
    }

    fn turn_lines(&self, turns: &[TurnId], marked: Option<TurnId>, mark: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, id) in turns.iter().enumerate() {
            let Some(turn) = self.conversation.get(*id) else {
                continue;
            };
            let mut notes: Vec<String> = turn.label.iter().cloned().collect();
            let siblings = self.conversation.siblings(*id);
            if mark == "selected" && siblings.len() > 1 {
                let place = siblings.iter().position(|s| s == id).unwrap_or(0);
                notes.push(format!("branch {} of {}", place + 1, siblings.len()));
            }
            notes.extend(turn.images.iter().map(|a| a.image.source.name.clone()));
            if marked == Some(*id) {
                notes.push(mark.into());
            }
            let notes = match notes.is_empty() {
                true => String::new(),
                false => format!("  ({})", notes.join(", ")),
            };
            lines.push(format!("{}. {}{notes}", number + 1, turn.question));
            lines.push(format!("   {}", outcome(turn)));
        }
        lines
    }

    fn status_lines(&self) -> Vec<String> {
        let mut lines = vec![format!("now: {}", self.doing())];
        if let Some(about) = self.engine.about() {
            // What `auto` resolved to is known only after the first answer.
            lines.push(format!("model: {}", about.model));
            lines.push(format!("device: {}", about.device));
            lines.push(format!("index: {}", about.index));
        }
        let setup = self.engine.setup();
        if setup.encoder.is_some() {
            lines.push(format!("encoder: {}", label(setup.encoder.as_deref())));
        }
        lines.push(format!("search: {}", setup.search.name()));
        lines.push(format!("shots: {}", describe_shots(&self.settings)));
        lines.extend(self.other_settings());
        let names: Vec<&str> = self.case.images.iter().map(name).collect();
        lines.push(match names.is_empty() {
            true => "attached: nothing".into(),
            false => format!("attached: {}", names.join(", ")),
        });
        let subject = [
            ("patient", &self.case.subject.patient),
            ("study", &self.case.subject.study),
        ];
        for (what, id) in subject {
            // What scans state about themselves are only codes.
            let name = id.as_deref().map(|id| identity::split(id).1);
            let name = name.filter(|name| !name.is_empty());
            lines.extend(name.map(|name| format!("{what}: {name}")));
        }
        if let Some((used, of)) = self.context() {
            let of = of.map_or(String::new(), |of| format!(" of {of}"));
            lines.push(format!("context: {used}{of} tokens"));
        }
        if let Some(memory) = self.memory {
            lines.push(format!("memory: {}", bytes(memory)));
        }
        lines.push(match self.session.id() {
            Some(id) => format!("session: {} ({id})", self.session.title()),
            None => "no session yet".into(),
        });
        lines.push(format!("use: {INTENDED_USE}"));
        lines
    }

    fn doing(&self) -> String {
        match (self.activity, self.engine.opening()) {
            (Activity::Turn { stage, .. }, _) => stage.words().into(),
            (Activity::Idle, Some((what, _))) => format!("opening {what}"),
            (Activity::Idle, None) if self.engine.is_ready() => "ready".into(),
            (Activity::Idle, None) => "no model is open".into(),
        }
    }

    /// Tokens used by the selected answer, and the size of the context.
    pub fn context(&self) -> Option<(usize, Option<usize>)> {
        let turn = self.turn().and_then(|id| self.conversation.get(id))?;
        let Reply::Answered(done) = &turn.reply else {
            return None;
        };
        let used = done.prompt_tokens + done.generated_tokens;
        let of = self.engine.about().and_then(|about| about.context);
        (done.prompt_tokens > 0).then_some((used, of))
    }
}

fn name(attached: &Attached) -> &str {
    &attached.image.source.name
}

/// The outcome of a question, on one line.
fn outcome(turn: &Turn) -> String {
    match &turn.reply {
        Reply::Pending => "(not answered yet)".into(),
        Reply::Answered(done) if done.answer.is_empty() => done.no_answer().into(),
        Reply::Answered(done) => {
            let label = match done.is_unsure() {
                true => "Answer (not sure)",
                false => "Answer",
            };
            format!("{label}: {}", done.answer.replace('\n', " "))
        }
        Reply::Stopped => format!("[stopped] {}", turn.streamed().replace('\n', " ")),
        Reply::Failed(error) => format!("error: {}", error.message),
    }
}
