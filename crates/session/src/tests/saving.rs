//! What is saved when, and what remains after a kill.

use super::*;

#[test]
fn a_finished_turn_reads_back_unchanged() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = sessions.create("A chest film", "nano", "phantoms").unwrap();
    let new = NewTurn {
        images: vec![new_image(1)],
        patient: Some("p1".into()),
        ..asking("Is there\na nodule?")
    };
    let turn = sessions.begin_turn(&id, &new).unwrap();
    sessions.finish_turn(&turn, answered("yes")).unwrap();
    drop(sessions);

    let session = home.open().load(&id).unwrap();
    assert_eq!(
        (
            session.title.as_str(),
            session.model.as_str(),
            session.index.as_str()
        ),
        ("A chest film", "nano", "phantoms")
    );
    let [turn] = session.turns.as_slice() else {
        panic!("one turn")
    };
    assert_eq!(
        (turn.number, turn.parent, turn.state),
        (1, None, TurnState::Answered)
    );
    assert_eq!(turn.question, "Is there\na nodule?");
    assert_eq!(turn.patient.as_deref(), Some("p1"));
    assert_eq!(turn.settings, new.settings);
    assert_eq!(turn.images[0].name, "film-1.png");
    let (kept, given) = (turn.answer.as_ref().unwrap(), answer("yes"));
    assert_eq!(
        (&kept.answer, &kept.rationale, &kept.provenance),
        (&given.answer, &given.rationale, &given.provenance)
    );
    assert_eq!(kept.log_probabilities[0], -0.25);
    assert!(
        kept.log_probabilities[1].is_nan(),
        "not a finite number, but not an error"
    );
    assert_eq!(turn.shots[0].question, "Is there a nodule in the example?");
    assert!(
        turn.ended
            .is_some_and(|ended| ended >= turn.asked && session.used >= turn.asked)
    );
}

#[test]
fn a_turn_is_saved_as_soon_as_it_is_asked() {
    let home = Home::new();
    let mut asker = home.open();
    let id = asker.create("x", "m", "i").unwrap();
    let turn = asker
        .begin_turn(&id, &asking("Is there a nodule?"))
        .unwrap();
    let seen = home.open().turn(&turn).unwrap();
    assert_eq!(
        (seen.state, seen.question.as_str()),
        (TurnState::Asked, "Is there a nodule?")
    );
}

#[test]
fn partial_text_survives_a_kill_and_is_marked_interrupted() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = sessions.create("x", "m", "i").unwrap();
    let turn = sessions
        .begin_turn(&id, &asking("Is there a nodule?"))
        .unwrap();
    sessions.append_partial(&turn, "There").unwrap();
    sessions.append_partial(&turn, "There is a round").unwrap();
    // Like after a kill: the journal is not merged, and the writer's file still exists.
    let copy = tempfile::tempdir().unwrap();
    copy_all(home.data(), &copy.path().join("data"));
    let kept = Sessions::open(&Paths::under(copy.path()))
        .unwrap()
        .turn(&turn)
        .unwrap();
    assert_eq!(
        (kept.state, kept.text.as_str()),
        (TurnState::Interrupted, "There is a round")
    );
    assert!(kept.answer.is_none() && kept.ended.is_some());
    assert_eq!(
        std::fs::read_dir(copy.path().join("data/session-writers"))
            .unwrap()
            .count(),
        0
    );
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn dropping_the_store_during_a_turn_leaves_it_interrupted() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = sessions.create("x", "m", "i").unwrap();
    let turn = sessions.begin_turn(&id, &asking("q")).unwrap();
    drop(sessions);
    assert_eq!(
        home.open().turn(&turn).unwrap().state,
        TurnState::Interrupted
    );
}

#[test]
fn opening_the_store_does_not_interrupt_turns_of_a_running_process() {
    let home = Home::new();
    let (mut one, mut other) = (home.open(), home.open());
    let id = one.create("x", "m", "i").unwrap();
    let turn = one.begin_turn(&id, &asking("q1")).unwrap();
    let second = other.begin_turn(&id, &asking("q2")).unwrap();
    assert_eq!((turn.number, second.number), (1, 2));
    let third = home.open();
    assert_eq!(third.turn(&turn).unwrap().state, TurnState::Asked);
    drop(other);
    let fourth = home.open();
    assert_eq!(fourth.turn(&turn).unwrap().state, TurnState::Asked);
    assert_eq!(fourth.turn(&second).unwrap().state, TurnState::Interrupted);
    one.finish_turn(&turn, answered("yes")).unwrap();
    assert_eq!(third.turn(&turn).unwrap().state, TurnState::Answered);
}

#[test]
fn concurrent_turns_get_different_numbers() {
    let home = Home::new();
    let id = home.open().create("x", "m", "i").unwrap();
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            let (home, id) = (&home, &id);
            scope.spawn(move || {
                let mut sessions = home.open();
                for _ in 0..20 {
                    let turn = sessions.begin_turn(id, &asking(name)).unwrap();
                    sessions.append_partial(&turn, name).unwrap();
                    sessions.finish_turn(&turn, answered(name)).unwrap();
                }
            });
        }
    });
    let session = home.open().load(&id).unwrap();
    let numbers: Vec<u32> = session.turns.iter().map(|turn| turn.number).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    assert!(
        session
            .turns
            .iter()
            .all(|turn| turn.answer.as_ref().unwrap().answer == turn.question)
    );
}

#[test]
fn a_saved_answer_is_never_overwritten() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let turn = one_answer(&mut sessions, "q");
    assert!(matches!(
        sessions.append_partial(&turn, "no"),
        Err(SessionError::Ended(_))
    ));
    assert!(matches!(
        sessions.finish_turn(&turn, answered("no")),
        Err(SessionError::Ended(_))
    ));
    assert_eq!(sessions.turn(&turn).unwrap().answer.unwrap().answer, "yes");
}

#[test]
fn stopped_and_failed_turns_keep_the_partial_text() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = sessions.create("x", "m", "i").unwrap();
    let mut ended = |end: TurnEnd| {
        let turn = sessions.begin_turn(&id, &asking("q")).unwrap();
        sessions.append_partial(&turn, "so far").unwrap();
        sessions.finish_turn(&turn, end).unwrap();
        sessions.turn(&turn).unwrap()
    };
    let same = ended(TurnEnd {
        shots: vec![shot("s")],
        ..stopped("")
    });
    assert_eq!(
        (same.state, same.text.as_str(), same.shots.len()),
        (TurnState::Stopped, "so far", 1)
    );
    let further = ended(stopped("so far and further"));
    assert_eq!(further.text, "so far and further");
    let outcome = Outcome::Failed {
        text: String::new(),
        message: "out of memory".into(),
    };
    let failed = ended(outcome.into());
    assert_eq!(
        (
            failed.state,
            failed.text.as_str(),
            failed.message.as_deref()
        ),
        (TurnState::Failed, "so far", Some("out of memory"))
    );
}

#[test]
fn a_turn_over_a_limit_is_refused_and_leaves_nothing_behind() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = sessions.create("x", "m", "i").unwrap();
    let long = asking(&"x".repeat(MAX_TEXT + 1));
    let many = NewTurn {
        images: vec![new_image(1); MAX_IMAGES + 1],
        ..asking("q")
    };
    let orphan = NewTurn {
        parent: Some(9),
        images: vec![new_image(1)],
        ..asking("q")
    };
    for refused in [long, many, orphan] {
        assert!(sessions.begin_turn(&id, &refused).is_err());
    }
    let unknown = "kkkkkkkk".parse().unwrap();
    assert!(matches!(
        sessions.begin_turn(&unknown, &asking("q")),
        Err(SessionError::Unknown(_))
    ));
    assert!(sessions.load(&id).unwrap().turns.is_empty());
    assert_eq!(home.image_files(), 0);
    let turn = sessions.begin_turn(&id, &asking("q")).unwrap();
    let shots = vec![shot("s"); MAX_SHOTS + 1];
    assert!(
        sessions
            .finish_turn(
                &turn,
                TurnEnd {
                    shots,
                    ..stopped("")
                }
            )
            .is_err()
    );
    assert_eq!(sessions.turn(&turn).unwrap().state, TurnState::Asked);
}

#[cfg(unix)]
#[test]
fn every_file_is_readable_by_this_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mut sessions = home.open();
    let id = sessions.create("x", "m", "i").unwrap();
    sessions
        .begin_turn(
            &id,
            &NewTurn {
                images: vec![new_image(1)],
                ..asking("q")
            },
        )
        .unwrap();
    let mut folders = vec![home.data().to_path_buf()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(
            std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700
        );
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", entry.path().display());
                seen += 1;
            }
        }
    }
    assert!(
        seen >= 5,
        "database, its journal, lock, writer, image: {seen}"
    );
}

#[test]
fn the_prompt_is_kept_with_the_turn_unless_it_is_too_long() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = sessions.create("x", "m", "i").unwrap();
    let mut kept = |prompt: &str| {
        let turn = sessions.begin_turn(&id, &asking("q")).unwrap();
        let end = TurnEnd {
            prompt: Some(prompt.into()),
            ..answered("yes")
        };
        sessions.finish_turn(&turn, end).unwrap();
        sessions.turn(&turn).unwrap().prompt
    };
    let prompt = "<image>Question: q\nRationale:";
    assert_eq!(kept(prompt).as_deref(), Some(prompt));
    assert_eq!(kept(&"x".repeat(MAX_TEXT + 1)), None);
}

fn sources(model: &str) -> Option<Sources> {
    Some(Sources {
        model: model.into(),
        index: "shipped".into(),
        encoder: Some("clip".into()),
        search: "hnsw".into(),
    })
}

#[test]
fn the_requested_sources_are_kept_unless_finishing_replaces_them() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = sessions.create("x", "m", "i").unwrap();
    let requested = NewTurn {
        sources: sources("big\u{1b}[2J"),
        ..asking("q")
    };
    let stopped = sessions.begin_turn(&id, &requested).unwrap();
    let answered_by_another = sessions.begin_turn(&id, &requested).unwrap();
    let end = TurnEnd {
        sources: sources("shipped"),
        ..answered("yes")
    };
    sessions.finish_turn(&answered_by_another, end).unwrap();
    let kept = |turn| sessions.turn(turn).unwrap().sources;
    assert_eq!(kept(&stopped), sources("big\u{fffd}"));
    assert_eq!(kept(&answered_by_another), sources("shipped"));
}

#[test]
fn a_turn_of_a_version_without_sources_can_be_read() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = sessions.create("x", "m", "i").unwrap();
    let turn = sessions.begin_turn(&id, &asking("q")).unwrap();
    let old = "{\"settings\":{\"shots\":2},\"images\":[]}";
    sessions
        .connection
        .execute("update turns set record = ?1", [old])
        .unwrap();
    let kept = sessions.turn(&turn).unwrap();
    assert_eq!(kept.sources, None);
    assert_eq!(kept.settings, json!({ "shots": 2 }));
}
