//! Text that tries to break out of the terminal, the database, an HTML page or Markdown.

use super::exports::small;
use super::*;
use crate::export::{html, json as as_json, markdown};
use rounds_support::sanitise::is_forbidden;

/// Lines taken from one file, except the list of hostile strings, which is used in full.
const MAX_LINES: usize = 25;

/// Hostile lines from shared data, if available, and some of our own.
fn hostile_lines() -> Vec<String> {
    let mut lines: Vec<String> = [
        "<script>alert(1)</script>",
        "</p></article><img src=x onerror=alert(1)>",
        "\" onload=\"x",
        "' onload='x",
        "&lt;b&gt;",
        "```\n# heading\n```",
        "| a | b |\n|---|---|",
        "[x](https://e.example)",
        "![x](https://e.example/x.png)",
        "<https://e.example>",
        "https://e.example www.e.example a@e.example",
        "---",
        "***",
        "===",
        "# a",
        "- a",
        "+ a",
        "1. a",
        "12) a",
        "> a",
        "    code",
        "\tcode",
        "a\\",
        "\\",
        "`",
        "a  \nb",
        "[a]: https://e.example",
        "[^1]: x",
        "~~a~~",
        "__a__",
        "&amp;",
        "$x$",
        "- [ ] a",
        ":::note",
        "\u{1B}]52;c;eA==\u{7}",
        "\u{202E}gnp.exe",
        "'; drop table turns; --",
        "%s%n",
        "\u{0}",
    ]
    .map(String::from)
    .into();
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("../shared/data/hostile-text");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("only our own hostile lines: no folder {}", folder.display());
        return lines;
    };
    for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
        let content = std::fs::read(entry.path()).unwrap();
        let limit = if entry.file_name() == "blns.txt" {
            usize::MAX
        } else {
            MAX_LINES
        };
        lines.extend(
            String::from_utf8_lossy(&content)
                .lines()
                .take(limit)
                .map(str::to_owned),
        );
    }
    lines
}

/// The small session with `text` in every text field.
fn filled(text: &str) -> Session {
    let text = &rounds_support::sanitise::clean(text);
    let mut session = small();
    session.title = rounds_support::sanitise::clean_line(text);
    session.model = session.title.clone();
    for turn in &mut session.turns {
        turn.question = text.clone();
        turn.message = turn.message.as_ref().map(|_| text.clone());
        for image in &mut turn.images {
            image.name = session.title.clone();
        }
        if let Some(answer) = &mut turn.answer {
            answer.answer = text.clone();
            answer.rationale = Some(text.clone());
            answer.notices = vec![text.clone()];
            answer.provenance = json!({ "template": text, "field": text });
        }
        for shot in &mut turn.shots {
            for field in [
                &mut shot.question,
                &mut shot.answer,
                &mut shot.rationale,
                &mut shot.reason,
                &mut shot.source,
                &mut shot.licence,
            ] {
                *field = text.clone();
            }
        }
    }
    session
}

/// The tags of a page without the text between them and in quotes.
fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for piece in page.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap();
        tags.push(tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\""));
    }
    tags
}

#[test]
fn no_text_changes_the_tags_of_a_page() {
    // With images, so that their names appear in attributes.
    let file = png(1).to_vec();
    let page = |text: &str| html(&filled(text), &|_| Some(file.clone()));
    let expected = tags(&page("word"));
    assert!(expected.len() > 60);
    for line in hostile_lines() {
        // An empty field is omitted, which legitimately changes the tags.
        if !line.trim().is_empty() {
            assert_eq!(tags(&page(&line)), expected, "{line:?}");
        }
    }
}

#[test]
fn json_preserves_any_text() {
    for line in hostile_lines() {
        let session = filled(&line);
        let value: serde_json::Value = serde_json::from_str(&as_json(&session)).unwrap();
        assert_eq!(value["turns"][0]["question"], session.turns[0].question);
        assert_eq!(value["session"]["title"], session.title);
    }
}

/// The text and the number of elements of each kind, parsed as Markdown with all of GitHub's additions.
fn read(text: &str) -> (String, Vec<(String, usize)>) {
    use pulldown_cmark::{Event, Options, Parser};
    let (mut words, mut kinds) = (String::new(), std::collections::BTreeMap::new());
    for event in Parser::new_ext(
        text,
        Options::all().difference(Options::ENABLE_SMART_PUNCTUATION),
    ) {
        let kind = match event {
            Event::Text(text) => {
                words.push_str(&text);
                continue;
            }
            Event::SoftBreak | Event::HardBreak => {
                words.push(' ');
                continue;
            }
            Event::Start(tag) => format!("{:?}", tag.to_end()),
            Event::End(_) => {
                words.push('\n');
                continue;
            }
            other => format!("{:?}", std::mem::discriminant(&other)),
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    (words, kinds.into_iter().collect())
}

#[test]
fn text_is_never_markup_in_markdown_and_is_never_lost() {
    let (_, expected) = read(&markdown(&filled("word")));
    for line in hostile_lines() {
        let line = rounds_support::sanitise::clean_line(&line);
        if line.trim().is_empty() {
            continue;
        }
        let (words, kinds) = read(&markdown(&filled(&line)));
        assert_eq!(kinds, expected, "{line:?}");
        let plain = line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&plain), "{line:?} in {words}");
        let links = addresses(&markdown(&filled(&line)));
        assert_eq!(links, 0, "{line:?}");
    }
}

/// Unescaped addresses that a Markdown reader would turn into links.
fn addresses(text: &str) -> usize {
    let lower = text.to_lowercase();
    lower.matches("://").count() - lower.matches("\\://").count() + lower.matches("www.").count()
}

#[test]
fn every_line_of_a_text_stays_in_its_block_quote() {
    for text in [
        "a\n\nb",
        "a\n# b",
        "a\n---",
        "a\n===\nb",
        "\n\n",
        "a\n    b",
        "a\n- b\n- c",
        "a\n```\nb",
    ] {
        let quote = markdown(&filled(text));
        let inside = quote
            .split("**Question**\n\n")
            .nth(1)
            .unwrap()
            .split("**Answer**")
            .next()
            .unwrap();
        assert!(
            inside
                .lines()
                .all(|line| line.is_empty() || line.starts_with('>')),
            "{inside}"
        );
        let kinds = read(inside)
            .1
            .into_iter()
            .map(|(kind, _)| kind)
            .collect::<Vec<_>>();
        assert!(
            kinds
                .iter()
                .all(|kind| kind.starts_with("BlockQuote") || kind == "Paragraph"),
            "{text:?}: {kinds:?}"
        );
    }
}

#[test]
fn hostile_text_can_be_saved_and_searched_and_is_clean_when_read() {
    let home = Home::new();
    let mut sessions = home.open();
    let lines = hostile_lines();
    for chunk in lines.chunks(400) {
        let text = chunk.join("\n");
        let id = sessions.create(&chunk[0], &chunk[0], &chunk[0]).unwrap();
        let images = vec![NewImage {
            name: chunk[0].clone(),
            format: chunk[0].clone(),
            ..new_image(1)
        }];
        let settings = json!({ "name": text });
        let turn = sessions
            .begin_turn(
                &id,
                &NewTurn {
                    images,
                    settings,
                    ..asking(&text)
                },
            )
            .unwrap();
        let mut given = StoredAnswer {
            rationale: Some(text.clone()),
            provenance: json!({ "x\u{1B}[2J": [text] }),
            ..answer(&text)
        };
        given.notices = vec![text.clone()];
        let shot = NewShot {
            shot: StoredShot {
                reason: text.clone(),
                ..shot(&text).shot
            },
            thumbnail: None,
        };
        sessions
            .finish_turn(
                &turn,
                TurnEnd {
                    shots: vec![shot],
                    prompt: Some(text.clone()),
                    ..Outcome::Answered(Box::new(given)).into()
                },
            )
            .unwrap();
        let session = sessions.load(&id).unwrap();
        assert!(!format!("{session:?}").contains("\\u{1b}"));
        assert!(!session.turns[0].question.chars().any(is_forbidden));
        assert!(
            session.title.chars().count() <= MAX_TITLE && !session.title.chars().any(is_forbidden)
        );
        for format in [ExportFormat::Markdown, ExportFormat::Html] {
            assert!(
                !sessions
                    .export(&id, format)
                    .unwrap()
                    .chars()
                    .any(is_forbidden)
            );
        }
    }
    for line in lines.iter().step_by(7) {
        sessions.search(line, 3).unwrap();
        let _ = sessions.find(line);
    }
    let sessions = home.open();
    assert_eq!(
        sessions.list(1000, 0).unwrap().len(),
        lines.chunks(400).count()
    );
}
