//! The kernel for aarch64: widening products, added pairwise into 32-bit lanes. Exact, without saturation.

use std::arch::aarch64::*;

/// See [`super::Kernel::dot`].
pub fn dot(a: &[i8], b: &[i8]) -> i32 {
    let length = a.len().min(b.len());
    let (a, a_rest) = a[..length].as_chunks::<16>();
    let (b, b_rest) = b[..length].as_chunks::<16>();
    // SAFETY: every aarch64 target of Rust has NEON, and each load reads 16 bytes from an array of 16.
    let lanes = unsafe {
        let mut sum = vdupq_n_s32(0);
        for (a, b) in a.iter().zip(b) {
            let (x, y) = (vld1q_s8(a.as_ptr()), vld1q_s8(b.as_ptr()));
            sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(x), vget_low_s8(y)));
            sum = vpadalq_s16(sum, vmull_high_s8(x, y));
        }
        vaddvq_s32(sum)
    };
    lanes.wrapping_add(super::scalar(a_rest, b_rest))
}
