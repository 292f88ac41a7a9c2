//! What a mobile convolutional network needs besides matrix products: depthwise convolutions, and bias with ReLU6.
//!
//! Images are `[batch, height, width, channels]`, so that the innermost loop runs over channels and 1 x 1 convolutions are matrix
//! products without a copy. Padding is TensorFlow's `SAME`: where it is odd, the extra row is at the bottom and right.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::cpu::{values, with_simd, with_values};
use super::has_fused_kernel;

/// Padding before and after an axis of `length`, and the length after a convolution.
pub fn same_padding(length: usize, kernel: usize, stride: usize) -> (usize, usize, usize) {
    let out = length.div_ceil(stride);
    let total = ((out.max(1) - 1) * stride + kernel).saturating_sub(length);
    (total / 2, total - total / 2, out)
}

/// Sizes of one call.
#[derive(Clone, Copy)]
struct Dims {
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
    kernel: usize,
    stride: usize,
    out_height: usize,
    out_width: usize,
    top: usize,
    left: usize,
}

impl Dims {
    fn new(x: &Shape, taps: &Shape, stride: usize) -> Result<Self> {
        let (batch, height, width, channels) = x.dims4()?;
        let (count, tap_channels) = taps.dims2()?;
        let kernel = count.isqrt();
        if kernel * kernel != count || tap_channels != channels || stride == 0 {
            candle_core::bail!("a kernel {taps:?} with stride {stride} does not fit {x:?}");
        }
        let (top, _, out_height) = same_padding(height, kernel, stride);
        let (left, _, out_width) = same_padding(width, kernel, stride);
        Ok(Self {
            batch,
            height,
            width,
            channels,
            kernel,
            stride,
            out_height,
            out_width,
            top,
            left,
        })
    }

    fn out_shape(&self) -> Shape {
        Shape::from((self.batch, self.out_height, self.out_width, self.channels))
    }

    /// Calls `f` with the offsets of an output pixel, of an input pixel that it sees, and of the tap between them.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, usize, usize)) {
        for sequence in 0..self.batch {
            for y in 0..self.out_height {
                for x in 0..self.out_width {
                    let out = (sequence * self.out_height + y) * self.out_width + x;
                    for tap_y in 0..self.kernel {
                        let row = y * self.stride + tap_y;
                        if row < self.top || row - self.top >= self.height {
                            continue;
                        }
                        for tap_x in 0..self.kernel {
                            let column = x * self.stride + tap_x;
                            if column < self.left || column - self.left >= self.width {
                                continue;
                            }
                            let at = (sequence * self.height + row - self.top) * self.width
                                + column
                                - self.left;
                            let tap = tap_y * self.kernel + tap_x;
                            f(out * self.channels, at * self.channels, tap * self.channels);
                        }
                    }
                }
            }
        }
    }
}

struct Depthwise {
    stride: usize,
}

impl CustomOp2 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = Dims::new(l1.shape(), l2.shape(), self.stride)?;
        let (x, taps) = (values(s1, l1)?, values(s2, l2)?);
        let mut out = vec![0f32; s.out_shape().elem_count()];
        let n = s.channels;
        with_simd(|| {
            s.each(|to, from, tap| {
                let weights = &taps[tap..tap + n];
                let pairs = x[from..from + n].iter().zip(weights);
                for (out, (x, w)) in out[to..to + n].iter_mut().zip(pairs) {
                    *out += x * w;
                }
            });
        });
        Ok((CpuStorage::F32(out), s.out_shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        taps: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let s = Dims::new(x.shape(), taps.shape(), self.stride)?;
        let (dx, dw) = with_values(x, |x| {
            with_values(taps, |w| with_values(grad, |g| gradients(s, x, w, g)))
        })???;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(dw, taps.shape(), x.device())?),
        ))
    }
}

fn gradients(s: Dims, x: &[f32], taps: &[f32], g: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (mut dx, mut dw) = (vec![0f32; x.len()], vec![0f32; taps.len()]);
    let n = s.channels;
    with_simd(|| {
        s.each(|to, from, tap| {
            let g = &g[to..to + n];
            for (d, (g, w)) in dx[from..from + n]
                .iter_mut()
                .zip(g.iter().zip(&taps[tap..]))
            {
                *d += g * w;
            }
            for (d, (g, x)) in dw[tap..tap + n].iter_mut().zip(g.iter().zip(&x[from..])) {
                *d += g * x;
            }
        });
    });
    (dx, dw)
}

/// Convolves every channel of `x` `[batch, height, width, channels]` with its own kernel; `weight` is `[channels, 1, k, k]`. The result is
/// `[batch, ceil(height / stride), ceil(width / stride), channels]`.
pub fn depthwise(x: &Tensor, weight: &Tensor, stride: usize) -> Result<Tensor> {
    let (channels, _, kernel, _) = weight.dims4()?;
    if has_fused_kernel(x) {
        let taps = weight.reshape((channels, kernel * kernel))?.t()?;
        return x
            .contiguous()?
            .apply_op2(&taps.contiguous()?, Depthwise { stride });
    }
    let (_, height, width, _) = x.dims4()?;
    let (top, bottom, _) = same_padding(height, kernel, stride);
    let (left, right, _) = same_padding(width, kernel, stride);
    x.permute((0, 3, 1, 2))?
        .contiguous()?
        .pad_with_zeros(2, top, bottom)?
        .pad_with_zeros(3, left, right)?
        .conv2d(weight, 0, stride, 1, channels)?
        .permute((0, 2, 3, 1))?
        .contiguous()
}

struct BiasRelu6;

impl CustomOp2 for BiasRelu6 {
    fn name(&self) -> &'static str {
        "bias-relu6"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (values(s1, l1)?, values(s2, l2)?);
        let mut out = Vec::with_capacity(x.len());
        for row in x.chunks_exact(bias.len()) {
            out.extend(row.iter().zip(bias).map(|(x, b)| (x + b).clamp(0.0, 6.0)));
        }
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        bias: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let width = bias.elem_count();
        let (dx, db) = with_values(result, |y| {
            with_values(grad, |g| {
                let passes = |(y, g): (&f32, &f32)| if *y > 0.0 && *y < 6.0 { *g } else { 0.0 };
                let dx: Vec<f32> = y.iter().zip(g).map(passes).collect();
                let mut db = vec![0f32; width];
                for row in dx.chunks_exact(width) {
                    db.iter_mut().zip(row).for_each(|(sum, d)| *sum += d);
                }
                (dx, db)
            })
        })??;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(db, bias.shape(), x.device())?),
        ))
    }
}

/// `min(max(x + bias, 0), 6)` for `x` `[.., channels]` and `bias` `[channels]`.
pub fn bias_relu6(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if has_fused_kernel(x) {
        return x.contiguous()?.apply_op2(&bias.contiguous()?, BiasRelu6);
    }
    x.broadcast_add(bias)?.clamp(0f32, 6f32)
}
