//! A flag that tells a worker to stop.
//!
//! Workers check it between tokens, layers or files. Never block on it or use it as a lock: it only says that the result is
//! no longer wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A cancel flag; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    is_set: AtomicBool,
    parent: Option<Cancel>,
}

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that counts as set when this one is, but does not set this one: for part of a job that may be cancelled
    /// separately.
    pub fn child(&self) -> Self {
        Self(Arc::new(Flag {
            is_set: AtomicBool::new(false),
            parent: Some(self.clone()),
        }))
    }

    /// Sets the flag; may be called from any thread, any number of times.
    pub fn cancel(&self) {
        self.0.is_set.store(true, Ordering::Release);
    }

    /// Whether the flag or one of its parents is set.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_set.load(Ordering::Acquire)
            || self.0.parent.as_ref().is_some_and(Self::is_cancelled)
    }

    /// Clears the flag for the next job. Parents are not changed.
    pub fn reset(&self) {
        self.0.is_set.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_set_on_another_thread_is_seen_here_and_can_be_cleared() {
        let flag = Cancel::new();
        let other = flag.clone();
        assert!(!flag.is_cancelled());
        std::thread::spawn(move || other.cancel()).join().unwrap();
        assert!(flag.is_cancelled());
        flag.reset();
        assert!(!flag.is_cancelled());
    }

    #[test]
    fn a_child_follows_its_parent_but_the_parent_ignores_the_child() {
        let parent = Cancel::new();
        let (one, other) = (parent.child(), parent.child());
        one.cancel();
        assert!(one.is_cancelled() && !parent.is_cancelled() && !other.is_cancelled());
        parent.cancel();
        assert!(other.is_cancelled());
    }
}
