//! AdamW with warm-up and cosine decay, and gradients summed over several threads.
//!
//! Decoupled weight decay regularization, <https://arxiv.org/abs/1711.05101>. The moments are plain vectors, because
//! checkpoints store them and one pass is several times faster than a chain of tensor operations.

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};

use crate::recipe::Stage;
use rounds_model::ops::{Precision, with_precision};

/// Learning rate over a stage: linear warm-up, then cosine to a twentieth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Highest learning rate.
    pub peak: f64,
    /// Steps of linear warm-up.
    pub warmup: usize,
    /// Steps in total.
    pub steps: usize,
}

impl Schedule {
    /// That of a stage.
    pub(crate) fn of(stage: &Stage) -> Self {
        Self {
            peak: stage.rate,
            warmup: stage.warmup,
            steps: stage.steps,
        }
    }

    /// Learning rate of a step; steps count from 0.
    pub(crate) fn rate(&self, step: usize) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        let span = (self.steps - self.warmup).max(1) as f64;
        let t = ((step - self.warmup) as f64 / span).min(1.0);
        let low = self.peak / 20.0;
        low + (self.peak - low) * 0.5 * (1.0 + (std::f64::consts::PI * t).cos())
    }
}

/// First and second moments of one variable.
pub(crate) struct Moments {
    /// Moving average of the gradient.
    pub mean: Vec<f32>,
    /// Moving average of the squared gradient.
    pub square: Vec<f32>,
}

/// AdamW over named variables.
pub(crate) struct AdamW {
    /// The variables by name.
    pub vars: Vec<(String, Var)>,
    /// Their moments, in the same order.
    pub moments: Vec<Moments>,
    /// Updates made so far.
    pub updates: usize,
    weight_decay: f32,
    clip: f32,
    /// Learning rate of each variable, relative to the schedule's.
    multipliers: Vec<f32>,
}

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.98;
const EPS: f32 = 1e-8;

impl AdamW {
    /// An optimiser with zero moments; `clip` is the largest gradient norm.
    pub(crate) fn new(vars: Vec<(String, Var)>, weight_decay: f32, clip: f32) -> Self {
        let moments = vars
            .iter()
            .map(|(_, var)| Moments {
                mean: vec![0.0; var.elem_count()],
                square: vec![0.0; var.elem_count()],
            })
            .collect();
        Self {
            multipliers: vec![1.0; vars.len()],
            vars,
            moments,
            updates: 0,
            weight_decay,
            clip,
        }
    }

    /// The same optimiser with a learning rate for each variable, relative to the schedule's.
    pub(crate) fn with_multipliers(mut self, of: impl Fn(&str) -> f32) -> Self {
        self.multipliers = self.vars.iter().map(|(name, _)| of(name)).collect();
        self
    }

    /// One update from gradients in the order of `vars`. Returns the norm of the gradient before clipping.
    pub(crate) fn step(&mut self, gradients: &[Vec<f32>], rate: f64) -> Result<f32> {
        let norm = gradients
            .iter()
            .flatten()
            .map(|g| f64::from(*g) * f64::from(*g))
            .sum::<f64>()
            .sqrt() as f32;
        if !norm.is_finite() {
            candle_core::bail!("the gradient is not finite; lower the learning rate");
        }
        let scale = if norm > self.clip {
            self.clip / norm
        } else {
            1.0
        };
        self.updates += 1;
        let t = self.updates as i32;
        let base = rate as f32;
        let correction = 1.0 / (1.0 - BETA2.powi(t));
        for ((((_, var), moments), gradient), multiplier) in self
            .vars
            .iter()
            .zip(&mut self.moments)
            .zip(gradients)
            .zip(&self.multipliers)
        {
            let rate = base * multiplier;
            let step = rate / (1.0 - BETA1.powi(t));
            // Decay matrices, including token and position embeddings, but not norms, biases and gates.
            let decay = if var.rank() >= 2 {
                rate * self.weight_decay
            } else {
                0.0
            };
            let mut values = var.flatten_all()?.to_vec1::<f32>()?;
            for i in 0..values.len() {
                let g = gradient[i] * scale;
                let m = &mut moments.mean[i];
                let v = &mut moments.square[i];
                *m += (1.0 - BETA1) * (g - *m);
                *v += (1.0 - BETA2) * (g * g - *v);
                values[i] -= decay * values[i] + step * *m / ((*v * correction).sqrt() + EPS);
            }
            var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
        }
        Ok(norm)
    }
}

/// Loss, numbers to report, and gradients in the order of the variables.
pub(crate) type Part = (f32, Vec<f32>, Vec<Vec<f32>>);

/// Loss and gradients of a step over several parts.
///
/// `loss` returns the part's loss (already divided by the size of the whole batch) and numbers to report.
pub(crate) fn gradients<P: Sync>(
    vars: &[(String, Var)],
    parts: &[P],
    precision: Precision,
    loss: impl Fn(&P) -> Result<(Tensor, Vec<f32>)> + Sync,
) -> Result<Part> {
    summed(parts, |part| {
        let (value, report) = with_precision(precision, || loss(part))?;
        let grads = value.backward()?;
        let gathered = vars
            .iter()
            .map(|(_, var)| match grads.get(var) {
                Some(grad) => grad.to_device(&Device::Cpu)?.flatten_all()?.to_vec1(),
                None => Ok(vec![0.0; var.elem_count()]),
            })
            .collect::<Result<Vec<_>>>()?;
        Ok((value.to_scalar()?, report, gathered))
    })
}

/// Adds gradients to `sums`, in the order of `vars`. A variable without one adds nothing.
pub(crate) fn add_gradients(
    vars: &[(String, Var)],
    grads: &GradStore,
    sums: &mut [Vec<f32>],
) -> Result<()> {
    for ((_, var), sum) in vars.iter().zip(sums) {
        if let Some(grad) = grads.get(var) {
            let grad = grad.to_device(&Device::Cpu)?;
            let grad: Vec<f32> = grad.flatten_all()?.to_vec1()?;
            sum.iter_mut()
                .zip(&grad)
                .for_each(|(sum, more)| *sum += more);
        }
    }
    Ok(())
}

/// Runs `one(part)` for every part on its own thread and sums in a fixed order, so that the result does not depend on which thread
/// finishes first.
pub(crate) fn summed<P: Sync>(
    parts: &[P],
    one: impl Fn(&P) -> Result<Part> + Sync,
) -> Result<Part> {
    let results: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = parts.iter().map(|part| scope.spawn(|| one(part))).collect();
        handles
            .into_iter()
            .map(|handle| match handle.join() {
                Ok(result) => result,
                Err(_) => candle_core::bail!("a training thread panicked"),
            })
            .collect()
    });
    let mut total: Option<Part> = None;
    for result in results {
        let more = result?;
        match &mut total {
            None => total = Some(more),
            Some(total) => add_part(total, &more),
        }
    }
    match total {
        Some(total) => Ok(total),
        None => candle_core::bail!("a training step has no data"),
    }
}

/// Adds another part to a sum.
pub(crate) fn add_part(total: &mut Part, more: &Part) {
    let add = |sums: &mut Vec<f32>, more: &[f32]| {
        sums.iter_mut().zip(more).for_each(|(a, b)| *a += b);
    };
    total.0 += more.0;
    add(&mut total.1, &more.1);
    for (sums, more) in total.2.iter_mut().zip(&more.2) {
        add(sums, more);
    }
}
