//! What attention does, as it is recorded, against PyTorch (tests/reference/probing.py).

use candle_core::{Device, Tensor};
use rounds_model::bundle::{Bundle, Fit};
use rounds_model::flamingo::FlamingoConfig;
use rounds_model::import::PretrainedDecoder;
use rounds_model::learner::FlamingoLearner;
use rounds_model::recorder::Rows;
use rounds_model::rollout::PatchAttention;
use rounds_model::{EncodedImage, FewShotLearner};
use rounds_support::Cancel;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

use crate::learner::{bundle_of, difference, golden, ids, match_config, tensors};

/// Rows that the reference wrote out.
const ROWS: usize = 5;
const LATENTS: usize = 2;

/// The learner with the reference's weights, and everything the reference wrote.
fn learner() -> (FlamingoLearner, HashMap<String, Tensor>) {
    let text = std::fs::read_to_string(golden("match.json")).expect("a file");
    let info: Value = serde_json::from_str(&text).expect("JSON");
    let mut all = tensors("match.safetensors");
    all.remove("logits");
    all.extend(tensors("probing.safetensors"));
    let decoder = PretrainedDecoder::open(&golden("gqa.gguf")).expect("a GGUF file");
    let mut config: FlamingoConfig = match_config(decoder.config, &info);
    config.cross_attn_first_layer = 1;
    config.resampler.depth = 2;
    let folder = tempfile::tempdir().expect("a folder");
    bundle_of(folder.path(), config, &all, &info);
    let bundle = Bundle::open(Some(folder.path())).expect("a bundle");
    let learner = FlamingoLearner::load(&bundle, &Device::Cpu).expect("a learner");
    (learner, all)
}

fn images(all: &HashMap<String, Tensor>) -> Vec<Arc<EncodedImage>> {
    let vectors: Vec<Vec<f32>> = all["vectors"].to_vec2().expect("vectors");
    let latents = &all["latents"];
    let image = |(at, vector): (usize, Vec<f32>)| {
        let latents = latents.narrow(0, at, 1).expect("latents");
        Arc::new(EncodedImage { vector, latents })
    };
    vectors.into_iter().enumerate().map(image).collect()
}

fn assert_close(found: &[Vec<f32>], expected: &Tensor, what: &str) {
    let found = Tensor::new(found.to_vec(), &Device::Cpu).expect("rows");
    let error = difference(&found, expected);
    assert!(error < 1e-5, "{what} differs by {error}");
}

fn assert_all_close(found: &[f32], expected: &Tensor, what: &str) {
    assert_close(
        &[found.to_vec()],
        &expected.unsqueeze(0).expect("a row"),
        what,
    );
}

#[test]
fn recorded_attention_gates_and_additions_are_pytorchs() {
    let (mut learner, all) = learner();
    let prompt = ids(&all["ids"]);
    let images = images(&all);
    let cancel = Cancel::new();
    let found = learner.inspect(&prompt, &images, ROWS, true, &cancel);
    let found = found.expect("inspected").expect("a Flamingo can");
    let logits = Tensor::new(found.logits.clone(), &Device::Cpu).expect("rows");
    let error = difference(&logits, &all["logits"]);
    assert!(error < 1e-4, "logits differ by {error}");
    let trace = found.trace.expect("a trace");
    assert_eq!(trace.layers.len(), 3);
    for (at, layer) in trace.layers.iter().enumerate() {
        let of = |name: &str| &all[&format!("{name}.{at}")];
        assert_close(&layer.self_attention, of("self"), "self-attention");
        let Some(gated) = &layer.gated else {
            assert_eq!(at, 0);
            continue;
        };
        assert_close(&gated.cross_attention, of("cross"), "cross-attention");
        assert_all_close(&gated.attention_added, of("attention_added"), "attention");
        assert_all_close(
            &gated.feed_forward_added,
            of("feed_forward_added"),
            "feed-forward",
        );
        let gates = [gated.attention_gate, gated.feed_forward_gate];
        assert_all_close(&gates, of("gates"), "gates");
    }
    let untraced = learner.inspect(&prompt, &images, ROWS, false, &cancel);
    let untraced = untraced.expect("inspected").expect("a Flamingo can");
    assert!(untraced.trace.is_none());
}

#[test]
fn logits_are_the_same_with_and_without_a_recorder_and_with_what_is_used_again() {
    let (mut learner, all) = learner();
    let (prompt, images) = (ids(&all["ids"]), images(&all));
    let cancel = Cancel::new();
    let mut inspect = |ids: &[u32], images: &[Arc<EncodedImage>], traced| {
        let found = learner.inspect(ids, images, 2, traced, &cancel);
        found.expect("inspected").expect("a Flamingo can").logits
    };
    let traced = inspect(&prompt, &images, true);
    // Another sequence in between, that shares nothing.
    inspect(&[1, 2, 3], &[], false);
    let plain = inspect(&prompt, &images, false);
    assert_eq!(traced, plain, "bit by bit");
    let close = |a: &[Vec<f32>], b: &[Vec<f32>]| {
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        let error = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 1e-4, "{error}");
    };
    // Without the second turn, and back: the first turn is used again each time.
    let cut = [&prompt[..6], &prompt[10..]].concat();
    let fewer = [&images[..1], &images[3..]].concat();
    let after_whole = inspect(&cut, &fewer, false);
    let whole_again = inspect(&prompt, &images, false);
    close(&whole_again, &plain);
    inspect(&[1, 2, 3], &[], false);
    close(&after_whole, &inspect(&cut, &fewer, false));
    // The same tokens with another first image have nothing in common after it.
    let mut swapped = images.clone();
    swapped.swap(0, 3);
    let after_other = inspect(&prompt, &swapped, false);
    inspect(&[1, 2, 3], &[], false);
    close(&after_other, &inspect(&prompt, &swapped, false));
    assert_ne!(after_other, plain);
}

#[test]
fn an_inspected_prompt_is_continued_token_by_token() {
    let (mut learner, all) = learner();
    let (prompt, images) = (ids(&all["ids"]), images(&all));
    let cancel = Cancel::new();
    let cut = prompt.len() - 2;
    let found = learner.inspect(&prompt[..cut], &images, 1, false, &cancel);
    assert_eq!(found.expect("inspected").expect("logits").logits.len(), 1);
    for (at, &token) in prompt.iter().enumerate().skip(cut) {
        let row = learner.step(token, &cancel).expect("a step");
        let expected = all["logits"].get(at + ROWS - prompt.len()).expect("a row");
        let error = difference(&Tensor::new(row, &Device::Cpu).expect("a row"), &expected);
        assert!(error < 1e-4, "row {at} differs by {error}");
    }
}

#[test]
fn the_rollout_through_the_resampler_is_pytorchs() {
    let (learner, all) = learner();
    let resampler = &learner.model().resampler;
    let latents = resampler.forward(&all["tokens"]).expect("latents");
    let error = difference(&latents, &all["latents"]);
    assert!(error < 1e-4, "latents differ by {error}");
    let layers = resampler.attention(&all["tokens"]).expect("weights");
    assert_eq!(layers.len(), 2);
    for (at, layer) in layers.iter().enumerate() {
        let error = difference(layer, &all[&format!("resampler.{at}")]);
        assert!(error < 1e-5, "layer {at} differs by {error}");
    }
    for image in 0..5 {
        let rows = |layer: &Tensor| -> Rows {
            let one = layer.get(image).expect("an image");
            one.to_vec2().expect("rows")
        };
        let seen = PatchAttention {
            layers: layers.iter().map(rows).collect(),
            class_token: false,
            side: 2,
            fit: Fit::Crop,
        };
        let expected = all["rollout"].get(image).expect("an image");
        assert_close(&seen.rollout(), &expected, "rollout");
        if image == 4 {
            let cross: Vec<Vec<Vec<f32>>> = [1, 2]
                .map(|layer| all[&format!("cross.{layer}")].to_vec2().expect("rows"))
                .to_vec();
            let rows: Vec<&Vec<f32>> = cross.iter().flatten().collect();
            let own: Vec<f32> = (0..LATENTS)
                .map(|latent| {
                    let key = 4 * LATENTS + latent;
                    rows.iter().map(|row| row[key]).sum::<f32>() / rows.len() as f32
                })
                .collect();
            assert_all_close(&seen.map(&own), &all["map"], "map");
        }
    }
}
