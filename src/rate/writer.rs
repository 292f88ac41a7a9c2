//! Writes ratings on a worker thread, so that a slow disk does not freeze the screen.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::tui::effects::catch_panic;
use crate::tui::message::Message;
use rounds_eval::rating::{Entry, RatingsFile};
use rounds_support::Failure;

/// How long to wait for one rating at the end: signals no longer end the process by then, and a lost disk never answers.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// A handle to the worker.
pub struct Writer {
    entries: SyncSender<Entry>,
    results: Receiver<Result<(), Failure>>,
}

impl Writer {
    /// Starts the worker. Each result is announced by [`Message::News`] to `wake`.
    pub fn start(mut file: RatingsFile, wake: SyncSender<Message<()>>) -> std::io::Result<Self> {
        let (entries, queue) = sync_channel::<Entry>(4);
        let (done, results) = sync_channel(4);
        let work = move || {
            while let Ok(entry) = queue.recv() {
                let broken = Failure::model("internal error: the rating cannot be saved");
                let saved = || file.append(&entry).map_err(|error| Failure::of(&error));
                let result = catch_panic(Err(broken), saved);
                if done.send(result).is_err() {
                    return;
                }
                // Where the channel is full, whoever empties it looks for the result as well.
                let _ = wake.try_send(Message::News(()));
            }
        };
        std::thread::Builder::new()
            .name("ratings".into())
            .spawn(work)?;
        Ok(Self { entries, results })
    }

    /// Writes an entry; its result comes later. If the worker has ended, [`Writer::wait`] says so.
    pub fn write(&self, entry: Entry) {
        let _ = self.entries.send(entry);
    }

    /// A result that has come.
    pub fn result(&self) -> Option<Result<(), Failure>> {
        self.results.try_recv().ok()
    }

    /// Waits for a result; `None` if the worker has ended, or the disk does not answer.
    pub fn wait(&self) -> Option<Result<(), Failure>> {
        self.results.recv_timeout(LAST_WAIT).ok()
    }
}
