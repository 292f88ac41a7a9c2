//! How far a model's answers can be relied on.

use serde::{Deserialize, Serialize};

/// How far a model's answers can be relied on, measured on images that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// An answer is right with probability `sigmoid(offset + slope ln(p / (1 - p)) + yes_or_no y + t)`: `p` is the probability of its
    /// tokens, `y` 1 if it says yes or no and 0 otherwise, `t` is `alone` without shots and
    /// `agreement s + overlap o + yes_or_no_overlap y o + likeness l` with shots, whose `s`, `o` and `l` are those of [`ShotEvidence`].
    pub slope: f32,
    /// See `slope`.
    pub offset: f32,
    /// See `slope`.
    #[serde(default)]
    pub agreement: f32,
    /// See `slope`.
    #[serde(default)]
    pub alone: f32,
    /// See `slope`.
    #[serde(default)]
    pub overlap: f32,
    /// See `slope`.
    #[serde(default)]
    pub likeness: f32,
    /// See `slope`.
    #[serde(default)]
    pub yes_or_no: f32,
    /// See `slope`. Half of the guesses of yes or no are right, so they need shots that ask the same more than other answers do.
    #[serde(default)]
    pub yes_or_no_overlap: f32,
    /// Below this confidence an answer is called unsure.
    pub sure: f32,
    /// An image of which a larger share of pixels is coloured ([`rounds_imaging::coloured_share`]) is unlike the training images; `None` for
    /// no such test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<f32>,
    /// An image whose texture is too far from that of all training images is unlike them; `None` for no such test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texture: Option<TextureTest>,
    /// A question with too few words of the training questions is of a kind that the model never saw; `None` for no such test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<QuestionTest>,
}

/// How the words of a question are compared with those of the training questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuestionTest {
    /// The file with the words of the training questions, in lower case, one a line.
    pub file: String,
    /// The smallest share of the words of a question, without the most common ones, that must be known, from 0 to 1.
    pub known: f32,
}

/// How the texture of an image is compared with that of the training images ([`rounds_imaging::texture_profile`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextureTest {
    /// The file with the profiles of the training images, [`rounds_imaging::TEXTURE_LENGTH`] bytes each.
    pub file: String,
    /// The largest distance ([`rounds_imaging::texture_distance`]) of a like image from the [`TextureTest::NEIGHBOUR`]th nearest profile.
    pub distance: f32,
}

impl TextureTest {
    /// Not the nearest, so that one odd training image vouches for nothing.
    pub const NEIGHBOUR: usize = 3;

    /// The distance from `profile` to the [`TextureTest::NEIGHBOUR`]th nearest of `known`, one profile after the other; infinite if there
    /// are fewer.
    pub fn distance_of(profile: &[u8], known: &[u8]) -> f32 {
        let mut nearest = [f32::INFINITY; Self::NEIGHBOUR];
        for other in known.chunks_exact(rounds_imaging::TEXTURE_LENGTH) {
            let distance = rounds_imaging::texture_distance(profile, other);
            if distance < nearest[Self::NEIGHBOUR - 1] {
                nearest[Self::NEIGHBOUR - 1] = distance;
                nearest.sort_by(f32::total_cmp);
            }
        }
        nearest[Self::NEIGHBOUR - 1]
    }
}

impl Reliability {
    /// Errors where a number is none.
    pub(super) fn check(&self) -> Result<(), String> {
        let all = [
            self.slope,
            self.offset,
            self.agreement,
            self.alone,
            self.overlap,
            self.likeness,
            self.yes_or_no,
            self.yes_or_no_overlap,
            self.sure,
            self.colour.unwrap_or_default(),
            self.texture.as_ref().map_or(0.0, |test| test.distance),
            self.questions.as_ref().map_or(0.0, |test| test.known),
        ];
        match all.iter().all(|v| v.is_finite()) {
            true => Ok(()),
            false => Err("its reliability has an impossible number".into()),
        }
    }

    /// How likely an answer is right, from 0 to 1.
    pub fn confidence(&self, evidence: &Evidence) -> f32 {
        let p = evidence.probability.clamp(1e-6, 1.0 - 1e-6);
        let yes_or_no = f32::from(u8::from(evidence.yes_or_no));
        let shots = evidence.shots.map_or(self.alone, |shots| {
            self.agreement * shots.agreement
                + (self.overlap + self.yes_or_no_overlap * yes_or_no) * shots.overlap
                + self.likeness * shots.likeness
        });
        let logit =
            self.slope * (p / (1.0 - p)).ln() + self.offset + self.yes_or_no * yes_or_no + shots;
        1.0 / (1.0 + (-logit).exp())
    }
}

/// What the confidence in an answer is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The probability that the model gave the answer's tokens and its end, from 0 to 1.
    pub probability: f32,
    /// Whether the answer says yes or no.
    pub yes_or_no: bool,
    /// What the shots tell; `None` without shots.
    pub shots: Option<ShotEvidence>,
}

/// What shots tell about an answer, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShotEvidence {
    /// The share of the shots that give the same answer.
    pub agreement: f32,
    /// The mean share of the words, without the most common ones, that the question has in common with a shot's.
    pub overlap: f32,
    /// The largest cosine of the learner's vectors of the question's last image and of a shot's image; less than 0 counts as 0.
    pub likeness: f32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_imaging::TEXTURE_LENGTH;

    #[test]
    fn the_distance_is_that_of_the_third_nearest_profile() {
        let profile = |value: u8| {
            let mut profile = [0; TEXTURE_LENGTH];
            profile[0] = value;
            profile
        };
        let known = [profile(9), profile(1), profile(5), profile(2)].concat();
        assert_eq!(TextureTest::distance_of(&profile(0), &known), 5.0);
        assert_eq!(TextureTest::distance_of(&profile(9), &known), 7.0);
        let few = [profile(1), profile(2)].concat();
        assert!(TextureTest::distance_of(&profile(0), &few).is_infinite());
    }
}
