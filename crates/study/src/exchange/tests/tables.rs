//! CSV, TSV, JSON and JSON Lines.

use super::*;

/// Reads a table of this name and content; the folder has an image `images/film.png`.
fn table(name: &str, content: impl AsRef<[u8]>) -> Result<Import, ExchangeError> {
    let (folder, path) = file(name, content.as_ref());
    std::fs::create_dir(folder.path().join("images")).unwrap();
    std::fs::write(folder.path().join("images/film.png"), png(1)).unwrap();
    read(&path, &Limits::default())
}

fn pairs(import: &Import) -> Vec<(&str, &str)> {
    let cards = import.cards.iter();
    cards
        .map(|card| (card.question.as_str(), card.answer.as_str()))
        .collect()
}

#[test]
fn every_kind_of_card_comes_back_from_every_table_as_it_was() {
    let (cards, media) = cards();
    let source = from_map(&media);
    let expected: Vec<Card> = compared(&cards).0;
    let folder = tempfile::tempdir().unwrap();
    for name in ["deck.csv", "deck.tsv", "deck.json", "deck.jsonl"] {
        let path = folder.path().join(name);
        let exported = write(&path, &export(&cards, &source)).unwrap();
        assert_eq!((exported.cards, exported.images), (6, 7), "{name}");
        let import = read(&path, &Limits::default()).unwrap();
        assert!(import.skipped.is_empty(), "{name}: {:?}", import.skipped);
        assert_eq!(compared(&import.cards).0, expected, "{name}");
        assert_eq!(import.media.len(), 7, "{name}");
    }
    let json: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("deck.json")).unwrap()).unwrap();
    assert_eq!(json["intended_use"], rounds_support::INTENDED_USE);
}

#[test]
fn columns_may_have_other_names_and_any_order() {
    let content = "\u{FEFF}Back;FRONT;Unknown;Explanation;Image;Tags;Licence\r\n\
                   pneumonia;\"What is\nshown; here?\";x;because;images/film.png;organ=lung | chest;CC0\r\n";
    let import = table("deck.csv", content).unwrap();
    assert_eq!(pairs(&import), [("What is\nshown; here?", "pneumonia")]);
    let card = &import.cards[0];
    assert_eq!(
        (card.rationale.as_str(), card.licence.as_str()),
        ("because", "CC0")
    );
    let tags = [("organ", "lung"), ("tag", "chest")];
    assert_eq!(
        card.tags,
        tags.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(import.media, [(image_of(&png(1)).unwrap(), png(1))]);
    assert_eq!(import.name, "deck");
}

#[test]
fn a_row_with_choices_is_a_multiple_choice() {
    let import = table(
        "deck.csv",
        "question,answer,choices\nWhat?,b,a | b | c\nWhat now?,d,a|b\n",
    )
    .unwrap();
    assert_eq!(import.cards.len(), 1);
    assert_eq!(
        (import.cards[0].kind, import.cards[0].choices.len()),
        (Kind::Choice, 3)
    );
    assert_eq!(import.skipped[0].1, "its answer is not one of its choices");
}

#[test]
fn choices_of_any_kind_have_the_answer_among_them_and_a_place_has_none() {
    let line = |kind: &str, more: &str| {
        format!(
            r#"{{"kind":"{kind}","question":"What?","answer":"b","image":"images/film.png",{more}}}"#
        )
    };
    let regions = r#""regions":[{"label":"heart","x":0.1,"y":0.1,"width":0.2,"height":0.2}]"#;
    let lines = [
        line("staged", r#""choices":["a","c"]"#),
        line("staged", r#""choices":["a","b"]"#),
        line("spot", &format!(r#""choices":["a","c"],{regions}"#)),
    ];
    let import = table("deck.jsonl", lines.join("\n")).unwrap();
    let found = import
        .cards
        .iter()
        .map(|card| (card.kind, card.choices.len()));
    let found: Vec<_> = found.collect();
    assert_eq!(found, [(Kind::Staged, 2), (Kind::Spot, 0)]);
    assert_eq!(import.skipped[0].1, "its answer is not one of its choices");
}

#[test]
fn bad_lines_are_reported_by_number_and_others_are_read() {
    let mut content = b"question,answer\none,1\ntwo\n\"three\n3\",3\n".to_vec();
    content.extend(b"\xFF\xFE,4\nfive,\n,6\none,1\nlast,9\n");
    let import = table("deck.csv", content).unwrap();
    assert_eq!(
        pairs(&import),
        [("one", "1"), ("three\n3", "3"), ("last", "9")]
    );
    let found: Vec<(&str, &str)> = import
        .skipped
        .iter()
        .map(|(place, reason)| (place.as_str(), reason.as_str()))
        .collect();
    let expected = [
        ("line 3", "it has 1 field, the first line has 2"),
        ("line 6", "it is not UTF-8"),
        ("line 7", "it has no answer in words"),
        ("line 8", "it has no question"),
        ("line 9", "the same card came before"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_open_quote_does_not_swallow_the_file_in_silence() {
    let import = table("deck.csv", "question,answer\none,1\n\"two,2\nthree,3\n").unwrap();
    assert_eq!(pairs(&import), [("one", "1")]);
    assert_eq!(import.skipped[0].0, "line 3");
    assert!(import.skipped[0].1.contains("quote is not closed"));
}

#[test]
fn a_table_without_the_needed_columns_says_what_it_has() {
    let error = table("deck.tsv", "frage\tantwort\na\tb\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the table has no column question; its first line has: frage, antwort"
    );
    let error = table("deck.csv", "question,answer\n").unwrap_err();
    assert!(matches!(error, ExchangeError::Empty { first: None }));
    let utf16 = b"\xFF\xFEq\0,\0a\0";
    assert!(
        table("deck.csv", utf16)
            .unwrap_err()
            .to_string()
            .contains("UTF-16")
    );
}

#[test]
fn images_come_from_the_folder_of_the_table_only() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), png(5)).unwrap();
    let outside = outside.path().to_string_lossy().into_owned();
    let names = [
        outside.as_str(),
        "../film.png",
        "images/../../film.png",
        "images/none.png",
        "deck.csv",
    ];
    let mut content = "question,answer,image\n".to_owned();
    for name in names {
        content.push_str(&format!("about {name},a,{name}\n"));
    }
    content.push_str("right,a,./images/film.png\n");
    let import = table("deck.csv", content).unwrap();
    assert_eq!(pairs(&import), [("right", "a")]);
    let reasons: Vec<&str> = import
        .skipped
        .iter()
        .map(|(_, reason)| reason.as_str())
        .collect();
    let expected = [
        "an image is not in the folder of the table",
        "an image is not in the folder of the table",
        "an image is not in the folder of the table",
        "there is no image images/none.png",
        "an image has no supported format",
    ];
    assert_eq!(reasons, expected);
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("film.png"), png(1)).unwrap();
    let (folder, path) = file("deck.csv", b"question,answer,image\nq,a,link/film.png\n");
    std::os::unix::fs::symlink(other.path(), folder.path().join("link")).unwrap();
    let error = read(&path, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("not in the folder"), "{error}");
}

#[test]
fn json_is_an_array_an_object_or_lines() {
    let array = r#"[{"question": "q", "answer": true, "tags": {"organ": ["lung", "heart"]}}, 5, {"question": "x"}]"#;
    let import = table("deck.json", array).unwrap();
    assert_eq!(pairs(&import), [("q", "yes")]);
    assert_eq!(import.cards[0].tags.len(), 2);
    let found: Vec<&str> = import
        .skipped
        .iter()
        .map(|(place, _)| place.as_str())
        .collect();
    assert_eq!(found, ["card 2", "card 3"]);

    let named = r#"{"name": "My\u001b[31m deck", "cards": [{"front": "q", "back": "a", "images": ["images/film.png"]}]}"#;
    let import = table("deck.json", named).unwrap();
    assert_eq!(
        (import.name.as_str(), import.media.len()),
        ("My\u{FFFD} deck", 1)
    );

    let lines = "{\"question\": \"q\", \"answer\": 7}\n\n{broken\n{\"question\": \"r\", \"answer\": \"b\", \"kind\": \"dance\"}\n";
    for name in ["deck.jsonl", "deck.json"] {
        let import = table(name, lines).unwrap();
        assert_eq!(pairs(&import), [("q", "7")]);
        let found: Vec<&str> = import
            .skipped
            .iter()
            .map(|(place, _)| place.as_str())
            .collect();
        assert_eq!(found, ["line 3", "line 4"]);
    }
    let error = table("deck.json", "{\"cards\": ").unwrap_err();
    assert!(error.to_string().contains("not JSON"), "{error}");
}

#[test]
fn regions_must_lie_in_the_image() {
    let card = |x: &str| {
        format!(
            r#"[{{"question": "q", "kind": "spot", "image": "images/film.png",
                "regions": [{{"label": "heart", "x": {x}, "y": 0.5, "width": 0.5, "height": 0.5}}]}}]"#
        )
    };
    let import = table("deck.json", card("0.5")).unwrap();
    assert_eq!(import.cards[0].answer, "heart");
    for x in ["0.6", "-0.1", "1e38"] {
        let error = table("deck.json", card(x)).unwrap_err();
        assert!(
            error.to_string().contains("not inside its image"),
            "{error}"
        );
    }
    assert!(table("deck.json", card("\"x\"")).is_err());
}

#[test]
fn text_from_anki_needs_no_header() {
    let content = "#separator:tab\n#html:true\n#tags column:3\n\
                   What <b>is</b> it?<img src=\"images/film.png\">\tA &lt; B\torgan chest\nsecond\tanswer\n";
    let import = table("notes.txt", content).unwrap();
    assert_eq!(
        pairs(&import),
        [("What is it?", "A < B"), ("second", "answer")]
    );
    assert_eq!((import.cards[0].tags.len(), import.media.len()), (2, 1));
    // A first line that only begins with this sign is a header.
    let import = table("deck.csv", "#,question,answer\n1,q,a\n").unwrap();
    assert_eq!(pairs(&import), [("q", "a")]);
}

#[test]
fn the_same_row_keeps_its_id() {
    let id = |content: &str| table("deck.csv", content).unwrap().cards[0].id.clone();
    let first = id("question,answer\nq,a\n");
    assert!(checked::is_id(&first));
    assert_eq!(
        id("answer,rationale,question\nb,because,q\n"),
        first,
        "an answer may be corrected"
    );
    assert_ne!(id("question,answer\nr,a\n"), first);
    assert_eq!(
        id("question,answer,id\nq,a,0123456789abcdef\n"),
        "0123456789abcdef"
    );
}

#[test]
fn escape_sequences_do_not_come_through_a_table() {
    let import = table(
        "deck.csv",
        "question,answer,source\nq\u{1B}[2J,a\u{9B}2J,s\u{1B}c\n",
    )
    .unwrap();
    let card = &import.cards[0];
    assert_eq!(pairs(&import), [("q\u{FFFD}", "a\u{FFFD}")]);
    assert_eq!(card.source, "s\u{FFFD}");
}

#[test]
fn no_cell_of_a_table_is_a_formula_and_all_come_back() {
    let mut card = checked::empty(Kind::Question);
    card.id = "0123456789abcdef".to_owned();
    card.question = "=HYPERLINK(\"https://example.org\")".to_owned();
    card.answer = "-5".to_owned();
    card.rationale = "'+1 is text".to_owned();
    card.source = "@someone".to_owned();
    let cards = [card];
    let none = |_: &CardImage| Err("there is none".to_owned());
    let folder = tempfile::tempdir().unwrap();
    for (name, separator) in [("deck.csv", b','), ("deck.tsv", b'\t')] {
        let path = folder.path().join(name);
        write(&path, &export(&cards, &none)).unwrap();
        let mut table = csv::ReaderBuilder::new()
            .delimiter(separator)
            .from_path(&path)
            .unwrap();
        for cell in table.records().flat_map(|row| {
            let row = row.unwrap();
            row.iter().map(str::to_owned).collect::<Vec<_>>()
        }) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{name}: {cell}");
        }
        let import = read(&path, &Limits::default()).unwrap();
        let back = &import.cards[0];
        let texts = |card: &Card| {
            let Card {
                question,
                answer,
                rationale,
                source,
                ..
            } = card.clone();
            [question, answer, rationale, source]
        };
        assert_eq!(texts(back), texts(&cards[0]), "{name}");
    }
}

#[test]
fn json_that_would_fill_the_memory_is_refused() {
    let error = table("deck.json", vec![b' '; (64 << 20) + 1]).unwrap_err();
    assert!(error.to_string().contains("64 MiB"), "{error}");
}
