//! The full screen: the terminal, its images and theme, and the loop that every mode on it shares.
//!
//! One thread draws and handles messages; it never decodes, encodes, reads files or waits for anything but messages. All
//! other threads send it messages through one bounded channel. What a mode shows and does is the mode's alone: nothing
//! here may know a question, an answer or a rating.
//!
//! # A new mode
//!
//! It needs a pure `state` (events in, effects out; no I/O, no clock), a `view` that only draws, and effects that its
//! workers carry out. What joins them is a [`Mode`]; the chat's is in `tui::driver`, a rater's in `rate::driver`.
//!
//! ```ignore
//! let (sender, receiver) = screen::channel();
//! let full_screen = FullScreen::enter(look, &sender)?;
//! let mut study = Study { state, writer: Writer::start(sender.clone())? };
//! let reason = full_screen.run(&mut study, sender, &receiver)?;
//! // The terminal is restored here: wait for what is still being saved, and say how it ended.
//! ```
//!
//! * [`Mode::draw`] calls the view with the gallery and the theme. `gallery.draw` shows an image, or notes that it is missing;
//!   after the frame the image worker fetches what was missing, and the next frame has it. The view sets
//!   `gallery.covered` while a window covers images.
//! * [`Mode::input`] turns keys, mouse and signals into events of the state. Every mode must leave on
//!   [`Input::Terminate`].
//! * [`Mode::News`] is whatever the mode's workers send through the same channel, as `Message::News`. [`Mode::news`]
//!   turns it into events. `()` serves where a worker only wakes the loop.
//! * [`Mode::settle`] runs after the messages of a frame, for what depends on the state as a whole.
//! * The effects that belong to the screen are methods of [`FullScreen`]: `leave`, `suspend`, `redraw`, `copy`,
//!   `set_images`, `set_theme`. Everything else is the mode's own.
//!
//! An interrupt, Ctrl-Z, `fg`, a terminal that goes away, a change of size, late replies of the terminal, the time
//! between frames and restoring the terminal, also after a panic, are dealt with here.

mod capabilities;
mod clipboard;
pub(crate) mod detect;
mod full_screen;
mod image_worker;
mod input;
#[cfg(unix)]
mod input_parser;
mod pace;
mod positioning_backend;
mod terminal;
#[cfg(unix)]
mod terminal_query;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use ratatui::Frame;

use super::message::{CHANNEL, Input, Message};
use super::terminal_image::Gallery;
use super::view::Theme;
use super::{Colours, ExitReason, ImageMode, ThemeChoice};

pub use capabilities::{Capabilities, capabilities};
pub use full_screen::FullScreen;

use pace::Pace;

/// Messages handled before the next frame, so that a flood of them cannot delay it.
const MAX_MESSAGES_PER_FRAME: usize = 256;

/// How a screen looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    pub images: ImageMode,
    pub theme: ThemeChoice,
    pub colours: Colours,
}

/// What is on the screen, and what its keys do.
pub trait Mode {
    /// What its workers send.
    type News: Send + 'static;

    /// After the first frame, before any input.
    fn begin(&mut self, _screen: &mut FullScreen) {}

    /// Handles what the user, the terminal or a signal did.
    fn input(&mut self, input: Input, screen: &mut FullScreen);

    /// Handles what a worker sent.
    fn news(&mut self, news: Self::News, screen: &mut FullScreen);

    /// After the messages of a frame.
    fn settle(&mut self, _screen: &mut FullScreen) {}

    /// Draws everything.
    fn draw(&mut self, frame: &mut Frame, gallery: &mut Gallery, theme: &Theme);
}

/// The channel of a mode.
pub fn channel<N>() -> (SyncSender<Message<N>>, Receiver<Message<N>>) {
    sync_channel(CHANNEL)
}

impl FullScreen {
    /// Runs a mode until it leaves, a signal arrives, or the terminal goes away. The terminal is restored in every case.
    pub fn run<M: Mode>(
        mut self,
        mode: &mut M,
        sender: SyncSender<Message<M::News>>,
        receiver: &Receiver<Message<M::News>>,
    ) -> std::io::Result<ExitReason> {
        self.draw(mode);
        // Queries of the terminal and keys only now: the first frame must not wait for them.
        self.listen(sender)?;
        mode.begin(&mut self);
        let reason = self.serve(mode, receiver);
        self.restore();
        Ok(reason)
    }

    fn serve<M: Mode>(
        &mut self,
        mode: &mut M,
        receiver: &Receiver<Message<M::News>>,
    ) -> ExitReason {
        let mut pace = Pace::new(Instant::now());
        loop {
            if let Some(reason) = self.leaving() {
                return reason;
            }
            let message = match pace.wait(Instant::now()) {
                Some(pause) => receiver.recv_timeout(pause),
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let first = match message {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return ExitReason::TerminalGone,
            };
            let more = std::iter::from_fn(|| receiver.try_recv().ok());
            for message in first.into_iter().chain(more).take(MAX_MESSAGES_PER_FRAME) {
                pace.note(matches!(&message, Message::Input(input) if input.is_urgent()));
                self.handle(message, mode);
            }
            mode.settle(self);
            if pace.is_due(Instant::now()) {
                self.draw(mode);
                pace.drawn(Instant::now());
            }
        }
    }

    fn handle<M: Mode>(&mut self, message: Message<M::News>, mode: &mut M) {
        match message {
            Message::Input(input) => mode.input(input, self),
            Message::News(news) => mode.news(news, self),
            Message::ImageReady {
                generation,
                request,
                encoded,
            } => self.image_ready(generation, request, encoded),
            Message::Detected(detected) => self.detected(detected),
            Message::Suspend => self.suspend(),
        }
        if self.take_suspending() {
            self.stop(mode);
        }
    }

    fn draw<M: Mode>(&mut self, mode: &mut M) {
        let drawn = self.draw_with(|frame, gallery, theme| mode.draw(frame, gallery, theme));
        if drawn.is_err() && self.leaving().is_none() {
            mode.input(Input::Terminate(ExitReason::TerminalGone), self);
        }
    }

    /// Restores the terminal, stops the process, and takes the terminal over again when continued.
    fn stop<M: Mode>(&mut self, mode: &mut M) {
        if self.stop_process().is_err() {
            return mode.input(Input::Terminate(ExitReason::TerminalGone), self);
        }
        mode.input(Input::Resumed, self);
        if let Ok((columns, rows)) = crossterm::terminal::size() {
            mode.input(Input::Resize { columns, rows }, self);
        }
    }
}
