//! Test data. Only this module knows how answers and examples are built.

use std::sync::Arc;

use crate::tui::journal::Attached;
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Provenance, Settings, Standing, Timings};
use rounds_imaging::{Format, Image, Mode, PixelExtras, SourceInfo};
use rounds_index::{Example, ExampleImage};
use rounds_model::generate::StopReason;

/// A bright disc on a dark background.
pub fn image(name: &str) -> Image {
    let side = 48_u32;
    let rgb = (0..side * side)
        .flat_map(|at| {
            let (x, y) = ((at % side) as f64 - 24.0, (at / side) as f64 - 24.0);
            let value = if x.hypot(y) < 15.0 { 220 } else { 30 };
            [value; 3]
        })
        .collect();
    Image {
        width: side,
        height: side,
        rgb,
        extras: PixelExtras::default(),
        source: SourceInfo {
            name: name.into(),
            format: Format::Png,
            bytes: 2048,
            sha256: rounds_support::files::sha256_hex(name.as_bytes()),
            original_mode: Mode::Grey,
        },
    }
}

/// An image with a real file, so that it can be reopened; another name is another image.
pub fn attached(name: &str) -> Attached {
    let mut drawn = image(name);
    let pixels = image::RgbImage::from_raw(drawn.width, drawn.height, drawn.rgb.clone());
    let mut pixels = pixels.unwrap();
    for (pixel, byte) in pixels.pixels_mut().zip(drawn.source.sha256.bytes()) {
        *pixel = image::Rgb([byte; 3]);
    }
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, image::ImageFormat::Png).unwrap();
    let file: Arc<[u8]> = file.into_inner().into();
    drawn.source.sha256 = rounds_support::files::sha256_hex(&file);
    Attached {
        image: Arc::new(drawn),
        file,
        path: None,
        scan: None,
        identity: Default::default(),
    }
}

pub fn example(number: usize) -> Example {
    let answers = ["yes", "no", "left", "a nodule in the right upper lobe"];
    let mut example = Example {
        id: format!("chest-{number:04}"),
        question: "Is there a nodule?".into(),
        answer: answers[number % answers.len()].into(),
        rationale: "A round opacity of 9 mm with a smooth edge stands in the right upper zone."
            .into(),
        source: "synthetic phantoms".into(),
        licence: "CC0-1.0".into(),
        tags: vec![("modality".into(), "x-ray".into())],
        ..Example::default()
    };
    add_image(
        &mut example,
        &rounds_support::files::sha256_hex(&number.to_le_bytes()),
    );
    example
}

pub fn add_image(example: &mut Example, sha256: &str) {
    example.images.push(ExampleImage {
        sha256: sha256.to_string(),
        extension: "png".into(),
    });
}

pub fn shot(number: usize) -> Shot {
    Shot {
        example: example(number),
        score: 0.98 - number as f32 * 0.07,
        rank: number + 1,
        reason: "most similar image (cosine)".into(),
        match_share: None,
    }
}

pub fn shots(count: usize) -> Vec<Shot> {
    (0..count).map(shot).collect()
}

/// An answer with four shots.
pub fn answer(text: &str) -> Answer {
    Answer {
        answer: text.into(),
        rationale: Some(
            "A round opacity of 9 mm stands in the right upper zone, as in the second example."
                .into(),
        ),
        stop: StopReason::EndOfChunk,
        shots: shots(4),
        notices: Vec::new(),
        about_model: "this model knows synthetic phantoms only".into(),
        provenance: provenance(),
        timings: Timings {
            retrieval_ms: 3.0,
            prefill_ms: 120.0,
            decode_ms: 800.0,
            total_ms: 930.0,
            ..Timings::default()
        },
        prompt_tokens: 310,
        generated_tokens: 24,
        log_probabilities: Vec::new(),
        ranking: Vec::new(),
        standing: Standing::default(),
    }
}

fn provenance() -> Provenance {
    let text = |t: &str| t.to_string();
    Provenance {
        version: text("0.1.0"),
        model_sha256: text("m"),
        prompt_sha256: text("p"),
        template: text("t"),
        index_sha256: None,
        image_sha256: Vec::new(),
        background: Default::default(),
        shot_ids: Vec::new(),
        search: text("exact"),
        settings: Settings::default(),
        device: text("cpu"),
        encoder: text("e"),
    }
}

/// A NIfTI file of 4 x 3 x 5 voxels of 2 mm, each with its own value.
pub fn nifti(folder: &std::path::Path) -> std::path::PathBuf {
    nifti_named(folder, "head.nii")
}

/// [`nifti`] under another name, which is in the same place of the patient.
pub fn nifti_named(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut bytes = vec![0_u8; 352];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &348_i32.to_le_bytes());
    for (at, size) in [3_i16, 4, 3, 5, 1, 1, 1, 1].iter().enumerate() {
        put(40 + 2 * at, &size.to_le_bytes());
    }
    // 16-bit integers.
    put(70, &4_i16.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    for (at, spacing) in [1_f32, 2.0, 2.0, 2.0].iter().enumerate() {
        put(76 + 4 * at, &spacing.to_le_bytes());
    }
    put(108, &352_f32.to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    // Millimetres, and rows of the affine.
    put(123, &[2]);
    put(254, &1_i16.to_le_bytes());
    for (row, axis) in [0, 5, 10].into_iter().enumerate() {
        put(280 + 4 * (axis - row) + 4 * row, &2_f32.to_le_bytes());
    }
    put(344, b"n+1\0");
    bytes.extend((0..60_i16).flat_map(|value| (value * 16).to_le_bytes()));
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
