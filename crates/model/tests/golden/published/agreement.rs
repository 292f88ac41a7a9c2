//! Every case of the golden files: vision, latents, logits, greedy ids, beams and ranking.

use rounds_model::FewShotLearner;
use rounds_model::flamingo::MediaMask;
use rounds_model::generate::argmax;
use rounds_model::generate::beam::{Beams, Length, beam_search};
use rounds_model::generate::penalty::Penalties;
use rounds_model::generate::score::rank;
use rounds_model::import::WeightFormat;
use rounds_support::Cancel;
use serde_json::Value;

use super::{
    cases, difference, encoded, expected, flamingo, golden, idefics, ids, images_agree, of_tensor,
};

/// Compares vision, latents, logits, greedy ids, beams and ranking in every case of a family and mask.
fn check_cases(family: &str, mask: MediaMask, name_of_mask: &str) {
    let folder = golden(&format!("flamingo/{family}"));
    let (info, expected) = (cases(&folder), expected(&folder));
    let mut imported = flamingo(family, mask, WeightFormat::F32);
    let learner = &mut imported.learner;
    let pixels = &expected["pixels"];
    let pooled = images_agree(learner, &expected);
    assert!(difference(&pooled, &expected["vision.pooled"]) < 1e-4);
    let cancel = Cancel::new();
    let columns = info["logit_columns"].as_u64().expect("columns") as usize;
    let mut compared = 0;
    for case in info["cases"].as_array().expect("cases") {
        if case["media_mask"] != name_of_mask {
            continue;
        }
        let name = case["name"].as_str().expect("a name");
        let prompt = ids(&case["input_ids"]);
        let images = encoded(
            learner,
            pixels,
            case["images"].as_u64().expect("images") as usize,
        );
        let padding = case["left_padding"].as_u64().expect("padding") as usize;
        let logits = learner
            .logits(&prompt, &images, padding, &cancel)
            .expect("logits");
        let wanted = &expected[&format!("{name}.logits")];
        let rows = wanted.dim(0).expect("rows");
        let got = logits
            .narrow(0, prompt.len() - rows, rows)
            .and_then(|t| t.narrow(1, 0, columns))
            .and_then(|t| {
                t.narrow(
                    0,
                    padding.saturating_sub(prompt.len() - rows),
                    rows - padding.saturating_sub(prompt.len() - rows),
                )
            })
            .expect("rows");
        let from = padding.saturating_sub(prompt.len() - rows);
        let wanted = wanted.narrow(0, from, rows - from).expect("rows");
        let apart = difference(&got, &wanted);
        assert!(apart < 1e-4, "{family} {name}: logits differ by {apart}");
        let mut row = learner
            .prefill_padded(&prompt, &images, padding, &cancel)
            .expect("prefill");
        let greedy: Vec<u32> = (0..32)
            .map(|_| {
                let best = argmax(&row[..columns]);
                row = learner.step(best, &cancel).expect("a step");
                best
            })
            .collect();
        let wanted = of_tensor(&expected[&format!("{name}.greedy")]);
        assert_eq!(greedy, wanted, "{family} {name}: greedy");
        for (i, beam) in case["beams"].as_array().expect("beams").iter().enumerate() {
            let row = learner
                .prefill_padded(&prompt, &images, padding, &cancel)
                .expect("prefill");
            let beams = Beams {
                count: 3,
                length_penalty: beam["length_penalty"].as_f64().expect("a penalty"),
                length: Length::Whole,
            };
            let ends = [beam["eos_token_id"].as_u64().expect("an id") as u32];
            let none = Penalties::default();
            let found =
                beam_search(learner, row, &prompt, beams, &none, &ends, 8, &cancel).expect("beams");
            let wanted = of_tensor(&expected[&format!("{name}.beams.{i}")]);
            assert_eq!(found[0].ids, wanted, "{family} {name}: beams {i}");
            let score = beam["score"].as_f64().expect("a score");
            let relative = (found[0].score - score).abs() / score.abs().max(1e-3);
            assert!(relative < 1e-3, "{name}: {} {score}", found[0].score);
        }
        if let Some(given) = case["ranking"]["continuations"].as_array() {
            let row = learner
                .prefill_padded(&prompt, &images, padding, &cancel)
                .expect("prefill");
            let texts: Vec<Vec<u32>> = given.iter().map(|g| ids(&g["ids"])).collect();
            let ranked = rank(learner, &row, &texts, &cancel).expect("ranked");
            for (found, given) in ranked.iter().zip(given) {
                let sum = given["sum"].as_f64().expect("a sum");
                assert!(
                    (found.sum - sum).abs() < 1e-3,
                    "{name}: {} {sum}",
                    found.sum
                );
            }
        }
        compared += 1;
    }
    assert!(compared >= 5, "{family}: {compared} cases");
}

#[test]
fn openflamingo_1_on_llama_agrees_with_both_masks() {
    check_cases("of1-llama", MediaMask::Next, "next");
    check_cases("of1-llama", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_mpt_1b_agrees() {
    check_cases("of2-mpt1b", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_mpt_7b_agrees() {
    check_cases("of2-mpt7b", MediaMask::Previous, "previous");
}

#[test]
fn openflamingo_2_on_gpt_neox_agrees() {
    check_cases("of2-neox", MediaMask::Previous, "previous");
}

#[test]
fn idefics_agrees() {
    let folder = golden("idefics");
    let (info, expected) = (cases(&folder), expected(&folder));
    let mut imported = idefics(WeightFormat::F32);
    let learner = &mut imported.learner;
    let pixels = &expected["pixels"];
    images_agree(learner, &expected);
    let cancel = Cancel::new();
    let mut compared = 0;
    for (name, case) in info["cases"].as_object().expect("cases") {
        let prompt = ids(&case["input_ids"]);
        let padding = case["left_padding"].as_u64().expect("padding") as usize;
        // In the reference a prompt without images has one empty image, which no token attends to.
        let places = prompt.iter().filter(|&&id| id == 129).count();
        let images = encoded(learner, pixels, places);
        let times: Vec<i64> = learner
            .times(&prompt)
            .iter()
            .map(|&t| i64::from(t) - 1)
            .collect();
        let wanted: Vec<i64> = case["image_index"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_i64)
            .collect();
        assert_eq!(
            times[padding..],
            wanted[padding..],
            "{name}: which image each token sees"
        );
        let logits = learner
            .logits(&prompt, &images, padding, &cancel)
            .expect("logits");
        let wanted = &expected[&format!("{name}.logits")];
        let real = prompt.len() - padding;
        let skip = wanted.dim(0).expect("rows") - real;
        let apart = difference(
            &logits.narrow(0, padding, real).expect("rows"),
            &wanted.narrow(0, skip, real).expect("rows"),
        );
        assert!(apart < 1e-4, "{name}: logits differ by {apart}");
        // The end token is suppressed, as in the reference.
        let mut row = learner
            .prefill_padded(&prompt, &images, padding, &cancel)
            .expect("prefill");
        let mut greedy = Vec::new();
        for _ in 0..32 {
            row[2] = f32::NEG_INFINITY;
            let best = argmax(&row);
            greedy.push(best);
            row = learner.step(best, &cancel).expect("a step");
        }
        assert_eq!(greedy, ids(&case["greedy"]), "{name}: greedy");
        let row = learner
            .prefill_padded(&prompt, &images, padding, &cancel)
            .expect("prefill");
        let beams = Beams {
            count: 3,
            length_penalty: 1.0,
            length: Length::New,
        };
        let penalties = Penalties {
            forbidden: vec![2],
            ..Penalties::default()
        };
        let found =
            beam_search(learner, row, &prompt, beams, &penalties, &[2], 8, &cancel).expect("beams");
        for (found, wanted) in found.iter().zip(case["beams"].as_array().expect("beams")) {
            assert_eq!(found.ids, ids(wanted), "{name}: beams");
        }
        compared += 1;
    }
    assert_eq!(compared, 8);
}
