//! The event loop of a rating: draws the state, feeds it keys and runs its effects.
//!
//! One thread draws and handles keys; images are decoded and ratings written by workers.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::tui::detected::Detected;
use crate::tui::driver::image_worker::ImageWorker;
use crate::tui::driver::terminal::Terminal;
use crate::tui::driver::{detect, input};
use crate::tui::effects;
use crate::tui::message::{CHANNEL, Message};
use crate::tui::state::Event as ScreenEvent;
use crate::tui::terminal_image::{Gallery, ImageProtocol};
use crate::tui::view::Theme;
use crate::tui::{Colours, ExitReason, ImageMode, ThemeChoice};
use rounds_eval::rating::{RatingSet, Ratings, RatingsFile};
use rounds_support::Failure;

use super::state::{Effect, Event, Saving, State};
use super::view;
use super::writer::Writer;

/// Minimum time between frames.
const FRAME_TIME: Duration = Duration::from_millis(8);
/// Messages handled before the next frame, so that a flood of them cannot delay it.
const MAX_PER_FRAME: usize = 256;

/// How the screen looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    pub images: ImageMode,
    pub theme: ThemeChoice,
    pub colours: Colours,
}

/// How a rating ended.
pub struct Ended {
    pub reason: ExitReason,
    /// Answers with points, and answers in all.
    pub rated: (usize, usize),
    /// A rating that could not be saved.
    pub lost: Option<Failure>,
}

struct Driver {
    state: State,
    gallery: Gallery,
    theme: Theme,
    applied_theme: ThemeChoice,
    terminal: Terminal,
    image_worker: ImageWorker,
    writer: Writer,
    look: Look,
    detected: Detected,
    leaving: Option<ExitReason>,
}

/// Rates until the user leaves, a signal arrives, or the terminal goes away. The terminal is restored in every case.
pub fn run(
    set: RatingSet,
    file: RatingsFile,
    ratings: &Ratings,
    look: Look,
) -> anyhow::Result<Ended> {
    let detected = Detected::from_environment();
    let depth = detect::colour_depth(look.colours);
    let (sender, receiver) = sync_channel(CHANNEL);
    // Before taking over the terminal: from then on every signal must restore it first.
    effects::listen(sender.clone())?;
    // A guess until the terminal has replied.
    let protocol = detect::image_protocol(look.images, None);
    let mut driver = Driver {
        state: State::new(set, ratings),
        gallery: Gallery::new(detect::screen(protocol, &detected, depth)),
        theme: Theme::new(depth, look.theme),
        applied_theme: look.theme,
        image_worker: ImageWorker::start(sender.clone())?,
        writer: Writer::start(file, sender.clone())?,
        terminal: Terminal::enter().context("could not set up the terminal")?,
        leaving: None,
        look,
        detected,
    };
    driver.draw();
    driver.begin(sender)?;
    let reason = driver.run(&receiver);
    Ok(driver.finish(reason))
}

impl Driver {
    /// After the first frame: queries the terminal, then starts reading keys.
    fn begin(&mut self, sender: SyncSender<Message>) -> anyhow::Result<()> {
        let wanted = self.look.images == ImageMode::Auto || self.look.theme == ThemeChoice::Auto;
        let query_terminal = wanted && detect::can_query();
        if query_terminal {
            let colours = self.look.colours != Colours::None;
            let query = detect::query(self.detected.tmux, colours);
            self.terminal.write(&query);
        }
        input::listen(sender, query_terminal.then(|| self.detected.clone()))?;
        Ok(())
    }

    fn run(&mut self, receiver: &Receiver<Message>) -> ExitReason {
        let mut drawn = Instant::now();
        let mut due = false;
        loop {
            if let Some(reason) = self.leaving {
                return reason;
            }
            let message = match due {
                true => receiver.recv_timeout(FRAME_TIME.saturating_sub(drawn.elapsed())),
                false => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let first = match message {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return ExitReason::TerminalGone,
            };
            let more = std::iter::from_fn(|| receiver.try_recv().ok());
            for message in first.into_iter().chain(more).take(MAX_PER_FRAME) {
                due = true;
                self.handle_message(message);
            }
            self.take_results();
            if due && drawn.elapsed() >= FRAME_TIME {
                self.draw();
                drawn = Instant::now();
                due = false;
            }
        }
    }

    fn handle_message(&mut self, message: Message) {
        match message {
            Message::Event(ScreenEvent::Key(press)) => self.tell(Event::Key(press)),
            Message::Event(ScreenEvent::Terminate(reason)) => self.tell(Event::Terminate(reason)),
            Message::ImageReady {
                generation,
                request,
                encoded,
            } if generation == self.gallery.generation => self.gallery.put(request, encoded),
            Message::Detected(detected) => {
                self.detected = detected;
                self.set_screen();
            }
            Message::Suspend => self.suspend(),
            // A new size only has to be drawn. The rest is about the chat.
            _ => {}
        }
    }

    fn take_results(&mut self) {
        while let Some(result) = self.writer.result() {
            self.tell(Event::Saved(result));
        }
    }

    fn tell(&mut self, event: Event) {
        for effect in self.state.handle(event) {
            match effect {
                Effect::Save(entry) => self.writer.write(entry),
                Effect::Leave(reason) => self.leaving = Some(reason),
                Effect::Suspend => self.suspend(),
                Effect::Redraw => self.terminal.clear(),
            }
        }
    }

    fn set_screen(&mut self) {
        let protocol = detect::image_protocol(self.look.images, Some(&self.detected));
        let depth = self.gallery.screen().depth;
        let screen = detect::screen(protocol, &self.detected, depth);
        if screen != self.gallery.screen() {
            self.gallery.set_screen(screen);
        }
        let wanted = match (self.look.theme, self.detected.light) {
            (ThemeChoice::Auto, Some(true)) => ThemeChoice::Light,
            (ThemeChoice::Auto, _) => ThemeChoice::Dark,
            (chosen, _) => chosen,
        };
        if self.applied_theme != wanted {
            self.applied_theme = wanted;
            self.theme = Theme::new(depth, wanted);
        }
    }

    fn draw(&mut self) {
        let (state, gallery, theme) = (&self.state, &mut self.gallery, &self.theme);
        let mut shown = None;
        let drawn = self
            .terminal
            .draw(|frame| shown = Some(view::draw(frame, state, gallery, theme)));
        if let Some(shown) = shown {
            self.state.shown = shown;
        }
        self.image_worker
            .follow(&mut self.gallery, &mut self.terminal, self.detected.tmux);
        if drawn.is_err() && self.leaving.is_none() {
            self.tell(Event::Terminate(ExitReason::TerminalGone));
        }
    }

    /// Restores the terminal, stops the process, and takes the terminal over again when continued.
    fn suspend(&mut self) {
        self.terminal.leave();
        effects::stop_here();
        if self.terminal.reenter().is_err() {
            return self.tell(Event::Terminate(ExitReason::TerminalGone));
        }
        // The terminal may have lost its images.
        let screen = self.gallery.screen();
        self.gallery.set_screen(screen);
    }

    /// Restores the terminal first, then waits for the last rating to be on disk.
    fn finish(mut self, reason: ExitReason) -> Ended {
        if self.gallery.screen().protocol == ImageProtocol::Kitty {
            self.terminal.delete_all_images(self.detected.tmux);
        }
        self.terminal.leave();
        // Keys that were pressed faster than the disk could write are still in the state's queue.
        while self.state.saving == Saving::Busy {
            let Some(result) = self.writer.wait() else {
                break;
            };
            for effect in self.state.handle(Event::Saved(result)) {
                if let Effect::Save(entry) = effect {
                    self.writer.write(entry);
                }
            }
        }
        let lost = match &self.state.saving {
            Saving::Saved => None,
            Saving::Busy => Some(Failure::model("the last rating may not be saved")),
            Saving::Failed(failure) => Some(failure.clone()),
        };
        Ended {
            reason,
            rated: (self.state.rated(), self.state.set.answers()),
            lost,
        }
    }
}
