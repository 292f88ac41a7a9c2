//! Agreement between raters beyond chance: Cohen's kappa for two, Krippendorff's alpha for any number with gaps.

use serde::{Deserialize, Serialize};

/// How bad a disagreement is for Cohen's kappa.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// Any is as bad as any other (unweighted kappa).
    Equal,
    /// As the distance between the categories.
    Linear,
    /// As the square of the distance.
    Quadratic,
}

/// Cohen's kappa of two raters who put the same items into categories 0 to `categories - 1`, in order; 1 is perfect
/// agreement, 0 chance. Equal to scikit-learn's `cohen_kappa_score` with `labels=range(categories)`.
///
/// `None` if there are no items, the raters differ in their number, a category is out of range, or chance would not
/// disagree either (both always use the same category).
pub fn cohen_kappa(
    a: &[usize],
    b: &[usize],
    categories: usize,
    weighting: Weighting,
) -> Option<f64> {
    if a.len() != b.len() || a.iter().chain(b).any(|category| *category >= categories) {
        return None;
    }
    let weight = |i: usize, j: usize| {
        let distance = i.abs_diff(j) as f64;
        match weighting {
            Weighting::Equal => distance.min(1.0),
            Weighting::Linear => distance,
            Weighting::Quadratic => distance * distance,
        }
    };
    let frequency = |values: &[usize]| {
        let mut counts = vec![0.0; categories];
        for value in values {
            if let Some(count) = counts.get_mut(*value) {
                *count += 1.0;
            }
        }
        counts
    };
    let observed: f64 = a.iter().zip(b).map(|(i, j)| weight(*i, *j)).sum();
    let (of_a, of_b) = (frequency(a), frequency(b));
    let mut expected = 0.0;
    for (i, in_a) in of_a.iter().enumerate() {
        for (j, in_b) in of_b.iter().enumerate() {
            expected += weight(i, j) * in_a * in_b / a.len() as f64;
        }
    }
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

/// What the values mean, which says how far apart two of them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Names: equal or not.
    Nominal,
    /// Ranks: by how many values lie between.
    Ordinal,
    /// Numbers: by their squared difference.
    Interval,
}

/// Krippendorff's alpha of `ratings[rater][item]`, with gaps; 1 is perfect agreement, 0 chance. Equal to the package
/// `krippendorff`.
///
/// `None` if the raters have lists of different length, a value is not finite, no item has two values, or all values
/// are the same.
pub fn krippendorff_alpha(ratings: &[Vec<Option<f64>>], level: Level) -> Option<f64> {
    let items = ratings.first()?.len();
    let finite = |value: &Option<f64>| value.is_none_or(f64::is_finite);
    if !ratings
        .iter()
        .all(|row| row.len() == items && row.iter().all(finite))
    {
        return None;
    }
    let mut domain: Vec<f64> = ratings.iter().flatten().flatten().copied().collect();
    domain.sort_by(f64::total_cmp);
    domain.dedup();
    let place = |value: f64| domain.iter().position(|other| *other == value);

    let size = domain.len();
    let mut together = vec![vec![0.0; size]; size];
    for item in 0..items {
        let mut counts = vec![0.0; size];
        for value in ratings
            .iter()
            .filter_map(|row| row.get(item).copied().flatten())
        {
            if let Some(count) = place(value).and_then(|at| counts.get_mut(at)) {
                *count += 1.0;
            }
        }
        let values: f64 = counts.iter().sum();
        if values < 2.0 {
            continue;
        }
        for (i, row) in together.iter_mut().enumerate() {
            for (j, cell) in row.iter_mut().enumerate() {
                let others = counts[j] - f64::from(u8::from(i == j));
                *cell += counts[i] * others / (values - 1.0);
            }
        }
    }
    let totals: Vec<f64> = together.iter().map(|row| row.iter().sum()).collect();
    let all: f64 = totals.iter().sum();
    let (mut observed, mut expected) = (0.0, 0.0);
    for i in 0..size {
        for j in 0..size {
            let distance = distance(level, &domain, &totals, i, j);
            let others = totals[j] - f64::from(u8::from(i == j));
            observed += together[i][j] * distance;
            expected += totals[i] * others / (all - 1.0) * distance;
        }
    }
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

/// `i` and `j` are places in `domain`, which `totals` is as long as.
fn distance(level: Level, domain: &[f64], totals: &[f64], i: usize, j: usize) -> f64 {
    match level {
        Level::Nominal => f64::from(u8::from(i != j)),
        Level::Interval => (domain[i] - domain[j]).powi(2),
        Level::Ordinal => {
            let (low, high) = (i.min(j), i.max(j));
            let between: f64 = totals[low..=high].iter().sum();
            (between - (totals[i] + totals[j]) / 2.0).powi(2)
        }
    }
}
