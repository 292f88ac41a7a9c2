//! Vectors and tokens as in the references, in every precision.

use rounds_imaging::Image;
use rounds_model::encoder::{DualEncoder, ImageEncoder, TextEncoder};
use rounds_model::import::WeightFormat;
use std::path::Path;

use super::{
    CHECKPOINTS, apart, cases, copied, encoder, expected, floats, golden, images, imported,
    options, options_for, run, texts,
};

#[test]
fn image_vectors_match_the_references() {
    let (expected, images) = (expected(), images());
    let images: Vec<&Image> = images.iter().collect();
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let pixels = encoder.pixels(&images).expect("pixels");
        let off = apart(
            &floats(&pixels),
            &floats(&expected[&format!("{name}.pixels")]),
        );
        let rows = encoder.project_pixels(&pixels).expect("vectors");
        let raw = apart(&floats(&rows), &floats(&expected[&format!("{name}.image")]));
        let unit = encoder.encode_images(&images).expect("vectors").concat();
        let unit = apart(&unit, &floats(&expected[&format!("{name}.image_unit")]));
        println!("{name}: pixels {off:.1e}, image vectors {raw:.1e}, of unit length {unit:.1e}");
        assert!(off < 1e-5 && raw < 1e-5 && unit < 1e-5, "{name}");
    }
}

#[test]
fn text_vectors_match_the_references() {
    let (expected, texts) = (expected(), texts());
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let (mut raw, mut unit) = (Vec::new(), Vec::new());
        for text in &texts {
            let ids = encoder.tokens(text).expect("tokens");
            raw.extend(floats(&encoder.project_tokens(&ids).expect("a vector")));
            unit.extend(encoder.encode_text(text).expect("a vector"));
        }
        let raw = apart(&raw, &floats(&expected[&format!("{name}.text")]));
        let unit = apart(&unit, &floats(&expected[&format!("{name}.text_unit")]));
        println!("{name}: text vectors {raw:.1e}, of unit length {unit:.1e}");
        assert!(raw < 1e-5 && unit < 1e-5, "{name}");
    }
}

#[test]
fn awkward_texts_get_the_tokens_of_the_references() {
    let (cases, texts) = (cases(), texts());
    let mut problems = Vec::new();
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let wanted = cases["tokens"][name].as_array().expect("a list");
        assert_eq!(wanted.len(), texts.len());
        for (text, wanted) in texts.iter().zip(wanted) {
            let found = serde_json::json!(encoder.tokens(text).expect("tokens"));
            if found != *wanted {
                problems.push(format!("{name}: {text:?}:\n  {found}\n  {wanted}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_batch_size_does_not_change_an_image_vector() {
    let images = images();
    // More than one batch, in another order.
    let many: Vec<&Image> = images.iter().cycle().skip(1).take(11).collect();
    for (name, _, _) in CHECKPOINTS {
        let (folder, _) = imported(name, WeightFormat::F32);
        let encoder = encoder(folder.path());
        let together = encoder.encode_images(&many).expect("vectors");
        assert_eq!(together.len(), many.len());
        for (image, vector) in many.iter().zip(&together) {
            let alone = encoder.encode_images(&[image]).expect("a vector");
            assert!(apart(&alone[0], vector) < 1e-6, "{name}");
            let length: f32 = vector.iter().map(|v| v * v).sum();
            assert!((length - 1.0).abs() < 1e-5, "{name}: {length}");
        }
        assert!(encoder.encode_images(&[]).expect("nothing").is_empty());
    }
}

#[test]
fn a_published_tokenizer_json_splits_like_the_one_that_is_built() {
    for (name, made_of) in [
        ("clip/hf", "vocab.json"),
        ("siglip/hf", "spiece.model"),
        ("biomedclip/open_clip", "vocab.txt"),
    ] {
        let (first, _) = imported(name, WeightFormat::F32);
        let folder = copied(name);
        std::fs::remove_file(folder.path().join(made_of)).expect("removed");
        let json = first.path().join("tokenizer.json");
        std::fs::copy(json, folder.path().join("tokenizer.json")).expect("copied");
        let out = tempfile::tempdir().expect("a folder");
        run(
            folder.path(),
            out.path(),
            &options_for(name, WeightFormat::F32),
        )
        .expect(name);
        let (one, two) = (encoder(first.path()), encoder(out.path()));
        for text in texts() {
            let tokens = |e: &DualEncoder| e.tokens(&text).expect("tokens");
            assert_eq!(tokens(&one), tokens(&two), "{name}: {text:?}");
        }
    }
}

#[test]
fn half_precision_and_eight_bits_stay_near_the_reference() {
    let (expected, images) = (expected(), images());
    let images: Vec<&Image> = images.iter().collect();
    for (name, _, _) in CHECKPOINTS {
        let wanted: Vec<Vec<f32>> = expected[&format!("{name}.image_unit")]
            .to_vec2()
            .expect("rows");
        for (weight_format, least) in [
            (WeightFormat::F16, 0.99999),
            (WeightFormat::Bf16, 0.9995),
            (WeightFormat::Q8_0, 0.999),
        ] {
            let (folder, _) = imported(name, weight_format);
            let found = encoder(folder.path())
                .encode_images(&images)
                .expect("vectors");
            for (found, wanted) in found.iter().zip(&wanted) {
                let cosine: f32 = found.iter().zip(wanted).map(|(a, b)| a * b).sum();
                assert!(cosine > least, "{name} {}: {cosine}", weight_format.name());
            }
        }
    }
    let refused = run(
        &golden("encoders/clip/hf"),
        Path::new("nowhere"),
        &options(WeightFormat::Q4K),
    );
    assert!(refused.expect_err("refused").to_string().contains("q8_0"));
}
