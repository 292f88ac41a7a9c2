//! Carries out what the state wants, and tells it what happens. The only part with threads, a clock and a terminal.
//!
//! One thread draws and handles events; it never decodes, encodes, reads files or waits for anything but events. All
//! others send it messages through one bounded channel.

#[cfg(unix)]
mod answers;
mod carry;
mod clipboard;
mod detect;
mod files;
mod input;
mod model;
mod pasting;
mod pulse;
mod showing;
mod signals;
mod store;
mod terminal;
mod work;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::house::Opened;
use super::picture::{Encoded, Gallery, How, Request};
use super::state::{Effect, Event, Start, State, Trouble};
use super::view::{self, Memo, Theme};
use super::{Colours, ExitReason, ImageMode, Journal, Options, ThemeChoice};
use crate::assistant::{Settings, Setup};

use carry::Hands;
use detect::Detected;
use terminal::Terminal;

/// What other threads say.
pub enum Message {
    Event(Event),
    Opened {
        job: u64,
        result: Result<Box<Opened>, Trouble>,
    },
    Shown {
        generation: u64,
        request: Request,
        encoded: Encoded,
    },
    Detected(Detected),
    Suspend,
    /// The session store has written everything.
    StoreDone,
}

/// A channel that is full means a reader that is far behind; nobody may fill memory instead.
const CHANNEL: usize = 1024;
/// Least time between frames: about sixty a second for what the program does by itself.
const FRAME: Duration = Duration::from_millis(16);
/// What the user does is seen at once; a key that is held down still cannot fill the terminal.
const KEY_FRAME: Duration = Duration::from_millis(4);
/// Events handled before the next frame, so that a flood cannot starve it.
const MOST_EVENTS: usize = 256;

/// Longest wait for the session store at the end.
const STORE_TIME: Duration = Duration::from_secs(5);

/// Everything the loop works on.
struct Driver {
    state: State,
    gallery: Gallery,
    memo: Memo,
    theme: Theme,
    terminal: Terminal,
    hands: Hands,
    started: Instant,
    images: ImageMode,
    detected: Detected,
    /// The theme's choice by which `theme` was made.
    themed: ThemeChoice,
    leaving: Option<ExitReason>,
}

/// Runs the interface until the user leaves, a signal comes, or the terminal goes away.
///
/// Errors where a key setting cannot be used or there is no terminal; the terminal is restored in every case.
pub fn run(
    setup: Setup,
    settings: Settings,
    options: Options,
    journal: Box<dyn Journal>,
) -> anyhow::Result<ExitReason> {
    let keymap = super::keys::Keymap::new(&options.keys).map_err(|error| {
        let hint = crate::support::Hint::hint(&error).unwrap_or_default();
        anyhow::anyhow!("{error}\n{hint}")
    })?;
    let detected = Detected::from_environment();
    let depth = detect::depth(options.colours);
    let (columns, rows) = crossterm::terminal::size().context("there is no terminal")?;
    let (state, effects) = State::new(Start {
        columns,
        rows,
        setup,
        settings,
        keymap,
        theme: options.theme,
        images: options.images,
        first_run: options.first_run,
        attach: options.attach,
        session: options.session,
        home: super::house::home(),
        folder: std::env::current_dir().unwrap_or_else(|_| ".".into()),
        cases: files::case_names(),
    });
    let (sender, receiver) = sync_channel(CHANNEL);
    // Before the terminal is ours: from then on no signal may end the program without giving it back.
    signals::listen(sender.clone())?;
    // Until the terminal has answered; the first frame must not wait for that.
    let how = detect::how(options.images, None);
    let gallery = Gallery::new(detect::screen(how, &detected, depth));
    let mut driver = Driver {
        theme: Theme::new(depth, options.theme),
        themed: options.theme,
        terminal: Terminal::enter().context("the terminal could not be set up")?,
        hands: Hands::new(sender.clone(), journal)?,
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
        driver.carry(effect);
    }
    let reason = driver.run(&receiver);
    driver.finish(&receiver);
    Ok(reason)
}

fn is_of_user(message: &Message) -> bool {
    use Event::{Click, Key, Paste, Resize, Scroll};
    matches!(
        message,
        Message::Event(Key(_) | Paste(_) | Click { .. } | Scroll { .. } | Resize { .. })
    )
}

impl Driver {
    /// After the first frame: asks the terminal what it can do, then listens to it.
    fn begin(&mut self, sender: SyncSender<Message>, colours: Colours) -> anyhow::Result<()> {
        let ask = self.images == ImageMode::Auto || self.state.theme == ThemeChoice::Auto;
        let ask = ask && detect::can_ask();
        if ask {
            let query = detect::query(self.detected.tmux, colours != Colours::None);
            self.terminal.write(&query);
        }
        input::listen(sender, ask.then(|| self.detected.clone()))?;
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
            for message in first.into_iter().chain(more).take(MOST_EVENTS) {
                let pause = if is_of_user(&message) {
                    KEY_FRAME
                } else {
                    FRAME
                };
                due = Some(due.map_or(pause, |due| due.min(pause)));
                self.take(message);
            }
            if due.is_some_and(|pause| drawn.elapsed() >= pause) {
                self.draw();
                drawn = Instant::now();
                due = None;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.tell(event),
            Message::Opened { job, result } => {
                let event = self.hands.opened(job, result);
                self.tell(event);
            }
            Message::Shown {
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
            Message::StoreDone => {}
        }
    }

    fn tell(&mut self, event: Event) {
        let effects = self.state.handle(self.started.elapsed(), event);
        for effect in effects {
            self.carry(effect);
        }
        self.hands.set_lively(self.state.is_lively());
        let wanted = self.themed_as();
        if self.themed != wanted {
            self.themed = wanted;
            self.theme = Theme::new(self.gallery.screen().depth, wanted);
            self.memo.clear();
        }
    }

    /// The ground that was chosen, or that the terminal told.
    fn themed_as(&self) -> ThemeChoice {
        match (self.state.theme, self.detected.light) {
            (ThemeChoice::Auto, Some(true)) => ThemeChoice::Light,
            (ThemeChoice::Auto, _) => ThemeChoice::Dark,
            (chosen, _) => chosen,
        }
    }

    fn set_screen(&mut self) {
        let how = detect::how(self.images, Some(&self.detected));
        let screen = detect::screen(how, &self.detected, self.gallery.screen().depth);
        if screen != self.gallery.screen() {
            self.gallery.set_screen(screen);
        }
        // The ground may have become known.
        let wanted = self.themed_as();
        if wanted != self.themed {
            self.themed = wanted;
            self.theme = Theme::new(screen.depth, wanted);
            self.memo.clear();
        }
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
        let dropped = self.gallery.take_dropped();
        self.terminal.forget_pictures(&dropped, self.detected.tmux);
        let wanted = self.gallery.take_wanted();
        self.hands
            .show(wanted, self.gallery.screen(), self.gallery.generation);
        if drawn.is_err() && self.leaving.is_none() {
            // Nobody can see anything any more; what was said is kept.
            self.tell(Event::EndNow(ExitReason::TerminalGone));
        }
    }

    /// Gives the terminal back, stops, and goes on when told to.
    fn suspend(&mut self) {
        self.terminal.leave();
        signals::stop_here();
        if self.terminal.enter_again().is_err() {
            return self.tell(Event::EndNow(ExitReason::TerminalGone));
        }
        // The terminal may have forgotten all pictures.
        let screen = self.gallery.screen();
        self.gallery.set_screen(screen);
        self.tell(Event::Resumed);
        if let Ok((columns, rows)) = crossterm::terminal::size() {
            self.tell(Event::Resize { columns, rows });
        }
    }

    fn carry(&mut self, effect: Effect) {
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
                    Err(trouble) => Event::Copied(Err(trouble)),
                };
                self.tell(event);
            }
            Effect::SetImages(mode) => {
                self.images = mode;
                self.set_screen();
            }
            other => self.hands.carry(other),
        }
    }

    /// Restores the terminal first, so that nobody looks at a dead screen, then waits for the store.
    fn finish(&mut self, receiver: &Receiver<Message>) {
        if self.gallery.screen().how == How::Kitty {
            self.terminal.forget_all_pictures(self.detected.tmux);
        }
        self.terminal.leave();
        let until = Instant::now() + STORE_TIME;
        let next = || receiver.recv_timeout(until.saturating_duration_since(Instant::now()));
        // A turn that is only now being stored still gets its end.
        while self.state.has_unstored()
            && let Ok(message) = next()
        {
            if let Message::Event(event @ (Event::TurnStored { .. } | Event::SessionCreated(_))) =
                message
            {
                for effect in self.state.handle(self.started.elapsed(), event) {
                    self.hands.carry_to_store(effect);
                }
            }
        }
        self.hands.close_store();
        while let Ok(message) = next() {
            if matches!(message, Message::StoreDone) {
                return;
            }
        }
    }
}
