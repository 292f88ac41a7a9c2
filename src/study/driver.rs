//! Study mode on the full screen: feeds the state events, runs its effects and draws it. The chat opens the same over itself.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use ratatui::Frame;

use crate::tui::ExitReason;
use crate::tui::message::{Input, Message};
use crate::tui::screen::{FullScreen, Look, Mode, channel};
use crate::tui::terminal_image::Gallery;
use crate::tui::view::Theme;
use rounds_imaging::Image;
use rounds_support::Failure;

use super::desk::now;
use super::state::{Effect, Event, State};
use super::tutor::{Post, Sources, Tutor};
use super::view;
use super::worker::{Open, Worker};

/// How a session ended.
pub struct Ended {
    pub reason: ExitReason,
    /// Cards graded, and how many of them were known.
    pub graded: usize,
    pub known: usize,
    /// A grade that could not be saved.
    pub lost: Option<Failure>,
}

/// What to study.
pub struct Start {
    pub deck: String,
    pub cram: bool,
    pub open: Open,
    /// Where the model and similar cases come from.
    pub tutor: Sources,
    /// Whether the model is asked about each card; similar cases are found without it.
    pub asks_model: bool,
}

/// A session of study: the state with its workers.
pub struct Study {
    state: State,
    worker: Worker,
    tutor: Tutor,
    /// What the worker was told last.
    wakes_at: Option<i64>,
    left: Option<ExitReason>,
}

impl Study {
    /// Starts the workers and the first piece of work; `post` brings their events to [`Study::tell`].
    pub fn start(start: Start, post: Post) -> std::io::Result<Self> {
        let (state, effects) = State::new(&start.deck, start.cram, start.asks_model, now());
        let mut study = Self {
            tutor: Tutor::start(start.tutor, start.asks_model, post.clone())?,
            worker: Worker::start(start.open, post)?,
            state,
            wakes_at: None,
            left: None,
        };
        for effect in effects {
            // None of the first effects is about the screen.
            study.work(effect);
        }
        Ok(study)
    }

    /// Handles what the user, the terminal or a signal did.
    pub fn input(&mut self, input: Input, screen: &mut FullScreen) {
        match input {
            Input::Key(press) => self.tell(Event::Key(press), screen),
            Input::Paste(text) => self.tell(Event::Paste(text), screen),
            Input::Click { column, row } => self.tell(Event::Click { column, row }, screen),
            Input::Drag { column, row } => self.tell(Event::Drag { column, row }, screen),
            Input::Release => self.tell(Event::Release, screen),
            Input::Terminate(reason) => self.tell(Event::Terminate(reason), screen),
            // A new size only has to be drawn.
            _ => {}
        }
    }

    /// Handles an event.
    pub fn tell(&mut self, event: Event, screen: &mut FullScreen) {
        for effect in self.state.handle(now(), event) {
            match effect {
                Effect::Leave(reason) => self.left = Some(reason),
                Effect::Suspend => screen.suspend(),
                Effect::Redraw => screen.redraw(),
                other => self.work(other),
            }
        }
        let wakes_at = self.state.wakes_at();
        if self.wakes_at != wakes_at {
            self.wakes_at = wakes_at;
            self.worker.wake_at(wakes_at);
        }
    }

    fn work(&mut self, effect: Effect) {
        match effect {
            Effect::Desk(work) => self.worker.perform(work),
            Effect::Statistics => self.worker.statistics(),
            Effect::AskModel(card) => self.tutor.ask(card, images(&self.state)),
            Effect::Weigh { card, typed } => self.tutor.weigh(card, images(&self.state), typed),
            Effect::FindNearness { card, typed } => self.tutor.find_nearness(card, typed),
            Effect::DropQuestions => self.tutor.drop_questions(),
            Effect::FindFollowUp(card) => self.tutor.find_follow_up(card),
            Effect::FindLookAlikes(card) => self.tutor.find_look_alikes(card),
            Effect::Leave(_) | Effect::Suspend | Effect::Redraw => {}
        }
    }

    /// Draws everything.
    pub fn draw(&mut self, frame: &mut Frame, gallery: &mut Gallery, theme: &Theme) {
        self.state.shown = view::draw(frame, &self.state, gallery, theme);
    }

    /// Why the session ended; `None` while it goes on.
    pub fn left(&self) -> Option<ExitReason> {
        self.left
    }

    /// Waits for the last grade to be on disk.
    pub fn finish(self, reason: ExitReason) -> Ended {
        let saving = self.state.is_saving();
        Ended {
            lost: saving.then(|| self.worker.finish()).flatten(),
            reason,
            graded: self.state.graded(),
            known: self.state.known(),
        }
    }
}

/// The images of the card on the screen.
fn images(state: &State) -> Vec<Image> {
    let pictures = state.turn().map(|turn| turn.dealt.pictures.as_slice());
    let there = pictures.unwrap_or_default().iter().flatten();
    there.map(|picture| Image::clone(&picture.image)).collect()
}

/// The session as a mode of its own.
struct Alone(Study);

impl Mode for Alone {
    type News = Event;

    fn input(&mut self, input: Input, screen: &mut FullScreen) {
        self.0.input(input, screen);
    }

    fn news(&mut self, event: Event, screen: &mut FullScreen) {
        self.0.tell(event, screen);
    }

    fn settle(&mut self, screen: &mut FullScreen) {
        if let Some(reason) = self.0.left() {
            screen.leave(reason);
        }
    }

    fn draw(&mut self, frame: &mut Frame, gallery: &mut Gallery, theme: &Theme) {
        self.0.draw(frame, gallery, theme);
    }
}

/// Brings the events of workers to a mode. If nobody listens any more, they are dropped.
fn post_to(sender: SyncSender<Message<Event>>) -> Post {
    Arc::new(move |event| {
        let _ = sender.send(Message::News(event));
    })
}

/// Studies until the user leaves, a signal arrives, or the terminal goes away. The terminal is restored in every case.
pub fn run(start: Start, look: Look) -> anyhow::Result<Ended> {
    let (sender, receiver) = channel();
    let screen = FullScreen::enter(look, &sender)?;
    let mut study = Alone(Study::start(start, post_to(sender.clone()))?);
    let reason = screen.run(&mut study, sender, &receiver)?;
    Ok(study.0.finish(reason))
}
