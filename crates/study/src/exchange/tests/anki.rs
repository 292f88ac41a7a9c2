//! Anki itself opens what is written here (`tests/reference/anki_package.py`).

use std::process::Command;
use std::sync::OnceLock;

use super::*;
use crate::schedule::{Grade, Memory, Phase, Schedule};

/// The package of PyPI that is asked.
const PACKAGE: &str = "anki==26.9.3";

/// A Python that has the package. Only CI installs it, in a virtual environment that is kept beside the build.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PYTHON.get_or_init(find_python).as_deref();
    if found.is_none() {
        println!("skipped: {PACKAGE} is not installed, and could not be");
    }
    found
}

fn find_python() -> Option<PathBuf> {
    let has_package = |python: &Path| {
        let wanted = PACKAGE.rsplit("==").next().unwrap();
        let test =
            format!("import importlib.metadata as m; assert m.version('anki') == '{wanted}'");
        let run = Command::new(python).args(["-c", &test]).output();
        run.is_ok_and(|output| output.status.success())
    };
    let test = std::env::current_exe().unwrap();
    let environment = test.ancestors().nth(2).unwrap().join("anki-environment");
    let installed = environment.join("bin/python");
    let named = std::env::var_os("ROUNDS_ANKI_PYTHON").map(PathBuf::from);
    let known = [
        named.unwrap_or_default(),
        installed.clone(),
        "python3".into(),
    ];
    if let Some(found) = known.into_iter().find(|python| has_package(python)) {
        return Some(found);
    }
    std::env::var_os("CI")?;
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&environment)
        .output();
    made.ok().filter(|output| output.status.success())?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PACKAGE,
    ];
    let output = Command::new(&installed).args(install).output().ok()?;
    has_package(&installed).then_some(installed).or_else(|| {
        println!("{}", String::from_utf8_lossy(&output.stderr));
        None
    })
}

/// What Anki sees after it imported these packages.
fn seen_by_anki(python: &Path, packages: &[&Path]) -> Value {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/anki_package.py");
    let output = Command::new(python)
        .arg(script)
        .arg("read")
        .args(packages)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn anki_opens_a_package_and_sees_cards_images_and_history() {
    let Some(python) = python() else {
        return;
    };
    let (cards, media) = cards();
    let source = from_map(&media);
    let schedules = [(
        cards[0].id.clone(),
        Schedule {
            phase: Phase::Review,
            due: NOW + 3 * DAY_MS,
            memory: Some(Memory {
                stability: 12.5,
                difficulty: 4.25,
            }),
            last_review: Some(NOW - 5 * DAY_MS),
            reviews: 7,
            lapses: 2,
        },
    )];
    let reviews = [Review {
        card: cards[0].id.clone(),
        at: NOW - 5 * DAY_MS,
        grade: Grade::Hard,
        took_ms: 4321,
        kind: ReviewKind::Review,
        interval_ms: 8 * DAY_MS,
        previous_interval_ms: 600_000,
    }];
    let mut deck = export(&cards, &source);
    (deck.schedules, deck.reviews, deck.with_history) = (&schedules, &reviews, true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deck.apkg");
    write_apkg(&path, &deck).unwrap();
    let seen = seen_by_anki(python, &[&path]);

    assert_eq!(seen["sound"], true, "{}", seen["report"]);
    assert_eq!(
        (&seen["new"], &seen["missing_media"]),
        (&json!(6), &json!([]))
    );
    assert_eq!(seen["unused_media"], json!([]));
    let files: HashMap<String, String> = serde_json::from_value(seen["media"].clone()).unwrap();
    let mut found: Vec<&String> = files.values().collect();
    let mut expected: Vec<&String> = media.keys().collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let decks = seen["decks"].as_array().unwrap();
    let deck = decks
        .iter()
        .find(|deck| deck["name"] == "Chest::First")
        .unwrap();
    let about = deck["about"].as_str().unwrap();
    assert_eq!(about.matches(rounds_support::INTENDED_USE).count(), 1);

    let notes = seen["notes"].as_array().unwrap();
    for card in &cards {
        let guid = format!("rounds-{}", card.id);
        let note = notes
            .iter()
            .find(|note| note["guid"] == guid.as_str())
            .unwrap();
        assert_eq!(note["checksum"], note["expected_checksum"], "{note}");
        let mut tags: Vec<&str> = note["tags"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        tags.sort();
        assert_eq!(tags, ["first", "organ::left_lung"]);
        let [shown] = note["cards"].as_array().unwrap().as_slice() else {
            panic!("{note}")
        };
        assert_eq!(shown["deck"], "Chest::First");
        let (front, back) = (
            shown["question"].as_str().unwrap(),
            shown["answer"].as_str().unwrap(),
        );
        let plain = |html: &str| html::to_plain(html).text;
        assert!(plain(front).contains(&card.question), "{front}");
        assert!(
            card.kind == Kind::Choice || !plain(front).contains(&card.answer),
            "{front}"
        );
        assert!(
            plain(back).contains(&card.answer) && plain(back).contains(&card.licence),
            "{back}"
        );
        let images = html::to_plain(front).images;
        assert_eq!(images.len(), card.images.len());
        assert!(images.iter().all(|name| files.contains_key(name)));
        assert_eq!(front.contains("rounds-asked"), card.kind == Kind::Occlusion);
        let marked = matches!(card.kind, Kind::Spot | Kind::Occlusion);
        assert_eq!(back.contains("rounds-mark"), marked);
        assert!(!back.contains("rounds-cover"));
        let new = card.id != cards[0].id;
        assert_eq!(shown["type"], if new { 0 } else { 2 });
    }
    let guid = format!("rounds-{}", cards[0].id);
    let first = notes
        .iter()
        .find(|note| note["guid"] == guid.as_str())
        .unwrap();
    let first = &first["cards"][0];
    let kept = (&first["interval"], &first["reviews"], &first["lapses"]);
    assert_eq!(kept, (&json!(8), &json!(7), &json!(2)));
    assert_eq!(
        (&first["stability"], &first["difficulty"]),
        (&json!(12.5), &json!(4.25))
    );
    assert_eq!(
        first["log"],
        json!([[NOW - 5 * DAY_MS, 2, 8, -600, 4321, 1]])
    );
}

#[test]
fn a_deck_that_is_exported_again_updates_the_one_in_anki() {
    let Some(python) = python() else {
        return;
    };
    let (mut cards, media) = cards();
    let source = from_map(&media);
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        folder.path().join("first.apkg"),
        folder.path().join("second.apkg"),
    );
    write_apkg(&first, &export(&cards, &source)).unwrap();
    cards[0].answer = "corrected".to_owned();
    let mut deck = export(&cards, &source);
    deck.now = NOW + DAY_MS;
    write_apkg(&second, &deck).unwrap();
    let seen = seen_by_anki(python, &[&first, &second]);
    let notes = seen["notes"].as_array().unwrap();
    assert_eq!((notes.len(), &seen["new"]), (6, &json!(0)));
    let corrected = |note: &&Value| note["fields"]["Answer"] == "corrected";
    assert_eq!(notes.iter().filter(corrected).count(), 1);
}
