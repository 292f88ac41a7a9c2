//! Edited questions.

use super::*;

fn numbers(path: &[&Turn]) -> Vec<u32> {
    path.iter().map(|turn| turn.number).collect()
}

#[test]
fn an_edited_question_is_a_sibling_and_the_old_branch_stays() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = sessions.create("x", "m", "i").unwrap();
    for (question, parent) in [
        ("one", None),
        ("two", Some(1)),
        ("three", Some(2)),
        ("two, edited", Some(1)),
        ("one, edited", None),
    ] {
        sessions
            .begin_turn(
                &id,
                &NewTurn {
                    parent,
                    ..asking(question)
                },
            )
            .unwrap();
    }
    let session = sessions.load(&id).unwrap();
    assert_eq!(numbers(&session.path(3)), [1, 2, 3]);
    assert_eq!(numbers(&session.path(4)), [1, 4]);
    assert!(session.path(9).is_empty());
    let branches = sessions.branches(&id).unwrap();
    let ends: Vec<(u32, usize, &str)> = branches
        .iter()
        .map(|b| (b.last, b.length, b.question.as_str()))
        .collect();
    assert_eq!(
        ends,
        [
            (5, 1, "one, edited"),
            (4, 2, "two, edited"),
            (3, 3, "three")
        ]
    );
}

#[test]
fn a_path_ends_where_parents_form_a_cycle() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = one_answer(&mut sessions, "q").session;
    sessions
        .begin_turn(
            &id,
            &NewTurn {
                parent: Some(1),
                ..asking("r")
            },
        )
        .unwrap();
    let other = rusqlite::Connection::open(home.database()).unwrap();
    other
        .execute(
            "update turns set parent = case number when 1 then 2 else 2 end",
            [],
        )
        .unwrap();
    let session = sessions.load(&id).unwrap();
    assert_eq!(numbers(&session.path(1)), [1]);
    assert_eq!(numbers(&session.path(2)), [2]);
}
