//! Asks one question under one condition, and records the answer with what it was made from.

use std::collections::HashMap;

use super::change::{change, changed_by, donors, seed_of};
use super::condition::{Condition, Control};
use super::data::{Item, PreparedData};
use super::own_shots;
use super::plan::Plan;
use super::record::{IMAGES, Record, RecordedShot};
use super::run_folder::RunFolder;
use rounds_assistant::prompt::Template;
use rounds_assistant::retrieval::{Found, Strategy};
use rounds_assistant::{Answer, AssistantError, Case, Engine, Experiment, Settings};
use rounds_imaging::Image;
use rounds_index::{Example, Index, IndexError};
use rounds_support::Cancel;

/// What all questions to one model about one data set have in common.
pub(super) struct Asking<'a> {
    pub(super) plan: &'a Plan,
    pub(super) model: &'a str,
    pub(super) data: &'a PreparedData,
    /// The template of the prompts; `None` for the bundle's own.
    pub(super) template: Option<&'a Template>,
    pub(super) settings: Settings,
    /// Key of what the answers are made from, in `inputs.json`.
    pub(super) made_from: &'a str,
}

/// The images of a question, or why they cannot be used. Their files are kept in the run's folder, for reports and ratings.
pub(super) fn images(
    index: &Index,
    example: &Example,
    folder: &RunFolder,
) -> Result<Vec<Image>, String> {
    let read = |image: &rounds_index::ExampleImage| {
        let bytes = index.image(image).map_err(|e| e.to_string())?;
        let name = format!("{}.{}", image.sha256, image.extension);
        folder
            .keep_image(&name, &bytes)
            .map_err(|e| e.to_string())?;
        rounds_imaging::decode(&bytes, &image.sha256).map_err(|e| e.to_string())
    };
    example.images.iter().map(read).collect()
}

/// The images of an example as files of the run's folder.
fn image_names(example: &Example) -> Vec<String> {
    let images = example.images.iter();
    images
        .map(|image| format!("{IMAGES}/{}.{}", image.sha256, image.extension))
        .collect()
}

/// A record without an answer.
pub(super) fn empty(asking: &Asking, item: &Item, condition: &Condition) -> Record {
    let example = &item.example;
    Record {
        dataset: asking.data.name.clone(),
        item: item.id.clone(),
        model: asking.model.to_string(),
        condition: condition.id(),
        asked: condition.clone(),
        made_from: asking.made_from.to_string(),
        seed: seed_of(condition, example),
        device: String::new(),
        question: example.question.clone(),
        reference: example.answer.clone(),
        kind: item.kind.clone(),
        closed: item.closed,
        images: image_names(example),
        options: item.options.clone(),
        shots: Vec::new(),
        prompt_order: Vec::new(),
        last: None,
        shown_by: 0,
        majority: asking.data.majority_of(item),
        answer: String::new(),
        rationale: None,
        log_probability: None,
        confidence: None,
        sure: None,
        withheld: None,
        ranking: Vec::new(),
        prompt_tokens: 0,
        generated_tokens: 0,
        prompt_sha256: String::new(),
        error: None,
    }
}

/// Asks one question under one condition; `None` if cancelled.
pub(super) fn ask(
    engine: &mut Engine,
    asking: &Asking,
    item: &Item,
    images: &[Image],
    condition: &Condition,
    cancel: &Cancel,
) -> Result<Option<Record>, AssistantError> {
    let example = &item.example;
    let known = |id: &str| Some(id.to_string()).filter(|id| !id.is_empty());
    let case = Case {
        images: images.to_vec(),
        question: example.question.clone(),
        patient: known(&example.patient),
        study: known(&example.study),
        ..Case::default()
    };
    let mut settings = asking.settings.clone();
    settings.shots = condition.shown();
    settings.strategy = condition.strategy;
    settings.order = condition.order;
    // One draw for all questions would be no sample: every question has a seed of its own.
    settings.decoding.seed = seed_of(condition, example);
    settings.filter.extend(asking.data.shot_filter.clone());
    if asking.data.one_index {
        settings.excluded.push(example.id.clone());
        settings
            .excluded
            .extend(item.own.iter().map(|own| own.id.clone()));
    }
    if asking.plan.rank_options {
        settings.options = item.options.iter().map(|(_, text)| text.clone()).collect();
    }
    let found = match condition.strategy {
        Strategy::None => Found::default(),
        Strategy::Fixed if !item.own.is_empty() => Found {
            shots: own_shots::shots(&item.own, condition.shown()),
            ..Found::default()
        },
        _ => match engine.shots(&case, &settings, cancel) {
            Err(AssistantError::Index(IndexError::Cancelled)) => return Ok(None),
            other => other?,
        },
    };
    let mut shots = found.shots;
    let given = match changed_by(condition) {
        None => HashMap::new(),
        Some(what) => {
            let own = &item.own;
            let donors = donors(engine, &case, &settings, own, shots.len(), cancel)?;
            change(&mut shots, donors, what)?
        }
    };
    if condition.texts > 0 {
        for shot in &mut shots {
            shot.example.images.clear();
        }
    }
    let control = condition.control;
    let experiment = Experiment {
        shots: Some(shots),
        blank_question: matches!(
            control,
            Some(Control::QuestionOnly | Control::BlankImage | Control::BlankImages)
        ),
        blank_shots: control == Some(Control::BlankImages),
        always: true,
        answer_only: asking.plan.answer_only,
    };
    let answer = engine.answer_with(&case, &settings, &experiment, cancel, &mut |_| {})?;
    if answer.stop == rounds_model::generate::StopReason::Cancelled {
        return Ok(None);
    }
    Ok(Some(Record {
        shown_by: found.shown_by,
        ..filled(empty(asking, item, condition), &answer, &given)
    }))
}

/// The record of an answer; `given` says from which example each changed shot has its answer or images.
fn filled(record: Record, answer: &Answer, given: &HashMap<String, String>) -> Record {
    let place = |id: &String| answer.shots.iter().position(|s| s.example.id == *id);
    let prompt_order: Vec<usize> = answer
        .provenance
        .shot_ids
        .iter()
        .filter_map(place)
        .collect();
    let sum: f64 = answer.log_probabilities.iter().map(|p| f64::from(*p)).sum();
    Record {
        shots: answer
            .shots
            .iter()
            .map(|shot| RecordedShot {
                id: shot.example.id.clone(),
                images: image_names(&shot.example),
                donor: given.get(&shot.example.id).cloned(),
                answer: shot.example.answer.clone(),
                score: shot.score,
                match_share: shot.match_share,
            })
            .collect(),
        last: prompt_order.last().copied(),
        prompt_order,
        device: answer.provenance.device.clone(),
        answer: answer.answer.clone(),
        rationale: answer.rationale.clone(),
        log_probability: (!answer.log_probabilities.is_empty()).then_some(sum),
        confidence: answer.standing.confidence,
        sure: answer.standing.sure,
        withheld: answer.standing.withheld.clone(),
        ranking: answer.ranking.clone(),
        prompt_tokens: answer.prompt_tokens,
        generated_tokens: answer.generated_tokens,
        prompt_sha256: answer.provenance.prompt_sha256.clone(),
        ..record
    }
}
