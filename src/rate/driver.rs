//! A rating on the full screen: feeds the state keys, runs its effects and draws it. A worker writes the ratings.

use ratatui::Frame;

use crate::tui::ExitReason;
use crate::tui::message::Input;
use crate::tui::screen::{FullScreen, Look, Mode, channel};
use crate::tui::terminal_image::Gallery;
use crate::tui::view::Theme;
use rounds_eval::rating::{RatingSet, Ratings, RatingsFile};
use rounds_support::Failure;

use super::state::{Effect, Event, Saving, State};
use super::view;
use super::writer::Writer;

/// How a rating ended.
pub struct Ended {
    pub reason: ExitReason,
    /// Answers with points, and answers in all.
    pub rated: (usize, usize),
    /// A rating that could not be saved.
    pub lost: Option<Failure>,
}

struct Rate {
    state: State,
    writer: Writer,
}

/// Rates until the user leaves, a signal arrives, or the terminal goes away. The terminal is restored in every case.
pub fn run(
    set: RatingSet,
    file: RatingsFile,
    ratings: &Ratings,
    look: Look,
) -> anyhow::Result<Ended> {
    let (sender, receiver) = channel();
    let screen = FullScreen::enter(look, &sender)?;
    let mut rate = Rate {
        state: State::new(set, ratings),
        writer: Writer::start(file, sender.clone())?,
    };
    let reason = screen.run(&mut rate, sender, &receiver)?;
    Ok(rate.finish(reason))
}

impl Mode for Rate {
    type News = ();

    fn input(&mut self, input: Input, screen: &mut FullScreen) {
        match input {
            Input::Key(press) => self.tell(Event::Key(press), screen),
            Input::Terminate(reason) => self.tell(Event::Terminate(reason), screen),
            // A new size only has to be drawn.
            _ => {}
        }
    }

    /// The writer has a result; `settle` takes it.
    fn news(&mut self, (): (), _: &mut FullScreen) {}

    fn settle(&mut self, screen: &mut FullScreen) {
        while let Some(result) = self.writer.result() {
            self.tell(Event::Saved(result), screen);
        }
    }

    fn draw(&mut self, frame: &mut Frame, gallery: &mut Gallery, theme: &Theme) {
        self.state.shown = view::draw(frame, &self.state, gallery, theme);
    }
}

impl Rate {
    fn tell(&mut self, event: Event, screen: &mut FullScreen) {
        for effect in self.state.handle(event) {
            match effect {
                Effect::Save(entry) => self.writer.write(entry),
                Effect::Leave(reason) => screen.leave(reason),
                Effect::Suspend => screen.suspend(),
                Effect::Redraw => screen.redraw(),
            }
        }
    }

    /// Waits for the last rating to be on disk, with the terminal restored.
    fn finish(mut self, reason: ExitReason) -> Ended {
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
