//! Every variant: vision features, queries, embeddings, logits, greedy ids, and what an import refuses.

use candle_core::{D, Device, Tensor};
use rounds_model::FewShotLearner;
use rounds_model::generate::argmax;
use rounds_model::generate::score::rank;
use rounds_model::import::{MedvintVariant, WeightFormat, import_medvint};
use rounds_model::medvint::{MaskedText, TdLearner, TeLearner};
use rounds_model::vision::VisionOutput;
use rounds_support::Cancel;

use super::{Golden, difference, golden, ids, images, imported, list, request, text};

/// Compares the tower's tokens with `expected`, of which a CLIP's have their class token in front.
fn tokens_agree(golden: &Golden, output: &VisionOutput) {
    let wanted = &golden.expected["tokens"];
    let (count, wanted_count) = (output.tokens.dim(1).expect("tokens"), wanted.dim(1));
    let extra = wanted_count.expect("tokens") - count;
    let wanted = wanted.narrow(1, extra, count).expect("tokens");
    let apart = difference(&output.tokens, &wanted);
    assert!(apart < 1e-4, "vision differs by {apart}");
}

fn td_agrees(name: &str) {
    let golden = imported(MedvintVariant::Td, name);
    let mut learner = TdLearner::load(&golden.bundle, &Device::Cpu).expect("a learner");
    let expected = &golden.expected;
    let model = learner.model();
    let output = model.tower.forward(&expected["pixels"]).expect("vision");
    tokens_agree(&golden, &output);
    let read = model.read(&output).expect("queries");
    assert!(difference(&read, &expected["read"]) < 1e-4, "{name}: read");
    let embeddings = model.embeddings(&read).expect("embeddings");
    assert!(difference(&embeddings, &expected["embeddings"]) < 1e-4);
    let cancel = Cancel::new();
    let each = images(&golden, |x| learner.encode_pixels(x).expect("encoded"), 2);
    for case in list(&golden.cases) {
        let (prompt, case_name) = (ids(&case["ids"]), text(&case["name"]));
        let shown = prompt.iter().filter(|&&id| id == 96).count();
        let wanted = &expected[&format!("{case_name}.logits")];
        let logits = learner.logits(&prompt, &each[..shown], &cancel);
        let logits = logits.expect("logits");
        assert_eq!(logits.dim(0).expect("rows"), learner.positions(&prompt));
        let apart = difference(&logits, wanted);
        assert!(apart < 1e-4, "{name} {case_name}: logits differ by {apart}");
        // What the published scorer reads ends with the token that answers.
        let decoded = learner.decoded(&prompt, &each[..shown], &cancel);
        let last = wanted.get(wanted.dim(0).expect("rows") - 1).expect("a row");
        let best = argmax(&last.to_vec1::<f32>().expect("floats"));
        let answer = format!("t{best}");
        assert!(decoded.expect("a text").ends_with(&answer), "{case_name}");
        let mut row = learner
            .prefill(&prompt, &each[..shown], &cancel)
            .expect("prefill");
        let mut greedy = Vec::new();
        for _ in 0..16 {
            let best = argmax(&row);
            greedy.push(best);
            row = learner.step(best, &cancel).expect("a step");
        }
        assert_eq!(greedy, ids(&case["greedy"]), "{name} {case_name}: greedy");
    }
}

#[test]
fn td_with_the_resnet_agrees() {
    td_agrees("td-resnet");
}

#[test]
fn td_with_a_clip_agrees() {
    td_agrees("td-clip");
}

#[test]
fn td_without_queries_agrees() {
    td_agrees("td-mlp-resnet");
    td_agrees("td-mlp-clip");
}

fn log_softmax(logits: &Tensor) -> Tensor {
    let max = logits.max_keepdim(D::Minus1).expect("a maximum");
    let shifted = logits.broadcast_sub(&max).expect("shifted");
    let sum = shifted.exp().and_then(|t| t.sum_keepdim(D::Minus1));
    let log = sum.and_then(|t| t.log()).expect("a sum");
    shifted.broadcast_sub(&log).expect("log-probabilities")
}

/// What the learner answers, token by token, until its answer ends.
fn answer(learner: &mut TeLearner, mut row: Vec<f32>) -> Vec<u32> {
    let mut out = Vec::new();
    while row.iter().any(|v| *v != 0.0 && v.is_finite()) {
        let best = argmax(&row);
        out.push(best);
        row = learner.step(best, &Cancel::new()).expect("a step");
    }
    assert_eq!(argmax(&row), 2, "the end is certain");
    out
}

/// The word tokenizer's word for an id.
fn name_of(id: u32) -> String {
    let special = ["<unk>", "<s>", "</s>"];
    let special = special.get(id as usize).map(|name| (*name).to_string());
    special.unwrap_or_else(|| format!("t{id}"))
}

fn te_agrees(name: &str) {
    let golden = imported(MedvintVariant::Te, name);
    let mut learner = TeLearner::load(&golden.bundle, &Device::Cpu).expect("a learner");
    let expected = &golden.expected;
    let model = learner.model();
    let output = model.tower.forward(&expected["pixels"]).expect("vision");
    tokens_agree(&golden, &output);
    let embeddings = model.embeddings(&output).expect("embeddings");
    assert!(difference(&embeddings, &expected["embeddings"]) < 1e-4);
    let cancel = Cancel::new();
    let each = images(&golden, |x| learner.encode_pixels(x).expect("encoded"), 2);
    for case in list(&golden.cases) {
        let (prompt, case_name) = (ids(&case["prompt"]), text(&case["name"]));
        let shown = case["images"].as_u64().expect("a number") as usize;
        let wanted = &expected[&format!("{case_name}.log_probabilities")];
        let masked = [prompt.as_slice(), &[2; 4]].concat();
        let logits = learner.logits(&masked, &each[..shown], &cancel);
        let apart = difference(&log_softmax(&logits.expect("logits")), wanted);
        assert!(apart < 1e-4, "{name} {case_name}: logits differ by {apart}");
        let text = MaskedText {
            input: masked.clone(),
            labels: [vec![1], vec![0; prompt.len() - 1], vec![9; 3], vec![2]].concat(),
            masks: 3,
            leaked: None,
        };
        let decoded = learner.decoded(&text, &each[..shown], &cancel);
        let tokens = ids(&case["given"]);
        let words: Vec<String> = tokens.iter().map(|id| name_of(*id)).collect();
        assert_eq!(decoded.expect("a text"), words.join(" "));
        // With images in front: they take no place in the text.
        let asked = |masks: usize| [vec![96; shown], prompt.clone(), vec![2; masks]].concat();
        assert_eq!(learner.positions(&asked(0)), prompt.len());
        let row = learner.prefill(&asked(3), &each[..shown], &cancel);
        let given = answer(&mut learner, row.expect("prefill"));
        assert_eq!(
            given,
            ids(&case["given"]),
            "{name} {case_name}: length given"
        );
        let row = learner.prefill(&asked(0), &each[..shown], &cancel);
        let row = row.expect("prefill");
        let surest = answer(&mut learner, row.clone());
        assert_eq!(surest, ids(&case["surest"]), "{name} {case_name}: surest");
        // An answer is ranked with as many masks as it has tokens.
        let ranked =
            rank(&mut learner, &row, std::slice::from_ref(&given), &cancel).expect("ranked");
        let rows = wanted.narrow(0, prompt.len(), 3).expect("rows");
        let rows: Vec<Vec<f32>> = rows.to_vec2().expect("floats");
        let sum: f64 = rows
            .iter()
            .zip(&given)
            .map(|(row, &id)| f64::from(row[id as usize]))
            .sum();
        assert!((ranked[0].sum - sum).abs() < 1e-3, "{name} {case_name}");
    }
}

#[test]
fn te_with_the_resnet_agrees() {
    te_agrees("te-resnet");
}

#[test]
fn te_with_a_clip_agrees() {
    te_agrees("te-clip");
}

#[test]
fn a_quantised_bundle_loads_and_a_text_that_is_too_long_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut request = request(MedvintVariant::Te, "te-resnet", folder.path());
    request.weight_format = WeightFormat::Q8_0;
    import_medvint(&request, &Cancel::new(), &mut |_, _| {}).expect("imported");
    let bundle = rounds_model::bundle::Bundle::open(Some(&request.out)).expect("a bundle");
    let mut learner = TeLearner::load(&bundle, &Device::Cpu).expect("a learner");
    let cancel = Cancel::new();
    let row = learner.prefill(&[1; 22], &[], &cancel).expect("prefill");
    assert!(row.iter().all(|v| v.is_finite()));
    assert_eq!(answer(&mut learner, row).len(), 1, "room for one token");
    for long in [vec![1; 23], vec![1; 24], [vec![1; 20], vec![2; 4]].concat()] {
        let error = learner.prefill(&long, &[], &cancel).expect_err("refused");
        assert!(error.to_string().contains("at most 2"), "{error}");
    }
    let stopped = Cancel::new();
    stopped.cancel();
    let error = learner
        .prefill(&[1; 5], &[], &stopped)
        .expect_err("stopped");
    assert_eq!(error.to_string(), "stopped");
}

#[test]
fn a_checkpoint_with_a_missing_or_an_unknown_tensor_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut request = request(MedvintVariant::Td, "td-mlp-resnet", folder.path());
    request.checkpoint = folder.path().join("checkpoint.safetensors");
    let file = golden("td-mlp-resnet").join("checkpoint.bin");
    let tensors = candle_core::pickle::read_all(file).expect("tensors");
    let with = |change: &dyn Fn(&mut std::collections::HashMap<String, Tensor>)| {
        let floats = tensors.iter().filter(|(_, t)| t.dtype().is_float());
        let mut tensors = floats.cloned().collect();
        change(&mut tensors);
        candle_core::safetensors::save(&tensors, &request.checkpoint).expect("saved");
        let done = import_medvint(&request, &Cancel::new(), &mut |_, _| {});
        done.err().map(|error| error.to_string())
    };
    assert_eq!(with(&|_| {}), None);
    let missing = with(&|t| drop(t.remove("fc_l2.bias"))).expect("refused");
    assert!(missing.contains("missing: fc_l2.bias"), "{missing}");
    let unknown = with(&|t| {
        let tensor = t["fc_l2.bias"].clone();
        t.insert("fc_l3.bias".into(), tensor);
    });
    let unknown = unknown.expect("refused");
    assert!(unknown.contains("unknown: fc_l3.bias"), "{unknown}");
    let other = with(&|t| {
        let tensor = t["fc_l2.weight"].narrow(0, 0, 8).expect("rows");
        t.insert("fc_l2.weight".into(), tensor.contiguous().expect("rows"));
    });
    let other = other.expect("refused");
    assert!(other.contains("wrong shape: fc_l2.weight"), "{other}");
}

#[test]
fn alpha_scales_the_lora_that_is_merged() {
    let name = "lang_encoder.model.layers.0.self_attn.q_proj.weight";
    let [low, usual, high] = [Some(16), None, Some(64)].map(|alpha| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = request(MedvintVariant::Td, "td-resnet", folder.path());
        request.lora_alpha = alpha;
        import_medvint(&request, &Cancel::new(), &mut |_, _| {}).expect("imported");
        let file = request.out.join("model.safetensors");
        let tensors = candle_core::safetensors::load(file, &Device::Cpu).expect("weights");
        tensors[name].clone()
    });
    let (first, second) = ((&usual - &low).expect("-"), (&high - &usual).expect("-"));
    let zeros = first.zeros_like().expect("zeros");
    assert!(difference(&first, &zeros) > 1e-4, "it has a LoRA");
    let twice = (first * 2.0).expect("twice");
    assert!(difference(&twice, &second) < 1e-5);
}
