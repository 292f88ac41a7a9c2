//! Sends ticks to the state while something on screen changes with time. Otherwise the thread sleeps and uses no CPU.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::Thread;
use std::time::Duration;

use crate::tui::message::Message;
use crate::tui::state::Event;

/// Time between ticks.
const TICK: Duration = Duration::from_millis(250);

/// A handle to the ticking thread.
pub struct Ticker {
    ticking: Arc<AtomicBool>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread, ticking.
    pub fn start(sender: SyncSender<Message>) -> std::io::Result<Self> {
        let ticking = Arc::new(AtomicBool::new(true));
        let flag = ticking.clone();
        let work = move || {
            loop {
                if !flag.load(Ordering::Acquire) {
                    std::thread::park();
                    continue;
                }
                std::thread::sleep(TICK);
                let tick = Message::Event(Event::Tick { memory: memory() });
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
            ticking,
            thread: handle.thread().clone(),
        })
    }

    /// Starts or stops the ticks.
    pub fn set_ticking(&self, ticking: bool) {
        if self.ticking.swap(ticking, Ordering::AcqRel) != ticking && ticking {
            self.thread.unpark();
        }
    }
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
