//! Dot products of i8 codes with the widest instructions the machine has.
//!
//! Every kernel returns the same integer for all inputs, because ranks must not depend on the machine. Sums are exact up to
//! `MAX_DIMENSION` values. Never use an instruction that saturates.

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

/// The instruction set to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Plain Rust.
    Scalar,
    /// 16 products at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 64 products at a time (VNNI).
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 16 products at a time.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Kernel {
    /// The kernels this machine supports, the best last.
    pub(super) fn available() -> Vec<Self> {
        let mut found = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                found.push(Self::Avx2);
            }
            if std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512vnni")
            {
                found.push(Self::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        found
    }

    /// The best kernel this machine supports.
    pub(super) fn best() -> Self {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().pop().unwrap_or(Self::Scalar))
    }

    /// The dot product, over the shorter of the two lengths.
    #[inline]
    pub(super) fn dot(self, a: &[i8], b: &[i8]) -> i32 {
        match self {
            Self::Scalar => scalar(a, b),
            // SAFETY: kernels other than the scalar one come only from `available`, which checks for CPU support.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::dot_avx2(a, b) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::dot_avx512(a, b) },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::dot(a, b),
        }
    }

    /// The dot product of a row and a prepared operand of the same length.
    #[inline]
    pub(super) fn dot_side(self, row: &[i8], side: &Side) -> i32 {
        match self {
            // SAFETY: as in `dot`.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::dot_side_avx512(row, &side.values, side.sum) },
            _ => self.dot(row, &side.values),
        }
    }
}

/// The dot product in f64, identical on every machine: eight parallel sums, added in order, without fused multiply-add.
pub(super) fn dot_f64(kernel: Kernel, a: &[f32], b: &[f32]) -> f64 {
    match kernel {
        // SAFETY: as in `Kernel::dot`.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => unsafe { x86::dot_f64_avx2(a, b) },
        // SAFETY: as in `Kernel::dot`.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 => unsafe { x86::dot_f64_avx512(a, b) },
        _ => lanes_f64(a, b),
    }
}

/// The implementation that every version of [`dot_f64`] is compiled from.
#[inline(always)]
fn lanes_f64(a: &[f32], b: &[f32]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0_f64; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    let rest: f64 = rest.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    lanes.iter().sum::<f64>() + rest
}

/// An operand of many dot products, with its sum precomputed.
pub(super) struct Side {
    values: Vec<i8>,
    sum: i32,
}

impl Side {
    /// Prepares an operand.
    pub(super) fn new(values: Vec<i8>) -> Self {
        Self {
            sum: values.iter().map(|&value| i32::from(value)).sum(),
            values,
        }
    }

    /// The operand.
    pub(super) fn values(&self) -> &[i8] {
        &self.values
    }
}

fn scalar(a: &[i8], b: &[i8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| i32::from(x) * i32::from(y))
        .sum()
}

/// Prefetches `bytes` into the cache; only a hint.
#[inline]
pub(super) fn prefetch(bytes: &[i8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        // SAFETY: a prefetch has no visible effect, and the address is inside a slice.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Reinterprets bytes as signed integers.
pub(super) fn signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have the same size and alignment, and every pattern is valid for both.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<i8>(), bytes.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_kernel_gives_the_same_sum(
            a in prop::collection::vec(any::<i8>(), 0..400),
            b in prop::collection::vec(any::<i8>(), 0..400),
        ) {
            let length = a.len().min(b.len());
            let side = Side::new(b[..length].to_vec());
            for kernel in Kernel::available() {
                prop_assert_eq!(kernel.dot(&a, &b), scalar(&a, &b), "{:?}", kernel);
                prop_assert_eq!(kernel.dot_side(&a[..length], &side), scalar(&a, &b), "{:?}", kernel);
            }
        }
    }

    #[test]
    fn every_kernel_gives_a_bit_identical_score() {
        let values =
            |step: f32| -> Vec<f32> { (0..333).map(|i| (i as f32 * step).sin()).collect() };
        let (a, b) = (values(0.7), values(1.3));
        for kernel in Kernel::available() {
            assert_eq!(dot_f64(kernel, &a, &b), lanes_f64(&a, &b), "{kernel:?}");
        }
    }

    #[test]
    fn the_longest_vectors_of_extreme_values_do_not_overflow() {
        for (x, y) in [(-128, -128), (127, -128), (-128, 127), (127, 127)] {
            let (a, b) = (vec![x; 16_384], vec![y; 16_384]);
            let sum = i32::from(x) * i32::from(y) * 16_384;
            for kernel in Kernel::available() {
                assert_eq!(kernel.dot(&a, &b), sum, "{kernel:?}");
                assert_eq!(
                    kernel.dot_side(&a, &Side::new(b.clone())),
                    sum,
                    "{kernel:?}"
                );
            }
        }
    }
}
