//! Helpers of the fused CPU kernels: access to tensor values, and arithmetic that the compiler can vectorise.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

/// The contiguous `f32` values of a storage.
pub(super) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let data = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&data[from..to]),
        None => bail!("fused kernels need contiguous tensors, got {layout:?}"),
    }
}

/// Calls `f` with the contiguous `f32` values of a CPU tensor.
pub(super) fn with_values<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(f(values(storage, layout)?)),
        _ => bail!("fused kernels run on the CPU only"),
    }
}

/// `e^x` to about 2e-7 relative, without branches or calls, so that loops over it vectorise (Cephes' `expf` scheme).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // Adding and subtracting 1.5 * 2^23 rounds to an integer.
    let n = (x * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let y = p * r * r + r + 1.0;
    y * f32::from_bits((((n as i32) + 127) << 23) as u32)
}

/// The error function to 1.5e-7 (Abramowitz and Stegun 7.1.26).
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let a = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let poly = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t
        + 0.254_829_6)
        * t;
    (1.0 - poly * exp(-a * a)).copysign(x)
}

/// Dot product in eight lanes.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (ac, bc) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f32 = ac
        .remainder()
        .iter()
        .zip(bc.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in ac.zip(bc) {
        for i in 0..8 {
            lanes[i] += x[i] * y[i];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// Sum in eight lanes.
#[inline(always)]
pub(super) fn sum(a: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let chunks = a.chunks_exact(8);
    let tail: f32 = chunks.remainder().iter().sum();
    for x in chunks {
        for i in 0..8 {
            lanes[i] += x[i];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// Sum of squared distances from `mean`, in eight lanes.
#[inline(always)]
pub(super) fn squared_deviations(a: &[f32], mean: f32) -> f32 {
    let mut lanes = [0f32; 8];
    let chunks = a.chunks_exact(8);
    let tail: f32 = chunks
        .remainder()
        .iter()
        .map(|v| (v - mean) * (v - mean))
        .sum();
    for x in chunks {
        for i in 0..8 {
            lanes[i] += (x[i] - mean) * (x[i] - mean);
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// The largest value, or `f32::MIN` of an empty slice.
#[inline(always)]
pub(super) fn max_value(a: &[f32]) -> f32 {
    let mut lanes = [f32::MIN; 8];
    let chunks = a.chunks_exact(8);
    let tail = chunks.remainder().iter().fold(f32::MIN, |m, v| m.max(*v));
    for x in chunks {
        for i in 0..8 {
            lanes[i] = if x[i] > lanes[i] { x[i] } else { lanes[i] };
        }
    }
    lanes.iter().fold(tail, |m, v| m.max(*v))
}

/// Runs `f` compiled for the widest vectors this CPU has. Results do not depend on the width: Rust never fuses multiplications and
/// additions by itself, and sums here have a fixed number of lanes.
#[inline(always)]
pub(super) fn with_simd<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
        fn with_avx512<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        #[target_feature(enable = "avx2")]
        fn with_avx2<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        if std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq")
        {
            // SAFETY: the features were just detected.
            return unsafe { with_avx512(f) };
        }
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was just detected.
            return unsafe { with_avx2(f) };
        }
    }
    f()
}

/// `dst[m, n] = alpha * lhs[m, k] rhs[k, n]`; strides are [row, column].
#[expect(
    clippy::too_many_arguments,
    reason = "a matrix product has three matrices"
)]
pub(super) fn matmul(
    sizes: [usize; 3],
    dst: &mut [f32],
    ds: [usize; 2],
    lhs: &[f32],
    ls: [usize; 2],
    rhs: &[f32],
    rs: [usize; 2],
    alpha: f32,
) {
    product(sizes, (dst, ds), (lhs, ls), (rhs, rs), alpha, false);
}

/// `dst[m, n] += alpha * lhs[m, k] rhs[k, n]`; strides are [row, column].
pub(super) fn matmul_add(
    sizes: [usize; 3],
    dst: (&mut [f32], [usize; 2]),
    lhs: (&[f32], [usize; 2]),
    rhs: (&[f32], [usize; 2]),
    alpha: f32,
) {
    product(sizes, dst, lhs, rhs, alpha, true);
}

fn product(
    [m, n, k]: [usize; 3],
    (dst, ds): (&mut [f32], [usize; 2]),
    (lhs, ls): (&[f32], [usize; 2]),
    (rhs, rs): (&[f32], [usize; 2]),
    alpha: f32,
    accumulate: bool,
) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    let last = |rows: usize, cols: usize, s: [usize; 2]| (rows - 1) * s[0] + (cols - 1) * s[1];
    assert!(
        last(m, n, ds) < dst.len() && last(m, k, ls) < lhs.len() && last(k, n, rs) < rhs.len(),
        "matrix product out of bounds"
    );
    // SAFETY: the assertion above keeps every strided access inside its slice, and `dst` is borrowed mutably.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst.as_mut_ptr(),
            ds[1] as isize,
            ds[0] as isize,
            accumulate,
            lhs.as_ptr(),
            ls[1] as isize,
            ls[0] as isize,
            rhs.as_ptr(),
            rs[1] as isize,
            rs[0] as isize,
            if accumulate { 1.0 } else { 0.0 },
            alpha,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
