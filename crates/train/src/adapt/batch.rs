//! Sequences side by side, their loss, and whether a model would write their answers.

use candle_core::{Device, Result, Tensor, Var};

use super::data::Sample;
use crate::optim::add_gradients;
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

/// Sequences side by side, and what is predicted of them.
struct Batch {
    /// `[questions, positions, width]`.
    embeddings: Tensor,
    targets: Targets,
    questions: usize,
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
        let batch = self.batch(samples, image, drop)?;
        let hidden = self.model.hidden(&batch.embeddings)?;
        self.loss_of(&hidden, batch.targets, batch.questions)
    }

    /// [`Self::loss`] times `factor`, and its gradients in the order of `vars`. Of the decoder's activations only what goes into each layer is
    /// kept: a layer is computed a second time when its gradients are. The numbers are those of [`Tensor::backward`].
    ///
    /// Errors where the model has virtual tokens.
    pub(super) fn checkpointed(
        &self,
        samples: &[&Sample],
        image: &dyn Fn(&Sample) -> usize,
        drop: &mut dyn FnMut(Tensor) -> Result<Tensor>,
        factor: f64,
        vars: &[(String, Var)],
    ) -> Result<(f32, Vec<Vec<f32>>)> {
        if self.model.config.virtual_tokens.is_some() {
            candle_core::bail!("virtual tokens cannot be trained with checkpointing");
        }
        let language = &self.model.language;
        let batch = self.batch(samples, image, drop)?;
        let first = language.first_states(batch.embeddings)?;
        let mut inputs = Vec::new();
        let mut states = first.detach();
        for layer in 0..language.config().layers {
            let next = language.layer_states(layer, &states)?.detach();
            inputs.push(std::mem::replace(&mut states, next));
        }
        let mut sums: Vec<Vec<f32>> = vars
            .iter()
            .map(|(_, v)| vec![0.0; v.elem_count()])
            .collect();
        let last = Var::from_tensor(&states)?;
        let hidden = language.last_states(&last)?;
        let (loss, _) = self.loss_of(&hidden, batch.targets, batch.questions)?;
        let loss = (loss * factor)?;
        let mut gradient = added(&loss, vars, &mut sums, &last)?;
        while let Some(input) = inputs.pop() {
            let input = Var::from_tensor(&input)?;
            let output = language.layer_states(inputs.len(), &input)?;
            gradient = added(&(output * &gradient)?.sum_all()?, vars, &mut sums, &input)?;
        }
        let grads = (first * &gradient)?.sum_all()?.backward()?;
        add_gradients(vars, &grads, &mut sums)?;
        Ok((loss.to_scalar()?, sums))
    }

    fn batch(
        &self,
        samples: &[&Sample],
        image: &dyn Fn(&Sample) -> usize,
        drop: &mut dyn FnMut(Tensor) -> Result<Tensor>,
    ) -> Result<Batch> {
        let rows: Vec<u32> = samples.iter().map(|s| image(s) as u32).collect();
        let rows = Tensor::from_vec(rows, samples.len(), self.device)?;
        let vectors = self.vectors.index_select(&rows, 0)?;
        let images = match &self.model.mapper {
            Some(mapper) => mapper.forward_with(&vectors, drop)?,
            None => self.model.image_embeddings(&vectors)?,
        };
        let length = images.dim(1)?;
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
        Ok(Batch {
            embeddings: Tensor::cat(&sequences, 0)?,
            targets,
            questions: samples.len(),
        })
    }

    /// The loss from the hidden states `[questions, positions, width]`, and how many answers would be exact.
    fn loss_of(
        &self,
        hidden: &Tensor,
        targets: Targets,
        questions: usize,
    ) -> Result<(Tensor, f32)> {
        let width = hidden.dim(2)?;
        let picked = Tensor::from_vec(targets.rows.clone(), targets.rows.len(), self.device)?;
        let picked = hidden.reshape(((), width))?.index_select(&picked, 0)?;
        let logits = self.model.language.logits(&picked)?;
        let best = logits.argmax(1)?.to_vec1::<u32>()?;
        let mut right = vec![true; questions];
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

    fn add_targets(
        &self,
        sample: &Sample,
        at: usize,
        (positions, length): (usize, usize),
        targets: &mut Targets,
    ) {
        let predicted = sample.predicted(self.image_token);
        let weight = 1.0 / predicted.len().max(1) as f32;
        for (number, &token) in sample.ids.iter().enumerate().skip(predicted.start) {
            // The position before it; the image takes `length` positions instead of one.
            let row = at * positions + number + length - 2;
            targets.rows.push(row as u32);
            targets.tokens.push(token);
            targets.weights.push(weight);
            let of_answer = number >= sample.answer;
            targets.answers.push(of_answer.then_some(at));
        }
    }
}

/// Adds the gradients of `value` to `sums`, in the order of `vars`; returns that of `input`.
fn added(
    value: &Tensor,
    vars: &[(String, Var)],
    sums: &mut [Vec<f32>],
    input: &Var,
) -> Result<Tensor> {
    let grads = value.backward()?;
    add_gradients(vars, &grads, sums)?;
    let missing = || candle_core::Error::msg("a layer has no gradient of what goes into it");
    grads.get(input).cloned().ok_or_else(missing)
}
