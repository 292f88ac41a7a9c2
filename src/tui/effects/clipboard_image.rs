//! Reads an image from the system clipboard through a helper program, on a worker thread.
//!
//! The terminal cannot do this: it pastes text only. Always limit the wait for the program.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::files::attached;
use crate::tui::state::Event;
use rounds_imaging::limits::MAX_FILE_BYTES;
use rounds_support::Failure;

/// How long to wait for a program.
const TIMEOUT: Duration = Duration::from_secs(5);
const NAME: &str = "clipboard";

/// A program that writes the clipboard's image to its output.
struct ClipboardTool {
    program: &'static str,
    arguments: &'static [&'static str],
    /// The environment variable that must be set for it to work.
    variable: Option<&'static str>,
}

const TOOLS: &[ClipboardTool] = &[
    ClipboardTool {
        program: "wl-paste",
        arguments: &["--no-newline", "--type", "image/png"],
        variable: Some("WAYLAND_DISPLAY"),
    },
    ClipboardTool {
        program: "xclip",
        arguments: &["-selection", "clipboard", "-target", "image/png", "-out"],
        variable: Some("DISPLAY"),
    },
    ClipboardTool {
        program: "pngpaste",
        arguments: &["-"],
        variable: None,
    },
];

/// Attaches the image on the clipboard.
pub fn attach() -> Event {
    let available = TOOLS.iter().filter(|tool| {
        let variable = tool.variable.map(std::env::var_os);
        variable.is_none_or(|value| value.is_some_and(|value| !value.is_empty()))
    });
    let mut result = Err(Failure::model(
        "no program found that can read images from the clipboard",
    )
    .hint("install wl-paste (Wayland), xclip (X11) or pngpaste (macOS), or save the image and use /attach"));
    for tool in available {
        match read_image(tool.program, tool.arguments, TIMEOUT) {
            Ok(Some(bytes)) => {
                result = attached(bytes.into(), NAME, None);
                break;
            }
            Ok(None) => {}
            Err(error) => result = Err(error),
        }
    }
    Event::Attached {
        name: NAME.into(),
        result: result.map(|attached| vec![attached]),
    }
}

/// The program's output; `None` if the program isn't installed.
fn read_image(
    program: &str,
    arguments: &[&str],
    timeout: Duration,
) -> Result<Option<Vec<u8>>, Failure> {
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
    // It has finished, failed, or hangs.
    let _ = child.kill();
    let _ = child.wait();
    match read {
        Ok(Ok(bytes)) if bytes.is_empty() => {
            Err(Failure::model("there is no image on the clipboard")
                .hint("copy an image first, or use /attach with the path of a file"))
        }
        Ok(Ok(bytes)) => Ok(Some(bytes)),
        Ok(Err(error)) => Err(Failure::model(format!("{program} failed: {error}"))),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(Failure::model(format!("{program} did not respond in time")))
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn from(script: &str, timeout: u64) -> Result<Option<Vec<u8>>, Failure> {
        read_image("sh", &["-c", script], Duration::from_millis(timeout))
    }

    #[test]
    fn the_programs_output_is_the_image() {
        assert_eq!(from("printf abc", 30_000).unwrap().unwrap(), b"abc");
    }

    #[test]
    fn an_empty_clipboard_a_hanging_program_and_a_missing_one_give_different_results() {
        let message = |result: Result<_, Failure>| result.unwrap_err().message;
        assert_eq!(
            message(from("true", 30_000)),
            "there is no image on the clipboard"
        );
        assert_eq!(
            message(from("exec sleep 60", 50)),
            "sh did not respond in time"
        );
        let absent = read_image("no-such-program-of-rounds", &[], TIMEOUT);
        assert_eq!(absent.unwrap(), None);
    }
}
