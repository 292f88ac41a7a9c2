//! A user at an in-memory terminal: presses keys, types, looks at the screen.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::data;
use crate::tui::backend::EngineInfo;
use crate::tui::state::{Activity, Effect, Event, SampleCase, Start, State, TurnId};
use crate::tui::terminal_image::{Gallery, ImageProtocol, Screen, encode};
use crate::tui::view::{self, Memo, Theme};
use crate::tui::{Journal, ThemeChoice, effects};
use rounds_imaging::ColourDepth;
use rounds_model::generate::StopReason;

pub struct Harness {
    pub state: State,
    pub gallery: Gallery,
    pub terminal: Terminal<TestBackend>,
    memo: Memo,
    theme: Theme,
    now: Duration,
    /// Effects since they were last taken.
    effects: Vec<Effect>,
    journal: Journal,
    /// Replies a slow store has not delivered yet; `None` if it answers at once.
    late_replies: Option<Vec<Event>>,
}

impl Harness {
    /// A screen with an open model.
    pub fn new(columns: u16, rows: u16) -> Self {
        let mut harness = Self::with_start(columns, rows, ColourDepth::True, Start::default());
        harness.model_opens();
        harness
    }

    pub fn with_start(columns: u16, rows: u16, depth: ColourDepth, start: Start) -> Self {
        let (state, effects) = State::new(Start {
            columns,
            rows,
            cases: SampleCase::numbered(["chest-nodule", "fundus-bleed", "head-epidural"]),
            home: Some("/home/me".into()),
            folder: "/data".into(),
            ..start
        });
        let mut harness = Self {
            state,
            gallery: Gallery::new(Screen {
                protocol: ImageProtocol::Cells,
                cell: (10, 20),
                tmux: false,
                depth,
            }),
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            memo: Memo::default(),
            theme: Theme::new(depth, ThemeChoice::Dark),
            now: Duration::ZERO,
            effects,
            journal: Journal::for_tests(),
            late_replies: None,
        };
        harness.draw();
        harness
    }

    pub fn model_opens(&mut self) {
        let job = self.effects().iter().rev().find_map(|effect| match effect {
            Effect::Open { job, .. } => Some(*job),
            _ => None,
        });
        self.event(Event::Opened {
            job: job.expect("no model is being opened"),
            result: Ok(EngineInfo {
                model: "nano".into(),
                index: "shipped".into(),
                device: "cpu".into(),
                context: Some(1024),
                ..EngineInfo::default()
            }),
        });
    }

    /// From now on the store answers late.
    pub fn store_is_slow(&mut self) {
        self.late_replies.get_or_insert_default();
    }

    /// Delivers the replies of a slow store, which is fast from now on.
    pub fn store_answers(&mut self) {
        for event in self.late_replies.take().unwrap_or_default() {
            self.event(event);
        }
    }

    /// Handles an event; the store answers at once unless it is slow.
    pub fn event(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for effect in self.state.handle(self.now, event) {
                let reply = self.store(&effect);
                match &mut self.late_replies {
                    Some(late) => late.extend(reply),
                    None => events.extend(reply),
                }
                self.effects.push(effect);
            }
        }
        self.draw();
    }

    /// What the store does; an export is answered by the test.
    fn store(&mut self, effect: &Effect) -> Option<Event> {
        match effect {
            Effect::Export { .. } => None,
            other => effects::perform(&mut self.journal, other),
        }
    }

    /// Presses keys, separated by spaces, with a pause after every letter that is a key of a pane.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.key(key);
            if self.state.has_pane_letter() {
                self.wait(1200);
            }
        }
    }

    fn key(&mut self, key: &str) {
        self.event(Event::Key(key.parse().unwrap()));
    }

    pub fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            let key = match character {
                ' ' => "space".to_string(),
                other => other.to_string(),
            };
            self.key(&key);
        }
    }

    pub fn paste(&mut self, text: &str) {
        self.event(Event::Paste(text.into()));
    }

    pub fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.event(Event::Tick {
            memory: Some(64 << 20),
        });
    }

    pub fn attach(&mut self, name: &str) {
        self.event(Event::Attached {
            name: name.into(),
            result: Ok(vec![data::attached(name)]),
        });
    }

    /// Types a question and sends it.
    pub fn ask(&mut self, question: &str) -> TurnId {
        self.type_text(question);
        self.press("enter");
        self.running()
    }

    /// The running turn.
    pub fn running(&self) -> TurnId {
        match self.state.activity {
            Activity::Turn { turn, .. } => turn,
            Activity::Idle => panic!("no turn is running"),
        }
    }

    /// The model retrieves shots and builds the prompt.
    pub fn retrieve(&mut self, count: usize) {
        let turn = self.running();
        self.event(Event::Retrieved {
            turn,
            shots: data::shots(count),
            asked: 4,
            dropped: 0,
        });
        self.event(Event::Prompt {
            turn,
            text: "<image>Question: Is there a nodule? Rationale:".into(),
        });
    }

    pub fn stream(&mut self, text: &str) {
        let turn = self.running();
        for piece in text.split_inclusive(' ') {
            self.now += Duration::from_millis(50);
            self.event(Event::Token {
                turn,
                text: piece.into(),
            });
        }
    }

    pub fn answer(&mut self, text: &str) {
        let turn = self.running();
        self.event(Event::Answered {
            turn,
            answer: Box::new(data::answer(text)),
        });
    }

    /// The model confirms that it was stopped.
    pub fn model_stops(&mut self) {
        let turn = self.running();
        let mut answer = data::answer("");
        answer.stop = StopReason::Cancelled;
        self.event(Event::Answered {
            turn,
            answer: Box::new(answer),
        });
    }

    /// Asks a question and answers it.
    pub fn exchange(&mut self, question: &str, answer: &str) {
        self.ask(question);
        self.retrieve(4);
        self.stream("I see it. Answer: yes");
        self.answer(answer);
    }

    /// Effects since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
        self.event(Event::Resize { columns, rows });
    }

    /// Draws, and encodes images until none is missing.
    pub fn draw(&mut self) {
        for _ in 0..3 {
            let (state, gallery, memo, theme) =
                (&self.state, &mut self.gallery, &mut self.memo, &self.theme);
            let mut hits = None;
            self.terminal
                .draw(|frame| hits = Some(view::draw(frame, state, gallery, memo, theme)))
                .unwrap();
            self.state.hits = hits.unwrap();
            let wanted = self.gallery.take_wanted();
            if wanted.is_empty() {
                return;
            }
            for item in wanted {
                let image = data::image(&item.request.appearance.id);
                let encoded = encode(&image, &item.request, self.gallery.screen(), 1);
                self.gallery.put(item.request, encoded);
            }
        }
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width));
        rows.map(|row| {
            let mut line = String::new();
            let mut covered = 0_usize;
            for cell in row {
                // A wide character covers the cell after it.
                if covered > 0 {
                    covered -= 1;
                    continue;
                }
                line.push_str(cell.symbol());
                covered = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
            }
            line.trim_end().to_string()
        })
        .collect::<Vec<_>>()
        .join("\n")
    }

    #[track_caller]
    pub fn sees(&self, text: &str) {
        let screen = self.screen();
        assert!(
            screen.contains(text),
            "{text:?} is not on the screen:\n{screen}"
        );
    }

    #[track_caller]
    pub fn does_not_see(&self, text: &str) {
        let screen = self.screen();
        assert!(
            !screen.contains(text),
            "{text:?} is on the screen:\n{screen}"
        );
    }
}
