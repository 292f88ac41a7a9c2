//! Every file of the shared data against pydicom and nibabel (`tests/reference/scans.py`).

use std::path::Path;

use rounds_scan::window::Window;
use rounds_scan::{Opened, Pixels, ScanError, Volume, open};
use rounds_support::files::sha256_hex;
use rounds_support::{Cancel, Hint};
use serde_json::Value;

use crate::make::{Encoding, Writer, slice};
use crate::{golden_folder, options, shared_data};

fn golden(name: &str) -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(golden_folder().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn flat(volume: &Volume) -> Vec<Option<f64>> {
    match &volume.pixels {
        Pixels::Values(values) => values
            .iter()
            .map(|value| value.is_finite().then_some(f64::from(*value)))
            .collect(),
        Pixels::Rgb(bytes) => bytes.iter().map(|byte| Some(f64::from(*byte))).collect(),
    }
}

fn sha256(volume: &Volume) -> String {
    match &volume.pixels {
        Pixels::Rgb(bytes) => sha256_hex(bytes),
        Pixels::Values(values) => {
            let bits = |value: &f32| {
                if value.is_finite() {
                    value.to_bits()
                } else {
                    0x7FC0_0000
                }
            };
            sha256_hex(
                &values
                    .iter()
                    .flat_map(|value| bits(value).to_le_bytes())
                    .collect::<Vec<u8>>(),
            )
        }
    }
}

/// The samples at the places that the script chose.
fn samples(values: &[Option<f64>]) -> Vec<Option<f64>> {
    (0..48_u64)
        .map(|k| values[(k * 2_654_435_761 % values.len() as u64) as usize])
        .collect()
}

/// What differs from the golden values; empty if nothing does.
fn differences(volume: &Volume, expected: &Value, tolerance: f64) -> Vec<String> {
    let mut found = Vec::new();
    let size: Vec<u64> = expected["size"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap())
        .collect();
    if volume.size.map(|n| n as u64).to_vec() != size {
        return vec![format!("size {:?} instead of {size:?}", volume.size)];
    }
    let values = flat(volume);
    let missing = values.iter().filter(|value| value.is_none()).count() as u64;
    if Some(missing) != expected["missing"].as_u64() {
        found.push(format!(
            "{missing} without a value instead of {}",
            expected["missing"]
        ));
    }
    for (index, (value, wanted)) in samples(&values)
        .iter()
        .zip(expected["samples"].as_array().unwrap())
        .enumerate()
    {
        let is_same = match (value, wanted.as_f64()) {
            (Some(value), Some(wanted)) => {
                (value - wanted).abs() <= tolerance + 1e-6 * wanted.abs()
            }
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            found.push(format!("sample {index} is {value:?} instead of {wanted}"));
            break;
        }
    }
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let scale = expected["mean"].as_f64().unwrap().abs().max(1.0);
    if (mean - expected["mean"].as_f64().unwrap()).abs() > (tolerance * 0.2).max(1e-6 * scale) {
        found.push(format!("mean {mean} instead of {}", expected["mean"]));
    }
    if let Some(hash) = expected["sha256"]
        .as_str()
        .filter(|_| expected["lossless"] == true)
        && tolerance == 0.0
        && sha256(volume) != hash
    {
        found.push("the values differ".to_owned());
    }
    found
}

fn affine_differs(affine: Option<[[f64; 4]; 4]>, expected: &Value) -> bool {
    let Some(rows) = expected.as_array() else {
        return false;
    };
    let Some(affine) = affine else { return true };
    affine
        .iter()
        .flatten()
        .zip(rows.iter().flat_map(|row| row.as_array().unwrap()))
        .any(|(value, wanted)| {
            let wanted = wanted.as_f64().unwrap();
            (value - wanted).abs() > 1e-4 * wanted.abs().max(1.0)
        })
}

/// The first stated window, to 8 bits.
fn window_differs(volume: &Volume, expected: &Value) -> bool {
    let Some(wanted) = expected["windowed"].as_array() else {
        return false;
    };
    let Ok(applied) = Window::Stated(1).apply(volume) else {
        return true;
    };
    samples(&flat(volume))
        .iter()
        .zip(wanted)
        .any(|(value, wanted)| match (value, wanted.as_f64()) {
            (Some(value), Some(wanted)) => {
                let grey = f64::from(applied.tone.grey(*value as f32));
                let grey = if volume.facts.inverted {
                    255.0 - grey
                } else {
                    grey
                };
                (grey - wanted).abs() > 1.0
            }
            (None, None) => false,
            _ => true,
        })
}

/// A row of the table, and whether the file is read as it should be.
fn judge(opened: Result<Opened, ScanError>, expected: &Value) -> (String, bool) {
    let outcome = opened.and_then(|opened| opened.volume(&Cancel::new()));
    match (outcome, expected.is_null()) {
        (Ok(volume), false) => {
            let tolerance = if expected["lossless"] == true {
                0.0
            } else {
                1.0
            };
            let mut found = differences(&volume, expected, tolerance);
            if affine_differs(volume.affine, &expected["affine"]) {
                found.push(format!(
                    "affine {:?} instead of {}",
                    volume.affine, expected["affine"]
                ));
            }
            if window_differs(&volume, expected) {
                found.push("the windowed values differ".to_owned());
            }
            let what = if found.is_empty() {
                "equal".to_owned()
            } else {
                found.join("; ")
            };
            (
                format!(
                    "{} | {what} {:?}",
                    volume.facts.encoding, volume.facts.notes
                ),
                found.is_empty(),
            )
        }
        (Ok(volume), true) => (
            format!("{} | read, though it should not be", volume.facts.encoding),
            false,
        ),
        (Err(error), true) => {
            let text = error.to_string();
            let is_clear = !text.contains("makes the decoder fail")
                && error.hint().is_some()
                && error.kind().exit_code() == 3;
            (format!("| refused: {text}"), is_clear)
        }
        (Err(error), false) => (format!("| NOT READ: {error}"), false),
    }
}

#[test]
fn every_dicom_file_has_the_pixels_of_pydicom_or_a_clear_error() {
    let Some(data) = shared_data() else { return };
    let golden = golden("dicom.json");
    let mut wrong = 0;
    for (name, expected) in &golden {
        // A DICOMDIR is read as the files it lists, in tests of its own.
        if Path::new(name)
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("DICOMDIR")
        {
            continue;
        }
        let (row, is_right) = judge(open(&data.join(name), &options()), expected);
        println!("{} {name} | {row}", if is_right { " " } else { "!" });
        wrong += usize::from(!is_right);
    }
    assert!(golden.len() > 200);
    assert_eq!(wrong, 0, "see the rows with !");
}

#[test]
fn every_nifti_file_has_the_values_of_nibabel_or_a_clear_error() {
    let Some(data) = shared_data() else { return };
    let mut wrong = 0;
    for (name, expected) in &golden("nifti.json") {
        let opened = open(&data.join(name), &options());
        let mut rows = Vec::new();
        match (&opened, expected.is_null()) {
            (Ok(opened), false) => {
                let series = opened.only().unwrap();
                if Some(series.components as u64) != expected["components"].as_u64() {
                    rows.push(format!("{} components", series.components));
                }
                if affine_differs(series.affine, &expected["affine"]) {
                    rows.push(format!("affine {:?}", series.affine));
                }
                for volume in expected["volumes"].as_array().unwrap() {
                    let component = volume["component"].as_u64().unwrap() as usize;
                    match series.component(component, &Cancel::new()) {
                        Ok(read) => rows.extend(differences(&read, volume, 0.0)),
                        Err(error) => rows.push(error.to_string()),
                    }
                }
            }
            (Err(error), true) => println!("  {name} | refused: {error}"),
            (Ok(_), true) => rows.push("read, though it should not be".to_owned()),
            (Err(error), false) => rows.push(format!("NOT READ: {error}")),
        }
        println!(
            "{} {name} | {}",
            if rows.is_empty() { " " } else { "!" },
            rows.join("; ")
        );
        wrong += usize::from(!rows.is_empty());
    }
    assert_eq!(wrong, 0, "see the rows with !");
}

#[test]
fn all_other_files_of_the_nifti_folder_are_refused_with_a_reason() {
    let Some(data) = shared_data() else { return };
    for path in crate::files_below(&data.join("nifti")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if [".nii", ".nii.gz", ".hdr", ".dcm", ".dcm.gz"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            continue;
        }
        let error = open(&path, &options()).expect_err(&name);
        println!("{name} | {error}");
        assert!(error.to_string().contains(&*name), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn the_uptake_factor_of_a_pet_series_is_that_of_the_reference() {
    let cases = golden("pet.json");
    assert!(!cases.is_empty());
    for (name, case) in &cases {
        let text = |keyword: &str| case["tags"][keyword].as_str().unwrap();
        let tracer = Writer::new(Encoding::Explicit)
            .text(
                (0x0018, 0x1072),
                b"TM",
                text("RadiopharmaceuticalStartTime"),
            )
            .text((0x0018, 0x1074), b"DS", text("RadionuclideTotalDose"))
            .text((0x0018, 0x1075), b"DS", text("RadionuclideHalfLife"));
        let folder = tempfile::tempdir().unwrap();
        for number in 0..2 {
            let image = slice("1.2.1", f64::from(number), number, 7)
                .text((0x0008, 0x0060), b"CS", "PT")
                .text((0x0054, 0x1001), b"CS", "BQML")
                .text((0x0028, 0x0051), b"CS", "DECY\\ATTN")
                .text((0x0054, 0x1102), b"CS", text("DecayCorrection"))
                .text((0x0010, 0x1030), b"DS", text("PatientWeight"))
                .text((0x0008, 0x0031), b"TM", text("SeriesTime"))
                .text((0x0008, 0x0032), b"TM", text("AcquisitionTime"))
                .items((0x0054, 0x0016), vec![tracer.clone()]);
            std::fs::write(folder.path().join(number.to_string()), image.file()).unwrap();
        }
        let opened = open(folder.path(), &options()).unwrap();
        let facts = &opened.only().unwrap().facts;
        let factor = facts.suv_factor.unwrap();
        let expected = case["factor"].as_f64().unwrap();
        assert!(
            (factor / expected - 1.0).abs() < 1e-9,
            "{name}: {factor} instead of {expected}"
        );
        assert_eq!(facts.unit.as_deref(), Some("Bq/ml"));
    }
}
