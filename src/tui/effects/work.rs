//! Runs long work on indexes on a separate thread, reporting progress a few times a second.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::model::lower_thread_priority;
use crate::tui::message::Message;
use crate::tui::state::{Event, Work};
use rounds_assistant::Assistant;
use rounds_assistant::maintenance::{self, ImportReport, Imported, WarmEvent};
use rounds_index::IndexError;
use rounds_index::dataset::Options;
use rounds_index::ingest::Report;
use rounds_support::Failure;
use rounds_support::errors::{self, bytes};
use rounds_support::{Cancel, Paths};

/// Minimum time between progress reports.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// Reports the progress of a job to the state.
struct ProgressReporter {
    sender: SyncSender<Message>,
    job: u64,
    last_report: Option<Instant>,
}

impl ProgressReporter {
    fn report(&mut self, message: impl FnOnce() -> String) {
        if self
            .last_report
            .is_none_or(|last| last.elapsed() >= REPORT_INTERVAL)
        {
            self.last_report = Some(Instant::now());
            let (job, progress) = (self.job, message());
            let _ = self
                .sender
                .send(Message::event(Event::WorkProgress { job, progress }));
        }
    }
}

/// Runs `work`, and sends its result.
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
            last_report: None,
        };
        let run = std::panic::AssertUnwindSafe(|| match work {
            Work::Import {
                index,
                format,
                path,
                device,
            } => {
                let import = maintenance::Import {
                    index,
                    format,
                    path,
                    options: Options::default(),
                    salt: None,
                    device,
                };
                import_data(&import, &cancel, &mut progress)
            }
            Work::Warm { confirmed } => warm(assistant, confirmed, cancel, &mut progress),
            // It has an effect of its own, because it ends with numbers.
            Work::Why { .. } => Err(Failure::model(
                "internal error: this is no work on an index",
            )),
        });
        let result = std::panic::catch_unwind(run)
            .unwrap_or_else(|_| Err(Failure::model("internal error: the work failed")));
        let _ = sender.send(Message::event(Event::WorkFinished { job, result }));
    };
    std::thread::Builder::new()
        .name("work".into())
        .spawn(task)
        .map(|_| ())
}

/// Said of an export whose salt is not known.
const UNKNOWN_CODES: &str = "the salt of its scans is not known, so that a question is told from its own patient by images only";

fn import_data(
    import: &maintenance::Import,
    cancel: &Cancel,
    progress: &mut ProgressReporter,
) -> Result<String, Failure> {
    let paths = Paths::find().map_err(|error| Failure::of(&error))?;
    let mut total = None;
    let mut first_rejected = None;
    let mut has_unknown_codes = false;
    let imported = maintenance::import(
        import,
        &rounds_index::library::Library::of(&paths),
        &rounds_model::library::Library::of(&paths),
        cancel,
        &mut |report| match report {
            ImportReport::Made(_) => {}
            ImportReport::UnknownCodes => has_unknown_codes = true,
            ImportReport::Total(all) => total = all,
            ImportReport::Rows(Report::Rejected { origin, reason }) => {
                first_rejected.get_or_insert_with(|| format!("{origin}: {reason}"));
            }
            ImportReport::Rows(Report::Progress(summary) | Report::Committed(summary)) => {
                let done = summary.rows + summary.filtered;
                progress.report(|| match total {
                    Some(all) => format!("importing, {done} of {}", count(all, "row")),
                    None => format!("importing, {}", count(done, "row")),
                });
            }
        },
    );
    let Imported {
        summary,
        examples,
        ended,
    } = imported.map_err(|error| Failure::of(&error))?;
    let result = format!(
        "{}: {} added, {} duplicates, {} rejected; the index has {}",
        count(summary.rows, "row"),
        summary.added,
        summary.duplicates,
        summary.rejected,
        errors::count(examples, "example")
    );
    let result = match has_unknown_codes {
        true => format!("{result}; {UNKNOWN_CODES}"),
        false => result,
    };
    match ended {
        Ok(()) => Ok(match first_rejected {
            None => result,
            Some(first) => format!("{result}; first rejected row: {first}"),
        }),
        Err(maintenance::ImportError::Index(IndexError::Cancelled)) => Ok(format!(
            "stopped: {result}; run the same command again to continue"
        )),
        Err(error) => Err(Failure::of(&error).hint(result)),
    }
}

/// `1 row`, `2 rows`.
fn count(number: u64, what: &str) -> String {
    errors::count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

fn warm(
    assistant: Option<Arc<Assistant>>,
    confirmed: bool,
    cancel: Cancel,
    progress: &mut ProgressReporter,
) -> Result<String, Failure> {
    let assistant = assistant.ok_or_else(|| Failure::model("no model is open"))?;
    let mut result = String::from("the model stopped unexpectedly");
    for event in assistant.warm(confirmed, cancel) {
        match event {
            WarmEvent::Plan(plan) => {
                result = format!("{}; /warm go starts it", plan.in_words());
            }
            WarmEvent::Progress(done, all) => {
                progress.report(|| format!("caching image features, {done} of {all}"));
            }
            WarmEvent::Done(warmed) => {
                result = format!(
                    "image features cached: {}, {}",
                    count(warmed.images, "image"),
                    bytes(warmed.bytes)
                );
            }
            WarmEvent::Failed(error) => return Err(Failure::of(&error)),
        }
    }
    Ok(result)
}
