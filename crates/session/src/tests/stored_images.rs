//! Images outlive the user's files and are removed with the last session that uses them.

use super::*;
use std::time::Duration;

fn ask_with_images(sessions: &mut Sessions, colours: &[u8]) -> TurnId {
    let id = sessions.create("x", "m", "i").unwrap();
    let images = colours.iter().map(|&colour| new_image(colour)).collect();
    sessions
        .begin_turn(
            &id,
            &NewTurn {
                images,
                ..asking("q")
            },
        )
        .unwrap()
}

#[test]
fn a_session_reopens_with_its_images() {
    let home = Home::new();
    let turn = ask_with_images(&mut home.open(), &[1, 2]);
    let sessions = home.open();
    let turn = sessions.turn(&turn).unwrap();
    for (image, colour) in turn.images.iter().zip([1, 2]) {
        assert_eq!(sessions.image(image).unwrap(), *png(colour));
    }
}

#[test]
fn an_image_is_stored_once_and_removed_with_its_last_session() {
    let home = Home::new();
    let mut sessions = home.open();
    let one = ask_with_images(&mut sessions, &[1, 2, 1]);
    let other = ask_with_images(&mut sessions, &[2, 3]);
    assert_eq!(home.image_files(), 3);
    let removed = sessions.delete(&one.session).unwrap();
    assert_eq!(
        (removed.sessions, removed.images, removed.image_bytes),
        (1, 1, png(1).len() as u64)
    );
    assert_eq!(home.image_files(), 2);
    assert_eq!(
        sessions
            .image(&sessions.turn(&other).unwrap().images[0])
            .unwrap(),
        *png(2)
    );
    sessions.delete(&other.session).unwrap();
    assert_eq!(home.image_files(), 0);
    assert!(matches!(
        sessions.delete(&other.session),
        Err(SessionError::Unknown(_))
    ));
}

#[test]
fn thumbnails_of_shots_are_stored_and_removed_too() {
    let home = Home::new();
    let mut sessions = home.open();
    let turn = one_answer(&mut sessions, "q");
    let thumbnail = sessions.turn(&turn).unwrap().shots[0]
        .thumbnail
        .clone()
        .unwrap();
    assert_eq!(sessions.image(&thumbnail).unwrap(), *png(200));
    sessions.delete(&turn.session).unwrap();
    assert_eq!(home.image_files(), 0);
}

#[test]
fn purging_removes_old_sessions_but_not_those_still_being_answered() {
    let home = Home::new();
    let mut sessions = home.open();
    let old = one_answer(&mut sessions, "old").session;
    let running = ask_with_images(&mut sessions, &[5]).session;
    let long_ago = "update sessions set used = 1000 where id in (?1, ?2)";
    rusqlite::Connection::open(home.database())
        .unwrap()
        .execute(long_ago, [old.as_str(), running.as_str()])
        .unwrap();
    let new = one_answer(&mut sessions, "new").session;
    let removed = sessions
        .purge_older_than(Duration::from_secs(86_400))
        .unwrap();
    assert_eq!(removed.sessions, 1);
    let left: Vec<SessionId> = sessions
        .list(9, 0)
        .unwrap()
        .into_iter()
        .map(|found| found.id)
        .collect();
    assert_eq!(left, [new, running]);
    assert_eq!(
        sessions.purge_older_than(Duration::MAX).unwrap().sessions,
        0
    );
}

#[test]
fn deleted_text_is_in_no_file() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = one_answer(&mut sessions, "Does Zyxwvut have a nodule?").session;
    one_answer(&mut sessions, "Something that stays");
    sessions.delete(&id).unwrap();
    drop(sessions);
    for entry in std::fs::read_dir(home.data())
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        let content = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).to_lowercase();
        assert!(!content.contains("zyxwvut"), "{}", entry.path().display());
    }
}

#[test]
fn a_file_left_by_a_crash_is_removed_and_foreign_files_are_left_alone() {
    let home = Home::new();
    let mut sessions = home.open();
    let turn = ask_with_images(&mut sessions, &[1]);
    let folder = home.data().join("session-images");
    std::fs::write(folder.join("ab".repeat(32)), b"stray").unwrap();
    std::fs::write(folder.join("README"), b"mine").unwrap();
    sessions.delete(&turn.session).unwrap();
    let left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["README"]);
}

#[test]
fn a_changed_image_file_is_an_error_until_the_image_is_attached_again() {
    let home = Home::new();
    let mut sessions = home.open();
    let turn = ask_with_images(&mut sessions, &[1]);
    let image = sessions.turn(&turn).unwrap().images.remove(0);
    let path = home.data().join("session-images").join(&image.sha256);
    std::fs::write(&path, b"other").unwrap();
    assert!(matches!(
        sessions.image(&image),
        Err(SessionError::Unreadable(_))
    ));
    ask_with_images(&mut sessions, &[1]);
    assert_eq!(sessions.image(&image).unwrap(), *png(1));
}

#[cfg(unix)]
#[test]
fn a_link_among_the_images_is_not_followed() {
    let home = Home::new();
    let mut sessions = home.open();
    let turn = ask_with_images(&mut sessions, &[1]);
    let image = sessions.turn(&turn).unwrap().images.remove(0);
    let path = home.data().join("session-images").join(&image.sha256);
    let outside = home.folder.path().join("outside.png");
    std::fs::rename(&path, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &path).unwrap();
    assert!(sessions.image(&image).is_err());
    sessions.delete(&turn.session).unwrap();
    assert!(outside.exists());
    let named = StoredImage {
        sha256: "../../outside.png".into(),
        ..image
    };
    assert!(sessions.image(&named).is_err());
}

/// Images may be a gigabyte, and no other process can write during a transaction.
#[test]
fn images_are_written_before_the_transaction_begins() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = sessions.create("x", "m", "i").unwrap();
    let ask = NewTurn {
        images: vec![new_image(1), new_image(2)],
        ..asking("q")
    };
    let timeout = Duration::from_millis(20);
    sessions.connection.busy_timeout(timeout).unwrap();
    let holder = rusqlite::Connection::open(home.database()).unwrap();
    holder.execute_batch("begin immediate").unwrap();
    assert!(matches!(
        sessions.begin_turn(&id, &ask),
        Err(SessionError::Busy)
    ));
    assert_eq!(home.image_files(), 2);
    holder.execute_batch("commit").unwrap();
    let turn = sessions.begin_turn(&id, &ask).unwrap();
    assert_eq!(sessions.turn(&turn).unwrap().images.len(), 2);
    // For an unknown session nothing is written.
    let unknown = SessionId::from_bytes([9; 5]);
    let other = NewTurn {
        images: vec![new_image(3)],
        ..asking("q")
    };
    assert!(sessions.begin_turn(&unknown, &other).is_err());
    assert_eq!(home.image_files(), 2);
}

#[test]
fn an_image_removed_meanwhile_is_written_again() {
    let home = Home::new();
    let mut sessions = home.open();
    let turn = ask_with_images(&mut sessions, &[1]);
    let image = sessions.turn(&turn).unwrap().images.remove(0);
    sessions.images.remove(&image.sha256).unwrap();
    sessions.images.ensure(&image.sha256, &png(1)).unwrap();
    assert_eq!(sessions.image(&image).unwrap(), *png(1));
}
