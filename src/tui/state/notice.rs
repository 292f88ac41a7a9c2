//! Messages to the user, most of which disappear by themselves.

use std::time::Duration;

use rounds_support::Failure;

const NOTICE_TIME: Duration = Duration::from_secs(6);
const ERROR_TIME: Duration = Duration::from_secs(15);

/// A message that disappears by itself.
#[derive(Clone, Debug)]
pub struct Notice {
    pub error: Failure,
    pub is_error: bool,
    /// When it disappears; `None` stays until Esc, or until something else is said.
    pub(super) until: Option<Duration>,
}

impl Notice {
    /// News, for a few seconds.
    pub(super) fn news(text: impl AsRef<str>, now: Duration) -> Self {
        Self {
            error: Failure::usage(text.as_ref()),
            is_error: false,
            until: Some(now + NOTICE_TIME),
        }
    }

    /// An error, for a bit longer.
    pub(super) fn error(error: Failure, now: Duration) -> Self {
        Self {
            error,
            is_error: true,
            until: Some(now + ERROR_TIME),
        }
    }

    /// Makes it stay until the user closes it.
    pub(super) fn until_read(mut self) -> Self {
        self.until = None;
        self
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it disappears by itself.
    pub(super) fn is_timed(&self) -> bool {
        self.until.is_some()
    }
}
