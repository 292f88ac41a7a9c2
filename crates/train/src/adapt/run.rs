//! The loop of a run: steps, validation after every epoch, early stopping, exact resume.
//!
//! A step depends on the seed and its number only, and what early stopping looks at is in the curve, so a resumed run goes on as if it
//! had never stopped.

use candle_core::{Device, Result, Tensor, Var};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::AdaptError;
use super::batch::{Context, dropout};
use super::curve::{Curve, Point};
use super::data::{AdaptData, Sample};
use super::recipe::AdaptRecipe;
use crate::checkpoint::Checkpoint;
use crate::optim::{AdamW, Part, add_part, gradients, summed};
use crate::vars::Vars;
use rounds_model::ops::with_precision;
use rounds_support::rng::Rng;
use rounds_support::{Cancel, stderr_line};

/// A norm of the gradient above this is scaled down to it.
const CLIP: f32 = 1.0;
/// Steps between two points of the training loss.
const POINT_EVERY: usize = 10;

/// Steps that are measured before it is said how long the run takes. The first is slower and does not count if there are others.
const WARM_UP: usize = 4;
/// A pass without gradients takes about this share of a step's time.
const FORWARD_SHARE: f32 = 1.0 / 3.0;

/// A run.
pub(super) struct Run<'a> {
    pub(super) recipe: &'a AdaptRecipe,
    pub(super) context: Context<'a>,
    pub(super) data: &'a AdaptData,
    pub(super) vars: &'a Arc<Vars>,
    pub(super) folder: &'a Path,
    /// What the learning rate of `low_rank_up` is multiplied by: its factor is part of it here.
    pub(super) factor: f32,
}

/// The order of the training questions in an epoch.
fn order(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    Rng::new(seed).fork(1 + epoch as u64).shuffle(&mut order);
    order
}

/// Whether training should stop: no lower validation loss for `patience` epochs.
pub(super) fn is_over(points: &[Point], patience: usize) -> bool {
    let losses: Vec<f32> = points.iter().filter_map(|point| point.validation).collect();
    let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b]));
    best.is_some_and(|best| losses.len() - 1 - best >= patience)
}

/// Mean of the measured times in seconds, without the first.
pub(super) fn seconds_per_step(times: &[f32]) -> f32 {
    let measured = match times {
        [_, others @ ..] if !others.is_empty() => others,
        all => all,
    };
    measured.iter().sum::<f32>() / measured.len().max(1) as f32
}

impl Run<'_> {
    /// Parts of a step that run at the same time. Only a CPU is shared by threads.
    fn threads(&self) -> usize {
        match self.context.device.is_cpu() {
            true => self.recipe.threads,
            false => 1,
        }
    }

    /// Steps of an epoch; questions that do not fill a step are left for another epoch's order.
    fn steps_per_epoch(&self) -> usize {
        (self.data.train.len() / self.recipe.batch).max(1)
    }

    /// Trains from the checkpoint on. Returns whether it finished.
    pub(super) fn train(
        &self,
        checkpoint: &mut Checkpoint,
        cancel: &Cancel,
    ) -> std::result::Result<bool, AdaptError> {
        let trained = self.vars.select(|_| true);
        let mut optimiser = AdamW::new(trained, self.recipe.weight_decay, CLIP);
        optimiser = optimiser.with_multipliers(|name| match name.ends_with("low_rank_up") {
            true => self.factor,
            false => 1.0,
        });
        checkpoint.restore(&mut optimiser)?;
        let mut curve = Curve::open(self.folder, checkpoint.step)?;
        let each = self.steps_per_epoch();
        let steps = each * self.recipe.epochs;
        let (mut losses, mut times, started) = (Vec::new(), Vec::new(), Instant::now());
        let measured = WARM_UP.min(steps.saturating_sub(checkpoint.step));
        while checkpoint.step < steps && !is_over(&curve.points, self.recipe.patience) {
            if cancel.is_cancelled() {
                checkpoint.save(self.vars, &optimiser)?;
                return Ok(false);
            }
            let (step, begun) = (checkpoint.step, Instant::now());
            let (loss, grads) = self.step(step, &optimiser)?;
            optimiser.step(&grads, self.recipe.rate_at(step, steps))?;
            checkpoint.step += 1;
            losses.push(loss);
            if times.len() < measured {
                times.push(begun.elapsed().as_secs_f32());
                if times.len() == measured {
                    self.estimate(seconds_per_step(&times), each);
                }
            }
            let ends_epoch = checkpoint.step.is_multiple_of(each);
            if losses.len() == POINT_EVERY || ends_epoch {
                let mean = losses.iter().sum::<f32>() / losses.len() as f32;
                losses.clear();
                stderr_line(format_args!(
                    "step {:>6}/{steps}  loss {mean:.4}  {:.0} s",
                    checkpoint.step,
                    started.elapsed().as_secs_f32()
                ));
                curve.add(Point {
                    step: checkpoint.step,
                    loss: Some(mean),
                    validation: None,
                    right: None,
                    right_with_other_images: None,
                })?;
            }
            if ends_epoch {
                self.validate(checkpoint.step, &mut curve)?;
                checkpoint.save(self.vars, &optimiser)?;
            }
        }
        Ok(true)
    }

    /// Loss and gradients of a step.
    fn step(&self, step: usize, optimiser: &AdamW) -> Result<(f32, Vec<Vec<f32>>)> {
        let (each, batch) = (self.steps_per_epoch(), self.recipe.batch);
        let order = order(self.data.train.len(), self.recipe.seed, step / each);
        let mine = order.iter().skip(step % each * batch).take(batch);
        let mut samples: Vec<&Sample> = mine.filter_map(|&at| self.data.train.get(at)).collect();
        let count = samples.len();
        // Like lengths side by side need little padding.
        samples.sort_by_key(|sample| sample.ids.len());
        let parts: Vec<(usize, &[&Sample])> = samples
            .chunks(self.recipe.micro_batch)
            .enumerate()
            .collect();
        let mut sum: Option<Part> = None;
        for parts in parts.chunks(self.threads()) {
            let more = self.gradients_of(parts, (step, count), &optimiser.vars)?;
            match &mut sum {
                None => sum = Some(more),
                Some(total) => add_part(total, &more),
            }
        }
        let nothing = || candle_core::Error::msg("a step has no questions");
        let (loss, _, grads) = sum.ok_or_else(nothing)?;
        Ok((loss, grads))
    }

    /// Loss and gradients of some parts of a `step` with `count` questions in all its parts.
    fn gradients_of(
        &self,
        parts: &[(usize, &[&Sample])],
        (step, count): (usize, usize),
        vars: &[(String, Var)],
    ) -> Result<Part> {
        let (recipe, context) = (self.recipe, &self.context);
        let random = |part: usize| {
            let salt = ((step as u64) << 16) + part as u64;
            Rng::new(recipe.seed).fork(salt)
        };
        let image = |sample: &Sample| sample.image;
        let factor = 1.0 / count as f64;
        if recipe.checkpointing {
            return summed(parts, |(part, samples)| {
                let mut rng = random(*part);
                let mut drop = |x| dropout(x, recipe.dropout, &mut rng);
                let (loss, grads) = with_precision(recipe.precision, || {
                    context.checkpointed(samples, &image, &mut drop, factor, vars)
                })?;
                Ok((loss, Vec::new(), grads))
            });
        }
        gradients(vars, parts, recipe.precision, |(part, samples)| {
            let mut rng = random(*part);
            let mut drop = |x| dropout(x, recipe.dropout, &mut rng);
            let (loss, _) = context.loss(samples, &image, &mut drop)?;
            Ok(((loss * factor)?, Vec::new()))
        })
    }

    /// Says how long the run takes, from the measured time of a step.
    fn estimate(&self, seconds: f32, each: usize) {
        let recipe = self.recipe;
        let threads = self
            .threads()
            .min(recipe.batch.div_ceil(recipe.micro_batch));
        let question = seconds * threads as f32 / recipe.batch as f32;
        // With the right images and with others.
        let validation = 2.0 * self.data.validation.len() as f32 * question * FORWARD_SHARE;
        let minutes = (seconds * each as f32 + validation) / 60.0;
        stderr_line(format_args!(
            "a step takes {seconds:.2} s; an epoch of {each} steps and its validation about {minutes:.1} minutes; at most {} epochs, {:.1} hours",
            recipe.epochs,
            minutes * recipe.epochs as f32 / 60.0
        ));
    }

    /// Measures the validation questions; keeps the weights if they are the best so far.
    fn validate(&self, step: usize, curve: &mut Curve) -> std::result::Result<(), AdaptError> {
        let samples: Vec<&Sample> = self.data.validation.iter().collect();
        let (loss, right) = self.measure(&samples, &|sample| sample.image)?;
        let images = self.data.images.len().max(1);
        // The next image in order, which is another one wherever there are two.
        let (_, other) = self.measure(&samples, &|sample| (sample.image + 1) % images)?;
        let before = curve.points.iter().filter_map(|point| point.validation);
        let best = before.fold(f32::INFINITY, f32::min);
        if loss < best {
            let mut weights: HashMap<String, Tensor> = HashMap::new();
            for (name, var) in self.vars.select(|_| true) {
                weights.insert(name, var.as_tensor().to_device(&Device::Cpu)?);
            }
            let blob = safetensors::serialize(weights.iter().map(|(n, t)| (n.as_str(), t)), None)
                .map_err(|e| AdaptError::Input(e.to_string()))?;
            rounds_support::files::write_atomic(&self.folder.join("best.safetensors"), &blob)?;
        }
        stderr_line(format_args!(
            "step {step:>6}  validation loss {loss:.4}  {:.1} % of the answers right, {:.1} % with another image",
            100.0 * right,
            100.0 * other
        ));
        curve.add(Point {
            step,
            loss: None,
            validation: Some(loss),
            right: Some(right),
            right_with_other_images: Some(other),
        })?;
        Ok(())
    }

    /// Mean loss, and share of the answers that greedy decoding would write exactly.
    fn measure(
        &self,
        samples: &[&Sample],
        image: &(dyn Fn(&Sample) -> usize + Sync),
    ) -> Result<(f32, f32)> {
        let (mut loss, mut right) = (0f64, 0f32);
        for part in samples.chunks(self.recipe.micro_batch) {
            let (value, exact) = with_precision(self.recipe.precision, || {
                self.context.loss(part, &|sample| image(sample), &mut Ok)
            })?;
            loss += f64::from(value.to_scalar::<f32>()?);
            right += exact;
        }
        let count = samples.len().max(1);
        Ok(((loss / count as f64) as f32, right / count as f32))
    }
}
