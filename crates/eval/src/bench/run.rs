//! Runs a plan: every question under every condition, each answer kept as soon as it is there.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::change::{change, changed_by, donors, seed_of};
use super::condition::{Condition, Control};
use super::data::{Item, Prepared, PreparedData};
use super::plan::Plan;
use super::record::{IMAGES, Key, Record, RecordedShot, RunFolder};
use super::run_error::RunError;
use rounds_assistant::retrieval::{Found, Strategy};
use rounds_assistant::{Answer, AssistantError, Case, Engine, Experiment, Settings, Setup};
use rounds_imaging::Image;
use rounds_index::{Example, Index, IndexError};
use rounds_support::Cancel;

/// How a plan is run. None of it changes an answer.
pub struct RunOptions {
    /// Questions asked at the same time, each with a model of its own; 0 for one a core.
    pub jobs: usize,
    /// Stop after this many answers.
    pub max_items: Option<usize>,
    /// Name of the device.
    pub device: String,
}

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Answers that the plan asks for.
    pub planned: usize,
    /// Answers that were there before.
    pub kept: usize,
    /// Answers of this call.
    pub answered: usize,
    /// Questions of this call that failed; their records say why.
    pub failed: usize,
}

impl Outcome {
    /// Whether nothing is left to ask.
    pub fn is_complete(&self) -> bool {
        self.kept + self.answered >= self.planned
    }
}

/// What all workers of one model and data set share.
struct Shared<'a> {
    plan: &'a Plan,
    model: &'a str,
    data: &'a PreparedData,
    conditions: &'a [Condition],
    settings: Settings,
    done: &'a HashSet<Key>,
    next: AtomicUsize,
    /// Answers that may still be asked for in this call.
    left: &'a AtomicUsize,
    folder: &'a RunFolder,
    outcome: &'a Mutex<Outcome>,
    cancel: &'a Cancel,
    /// Set when a worker failed: the others stop too.
    failed: AtomicBool,
    report: &'a (dyn Fn(&Outcome) + Sync),
}

/// Asks everything that has no answer yet. `report` is called after every answer, from any thread. At the end the answers stand in the
/// order of the plan, whatever order they were given in.
///
/// # Errors
/// If a model, an index or the folder cannot be used. A question that fails is recorded with its error and does not end the run.
pub fn run(
    plan: &Plan,
    prepared: &Prepared,
    folder: &RunFolder,
    options: &RunOptions,
    cancel: &Cancel,
    report: &(dyn Fn(&Outcome) + Sync),
) -> Result<Outcome, RunError> {
    folder.hold_to(&inputs(prepared)?)?;
    let conditions = Condition::all(plan);
    let order = planned(plan, prepared, &conditions);
    let wanted: HashSet<&Key> = order.iter().collect();
    let mut records = folder.records()?;
    records.retain(|record| record.error.is_none() && wanted.contains(&record.key()));
    let done: HashSet<Key> = records.iter().map(Record::key).collect();
    let outcome = Mutex::new(Outcome {
        planned: order.len(),
        kept: done.len(),
        ..Outcome::default()
    });
    let left = AtomicUsize::new(options.max_items.unwrap_or(usize::MAX));
    report(&outcome.lock().unwrap_or_else(PoisonError::into_inner));
    for (at, model) in plan.models.iter().enumerate() {
        for data in &prepared.data {
            let mut rest = data.items.iter().flat_map(|item| {
                let key = |c: &Condition| key(data, item, model, c);
                conditions.iter().map(key).collect::<Vec<_>>()
            });
            if cancel.is_cancelled() || rest.all(|key| done.contains(&key)) {
                continue;
            }
            let setup = Setup {
                model: prepared.models.get(at).cloned().flatten(),
                index: data.shots.get(at).cloned().flatten(),
                device: options.device.clone(),
                ..Setup::default()
            };
            let shared = Shared {
                plan,
                model,
                data,
                conditions: &conditions,
                settings: plan.settings()?,
                done: &done,
                next: AtomicUsize::new(0),
                left: &left,
                folder,
                outcome: &outcome,
                cancel,
                failed: AtomicBool::new(false),
                report,
            };
            work(&shared, &setup, jobs(options, &setup))?;
        }
    }
    let outcome = *outcome.lock().unwrap_or_else(PoisonError::into_inner);
    if outcome.is_complete() {
        sort(folder, &order)?;
    }
    Ok(outcome)
}

/// What answers are made from beside the plan: version, models and indexes, by their hashes.
fn inputs(prepared: &Prepared) -> Result<String, RunError> {
    let models = prepared.models.iter().map(|folder| {
        let bundle = rounds_model::bundle::Bundle::open(folder.as_deref());
        bundle.map(|bundle| bundle.sha256)
    });
    let models = models.collect::<Result<Vec<_>, _>>();
    let models = models.map_err(AssistantError::from)?;
    let index = |folder: &Option<std::path::PathBuf>| {
        Index::open(folder.as_deref()).map(|index| index.sha256())
    };
    let mut data = Vec::new();
    for set in &prepared.data {
        let shots = set.shots.iter().map(index).collect::<Result<Vec<_>, _>>()?;
        data.push(serde_json::json!({
            "name": set.name,
            "queries_sha256": index(&set.queries)?,
            "shots_sha256": shots,
        }));
    }
    let inputs = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "models_sha256": models,
        "data": data,
    });
    Ok(format!("{inputs:#}\n"))
}

fn key(data: &PreparedData, item: &Item, model: &str, condition: &Condition) -> Key {
    (
        data.name.clone(),
        item.example.id.clone(),
        model.to_string(),
        condition.id(),
    )
}

/// Everything that the plan asks for, in its order.
fn planned(plan: &Plan, prepared: &Prepared, conditions: &[Condition]) -> Vec<Key> {
    let mut all = Vec::new();
    for data in &prepared.data {
        for model in &plan.models {
            for condition in conditions {
                for item in &data.items {
                    all.push(key(data, item, model, condition));
                }
            }
        }
    }
    all
}

/// The file of answers in the order of the plan.
fn sort(folder: &RunFolder, order: &[Key]) -> Result<(), RunError> {
    let mut by_key: std::collections::HashMap<Key, Record> = Default::default();
    for record in folder.records()? {
        by_key.insert(record.key(), record);
    }
    let sorted: Vec<Record> = order.iter().filter_map(|key| by_key.remove(key)).collect();
    Ok(folder.rewrite(&sorted)?)
}

/// Weights up to this size are loaded once a core.
const SMALL_MODEL: u64 = 1 << 30;

fn jobs(options: &RunOptions, setup: &Setup) -> usize {
    if options.jobs > 0 {
        return options.jobs;
    }
    let size: u64 = match &setup.model {
        None => 0,
        Some(folder) => rounds_support::files::below(folder)
            .filter_map(|file| rounds_support::files::length(&file).ok())
            .sum(),
    };
    let on_cpu = rounds_model::device::open(&setup.device).is_ok_and(|(_, name)| name == "cpu");
    match on_cpu && size < SMALL_MODEL {
        true => std::thread::available_parallelism().map_or(1, usize::from),
        false => 1,
    }
}

/// Asks all questions of a data set on `jobs` threads.
fn work(shared: &Shared, setup: &Setup, jobs: usize) -> Result<(), RunError> {
    let worker = |shared: &Shared, setup: &Setup| {
        let ended = worker(shared, setup);
        if ended.is_err() {
            shared.failed.store(true, Ordering::Relaxed);
        }
        ended
    };
    if jobs <= 1 {
        return worker(shared, setup);
    }
    let results: Vec<Result<(), RunError>> = std::thread::scope(|scope| {
        let spawn = |_| {
            scope.spawn(|| {
                // One question a core is faster than all cores for one question.
                match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(pool) => pool.install(|| worker(shared, setup)),
                    Err(_) => worker(shared, setup),
                }
            })
        };
        let handles: Vec<_> = (0..jobs).map(spawn).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, _>| {
            handle.join().unwrap_or(Err(RunError::Panic))
        };
        handles.into_iter().map(join).collect()
    });
    results.into_iter().collect()
}

fn worker(shared: &Shared, setup: &Setup) -> Result<(), RunError> {
    let mut engine = Engine::load(setup)?;
    let queries = Index::open(shared.data.queries.as_deref())?;
    loop {
        let at = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(item) = shared.data.items.get(at) else {
            return Ok(());
        };
        let open = |c: &&Condition| {
            !shared
                .done
                .contains(&key(shared.data, item, shared.model, c))
        };
        let open: Vec<&Condition> = shared.conditions.iter().filter(open).collect();
        if open.is_empty() {
            continue;
        }
        let images = images(&queries, &item.example, shared.folder);
        for condition in open {
            let take = |left: usize| left.checked_sub(1);
            let taken = shared
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
            let failed = shared.failed.load(Ordering::Relaxed);
            if taken.is_err() || failed || shared.cancel.is_cancelled() {
                return Ok(());
            }
            let asked = match &images {
                Ok(images) => ask(&mut engine, shared, item, images, condition),
                Err(reason) => Err(AssistantError::Refused(reason.clone())),
            };
            let record = match asked {
                Ok(Some(record)) => record,
                Ok(None) => return Ok(()),
                // The plan, the device or the model is at fault, not the question.
                Err(error) if !is_about_the_question(&error) => return Err(error.into()),
                Err(error) => Record {
                    error: Some(rounds_support::sanitise::clean_line(&error.to_string())),
                    ..empty(shared, item, condition)
                },
            };
            shared.folder.append(&record)?;
            let outcome = {
                let mut outcome = shared
                    .outcome
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                outcome.answered += 1;
                outcome.failed += usize::from(record.error.is_some());
                *outcome
            };
            (shared.report)(&outcome);
        }
    }
}

/// Whether an error is one of a single question, so that the others can be asked.
fn is_about_the_question(error: &AssistantError) -> bool {
    use rounds_model::error::ModelError::{NoRoom, TooLong};
    matches!(
        error,
        AssistantError::EmptyQuestion
            | AssistantError::LongQuestion(_)
            | AssistantError::ManyImages(_)
            | AssistantError::Refused(_)
            | AssistantError::Index(IndexError::Damaged { .. })
            | AssistantError::Model(TooLong { .. } | NoRoom { .. })
    )
}

/// The images of a question, or why they cannot be used. Their files are kept in the run's folder, for reports and ratings.
fn images(index: &Index, example: &Example, folder: &RunFolder) -> Result<Vec<Image>, String> {
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

/// A record without an answer.
fn empty(shared: &Shared, item: &Item, condition: &Condition) -> Record {
    let example = &item.example;
    Record {
        dataset: shared.data.name.clone(),
        item: example.id.clone(),
        model: shared.model.to_string(),
        condition: condition.id(),
        asked: condition.clone(),
        question: example.question.clone(),
        reference: example.answer.clone(),
        kind: item.kind.clone(),
        closed: item.closed,
        images: example
            .images
            .iter()
            .map(|image| format!("{IMAGES}/{}.{}", image.sha256, image.extension))
            .collect(),
        options: item.options.clone(),
        shots: Vec::new(),
        last: None,
        shown_by: 0,
        majority: shared.data.majority_of(item),
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
fn ask(
    engine: &mut Engine,
    shared: &Shared,
    item: &Item,
    images: &[Image],
    condition: &Condition,
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
    let mut settings = shared.settings.clone();
    settings.shots = condition.k;
    settings.strategy = condition.strategy;
    settings.order = condition.order;
    // One draw for all questions would be no sample: every question has a seed of its own.
    settings.decoding.seed = seed_of(condition, example);
    settings.filter.extend(shared.data.shot_filter.clone());
    if shared.data.one_index {
        settings.excluded.push(example.id.clone());
    }
    if shared.plan.rank_options {
        settings.options = item.options.iter().map(|(_, text)| text.clone()).collect();
    }
    let found = match condition.strategy {
        Strategy::None => Found::default(),
        _ => match engine.shots(&case, &settings, shared.cancel) {
            Err(AssistantError::Index(IndexError::Cancelled)) => return Ok(None),
            other => other?,
        },
    };
    let mut shots = found.shots;
    if let Some(what) = changed_by(condition) {
        let donors = donors(engine, &case, &settings, shots.len(), shared.cancel)?;
        change(&mut shots, donors, what)?;
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
        answer_only: shared.plan.answer_only,
    };
    let answer = engine.answer_with(&case, &settings, &experiment, shared.cancel, &mut |_| {})?;
    if answer.stop == rounds_model::generate::StopReason::Cancelled {
        return Ok(None);
    }
    Ok(Some(Record {
        shown_by: found.shown_by,
        ..filled(empty(shared, item, condition), &answer)
    }))
}

fn filled(record: Record, answer: &Answer) -> Record {
    let last = answer.provenance.shot_ids.last();
    let last = last.and_then(|id| answer.shots.iter().position(|s| s.example.id == *id));
    let sum: f64 = answer.log_probabilities.iter().map(|p| f64::from(*p)).sum();
    Record {
        shots: answer
            .shots
            .iter()
            .map(|shot| RecordedShot {
                id: shot.example.id.clone(),
                answer: shot.example.answer.clone(),
                score: shot.score,
                match_share: shot.match_share,
            })
            .collect(),
        last,
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
