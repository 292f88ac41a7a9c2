//! Pins and exclusions: what they keep, where they stand, and what ends them.

use super::harness::Harness;
use crate::tui::state::Event;
use rounds_support::Failure;

fn command(user: &mut Harness, line: &str) {
    user.press("ctrl-u");
    user.type_text(line);
    user.press("enter");
}

fn with_shots() -> Harness {
    let mut user = Harness::new(160, 44);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-3");
    user
}

#[test]
fn moving_a_shot_pins_no_excluded_one() {
    let mut user = with_shots();
    user.press("down x up J");
    assert_eq!(
        user.state.settings.pinned,
        ["chest-0002", "chest-0000", "chest-0003"],
        "it moves past the excluded one"
    );
    assert_eq!(user.state.settings.excluded, ["chest-0001"]);
    user.sees("these 3 shots are pinned in this order");
    let chosen = user.state.chosen_shot().map(|shot| shot.example.id.clone());
    assert_eq!(chosen.as_deref(), Some("chest-0000"));
    command(&mut user, "/move 4 1");
    user.sees("chest-0001 is excluded, so it has no place in the order");
    assert_eq!(user.state.settings.excluded, ["chest-0001"]);
}

#[test]
fn it_is_said_where_a_pinned_shot_stands() {
    let mut user = with_shots();
    user.press("p");
    user.sees("from the next question on, last in the prompt, next to the question");
    command(&mut user, "/order similar-first");
    command(&mut user, "/pin chest-0002");
    user.sees("as number 2 in the prompt");
}

#[test]
fn the_settings_of_an_answer_name_its_pinned_shots() {
    let mut user = with_shots();
    command(&mut user, "/pin chest-0002");
    command(&mut user, "/status");
    user.sees("shots: k=4: 1 pinned, 3 auto, similar-last");
    user.press("esc");
    command(&mut user, "/k 1");
    command(&mut user, "/status");
    user.sees("shots: 1 pinned, similar-last");
}

#[test]
fn a_new_session_has_no_pins_and_says_so() {
    let mut user = with_shots();
    user.press("p down x alt-n");
    user.sees("a new session, without the 1 pinned and 1 excluded example of the previous one");
    assert!(user.state.settings.pinned.is_empty());
    assert!(user.state.settings.excluded.is_empty());
}

#[test]
fn every_index_has_its_own_pins() {
    let mut user = with_shots();
    user.press("p");
    command(&mut user, "/index mine");
    user.model_opens();
    user.sees("the 1 pinned example of index shipped wait until it is open again");
    assert!(user.state.settings.pinned.is_empty());
    command(&mut user, "/pin mine-7");
    command(&mut user, "/index shipped");
    user.model_opens();
    assert_eq!(user.state.settings.pinned, ["chest-0000"]);
}

#[test]
fn a_question_that_waits_for_another_index_takes_its_pins() {
    let mut user = with_shots();
    user.press("p");
    command(&mut user, "/index mine");
    user.type_text("Is there a mass?");
    user.press("enter");
    user.model_opens();
    let turn = user.state.conversation.get(user.running()).unwrap();
    assert!(turn.settings.pinned.is_empty());
}

#[test]
fn a_question_for_which_no_shots_could_be_chosen_is_given_back() {
    let mut user = with_shots();
    command(&mut user, "/pin nothing");
    let turn = user.ask("Is there a mass?");
    user.event(Event::TurnFailed {
        turn,
        error: Failure::usage("the pinned example nothing is not in the index"),
    });
    assert_eq!(user.state.composer.input.text(), "Is there a mass?");
    user.press("enter");
    let again = user.running();
    let parent = |id| user.state.conversation.get(id).unwrap().parent;
    assert_eq!(parent(again), parent(turn), "it replaces the failed one");
}
