//! From latents back to the places of the image: attention rollout through a resampler.
//!
//! Rollout as in Abnar and Zuidema, "Quantifying Attention Flow in Transformers" (<https://arxiv.org/abs/2005.00928>): attention is
//! averaged over the heads, the residual connection counts as half, and the matrices of the layers are multiplied. A latent begins with
//! nothing of the image, because its query is learned; a row says what part of a latent came from each place, and its sum is what came from
//! the image at all.

use crate::bundle::Fit;
use crate::recorder::Rows;

/// How the resampler read an image.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchAttention {
    /// Attention of each layer, mean over the heads: `[latents][places + latents]`, the class token first among the places where the tower
    /// keeps one.
    pub layers: Vec<Rows>,
    /// Whether the first place is the class token, which is nowhere in the image.
    pub class_token: bool,
    /// Places along each side of the square that the tower saw.
    pub side: usize,
    /// How the image became that square.
    pub fit: Fit,
}

impl PatchAttention {
    /// What part of each latent came from each place: `[latents][side * side]`, row by row of the image.
    pub fn rollout(&self) -> Rows {
        let latents = self.layers.first().map_or(0, Vec::len);
        let keys = self
            .layers
            .first()
            .and_then(|rows| rows.first())
            .map_or(0, Vec::len);
        let places = keys.saturating_sub(latents);
        let mut mixed = vec![vec![0f32; places]; latents];
        for layer in &self.layers {
            let next = layer.iter().zip(&mixed).map(|(attention, old)| {
                let (image, others) = attention.split_at(places.min(attention.len()));
                let place = |at: usize| {
                    let through = others.iter().zip(&mixed);
                    let through: f32 = through.map(|(weight, row)| weight * row[at]).sum();
                    0.5 * old[at] + 0.5 * (image[at] + through)
                };
                (0..places.min(image.len())).map(place).collect::<Vec<_>>()
            });
            mixed = next.collect();
        }
        let skipped = usize::from(self.class_token);
        let places = mixed.into_iter();
        places
            .map(|row| row.into_iter().skip(skipped).collect())
            .collect()
    }

    /// Where in the image the attention `over_latents` falls: `[side * side]`, sums to 1 unless nothing of the image was seen.
    pub fn map(&self, over_latents: &[f32]) -> Vec<f32> {
        let rollout = self.rollout();
        let mut map = vec![0f32; rollout.first().map_or(0, Vec::len)];
        for (weight, row) in over_latents.iter().zip(&rollout) {
            for (sum, part) in map.iter_mut().zip(row) {
                *sum += weight * part;
            }
        }
        let total: f32 = map.iter().sum();
        if total > 0.0 {
            map.iter_mut().for_each(|value| *value /= total);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attention(layers: Vec<Rows>) -> PatchAttention {
        PatchAttention {
            layers,
            class_token: false,
            side: 2,
            fit: Fit::Squash,
        }
    }

    #[test]
    fn one_layer_gives_half_of_its_attention_on_the_places() {
        let seen = attention(vec![vec![
            vec![0.5, 0.25, 0.0, 0.0, 0.25, 0.0],
            vec![0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        ]]);
        let rollout = seen.rollout();
        assert_eq!(rollout[0], [0.25, 0.125, 0.0, 0.0]);
        assert_eq!(rollout[1], [0.0, 0.0, 0.0, 0.5]);
        assert_eq!(seen.map(&[0.0, 1.0]), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_second_layer_passes_on_what_the_other_latents_have_seen() {
        let first = vec![
            vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            vec![0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        ];
        // The first latent looks only at the second one.
        let second = vec![
            vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        ];
        let rollout = attention(vec![first, second]).rollout();
        assert_eq!(rollout[0], [0.25, 0.25, 0.0, 0.0]);
        assert_eq!(rollout[1], [0.0, 0.25, 0.5, 0.0]);
    }

    #[test]
    fn the_class_token_has_no_place() {
        let seen = PatchAttention {
            class_token: true,
            ..attention(vec![vec![vec![0.4, 0.1, 0.2, 0.2, 0.1, 0.0]]])
        };
        let map = seen.map(&[1.0]);
        assert_eq!(map.len(), 4);
        assert!((map.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(map[1] > map[0]);
    }
}
