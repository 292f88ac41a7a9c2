//! Old, newer, foreign and damaged databases.

use super::*;

const VERSION_1_ROWS: &str = include_str!("version1.sql");

fn files_named(home: &Home, part: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(home.data()).unwrap().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(part))
        .collect()
}

fn other(home: &Home) -> rusqlite::Connection {
    std::fs::create_dir_all(home.data()).unwrap();
    rusqlite::Connection::open(home.database()).unwrap()
}

#[test]
fn sessions_of_version_1_are_migrated_and_searchable() {
    let home = Home::new();
    let old = other(&home);
    old.execute_batch(schema::VERSION_1).unwrap();
    old.execute_batch(VERSION_1_ROWS).unwrap();
    drop(old);
    let mut sessions = home.open();
    assert_eq!(sessions.notice(), None);
    let id = sessions.find("k7m2p9xq").unwrap();
    let session = sessions.load(&id).unwrap();
    assert_eq!(session.turns[0].answer.as_ref().unwrap().answer, "no");
    assert_eq!(session.turns[1].text, "The heart");
    assert_eq!(session.turns[1].state, TurnState::Interrupted);
    assert_eq!(sessions.search("pneumothorax", 9).unwrap().len(), 1);
    let turn = sessions.begin_turn(&id, &asking("And now?")).unwrap();
    assert_eq!(turn.number, 3);
    drop(sessions);
    let version: i64 = other(&home)
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, schema::VERSION);
    assert_eq!(home.open().load(&id).unwrap().turns.len(), 3);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let home = Home::new();
    one_answer(&mut home.open(), "q");
    other(&home)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(matches!(
        Sessions::open(&home.paths),
        Err(SessionError::Version { found: 99, .. })
    ));
    assert_eq!(files_named(&home, "damaged").len(), 0);
}

#[test]
fn a_file_that_is_not_a_database_is_moved_aside_unchanged_and_a_new_store_created() {
    let home = Home::new();
    std::fs::create_dir_all(home.data()).unwrap();
    let content = b"these are not sessions, but someone may want them".repeat(40);
    std::fs::write(home.database(), &content).unwrap();
    let mut sessions = home.open();
    let aside = files_named(&home, "damaged");
    assert_eq!(std::fs::read(&aside[0]).unwrap(), content);
    let notice = sessions.notice().unwrap();
    assert!(notice.contains("sessions.damaged-"), "{notice}");
    one_answer(&mut sessions, "q");
    drop(sessions);
    let again = home.open();
    assert_eq!((again.notice(), again.list(9, 0).unwrap().len()), (None, 1));
}

#[test]
fn damaged_pages_are_detected_when_the_store_is_opened() {
    let home = Home::new();
    let mut sessions = home.open();
    for number in 0..60 {
        one_answer(
            &mut sessions,
            &format!("question {number} {}", "word ".repeat(60)),
        );
    }
    drop(sessions);
    let sound = std::fs::read(home.database()).unwrap();
    let page = 4096;
    let (mut noticed, pages) = (0, sound.len() / page);
    for broken in 0..pages {
        let mut content = sound.clone();
        content[broken * page..(broken + 1) * page].fill(0xA5);
        std::fs::write(home.database(), &content).unwrap();
        // It never panics, and the store can always be written to.
        let mut sessions = home.open();
        noticed += usize::from(sessions.notice().is_some());
        one_answer(&mut sessions, "goes on");
        assert!(
            !sessions.search("goes", 9).unwrap().is_empty(),
            "page {broken}"
        );
        drop(sessions);
        for file in files_named(&home, "sqlite3") {
            std::fs::remove_file(file).unwrap();
        }
    }
    assert!(noticed * 2 > pages, "{noticed} of {pages}");
}

#[test]
fn a_damaged_search_index_is_rebuilt() {
    let home = Home::new();
    let turn = one_answer(&mut home.open(), "Is there a nodule?");
    // Rows up to 10 hold the structure of the index; those above hold the words.
    let spoil = "update words_data set block = zeroblob(40) where id > 10";
    assert!(other(&home).execute(spoil, []).unwrap() > 0);
    let sessions = home.open();
    assert_eq!(sessions.notice(), None);
    assert_eq!(
        sessions.search("there round", 9).unwrap()[0].session,
        turn.session
    );
}

#[test]
fn a_foreign_trigger_is_not_run() {
    let home = Home::new();
    one_answer(&mut home.open(), "q");
    other(&home)
        .execute_batch("create trigger spy after insert on turns begin delete from sessions; end;")
        .unwrap();
    let sessions = home.open();
    assert!(sessions.notice().is_some());
    assert_eq!(sessions.list(9, 0).unwrap(), []);
    assert_eq!(files_named(&home, "damaged").len(), 1);
}

#[test]
fn a_table_added_by_the_user_is_not_damage() {
    let home = Home::new();
    one_answer(&mut home.open(), "q");
    other(&home)
        .execute_batch(
            "create table mine (x); create index mine_too on turns (asked); \
             create view mine_at_a_glance as select question from turns; analyze;",
        )
        .unwrap();
    assert_eq!(home.open().notice(), None);
}

#[test]
fn a_damaged_record_only_affects_its_own_session() {
    let home = Home::new();
    let mut sessions = home.open();
    let broken = one_answer(&mut sessions, "broken");
    let sound = one_answer(&mut sessions, "sound");
    for record in [
        "{",
        "null",
        &"[".repeat(100_000),
        r#"{"settings":1,"images":[{"sha256":"../x","name":"","format":"","width":1,"height":1,"bytes":1}]}"#,
    ] {
        other(&home)
            .execute("update turns set record = ?1 where session = 1", [record])
            .unwrap();
        assert!(matches!(
            sessions.load(&broken.session),
            Err(SessionError::Unreadable(_))
        ));
        assert!(sessions.load(&sound.session).is_ok());
    }
    assert_eq!(home.open().notice(), None);
}

#[test]
fn a_held_lock_is_not_damage() {
    let home = Home::new();
    let mut sessions = home.open();
    let turn = one_answer(&mut sessions, "q");
    sessions
        .connection
        .busy_timeout(std::time::Duration::from_millis(20))
        .unwrap();
    let holder = other(&home);
    holder.execute_batch("begin immediate").unwrap();
    assert!(matches!(
        sessions.rename(&turn.session, "t"),
        Err(SessionError::Busy)
    ));
    assert!(sessions.load(&turn.session).is_ok(), "reading goes on");
    holder.execute_batch("commit").unwrap();
    sessions.rename(&turn.session, "t").unwrap();
}
