//! Decks, grades and undo in the store.

use super::*;
use crate::StudyError;
use crate::card::CardImage;
use crate::schedule::{Phase, Schedule};

#[test]
fn a_deck_made_again_keeps_the_reviews_of_its_cards() {
    let mut store = store(&cards(3));
    let scheduler = scheduler(&Settings::default());
    let (first, second) = (cards(3)[0].id.clone(), cards(3)[1].id.clone());
    grade(&mut store, &scheduler, &first, Grade::Good, monday());
    let corrected = Card {
        answer: "no".into(),
        ..a_card("q0")
    };
    let changed = [corrected.clone(), a_card("q2"), a_card("q9"), a_card("q9")];
    let info = DeckInfo {
        index: Some("index".into()),
        about: "Of the\nindex".into(),
    };
    let change = store.put_deck("d", &info, &changed).unwrap();
    assert_eq!(
        (change.added, change.updated, change.kept, change.removed),
        (1, 1, 1, 1)
    );
    assert_eq!(store.deck_info("d").unwrap().about, "Of the index");
    let stored = store.cards("d").unwrap();
    assert_eq!(
        stored
            .iter()
            .map(|card| card.question.as_str())
            .collect::<Vec<_>>(),
        ["q0", "q2", "q9"]
    );
    assert_eq!(store.card("d", &first).unwrap(), corrected);
    assert_eq!(store.schedule("d", &first, 0).unwrap().reviews, 1);
    // A card without reviews is gone; one with reviews comes back with them.
    assert!(matches!(
        store.card("d", &second),
        Err(StudyError::NoCard { .. })
    ));
    store.put_deck("d", &info, &cards(2)[1..]).unwrap();
    assert_eq!(store.cards("d").unwrap().len(), 1);
    assert!(
        !store
            .standings("d")
            .unwrap()
            .iter()
            .find(|it| it.card == first)
            .unwrap()
            .present
    );
    let change = store.put_deck("d", &info, &cards(2)).unwrap();
    assert_eq!((change.added, change.updated, change.kept), (0, 1, 1));
    assert_eq!(store.schedule("d", &first, 0).unwrap().reviews, 1);
}

#[test]
fn decks_are_listed_with_what_is_to_do() {
    let mut store = store(&cards(5));
    store
        .put_deck("a", &DeckInfo::default(), &cards(1))
        .unwrap();
    let scheduler = scheduler(&Settings::default());
    let ids: Vec<String> = cards(5).into_iter().map(|card| card.id).collect();
    grade(&mut store, &scheduler, &ids[0], Grade::Good, monday());
    grade(&mut store, &scheduler, &ids[1], Grade::Easy, monday());
    store.suspend("d", &ids[2], true).unwrap();
    let of = |store: &Store, now| {
        let decks = store.decks(now, &TimeZone::UTC).unwrap();
        assert_eq!(decks[0].name, "a");
        let it = &decks[1];
        (
            it.cards,
            it.new,
            it.learning,
            it.due,
            it.suspended,
            it.reviews,
        )
    };
    assert_eq!(of(&store, monday()), (5, 2, 1, 0, 1, 2));
    assert_eq!(of(&store, monday() + 20 * DAY), (5, 2, 1, 1, 1, 2));
    let last = store.decks(monday(), &TimeZone::UTC).unwrap()[1].last_review;
    assert_eq!(last, Some(monday()));
    store.remove_deck("d").unwrap();
    assert!(!store.has_deck("d").unwrap() && store.has_deck("a").unwrap());
    assert!(matches!(store.log("d"), Err(StudyError::NoDeck(_))));
    for name in ["", " ", " x", "a\nb", "\u{1B}[2J", &"x".repeat(81)] {
        let made = store.put_deck(name, &DeckInfo::default(), &[]);
        assert!(matches!(made, Err(StudyError::DeckName(_))), "{name:?}");
    }
}

#[test]
fn undo_restores_exactly_what_was_there_grade_by_grade() {
    let mut store = store(&cards(2));
    let scheduler = scheduler(&Settings::default());
    let ids: Vec<String> = cards(2).into_iter().map(|card| card.id).collect();
    let mut states = Vec::new();
    for (step, (card, answer)) in [
        (0, Grade::Good),
        (1, Grade::Again),
        (0, Grade::Good),
        (0, Grade::Again),
        (0, Grade::Hard),
        (1, Grade::Easy),
    ]
    .into_iter()
    .enumerate()
    {
        states.push(store.standings("d").unwrap());
        let at = monday() + step as i64 * DAY;
        let review = grade(&mut store, &scheduler, &ids[card], answer, at);
        assert_eq!(store.schedule("d", &ids[card], 0).unwrap(), review.after);
    }
    while let Some(before) = states.pop() {
        let logged = store.log("d").unwrap();
        let undone = store.undo("d").unwrap().unwrap();
        assert_eq!(Some(&undone), logged.last());
        assert_eq!(store.standings("d").unwrap(), before);
        assert_eq!(store.log("d").unwrap(), logged[..logged.len() - 1]);
    }
    assert_eq!(store.undo("d").unwrap(), None);
    // After an undo the card can be graded again.
    let review = grade(&mut store, &scheduler, &ids[0], Grade::Easy, monday());
    assert_eq!(store.log("d").unwrap(), [review]);
}

#[test]
fn a_card_graded_elsewhere_meanwhile_is_not_graded_again() {
    let mut store = store(&cards(1));
    let scheduler = scheduler(&Settings::default());
    let id = cards(1)[0].id.clone();
    let first = grade(&mut store, &scheduler, &id, Grade::Good, monday());
    let stale = Review {
        at: monday() + 5,
        after: scheduler.grade(&id, &first.before, Grade::Easy, monday() + 5),
        grade: Grade::Easy,
        ..first.clone()
    };
    assert!(matches!(store.record(&stale), Err(StudyError::Changed(_))));
    assert_eq!(store.log("d").unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.schedule("d", &id, 0).unwrap(), first.after);
}

#[test]
fn a_review_that_contradicts_itself_is_refused() {
    let mut store = store(&cards(1));
    let scheduler = scheduler(&Settings::default());
    let before = Schedule::new(monday());
    let id = cards(1)[0].id.clone();
    let good = Review {
        card: id.clone(),
        deck: "d".into(),
        at: monday(),
        grade: Grade::Good,
        took_ms: 1,
        kind: ReviewKind::Learn,
        before,
        after: scheduler.grade(&id, &before, Grade::Good, monday()),
        typed: Some(" left\u{1B}[31m lung ".into()),
    };
    let wrong = [
        Review {
            kind: ReviewKind::Review,
            ..good.clone()
        },
        Review {
            kind: ReviewKind::Cram,
            ..good.clone()
        },
        Review {
            after: before,
            ..good.clone()
        },
        Review {
            at: monday() + 1,
            ..good.clone()
        },
    ];
    for review in wrong {
        assert!(
            matches!(store.record(&review), Err(StudyError::Review(_))),
            "{review:?}"
        );
    }
    for (deck, card) in [("e", id.as_str()), ("d", "0123456789abcdef")] {
        let lost = Review {
            deck: deck.into(),
            card: card.into(),
            ..good.clone()
        };
        assert!(store.record(&lost).is_err());
    }
    assert!(store.log("d").unwrap().is_empty());
    store.record(&good).unwrap();
    let typed = store.log("d").unwrap()[0].typed.clone().unwrap();
    assert!(
        typed.starts_with("left") && !typed.contains('\u{1B}'),
        "{typed:?}"
    );
}

#[test]
fn cramming_is_logged_and_changes_no_schedule() {
    let mut store = store(&cards(1));
    let id = cards(1)[0].id.clone();
    let before = Schedule::new(monday());
    let cram = Review {
        card: id.clone(),
        deck: "d".into(),
        at: monday(),
        grade: Grade::Again,
        took_ms: 1,
        kind: ReviewKind::Cram,
        before,
        after: before,
        typed: None,
    };
    store.record(&cram).unwrap();
    assert_eq!(store.log("d").unwrap().len(), 1);
    assert!(store.schedule("d", &id, 7).unwrap().is_new());
    assert_eq!(store.undo("d").unwrap(), Some(cram));
    assert!(store.log("d").unwrap().is_empty());
}

#[test]
fn imported_history_moves_a_card_forward_only_and_is_never_undone() {
    let scheduler = scheduler(&Settings::default());
    let id = cards(2)[0].id.clone();
    let mut elsewhere = store(&cards(2));
    let history: Vec<Review> = (0..3)
        .map(|day| {
            grade(
                &mut elsewhere,
                &scheduler,
                &id,
                Grade::Good,
                monday() + day * DAY,
            )
        })
        .collect();
    let mut store = store(&cards(2));
    let unknown = Review {
        card: "0123456789abcdef".into(),
        ..history[0].clone()
    };
    let imported = [vec![unknown], history.clone()].concat();
    assert_eq!(store.import_history("d", &imported).unwrap(), 3);
    assert_eq!(store.import_history("d", &imported).unwrap(), 0);
    assert_eq!(store.schedule("d", &id, 0).unwrap(), history[2].after);
    assert_eq!(store.undo("d").unwrap(), None);
    let later = grade(&mut store, &scheduler, &id, Grade::Good, monday() + 9 * DAY);
    let old = Review {
        at: monday() + DAY / 2,
        ..history[0].clone()
    };
    assert_eq!(store.import_history("d", &[old]).unwrap(), 1);
    assert_eq!(store.schedule("d", &id, 0).unwrap(), later.after);
    assert_eq!(store.undo("d").unwrap(), Some(later));
    assert_eq!(store.log("d").unwrap().len(), 4);
}

#[test]
fn a_schedule_without_grades_is_taken_only_for_a_card_never_graded() {
    let mut store = store(&cards(2));
    let scheduler = scheduler(&Settings::default());
    let [first, second] = [0, 1].map(|number| cards(2)[number].id.clone());
    let graded = grade(&mut store, &scheduler, &first, Grade::Good, monday()).after;
    let elsewhere = scheduler.grade(&second, &Schedule::new(0), Grade::Easy, monday());
    let unknown = "0123456789abcdef".to_owned();
    let all = [first.clone(), second.clone(), unknown].map(|card| (card, elsewhere));
    assert_eq!(store.import_schedules("d", &all).unwrap(), 1);
    assert_eq!(store.schedule("d", &first, 0).unwrap(), graded);
    assert_eq!(store.schedule("d", &second, 0).unwrap(), elsewhere);
    let next = grade(
        &mut store,
        &scheduler,
        &second,
        Grade::Good,
        monday() + 9 * DAY,
    );
    assert_eq!(store.undo("d").unwrap(), Some(next));
    assert_eq!(store.schedule("d", &second, 0).unwrap(), elsewhere);
}

#[test]
fn settings_are_kept_by_deck_and_wrong_ones_are_refused() {
    let mut store = store(&[]);
    assert_eq!(store.settings("d").unwrap(), Settings::default());
    let own = Settings {
        retention: 0.85,
        new_per_day: 3,
        parameters: fsrs::DEFAULT_PARAMETERS.to_vec(),
        ..Settings::default()
    };
    store.set_settings("d", &own).unwrap();
    assert_eq!(store.settings("d").unwrap(), own);
    let wrong = Settings {
        retention: 1.5,
        ..own.clone()
    };
    assert!(store.set_settings("d", &wrong).is_err());
    store
        .put_deck("d", &DeckInfo::default(), &cards(1))
        .unwrap();
    assert_eq!(store.settings("d").unwrap(), own);
    assert!(store.settings("e").is_err());
}

#[test]
fn images_are_kept_once_checked_and_removed_with_their_last_deck() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let image = store.put_media(b"first", "PNG").unwrap();
    assert_eq!(store.put_media(b"first", "png").unwrap(), image);
    let other = store.put_media(b"second", "png").unwrap();
    let with = |question: &str, image: &CardImage| Card {
        images: vec![image.clone()],
        ..a_card(question)
    };
    let both = [with("a", &image), with("b", &other)];
    store.put_deck("one", &DeckInfo::default(), &both).unwrap();
    store
        .put_deck("two", &DeckInfo::default(), &both[..1])
        .unwrap();
    store.remove_deck("one").unwrap();
    assert_eq!(store.media(&image).unwrap(), b"first");
    assert!(store.media(&other).is_err());
    let path = folder.path().join(format!("media/{}.png", image.sha256));
    std::fs::write(&path, b"forged").unwrap();
    assert!(matches!(
        store.media(&image),
        Err(StudyError::Unreadable(_))
    ));
    // A damaged copy is replaced.
    store.put_media(b"first", "png").unwrap();
    assert_eq!(store.media(&image).unwrap(), b"first");
    for extension in ["", "../x", "toolong", "p.g"] {
        assert!(store.put_media(b"x", extension).is_err(), "{extension}");
    }
    let outside = CardImage {
        sha256: "../../../etc/passwd".into(),
        extension: "png".into(),
    };
    assert!(store.media(&outside).is_err());
}

#[test]
fn images_that_no_card_shows_are_removed_and_no_others() {
    let mut store = Store::in_memory().unwrap();
    let [shown, left] = [b"shown", b"left!"].map(|bytes| store.put_media(bytes, "png").unwrap());
    let card = Card {
        images: vec![shown.clone()],
        ..a_card("a")
    };
    store
        .put_deck("one", &DeckInfo::default(), &[card])
        .unwrap();
    assert!(store.has_media(&shown) && store.has_media(&left));
    store
        .remove_unused_media(&[shown.clone(), left.clone()])
        .unwrap();
    assert!(store.has_media(&shown) && !store.has_media(&left));
    store.remove_unused_media(&[left]).unwrap();
}

#[test]
fn a_new_phase_is_stored_as_no_schedule_at_all() {
    let mut store = store(&cards(1));
    let id = cards(1)[0].id.clone();
    grade(
        &mut store,
        &scheduler(&Settings::default()),
        &id,
        Grade::Again,
        monday(),
    );
    assert_eq!(
        store.schedule("d", &id, 0).unwrap().phase,
        Phase::Learning(0)
    );
    store.undo("d").unwrap();
    assert_eq!(store.schedule("d", &id, 77).unwrap(), Schedule::new(77));
    assert_eq!(store.standings("d").unwrap()[0].schedule, None);
}

#[test]
fn a_card_with_an_imported_schedule_alone_survives_its_absence() {
    let scheduler = scheduler(&Settings::default());
    let cards = [a_card("one"), a_card("two")];
    let mut store = Store::in_memory().unwrap();
    let info = DeckInfo::default();
    store.put_deck("d", &info, &cards).unwrap();
    let elsewhere = scheduler.grade("x", &Schedule::new(0), Grade::Easy, monday());
    let schedules = [(cards[1].id.clone(), elsewhere)];
    store.import_schedules("d", &schedules).unwrap();
    store.put_deck("d", &info, &cards[..1]).unwrap();
    store.put_deck("d", &info, &cards).unwrap();
    let back = store.schedule("d", &cards[1].id, 0).unwrap();
    assert_eq!(back, elsewhere);
}

#[test]
fn many_cards_are_suspended_at_once_and_unknown_ones_do_no_harm() {
    let cards = [a_card("one"), a_card("two")];
    let mut store = Store::in_memory().unwrap();
    store.put_deck("d", &DeckInfo::default(), &cards).unwrap();
    let ids = [cards[1].id.clone(), "0123456789abcdef".to_owned()];
    store.suspend_all("d", &ids).unwrap();
    let standings = store.standings("d").unwrap();
    let suspended: Vec<bool> = standings.iter().map(|of| of.suspended).collect();
    assert_eq!(suspended, [false, true]);
    assert!(store.suspend_all("none", &ids).is_err());
}
