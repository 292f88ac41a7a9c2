//! Exports of a small session, compared with snapshots.

use super::*;
use crate::export::{html, json as as_json, markdown};
use rounds_support::INTENDED_USE;

const MOMENT: i64 = 1_764_023_273_000;

/// Three turns: an answered one, an edited one that failed, and an interrupted one.
pub(super) fn small() -> Session {
    let first = Turn {
        number: 1,
        parent: None,
        asked: MOMENT,
        ended: Some(MOMENT + 2000),
        state: TurnState::Answered,
        question: "Is there a nodule?\nWhere?".into(),
        images: vec![StoredImage {
            sha256: "ab".repeat(32),
            name: "chest.png".into(),
            format: "png".into(),
            width: 12,
            height: 8,
            bytes: 75,
        }],
        settings: json!({ "shots": 1 }),
        sources: Some(Sources {
            model: "/home/owner-name/models/big".into(),
            ..Sources::default()
        }),
        patient: Some("patient-name".into()),
        study: Some("study-name".into()),
        text: String::new(),
        answer: Some(StoredAnswer {
            notices: vec!["1 of 4 shots: no more matching examples found".into()],
            ..answer("Yes, <3 mm.")
        }),
        shots: vec![StoredShot {
            thumbnail: Some(StoredImage {
                sha256: "cd".repeat(32),
                ..StoredImage::default()
            }),
            images: vec![format!("{}.png", "ef".repeat(32))],
            tags: vec![("organ".into(), "chest".into())],
            ..shot("Is a nodule seen?").shot
        }],
        prompt: Some("<image>Question: Is there a nodule?\nRationale:".into()),
        message: None,
    };
    let again = Turn {
        number: 2,
        state: TurnState::Failed,
        answer: None,
        shots: Vec::new(),
        prompt: None,
        message: Some("the prompt is too long".into()),
        ..first.clone()
    };
    let last = Turn {
        number: 3,
        parent: Some(1),
        state: TurnState::Interrupted,
        question: "How large?".into(),
        text: "About".into(),
        message: None,
        ..again.clone()
    };
    Session {
        id: "k7m2p9xq".parse().unwrap(),
        number: 4,
        title: "A nodule & more".into(),
        model: "nano".into(),
        index: "phantoms".into(),
        created: MOMENT,
        used: MOMENT + 2000,
        turns: vec![first, again, last],
    }
}

fn bytes(image: &StoredImage) -> Option<Vec<u8>> {
    Some(png(image.sha256.as_bytes()[0]).to_vec())
}

/// The page without its style and image data, which would swamp the snapshot.
fn bare(page: &str) -> String {
    let style = page.find("<style>\n").unwrap() + 8..page.find("</style>").unwrap();
    let mut page = page.to_owned();
    page.replace_range(style, "…\n");
    let mut out = String::new();
    for (position, part) in page.split("data:image/jpeg;base64,").enumerate() {
        let rest = part
            .find('"')
            .filter(|_| position > 0)
            .map_or(part, |end| &part[end..]);
        out.push_str(if position > 0 { "data:…" } else { "" });
        out.push_str(rest);
    }
    out
}

#[test]
fn an_unsure_answer_and_a_withheld_one_do_not_look_like_others() {
    let exported = |change: fn(&mut StoredAnswer)| {
        let mut session = small();
        if let Some(answer) = &mut session.turns[0].answer {
            change(answer);
        }
        markdown(&session)
    };
    let unsure = exported(|answer| answer.sure = Some(false));
    assert!(unsure.contains("not sure: Yes"), "{unsure}");
    let sure = exported(|answer| answer.sure = Some(true));
    assert!(!sure.contains("not sure"), "{sure}");
    let withheld = exported(|answer| {
        answer.answer.clear();
        answer.rationale = None;
        answer.withheld = Some("this image is in colour".into());
    });
    assert!(withheld.contains("No answer is shown"), "{withheld}");
    assert!(!withheld.contains("**Rationale**"), "{withheld}");
}

#[test]
fn markdown_of_a_small_session() {
    insta::assert_snapshot!(markdown(&small()));
}

#[test]
fn html_of_a_small_session() {
    insta::assert_snapshot!(bare(&html(&small(), &bytes)));
}

#[test]
fn json_of_a_small_session_fits_its_schema() {
    let text = as_json(&small());
    insta::assert_snapshot!(text);
    let path =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/session.schema.json");
    let schema = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);
    let mut wrong = value.clone();
    wrong["turns"][0]["answer"]["rationale_missing"] = json!("no");
    assert!(!validator.is_valid(&wrong));
    wrong = value.clone();
    wrong["turns"][2]["state"] = json!("answered");
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn a_shot_that_was_compared_with_nothing_has_no_score() {
    for score in [0.0, f32::NAN] {
        let mut session = small();
        let shot = &mut session.turns[0].shots[0];
        (shot.score, shot.reason) = (score, "pinned".into());
        let text = markdown(&session);
        assert!(
            text.contains("- chest-film-7 (rank 1, no score)\n"),
            "{text}"
        );
        assert!(text.contains("  - Why: pinned\n"), "{text}");
        let page = html(&session, &bytes);
        assert!(page.contains("<dt>Score</dt><dd>none</dd>"), "{page}");
        assert!(page.contains("<dt>Why</dt><dd>pinned</dd>"), "{page}");
        let value: serde_json::Value = serde_json::from_str(&as_json(&session)).unwrap();
        assert_eq!(value["turns"][0]["shots"][0]["score"], json!(null));
    }
}

#[test]
fn every_export_states_the_intended_use_and_none_contains_patient_or_study() {
    for text in [
        markdown(&small()),
        html(&small(), &bytes),
        as_json(&small()),
    ] {
        assert!(text.matches(INTENDED_USE).count() >= 2);
        for private in ["patient-name", "study-name", "owner-name"] {
            assert!(!text.contains(private), "{private}");
        }
    }
}

#[test]
fn a_page_shows_each_image_in_full_once_and_loads_nothing() {
    let page = html(&small(), &bytes);
    assert_eq!(page.matches("<figure id=").count(), 1);
    assert_eq!(page.matches("shown above").count(), 2);
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 4);
    for outside in ["http:", "https:", "<script", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let without = html(&small(), &|_| None);
    assert_eq!(without.matches("image not available").count(), 3);
}

#[test]
fn an_export_overwrites_a_file_only_when_told_to() {
    let home = Home::new();
    let mut sessions = home.open();
    let id = one_answer(&mut sessions, "q").session;
    for format in ExportFormat::ALL {
        let path = home
            .folder
            .path()
            .join("export")
            .with_extension(format.extension());
        sessions.export_to(&id, format, &path, false).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            sessions.export(&id, format).unwrap()
        );
        std::fs::write(&path, "mine").unwrap();
        assert!(sessions.export_to(&id, format, &path, false).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        let other = path.with_file_name("a folder");
        std::fs::create_dir_all(&other).unwrap();
        assert!(sessions.export_to(&id, format, &other, true).is_err());
    }
    let path = home.folder.path().join("export.json");
    sessions
        .export_to(&id, ExportFormat::Json, &path, true)
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, sessions.export(&id, ExportFormat::Json).unwrap());
    assert_eq!(std::fs::read_dir(home.folder.path()).unwrap().count(), 5);
}

#[test]
fn the_format_of_an_export_is_known_by_its_name_and_by_a_files_ending() {
    for format in ExportFormat::ALL {
        assert_eq!(ExportFormat::named(format.name()), Some(format));
        let path = Path::new("x").with_extension(format.extension());
        assert_eq!(ExportFormat::of(&path), Some(format));
    }
    assert_eq!(
        ExportFormat::of(Path::new("X.HTM")),
        Some(ExportFormat::Html)
    );
    for unknown in ["x", "x.txt", ".md", "json"] {
        assert_eq!(ExportFormat::of(Path::new(unknown)), None, "{unknown}");
    }
}
