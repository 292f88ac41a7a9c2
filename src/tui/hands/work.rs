//! Long work on indexes, on a thread of its own; it says how far it is a few times a second.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::model::lower_thread_priority;
use crate::tui::message::Message;
use crate::tui::state::{Event, Trouble, Work};
use rounds_assistant::Assistant;
use rounds_assistant::upkeep::{self, ImportReport, Imported, Warming};
use rounds_index::IndexError;
use rounds_index::dataset::Options;
use rounds_index::ingest::Report;
use rounds_support::errors::bytes;
use rounds_support::{Cancel, Paths};

/// Shortest time between two reports.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// Tells the state how far a job is.
struct ProgressReporter {
    sender: SyncSender<Message>,
    job: u64,
    told: Option<Instant>,
}

impl ProgressReporter {
    fn tell(&mut self, words: impl FnOnce() -> String) {
        if self.told.is_none_or(|told| told.elapsed() >= REPORT_INTERVAL) {
            self.told = Some(Instant::now());
            let (job, said) = (self.job, words());
            let _ = self
                .sender
                .send(Message::Event(Event::Working { job, said }));
        }
    }
}

/// Does `work` and says so.
pub fn start(
    sender: SyncSender<Message>,
    job: u64,
    work: Work,
    assistant: Option<Arc<Assistant>>,
    cancel: Cancel,
) -> std::io::Result<()> {
    let task = move || {
        lower_thread_priority();
        let mut progress = ProgressReporter {
            sender: sender.clone(),
            job,
            told: None,
        };
        let done = std::panic::AssertUnwindSafe(|| match work {
            Work::Import {
                index,
                format,
                path,
                device,
            } => {
                let import = upkeep::Import {
                    index,
                    format,
                    path,
                    options: Options::default(),
                    device,
                };
                import_data(&import, &cancel, &mut progress)
            }
            Work::Warm { really } => warm(assistant, really, cancel, &mut progress),
        });
        let result = std::panic::catch_unwind(done)
            .unwrap_or_else(|_| Err(Trouble::new("the work failed inside the program")));
        let _ = sender.send(Message::Event(Event::Worked { job, result }));
    };
    std::thread::Builder::new()
        .name("work".into())
        .spawn(task)
        .map(|_| ())
}

fn import_data(
    import: &upkeep::Import,
    cancel: &Cancel,
    progress: &mut ProgressReporter,
) -> Result<String, Trouble> {
    let paths = Paths::find().map_err(|error| Trouble::of(&error))?;
    let mut total = None;
    let mut first_rejected = None;
    let imported = upkeep::import(
        import,
        &rounds_index::library::Library::of(&paths),
        &rounds_model::library::Library::of(&paths),
        cancel,
        &mut |report| match report {
            ImportReport::Made(_) => {}
            ImportReport::Total(all) => total = all,
            ImportReport::Rows(Report::Rejected { origin, reason }) => {
                first_rejected.get_or_insert_with(|| format!("{origin}: {reason}"));
            }
            ImportReport::Rows(Report::Looked(summary) | Report::Committed(summary)) => {
                let done = summary.rows + summary.left_out;
                progress.tell(|| match total {
                    Some(all) => format!("importing, {done} of {all} rows"),
                    None => format!("importing, {done} rows"),
                });
            }
        },
    );
    let Imported {
        summary,
        examples,
        ended,
    } = imported.map_err(|error| Trouble::of(&error))?;
    let words = format!(
        "{} rows = {} added + {} duplicates + {} rejected; the index has {examples} examples",
        summary.rows, summary.added, summary.duplicates, summary.rejected
    );
    match ended {
        Ok(()) => Ok(match first_rejected {
            None => words,
            Some(first) => format!("{words}; the first rejected row is {first}"),
        }),
        Err(upkeep::ImportError::Index(IndexError::Cancelled)) => Ok(format!(
            "stopped: {words}; the same command goes on from there"
        )),
        Err(error) => Err(Trouble::of(&error).hint(words)),
    }
}

fn warm(
    assistant: Option<Arc<Assistant>>,
    really: bool,
    cancel: Cancel,
    progress: &mut ProgressReporter,
) -> Result<String, Trouble> {
    let assistant = assistant.ok_or_else(|| Trouble::new("no model is open"))?;
    let mut words = String::from("the model's thread ended");
    for event in assistant.warm(really, cancel) {
        match event {
            Warming::Plan(plan) => {
                words = format!("{}; /warm go does it", plan.in_words());
            }
            Warming::Progress(done, all) => {
                progress.tell(|| format!("warming, {done} of {all} images"));
            }
            Warming::Done(warmed) => {
                words = format!(
                    "{} images are kept, {}",
                    warmed.pictures,
                    bytes(warmed.bytes)
                );
            }
            Warming::Failed(error) => return Err(Trouble::of(&error)),
        }
    }
    Ok(words)
}
