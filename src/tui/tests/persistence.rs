//! What is saved of a conversation, however slow the store is.

use super::data;
use super::harness::Harness;
use crate::tui::ExitReason;
use crate::tui::journal::{Finished, SavedEnd, SavedSession, SavedTurn, Subject};
use crate::tui::state::{Effect, Event, Reply, Start, Turn};
use rounds_assistant::Setup;
use rounds_imaging::ColourDepth;

const STILL_SAVING: &str = "the last answer is still being saved; try again";

fn command(user: &mut Harness, line: &str) {
    user.type_text(line);
    user.press("enter");
}

#[test]
fn a_new_session_waits_until_the_last_turn_is_saved() {
    let mut user = Harness::new(120, 40);
    user.store_is_slow();
    user.exchange("one", "yes");
    user.press("alt-n");
    user.sees(STILL_SAVING);
    user.sees("You  ");
    user.store_answers();
    user.press("alt-n");
    user.sees("a new session");
    user.exchange("two", "no");
    let first = user.journal().open_session("1").unwrap().turns;
    assert_eq!(first.len(), 1);
    assert!(matches!(&first[0].end, SavedEnd::Answered(done) if done.answer == "yes"));
    let second = user.journal().open_session("2").unwrap().turns;
    let questions: Vec<&str> = second.iter().map(|t| t.question.as_str()).collect();
    assert_eq!(questions, ["two"]);
}

#[test]
fn a_session_is_neither_closed_nor_deleted_while_a_turn_is_being_saved() {
    let mut user = Harness::new(120, 40);
    user.exchange("one", "yes");
    user.press("alt-n");
    user.exchange("two", "no");
    user.store_is_slow();
    user.exchange("three", "left");
    let saved = user.journal().open_session("1").unwrap();
    user.event(Event::SessionOpened(Ok(Box::new(saved))));
    user.sees(STILL_SAVING);
    let second = user.journal().open_session("2").unwrap().id;
    assert_eq!(user.state.session.id(), Some(second.as_str()));
    user.effects();
    command(&mut user, "/delete");
    user.press("y");
    user.sees(STILL_SAVING);
    let deletes = |e: &Effect| matches!(e, Effect::DeleteSession(_));
    assert!(!user.effects().iter().any(deletes));
    user.store_answers();
    command(&mut user, "/delete");
    user.press("y");
    assert!(user.effects().iter().any(deletes));
}

#[test]
fn a_question_asked_before_its_parent_is_saved_still_follows_it() {
    let mut user = Harness::new(120, 40);
    user.store_is_slow();
    user.exchange("one", "yes");
    user.exchange("two", "no");
    user.store_answers();
    let turns = user.journal().open_session("1").unwrap().turns;
    assert_eq!(turns[1].parent.as_ref(), Some(&turns[0].id));
    assert!(turns.iter().all(|t| matches!(t.end, SavedEnd::Answered(_))));
    assert!(!user.state.has_unstored());
}

fn count_ends(user: &mut Harness) -> usize {
    let effects = user.effects();
    let ends = effects
        .iter()
        .filter(|e| matches!(e, Effect::StoreEnd { .. }));
    ends.count()
}

#[test]
fn quitting_ends_a_turn_exactly_once() {
    let mut user = Harness::with_start(100, 30, ColourDepth::True, Start::default());
    user.ask("waits for the model");
    user.event(Event::Terminate(ExitReason::Left));
    assert_eq!(count_ends(&mut user), 1);

    let mut user = Harness::new(100, 30);
    let turn = user.ask("streams");
    user.retrieve(1);
    user.stream("half");
    user.event(Event::Terminate(ExitReason::Signal(15)));
    user.event(Event::Terminate(ExitReason::Signal(15)));
    user.event(Event::Answered {
        turn,
        answer: Box::new(data::answer("too late")),
    });
    assert_eq!(count_ends(&mut user), 1);
    let turns = user.journal().open_session("1").unwrap().turns;
    assert!(matches!(&turns[0].end, SavedEnd::Stopped { text } if text.contains("half")));
}

#[test]
fn a_rejected_answer_is_an_error_and_the_next_question_keeps_its_parent() {
    let mut user = Harness::new(120, 40);
    command(&mut user, "/temperature 0.7");
    user.exchange("one", "yes");
    user.exchange("two", "yes");
    for _ in 0..10 {
        user.press("ctrl-r");
    }
    user.sees("error: too many answers are waiting");
    // The branch before, which is still queued.
    user.sees("branch 10 of 10");
    user.sees("queued");
    user.press("esc");
    user.model_stops();
    user.exchange("three", "no");
    let turns = user.journal().open_session("1").unwrap().turns;
    let last = turns.last().unwrap();
    assert_eq!(last.question, "three");
    assert_eq!(last.parent.as_ref(), Some(&turns[turns.len() - 2].id));
}

#[test]
fn a_session_created_while_a_model_opens_records_that_model() {
    let start = Start {
        setup: Setup {
            model: Some("/models/big".into()),
            index: Some("mine".into()),
            ..Setup::default()
        },
        ..Start::default()
    };
    let mut user = Harness::with_start(100, 30, ColourDepth::True, start);
    user.ask("Is there a nodule?");
    let created = user.effects().into_iter().find_map(|effect| match effect {
        Effect::CreateSession { model, index, .. } => Some((model, index)),
        _ => None,
    });
    assert_eq!(created, Some(("big".into(), "mine".into())));
}

#[test]
fn the_notice_of_opening_the_store_is_on_the_first_screen() {
    let start = Start {
        notice: Some("the sessions could not be read; they were moved".into()),
        ..Start::default()
    };
    let user = Harness::with_start(100, 30, ColourDepth::True, start);
    user.sees("the sessions could not be read; they were moved");
}

#[test]
fn another_session_is_not_drawn_from_cached_text() {
    let mut user = Harness::new(120, 40);
    let saved = |id: &str, notice: &str, image: &str| SavedSession {
        id: id.into(),
        title: "t".into(),
        turns: vec![SavedTurn {
            id: format!("{id}-t1"),
            parent: None,
            question: "Is there a nodule?".into(),
            images: vec![data::attached(image)],
            damaged: Vec::new(),
            subject: Subject::default(),
            settings: Default::default(),
            setup: Setup::default(),
            shots: Vec::new(),
            prompt: None,
            end: SavedEnd::Answered(Box::new(Finished {
                answer: "yes".into(),
                notices: vec![notice.into()],
                ..Finished::default()
            })),
        }],
    };
    let mut open = |saved: SavedSession| {
        user.event(Event::SessionOpened(Ok(Box::new(saved))));
        user.screen()
    };
    let first = open(saved("s1", "first notice", "first.png"));
    assert!(first.contains("note: first notice") && first.contains("[first.png]"));
    let second = open(saved("s2", "other notice", "other.png"));
    assert!(second.contains("note: other notice"), "{second}");
    assert!(second.contains("[other.png]"), "{second}");
}

#[test]
fn a_reopened_session_has_its_shots_prompt_token_counts_and_timings() {
    let mut user = Harness::new(120, 40);
    user.attach("a.png");
    user.exchange("one", "yes");
    user.ask("two");
    user.retrieve(3);
    user.stream("A round");
    let turn = user.running();
    user.event(Event::TurnFailed {
        turn,
        error: rounds_support::Failure::model("broken"),
    });
    let before: Vec<String> = path_of(&user).iter().map(|t| t.streamed()).collect();
    user.press("alt-n f2 enter");
    let reopened = path_of(&user);
    let streamed: Vec<String> = reopened.iter().map(|t| t.streamed()).collect();
    assert_eq!(streamed[1], before[1]);
    assert_eq!(streamed[1], "Rationale: A round");
    for (turn, shots) in reopened.iter().zip([4, 3]) {
        assert!(turn.prompt_text().starts_with("<image>Question: "));
        assert_eq!((turn.shots.len(), turn.asked), (shots, 4));
        assert_eq!(turn.images.len(), 1);
    }
    let Reply::Answered(done) = &reopened[0].reply else {
        panic!("{:?}", reopened[0].reply)
    };
    let given = Finished::from(&data::answer("yes"));
    assert_eq!(**done, given);
    assert!(done.generated_tokens > 0 && done.prompt_tokens > 0 && done.total_ms > 0.0);
    assert!(reopened[0].speed().is_some());
}

fn path_of(user: &Harness) -> Vec<Turn> {
    let conversation = &user.state.conversation;
    let path = conversation.path().into_iter();
    path.map(|id| conversation.get(id).unwrap().clone())
        .collect()
}

/// The setups the store was given: when turns began and when they ended.
fn stored_setups(user: &mut Harness) -> (Vec<Setup>, Vec<Setup>) {
    let (mut begun, mut ended) = (Vec::new(), Vec::new());
    for effect in user.effects() {
        match effect {
            Effect::StoreTurn { new, .. } => begun.push(new.setup),
            Effect::StoreEnd { setup, .. } => ended.push(setup),
            _ => {}
        }
    }
    (begun, ended)
}

#[test]
fn a_turn_records_the_encoder_and_search_that_answered_it() {
    let setup = Setup {
        encoder: Some("clip".into()),
        search: rounds_index::Search::Hnsw,
        ..Setup::default()
    };
    let start = Start {
        setup: setup.clone(),
        ..Start::default()
    };
    let mut user = Harness::with_start(100, 30, ColourDepth::True, start);
    user.model_opens();
    user.exchange("one", "yes");
    assert_eq!(stored_setups(&mut user), (vec![setup.clone()], vec![setup]));
}

#[test]
fn a_turn_records_the_model_that_answered_not_the_one_that_failed_to_open() {
    let mut user = Harness::new(100, 30);
    user.type_text("/model big");
    user.press("enter");
    let job = user.effects().iter().find_map(|effect| match effect {
        Effect::Open { job, .. } => Some(*job),
        _ => None,
    });
    user.ask("one");
    user.event(Event::Opened {
        job: job.unwrap(),
        result: Err(rounds_support::Failure::usage("not there")),
    });
    user.answer("yes");
    let (begun, ended) = stored_setups(&mut user);
    assert_eq!(
        begun[0].model,
        Some("big".into()),
        "the model that was requested"
    );
    assert_eq!(ended[0].model, None, "the model that answered");
}
