//! Pixels of every kind of file against Pillow's and the reference transforms' (tests/golden/pixels, made by tests/reference/pixels.py).

use candle_core::{Device, Tensor};
use rounds_imaging::{HighBitDepth, clip_transform, load, load_as_reference, squash_transform};
use std::collections::HashMap;
use std::path::Path;

fn planes(rgb: &[u8]) -> Vec<u8> {
    (0..3)
        .flat_map(|c| rgb.iter().skip(c).step_by(3).copied())
        .collect()
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    tensor
        .flatten_all()
        .and_then(|t| t.to_vec1())
        .expect("bytes")
}

/// Compares every file that has tensors in `expected`; how many there were.
fn compare(folder: &Path, expected: &str) -> (usize, Vec<String>) {
    let expected: HashMap<String, Tensor> =
        candle_core::safetensors::load(folder.join(expected), &Device::Cpu).expect("tensors");
    let mut names: Vec<&str> = expected
        .keys()
        .filter_map(|key| key.strip_suffix(".idefics28"))
        .collect();
    names.sort_unstable();
    let (mut equal, mut faults) = (0, Vec::new());
    for name in names {
        let image = load_as_reference(&folder.join(name)).expect(name);
        // JPEG decoders may round differently: what matters is that the transforms add nothing.
        let decoded = expected
            .get(&format!("{name}.rgb"))
            .map_or(0, |rgb| apart(&planes(&image.rgb), &bytes(rgb)));
        for (key, side, squash) in [
            ("clip28", 28, false),
            ("clip224", 224, false),
            ("idefics28", 28, true),
        ] {
            let Some(wanted) = expected.get(&format!("{name}.{key}")) else {
                continue;
            };
            let found = match squash {
                true => squash_transform(&image, side, HighBitDepth::AsReference),
                false => clip_transform(&image, side, HighBitDepth::AsReference),
            };
            let apart = apart(&planes(&found), &bytes(wanted));
            let allowed = match name.ends_with(".jpg") {
                true => decoded + 1,
                false => 0,
            };
            if apart > allowed {
                faults.push(format!(
                    "{name} {key}: {apart} levels apart (decoder: {decoded})"
                ));
            }
            equal += 1;
        }
    }
    (equal, faults)
}

#[test]
fn pixels_before_normalisation_are_those_of_the_references() {
    let folder =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/pixels");
    let text = std::fs::read_to_string(folder.join("expected.json")).expect("expected.json");
    let info: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let files = info["files"].as_object().expect("files");
    // Both pipelines, and a larger side for three files. The references themselves fail for some.
    let failed = |job: &str| {
        let failed = files.values().filter(|f| f["errors"][job].is_string());
        failed.count()
    };
    let wanted = 2 * files.len() + 3 - failed("clip28") - failed("idefics28");
    let (equal, faults) = compare(&folder, "expected.safetensors");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(equal, wanted);
}

#[test]
fn rarer_inks_palettes_and_opacity_are_those_of_pillow() {
    let folder =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/pixels");
    let (equal, faults) = compare(&folder, "rarer.safetensors");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(equal, 54);
}

#[test]
fn a_chat_sees_deep_grey_scaled() {
    let folder =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/pixels");
    let image = load(&folder.join("grey16.png")).expect("grey16.png");
    let scaled = clip_transform(&image, 28, HighBitDepth::Scaled);
    let levels: std::collections::BTreeSet<u8> = scaled.iter().copied().collect();
    assert!(levels.len() > 50, "{} levels", levels.len());
    let reference = clip_transform(&image, 28, HighBitDepth::AsReference);
    assert!(reference.iter().filter(|&&v| v == 255).count() > reference.len() / 2);
}

fn apart(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap_or(0)
}
