//! Pixels of every kind of file against Pillow's and the reference transforms' (tests/golden/pixels, made by tests/reference/pixels.py).

use candle_core::{Device, Tensor};
use rounds::imaging::{clip_transform, load, squash_transform};
use std::collections::HashMap;
use std::path::Path;

/// Where this program departs, and why.
const DEPARTURES: [(&str, &str); 4] = [
    (
        "grey16",
        "16-bit grey is scaled to 8 bits; Pillow clips it at 255, which turns a film white",
    ),
    (
        "float",
        "floats are stretched to their range; Pillow clips them",
    ),
    (
        "cmyk",
        "printing colours are converted before the resize, not after it: up to 10 levels",
    ),
    ("palette.tiff", "TIFF palettes are not read"),
];

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

#[test]
fn pixels_before_normalisation_are_those_of_the_references() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pixels");
    let expected: HashMap<String, Tensor> =
        candle_core::safetensors::load(folder.join("expected.safetensors"), &Device::Cpu)
            .expect("expected.safetensors");
    let text = std::fs::read_to_string(folder.join("expected.json")).expect("expected.json");
    let info: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let (mut equal, mut faults) = (0, Vec::new());
    for name in info["files"].as_object().expect("files").keys() {
        if let Some((_, why)) = DEPARTURES.iter().find(|(n, _)| name.contains(n)) {
            println!("{name}: departs: {why}");
            continue;
        }
        let picture = load(&folder.join(name)).expect(name);
        // JPEG decoders may round differently: what matters is that the transforms add nothing.
        let decoded = expected
            .get(&format!("{name}.rgb"))
            .map_or(0, |rgb| apart(&planes(&picture.rgb), &bytes(rgb)));
        for (key, side, squash) in [
            ("clip28", 28, false),
            ("clip224", 224, false),
            ("idefics28", 28, true),
        ] {
            let Some(wanted) = expected.get(&format!("{name}.{key}")) else {
                continue;
            };
            let found = match squash {
                true => squash_transform(&picture, side),
                false => clip_transform(&picture, side),
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
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(equal > 50, "{equal} compared");
}

fn apart(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap_or(0)
}
