//! Drawing a token from logits.
//!
//! Seeds are part of an answer's provenance, so the generator ([`Rng`]) and the order in which candidates are walked are
//! written out here and must never change: the same seed gives the same tokens in every version and on every machine.

use rounds_support::rng::Rng;

use super::decoding::Decoding;

/// Below this a temperature is greedy in f32, and a division by it overflows.
const MIN_TEMPERATURE: f64 = 1e-6;

/// Draws tokens, one after the other. Temperature, then `top_k`, then `top_p` among what is left, in the order of
/// Hugging Face's logits warpers.
pub(super) struct Sampler {
    rng: Rng,
    temperature: f64,
    top_k: Option<usize>,
    top_p: Option<f64>,
}

impl Sampler {
    /// A sampler whose stream is fixed by the seed of `decoding`.
    pub(super) fn new(decoding: &Decoding) -> Self {
        Self {
            rng: Rng::new(decoding.seed),
            temperature: decoding.temperature,
            top_k: decoding.top_k.filter(|k| *k > 0),
            top_p: decoding.top_p,
        }
    }

    /// The next token. Greedy below a temperature of 1e-6, and where no logit is finite.
    pub(super) fn draw(&mut self, logits: &[f32]) -> u32 {
        if self.temperature.is_nan() || self.temperature < MIN_TEMPERATURE {
            return argmax(logits);
        }
        let mut candidates = self.candidates(logits);
        let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        if let Some(share) = self.top_p {
            keep_share(&mut candidates, share * total);
        }
        let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut rest = unit(&mut self.rng) * total;
        for (id, weight) in &candidates {
            rest -= weight;
            if rest < 0.0 {
                return *id;
            }
        }
        // Rounding may leave a rest behind the last candidate.
        candidates
            .last()
            .map_or_else(|| argmax(logits), |(id, _)| *id)
    }

    /// Tokens with a weight above 0 by id; with `top_p` the argmax first, equal ones by id.
    fn candidates(&self, logits: &[f32]) -> Vec<(u32, f64)> {
        let mut candidates: Vec<(u32, f32)> = logits
            .iter()
            .enumerate()
            .filter(|(_, v)| v.is_finite())
            .map(|(id, v)| (id as u32, *v))
            .collect();
        if let Some(k) = self.top_k.filter(|k| (1..candidates.len()).contains(k)) {
            // Equals of the k-th stay, as in Hugging Face's warper.
            let mut values: Vec<f32> = candidates.iter().map(|(_, v)| *v).collect();
            let (_, &mut least, _) = values.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
            candidates.retain(|(_, v)| *v >= least);
        }
        if self.top_p.is_some() {
            candidates.sort_unstable_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        }
        let max = candidates
            .iter()
            .fold(f32::NEG_INFINITY, |max, (_, v)| max.max(*v));
        candidates
            .into_iter()
            .map(|(id, v)| (id, (f64::from(v - max) / self.temperature).exp()))
            .filter(|(_, weight)| *weight > 0.0)
            .collect()
    }
}

/// Leaves the first candidates that together reach `share`, the one that crosses it included.
fn keep_share(candidates: &mut Vec<(u32, f64)>, share: f64) {
    let mut sum = 0.0;
    let kept = candidates
        .iter()
        .take_while(|(_, weight)| {
            let before = sum;
            sum += weight;
            before < share
        })
        .count();
    candidates.truncate(kept.max(1));
}

/// Uniform in `[0, 1)` with 53 bits.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// The token with the highest logit; the first of them if several are equal.
pub fn argmax(logits: &[f32]) -> u32 {
    let best = logits
        .iter()
        .enumerate()
        .fold((0, f32::NEG_INFINITY), |best, (i, &v)| match v > best.1 {
            true => (i, v),
            false => best,
        });
    best.0 as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(temperature: f64, top_k: Option<usize>, top_p: Option<f64>) -> Sampler {
        Sampler::new(&Decoding {
            temperature,
            top_k,
            top_p,
            seed: 7,
            ..Decoding::default()
        })
    }

    fn drawn(mut sampler: Sampler, logits: &[f32], times: usize) -> Vec<u32> {
        (0..times).map(|_| sampler.draw(logits)).collect()
    }

    #[test]
    fn the_stream_of_a_seed_is_fixed_for_ever() {
        let logits = [0.0, 1.0, 2.0, 3.0, 2.5];
        let expected = [4, 3, 2, 1, 3, 4, 3, 3, 3, 3, 1, 3, 4, 3, 3, 1];
        assert_eq!(drawn(sampler(1.0, None, None), &logits, 16), expected);
    }

    #[test]
    fn tokens_are_drawn_as_often_as_their_softmax_says() {
        let logits = [0.0f32, 1.0, 2.0, f32::NEG_INFINITY, f32::NAN];
        let n = 20_000;
        let all = drawn(sampler(2.0, None, None), &logits, n);
        let sum: f64 = [0.0f64, 0.5, 1.0].iter().map(|x| x.exp()).sum();
        for id in 0..3u32 {
            let share = all.iter().filter(|&&t| t == id).count() as f64 / n as f64;
            let wanted = (f64::from(id) * 0.5).exp() / sum;
            assert!((share - wanted).abs() < 0.015, "{id}: {share} {wanted}");
        }
        assert!(all.iter().all(|&t| t < 3), "never what is not finite");
    }

    #[test]
    fn top_k_keeps_equals_and_top_p_counts_among_them() {
        let logits = [3.0f32, 2.0, 2.0, 1.0, 0.0];
        let ids = |s| {
            let mut ids = drawn(s, &logits, 4_000);
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        assert_eq!(ids(sampler(1.0, Some(2), None)), [0, 1, 2]);
        assert_eq!(ids(sampler(1.0, Some(1), None)), [0]);
        // e^3 is 0.576 of the first three: it alone does not reach 0.6, with the second it does.
        assert_eq!(ids(sampler(1.0, Some(2), Some(0.6))), [0, 1]);
        assert_eq!(ids(sampler(1.0, None, Some(0.0))), [0]);
    }

    #[test]
    fn cold_and_hopeless_logits_are_greedy() {
        assert_eq!(sampler(0.0, None, None).draw(&[1.0, 5.0, 5.0]), 1);
        assert_eq!(sampler(f64::NAN, None, None).draw(&[1.0, 5.0]), 1);
        let none_of_many = sampler(1.0, Some(0), None).draw(&[0.0, 90.0, 0.0]);
        assert_eq!(none_of_many, 1, "a limit of no tokens is none");
        let nothing = [f32::NEG_INFINITY; 3];
        assert_eq!(sampler(1.0, None, None).draw(&nothing), argmax(&nothing));
    }
}
