//! The method `flamingo`: the additions of a learner like the shipped one, trained on a user's questions with shots from the same index.

use candle_core::Tensor;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokenizers::Tokenizer;

use super::alike::Look;
use super::base::{BaseSource, wrong};
use super::data::{AdaptData, Questions, Sample};
use super::recipe::{AdaptRecipe, Method};
use super::ship::write_bundle;
use super::{AdaptError, AdaptRequest, AdaptSummary, SPLIT};
use crate::radiology::own::{OwnResult, OwnRun, fitting};
use crate::radiology::{
    RadiologyData, RadiologyError, RadiologyImage, RadiologyQuestion, RadiologyRecipe, Set, Split,
};
use crate::recipe::Stage;
use rounds_assistant::is_yes_or_no;
use rounds_assistant::prompt::plain;
use rounds_imaging::{HighBitDepth, squash_transform};
use rounds_model::bundle::{Bundle, Manifest};
use rounds_model::flamingo::Flamingo;
use rounds_support::{Cancel, sanitise, stderr_line};

/// About so many tokens has a question with its share of the shots, so that a step has the recipe's number of questions.
const TOKENS: usize = 50;
/// A rationale of more bytes is left out, so that a question with its rationale fits into the model.
const MAX_RATIONALE: usize = 1500;
/// Fewest and most steps between two evaluations.
const EVALUATE_EVERY: [usize; 2] = [10, 100];

/// Trains, or resumes the run in the request's folder, and writes the bundle. `None` if it was cancelled.
pub(super) fn train(
    request: &AdaptRequest,
    cancel: &Cancel,
) -> Result<Option<AdaptSummary>, AdaptError> {
    let BaseSource::Bundle(bundle) = &request.base else {
        return Err(AdaptError::Input(
            "the method flamingo goes on from a model: give --model, or nothing for the shipped one, instead of --decoder and --tower".into(),
        ));
    };
    if !request.device.is_cpu() {
        return Err(AdaptError::Input(
            "the method flamingo trains on a CPU only: leave out --device".into(),
        ));
    }
    let recipe = &request.recipe;
    let manifest = &bundle.manifest;
    let (config, vision) = fitting(manifest).map_err(AdaptError::Input)?;
    let text = std::str::from_utf8(&bundle.tokenizer).map_err(wrong)?;
    let tokenizer: Tokenizer = text.parse().map_err(wrong::<tokenizers::Error>)?;
    let context = config.language.max_positions;
    let questions = Questions::read(request.index, &tokenizer, &manifest.tokens, context, recipe)?;
    let (mut looks, mut pixels) = (Vec::new(), Vec::new());
    stderr_line(format_args!("reading {} images", questions.images.len()));
    for image in &questions.images {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let bytes = request.index.image(image)?;
        let decoded = rounds_imaging::decode(&bytes, "image").map_err(wrong)?;
        looks.push(Look::of(&decoded));
        let (side, depth) = (vision.image_size, HighBitDepth::default());
        pixels.push(squash_transform(&decoded, side, depth));
    }
    let data = questions.split(&looks, recipe)?;
    drop(looks);
    let (own, same) = own_data(&data);
    let blocks = vision.stages.iter().map(|stage| stage.blocks).sum();
    let own_recipe = own_recipe(recipe, data.train.len(), vision.image_size, blocks);
    let written = serde_json::json!({
        "method": request.method, "recipe": recipe, "learner": own_recipe, "base": bundle.sha256, "index": data.sha256,
        "split": SPLIT
    });
    stderr_line(format_args!(
        "{}; at most {} steps",
        data.described(),
        own_recipe.learner.steps
    ));
    let run = OwnRun {
        bundle,
        data: &own,
        pixels: &pixels,
        same: &same,
        recipe: &own_recipe,
        written: &format!("{written:#}"),
        folder: &request.run,
    };
    let done = run.train(cancel).map_err(|error| match error {
        RadiologyError::OtherRecipe(_) => {
            AdaptError::OtherRun(rounds_support::errors::display_path(&request.run))
        }
        other => wrong(other),
    })?;
    let Some(done) = done else {
        return Ok(None);
    };
    ship(request, bundle, &data, &done, &own_recipe)?;
    let [_, after] = &done.measured;
    Ok(Some(AdaptSummary {
        train: data.train.len(),
        validation: done.asked,
        parameters: done.parameters,
        loss: None,
        right: after.iter().map(|(n, s)| (n.to_string(), *s)).collect(),
    }))
}

/// The questions as the learner's trainer takes them, and for every image those of its group.
fn own_data(data: &AdaptData) -> (RadiologyData, Vec<Vec<usize>>) {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut images: Vec<RadiologyImage> = data
        .images
        .iter()
        .map(|image| RadiologyImage {
            path: PathBuf::new(),
            name: image.sha256.clone(),
            set: Set::Own,
            split: Split::Train,
            fields: Vec::new(),
            boxed: None,
        })
        .collect();
    let mut questions = Vec::new();
    let of_split = |split: Split, samples: &[Sample]| -> Vec<(Split, Sample)> {
        samples
            .iter()
            .map(|sample| (split, sample.clone()))
            .collect()
    };
    let all = [
        of_split(Split::Train, &data.train),
        of_split(Split::Tune, &data.validation),
    ];
    for (split, sample) in all.concat() {
        images[sample.image].split = split;
        groups.entry(sample.group).or_default().push(sample.image);
        let example = &data.examples[sample.example];
        let answer = plain(&example.answer);
        let closed = is_yes_or_no(&answer);
        questions.push(RadiologyQuestion {
            image: sample.image,
            question: plain(&example.question),
            answer,
            rationale: match example.rationale.len() <= MAX_RATIONALE {
                true => plain(&example.rationale),
                false => String::new(),
            },
            category: example.tag("topic").unwrap_or_default().to_string(),
            closed,
        });
    }
    let mut same = vec![Vec::new(); images.len()];
    for mut members in groups.into_values() {
        members.sort_unstable();
        members.dedup();
        for &image in &members {
            let others = members.iter().copied().filter(|other| *other != image);
            same[image] = others.collect();
        }
    }
    let own = RadiologyData {
        images,
        questions,
        worked: Vec::new(),
    };
    (own, same)
}

/// The recipe of the learner's trainer: only questions, without its episodes of names, worked examples and several images.
fn own_recipe(
    recipe: &AdaptRecipe,
    questions: usize,
    image_size: usize,
    blocks: usize,
) -> RadiologyRecipe {
    let steps = (questions / recipe.batch).max(1);
    let total = steps * recipe.epochs;
    let [least, most] = EVALUATE_EVERY;
    let evaluate_every = steps.clamp(least, most).min(total);
    RadiologyRecipe {
        seed: recipe.seed,
        threads: recipe.threads,
        image_size,
        frozen_blocks: RadiologyRecipe::default().frozen_blocks.min(blocks),
        weight_decay: recipe.weight_decay,
        learner: Stage {
            steps: total,
            batch: recipe.batch * TOKENS,
            rate: recipe.rate,
            warmup: recipe.warmup.min(total / 10),
            evaluate_every,
        },
        single_share: 0.0,
        binding_share: 0.0,
        worked_share: 0.0,
        several_share: 0.0,
        misleading_share: 0.2,
        scalar_rate: 5.0,
        patience: recipe.patience * steps.div_ceil(evaluate_every),
        ..RadiologyRecipe::default()
    }
}

fn ship(
    request: &AdaptRequest,
    bundle: &Bundle,
    data: &AdaptData,
    done: &OwnResult,
    own_recipe: &RadiologyRecipe,
) -> Result<(), AdaptError> {
    let base = &bundle.manifest;
    let name = sanitise::clean_line(&request.name);
    let card = card(base, &name, data, done, own_recipe);
    let (config, _) = fitting(base).map_err(AdaptError::Input)?;
    let mut config = config.clone();
    config.language.tied_head &= !request.format.is_packed();
    let table = "lang_encoder.model.embed_tokens.weight";
    let manifest = Manifest {
        name,
        licence: format!("as the base model's: {}", base.licence),
        knows: format!(
            "{} was trained further on a user's own index; see {}",
            sanitise::clean_line(&request.name),
            super::ship::CARD
        ),
        // How sure it is and what it knows were measured of the base model only.
        reliability: None,
        config: config.clone().into(),
        ..base.clone()
    };
    let mut tensor = |name: &str| -> Option<Tensor> {
        let found = done.weights.get(name);
        match name {
            "lang_encoder.lm_head.weight" => found.or_else(|| done.weights.get(table)).cloned(),
            _ => found.cloned(),
        }
    };
    write_bundle(
        &request.out,
        request.format,
        &Flamingo::tensors(&config)?,
        &mut tensor,
        manifest,
        &bundle.tokenizer,
        &card,
    )
}

fn card(
    base: &Manifest,
    name: &str,
    data: &AdaptData,
    done: &OwnResult,
    recipe: &RadiologyRecipe,
) -> String {
    let [before, after] = &done.measured;
    let rows: String = after
        .iter()
        .map(|(condition, share)| {
            let first = before.get(condition).copied().unwrap_or(f32::NAN);
            format!(
                "| {condition} | {:.1} | {:.1} |\n",
                100.0 * first,
                100.0 * share
            )
        })
        .collect();
    format!(
        "# {name}\n\n{}\n\nTrained with `rounds train adapt`: {}, {} parameters, on top of {} ({}). Everything else stayed as it was.\n\n\
         * Training: {} questions. Validation: {} questions about other images and patients. {} questions of the index were left out. No patient, \
         study or image is on both sides, and no image that shows the same as one on the other side ({} pairs of groups were joined for that; crops are not found). \
         Shots are training questions about other patients' images.\n\
         * Weights of step {}, which were the best on the validation questions: the figures below are a little too good for that reason.\n\
         * Licences of the index's examples: {}. Index {}.\n\n\
         Answers to {} of the validation questions that greedy decoding writes exactly, in per cent:\n\n| | before | after |\n|---|---|---|\n{rows}\n```json\n{}\n```\n",
        rounds_support::INTENDED_USE,
        Method::Flamingo.described(),
        done.parameters,
        sanitise::clean_line(&base.name),
        sanitise::clean_line(&base.licence),
        data.train.len(),
        data.validation.len(),
        data.skipped,
        data.joined,
        done.step,
        sanitise::clean_line(&data.licences.join(", ")),
        data.sha256,
        done.asked,
        serde_json::to_string_pretty(recipe).unwrap_or_default(),
    )
}
