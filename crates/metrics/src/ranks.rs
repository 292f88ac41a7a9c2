//! Which model do the raters rank first? Mean ranks and Friedman's test.

use crate::special::chi_squared_above;
use serde::{Deserialize, Serialize};

/// The ranks of values, 1 for the highest; equal values share the mean of their ranks. `None` if a value is not finite.
pub fn ranks(values: &[f64]) -> Option<Vec<f64>> {
    if values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let rank = |value: &f64| {
        let above = values.iter().filter(|other| *other > value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        above as f64 + (equal as f64 + 1.0) / 2.0
    };
    Some(values.iter().map(rank).collect())
}

/// Friedman's test of several models on the same items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Friedman {
    /// The mean rank of each model; 1 is best.
    pub mean_ranks: Vec<f64>,
    /// The statistic, corrected for ties; none if every item ties all models.
    pub statistic: Option<f64>,
    /// Its p-value (chi-squared, which wants about ten items or more).
    pub p: Option<f64>,
    /// How many items.
    pub items: usize,
}

/// Mean ranks of `scores[item][model]`, higher scores being better, and whether they differ by more than chance.
///
/// `None` without items, with fewer than two models, with rows of different length, or if a score is not finite.
pub fn friedman(scores: &[Vec<f64>]) -> Option<Friedman> {
    let models = scores.first()?.len();
    if models < 2 || scores.iter().any(|row| row.len() != models) {
        return None;
    }
    let ranked: Vec<Vec<f64>> = scores.iter().map(|row| ranks(row)).collect::<Option<_>>()?;
    let (n, k) = (scores.len() as f64, models as f64);
    let sums: Vec<f64> = (0..models)
        .map(|model| ranked.iter().filter_map(|row| row.get(model)).sum())
        .collect();
    let ties: f64 = scores.iter().map(|row| ties(row)).sum();
    let correction = 1.0 - ties / (k * (k * k - 1.0) * n);
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let plain = 12.0 / (k * n * (k + 1.0)) * squares - 3.0 * n * (k + 1.0);
    let statistic = (correction > 0.0).then(|| plain / correction);
    Some(Friedman {
        mean_ranks: sums.iter().map(|sum| sum / n).collect(),
        statistic,
        p: statistic.map(|statistic| chi_squared_above(statistic, k - 1.0)),
        items: scores.len(),
    })
}

/// `t (t² - 1)` of every group of `t` equal values.
fn ties(row: &[f64]) -> f64 {
    // Each member of a group adds its share of the group's term.
    row.iter()
        .map(|value| {
            let equal = row.iter().filter(|other| *other == value).count() as f64;
            equal * equal - 1.0
        })
        .sum()
}
