//! Messages from other threads to the thread that owns a state: a full screen's, or the line mode's. Each reads one channel.

use crossterm::event;

use super::ExitReason;
use super::backend::OpenedAssistant;
use super::detected::Detected;
use super::keys::Press;
use super::state::Event;
use super::terminal_image::{Encoded, Request};
use rounds_support::Failure;
use rounds_support::lines::Line;

/// Bounded, so that a slow reader blocks the senders instead of filling memory.
pub const CHANNEL: usize = 1024;
/// Lines scrolled per step of the mouse wheel.
const WHEEL: isize = 3;

/// What any mode is told; `N` is what the workers of one mode send. The chat's by default.
pub enum Message<N = News> {
    Input(Input),
    /// An image is ready to draw.
    ImageReady {
        generation: u64,
        request: Request,
        encoded: Encoded,
    },
    Detected(Detected),
    Suspend,
    News(N),
}

/// What the user, the terminal or a signal did.
#[derive(Debug)]
pub enum Input {
    Key(Press),
    Paste(String),
    Click {
        column: u16,
        row: u16,
    },
    /// The mouse moved with its button down.
    Drag {
        column: u16,
        row: u16,
    },
    /// The button went up.
    Release,
    Scroll {
        column: u16,
        row: u16,
        lines: isize,
    },
    Resize {
        columns: u16,
        rows: u16,
    },
    /// The process goes on after it was stopped.
    Resumed,
    /// A signal or a closed terminal: leave now.
    Terminate(ExitReason),
}

/// What the workers of the chat send.
pub enum News {
    Event(Event),
    Opened {
        job: u64,
        result: Result<Box<OpenedAssistant>, Failure>,
    },
    /// Study mode, while it is open over the chat.
    Study {
        /// Which of the openings it is from.
        opening: u64,
        event: crate::study::Event,
    },
    /// The session store has written everything.
    StoreDone,
    /// A line of the input; `None` at its end.
    Line(Option<std::io::Result<Line>>),
}

impl Message {
    /// An event for the state of the chat.
    pub fn event(event: Event) -> Self {
        Self::News(News::Event(event))
    }
}

impl Input {
    /// Whether the user waits to see what it does.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Key(_)
            | Self::Paste(_)
            | Self::Click { .. }
            | Self::Scroll { .. }
            | Self::Resize { .. } => true,
            Self::Drag { .. } | Self::Release | Self::Resumed | Self::Terminate(_) => false,
        }
    }

    /// What crossterm read, unless nothing here is about it.
    pub fn of_terminal(event: event::Event) -> Option<Self> {
        use event::{KeyEventKind, MouseButton, MouseEventKind};

        Some(match event {
            event::Event::Key(key) if key.kind != KeyEventKind::Release => {
                Self::Key(Press::from(key))
            }
            event::Event::Paste(text) => Self::Paste(text),
            event::Event::Resize(columns, rows) => Self::Resize { columns, rows },
            event::Event::Mouse(mouse) => {
                let (column, row) = (mouse.column, mouse.row);
                let scroll = |lines| Self::Scroll { column, row, lines };
                match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => Self::Click { column, row },
                    MouseEventKind::Drag(MouseButton::Left) => Self::Drag { column, row },
                    MouseEventKind::Up(MouseButton::Left) => Self::Release,
                    MouseEventKind::ScrollUp => scroll(-WHEEL),
                    MouseEventKind::ScrollDown => scroll(WHEEL),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

impl From<Input> for Event {
    fn from(input: Input) -> Self {
        match input {
            Input::Key(press) => Self::Key(press),
            Input::Paste(text) => Self::Paste(text),
            Input::Click { column, row } => Self::Click { column, row },
            Input::Drag { column, row } => Self::Drag { column, row },
            Input::Release => Self::Release,
            Input::Scroll { column, row, lines } => Self::Scroll { column, row, lines },
            Input::Resize { columns, rows } => Self::Resize { columns, rows },
            Input::Resumed => Self::Resumed,
            Input::Terminate(reason) => Self::Terminate(reason),
        }
    }
}
