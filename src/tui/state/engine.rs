//! Opening a model and an index: a background job that can be cancelled. The previous ones stay in use until it is
//! done.

use std::time::Duration;

use crate::tui::backend::{EngineInfo, label};
use rounds_assistant::Setup;

use rounds_support::Failure;

/// The model and index in use, and the one being opened.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The setup in use, and what it opened.
    pub(super) ready: Option<(Setup, EngineInfo)>,
    pub(super) opening: Option<Opening>,
    /// Why the last opening failed.
    pub error: Option<Failure>,
    pub(super) wanted: Setup,
    /// The job that opened what is in use.
    pub(super) ready_job: u64,
    pub(super) jobs: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) job: u64,
    pub(super) setup: Setup,
    pub(super) since: Duration,
}

impl Engine {
    /// Nothing is open yet.
    pub fn new(wanted: Setup) -> Self {
        Self {
            ready: None,
            opening: None,
            error: None,
            wanted,
            ready_job: 0,
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

    /// The index in use or being opened; `None` is the shipped one.
    pub fn wanted_index(&self) -> Option<&std::path::Path> {
        self.wanted.index.as_deref()
    }

    /// The setup for a question: the one in use, or the wanted one while opening.
    pub fn setup(&self) -> Setup {
        let (wanted, opening) = (&self.wanted, self.is_opening());
        let ready = self.ready.as_ref().filter(|_| !opening);
        ready.map_or(wanted, |(setup, _)| setup).clone()
    }

    /// Which opening answers a question asked now.
    pub fn opening_in_use(&self) -> u64 {
        self.opening.as_ref().map_or(self.ready_job, |o| o.job)
    }

    /// Whether a question asked now meets the model and index that `setup` was, in that opening; `None` is an opening of
    /// an earlier conversation. What was opened anew since may have changed. The device makes no difference.
    pub fn answers_like(&self, setup: &Setup, opening: Option<u64>) -> bool {
        let now = self.setup();
        now.model == setup.model
            && now.index == setup.index
            && now.encoder == setup.encoder
            && now.search == setup.search
            && opening.is_none_or(|opening| opening == self.opening_in_use())
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
