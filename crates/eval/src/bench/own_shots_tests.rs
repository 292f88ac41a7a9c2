//! Tests of `own_shots`.

use super::*;
use crate::fixtures;
use serde_json::{Value, json};

/// A folder with two images and these rows.
fn folder(rows: &[Value]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["chest-nodule.png", "head-epidural.png"] {
        let from = fixtures::path("cases").join(name);
        std::fs::copy(from, folder.path().join(name)).unwrap();
    }
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    std::fs::write(folder.path().join("rows.jsonl"), text).unwrap();
    folder
}

fn row(problem: &str, order: u32, image: &str, answer: &str) -> Value {
    json!({
        "problem_id": problem, "order": order, "image": image,
        "question": "Where is it?", "answer": answer, "specialty": "radiology",
    })
}

/// The lines of the table that the rows become.
fn table(rows: &[Value]) -> Result<Vec<Value>, String> {
    let (given, run) = (folder(rows), tempfile::tempdir().unwrap());
    let source = Source {
        format: Some(rounds_index::dataset::Format::Folder),
        path: Some("rows.jsonl".into()),
        own_shots: true,
        ..Source::default()
    };
    let made = rows_table(&source, "set", given.path(), &run.path().join("table"));
    let text = std::fs::read_to_string(made.map_err(|e| e.to_string())?).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Ok(lines.collect())
}

#[test]
fn rows_of_one_problem_are_put_in_order_and_the_last_one_is_the_question() {
    let (chest, head) = ("chest-nodule.png", "head-epidural.png");
    let lines = table(&[
        row("b", 1, head, "left"),
        row("a", 3, chest, "right"),
        row("a", 1, chest, "left"),
        row("a", 2, head, "left"),
        row("b", 2, chest, "left"),
    ])
    .unwrap();
    // Two rows are the same example, in two problems.
    assert_eq!(lines.len(), 3);
    let tags = |image: &str, answer: &str| {
        let name = files::sha256_file(&fixtures::path("cases").join(image)).unwrap();
        let found = lines
            .iter()
            .find(|line| line["image"][0] == name.as_str() && line["answer"] == answer);
        let tags = found.unwrap()["tags"].as_array().unwrap();
        let tags = tags.iter().map(|tag| tag.as_str().unwrap().to_string());
        // Importers add whether a question is open.
        let mut tags: Vec<String> = tags.filter(|tag| !tag.starts_with("answer_type")).collect();
        tags.sort();
        tags
    };
    assert_eq!(
        tags(chest, "right"),
        ["query-of=a/2", "specialty=radiology"]
    );
    assert_eq!(
        tags(chest, "left"),
        ["query-of=b/1", "shot-of=a/0", "specialty=radiology"]
    );
    assert_eq!(
        tags(head, "left"),
        ["shot-of=a/1", "shot-of=b/0", "specialty=radiology"]
    );
}

#[test]
fn rows_that_would_change_a_problem_are_refused() {
    let chest = "chest-nodule.png";
    for (rows, told) in [
        (
            vec![row("a", 1, chest, "left"), row("a", 1, chest, "right")],
            "two rows of one order",
        ),
        (vec![row("a", 1, chest, "left")], "no shots"),
        (
            vec![
                row("a", 1, "missing.png", "left"),
                row("a", 2, chest, "right"),
            ],
            "missing.png",
        ),
        (
            vec![json!({ "image": chest, "question": "Where?", "answer": "left" })],
            "no `problem_id` and `order`",
        ),
    ] {
        let error = table(&rows).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn the_first_shots_of_a_problem_are_shown_with_the_last_of_them_next_to_the_question() {
    let own: Vec<Example> = ["one", "two", "three"]
        .map(|id| Example {
            id: id.into(),
            ..Example::default()
        })
        .to_vec();
    let ids = |k: usize| {
        let shots = shots(&own, k);
        let order = rounds_assistant::retrieval::Order::SimilarLast.arrange(&shots, 0);
        let ids = order.into_iter().map(|shot| shot.example.id.clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(2), ["one", "two"]);
    assert_eq!(ids(99), ["one", "two", "three"]);
    assert!(ids(0).is_empty());
}
