//! `rounds image`: scans and plain images shown, measured, fused and cleaned.

use std::path::{Path, PathBuf};

use crate::common::{CASE, Home, INTENDED_USE, ended, ok};

/// A file of the test data; `None`, and a line, where it is not there.
fn data(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    if !path.exists() {
        println!("skipped: {name} is not in ../shared/data");
        return None;
    }
    Some(path.to_string_lossy().into_owned())
}

fn ct() -> Option<String> {
    data("dicom/test_files/CT_small.dcm")
}

/// The files below a folder of the test data.
fn files_of(folder: &str) -> Vec<PathBuf> {
    data(folder)
        .map(|folder| rounds_scan::deid::files_in(Path::new(&folder)))
        .unwrap_or_default()
}

fn written(home: &Home, name: &str) -> (PathBuf, String) {
    let path = home.path(name);
    let text = path.to_string_lossy().into_owned();
    (path, text)
}

#[test]
fn a_plain_image_is_shown_and_described() {
    let home = Home::new();
    let out = ok(&home.run(&["image", "show", CASE]));
    assert!(out.contains("single image, colours as stored"), "{out}");
    assert_eq!(out.matches(INTENDED_USE).count(), 1);
    let info = ok(&home.run(&["image", "info", CASE, "--json"]));
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    assert_eq!(info["format"], "PNG");
    assert_eq!(info["intended_use"], INTENDED_USE);
}

#[test]
fn a_window_and_a_png_are_chosen_by_flags_or_by_the_name() {
    let Some(ct) = ct() else { return };
    let home = Home::new();
    let (by_flag, flag_out) = written(&home, "flag.png");
    let (by_name, name_out) = written(&home, "name.png");
    let output = home.run(&["image", "show", &ct, "--window", "lung", "--out", &flag_out]);
    let (code, out, err) = ended(&output);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(
        err.contains("lung window (1500/-600)") && err.contains(INTENDED_USE),
        "{err}"
    );
    ok(&home.run(&[
        "image",
        "show",
        &format!("{ct}#window=lung"),
        "--out",
        &name_out,
    ]));
    assert_eq!(
        std::fs::read(&by_flag).unwrap(),
        std::fs::read(&by_name).unwrap()
    );
    let (code, _, err) = ended(&home.run(&["image", "show", &ct, "--out", &flag_out]));
    assert_eq!(code, 2);
    assert!(err.contains("--force"), "{err}");
    ok(&home.run(&["image", "show", &ct, "--out", &flag_out, "--force"]));
    assert_ne!(
        std::fs::read(&by_flag).unwrap(),
        std::fs::read(&by_name).unwrap()
    );
}

#[test]
fn mistakes_are_usage_errors_that_say_what_to_do() {
    let home = Home::new();
    let (code, _, err) = ended(&home.run(&["image", "show", &format!("{CASE}#windw=lung")]));
    assert_eq!(code, 2);
    assert!(
        err.contains("windw") && err.contains("window, plane"),
        "{err}"
    );
    let (code, _, err) = ended(&home.run(&["image", "show", CASE, "--plane", "oblique"]));
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = ended(&home.run(&["image", "show", "nowhere.dcm"]));
    assert_eq!(code, 3);
    assert!(err.contains("not found"), "{err}");
    let (code, _, _) = ended(&home.run(&["image", "measure", CASE]));
    assert_eq!(code, 2);
}

#[test]
fn every_scan_of_the_test_data_ends_with_an_image_or_an_error() {
    let home = Home::new();
    let (_, out) = written(&home, "x.png");
    for path in files_of("dicom").into_iter().chain(files_of("nifti")) {
        let Some(path) = path.to_str() else { continue };
        let output = home.run(&["image", "show", path, "--out", &out, "--force"]);
        let (code, stdout, err) = ended(&output);
        assert!(matches!(code, 0 | 2 | 3), "{path}: {code}: {err}");
        assert_eq!(stdout, "", "{path}");
        assert!(code == 0 || err.starts_with("error: "), "{path}: {err}");
    }
}

#[test]
fn a_volume_has_planes_slices_and_projections() {
    let Some(scan) = data("nifti/nibabel/tests/data/anatomical.nii") else {
        return;
    };
    let home = Home::new();
    let info = ok(&home.run(&["image", "info", &scan]));
    for plane in ["axial", "coronal", "sagittal"] {
        assert!(info.contains(plane), "{info}");
        let shown = ok(&home.run(&["image", "show", &scan, "--plane", plane, "--slice", "0.5"]));
        assert!(shown.contains(&format!("{plane} slice")), "{shown}");
    }
    let projected = ok(&home.run(&["image", "show", &scan, "--project", "mip"]));
    assert!(
        projected.contains("maximum intensity projection"),
        "{projected}"
    );
    let montage = ok(&home.run(&["image", "show", &scan, "--montage", "6", "--json"]));
    assert!(montage.contains("montage of 6"), "{montage}");
    let (code, _, err) = ended(&home.run(&["image", "show", &scan, "--slice", "100000"]));
    assert_eq!(code, 2);
    assert!(err.contains("numbered 1 to"), "{err}");
}

#[test]
fn two_scans_are_fused_where_they_share_a_position() {
    let Some(base) = data("nifti/nibabel/tests/data/anatomical.nii") else {
        return;
    };
    let Some(overlay) = data("nifti/nibabel/tests/data/functional.nii") else {
        return;
    };
    let home = Home::new();
    let fused = ok(&home.run(&["image", "fuse", &base, &overlay, "--opacity", "0.4"]));
    assert!(fused.contains("opacity 0.4"), "{fused}");
    let (code, _, err) = ended(&home.run(&["image", "fuse", &base, CASE]));
    assert!(matches!(code, 2 | 3), "{err}");
}

#[test]
fn a_region_is_measured_as_a_table_as_json_and_as_a_sentence() {
    let Some(ct) = ct() else { return };
    let home = Home::new();
    let region = ["image", "measure", &ct, "--box", "40,40,20,20"];
    let table = ok(&home.run(&region));
    assert!(
        table.contains("entropy") && table.contains("Q4LE") && table.contains("HU"),
        "{table}"
    );
    let with = |flag| [&region[..], &[flag]].concat();
    let sentence = ok(&home.run(&with("--sentence")));
    assert!(
        sentence.starts_with("In the rectangle on") && sentence.contains("400 voxels"),
        "{sentence}"
    );
    let value: serde_json::Value =
        serde_json::from_str(&ok(&home.run(&with("--json")))).expect("JSON");
    assert_eq!(value["measurements"]["voxels"], 400);
    assert_eq!(value["intended_use"], INTENDED_USE);
    let (code, _, err) = ended(&home.run(&["image", "measure", &ct, "--box", "4000,0,5,5"]));
    assert_eq!(code, 2, "{err}");
}

#[test]
fn a_clean_copy_names_nobody_and_shows_the_same() {
    let Some(ct) = ct() else { return };
    let home = Home::new();
    let (copy, copy_out) = written(&home, "clean.dcm");
    let (code, _, err) = ended(&home.run(&["image", "deid", &ct, &copy_out]));
    assert_eq!(code, 0, "{err}");
    assert!(err.contains(INTENDED_USE), "{err}");
    let (original, clean) = (std::fs::read(&ct).unwrap(), std::fs::read(&copy).unwrap());
    let has = |bytes: &[u8], text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    for name in ["CompressedSamples", "JFK IMAGING"] {
        assert!(has(&original, name) && !has(&clean, name), "{name}");
    }
    let (_, first) = written(&home, "first.png");
    let (_, second) = written(&home, "second.png");
    ok(&home.run(&["image", "show", &ct, "--out", &first]));
    ok(&home.run(&["image", "show", &copy_out, "--out", &second]));
    assert_eq!(
        std::fs::read(first).unwrap(),
        std::fs::read(second).unwrap()
    );
    let (png, png_out) = written(&home, "clean.png");
    let black = ["image", "deid", &ct, &png_out, "--black", "0,0,30,30"];
    ok(&home.run(&black));
    let image = rounds_imaging::load(&png).unwrap();
    assert_eq!(image.rgb[..3], [0, 0, 0]);
}
