//! How likely an answer is right: measured on the tuning split.

use rounds_model::bundle::{Evidence, Reliability, ShotEvidence};

/// An answer that was judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// What its confidence is made from.
    pub evidence: Evidence,
    /// Whether it is right.
    pub right: bool,
}

/// What a confidence is made from beside the offset, in the order of the weights of a fit.
const WEIGHTS: usize = 7;
/// Pulls the weights of standardised inputs to 0 where the answers do not determine them.
const RIDGE: f64 = 1e-3;
/// Newton's method has converged long before.
const ROUNDS: usize = 60;

fn inputs(evidence: &Evidence) -> [f64; WEIGHTS] {
    let p = f64::from(evidence.probability.clamp(1e-6, 1.0 - 1e-6));
    let shots = |of: fn(&ShotEvidence) -> f32| f64::from(evidence.shots.as_ref().map_or(0.0, of));
    let yes_or_no = f64::from(u8::from(evidence.yes_or_no));
    let overlap = shots(|shots| shots.overlap);
    [
        (p / (1.0 - p)).ln(),
        yes_or_no,
        f64::from(u8::from(evidence.shots.is_none())),
        shots(|shots| shots.agreement),
        overlap,
        yes_or_no * overlap,
        shots(|shots| shots.likeness),
    ]
}

/// Means and spreads of the inputs.
fn moments(rows: &[[f64; WEIGHTS]]) -> [(f64, f64); WEIGHTS] {
    std::array::from_fn(|at| {
        let n = rows.len().max(1) as f64;
        let mean = rows.iter().map(|row| row[at]).sum::<f64>() / n;
        let square = |row: &[f64; WEIGHTS]| (row[at] - mean) * (row[at] - mean);
        let spread = (rows.iter().map(square).sum::<f64>() / n).sqrt();
        // An input that is always the same says nothing; its weight stays 0.
        (mean, if spread > 1e-6 { spread } else { f64::INFINITY })
    })
}

/// The weights that predict best whether answers are right (logistic regression), and the lowest confidence from which on answers are right
/// in the share `sure` of cases.
pub(crate) fn fit(judged: &[Judged], sure: f32) -> Reliability {
    const SIZE: usize = WEIGHTS + 1;
    let rows: Vec<[f64; WEIGHTS]> = judged.iter().map(|j| inputs(&j.evidence)).collect();
    let moments = moments(&rows);
    // The last place is the offset's.
    let standard: Vec<[f64; SIZE]> = rows
        .iter()
        .map(|row| {
            std::array::from_fn(|at| match moments.get(at) {
                Some((mean, spread)) => (row[at] - mean) / spread,
                None => 1.0,
            })
        })
        .collect();
    let mut weights = [0f64; SIZE];
    let n = judged.len().max(1) as f64;
    for _ in 0..ROUNDS {
        let mut slope = [0f64; SIZE];
        let mut curve = [[0f64; SIZE]; SIZE];
        for (x, judged) in standard.iter().zip(judged) {
            let logit: f64 = x.iter().zip(&weights).map(|(x, w)| x * w).sum();
            let p = 1.0 / (1.0 + (-logit).exp());
            let error = p - f64::from(u8::from(judged.right));
            for a in 0..SIZE {
                slope[a] += error * x[a] / n;
                for b in 0..SIZE {
                    curve[a][b] += p * (1.0 - p) * x[a] * x[b] / n;
                }
            }
        }
        for a in 0..SIZE {
            slope[a] += RIDGE * weights[a];
            curve[a][a] += RIDGE;
        }
        let step = solve(curve, slope);
        // A whole step can overshoot where most answers are alike.
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight -= step.clamp(-1.0, 1.0);
        }
    }
    let mut offset = weights[WEIGHTS];
    let own: [f32; WEIGHTS] = std::array::from_fn(|at| {
        let (mean, spread) = moments[at];
        let weight = weights[at] / spread;
        offset -= weight * mean;
        weight as f32
    });
    let [
        slope,
        yes_or_no,
        alone,
        agreement,
        overlap,
        yes_or_no_overlap,
        likeness,
    ] = own;
    let mut reliability = Reliability {
        slope,
        offset: offset as f32,
        agreement,
        alone,
        overlap,
        likeness,
        yes_or_no,
        yes_or_no_overlap,
        sure: 0.5,
        colour: None,
        texture: None,
        questions: None,
    };
    let confident: Vec<(f32, bool)> = judged
        .iter()
        .map(|j| (reliability.confidence(&j.evidence), j.right))
        .collect();
    reliability.sure = least_sure(&confident, sure);
    reliability
}

/// Solves `matrix x = right` by elimination; `matrix` is positive definite.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for at in 0..N {
        let row = matrix[at];
        for below in at + 1..N {
            let factor = matrix[below][at] / row[at];
            for column in at..N {
                matrix[below][column] -= factor * row[column];
            }
            right[below] -= factor * right[at];
        }
    }
    for at in (0..N).rev() {
        for column in at + 1..N {
            right[at] -= matrix[at][column] * right[column];
        }
        right[at] /= matrix[at][at];
    }
    right
}

/// The lowest confidence from which on answers are right as often as `share`.
fn least_sure(confident: &[(f32, bool)], share: f32) -> f32 {
    let mut sorted = confident.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut least) = (0.0, 1.0);
    for (at, (confidence, correct)) in sorted.iter().enumerate() {
        right += f32::from(u8::from(*correct));
        // Equal confidences stand or fall together.
        let ends = sorted.get(at + 1).is_none_or(|next| next.0 < *confidence);
        if ends && right / (at + 1) as f32 >= share && at >= 20 {
            least = *confidence;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(probability: f32, agreement: f32, likeness: f32) -> Evidence {
        Evidence {
            probability,
            yes_or_no: false,
            shots: Some(ShotEvidence {
                agreement,
                overlap: 1.0,
                likeness,
            }),
        }
    }

    #[test]
    fn the_calibration_follows_the_judged_answers() {
        // Answers of probability 0.9 are right in 6 of 10 cases, those of 0.5 in 2 of 10.
        let mut judged: Vec<Judged> = (0..400)
            .map(|at| {
                let (probability, of_ten) = [(0.9, 6), (0.5, 2)][at % 2];
                Judged {
                    evidence: evidence(probability, 0.5, 0.9),
                    right: at / 2 % 10 < of_ten,
                }
            })
            .collect();
        let plain = fit(&judged, 0.84);
        let confidence = |p, agreement| plain.confidence(&evidence(p, agreement, 0.9));
        assert!((confidence(0.9, 0.5) - 0.6).abs() < 0.03);
        assert!((confidence(0.5, 0.5) - 0.2).abs() < 0.03);
        // What is the same for all answers has no weight.
        assert_eq!(
            (plain.overlap, plain.yes_or_no, plain.alone),
            (0.0, 0.0, 0.0)
        );
        // Answers that no shot gives are always wrong, and so are those about images that no shot's is like.
        for (agreement, likeness) in [(0.0, 0.9), (0.5, 0.6)] {
            judged.extend((0..200).map(|at| Judged {
                evidence: evidence([0.9, 0.5][at % 2], agreement, likeness),
                right: false,
            }));
        }
        let known = fit(&judged, 0.84);
        let confidence =
            |agreement, likeness| known.confidence(&evidence(0.9, agreement, likeness));
        assert!(confidence(0.0, 0.9) < 0.1);
        assert!(confidence(0.5, 0.6) < 0.1);
        assert!(confidence(0.5, 0.9) > 0.5);
    }

    #[test]
    fn a_guess_of_yes_or_no_needs_shots_that_ask_the_same() {
        let asked = |yes_or_no, overlap| Evidence {
            probability: 0.9,
            yes_or_no,
            shots: Some(ShotEvidence {
                agreement: 0.5,
                overlap,
                likeness: 0.9,
            }),
        };
        // Yes or no is right in 9 of 10 cases where the shots ask the same and in 3 where they do not, other answers in 6 either way.
        let kinds = [
            (true, 1.0, 9),
            (true, 0.2, 3),
            (false, 1.0, 6),
            (false, 0.2, 6),
        ];
        let judged: Vec<Judged> = (0..400)
            .map(|at| {
                let (yes_or_no, overlap, of_ten) = kinds[at % 4];
                Judged {
                    evidence: asked(yes_or_no, overlap),
                    right: at / 4 % 10 < of_ten,
                }
            })
            .collect();
        let fitted = fit(&judged, 0.84);
        for (yes_or_no, overlap, of_ten) in kinds {
            let confidence = fitted.confidence(&asked(yes_or_no, overlap));
            assert!((confidence - of_ten as f32 / 10.0).abs() < 0.03);
        }
    }

    #[test]
    fn answers_are_sure_where_enough_of_them_are_right() {
        let sorted = [(0.9, true); 40].into_iter().chain([(0.2, false); 40]);
        assert_eq!(least_sure(&sorted.collect::<Vec<_>>(), 0.84), 0.9);
    }
}
