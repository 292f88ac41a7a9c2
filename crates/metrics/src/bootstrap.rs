//! A mean with its bootstrap interval.
//!
//! Several questions about one image are not independent. Given the image of each, whole images are drawn, so that the
//! interval is not too narrow.

use crate::random::Draws;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The share of the resampled means between `low` and `high`.
pub const CONFIDENCE: f64 = 0.95;

/// A mean with its 95 % percentile bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean of the values themselves.
    pub mean: f64,
    /// The 2.5th percentile of the resampled means.
    pub low: f64,
    /// The 97.5th percentile of the resampled means.
    pub high: f64,
    /// How many values.
    pub n: usize,
}

/// The mean of `values` with its interval from `resamples` resamples. Equal arguments give equal results, always.
///
/// With `clusters` (for each value the number of its image, say) clusters are drawn with replacement, as many as there
/// are, each with all its values; otherwise single values are. `None` if there is no value, one is not finite, there is
/// no resample, or the clusters are not as many as the values.
pub fn interval(
    values: &[f64],
    clusters: Option<&[usize]>,
    resamples: usize,
    seed: u64,
) -> Option<Interval> {
    intervals(&[values], clusters, resamples, seed).pop()?
}

/// The intervals of several scores of the same answers: each as [`interval`] gives it, but one resample serves all of them, so that the draws are
/// made once.
pub fn intervals(
    columns: &[&[f64]],
    clusters: Option<&[usize]>,
    resamples: usize,
    seed: u64,
) -> Vec<Option<Interval>> {
    let units: Vec<Option<Units>> = columns
        .iter()
        .map(|values| Units::new(values, clusters))
        .collect();
    let mut found: Vec<Option<Interval>> = vec![None; columns.len()];
    // Columns of different lengths without clusters cannot share their draws.
    let mut sizes: Vec<usize> = units.iter().flatten().map(Units::count).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let fitting = units.iter().zip(columns).enumerate();
        let together: Vec<(usize, &Units, usize)> = fitting
            .filter_map(|(at, (units, values))| Some((at, units.as_ref()?, values.len())))
            .filter(|(_, units, _)| units.count() == size)
            .collect();
        let mut means: Vec<Vec<f64>> = vec![Vec::new(); together.len()];
        let mut draws = Draws::new(seed);
        let mut drawn = vec![0; size];
        for _ in 0..resamples {
            drawn.fill_with(|| draws.index(size));
            for ((_, units, _), means) in together.iter().zip(&mut means) {
                means.push(units.mean_of(&drawn));
            }
        }
        for ((at, units, n), mut means) in together.into_iter().zip(means) {
            means.sort_by(f64::total_cmp);
            if let (Some((low, high)), Some(slot)) = (tails(&means), found.get_mut(at)) {
                let mean = units.mean();
                *slot = Some(Interval { mean, low, high, n });
            }
        }
    }
    found
}

/// The values that are drawn together, as their sum and number.
pub(crate) struct Units(Vec<(f64, usize)>);

impl Units {
    /// `None` if there is no value, one is not finite, or the clusters are not as many as the values.
    pub(crate) fn new(values: &[f64], clusters: Option<&[usize]>) -> Option<Self> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let Some(clusters) = clusters else {
            return Some(Self(values.iter().map(|value| (*value, 1)).collect()));
        };
        if clusters.len() != values.len() {
            return None;
        }
        let mut sums: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
        for (value, cluster) in values.iter().zip(clusters) {
            let sum = sums.entry(*cluster).or_default();
            sum.0 += value;
            sum.1 += 1;
        }
        Some(Self(sums.into_values().collect()))
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn mean(&self) -> f64 {
        mean(self.0.iter())
    }

    /// The mean of a resample, given by the places of its units.
    fn mean_of(&self, drawn: &[usize]) -> f64 {
        mean(drawn.iter().filter_map(|at| self.0.get(*at)))
    }

    /// The mean of each resample. `None` if none is asked for.
    pub(crate) fn resampled_means(&self, resamples: usize, seed: u64) -> Option<Vec<f64>> {
        if resamples == 0 {
            return None;
        }
        let mut draws = Draws::new(seed);
        let once =
            |_| mean((0..self.0.len()).filter_map(|_| self.0.get(draws.index(self.0.len()))));
        Some((0..resamples).map(once).collect())
    }
}

fn mean<'a>(units: impl Iterator<Item = &'a (f64, usize)>) -> f64 {
    let (sum, count) = units.fold((0.0, 0usize), |(sum, count), unit| {
        (sum + unit.0, count + unit.1)
    });
    sum / count as f64
}

/// The two ends of the interval in sorted resamples.
pub(crate) fn tails(sorted: &[f64]) -> Option<(f64, f64)> {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    quantile(sorted, tail).zip(quantile(sorted, 1.0 - tail))
}

/// A quantile (0 to 1) of sorted values, between neighbours by straight line as NumPy's default. `None` of no values.
pub fn quantile(sorted: &[f64], fraction: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = fraction.clamp(0.0, 1.0) * last as f64;
    let low = sorted.get(at.floor() as usize)?;
    let high = sorted.get(at.ceil() as usize)?;
    Some(low + (high - low) * at.fract())
}
