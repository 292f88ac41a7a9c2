//! What other threads say to the one thread that owns the state. Both faces listen to one channel of these.

use super::driver::Detected;
use super::house::Opened;
use super::picture::{Encoded, Request};
use super::state::{Event, Trouble};
use rounds_support::lines::Line;

/// A channel that is full means a reader that is far behind; nobody may fill memory instead.
pub const CHANNEL: usize = 1024;

/// News from a worker, a signal or the input.
pub enum Message {
    Event(Event),
    Opened {
        job: u64,
        result: Result<Box<Opened>, Trouble>,
    },
    /// The session store has written everything.
    StoreDone,
    /// A picture is ready for the screen.
    Shown {
        generation: u64,
        request: Request,
        encoded: Encoded,
    },
    Detected(Detected),
    Suspend,
    /// A line of the input; `None` at its end.
    Line(Option<std::io::Result<Line>>),
}
