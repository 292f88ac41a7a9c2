//! Problems to study: a vignette, laboratory values, images and a question. Opening one never sends the question.

use crate::tui::journal::Attached;
use rounds_assistant::Background;
use rounds_support::Failure;

use super::command_table::Command;
use super::effect::Effect;
use super::focus::Focus;
use super::machine::State;
use super::overlay::Overlay;
use super::page::Page;

/// A problem that ships, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemName {
    pub id: String,
    /// Its subject and question on one line, which do not give the answer away.
    pub words: String,
}

/// A problem that was read.
#[derive(Clone, Debug)]
pub struct OpenedProblem {
    pub id: String,
    pub background: Background,
    pub images: Vec<Attached>,
    pub question: String,
    /// The reference answer with its rationale.
    pub reference: String,
}

impl State {
    pub(super) fn problem_argument(&mut self, typed: &str) {
        match typed {
            "" if self.linear || self.problems.is_empty() => self.show_page(Page::Problems),
            "" => self.overlay = Some(Overlay::Problems { selected: 0 }),
            "off" => {
                self.case.leave_problem();
                self.notify("the next question has no vignette and no laboratory values");
            }
            "answer" if self.case.reference.is_empty() => {
                let none = Failure::usage("no problem is open, so there is no reference answer");
                self.show_error(none.hint("/problem lists the problems"));
            }
            "answer" => self.show_page(Page::Reference),
            name => self.open_problem(name.to_string()),
        }
    }

    pub(super) fn open_problem(&mut self, name: String) {
        self.case.opening_problems += 1;
        self.emit(Effect::OpenProblem(name));
    }

    pub(super) fn on_problem(&mut self, result: Result<OpenedProblem, Failure>) {
        self.case.opening_problems = self.case.opening_problems.saturating_sub(1);
        let problem = match result {
            Ok(problem) => problem,
            Err(error) => {
                self.show_error(error);
                return match self.case.question.take() {
                    Some(next) => self.give_back(&next.line),
                    None => self.give_back_command(&[Command::Problem]),
                };
            }
        };
        self.case.images = problem.images;
        self.case.subject.background = problem.background;
        self.case.reference = problem.reference;
        self.image_pane.fit(self.case.images.len());
        self.selection.clear();
        if self.linear {
            self.case.suggested = problem.question;
            return self.show_page(Page::Background);
        }
        self.show_pane(Focus::Conversation);
        if self.case.question.is_some() {
            // The user's own question waited for the case.
            return self.ask_if_complete();
        }
        self.composer.suggest(&problem.question);
        self.notify(format!(
            "problem {}: Enter asks its question; /problem answer shows the reference answer",
            problem.id
        ));
    }

    pub(super) fn reference_lines(&self) -> Vec<String> {
        self.case.reference.lines().map(str::to_string).collect()
    }

    pub(super) fn problem_lines(&self) -> Vec<String> {
        if self.problems.is_empty() {
            return vec!["no problems ship with this program; /problem FILE#ID opens one".into()];
        }
        let line = |problem: &ProblemName| format!("{}: {}", problem.id, problem.words);
        self.problems.iter().map(line).collect()
    }

    /// The vignette, the laboratory table and, in line mode, the question of a problem.
    pub(super) fn background_lines(&self) -> Vec<String> {
        let background = &self.case.subject.background;
        let mut lines: Vec<String> = background.vignette.lines().map(str::to_string).collect();
        if !background.labs.is_empty() {
            lines.extend(
                background
                    .table()
                    .into_iter()
                    .map(|row| format!("  {}", row.text)),
            );
        }
        if !self.case.suggested.is_empty() {
            lines.push(format!("Question: {}", self.case.suggested));
        }
        lines
    }
}
