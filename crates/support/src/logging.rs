//! A private log file, enabled with `ROUNDS_LOG`.
//!
//! Off by default, and then neither file nor folder is created. Nothing here writes to stdout or stderr, which belong to
//! data and the user interface. Lines may contain untrusted text, so each is sanitised before it is written. Never log an
//! image, a question or an answer above the `trace` level: users share logs with strangers when something breaks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;

use super::paths::Paths;
use super::{files, sanitise};

/// The environment variable that turns logging on: `error`, `warn`, `info`, `debug` or `trace`.
const LEVEL_VARIABLE: &str = "ROUNDS_LOG";

/// A longer log is renamed to `rounds.log.1` at the next start.
const MAX_LOG_BYTES: u64 = 4 << 20;

/// The level set in the environment; off if unset or invalid.
pub fn level_from_environment() -> LevelFilter {
    std::env::var(LEVEL_VARIABLE).map_or(LevelFilter::OFF, |value| parse_level(&value))
}

/// Parses a level, ignoring case; off if invalid.
fn parse_level(word: &str) -> LevelFilter {
    match word.trim().to_ascii_lowercase().as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::OFF,
    }
}

/// Starts logging to `rounds.log` in the log folder. Returns the path of the file, or `None` if logging is off, already
/// started, or the file cannot be opened: none of these should stop the program.
pub fn init(paths: &Paths, level: LevelFilter) -> Option<PathBuf> {
    if level == LevelFilter::OFF {
        return None;
    }
    files::create_private_dir(&paths.log_dir).ok()?;
    let path = paths.log_dir.join("rounds.log");
    let file = open(&path).ok()?;
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(Mutex::new(CleanFile(file)))
        .finish();
    tracing::subscriber::set_global_default(subscriber).ok()?;
    Some(path)
}

/// Opens the log for appending, private, after rotating a long one.
fn open(path: &std::path::Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_LOG_BYTES) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A log file that sanitises the lines written to it.
struct CleanFile(File);

impl Write for CleanFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let cleaned = sanitise::clean(&String::from_utf8_lossy(line));
        self.0.write_all(cleaned.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logging_that_is_off_creates_no_file_or_folder() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(&folder.path().join("home"));
        assert_eq!(init(&paths, LevelFilter::OFF), None);
        assert!(!folder.path().join("home").exists());
    }

    #[test]
    fn an_unknown_level_means_off() {
        assert_eq!(parse_level("loud"), LevelFilter::OFF);
        assert_eq!(parse_level(" Debug "), LevelFilter::DEBUG);
    }

    #[test]
    fn a_long_log_is_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rounds.log");
        open(&path).unwrap().set_len(MAX_LOG_BYTES + 1).unwrap();
        assert_eq!(open(&path).unwrap().metadata().unwrap().len(), 0);
        assert_eq!(
            fs::metadata(folder.path().join("rounds.log.1"))
                .unwrap()
                .len(),
            MAX_LOG_BYTES + 1
        );
    }

    #[test]
    fn an_escape_sequence_does_not_reach_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rounds.log");
        let mut file = CleanFile(open(&path).unwrap());
        file.write_all(b"a\x1B[31mb\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\u{FFFD}b\n");
    }
}
