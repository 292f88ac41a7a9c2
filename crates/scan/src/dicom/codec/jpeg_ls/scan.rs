//! The samples of a scan (T.87 annex A): predictions from neighbours, contexts that learn, runs.
//!
//! Variables have the letters of the recommendation, as far as they are used there: `ra` to `rd` are the neighbours of a sample
//! (left, above, above left, above right).

use super::{Interleave, Preset, Scan};
use crate::dicom::codec::bits::{Bits, Stuffing};
use crate::dicom::layout::Layout;
use crate::time_limit;

/// Orders of run lengths (T.87 A.2.1).
const J: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13,
    14, 15,
];
const CONTEXTS: usize = 365;

/// What is learnt in a context: sums of errors and biases, and the correction.
#[derive(Clone, Copy)]
struct Context {
    a: i32,
    b: i32,
    c: i32,
    n: i32,
}

/// What is learnt where runs end.
#[derive(Clone, Copy)]
struct RunContext {
    a: i32,
    n: i32,
    negative: i32,
}

/// Decodes a scan.
pub(super) struct Decoder<'a> {
    bits: Bits<'a>,
    max: i32,
    near: i32,
    t: [i32; 3],
    reset: i32,
    range: i32,
    qbpp: u32,
    limit: u32,
    contexts: Vec<Context>,
    runs: [RunContext; 2],
}

impl<'a> Decoder<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        at: usize,
        precision: u32,
        near: i32,
        preset: &Preset,
    ) -> Option<Self> {
        let all = (1_i32 << precision) - 1;
        let max = if preset.max > 0 { preset.max } else { all };
        if max > all || near > (max / 2).min(255) {
            return None;
        }
        let t = thresholds(max, near);
        let stated = [0, 1, 2].map(|i| if preset.t[i] > 0 { preset.t[i] } else { t[i] });
        if !(near < stated[0]
            && stated[0] <= stated[1]
            && stated[1] <= stated[2]
            && stated[2] <= max.max(near + 1))
        {
            return None;
        }
        let step = 2 * near + 1;
        let range = if near == 0 {
            max + 1
        } else {
            (max + 2 * near) / step + 1
        };
        let bpp = bits_for(max + 1).max(2);
        let a = ((range + 32) / 64).max(2);
        Some(Self {
            bits: Bits::new(bytes, at, Stuffing::Bit),
            max,
            near,
            t: stated,
            reset: if preset.reset >= 3 { preset.reset } else { 64 },
            range,
            qbpp: bits_for(range),
            limit: 2 * (bpp + bpp.max(8)),
            contexts: vec![
                Context {
                    a,
                    b: 0,
                    c: 0,
                    n: 1
                };
                CONTEXTS
            ],
            runs: [RunContext {
                a,
                n: 1,
                negative: 0,
            }; 2],
        })
    }

    /// Decodes the scan into `values`; returns how many rows were there.
    pub(super) fn scan(
        &mut self,
        scan: &Scan,
        layout: &Layout,
        values: &mut [i32],
    ) -> Option<usize> {
        // Lines have a sample before the first and one behind the last: the neighbours at the edges.
        let blank = vec![0_i32; layout.columns + 2];
        let mut above = vec![blank.clone(); scan.components.len()];
        let mut lines = above.clone();
        let mut run_indices = vec![0_usize; scan.components.len()];
        for (y, row) in values
            .chunks_exact_mut(layout.columns * layout.samples)
            .enumerate()
        {
            for (line, above) in lines.iter_mut().zip(&mut above) {
                *above.last_mut()? = *above.get(layout.columns)?;
                *line.first_mut()? = *above.get(1)?;
            }
            if scan.interleave == Interleave::Sample {
                self.line_of_pixels(&mut lines, &above, run_indices.first_mut()?)?;
            } else {
                for ((line, above), run_index) in lines.iter_mut().zip(&above).zip(&mut run_indices)
                {
                    self.line(line, above, run_index)?;
                }
            }
            if self.bits.is_over() || time_limit::is_over() {
                return Some(y);
            }
            for (line, &component) in lines.iter().zip(&scan.components) {
                let places = row.iter_mut().skip(component).step_by(layout.samples);
                places
                    .zip(line.iter().skip(1))
                    .for_each(|(place, value)| *place = *value);
            }
            std::mem::swap(&mut lines, &mut above);
        }
        Some(layout.rows)
    }

    /// Decodes `line[1..=columns]`.
    fn line(&mut self, line: &mut [i32], above: &[i32], run_index: &mut usize) -> Option<()> {
        let columns = line.len() - 2;
        let mut x = 1;
        while x <= columns {
            let around = Around::of(line, above, x)?;
            let gradients = around.gradients();
            if gradients.iter().any(|gradient| gradient.abs() > self.near) {
                *line.get_mut(x)? = self.sample(&around, gradients)?;
                x += 1;
                continue;
            }
            let run = self.run(columns + 1 - x, run_index);
            line.get_mut(x..x + run.length)?.fill(around.ra);
            x += run.length;
            if run.is_interrupted {
                let around = Around::of(line, above, x)?;
                *line.get_mut(x)? = self.interruption(around.ra, around.rb, *run_index, true);
                *run_index = run_index.saturating_sub(1);
                x += 1;
            }
        }
        Some(())
    }

    /// Like [`Self::line`], with all components of a pixel in turn; a run is one of all of them.
    fn line_of_pixels(
        &mut self,
        lines: &mut [Vec<i32>],
        above: &[Vec<i32>],
        run_index: &mut usize,
    ) -> Option<()> {
        let columns = lines.first()?.len() - 2;
        let mut x = 1;
        while x <= columns {
            let mut around = Vec::with_capacity(lines.len());
            for (line, above) in lines.iter().zip(above) {
                around.push(Around::of(line, above, x)?);
            }
            let is_flat = |around: &Around| {
                around
                    .gradients()
                    .iter()
                    .all(|gradient| gradient.abs() <= self.near)
            };
            if !around.iter().all(is_flat) {
                for (line, around) in lines.iter_mut().zip(&around) {
                    *line.get_mut(x)? = self.sample(around, around.gradients())?;
                }
                x += 1;
                continue;
            }
            let run = self.run(columns + 1 - x, run_index);
            for (line, around) in lines.iter_mut().zip(&around) {
                line.get_mut(x..x + run.length)?.fill(around.ra);
            }
            x += run.length;
            if run.is_interrupted {
                for (line, above) in lines.iter_mut().zip(above) {
                    let around = Around::of(line, above, x)?;
                    *line.get_mut(x)? = self.interruption(around.ra, around.rb, *run_index, false);
                }
                *run_index = run_index.saturating_sub(1);
                x += 1;
            }
        }
        Some(())
    }

    /// A sample in regular mode (T.87 A.3 to A.6).
    fn sample(&mut self, around: &Around, gradients: [i32; 3]) -> Option<i32> {
        let [q1, q2, q3] = gradients.map(|gradient| self.quantise(gradient));
        let q = 81 * q1 + 9 * q2 + q3;
        let sign = if q < 0 { -1 } else { 1 };
        let index = usize::try_from(q.abs()).ok()?;
        let (range_step, near) = (2 * self.near + 1, self.near);
        let context = *self.contexts.get(index)?;
        let predicted = (around.median() + sign * context.c).clamp(0, self.max);
        let k = golomb(context.a, context.n);
        let mapped = self.code(k, self.limit);
        let error = if near == 0 && k == 0 && 2 * context.b <= -context.n {
            if mapped & 1 == 1 {
                (mapped - 1) / 2
            } else {
                -(mapped / 2) - 1
            }
        } else if mapped & 1 == 0 {
            mapped / 2
        } else {
            -((mapped + 1) / 2)
        };
        let reset = self.reset;
        self.contexts
            .get_mut(index)?
            .update(error, range_step, reset);
        Some(self.reconstruct(predicted, sign * error))
    }

    fn quantise(&self, gradient: i32) -> i32 {
        let size = gradient.abs();
        let level = if size <= self.near {
            0
        } else if size < self.t[0] {
            1
        } else if size < self.t[1] {
            2
        } else if size < self.t[2] {
            3
        } else {
            4
        };
        level * gradient.signum()
    }

    /// How many samples repeat the one before (T.87 A.7.1); `left` are left in the line.
    fn run(&mut self, left: usize, index: &mut usize) -> Run {
        let mut length = 0;
        loop {
            let order = J.get(*index).copied().unwrap_or(15);
            if self.bits.read(1) == 0 {
                let rest = self.bits.read(order) as usize;
                length += rest;
                // A run that leaves no room for what interrupts it is damage.
                let is_interrupted = length < left;
                return Run {
                    length: length.min(left),
                    is_interrupted,
                };
            }
            let step = 1 << order;
            if length + step > left {
                return Run {
                    length: left,
                    is_interrupted: false,
                };
            }
            length += step;
            *index = (*index + 1).min(J.len() - 1);
            if length == left {
                return Run {
                    length,
                    is_interrupted: false,
                };
            }
        }
    }

    /// The sample that ends a run (T.87 A.7.2). Pixels of several components always use the first kind.
    fn interruption(&mut self, ra: i32, rb: i32, run_index: usize, is_single: bool) -> i32 {
        let kind = usize::from(is_single && (ra - rb).abs() <= self.near);
        let (predicted, sign) = if kind == 1 {
            (ra, 1)
        } else {
            (rb, if ra > rb { -1 } else { 1 })
        };
        let context = self.runs[kind];
        let kind_number = kind as i32;
        let k = golomb(
            if kind == 1 {
                context.a + (context.n >> 1)
            } else {
                context.a
            },
            context.n,
        );
        let order = J.get(run_index).copied().unwrap_or(15);
        let mapped = self.code(k, self.limit.saturating_sub(order + 1));
        let sum = mapped + kind_number;
        let is_odd = sum & 1 == 1;
        let size = (sum + i32::from(is_odd)) / 2;
        let error = if (k != 0 || 2 * context.negative >= context.n) == is_odd {
            -size
        } else {
            size
        };
        let reset = self.reset;
        let context = &mut self.runs[kind];
        if error < 0 {
            context.negative += 1;
        }
        context.a = context.a.saturating_add((mapped + 1 - kind_number) >> 1);
        if context.n == reset {
            context.a >>= 1;
            context.n >>= 1;
            context.negative >>= 1;
        }
        context.n += 1;
        self.reconstruct(predicted, sign * error)
    }

    /// A number in Golomb's code of order `k`, of at most `limit` bits (T.87 A.5.3).
    fn code(&mut self, k: u32, limit: u32) -> i32 {
        let longest = limit.saturating_sub(self.qbpp + 1);
        let zeros = self.bits.zeros(longest);
        if zeros < longest {
            ((zeros << k) | self.bits.read(k)) as i32
        } else {
            // The one that ends the zeros was not read, as there were as many as there may be.
            self.bits.read(1);
            self.bits.read(self.qbpp) as i32 + 1
        }
    }

    fn reconstruct(&self, predicted: i32, error: i32) -> i32 {
        let step = 2 * self.near + 1;
        let mut value = predicted + error * step;
        if value < -self.near {
            value += self.range * step;
        } else if value > self.max + self.near {
            value -= self.range * step;
        }
        value.clamp(0, self.max)
    }
}

struct Run {
    length: usize,
    is_interrupted: bool,
}

impl Context {
    /// T.87 A.6.
    fn update(&mut self, error: i32, step: i32, reset: i32) {
        self.b += error * step;
        self.a = self.a.saturating_add(error.abs());
        if self.n == reset {
            self.a >>= 1;
            self.b >>= 1;
            self.n >>= 1;
        }
        self.n += 1;
        if self.b <= -self.n {
            self.b = (self.b + self.n).max(1 - self.n);
            self.c = (self.c - 1).max(-128);
        } else if self.b > 0 {
            self.b = (self.b - self.n).min(0);
            self.c = (self.c + 1).min(127);
        }
    }
}

/// The neighbours of a sample.
struct Around {
    ra: i32,
    rb: i32,
    rc: i32,
    rd: i32,
}

impl Around {
    fn of(line: &[i32], above: &[i32], x: usize) -> Option<Self> {
        Some(Self {
            ra: *line.get(x - 1)?,
            rb: *above.get(x)?,
            rc: *above.get(x - 1)?,
            rd: *above.get(x + 1)?,
        })
    }

    fn gradients(&self) -> [i32; 3] {
        [self.rd - self.rb, self.rb - self.rc, self.rc - self.ra]
    }

    /// The prediction: an edge, or a plane (T.87 A.4.1).
    fn median(&self) -> i32 {
        let (low, high) = (self.ra.min(self.rb), self.ra.max(self.rb));
        if self.rc >= high {
            low
        } else if self.rc <= low {
            high
        } else {
            self.ra + self.rb - self.rc
        }
    }
}

/// The smallest order whose code suits the mean of the errors (T.87 A.5.1).
fn golomb(a: i32, n: i32) -> u32 {
    (0..24)
        .find(|&k| i64::from(n) << k >= i64::from(a))
        .unwrap_or(24)
}

/// Bits that `count` different values need.
fn bits_for(count: i32) -> u32 {
    (0..31)
        .find(|&bits| 1_i64 << bits >= i64::from(count))
        .unwrap_or(31)
}

/// The default thresholds of gradients (T.87 C.2.4.1.1).
fn thresholds(max: i32, near: i32) -> [i32; 3] {
    let bounded = |value: i32, low: i32| {
        if value > max || value < low {
            low
        } else {
            value
        }
    };
    if max >= 128 {
        let factor = (max.min(4095) + 128) / 256;
        let t1 = bounded(factor + 2 + 3 * near, near + 1);
        let t2 = bounded(factor * 4 + 3 + 5 * near, t1);
        [t1, t2, bounded(factor * 17 + 4 + 7 * near, t2)]
    } else {
        let factor = 256 / (max + 1);
        let t1 = bounded((3 / factor + 3 * near).max(2), near + 1);
        let t2 = bounded((7 / factor + 5 * near).max(3), t1);
        [t1, t2, bounded((21 / factor + 7 * near).max(4), t2)]
    }
}
