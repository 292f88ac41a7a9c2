//! What a plan will cost, before it is run.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use super::condition::Condition;
use super::data::{DataError, Shelf};
use super::own_shots;
use super::plan::{Data, Plan, PlanError};
use super::published_data::read_problems;
use rounds_assistant::AssistantError;
use rounds_index::Index;
use rounds_index::dataset::{DatasetError, Item as Read, open};
use rounds_model::bundle::Bundle;
use rounds_model::device;
use rounds_model::families::load_learner;
use rounds_support::Cancel;

/// The cost of a run.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Questions of each data set.
    pub questions: Vec<(String, usize)>,
    /// Conditions of each question, at most: data sets with shots of their own have fewer.
    pub conditions: usize,
    /// Answers to generate, with all models.
    pub answers: usize,
    /// Images to import first, at most, with their tower passes.
    pub imported: usize,
    /// Images that go through the tower while answering, at most.
    pub images: usize,
    /// Tokens of all prompts, roughly, with those that are read once more to rank options.
    pub tokens: usize,
    /// Steps of one token: of answers, of each of several beams, and of ranked options, roughly.
    pub new_tokens: usize,
    /// Seconds it may take here, from a short measurement of the first model.
    pub seconds: f64,
}

/// Tokens of one turn beside its question and answer, and characters of English in a token: only for the estimate.
const TURN_TOKENS: f64 = 12.0;
const CHARACTERS_A_TOKEN: f64 = 4.2;
/// Tokens of a turn's question and answer where they were not counted.
const TEXT_TOKENS: f64 = 15.0;
/// Tokens generated for a short answer.
const ANSWER_TOKENS: f64 = 5.0;

/// What is known of the questions of a data set before it is imported.
#[derive(Default)]
struct Counts {
    questions: usize,
    /// Images to import, at most.
    imported: usize,
    /// Characters of questions and answers, and how many of both were counted.
    characters: usize,
    counted: usize,
    /// Options of all questions together, and their characters.
    options: usize,
    option_characters: usize,
    /// Whether the questions come with shots of their own, and the most of them.
    own_shots: Option<usize>,
}

impl Counts {
    /// How many of the questions are asked.
    fn asked(&self, plan: &Plan) -> usize {
        match plan.limit {
            0 => self.questions,
            limit => self.questions.min(limit),
        }
    }

    fn text(&mut self, text: &str) {
        self.characters += text.chars().count();
    }

    fn choice(&mut self, option: &str) {
        self.options += 1;
        self.option_characters += option.chars().count();
    }
}

/// Counts the questions of `plan` without importing anything, and measures the speed of its first model.
///
/// # Errors
/// If the data cannot be read or the model cannot be loaded.
pub fn estimate(plan: &Plan, base: &Path, shelf: &Shelf) -> Result<Estimate, DataError> {
    let (mut questions, mut imported, mut work) = (Vec::new(), 0, Work::default());
    for set in &plan.data {
        let counts = count(plan, set, base, shelf)?;
        let asked = counts.asked(plan);
        if asked == 0 {
            return Err(PlanError::Invalid(format!("{} has no questions", set.name)).into());
        }
        work.add(&Work::of(plan, &counts)?);
        imported += counts.imported;
        questions.push((set.name.clone(), asked));
    }
    let model = plan.models.first().map_or("", String::as_str);
    let rate = Rate::measure(shelf.model(model)?.as_deref(), &shelf.device)?;
    // The measurement had all cores for one question; the run has one for each of several.
    let seconds = (work.images + imported) as f64 * rate.image
        + work.tokens * rate.prompt_token
        + work.new_tokens * rate.new_token;
    Ok(Estimate {
        questions,
        conditions: work.conditions,
        answers: work.answers,
        imported,
        images: work.images,
        tokens: work.tokens as usize,
        new_tokens: work.new_tokens as usize,
        seconds,
    })
}

/// What asking costs.
#[derive(Clone, Debug, Default, PartialEq)]
struct Work {
    /// Conditions of each question, at most.
    conditions: usize,
    answers: usize,
    images: usize,
    tokens: f64,
    new_tokens: f64,
}

impl Work {
    /// The cost of a data set.
    fn of(plan: &Plan, counts: &Counts) -> Result<Self, PlanError> {
        let beams = plan.settings()?.decoding.beams.max(1) as f64;
        let asked = counts.asked(plan) * plan.models.len();
        let conditions = Condition::of(plan, counts.own_shots.is_some());
        // A problem's own shots are no more than it has.
        let shots = |c: &Condition| c.shown().min(counts.own_shots.unwrap_or(usize::MAX));
        let turns: usize = conditions.iter().map(|c| shots(c) + 1).sum();
        let text = match counts.counted {
            0 => TEXT_TOKENS,
            n => counts.characters as f64 / n as f64 / CHARACTERS_A_TOKEN,
        };
        let answers = asked * conditions.len();
        let mut tokens = (asked * turns) as f64 * (text + TURN_TOKENS);
        // Every beam takes a step of its own for every token.
        let mut new_tokens = answers as f64 * ANSWER_TOKENS * beams;
        if plan.rank_options && counts.options > 0 {
            // Ranking reads the prompt once more, and then every option token by token.
            let each = |of_all: usize| of_all as f64 / counts.questions.max(1) as f64;
            let options = each(counts.option_characters) / CHARACTERS_A_TOKEN;
            tokens *= 2.0;
            new_tokens += answers as f64 * options.max(each(counts.options));
        }
        // Conditions of one question share most of their shots.
        let most = conditions.iter().map(shots).max().unwrap_or(0);
        Ok(Self {
            conditions: conditions.len(),
            answers,
            images: asked * (1 + 2 * most),
            tokens,
            new_tokens,
        })
    }

    fn add(&mut self, other: &Self) {
        self.conditions = self.conditions.max(other.conditions);
        self.answers += other.answers;
        self.images += other.images;
        self.tokens += other.tokens;
        self.new_tokens += other.new_tokens;
    }
}

/// Counts a data set without importing it.
fn count(plan: &Plan, set: &Data, base: &Path, shelf: &Shelf) -> Result<Counts, DataError> {
    let mut counts = Counts::default();
    let sources = [Some(&set.queries), set.shots.as_ref()];
    for (at, source) in sources.into_iter().flatten().enumerate() {
        let rows = match (&source.problems, &source.format, &source.path) {
            (Some(problems), ..) => count_problems(&mut counts, problems, base)?,
            (None, Some(format), Some(path)) => {
                let failed = |error: DatasetError| DataError::Import {
                    name: set.name.clone(),
                    error: error.into(),
                };
                let data = open(*format, &base.join(path), &source.options(base)?);
                let (mut rows, mut problems) = (0, HashMap::<String, usize>::new());
                for item in data.map_err(failed)?.items {
                    let Read::Row(row) = item.map_err(failed)? else {
                        continue;
                    };
                    rows += 1;
                    counts.text(&row.question);
                    counts.text(&row.answer);
                    counts.counted += 1;
                    for (name, value) in &row.tags {
                        if at == 0 && name == "choice" {
                            counts.choice(value);
                        }
                    }
                    if source.own_shots {
                        let problem = own_shots::problem_of(&row).unwrap_or_default();
                        *problems.entry(problem).or_default() += 1;
                    }
                }
                // Vectors of retrieved shots belong to one model.
                counts.imported += rows * if at == 0 { 1 } else { plan.models.len() };
                match problems.values().max() {
                    None => rows,
                    Some(most) => {
                        counts.own_shots = Some(most - 1);
                        problems.len()
                    }
                }
            }
            _ => {
                let given = source.index.clone().unwrap_or_default();
                let index = Index::open(shelf.index(&given, base)?.as_deref())?;
                let items = super::data::items_of(&index, &source.conditions()?)?;
                for (_, option) in items.iter().filter(|_| at == 0).flat_map(|i| &i.options) {
                    counts.choice(option);
                }
                items.len()
            }
        };
        if at == 0 {
            counts.questions = rows;
        }
    }
    Ok(counts)
}

/// Counts problems; returns their number.
fn count_problems(counts: &mut Counts, problems: &Path, base: &Path) -> Result<usize, DataError> {
    let list = read_problems(problems, base)?;
    for problem in &list {
        counts.text(&problem.background.with_question(&problem.question));
        counts.text(&problem.answer);
        counts.counted += 1 + problem.shots.len();
        counts.imported += 1 + problem.shots.len();
        for shot in &problem.shots {
            counts.text(&shot.question);
            counts.text(&shot.answer);
        }
    }
    let most = list.iter().map(|problem| problem.shots.len()).max();
    counts.own_shots = most.filter(|most| *most > 0);
    Ok(list.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn work(head: &str, counts: &Counts) -> Work {
        let data = "[[data]]\nname = \"a\"\nqueries = { index = \"shipped\" }\n";
        let plan = Plan::parse(&format!("k = [0, 8]\ncontrols = []\n{head}\n{data}")).unwrap();
        Work::of(&plan, counts).unwrap()
    }

    fn counts() -> Counts {
        Counts {
            questions: 10,
            ..Counts::default()
        }
    }

    #[test]
    fn beams_and_ranked_options_count() {
        let plain = work("", &counts());
        assert_eq!((plain.conditions, plain.answers), (2, 20));
        let beams = work("[settings]\nbeams = 3", &counts());
        assert_eq!(beams.new_tokens, 3.0 * plain.new_tokens);
        assert_eq!(beams.tokens, plain.tokens);
        let options = Counts {
            options: 40,
            option_characters: 840,
            ..counts()
        };
        let ranked = work("", &options);
        assert_eq!(ranked.tokens, 2.0 * plain.tokens, "prompts are read twice");
        let more = ranked.new_tokens - plain.new_tokens;
        assert!((more - 20.0 * 84.0 / CHARACTERS_A_TOKEN).abs() < 1e-9);
        assert_eq!(work("rank_options = false", &options), plain);
    }

    #[test]
    fn problems_never_show_more_shots_than_they_have() {
        let own = Counts {
            own_shots: Some(3),
            ..counts()
        };
        let (own, retrieved) = (work("", &own), work("", &counts()));
        assert!(own.tokens < retrieved.tokens && own.images < retrieved.images);
        assert_eq!(own.images, 10 * (1 + 2 * 3));
    }
}
