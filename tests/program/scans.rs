//! Scans in an index and in questions: whom they show is left out, and is never told.

use serde_json::Value;
use std::path::{Path, PathBuf};

use crate::common::{Home, ended, ok};

#[path = "../../crates/scan/tests/reading/make.rs"]
#[expect(dead_code, reason = "the scan crate's tests need more of it")]
mod make;

/// A CT slice of noise of its own.
fn slice(patient: &str, study: &str, series: &str, number: u16) -> make::Writer {
    let mut seed = format!("{series} {number}")
        .bytes()
        .fold(1_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
    let values: Vec<u16> = (0..64 * 64)
        .map(|at| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Blocks of 8 x 8, which stay when the image is made small.
            let block = (at / 8) % 8 + at / 512 * 8;
            let own = (series.len() as u32 + u32::from(number) * 13).wrapping_mul(block + 7);
            (own % 200) as u16 + (seed >> 27) as u16
        })
        .collect();
    make::grey(make::Encoding::Explicit, 64, 64)
        .text((0x0008, 0x0060), b"CS", "CT")
        .text((0x0018, 0x0015), b"CS", "CHEST")
        .text((0x0010, 0x0020), b"LO", patient)
        .text((0x0020, 0x000D), b"UI", study)
        .text((0x0020, 0x000E), b"UI", series)
        .text((0x0020, 0x0013), b"IS", &number.to_string())
        .text((0x0020, 0x0032), b"DS", &format!("0\\0\\{number}"))
        .text((0x0020, 0x0037), b"DS", "1\\0\\0\\0\\1\\0")
        .text((0x0028, 0x0030), b"DS", "0.5\\0.5")
        .words((0x7FE0, 0x0010), &values)
}

fn write(folder: &Path, name: &str, object: make::Writer) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, object.file()).expect("written");
    path
}

/// An index of two patients; the answers say of whom an example is.
fn index_of_two_patients(home: &Home) {
    let folder = home.path("archive");
    let mut table = "series,question,answer\n".to_owned();
    for (who, patient, study, series) in [
        ("first", "MRN1", "1.2.1", "1.2.1.1"),
        ("first again", "MRN1", "1.2.2", "1.2.2.11"),
        ("second", "MRN2", "1.2.3", "1.2.3.111"),
    ] {
        for number in 1..=3 {
            let object = slice(patient, study, series, number);
            write(&folder, &format!("{who}/{number}"), object);
        }
        table.push_str(&format!("{series},Who is it?,{who}\n"));
    }
    let table_path = home.path("questions.csv");
    std::fs::write(&table_path, table).expect("written");
    let (archive, table) = (text(&folder), text(&table_path));
    let imported = ok(&home.run(&[
        "index", "import", "--format", "dicom", "scans", &archive, "--table", &table, "--every",
        "1",
    ]));
    assert!(imported.contains("9 added"), "{imported}");
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The answers of the shots of a question about an image.
fn shots(home: &Home, image: &Path, more: &[&str]) -> Vec<String> {
    let image = text(image);
    let mut arguments = vec![
        "ask", "--json", "--index", "scans", "--shots", "8", "-i", &image,
    ];
    arguments.extend(more);
    arguments.push("Who is it?");
    let answer: Value = serde_json::from_str(&ok(&home.run(&arguments))).expect("JSON");
    answers_of(&answer["shots"])
}

fn answers_of(shots: &Value) -> Vec<String> {
    let shots = shots.as_array().expect("a list");
    let answer = |shot: &Value| shot["answer"].as_str().expect("a text").to_owned();
    shots.iter().map(answer).collect()
}

#[test]
fn a_question_about_a_scan_never_gets_its_patient_study_or_series_as_a_shot() {
    let home = Home::new();
    index_of_two_patients(&home);
    // None of these images is in the index.
    let own = |name: &str, patient, study, series| {
        write(&home.path("asked"), name, slice(patient, study, series, 9))
    };
    let stranger = shots(&home, &own("stranger", "MRN3", "1.9", "1.9.1"), &[]);
    for who in ["first", "first again", "second"] {
        assert!(stranger.iter().any(|answer| answer == who), "{stranger:?}");
    }
    let patient = own("patient", "MRN1", "1.8", "1.8.1");
    let study = own("study", "", "1.2.2", "1.8.2");
    let series = own("series", "", "", "1.2.1.1");
    for own in [&patient, &study, &series] {
        let found = shots(&home, own, &[]);
        assert!(!found.is_empty(), "{}", own.display());
        assert!(found.iter().all(|answer| answer == "second"), "{found:?}");
    }
    // A number that the user gives means the same, and does not take the place of the file's.
    let stranger = home.path("asked/stranger");
    let found = shots(&home, &stranger, &["--patient", "MRN1"]);
    assert!(
        !found.is_empty() && found.iter().all(|answer| answer == "second"),
        "{found:?}"
    );
    let found = shots(&home, &patient, &["--patient", "someone else"]);
    assert!(found.iter().all(|answer| answer == "second"), "{found:?}");

    let line = serde_json::json!({
        "id": "1", "images": [text(&patient)], "question": "Who is it?", "shots": 8,
    });
    let output = home.feed(&["script", "--index", "scans"], &format!("{line}\n"));
    let events = crate::common::json_lines(&ok(&output));
    let found = events.iter().find(|event| !event["shots"].is_null());
    let found = answers_of(&found.expect("an event with the shots")["shots"]);
    assert!(
        !found.is_empty() && found.iter().all(|answer| answer == "second"),
        "{found:?}"
    );
}

#[test]
fn an_import_that_is_repeated_adds_nothing() {
    let home = Home::new();
    index_of_two_patients(&home);
    let archive = text(&home.path("archive"));
    let table = text(&home.path("questions.csv"));
    let again = home.run(&[
        "index", "import", "scans", "dicom", &archive, "--table", &table, "--every", "1",
    ]);
    let (code, out, err) = ended(&again);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("0 added + 9 duplicates"), "{out}");
}
