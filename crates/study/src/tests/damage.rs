//! Killed writes, and newer, foreign and damaged databases.

use rusqlite::Connection;
use std::path::{Path, PathBuf};

use super::*;
use crate::StudyError;
use crate::store::VERSION;

/// The file of the store.
const DATABASE: &str = "study.sqlite3";

fn other(folder: &Path) -> Connection {
    Connection::open(folder.join(DATABASE)).unwrap()
}

fn files_named(folder: &Path, part: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| path.to_string_lossy().contains(part))
        .collect()
}

/// A store on disk with a deck of three cards, of which one was graded.
fn filled(folder: &Path) -> Store {
    let mut store = Store::open(folder).unwrap();
    store
        .put_deck("d", &DeckInfo::default(), &cards(3))
        .unwrap();
    let id = cards(3)[0].id.clone();
    grade(
        &mut store,
        &scheduler(&Settings::default()),
        &id,
        Grade::Good,
        monday(),
    );
    store
}

#[test]
fn decks_and_reviews_are_there_after_a_restart_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("study");
    let log = filled(&folder).log("d").unwrap();
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.notice(), None);
    assert_eq!(store.log("d").unwrap(), log);
    assert_eq!(store.cards("d").unwrap(), cards(3));
    #[cfg(unix)]
    for path in files_named(&folder, "study.") {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn a_grade_that_is_killed_half_way_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let (log, standings) = (store.log("d").unwrap(), store.standings("d").unwrap());
    drop(store);
    // What a grade writes, without the end of its transaction; then the files as a kill leaves them.
    let killed = other(folder.path());
    killed
        .execute_batch(
            "begin immediate;
             insert into reviews (deck, card, at, grade, took_ms, kind, state_before, state_after)
               select deck, card, at + 1, 1, 1, kind, state_before, state_after from reviews;
             update cards set schedule = null, phase = 'new';",
        )
        .unwrap();
    let copy = tempfile::tempdir().unwrap();
    for file in files_named(folder.path(), DATABASE) {
        let name = file.file_name().unwrap();
        std::fs::copy(&file, copy.path().join(name)).unwrap();
    }
    let store = Store::open(copy.path()).unwrap();
    assert_eq!(store.notice(), None);
    assert_eq!(store.log("d").unwrap(), log);
    assert_eq!(store.standings("d").unwrap(), standings);
}

#[test]
fn a_grade_whose_schedule_cannot_be_written_is_not_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = filled(folder.path());
    // The store was open before this trigger came.
    other(folder.path())
        .execute_batch(
            "create trigger stop before update on cards begin select raise(abort, 'stopped'); end;",
        )
        .unwrap();
    let id = cards(3)[1].id.clone();
    let before = store.schedule("d", &id, monday()).unwrap();
    let review = Review {
        card: id.clone(),
        deck: "d".into(),
        at: monday() + 1,
        grade: Grade::Good,
        took_ms: 1,
        kind: ReviewKind::Learn,
        before,
        after: scheduler(&Settings::default()).grade(&id, &before, Grade::Good, monday() + 1),
        typed: None,
    };
    assert!(store.record(&review).is_err());
    assert_eq!(store.log("d").unwrap().len(), 1);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    let newer = VERSION + 1;
    other(folder.path())
        .pragma_update(None, "user_version", newer)
        .unwrap();
    let opened = Store::open(folder.path());
    assert!(matches!(opened, Err(StudyError::Version { found, .. }) if found == newer));
    assert!(files_named(folder.path(), "damaged").is_empty());
}

#[test]
fn a_file_that_is_not_a_database_is_moved_aside_unchanged_and_a_new_store_created() {
    let folder = tempfile::tempdir().unwrap();
    let content = b"these are not reviews, but someone may want them".repeat(40);
    std::fs::write(folder.path().join(DATABASE), &content).unwrap();
    let store = filled(folder.path());
    assert!(store.notice().unwrap().contains("study.damaged-"));
    let aside = files_named(folder.path(), "damaged");
    assert_eq!(std::fs::read(&aside[0]).unwrap(), content);
    drop(store);
    let again = Store::open(folder.path()).unwrap();
    assert_eq!((again.notice(), again.log("d").unwrap().len()), (None, 1));
}

#[test]
fn a_damaged_page_never_panics_and_the_store_can_always_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let many: Vec<Card> = (0..40)
        .map(|number| a_card(&format!("question {number} {}", "word ".repeat(60))))
        .collect();
    store.put_deck("d", &DeckInfo::default(), &many).unwrap();
    for (number, card) in many.iter().enumerate() {
        let at = monday() + number as i64;
        grade(
            &mut store,
            &scheduler(&Settings::default()),
            &card.id,
            Grade::Good,
            at,
        );
    }
    store.remove_deck("d").unwrap();
    store.put_deck("d", &DeckInfo::default(), &many).unwrap();
    drop(store);
    let path = folder.path().join(DATABASE);
    let sound = std::fs::read(&path).unwrap();
    let page = 4096;
    let (mut noticed, pages) = (0, sound.len() / page);
    for broken in 0..pages {
        let copy = tempfile::tempdir().unwrap();
        let mut content = sound.clone();
        content[broken * page..(broken + 1) * page].fill(0xA5);
        std::fs::write(copy.path().join(DATABASE), &content).unwrap();
        let mut store = Store::open(copy.path()).unwrap();
        noticed += usize::from(store.notice().is_some());
        store
            .put_deck("new", &DeckInfo::default(), &cards(2))
            .unwrap();
        assert_eq!(store.cards("new").unwrap().len(), 2, "page {broken}");
    }
    assert!(noticed * 2 > pages, "{noticed} of {pages}");
}

#[test]
fn a_foreign_trigger_is_damage_and_a_table_of_the_user_is_not() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    other(folder.path())
        .execute_batch("create table mine (x); create view glance as select id from cards;")
        .unwrap();
    assert_eq!(Store::open(folder.path()).unwrap().notice(), None);
    other(folder.path())
        .execute_batch("create trigger spy after insert on reviews begin delete from cards; end;")
        .unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(store.notice().is_some());
    assert!(!store.has_deck("d").unwrap());
}

#[test]
fn a_damaged_row_only_affects_what_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = filled(folder.path());
    store
        .put_deck("e", &DeckInfo::default(), &cards(1))
        .unwrap();
    let spoil = |column: &str, text: &str| {
        let statement =
            format!("update cards set {column} = ?1 where deck = 1 and {column} is not null");
        other(folder.path()).execute(&statement, [text]).unwrap();
    };
    for text in ["{", "null", &"[".repeat(100_000), "{\"phase\":\"later\"}"] {
        spoil("schedule", text);
        assert!(matches!(
            store.standings("d"),
            Err(StudyError::Unreadable(_))
        ));
        spoil("card", text);
        assert!(matches!(store.cards("d"), Err(StudyError::Unreadable(_))));
        assert_eq!(store.cards("e").unwrap().len(), 1);
    }
    other(folder.path())
        .execute("update decks set settings = '{'", [])
        .unwrap();
    assert_eq!(store.settings("d").unwrap(), Settings::default());
    assert_eq!(Store::open(folder.path()).unwrap().notice(), None);
}

#[test]
fn a_held_lock_is_not_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = filled(folder.path());
    store
        .connection_for_tests()
        .busy_timeout(std::time::Duration::from_millis(20))
        .unwrap();
    let holder = other(folder.path());
    holder.execute_batch("begin immediate").unwrap();
    assert!(matches!(store.undo("d"), Err(StudyError::Busy)));
    assert_eq!(store.log("d").unwrap().len(), 1, "reading goes on");
    holder.execute_batch("commit").unwrap();
    assert!(store.undo("d").unwrap().is_some());
}
