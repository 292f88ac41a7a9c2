//! How far raters agree.

use rounds_metrics::agreement::{Level, Weighting, cohen_kappa, krippendorff_alpha};
use rounds_metrics::icc::{Estimate, icc};
use serde::Serialize;

use super::rating_types::MAX_SCORE;

/// Agreement between raters. A value is `None` where it does not exist, as with one rater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Number of answers that every rater rated, which the first three values are of.
    pub answers: usize,
    /// Intraclass correlation of single ratings: two-way random effects, absolute agreement (Shrout and Fleiss 1979).
    pub icc_2_1: Option<Estimate>,
    /// Intraclass correlation of the mean of all raters.
    pub icc_2_k: Option<Estimate>,
    /// Cohen's kappa with quadratic weights, mean over all pairs of raters.
    pub weighted_kappa: Option<f64>,
    /// Krippendorff's alpha for interval data, over all answers that at least two raters rated.
    pub krippendorff_alpha: Option<f64>,
}

impl Agreement {
    /// Agreement from the points of each answer: one value per rater, `None` where that rater gave none.
    pub(super) fn of(points: &[Vec<Option<u8>>]) -> Self {
        let complete: Vec<Vec<u8>> = points
            .iter()
            .filter_map(|row| row.iter().copied().collect())
            .collect();
        let rows: Vec<Vec<f64>> = complete
            .iter()
            .map(|row| row.iter().copied().map(f64::from).collect())
            .collect();
        let raters = points.first().map_or(0, Vec::len);
        let icc = icc(&rows);
        Self {
            answers: complete.len(),
            icc_2_1: icc.map(|icc| icc.single),
            icc_2_k: icc.map(|icc| icc.average),
            weighted_kappa: mean_kappa(&complete, raters),
            krippendorff_alpha: alpha(points, raters),
        }
    }
}

fn alpha(points: &[Vec<Option<u8>>], raters: usize) -> Option<f64> {
    let of = |rater: usize| {
        let values = points.iter().map(|row| row.get(rater).copied().flatten());
        values.map(|value| value.map(f64::from)).collect()
    };
    let by_rater: Vec<Vec<Option<f64>>> = (0..raters).map(of).collect();
    krippendorff_alpha(&by_rater, Level::Interval)
}

fn mean_kappa(complete: &[Vec<u8>], raters: usize) -> Option<f64> {
    let column = |rater: usize| -> Vec<usize> {
        let values = complete.iter().filter_map(|row| row.get(rater));
        values.map(|value| usize::from(*value)).collect()
    };
    let pairs = (0..raters).flat_map(|a| (a + 1..raters).map(move |b| (a, b)));
    let kappa = |(a, b)| {
        let categories = usize::from(MAX_SCORE) + 1;
        cohen_kappa(&column(a), &column(b), categories, Weighting::Quadratic)
    };
    let all: Vec<f64> = pairs.map(kappa).collect::<Option<_>>()?;
    super::report::mean(&all)
}
