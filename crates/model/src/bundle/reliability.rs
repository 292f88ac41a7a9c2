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
    /// An image whose texture is too far from that of all training images is unlike them; `None` for no such test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texture: Option<TextureTest>,
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
            self.sure,
            self.colour.unwrap_or_default(),
            self.texture.as_ref().map_or(0.0, |test| test.distance),
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
