//! A linear layer whose weight is not trained: it computes no gradient of the weight, and its weight is packed once.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use std::sync::Arc;

use super::bf16::{Packed, matmul_packed};
use super::cpu::{values, with_values};

/// A weight `[out, in]` rounded to bf16, packed for products with itself and with its transpose.
struct Weight {
    out: usize,
    input: usize,
    /// For `x @ weight^T`.
    forward: Packed,
    /// For `gradient @ weight`.
    backward: Packed,
}

/// A linear layer without bias whose weight is constant, for training on a CPU. Factors are rounded to bf16, sums are f32.
#[derive(Clone)]
pub struct FrozenLinear(Arc<Weight>);

impl FrozenLinear {
    /// Packs `weight` `[out, in]`, f32 on the CPU.
    pub fn new(weight: &Tensor) -> Result<Self> {
        let (out, input) = weight.dims2()?;
        let (forward, backward) = with_values(weight, |w| {
            (
                Packed::new(w, [input, out], [1, input]),
                Packed::new(w, [out, input], [input, 1]),
            )
        })?;
        Ok(Self(Arc::new(Weight {
            out,
            input,
            forward,
            backward,
        })))
    }

    /// `x` `[.., in]` to `[.., out]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1(self.clone())
    }
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut dims = layout.shape().dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.0.input => *last = self.0.out,
            _ => candle_core::bail!(
                "{:?} does not fit a weight of {} inputs",
                layout.shape(),
                self.0.input
            ),
        }
        let x = values(storage, layout)?;
        let y = matmul_packed(x.len() / self.0.input, x, &self.0.forward);
        Ok((CpuStorage::F32(y), Shape::from(dims)))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let dx = with_values(grad, |g| {
            matmul_packed(g.len() / self.0.out, g, &self.0.backward)
        })?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Precision, linear, with_precision};
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn a_frozen_layer_computes_what_a_bf16_layer_does() {
        let var = |shape: &[usize]| Var::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
        let (x, w) = (var(&[2, 13, 70]), var(&[101, 70]));
        let of = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let expected = with_precision(Precision::Bf16, || linear(&x, &w, None)).unwrap();
        let found = FrozenLinear::new(&w).unwrap().forward(&x).unwrap();
        let gradient = |y: &Tensor| {
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            assert!(grads.get(&x).is_some());
            of(grads.get(&x).unwrap())
        };
        for (a, b) in [
            (of(&expected), of(&found)),
            (gradient(&expected), gradient(&found)),
        ] {
            assert_eq!(a.len(), b.len());
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-3 * a.abs().max(1.0);
            assert!(a.iter().zip(&b).all(close));
        }
    }
}
