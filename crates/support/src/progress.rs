//! What is said on stderr beside the data: how far a long piece of work is, and remarks.
//!
//! On a terminal the progress line is redrawn in place, at most ten times a second; elsewhere plain lines come now and then. It
//! never writes to stdout, and never keeps the work from going on when stderr is closed.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::sanitise;

/// Shortest time between two drawings on a terminal.
const REDRAW: Duration = Duration::from_millis(100);
/// Longest silence of a work that advances, when not on a terminal.
const SILENCE: Duration = Duration::from_secs(10);

/// Writes a line of its own, as it is. Where nobody can read it the work goes on: `eprintln!` would panic there.
pub fn aside(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A progress line. Dropping it ends the line, so that whatever is printed next starts on its own.
pub struct Progress {
    out: Box<dyn Write + Send>,
    terminal: bool,
    quiet: bool,
    what: String,
    total: Option<u64>,
    done: u64,
    started: Instant,
    drawn_at: Option<Instant>,
    drawn_tenth: u64,
    drawn_width: usize,
    finished: bool,
}

impl Progress {
    /// A line on stderr for `what` (for example `indexing`), counting to `total` items if that is known.
    pub fn new(what: &str, total: Option<u64>) -> Self {
        Self::to(
            Box::new(io::stderr()),
            io::stderr().is_terminal(),
            what,
            total,
        )
    }

    /// As [`Progress::new`], but on any writer; `terminal` says whether the line may be redrawn in place.
    pub fn to(out: Box<dyn Write + Send>, terminal: bool, what: &str, total: Option<u64>) -> Self {
        Self {
            out,
            terminal,
            quiet: false,
            what: sanitise::clean_line(what),
            total,
            done: 0,
            started: Instant::now(),
            drawn_at: None,
            drawn_tenth: 0,
            drawn_width: 0,
            finished: false,
        }
    }

    /// With `quiet`, nothing at all is written.
    #[must_use]
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Says how many items there are, once that is known.
    pub fn expect(&mut self, total: Option<u64>) {
        self.total = total;
    }

    /// Says that `done` items are done; draws if it is time to.
    pub fn set(&mut self, done: u64) {
        self.done = done;
        if self.quiet || self.finished {
            return;
        }
        let now = Instant::now();
        let since = now.duration_since(self.drawn_at.unwrap_or(self.started));
        if self.terminal {
            if self.drawn_at.is_none() || since >= REDRAW {
                self.draw(now);
            }
        } else {
            let tenth = self
                .total
                .filter(|&total| total > 0)
                .map_or(0, |total| done.saturating_mul(10) / total);
            if tenth > self.drawn_tenth || since >= SILENCE {
                self.drawn_tenth = tenth;
                self.draw(now);
            }
        }
    }

    /// Writes a line of its own, for example a warning about one item; cleaned.
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

    /// Draws the last state and ends the line. Later calls do nothing.
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
            &self.what,
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

    /// A closed stderr is no reason to stop the work.
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
fn line(what: &str, done: u64, total: Option<u64>, elapsed: Duration, finished: bool) -> String {
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
    format!("{what} {count} {pace}{rest}")
}

/// A time for people: `5 s`, `2 min 05 s`, `3 h 07 min`.
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
    fn off_a_terminal_there_is_a_plain_line_for_each_tenth() {
        let out = Shared::default();
        let mut progress = Progress::to(Box::new(out.clone()), false, "work", Some(1000));
        (0..=999).for_each(|done| progress.set(done));
        assert_eq!(out.text().lines().count(), 9);
        assert!(!out.text().contains('\r'));
    }

    #[test]
    fn on_a_terminal_the_line_is_redrawn_seldom_and_a_note_stands_alone() {
        let out = Shared::default();
        let mut progress = Progress::to(Box::new(out.clone()), true, "work", Some(1000));
        (0..=1000).for_each(|done| progress.set(done));
        assert!(out.text().matches('\r').count() <= 5);
        progress.note("skipped a\u{1B}[2Jb");
        progress.finish();
        progress.finish();
        assert!(out.text().contains("\rskipped a\u{FFFD}b"));
        assert!(out.text().ends_with(" in all\n"));
    }

    #[test]
    fn a_quiet_progress_writes_nothing() {
        let out = Shared::default();
        let mut progress = Progress::to(Box::new(out.clone()), true, "work", None).quiet(true);
        progress.set(5);
        progress.note("hello");
        progress.finish();
        drop(progress);
        assert_eq!(out.text(), "");
    }
}
