//! Half precision and eight bits.

use candle_core::Tensor;
use rounds_model::flamingo::MediaMask;
use rounds_model::import::WeightFormat;
use rounds_support::Cancel;
use serde_json::Value;
use std::path::Path;

use super::{Imported, cases, encoded, expected, flamingo, floats, golden, idefics, ids};

fn cosine(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (floats(a), floats(b));
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum()
    };
    dot(&a, &b) / (dot(&a, &a).sqrt() * dot(&b, &b).sqrt())
}

/// Cosine similarity of the logits in another precision with those of the reference.
fn logit_cosine(mut imported: Imported, folder: &Path, name: &str, columns: usize) -> f64 {
    let (info, expected) = (cases(folder), expected(folder));
    let learner = &mut imported.learner;
    let case = match &info["cases"] {
        Value::Object(cases) => cases[name].clone(),
        cases => cases
            .as_array()
            .and_then(|c| c.iter().find(|c| c["name"] == name))
            .expect("the case")
            .clone(),
    };
    let prompt = ids(&case["input_ids"]);
    let count = case["images"].as_u64().expect("images") as usize;
    let images = encoded(learner, &expected["pixels"], count);
    let logits = learner
        .logits(&prompt, &images, 0, &Cancel::new())
        .expect("logits");
    let logits = logits.narrow(1, 0, columns).expect("columns");
    cosine(&logits, &expected[&format!("{name}.logits")])
}

#[test]
fn half_precision_and_eight_bits_stay_near_the_reference() {
    for (family, columns) in [
        ("of1-llama", 128),
        ("of2-mpt1b", 131),
        ("of2-mpt7b", 131),
        ("of2-neox", 131),
    ] {
        let name = if family == "of1-llama" {
            "text_first_previous"
        } else {
            "text_first"
        };
        let folder = golden(&format!("flamingo/{family}"));
        for (weight_format, least) in [
            (WeightFormat::Bf16, 0.999),
            (WeightFormat::F16, 0.9999),
            (WeightFormat::Q8_0, 0.995),
        ] {
            let found = logit_cosine(
                flamingo(family, MediaMask::Previous, weight_format),
                &folder,
                name,
                columns,
            );
            println!("{family} {}: cosine {found:.6}", weight_format.name());
            assert!(found > least, "{family} {}: {found}", weight_format.name());
        }
    }
    for (weight_format, least) in [(WeightFormat::Bf16, 0.999), (WeightFormat::Q8_0, 0.995)] {
        let found = logit_cosine(idefics(weight_format), &golden("idefics"), "three", 130);
        println!("idefics {}: cosine {found:.6}", weight_format.name());
        assert!(found > least, "idefics {}: {found}", weight_format.name());
    }
}
