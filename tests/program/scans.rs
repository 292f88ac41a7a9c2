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
    shots_of(home, "scans", image, more)
}

fn shots_of(home: &Home, index: &str, image: &Path, more: &[&str]) -> Vec<String> {
    let image = text(image);
    let mut arguments = vec![
        "ask", "--json", "--index", index, "--shots", "8", "-i", &image,
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
fn an_index_made_from_an_export_keeps_patients_together_and_compares_codes_with_the_salt_only() {
    let home = Home::new();
    index_of_two_patients(&home);
    let (export, salt) = (text(&home.path("export")), text(&home.path("salt.toml")));
    let inside = text(&home.path("export/salt.toml"));
    let refused = home.run(&["index", "export", "scans", &export, "--salt", &inside]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!home.path("export").exists());
    ok(&home.run(&["index", "export", "scans", &export, "--salt", &salt]));
    let secret = std::fs::read_to_string(&salt).expect("the salt");
    let secret = secret.split('"').find(|word| word.len() == 64);
    let secret = secret.expect("a salt");
    for path in files_below(Path::new(&export)) {
        let content = std::fs::read(&path).expect("read");
        let content = String::from_utf8_lossy(&content);
        for gone in [secret, "MRN1", "1.2.1"] {
            assert!(!content.contains(gone), "{gone} in {}", path.display());
        }
    }

    // Without the salt: an image that is in the index is known, and with it all of its patient.
    let imported = home.run(&["index", "import", "again", "folder", &export]);
    let told = String::from_utf8_lossy(&imported.stderr);
    assert!(told.contains("images only"), "{told}");
    let lines = std::fs::read_to_string(home.path("export/examples.jsonl")).expect("lines");
    let line = lines.lines().find(|line| line.contains("first again"));
    let line: Value = serde_json::from_str(line.expect("an example")).expect("JSON");
    let image = line["image"][0].as_str().expect("a path");
    let shown = home.path("export").join(image);
    let found = shots_of(&home, "again", &shown, &[]);
    assert!(
        !found.is_empty() && found.iter().all(|answer| answer == "second"),
        "{found:?}"
    );
    // Another image of the patient is not.
    let own = slice("MRN1", "1.8", "1.8.1", 9);
    let own = write(&home.path("asked"), "patient", own);
    let found = shots_of(&home, "again", &own, &[]);
    assert!(found.iter().any(|answer| answer == "first"), "{found:?}");
    // With the salt, which may come later, it is.
    let later = [
        "index", "import", "again", "folder", &export, "--salt", &salt,
    ];
    let imported = home.run(&later);
    let told = String::from_utf8_lossy(&imported.stderr).into_owned();
    assert!(ok(&imported).contains("9 duplicates") && !told.contains("images only"));
    let found = shots_of(&home, "again", &own, &[]);
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

/// What is planted; each is looked for in everything that comes out.
const TRACES: [&str; 6] = [
    "ZQXPLANTED",
    "zqxplanted",
    "9137746502817",
    "19031207",
    "Jane^Planted",
    "Planted, Jane",
];

/// A CT slice with a recognisable text in every element of the groups that identify a patient, a person or a place, in
/// private elements and in sequences.
fn planted(z: u16) -> Vec<u8> {
    let series = "2.25.9137746502817.1";
    let mut object = slice("ZQXPLANTED-MRN", "2.25.9137746502817", series, z);
    let text = |element: u32| format!("ZQXPLANTED {element:04X}");
    for group in [
        0x0008_u16, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x0054, 0x0088, 0x0400,
        0x2050, 0x4000, 0x4008,
    ] {
        for element in 1..=0x2200_u16 {
            let tag = (group, element);
            let is_needed = matches!(
                tag,
                (0x0008, 0x0060)
                    | (0x0018, 0x0015 | 0x1063)
                    | (0x0010, 0x0020)
                    | (0x0020, 0x000D | 0x000E | 0x0013 | 0x0032 | 0x0037)
                    // A sequence, whose copy is refused if it holds a text.
                    | (0x0054, 0x0016)
            );
            if !is_needed {
                object = object.add(tag, b"LO", text(element.into()).as_bytes());
            }
        }
    }
    for (tag, kind, value) in [
        ((0x0008, 0x0018), b"UI", format!("2.25.9137746502817.9.{z}")),
        ((0x0008, 0x0020), b"DA", "19031207".into()),
        ((0x0008, 0x0090), b"PN", "Jane^Planted".into()),
        ((0x0010, 0x0010), b"PN", "Jane^Planted".into()),
        ((0x0010, 0x0030), b"DA", "19031207".into()),
        ((0x0020, 0x0052), b"UI", "2.25.9137746502817.5".into()),
        ((0x0028, 0x1055), b"LO", "ZQXPLANTED window".into()),
        ((0x0028, 0x4000), b"LT", "ZQXPLANTED comment".into()),
        ((0x0009, 0x0010), b"LO", "ZQXPLANTED creator".into()),
        ((0x0009, 0x1001), b"LO", "ZQXPLANTED private".into()),
        ((0x6000, 0x4000), b"LT", "ZQXPLANTED overlay".into()),
    ] {
        object = object.raw(tag, kind, value.as_bytes());
    }
    let inner = make::Writer::new(make::Encoding::Explicit)
        .text((0x0008, 0x1155), b"UI", "2.25.9137746502817.7")
        .text((0x0010, 0x0010), b"PN", "Jane^Planted");
    object
        .items((0x0040, 0x0275), vec![inner])
        .text((0x0028, 0x1052), b"DS", "0")
        .text((0x0028, 0x1053), b"DS", "1")
        .text((0x0028, 0x1050), b"DS", "100")
        .text((0x0028, 0x1051), b"DS", "200")
        .file()
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for trace in TRACES {
        let found = bytes
            .windows(trace.len())
            .position(|window| window == trace.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 60)];
            panic!("{trace} in {what}: {}", String::from_utf8_lossy(around));
        }
    }
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn nothing_that_identifies_a_patient_comes_out_of_any_command_or_into_any_file() {
    let inputs = tempfile::tempdir().expect("a folder");
    let archive = inputs.path().join("scans");
    std::fs::create_dir(&archive).expect("made");
    for z in 1..=4 {
        let file = planted(z);
        assert!(file.windows(10).any(|ten| ten == b"ZQXPLANTED"));
        std::fs::write(archive.join(format!("{z}.dcm")), file).expect("written");
    }
    let whole = planted(1);
    let cut = inputs.path().join("cut.dcm");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("written");
    let no_image = inputs.path().join("none.dcm");
    std::fs::write(&no_image, &whole[..whole.len() - 9000]).expect("written");
    let table = inputs.path().join("questions.csv");
    let rows = "SeriesInstanceUID,PatientName,question,answer\n\
                2.25.9137746502817.1,Jane^Planted,Is it clear?,yes\n\
                2.25.9137746502817.404,Jane^Planted,Is it here?,no\n";
    std::fs::write(&table, rows).expect("written");

    let home = Home::new();
    let (one, folder) = (text(&archive.join("1.dcm")), text(&archive));
    let (cut, no_image, table) = (text(&cut), text(&no_image), text(&table));
    let out = |name: &str| text(&home.path(name));
    let run = |arguments: &[&str], input: &str, codes: &[i32]| {
        let mut command = home.command(arguments);
        command.env("ROUNDS_LOG", "trace");
        let output = crate::common::feed(command, input);
        let (code, stdout, stderr) = ended(&output);
        assert!(
            codes.contains(&code),
            "{arguments:?}: {code} {stdout} {stderr}"
        );
        assert_clean(&format!("stdout of {arguments:?}"), stdout.as_bytes());
        assert_clean(&format!("stderr of {arguments:?}"), stderr.as_bytes());
        stdout
    };
    for file in [&one, &folder] {
        assert!(run(&["image", "show", file], "", &[0]).contains("axial slice"));
        run(&["image", "show", file, "--json"], "", &[0]);
        run(&["image", "info", file], "", &[0]);
        run(&["image", "info", file, "--json"], "", &[0]);
        run(&["image", "measure", file, "--box", "0,0,9,9"], "", &[0]);
        run(
            &["image", "measure", file, "--box", "0,0,9,9", "--json"],
            "",
            &[0],
        );
        run(
            &["image", "measure", file, "--box", "0,0,9,9", "--sentence"],
            "",
            &[0],
        );
        run(&["image", "fuse", file, file, "--json"], "", &[0]);
    }
    run(
        &["image", "show", &one, "--out", &out("shown.png")],
        "",
        &[0],
    );
    run(&["image", "deid", &one, &out("clean.dcm")], "", &[0]);
    run(&["image", "deid", &one, &out("clean.png")], "", &[0]);
    let blacked = out("black.dcm");
    let black = ["image", "deid", &one, &blacked, "--black", "0,0,9,9"];
    run(&black, "", &[0]);
    run(&["image", "deid", &folder, &out("clean")], "", &[0]);
    for broken in [&cut, &no_image] {
        run(&["image", "show", broken], "", &[0, 3]);
        run(&["image", "info", broken, "--json"], "", &[0, 3]);
        run(&["image", "deid", broken, &out("never.dcm")], "", &[3]);
        run(&["ask", "-i", broken, "Is it clear?"], "", &[0, 3]);
    }

    run(
        &[
            "index",
            "import",
            "mine",
            "dicom",
            &folder,
            "--every",
            "1",
            "--commits",
        ],
        "",
        &[0],
    );
    let imported = run(
        &[
            "index", "import", "mine", "dicom", &folder, "--table", &table, "--json",
        ],
        "",
        &[1],
    );
    assert!(
        imported.contains("\"added\":1") || imported.contains("\"added\": 1"),
        "{imported}"
    );
    run(
        &["index", "import", "mine", "dicom", &cut],
        "",
        &[0, 1, 2, 3],
    );
    run(&["index", "search", "mine", "-i", &one], "", &[0]);
    run(&["index", "search", "mine", "-i", &one, "--json"], "", &[0]);
    run(&["index", "search", "mine", "--text", "clear"], "", &[0]);
    run(&["index", "show", "mine"], "", &[0]);
    run(&["index", "stats", "mine"], "", &[0]);
    run(&["index", "verify", "mine"], "", &[0]);
    run(&["index", "export", "mine", &out("exported")], "", &[0]);

    run(&["ask", "--json", "-i", &one, "Is it clear?"], "", &[0]);
    run(
        &["ask", "--index", "mine", "-i", &folder, "Is it clear?"],
        "",
        &[0],
    );
    run(
        &["ask", "--show-prompt", "-i", &one, "Is it clear?"],
        "",
        &[0],
    );
    let request = serde_json::json!({ "images": [one], "question": "Is it clear?" });
    run(&["script"], &format!("{request}\n"), &[0]);
    let chat = format!(
        "/attach {folder}\n/view slice=2\n/measure 3,4\n/measure 3,4 9,9\nIs it clear?\n/status\n/shots\n/export {}\n/attach {no_image}\n",
        out("chat.json")
    );
    run(&["chat", "--plain", "--index", "mine"], &chat, &[0, 1]);
    let listed = run(&["session", "list", "--json"], "", &[0]);
    let first = crate::common::json_lines(&listed).remove(0);
    let id = first["session"].as_str().expect("an id").to_owned();
    for format in ["md", "html", "json"] {
        let file = out(&format!("session.{format}"));
        run(&["session", "export", &id, "--out", &file], "", &[0]);
    }
    run(&["session", "search", "clear"], "", &[0]);

    let written = files_below(home.folder.path());
    let has = |name: &str| written.iter().any(|path| path.ends_with(name));
    for name in [
        "clean.dcm",
        "clean.png",
        "shown.png",
        "session.html",
        "chat.json",
        "sessions.sqlite3",
    ] {
        assert!(has(name), "{name} was not written: {written:?}");
    }
    assert!(
        written
            .iter()
            .any(|path| path.to_string_lossy().contains(".log")),
        "nothing was logged: {written:?}"
    );
    for path in written {
        let name = path.display().to_string();
        assert_clean(&name, name.as_bytes());
        assert_clean(&name, &std::fs::read(&path).expect("read"));
    }
}

#[test]
fn a_clean_copy_of_an_image_that_cannot_be_read_says_that_its_pixels_were_not_seen() {
    let home = Home::new();
    let stream: &[u8] = &[0xFF, 0x4F, 0xFF, 0x51];
    let object = make::grey(make::Encoding::Explicit, 2, 2)
        .text((0x0010, 0x0020), b"LO", "MRN77701")
        .fragments(&[], &[stream]);
    let file = home.path("high-throughput.dcm");
    std::fs::write(&file, object.file_as("1.2.840.10008.1.2.4.201")).expect("written");
    let (file, clean) = (text(&file), text(&home.path("clean.dcm")));
    let (code, _, err) = ended(&home.run(&["image", "deid", &file, &clean]));
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("cannot read the image"), "{err}");
    let (code, _, err) = ended(&home.run(&["image", "show", &file]));
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("transfer syntax HTJ2K lossless"), "{err}");
    assert!(err.contains("gdcmconv --raw IN OUT"), "{err}");
}

#[test]
fn an_nrrd_file_is_listed_shown_and_fused_like_any_scan() {
    let home = Home::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/scans/nrrd");
    let file = text(&golden.join("short-raw.nrrd"));
    let info = ok(&home.run(&["image", "info", &file]));
    assert!(info.contains("5 x 4 pixels, 3 slices"), "{info}");
    assert!(info.contains("encoding  NRRD"), "{info}");
    let named = format!("{file}#slice=3&window=full");
    let shown = ok(&home.run(&["image", "show", &named]));
    assert!(shown.contains("axial slice 3 of 3"), "{shown}");
    let fused = ok(&home.run(&["image", "fuse", &file, &file, "--json"]));
    assert!(fused.contains("fusion"), "{fused}");
    // Header and samples apart, from the header.
    let apart = text(&golden.join("int-detached.nhdr"));
    let shown = ok(&home.run(&["image", "show", &apart, "--plane", "coronal"]));
    assert!(shown.contains("coronal slice"), "{shown}");
}
