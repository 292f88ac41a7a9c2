//! Rejected settings and input, and small things that keys must not do.

use std::path::PathBuf;

use super::harness::Harness;
use crate::tui::ExitReason;
use crate::tui::journal::ExportFormat;
use crate::tui::state::{Effect, Event, Overlay, Start, Work};
use rounds_assistant::retrieval::Strategy;
use rounds_imaging::ColourDepth;
use rounds_index::dataset::Format;

fn command(user: &mut Harness, line: &str) {
    user.press("ctrl-u");
    user.type_text(line);
    user.press("enter");
}

#[test]
fn conflicting_settings_are_rejected_and_nothing_changes() {
    let mut user = Harness::new(100, 30);
    user.state.settings.decoding.beams = 4;
    command(&mut user, "/temperature 1");
    user.sees("error: beam search cannot be combined with a temperature");
    assert_eq!(user.state.settings.decoding.temperature, 0.0);
    command(&mut user, "/strategy fixed");
    user.sees("error: the strategy fixed uses only pinned examples");
    assert_eq!(user.state.settings.strategy, Strategy::Auto);
    command(&mut user, "/pin chest-0001");
    command(&mut user, "/strategy fixed");
    assert_eq!(user.state.settings.strategy, Strategy::Fixed);
    command(&mut user, "/floor 7");
    user.sees("error: /floor takes a number from -1 to 1, or off, not `7`");
}

#[test]
fn a_question_that_the_settings_forbid_stays_in_the_input() {
    let mut user = Harness::new(100, 30);
    command(&mut user, "/pin chest-0001");
    command(&mut user, "/strategy fixed");
    command(&mut user, "/pin off");
    command(&mut user, "Is there a nodule?");
    user.sees("error: the strategy fixed uses only pinned examples");
    assert_eq!(user.state.composer.input.text(), "Is there a nodule?");
    assert_eq!(user.state.conversation.count(), 0);
}

#[test]
fn the_history_includes_commands() {
    let mut user = Harness::new(100, 30);
    user.exchange("first question", "yes");
    command(&mut user, "/k 3");
    command(&mut user, "/strategy random");
    user.press("up");
    assert_eq!(user.state.composer.input.text(), "/strategy random");
    user.press("up");
    assert_eq!(user.state.composer.input.text(), "/k 3");
    user.press("up");
    assert_eq!(user.state.composer.input.text(), "first question");
    user.press("down down");
    assert_eq!(user.state.composer.input.text(), "/strategy random");
}

fn exports(user: &mut Harness) -> Vec<(ExportFormat, PathBuf)> {
    let effects = user.effects().into_iter();
    let exports = effects.filter_map(|effect| match effect {
        Effect::Export { format, path, .. } => Some((format, path)),
        _ => None,
    });
    exports.collect()
}

#[test]
fn the_typed_extension_sets_the_export_format() {
    let mut user = Harness::new(100, 30);
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-x ctrl-u");
    user.type_text("new.html");
    user.sees("> HTML");
    user.press("enter");
    assert_eq!(
        exports(&mut user),
        [(ExportFormat::Html, "new.html".into())]
    );
    user.press("ctrl-u enter");
    user.sees("there is no path");
    assert!(exports(&mut user).is_empty());
}

#[test]
fn an_import_expands_the_home_folder_and_keeps_spaces() {
    let mut user = Harness::new(100, 30);
    command(&mut user, "/import  ~/mine   folder   /data/a  b");
    let effects = user.effects();
    let work = effects.into_iter().find_map(|effect| match effect {
        Effect::Work { work, .. } => Some(work),
        _ => None,
    });
    let Some(Work::Import {
        index,
        format,
        path,
        ..
    }) = work
    else {
        panic!("no import was started")
    };
    assert_eq!(index, PathBuf::from("/home/me/mine"));
    assert_eq!(
        (format, path),
        (Format::Folder, PathBuf::from("/data/a  b"))
    );
}

#[test]
fn work_cut_off_by_quitting_is_reported() {
    let mut user = Harness::new(100, 30);
    command(&mut user, "/import mine folder /data");
    user.event(Event::WorkProgress {
        job: 1,
        progress: "importing, 12 of 99 rows".into(),
    });
    user.event(Event::Terminate(ExitReason::Left));
    let notice = user.state.end_work().expect("an import was running");
    assert!(notice.message.contains("12 of 99 rows"), "{notice:?}");
    assert_eq!(user.state.end_work(), None);
}

#[test]
fn the_notice_is_accepted_only_after_all_of_it_was_on_the_screen() {
    let mut user = Harness::with_start(
        40,
        10,
        ColourDepth::True,
        Start {
            first_run: true,
            ..Start::default()
        },
    );
    let accepts = |user: &mut Harness| {
        let effects = user.effects();
        effects.iter().any(|e| matches!(e, Effect::AcceptFirstRun))
    };
    let mut seen = user.screen();
    user.sees("Enter shows more");
    for _ in 0..20 {
        user.press("enter");
        if accepts(&mut user) {
            break;
        }
        seen.push_str(&user.screen());
    }
    let words: String = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("not for diagnosis"), "{seen}");
    assert!(words.contains("compare with"), "{seen}");
    assert!(seen.contains("Enter continues"), "{seen}");
    assert!(matches!(
        user.state.overlay,
        Some(Overlay::Welcome {
            step: 1,
            scroll: 0,
            ..
        })
    ));
}
