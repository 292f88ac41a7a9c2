//! When a transfer is retried, and when it is given up.
//!
//! A broken connection, a busy server and a silent one are worth a retry; a refusal, a full disk and wrong content are
//! not.

use std::time::{Duration, Instant};

use ureq::http::Uri;

use super::address;
use super::error::HubError;
use rounds_support::Cancel;

/// Maximum time between two checks of the cancel flag.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Maximum wait that a server's `Retry-After` can impose.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// After this many new bytes the retry count starts again, so that a long download survives many interruptions.
const RESET_AFTER_BYTES: u64 = 8 << 20;

/// How often and how long the hub client retries.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Wait before the first retry; doubles with each further one.
    pub first_wait: Duration,
    /// How long a server may send nothing before the attempt counts as interrupted.
    pub read_timeout: Duration,
    /// Maximum retries of a transfer; metadata queries get at most two.
    pub max_retries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            read_timeout: Duration::from_secs(30),
            max_retries: 5,
        }
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A retry may succeed.
    Retryable {
        reason: String,
        /// The wait requested by the server.
        wait: Option<Duration>,
    },
    /// A retry cannot succeed.
    Fatal(HubError),
}

impl Failure {
    pub(super) fn retryable(reason: impl Into<String>) -> Self {
        Self::Retryable {
            reason: reason.into(),
            wait: None,
        }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self::Fatal(error)
    }
}

/// Counts the retries of one operation.
pub(super) struct Retries<'a> {
    retry_policy: RetryPolicy,
    limit: u32,
    failed: u32,
    /// Bytes received when the count last started again.
    mark: u64,
    cancel: &'a Cancel,
}

impl<'a> Retries<'a> {
    pub(super) fn new(
        retry_policy: RetryPolicy,
        limit: u32,
        mark: u64,
        cancel: &'a Cancel,
    ) -> Self {
        Self {
            retry_policy,
            limit,
            failed: 0,
            mark,
            cancel,
        }
    }

    /// Waits before the next attempt, after `failure` with `done` bytes received. Returns the error if there is no attempt
    /// left.
    pub(super) fn wait(&mut self, failure: Failure, at: &Uri, done: u64) -> Result<(), HubError> {
        let (reason, server_wait) = match failure {
            Failure::Fatal(error) => return Err(error),
            Failure::Retryable { reason, wait } => (reason, wait),
        };
        if done >= self.mark.saturating_add(RESET_AFTER_BYTES) {
            self.failed = 0;
            self.mark = done;
        }
        if self.failed >= self.limit {
            return Err(HubError::network(address::host(at), &reason));
        }
        tracing::debug!(reason, failed = self.failed, "hub: retrying");
        let wait = self
            .retry_policy
            .first_wait
            .saturating_mul(1 << self.failed.min(10));
        self.failed += 1;
        sleep(
            server_wait
                .map_or(wait, |server_wait| server_wait.max(wait))
                .min(MAX_WAIT),
            self.cancel,
        )
    }
}

/// Sleeps, but wakes up when cancelled.
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
        std::thread::sleep(left.min(POLL_INTERVAL));
    }
}
