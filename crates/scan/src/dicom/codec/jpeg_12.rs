//! Sequential JPEG with samples of 12 bits (ITU T.81 annexes A and F), as DICOM's "extended" process has them.

use std::f32::consts::{FRAC_1_SQRT_2, PI};

use super::bits::{Bits, Stuffing};
use super::huffman::extend;
use super::jpeg::{Scan, Tables};
use crate::dicom::layout::Layout;
use crate::time_limit;

/// From the order in a stream to the place in a block.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Decodes a scan into `values`; returns how many rows were there. `None` if it lacks a table.
pub(super) fn scan(
    scan: &Scan<'_>,
    tables: &Tables,
    layout: &Layout,
    values: &mut [i32],
) -> Option<usize> {
    let mut parts = Vec::new();
    for &(component, dc, ac) in &scan.parts {
        let quantisation = usize::from(scan.components.get(component)?.quantisation);
        parts.push(Part {
            component,
            dc: tables.dc.get(dc)?.as_ref()?,
            ac: tables.ac.get(ac)?.as_ref()?,
            quantisation: tables.quantisation.get(quantisation)?.as_ref()?,
            before: 0,
        });
    }
    let cosines = cosines();
    let mut bits = Bits::new(scan.bytes, scan.at, Stuffing::Byte);
    let mut units = 0_usize;
    for top in (0..layout.rows).step_by(8) {
        for left in (0..layout.columns).step_by(8) {
            if tables.restart > 0 && units == tables.restart {
                if !bits.restart() {
                    return Some(top);
                }
                units = 0;
                parts.iter_mut().for_each(|part| part.before = 0);
            }
            for part in &mut parts {
                let Some(block) = part.block(&mut bits) else {
                    return Some(top);
                };
                let samples = inverse(&block, &cosines);
                store(
                    &samples,
                    part.component,
                    (left, top),
                    scan.precision,
                    layout,
                    values,
                );
            }
            units += 1;
        }
        if bits.is_over() || time_limit::is_over() {
            return Some(top);
        }
    }
    Some(layout.rows)
}

struct Part<'a> {
    component: usize,
    dc: &'a super::huffman::Huffman,
    ac: &'a super::huffman::Huffman,
    quantisation: &'a [u16; 64],
    /// The last DC coefficient.
    before: i32,
}

impl Part<'_> {
    /// The dequantised coefficients of the next block.
    fn block(&mut self, bits: &mut Bits<'_>) -> Option<[f32; 64]> {
        let mut block = [0.0; 64];
        self.before = self.before.wrapping_add(self.dc.difference(bits)?);
        block[0] = self.before as f32 * f32::from(self.quantisation[0]);
        let mut index = 1;
        while index < 64 {
            let symbol = self.ac.symbol(bits)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            match (run, size) {
                (15, 0) => index += 16,
                (_, 0) => break,
                _ => {
                    index += run;
                    let value = extend(bits.read(size), size);
                    *block.get_mut(*ZIGZAG.get(index)?)? =
                        value as f32 * f32::from(*self.quantisation.get(index)?);
                    index += 1;
                }
            }
        }
        Some(block)
    }
}

/// By sample and frequency: the cosine with its weight.
fn cosines() -> [[f32; 8]; 8] {
    std::array::from_fn(|x| {
        std::array::from_fn(|u| {
            let weight = if u == 0 { FRAC_1_SQRT_2 } else { 1.0 };
            weight * 0.5 * ((2 * x + 1) as f32 * u as f32 * PI / 16.0).cos()
        })
    })
}

fn inverse(block: &[f32; 64], cosines: &[[f32; 8]; 8]) -> [f32; 64] {
    let mut rows = [0.0_f32; 64];
    for v in 0..8 {
        for x in 0..8 {
            rows[v * 8 + x] = (0..8).map(|u| cosines[x][u] * block[v * 8 + u]).sum();
        }
    }
    let mut samples = [0.0_f32; 64];
    for y in 0..8 {
        for x in 0..8 {
            samples[y * 8 + x] = (0..8).map(|v| cosines[y][v] * rows[v * 8 + x]).sum();
        }
    }
    samples
}

fn store(
    samples: &[f32; 64],
    component: usize,
    (left, top): (usize, usize),
    precision: u32,
    layout: &Layout,
    values: &mut [i32],
) {
    let middle = (1_i32 << (precision - 1)) as f32;
    let largest = ((1_i32 << precision) - 1) as f32;
    for (y, line) in (top..layout.rows).zip(samples.as_chunks::<8>().0) {
        for (x, sample) in (left..layout.columns).zip(line) {
            if let Some(place) =
                values.get_mut((y * layout.columns + x) * layout.samples + component)
            {
                *place = (sample + middle).round().clamp(0.0, largest) as i32;
            }
        }
    }
}
