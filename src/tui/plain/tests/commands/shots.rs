//! Shots: listed, opened, pinned, excluded, moved, left out.

use super::answered;
use crate::tui::plain::tests::user::assert_contains;
use crate::tui::state::{Effect, Event};

#[test]
fn shots_are_listed_opened_pinned_excluded_and_moved() {
    let mut user = answered();
    assert_contains(&user.output_of("/shots"), "\n3. chest-0002  0.840  Q: ");
    let output = user.output_of("/shot 3");
    for line in [
        "Example chest-0002\n",
        "Question: Is there a nodule?\n",
        "Answer: left\n",
        "Rationale: A round opacity",
        "Why it was chosen: shot 3, score 0.8400",
        "Licence: CC0-1.0\n",
    ] {
        assert_contains(&output, line);
    }
    assert_contains(
        &user.output_of("/shot 9"),
        "error: there is no shot `9`\nhint: write a number from 1 to 4",
    );
    assert_contains(&user.output_of("/shot"), "error: there is no shot ``");
    assert_contains(&user.output_of("/pin 3"), "chest-0002 is pinned");
    assert_contains(
        &user.output_of("/exclude chest-0001"),
        "chest-0001 is excluded",
    );
    let output = user.output_of("/shots");
    assert_contains(&output, "1. chest-0002");
    assert_contains(&output, "pinned 1\n");
    assert_contains(&output, "excluded\n");
    assert_contains(&user.output_of("/pin off"), "nothing is pinned now");
    assert_contains(&user.output_of("/exclude off"), "nothing is excluded now");
    user.line("/move 4 1");
    let pinned = user.ui.state_mut().settings.pinned.clone();
    assert_eq!(
        pinned,
        ["chest-0003", "chest-0000", "chest-0001", "chest-0002"]
    );
    assert_contains(&user.output_of("/move 4"), "error: /move takes");
    assert_contains(&user.output_of("/move 4 5"), "error: /move takes");
}

#[test]
fn a_question_can_be_asked_again_without_a_shot() {
    let mut user = answered();
    assert_contains(
        &user.output_of("/without 2"),
        "Question (without chest-0001): Is there a nodule?",
    );
    let excluded = user.effects().into_iter().find_map(|effect| match effect {
        Effect::Ask { settings, .. } => Some(settings.excluded),
        _ => None,
    });
    assert_eq!(excluded, Some(vec!["chest-0001".to_string()]));
    user.model_answers("no");
    let output = user.output_of("/branches");
    assert_contains(
        &output,
        "1. Is there a nodule?  (case 5 (chest film))\n   Answer: yes\n",
    );
    assert_contains(
        &output,
        "2. Is there a nodule?  (without chest-0001, case 5 (chest film), shown)\n   Answer: no\n",
    );
    assert_contains(&user.output_of("/branch 1"), "showing branch 1 of 2");
    assert_contains(
        &user.output_of("/turns"),
        "(branch 1 of 2, case 5 (chest film), selected)\n   Answer: yes",
    );
    assert_contains(
        &user.output_of("/branch 3"),
        "error: there is no branch `3`",
    );
}

#[test]
fn the_exact_prompt_is_printed() {
    let mut user = answered();
    assert_contains(
        &user.output_of("/prompt"),
        "<image>Question: Is there a nodule? Rationale:\n",
    );
}

#[test]
fn why_prints_what_each_shot_did() {
    let mut user = answered();
    user.effects();
    assert_contains(&user.output_of("/why"), "why this answer\n");
    let job = user.effects().into_iter().find_map(|effect| match effect {
        Effect::Why { job, .. } => Some(job),
        _ => None,
    });
    let influence = |number: usize, total: f64| rounds_assistant::Influence {
        example_id: format!("chest-{number:04}"),
        position: 1,
        total,
        per_token: total,
    };
    user.event(Event::Explained {
        job: job.expect("nothing was asked"),
        result: Ok(Some(vec![influence(0, 2.0), influence(1, -1.0)])),
    });
    let output = user.new_output();
    assert_contains(&output, "1. ██████████ +2.000  A: yes  chest-0000\n");
    assert_contains(&output, "2. ▒▒▒▒▒····· -1.000  A: no  chest-0001\n");
}
