//! How long the reading of a file may take. A small file can be made to keep a decoder busy for hours.
//!
//! The limit belongs to a thread, so that decoders need not hand it on: their loops ask `is_over` and end as if the stream were cut
//! off there, and whoever called them asks `check`, which makes it an error.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::error::{Fault, ScanError};
use crate::limits::MAX_FILE_TIME;

thread_local! {
    static LIMIT: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// Does `work`, within which the reading of all files together may take so long. A shorter limit around it stays.
pub fn within<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<(Instant, Duration)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LIMIT.set(self.0);
        }
    }
    let before = LIMIT.get();
    let _restore = Restore(before);
    let until = Instant::now() + limit;
    if before.is_none_or(|(earlier, _)| until < earlier) {
        LIMIT.set(Some((until, limit)));
    }
    work()
}

/// Does `work` with one file, within the limit of a file.
pub(crate) fn of_file<T>(work: impl FnOnce() -> T) -> T {
    within(MAX_FILE_TIME, work)
}

/// Does `read` with the file `name`, within the limit of a file. What ended early because the time is over is an error.
pub(crate) fn reading<T>(
    name: &str,
    read: impl FnOnce() -> Result<T, ScanError>,
) -> Result<T, ScanError> {
    of_file(|| {
        let read = read()?;
        check().map_err(|fault| fault.in_file(name))?;
        Ok(read)
    })
}

/// Whether the time is over. Cheap enough for every line of an image.
pub(crate) fn is_over() -> bool {
    LIMIT
        .get()
        .is_some_and(|(until, _)| Instant::now() >= until)
}

/// When the time is over, for threads that help this one.
pub(crate) fn until() -> Option<Instant> {
    LIMIT.get().map(|(until, _)| until)
}

/// An error if the time is over.
pub(crate) fn check() -> Result<(), Fault> {
    match LIMIT.get() {
        Some((until, limit)) if Instant::now() >= until => Err(Fault::TooSlow {
            seconds: limit.as_secs(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_limit_counts_and_ends_with_its_work() {
        assert!(check().is_ok() && !is_over());
        within(Duration::ZERO, || {
            assert_eq!(check(), Err(Fault::TooSlow { seconds: 0 }));
            of_file(|| assert!(is_over(), "a longer one does not prolong it"));
        });
        of_file(|| assert!(!is_over()));
        let caught = std::panic::catch_unwind(|| within(Duration::ZERO, || panic!("a decoder")));
        assert!(caught.is_err() && !is_over());
    }
}
