//! Trains a user's own model on their own index: prefix tuning over a language model and a tower, in the ways of tuning that the paper
//! compares, or the additions of a Flamingo learner.
//!
//! The result is a bundle of the family `prefix` or `flamingo`. Nothing here looks at how a question is answered; it must only give the
//! sequences that the templates `prefix` and `radiology` give.

mod alike;
mod base;
mod batch;
mod curve;
mod data;
mod flamingo;
mod memory;
mod recipe;
mod run;
mod ship;
#[cfg(test)]
mod tests;

pub use base::BaseSource;
pub use recipe::{AdaptRecipe, MapperKind, Method};

use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tokenizers::Tokenizer;

use crate::checkpoint::Checkpoint;
use crate::vars::Vars;
use alike::Look;
use base::Base;
use batch::Context;
use curve::Curve;
use data::{AdaptData, Questions};
use memory::{Counts, Memory};
use rounds_imaging::HighBitDepth;
use rounds_index::{ExampleImage, Index, IndexError};
use rounds_model::import::WeightFormat;
use rounds_model::ops::Precision;
use rounds_model::prefix::{PrefixConfig, PrefixModel};
use rounds_support::{Cancel, FileError, stderr_line};
use run::Run;
use ship::Finished;

/// What keeps questions on one side, in the recipe of a run: a run that was split otherwise must not go on.
const SPLIT: &str = "patient, study, image, same look";

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum AdaptError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The index could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A tensor operation failed.
    #[error("training failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The index, the base or the recipe cannot be used, for this reason.
    #[error("{0}")]
    Input(String),
    /// The folder contains another run.
    #[error(
        "the run in {0} was made with another recipe, base or index: give another folder with --run"
    )]
    OtherRun(String),
}

/// What to train.
pub struct AdaptRequest<'a> {
    /// What it stands on.
    pub base: BaseSource<'a>,
    /// The questions.
    pub index: &'a Index,
    /// What is trained.
    pub method: Method,
    /// How.
    pub recipe: AdaptRecipe,
    /// Folder of the run: `recipe.json`, `checkpoint.safetensors`, `best.safetensors`, `curve.jsonl` and `curve.svg`.
    pub run: PathBuf,
    /// Folder of the new bundle.
    pub out: PathBuf,
    /// Its name.
    pub name: String,
    /// How its weights are stored.
    pub format: WeightFormat,
    /// Where it is trained.
    pub device: Device,
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptSummary {
    /// Questions trained on.
    pub train: usize,
    /// Questions measured on.
    pub validation: usize,
    /// Trained parameters.
    pub parameters: usize,
    /// The lowest validation loss; `None` where the best weights were chosen by their answers.
    pub loss: Option<f32>,
    /// Shares of the validation answers that greedy decoding writes exactly, by condition.
    pub right: Vec<(String, f32)>,
}

/// Trains, or resumes the run in the request's folder, and writes the bundle. `None` if it was cancelled.
pub fn train_adapt(
    request: &AdaptRequest,
    cancel: &Cancel,
) -> Result<Option<AdaptSummary>, AdaptError> {
    let recipe = &request.recipe;
    recipe.check().map_err(AdaptError::Input)?;
    crate::process::prepare();
    if request.method == Method::Flamingo {
        return flamingo::train(request, cancel);
    }
    let base = Base::read(&request.base)?;
    let config = base.config(request.method, recipe)?;
    let tokenizer: Tokenizer = base
        .tokenizer
        .parse()
        .map_err(|e: tokenizers::Error| AdaptError::Input(e.to_string()))?;
    let context = config.language.max_positions - config.virtual_count();
    let questions = Questions::read(request.index, &tokenizer, &base.tokens, context, recipe)?;
    let written = serde_json::json!({
        "method": request.method, "recipe": recipe, "base": base.identity, "index": questions.sha256,
        "split": SPLIT, "device": format!("{:?}", request.device.location())
    });
    let written = format!("{written:#}");
    let other = || AdaptError::OtherRun(rounds_support::errors::display_path(&request.run));
    let opened = Checkpoint::open_run(&request.run, &written)?;
    let (mut checkpoint, weights) = opened.ok_or_else(other)?;
    let (mut given, constants) = base.weights(request.method);
    given.extend(weights);
    let kept = given.values().map(Tensor::elem_count).sum();
    let vars = Vars::with_constants(recipe.seed, given, constants.clone());
    let device = &request.device;
    let mut model = PrefixModel::load(&config, vars.store(device))?;
    let trained = vars.select(|_| true);
    let parameters = trained.iter().map(|(_, var)| var.elem_count()).sum();
    let seen = see(&model, request, &base, &questions.images, cancel)?;
    let Some((vectors, looks)) = seen else {
        return Ok(None);
    };
    let data = questions.split(&looks, recipe)?;
    drop(looks);
    describe(
        &data,
        &config,
        recipe,
        &constants,
        [parameters, kept],
        device,
    );
    if recipe.precision == Precision::Bf16 && request.method != Method::Unfrozen {
        model.language.freeze()?;
    }
    let rank = config.language.low_rank.map_or(recipe.rank, |low| low.rank);
    let run = Run {
        recipe,
        context: Context {
            model: &model,
            vectors: &vectors,
            image_token: data.image_token,
            end_token: data.end_token,
            device,
        },
        data: &data,
        vars: &vars,
        folder: &request.run,
        factor: recipe.alpha / rank.max(1) as f32,
    };
    if !run.train(&mut checkpoint, cancel)? {
        return Ok(None);
    }
    let curve = Curve::open(&request.run, checkpoint.step)?;
    let finished = Finished {
        base: &base,
        config,
        recipe,
        method: request.method,
        data: &data,
        points: &curve.points,
        constants,
        folder: &request.run,
        trained: parameters,
    };
    finished.ship(&request.out, &request.name, request.format)?;
    let best = finished.best();
    let right = best.and_then(|point| point.right);
    let other = best.and_then(|point| point.right_with_other_images);
    let right = [("as asked", right), ("with another image", other)];
    Ok(Some(AdaptSummary {
        train: data.train.len(),
        validation: data.validation.len(),
        parameters,
        loss: best.and_then(|point| point.validation),
        right: right
            .into_iter()
            .filter_map(|(name, share)| Some((name.to_string(), share?)))
            .collect(),
    }))
}

/// Says what will be trained and how much memory that takes.
fn describe(
    data: &AdaptData,
    config: &PrefixConfig,
    recipe: &AdaptRecipe,
    constants: &HashMap<String, Tensor>,
    [trained, given]: [usize; 2],
    device: &Device,
) {
    let frozen: usize = constants.values().map(Tensor::elem_count).sum();
    stderr_line(format_args!(
        "{}; {trained} parameters are trained and {frozen} stay",
        data.described()
    ));
    let is_packed = |(name, tensor): &(&String, &Tensor)| {
        let matrix = name.starts_with("lang_encoder.") && tensor.rank() == 2;
        let table = name.ends_with("embed_tokens.weight") && !config.language.tied_head;
        device.is_cpu() && matrix && !table && !name.ends_with("embed_positions.weight")
    };
    let packed = constants.iter().filter(is_packed);
    let (tokens, predicted) = data.longest();
    let counts = Counts {
        trained,
        given,
        frozen,
        packed: packed.map(|(_, tensor)| tensor.elem_count()).sum(),
        images: data.images.len(),
        tokens,
        predicted,
        threads: if device.is_cpu() { recipe.threads } else { 1 },
        keeps_attention: !device.is_cpu(),
    };
    let memory = Memory::of(config, recipe, counts);
    stderr_line(format_args!("memory: {memory}"));
    if !recipe.checkpointing && config.virtual_tokens.is_none() {
        let spared = AdaptRecipe {
            checkpointing: true,
            ..recipe.clone()
        };
        let total = Memory::of(config, &spared, counts).total();
        stderr_line(format_args!(
            "with \"checkpointing\": true in the recipe about {:.2} GB, a third slower",
            total as f64 / 1e9
        ));
    }
}

/// The tower's vectors of all images, `[images, width]`, and their looks; `None` if cancelled.
fn see(
    model: &PrefixModel,
    request: &AdaptRequest,
    base: &Base,
    images: &[ExampleImage],
    cancel: &Cancel,
) -> Result<Option<(Tensor, Vec<Look>)>, AdaptError> {
    stderr_line(format_args!("encoding {} images", images.len()));
    let (side, depth) = (model.config.vision.image_size(), HighBitDepth::default());
    let (mut rows, mut looks) = (Vec::new(), Vec::new());
    for image in images {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let bytes = request.index.image(image)?;
        let decoded = rounds_imaging::decode(&bytes, "image");
        let decoded = decoded.map_err(|e| AdaptError::Input(e.to_string()))?;
        looks.push(Look::of(&decoded));
        let device = &request.device;
        let pixels = base.pixels.tensor(&decoded, side, depth, device)?;
        rows.push(model.tower.forward(&pixels)?.pooled.detach());
    }
    Ok(Some((Tensor::cat(&rows, 0)?, looks)))
}

/// The folder of a bundle's run, unless another is given: beside it, so that deleting one leaves the other.
pub fn run_folder(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".training");
    out.with_file_name(name)
}
