//! Layer normalisation (with weight and bias) and RMS normalisation (weight only), over the last axis.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, DType, Layout, Result, Shape, Tensor};

use super::cpu::{dot, squared_deviations, sum, values, with_simd, with_values};
use super::has_fused_kernel;

struct LayerNorm {
    eps: f32,
}

#[inline(always)]
fn mean_and_scale(row: &[f32], eps: f32) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = sum(row) / n;
    let variance = squared_deviations(row, mean) / n;
    (mean, 1.0 / (variance + eps).sqrt())
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
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
        let (x, w, b) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let mut out = Vec::with_capacity(x.len());
        with_simd(|| {
            for row in x.chunks_exact(w.len()) {
                let (mean, scale) = mean_and_scale(row, self.eps);
                out.extend((0..w.len()).map(|i| (row[i] - mean) * scale * w[i] + b[i]));
            }
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, db) = with_values(x, |x| {
            with_values(weight, |w| {
                with_values(grad, |g| {
                    let n = w.len();
                    let mut dx = Vec::with_capacity(x.len());
                    let (mut dw, mut db) = (vec![0f32; n], vec![0f32; n]);
                    let (mut normal, mut weighted) = (vec![0f32; n], vec![0f32; n]);
                    with_simd(|| {
                        for (row, g) in x.chunks_exact(n).zip(g.chunks_exact(n)) {
                            let (mean, scale) = mean_and_scale(row, self.eps);
                            for i in 0..n {
                                normal[i] = (row[i] - mean) * scale;
                                weighted[i] = g[i] * w[i];
                                dw[i] += g[i] * normal[i];
                                db[i] += g[i];
                            }
                            let a = sum(&weighted) / n as f32;
                            let c = dot(&weighted, &normal) / n as f32;
                            dx.extend((0..n).map(|i| scale * (weighted[i] - a - normal[i] * c)));
                        }
                    });
                    (dx, dw, db)
                })
            })
        })???;
        let device = x.device();
        let n = weight.dim(0)?;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            Some(Tensor::from_vec(dw, n, device)?),
            Some(Tensor::from_vec(db, n, device)?),
        ))
    }
}

/// Layer normalisation of `x` `[.., n]` with `weight` and `bias` `[n]`; the result has the shape and dtype of `x`.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    if has_fused_kernel(x) {
        return x
            .contiguous()?
            .apply_op3(weight, bias, LayerNorm { eps: eps as f32 });
    }
    // Statistics are always computed in f32, as the references do under autocast.
    let wide = x.to_dtype(DType::F32)?;
    let centred = wide.broadcast_sub(&wide.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred
        .broadcast_div(&(variance + eps)?.sqrt()?)?
        .to_dtype(x.dtype())?
        .broadcast_mul(weight)?
        .broadcast_add(bias)
}

struct RmsNorm {
    eps: f32,
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (values(s1, l1)?, values(s2, l2)?);
        let n = w.len();
        let mut out = Vec::with_capacity(x.len());
        with_simd(|| {
            for row in x.chunks_exact(n) {
                let scale = 1.0 / (dot(row, row) / n as f32 + self.eps).sqrt();
                out.extend((0..n).map(|i| row[i] * scale * w[i]));
            }
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = with_values(x, |x| {
            with_values(weight, |w| {
                with_values(grad, |g| {
                    let n = w.len();
                    let mut dx = Vec::with_capacity(x.len());
                    let mut dw = vec![0f32; n];
                    let mut weighted = vec![0f32; n];
                    with_simd(|| {
                        for (row, g) in x.chunks_exact(n).zip(g.chunks_exact(n)) {
                            let scale = 1.0 / (dot(row, row) / n as f32 + self.eps).sqrt();
                            for i in 0..n {
                                weighted[i] = g[i] * w[i];
                                dw[i] += g[i] * row[i] * scale;
                            }
                            let c = dot(&weighted, row) * scale * scale / n as f32;
                            dx.extend((0..n).map(|i| scale * (weighted[i] - row[i] * c)));
                        }
                    });
                    (dx, dw)
                })
            })
        })???;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(dw, weight.shape(), x.device())?),
        ))
    }
}

/// RMS normalisation of `x` `[.., n]` with `weight` `[n]`; the result has the shape and dtype of `x`.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    if has_fused_kernel(x) {
        return x
            .contiguous()?
            .apply_op2(weight, RmsNorm { eps: eps as f32 });
    }
    let wide = x.to_dtype(DType::F32)?;
    let mean_square = wide.sqr()?.mean_keepdim(D::Minus1)?;
    wide.broadcast_div(&(mean_square + eps)?.sqrt()?)?
        .to_dtype(x.dtype())?
        .broadcast_mul(weight)
}
