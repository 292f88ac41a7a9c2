//! The kernels for x86-64.
//!
//! VNNI multiplies unsigned by signed bytes. Flipping the top bit of a row's byte gives the value plus 128 as an unsigned
//! number, so the sum is too large by 128 times the sum of the other operand, which is then subtracted. This is exact, since
//! `vpdpbusd` does not saturate. AVX2 widens to 16 bits first, because its byte product saturates.

use std::arch::x86_64::*;

/// See [`super::Kernel::dot`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_avx512(a: &[i8], b: &[i8]) -> i32 {
    let length = a.len().min(b.len());
    let flip = _mm512_set1_epi8(-128);
    let ones = _mm512_set1_epi8(1);
    let (mut sum, mut over) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for (a, b) in a[..length].chunks(64).zip(b[..length].chunks(64)) {
        let (x, y) = (load(a), load(b));
        sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(x, flip), y);
        over = _mm512_dpbusd_epi32(over, ones, y);
    }
    _mm512_reduce_add_epi32(_mm512_sub_epi32(sum, _mm512_slli_epi32::<7>(over)))
}

/// See [`super::Kernel::dot_side`]; `sum` is the sum of `side`, needed for the correction.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn dot_side_avx512(row: &[i8], side: &[i8], sum: i32) -> i32 {
    let flip = _mm512_set1_epi8(-128);
    let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    let (pairs, rest) = row.as_chunks::<128>();
    let (side_pairs, side_rest) = side.as_chunks::<128>();
    for (x, y) in pairs.iter().zip(side_pairs) {
        let (x, y) = (x.split_at(64), y.split_at(64));
        even = _mm512_dpbusd_epi32(even, _mm512_xor_si512(load(x.0), flip), load(y.0));
        odd = _mm512_dpbusd_epi32(odd, _mm512_xor_si512(load(x.1), flip), load(y.1));
    }
    for (x, y) in rest.chunks(64).zip(side_rest.chunks(64)) {
        even = _mm512_dpbusd_epi32(even, _mm512_xor_si512(load(x), flip), load(y));
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)) - 128 * sum
}

/// Loads up to 64 bytes, padded with zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(bytes: &[i8]) -> __m512i {
    let mask = if bytes.len() >= 64 {
        u64::MAX
    } else {
        (1_u64 << bytes.len()) - 1
    };
    // SAFETY: the mask covers no byte past the slice, and masked bytes are not read.
    unsafe { _mm512_maskz_loadu_epi8(mask, bytes.as_ptr()) }
}

/// See [`super::Kernel::dot`].
#[target_feature(enable = "avx2")]
pub(super) fn dot_avx2(a: &[i8], b: &[i8]) -> i32 {
    let length = a.len().min(b.len());
    let (a, a_rest) = a[..length].as_chunks::<16>();
    let (b, b_rest) = b[..length].as_chunks::<16>();
    let mut sum = _mm256_setzero_si256();
    for (a, b) in a.iter().zip(b) {
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(widen(a), widen(b)));
    }
    // Partial sums may wrap, but their total fits.
    add_lanes(sum).wrapping_add(super::scalar(a_rest, b_rest))
}

/// Widens 16 bytes to 16-bit integers.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(bytes: &[i8; 16]) -> __m256i {
    // SAFETY: 16 bytes are read from an array of 16; the load needs no alignment.
    _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

/// The sum of the eight lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn add_lanes(sum: __m256i) -> i32 {
    let half = _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    let quarter = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
    let lane = _mm_add_epi32(quarter, _mm_shuffle_epi32::<0b10_11_00_01>(quarter));
    _mm_cvtsi128_si32(lane)
}

/// See [`super::dot_f64`].
#[target_feature(enable = "avx2")]
pub(super) fn dot_f64_avx2(a: &[f32], b: &[f32]) -> f64 {
    super::lanes_f64(a, b)
}

/// See [`super::dot_f64`].
#[target_feature(enable = "avx512f")]
pub(super) fn dot_f64_avx512(a: &[f32], b: &[f32]) -> f64 {
    super::lanes_f64(a, b)
}
