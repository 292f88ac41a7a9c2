//! A linear layer whose weight stays in ggml's Q4_1 blocks, where they are: in the program's own file or in memory.
//!
//! Each block has 32 values of a row in 20 bytes: scale `d` and minimum `m` in f16, then 16 bytes whose low halves are the first 16 values
//! `q` and whose high halves the others; a value is `d q + m`. candle has no fast kernel for this type. Activations stay f32.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor};
use half::f16;
use rayon::prelude::*;
use std::sync::Arc;

use super::cpu::{matmul, values, with_simd};

/// Values in a block, and its bytes.
const BLOCK: usize = 32;
const BLOCK_BYTES: usize = 20;
/// Output rows that are unpacked together for a product with many rows of activations.
const PANEL: usize = 48;
/// With at least this many rows of activations unpacking pays.
const MANY: usize = 6;

/// Bytes that are never copied.
#[derive(Clone)]
pub enum SharedBytes {
    /// Part of the program.
    Static(&'static [u8]),
    /// Read from a file.
    Owned(Arc<Vec<u8>>),
}

impl SharedBytes {
    fn get(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A weight `[out, in]` in Q4_1 blocks.
#[derive(Clone)]
pub struct Q4Weight {
    bytes: SharedBytes,
    out: usize,
    input: usize,
}

impl Q4Weight {
    /// The weight whose rows follow each other in `bytes`.
    ///
    /// Errors where a row is not a whole number of blocks, or `bytes` has another length.
    pub fn new(bytes: SharedBytes, out: usize, input: usize) -> Result<Self> {
        let expected = out.checked_mul(input).map(|n| n / BLOCK * BLOCK_BYTES);
        if !input.is_multiple_of(BLOCK) || input == 0 || Some(bytes.get().len()) != expected {
            candle_core::bail!(
                "{} bytes are no Q4_1 weight of {out} x {input}",
                bytes.get().len()
            );
        }
        Ok(Self { bytes, out, input })
    }

    /// Number of outputs.
    pub fn out(&self) -> usize {
        self.out
    }

    /// Number of inputs.
    pub fn input(&self) -> usize {
        self.input
    }

    fn row(&self, row: usize) -> &[u8] {
        let width = self.input / BLOCK * BLOCK_BYTES;
        &self.bytes.get()[row * width..(row + 1) * width]
    }

    /// All values, `[out, in]`.
    pub fn dequantised(&self) -> Result<Tensor> {
        let mut out = vec![0f32; self.out * self.input];
        for (row, out) in out.chunks_exact_mut(self.input).enumerate() {
            unpack(self.row(row), out);
        }
        Tensor::from_vec(out, (self.out, self.input), &candle_core::Device::Cpu)
    }

    /// `x` `[.., in]` to `[.., out]`, f32 on the CPU.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.to_dtype(DType::F32)?.contiguous()?.apply_op1_no_bwd(self)
    }
}

fn scales(block: &[u8]) -> (f32, f32) {
    let half = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
    (half(0), half(2))
}

/// The values of a row of blocks.
fn unpack(row: &[u8], out: &mut [f32]) {
    with_simd(|| {
        for (block, out) in row
            .chunks_exact(BLOCK_BYTES)
            .zip(out.chunks_exact_mut(BLOCK))
        {
            let (d, m) = scales(block);
            let (low, high) = out.split_at_mut(BLOCK / 2);
            for ((byte, low), high) in block[4..].iter().zip(low).zip(high) {
                *low = f32::from(byte & 15) * d + m;
                *high = f32::from(byte >> 4) * d + m;
            }
        }
    });
}

/// The product of a row of blocks and `x`; `sums` has the sum of each 32 values of `x`.
#[inline(always)]
fn dot(row: &[u8], x: &[f32], sums: &[f32]) -> f32 {
    let mut lanes = [0f32; BLOCK / 2];
    let mut offset = 0f32;
    let blocks = row.chunks_exact(BLOCK_BYTES).zip(x.chunks_exact(BLOCK));
    for ((block, x), sum) in blocks.zip(sums) {
        let (d, m) = scales(block);
        offset += m * sum;
        let (low, high) = x.split_at(BLOCK / 2);
        let quants = &block[4..20];
        for i in 0..BLOCK / 2 {
            let q = quants[i];
            let low = f32::from(q & 15) * low[i];
            let high = f32::from(q >> 4) * high[i];
            lanes[i] += d * (low + high);
        }
    }
    lanes.iter().sum::<f32>() + offset
}

impl CustomOp1 for Q4Weight {
    fn name(&self) -> &'static str {
        "q4-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut dims = layout.shape().dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.input => *last = self.out,
            _ => candle_core::bail!(
                "{:?} does not fit a weight of {} inputs",
                layout.shape(),
                self.input
            ),
        }
        let x = values(storage, layout)?;
        let rows = x.len() / self.input;
        let mut y = vec![0f32; rows * self.out];
        if rows >= MANY {
            let share = rows.div_ceil(rayon::current_num_threads().max(1));
            y.par_chunks_mut(share * self.out)
                .zip(x.par_chunks(share * self.input))
                .for_each(|(y, x)| self.many(x, y));
        } else {
            for (x, y) in x.chunks_exact(self.input).zip(y.chunks_exact_mut(self.out)) {
                self.one(x, y);
            }
        }
        Ok((CpuStorage::F32(y), Shape::from(dims)))
    }
}

impl Q4Weight {
    /// `x` `[rows, in]` to `y` `[rows, out]`.
    fn many(&self, x: &[f32], y: &mut [f32]) {
        let rows = x.len() / self.input;
        let mut panel = vec![0f32; PANEL * self.input];
        for first in (0..self.out).step_by(PANEL) {
            let count = PANEL.min(self.out - first);
            for (row, out) in panel.chunks_exact_mut(self.input).take(count).enumerate() {
                unpack(self.row(first + row), out);
            }
            matmul(
                [rows, count, self.input],
                &mut y[first..],
                [self.out, 1],
                x,
                [self.input, 1],
                &panel,
                [1, self.input],
                1.0,
            );
        }
    }

    /// One row of activations.
    fn one(&self, x: &[f32], y: &mut [f32]) {
        let sums: Vec<f32> = x.chunks_exact(BLOCK).map(|x| x.iter().sum()).collect();
        let share = self
            .out
            .div_ceil(rayon::current_num_threads().max(1))
            .max(16);
        y.par_chunks_mut(share).enumerate().for_each(|(part, y)| {
            with_simd(|| {
                for (row, y) in y.iter_mut().enumerate() {
                    *y = dot(self.row(part * share + row), x, &sums);
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use candle_core::quantized::{GgmlDType, QTensor};

    #[test]
    fn products_are_those_of_the_unpacked_weight() {
        let weight = Tensor::randn(0f32, 1f32, (101, 96), &Device::Cpu).unwrap();
        let packed = QTensor::quantize(&weight, GgmlDType::Q4_1).unwrap();
        let full = packed.dequantize(&Device::Cpu).unwrap();
        let bytes = Arc::new(packed.data().unwrap().into_owned());
        let q4 = Q4Weight::new(SharedBytes::Owned(bytes.clone()), 101, 96).unwrap();
        let list = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(list(&q4.dequantised().unwrap()), list(&full));
        for rows in [1, 3, 17] {
            let x = Tensor::randn(0f32, 1f32, (1, rows, 96), &Device::Cpu).unwrap();
            let expected = x.squeeze(0).unwrap().matmul(&full.t().unwrap()).unwrap();
            let found = q4.forward(&x).unwrap();
            assert_eq!(found.dims(), [1, rows, 101]);
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-3;
            assert!(list(&expected).iter().zip(&list(&found)).all(near));
        }
        assert!(Q4Weight::new(SharedBytes::Owned(bytes.clone()), 100, 96).is_err());
        assert!(Q4Weight::new(SharedBytes::Owned(bytes), 101, 95).is_err());
    }

    #[test]
    fn requantising_published_blocks_gives_the_same_values() {
        let weight = Tensor::randn(0f32, 1f32, (16, 64), &Device::Cpu).unwrap();
        let values = |t: &Tensor| {
            let packed = QTensor::quantize(t, GgmlDType::Q4_1).unwrap();
            packed.dequantize(&Device::Cpu).unwrap()
        };
        let once = values(&weight);
        let list = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let twice = list(&values(&once));
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 2e-3 * a.abs().max(0.5);
        assert!(list(&once).iter().zip(&twice).all(near));
    }
}
