//! Settings in the chat: all of them, from the assistant's list.

use super::data;
use super::harness::Harness;
use crate::tui::state::{COMMANDS, Command, Effect, Event};
use rounds_assistant::{NO_ANSWER, SETTINGS, Settings, WITHHELD};

fn command(user: &mut Harness, line: &str) {
    user.type_text(line);
    user.press("enter");
}

/// The settings that a question is asked with after `line`.
fn settings_after(line: &str) -> Settings {
    let mut user = Harness::new(140, 44);
    command(&mut user, line);
    user.effects();
    user.ask("q");
    let effects = user.effects().into_iter();
    let mut settings = effects.filter_map(|effect| match effect {
        Effect::Ask { settings, .. } => Some(settings),
        _ => None,
    });
    settings.next().expect("a question")
}

#[test]
fn every_setting_has_a_command_or_one_of_its_own_and_changes_the_next_question() {
    for setting in SETTINGS {
        let Some(name) = setting.command else {
            let own = format!("/{}", setting.flag);
            assert!(COMMANDS.iter().any(|row| row.name == own), "{own}");
            continue;
        };
        let row = Command::Set(setting).row();
        assert_eq!((row.name, row.help), (name, setting.help));
        let value = match setting.name {
            "strategy" => "random",
            "order" => "shuffled",
            "filter" => "modality=ct",
            "options" => "yes, clearly | no",
            "floor" | "temperature" | "top_p" | "length_penalty" | "repetition_penalty" => "0.5",
            _ => "7",
        };
        let expected = Settings::default().with(setting.name, value);
        assert_eq!(
            settings_after(&format!("{name} {value}")),
            expected.unwrap()
        );
    }
}

#[test]
fn a_command_with_a_dash_is_completed_and_says_its_value() {
    let mut user = Harness::new(140, 44);
    user.type_text("/top");
    user.sees("nucleus sampling");
    user.press("esc ctrl-u");
    command(&mut user, "/top-p");
    user.sees("no top-p; /top-p NUMBER|off changes it");
    command(&mut user, "/top-p 2");
    user.sees("/top-p takes a number above 0 and at most 1, or off, not `2`");
    user.press("ctrl-u");
    command(&mut user, "/top-p 0.9");
    user.sees("top-p 0.9, from the next question on");
    command(&mut user, "/status");
    user.sees("top p: 0.9");
}

#[test]
fn a_comparison_takes_every_setting_and_checks_them_together() {
    let mut user = Harness::new(140, 44);
    user.exchange("Is there a nodule?", "yes");
    user.effects();
    command(&mut user, "/compare beams=4 length-penalty=1");
    let effects = user.effects().into_iter();
    let mut asked = effects.filter_map(|effect| match effect {
        Effect::Ask { settings, .. } => Some(settings.decoding),
        _ => None,
    });
    let decoding = asked.next().expect("a question");
    assert_eq!((decoding.beams, decoding.length_penalty), (4, 1.0));
    user.answer("no");
    user.press("esc");
    command(&mut user, "/compare beams=4 temperature=1");
    user.sees("beam search cannot be combined with a temperature");
}

#[test]
fn more_shots_than_are_likely_to_fit_are_said_to_be_too_many() {
    let mut user = Harness::new(140, 44);
    command(&mut user, "/k 30");
    user.sees("Next question will use 30 shots");
    user.does_not_see("fit into");
    command(&mut user, "/k 4");
    user.exchange("Is there a nodule?", "yes");
    command(&mut user, "/k 30");
    user.sees("30 shots; about 13 fit into the model's context of 1024 tokens");
    command(&mut user, "/k 8");
    user.sees("Next question will use 8 shots");
    user.does_not_see("fit into");
}

#[test]
fn a_missing_answer_is_said_to_be_missing() {
    let mut user = Harness::new(140, 44);
    user.exchange("Is there a nodule?", "");
    user.sees(NO_ANSWER);
}

#[test]
fn a_withheld_answer_is_not_said_to_be_missing_and_stays_withheld_in_its_session() {
    let mut user = Harness::new(140, 44);
    let turn = user.ask("Is there a nodule?");
    user.retrieve(4);
    let mut answer = data::answer("");
    answer.rationale = None;
    answer.standing.withheld = Some("this image is in colour".into());
    let answer = Box::new(answer);
    user.event(Event::Answered { turn, answer });
    user.sees(WITHHELD);
    user.does_not_see("the model gave no");
    user.press("alt-n f2 enter");
    user.sees(WITHHELD);
    user.does_not_see("the model gave no");
}
