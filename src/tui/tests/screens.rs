//! Every view at three sizes as snapshots, and at every small size without a panic.

use super::harness::Harness;
use crate::tui::journal::{SavedSession, SessionSummary};
use crate::tui::state::{Effect, Entry, Event, Start};
use rounds_imaging::ColourDepth;
use rounds_support::Failure;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// The name of a view, and how to get there.
type View = (&'static str, fn(&mut Harness));

const VIEWS: [View; 16] = [
    ("empty", |_| {}),
    ("attached", |user| user.attach("chest-film.png")),
    ("streaming", |user| {
        user.attach("chest-film.png");
        user.ask("Is there a nodule?");
        user.retrieve(4);
        user.press("alt-1");
        user.stream("A round opacity of 9 mm stands in the right upper zone. ");
    }),
    ("answered", |user| {
        user.attach("chest-film.png");
        user.exchange("Is there a nodule?", "yes");
        user.press("alt-1");
    }),
    ("shots", |user| {
        user.attach("chest-film.png");
        user.exchange("Is there a nodule?", "yes");
        user.press("alt-3 p down x");
    }),
    ("two_images", |user| {
        user.attach("chest-film.png");
        user.attach("chest-film-before.png");
        user.press("alt-2 v + b");
    }),
    ("stopped_and_failed", |user| {
        user.ask("Is there a nodule?");
        user.retrieve(1);
        user.stream("A round ");
        user.press("esc");
        user.model_stops();
        let turn = user.ask("And now?");
        user.event(Event::TurnFailed {
            turn,
            error: Failure::usage("the question is too long for the context")
                .hint("ask a shorter question or use fewer shots"),
        });
        user.press("alt-1");
    }),
    ("completion", |user| user.type_text("/s")),
    ("help", |user| user.press("f1")),
    ("picker", |user| {
        user.press("ctrl-o");
        let entry = |name: &str, folder| Entry {
            path: format!("/data/{name}").into(),
            name: name.into(),
            folder,
            length: 300 << 10,
        };
        user.event(Event::Folder {
            folder: "/data".into(),
            result: Ok(vec![
                entry("older", true),
                entry("a.png", false),
                entry("結節影.jpg", false),
            ]),
        });
        user.press("down");
    }),
    ("sessions", |user| {
        user.exchange("Is there a nodule?", "yes");
        user.press("alt-n");
        user.exchange("Which organ is shown?", "the liver");
        // Ids and times as they might be.
        let row = |id: &str, title: &str, when: &str| SessionSummary {
            id: id.into(),
            title: title.into(),
            when: when.into(),
            turns: 2,
            last_answer: Some("yes".into()),
            ..SessionSummary::default()
        };
        let open = user.journal().open_session("2").unwrap();
        let open = SavedSession {
            id: "k7m2p9xq".into(),
            ..open
        };
        user.event(Event::SessionOpened(Ok(Box::new(open))));
        user.press("f2");
        user.event(Event::Sessions {
            words: String::new(),
            result: Ok(vec![
                row("k7m2p9xq", "Which organ is shown?", "today 14:05"),
                SessionSummary {
                    image: Some("chest-film.png".into()),
                    ..row("c2n8w4ta", "Is there a nodule?", "yesterday 09:12")
                },
                SessionSummary {
                    image: Some("a second film.png".into()),
                    last_answer: Some("no, but a large effusion on the left".into()),
                    ..row("h0q5e9rs", "Is there a nodule?", "2026-11-02")
                },
            ]),
        });
    }),
    ("example", |user| {
        user.exchange("Is there a nodule?", "yes");
        user.press("alt-3 enter");
    }),
    ("compare", |user| {
        user.exchange("Is there a nodule?", "yes");
        user.press("alt-c");
        user.answer("no");
    }),
    ("export", |user| {
        user.exchange("Is there a nodule?", "yes");
        user.press("alt-x");
    }),
    ("confirm", |user| {
        user.exchange("Is there a nodule?", "yes");
        user.type_text("/delete");
        user.press("enter");
    }),
    ("opening", |user| {
        user.type_text("/model /models/med-flamingo-9b");
        user.press("enter");
        user.wait(12_250);
    }),
];

#[test]
fn every_view_matches_its_snapshot() {
    for (columns, rows) in SIZES {
        for (name, go) in VIEWS {
            let mut user = Harness::new(columns, rows);
            go(&mut user);
            insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), user.screen());
        }
        for step in 0..3 {
            let start = Start {
                first_run: true,
                ..Start::default()
            };
            let mut user = Harness::with_start(columns, rows, ColourDepth::True, start);
            (0..step).for_each(|_| user.press("right"));
            insta::assert_snapshot!(format!("welcome_{step}_{columns}x{rows}"), user.screen());
        }
    }
}

#[test]
fn no_view_panics_at_any_size() {
    for (_, go) in VIEWS {
        let mut user = Harness::new(120, 40);
        go(&mut user);
        let sizes = (1..=48).map(|n| (n, n / 3 + 1)).chain([
            (1, 1),
            (300, 1),
            (1, 120),
            (40, 10),
            (39, 60),
            (250, 9),
            (40, 200),
            (300, 100),
        ]);
        for (columns, rows) in sizes {
            user.resize(columns, rows);
        }
    }
}

#[test]
fn a_screen_that_is_too_small_says_what_size_it_needs() {
    let mut user = Harness::new(80, 24);
    user.resize(30, 8);
    user.sees("rounds needs 40 x 10");
    user.resize(40, 10);
    user.does_not_see("rounds needs");
}

#[test]
fn the_intended_use_is_on_every_screen_that_is_large_enough() {
    let mut user = Harness::new(200, 50);
    user.exchange("Is there a nodule?", "yes");
    for (columns, rows) in [
        (40, 10),
        (60, 20),
        (80, 24),
        (100, 30),
        (120, 40),
        (200, 60),
    ] {
        user.resize(columns, rows);
        let screen = user.screen();
        let status = screen.lines().rev().take(2).collect::<String>();
        assert!(
            status.contains("not for diagnosis"),
            "{columns}x{rows}:\n{screen}"
        );
    }
}

#[test]
fn an_image_mode_of_none_says_so_in_the_pane() {
    let mut user = Harness::new(120, 40);
    let mut screen = user.gallery.screen();
    screen.protocol = crate::tui::terminal_image::ImageProtocol::None;
    user.gallery.set_screen(screen);
    user.attach("a.png");
    user.sees("images are off");
    user.effects();
    user.type_text("/images sixel");
    user.press("enter");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::SetImages(crate::tui::ImageMode::Sixel)))
    );
}

#[test]
fn a_long_session_is_drawn_from_cached_lines() {
    let mut user = Harness::new(120, 40);
    for _ in 0..3 {
        user.exchange("Is there a nodule?", "yes");
    }
    let before = user.screen();
    user.draw();
    assert_eq!(before, user.screen());
    // Wider: all lines are wrapped anew.
    user.resize(160, 40);
    assert_ne!(before, user.screen());
}
