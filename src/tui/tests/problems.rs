//! Problems: vignette, laboratory values and question in the conversation.

use super::data;
use super::harness::Harness;
use crate::tui::state::{Effect, Event, OpenedProblem, ProblemName, Start};
use rounds_assistant::{Background, LabValue};
use rounds_imaging::ColourDepth;
use rounds_support::Failure;

fn lab(name: &str, value: &str, range: &str) -> LabValue {
    LabValue {
        name: name.into(),
        value: value.into(),
        unit: "mmol/L".into(),
        range: range.into(),
    }
}

fn problem() -> OpenedProblem {
    OpenedProblem {
        id: "missed-dialysis".into(),
        background: Background {
            vignette: "A 48-year-old man on haemodialysis has missed two sessions.".into(),
            labs: vec![
                lab("Potassium", "7.8", "3.5-5.0"),
                lab("Sodium", "139", "135-145"),
                lab("Bicarbonate", "14", "22-28"),
            ],
        },
        images: vec![data::attached("ecg.png")],
        question: "What explains the ECG?".into(),
        reference: "Hyperkalaemia\n\nPotassium slows conduction.".into(),
    }
}

fn command(user: &mut Harness, line: &str) {
    user.press("ctrl-u");
    user.type_text(line);
    user.press("enter");
}

fn opened(size: (u16, u16)) -> Harness {
    let mut user = Harness::new(size.0, size.1);
    command(&mut user, "/problem missed-dialysis");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::OpenProblem(name) if name == "missed-dialysis"))
    );
    user.event(Event::Problem(Ok(Box::new(problem()))));
    user
}

#[test]
fn a_problem_shows_its_case_and_waits_for_enter() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut user = opened(size);
        user.sees("has missed");
        user.sees("Potassium    7.8 mmol/L  HIGH  3.5-5.0");
        user.sees("Sodium       139 mmol/L        135-145");
        user.sees("Bicarbonate  14 mmol/L   low   22-28");
        user.sees("> What explains the ECG?");
        assert!(
            !user
                .effects()
                .iter()
                .any(|e| matches!(e, Effect::Ask { .. }))
        );
        insta::assert_snapshot!(format!("problem_{}x{}", size.0, size.1), user.screen());
    }
}

#[test]
fn the_case_goes_with_its_questions_and_stands_above_the_first_of_them() {
    let mut user = opened((200, 60));
    user.press("enter");
    let asked = |user: &mut Harness| {
        user.effects().into_iter().find_map(|effect| match effect {
            Effect::Ask { subject, .. } => Some(subject.background),
            _ => None,
        })
    };
    assert_eq!(asked(&mut user), Some(problem().background));
    user.retrieve(1);
    user.answer("too much potassium");
    user.ask("And what is given first?");
    assert_eq!(asked(&mut user), Some(problem().background));
    user.retrieve(1);
    user.answer("calcium");
    let screen = user.screen();
    assert_eq!(screen.matches("has missed").count(), 1, "{screen}");
    command(&mut user, "/problem off");
    user.ask("Is the heart enlarged?");
    assert_eq!(asked(&mut user), Some(Background::default()));
}

#[test]
fn the_reference_answer_is_shown_on_request_only() {
    let mut user = opened((120, 40));
    user.does_not_see("slows conduction");
    command(&mut user, "/problem answer");
    user.sees("Hyperkalaemia");
    user.sees("slows conduction");
    let mut other = Harness::new(120, 40);
    command(&mut other, "/problem answer");
    other.sees("no problem is open");
}

#[test]
fn problems_are_listed_and_an_unknown_one_is_given_back() {
    let start = Start {
        problems: vec![ProblemName {
            id: "missed-dialysis".into(),
            words: "nephrology: What explains the ECG?".into(),
        }],
        ..Start::default()
    };
    let mut user = Harness::with_start(120, 40, ColourDepth::True, start);
    command(&mut user, "/problem");
    user.sees("missed-dialysis: nephrology: What explains the ECG?");
    user.press("esc");
    user.type_text("/problem mis");
    user.sees("missed-dialysis");
    user.press("esc");
    command(&mut user, "/problem mist");
    let unknown = Failure::usage("there is no problem mist").hint("there are: missed-dialysis");
    user.event(Event::Problem(Err(unknown)));
    user.sees("there is no problem mist");
    user.sees("> /problem mist");
}

#[test]
fn another_case_takes_the_place_of_the_problem() {
    let mut user = opened((120, 40));
    assert!(!user.state.case.subject.background.is_empty());
    command(&mut user, "/new");
    assert!(user.state.case.subject.background.is_empty());
    user.does_not_see("has missed");
}

fn named(ids: &[&str]) -> Start {
    let name = |id: &&str| ProblemName {
        id: id.to_string(),
        words: format!("nephrology: What explains {id}?"),
    };
    Start {
        problems: ids.iter().map(name).collect(),
        ..Start::default()
    }
}

fn opening(user: &mut Harness) -> Vec<String> {
    let effects = user.effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::OpenProblem(name) => Some(name),
            _ => None,
        })
        .collect()
}

#[test]
fn a_problem_is_chosen_from_the_list_with_keys_or_the_mouse() {
    for size in [(60, 16), (80, 24), (200, 60)] {
        let start = named(&["missed-dialysis", "iron", "gallstones"]);
        let mut user = Harness::with_start(size.0, size.1, ColourDepth::True, start);
        user.model_opens();
        command(&mut user, "/problem");
        user.sees("> missed-dialysis");
        user.press("down j down up");
        user.sees("> iron");
        user.press("enter");
        assert_eq!(opening(&mut user), ["iron"]);
        assert!(user.state.overlay.is_none());
        command(&mut user, "/problem");
        user.press("down esc");
        assert!(opening(&mut user).is_empty(), "Esc opens none");
    }
}

#[test]
fn a_program_without_problems_says_how_to_open_ones_own() {
    let mut user = Harness::new(120, 40);
    command(&mut user, "/problem");
    user.sees("/problem FILE#ID opens one");
}

#[test]
fn a_question_waits_for_the_problem_that_is_being_read() {
    let mut user = Harness::new(120, 40);
    command(&mut user, "/problem missed-dialysis");
    user.effects();
    user.type_text("Is it urgent?");
    user.press("enter");
    user.sees("the question is asked as soon as its image is read");
    let asked = |user: &mut Harness| {
        user.effects().into_iter().find_map(|effect| match effect {
            Effect::Ask {
                question, subject, ..
            } => Some((question, subject.background)),
            _ => None,
        })
    };
    assert_eq!(asked(&mut user), None);
    user.event(Event::Problem(Ok(Box::new(problem()))));
    let expected = ("Is it urgent?".to_string(), problem().background);
    assert_eq!(asked(&mut user), Some(expected));
    assert!(user.state.composer.input.is_empty());
}

#[test]
fn a_question_about_a_problem_that_cannot_be_read_is_given_back() {
    let mut user = Harness::new(120, 40);
    command(&mut user, "/problem mist");
    user.type_text("Is it urgent?");
    user.press("enter");
    let unknown = Failure::usage("there is no problem mist");
    user.event(Event::Problem(Err(unknown)));
    user.sees("there is no problem mist");
    user.sees("> Is it urgent?");
    user.effects();
    user.press("enter");
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::Ask { .. })));
}
