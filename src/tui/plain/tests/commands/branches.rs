//! Comparisons, branches and turns.

use super::answered;
use crate::tui::plain::tests::user::{User, assert_contains};
use crate::tui::state::Effect;
use rounds_assistant::retrieval::Strategy;

#[test]
fn a_comparison_prints_both_answers_one_after_the_other() {
    let mut user = answered();
    assert_contains(
        &user.output_of("/compare"),
        "asking again (without shots)\n",
    );
    let strategy = user.effects().into_iter().find_map(|effect| match effect {
        Effect::Ask { settings, .. } => Some(settings.strategy),
        _ => None,
    });
    assert_eq!(strategy, Some(Strategy::None));
    user.stream(" not printed while it streams Answer: no");
    user.answer("no");
    let output = user.new_output();
    assert_contains(
        &output,
        "Two answers to: Is there a nodule?\n1. with shots (k=4 auto, similar-last)\n",
    );
    assert_contains(&output, "   Answer: yes\n");
    assert_contains(&output, "2. without shots (no shots)\n");
    assert_contains(&output, "   Answer: no\n");
    assert_contains(&output, "different answers\n! yes against no\n");
    assert!(!output.contains("not printed while it streams"), "{output}");
    assert_contains(&user.output_of("/compare"), "different answers\n");
    assert!(
        user.effects().is_empty(),
        "the same comparison is not repeated"
    );
    assert_contains(&user.output_of("/compare k=many"), "error: /k takes");
}

#[test]
fn a_stopped_comparison_prints_the_partial_answer() {
    let mut user = answered();
    user.line("/compare");
    user.stream(" half");
    user.line("/stop");
    user.model_stops();
    assert_contains(&user.new_output(), "   half\n   [stopped]\n");
    assert!(user.ui.comparing.is_none());
}

#[test]
fn a_question_is_regenerated_and_edited_as_branches() {
    let mut user = answered();
    let output = user.output_of("/regenerate");
    assert_contains(&output, "Same settings give the same answer");
    assert!(user.ui.running().is_none(), "nothing is asked");
    user.line("/k 2");
    let output = user.output_of("/regenerate");
    assert_contains(&output, "Question: Is there a nodule?\n");
    user.model_answers("yes");
    let output = user.output_of("/edit");
    assert_contains(
        &output,
        "Is there a nodule?\n/edit TEXT asks the new text as a branch\n",
    );
    assert!(
        user.ui.running().is_none(),
        "showing the question asks nothing"
    );
    assert_contains(
        &user.output_of("/edit Is there a mass?"),
        "Question: Is there a mass?\n",
    );
    user.model_answers("no");
    assert_contains(
        &user.output_of("/branches"),
        "3. Is there a mass?  (case 5 (chest film), shown)",
    );
    // Showing a question with /edit does not make the next question a branch of it.
    user.line("/edit");
    user.exchange("And an effusion?", "no");
    assert_contains(&user.output_of("/turns"), "2. And an effusion?");
}

#[test]
fn turns_are_listed_and_selected() {
    let mut user = User::new();
    assert_contains(&user.output_of("/turns"), "nothing was asked yet");
    user.exchange("one", "yes");
    user.exchange("two", "no");
    assert_contains(
        &user.output_of("/turns"),
        "1. one\n   Answer: yes\n2. two  (selected)\n   Answer: no\n",
    );
    assert_contains(&user.output_of("/turns 1"), "question 1 is selected");
    assert_contains(&user.output_of("/edit"), "one\n");
    assert_contains(
        &user.output_of("/turn 3"),
        "error: there is no question `3`",
    );
    assert_contains(
        &user.output_of("/branches"),
        "no other version of this question",
    );
}
