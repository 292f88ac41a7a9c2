//! Screens as snapshots, at every small size without a panic, and without colours.

use super::*;

type View = (&'static str, &'static str);

/// The name of a view, and the keys that lead to it.
const VIEWS: [View; 4] = [
    ("start", "f12"),
    ("rated", "7 down 1 0 u h n 3 down"),
    ("help", "?"),
    ("image", "i"),
];

#[test]
fn every_view_matches_its_snapshot() {
    let (_folder, set) = study();
    for (columns, rows) in SIZES {
        for (name, keys) in VIEWS {
            let rater = format!("{name}-{columns}");
            let mut anna = Rater::new(&set, &rater, (columns, rows));
            anna.press(keys);
            insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), anna.screen());
        }
    }
}

#[test]
fn no_view_panics_at_any_size() {
    let (_folder, set) = study();
    for (name, keys) in VIEWS {
        let mut anna = Rater::new(&set, name, (120, 40));
        anna.press(keys);
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
        for (columns, rows) in (1..=90).map(|n| (n, n / 3 + 1)).chain(odd) {
            anna.resize(columns, rows);
        }
    }
}

#[test]
fn the_intended_use_and_the_way_out_are_on_every_screen() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (60, 16));
    for (columns, rows) in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        anna.resize(columns, rows);
        anna.sees("not for diagnosis");
        anna.sees("? help  q leave");
    }
    anna.resize(59, 16);
    anna.sees("rating needs 60 x 16 cells");
}

#[test]
fn no_screen_tells_which_system_an_answer_is_from() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (200, 60));
    for key in ["f12", "7", "down", "n", "n", "?", "esc", "i"] {
        anna.press(key);
        let screen = anna.screen();
        assert!(
            !screen.contains("model-") && !screen.contains("few-shot"),
            "{screen}"
        );
    }
}

#[test]
fn a_long_answer_and_a_long_question_can_be_scrolled() {
    let (_folder, set) = study();
    let long = set
        .items
        .iter()
        .position(|item| item.question.len() > 100)
        .unwrap();
    let mut anna = Rater::new(&set, "anna", (60, 16));
    (0..long).for_each(|_| {
        anna.press("n");
    });
    anna.sees("more: ]");
    anna.sees("more: PageDown");
    anna.sees("Reference answer");
    let before = anna.screen();
    anna.press("]");
    assert_ne!(anna.screen(), before);
    anna.press("pagedown pagedown pagedown pagedown pagedown pagedown pagedown pagedown");
    assert!(!anna.screen().contains("more: PageDown"));
    let scrolled = anna.screen();
    anna.press("pageup pageup pageup pageup pageup");
    assert_ne!(anna.screen(), scrolled);
    // The chosen answer is followed to where it is.
    anna.press("down down");
    assert!(anna.screen().contains("> C"), "{}", anna.screen());
}

#[test]
fn without_colours_everything_is_still_said() {
    let (_folder, set) = study();
    let mut anna = Rater::with_depth(&set, "anna", (80, 24), ColourDepth::None);
    anna.press("7 u");
    anna.sees("> A   7 of 10");
    anna.sees("! unsafe");
    assert!(!anna.is_coloured());
    let mut bob = Rater::with_depth(&set, "bob", (80, 24), ColourDepth::Ansi16);
    bob.press("7 u");
    bob.sees("> A   7 of 10");
    assert!(bob.is_coloured());
}
