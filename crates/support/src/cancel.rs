//! A flag by which a surface asks a worker to stop.
//!
//! Workers look at it between tokens, layers or files. Never block on it and never treat it as a lock: it only says that
//! the result is no longer wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A cancel flag; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: AtomicBool,
    parent: Option<Cancel>,
}

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that is raised with this one, but whose own raising does not reach it: for a piece of work that may end early
    /// for reasons of its own.
    pub fn child(&self) -> Self {
        Self(Arc::new(Flag {
            raised: AtomicBool::new(false),
            parent: Some(self.clone()),
        }))
    }

    /// Raises the flag; may be called from any thread, any number of times.
    pub fn cancel(&self) {
        self.0.raised.store(true, Ordering::Release);
    }

    /// Whether the flag, or one it is a child of, is raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.raised.load(Ordering::Acquire)
            || self.0.parent.as_ref().is_some_and(Self::is_cancelled)
    }

    /// Lowers the flag, for the next piece of work. A parent's stays as it is.
    pub fn reset(&self) {
        self.0.raised.store(false, Ordering::Release);
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

    #[test]
    fn a_child_follows_its_parent_but_not_the_other_way_round() {
        let parent = Cancel::new();
        let (one, other) = (parent.child(), parent.child());
        one.cancel();
        assert!(one.is_cancelled() && !parent.is_cancelled() && !other.is_cancelled());
        parent.cancel();
        assert!(other.is_cancelled());
    }
}
