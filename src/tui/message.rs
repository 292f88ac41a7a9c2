//! Messages from other threads to the thread that owns the state. Both the full screen and the line mode read one
//! channel.

use super::backend::OpenedAssistant;
use super::detected::Detected;
use super::state::Event;
use super::terminal_image::{Encoded, Request};
use rounds_support::Failure;
use rounds_support::lines::Line;

/// Bounded, so that a slow reader blocks the senders instead of filling memory.
pub const CHANNEL: usize = 1024;

/// News from a worker, a signal or the input.
pub enum Message {
    Event(Event),
    Opened {
        job: u64,
        result: Result<Box<OpenedAssistant>, Failure>,
    },
    /// The session store has written everything.
    StoreDone,
    /// An image is ready to draw.
    ImageReady {
        generation: u64,
        request: Request,
        encoded: Encoded,
    },
    Detected(Detected),
    Suspend,
    /// A line of the input; `None` at its end.
    Line(Option<std::io::Result<Line>>),
}
