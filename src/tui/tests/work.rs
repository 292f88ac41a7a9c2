//! Importing and warming in the background of the conversation.

use std::path::PathBuf;

use super::harness::Harness;
use crate::tui::state::{Effect, Event, Work};
use rounds_index::dataset::Format;
use rounds_support::Failure;

fn command(user: &mut Harness, line: &str) {
    user.press("ctrl-u");
    user.type_text(line);
    user.press("enter");
}

/// The job and the work that was started.
fn started(user: &mut Harness) -> (u64, Work) {
    let effects = user.effects();
    let found = effects.into_iter().find_map(|effect| match effect {
        Effect::Work { job, work } => Some((job, work)),
        _ => None,
    });
    found.expect("no work was started")
}

fn reopens(user: &mut Harness) -> bool {
    let effects = user.effects();
    effects.iter().any(|e| matches!(e, Effect::Open { .. }))
}

#[test]
fn an_import_shows_progress_and_ends_with_a_summary() {
    let mut user = Harness::new(140, 40);
    command(&mut user, "/import mine vqa-rad /data/a folder");
    let (job, work) = started(&mut user);
    let Work::Import {
        index,
        format,
        path,
        ..
    } = work
    else {
        panic!("{work:?}")
    };
    assert_eq!((index, format), (PathBuf::from("mine"), Format::VqaRad));
    assert_eq!(path, PathBuf::from("/data/a folder"));
    let progress = "importing, 12 of 99 rows".to_string();
    user.event(Event::WorkProgress { job, progress });
    user.sees("importing, 12 of 99 rows");
    command(&mut user, "/warm");
    user.sees("other background work is running");
    user.event(Event::WorkFinished {
        job,
        result: Ok("99 rows: 98 added, 1 duplicates, 0 rejected".into()),
    });
    user.sees("99 rows: 98 added");
    assert!(!reopens(&mut user), "a different index is open");
}

#[test]
fn esc_stops_an_import_once_and_the_open_index_is_reloaded() {
    let mut user = Harness::new(140, 40);
    command(&mut user, "/index mine");
    user.model_opens();
    user.effects();
    command(&mut user, "/import mine folder images");
    let (job, _) = started(&mut user);
    user.press("esc");
    user.press("esc");
    let effects = user.effects();
    let stops = effects.iter().filter(|e| matches!(e, Effect::StopWork));
    assert_eq!(stops.count(), 1);
    let result = Err(Failure::usage("the disk is full"));
    user.event(Event::WorkFinished { job, result });
    user.sees("error: the disk is full");
    assert!(reopens(&mut user));
}

#[test]
fn an_invalid_import_explains_what_is_accepted() {
    let mut user = Harness::new(140, 40);
    command(&mut user, "/import mine");
    user.sees("for example: /import mine folder ~/images");
    command(&mut user, "/import mine slak x");
    user.sees("`slak` is not a data set format");
}

#[test]
fn warming_shows_its_cost_first() {
    let mut user = Harness::new(140, 40);
    command(&mut user, "/warm");
    let (job, work) = started(&mut user);
    assert_eq!(work, Work::Warm { confirmed: false });
    let cost = "10 images at 33 KiB each: 330 KiB more; /warm go starts it";
    user.event(Event::WorkFinished {
        job,
        result: Ok(cost.into()),
    });
    user.sees(cost);
    command(&mut user, "/warm go");
    assert_eq!(started(&mut user).1, Work::Warm { confirmed: true });
    command(&mut user, "/warm now");
    user.sees("/warm takes nothing or go");
}

/// Whether the answer and the work are being stopped.
fn stops(user: &mut Harness) -> (bool, bool) {
    let effects = user.effects();
    let has = |wanted: fn(&Effect) -> bool| effects.iter().any(wanted);
    (
        has(|e| matches!(e, Effect::Cancel)),
        has(|e| matches!(e, Effect::StopWork)),
    )
}

#[test]
fn a_question_waiting_for_a_warming_says_so_and_stopping_twice_stops_both() {
    for stop in ["esc", "ctrl-c", "/stop"] {
        let mut user = Harness::new(140, 40);
        let press = |user: &mut Harness| match stop {
            "/stop" => command(user, stop),
            key => user.press(key),
        };
        command(&mut user, "/warm go");
        user.ask("Is there a nodule?");
        user.sees("the question waits until caching is done");
        user.effects();
        press(&mut user);
        assert_eq!(stops(&mut user), (true, false), "{stop}");
        // Wait, so that a second Ctrl-C does not quit.
        user.wait(2500);
        press(&mut user);
        assert_eq!(stops(&mut user), (false, true), "{stop}");
        user.wait(2500);
        press(&mut user);
        assert_eq!(stops(&mut user), (false, false), "{stop}");
        user.sees("already stopping");
    }
}
