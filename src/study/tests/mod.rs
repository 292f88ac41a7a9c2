//! A learner at an in-memory terminal: presses keys, looks at the screen, and at the store.

mod chat;
mod desk;
mod keys;
mod lines;
mod screens;
mod tutoring;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::decks::Source;
use super::desk::{Desk, Plan};
use super::exchanged::Deal;
use super::state::{Effect, Event, State, Turn, Work};
use super::view;
use crate::tui::ThemeChoice;
use crate::tui::terminal_image::{Gallery, ImageProtocol, Screen, Source as ImageSource, encode};
use crate::tui::view::Theme;
use rounds_imaging::ColourDepth;
use rounds_study::TimeZone;
use rounds_study::card::{Card, CardImage, Kind, LabRow, Region, card_id};
use rounds_study::queue::Filter;
use rounds_study::store::{DeckInfo, Review, Store};
use rounds_support::Failure;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];
/// A Monday at noon.
const START: i64 = 1_790_596_800_000;
const MINUTE: i64 = 60_000;

/// A card of a kind with texts of every part that the kind has, and no image yet.
pub(super) fn card(kind: Kind) -> Card {
    let (question, answer) = match kind {
        Kind::Question => ("Is there a nodule?", "Yes, in the right upper zone"),
        Kind::Choice => ("Which finding is shown?", "Pneumothorax"),
        Kind::Spot => ("Where is the nodule?", "Right upper zone"),
        Kind::Occlusion => ("What is covered?", "Heart"),
        Kind::Compare => ("Which of the two shows pneumonia?", "The second"),
        Kind::Staged => ("What is the most likely diagnosis?", "Lung cancer"),
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_string()).collect();
    let choices = match kind {
        Kind::Choice => texts(&["Pneumonia", "Pneumothorax", "Atelectasis", "Normal"]),
        Kind::Compare => texts(&["The first", "The second"]),
        _ => Vec::new(),
    };
    let region = |label: &str, x| Region {
        label: label.into(),
        x,
        y: 0.25,
        width: 0.2,
        height: 0.25,
    };
    let regions = match kind {
        Kind::Spot => vec![region("nodule", 0.25)],
        Kind::Occlusion => vec![region("Heart", 0.5), region("Right lung", 0.1)],
        _ => Vec::new(),
    };
    let lab = |test: &str, value: &str, reference: &str| LabRow {
        test: test.into(),
        value: value.into(),
        reference: reference.into(),
    };
    let (vignette, laboratory) = match kind {
        Kind::Staged => (
            "A 61-year-old smoker has lost weight and has coughed for two months.".to_string(),
            vec![
                lab("Calcium", "3.02 mmol/L", "2.20-2.60"),
                lab("Albumin", "40 g/L", "35-50"),
            ],
        ),
        _ => Default::default(),
    };
    Card {
        id: card_id(kind, question, &[], &[]),
        kind,
        question: question.into(),
        answer: answer.into(),
        rationale: "A round opacity with smooth borders stands in the right upper zone.".into(),
        images: Vec::new(),
        choices,
        regions,
        vignette,
        laboratory,
        tags: vec![("modality".into(), "X-ray".into())],
        sibling_keys: Vec::new(),
        source: "Phantoms, drawn for this test".into(),
        licence: "CC0".into(),
        example: String::new(),
    }
}

/// Cards of one kind that differ in their questions.
pub(super) fn cards(kind: Kind, number: usize) -> Vec<Card> {
    let numbered = |at: usize| {
        let of_kind = card(kind);
        let question = format!("{} ({})", of_kind.question, at + 1);
        Card {
            id: card_id(kind, &question, &[], &[]),
            question,
            ..of_kind
        }
    };
    (0..number).map(numbered).collect()
}

pub(super) struct Learner {
    pub(super) state: State,
    /// `None` once the store is closed.
    pub(super) desk: Option<Desk>,
    folder: tempfile::TempDir,
    gallery: Gallery,
    theme: Theme,
    terminal: Terminal<TestBackend>,
    pub(super) now: i64,
    pub(super) left: bool,
    /// What the tutor was asked, by name and card.
    pub(super) asked: Vec<(&'static str, String)>,
    /// Nothing can be saved from now on.
    pub(super) full: bool,
    /// Results that are held back while the disk is slow.
    pub(super) slow: Option<Vec<Result<Deal, Failure>>>,
}

fn plan(folder: &std::path::Path, cram: bool) -> Plan {
    Plan {
        folder: folder.to_path_buf(),
        deck: "cases".into(),
        source: Source::Imported,
        filter: Filter::default(),
        cram,
        new: None,
        reviews: None,
        retention: None,
        zone: TimeZone::UTC,
    }
}

/// A desk at the deck of a folder.
pub(super) fn desk_at(folder: &std::path::Path, now: i64) -> Desk {
    Desk::open(plan(folder, false), now).unwrap()
}

/// A folder with a deck of these cards, each with the same film, or two.
pub(super) fn deck(cards: Vec<Card>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let bytes = std::fs::read(crate::fixtures::path("cases/chest-nodule.png")).unwrap();
    let film: CardImage = store.put_media(&bytes, "png").unwrap();
    let with_film = |card: Card| Card {
        images: match card.kind {
            Kind::Compare => vec![film.clone(), film.clone()],
            _ => vec![film.clone()],
        },
        ..card
    };
    let cards: Vec<Card> = cards.into_iter().map(with_film).collect();
    let info = DeckInfo {
        index: None,
        about: "a test".into(),
    };
    store.put_deck("cases", &info, &cards).unwrap();
    folder
}

impl Learner {
    pub(super) fn new(cards: Vec<Card>, size: (u16, u16)) -> Self {
        Self::at(deck(cards), false, size, ColourDepth::True)
    }

    pub(super) fn at(
        folder: tempfile::TempDir,
        cram: bool,
        (columns, rows): (u16, u16),
        depth: ColourDepth,
    ) -> Self {
        let screen = Screen {
            protocol: ImageProtocol::Cells,
            cell: (10, 20),
            tmux: false,
            depth,
        };
        let (state, effects) = State::new("cases", cram, true, START);
        let desk = Desk::open(plan(folder.path(), cram), START).unwrap();
        let mut learner = Self {
            state,
            desk: Some(desk),
            folder,
            gallery: Gallery::new(screen),
            theme: Theme::new(depth, ThemeChoice::Dark),
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            now: START,
            left: false,
            asked: Vec::new(),
            full: false,
            slow: None,
        };
        learner.run(effects);
        learner.draw();
        learner
    }

    /// Leaves and comes back to the same store, at the same time.
    pub(super) fn come_back(mut self) -> Self {
        self.desk = None;
        let now = self.now;
        let mut learner = Self::at(self.folder, false, (80, 24), ColourDepth::True);
        learner.now = now;
        learner
    }

    /// Presses keys, separated by blanks.
    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            self.event(Event::Key(key.parse().unwrap()));
        }
        self
    }

    /// Types text.
    pub(super) fn type_text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            let key = match letter {
                ' ' => "space".to_string(),
                '-' => "minus".to_string(),
                letter => letter.to_string(),
            };
            self.press(&key);
        }
        self
    }

    pub(super) fn wait(&mut self, ms: i64) -> &mut Self {
        self.now += ms;
        self.event(Event::Time);
        self
    }

    /// Delivers what a slow disk has held back; it is fast from now on.
    pub(super) fn disk_is_done(&mut self) {
        for result in self.slow.take().unwrap_or_default() {
            self.event(Event::Dealt(result));
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        let effects = self.state.handle(self.now, event);
        self.run(effects);
        self.draw();
    }

    fn run(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Leave(_) => self.left = true,
                Effect::Desk(work) => {
                    let result = self.perform(&work);
                    match &mut self.slow {
                        Some(held) => held.push(result),
                        None => self.event(Event::Dealt(result)),
                    }
                }
                Effect::Statistics => {
                    let page = self.desk.as_ref().unwrap().statistics(self.now);
                    self.event(Event::Statistics(page));
                }
                Effect::AskModel(card) => self.asked.push(("model", card.id)),
                Effect::Weigh { card, .. } => self.asked.push(("weigh", card.id)),
                Effect::FindNearness { card, .. } => self.asked.push(("nearness", card.id)),
                Effect::FindFollowUp(card) => self.asked.push(("follow-up", card.id)),
                Effect::FindLookAlikes(card) => self.asked.push(("look-alikes", card.id)),
                Effect::DropQuestions | Effect::Suspend | Effect::Redraw => {}
            }
        }
    }

    fn perform(&mut self, work: &Work) -> Result<Deal, Failure> {
        match self.full && *work != Work::Deal {
            true => Err(Failure::usage("no space left")),
            false => self.desk.as_mut().unwrap().perform(work, self.now),
        }
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
                let ImageSource::Image(image) = &wanted.source else {
                    panic!("not decoded");
                };
                let encoded = encode(image, &wanted.request, self.gallery.screen(), 1);
                self.gallery.put(wanted.request, encoded);
            }
        }
    }

    pub(super) fn turn(&self) -> &Turn {
        self.state.turn().expect("a card")
    }

    /// The reviews in the store.
    pub(super) fn log(&self) -> Vec<Review> {
        let store = Store::open(self.folder.path()).unwrap();
        store.log("cases").unwrap()
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

    /// Whether any cell outside of the image has a colour.
    pub(super) fn is_coloured(&self) -> bool {
        use ratatui::style::Color;
        let cells = &self.terminal.backend().buffer().content;
        cells
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    }

    #[track_caller]
    pub(super) fn sees(&self, text: &str) {
        let screen = self.screen();
        assert!(
            screen.contains(text),
            "{text:?} is not on the screen:\n{screen}"
        );
    }

    #[track_caller]
    pub(super) fn does_not_see(&self, text: &str) {
        let screen = self.screen();
        assert!(
            !screen.contains(text),
            "{text:?} is on the screen:\n{screen}"
        );
    }
}
