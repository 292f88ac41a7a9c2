//! The chat on the full screen: feeds its state events, runs the effects it returns, and draws it.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use anyhow::Context;
use ratatui::Frame;

use super::effects::EffectRunner;
use super::message::{Input, Message, News};
use super::screen::{FullScreen, Look, Mode, channel, detect};
use super::state::{Effect, Event, Start, State};
use super::terminal_image::{Gallery, Lines, lines};
use super::view::{self, Memo, Theme};
use super::{Colours, Ended, ExitReason, Journal, Options};
use crate::study::{self, Study, graded_in_words};
use rounds_assistant::{Settings, Setup};
use rounds_support::Failure;

/// The chat.
struct Chat {
    state: State,
    memo: Memo,
    runner: EffectRunner,
    /// What the state wants done first.
    first: Vec<Effect>,
    started: Instant,
    sender: SyncSender<Message>,
    /// Study mode, which has the screen and the keys until it is left; the chat goes on behind it.
    study: Option<Study>,
    /// How often it was opened, so that late news of an earlier time are told apart.
    openings: u64,
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
    let (columns, rows) = crossterm::terminal::size().context("no terminal found")?;
    let (state, first) = State::new(Start {
        columns,
        rows,
        keymap,
        theme: options.theme,
        images: options.images,
        notice: options.notice.clone(),
        ..options.start(setup, settings)
    });
    let look = Look {
        images: options.images,
        theme: options.theme,
        colours: options.colours,
    };
    let (sender, receiver) = channel();
    let screen = FullScreen::enter(look, &sender)?;
    let mut chat = Chat::new(state, first, sender.clone(), journal)?;
    // Restores the terminal, so that the user isn't left with a frozen screen while the session store finishes.
    let reason = screen.run(&mut chat, sender, &receiver)?;
    let now = chat.started.elapsed();
    let errors = chat.runner.finish(&mut chat.state, now, &receiver);
    Ok(Ended {
        reason,
        errors,
        session: chat.state.session.id().map(str::to_string),
    })
}

impl Chat {
    fn new(
        state: State,
        first: Vec<Effect>,
        sender: SyncSender<Message>,
        journal: Journal,
    ) -> std::io::Result<Self> {
        Ok(Self {
            state,
            memo: Memo::default(),
            runner: EffectRunner::new(sender.clone(), journal)?,
            first,
            started: Instant::now(),
            sender,
            study: None,
            openings: 0,
        })
    }

    fn tell(&mut self, event: Event, screen: &mut FullScreen) {
        for effect in self.state.handle(self.started.elapsed(), event) {
            self.run_effect(effect, screen);
        }
    }

    fn run_effect(&mut self, effect: Effect, screen: &mut FullScreen) {
        match effect {
            Effect::Leave(reason) => screen.leave(reason),
            Effect::Suspend => screen.suspend(),
            Effect::Redraw => screen.redraw(),
            Effect::Copy(text) => {
                let copied = screen.copy(&text);
                self.tell(Event::Copied(copied), screen);
            }
            Effect::SetImages(mode) => screen.set_images(mode),
            Effect::OpenStudy(setup) => self.open_study(&setup, screen),
            other => self.runner.run(other),
        }
    }

    fn open_study(&mut self, setup: &Setup, screen: &mut FullScreen) {
        self.openings += 1;
        let (sender, opening) = (self.sender.clone(), self.openings);
        let post = Arc::new(move |event| {
            let _ = sender.send(Message::News(News::Study { opening, event }));
        });
        let start = study::over_chat(setup, self.runner.assistant());
        match start.and_then(|start| Study::start(start, post).map_err(Failure::model)) {
            Ok(study) => {
                self.study = Some(study);
                screen.redraw();
            }
            Err(failure) => self.tell(Event::StudyEnded(Err(failure)), screen),
        }
    }

    /// Gives the screen back to the chat if study mode was left, or if `reason` ends both.
    fn close_study(&mut self, reason: Option<ExitReason>, screen: &mut FullScreen) {
        let left = self.study.as_ref().and_then(Study::left).or(reason);
        let Some((study, reason)) = left.and_then(|reason| Some((self.study.take()?, reason)))
        else {
            return;
        };
        let ended = study.finish(reason);
        screen.redraw();
        let summary = match ended.lost {
            Some(failure) => Err(failure),
            None => Ok(graded_in_words(ended.graded, ended.known)),
        };
        self.tell(Event::StudyEnded(summary), screen);
    }
}

impl Mode for Chat {
    type News = News;

    fn begin(&mut self, screen: &mut FullScreen) {
        for effect in std::mem::take(&mut self.first) {
            self.run_effect(effect, screen);
        }
    }

    fn input(&mut self, input: Input, screen: &mut FullScreen) {
        // The chat must know its size and its images when it comes back.
        let of_chat = matches!(input, Input::Resize { .. } | Input::Resumed);
        if of_chat || self.study.is_none() {
            return self.tell(input.into(), screen);
        }
        if let Input::Terminate(reason) = input {
            self.close_study(Some(reason), screen);
            return self.tell(Event::Terminate(reason), screen);
        }
        if let Some(study) = &mut self.study {
            study.input(input, screen);
        }
        self.close_study(None, screen);
    }

    fn news(&mut self, news: News, screen: &mut FullScreen) {
        match news {
            News::Event(event) => self.tell(event, screen),
            News::Opened { job, result } => {
                let (event, reader) = self.runner.opened(job, result);
                if let Some(reader) = reader {
                    screen.set_reader(reader);
                }
                self.tell(event, screen);
            }
            News::Study { opening, event } => {
                if let Some(study) = &mut self.study
                    && opening == self.openings
                {
                    study.tell(event, screen);
                    self.close_study(None, screen);
                }
            }
            News::StoreDone | News::Line(_) => {}
        }
    }

    fn settle(&mut self, screen: &mut FullScreen) {
        self.runner.set_ticking(self.state.tick_every());
        screen.set_theme(self.state.theme);
    }

    fn draw(&mut self, frame: &mut Frame, gallery: &mut Gallery, theme: &Theme) {
        if let Some(study) = &mut self.study {
            return study.draw(frame, gallery, theme);
        }
        self.state.hits = view::draw(frame, &self.state, gallery, &mut self.memo, theme);
    }
}
