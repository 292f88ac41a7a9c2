//! What the input does with commands: completion, lists of values, and lines that fail.

use super::harness::Harness;
use crate::tui::backend::EngineInfo;
use crate::tui::journal::ExportFormat;
use crate::tui::state::{Effect, Event, Exported, LibraryNames, Work};
use rounds_index::dataset::Format;
use rounds_support::Failure;

fn enter(user: &mut Harness, line: &str) {
    user.press("ctrl-u");
    user.type_text(line);
    user.press("esc enter");
}

fn items(user: &Harness) -> Vec<String> {
    let completion = user.state.composer.completion.as_ref();
    let items = completion.map(|c| c.items.iter().map(|i| i.text.clone()));
    items.into_iter().flatten().collect()
}

fn library(user: &mut Harness) {
    user.event(Event::Library(LibraryNames {
        indexes: vec!["mine".into(), "slake".into()],
        models: vec!["big".into()],
    }));
}

/// Another index was opened, with these tags.
fn opens_index_with(user: &mut Harness, name: &str, tags: &[&str]) {
    let effects = user.effects();
    let job = effects.iter().rev().find_map(|e| match e {
        Effect::Open { job, .. } => Some(*job),
        _ => None,
    });
    user.event(Event::Opened {
        job: job.unwrap(),
        result: Ok(EngineInfo {
            model: "shipped".into(),
            index: name.into(),
            device: "cpu".into(),
            context: Some(1024),
            examples: 120,
            tags: tags.iter().map(ToString::to_string).collect(),
        }),
    });
}

#[test]
fn an_unknown_command_says_so_although_others_are_similar() {
    let mut user = Harness::new(100, 30);
    user.type_text("/foo");
    user.sees("/floor");
    user.press("enter");
    user.sees("there is no command /foo");
    assert_eq!(user.state.composer.input.text(), "/foo");
}

#[test]
fn a_command_without_its_value_offers_the_values() {
    let mut user = Harness::new(120, 40);
    enter(&mut user, "/strategy");
    user.sees("strategy auto; /strategy NAME changes it");
    assert!(items(&user).contains(&"diverse".to_string()));
    user.press("down down enter");
    assert_eq!(user.state.composer.input.text(), "/strategy text");
    user.press("enter");
    assert_eq!(user.state.settings.strategy.name(), "text");
    enter(&mut user, "/index");
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::ListLibrary)));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Open { .. })));
    library(&mut user);
    assert_eq!(items(&user), ["shipped", "mine", "slake"]);
    enter(&mut user, "/model");
    assert_eq!(items(&user), ["shipped", "big"]);
}

#[test]
fn names_formats_and_tags_are_completed() {
    let mut user = Harness::new(120, 40);
    enter(&mut user, "/index mine");
    opens_index_with(&mut user, "mine", &["modality", "organ"]);
    user.type_text("/index sl");
    library(&mut user);
    user.press("tab");
    assert_eq!(user.state.composer.input.text(), "/index slake");
    user.press("ctrl-u");
    user.type_text("/filter organ=chest mod");
    user.press("tab");
    assert_eq!(
        user.state.composer.input.text(),
        "/filter organ=chest modality="
    );
    for (typed, expected) in [
        ("/import fold", "/import folder "),
        ("/import folder mi", "/import folder mine "),
        ("/import mine fold", "/import mine folder "),
    ] {
        user.press("ctrl-u");
        user.type_text(typed);
        user.press("tab");
        assert_eq!(user.state.composer.input.text(), expected);
    }
    user.press("ctrl-u");
    user.type_text("/import folder mine /data/");
    user.effects();
    user.event(Event::Folder {
        folder: "/data/".into(),
        result: Ok(vec![crate::tui::state::Entry {
            path: "/data/my images".into(),
            name: "my images".into(),
            folder: true,
            length: 0,
        }]),
    });
    user.press("tab");
    assert_eq!(
        user.state.composer.input.text(),
        "/import folder mine /data/my images/"
    );
}

#[test]
fn an_import_takes_its_words_in_either_order() {
    for line in [
        "/import folder mine /data/a b",
        "/import mine folder /data/a b",
        "/import --format folder mine /data/a b",
    ] {
        let mut user = Harness::new(120, 40);
        enter(&mut user, line);
        let effects = user.effects();
        let work = effects.into_iter().find_map(|e| match e {
            Effect::Work {
                work:
                    Work::Import {
                        index,
                        format,
                        path,
                        ..
                    },
                ..
            } => Some((index, format, path)),
            _ => None,
        });
        let expected = ("mine".into(), Format::Folder, "/data/a b".into());
        assert_eq!(work, Some(expected), "{line}");
    }
}

#[test]
fn an_opened_index_is_announced_and_stays_in_the_status_line() {
    let mut user = Harness::new(120, 40);
    enter(&mut user, "/index mine");
    opens_index_with(&mut user, "mine", &[]);
    user.sees("index mine is open, with 120 examples; the next question uses it");
    user.exchange("Is there a nodule?", "yes");
    user.sees("tokens/s");
    user.sees("index: mine");
}

#[test]
fn the_result_of_an_import_stays_and_says_how_to_open_the_index() {
    let mut user = Harness::new(140, 40);
    enter(&mut user, "/import folder mine /data");
    user.event(Event::WorkFinished {
        job: 1,
        result: Ok("9 rows: 9 added".into()),
    });
    user.wait(60_000);
    user.sees("9 rows: 9 added; /index mine opens it");
    assert!(!user.state.needs_ticks(), "nothing changes with time");
    user.press("esc");
    user.does_not_see("9 rows: 9 added");
}

#[test]
fn a_filter_on_an_unknown_tag_is_rejected_at_once() {
    let mut user = Harness::new(120, 40);
    enter(&mut user, "/index mine");
    opens_index_with(&mut user, "mine", &["modality", "source"]);
    enter(&mut user, "/filter modality=ct");
    enter(&mut user, "/filter foo=bar");
    user.sees("no example in the index has the tag foo");
    user.sees("it has modality, source");
    assert_eq!(user.state.settings.filter[0].name, "modality");
    assert_eq!(user.state.composer.input.text(), "/filter foo=bar");
}

#[test]
fn a_command_that_fails_stays_in_the_input() {
    let failed = || Failure::usage("not found");
    let mut user = Harness::new(120, 40);
    for (line, event) in [
        ("/import mine slak x", None),
        ("/cases nothing", None),
        ("/k many", None),
        (
            "/attach /no/such.png",
            Some(Event::Attached {
                name: "such.png".into(),
                result: Err(failed()),
            }),
        ),
        (
            "/no/such.png What is it?",
            Some(Event::Attached {
                name: "such.png".into(),
                result: Err(failed()),
            }),
        ),
        (
            "/import folder mine /no",
            Some(Event::WorkFinished {
                job: 1,
                result: Err(failed()),
            }),
        ),
        (
            "/index /no",
            Some(Event::Opened {
                job: 2,
                result: Err(failed()),
            }),
        ),
        ("/open s99", None),
    ] {
        enter(&mut user, line);
        if let Some(event) = event {
            user.event(event);
        }
        user.sees("error: ");
        assert_eq!(user.state.composer.input.text(), line);
        user.press("ctrl-u esc");
    }
    // What was typed meanwhile is not replaced.
    enter(&mut user, "/attach /no/such.png");
    user.type_text("Is it");
    user.event(Event::Attached {
        name: "such.png".into(),
        result: Err(failed()),
    });
    assert_eq!(user.state.composer.input.text(), "Is it");
}

fn exports(user: &mut Harness) -> Vec<(ExportFormat, bool)> {
    let effects = user.effects().into_iter();
    let exports = effects.filter_map(|effect| match effect {
        Effect::Export {
            format, replace, ..
        } => Some((format, replace)),
        _ => None,
    });
    exports.collect()
}

#[test]
fn export_with_a_path_asks_nothing_and_a_file_that_exists_can_be_replaced() {
    let mut user = Harness::new(100, 30);
    user.exchange("Is there a nodule?", "yes");
    enter(&mut user, "/export out.html");
    assert!(user.state.overlay.is_none());
    assert_eq!(exports(&mut user), [(ExportFormat::Html, false)]);
    let exists = || Event::Exported {
        path: "out.html".into(),
        result: Ok(Exported::Exists),
    };
    user.event(exists());
    user.sees("out.html already exists. Replace it?");
    user.press("n");
    user.sees("File: out.html");
    user.press("enter");
    user.event(exists());
    user.effects();
    user.press("y");
    assert_eq!(exports(&mut user), [(ExportFormat::Html, true)]);
    user.event(Event::Exported {
        path: "out.html".into(),
        result: Ok(Exported::Written),
    });
    user.sees("written to out.html");
    enter(&mut user, "/export out.txt");
    user.sees("Export this session");
}

#[test]
fn typing_in_the_help_shows_only_lines_with_these_words() {
    let mut user = Harness::new(120, 40);
    user.press("f1");
    user.type_text("pin shot");
    user.sees("/pin [N|ID|off]");
    user.sees("[shot-pin]");
    user.does_not_see("/theme");
    user.type_text("xyzzy");
    user.sees("no key or command has these words");
    user.press("enter");
    assert!(user.state.overlay.is_none());
    enter(&mut user, "/help zoom");
    user.sees("[zoom-in]");
    user.does_not_see("/theme");
}
