//! Is one run better than another on the same items?
//!
//! Two runs that saw the same items are compared item by item: what is easy is easy for both, so the intervals of the
//! two means say far less than the interval of their difference.

use crate::bootstrap::{Units, tails};
use crate::special::{binomial_half_cdf, binomial_half_pmf};
use serde::{Deserialize, Serialize};

/// The difference between two runs on the same items.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean of the first run minus mean of the second.
    pub difference: f64,
    /// The 2.5th percentile of the resampled differences.
    pub low: f64,
    /// The 97.5th percentile of the resampled differences.
    pub high: f64,
    /// Two-sided: twice the smaller share of resampled differences on one side of 0, at most 1. One is added to the
    /// count and to the number of resamples, so that it is never 0.
    pub p: f64,
    /// How many items.
    pub n: usize,
}

/// The paired bootstrap of the scores of two runs, `a` and `b`, item by item; clusters, resamples and seed as in
/// [`bootstrap::interval`](crate::bootstrap::interval). `None` as there, and if the runs are not of the same length.
pub fn paired_difference(
    a: &[f64],
    b: &[f64],
    clusters: Option<&[usize]>,
    resamples: usize,
    seed: u64,
) -> Option<Difference> {
    if a.len() != b.len() {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let units = Units::new(&differences, clusters)?;
    let mut means = units.resampled_means(resamples, seed)?;
    let not_above = means.iter().filter(|mean| **mean <= 0.0).count();
    let not_below = means.iter().filter(|mean| **mean >= 0.0).count();
    let p = 2.0 * (1 + not_above.min(not_below)) as f64 / (1 + resamples) as f64;
    means.sort_by(f64::total_cmp);
    let (low, high) = tails(&means)?;
    Some(Difference {
        difference: units.mean(),
        low,
        high,
        p: p.min(1.0),
        n: a.len(),
    })
}

/// McNemar's test of two runs that are right or wrong on each item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Items that only the first run got right.
    pub only_first: usize,
    /// Items that only the second run got right.
    pub only_second: usize,
    /// The exact two-sided p-value (binomial).
    pub p: f64,
    /// The mid-p-value, less conservative (Fagerland, Lydersen, Laake 2013).
    pub mid_p: f64,
}

/// McNemar's test on the items of two runs. `None` if they are not of the same length.
pub fn mcnemar(first: &[bool], second: &[bool]) -> Option<McNemar> {
    if first.len() != second.len() {
        return None;
    }
    let only = |one: &[bool], other: &[bool]| {
        one.iter()
            .zip(other)
            .filter(|(one, other)| **one && !**other)
            .count()
    };
    Some(mcnemar_of_counts(only(first, second), only(second, first)))
}

/// McNemar's test on the numbers of items that only one of the runs got right. Without any, both p-values are 1.
pub fn mcnemar_of_counts(only_first: usize, only_second: usize) -> McNemar {
    let (n, fewer) = (only_first + only_second, only_first.min(only_second));
    // With equal counts both are 1; the sum would be so only up to rounding.
    let (p, mid_p) = if only_first == only_second {
        (1.0, 1.0)
    } else {
        let p = (2.0 * binomial_half_cdf(fewer, n)).min(1.0);
        (p, p - binomial_half_pmf(fewer, n))
    };
    McNemar {
        only_first,
        only_second,
        p,
        mid_p,
    }
}
