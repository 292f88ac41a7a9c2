//! Long background work on indexes: importing a data set, caching latents. One at a time; the status line shows its
//! progress, and it can be cancelled.

use std::path::PathBuf;

use rounds_index::dataset::Format;

use super::command_table::Command;
use super::conversation::TurnId;

/// A piece of background work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    Import {
        index: PathBuf,
        format: Format,
        path: PathBuf,
        device: String,
    },
    /// Cache the latents of the open index's images; without confirmation, only show the cost.
    Warm { confirmed: bool },
    /// Explain an answer of a conversation by its shots.
    Why { conversation: u64, turn: TurnId },
}

/// Running work.
#[derive(Clone, Debug)]
pub struct RunningWork {
    pub(super) job: u64,
    pub(super) work: Work,
    /// Its progress, as text.
    pub progress: String,
    pub(super) stopping: bool,
}

impl RunningWork {
    /// The command that started it.
    pub(super) fn command(&self) -> Command {
        match self.work {
            Work::Import { .. } => Command::Import,
            Work::Warm { .. } => Command::Warm,
            Work::Why { .. } => Command::Why,
        }
    }
}

/// The work in the background.
#[derive(Clone, Debug, Default)]
pub struct BackgroundWork {
    pub running: Option<RunningWork>,
    last_job: u64,
}

impl BackgroundWork {
    /// Begins a piece of work; returns the number of its job.
    pub(super) fn begin(&mut self, work: Work) -> u64 {
        self.last_job += 1;
        self.running = Some(RunningWork {
            job: self.last_job,
            progress: match &work {
                Work::Import { .. } => "importing".into(),
                Work::Warm { .. } => "checking the index".into(),
                Work::Why { .. } => "why this answer".into(),
            },
            work,
            stopping: false,
        });
        self.last_job
    }

    /// Notes that the running work was asked to stop; false if there is none, or it was asked before.
    pub(super) fn begin_stopping(&mut self) -> bool {
        match &mut self.running {
            Some(work) if !work.stopping => {
                work.stopping = true;
                true
            }
            _ => false,
        }
    }

    /// Whether the model's thread is busy with an index.
    pub(super) fn is_warming(&self) -> bool {
        let work = self.running.as_ref().map(|running| &running.work);
        matches!(work, Some(Work::Warm { .. }))
    }

    pub(super) fn report(&mut self, job: u64, progress: String) {
        if let Some(work) = self.running.as_mut().filter(|work| work.job == job) {
            work.progress = progress;
        }
    }

    /// Takes the work of a finished job.
    pub(super) fn finish(&mut self, job: u64) -> Option<RunningWork> {
        self.running.take_if(|work| work.job == job)
    }
}
