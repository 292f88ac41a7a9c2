//! Sequences side by side, their loss, and whether a model would write their answers.

use candle_core::{Device, Result, Tensor};

use super::data::Sample;
use rounds_model::ops::cross_entropy;
use rounds_model::prefix::PrefixModel;
use rounds_support::rng::Rng;

/// What a batch needs beside its questions.
pub(super) struct Context<'a> {
    pub(super) model: &'a PrefixModel,
    /// The tower's vector of every image, `[images, width]`.
    pub(super) vectors: &'a Tensor,
    pub(super) image_token: u32,
    pub(super) end_token: u32,
    pub(super) device: &'a Device,
}

/// Rows of the flattened hidden states that predict a token.
#[derive(Default)]
struct Targets {
    rows: Vec<u32>,
    tokens: Vec<u32>,
    weights: Vec<f32>,
    /// For every row, the question whose answer it belongs to.
    answers: Vec<Option<usize>>,
}

/// Dropout whose masks depend on `rng` only.
pub(super) fn dropout(x: Tensor, share: f32, rng: &mut Rng) -> Result<Tensor> {
    if share <= 0.0 {
        return Ok(x);
    }
    let kept = 1.0 / (1.0 - share);
    let mask: Vec<f32> = (0..x.elem_count())
        .map(|_| if rng.chance(share) { 0.0 } else { kept })
        .collect();
    let mask = Tensor::from_vec(mask, x.shape(), x.device())?;
    x * mask
}

impl Context<'_> {
    /// The loss of `samples`, summed over questions, each the mean over its tokens as published; and how many answers greedy decoding
    /// would write exactly. `image` gives the image of a question.
    pub(super) fn loss(
        &self,
        samples: &[&Sample],
        image: &dyn Fn(&Sample) -> usize,
        drop: &mut dyn FnMut(Tensor) -> Result<Tensor>,
    ) -> Result<(Tensor, f32)> {
        let rows: Vec<u32> = samples.iter().map(|s| image(s) as u32).collect();
        let rows = Tensor::from_vec(rows, samples.len(), self.device)?;
        let vectors = self.vectors.index_select(&rows, 0)?;
        let images = match &self.model.mapper {
            Some(mapper) => mapper.forward_with(&vectors, drop)?,
            None => self.model.image_embeddings(&vectors)?,
        };
        let (_, length, width) = images.dims3()?;
        let tokens = samples.iter().map(|s| s.ids.len()).max().unwrap_or(1);
        let positions = tokens - 1 + length;
        let (mut sequences, mut targets) = (Vec::new(), Targets::default());
        for (at, sample) in samples.iter().enumerate() {
            let mut ids = sample.ids.clone();
            ids.resize(tokens, self.end_token);
            let image = images.narrow(0, at, 1)?;
            let sequence = self.model.embeddings(&ids, self.image_token, &[&image])?;
            sequences.push(sequence);
            self.add_targets(sample, at, (positions, length), &mut targets);
        }
        let hidden = self.model.hidden(&Tensor::cat(&sequences, 0)?)?;
        let picked = Tensor::from_vec(targets.rows.clone(), targets.rows.len(), self.device)?;
        let picked = hidden.reshape(((), width))?.index_select(&picked, 0)?;
        let logits = self.model.language.logits(&picked)?;
        let best = logits.argmax(1)?.to_vec1::<u32>()?;
        let mut right = vec![true; samples.len()];
        for ((best, token), answer) in best.iter().zip(&targets.tokens).zip(&targets.answers) {
            if let Some(right) = answer.and_then(|at| right.get_mut(at)) {
                *right &= best == token;
            }
        }
        let right = right.iter().filter(|right| **right).count() as f32;
        Ok((
            cross_entropy(&logits, targets.tokens, targets.weights)?,
            right,
        ))
    }

    /// Every token after the one that follows the image is predicted, as published.
    fn add_targets(
        &self,
        sample: &Sample,
        at: usize,
        (positions, length): (usize, usize),
        targets: &mut Targets,
    ) {
        let image = sample.ids.iter().position(|&id| id == self.image_token);
        let first = image.unwrap_or(0) + 2;
        let count = sample.ids.len().saturating_sub(first);
        for (number, &token) in sample.ids.iter().enumerate().skip(first) {
            // The position before it; the image takes `length` positions instead of one.
            let row = at * positions + number + length - 2;
            targets.rows.push(row as u32);
            targets.tokens.push(token);
            targets.weights.push(1.0 / count.max(1) as f32);
            let of_answer = number >= sample.answer;
            targets.answers.push(of_answer.then_some(at));
        }
    }
}
