//! What the user can see at a glance: shots in three lines each, large images, marked regions.

use ratatui::layout::Rect;

use super::data;
use super::harness::Harness;
use crate::tui::state::{Event, Focus};
use rounds_assistant::retrieval::Shot;

/// Asks a question that is answered with these shots.
fn with_shots(columns: u16, rows: u16, shots: Vec<Shot>) -> Harness {
    let mut user = Harness::new(columns, rows);
    user.attach("chest-film.png");
    let turn = user.ask("Is there a nodule?");
    user.event(Event::Retrieved {
        turn,
        asked: shots.len(),
        shots,
        dropped: 0,
    });
    user.press("alt-3");
    user
}

fn pane(user: &Harness, pane: Focus) -> Rect {
    let mut panes = user.state.hits.panes.iter();
    let found = panes.find(|(area, drawn)| *drawn == pane && area.height > 1);
    found.map_or(Rect::ZERO, |(area, _)| *area)
}

/// The words of a shot, without its image.
fn shot_words(user: &Harness, number: usize) -> String {
    let (area, _) = user.state.hits.shots[number];
    let buffer = user.terminal.backend().buffer();
    let rows = area.rows().map(|row| {
        let cells = row
            .columns()
            .map(|column| buffer[(column.x, column.y)].symbol());
        cells.filter(|symbol| *symbol != "▀").collect::<String>()
    });
    let text = rows.collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn four_shots_fit_on_an_ordinary_screen_before_and_after_a_long_conversation() {
    for (columns, rows) in [(120, 40), (160, 40), (80, 24)] {
        let mut user = with_shots(columns, rows, data::shots(4));
        user.answer("yes");
        for _ in 0..3 {
            assert_eq!(user.state.hits.shots.len(), 4, "{columns}x{rows}");
            for number in 0..4 {
                let text = shot_words(&user, number);
                let lead = format!("{}. x-ray: Is there a nodule?", number + 1);
                assert!(text.contains(&lead), "{lead}\n{}", user.screen());
                assert!(text.contains("A: ") && text.contains("CC0-1.0"), "{text}");
            }
            user.exchange("Is there a nodule?", "yes");
            user.press("alt-3");
        }
    }
}

#[test]
fn a_shot_is_named_by_what_it_shows_and_its_id_is_in_the_opened_shot() {
    let mut user = with_shots(120, 40, data::shots(4));
    user.does_not_see("chest-0000");
    user.does_not_see("most similar image");
    user.sees("0.980 ████████");
    user.press("enter");
    user.sees("Example chest-0000");
    user.sees("most similar image");
}

#[test]
fn a_pinned_shot_shows_its_similarity_if_there_is_one_and_no_bar() {
    for (score, words) in [(0.0, "pinned "), (-0.25, "pinned, -0.250 ")] {
        let pinned = Shot {
            score,
            reason: "pinned".into(),
            ..data::shot(0)
        };
        let user = with_shots(120, 40, vec![pinned, data::shot(1)]);
        let text = shot_words(&user, 0);
        assert!(text.contains(words), "{text}");
        for wrong in ["0.000", "░", "█"] {
            assert!(!text.contains(wrong), "{text}");
        }
        assert!(shot_words(&user, 1).contains("0.910 ███████░"));
    }
}

#[test]
fn fused_ranks_are_compared_with_the_best_one() {
    let mut user = Harness::new(120, 40);
    user.type_text("/strategy hybrid");
    user.press("enter");
    let turn = user.ask("Is there a nodule?");
    let shot = |score| Shot {
        score,
        ..data::shot(0)
    };
    user.event(Event::Retrieved {
        turn,
        shots: vec![shot(0.032), shot(0.016)],
        asked: 2,
        dropped: 0,
    });
    user.sees("0.032 ████████");
    user.sees("0.016 ████░░░░");
    // The similarity of a pinned shot is on another scale.
    let pinned = Shot {
        reason: "pinned".into(),
        ..shot(0.9)
    };
    user.event(Event::Retrieved {
        turn,
        shots: vec![pinned, shot(0.032)],
        asked: 2,
        dropped: 0,
    });
    user.sees("pinned, 0.900");
    user.sees("0.032 ████████");
}

#[test]
fn the_images_are_larger_while_the_conversation_is_short() {
    for (columns, rows) in [(120, 40), (100, 50), (170, 50)] {
        let mut user = with_shots(columns, rows, data::shots(4));
        user.answer("yes");
        let early = pane(&user, Focus::Images);
        let cells = |area: Rect| u32::from(area.width) * u32::from(area.height);
        for _ in 0..6 {
            user.exchange("Is there a nodule?", "yes");
        }
        let late = pane(&user, Focus::Images);
        assert!(cells(early) * 10 > cells(late) * 12, "{early} {late}");
        let mut panes = [Focus::Conversation, Focus::Images, Focus::Shots].into_iter();
        assert!(panes.all(|focus| pane(&user, focus).height > 10));
    }
}

#[test]
fn a_short_conversation_is_shown_completely_above_its_shots() {
    let mut user = with_shots(120, 40, data::shots(4));
    user.answer("yes");
    user.sees("You  [chest-film.png]");
    user.sees("tokens, 0.9 s");
    assert!(user.state.hits.lines <= user.state.hits.height);
    assert!(pane(&user, Focus::Shots).y > pane(&user, Focus::Conversation).y);
}

#[test]
fn a_magnified_image_fills_the_full_screen() {
    let mut user = Harness::new(120, 40);
    user.attach("chest-film.png");
    user.press("alt-2 enter");
    let filled = |user: &Harness| {
        let screen = user.screen();
        let row = screen.lines().nth(15).unwrap_or_default();
        row.chars().filter(|c| *c == '▀').count()
    };
    assert_eq!(filled(&user), 68, "the whole image, as high as fits");
    user.press("+ + + +");
    // Less than a pixel of the small image may be missing.
    assert!(filled(&user) >= 115, "{}", user.screen());
}

#[test]
fn regions_of_the_data_are_drawn_over_an_opened_shot_and_not_listed_as_numbers() {
    let mut shot = data::shot(0);
    for value in [
        "left lung 10,12,20,24",
        "heart 22,20,9,9",
        "left lung 1,2,3,4",
    ] {
        shot.example.tags.push(("box".into(), value.into()));
    }
    for (name, value) in [("qid", "11934"), ("rationale", "derived")] {
        shot.example.tags.push((name.into(), value.into()));
    }
    let mut user = with_shots(120, 40, vec![shot]);
    user.press("enter");
    user.sees("Marked in the image");
    user.sees("left lung, heart");
    user.sees("1 left lung");
    user.sees("2 heart");
    for number in ["10,12", "22,20", "qid", "derived"] {
        user.does_not_see(number);
    }
    let buffer = user.terminal.backend().buffer();
    let drawn = |letter: &str| {
        buffer
            .content
            .iter()
            .any(|cell| cell.symbol() == letter && cell.bg != ratatui::style::Color::Reset)
    };
    assert!(drawn("1") && drawn("2"), "the outlines have their numbers");
}

#[test]
fn regions_marked_in_a_larger_copy_of_the_image_are_not_drawn_in_the_wrong_place() {
    let mut shot = data::shot(0);
    let outside = ("box".into(), "mass 30,30,90,20".into());
    shot.example.tags.push(outside);
    shot.example.tags[0].1 = "xr".into();
    let mut user = with_shots(120, 40, vec![shot]);
    user.sees("1. X-ray: Is there a nodule?");
    user.press("enter");
    user.draw();
    user.sees("The regions were marked in an image of another size");
    user.does_not_see("1 mass");
}
