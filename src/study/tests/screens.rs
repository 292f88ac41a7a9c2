//! Screens as snapshots, at every small size without a panic, and without colours.

use super::*;
use crate::study::exchanged::Opinion;

/// The name of a view, the kind of its card, and the keys that lead to it.
const VIEWS: [(&str, Kind, &str); 12] = [
    ("question", Kind::Question, "f12"),
    ("answer", Kind::Question, "y e s enter"),
    ("choice", Kind::Choice, "down"),
    ("chosen", Kind::Choice, "a"),
    ("spot", Kind::Spot, "left left up"),
    ("occlusion", Kind::Occlusion, "f12"),
    ("compare", Kind::Compare, "f12"),
    ("staged", Kind::Staged, "enter enter"),
    ("help", Kind::Question, "space ?"),
    ("statistics", Kind::Question, "space 3 esc t"),
    ("image", Kind::Question, "space i"),
    ("end", Kind::Question, "space 4 space 4 space 4"),
];

fn learner(kind: Kind, keys: &str, size: (u16, u16)) -> Learner {
    let mut anna = Learner::new(cards(kind, 3), size);
    anna.press(keys);
    if let Some(turn) = anna.state.turn() {
        let card = turn.card().id.clone();
        let opinion = Opinion::Withheld("it is not sure enough".into());
        anna.event(Event::Opinion { card, opinion });
    }
    anna
}

#[test]
fn every_view_matches_its_snapshot() {
    for (columns, rows) in SIZES {
        for (name, kind, keys) in VIEWS {
            let anna = learner(kind, keys, (columns, rows));
            insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), anna.screen());
        }
    }
}

#[test]
fn no_view_panics_at_any_size() {
    for (_, kind, keys) in VIEWS {
        let mut anna = learner(kind, keys, (120, 40));
        let odd = [
            (1, 1),
            (300, 1),
            (1, 120),
            (60, 16),
            (59, 60),
            (250, 15),
            (60, 200),
            (300, 100),
        ];
        for (columns, rows) in (1..=90).step_by(3).map(|n| (n, n / 3 + 1)).chain(odd) {
            anna.resize(columns, rows);
        }
    }
}

#[test]
fn the_intended_use_is_on_every_screen_once() {
    for (_, kind, keys) in VIEWS {
        let mut anna = learner(kind, keys, (60, 16));
        for (columns, rows) in [(60, 16), (80, 24), (120, 40)] {
            anna.resize(columns, rows);
            let screen = anna.screen();
            let times = screen.matches("education and research only").count();
            // The full image has more keys than a narrow screen holds.
            assert!(times == 1 || columns < 120 && times == 0, "{screen}");
        }
    }
}

#[test]
fn each_grade_says_when_the_card_comes_again() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (80, 24));
    anna.press("space");
    for text in ["1 again", "2 hard", "3 good", "4 easy", "1 min", "10 min"] {
        anna.sees(text);
    }
}

#[test]
fn the_head_counts_what_is_to_be_done_and_what_is_done() {
    let mut anna = Learner::new(cards(Kind::Question, 3), (80, 24));
    anna.sees("new 3  learning 0  review 0");
    anna.sees("0 done");
    anna.press("space 1");
    anna.sees("new 2  learning 1  review 0");
    anna.sees("1 done");
}

#[test]
fn without_colours_everything_is_still_said() {
    let folder = deck(cards(Kind::Choice, 1));
    let mut anna = Learner::at(folder, false, (80, 24), ColourDepth::None);
    anna.press("a");
    anna.sees("✗ a Pneumonia  (yours)");
    anna.sees("✓ b Pneumothorax");
    assert!(!anna.is_coloured());
}

#[test]
fn a_long_text_can_be_scrolled() {
    let long = Card {
        rationale: "The opacity is round. ".repeat(60),
        ..card(Kind::Question)
    };
    let mut anna = Learner::new(vec![long], (80, 24));
    anna.press("space");
    anna.sees("more: PageDown");
    let before = anna.screen();
    anna.press("pagedown pagedown");
    assert_ne!(anna.screen(), before);
    for _ in 0..20 {
        anna.press("pagedown");
    }
    anna.does_not_see("more: PageDown");
    anna.sees("CC0");
}
