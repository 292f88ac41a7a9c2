//! A flag by which a surface asks a worker to stop.
//!
//! Workers look at it between tokens, layers or files. Never block on it and never treat it as a lock: it only says that
//! the result is no longer wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A cancel flag; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag; may be called from any thread, any number of times.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the flag is raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Lowers the flag, for the next piece of work.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_raised_on_another_thread_is_seen_here_and_can_be_lowered() {
        let flag = Cancel::new();
        let other = flag.clone();
        assert!(!flag.is_cancelled());
        std::thread::spawn(move || other.cancel()).join().unwrap();
        assert!(flag.is_cancelled());
        flag.reset();
        assert!(!flag.is_cancelled());
    }
}
