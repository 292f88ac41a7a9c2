//! Attaching by paste, command, picker and case; detaching; viewing images.

use super::data;
use super::harness::Harness;
use crate::tui::state::{Effect, Entry, Event, Overlay};
use rounds_support::Failure;

fn entry(name: &str, folder: bool) -> Entry {
    Entry {
        path: format!("/data/{name}").into(),
        name: name.into(),
        folder,
        length: 2048,
    }
}

fn attached(user: &mut Harness) -> Vec<String> {
    user.effects()
        .iter()
        .filter_map(|effect| match effect {
            Effect::AttachFile(path) => Some(path.display().to_string()),
            Effect::AttachCase(name) => Some(format!("case {name}")),
            Effect::Ask { .. } => Some("a question was sent".into()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_dropped_path_is_attached_and_not_sent() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.paste("'/scans/a scan.png' file:///scans/b%20c.jpg\n");
    assert_eq!(attached(&mut user), ["/scans/a scan.png", "/scans/b c.jpg"]);
    assert!(user.state.composer.input.is_empty());
    user.attach("a scan.png");
    user.sees("attached a scan.png; it goes with your next question");
    assert!(attached(&mut user).is_empty());
}

#[test]
fn pasted_text_keeps_its_line_breaks() {
    let mut user = Harness::new(100, 30);
    user.paste("first line\r\nsecond line with chest.png");
    assert_eq!(
        user.state.composer.input.text(),
        "first line\nsecond line with chest.png"
    );
}

#[test]
fn a_paste_that_is_too_long_is_cut_with_a_notice() {
    let mut user = Harness::new(100, 30);
    user.paste(&"x".repeat(7999));
    user.does_not_see("a question has at most");
    user.paste("yz");
    user.sees("a question has at most 8000 characters");
    assert!(user.state.composer.input.text().ends_with("xy"));
}

#[test]
fn a_path_is_completed_and_attached_by_command() {
    let mut user = Harness::new(100, 30);
    user.type_text("/attach /data/");
    assert!(
        user.effects()
            .iter()
            .any(|e| matches!(e, Effect::ListFolder(f) if f.ends_with("data")))
    );
    user.event(Event::Folder {
        folder: "/data/".into(),
        result: Ok(vec![
            entry("older", true),
            entry("chest.png", false),
            entry("notes.txt", false),
        ]),
    });
    user.sees("older/");
    user.type_text("che");
    user.press("tab");
    assert_eq!(user.state.composer.input.text(), "/attach /data/chest.png");
    user.press("enter");
    assert_eq!(attached(&mut user), ["/data/chest.png"]);
}

#[test]
fn the_picker_shows_folders_and_images_with_a_preview_and_attaches() {
    let mut user = Harness::new(120, 30);
    user.press("ctrl-o");
    user.sees("reading");
    user.event(Event::Folder {
        folder: "/data".into(),
        result: Ok(vec![
            entry("older", true),
            entry("chest.png", false),
            entry("notes.txt", false),
        ]),
    });
    user.does_not_see("notes.txt");
    user.type_text("ch");
    user.does_not_see("older/");
    user.sees("▀");
    user.effects();
    user.press("enter");
    assert_eq!(attached(&mut user), ["/data/chest.png"]);
    assert!(user.state.overlay.is_none());
}

#[test]
fn the_picker_goes_into_folders_and_up_again() {
    let mut user = Harness::new(100, 30);
    user.press("ctrl-o");
    user.event(Event::Folder {
        folder: "/data".into(),
        result: Ok(vec![entry("older", true)]),
    });
    user.press("enter");
    assert!(matches!(&user.state.overlay, Some(Overlay::Picker(p)) if p.folder.ends_with("older")));
    user.press("left");
    assert!(matches!(&user.state.overlay, Some(Overlay::Picker(p)) if p.folder.ends_with("data")));
    user.press("left left left left");
    user.event(Event::Folder {
        folder: "/".into(),
        result: Err(Failure::usage("permission denied: /")),
    });
    user.sees("error: permission denied: /");
}

#[test]
fn a_file_that_is_not_an_image_is_an_error_with_a_hint() {
    let mut user = Harness::new(100, 30);
    user.event(Event::Attached {
        name: "x.png".into(),
        result: Err(Failure::usage("x.png is not an image")
            .hint("PNG, JPEG, WebP, TIFF, BMP and GIF can be read")),
    });
    user.sees("error: x.png is not an image");
    user.sees("hint: PNG, JPEG");
}

#[test]
fn the_same_image_is_not_attached_twice_and_there_is_a_maximum() {
    let mut user = Harness::new(100, 30);
    user.attach("a.png");
    user.attach("a.png");
    user.sees("a.png is already attached");
    for number in 0..8 {
        user.attach(&format!("{number}.png"));
    }
    user.sees("error: at most 8 images can be attached");
    assert_eq!(user.state.case.images.len(), 8);
}

#[test]
fn images_stay_attached_until_they_are_detached() {
    let mut user = Harness::new(120, 40);
    user.attach("a.png");
    user.attach("b.png");
    user.exchange("first", "yes");
    user.type_text("/detach 1");
    user.press("enter");
    user.sees("a.png was detached");
    user.effects();
    user.ask("second");
    let effects = user.effects();
    let images = effects.iter().find_map(|e| match e {
        Effect::Ask { images, .. } => Some(images.len()),
        _ => None,
    });
    assert_eq!(images, Some(1));
    user.answer("no");
    user.press("alt-2 d");
    assert!(user.state.case.images.is_empty());
    user.press("d");
    user.sees("there is no such image");
}

#[test]
fn view_settings_change_the_display_but_not_the_image_sent() {
    let mut user = Harness::new(120, 40);
    user.attach("a.png");
    let before = data::attached("a.png");
    user.press("alt-2 + + b c");
    user.sees("shown 1.6x, brightness +1, contrast +1 (display only)");
    user.press("0");
    user.does_not_see("shown 1.6x");
    user.press("+");
    user.effects();
    user.press("alt-1");
    user.ask("What is it?");
    let effects = user.effects();
    let Some(Effect::Ask { images, .. }) = effects.iter().find(|e| matches!(e, Effect::Ask { .. }))
    else {
        panic!("no question was sent");
    };
    assert_eq!(images[0].image, before.image);
}

#[test]
fn two_images_or_an_image_and_a_shot_are_shown_side_by_side() {
    let mut user = Harness::new(160, 40);
    user.attach("a.png");
    user.attach("b.png");
    user.press("alt-2 v");
    user.sees("a.png  48 x 48");
    user.sees("b.png  48 x 48");
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-3 v");
    user.sees("shot 1  x-ray: Is there a nodule?");
    user.press("alt-2 enter");
    assert!(matches!(user.state.overlay, Some(Overlay::Image)));
    user.press("+ esc");
    assert!(user.state.overlay.is_none());
}

#[test]
fn a_sample_case_suggests_a_question_and_does_not_send_it() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.press("f4");
    user.sees("case 1 (chest film)");
    user.does_not_see("nodule");
    user.press("enter");
    assert_eq!(attached(&mut user), ["case chest-nodule"]);
    assert_eq!(user.state.composer.input.text(), "Is there a nodule?");
}

/// A sample case arrives.
fn case_arrives(user: &mut Harness, title: &str) {
    user.event(Event::Attached {
        name: title.into(),
        result: Ok(vec![data::attached(title)]),
    });
}

#[test]
fn a_question_about_a_sample_case_waits_until_its_image_is_read() {
    let mut user = Harness::new(120, 30);
    user.effects();
    user.press("f4 enter");
    assert_eq!(attached(&mut user), ["case chest-nodule"]);
    user.press("enter");
    user.sees("the question is asked as soon as its image is read");
    assert!(attached(&mut user).is_empty(), "nothing is sent yet");
    case_arrives(&mut user, "case 1 (chest film)");
    assert_eq!(attached(&mut user), ["a question was sent"]);
    assert!(user.state.composer.input.is_empty());
}

#[test]
fn a_sample_case_takes_the_place_of_the_attached_images() {
    let mut user = Harness::new(120, 30);
    user.attach("a.png");
    user.attach("b.png");
    user.press("f4 enter");
    case_arrives(&mut user, "case 1 (chest film)");
    user.sees("attached case 1 (chest film) in place of 2 images");
    assert_eq!(user.state.case.images.len(), 1);
    user.press("f4 down enter");
    case_arrives(&mut user, "case 2 (fundus photograph)");
    assert_eq!(user.state.case.images.len(), 1);
    assert_eq!(
        user.state.composer.input.text(),
        "What does this image show?",
        "the suggestion changes with the case"
    );
}

#[test]
fn typing_replaces_a_suggested_question_and_editing_keeps_it() {
    let mut user = Harness::new(120, 30);
    user.type_text("/cases chest-nodule");
    user.press("enter");
    case_arrives(&mut user, "case 1 (chest film)");
    assert_eq!(user.state.composer.input.text(), "Is there a nodule?");
    user.type_text("Are the lungs clear?");
    assert_eq!(user.state.composer.input.text(), "Are the lungs clear?");
    user.press("ctrl-u");
    user.type_text("/cases case 1");
    user.press("enter left left");
    user.type_text("s");
    assert_eq!(user.state.composer.input.text(), "Is there a nodulse?");
}

#[test]
fn several_quoted_paths_are_attached_at_once() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.type_text("/attach \"/scans/a b.png\" '/scans/c.png'");
    user.press("enter");
    assert_eq!(attached(&mut user), ["/scans/a b.png", "/scans/c.png"]);
}

#[test]
fn a_pasted_path_with_blanks_is_attached_without_quotes() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.paste("/scans/my scan 2.png\n");
    assert_eq!(attached(&mut user), ["/scans/my scan 2.png"]);
    user.paste("'/scans/a b.png' Is it normal?");
    assert_eq!(attached(&mut user), ["/scans/a b.png"]);
    assert_eq!(
        user.state.composer.input.text(),
        "Is it normal?",
        "a paste is never sent"
    );
}

#[test]
fn a_question_after_a_path_is_asked_when_the_image_is_there() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.type_text("/scans/a b.png Is it normal?");
    user.press("enter");
    assert_eq!(attached(&mut user), ["/scans/a b.png"]);
    user.attach("a b.png");
    let effects = user.effects();
    let asked = effects.iter().find_map(|e| match e {
        Effect::Ask {
            question, images, ..
        } => Some((question.as_str(), images.len())),
        _ => None,
    });
    assert_eq!(asked, Some(("Is it normal?", 1)));
}

#[test]
fn the_clipboard_image_is_attached_by_command_and_by_key() {
    let mut user = Harness::new(120, 40);
    user.type_text("/paste");
    user.press("enter");
    user.press("alt-v");
    let effects = user.effects();
    let asked = effects
        .iter()
        .filter(|e| matches!(e, Effect::AttachClipboard));
    assert_eq!(asked.count(), 2);
}

fn folder(names: &[&str]) -> Event {
    Event::Folder {
        folder: "/data".into(),
        result: Ok(names.iter().map(|name| entry(name, false)).collect()),
    }
}

fn folder_reads(user: &mut Harness) -> usize {
    let effects = user.effects();
    let reads = |e: &&Effect| matches!(e, Effect::ListFolder(_));
    effects.iter().filter(reads).count()
}

#[test]
fn completion_follows_changes_in_the_folder() {
    let mut user = Harness::new(100, 30);
    user.type_text("/attach /data/");
    user.event(folder(&["b.png", "notes.txt"]));
    user.sees("b.png");
    user.does_not_see("notes.txt");
    user.press("down");
    folder_reads(&mut user);
    user.wait(500);
    assert_eq!(folder_reads(&mut user), 0, "it was read a moment ago");
    assert!(user.state.needs_ticks(), "it needs ticks");
    user.wait(2000);
    user.wait(2000);
    assert_eq!(
        folder_reads(&mut user),
        1,
        "not again before the first answer"
    );
    user.event(folder(&["a.png", "b.png"]));
    user.sees("a.png");
    user.press("tab");
    assert_eq!(
        user.state.composer.input.text(),
        "/attach /data/b.png",
        "the selection stays when the list changes"
    );
}

#[test]
fn a_closed_completion_list_stays_closed() {
    let mut user = Harness::new(100, 30);
    user.type_text("/attach /data/");
    user.event(folder(&["a.png"]));
    user.press("esc");
    user.event(folder(&["a.png", "b.png"]));
    user.does_not_see("b.png");
    user.type_text("b");
    user.sees("b.png");
}

#[test]
fn a_deleted_folder_offers_no_completions() {
    let mut user = Harness::new(100, 30);
    user.type_text("/attach /data/");
    user.event(folder(&["a.png"]));
    user.event(Event::Folder {
        folder: "/data".into(),
        result: Err(Failure::usage("gone")),
    });
    user.does_not_see("a.png");
}

#[test]
fn the_picker_shows_new_files_and_keeps_the_selection() {
    let mut user = Harness::new(100, 30);
    user.press("ctrl-o");
    user.event(folder(&["b.png", "c.png"]));
    user.press("down");
    folder_reads(&mut user);
    user.wait(3000);
    assert_eq!(folder_reads(&mut user), 1);
    user.event(folder(&["a.png", "b.png", "c.png"]));
    user.sees("a.png");
    user.effects();
    user.press("enter");
    assert_eq!(attached(&mut user), ["/data/c.png"]);
}

#[test]
fn only_folders_are_completed_where_a_folder_is_expected() {
    let mut user = Harness::new(100, 30);
    user.type_text("/model /data/");
    user.event(Event::Folder {
        folder: "/data".into(),
        result: Ok(vec![entry("big", true), entry("a.png", false)]),
    });
    user.sees("big/");
    user.does_not_see("a.png");
}

#[test]
fn a_scan_brings_the_codes_of_its_patient_and_study_into_the_question() {
    use rounds_scan::identity::{Identity, Kind, code};
    let mut user = Harness::new(100, 30);
    user.state.case.subject.patient = Some("P 7".into());
    let mut attached = data::attached("ct.dcm: axial slice 1 of 2");
    attached.identity = Identity {
        patient: Some(code(Kind::Patient, "MRN1")),
        study: Some(code(Kind::Study, "1.2")),
        series: Some(code(Kind::Series, "1.2.3")),
    };
    let identity = attached.identity.clone();
    user.event(Event::Attached {
        name: "ct.dcm".into(),
        result: Ok(vec![attached]),
    });
    user.type_text("Is there a nodule?");
    user.press("enter");
    let subject = user.effects().into_iter().find_map(|effect| match effect {
        Effect::Ask { subject, .. } => Some(subject),
        _ => None,
    });
    let subject = subject.expect("it is asked");
    let (codes, name) = rounds_scan::identity::split(subject.patient.as_deref().unwrap());
    assert_eq!(
        (codes, name.as_str()),
        (vec![identity.patient.as_deref().unwrap()], "P 7")
    );
    let (codes, name) = rounds_scan::identity::split(subject.study.as_deref().unwrap());
    assert_eq!((codes.len(), name.as_str()), (2, ""));
    // What is shown stays what the user said.
    assert_eq!(user.state.case.subject.patient.as_deref(), Some("P 7"));
}
