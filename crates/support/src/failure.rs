//! What the user is told when something fails: a message, a hint, and the kind that decides the exit code.
//!
//! All interfaces use this one type. Its texts are sanitised when it is made, so it can be shown as it is.

use std::fmt::{self, Display};
use std::io;

use super::{Hint, sanitise};

/// Maximum length of a message or hint, in characters.
const MAX_CHARS: usize = 1000;

/// Whose fault it was, as far as exit codes and scripts distinguish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureKind {
    /// The request: a wrong flag, a name that does not exist, values that conflict.
    #[default]
    Usage,
    /// The settings file, an environment variable or the home folder.
    Configuration,
    /// An image that cannot be used.
    Image,
    /// The model, the index or a store.
    Model,
    /// A file, a folder or a stream.
    Io,
    /// The user stopped it.
    Interrupted,
    /// The reader of the output has gone: not an error, and nothing is said.
    ClosedPipe,
}

impl FailureKind {
    /// The program's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage | Self::Configuration => 2,
            Self::Image | Self::Model | Self::Io => 3,
            Self::Interrupted => 130,
            Self::ClosedPipe => 0,
        }
    }

    /// The `code` of an error event of `rounds script`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usage | Self::Configuration => "bad-request",
            Self::Image => "bad-image",
            Self::Model | Self::Io | Self::Interrupted | Self::ClosedPipe => "model",
        }
    }
}

/// A message and a hint, both sanitised and on one line, and the kind of the failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What failed and where.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Decides the exit code.
    pub kind: FailureKind,
}

impl Failure {
    /// A failure of this kind, without a hint.
    pub fn new(kind: FailureKind, message: impl Display) -> Self {
        Self {
            message: sanitise::clean_line_max(&message.to_string(), MAX_CHARS),
            hint: None,
            kind,
        }
    }

    /// The request is at fault.
    pub fn usage(message: impl Display) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// The model, the index, a store or the program itself is at fault.
    pub fn model(message: impl Display) -> Self {
        Self::new(FailureKind::Model, message)
    }

    /// A failed read or write of a stream; a closed pipe is not a failure.
    pub fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(FailureKind::ClosedPipe, ""),
            _ => Self::new(
                FailureKind::Io,
                format_args!("cannot read or write: {error}"),
            ),
        }
    }

    /// Any error of this program, with its own hint and kind.
    pub fn of<E: Display + Hint>(error: &E) -> Self {
        let failure = Self::new(error.kind(), error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(sanitise::clean_line_max(&hint.to_string(), MAX_CHARS));
        self
    }

    /// The same failure, of another kind.
    pub fn kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }

    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// The lines for a terminal or a log: the message and the hint, each after its word. None for a closed pipe.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let message = (self.kind != FailureKind::ClosedPipe).then(|| format!("error: {self}"));
        let hint = self.hint.iter().map(|hint| format!("hint: {hint}"));
        message.into_iter().chain(hint)
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl<E: std::error::Error + Hint> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileError, paths::NoHome};
    use std::path::Path;

    #[test]
    fn an_error_becomes_a_failure_with_its_hint_and_exit_code() {
        fn fails() -> Result<(), Failure> {
            Err(FileError::from_io(
                Path::new("scan.png"),
                "read",
                &io::ErrorKind::NotFound.into(),
            ))?
        }
        let failure = fails().unwrap_err();
        assert_eq!(failure.to_string(), "not found: scan.png");
        assert!(failure.hint.as_deref().unwrap().contains("spelling"));
        assert_eq!((failure.kind, failure.exit_code()), (FailureKind::Io, 3));
        assert_eq!(Failure::of(&NoHome).kind, FailureKind::Configuration);
        assert_eq!(Failure::usage("no such index").exit_code(), 2);
        let stopped = Failure::model("stopped").kind(FailureKind::Interrupted);
        assert_eq!(stopped.exit_code(), 130);
    }

    #[test]
    fn a_message_and_its_hint_are_cleaned_and_limited() {
        let hostile = "\u{1B}]52;c;eA==\u{7}a\nb".to_owned() + &"x".repeat(5000);
        let failure = Failure::usage(&hostile).hint(&hostile);
        for text in [&failure.message, failure.hint.as_ref().unwrap()] {
            assert!(!text.contains("52;c") && !text.contains(['\u{1B}', '\n']));
            assert_eq!(text.chars().count(), MAX_CHARS);
        }
    }

    #[test]
    fn a_closed_pipe_says_nothing_and_is_no_error() {
        let closed = Failure::io(&io::ErrorKind::BrokenPipe.into());
        assert_eq!((closed.exit_code(), closed.lines().count()), (0, 0));
        let full = Failure::io(&io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit_code(), 3);
        assert!(full.lines().next().unwrap().starts_with("error: cannot"));
    }
}
