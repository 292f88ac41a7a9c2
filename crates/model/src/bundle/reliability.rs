//! How far a model's answers can be relied on.

use serde::{Deserialize, Serialize};

/// How far a model's answers can be relied on, measured on images that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// An answer is right with probability `sigmoid(offset + slope ln(p / (1 - p)) + agreement s + alone a)`: `p` is the probability of its
    /// tokens, `s` the share of its shots that give the same answer, `a` 1 without shots and 0 with.
    pub slope: f32,
    /// See `slope`.
    pub offset: f32,
    /// See `slope`.
    #[serde(default)]
    pub agreement: f32,
    /// See `slope`.
    #[serde(default)]
    pub alone: f32,
    /// Below this confidence an answer is called unsure.
    pub sure: f32,
    /// An image of which a larger share of pixels is coloured ([`rounds_imaging::coloured_share`]) is unlike the training images; `None` for
    /// no such test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<f32>,
}

impl Reliability {
    /// Errors where a number is none.
    pub(super) fn check(&self) -> Result<(), String> {
        let all = [
            self.slope,
            self.offset,
            self.agreement,
            self.alone,
            self.sure,
            self.colour.unwrap_or_default(),
        ];
        match all.iter().all(|v| v.is_finite()) {
            true => Ok(()),
            false => Err("its reliability has an impossible number".into()),
        }
    }

    /// How likely an answer is right. `probability` is what the model gave its tokens, `agreement` the share of its shots that give the same
    /// answer, `None` without shots.
    pub fn confidence(&self, probability: f32, agreement: Option<f32>) -> f32 {
        let p = probability.clamp(1e-6, 1.0 - 1e-6);
        let shots = agreement.map_or(self.alone, |share| self.agreement * share);
        let logit = self.slope * (p / (1.0 - p)).ln() + self.offset + shots;
        1.0 / (1.0 + (-logit).exp())
    }
}
