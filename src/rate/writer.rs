//! Writes ratings on a worker thread, so that a slow disk does not freeze the screen.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::tui::message::Message;
use rounds_eval::rating::{Entry, RatingsFile};
use rounds_support::Failure;

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
                let result = file.append(&entry).map_err(|error| Failure::of(&error));
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

    /// Waits for a result; `None` if the worker has ended.
    pub fn wait(&self) -> Option<Result<(), Failure>> {
        self.results.recv().ok()
    }
}
