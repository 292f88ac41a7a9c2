//! The radiology learner: a published decoder and a published tower, joined by a resampler, gated cross-attention and match bias that are
//! trained on three open question sets.

mod base;
mod calibrate;
mod calibration;
mod data;
mod episodes;
mod exam;
pub mod facts;
mod labels;
mod learner;
mod names;
pub(crate) mod own;
mod recipe;
mod report;
mod several;
mod ship;
mod similar;
mod teaching;
mod textures;
mod tower;
mod views;
mod wording;

#[cfg(test)]
mod tests;

pub use calibrate::calibrate_radiology;
pub use data::{RadiologyData, RadiologyImage, RadiologyQuestion, Set, Split};
pub use names::Names;
pub use recipe::RadiologyRecipe;
pub use report::{RadiologyReport, Share, report_radiology};
pub use ship::ship_radiology;
pub use teaching::ship_teaching;

use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use std::collections::HashMap;
use std::path::Path;
use tokenizers::Tokenizer;

use crate::checkpoint::Checkpoint;
use crate::report::Report;
use crate::vars::Vars;
use episodes::Markers;
use learner::LearnerStage;
use rounds_model::bundle::Bundle;
use rounds_model::flamingo::{Flamingo, FlamingoConfig};
use rounds_model::load;
use rounds_model::vision::EfficientNetTower;
use rounds_support::{Cancel, FileError, files, stderr_line};
use similar::{Neighbours, near_duplicates};
use tower::TowerStage;

/// Thumbnails that correlate by this much show the same or a neighbouring slice of one scan.
const SAME: f32 = 0.95;

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum RadiologyError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tensor operation failed.
    #[error("training failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The data or the published parts cannot be used, for this reason.
    #[error("{0}")]
    Input(String),
    /// The folder contains a run with a different recipe.
    #[error("the checkpoint in {0} was made with a different recipe")]
    OtherRecipe(String),
}

/// Where the parts of a run come from.
pub struct Inputs<'a> {
    /// Folder with `slake`, `vqa-med-2019` and `vqa-rad`.
    pub data: &'a Path,
    /// The published decoder: a GGUF file or a folder of transformers.
    pub decoder: &'a Path,
    /// The published tower: a file of efficientnet_lite_pytorch.
    pub tower: &'a Path,
    /// A radiology bundle whose tower and additions a new run begins with, instead of training a tower first.
    pub start: Option<&'a Path>,
}

/// Trains into `folder`: `recipe.json`, `tokenizer.json`, `curve.jsonl`, `checkpoint.safetensors`, after the tower's stage
/// `tower.safetensors`, and the weights with the best tuning score in `best.safetensors`. Resumes a run found there. Returns whether it
/// finished (false if cancelled).
pub fn train_radiology(
    recipe: &RadiologyRecipe,
    inputs: &Inputs,
    folder: &Path,
    cancel: &Cancel,
) -> Result<bool, RadiologyError> {
    crate::process::prepare();
    let start = inputs.start.map(Start::read).transpose()?;
    let mut recipe = recipe.clone();
    let given = start.as_ref().map_or("", |start| start.sha256.as_str());
    if !recipe.started_from.is_empty() && recipe.started_from != given {
        let wanted = &recipe.started_from;
        return Err(RadiologyError::Input(match given {
            "" => format!(
                "the recipe continues from the bundle whose manifest has SHA-256 {wanted}: name its folder with --start"
            ),
            other => format!(
                "the recipe continues from the bundle whose manifest has SHA-256 {wanted}, and that of --start has {other}: name the right one, or take `started_from` out of the recipe"
            ),
        }));
    }
    recipe.started_from = given.to_string();
    let recipe = &recipe;
    let written = serde_json::to_string_pretty(recipe).unwrap_or_default();
    let checkpoint_file = folder.join("checkpoint.safetensors");
    let other = || RadiologyError::OtherRecipe(folder.display().to_string());
    let (mut checkpoint, mut weights) =
        Checkpoint::open_run(folder, &written)?.ok_or_else(other)?;
    if let Some(start) = start.filter(|_| !checkpoint_file.exists()) {
        weights = start.weights;
        checkpoint.next_stage();
    }
    let data = RadiologyData::read(inputs.data).map_err(RadiologyError::Input)?;
    stderr_line(format_args!(
        "{} images and {} questions",
        data.images.len(),
        data.questions.len()
    ));
    let texts = vocabulary_texts(&data);
    let base = base::Base::read(
        inputs.decoder,
        inputs.tower,
        recipe.image_size,
        recipe.kept_tokens,
        texts.iter().map(String::as_str),
    )
    .map_err(RadiologyError::Input)?;
    files::write_atomic(&folder.join("tokenizer.json"), base.tokenizer.as_bytes())?;
    let config = recipe::config(recipe, &base.decoder, &base.tower);
    config.check().map_err(RadiologyError::Input)?;
    stderr_line(format_args!(
        "{} tokens; reading images",
        base.decoder.vocab_size
    ));
    let pixels =
        views::squashed(&data, recipe.image_size, recipe.threads).map_err(RadiologyError::Input)?;
    let same = near_duplicates(&pixels, recipe.image_size, SAME);
    describe_duplicates(&data, &same);
    let mut given = base.tower_tensors.clone();
    given.extend(weights);
    for layer in (0..config.language.layers).filter(|layer| config.is_gated(*layer)) {
        for gate in ["attn_gate", "ff_gate"] {
            let name = format!("lang_encoder.gated_cross_attn_layers.{layer}.{gate}");
            given
                .entry(name)
                .or_insert(Tensor::zeros(1, DType::F32, &Device::Cpu)?);
        }
    }
    let mut report = Report::new(folder, 10);
    let labels = labels::Labels::new(&data);
    let coarse = labels::coarse(&data);
    let vars = Vars::with_constants(recipe.seed, given.clone(), base.decoder_tensors.clone());
    let published =
        EfficientNetTower::load(&base.tower, vars.store(&Device::Cpu).pp("vision_encoder"))?;
    let views = match checkpoint.stage {
        0 => recipe.tower_views,
        _ => recipe.learner_views.min(recipe.tower_views),
    };
    stderr_line(format_args!(
        "computing the frozen blocks of the tower for {views} views; {} classifications",
        labels.tasks.len()
    ));
    let fronts = match tower::fronts(&published, &pixels, recipe, views, cancel) {
        Err(_) if cancel.is_cancelled() => return Ok(false),
        fronts => fronts?,
    };
    drop(pixels);
    if checkpoint.stage == 0 {
        let stage = TowerStage {
            recipe,
            config: &base.tower,
            data: &data,
            labels: &labels,
            fronts: &fronts,
            vars: &vars,
        };
        stage.train(&mut checkpoint, &mut report, cancel)?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
        checkpoint.next_stage();
        let bytes = files::read(&checkpoint_file)?;
        files::write_atomic(&folder.join("tower.safetensors"), &bytes)?;
    }
    stderr_line("computing the tower's features");
    let features =
        tower::Features::compute(recipe, &base.tower, &fronts, data.images.len(), &vars)?;
    drop(fronts);
    let (mean, std) = features.moments(&data.images_of(Split::Train));
    let width = features.width;
    // The bias standardises vectors with these; they are no variables of the optimiser, but belong to the weights.
    for (name, values) in [("match_bias.mean", &mean), ("match_bias.std", &std)] {
        given.insert(name.into(), Tensor::new(values.as_slice(), &Device::Cpu)?);
    }
    let trained: HashMap<String, Tensor> = vars
        .select(|_| true)
        .into_iter()
        .map(|(name, var)| (name, var.as_tensor().clone()))
        .collect();
    given.extend(trained);
    let vars = Vars::with_constants(recipe.seed, given, base.decoder_tensors);
    let neighbours = Neighbours::new(
        &data,
        (0..data.images.len()).map(|image| features.vector((image, 0))),
        &mean[..width],
        &same,
        &data.questions_of(Split::Train),
    );
    let worked = data.of_worked_examples();
    let near_worked = Neighbours::new(
        &worked,
        (0..data.images.len()).map(|image| features.vector((image, 0))),
        &mean[..width],
        &same,
        &worked.questions_of(Split::Train),
    );
    let tokenizer: Tokenizer = base
        .tokenizer
        .parse()
        .map_err(|e: tokenizers::Error| RadiologyError::Input(e.to_string()))?;
    let id = |token: &str| {
        let missing = || RadiologyError::Input(format!("the tokenizer has no token {token}"));
        tokenizer.token_to_id(token).ok_or_else(missing)
    };
    let stage = LearnerStage {
        recipe,
        config: &config,
        data: &data,
        features: &features,
        neighbours: &neighbours,
        worked: (&worked, &near_worked),
        coarse: &coarse,
        tokenizer: &tokenizer,
        markers: Markers {
            begin: id(base::BEGIN)?,
            end: id(base::END)?,
            image: id(base::IMAGE)?,
        },
        vars: &vars,
        folder,
    };
    if checkpoint.stage == 1 {
        stage.train(&mut checkpoint, &mut report, cancel)?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a run begins with instead of a stage of its own for the tower.
struct Start {
    /// Of the bundle's manifest.
    sha256: String,
    weights: HashMap<String, Tensor>,
}

impl Start {
    /// Reads a radiology bundle.
    fn read(bundle: &Path) -> Result<Self, RadiologyError> {
        let wrong =
            |e: &dyn std::fmt::Display| RadiologyError::Input(format!("{}: {e}", bundle.display()));
        let known = Bundle::open(Some(bundle)).map_err(|e| wrong(&e))?;
        let config = known.manifest.config.flamingo();
        let config = config.ok_or_else(|| wrong(&"this is no radiology learner"))?;
        let weights = weights_of(&known, config)?;
        Ok(Self {
            sha256: known.sha256,
            weights,
        })
    }
}

/// All weights of a bundle in f32, by name.
fn weights_of(
    bundle: &Bundle,
    config: &FlamingoConfig,
) -> Result<HashMap<String, Tensor>, RadiologyError> {
    let store = load::store(bundle, &Device::Cpu, DType::F32);
    let store = store.map_err(|e| RadiologyError::Input(e.to_string()))?;
    let mut weights = HashMap::new();
    for spec in Flamingo::tensors(config)? {
        let tensor = store.get(spec.shape.as_slice(), &spec.name, Init::Const(0.0))?;
        weights.insert(spec.name, tensor);
    }
    Ok(weights)
}

/// What the vocabulary must hold: every text of the images that are not reported on.
fn vocabulary_texts(data: &RadiologyData) -> Vec<String> {
    let of = |split| data.questions_of(split).into_iter();
    of(Split::Train)
        .chain(of(Split::Tune))
        .map(|at| &data.questions[at])
        .chain(&data.worked)
        .flat_map(|q| {
            [
                format!(" {}", q.question),
                format!(" {}", q.answer),
                format!(" {}", q.rationale),
            ]
        })
        .collect()
}

/// Says how many reported images have a near-duplicate among those trained on.
fn describe_duplicates(data: &RadiologyData, same: &[Vec<usize>]) {
    for set in Set::ALL {
        let of = |at: &&usize| data.images[**at].set == set;
        let reported = data.images_of(Split::Report);
        let reported: Vec<&usize> = reported.iter().filter(of).collect();
        let doubled = reported.iter().filter(|at| {
            let mut others = same[***at].iter();
            others.any(|other| data.images[*other].split != Split::Report)
        });
        stderr_line(format_args!(
            "{}: {} of {} reported images have a near-duplicate in training",
            set.name(),
            doubled.count(),
            reported.len()
        ));
    }
}
