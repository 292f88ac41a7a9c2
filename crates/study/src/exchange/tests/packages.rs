//! Packages of this program and of Anki.

use super::*;
use crate::schedule::{Grade, Memory, Phase, Schedule};

fn schedule(phase: Phase, due: i64) -> Schedule {
    Schedule {
        phase,
        due,
        memory: Some(Memory {
            stability: 12.34,
            difficulty: 5.6,
        }),
        last_review: Some(NOW - 5 * DAY_MS),
        reviews: 7,
        lapses: 2,
    }
}

fn review(card: &Card, at: i64, grade: Grade, kind: ReviewKind) -> Review {
    Review {
        card: card.id.clone(),
        at,
        grade,
        took_ms: 4321,
        kind,
        interval_ms: 10 * DAY_MS,
        previous_interval_ms: 600_000,
    }
}

#[test]
fn every_kind_of_card_comes_back_from_a_package_as_it_was() {
    let (cards, media) = cards();
    let source = from_map(&media);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deck.apkg");
    let exported = write_apkg(&path, &export(&cards, &source)).unwrap();
    assert_eq!(
        (exported.cards, exported.images, exported.reviews),
        (6, 7, 0)
    );
    assert!(exported.skipped.is_empty());
    let import = read(&path, &Limits::default()).unwrap();
    assert_eq!(compared(&import.cards), compared(&cards));
    assert_eq!(import.name, "Chest::First");
    assert_eq!(import.about, "About <this> deck");
    assert!(import.skipped.is_empty() && import.schedules.is_empty() && import.reviews.is_empty());
    let read: HashMap<String, Vec<u8>> = import
        .media
        .into_iter()
        .map(|(image, bytes)| (image.sha256, bytes))
        .collect();
    assert_eq!(read, media);
}

#[test]
fn history_goes_out_and_comes_back_if_asked_for() {
    let (cards, media) = cards();
    let source = from_map(&media);
    let due = NOW + 3 * DAY_MS + 5000;
    let schedules: Vec<(String, Schedule)> = [
        schedule(Phase::Review, due),
        schedule(Phase::Learning(1), NOW - 60_000),
        schedule(Phase::Relearning(0), NOW + 600_000),
        schedule(Phase::Review, NOW - 400 * DAY_MS),
    ]
    .into_iter()
    .zip(&cards)
    .map(|(schedule, card)| (card.id.clone(), schedule))
    .collect();
    let reviews = vec![
        review(&cards[0], NOW - 9 * DAY_MS, Grade::Again, ReviewKind::Learn),
        review(&cards[0], NOW - 5 * DAY_MS, Grade::Easy, ReviewKind::Review),
        review(
            &cards[1],
            NOW - 4 * DAY_MS,
            Grade::Hard,
            ReviewKind::Relearn,
        ),
        review(&cards[1], NOW - 4 * DAY_MS, Grade::Good, ReviewKind::Cram),
    ];
    let suspended = [cards[5].id.clone()];
    let mut deck = export(&cards, &source);
    (deck.reviews, deck.schedules, deck.suspended) = (&reviews, &schedules, &suspended);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deck.apkg");
    write_apkg(&path, &deck).unwrap();
    let without = read(&path, &Limits::default()).unwrap();
    assert!(
        without.reviews.is_empty() && without.schedules.is_empty() && without.suspended.is_empty()
    );

    deck.with_history = true;
    assert_eq!(write_apkg(&path, &deck).unwrap().reviews, 4);
    let import = read(&path, &Limits::default()).unwrap();
    let mut expected = reviews.clone();
    // No two reviews have the same time in a package.
    expected[3].at += 1;
    assert_eq!(import.reviews, expected);
    assert_eq!(import.suspended, suspended);
    let found: HashMap<String, Schedule> = import.schedules.into_iter().collect();
    assert_eq!(found.len(), 4);
    for (id, expected) in &schedules {
        let found = found[id];
        assert_eq!(
            (found.phase, found.memory),
            (expected.phase, expected.memory)
        );
        assert_eq!(
            (found.reviews, found.lapses),
            (expected.reviews, expected.lapses)
        );
        match expected.phase {
            Phase::Review => {
                let early = expected.due - found.due;
                assert!((0..DAY_MS).contains(&early), "days are whole: {early}");
            }
            _ => assert_eq!(found.due, expected.due),
        }
    }
    assert_eq!(found[&cards[0].id].last_review, Some(NOW - 5 * DAY_MS));
    assert_eq!(found[&cards[3].id].last_review, Some(NOW - 5 * DAY_MS));
}

#[test]
fn reviews_are_due_on_the_same_day_again_in_every_time_zone() {
    let (cards, media) = cards();
    let source = from_map(&media);
    let folder = tempfile::tempdir().unwrap();
    for hour in 0..24 {
        // Days that begin at any hour UTC; the clock is changed in between.
        let start = NOW - NOW % DAY_MS + hour * DAY_MS / 24;
        let dues = [
            start,
            start + 3 * DAY_MS + DAY_MS / 24,
            start + 200 * DAY_MS,
        ];
        let schedules = dues
            .iter()
            .zip(&cards)
            .map(|(due, card)| (card.id.clone(), schedule(Phase::Review, *due)));
        let schedules: Vec<(String, Schedule)> = schedules.collect();
        let mut deck = export(&cards, &source);
        (deck.schedules, deck.with_history) = (&schedules, true);
        let path = folder.path().join(format!("deck{hour}.apkg"));
        write_apkg(&path, &deck).unwrap();
        let found: HashMap<String, Schedule> = read(&path, &Limits::default())
            .unwrap()
            .schedules
            .into_iter()
            .collect();
        for (id, expected) in &schedules {
            let early = expected.due - found[id].due;
            assert!((0..=DAY_MS / 24).contains(&early), "{hour}: {early}");
        }
    }
}

#[test]
fn names_of_patients_and_examples_stay_at_home() {
    let (mut cards, media) = cards();
    cards
        .iter_mut()
        .for_each(|card| card.example = "example-of-Jane".to_owned());
    let source = from_map(&media);
    let folder = tempfile::tempdir().unwrap();
    for name in ["deck.apkg", "deck.csv", "deck.json"] {
        let path = folder.path().join(name);
        write(&path, &export(&cards, &source)).unwrap();
        let content: Vec<u8> = match name {
            "deck.apkg" => entries(&path)
                .into_iter()
                .flat_map(|(_, content)| content)
                .collect(),
            _ => std::fs::read(&path).unwrap(),
        };
        let content = String::from_utf8_lossy(&content).into_owned();
        assert!(content.contains("mmHg"), "{name}");
        assert!(!content.contains("Jane"), "{name}");
    }
}

#[test]
fn what_is_edited_in_anki_comes_back_edited() {
    let (cards, media) = cards();
    let source = from_map(&media);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deck.apkg");
    write_apkg(&path, &export(&cards, &source)).unwrap();
    let mut edited = entries(&path);
    let database = folder.path().join("edited.anki2");
    for (name, content) in &mut edited {
        if name.as_str() == "collection.anki2" {
            std::fs::write(&database, &content).unwrap();
            let edit = rusqlite::Connection::open(&database).unwrap();
            edit.execute_batch(
                "update notes set flds = replace(flds, 'answer', '<b>corrected</b> answer'), tags = ' organ::left_lung x::y ';
                 update col set models = replace(models, 'rounds Choice', 'rounds Choice+');",
            )
            .unwrap();
            drop(edit);
            *content = std::fs::read(&database).unwrap();
        }
    }
    let edited: Vec<(&str, Vec<u8>)> = edited
        .iter()
        .map(|(name, content)| (name.as_str(), content.clone()))
        .collect();
    std::fs::write(&path, zip_of(&edited)).unwrap();
    let import = read(&path, &Limits::default()).unwrap();
    let ids =
        |cards: &[Card]| -> Vec<String> { cards.iter().map(|card| card.id.clone()).collect() };
    assert_eq!(ids(&import.cards), ids(&cards));
    assert_eq!(import.cards[0].answer, "corrected answer 0 < 5 mmHg");
    let tags = [("organ", "left lung"), ("x", "y")];
    assert_eq!(
        import.cards[0].tags,
        tags.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_card_without_its_image_is_left_out_and_named() {
    let (cards, mut media) = cards();
    media.remove(&cards[2].images[0].sha256);
    media.insert(cards[3].images[0].sha256.clone(), png(99));
    let source = from_map(&media);
    let folder = tempfile::tempdir().unwrap();
    for name in ["deck.apkg", "deck.tsv"] {
        let path = folder.path().join(name);
        let exported = write(&path, &export(&cards, &source)).unwrap();
        assert_eq!(exported.cards, 4);
        let expected = [
            (&cards[2].id, "its image is lost"),
            (&cards[3].id, "its image has changed"),
        ];
        let expected = expected.map(|(id, reason)| (id.clone(), reason.to_owned()));
        assert_eq!(exported.skipped, expected);
        assert_eq!(read(&path, &Limits::default()).unwrap().cards.len(), 4);
    }
    let nothing = |_: &CardImage| Err("gone".to_owned());
    let path = folder.path().join("none.apkg");
    let error = write(&path, &export(&cards, &nothing)).unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_package_of_anki_becomes_cards_with_its_history() {
    let import = read(&fixture(), &Limits::default()).unwrap();
    assert_eq!(import.name, "Fixture::Chest");
    assert!(import.skipped.is_empty(), "{:?}", import.skipped);
    let found: Vec<(&str, &str, &str)> = import
        .cards
        .iter()
        .map(|card| {
            (
                card.question.as_str(),
                card.answer.as_str(),
                card.rationale.as_str(),
            )
        })
        .collect();
    let expected = [
        ("What does this film show?", "A ramp of grey < 255", ""),
        ("Normal pO2", "75–100 mmHg", ""),
        ("75–100 mmHg", "Normal pO2", ""),
        (
            "The [vessel] leaves the left ventricle.",
            "aorta",
            "See the atlas.",
        ),
        (
            "The aorta leaves the […].",
            "left ventricle",
            "See the atlas.",
        ),
        ("Name the lobe", "see the image", "It is the lower one."),
    ];
    assert_eq!(found, expected);
    assert_eq!(import.media.len(), 1);
    assert_eq!(import.cards[0].images, [import.media[0].0.clone()]);
    assert_eq!(import.media[0].0.extension, "png");
    let tags = [("anatomy", "chest"), ("tag", "first")];
    assert_eq!(
        import.cards[0].tags,
        tags.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let occluded = &import.cards[5];
    assert_eq!((occluded.kind, occluded.images.len()), (Kind::Occlusion, 1));
    let region = &occluded.regions[0];
    assert_eq!(
        (region.x, region.y, region.width, region.height),
        (0.25, 0.5, 0.125, 0.25)
    );
    // The two cards of a note are siblings.
    assert_eq!(import.cards[1].sibling_keys, import.cards[2].sibling_keys);

    let [review] = import.reviews.as_slice() else {
        panic!("{:?}", import.reviews)
    };
    assert_eq!(
        (review.grade, review.kind),
        (Grade::Good, ReviewKind::Learn)
    );
    assert_eq!(
        (review.interval_ms, &review.card),
        (600_000, &import.cards[0].id)
    );
    let [(id, schedule)] = import.schedules.as_slice() else {
        panic!("{:?}", import.schedules)
    };
    assert_eq!(
        (id, schedule.phase),
        (&import.cards[0].id, Phase::Learning(1))
    );
    assert_eq!(
        (schedule.reviews, schedule.last_review),
        (1, Some(review.at))
    );
    // Due after the second step of ten minutes.
    assert!((0..1_200_000).contains(&(schedule.due - review.at)));
}

#[test]
fn reading_again_gives_the_same_ids() {
    let ids = || -> Vec<String> {
        let import = read(&fixture(), &Limits::default()).unwrap();
        import.cards.into_iter().map(|card| card.id).collect()
    };
    assert_eq!(ids(), ids());
}

#[test]
fn subdecks_become_tags() {
    let mut package = Package::new(&["a\u{1F}b", "c\u{1F}d"]);
    package.decks = json!({"2": {"name": "Top::One"}, "3": {"name": "Top::Two::Deep"}}).to_string();
    package.sql = "update cards set did = 3 where id = 2".to_owned();
    let import = package.read().unwrap();
    assert_eq!(import.name, "Top");
    assert_eq!(
        import.cards[0].tags,
        [("deck".to_owned(), "One".to_owned())]
    );
    assert_eq!(
        import.cards[1].tags,
        [("deck".to_owned(), "Two::Deep".to_owned())]
    );
}
