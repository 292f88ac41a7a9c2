//! Importing rows: ids from an export, images without a usable vector, and images that are too large in total.

use super::*;
use crate::codes::{self, ExportedCodes};
use crate::dataset::{self, Format, Options};
use crate::example::is_id;
use crate::{Encoder, Index, create, export};
use std::path::Path;

/// Encodes the first pixel; the vector is invalid if that is white.
struct Grey;

impl Embedder for Grey {
    fn image(&self, image: &Image) -> Result<Vec<Vec<f32>>, String> {
        let shade = f32::from(image.rgb[0]);
        let one = if shade == 255.0 { f32::NAN } else { 1.0 };
        Ok(vec![vec![one, shade / 255.0]])
    }

    fn text(&self, _: &str) -> Result<Vec<Option<Vec<f32>>>, String> {
        Ok(vec![None])
    }
}

fn png(shade: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(8, 8, image::Rgb([shade; 3]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn row(id: &str, shade: u8) -> Row {
    Row {
        id: id.to_owned(),
        images: vec![ImageSource::Bytes {
            name: format!("{shade}.png"),
            bytes: png(shade),
        }],
        question: "Is there a nodule?".to_owned(),
        answer: "yes".to_owned(),
        origin: format!("row {shade}"),
        ..Row::default()
    }
}

/// Adds rows to the index in `folder`, which is created if missing; returns the counts, and the reasons for rejected rows.
fn add_all(
    folder: &Path,
    items: &mut dyn Iterator<Item = Result<Item, DatasetError>>,
) -> (Summary, Vec<String>) {
    let encoder = Encoder {
        sha256: "e".repeat(64),
        name: "grey".into(),
        dimension: 2,
        bundle: String::new(),
        text: false,
    };
    if !folder.exists() {
        create(folder, vec![encoder]).unwrap();
    }
    let mut writer = Writer::open(folder).unwrap();
    let (mut summary, mut reasons) = (Summary::default(), Vec::new());
    let cancel = Cancel::new();
    ingest(&mut writer, items, &Grey, &cancel, &mut summary, &mut |r| {
        if let Report::Rejected { reason, .. } = r {
            reasons.push(reason.to_owned());
        }
    })
    .unwrap();
    writer.finish().unwrap();
    let sum = summary.added + summary.duplicates + summary.rejected;
    assert_eq!(summary.rows, sum);
    (summary, reasons)
}

fn add_rows(folder: &Path, rows: Vec<Row>) -> (Summary, Vec<String>) {
    let mut items = rows.into_iter().map(|row| Ok(Item::Row(Box::new(row))));
    add_all(folder, &mut items)
}

fn add_export(folder: &Path, export: &Path) -> Summary {
    let data = dataset::open(Format::Folder, export, &Options::default());
    add_all(folder, &mut data.unwrap().items).0
}

fn ids(folder: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    let index = Index::open(Some(folder)).unwrap();
    let each = &mut |example: Result<Example, IndexError>| {
        ids.push(example?.id);
        Ok(())
    };
    index.each_example(each).unwrap();
    ids
}

fn exported(folder: &Path, out: &Path) {
    let index = Index::open(Some(folder)).unwrap();
    export::export(&index, out, &Cancel::new(), &mut |_, _| ()).unwrap();
}

/// Whether an id is a prefix of a content hash.
fn is_content_id(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// An index of three examples, two of which have ids not derived from their content, and its export.
fn index_and_export(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (index, out) = (folder.join("first"), folder.join("export"));
    let rows = vec![row("case-one", 1), row("", 2), row("phantom-fundus-005", 3)];
    add_rows(&index, rows);
    exported(&index, &out);
    (index, out)
}

#[test]
fn importing_an_export_keeps_its_ids_and_importing_it_again_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (first, out) = index_and_export(folder.path());
    let second = folder.path().join("second");
    let summary = add_export(&second, &out);
    assert_eq!((summary.rows, summary.added), (3, 3));
    assert_eq!(ids(&second), ids(&first));
    assert_eq!(ids(&second)[0], "case-one");
    assert!(is_content_id(&ids(&second)[1]));
    let summary = add_export(&second, &out);
    assert_eq!((summary.rows, summary.duplicates), (3, 3));
    assert_eq!(ids(&second), ids(&first));
}

#[test]
fn an_id_already_in_use_is_replaced_by_a_content_hash() {
    let folder = tempfile::tempdir().unwrap();
    let (first, out) = index_and_export(folder.path());
    let second = folder.path().join("second");
    // The first takes the id from the export, the second the content hash that would replace it.
    let by_content = Example {
        id: String::new(),
        ..Index::open(Some(&first)).unwrap().example(0).unwrap()
    };
    let rows = vec![row("case-one", 101), row(&by_content.ids()[0], 102)];
    add_rows(&second, rows);
    let summary = add_export(&second, &out);
    assert_eq!((summary.rows, summary.added), (3, 3));
    let ids = ids(&second);
    assert_eq!(ids[2], by_content.ids()[1]);
    assert_eq!(ids[2].len(), 32);
    assert_eq!(ids[4], "phantom-fundus-005");
    let summary = add_export(&second, &out);
    assert_eq!((summary.rows, summary.duplicates), (3, 3));
}

#[test]
fn an_invalid_id_is_not_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (_, out) = index_and_export(folder.path());
    let path = out.join("examples.jsonl");
    let lines = std::fs::read_to_string(&path).unwrap();
    let line: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let hostile = [
        "\u{1B}]0;owned\u{7}".into(),
        "../../etc/passwd".into(),
        "--whole".into(),
        "a b".into(),
        "off".into(),
        "Case-One".into(),
        "x".repeat(49).into(),
        serde_json::json!(["case-one"]),
        serde_json::json!(null),
    ];
    let mut changed = String::new();
    for (number, id) in hostile.iter().enumerate() {
        let mut line = line.clone();
        line["id"] = id.clone();
        line["question"] = format!("Question {number}?").into();
        changed += &format!("{line}\n");
    }
    std::fs::write(&path, changed).unwrap();
    let second = folder.path().join("second");
    let summary = add_export(&second, &out);
    assert_eq!(summary.added as usize, hostile.len());
    let ids = ids(&second);
    assert!(
        ids.iter().all(|id| is_content_id(id) && is_id(id)),
        "{ids:?}"
    );
}

#[test]
fn rows_with_the_same_id_are_all_added_and_the_first_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let (summary, _) = add_rows(&index, vec![row("case-one", 1), row("case-one", 2)]);
    assert_eq!(summary.added, 2);
    let ids = ids(&index);
    assert!(ids[0] == "case-one" && is_content_id(&ids[1]), "{ids:?}");
}

#[test]
fn an_image_without_a_usable_vector_rejects_only_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let rows = || vec![row("", 1), row("", 255), row("", 2)];
    for (added, duplicates) in [(2, 0), (0, 2)] {
        let (summary, reasons) = add_rows(&index, rows());
        assert_eq!((summary.added, summary.duplicates), (added, duplicates));
        assert_eq!((summary.rows, summary.rejected), (3, 1));
        assert!(reasons[0].contains("not a number"), "{reasons:?}");
    }
    let verdict = crate::verify::verify(Some(&index), &Cancel::new(), &mut |_, _| ());
    assert_eq!(verdict.unwrap().faults, Vec::<String>::new());
}

#[test]
fn images_too_large_in_total_reject_their_row() {
    let mut row = row("", 1);
    row.images = vec![row.images[0].clone(); 3];
    let length = png(1).len() as u64;
    let read = load(&mut row.clone(), 3 * length).unwrap();
    assert_eq!((read.0.len(), read.1.len()), (3, 3));
    let reason = load(&mut row, 3 * length - 1).unwrap_err();
    assert!(reason.contains("in total"), "{reason}");
}

#[test]
fn an_image_is_indexed_as_it_stands_upright() {
    use image::ImageEncoder;
    let stored = image::RgbImage::from_fn(8, 4, |x, _| image::Rgb([10 + 30 * x as u8; 3]));
    let saved = |exif: u8| {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        let chunk = [
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
            &[exif, 0, 0, 0, 0, 0, 0, 0],
        ];
        encoder.set_exif_metadata(chunk.concat()).unwrap();
        encoder
            .write_image(&stored, 8, 4, image::ExtendedColorType::Rgb8)
            .unwrap();
        bytes
    };
    let folder = tempfile::tempdir().unwrap();
    let rows = [1, 3].map(|exif| Row {
        images: vec![ImageSource::Bytes {
            name: "a.png".to_owned(),
            bytes: saved(exif),
        }],
        ..row(&format!("r{exif}"), 0)
    });
    let made = folder.path().join("made");
    assert_eq!(add_rows(&made, rows.into()).0.added, 2);
    let index = Index::open(Some(&made)).unwrap();
    let vectors = index.vectors(&"e".repeat(64)).unwrap();
    for (id, shade) in [("r1", 10.0_f32), ("r3", 220.0)] {
        let example = index.by_id(id).unwrap();
        let vector = vectors.row(example.number).unwrap().unwrap();
        let ratio = vector[1] / vector[0];
        assert!((ratio - shade / 255.0).abs() < 0.01, "{id}: {ratio}");
        let upright = rounds_imaging::decode(&saved(if id == "r1" { 1 } else { 3 }), "a").unwrap();
        let hash = index.phash(&example.images[0].sha256).unwrap();
        assert_eq!(hash, Some(rounds_imaging::phash(&upright)), "{id}");
    }
}

/// What an index made from an export says about a code, with the salts in a file if there is one.
fn imported(folder: &Path, export: &Path, salts: Option<&Path>) -> bool {
    add_export(folder, export);
    let codes = ExportedCodes::read(export, salts).unwrap();
    let mut writer = Writer::open(folder).unwrap();
    let is_unknown = writer.add_codes(&codes).unwrap();
    writer.finish().unwrap();
    is_unknown
}

fn patients(folder: &Path) -> Vec<String> {
    let mut patients = Vec::new();
    let index = Index::open(Some(folder)).unwrap();
    let each = &mut |example: Result<Example, IndexError>| {
        patients.push(example?.patient);
        Ok(())
    };
    index.each_example(each).unwrap();
    patients
}

#[test]
fn codes_come_along_in_an_export_and_are_compared_with_a_salt_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let code = identity::code(identity::Kind::Patient, "MRN1");
    for name in ["first", "other"] {
        let mut rows = vec![row("row-a", 1), row("row-b", 2), row("row-c", 3)];
        rows[0].patient.clone_from(&code);
        rows[1].patient.clone_from(&code);
        add_rows(&at(name), rows);
        exported(&at(name), &at(&format!("{name} export")));
    }
    let stored = patients(&at("first"));
    assert!(stored[0] == stored[1] && stored[0].starts_with("scan-"));
    assert_ne!(stored[0], patients(&at("other"))[0], "another salt");
    let first = Index::open(Some(&at("first"))).unwrap();
    codes::write_salts(&first, &at("salt"), &at("first export")).unwrap();
    let round_about = at("other export").join("../first export/salt");
    for refused in [at("salt"), at("first export").join("salt"), round_about] {
        assert!(codes::write_salts(&first, &refused, &at("first export")).is_err());
    }

    // Without its salt the codes are there, and cannot be compared.
    assert!(imported(&at("second"), &at("first export"), None));
    assert_eq!(patients(&at("second")), stored);
    let second = Index::open(Some(&at("second"))).unwrap();
    assert!(!second.has_scans().unwrap() && second.stored_codes(&code).unwrap().is_empty());
    assert_eq!(second.salt_names().unwrap(), first.salt_names().unwrap());
    // What it exports says the same about them.
    exported(&at("second"), &at("second export"));
    for name in ["examples.jsonl", "codes.toml"] {
        let read = |export: &str| std::fs::read_to_string(at(export).join(name)).unwrap();
        assert_eq!(read("first export"), read("second export"), "{name}");
    }
    let error = ExportedCodes::read(&at("other export"), Some(&at("salt"))).unwrap_err();
    assert!(error.to_string().contains("not of this export"), "{error}");
    // With it they can.
    assert!(!imported(
        &at("second"),
        &at("second export"),
        Some(&at("salt"))
    ));
    let second = Index::open(Some(&at("second"))).unwrap();
    assert_eq!(second.stored_codes(&code).unwrap(), [stored[0].clone()]);

    // Scans of its own get a salt of its own, which nobody else has.
    let mut own = row("d", 4);
    own.patient.clone_from(&code);
    add_rows(&at("second"), vec![own]);
    let second = Index::open(Some(&at("second"))).unwrap();
    let both = second.stored_codes(&code).unwrap();
    assert!(both.len() == 2 && both[0] != both[1]);
    let stored = patients(&at("second"));
    assert!(stored.contains(&both[0]) && stored.contains(&both[1]));
    assert_eq!(second.salt_names().unwrap().len(), 2);
}

#[test]
fn an_export_without_scans_says_nothing_about_salts() {
    let folder = tempfile::tempdir().unwrap();
    let (index, out) = index_and_export(folder.path());
    assert!(!out.join("codes.toml").exists());
    let index = Index::open(Some(&index)).unwrap();
    let salt = folder.path().join("salt");
    assert!(codes::write_salts(&index, &salt, &out).is_err());
    std::fs::write(&salt, "no salt").unwrap();
    assert!(ExportedCodes::read(&out, Some(&salt)).is_err());
    // A file of this name that is something else is left alone, a damaged one is not.
    std::fs::write(out.join("codes.toml"), "colour = 1").unwrap();
    assert!(ExportedCodes::read(&out, None).is_ok());
    std::fs::write(out.join("codes.toml"), "format = \"rounds-codes-1\"").unwrap();
    assert!(ExportedCodes::read(&out, None).is_err());
}
