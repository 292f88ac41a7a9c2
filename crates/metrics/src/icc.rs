//! The intraclass correlation: how far do raters give the same items the same values?
//!
//! The two-way random model of Shrout and Fleiss (1979), absolute agreement, with the intervals of McGraw and Wong
//! (1996); equal to `pingouin.intraclass_corr`'s ICC2 and ICC2k. A rater who is always two points milder lowers it.

use crate::special::{f_above, f_exceeded};
use serde::{Deserialize, Serialize};

/// A value with its 95 % confidence interval; no bound where it does not exist (raters who agree perfectly).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The lower bound.
    pub low: Option<f64>,
    /// The upper bound.
    pub high: Option<f64>,
}

/// Intraclass correlations of the same ratings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Icc {
    /// ICC(2,1): of a single rater's values.
    pub single: Estimate,
    /// ICC(2,k): of the mean of all raters.
    pub average: Estimate,
    /// The F statistic of the items; none if there is no residual.
    pub f: Option<f64>,
    /// The probability of such an F if the items did not differ.
    pub p: Option<f64>,
    /// How many items.
    pub items: usize,
    /// How many raters.
    pub raters: usize,
}

/// ICC(2,1) and ICC(2,k) of `ratings[item][rater]`.
///
/// Every rater must have rated every item (drop items with gaps first). `None` otherwise, with fewer than two items or
/// raters, with values that are not finite, or if all values are the same.
pub fn icc(ratings: &[Vec<f64>]) -> Option<Icc> {
    let (n, k) = (ratings.len(), ratings.first()?.len());
    let usable = |row: &Vec<f64>| row.len() == k && row.iter().all(|value| value.is_finite());
    if n < 2 || k < 2 || !ratings.iter().all(usable) {
        return None;
    }
    let squares = MeanSquares::new(ratings, n as f64, k as f64);
    let (n, k) = (n as f64, k as f64);
    let MeanSquares {
        items,
        raters,
        residual,
    } = squares;
    let single = (items - residual) / (items + (k - 1.0) * residual + k * (raters - residual) / n);
    let average = (items - residual) / (items + (raters - residual) / n);
    if !single.is_finite() || !average.is_finite() {
        return None;
    }
    let finite = |value: f64| value.is_finite().then_some(value);
    let f = finite(items / residual);
    let bounds = squares.bounds(single, n, k);
    // Spearman and Brown: from one rater to the mean of all.
    let stepped = |bound: f64| finite(bound * k / (1.0 + bound * (k - 1.0)));
    Some(Icc {
        single: Estimate {
            value: single,
            low: finite(bounds.0),
            high: finite(bounds.1),
        },
        average: Estimate {
            value: average,
            low: stepped(bounds.0),
            high: stepped(bounds.1),
        },
        f,
        p: f.map(|f| f_above(f, n - 1.0, (n - 1.0) * (k - 1.0))),
        items: ratings.len(),
        raters: ratings.first()?.len(),
    })
}

/// Of the two-way analysis of variance.
struct MeanSquares {
    items: f64,
    raters: f64,
    residual: f64,
}

impl MeanSquares {
    fn new(ratings: &[Vec<f64>], n: f64, k: f64) -> Self {
        let grand = ratings.iter().flatten().sum::<f64>() / (n * k);
        let item_means: Vec<f64> = ratings
            .iter()
            .map(|row| row.iter().sum::<f64>() / k)
            .collect();
        let rater_means: Vec<f64> = (0..k as usize)
            .map(|rater| ratings.iter().filter_map(|row| row.get(rater)).sum::<f64>() / n)
            .collect();
        let square = |means: &[f64]| means.iter().map(|mean| (mean - grand).powi(2)).sum::<f64>();
        let mut residual = 0.0;
        for (row, item) in ratings.iter().zip(&item_means) {
            for (value, rater) in row.iter().zip(&rater_means) {
                residual += (value - item - rater + grand).powi(2);
            }
        }
        // What is left of a perfect agreement by rounding is none.
        let spread: f64 = ratings
            .iter()
            .flatten()
            .map(|value| (value - grand).powi(2))
            .sum();
        if residual < spread * 1e-24 {
            residual = 0.0;
        }
        Self {
            items: k * square(&item_means) / (n - 1.0),
            raters: n * square(&rater_means) / (k - 1.0),
            residual: residual / ((n - 1.0) * (k - 1.0)),
        }
    }

    /// The interval of ICC(2,1), not finite if there is no residual.
    fn bounds(&self, icc: f64, n: f64, k: f64) -> (f64, f64) {
        let Self {
            items,
            raters,
            residual,
        } = self;
        let ratio = raters / residual;
        let rest = n * (1.0 + (k - 1.0) * icc) - k * icc;
        let above = (n - 1.0) * (k - 1.0) * (k * icc * ratio + rest).powi(2);
        let below = (n - 1.0) * k * k * icc * icc * ratio * ratio + rest * rest;
        let df = above / below;
        if !df.is_finite() || df <= 0.0 {
            return (f64::NAN, f64::NAN);
        }
        let upper = f_exceeded(0.025, n - 1.0, df);
        let lower = f_exceeded(0.025, df, n - 1.0);
        let spread = k * raters + (k * n - k - n) * residual;
        (
            n * (items - upper * residual) / (upper * spread + n * items),
            n * (lower * items - residual) / (spread + n * lower * items),
        )
    }
}
