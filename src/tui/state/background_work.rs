//! Long background work on indexes: importing a data set, caching latents. One at a time; the status line shows its
//! progress, and it can be cancelled.

use std::path::PathBuf;

use clap::ValueEnum;

use rounds_index::dataset::Format;

use super::State;
use super::effect::Effect;
use super::paths;
use super::run_command::invalid_value;
use super::user_error::UserError;

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
}

/// Running work.
#[derive(Clone, Debug)]
pub struct RunningWork {
    job: u64,
    work: Work,
    /// Its progress, as text.
    pub progress: String,
    stopping: bool,
}

impl State {
    pub(super) fn import_argument(&mut self, argument: &str) {
        let (index, rest) = first_word(argument);
        let (format, path) = first_word(rest);
        let index = paths::from_input(index, self.home.as_deref());
        let Some(index) = index.filter(|_| !path.is_empty()) else {
            return self.show_error(
                UserError::new("/import takes an index, a format and a path")
                    .hint("for example: /import mine folder ~/pictures"),
            );
        };
        let Ok(format) = Format::from_str(format, true) else {
            return self.show_error(invalid_value::<Format>("a data set format", format));
        };
        let Some(path) = paths::from_input(path, self.home.as_deref()) else {
            return self.show_error(UserError::new("/import needs the path of the data"));
        };
        self.start_work(Work::Import {
            index,
            format,
            path,
            device: self.engine.device(),
        });
    }

    pub(super) fn warm_argument(&mut self, argument: &str) {
        match argument {
            "" => self.start_work(Work::Warm { confirmed: false }),
            "go" => self.start_work(Work::Warm { confirmed: true }),
            other => self.show_error(
                UserError::new(format!("/warm takes nothing or go, not `{other}`"))
                    .hint("/warm shows the cost, /warm go starts it"),
            ),
        }
    }

    fn start_work(&mut self, work: Work) {
        if self.work.is_some() {
            return self.show_error(
                UserError::new("other background work is running")
                    .hint("wait for it, or stop it first"),
            );
        }
        if !self.engine.is_ready() && matches!(work, Work::Warm { .. }) {
            return self.show_error(UserError::new("no model is open yet"));
        }
        self.last_job += 1;
        let job = self.last_job;
        self.work = Some(RunningWork {
            job,
            work: work.clone(),
            progress: match &work {
                Work::Import { .. } => "importing".into(),
                Work::Warm { .. } => "checking the index".into(),
            },
            stopping: false,
        });
        self.emit(Effect::Work { job, work });
    }

    /// Ends the running work when the program quits, with a message about it.
    pub fn end_work(&mut self) -> Option<UserError> {
        let done = self.work.take()?;
        let (what, hint) = match done.work {
            Work::Import { .. } => (
                "the import was stopped on exit",
                "what was added is kept; run the same import again to continue",
            ),
            Work::Warm { .. } => ("caching was stopped on exit", "what was cached is kept"),
        };
        Some(UserError::new(format!("{what} ({})", done.progress)).hint(hint))
    }

    /// Asks the running work to stop; true if there was some.
    pub(super) fn cancel_work(&mut self) -> bool {
        match &mut self.work {
            Some(work) if !work.stopping => {
                work.stopping = true;
                self.emit(Effect::StopWork);
                true
            }
            _ => false,
        }
    }

    /// Whether the model's thread is busy with an index.
    pub(super) fn is_warming(&self) -> bool {
        let work = self.work.as_ref().map(|work| &work.work);
        matches!(work, Some(Work::Warm { .. }))
    }

    pub(super) fn on_work_progress(&mut self, job: u64, progress: String) {
        if let Some(work) = self.work.as_mut().filter(|work| work.job == job) {
            work.progress = progress;
        }
    }

    pub(super) fn on_work_finished(&mut self, job: u64, result: Result<String, UserError>) {
        if self.work.as_ref().is_none_or(|work| work.job != job) {
            return;
        }
        let Some(done) = self.work.take() else { return };
        match result {
            Ok(words) => self.notify(words),
            Err(error) => self.show_error(error),
        }
        // The open index has changed, even if the import was stopped.
        if let Work::Import { index, .. } = done.work
            && self.engine.wanted_index() == Some(index.as_path())
        {
            self.open_index(Some(index));
        }
    }
}

/// The first word of a text, and the trimmed rest.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}
