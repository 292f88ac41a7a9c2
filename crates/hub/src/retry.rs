//! How long a transfer is tried, and what ends it at once.
//!
//! A line that breaks off, a busy server and a silent one are worth another try; a refusal, a full disk and a wrong
//! content never are.

use std::time::{Duration, Instant};

use ureq::http::Uri;

use super::address;
use super::error::HubError;
use rounds_support::Cancel;

/// Longest sleep between two looks at the cancel flag.
pub(super) const LOOK: Duration = Duration::from_millis(50);
/// Longest wait that a server's `Retry-After` may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// New bytes that make a try count as a success, so that a long download survives many interruptions.
const ADVANCE: u64 = 8 << 20;

/// How patient the hub's client is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Wait before the first new try; each further one doubles it.
    pub first_wait: Duration,
    /// Silence of a server that counts as an interruption.
    pub silence: Duration,
    /// New tries of a transfer before it is given up; asking for a file's length and hash gets two.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            silence: Duration::from_secs(30),
            tries: 5,
        }
    }
}

/// Why one try failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another try may do better.
    Again {
        reason: String,
        /// What the server asked us to wait.
        wait: Option<Duration>,
    },
    /// No other try will.
    Over(HubError),
}

impl Trouble {
    pub(super) fn again(reason: impl Into<String>) -> Self {
        Self::Again {
            reason: reason.into(),
            wait: None,
        }
    }
}

impl From<HubError> for Trouble {
    fn from(error: HubError) -> Self {
        Self::Over(error)
    }
}

/// The tries of one piece of work.
pub(super) struct Tries<'a> {
    patience: Patience,
    limit: u32,
    failed: u32,
    /// Bytes that were there when a try last counted as a success.
    mark: u64,
    cancel: &'a Cancel,
}

impl<'a> Tries<'a> {
    pub(super) fn new(patience: Patience, limit: u32, mark: u64, cancel: &'a Cancel) -> Self {
        Self {
            patience,
            limit,
            failed: 0,
            mark,
            cancel,
        }
    }

    /// Waits for the next try after `trouble`, met with `done` bytes there; the error if there is none.
    pub(super) fn again(&mut self, trouble: Trouble, at: &Uri, done: u64) -> Result<(), HubError> {
        let (reason, asked) = match trouble {
            Trouble::Over(error) => return Err(error),
            Trouble::Again { reason, wait } => (reason, wait),
        };
        if done >= self.mark.saturating_add(ADVANCE) {
            self.failed = 0;
            self.mark = done;
        }
        if self.failed >= self.limit {
            return Err(HubError::network(address::host(at), &reason));
        }
        tracing::debug!(reason, failed = self.failed, "hub: another try");
        let wait = self
            .patience
            .first_wait
            .saturating_mul(1 << self.failed.min(10));
        self.failed += 1;
        sleep(
            asked
                .map_or(wait, |asked| asked.max(wait))
                .min(LONGEST_WAIT),
            self.cancel,
        )
    }
}

/// Sleeps, but wakes up when asked to stop.
pub(super) fn sleep(wait: Duration, cancel: &Cancel) -> Result<(), HubError> {
    let end = Instant::now() + wait;
    loop {
        if cancel.is_cancelled() {
            return Err(HubError::Cancelled);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(LOOK));
    }
}
