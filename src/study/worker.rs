//! The desk on a thread of its own. It also wakes the state when a card falls due.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::desk::{Desk, now};
use super::state::{Event, Work};
use super::tutor::Post;
use rounds_support::Failure;

/// Opens the desk; runs on the worker's thread, and again with the next piece of work where it failed.
pub type Open = Box<dyn FnMut() -> Result<Desk, Failure> + Send>;

/// The longest wait for a due card: a clock may be set meanwhile.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// How long to wait for the last grade at the end.
const LAST_WAIT: Duration = Duration::from_secs(10);

enum Job {
    Work(Work),
    Statistics,
    /// When to send [`Event::Time`].
    Wake(Option<i64>),
}

/// A handle to the thread.
pub struct Worker {
    jobs: Sender<Job>,
    /// Ends with the failure of the last piece of work, if it failed.
    thread: JoinHandle<Option<Failure>>,
}

impl Worker {
    /// Starts the thread, which opens the desk when there is something to do.
    pub fn start(open: Open, post: Post) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("study".into())
            .spawn(move || serve(open, &queue, &post))?;
        Ok(Self { jobs, thread })
    }

    /// Waits until what was asked for is done, for some seconds at most. Returns why the last of it was not done.
    pub fn finish(self) -> Option<Failure> {
        drop(self.jobs);
        let start = Instant::now();
        while !self.thread.is_finished() {
            if start.elapsed() >= LAST_WAIT {
                return Some(Failure::model("the last grade may not be saved"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let broken = Failure::model("internal error: the last grade may not be saved");
        self.thread.join().unwrap_or(Some(broken))
    }

    /// Does a piece of work; [`Event::Dealt`] is its result.
    pub fn perform(&self, work: Work) {
        // If the thread has ended, nothing more can be saved, which the state shows as work that never ends.
        let _ = self.jobs.send(Job::Work(work));
    }

    /// Makes the page of statistics.
    pub fn statistics(&self) {
        let _ = self.jobs.send(Job::Statistics);
    }

    /// Sends [`Event::Time`] when this time has come.
    pub fn wake_at(&self, at: Option<i64>) {
        let _ = self.jobs.send(Job::Wake(at));
    }
}

fn serve(mut open: Open, queue: &Receiver<Job>, post: &Post) -> Option<Failure> {
    let mut desk = None;
    let mut wake = None;
    let mut failed = None;
    loop {
        let job = match wake {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => queue.recv_timeout(rest(at, now())),
        };
        match job {
            Ok(Job::Work(work)) => {
                let perform = || opened(&mut desk, &mut open)?.perform(&work, now());
                let result = guarded(perform);
                failed = result.as_ref().err().cloned();
                post(Event::Dealt(result));
            }
            Ok(Job::Statistics) => {
                let page = || opened(&mut desk, &mut open)?.statistics(now());
                post(Event::Statistics(guarded(page)));
            }
            Ok(Job::Wake(at)) => wake = at,
            Err(RecvTimeoutError::Timeout) => {
                if wake.is_some_and(|at| at <= now()) {
                    wake = None;
                    post(Event::Time);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return failed,
        }
    }
}

/// The desk, opened if it is not.
fn opened<'a>(desk: &'a mut Option<Desk>, open: &mut Open) -> Result<&'a mut Desk, Failure> {
    let found = match desk.take() {
        Some(found) => found,
        None => open()?,
    };
    Ok(desk.insert(found))
}

fn rest(at: i64, now: i64) -> Duration {
    let ms = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
    Duration::from_millis(ms).min(MAX_WAIT)
}

/// A panic becomes a failure, so that the state is still answered.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let broken = Err(Failure::model("internal error: the cards cannot be read"));
    crate::tui::effects::catch_panic(broken, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{card, deck, desk_at};
    use rounds_study::card::Kind;
    use std::sync::Arc;

    #[test]
    fn a_desk_that_could_not_be_opened_is_opened_with_the_next_work() {
        let folder = deck(vec![card(Kind::Question)]);
        let (events, heard) = channel();
        let mut locked = true;
        let path = folder.path().to_path_buf();
        let open = move || match std::mem::take(&mut locked) {
            true => Err(Failure::usage("the store is locked")),
            false => Ok(desk_at(&path, now())),
        };
        let post = Arc::new(move |event| events.send(event).unwrap());
        let worker = Worker::start(Box::new(open), post).unwrap();
        let dealt = || {
            worker.perform(Work::Deal);
            match heard.recv() {
                Ok(Event::Dealt(result)) => result,
                other => panic!("{other:?}"),
            }
        };
        assert!(dealt().unwrap_err().to_string().contains("locked"));
        assert_eq!(dealt().unwrap().counts.new, 1);
    }

    #[test]
    fn a_time_in_the_past_is_not_waited_for_and_a_far_one_is_looked_at_again() {
        assert_eq!(rest(5, 10), Duration::ZERO);
        assert_eq!(rest(1500, 500), Duration::from_secs(1));
        assert_eq!(rest(i64::MAX, 0), MAX_WAIT);
    }
}
