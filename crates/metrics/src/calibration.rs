//! Do answers given with 80 % confidence turn out right 80 times in 100?

use serde::{Deserialize, Serialize};

/// One row of a reliability table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Confidences in this bin are above this; the first bin holds 0 too.
    pub low: f64,
    /// The highest confidence in this bin.
    pub high: f64,
    /// How many answers.
    pub count: usize,
    /// Their mean confidence; none without answers.
    pub confidence: Option<f64>,
    /// The share of them that is right; none without answers.
    pub accuracy: Option<f64>,
}

impl Bin {
    /// How far confidence and accuracy are apart; 0 without answers.
    pub fn gap(&self) -> f64 {
        self.confidence
            .zip(self.accuracy)
            .map_or(0.0, |(confidence, accuracy)| (confidence - accuracy).abs())
    }
}

/// Calibration of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Expected calibration error: the gaps of the bins, weighted by their answers (Guo et al. 2017).
    pub ece: f64,
    /// Maximum calibration error: the widest gap.
    pub mce: f64,
    /// Brier score: the mean square of confidence minus outcome, 0 best.
    pub brier: f64,
    /// How many answers.
    pub n: usize,
    /// The reliability table.
    pub bins: Vec<Bin>,
}

/// Calibration over `bins` bins of equal width. `None` if there is no answer or no bin, the two slices differ in
/// length, or a confidence is not between 0 and 1.
pub fn calibration(confidences: &[f64], correct: &[bool], bins: usize) -> Option<Calibration> {
    let brier = brier(confidences, correct)?;
    let bins = reliability(confidences, correct, bins)?;
    let n = confidences.len();
    let weighted = |bin: &Bin| bin.gap() * bin.count as f64 / n as f64;
    Some(Calibration {
        ece: bins.iter().map(weighted).sum(),
        mce: bins.iter().map(Bin::gap).fold(0.0, f64::max),
        brier,
        n,
        bins,
    })
}

/// The Brier score of confidences in answers that turned out right or wrong. `None` as for [`calibration`].
pub fn brier(confidences: &[f64], correct: &[bool]) -> Option<f64> {
    if !usable(confidences, correct) {
        return None;
    }
    let squares = confidences
        .iter()
        .zip(correct)
        .map(|(confidence, correct)| {
            let error = confidence - f64::from(u8::from(*correct));
            error * error
        });
    Some(squares.sum::<f64>() / confidences.len() as f64)
}

/// The reliability table: bins of equal width, closed above, empty ones included. `None` as for [`calibration`].
pub fn reliability(confidences: &[f64], correct: &[bool], bins: usize) -> Option<Vec<Bin>> {
    if bins == 0 || !usable(confidences, correct) {
        return None;
    }
    let edge = |i: usize| i as f64 / bins as f64;
    let table = (0..bins).map(|i| {
        let (low, high) = (edge(i), edge(i + 1));
        let inside = |confidence: f64| confidence <= high && (confidence > low || i == 0);
        let (mut count, mut sum, mut right) = (0usize, 0.0, 0usize);
        for (confidence, correct) in confidences.iter().zip(correct) {
            if inside(*confidence) {
                count += 1;
                sum += confidence;
                right += usize::from(*correct);
            }
        }
        let mean = |total: f64| (count > 0).then(|| total / count as f64);
        Bin {
            low,
            high,
            count,
            confidence: mean(sum),
            accuracy: mean(right as f64),
        }
    });
    Some(table.collect())
}

fn usable(confidences: &[f64], correct: &[bool]) -> bool {
    !confidences.is_empty()
        && confidences.len() == correct.len()
        && confidences
            .iter()
            .all(|confidence| (0.0..=1.0).contains(confidence))
}
