//! Files of problems, good and bad, and every problem that ships.

use super::*;
use rounds_assistant::{LabStanding, ReferenceRange};

fn read_text(name: &str, text: &str) -> Result<Vec<Problem>, ProblemError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    read(&path)
}

const HEAD: &str = "format = \"rounds-problems\"\nversion = 1\n";

#[test]
fn both_formats_give_the_same_problems() {
    let toml = format!(
        "{HEAD}[[problem]]\nid = \"one\"\nvignette = \"A man.\"\nimages = [\"a.png\"]\nquestion = \"Why?\"\nanswer = \"So.\"\n\
         labs = [{{ name = \"Sodium\", value = \"120\", unit = \"mmol/L\", range = \"135-145\" }}]\n"
    );
    let lines = r#"{"id":"one","vignette":"A man.","images":["a.png"],"question":"Why?","answer":"So.","labs":[{"name":"Sodium","value":"120","unit":"mmol/L","range":"135-145"}]}"#;
    let (toml, lines) = (
        read_text("p.toml", &toml).unwrap(),
        read_text("p.jsonl", lines).unwrap(),
    );
    assert_eq!(toml.len(), 1);
    assert_eq!(toml[0].background, lines[0].background);
    assert_eq!(toml[0].background.labs[0].standing(), LabStanding::Low);
    assert_eq!(
        (&toml[0].question, &toml[0].answer),
        (&lines[0].question, &lines[0].answer)
    );
    assert!(matches!(&toml[0].images[0], ProblemImage::File(path) if path.ends_with("a.png")));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    for (text, reason) in [
        ("{\"id\":\"a\"}", "line 1: missing field `question`"),
        (
            "\n{\"id\":\"a\",\"question\":\"q\",\"answer\":\" \"}",
            "problem 1 (a): the question or the answer is empty",
        ),
        (
            "{\"id\":\"a b\",\"question\":\"q\",\"answer\":\"a\"}",
            "an id has 1 to 60 letters",
        ),
        (
            "{\"id\":\"a\",\"question\":\"q\",\"answer\":\"a\"}\n{\"id\":\"a\",\"question\":\"q\",\"answer\":\"a\"}",
            "two problems have the id a",
        ),
        (
            "{\"id\":\"a\",\"question\":\"q\",\"answer\":\"a\",\"labs\":[{\"name\":\"K\",\"value\":\"4\",\"range\":\"5-3\"}]}",
            "the range of K cannot be read: 5-3",
        ),
        (
            "{\"id\":\"a\",\"question\":\"q\",\"answer\":\"a\",\"anser\":\"b\"}",
            "unknown field `anser`",
        ),
        (
            "{\"id\":\"a\",\"question\":\"q\",\"answer\":\"a\",\"shots\":[{\"images\":[],\"question\":\"q\",\"answer\":\"a\"}]}",
            "shot 1: 0 images",
        ),
        (
            "{\"id\":\"a\",\"question\":\"q\",\"answer\":\"a\",\"shots\":[{\"images\":[\"a.png\"],\"question\":\"q\",\"answer\":\"\"}]}",
            "shot 1: the question or the answer is empty",
        ),
        ("", "there is no problem in it"),
    ] {
        let error = read_text("p.jsonl", text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let error = read_text("p.toml", "format = \"other\"\nversion = 1")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("not a file of problems of version 1"),
        "{error}"
    );
}

#[test]
fn hostile_text_is_cleaned() {
    let text = r#"{"id":"a","question":"q\u001b[2J","answer":"a","vignette":"v\u0007"}"#;
    let problem = read_text("p.jsonl", text).unwrap().remove(0);
    let shown = format!("{} {}", problem.question, problem.background.vignette);
    assert!(shown.contains('q') && shown.contains('v'), "{shown:?}");
    assert!(
        !shown.contains(['\u{1b}', '\u{7}']) && !shown.contains("[2J"),
        "{shown:?}"
    );
}

#[test]
fn a_problem_is_found_by_its_id_and_others_are_listed() {
    let first = shipped_set().unwrap().remove(0);
    assert_eq!(find(&first.id).unwrap(), first);
    let error = find("no-such").unwrap_err();
    assert!(
        rounds_support::Hint::hint(&error)
            .unwrap()
            .contains(&first.id)
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.jsonl");
    std::fs::write(
        &path,
        "{\"id\":\"mine\",\"question\":\"q\",\"answer\":\"a\"}",
    )
    .unwrap();
    let name = format!("{}#mine", path.display());
    assert_eq!(find(&name).unwrap().question, "q");
}

#[test]
fn every_shipped_problem_is_complete_and_its_images_are_there() {
    let problems = shipped_set().unwrap();
    assert!(problems.len() >= 20, "{}", problems.len());
    let mut with_labs = 0;
    for problem in &problems {
        let id = &problem.id;
        for text in [
            &problem.topic,
            &problem.background.vignette,
            &problem.rationale,
            &problem.source,
        ] {
            assert!(!text.is_empty(), "{id}");
        }
        assert!(!problem.images.is_empty(), "{id}");
        with_labs += usize::from(!problem.background.labs.is_empty());
        for lab in &problem.background.labs {
            assert!(ReferenceRange::parse(&lab.range).is_some(), "{id}: {lab:?}");
            assert_ne!(lab.standing(), LabStanding::Unknown, "{id}: {lab:?}");
        }
        let case = problem.case().unwrap();
        assert_eq!(case.images.len(), problem.images.len());
        assert!(case.images.iter().all(|image| image.width >= 200), "{id}");
        // Neither the question nor the list gives the answer away.
        let told = problem.in_words().to_lowercase();
        assert!(!told.contains(&problem.answer.to_lowercase()), "{id}");
    }
    assert!(with_labs >= 12, "{with_labs}");
}

#[test]
fn every_phantom_of_a_shipped_problem_shows_what_its_source_says() {
    let mut phantoms = 0;
    for problem in shipped_set().unwrap() {
        let Some(made) = problem.source.strip_prefix("rounds phantom ") else {
            continue;
        };
        let (made, shows) = made.split_once("; shows ").unwrap();
        let (kind, seed) = made.split_once(" --seed ").unwrap();
        let kind = rounds_phantom::KINDS
            .iter()
            .position(|spec| spec.id == kind)
            .unwrap();
        let phantom = rounds_phantom::render(kind, seed.parse().unwrap(), 224);
        let named = phantom.truth.findings.iter();
        let named = named.map(|truth| phantom.spec().findings[truth.finding].id);
        let found: Vec<&str> = named.collect();
        let found = if found.is_empty() {
            vec!["nothing abnormal"]
        } else {
            found
        };
        assert_eq!(found.join(", "), shows, "{}", problem.id);
        let image = problem.images[0].load().unwrap();
        // The file is smoothed and has fewer colours.
        let near = difference(&image.rgb, &phantom.canvas.to_rgb8());
        let other = rounds_phantom::render(kind, 1000, 224);
        let far = difference(&image.rgb, &other.canvas.to_rgb8());
        assert!(
            near < 12.0 && near < far / 1.5,
            "{}: {near} against {far}",
            problem.id
        );
        phantoms += 1;
    }
    assert!(phantoms >= 20, "{phantoms}");
}

/// Mean difference of two images of the same size.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().zip(other);
    let all: f64 = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    all / one.len() as f64
}
