//! Runs a plan: every question under every condition, each answer kept as soon as it is there.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::ask::{Asking, ask, empty, images};
use super::condition::Condition;
use super::data::{Item, Prepared, PreparedData};
use super::inputs::Inputs;
use super::plan::Plan;
use super::record::{Key, Record};
use super::run_error::RunError;
use super::run_folder::RunFolder;
use rounds_assistant::{AssistantError, Engine, Setup};
use rounds_index::{Index, IndexError};
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
    asking: Asking<'a>,
    conditions: Vec<Condition>,
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
    let inputs = Inputs::of(plan, prepared)?;
    folder.hold_to(&inputs.text())?;
    let order = planned(plan, prepared);
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
        for (number, data) in prepared.data.iter().enumerate() {
            let conditions = data.conditions(plan);
            let is_asked = |item: &Item| {
                let mut conditions = conditions.iter();
                conditions.all(|condition| done.contains(&key(data, item, model, condition)))
            };
            if cancel.is_cancelled() || data.items.iter().all(is_asked) {
                continue;
            }
            let setup = Setup {
                model: prepared.models.get(at).cloned().flatten(),
                index: data.shots.get(at).cloned().flatten(),
                device: options.device.clone(),
                ..Setup::default()
            };
            let shared = Shared {
                asking: Asking {
                    plan,
                    model,
                    data,
                    template: data.templates.get(at).and_then(Option::as_ref),
                    settings: plan.settings()?,
                    made_from: inputs.key(number, at),
                },
                conditions,
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

fn key(data: &PreparedData, item: &Item, model: &str, condition: &Condition) -> Key {
    (
        data.name.clone(),
        item.id.clone(),
        model.to_string(),
        condition.id(),
    )
}

/// Everything that the plan asks for, in its order.
fn planned(plan: &Plan, prepared: &Prepared) -> Vec<Key> {
    let mut all = Vec::new();
    for data in &prepared.data {
        let conditions = data.conditions(plan);
        for model in &plan.models {
            for condition in &conditions {
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
    let asking = &shared.asking;
    if let Some(template) = asking.template {
        engine.use_template(template);
    }
    let queries = Index::open(asking.data.queries.as_deref())?;
    loop {
        let at = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(item) = asking.data.items.get(at) else {
            return Ok(());
        };
        let open = |c: &&Condition| {
            !shared
                .done
                .contains(&key(asking.data, item, asking.model, c))
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
                Ok(images) => ask(&mut engine, asking, item, images, condition, shared.cancel),
                Err(reason) => Err(AssistantError::Refused(reason.clone())),
            };
            let record = match asked {
                Ok(Some(record)) => record,
                Ok(None) => return Ok(()),
                // The plan, the device or the model is at fault, not the question.
                Err(error) if !is_about_the_question(&error) => return Err(error.into()),
                Err(error) => Record {
                    error: Some(rounds_support::sanitise::clean_line(&error.to_string())),
                    ..empty(asking, item, condition)
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
