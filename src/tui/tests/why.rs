//! Why this answer: asked with a key or a command, computed in the background, shown beside the shots.

use super::data;
use super::harness::Harness;
use crate::tui::journal::{Finished, SavedEnd, SavedSession, SavedTurn, Subject};
use crate::tui::state::{Effect, Event, WhyTurn};
use rounds_assistant::Influence;
use rounds_support::Failure;

fn with_answer() -> Harness {
    let mut user = Harness::new(150, 44);
    user.exchange("Is there a nodule?", "yes");
    user.effects();
    user
}

fn command(user: &mut Harness, line: &str) {
    user.press("ctrl-u");
    user.type_text(line);
    user.press("enter");
}

/// The job and what is to be explained, if that was asked.
fn asked(user: &mut Harness) -> Option<(u64, Box<WhyTurn>)> {
    user.effects().into_iter().find_map(|effect| match effect {
        Effect::Why { job, request } => Some((job, request)),
        _ => None,
    })
}

fn influences() -> Vec<Influence> {
    let totals = [1.25, -0.5, 0.0, 0.25];
    let pairs = totals.into_iter().zip(0..);
    pairs
        .map(|(total, number)| Influence {
            example_id: format!("chest-{number:04}"),
            position: 4 - number as usize,
            total,
            per_token: total / 2.0,
        })
        .collect()
}

#[test]
fn the_key_on_the_shots_pane_shows_a_bar_beside_every_shot() {
    let mut user = with_answer();
    user.press("alt-3 y");
    let (job, request) = asked(&mut user).expect("nothing was asked");
    assert_eq!(request.question, "Is there a nodule?");
    assert_eq!(request.wording.answer, "yes");
    assert_eq!(request.shots.len(), 4);
    user.event(Event::WorkProgress {
        job,
        progress: "why this answer, 2 of 5".into(),
    });
    user.sees("why this answer, 2 of 5");
    user.does_not_see("+1.25");
    user.event(Event::Explained {
        job,
        result: Ok(Some(influences())),
    });
    user.sees("why ████████ +1.25");
    user.sees("why ▒▒▒░░░░░ -0.50");
    user.sees("shot 1 did most for this answer: without it the log-likelihood is 1.25 lower");
    assert!(user.state.work.running.is_none());
    user.press("enter");
    user.sees("+1.250: log-likelihood with all shots minus without this one");
    user.press("esc");
    command(&mut user, "/why");
    assert!(asked(&mut user).is_none(), "it is known already");
    user.sees("shot 1 did most for this answer");
}

#[test]
fn shots_are_explained_as_they_stood_in_the_prompt() {
    let mut user = Harness::new(150, 44);
    let turn = user.ask("Is there a nodule?");
    user.retrieve(4);
    let ids = ["chest-0002", "chest-0000", "chest-0003", "chest-0001"];
    let mut answer = data::answer("yes");
    answer.provenance.shot_ids = ids.map(String::from).to_vec();
    let answer = Box::new(answer);
    user.event(Event::Answered { turn, answer });
    user.effects();
    command(&mut user, "/why");
    let (_, request) = asked(&mut user).expect("nothing was asked");
    let shots = request.shots.iter();
    let shots: Vec<&str> = shots.map(|shot| shot.example.id.as_str()).collect();
    assert_eq!(shots, ids);
}

#[test]
fn an_answer_about_an_image_that_was_lost_is_not_explained_without_it() {
    let mut user = Harness::new(150, 44);
    let turn = SavedTurn {
        id: "s1#1".into(),
        parent: None,
        question: "Is there a nodule?".into(),
        images: Vec::new(),
        damaged: vec!["lost.png".into()],
        subject: Subject::default(),
        settings: Default::default(),
        setup: Default::default(),
        shots: data::shots(2),
        prompt: None,
        end: SavedEnd::Answered(Box::new(Finished {
            answer: "yes".into(),
            ..Finished::default()
        })),
    };
    user.event(Event::SessionOpened(Ok(Box::new(SavedSession {
        id: "s1".into(),
        title: "A nodule".into(),
        turns: vec![turn],
    }))));
    command(&mut user, "/why");
    user.sees("the stored copy of lost.png is damaged");
    assert!(asked(&mut user).is_none());
}

#[test]
fn esc_stops_the_explanation() {
    let mut user = with_answer();
    command(&mut user, "/why");
    let (job, _) = asked(&mut user).expect("nothing was asked");
    user.press("esc");
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::StopWork)));
    user.event(Event::Explained {
        job,
        result: Ok(None),
    });
    user.sees("stopped: the answer was not explained");
    user.does_not_see("why █");
    assert!(user.state.work.running.is_none());
    command(&mut user, "/why");
    assert!(asked(&mut user).is_some(), "it can be asked again");
}

#[test]
fn an_answer_that_cannot_be_explained_is_refused_with_a_reason() {
    let mut user = Harness::new(150, 44);
    command(&mut user, "/why");
    user.sees("there is no answer to explain");
    user.press("ctrl-u");
    user.ask("Is there a nodule?");
    command(&mut user, "/why");
    user.sees("an answer is in progress");
    user.retrieve(4);
    user.answer("");
    command(&mut user, "/why");
    user.sees("the model gave no answer that could be explained");
    assert!(asked(&mut user).is_none());
    user.press("ctrl-u");
    let turn = user.ask("What is the capital of France?");
    user.retrieve(4);
    let mut answer = data::answer("");
    answer.standing.withheld = Some("its words are unknown".into());
    let answer = Box::new(answer);
    user.event(Event::Answered { turn, answer });
    command(&mut user, "/why");
    user.sees("no answer is shown that could be explained");
    assert!(asked(&mut user).is_none());
    user.press("ctrl-u");
    user.exchange("Is it large?", "no");
    command(&mut user, "/why");
    let (job, _) = asked(&mut user).expect("nothing was asked");
    command(&mut user, "/why");
    user.sees("other background work is running");
    user.event(Event::Explained {
        job,
        result: Err(Failure::model("the model stopped")),
    });
    user.sees("the model stopped");
}

#[test]
fn an_explanation_of_an_earlier_conversation_is_dropped() {
    let mut user = with_answer();
    command(&mut user, "/why");
    let (job, _) = asked(&mut user).expect("nothing was asked");
    command(&mut user, "/new");
    user.exchange("Another question?", "no");
    user.event(Event::Explained {
        job,
        result: Ok(Some(influences())),
    });
    user.does_not_see("why █");
    assert!(user.state.work.running.is_none());
}
