//! Packages that want to do harm.

use super::*;
use rounds_support::{FailureKind, Hint};

/// Reads a package that must be refused; the message.
fn refused(package: &Package) -> String {
    package.read().unwrap_err().to_string()
}

#[test]
fn names_of_media_are_keys_and_never_paths() {
    let mut package = Package::new(&[
        "<img src=\"../../../../etc/passwd\">one\u{1F}a",
        "<img src=\"/etc/passwd\">two\u{1F}b",
        "<img src=\"file:///etc/passwd\">three\u{1F}c",
        "<img src=\"evil.png\">four\u{1F}d",
        "<img src=\"https://example.org/track.png\">five\u{1F}e",
    ]);
    let media = json!({"0": "../../../../etc/passwd", "../../../../etc/hostname": "evil.png"});
    package.media = media.to_string();
    package.files = vec![("0", png(1))];
    let import = package.read().unwrap();
    assert_eq!(import.cards.len(), 1);
    assert_eq!(import.media, [(image_of(&png(1)).unwrap(), png(1))]);
    assert_eq!(import.skipped_in_all, 4);
    let (place, reason) = &import.skipped[0];
    assert_eq!(place, "nid:2");
    assert_eq!(reason, "its image /etc/passwd is not in the package");
}

#[test]
fn the_content_of_an_image_decides_what_it_is() {
    let mut package = Package::new(&[
        "<img src=\"page.png\">one\u{1F}a",
        "<img src=\"film.html\">two\u{1F}b",
        "<img src=\"lost.png\">three\u{1F}c",
    ]);
    package.media = json!({"0": "page.png", "1": "film.html", "2": "lost.png"}).to_string();
    package.files = vec![
        ("0", b"<html><script>alert()</script>".to_vec()),
        ("1", png(2)),
    ];
    let import = package.read().unwrap();
    assert_eq!(import.cards.len(), 1);
    assert_eq!(import.cards[0].images[0].extension, "png");
    assert!(
        import.skipped[0].1.contains("no supported format"),
        "{:?}",
        import.skipped
    );
    assert!(
        import.skipped[1].1.contains("missing"),
        "{:?}",
        import.skipped
    );
}

#[test]
fn bombs_are_not_unpacked() {
    let zeros = vec![0; 20 << 20];
    let mut package = Package::new(&["<img src=\"a.png\">one\u{1F}a", "two\u{1F}b"]);
    package.media = json!({"0": "a.png"}).to_string();
    package.files = vec![("0", zeros.clone())];
    let import = package.read().unwrap();
    assert_eq!(import.cards.len(), 1);
    assert!(
        import.skipped[0].1.contains("larger than 16 MiB"),
        "{:?}",
        import.skipped
    );

    let (_folder, path) = file("deck.apkg", &zip_of(&[("collection.anki2", zeros)]));
    let error = read(&path, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("larger than 16 MiB"), "{error}");
}

#[test]
fn counts_and_lengths_have_limits() {
    let mut package = Package::new(&[
        "a\u{1F}b",
        "c\u{1F}d",
        "<img src=a>e\u{1F}f",
        "<img src=b>g\u{1F}h",
    ]);
    package.media = json!({"0": "a", "1": "b"}).to_string();
    package.files = vec![("0", png(1)), ("1", png(2))];
    package.sql =
        "insert into revlog values (1, 1, 0, 3, 0, 0, 0, 0, 0), (2, 1, 0, 3, 0, 0, 0, 0, 0)"
            .to_owned();
    let most = Limits::default();
    assert_eq!(package.read_within(&most).unwrap().cards.len(), 4);
    let image = png(1).len() as u64;
    for (limits, what) in [
        (Limits { cards: 3, ..most }, "notes: 4; the limit is 3"),
        (Limits { reviews: 1, ..most }, "reviews: 2; the limit is 1"),
        (Limits { files: 3, ..most }, "files: 4; the limit is 3"),
        (
            Limits {
                package_bytes: 100,
                ..most
            },
            "the limit is 100 bytes",
        ),
        (
            Limits {
                collection_bytes: 100,
                ..most
            },
            "larger than 100 bytes",
        ),
        (
            Limits {
                all_images_bytes: image,
                ..most
            },
            "images of",
        ),
    ] {
        let error = package.read_within(&limits).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let short = Limits {
        text_chars: 0,
        image_bytes: 10,
        ..most
    };
    let error = package.read_within(&short).unwrap_err().to_string();
    assert!(error.contains("longer than 0 characters"), "{error}");
    let small = Limits {
        image_bytes: 10,
        ..most
    };
    assert_eq!(package.read_within(&small).unwrap().cards.len(), 2);
}

#[test]
fn a_note_cannot_have_endless_cards() {
    let long = "x".repeat(300 << 10) + "\u{1F}y";
    let mut package = Package::new(&["a\u{1F}b", "c\u{1F}d", "e\u{1F}f", &long]);
    package.sql =
        "update cards set nid = 1 where id = 2; update cards set nid = 1, ord = 500 where id = 3"
            .to_owned();
    let import = package.read().unwrap();
    assert_eq!(import.cards.len(), 1);
    let reasons: Vec<&str> = import
        .skipped
        .iter()
        .map(|(_, reason)| reason.as_str())
        .collect();
    let long = "its note is too long or has too many cards";
    assert_eq!(reasons, ["the same card came before", long, long]);
}

#[test]
fn a_keeper_that_cannot_keep_ends_the_import() {
    let mut package = Package::new(&["<img src=a>e\u{1F}f"]);
    package.media = json!({"0": "a"}).to_string();
    package.files = vec![("0", png(1))];
    let (_folder, path) = file("deck.apkg", &package.bytes());
    let mut full = |_: &CardImage, _: Vec<u8>| Err("the disk is full".to_owned());
    let error = read_with(&path, &Limits::default(), &mut full, &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("the disk is full"));
}

#[test]
fn an_import_that_is_cancelled_stops_as_interrupted() {
    let package = Package::new(&["e\u{1F}f"]).bytes();
    let table = b"question,answer\ne,f\n".to_vec();
    for (name, content) in [("deck.apkg", package), ("deck.csv", table)] {
        let (_folder, path) = file(name, &content);
        let mut keep = |_: &CardImage, _: Vec<u8>| Ok(());
        let cancel = Cancel::new();
        assert!(read_with(&path, &Limits::default(), &mut keep, &cancel).is_ok());
        cancel.cancel();
        let error = read_with(&path, &Limits::default(), &mut keep, &cancel).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Interrupted, "{name}: {error}");
    }
}

#[test]
fn a_note_with_endless_tags_is_left_out() {
    let mut package = Package::new(&["e\u{1F}f", "g\u{1F}h"]);
    package.sql = format!(
        "update notes set tags = '{}' where id = 1",
        "t ".repeat(200_000)
    );
    let import = package.read().unwrap();
    assert_eq!((import.cards.len(), import.skipped_in_all), (1, 1));
}

#[test]
fn scripts_and_escape_sequences_do_not_come_through() {
    let escape = "\u{1B}]52;c;eA==\u{7}";
    let mut package = Package::new(&["x\u{1F}y"]);
    package.notes = vec![(
        format!("guid{escape}"),
        format!("a{escape}::b"),
        format!("<script>steal()</script>Q{escape}<img onerror=steal()>\u{1F}A&#27;]52;c;eA==&#7;")
            .into_bytes(),
    )];
    package.decks =
        json!({"2": {"name": format!("De{escape}ck"), "desc": format!("<b>ab{escape}out")}})
            .to_string();
    let import = package.read().unwrap();
    let card = &import.cards[0];
    assert_eq!(
        (card.question.as_str(), card.answer.as_str()),
        ("Q\u{FFFD}", "A\u{FFFD}")
    );
    assert_eq!(card.tags, [("a\u{FFFD}".to_owned(), "b".to_owned())]);
    assert_eq!(
        (import.name.as_str(), import.about.as_str()),
        ("De\u{FFFD}ck", "ab\u{FFFD}out")
    );
    package.notes[0].2 = format!("<img src=\"{escape}.png\">Q\u{1F}A").into_bytes();
    assert!(!refused(&package).contains('\u{1B}'));
}

#[test]
fn a_broken_note_is_skipped_and_others_are_read() {
    let mut package = Package::new(&[
        "one\u{1F}a",
        "two\u{1F}b",
        "three\u{1F}c",
        "four\u{1F}",
        "\u{1F}e",
        "six",
    ]);
    package.notes[0].2 = b"\xFF\xFE\x1Fa".to_vec();
    package.sql = "update notes set mid = 8 where id = 2".to_owned();
    let import = package.read().unwrap();
    assert_eq!(import.cards.len(), 1);
    assert_eq!(import.cards[0].question, "three");
    let reasons: Vec<&str> = import
        .skipped
        .iter()
        .map(|(_, reason)| reason.as_str())
        .collect();
    let expected = [
        "it is not UTF-8",
        "its note is missing or not readable",
        "its note type is missing or broken",
        "it has no answer in words",
        "it has no question",
        "it has no answer in words",
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn broken_json_is_an_error_that_says_where() {
    let broken = |change: fn(&mut Package)| {
        let mut package = Package::new(&["a\u{1F}b"]);
        change(&mut package);
        refused(&package)
    };
    assert!(broken(|package| package.models = "{".into()).contains("models are not JSON"));
    assert!(broken(|package| package.decks = "{\"1\":".into()).contains("decks are not JSON"));
    assert!(broken(|package| package.media = "[1, 2]".into()).contains("map of media"));
    // As deep as a stack might not be.
    assert!(broken(|package| package.models = "[".repeat(1 << 20)).contains("models are not JSON"));
    let odd = broken(|package| package.models = "[]".into());
    assert!(odd.contains("its note type is missing"), "{odd}");
}

#[test]
fn only_a_database_of_plain_tables_is_read() {
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i as id, i as nid from n";
    for (sql, reason) in [
        (
            format!("drop table cards; create view cards as {endless}"),
            "no table cards",
        ),
        ("drop table revlog".to_owned(), "no table revlog"),
        (
            "alter table notes add column more text as (zeroblob(100000000))".to_owned(),
            "computed columns",
        ),
        (
            "drop table notes; create virtual table notes using fts5(guid, mid, tags, flds)"
                .to_owned(),
            "no table notes",
        ),
        ("update col set ver = 18".to_owned(), "schema 18"),
        ("delete from col".to_owned(), "database cannot be read"),
    ] {
        let mut package = Package::new(&["a\u{1F}b"]);
        package.sql = sql;
        let error = refused(&package);
        assert!(error.contains(reason), "{error}");
    }
    for content in [
        b"SQLite format 3\0 but no more".to_vec(),
        b"text".to_vec(),
        Vec::new(),
    ] {
        let (_folder, path) = file("deck.apkg", &zip_of(&[("collection.anki2", content)]));
        let error = read(&path, &Limits::default()).unwrap_err();
        assert!(matches!(error, ExchangeError::Damaged(_)), "{error}");
    }
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let database = Package::new(&["a\u{1F}b"]).database();
    let dummy = database.clone();
    let newer = zip_of(&[
        ("collection.anki21b", b"zstd".to_vec()),
        ("collection.anki2", dummy),
    ]);
    for (name, content, reason) in [
        ("new.apkg", newer, "newer format"),
        ("deck.apkg", b"%PDF-1.7".to_vec(), "a PDF"),
        ("deck.apkg", b"nothing".to_vec(), "not a zip"),
        (
            "deck.apkg",
            zip_of(&[("readme", Vec::new())]),
            "no collection",
        ),
        ("collection.anki2", database, "database of Anki"),
        ("film.csv", png(1), "an image"),
        ("deck.docx", b"text".to_vec(), "not a deck"),
    ] {
        let (_folder, path) = file(name, &content);
        let error = read(&path, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(rounds_support::Hint::hint(&error).is_some());
    }
}

#[test]
fn damaged_packages_never_panic() {
    let package = std::fs::read(fixture()).unwrap();
    for cut in (0..package.len()).step_by(package.len() / 60) {
        let (_folder, path) = file("deck.apkg", &package[..cut]);
        assert!(read(&path, &Limits::default()).is_err());
    }
    let database = Package::new(&["a\u{1F}b", "c\u{1F}d"]).database();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..300 {
        let mut damaged = database.clone();
        for _ in 0..4 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = (random >> 8) as usize % damaged.len();
            damaged[at] = random as u8;
        }
        let (_folder, path) = file("deck.apkg", &zip_of(&[("collection.anki2", damaged)]));
        if let Ok(import) = read(&path, &Limits::default()) {
            let texts = import
                .cards
                .iter()
                .flat_map(|card| [&card.question, &card.answer]);
            let mut characters = texts.flat_map(|text| text.chars());
            assert!(!characters.any(rounds_support::sanitise::is_forbidden));
        }
    }
}
