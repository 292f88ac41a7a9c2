//! When the next frame is due: soon after a key, a little later after anything else, and never while nothing happens.

use std::time::{Duration, Instant};

/// Minimum time between frames for background updates: about 60 frames per second.
const FRAME_TIME: Duration = Duration::from_millis(16);
/// Minimum time between frames after user input: short, but a key held down must not flood the terminal.
const KEY_FRAME_TIME: Duration = Duration::from_millis(4);

/// The time between frames.
#[derive(Debug)]
pub struct Pace {
    drawn: Instant,
    /// Minimum time from the last frame to the next, if one is needed.
    due: Option<Duration>,
}

impl Pace {
    /// A frame was drawn now, and none is needed.
    pub fn new(now: Instant) -> Self {
        Self {
            drawn: now,
            due: None,
        }
    }

    /// Something happened that the next frame shows; `urgent` if the user waits for it.
    pub fn note(&mut self, urgent: bool) {
        let pause = if urgent { KEY_FRAME_TIME } else { FRAME_TIME };
        self.due = Some(self.due.map_or(pause, |due| due.min(pause)));
    }

    /// How long to wait for messages before the next frame; `None` if there is nothing to draw.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(self.drawn);
        self.due.map(|pause| pause.saturating_sub(since))
    }

    /// Whether it is time for a frame.
    pub fn is_due(&self, now: Instant) -> bool {
        self.wait(now).is_some_and(|rest| rest.is_zero())
    }

    /// A frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        *self = Self::new(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_while_nothing_happens() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.wait(later), None);
        assert!(!pace.is_due(later));
        pace.note(false);
        assert!(pace.is_due(later));
        pace.drawn(later);
        assert!(!pace.is_due(later + Duration::from_secs(60)));
    }

    #[test]
    fn a_key_is_shown_sooner_than_news_also_if_it_came_before_them() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut pace = Pace::new(start);
        pace.note(false);
        assert!(!pace.is_due(after(15)));
        assert_eq!(pace.wait(after(10)), Some(Duration::from_millis(6)));
        assert!(pace.is_due(after(16)));
        pace.note(true);
        pace.note(false);
        assert!(!pace.is_due(after(3)));
        assert!(pace.is_due(after(4)));
    }
}
