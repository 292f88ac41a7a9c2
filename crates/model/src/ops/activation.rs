//! Activations: QuickGELU (OpenAI CLIP), exact GELU (Flamingo's feed-forwards), GELU with tanh (GPT-2), the product in SwiGLU (LLaMA).

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::cpu::{erf, exp, values, with_simd, with_values};
use super::has_fused_kernel;

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// An elementwise function and its derivative.
struct Pointwise {
    name: &'static str,
    value: fn(&[f32], &mut Vec<f32>),
    /// Gradient of the input from the input and the gradient of the output.
    gradient: fn(&[f32], &[f32]) -> Vec<f32>,
}

impl CustomOp1 for Pointwise {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let mut out = Vec::with_capacity(x.len());
        (self.value)(x, &mut out);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let out = with_values(arg, |x| with_values(grad, |g| (self.gradient)(x, g)))??;
        Ok(Some(Tensor::from_vec(out, arg.shape(), arg.device())?))
    }
}

/// `x * sigmoid(1.702 x)`, elementwise: the activation of OpenAI's CLIP weights.
pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    const SIGMOID_SCALE: f32 = 1.702;
    if !has_fused_kernel(x) {
        return x * candle_nn::ops::sigmoid(&(x * SIGMOID_SCALE as f64)?)?;
    }
    x.contiguous()?.apply_op1(Pointwise {
        name: "quick-gelu",
        value: |x, out| with_simd(|| out.extend(x.iter().map(|&v| v * sigmoid(SIGMOID_SCALE * v)))),
        gradient: |x, g| {
            with_simd(|| {
                x.iter()
                    .zip(g)
                    .map(|(&v, &g)| {
                        let s = sigmoid(SIGMOID_SCALE * v);
                        g * s * (1.0 + SIGMOID_SCALE * v * (1.0 - s))
                    })
                    .collect()
            })
        },
    })
}

/// Exact (erf) GELU, elementwise: the activation of Flamingo's feed-forward layers.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if !has_fused_kernel(x) {
        return x.gelu_erf();
    }
    const ROOT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const INV_ROOT_2PI: f32 = 0.398_942_3;
    x.contiguous()?.apply_op1(Pointwise {
        name: "gelu",
        value: |x, out| {
            with_simd(|| out.extend(x.iter().map(|&v| 0.5 * v * (1.0 + erf(v * ROOT_HALF)))));
        },
        gradient: |x, g| {
            with_simd(|| {
                x.iter()
                    .zip(g)
                    .map(|(&v, &g)| {
                        let cdf = 0.5 * (1.0 + erf(v * ROOT_HALF));
                        g * (cdf + v * INV_ROOT_2PI * exp(-0.5 * v * v))
                    })
                    .collect()
            })
        },
    })
}

/// GELU with tanh, elementwise: `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, `gelu_new` of GPT-2.
pub fn gelu_tanh(x: &Tensor) -> Result<Tensor> {
    if !has_fused_kernel(x) {
        return x.gelu();
    }
    /// Twice the square root of 2 / pi: `(1 + tanh(u)) / 2` is `sigmoid(2 u)`.
    const SCALE: f32 = 1.595_769;
    const CUBE: f32 = 0.044_715;
    x.contiguous()?.apply_op1(Pointwise {
        name: "gelu-tanh",
        value: |x, out| {
            with_simd(|| {
                out.extend(
                    x.iter()
                        .map(|&v| v * sigmoid(SCALE * (v + CUBE * v * v * v))),
                );
            });
        },
        gradient: |x, g| {
            with_simd(|| {
                x.iter()
                    .zip(g)
                    .map(|(&v, &g)| {
                        let s = sigmoid(SCALE * (v + CUBE * v * v * v));
                        g * (s + v * s * (1.0 - s) * SCALE * (1.0 + 3.0 * CUBE * v * v))
                    })
                    .collect()
            })
        },
    })
}

struct SiluMul;

impl CustomOp2 for SiluMul {
    fn name(&self) -> &'static str {
        "silu-mul"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (values(s1, l1)?, values(s2, l2)?);
        let out = with_simd(|| {
            gate.iter()
                .zip(up)
                .map(|(&a, &b)| a * sigmoid(a) * b)
                .collect()
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (da, db) = with_values(gate, |a| {
            with_values(up, |b| {
                with_values(grad, |g| {
                    let mut da = Vec::with_capacity(a.len());
                    let mut db = Vec::with_capacity(a.len());
                    with_simd(|| {
                        da.extend(a.iter().zip(b).zip(g).map(|((&a, &b), &g)| {
                            let s = sigmoid(a);
                            g * b * s * (1.0 + a * (1.0 - s))
                        }));
                        db.extend(a.iter().zip(g).map(|(&a, &g)| g * a * sigmoid(a)));
                    });
                    (da, db)
                })
            })
        })???;
        Ok((
            Some(Tensor::from_vec(da, gate.shape(), gate.device())?),
            Some(Tensor::from_vec(db, up.shape(), up.device())?),
        ))
    }
}

/// `silu(gate) * up`, the product inside SwiGLU. Both `[.., inner]`.
pub fn silu_mul(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if !has_fused_kernel(gate) {
        return candle_nn::ops::silu(gate)? * up;
    }
    gate.contiguous()?.apply_op2(&up.contiguous()?, SiluMul)
}
