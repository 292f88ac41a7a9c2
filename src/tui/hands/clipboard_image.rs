//! An image from the system's clipboard, through the program that the system has for it. On a worker.
//!
//! The terminal cannot do this: it hands on text only. Never wait for such a program without end.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::files::attached;
use crate::tui::state::{Event, Trouble};
use rounds_imaging::decode::MAX_FILE_BYTES;

/// Longest wait for a program.
const TIMEOUT: Duration = Duration::from_secs(5);
const NAME: &str = "clipboard";

/// A program that prints the image on the clipboard.
struct Source {
    program: &'static str,
    arguments: &'static [&'static str],
    /// It can only be asked where this is set.
    variable: Option<&'static str>,
}

const SOURCES: &[Source] = &[
    Source {
        program: "wl-paste",
        arguments: &["--no-newline", "--type", "image/png"],
        variable: Some("WAYLAND_DISPLAY"),
    },
    Source {
        program: "xclip",
        arguments: &["-selection", "clipboard", "-target", "image/png", "-out"],
        variable: Some("DISPLAY"),
    },
    Source {
        program: "pngpaste",
        arguments: &["-"],
        variable: None,
    },
];

/// Attaches the image on the clipboard.
pub fn attach() -> Event {
    let there = SOURCES.iter().filter(|source| {
        let variable = source.variable.map(std::env::var_os);
        variable.is_none_or(|value| value.is_some_and(|value| !value.is_empty()))
    });
    let mut result = Err(Trouble::new(
        "no program was found that reads images from the clipboard",
    )
    .hint("install wl-paste (Wayland), xclip (X11) or pngpaste (macOS), or save the image and use /attach"));
    for source in there {
        match read_image(source.program, source.arguments, TIMEOUT) {
            Ok(Some(bytes)) => {
                result = attached(bytes.into(), NAME, None);
                break;
            }
            Ok(None) => {}
            Err(trouble) => result = Err(trouble),
        }
    }
    Event::Attached {
        name: NAME.into(),
        result,
    }
}

/// What the program prints; `None` where there is no such program.
fn read_image(
    program: &str,
    arguments: &[&str],
    timeout: Duration,
) -> Result<Option<Vec<u8>>, Trouble> {
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        return Ok(None);
    };
    let (sender, receiver) = channel();
    if let Some(mut out) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = out
                .by_ref()
                .take(MAX_FILE_BYTES + 1)
                .read_to_end(&mut bytes);
            let _ = sender.send(read.map(|_| bytes));
        });
    }
    let read = receiver.recv_timeout(timeout);
    // One that still writes, or hangs, is of no use any more.
    let _ = child.kill();
    let _ = child.wait();
    match read {
        Ok(Ok(bytes)) if bytes.is_empty() => {
            Err(Trouble::new("there is no image on the clipboard")
                .hint("copy an image first; the path of a file is attached by /attach"))
        }
        Ok(Ok(bytes)) => Ok(Some(bytes)),
        Ok(Err(error)) => Err(Trouble::new(format!("{program} failed: {error}"))),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(Trouble::new(format!("{program} did not answer in time")))
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn from(script: &str, timeout: u64) -> Result<Option<Vec<u8>>, Trouble> {
        read_image("sh", &["-c", script], Duration::from_millis(timeout))
    }

    #[test]
    fn what_the_program_prints_is_the_picture() {
        assert_eq!(from("printf abc", 30_000).unwrap().unwrap(), b"abc");
    }

    #[test]
    fn an_empty_clipboard_a_program_that_hangs_and_none_at_all_are_told_apart() {
        let message = |result: Result<_, Trouble>| result.unwrap_err().message;
        assert_eq!(
            message(from("true", 30_000)),
            "there is no image on the clipboard"
        );
        assert_eq!(
            message(from("exec sleep 60", 50)),
            "sh did not answer in time"
        );
        let absent = read_image("no-such-program-of-rounds", &[], TIMEOUT);
        assert_eq!(absent.unwrap(), None);
    }
}
