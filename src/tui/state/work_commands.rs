//! Commands that start background work on indexes, and its progress and end.

use clap::ValueEnum;

use rounds_index::dataset::Format;
use rounds_support::Failure;

use super::background_work::Work;
use super::effect::Effect;
use super::machine::State;
use super::paths;
use super::values::invalid_value;

impl State {
    /// `INDEX FORMAT PATH`, or with the format first, as on the command line.
    pub(super) fn import_argument(&mut self, argument: &str) {
        let (format, index, path) = match import_parts(argument) {
            Ok(parts) => parts,
            Err(error) => return self.show_error(error),
        };
        let home = self.home.as_deref();
        let (Some(index), Some(path)) = (
            paths::from_input(index, home),
            paths::from_input(path, home),
        ) else {
            return self.show_error(incomplete_import());
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
                Failure::usage(format!("/warm takes nothing or go, not `{other}`"))
                    .hint("/warm shows the cost, /warm go starts it"),
            ),
        }
    }

    fn start_work(&mut self, work: Work) {
        if self.work.running.is_some() {
            return self.show_error(
                Failure::usage("other background work is running")
                    .hint("wait for it, or stop it first"),
            );
        }
        if !self.engine.is_ready() && matches!(work, Work::Warm { .. }) {
            return self.show_error(Failure::usage("no model is open yet"));
        }
        let job = self.work.begin(work.clone());
        self.emit(Effect::Work { job, work });
    }

    /// Ends the running work when the program quits, with a message about it.
    pub fn end_work(&mut self) -> Option<Failure> {
        let done = self.work.running.take()?;
        let (what, hint) = match done.work {
            Work::Import { .. } => (
                "the import was stopped on exit",
                "what was added is kept; run the same import again to continue",
            ),
            Work::Warm { .. } => ("caching was stopped on exit", "what was cached is kept"),
            // Nothing is lost.
            Work::Why { .. } => return None,
        };
        Some(Failure::usage(format!("{what} ({})", done.progress)).hint(hint))
    }

    /// Asks the running work to stop; true if there was some.
    pub(super) fn cancel_work(&mut self) -> bool {
        let stops = self.work.begin_stopping();
        if stops {
            self.emit(Effect::StopWork);
        }
        stops
    }

    pub(super) fn on_work_finished(&mut self, job: u64, result: Result<String, Failure>) {
        let Some(done) = self.work.finish(job) else {
            return;
        };
        match (result, &done.work) {
            (Ok(words), Work::Import { index, .. })
                if self.engine.wanted_index() != Some(index.as_path()) =>
            {
                let index = rounds_support::sanitise::clean_line(&index.to_string_lossy());
                self.notify_until_read(format!("{words}; /index {index} opens it"));
            }
            (Ok(words), _) => self.notify_until_read(words),
            (Err(error), _) => {
                self.show_error(error);
                self.give_back_command(&[done.command()]);
            }
        }
        // The open index has changed, even if the import was stopped.
        if let Work::Import { index, .. } = done.work
            && self.engine.wanted_index() == Some(index.as_path())
        {
            self.open_index(Some(index));
        }
    }
}

/// The format, the index and the path of an import, in either order: the format is recognised by its name.
fn import_parts(argument: &str) -> Result<(Format, &str, &str), Failure> {
    let argument = argument.trim_start();
    // Written as on the command line.
    let argument = ["--format=", "--format "]
        .iter()
        .find_map(|flag| argument.strip_prefix(flag))
        .unwrap_or(argument);
    let (first, rest) = first_word(argument);
    let (second, path) = first_word(rest);
    if path.is_empty() {
        return Err(incomplete_import());
    }
    let format = |word: &str| Format::from_str(word, true);
    match (format(first), format(second)) {
        (_, Ok(format)) => Ok((format, first, path)),
        (Ok(format), Err(_)) => Ok((format, second, path)),
        (Err(_), Err(_)) => Err(invalid_value::<Format>("a data set format", second)),
    }
}

fn incomplete_import() -> Failure {
    Failure::usage("/import takes an index, a format and a path")
        .hint("for example: /import mine folder ~/images")
}

/// The first word of a text, and the trimmed rest.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}
