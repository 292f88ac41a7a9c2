//! Weighted cross-entropy for the trainers.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::cpu::{exp, max_value, values, with_simd, with_values};

/// One classification within a row of logits: the classes `from .. from + classes` of row `row`.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Row of the logits.
    pub row: usize,
    /// First class.
    pub from: usize,
    /// Number of classes.
    pub classes: usize,
    /// The true class, counted from `from`.
    pub target: usize,
    /// Weight of this choice in the loss.
    pub weight: f32,
}

struct CrossEntropy {
    choices: Vec<Choice>,
}

fn log_sum_exp(row: &[f32]) -> f32 {
    with_simd(|| {
        let max = max_value(row);
        max + row.iter().map(|v| exp(v - max)).sum::<f32>().ln()
    })
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        let logits = values(storage, layout)?;
        let mut loss = 0f64;
        for c in &self.choices {
            let row = &logits[c.row * width + c.from..][..c.classes];
            loss += f64::from(c.weight * (log_sum_exp(row) - row[c.target]));
        }
        Ok((CpuStorage::F32(vec![loss as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, width) = logits.dims2()?;
        let scale = grad.to_scalar::<f32>()?;
        let out = with_values(logits, |x| {
            let mut out = vec![0f32; x.len()];
            for c in &self.choices {
                let at = c.row * width + c.from;
                let row = &x[at..at + c.classes];
                let total = log_sum_exp(row);
                let weight = c.weight * scale;
                for (o, v) in out[at..at + c.classes].iter_mut().zip(row) {
                    *o += weight * exp(v - total);
                }
                out[at + c.target] -= weight;
            }
            out
        })?;
        Ok(Some(Tensor::from_vec(
            out,
            logits.shape(),
            logits.device(),
        )?))
    }
}

/// Sum over choices of `weight * -log softmax(classes)[target]`. `logits` is `[rows, width]`, the result an f32 scalar.
///
/// Errors where a choice is outside the logits.
pub fn choice_loss(logits: &Tensor, choices: Vec<Choice>) -> Result<Tensor> {
    let (rows, width) = logits.dims2()?;
    if let Some(bad) = choices
        .iter()
        .find(|c| c.row >= rows || c.from + c.classes > width || c.target >= c.classes)
    {
        candle_core::bail!("{bad:?} is outside logits of shape [{rows}, {width}]");
    }
    if super::has_fused_kernel(logits) {
        return logits.contiguous()?.apply_op1(CrossEntropy { choices });
    }
    let mut total = Tensor::zeros((), candle_core::DType::F32, logits.device())?;
    for c in choices {
        let row = logits
            .get(c.row)?
            .narrow(0, c.from, c.classes)?
            .to_dtype(candle_core::DType::F32)?;
        let log = candle_nn::ops::log_softmax(&row, 0)?;
        total = (total - (log.get(c.target)? * f64::from(c.weight))?)?;
    }
    Ok(total)
}

/// Sum over rows of `weight * -log softmax(logits)[target]`. `logits` is `[rows, classes]`, the result an f32 scalar.
///
/// Errors where a target is not a class or the lengths differ.
pub fn cross_entropy(logits: &Tensor, targets: Vec<u32>, weights: Vec<f32>) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    if targets.len() != rows || weights.len() != rows {
        candle_core::bail!("{rows} rows of logits, but {} targets", targets.len());
    }
    if super::has_fused_kernel(logits) {
        let choices = targets
            .iter()
            .zip(&weights)
            .enumerate()
            .map(|(row, (&target, &weight))| Choice {
                row,
                from: 0,
                classes,
                target: target as usize,
                weight,
            })
            .collect();
        return choice_loss(logits, choices);
    }
    let device = logits.device();
    let targets = Tensor::from_vec(targets, (rows, 1), device)?;
    let weights = Tensor::from_vec(weights, (rows, 1), device)?;
    let picked = candle_nn::ops::log_softmax(&logits.to_dtype(candle_core::DType::F32)?, 1)?
        .gather(&targets, 1)?;
    picked.mul(&weights)?.sum_all()?.neg()
}
