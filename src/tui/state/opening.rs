//! Opening a model and an index. The previous ones stay in use until it is done.

use std::path::PathBuf;

use crate::tui::backend::EngineInfo;
use rounds_assistant::Setup;
use rounds_support::Failure;
use rounds_support::errors::count;

use super::activity::{Activity, Stage};
use super::command_table::Command;
use super::effect::Effect;
use super::engine::Opening;
use super::machine::State;

impl State {
    pub(super) fn open(&mut self, setup: Setup) {
        if let Some(opening) = self.engine.opening.take() {
            self.emit(Effect::CancelOpening { job: opening.job });
        }
        self.engine.jobs += 1;
        let job = self.engine.jobs;
        self.engine.error = None;
        self.engine.wanted = setup.clone();
        self.engine.opening = Some(Opening {
            job,
            setup: setup.clone(),
            since: self.now,
        });
        self.emit(Effect::Open { job, setup });
    }

    /// Opens another model; `None` is the shipped one.
    pub(super) fn open_model(&mut self, model: Option<PathBuf>) {
        let setup = Setup {
            model,
            ..self.engine.wanted.clone()
        };
        self.open(setup);
    }

    /// Opens another index; `None` is the shipped one.
    pub(super) fn open_index(&mut self, index: Option<PathBuf>) {
        let setup = Setup {
            index,
            ..self.engine.wanted.clone()
        };
        self.open(setup);
    }

    pub(super) fn on_opened(&mut self, job: u64, result: Result<EngineInfo, Failure>) {
        if self.engine.opening.as_ref().is_none_or(|o| o.job != job) {
            return;
        }
        let Some(opening) = self.engine.opening.take() else {
            return;
        };
        match result {
            Ok(about) => {
                let before = self.engine.ready.replace((opening.setup, about));
                self.engine.ready_job = job;
                let aside = self.switch_pins();
                self.announce_opened(before, aside);
                self.start_turn_if_ready();
            }
            Err(error) => {
                self.restore_previous_setup();
                self.show_error(error.clone());
                self.give_back_command(&[Command::Index, Command::Model]);
                self.engine.error = Some(error.clone());
                if let Activity::Turn {
                    turn,
                    stage: Stage::Waiting,
                } = self.activity
                    && !self.engine.is_ready()
                {
                    self.on_failed(turn, error);
                } else {
                    self.start_turn_if_ready();
                }
            }
        }
    }

    /// Takes the pins of the index that was opened, also for questions that waited for it. Returns what was set aside.
    fn switch_pins(&mut self) -> Option<String> {
        let index = self.engine.setup().index;
        let before = (self.settings.pinned.clone(), self.settings.excluded.clone());
        let aside = self.pins.switch(index, &mut self.settings);
        for turn in self.waiting_turns() {
            if let Some(turn) = self.conversation.get_mut(turn)
                && (&turn.settings.pinned, &turn.settings.excluded) == (&before.0, &before.1)
            {
                turn.settings.pinned.clone_from(&self.settings.pinned);
                turn.settings.excluded.clone_from(&self.settings.excluded);
            }
        }
        aside
    }

    /// Says what was opened in place of something else. The first opening needs no word, nor does a reload.
    fn announce_opened(&mut self, before: Option<(Setup, EngineInfo)>, aside: Option<String>) {
        let (Some((old, was)), Some((new, now))) = (before, &self.engine.ready) else {
            return;
        };
        // Line mode prints a line of its own.
        let opened = match (old.index == new.index, old.model == new.model) {
            _ if self.linear => None,
            (false, _) => Some(format!(
                "index {} is open, with {}; the next question uses it",
                now.index,
                count(now.examples, "example")
            )),
            (true, false) => Some(format!("model {} is open", now.model)),
            (true, true) => None,
        };
        let aside = aside.map(|pins| {
            format!(
                "the {pins} of index {} wait until it is open again",
                was.index
            )
        });
        let words: Vec<String> = opened.into_iter().chain(aside).collect();
        if !words.is_empty() {
            self.notify(words.join("; "));
        }
    }

    /// Cancels an opening; true if there was one.
    pub(super) fn cancel_opening(&mut self) -> bool {
        let Some(opening) = self.engine.opening.take() else {
            return false;
        };
        self.emit(Effect::CancelOpening { job: opening.job });
        self.restore_previous_setup();
        if self.engine.is_ready() {
            self.notify("opening cancelled; the previous one stays open");
        } else {
            self.engine.error = Some(
                Failure::usage("no model is open")
                    .hint("/model shipped opens the shipped one, /model PATH another"),
            );
        }
        true
    }

    fn restore_previous_setup(&mut self) {
        if let Some((setup, _)) = &self.engine.ready {
            self.engine.wanted = setup.clone();
        }
    }
}
