//! Listing, finding by name, and full-text search.

use super::*;

fn titles(sessions: &Sessions) -> Vec<String> {
    sessions
        .list(10, 0)
        .unwrap()
        .into_iter()
        .map(|found| found.title)
        .collect()
}

#[test]
fn the_most_recently_used_session_comes_first_and_pages_do_not_overlap() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let first = one_answer(&mut sessions, "first");
    one_answer(&mut sessions, "second");
    std::thread::sleep(std::time::Duration::from_millis(3));
    sessions
        .begin_turn(&first.session, &asking("again"))
        .unwrap();
    assert_eq!(titles(&sessions), ["first", "second"]);
    assert_eq!(sessions.latest().unwrap(), Some(first.session));
    let page = |offset| sessions.list(1, offset).unwrap();
    assert_eq!(
        (page(0)[0].turns, page(1)[0].turns, page(2).len()),
        (2, 1, 0)
    );
}

#[test]
fn a_session_is_found_by_id_prefix_number_and_title() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let chest = one_answer(&mut sessions, "A chest film").session;
    let head = one_answer(&mut sessions, "A head CT").session;
    for (text, expected) in [
        (chest.as_str().to_uppercase().as_str(), &chest),
        (&chest.as_str()[..7], &chest),
        ("1", &chest),
        ("#2", &head),
        ("A head CT", &head),
        ("HEAD", &head),
    ] {
        assert_eq!(&sessions.find(text).unwrap(), expected, "{text}");
    }
    for text in ["", "3", "-1", "%", "_", "knee", "' or 1=1 --"] {
        let found = sessions.find(text);
        assert!(
            matches!(found, Err(SessionError::Unknown(_))),
            "{text}: {found:?}"
        );
    }
    let Err(SessionError::Ambiguous { candidates, .. }) = sessions.find("a ") else {
        panic!("two fit")
    };
    assert_eq!(candidates.len(), 2);
}

#[test]
fn a_single_letter_is_not_taken_for_the_beginning_of_an_id() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let first = one_answer(&mut sessions, "first").session;
    let letter = &first.as_str()[..1];
    let titled = one_answer(&mut sessions, &format!("{letter}-{letter}")).session;
    sessions.rename(&first, "0").unwrap();
    assert_eq!(sessions.find(letter).unwrap(), titled);
}

#[test]
fn a_turn_is_found_by_its_address() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let turn = one_answer(&mut sessions, "Case #3");
    assert_eq!(sessions.find_turn("Case #3#1").unwrap(), turn);
    assert_eq!(sessions.find_turn(&turn.to_string()).unwrap(), turn);
    assert!(matches!(
        sessions.find_turn("Case #3#2"),
        Err(SessionError::UnknownTurn { turn: 2, .. })
    ));
}

#[test]
fn a_session_can_be_renamed_and_an_empty_title_becomes_untitled() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = one_answer(&mut sessions, "old").session;
    sessions.rename(&id, "new\ntitle").unwrap();
    assert_eq!(titles(&sessions), ["new title"]);
    sessions.rename(&id, " \u{200B} ").unwrap();
    sessions.rename(&id, "").unwrap();
    assert_eq!(titles(&sessions), ["untitled"]);
}

#[test]
fn search_finds_words_in_questions_answers_rationales_and_titles() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = sessions.create("Thursday teaching", "m", "i").unwrap();
    let turn = sessions
        .begin_turn(&id, &asking("Where is the effusion?"))
        .unwrap();
    let answer = StoredAnswer {
        answer: "costophrenic angle".into(),
        rationale: Some("A meniscus is seen.".into()),
        ..answer("")
    };
    let end = TurnEnd {
        shots: vec![shot("Is the trachea deviated?")],
        ..Outcome::Answered(Box::new(answer)).into()
    };
    sessions.finish_turn(&turn, end).unwrap();
    one_answer(&mut sessions, "Something else");
    for (words, part, shown) in [
        ("effusion", Part::Question, "Where is the effusion?"),
        ("Costophrenic", Part::Answer, "costophrenic angle"),
        ("meniscus", Part::Rationale, "A meniscus is seen."),
        ("menisc", Part::Rationale, "A meniscus is seen."),
        ("effusions angle costo", Part::Answer, "costophrenic angle"),
    ] {
        let hits = sessions.search(words, 10).unwrap();
        assert_eq!(hits.len(), 1, "{words}");
        assert_eq!((&hits[0].session, hits[0].turn), (&id, Some(1)), "{words}");
        assert_eq!((hits[0].part, hits[0].snippet.text.as_str()), (part, shown));
    }
    let hits = sessions.search("thursday", 10).unwrap();
    assert_eq!(
        (hits[0].turn, hits[0].part, hits[0].title.as_str()),
        (None, Part::Title, "Thursday teaching")
    );
    assert!(sessions.search("effusion nodule", 10).unwrap().is_empty());
    let Snippet { text, found } = sessions.search("meniscus", 10).unwrap().remove(0).snippet;
    assert_eq!(
        found
            .iter()
            .map(|range| &text[range.clone()])
            .collect::<Vec<_>>(),
        ["meniscus"]
    );
}

#[test]
fn the_text_of_shots_is_never_found_not_even_in_sessions_of_older_versions() {
    let home = Home::new();
    let mut sessions = home.open();
    one_answer(&mut sessions, "Is there a nodule?");
    let other = rusqlite::Connection::open(home.database()).unwrap();
    let older = "update turns set shot_words = 'Is the trachea deviated?'";
    assert_eq!(other.execute(older, []).unwrap(), 1);
    for words in ["trachea", "nodule trachea", "trach", "example"] {
        assert_eq!(sessions.search(words, 9).unwrap(), [], "{words}");
    }
    assert_eq!(sessions.search("nodule", 9).unwrap().len(), 2);
}

#[test]
fn a_search_without_a_letter_or_digit_looks_for_nothing() {
    for (text, expected) in [("", false), (" ?!", false), ("a", true), ("結節", true)] {
        assert_eq!(has_words(text), expected, "{text}");
    }
}

#[test]
fn a_list_tells_sessions_of_equal_titles_apart_by_image_and_last_answer() {
    let home = Home::new();
    let mut sessions = home.open();
    let mut add = |colours: &[Option<u8>], answers: &[&str]| {
        let id = sessions.create("Is there a nodule?", "m", "i").unwrap();
        for (colour, text) in colours.iter().zip(answers) {
            let images = colour.iter().map(|colour| new_image(*colour)).collect();
            let new = NewTurn {
                images,
                ..asking("q")
            };
            let turn = sessions.begin_turn(&id, &new).unwrap();
            if !text.is_empty() {
                sessions.finish_turn(&turn, answered(text)).unwrap();
            }
        }
        let found = sessions.summary(&id).unwrap();
        (found.image, found.last_answer)
    };
    let some = |text: &str| Some(text.to_string());
    assert_eq!(
        add(&[Some(1), Some(2), None], &["yes", "no\nor so", ""]),
        (some("film-1.png"), some("no or so"))
    );
    assert_eq!(add(&[None, Some(2)], &["", ""]), (some("film-2.png"), None));
    assert_eq!(add(&[None], &["yes"]), (None, some("yes")));
    assert_eq!(add(&[], &[]), (None, None));
    // A damaged record costs its own image's name only.
    let other = rusqlite::Connection::open(home.database()).unwrap();
    other
        .execute("update turns set record = '{' where number = 1", [])
        .unwrap();
    let names: Vec<_> = home.open().list(9, 0).unwrap();
    let names: Vec<_> = names.into_iter().map(|found| found.image).collect();
    assert_eq!(names.iter().flatten().count(), 1, "{names:?}");
    assert_eq!(names.len(), 4);
}

#[test]
fn the_query_language_cannot_be_injected() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    one_answer(&mut sessions, "Is there a nodule?");
    // If parsed as operators, each of these would find the turn or fail.
    for text in [
        "nodule OR elephant",
        "nodule NOT elephant",
        "question : nodule",
        "NEAR(nodule elephant)",
        "elephant* OR nodule",
        "-elephant",
    ] {
        assert_eq!(sessions.search(text, 10).unwrap(), [], "{text}");
    }
    for text in [
        "\"", "nodule\"", "(nodule", "^nodule", "nodule*", "nodule)", "{nodule}",
    ] {
        assert!(sessions.search(text, 10).is_ok(), "{text}");
    }
    assert_eq!(
        sessions.search("\"nodule", 10).unwrap().len(),
        2,
        "title and turn"
    );
    assert_eq!(sessions.search("nodule", 1).unwrap().len(), 1);
    assert_eq!(sessions.search("nodule", 0).unwrap(), []);
}

#[test]
fn partial_text_is_found_and_deleted_text_is_not() {
    let mut sessions = Sessions::open_in_memory().unwrap();
    let id = sessions.create("x", "m", "i").unwrap();
    let turn = sessions.begin_turn(&id, &asking("q")).unwrap();
    sessions.append_partial(&turn, "pneumothorax").unwrap();
    assert_eq!(sessions.search("pneumothorax", 9).unwrap().len(), 1);
    sessions.append_partial(&turn, "another word").unwrap();
    assert_eq!(sessions.search("pneumothorax", 9).unwrap(), []);
    sessions.delete(&id).unwrap();
    assert_eq!(sessions.search("another", 9).unwrap(), []);
}
