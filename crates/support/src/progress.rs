//! Progress and remarks on stderr, separate from the data on stdout.
//!
//! On a terminal the progress line is redrawn in place, at most ten times a second; elsewhere an occasional plain line is
//! written. Nothing here writes to stdout, and a closed stderr never stops the work.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::sanitise;

/// Minimum time between two redraws on a terminal.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum time between two lines when not on a terminal, while work advances.
const PLAIN_LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Writes a line to stderr, unsanitised. Unlike `eprintln!`, it does not panic if stderr is closed.
pub fn stderr_line(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A progress line. Dropping it ends the line, so that later output starts on a new one.
pub struct Progress {
    out: Box<dyn Write + Send>,
    terminal: bool,
    quiet: bool,
    label: String,
    total: Option<u64>,
    done: u64,
    started: Instant,
    drawn_at: Option<Instant>,
    drawn_tenth: u64,
    drawn_width: usize,
    finished: bool,
}

impl Progress {
    /// A line on stderr labelled `label` (for example `indexing`), counting up to `total` items if known.
    pub fn new(label: &str, total: Option<u64>) -> Self {
        Self::with_writer(
            Box::new(io::stderr()),
            io::stderr().is_terminal(),
            label,
            total,
        )
    }

    /// Like [`Progress::new`], but on any writer; `terminal` says whether the line can be redrawn in place.
    pub fn with_writer(
        out: Box<dyn Write + Send>,
        terminal: bool,
        label: &str,
        total: Option<u64>,
    ) -> Self {
        Self {
            out,
            terminal,
            quiet: false,
            label: sanitise::clean_line(label),
            total,
            done: 0,
            started: Instant::now(),
            drawn_at: None,
            drawn_tenth: 0,
            drawn_width: 0,
            finished: false,
        }
    }

    /// If `quiet`, nothing is written at all.
    #[must_use]
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Sets the number of items, once known.
    pub fn set_total(&mut self, total: Option<u64>) {
        self.total = total;
    }

    /// Sets the number of finished items; redraws if due.
    pub fn set(&mut self, done: u64) {
        self.done = done;
        if self.quiet || self.finished {
            return;
        }
        let now = Instant::now();
        let since = now.duration_since(self.drawn_at.unwrap_or(self.started));
        if self.terminal {
            if self.drawn_at.is_none() || since >= REDRAW_INTERVAL {
                self.draw(now);
            }
        } else {
            let tenth = self
                .total
                .filter(|&total| total > 0)
                .map_or(0, |total| done.saturating_mul(10) / total);
            if tenth > self.drawn_tenth || since >= PLAIN_LINE_INTERVAL {
                self.drawn_tenth = tenth;
                self.draw(now);
            }
        }
    }

    /// Writes a separate line, for example a warning about one item; sanitised.
    pub fn note(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        let text = sanitise::clean_line(text);
        let blank = " ".repeat(self.drawn_width.saturating_sub(text.chars().count()));
        let start = if self.drawn_width > 0 { "\r" } else { "" };
        self.write(&format!("{start}{text}{blank}\n"));
        self.drawn_width = 0;
        if self.terminal && self.drawn_at.is_some() && !self.finished {
            self.draw(Instant::now());
        }
    }

    /// Draws the final state and ends the line. Later calls do nothing.
    pub fn finish(&mut self) {
        if self.finished {
            return;
        }
        self.finished = true;
        if self.quiet {
            return;
        }
        self.draw(Instant::now());
        self.end_line();
    }

    fn draw(&mut self, now: Instant) {
        let line = line(
            &self.label,
            self.done,
            self.total,
            now.duration_since(self.started),
            self.finished,
        );
        let width = line.chars().count();
        if self.terminal {
            let blank = " ".repeat(self.drawn_width.saturating_sub(width));
            self.write(&format!("\r{line}{blank}"));
            self.drawn_width = width;
        } else {
            self.write(&format!("{line}\n"));
        }
        self.drawn_at = Some(now);
    }

    fn end_line(&mut self) {
        if self.drawn_width > 0 {
            self.write("\n");
            self.drawn_width = 0;
        }
    }

    /// Ignores errors: a closed stderr must not stop the work.
    fn write(&mut self, text: &str) {
        let _ = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end_line();
    }
}

/// The text of the line: `indexing 40/100 (40 %) 12.5/s, 5 s left`.
fn line(label: &str, done: u64, total: Option<u64>, elapsed: Duration, finished: bool) -> String {
    let seconds = elapsed.as_secs_f64();
    let rate = if seconds > 0.0 {
        done as f64 / seconds
    } else {
        0.0
    };
    let count = match total {
        Some(total) if total > 0 => {
            format!("{done}/{total} ({} %)", done.saturating_mul(100) / total)
        }
        _ => done.to_string(),
    };
    let pace = if rate >= 100.0 {
        format!("{rate:.0}/s")
    } else {
        format!("{rate:.1}/s")
    };
    let rest = match total {
        _ if finished => format!(", {} in all", span(seconds)),
        Some(total) if rate > 0.0 && total > done => {
            format!(", {} left", span((total - done) as f64 / rate))
        }
        _ => String::new(),
    };
    format!("{label} {count} {pace}{rest}")
}

/// A duration for people: `5 s`, `2 min 05 s`, `3 h 07 min`.
fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn a_line_shows_count_rate_and_time_left() {
        let text = line("indexing", 40, Some(100), Duration::from_secs(4), false);
        assert_eq!(text, "indexing 40/100 (40 %) 10.0/s, 6 s left");
        assert_eq!(
            line("reading", 7, None, Duration::from_secs(7), false),
            "reading 7 1.0/s"
        );
        assert_eq!(
            line("x", 1, Some(1), Duration::from_secs(125), true),
            "x 1/1 (100 %) 0.0/s, 2 min 05 s in all"
        );
    }

    #[test]
    fn without_a_terminal_a_plain_line_appears_for_each_tenth() {
        let out = Shared::default();
        let mut progress = Progress::with_writer(Box::new(out.clone()), false, "work", Some(1000));
        (0..=999).for_each(|done| progress.set(done));
        assert_eq!(out.text().lines().count(), 9);
        assert!(!out.text().contains('\r'));
    }

    #[test]
    fn on_a_terminal_redraws_are_rare_and_a_note_gets_its_own_line() {
        let out = Shared::default();
        let mut progress = Progress::with_writer(Box::new(out.clone()), true, "work", Some(1000));
        (0..=1000).for_each(|done| progress.set(done));
        assert!(out.text().matches('\r').count() <= 5);
        progress.note("skipped a\u{1B}[2Jb");
        progress.finish();
        progress.finish();
        assert!(out.text().contains("\rskipped a\u{FFFD}b"));
        assert!(out.text().ends_with(" in all\n"));
    }

    #[test]
    fn quiet_progress_writes_nothing() {
        let out = Shared::default();
        let mut progress =
            Progress::with_writer(Box::new(out.clone()), true, "work", None).quiet(true);
        progress.set(5);
        progress.note("hello");
        progress.finish();
        drop(progress);
        assert_eq!(out.text(), "");
    }
}
