//! How likely an answer is right: measured on the tuning split.

use rounds_model::bundle::Reliability;

/// An answer that was judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// The probability of its tokens.
    pub probability: f32,
    /// The share of its shots that give the same answer; `None` without shots.
    pub agreement: Option<f32>,
    /// Whether it is right.
    pub right: bool,
}

/// What a confidence is made from, in the order of the weights of a fit.
const WEIGHTS: usize = 4;
/// Pulls the weights to 0 where the answers do not determine them.
const RIDGE: f64 = 1e-3;
/// Newton's method has converged long before.
const ROUNDS: usize = 60;

fn inputs(judged: &Judged) -> [f64; WEIGHTS] {
    let p = f64::from(judged.probability.clamp(1e-6, 1.0 - 1e-6));
    let shots = judged.agreement.map(f64::from);
    [
        1.0,
        (p / (1.0 - p)).ln(),
        shots.unwrap_or(0.0),
        f64::from(u8::from(shots.is_none())),
    ]
}

/// The weights that predict best whether answers are right (logistic regression), and the lowest confidence from which on answers are right
/// in the share `sure` of cases.
pub(crate) fn fit(judged: &[Judged], sure: f32) -> Reliability {
    let mut weights = [0f64; WEIGHTS];
    let n = judged.len().max(1) as f64;
    for _ in 0..ROUNDS {
        let mut slope = [0f64; WEIGHTS];
        let mut curve = [[0f64; WEIGHTS]; WEIGHTS];
        for judged in judged {
            let x = inputs(judged);
            let logit: f64 = x.iter().zip(&weights).map(|(x, w)| x * w).sum();
            let p = 1.0 / (1.0 + (-logit).exp());
            let error = p - f64::from(u8::from(judged.right));
            for a in 0..WEIGHTS {
                slope[a] += error * x[a] / n;
                for b in 0..WEIGHTS {
                    curve[a][b] += p * (1.0 - p) * x[a] * x[b] / n;
                }
            }
        }
        for a in 0..WEIGHTS {
            slope[a] += RIDGE * weights[a];
            curve[a][a] += RIDGE;
        }
        let step = solve(curve, slope);
        // A whole step can overshoot where most answers are alike.
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight -= step.clamp(-1.0, 1.0);
        }
    }
    let [offset, slope, agreement, alone] = weights.map(|weight| weight as f32);
    let mut reliability = Reliability {
        slope,
        offset,
        agreement,
        alone,
        sure: 0.5,
        colour: None,
        texture: None,
    };
    let confident: Vec<(f32, bool)> = judged
        .iter()
        .map(|j| {
            let confidence = reliability.confidence(j.probability, j.agreement);
            (confidence, j.right)
        })
        .collect();
    reliability.sure = least_sure(&confident, sure);
    reliability
}

/// Solves `matrix x = right` by elimination; `matrix` is positive definite.
fn solve(mut matrix: [[f64; WEIGHTS]; WEIGHTS], mut right: [f64; WEIGHTS]) -> [f64; WEIGHTS] {
    for at in 0..WEIGHTS {
        let row = matrix[at];
        for below in at + 1..WEIGHTS {
            let factor = matrix[below][at] / row[at];
            for column in at..WEIGHTS {
                matrix[below][column] -= factor * row[column];
            }
            right[below] -= factor * right[at];
        }
    }
    for at in (0..WEIGHTS).rev() {
        for column in at + 1..WEIGHTS {
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

    #[test]
    fn the_calibration_follows_the_judged_answers() {
        // Answers of probability 0.9 are right in 6 of 10 cases, those of 0.5 in 2 of 10; without shots always as often.
        let mut judged: Vec<Judged> = (0..400)
            .map(|at| {
                let (probability, of_ten) = [(0.9, 6), (0.5, 2)][at % 2];
                Judged {
                    probability,
                    agreement: Some(0.5),
                    right: at / 2 % 10 < of_ten,
                }
            })
            .collect();
        let plain = fit(&judged, 0.84);
        assert!((plain.confidence(0.9, Some(0.5)) - 0.6).abs() < 0.03);
        assert!((plain.confidence(0.5, Some(0.5)) - 0.2).abs() < 0.03);
        // Answers that no shot gives are always wrong.
        judged.extend((0..200).map(|at| Judged {
            probability: [0.9, 0.5][at % 2],
            agreement: Some(0.0),
            right: false,
        }));
        let known = fit(&judged, 0.84);
        assert!(known.confidence(0.9, Some(0.0)) < 0.1);
        assert!(known.confidence(0.9, Some(0.5)) > 0.5);
    }

    #[test]
    fn answers_are_sure_where_enough_of_them_are_right() {
        let sorted = [(0.9, true); 40].into_iter().chain([(0.2, false); 40]);
        assert_eq!(least_sure(&sorted.collect::<Vec<_>>(), 0.84), 0.9);
    }
}
