//! A user who types lines and reads the output.

use std::time::Duration;

use crate::fixtures;
use crate::tui::Journal;
use crate::tui::backend::EngineInfo;
use crate::tui::effects;
use crate::tui::plain::line_ui::LineUi;
use crate::tui::state::{Effect, Event, LibraryNames, SampleCase, Start, TurnId};
use crate::tui::tests::data;
use rounds_model::generate::StopReason;
use rounds_support::Failure;
use rounds_support::sanitise::is_forbidden;

/// The sample cases of the fixtures, whatever ships.
fn sample_cases() -> Vec<SampleCase> {
    let entries = std::fs::read_dir(fixtures::path("cases")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let name = |path: std::path::PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut names: Vec<String> = paths.map(name).collect();
    names.sort();
    SampleCase::numbered(names)
}

/// Attaches one of them, as the program attaches one that ships.
fn attach_case(file: &str) -> Event {
    let mut cases = sample_cases().into_iter();
    let name = cases.find(|case| case.file == file).unwrap().title;
    let bytes = std::fs::read(fixtures::path(&format!("cases/{file}.png"))).unwrap();
    Event::Attached {
        result: effects::attached(bytes.into(), &name, None).map(|attached| vec![attached]),
        name,
    }
}

pub struct User {
    pub ui: LineUi,
    pub journal: Journal,
    pub now: Duration,
    /// Everything written to standard output.
    pub output: String,
    /// Effects since they were last taken.
    effects: Vec<Effect>,
    /// Replies of slow workers, not delivered yet.
    worker_replies: Vec<Event>,
    output_start: usize,
}

impl User {
    /// At a terminal, with an open model.
    pub fn new() -> Self {
        let mut user = Self::with_start(Start::default(), true);
        user.model_opens();
        user
    }

    /// At the end of a pipe, with an open model.
    pub fn piped() -> Self {
        let mut user = Self::with_start(Start::default(), false);
        user.model_opens();
        user
    }

    pub fn with_start(start: Start, terminal: bool) -> Self {
        let start = Start {
            linear: true,
            cases: sample_cases(),
            ..start
        };
        let (ui, effects) = LineUi::new(start, terminal);
        let mut user = Self {
            ui,
            journal: Journal::for_tests(),
            now: Duration::ZERO,
            output: String::new(),
            effects: Vec::new(),
            worker_replies: Vec::new(),
            output_start: 0,
        };
        user.start(effects);
        user
    }

    /// Runs the first effects.
    pub fn start(&mut self, effects: Vec<Effect>) {
        self.run_effects(effects);
        self.collect_output();
    }

    pub fn model_opens(&mut self) {
        let job = self.effects.iter().rev().find_map(|effect| match effect {
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

    pub fn event(&mut self, event: Event) {
        let effects = self.ui.on_event(self.now, event);
        self.run_effects(effects);
        self.collect_output();
    }

    /// Types a line.
    pub fn line(&mut self, line: &str) {
        let effects = self.ui.on_line(self.now, Ok(Ok(line.into())));
        self.run_effects(effects);
        self.collect_output();
    }

    pub fn input_ends(&mut self) {
        let effects = self.ui.on_end_of_input(self.now);
        self.run_effects(effects);
        self.collect_output();
    }

    /// Files and the store answer at once; effects for the model are recorded.
    fn run_effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.worker_replies.extend(match &effect {
                Effect::AttachClipboard => Some(Event::Attached {
                    name: "clipboard".into(),
                    result: Err(Failure::usage("there is no image on the clipboard")),
                }),
                Effect::Work { job, .. } => Some(Event::WorkFinished {
                    job: *job,
                    result: Ok("done".into()),
                }),
                Effect::Why { job, .. } => Some(Event::Explained {
                    job: *job,
                    result: Ok(None),
                }),
                _ => None,
            });
            let event = match effect {
                Effect::AttachFile(path) => Some(effects::attach_file(&path)),
                Effect::AttachCase(name) => Some(attach_case(&name)),
                Effect::ViewScan {
                    job,
                    selector,
                    mark,
                } => Some(effects::view_scan(job, selector, mark)),
                Effect::OpenProblem(name) => Some(effects::open_problem(&name)),
                Effect::ListFolder(folder) => Some(effects::list_folder(&folder)),
                Effect::ListLibrary => Some(Event::Library(LibraryNames {
                    indexes: vec!["mine".into()],
                    models: vec!["big".into()],
                })),
                Effect::Open { .. }
                | Effect::Ask { .. }
                | Effect::Cancel
                | Effect::CancelOpening { .. }
                | Effect::AttachClipboard
                | Effect::Work { .. }
                | Effect::Why { .. }
                | Effect::StopWork
                | Effect::Leave(_) => {
                    self.effects.push(effect);
                    None
                }
                other => effects::perform(&mut self.journal, &other),
            };
            if let Some(event) = event {
                self.event(event);
            }
        }
    }

    /// The clipboard and background work finish.
    pub fn workers_finish(&mut self) {
        for event in std::mem::take(&mut self.worker_replies) {
            self.event(event);
        }
    }

    fn collect_output(&mut self) {
        let text = self.ui.take_stdout();
        let bad = text.chars().find(|c| is_forbidden(*c));
        assert_eq!(bad, None, "{text:?}");
        self.output.push_str(&text);
    }

    /// Output since the last call.
    pub fn new_output(&mut self) -> String {
        let output = self.output.get(self.output_start..).unwrap().to_string();
        self.output_start = self.output.len();
        output
    }

    /// Types a line and returns its output.
    pub fn output_of(&mut self, line: &str) -> String {
        self.new_output();
        self.line(line);
        self.new_output()
    }

    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn running(&self) -> TurnId {
        self.ui.running().expect("no turn is running")
    }

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

    /// The model retrieves shots, streams and answers.
    pub fn model_answers(&mut self, answer: &str) {
        self.retrieve(4);
        self.stream(&format!(" I see it. Answer: {answer}"));
        self.answer(answer);
    }

    /// Asks a question and answers it.
    pub fn exchange(&mut self, question: &str, answer: &str) {
        self.line(question);
        self.model_answers(answer);
    }

    pub fn has_exited(&self) -> bool {
        let exits = |effect: &Effect| matches!(effect, Effect::Leave(_));
        self.effects.iter().any(exits)
    }

    pub fn exit_reason(&mut self) -> Option<crate::tui::ExitReason> {
        self.effects().iter().find_map(|effect| match effect {
            Effect::Leave(reason) => Some(*reason),
            _ => None,
        })
    }
}

#[track_caller]
pub fn assert_contains(text: &str, wanted: &str) {
    assert!(text.contains(wanted), "{wanted:?} is not in:\n{text}");
}
