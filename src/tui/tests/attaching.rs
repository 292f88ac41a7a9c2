//! Attaching by paste, command, picker and case; detaching; looking at pictures.

use super::data;
use super::harness::Harness;
use crate::tui::state::{Effect, Entry, Event, Overlay, Trouble};

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
            Effect::Ask { .. } => Some("ASKED".into()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_dropped_path_attaches_and_never_sends() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.paste("'/scans/a scan.png' file:///scans/b%20c.jpg\n");
    assert_eq!(attached(&mut user), ["/scans/a scan.png", "/scans/b c.jpg"]);
    assert!(user.state.input.is_empty());
    user.attach("a scan.png");
    user.sees("attached a scan.png; it goes with your next question");
    assert!(attached(&mut user).is_empty());
}

#[test]
fn pasted_text_is_text_with_its_line_breaks() {
    let mut user = Harness::new(100, 30);
    user.paste("first line\r\nsecond line with chest.png");
    assert_eq!(
        user.state.input.text(),
        "first line\nsecond line with chest.png"
    );
}

#[test]
fn a_paste_that_is_too_long_is_not_cut_in_silence() {
    let mut user = Harness::new(100, 30);
    user.paste(&"x".repeat(7999));
    user.sees_not("a question has at most");
    user.paste("yz");
    user.sees("a question has at most 8000 characters");
    assert!(user.state.input.text().ends_with("xy"));
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
    assert_eq!(user.state.input.text(), "/attach /data/chest.png");
    user.press("enter");
    assert_eq!(attached(&mut user), ["/data/chest.png"]);
}

#[test]
fn the_picker_shows_folders_and_pictures_with_a_preview_and_attaches() {
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
    user.sees_not("notes.txt");
    user.type_text("ch");
    user.sees_not("older");
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
        result: Err(Trouble::new("permission denied: /")),
    });
    user.sees("error: permission denied: /");
}

#[test]
fn a_file_that_is_no_picture_says_why() {
    let mut user = Harness::new(100, 30);
    user.event(Event::Attached {
        name: "x.png".into(),
        result: Err(Trouble::new("x.png is not a picture")
            .hint("PNG, JPEG, WebP, TIFF, BMP and GIF can be read")),
    });
    user.sees("error: x.png is not a picture");
    user.sees("hint: PNG, JPEG");
}

#[test]
fn the_same_picture_is_not_attached_twice_and_there_is_a_most() {
    let mut user = Harness::new(100, 30);
    user.attach("a.png");
    user.attach("a.png");
    user.sees("a.png is attached already");
    for number in 0..8 {
        user.attach(&format!("{number}.png"));
    }
    user.sees("error: at most 8 pictures can be attached");
    assert_eq!(user.state.attached.len(), 8);
}

#[test]
fn pictures_stay_for_the_next_question_until_they_are_taken_away() {
    let mut user = Harness::new(120, 40);
    user.attach("a.png");
    user.attach("b.png");
    user.exchange("first", "yes");
    user.type_text("/detach 1");
    user.press("enter");
    user.sees("a.png was taken away");
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
    assert!(user.state.attached.is_empty());
    user.press("d");
    user.sees("there is no such picture");
}

#[test]
fn looking_closer_changes_what_is_seen_and_not_what_is_asked() {
    let mut user = Harness::new(120, 40);
    user.attach("a.png");
    let before = data::attached("a.png");
    user.press("alt-2 + + b c");
    user.sees("shown 1.6x, brightness +1, contrast +1 (display only)");
    user.press("0");
    user.sees_not("shown 1.6x");
    user.press("+");
    user.effects();
    user.press("alt-1");
    user.ask("What is it?");
    let effects = user.effects();
    let Some(Effect::Ask { images, .. }) = effects.iter().find(|e| matches!(e, Effect::Ask { .. }))
    else {
        panic!("not asked");
    };
    assert_eq!(images[0].picture, before.picture);
}

#[test]
fn two_pictures_stand_side_by_side_and_a_shot_beside_yours() {
    let mut user = Harness::new(160, 40);
    user.attach("a.png");
    user.attach("b.png");
    user.press("alt-2 v");
    user.sees("a.png  48 x 48");
    user.sees("b.png  48 x 48");
    user.exchange("Is there a nodule?", "yes");
    user.press("alt-3 v");
    user.sees("shot 1  chest-0000: yes");
    user.press("alt-2 enter");
    assert!(matches!(user.state.overlay, Some(Overlay::Picture)));
    user.press("+ esc");
    assert!(user.state.overlay.is_none());
}

#[test]
fn a_sample_case_suggests_a_question_and_does_not_send_it() {
    let mut user = Harness::new(100, 30);
    user.effects();
    user.press("f4 enter");
    assert_eq!(attached(&mut user), ["case chest-nodule"]);
    assert_eq!(user.state.input.text(), "Is there a nodule?");
}

#[test]
fn the_picture_on_the_clipboard_is_attached_by_command_and_by_key() {
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

fn readings(user: &mut Harness) -> usize {
    let effects = user.effects();
    let reads = |e: &&Effect| matches!(e, Effect::ListFolder(_));
    effects.iter().filter(reads).count()
}

#[test]
fn a_folder_that_changes_while_its_names_are_completed_is_shown_as_it_is() {
    let mut user = Harness::new(100, 30);
    user.type_text("/attach /data/");
    user.event(folder(&["b.png", "notes.txt"]));
    user.sees("b.png");
    user.sees_not("notes.txt");
    user.press("down");
    readings(&mut user);
    user.wait(500);
    assert_eq!(readings(&mut user), 0, "it was read a moment ago");
    assert!(user.state.is_lively(), "time must go on for it");
    user.wait(2000);
    user.wait(2000);
    assert_eq!(readings(&mut user), 1, "not again before an answer came");
    user.event(folder(&["a.png", "b.png"]));
    user.sees("a.png");
    user.press("tab");
    assert_eq!(
        user.state.input.text(),
        "/attach /data/b.png",
        "the choice stays when the list changes"
    );
}

#[test]
fn a_list_that_was_closed_does_not_come_back_by_itself() {
    let mut user = Harness::new(100, 30);
    user.type_text("/attach /data/");
    user.event(folder(&["a.png"]));
    user.press("esc");
    user.event(folder(&["a.png", "b.png"]));
    user.sees_not("b.png");
    user.type_text("b");
    user.sees("b.png");
}

#[test]
fn a_folder_that_is_gone_has_no_names_to_complete() {
    let mut user = Harness::new(100, 30);
    user.type_text("/attach /data/");
    user.event(folder(&["a.png"]));
    user.event(Event::Folder {
        folder: "/data".into(),
        result: Err(Trouble::new("gone")),
    });
    user.sees_not("a.png");
}

#[test]
fn the_picker_sees_new_files_and_keeps_its_choice() {
    let mut user = Harness::new(100, 30);
    user.press("ctrl-o");
    user.event(folder(&["b.png", "c.png"]));
    user.press("down");
    readings(&mut user);
    user.wait(3000);
    assert_eq!(readings(&mut user), 1);
    user.event(folder(&["a.png", "b.png", "c.png"]));
    user.sees("a.png");
    user.effects();
    user.press("enter");
    assert_eq!(attached(&mut user), ["/data/c.png"]);
}

#[test]
fn folders_are_completed_where_a_folder_is_wanted() {
    let mut user = Harness::new(100, 30);
    user.type_text("/model /data/");
    user.event(Event::Folder {
        folder: "/data".into(),
        result: Ok(vec![entry("big", true), entry("a.png", false)]),
    });
    user.sees("big/");
    user.sees_not("a.png");
}
