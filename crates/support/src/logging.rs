//! A private log file, for those who ask for one with `ROUNDS_LOG`.
//!
//! Off by default: then no file and no folder is made. Nothing here writes to stdout or stderr, which belong to data and
//! to the surfaces. Lines may carry untrusted text, so each is cleaned on its way to the file. Never log an image, a
//! question or an answer above the `trace` level: logs are sent to strangers when something breaks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;

use super::paths::Paths;
use super::{files, sanitise};

/// The environment variable that turns logging on: `error`, `warn`, `info`, `debug` or `trace`.
pub const LEVEL_VARIABLE: &str = "ROUNDS_LOG";

/// Length in bytes past which a log is set aside as `rounds.log.1` at the next start.
const ROTATE_PAST: u64 = 4 << 20;

/// The level asked for in the environment; off when unset or not a level.
pub fn level_from_environment() -> LevelFilter {
    std::env::var(LEVEL_VARIABLE).map_or(LevelFilter::OFF, |value| parse_level(&value))
}

/// The level of a word, in any case; off when it is not one.
pub fn parse_level(word: &str) -> LevelFilter {
    match word.trim().to_ascii_lowercase().as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::OFF,
    }
}

/// Starts logging to `rounds.log` in the log folder. Returns the file's path, or `None` when logging is off, the file
/// cannot be opened, or logging was started before: none of these is worth failing for.
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

/// Opens the log for appending, private, after setting a long one aside.
fn open(path: &std::path::Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > ROTATE_PAST) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A log file that takes whole lines and cleans them.
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
    fn logging_that_is_off_makes_no_file_and_no_folder() {
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
    fn a_long_log_is_set_aside_once_and_a_new_one_begun() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rounds.log");
        open(&path).unwrap().set_len(ROTATE_PAST + 1).unwrap();
        assert_eq!(open(&path).unwrap().metadata().unwrap().len(), 0);
        assert_eq!(
            fs::metadata(folder.path().join("rounds.log.1"))
                .unwrap()
                .len(),
            ROTATE_PAST + 1
        );
    }

    #[test]
    fn a_logged_escape_sequence_does_not_reach_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rounds.log");
        let mut file = CleanFile(open(&path).unwrap());
        file.write_all(b"a\x1B[31mb\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\u{FFFD}b\n");
    }
}
