//! Own parameters of FSRS, fitted to a learner's log, and the retention that is worth its time.
//!
//! New parameters are judged on reviews that they were not fitted to: those of four fifths of the cards are fitted, those of the
//! others are predicted. So parameters that only know the past by heart are seen to be no better.

use std::collections::BTreeMap;
use std::time::Duration;

use fsrs::{
    CombinedProgressState, ComputeParametersInput, FSRS, FSRSError, FSRSItem, FSRSReview,
    RevlogEntry, RevlogReviewKind, SimulatorConfig,
};
use rounds_support::Cancel;

use crate::days::Days;
use crate::error::StudyError;
use crate::schedule::Scheduler;
use crate::store::{Review, ReviewKind};

/// Reviews, a day or more after the last, that fitting needs.
pub const MIN_REVIEWS: usize = 200;
/// Longest history of a card that is fitted, in grades.
const MAX_HISTORY: usize = 256;
/// Most cards that are simulated for the best retention.
const MAX_SIMULATED: usize = 10_000;
/// How often a fit is asked for its progress.
const POLL: Duration = Duration::from_millis(20);

/// How well recall is predicted; less is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Mean negative logarithm of the probability of what happened.
    pub log_loss: f32,
    /// Root mean square difference between predicted and actual recall, over bins of similar reviews.
    pub rmse: f32,
}

/// Own parameters, and how good they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The 21 parameters, fitted to the whole log.
    pub parameters: Vec<f32>,
    /// Reviews that they were fitted to.
    pub reviews: usize,
    /// How well the present parameters predict the reviews of a fifth of the cards.
    pub before: Quality,
    /// How well parameters fitted to the rest predict it.
    pub after: Quality,
}

impl Fit {
    /// Whether the new parameters predict better; otherwise they should not be used.
    pub fn is_better(&self) -> bool {
        self.after.log_loss < self.before.log_loss
    }
}

/// A review with the history of its card.
#[derive(Clone)]
struct Item {
    at: i64,
    card: i64,
    item: FSRSItem,
}

/// Fits parameters to a log. `progress` gets what is done and all there is to do.
///
/// Errors if there are fewer than [`MIN_REVIEWS`], or if it was cancelled.
pub fn fit(
    log: &[Review],
    scheduler: &Scheduler,
    progress: &mut dyn FnMut(usize, usize),
    cancel: &Cancel,
) -> Result<Fit, StudyError> {
    let items = items(log, scheduler.days());
    if items.len() < MIN_REVIEWS {
        return Err(StudyError::TooFewReviews {
            found: items.len(),
            needed: MIN_REVIEWS,
        });
    }
    let steps = scheduler.settings().relearning_steps_minutes.len();
    // Whole cards are held out: the last reviews of all cards are long after their learning, where parameters differ least.
    let (held_out, others): (Vec<Item>, Vec<Item>) =
        items.iter().cloned().partition(|item| item.card % 5 == 0);
    // Two fits of about the same length.
    let trial = compute(&others, steps, cancel, &mut |done, all| {
        progress(done, 2 * all);
    })?;
    let before = quality(scheduler.fsrs(), &held_out, cancel)?;
    let after = quality(&FSRS::new(&trial).map_err(failed)?, &held_out, cancel)?;
    let parameters = compute(&items, steps, cancel, &mut |done, all| {
        progress(all + done, 2 * all);
    })?;
    Ok(Fit {
        parameters,
        reviews: items.len(),
        before,
        after,
    })
}

/// The retention at which a deck of `cards` cards gives most knowledge for the time spent on it, 0.70 to 0.95, simulated
/// for a year with the learner's own times and grades; `None` if none is better than the others. `progress` gets the number
/// of retentions tried.
pub fn best_retention(
    scheduler: &Scheduler,
    log: &[Review],
    cards: usize,
    progress: &mut (dyn FnMut(usize) + Send),
    cancel: &Cancel,
) -> Result<Option<f32>, StudyError> {
    let settings = scheduler.settings();
    let days = scheduler.days();
    let last = log.iter().map(|review| review.at).max().unwrap_or(0);
    let cutoff = days.end_of_today(last) / 1000;
    let learnt = fsrs::extract_simulator_config(entries(log), cutoff, true);
    let config = SimulatorConfig {
        deck_size: cards.clamp(1, MAX_SIMULATED),
        learn_span: 365,
        max_cost_perday: f32::MAX,
        max_ivl: settings.max_interval_days as f32,
        learn_limit: settings.new_per_day.max(1) as usize,
        review_limit: settings.reviews_per_day.max(1) as usize,
        ..learnt
    };
    let tried = |item: fsrs::ItemProgress| {
        progress(item.current);
        !cancel.is_cancelled()
    };
    match fsrs::optimal_retention(&config, &settings.parameters, tried, None, None) {
        // Also when it was stopped before anything was found.
        Err(FSRSError::OptimalNotFound) if !cancel.is_cancelled() => Ok(None),
        Err(FSRSError::OptimalNotFound) => Err(StudyError::Stopped),
        found => found.map(Some).map_err(failed),
    }
}

/// Every review that came a day or more after the last of its card, by time. Cards whose beginning is not in the log are
/// left out: their memory at that time is unknown.
fn items(log: &[Review], days: &Days) -> Vec<Item> {
    let mut items = Vec::new();
    for (number, history) in histories(log).into_values().enumerate() {
        let is_whole = history.first().is_some_and(begins);
        if !is_whole {
            continue;
        }
        let (mut reviews, mut last) = (Vec::new(), None);
        for review in history.into_iter().take(MAX_HISTORY) {
            let elapsed = last.map_or(0, |last| days.elapsed(last, review.at));
            last = Some(review.at);
            reviews.push(FSRSReview {
                rating: review.grade as u32,
                delta_t: elapsed,
            });
            if elapsed > 0 {
                items.push(Item {
                    at: review.at,
                    card: number as i64,
                    item: FSRSItem {
                        reviews: reviews.clone(),
                    },
                });
            }
        }
    }
    items.sort_by_key(|item| item.at);
    items
}

/// Whether a review is the first of its card. One that was imported without those before it only looks new.
fn begins(review: &&Review) -> bool {
    review.before.is_new() && review.kind == ReviewKind::Learn
}

/// The grades of every card by time, without those that changed nothing.
fn histories(log: &[Review]) -> BTreeMap<(&str, &str), Vec<&Review>> {
    let mut histories: BTreeMap<_, Vec<&Review>> = BTreeMap::new();
    for review in log {
        if review.kind != ReviewKind::Cram {
            let card = (review.deck.as_str(), review.card.as_str());
            histories.entry(card).or_default().push(review);
        }
    }
    for history in histories.values_mut() {
        history.sort_by_key(|review| review.at);
    }
    histories
}

/// Fits on a thread of its own, because only another thread can ask for progress and stop it.
fn compute(
    items: &[Item],
    relearning_steps: usize,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<f32>, StudyError> {
    let state = CombinedProgressState::new_shared();
    let input = ComputeParametersInput {
        train_set: items.iter().map(|item| item.item.clone()).collect(),
        card_ids: Some(items.iter().map(|item| item.card).collect()),
        progress: Some(state.clone()),
        enable_short_term: true,
        num_relearning_steps: Some(relearning_steps),
        training_config: None,
    };
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || fsrs::compute_parameters(input));
        while !worker.is_finished() {
            std::thread::sleep(POLL);
            if let Ok(mut state) = state.lock() {
                state.want_abort |= cancel.is_cancelled();
                if state.total() > 0 {
                    progress(state.current(), state.total());
                }
            }
        }
        let broken = |_| StudyError::Scheduler("the fit broke off".into());
        worker.join().map_err(broken)?.map_err(failed)
    })
}

fn quality(fsrs: &FSRS, items: &[Item], cancel: &Cancel) -> Result<Quality, StudyError> {
    let set = items.iter().map(|item| item.item.clone()).collect();
    let measured = fsrs
        .evaluate(set, |_| !cancel.is_cancelled())
        .map_err(failed)?;
    Ok(Quality {
        log_loss: measured.log_loss,
        rmse: measured.rmse_bins,
    })
}

/// The log as FSRS's simulator reads it.
fn entries(log: &[Review]) -> Vec<RevlogEntry> {
    let mut entries = Vec::new();
    for (number, history) in histories(log).into_values().enumerate() {
        for review in history {
            entries.push(RevlogEntry {
                id: review.at,
                cid: number as i64,
                button_chosen: review.grade as u8,
                taken_millis: review.took_ms,
                review_kind: match review.kind {
                    ReviewKind::Learn => RevlogReviewKind::Learning,
                    ReviewKind::Review => RevlogReviewKind::Review,
                    ReviewKind::Relearn => RevlogReviewKind::Relearning,
                    ReviewKind::Cram => RevlogReviewKind::Filtered,
                },
                ..RevlogEntry::default()
            });
        }
    }
    entries.sort_by_key(|entry| entry.id);
    entries
}

fn failed(error: FSRSError) -> StudyError {
    match error {
        FSRSError::Interrupted => StudyError::Stopped,
        FSRSError::NotEnoughData => StudyError::Scheduler("there are too few reviews".into()),
        error => StudyError::Scheduler(error.to_string()),
    }
}
