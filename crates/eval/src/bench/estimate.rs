//! What a plan will cost, before it is run.

use std::path::Path;
use std::time::Instant;

use super::condition::Condition;
use super::data::{DataError, Shelf};
use super::plan::{Plan, PlanError};
use rounds_assistant::AssistantError;
use rounds_index::Index;
use rounds_index::dataset::{Item, open};
use rounds_model::bundle::Bundle;
use rounds_model::device;
use rounds_model::families::load_learner;
use rounds_support::Cancel;

/// The cost of a run.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Questions of each data set.
    pub questions: Vec<(String, usize)>,
    /// Conditions of each question.
    pub conditions: usize,
    /// Answers to generate, with all models.
    pub answers: usize,
    /// Images to import first, at most, with their tower passes.
    pub imported: usize,
    /// Images that go through the tower while answering, at most.
    pub images: usize,
    /// Tokens of all prompts, roughly.
    pub tokens: usize,
    /// Seconds it may take here, from a short measurement of the first model.
    pub seconds: f64,
}

/// Tokens of one turn beside its question and answer, and characters of English in a token: only for the estimate.
const TURN_TOKENS: f64 = 12.0;
const CHARACTERS_A_TOKEN: f64 = 4.2;
/// Tokens generated for a short answer.
const ANSWER_TOKENS: f64 = 5.0;

/// Counts the questions of `plan` without importing anything, and measures the speed of its first model.
///
/// # Errors
/// If the data cannot be read or the model cannot be loaded.
pub fn estimate(plan: &Plan, base: &Path, shelf: &Shelf) -> Result<Estimate, DataError> {
    let conditions = Condition::all(plan);
    let (mut questions, mut imported, mut characters, mut counted) = (Vec::new(), 0, 0, 0usize);
    for set in &plan.data {
        let sources = [Some(&set.queries), set.shots.as_ref()];
        for (at, source) in sources.into_iter().flatten().enumerate() {
            let mut rows = 0;
            if let Some(problems) = &source.problems {
                let list = match problems == Path::new(rounds_assistant::SHIPPED) {
                    true => crate::problems::shipped_set()?,
                    false => crate::problems::read(&base.join(problems))?,
                };
                if at == 0 {
                    questions.push((set.name.clone(), list.len()));
                }
                imported += list.len();
                continue;
            }
            match (&source.format, &source.path) {
                (Some(format), Some(path)) => {
                    let failed = |error: rounds_index::dataset::DatasetError| DataError::Import {
                        name: set.name.clone(),
                        error: error.into(),
                    };
                    let data = open(*format, &base.join(path), &source.options(base)?);
                    for item in data.map_err(failed)?.items {
                        if let Item::Row(row) = item.map_err(failed)? {
                            rows += 1;
                            characters += row.question.chars().count() + row.answer.chars().count();
                            counted += 1;
                        }
                    }
                    // Vectors of the shots belong to one model.
                    imported += rows * if at == 0 { 1 } else { plan.models.len() };
                }
                _ => {
                    let given = source.index.clone().unwrap_or_default();
                    let index = Index::open(shelf.index(&given, base)?.as_deref())?;
                    rows = super::data::items_of(&index, &source.conditions()?)?.len();
                }
            }
            if at == 0 {
                let asked = match plan.limit {
                    0 => rows,
                    limit => rows.min(limit),
                };
                if asked == 0 {
                    return Err(PlanError::Invalid(format!("{} has no questions", set.name)).into());
                }
                questions.push((set.name.clone(), asked));
            }
        }
    }
    let asked: usize = questions.iter().map(|(_, n)| n).sum();
    let answers = asked * conditions.len() * plan.models.len();
    let turns: usize = conditions.iter().map(|c| c.k + 1).sum();
    let text = match counted {
        0 => 15.0,
        n => characters as f64 / n as f64 / CHARACTERS_A_TOKEN,
    };
    let tokens = (asked * plan.models.len()) as f64 * turns as f64 * (text + TURN_TOKENS);
    // Conditions of one question share most of their shots.
    let most = conditions.iter().map(|c| c.k).max().unwrap_or(0);
    let images = asked * plan.models.len() * (1 + 2 * most);
    let model = plan.models.first().map_or("", String::as_str);
    let rate = Rate::measure(shelf.model(model)?.as_deref(), &shelf.device)?;
    let work = images as f64 * rate.image
        + tokens * rate.prompt_token
        + answers as f64 * ANSWER_TOKENS * rate.new_token;
    // The measurement had all cores for one question; the run has one for each of several.
    let seconds = work + imported as f64 * rate.image;
    Ok(Estimate {
        questions,
        conditions: conditions.len(),
        answers,
        imported,
        images,
        tokens: tokens as usize,
        seconds,
    })
}

/// Seconds of one image, of one token of a prompt and of one new token.
struct Rate {
    image: f64,
    prompt_token: f64,
    new_token: f64,
}

impl Rate {
    fn measure(model: Option<&Path>, device: &str) -> Result<Self, AssistantError> {
        let bundle = Bundle::open(model)?;
        let (device, _) = device::open(device)?;
        let mut learner = load_learner(&bundle, &device)?;
        let side = learner.manifest().config.vision().image_size() as u32;
        let blank = rounds_imaging::blank(side);
        let cancel = Cancel::new();
        let image = std::sync::Arc::new(learner.encode_image(&blank)?);
        let started = Instant::now();
        learner.encode_image(&blank)?;
        let seconds = started.elapsed().as_secs_f64();
        let tokens = &learner.manifest().tokens;
        let id = |text: &str| learner.tokenizer().token_to_id(text).unwrap_or(0);
        let (marker, other) = (id(&tokens.image), id(&tokens.end_of_chunk));
        let mut ids = vec![other; 128.min(learner.context().saturating_sub(8)).max(2)];
        ids[0] = marker;
        let started = Instant::now();
        learner.prefill(&ids, std::slice::from_ref(&image), &cancel)?;
        let prompt_token = started.elapsed().as_secs_f64() / ids.len() as f64;
        let started = Instant::now();
        const STEPS: u32 = 4;
        for _ in 0..STEPS {
            // A model that fills in masks has no single steps; its prompt stands for them.
            if learner.step(other, &cancel).is_err() {
                break;
            }
        }
        Ok(Self {
            image: seconds,
            prompt_token,
            new_token: started.elapsed().as_secs_f64() / f64::from(STEPS),
        })
    }
}
