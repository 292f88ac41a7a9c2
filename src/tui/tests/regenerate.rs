//! Asking again: edited, regenerated, compared. Earlier answers are never lost.

use super::harness::Harness;
use crate::tui::state::{Effect, Event};
use rounds_assistant::retrieval::Strategy;
use rounds_support::Failure;

#[test]
fn an_edited_question_is_a_branch_and_the_old_one_stays_reachable() {
    let mut user = Harness::new(100, 40);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-e");
    user.sees("Edit the question");
    user.press("ctrl-u");
    user.ask("Is there an effusion?");
    user.retrieve(1);
    user.answer("no");
    user.sees("branch 2 of 2");
    user.does_not_see("  Is there a nodule?");
    user.press("alt-left");
    user.sees("branch 1 of 2");
    user.press("alt-right");
    user.sees("Is there an effusion?");
    let turns = user.journal().open_session("1").unwrap().turns;
    assert_eq!(turns.len(), 2);
    assert_eq!(turns[1].parent, None);
}

#[test]
fn esc_while_editing_leaves_the_question_as_it_was() {
    let mut user = Harness::new(100, 30);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-e esc");
    assert!(user.state.composer.input.is_empty());
    user.effects();
    user.ask("next");
    user.does_not_see("branch");
}

#[test]
fn regenerating_makes_a_branch_only_if_the_answer_can_change() {
    let mut user = Harness::new(100, 40);
    user.exchange("Is there a nodule?", "yes");
    user.effects();
    user.press("ctrl-r");
    user.sees("Same settings give the same answer; `/temperature 0.7` varies it");
    user.does_not_see("branch");
    assert!(user.effects().is_empty(), "nothing is asked or stored");
    user.type_text("/k 2");
    user.press("enter ctrl-r");
    user.retrieve(2);
    // Neither while the same question is being answered.
    user.press("ctrl-r");
    user.answer("yes");
    user.sees("branch 2 of 2");
    user.type_text("/temperature 0.7");
    user.press("enter ctrl-r");
    user.answer("yes");
    user.press("ctrl-r");
    let seeds: Vec<u64> = user
        .effects()
        .iter()
        .filter_map(|e| match e {
            Effect::Ask { settings, .. } => Some(settings.decoding.seed),
            _ => None,
        })
        .collect();
    assert_eq!(seeds[seeds.len() - 2..], [0, 1]);
}

#[test]
fn a_reopened_answer_is_regenerated_only_by_another_model_or_index() {
    let mut user = Harness::new(100, 40);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-n f2 enter ctrl-r");
    user.sees("Same settings give the same answer");
    assert_eq!(user.state.conversation.count(), 1);
    user.type_text("/index mine");
    user.press("enter");
    user.model_opens();
    user.press("ctrl-r");
    assert_eq!(user.state.conversation.count(), 2);
    user.answer("no");
    user.press("ctrl-r");
    user.sees("Same settings give the same answer");
    // It may have got more examples since.
    user.type_text("/index mine");
    user.press("enter");
    user.model_opens();
    user.press("ctrl-r");
    assert_eq!(user.state.conversation.count(), 3);
}

#[test]
fn comparing_shows_two_answers_side_by_side_and_returns_to_the_first() {
    let mut user = Harness::new(140, 40);
    user.exchange("Is there a nodule?", "yes");
    user.effects();
    user.press("alt-c");
    let settings = user
        .effects()
        .into_iter()
        .find_map(|e| match e {
            Effect::Ask { settings, .. } => Some(settings),
            _ => None,
        })
        .unwrap();
    assert_eq!(settings.strategy, Strategy::None);
    user.sees("with shots");
    user.sees("without shots");
    user.answer("no");
    user.sees("! different answers");
    user.press("esc");
    user.sees("branch 1 of 2");
    user.press("alt-c");
    assert!(
        !user
            .effects()
            .iter()
            .any(|e| matches!(e, Effect::Ask { .. })),
        "the same comparison is not repeated"
    );
}

#[test]
fn a_comparison_with_an_invalid_setting_explains_what_is_accepted() {
    let mut user = Harness::new(100, 30);
    user.exchange("q", "yes");
    user.type_text("/compare strategy=nearest");
    user.press("enter");
    user.sees("`nearest` is not a strategy");
    user.sees("hint: one of auto, image,");
}

#[test]
fn a_stopped_or_failed_comparison_is_asked_again() {
    let mut user = Harness::new(140, 40);
    user.exchange("Is there a nodule?", "yes");
    let asks = |user: &mut Harness| {
        let effects = user.effects();
        let asked = effects.iter().filter(|e| matches!(e, Effect::Ask { .. }));
        asked.count()
    };
    user.effects();
    user.press("alt-c");
    assert_eq!(asks(&mut user), 1);
    user.press("esc esc");
    user.model_stops();
    user.press("alt-c");
    assert_eq!(asks(&mut user), 1, "the first was stopped");
    let turn = user.running();
    user.event(Event::TurnFailed {
        turn,
        error: Failure::usage("broken"),
    });
    user.press("esc");
    user.press("alt-c");
    assert_eq!(asks(&mut user), 1, "the second failed");
    user.answer("no");
    user.press("esc");
    user.press("alt-c");
    assert_eq!(asks(&mut user), 0, "the third is complete");
}

#[test]
fn a_cancelled_edit_restores_the_input() {
    let mut user = Harness::new(100, 30);
    user.exchange("first", "yes");
    user.attach("next.png");
    user.type_text("half a quest");
    user.press("alt-e");
    assert_eq!(user.state.composer.input.text(), "first");
    assert!(user.state.case.images.is_empty());
    user.press("esc");
    assert_eq!(user.state.composer.input.text(), "half a quest");
    assert_eq!(user.state.case.images.len(), 1);
    user.press("alt-e enter");
    user.answer("no");
    assert!(user.state.composer.input.is_empty());
    user.press("esc");
    assert!(
        user.state.composer.input.is_empty(),
        "a sent edit leaves no draft"
    );
}

#[test]
fn keys_do_not_act_on_hidden_shots() {
    let mut user = Harness::new(80, 24);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-3 w");
    user.retrieve(3);
    user.answer("no");
    let before = user.state.settings.clone();
    user.press("x p");
    assert_eq!(user.state.settings.excluded, before.excluded);
    assert_eq!(user.state.settings.pinned, before.pinned);

    let mut user = Harness::new(160, 40);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-3 w");
    user.retrieve(3);
    user.answer("no");
    user.press("x");
    assert_eq!(
        user.state.settings.excluded.len(),
        1,
        "the shots are visible"
    );
}
