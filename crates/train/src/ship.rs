//! Turns a finished run into the fixtures of the tests: the model bundle, the example index and the sample cases.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device};

use super::examples::add_phantoms;
use super::pool::{PHANTOM_SIDE, phantom_image, seeds};
use super::recipe::nano_config;
use rounds_index::{self as index, Filter, Index, Search, Writer};
use rounds_model::FewShotLearner;
use rounds_model::bundle::{
    Bundle, FORMAT_VERSION, Fit, Manifest, Pixels, SpecialTokens, VectorIdentity,
};
use rounds_model::learner::FlamingoLearner;
use rounds_phantom::{KINDS, render, render_with};
use rounds_support::files;

/// Folder of the model bundle in the repository.
pub const NANO: &str = "tests/fixtures/nano";
/// Folder of the example index in the repository.
const INDEX: &str = "tests/fixtures/index";
/// Folder of the sample cases in the repository.
const CASES: &str = "tests/fixtures/cases";

/// Number of examples in the index.
const EXAMPLES: usize = 360;

/// Writes the fixtures below `root`, the repository's root, from the weights in `weights`.
pub fn ship(weights: &Path, tokenizer: &Path, root: &Path) -> anyhow::Result<()> {
    let (nano, index_folder) = (root.join(NANO), root.join(INDEX));
    for folder in [NANO, INDEX, CASES] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    let tokenizer = files::read(tokenizer)?;
    let mut kept = BTreeMap::new();
    for (name, tensor) in candle_core::safetensors::load(weights, &Device::Cpu)? {
        if ["vision_encoder.", "perceiver.", "lang_encoder."]
            .iter()
            .any(|p| name.starts_with(p))
        {
            kept.insert(name, tensor.to_dtype(DType::F16)?);
        }
    }
    let blob = safetensors::serialize(kept.iter().map(|(n, t)| (n.as_str(), t)), None)?;
    let vocab = tokenizers::Tokenizer::from_bytes(&tokenizer)
        .map_err(|e| anyhow::anyhow!(e.to_string()))?
        .get_vocab_size(true);
    let mut manifest = Manifest {
        format_version: FORMAT_VERSION,
        family: "flamingo".into(),
        name: "rounds-nano".into(),
        licence: "MIT OR Apache-2.0".into(),
        intended_use: rounds_support::INTENDED_USE.into(),
        knows:
            "nano knows synthetic teaching phantoms only; it has never seen a real medical image"
                .into(),
        template: "nano".into(),
        familiar_similarity: -1.0,
        reliability: None,
        tokens: SpecialTokens {
            begin: "<s>".into(),
            image: "<image>".into(),
            end_of_chunk: "<|endofchunk|>".into(),
            stop: Vec::new(),
            media_reset: None,
            untrained: vec!["<s>".into(), "<PAD>".into()],
            around_image: None,
        },
        dtype: "f16".into(),
        weights: vec!["model.safetensors".into()],
        vectors_known_by: VectorIdentity::Weights,
        pixels: Pixels::clip(Fit::Crop),
        config: nano_config(vocab).into(),
        files: BTreeMap::from([
            ("model.safetensors".to_string(), files::sha256_hex(&blob)),
            ("tokenizer.json".to_string(), files::sha256_hex(&tokenizer)),
        ]),
        lengths: BTreeMap::from([
            ("model.safetensors".to_string(), blob.len() as u64),
            ("tokenizer.json".to_string(), tokenizer.len() as u64),
        ]),
    };
    files::write_atomic(&nano.join("model.safetensors"), &blob)?;
    files::write_atomic(&nano.join("tokenizer.json"), &tokenizer)?;
    files::write_atomic(
        &nano.join("model.toml"),
        toml::to_string(&manifest)?.as_bytes(),
    )?;
    let learner = FlamingoLearner::load(&Bundle::open(Some(&nano))?, &Device::Cpu)?;
    build_index(&learner, &nano, &index_folder)?;
    manifest.familiar_similarity = familiar(&learner, &index_folder)?;
    files::write_atomic(
        &nano.join("model.toml"),
        toml::to_string(&manifest)?.as_bytes(),
    )?;
    cases(&root.join(CASES))
}

/// Rebuilds the index of the fixtures with their model. `root` is the repository's root.
pub fn ship_index(root: &Path) -> anyhow::Result<()> {
    let nano = root.join(NANO);
    let learner = FlamingoLearner::load(&Bundle::open(Some(&nano))?, &Device::Cpu)?;
    build_index(&learner, &nano, &root.join(INDEX))
}

fn build_index(learner: &FlamingoLearner, nano: &Path, folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let (mut encoder, _) = rounds_assistant::Embedders::of(Some(nano), &Device::Cpu)?;
    encoder.bundle = String::new();
    index::create(folder, vec![encoder])?;
    let mut writer = Writer::open(folder)?;
    add_phantoms(&mut writer, learner, EXAMPLES, &[])?;
    writer.finish_for_memory()?;
    // The lock file only matters while writing.
    std::fs::remove_file(folder.join("writer.lock"))?;
    Ok(())
}

/// The similarity to the best shot that 99 of 100 unseen phantoms reach or exceed.
fn familiar(learner: &FlamingoLearner, folder: &Path) -> anyhow::Result<f32> {
    let index = Index::open(Some(folder))?;
    let encoder = index
        .encoders()
        .first()
        .map(|e| e.sha256.clone())
        .unwrap_or_default();
    let mut best = Vec::new();
    for i in 0..200 {
        let phantom = render(
            i % KINDS.len(),
            seeds::TRAIN + 700_000_000 + i as u64,
            PHANTOM_SIDE,
        );
        let vector = learner.encode_image(&phantom_image(&phantom))?.vector;
        best.extend(
            index
                .nearest(&encoder, &vector, 1, &Filter::All, Search::Exact)?
                .first()
                .map(|h| h.score),
        );
    }
    best.sort_by(f32::total_cmp);
    Ok(best.get(2).copied().unwrap_or(-1.0))
}

/// Writes sample cases to attach, each an image with one finding.
fn cases(folder: &Path) -> anyhow::Result<()> {
    let wanted = [
        ("chest-nodule", "chest-film", 0),
        ("chest-effusion", "chest-film", 1),
        ("head-epidural", "head-ct", 0),
        ("abdomen-liver", "abdomen-ct", 0),
        ("knee-fracture", "knee-film", 0),
        ("brain-mass", "brain-mr", 0),
        ("fundus-bleed", "fundus", 0),
        ("skin-border", "skin-lesion", 1),
        ("blood-blast", "blood-smear", 1),
        ("ecg-st", "ecg-strip", 0),
    ];
    for (i, (name, kind, finding)) in wanted.into_iter().enumerate() {
        let Some(kind) = KINDS.iter().position(|k| k.id == kind) else {
            continue;
        };
        let mut present = vec![false; KINDS[kind].findings.len()];
        present[finding] = true;
        let phantom = render_with(kind, seeds::CASES + i as u64, PHANTOM_SIDE, &present);
        let side = PHANTOM_SIDE as u32;
        let buffer = image::RgbImage::from_raw(side, side, phantom.canvas.to_rgb8())
            .ok_or_else(|| anyhow::anyhow!("a phantom has the wrong size"))?;
        buffer.save(folder.join(format!("{name}.png")))?;
    }
    Ok(())
}
