//! A rater at an in-memory terminal: presses keys, looks at the screen, and at the file.

mod keys;
mod screens;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use super::state::{Effect, Event, State};
use super::view;
use crate::tui::ThemeChoice;
use crate::tui::terminal_image::{Gallery, ImageProtocol, Screen, Source, encode};
use crate::tui::view::Theme;
use rounds_eval::rating::{RatingSet, RatingsFile, Request, make};
use rounds_imaging::ColourDepth;
use rounds_support::Failure;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// Three items, each with the answers of three systems, of which one is long.
pub(super) fn study() -> (tempfile::TempDir, RatingSet) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let image = crate::fixtures::path("cases/chest-nodule.png");
    std::fs::copy(image, path("film.png")).unwrap();
    let questions = [
        ("Is there a nodule?", "yes, in the right upper zone"),
        (
            "A 61-year-old smoker has lost weight and has coughed for two months. What does the film show, and what should be done next?",
            "A round opacity in the right upper zone; CT of the chest",
        ),
        ("Which side is affected?", "right"),
    ];
    let answers = [
        (
            "yes",
            Some("A round opacity of 9 mm stands in the right upper zone."),
        ),
        (
            "The film shows a small round opacity in the right upper zone with smooth borders. The heart is not enlarged, both costophrenic angles are clear and there is no pneumothorax. In a smoker of this age the opacity is a lung cancer until the opposite is shown.",
            None,
        ),
        ("", None),
    ];
    let mut lines = String::new();
    for (number, (question, reference)) in questions.iter().enumerate() {
        for (system, (answer, rationale)) in answers.iter().enumerate() {
            let line = json!({
                "dataset": "phantoms", "item": number, "question": question, "reference": reference,
                "images": ["film.png"], "model": format!("model-{system}"), "condition": "few-shot",
                "answer": answer, "rationale": rationale,
            });
            lines.push_str(&format!("{line}\n"));
        }
    }
    std::fs::write(path("items.jsonl"), lines).unwrap();
    let request = Request {
        results: vec![path("items.jsonl")],
        seed: Some(3),
        out: path("study.json"),
        ..Request::default()
    };
    make(&request).unwrap();
    let set = RatingSet::read(&request.out).unwrap();
    (folder, set)
}

pub(super) struct Rater {
    pub(super) state: State,
    file: Option<RatingsFile>,
    gallery: Gallery,
    theme: Theme,
    terminal: Terminal<TestBackend>,
    /// The disk is full from now on.
    pub(super) full: bool,
    /// Results of saves that are held back while the disk is slow.
    pub(super) slow: Option<Vec<Result<(), Failure>>>,
    pub(super) left: bool,
}

impl Rater {
    pub(super) fn new(set: &RatingSet, name: &str, size: (u16, u16)) -> Self {
        Self::with_depth(set, name, size, ColourDepth::True)
    }

    pub(super) fn with_depth(
        set: &RatingSet,
        name: &str,
        (columns, rows): (u16, u16),
        depth: ColourDepth,
    ) -> Self {
        let (file, ratings) = RatingsFile::open(set, name).unwrap();
        let screen = Screen {
            protocol: ImageProtocol::Cells,
            cell: (10, 20),
            tmux: false,
            depth,
        };
        let mut rater = Self {
            state: State::new(set.clone(), &ratings),
            file: Some(file),
            gallery: Gallery::new(screen),
            theme: Theme::new(depth, ThemeChoice::Dark),
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            full: false,
            slow: None,
            left: false,
        };
        rater.draw();
        rater
    }

    /// Presses keys, separated by blanks.
    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            self.event(Event::Key(key.parse().unwrap()));
        }
        self
    }

    /// Delivers what a slow disk has held back; it is fast from now on.
    pub(super) fn disk_is_done(&mut self) {
        for result in self.slow.take().unwrap_or_default() {
            self.event(Event::Saved(result));
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for effect in self.state.handle(event) {
                match effect {
                    Effect::Leave(_) => self.left = true,
                    Effect::Save(entry) => {
                        let result = match (&mut self.file, self.full) {
                            (_, true) => Err(Failure::usage("no space left")),
                            (Some(file), false) => file.append(&entry).map_err(Failure::from),
                            (None, false) => Ok(()),
                        };
                        match &mut self.slow {
                            Some(held) => held.push(result),
                            None => events.push(Event::Saved(result)),
                        }
                    }
                    Effect::Suspend | Effect::Redraw => {}
                }
            }
        }
        self.draw();
    }

    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
        self.draw();
    }

    fn draw(&mut self) {
        for _ in 0..2 {
            let (state, gallery, theme) = (&self.state, &mut self.gallery, &self.theme);
            let mut shown = None;
            self.terminal
                .draw(|frame| shown = Some(view::draw(frame, state, gallery, theme)))
                .unwrap();
            self.state.shown = shown.unwrap();
            for wanted in self.gallery.take_wanted() {
                let Source::File(path) = &wanted.source else {
                    panic!("not a file");
                };
                let bytes = std::fs::read(path).unwrap();
                let image = rounds_imaging::decode(&bytes, "film").unwrap();
                let encoded = encode(&image, &wanted.request, self.gallery.screen(), 1);
                self.gallery.put(wanted.request, encoded);
            }
        }
    }

    pub(super) fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width));
        let line = |row: &[ratatui::buffer::Cell]| {
            let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
            line.trim_end().to_string()
        };
        rows.map(line).collect::<Vec<_>>().join("\n")
    }

    /// Whether any cell has a colour.
    pub(super) fn is_coloured(&self) -> bool {
        use ratatui::style::Color;
        let cells = &self.terminal.backend().buffer().content;
        cells
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    }

    /// Points of the answers of an item.
    pub(super) fn points(&self, item: usize) -> Vec<Option<u8>> {
        let answers = self.state.set.items[item].answers.len();
        (0..answers)
            .map(|at| self.state.rating(item, at).score)
            .collect()
    }

    #[track_caller]
    pub(super) fn sees(&self, text: &str) {
        let screen = self.screen();
        assert!(
            screen.contains(text),
            "{text:?} is not on the screen:\n{screen}"
        );
    }
}
