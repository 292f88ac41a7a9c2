//! The linear layer, and its precision in training.

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Module, Result, Shape, Tensor};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::sync::Arc;

use super::bf16::matmul_bf16;
use super::cpu::{values, with_values};
use super::frozen::FrozenLinear;
use super::has_fused_kernel;
use super::q4::Q4Weight;

/// Precision of the factors in a linear layer. Inference always uses the weights' dtype; only trainers use less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// The weights' own type.
    #[default]
    Full,
    /// Factors rounded to bf16, accumulation in f32.
    Bf16,
}

thread_local! {
    static PRECISION: Cell<Precision> = const { Cell::new(Precision::Full) };
}

/// Runs `f` with this thread's linear layers in `precision`; a backward pass keeps the precision of its forward pass.
pub fn with_precision<R>(precision: Precision, f: impl FnOnce() -> R) -> R {
    let before = PRECISION.replace(precision);
    let out = f();
    PRECISION.set(before);
    out
}

/// `x @ weight^T (+ bias)`, with `weight` stored `[out, in]` as in PyTorch. `x` is `[.., in]`, the result `[.., out]` in the same dtype.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let dims = x.dims();
    let (width, out) = (dims[dims.len() - 1], weight.dim(0)?);
    let rows: usize = dims[..dims.len() - 1].iter().product();
    let mut shape = dims[..dims.len() - 1].to_vec();
    shape.push(out);
    if PRECISION.get() == Precision::Bf16 && has_fused_kernel(x) {
        let (x, weight) = (x.contiguous()?, weight.contiguous()?);
        return match bias {
            Some(bias) => x.apply_op3(&weight, bias, Bf16Linear),
            None => x.apply_op2(&weight, Bf16Linear),
        };
    }
    let y = x.reshape((rows, width))?.matmul(&weight.t()?)?;
    let y = match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    y.reshape(shape)
}

/// A linear layer: weight `[out, in]`, full or quantised, and bias `[out]`.
#[derive(Clone)]
pub struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
    low_rank: Option<LowRank>,
}

/// A trained addition of low rank to a weight, <https://arxiv.org/abs/2106.09685>.
#[derive(Clone)]
struct LowRank {
    /// `[rank, in]`.
    down: Tensor,
    /// `[out, rank]`.
    up: Tensor,
}

#[derive(Clone)]
enum Weight {
    Full(Tensor),
    /// Quantised in blocks; rows past `out` are padding.
    Packed {
        product: Arc<QMatMul>,
        out: usize,
    },
    /// Constant while others are trained.
    Frozen(FrozenLinear),
    /// In blocks that stay where they are.
    Q4(Q4Weight),
}

impl Linear {
    /// A layer with the weight `[out, in]` and no bias.
    pub fn full(weight: Tensor) -> Self {
        Self {
            weight: Weight::Full(weight),
            bias: None,
            low_rank: None,
        }
    }

    /// A layer with a quantised weight of at least `out` rows and no bias.
    ///
    /// Errors where the weight is smaller.
    pub fn packed(weight: Arc<QTensor>, out: usize) -> Result<Self> {
        if weight.shape().rank() != 2 || weight.shape().dims()[0] < out {
            candle_core::bail!(
                "a packed weight has shape {:?}, but {out} rows are needed",
                weight.shape()
            );
        }
        let product = Arc::new(QMatMul::from_arc(weight)?);
        Ok(Self {
            weight: Weight::Packed { product, out },
            bias: None,
            low_rank: None,
        })
    }

    /// A layer with a weight in Q4_1 blocks and no bias.
    pub fn q4(weight: Q4Weight) -> Self {
        Self {
            weight: Weight::Q4(weight),
            bias: None,
            low_rank: None,
        }
    }

    /// The same layer with a bias `[out]`.
    pub fn with_bias(mut self, bias: Option<Tensor>) -> Self {
        self.bias = bias;
        self
    }

    /// The same layer with the addition `up @ down` to its weight: `down` `[rank, in]`, `up` `[out, rank]`.
    pub fn with_low_rank(mut self, down: Tensor, up: Tensor) -> Self {
        self.low_rank = Some(LowRank { down, up });
        self
    }

    /// Packs the full weight as a constant for training on a CPU: no gradient of it is computed. A low-rank addition stays trainable.
    pub fn freeze(&mut self) -> Result<()> {
        if let Weight::Full(weight) = &self.weight
            && has_fused_kernel(weight)
        {
            self.weight = Weight::Frozen(FrozenLinear::new(weight)?);
        }
        Ok(())
    }

    /// `x` `[.., in]` to `[.., out]`, in the dtype of `x`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.product(x)?;
        match &self.low_rank {
            Some(LowRank { down, up }) => y + linear(&linear(x, down, None)?, up, None)?,
            None => Ok(y),
        }
    }

    fn product(&self, x: &Tensor) -> Result<Tensor> {
        let (product, out) = match &self.weight {
            Weight::Full(weight) => return linear(x, weight, self.bias.as_ref()),
            Weight::Frozen(weight) => return self.biased(weight.forward(x)?),
            Weight::Q4(weight) => return self.biased(weight.forward(x)?.to_dtype(x.dtype())?),
            Weight::Packed { product, out } => (product, *out),
        };
        // The packed CPU kernels need f32; on other devices activations keep their dtype.
        let input = match x.device().is_cpu() {
            true => x.to_dtype(DType::F32)?,
            false => x.clone(),
        };
        let y = product.forward(&input.contiguous()?)?.to_dtype(x.dtype())?;
        let last = y.rank() - 1;
        let y = match y.dim(last)? == out {
            true => y,
            false => y.narrow(last, 0, out)?.contiguous()?,
        };
        self.biased(y)
    }

    fn biased(&self, y: Tensor) -> Result<Tensor> {
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

struct Bf16Linear;

/// Shape of `x` `[.., in]` times `weight` `[out, in]`, and its rows, outputs and inputs.
fn output_shape(x: &Shape, weight: &Shape) -> Result<(Shape, [usize; 3])> {
    let (out, width) = weight.dims2()?;
    let mut dims = x.dims().to_vec();
    match dims.last_mut() {
        Some(last) if *last == width => *last = out,
        _ => candle_core::bail!("linear: {x:?} does not fit a weight {weight:?}"),
    }
    Ok((Shape::from(dims), [x.elem_count() / width, out, width]))
}

impl Bf16Linear {
    fn forward(
        x: (&CpuStorage, &Layout),
        w: (&CpuStorage, &Layout),
        bias: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let (shape, [rows, out, width]) = output_shape(x.1.shape(), w.1.shape())?;
        let (x, w) = (values(x.0, x.1)?, values(w.0, w.1)?);
        let mut y = matmul_bf16([rows, out, width], x, [width, 1], w, [1, width]);
        if let Some(bias) = bias {
            for row in y.chunks_exact_mut(out) {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
        }
        Ok((CpuStorage::F32(y), shape))
    }

    /// Gradients of `x` and `weight`.
    fn backward(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor)> {
        let (_, [rows, out, width]) = output_shape(x.shape(), weight.shape())?;
        let (dx, dw) = with_values(x, |x| {
            with_values(weight, |w| {
                with_values(grad, |g| {
                    (
                        matmul_bf16([rows, width, out], g, [out, 1], w, [width, 1]),
                        matmul_bf16([out, width, rows], g, [1, out], x, [width, 1]),
                    )
                })
            })
        })???;
        Ok((
            Tensor::from_vec(dx, x.shape(), x.device())?,
            Tensor::from_vec(dw, weight.shape(), x.device())?,
        ))
    }
}

impl CustomOp2 for Bf16Linear {
    fn name(&self) -> &'static str {
        "bf16-linear"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Self::forward((s1, l1), (s2, l2), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = Self::backward(x, weight, grad)?;
        Ok((Some(dx), Some(dw)))
    }
}

impl CustomOp3 for Bf16Linear {
    fn name(&self) -> &'static str {
        "bf16-linear"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Self::forward((s1, l1), (s2, l2), Some(values(s3, l3)?))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = Self::backward(x, weight, grad)?;
        let out = bias.elem_count();
        let db = with_values(grad, |g| {
            let mut db = vec![0f32; out];
            for row in g.chunks_exact(out) {
                db.iter_mut().zip(row).for_each(|(d, g)| *d += g);
            }
            db
        })?;
        let db = Tensor::from_vec(db, bias.shape(), bias.device())?;
        Ok((Some(dx), Some(dw), Some(db)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn bf16_layers_stay_near_full_precision_forward_and_backward() {
        let var = |shape: &[usize]| Var::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
        let (x, w, b) = (var(&[3, 11, 40]), var(&[52, 40]), var(&[52]));
        let run = |precision| {
            let y = with_precision(precision, || linear(&x, &w, Some(&b))).unwrap();
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let of = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            [
                of(&y),
                of(grads.get(&x).unwrap()),
                of(grads.get(&w).unwrap()),
                of(grads.get(&b).unwrap()),
            ]
        };
        for (exact, rounded) in run(Precision::Full).iter().zip(&run(Precision::Bf16)) {
            let size = exact.iter().map(|v| v * v).sum::<f32>().sqrt();
            let error: f32 = exact
                .iter()
                .zip(rounded)
                .map(|(a, b)| (a - b) * (a - b))
                .sum();
            assert!(
                error.sqrt() / size < 0.01,
                "relative error {}",
                error.sqrt() / size
            );
        }
    }
}
