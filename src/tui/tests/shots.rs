//! Shots: pinned, excluded, moved, opened, omitted.

use super::data;
use super::harness::Harness;
use crate::tui::state::{Effect, Overlay};

fn with_shots() -> Harness {
    let mut user = Harness::new(140, 44);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-3");
    user.effects();
    user
}

fn asked_with(user: &mut Harness) -> rounds_assistant::Settings {
    user.effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Ask { settings, .. } => Some(settings),
            _ => None,
        })
        .expect("no question was asked")
}

#[test]
fn pins_and_exclusions_apply_to_the_next_questions() {
    let mut user = with_shots();
    user.press("down p");
    user.sees("pinned 1");
    user.press("end down down down x");
    user.sees("excluded");
    user.press("alt-1");
    user.ask("And on the left?");
    let settings = asked_with(&mut user);
    assert_eq!(settings.pinned, ["chest-0001"]);
    assert_eq!(settings.excluded, ["chest-0003"]);
}

#[test]
fn pinning_twice_unpins() {
    let mut user = with_shots();
    user.press("p p");
    assert!(user.state.settings.pinned.is_empty());
    user.press("x p");
    assert!(
        user.state.settings.excluded.is_empty(),
        "a pinned shot is not excluded"
    );
}

#[test]
fn moving_a_shot_pins_the_order_of_the_list() {
    let mut user = with_shots();
    user.press("J");
    assert_eq!(
        user.state.settings.pinned,
        ["chest-0001", "chest-0000", "chest-0002", "chest-0003"]
    );
    user.press("K K");
    assert_eq!(user.state.settings.pinned[0], "chest-0000");
    user.sees("these 4 shots are pinned in this order");
}

#[test]
fn asking_without_a_shot_is_a_branch_and_changes_no_setting() {
    let mut user = with_shots();
    user.press("down w");
    let settings = asked_with(&mut user);
    assert_eq!(settings.excluded, ["chest-0001"]);
    assert!(user.state.settings.excluded.is_empty());
    user.retrieve(3);
    user.answer("no");
    user.sees("without chest-0001");
    user.sees("branch 2 of 2");
}

#[test]
fn an_opened_shot_shows_all_its_facts() {
    let mut user = with_shots();
    user.press("enter");
    for text in [
        "Example chest-0000",
        "A round opacity of 9 mm",
        "CC0-1.0",
        "score 0.9800: most similar image",
    ] {
        user.sees(text);
    }
    user.press("p");
    user.sees("pinned, place 1");
    user.press("esc");
    assert!(user.state.overlay.is_none());
}

#[test]
fn a_click_selects_a_shot_and_a_second_click_opens_it() {
    let mut user = with_shots();
    user.press("alt-1");
    let (area, _) = user.state.hits.shots[1];
    let click = || crate::tui::state::Event::Click {
        column: area.x + 2,
        row: area.y,
    };
    user.event(click());
    assert_eq!(user.state.selection.shot, 1);
    user.event(click());
    assert!(matches!(user.state.overlay, Some(Overlay::Example { .. })));
}

#[test]
fn the_exact_prompt_can_be_read() {
    let mut user = with_shots();
    user.press("alt-p");
    user.sees("<image>Question: Is there a nodule? Rationale:");
}

#[test]
fn shots_are_pinned_and_excluded_by_command() {
    let mut user = with_shots();
    user.type_text("/pin chest-0777");
    user.press("enter");
    assert_eq!(user.state.settings.pinned, ["chest-0777"]);
    user.sees("1 pinned");
    user.type_text("/pin off");
    user.press("enter");
    assert!(user.state.settings.pinned.is_empty());
    for command in ["/pin 9", "/exclude 9"] {
        user.press("ctrl-u");
        user.type_text(command);
        user.press("enter");
        user.sees("there is no shot `9`");
    }
    assert!(user.state.settings.pinned.is_empty());
    assert!(user.state.settings.excluded.is_empty());
}

#[test]
fn an_example_with_several_images_shows_all_of_them() {
    let mut user = with_shots();
    let mut shot = data::shot(0);
    for number in ["b", "c"] {
        data::add_image(
            &mut shot.example,
            &rounds_support::files::sha256_hex(number.as_bytes()),
        );
    }
    user.state.overlay = Some(Overlay::Example {
        shot: Box::new(shot),
        scroll: 0,
    });
    user.event(crate::tui::state::Event::Resize {
        columns: 140,
        rows: 44,
    });
    for number in 1..=3 {
        user.sees(&format!("{number} of 3"));
    }
}
