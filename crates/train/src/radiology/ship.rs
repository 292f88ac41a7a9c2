//! Turns a finished run into the shipped bundle: quantised weights in two files, manifest, calibration.

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::base::{self, Base};
use super::calibrate::calibrate_radiology;
use super::data::{RadiologyData, Split};
use super::learner::LearnerStage;
use super::recipe::{RadiologyRecipe, config};
use super::{Inputs, RadiologyError, textures, views, wording};
use rounds_model::bundle::{
    Bundle, FORMAT_VERSION, Fit, Manifest, Pixels, Reliability, SpecialTokens, VectorIdentity,
};
use rounds_model::flamingo::Flamingo;
use rounds_model::store::TensorSpec;
use rounds_support::{Cancel, files, stderr_line};

/// Largest weights file in bytes.
const MAX_FILE: usize = 47_000_000;
/// Share of the training images that are taken for coloured ones.
const COLOURED: f32 = 0.003;

/// How a tensor is stored. Trained additions are small and sensitive, so they have more bits; the decoder's weights are stored in the type
/// that they were published in, which changes none of them.
fn stored_as(spec: &TensorSpec) -> GgmlDType {
    let width = spec.shape.last().copied().unwrap_or(0);
    let name = &spec.name;
    if name.ends_with("embed_tokens.weight") && width.is_multiple_of(32) {
        return base::TABLE_TYPE;
    }
    if spec.linear && width.is_multiple_of(32) {
        return match name.starts_with("lang_encoder.") {
            true => GgmlDType::Q4_1,
            false => GgmlDType::Q8_0,
        };
    }
    let large = spec.shape.iter().product::<usize>() > 4096 && spec.shape.len() > 1;
    if large {
        GgmlDType::F16
    } else {
        GgmlDType::F32
    }
}

fn text(error: impl std::fmt::Display) -> RadiologyError {
    RadiologyError::Input(error.to_string())
}

/// Writes tensors to as many files as their size needs; returns the files' names.
fn write(folder: &Path, tensors: Vec<(String, QTensor)>) -> Result<Vec<String>, RadiologyError> {
    let mut parts: Vec<Vec<(String, QTensor)>> = vec![Vec::new()];
    let mut size = 0;
    for (name, tensor) in tensors {
        let bytes = tensor.storage_size_in_bytes() + name.len() + 64;
        if size + bytes > MAX_FILE {
            parts.push(Vec::new());
            size = 0;
        }
        size += bytes;
        if let Some(part) = parts.last_mut() {
            part.push((name, tensor));
        }
    }
    let architecture = gguf_file::Value::String("rounds-flamingo".into());
    let mut names = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let name = format!("model-{}.gguf", at + 1);
        let mut bytes = std::io::Cursor::new(Vec::new());
        let listed: Vec<(&str, &QTensor)> = part.iter().map(|(n, t)| (n.as_str(), t)).collect();
        gguf_file::write(
            &mut bytes,
            &[("general.architecture", &architecture)],
            &listed,
        )?;
        files::write_atomic(&folder.join(&name), bytes.get_ref())?;
        names.push(name);
    }
    Ok(names)
}

/// Writes the bundle of the run in `run` to `folder`, and calibrates it on the tuning split, or takes the calibration of weights that were
/// measured before, in the bundle `calibrated`. The weights are the run's best ones, or the mean of those in `checkpoints`, if there are any:
/// files of the run, or folders of bundles of the same shape.
///
/// Errors where the run has no best weights yet, or checkpoints or inputs are not those of the run.
pub fn ship_radiology(
    run: &Path,
    inputs: &Inputs,
    checkpoints: &[PathBuf],
    folder: &Path,
    calibrated: Option<&Path>,
    cancel: &Cancel,
) -> Result<(), RadiologyError> {
    crate::process::prepare();
    let calibrated = calibrated.map(|bundle| Bundle::open(Some(bundle)).map_err(text));
    let calibrated = calibrated.transpose()?;
    let known = calibrated
        .as_ref()
        .and_then(|bundle| bundle.manifest.reliability.as_ref());
    std::fs::create_dir_all(folder).map_err(text)?;
    let recipe: RadiologyRecipe =
        serde_json::from_str(&files::read_to_string(&run.join("recipe.json"))?).map_err(text)?;
    let data = RadiologyData::read(inputs.data).map_err(RadiologyError::Input)?;
    let texts = super::vocabulary_texts(&data);
    let base = Base::read(
        inputs.decoder,
        inputs.tower,
        recipe.image_size,
        recipe.kept_tokens,
        texts.iter().map(String::as_str),
    )
    .map_err(RadiologyError::Input)?;
    let config = config(&recipe, &base.decoder, &base.tower);
    let best = match checkpoints {
        [] => candle_core::safetensors::load(run.join("best.safetensors"), &Device::Cpu)?,
        files => mean(files)?,
    };
    let pixels =
        views::squashed(&data, recipe.image_size, recipe.threads).map_err(RadiologyError::Input)?;
    let colour = colour_limit(&data, pixels, recipe.image_size);
    let mut tensors = Vec::new();
    for spec in Flamingo::tensors(&config)? {
        // The decoder's own weights first: a bundle has them as they read after they were stored.
        let tensor = base
            .decoder_tensors
            .get(&spec.name)
            .or_else(|| best.get(&spec.name))
            .ok_or_else(|| text(format!("the run has no weights called {}", spec.name)))?;
        tensors.push((spec.name.clone(), quantised(tensor, stored_as(&spec))?));
    }
    let weights = write(folder, tensors)?;
    files::write_atomic(&folder.join("tokenizer.json"), base.tokenizer.as_bytes())?;
    let mut hashes = BTreeMap::new();
    let mut lengths = BTreeMap::new();
    let texture = textures::write(&data, Some(colour), recipe.threads, folder)?;
    let others = ["tokenizer.json", texture.file.as_str()];
    for name in weights.iter().map(String::as_str).chain(others) {
        let bytes = files::read(&folder.join(name))?;
        hashes.insert(name.to_string(), files::sha256_hex(&bytes));
        lengths.insert(name.to_string(), bytes.len() as u64);
        stderr_line(format_args!("{name}: {} bytes", bytes.len()));
    }
    let mut manifest = Manifest {
        format_version: FORMAT_VERSION,
        family: "flamingo".into(),
        name: "rounds-radiology".into(),
        licence: "Apache-2.0; see LICENCES.md".into(),
        intended_use: rounds_support::INTENDED_USE.into(),
        knows: "the shipped model was trained on about 3,500 radiology images of three open question sets; it makes many mistakes".into(),
        template: "radiology".into(),
        familiar_similarity: -1.0,
        reliability: Some(Reliability {
            slope: 1.0,
            offset: 0.0,
            agreement: 0.0,
            alone: 0.0,
            overlap: 0.0,
            likeness: 0.0,
            yes_or_no: 0.0,
            yes_or_no_overlap: 0.0,
            sure: 0.5,
            colour: Some(colour),
            texture: Some(texture),
            questions: None,
        }),
        tokens: SpecialTokens {
            begin: base::BEGIN.into(),
            image: base::IMAGE.into(),
            end_of_chunk: base::END.into(),
            stop: vec!["<|endoftext|>".into()],
            media_reset: None,
            untrained: Vec::new(),
            around_image: None,
        },
        dtype: "q4_1".into(),
        weights,
        vectors_known_by: VectorIdentity::Settings,
        pixels: Pixels::efficientnet_lite(Fit::Squash),
        config: config.into(),
        files: hashes,
        lengths,
    };
    save(&manifest, folder)?;
    match known {
        Some(known) => {
            let questions = wording::write(&data, &mut manifest, folder)?;
            let measured = manifest.reliability.take();
            manifest.reliability = Some(Reliability {
                colour: Some(colour),
                texture: measured.and_then(|measured| measured.texture),
                questions: Some(questions),
                ..known.clone()
            });
            save(&manifest, folder)
        }
        None => calibrate_radiology(folder, inputs.data, None, recipe.threads, cancel),
    }
}

/// The mean of the weights in several checkpoints of one run, or of a run and the one that it began with. Late in a run it is better than
/// each of them, as a lower learning rate would be (stochastic weight averaging, <https://arxiv.org/abs/1803.05407>); of two runs it keeps
/// some of what each is better at (model soups, <https://arxiv.org/abs/2203.05482>).
fn mean(files: &[PathBuf]) -> Result<HashMap<String, Tensor>, RadiologyError> {
    let mut sums: HashMap<String, Tensor> = HashMap::new();
    for (at, file) in files.iter().enumerate() {
        let weights = match file.is_dir() {
            true => super::Start::read(file)?.weights,
            false => candle_core::safetensors::load(file, &Device::Cpu)?,
        };
        // A bundle has the decoder and a run its tower's heads and the optimiser's moments; none of them is averaged.
        let mut averaged: HashMap<String, Tensor> = weights
            .into_iter()
            .filter(|(name, _)| LearnerStage::is_own(name))
            .collect();
        if at == 0 {
            sums = averaged;
            continue;
        }
        let other = |name: &str| {
            let other = format!(
                "{} has other weights than {}: {name}",
                file.display(),
                files[0].display()
            );
            RadiologyError::Input(other)
        };
        for (name, sum) in &mut sums {
            let tensor = averaged.remove(name).ok_or_else(|| other(name))?;
            *sum = (&*sum + tensor)?;
        }
        if let Some(name) = averaged.keys().next() {
            return Err(other(name));
        }
    }
    sums.into_iter()
        .map(|(name, sum)| Ok((name, (sum / files.len() as f64)?)))
        .collect()
}

/// The share of coloured pixels that only [`COLOURED`] of the training images exceed.
fn colour_limit(data: &RadiologyData, pixels: Vec<Vec<u8>>, side: usize) -> f32 {
    let mut blank = rounds_imaging::blank(side as u32);
    let mut shares: Vec<f32> = pixels
        .into_iter()
        .zip(&data.images)
        .filter(|(_, image)| image.split == Split::Train)
        .map(|(rgb, _)| {
            blank.rgb = rgb;
            rounds_imaging::coloured_share(&blank)
        })
        .collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    let beyond = (shares.len() as f32 * COLOURED) as usize;
    shares.get(beyond).copied().unwrap_or(1.0)
}

fn quantised(tensor: &Tensor, kind: GgmlDType) -> candle_core::Result<QTensor> {
    // candle quantises the storage from its start even if the tensor is a view into it, so copy the values first.
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    QTensor::quantize(
        &Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?,
        kind,
    )
}

pub(super) fn save(manifest: &Manifest, folder: &Path) -> Result<(), RadiologyError> {
    let text = toml::to_string(manifest).map_err(text)?;
    files::write_atomic(&folder.join("model.toml"), text.as_bytes())?;
    Ok(())
}
