//! Opens the seal: what the raters say of each system, and how far they agree.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use rounds_metrics::bootstrap::interval;
use rounds_metrics::ranks::ranks;
use rounds_support::INTENDED_USE;

use super::rating_types::{Flag, Rating};
use super::{Agreement, RatingError, RatingSet, Ratings, rater_files};

/// Samples of the bootstrap.
const SAMPLES: usize = 2000;
/// Seed of the bootstrap, so that the same ratings always have the same interval.
const BOOTSTRAP_SEED: u64 = 20;

/// What raters said of the systems.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What it may be used for.
    pub intended_use: &'static str,
    /// The seal of the rating file.
    pub seal: String,
    /// Number of items.
    pub items: usize,
    /// Names of the data sets, in the order of their first item.
    pub datasets: Vec<String>,
    /// The systems, the best mean rating first.
    pub systems: Vec<SystemRow>,
    /// The raters, by name.
    pub raters: Vec<RaterRow>,
    /// How far they agree.
    pub agreement: Agreement,
}

/// How many ratings a rater has given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RaterRow {
    /// The rater's name.
    pub rater: String,
    /// Answers that the rater gave points.
    pub rated: usize,
    /// Answers in all.
    pub of: usize,
}

/// What the raters say of one system.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SystemRow {
    /// Model and condition.
    pub system: String,
    /// Number of ratings with points.
    pub ratings: usize,
    /// Mean over items of the raters' mean; `None` without ratings.
    pub mean: Option<f64>,
    /// 95 % bootstrap interval of the mean, drawn over items; `None` with fewer than two.
    pub interval: Option<(f64, f64)>,
    /// Mean rank among the systems (1 is best, ties share their mean), over raters and the items they rated completely.
    pub mean_rank: Option<f64>,
    /// Shares of the ratings with a flag.
    pub flags: FlagShares,
    /// Mean rating on each data set.
    pub by_dataset: Vec<Option<f64>>,
    /// Mean over the data sets of the rank by mean rating, as published evaluations give it.
    pub average_rank: Option<f64>,
}

/// Shares between 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names of the flags")]
pub struct FlagShares {
    pub hallucination: f64,
    #[serde(rename = "unsafe")]
    pub unsafe_: f64,
    pub unsupported: f64,
}

impl FlagShares {
    /// The share of a flag.
    pub fn of(self, flag: Flag) -> f64 {
        match flag {
            Flag::Hallucination => self.hallucination,
            Flag::Unsafe => self.unsafe_,
            Flag::Unsupported => self.unsupported,
        }
    }
}

/// A rating with its system.
struct Told {
    item: usize,
    system: usize,
    rating: Rating,
    score: f64,
}

impl Report {
    /// Reads the rating file and all raters' files beside it, and compares.
    pub fn read(path: &Path) -> Result<Self, RatingError> {
        let set = RatingSet::read(path)?;
        let raters = rater_files(path)
            .iter()
            .map(|path| Ratings::read(path, &set))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(&set, &raters))
    }

    /// Compares these ratings.
    pub fn of(set: &RatingSet, raters: &[Ratings]) -> Self {
        let current: Vec<_> = raters.iter().map(Ratings::current).collect();
        let told: Vec<Vec<Told>> = current.iter().map(|ratings| told(set, ratings)).collect();
        // Nobody agrees or disagrees with a rater who has only opened the file.
        let rates = |ratings: &&BTreeMap<_, Rating>| ratings.values().any(|r| r.score.is_some());
        let begun: Vec<_> = current.iter().filter(rates).collect();
        let mut datasets: Vec<String> = Vec::new();
        for item in &set.items {
            if !datasets.contains(&item.dataset) {
                datasets.push(item.dataset.clone());
            }
        }
        let rows = set.sealed.systems.iter().enumerate();
        let rows = rows.map(|(at, name)| system(set, &told, &datasets, at, name));
        let mut systems: Vec<SystemRow> = rows.collect();
        add_average_ranks(&mut systems, datasets.len());
        let mean = |row: &SystemRow| row.mean.unwrap_or(f64::NEG_INFINITY);
        systems.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
        let rater = |(ratings, told): (&Ratings, &Vec<Told>)| RaterRow {
            rater: ratings.rater.clone(),
            rated: told.len(),
            of: set.answers(),
        };
        Self {
            intended_use: INTENDED_USE,
            seal: set.seal.clone(),
            items: set.items.len(),
            datasets,
            systems,
            raters: raters.iter().zip(&told).map(rater).collect(),
            agreement: Agreement::of(&by_answer(set, &begun)),
        }
    }

    /// The raters who have not rated everything yet.
    pub fn unfinished(&self) -> impl Iterator<Item = &RaterRow> {
        self.raters.iter().filter(|row| row.rated < row.of)
    }
}

/// One rater's ratings with points.
fn told(set: &RatingSet, current: &BTreeMap<(usize, usize), Rating>) -> Vec<Told> {
    let told = |(&(item, answer), &rating): (&(usize, usize), &Rating)| {
        let order = &set.sealed.items.get(item)?.order;
        Some(Told {
            item,
            system: *order.get(answer)?,
            rating,
            score: f64::from(rating.score?),
        })
    };
    current.iter().filter_map(told).collect()
}

/// The points of every answer, by rater.
fn by_answer(
    set: &RatingSet,
    current: &[&BTreeMap<(usize, usize), Rating>],
) -> Vec<Vec<Option<u8>>> {
    let answers = set.items.iter().enumerate();
    let answers = answers.flat_map(|(at, item)| (0..item.answers.len()).map(move |n| (at, n)));
    let of = |ratings: &BTreeMap<(usize, usize), Rating>, key| ratings.get(&key)?.score;
    answers
        .map(|key| current.iter().map(|&ratings| of(ratings, key)).collect())
        .collect()
}

fn system(
    set: &RatingSet,
    told: &[Vec<Told>],
    datasets: &[String],
    system: usize,
    name: &str,
) -> SystemRow {
    let own: Vec<&Told> = told
        .iter()
        .flatten()
        .filter(|told| told.system == system)
        .collect();
    let mut by_item: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for told in &own {
        by_item.entry(told.item).or_default().push(told.score);
    }
    let items: Vec<(usize, f64)> = by_item
        .iter()
        .filter_map(|(item, scores)| Some((*item, mean(scores)?)))
        .collect();
    let means: Vec<f64> = items.iter().map(|(_, mean)| *mean).collect();
    let of_dataset = |name: &String| {
        let is_of = |item: &usize| set.items.get(*item).is_some_and(|i| i.dataset == *name);
        let chosen = items.iter().filter(|(item, _)| is_of(item));
        mean(&chosen.map(|(_, mean)| *mean).collect::<Vec<_>>())
    };
    let share = |flag: Flag| {
        let with = own
            .iter()
            .filter(|told| told.rating.flags.has(flag))
            .count();
        with as f64 / own.len().max(1) as f64
    };
    SystemRow {
        system: rounds_support::sanitise::clean_line(name),
        ratings: own.len(),
        mean: mean(&means),
        interval: bootstrap(&means),
        mean_rank: mean_rank(told, set.sealed.systems.len(), system),
        flags: FlagShares {
            hallucination: share(Flag::Hallucination),
            unsafe_: share(Flag::Unsafe),
            unsupported: share(Flag::Unsupported),
        },
        by_dataset: datasets.iter().map(of_dataset).collect(),
        average_rank: None,
    }
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// 95 % bootstrap interval of the mean; `None` of fewer than two values, which would always be drawn alike.
fn bootstrap(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let interval = interval(values, None, SAMPLES, BOOTSTRAP_SEED)?;
    Some((interval.low, interval.high))
}

/// Mean rank of a system within each rater's completely rated items.
fn mean_rank(told: &[Vec<Told>], systems: usize, system: usize) -> Option<f64> {
    let mut all = Vec::new();
    for rater in told {
        // Sorted by item, as they come from a map.
        for item in rater.chunk_by(|a, b| a.item == b.item) {
            let scores: Vec<f64> = item.iter().map(|told| told.score).collect();
            let own = item.iter().position(|told| told.system == system);
            let ranked = ranks(&scores).filter(|_| scores.len() == systems);
            if let (Some(own), Some(ranked)) = (own, ranked) {
                all.extend(ranked.get(own));
            }
        }
    }
    mean(&all)
}

/// Ranks the systems on each data set by mean rating, and averages over the data sets that all were rated on.
fn add_average_ranks(systems: &mut [SystemRow], datasets: usize) {
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); systems.len()];
    for dataset in 0..datasets {
        let of = |row: &SystemRow| row.by_dataset.get(dataset).copied().flatten();
        let means = systems.iter().map(of).collect::<Option<Vec<f64>>>();
        let ranked = means.and_then(|means| ranks(&means)).unwrap_or_default();
        for (rank, ranks) in ranked.iter().zip(&mut all) {
            ranks.push(*rank);
        }
    }
    for (row, ranks) in systems.iter_mut().zip(&all) {
        row.average_rank = mean(ranks);
    }
}

#[cfg(test)]
impl RatingSet {
    /// The letter under which raters see a system's answer to item `item`.
    pub(super) fn letter_of(&self, item: usize, system: &str) -> Option<char> {
        let number = self.sealed.systems.iter().position(|name| name == system)?;
        let order = &self.sealed.items.get(item)?.order;
        let at = order.iter().position(|at| *at == number)?;
        Some(super::letter(at))
    }
}
