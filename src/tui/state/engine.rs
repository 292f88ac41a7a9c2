//! Opening a model and an index: a background job that can be cancelled. The previous ones stay in use until it is
//! done.

use std::path::PathBuf;
use std::time::Duration;

use crate::tui::backend::{EngineInfo, label};
use rounds_assistant::Setup;

use super::State;
use super::answering::{Activity, Stage};
use super::effect::Effect;
use super::user_error::UserError;

/// The model and index in use, and the one being opened.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The setup in use, and what it opened.
    ready: Option<(Setup, EngineInfo)>,
    opening: Option<Opening>,
    /// Why the last opening failed.
    pub error: Option<UserError>,
    wanted: Setup,
    jobs: u64,
}

#[derive(Clone, Debug)]
struct Opening {
    job: u64,
    setup: Setup,
    since: Duration,
}

impl Engine {
    /// Nothing is open yet.
    pub fn new(wanted: Setup) -> Self {
        Self {
            ready: None,
            opening: None,
            error: None,
            wanted,
            jobs: 0,
        }
    }

    pub fn is_ready(&self) -> bool {
        self.ready.is_some()
    }

    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// What is in use.
    pub fn about(&self) -> Option<&EngineInfo> {
        self.ready.as_ref().map(|(_, about)| about)
    }

    /// Names of model and index: those in use, or else those being opened.
    pub fn names(&self) -> (String, String) {
        match self.about() {
            Some(about) => (about.model.clone(), about.index.clone()),
            None => (
                label(self.wanted.model.as_deref()),
                label(self.wanted.index.as_deref()),
            ),
        }
    }

    /// The index in use or being opened; `None` is the built-in one.
    pub fn wanted_index(&self) -> Option<&std::path::Path> {
        self.wanted.index.as_deref()
    }

    /// The setup for a question: the one in use, or the wanted one while opening.
    pub fn setup(&self) -> Setup {
        let (wanted, opening) = (&self.wanted, self.is_opening());
        let ready = self.ready.as_ref().filter(|_| !opening);
        ready.map_or(wanted, |(setup, _)| setup).clone()
    }

    /// The device as it was asked for.
    pub fn device(&self) -> String {
        self.wanted.device.clone()
    }

    /// What is being opened, and since when.
    pub fn opening(&self) -> Option<(String, Duration)> {
        let opening = self.opening.as_ref()?;
        let (model, index) = (&opening.setup.model, &opening.setup.index);
        let same_model = self
            .ready
            .as_ref()
            .is_some_and(|(ready, _)| ready.model == *model);
        let same_index = self
            .ready
            .as_ref()
            .map_or(index.is_none(), |(ready, _)| ready.index == *index);
        let words = match (same_model, same_index) {
            (true, false) => format!("index {}", label(index.as_deref())),
            (false, false) => format!(
                "model {}, index {}",
                label(model.as_deref()),
                label(index.as_deref())
            ),
            (_, true) => format!("model {}", label(model.as_deref())),
        };
        Some((words, opening.since))
    }
}

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

    /// Opens another model; `None` is the built-in one.
    pub(super) fn open_model(&mut self, model: Option<PathBuf>) {
        let setup = Setup {
            model,
            ..self.engine.wanted.clone()
        };
        self.open(setup);
    }

    /// Opens another index; `None` is the built-in one.
    pub(super) fn open_index(&mut self, index: Option<PathBuf>) {
        let setup = Setup {
            index,
            ..self.engine.wanted.clone()
        };
        self.open(setup);
    }

    pub(super) fn on_opened(&mut self, job: u64, result: Result<EngineInfo, UserError>) {
        if self.engine.opening.as_ref().is_none_or(|o| o.job != job) {
            return;
        }
        let Some(opening) = self.engine.opening.take() else {
            return;
        };
        match result {
            Ok(about) => {
                self.engine.ready = Some((opening.setup, about));
                self.start_turn_if_ready();
            }
            Err(error) => {
                self.restore_previous_setup();
                self.show_error(error.clone());
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
                UserError::new("no model is open")
                    .hint("/model opens the built-in one, /model PATH another"),
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
