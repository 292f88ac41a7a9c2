//! Sends ticks to the state while something on screen changes with time. Otherwise the thread sleeps and uses no CPU.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::Thread;
use std::time::Duration;

use crate::tui::message::Message;
use crate::tui::state::Event;

/// Time between the first ticks.
const FIRST: Duration = Duration::from_millis(250);

/// A handle to the ticking thread.
pub struct Ticker {
    /// Milliseconds between ticks; 0 while there are none.
    every: Arc<AtomicU64>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread, ticking.
    pub fn start(sender: SyncSender<Message>) -> std::io::Result<Self> {
        let every = Arc::new(AtomicU64::new(milliseconds(FIRST)));
        let wanted = every.clone();
        let work = move || {
            loop {
                let every = wanted.load(Ordering::Acquire);
                if every == 0 {
                    std::thread::park();
                    continue;
                }
                std::thread::sleep(Duration::from_millis(every));
                let tick = Message::event(Event::Tick { memory: memory() });
                // A full channel needs no more ticks.
                if let Err(TrySendError::Disconnected(_)) = sender.try_send(tick) {
                    return;
                }
            }
        };
        let handle = std::thread::Builder::new()
            .name("ticker".into())
            .spawn(work)?;
        Ok(Self {
            every,
            thread: handle.thread().clone(),
        })
    }

    /// Sets the time between ticks; `None` stops them.
    pub fn tick_every(&self, every: Option<Duration>) {
        let wanted = every.map_or(0, milliseconds);
        if self.every.swap(wanted, Ordering::AcqRel) == 0 && wanted != 0 {
            self.thread.unpark();
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Resident memory of this process in bytes, if the system reports it.
fn memory() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let text = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
        pages.checked_mul(rustix::param::page_size() as u64)
    }
    #[cfg(not(target_os = "linux"))]
    None
}
