//! The full-screen event loop: draws the state, feeds it events and runs the effects it returns.
//!
//! One thread draws and handles events; it never decodes, encodes, reads files or waits for anything but events. All
//! other threads send it messages through one bounded channel.

mod capabilities;
mod clipboard;
pub(crate) mod detect;
pub(crate) mod image_worker;
pub(crate) mod input;
#[cfg(unix)]
mod input_parser;
mod positioning_backend;
pub(crate) mod terminal;
#[cfg(unix)]
mod terminal_query;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::detected::Detected;
use super::effects::{self, EffectRunner};
use super::message::{CHANNEL, Message};
use super::state::{Effect, Event, Start, State};
use super::terminal_image::{Gallery, ImageProtocol, Lines, lines};
use super::view::{self, Memo, Theme};
use super::{Colours, Ended, ExitReason, ImageMode, Journal, Options, ThemeChoice};
use rounds_assistant::{Settings, Setup};
use rounds_support::Failure;

pub use capabilities::{Capabilities, capabilities};

use image_worker::ImageWorker;
use terminal::Terminal;

/// Minimum time between frames for background updates: about 60 frames per second.
const FRAME_TIME: Duration = Duration::from_millis(16);
/// Minimum time between frames after user input: short, but a key held down must not flood the terminal.
const KEY_FRAME_TIME: Duration = Duration::from_millis(4);
/// Events handled before the next frame, so that a flood of them cannot delay it.
const MAX_EVENTS_PER_FRAME: usize = 256;

/// The event loop's state.
struct Driver {
    state: State,
    gallery: Gallery,
    memo: Memo,
    theme: Theme,
    terminal: Terminal,
    runner: EffectRunner,
    image_worker: ImageWorker,
    started: Instant,
    images: ImageMode,
    detected: Detected,
    /// The choice that `theme` was built for.
    applied_theme: ThemeChoice,
    leaving: Option<ExitReason>,
}

/// An image as lines for a command to print, as large as the terminal allows with a letter at each edge and a line below.
pub fn image_lines(image: &rounds_imaging::Image) -> Lines {
    let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
    let depth = detect::colour_depth(Colours::Auto);
    lines(
        image,
        columns.saturating_sub(4),
        rows.saturating_sub(5),
        depth,
    )
}

/// Runs the interface until the user quits, a signal arrives, or the terminal goes away.
///
/// Fails if a key setting is invalid or there is no terminal; the terminal is restored in every case.
pub fn run(
    setup: Setup,
    settings: Settings,
    options: Options,
    journal: Journal,
) -> anyhow::Result<Ended> {
    let keymap = super::keys::Keymap::new(&options.keys).map_err(Failure::from)?;
    let detected = Detected::from_environment();
    let depth = detect::colour_depth(options.colours);
    let (columns, rows) = crossterm::terminal::size().context("no terminal found")?;
    let (state, effects) = State::new(Start {
        columns,
        rows,
        keymap,
        theme: options.theme,
        images: options.images,
        notice: options.notice.clone(),
        ..options.start(setup, settings)
    });
    let (sender, receiver) = sync_channel(CHANNEL);
    // Before taking over the terminal: from then on every signal must restore it first.
    effects::listen(sender.clone())?;
    // A guess until the terminal has replied: the first frame must not wait for that.
    let protocol = detect::image_protocol(options.images, None);
    let gallery = Gallery::new(detect::screen(protocol, &detected, depth));
    let mut driver = Driver {
        theme: Theme::new(depth, options.theme),
        applied_theme: options.theme,
        terminal: Terminal::enter().context("could not set up the terminal")?,
        runner: EffectRunner::new(sender.clone(), journal)?,
        image_worker: ImageWorker::start(sender.clone())?,
        memo: Memo::default(),
        started: Instant::now(),
        images: options.images,
        leaving: None,
        state,
        gallery,
        detected,
    };
    driver.draw();
    driver.begin(sender, options.colours)?;
    for effect in effects {
        driver.run_effect(effect);
    }
    let reason = driver.run(&receiver);
    let errors = driver.finish(&receiver);
    Ok(Ended {
        reason,
        errors,
        session: driver.state.session.id().map(str::to_string),
    })
}

fn is_user_input(message: &Message) -> bool {
    use Event::{Click, Key, Paste, Resize, Scroll};
    matches!(
        message,
        Message::Event(Key(_) | Paste(_) | Click { .. } | Scroll { .. } | Resize { .. })
    )
}

impl Driver {
    /// After the first frame: queries the terminal's capabilities, then starts reading input.
    fn begin(&mut self, sender: SyncSender<Message>, colours: Colours) -> anyhow::Result<()> {
        let wanted = self.images == ImageMode::Auto || self.state.theme == ThemeChoice::Auto;
        let query_terminal = wanted && detect::can_query();
        if query_terminal {
            let query = detect::query(self.detected.tmux, colours != Colours::None);
            self.terminal.write(&query);
        }
        input::listen(sender, query_terminal.then(|| self.detected.clone()))?;
        Ok(())
    }

    fn run(&mut self, receiver: &Receiver<Message>) -> ExitReason {
        let mut due: Option<Duration> = None;
        let mut drawn = Instant::now();
        loop {
            if let Some(reason) = self.leaving {
                return reason;
            }
            let message = match due {
                Some(pause) => receiver.recv_timeout(pause.saturating_sub(drawn.elapsed())),
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let first = match message {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return ExitReason::TerminalGone,
            };
            let more = std::iter::from_fn(|| receiver.try_recv().ok());
            for message in first.into_iter().chain(more).take(MAX_EVENTS_PER_FRAME) {
                let pause = if is_user_input(&message) {
                    KEY_FRAME_TIME
                } else {
                    FRAME_TIME
                };
                due = Some(due.map_or(pause, |due| due.min(pause)));
                self.handle_message(message);
            }
            if due.is_some_and(|pause| drawn.elapsed() >= pause) {
                self.draw();
                drawn = Instant::now();
                due = None;
            }
        }
    }

    fn handle_message(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.tell(event),
            Message::Opened { job, result } => {
                let (event, reader) = self.runner.opened(job, result);
                if let Some(reader) = reader {
                    self.image_worker.set_reader(reader);
                    self.gallery.index_changed();
                }
                self.tell(event);
            }
            Message::ImageReady {
                generation,
                request,
                encoded,
            } => {
                if generation == self.gallery.generation {
                    self.gallery.put(request, encoded);
                }
            }
            Message::Detected(detected) => {
                self.detected = detected;
                self.set_screen();
            }
            Message::Suspend => self.suspend(),
            Message::StoreDone | Message::Line(_) => {}
        }
    }

    fn tell(&mut self, event: Event) {
        let effects = self.state.handle(self.started.elapsed(), event);
        for effect in effects {
            self.run_effect(effect);
        }
        self.runner.set_ticking(self.state.tick_every());
        self.set_theme();
    }

    fn set_theme(&mut self) {
        let wanted = self.resolved_theme();
        if self.applied_theme != wanted {
            self.applied_theme = wanted;
            self.theme = Theme::new(self.gallery.screen().depth, wanted);
            self.memo.clear();
        }
    }

    /// The theme chosen by the user, or else by the terminal's background.
    fn resolved_theme(&self) -> ThemeChoice {
        match (self.state.theme, self.detected.light) {
            (ThemeChoice::Auto, Some(true)) => ThemeChoice::Light,
            (ThemeChoice::Auto, _) => ThemeChoice::Dark,
            (chosen, _) => chosen,
        }
    }

    fn set_screen(&mut self) {
        let protocol = detect::image_protocol(self.images, Some(&self.detected));
        let screen = detect::screen(protocol, &self.detected, self.gallery.screen().depth);
        if screen != self.gallery.screen() {
            self.gallery.set_screen(screen);
        }
        // The background colour may now be known.
        self.set_theme();
    }

    fn draw(&mut self) {
        let (state, gallery, memo, theme) =
            (&self.state, &mut self.gallery, &mut self.memo, &self.theme);
        let mut hits = None;
        let drawn = self
            .terminal
            .draw(|frame| hits = Some(view::draw(frame, state, gallery, memo, theme)));
        if let Some(hits) = hits {
            self.state.hits = hits;
        }
        self.image_worker
            .follow(&mut self.gallery, &mut self.terminal, self.detected.tmux);
        if drawn.is_err() && self.leaving.is_none() {
            // The terminal is gone; quit, which saves the conversation.
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
        self.tell(Event::Resumed);
        if let Ok((columns, rows)) = crossterm::terminal::size() {
            self.tell(Event::Resize { columns, rows });
        }
    }

    fn run_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Leave(reason) => self.leaving = Some(reason),
            Effect::Suspend => self.suspend(),
            Effect::Redraw => self.terminal.clear(),
            Effect::Copy(text) => {
                let event = match clipboard::sequence(&text, self.detected.tmux) {
                    Ok(sequence) => {
                        self.terminal.write(&sequence);
                        Event::Copied(Ok(()))
                    }
                    Err(error) => Event::Copied(Err(error)),
                };
                self.tell(event);
            }
            Effect::SetImages(mode) => {
                self.images = mode;
                self.set_screen();
            }
            other => self.runner.run(other),
        }
    }

    /// Restores the terminal first, so that the user isn't left with a frozen screen, then waits for the session store.
    fn finish(&mut self, receiver: &Receiver<Message>) -> Vec<Failure> {
        if self.gallery.screen().protocol == ImageProtocol::Kitty {
            self.terminal.delete_all_images(self.detected.tmux);
        }
        self.terminal.leave();
        let now = self.started.elapsed();
        self.runner.finish(&mut self.state, now, receiver)
    }
}
