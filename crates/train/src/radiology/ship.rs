//! Turns a finished run into the shipped bundle: quantised weights in two files, manifest, calibration.

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::Path;

use super::base::{self, Base};
use super::data::{RadiologyData, Split};
use super::recipe::{RadiologyRecipe, config};
use super::tower::{self, Features};
use super::{Inputs, RadiologyError, SAME, exam, similar, views};
use crate::vars::Vars;
use rounds_model::bundle::{
    FORMAT_VERSION, Fit, Manifest, Pixels, Reliability, SpecialTokens, VectorIdentity,
};
use rounds_model::flamingo::Flamingo;
use rounds_model::store::TensorSpec;
use rounds_model::vision::EfficientNetTower;
use rounds_support::rng::Rng;
use rounds_support::{Cancel, files, stderr_line};

/// Largest weights file in bytes.
const MAX_FILE: usize = 47_000_000;
/// Typical vectors of the training images.
const CENTROIDS: usize = 96;
/// Questions of the tuning split that the confidence is calibrated on.
const CALIBRATED: usize = 900;
/// Answers without reservation must be right this often on the tuning split.
const SURE: f32 = 0.84;

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

/// Typical vectors of `vectors` after centring: k-means from a random start.
fn centroids(vectors: &[Vec<f32>], count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = Rng::new(seed);
    let mut order: Vec<usize> = (0..vectors.len()).collect();
    rng.shuffle(&mut order);
    let mut centres: Vec<Vec<f32>> = order
        .iter()
        .take(count)
        .map(|&at| vectors[at].clone())
        .collect();
    for _ in 0..12 {
        let mut sums = vec![vec![0f32; vectors[0].len()]; centres.len()];
        for vector in vectors {
            let cosine = |c: &Vec<f32>| c.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
            let best = (0..centres.len())
                .max_by(|&a, &b| cosine(&centres[a]).total_cmp(&cosine(&centres[b])));
            if let Some(best) = best {
                sums[best].iter_mut().zip(vector).for_each(|(s, v)| *s += v);
            }
        }
        for (centre, sum) in centres.iter_mut().zip(sums) {
            let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
            if length > 0.0 {
                *centre = sum.into_iter().map(|v| v / length).collect();
            }
        }
    }
    centres
}

fn centred(vector: &[f32], mean: &[f32]) -> Vec<f32> {
    let centred: Vec<f32> = vector.iter().zip(mean).map(|(v, m)| v - m).collect();
    let length = centred.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-9);
    centred.into_iter().map(|v| v / length).collect()
}

/// Writes the bundle of the run in `run` to `folder`, and calibrates it on the tuning split.
///
/// Errors where the run has no best weights yet, or the inputs are not those of the run.
pub fn ship_radiology(
    run: &Path,
    inputs: &Inputs,
    folder: &Path,
    cancel: &Cancel,
) -> Result<(), RadiologyError> {
    crate::process::prepare();
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
    let best = candle_core::safetensors::load(run.join("best.safetensors"), &Device::Cpu)?;
    let pixels =
        views::squashed(&data, recipe.image_size, recipe.threads).map_err(RadiologyError::Input)?;
    let same = similar::near_duplicates(&pixels, recipe.image_size, SAME);
    stderr_line(format_args!("computing the vectors of all images"));
    let one_view = RadiologyRecipe {
        learner_views: 1,
        tower_views: 1,
        ..recipe.clone()
    };
    let vars = Vars::new(recipe.seed, best.clone());
    let published =
        EfficientNetTower::load(&base.tower, vars.store(&Device::Cpu).pp("vision_encoder"))?;
    let fronts = tower::fronts(&published, &pixels, &one_view, 1, cancel)?;
    drop(pixels);
    let features = Features::compute(&one_view, &base.tower, &fronts, data.images.len(), &vars)?;
    drop(fronts);
    let train = data.images_of(Split::Train);
    let (mean, _) = features.moments(&train);
    let of = |image: usize| centred(features.vector((image, 0)), &mean);
    let known: Vec<Vec<f32>> = train.iter().map(|&image| of(image)).collect();
    let centres = centroids(&known, CENTROIDS, recipe.seed);
    let mut likeness: Vec<f32> = data
        .images_of(Split::Tune)
        .into_iter()
        .map(|image| {
            let vector = of(image);
            let cosine = |c: &Vec<f32>| c.iter().zip(&vector).map(|(a, b)| a * b).sum::<f32>();
            centres.iter().map(cosine).fold(-1.0, f32::max)
        })
        .collect();
    likeness.sort_by(f32::total_cmp);
    let familiar = likeness.get(likeness.len() / 100).copied().unwrap_or(-1.0);
    let mut tensors = Vec::new();
    for spec in Flamingo::tensors(&config)? {
        let tensor = best
            .get(&spec.name)
            .or_else(|| base.decoder_tensors.get(&spec.name))
            .ok_or_else(|| text(format!("the run has no weights called {}", spec.name)))?;
        tensors.push((spec.name.clone(), quantised(tensor, stored_as(&spec))?));
    }
    let typical = centres.len();
    let rows = Tensor::new(centres, &Device::Cpu)?;
    tensors.push((
        "familiar.centroids".into(),
        quantised(&rows, GgmlDType::F16)?,
    ));
    let row = Tensor::new(mean.as_slice(), &Device::Cpu)?;
    tensors.push(("familiar.mean".into(), quantised(&row, GgmlDType::F32)?));
    let weights = write(folder, tensors)?;
    files::write_atomic(&folder.join("tokenizer.json"), base.tokenizer.as_bytes())?;
    let mut hashes = BTreeMap::new();
    let mut lengths = BTreeMap::new();
    for name in weights.iter().map(String::as_str).chain(["tokenizer.json"]) {
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
            sure: 0.5,
            centroids: typical,
            familiar,
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
    stderr_line(format_args!("calibrating"));
    let neighbours = similar::Neighbours::new(
        &data,
        (0..data.images.len()).map(|image| features.vector((image, 0))),
        &mean,
        &same,
        &data.questions_of(Split::Train),
    );
    let mut questions = data.questions_of(Split::Tune);
    Rng::new(recipe.seed).shuffle(&mut questions);
    questions.truncate(CALIBRATED);
    let asked: Vec<exam::Asked> = questions
        .iter()
        .map(|&question| {
            let mut near = neighbours.of(question, 4);
            near.reverse();
            let answer = |at: usize| data.questions[at].answer.clone();
            exam::Asked {
                question,
                shots: near.into_iter().map(|at| (at, answer(at))).collect(),
                blank: false,
                wording: None,
            }
        })
        .collect();
    let encoded = exam::encode(folder, &data, &asked, recipe.threads).map_err(text)?;
    let said =
        exam::answers(folder, &data, &asked, &encoded, recipe.threads, cancel).map_err(text)?;
    let judged: Vec<(f32, bool)> = said
        .iter()
        .zip(&questions)
        .map(|(said, &question)| {
            let wanted = &data.questions[question].answer;
            (said.probability, exam::exact(&said.answer, wanted))
        })
        .collect();
    let right = judged.iter().filter(|(_, right)| *right).count();
    stderr_line(format_args!("{right} of {} answers right", judged.len()));
    let (slope, offset) = fit(&judged);
    let mut reliability = Reliability {
        slope,
        offset,
        sure: 0.5,
        centroids: typical,
        familiar,
    };
    let confident: Vec<(f32, bool)> = judged
        .iter()
        .map(|(p, right)| (reliability.confidence(*p), *right))
        .collect();
    reliability.sure = sure(&confident);
    stderr_line(format_args!("{reliability:?}"));
    manifest.reliability = Some(reliability);
    save(&manifest, folder)
}

fn quantised(tensor: &Tensor, kind: GgmlDType) -> candle_core::Result<QTensor> {
    // candle quantises the storage from its start even if the tensor is a view into it, so copy the values first.
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    QTensor::quantize(
        &Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?,
        kind,
    )
}

fn save(manifest: &Manifest, folder: &Path) -> Result<(), RadiologyError> {
    let text = toml::to_string(manifest).map_err(text)?;
    files::write_atomic(&folder.join("model.toml"), text.as_bytes())?;
    Ok(())
}

/// Slope and offset with which the probabilities of answers predict best whether they are right (logistic regression on their logits).
fn fit(judged: &[(f32, bool)]) -> (f32, f32) {
    let (mut slope, mut offset) = (1f64, 0f64);
    let n = judged.len().max(1) as f64;
    for _ in 0..4000 {
        let (mut by_slope, mut by_offset) = (0.0, 0.0);
        for (p, right) in judged {
            let p = f64::from(p.clamp(1e-6, 1.0 - 1e-6));
            let logit = (p / (1.0 - p)).ln();
            let error =
                1.0 / (1.0 + (-(slope * logit + offset)).exp()) - f64::from(u8::from(*right));
            by_slope += error * logit / n;
            by_offset += error / n;
        }
        slope -= 0.05 * by_slope;
        offset -= 0.2 * by_offset;
    }
    (slope as f32, offset as f32)
}

/// The lowest confidence from which on answers are right as often as [`SURE`].
fn sure(confident: &[(f32, bool)]) -> f32 {
    let mut sorted = confident.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut least) = (0.0, 1.0);
    for (at, (confidence, correct)) in sorted.iter().enumerate() {
        right += f32::from(u8::from(*correct));
        // Equal confidences stand or fall together.
        let ends = sorted.get(at + 1).is_none_or(|next| next.0 < *confidence);
        if ends && right / (at + 1) as f32 >= SURE && at >= 20 {
            least = *confidence;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calibration_follows_the_judged_answers() {
        // Answers of probability 0.9 are right in 6 of 10 cases, those of 0.5 in 2 of 10.
        let judged: Vec<(f32, bool)> = (0..200)
            .map(|at| match at % 2 {
                0 => (0.9, at / 2 % 10 < 6),
                _ => (0.5, at / 2 % 10 < 2),
            })
            .collect();
        let (slope, offset) = fit(&judged);
        let reliability = Reliability {
            slope,
            offset,
            sure: 0.5,
            centroids: 0,
            familiar: 0.0,
        };
        assert!((reliability.confidence(0.9) - 0.6).abs() < 0.02);
        assert!((reliability.confidence(0.5) - 0.2).abs() < 0.02);
        let sorted = [(0.9, true); 40].into_iter().chain([(0.2, false); 40]);
        assert_eq!(sure(&sorted.collect::<Vec<_>>()), 0.9);
    }
}
