//! A tile (T.800 annex B): its resolutions, bands, precincts and code blocks, and from those its samples.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::blocks;
use super::markers::{Coding, Samples};
use super::packets;
use super::tag_tree::TagTree;
use super::wavelet::{Lift, combine};
use super::{Area, Outcome, Plane, Refusal, there};
use crate::time_limit;

/// More code blocks than so many, and one for every sixteen samples, are taken for an attack.
const SPARE_BLOCKS: usize = 1 << 16;
/// Code blocks that are decoded before any is put in its place: 4 MiB of coefficients at most.
const BATCH: usize = 256;
/// Fewer blocks than so many are not worth a thread.
const BLOCKS_A_THREAD: usize = 8;
/// Decoding does not gain from more.
const MAX_THREADS: usize = 8;
/// Bit planes that integers of 32 bits hold, with one below the lowest.
const MAX_PLANES: u32 = 30;

/// What packets are read into.
pub(super) struct Tile {
    pub(super) progression: u8,
    pub(super) layers: u16,
    pub(super) start_markers: bool,
    pub(super) end_markers: bool,
    pub(super) precincts: Vec<Precinct>,
}

/// The code blocks of a part of a resolution.
pub(super) struct Precinct {
    pub(super) component: usize,
    pub(super) resolution: usize,
    /// On the grid of the image.
    pub(super) position: [u64; 2],
    pub(super) style: u8,
    pub(super) bands: Vec<PrecinctBand>,
}

/// Those of one band.
pub(super) struct PrecinctBand {
    /// Index among the bands of the component.
    band: usize,
    /// Code blocks in a row.
    pub(super) across: usize,
    pub(super) blocks: Vec<Block>,
    pub(super) inclusion: TagTree,
    pub(super) zero_planes: TagTree,
}

/// A code block.
pub(super) struct Block {
    /// In the band.
    pub(super) area: Area,
    pub(super) is_included: bool,
    pub(super) zero_planes: u32,
    pub(super) length_bits: u32,
    pub(super) passes: u32,
    pub(super) segments: Vec<Segment>,
}

/// Bytes that are decoded in one go.
pub(super) struct Segment {
    pub(super) passes: u32,
    pub(super) most: u32,
    pub(super) data: Vec<u8>,
}

/// A band of a component.
struct Band {
    area: Area,
    kind: Kind,
    /// Bit planes.
    planes: u32,
    step: f32,
}

/// What was filtered across and down.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    LowLow,
    HighLow,
    LowHigh,
    HighHigh,
}

/// Decodes a tile: one plane for each component.
pub(super) fn decode(data: &[u8], samples: &Samples, area: Area) -> Outcome<Vec<Plane>> {
    let mut tile = Tile {
        progression: samples.progression,
        layers: samples.layers,
        start_markers: samples.start_markers,
        end_markers: samples.end_markers,
        precincts: Vec::new(),
    };
    let mut bands = Vec::new();
    let mut blocks_left = SPARE_BLOCKS + area.width() * area.height() / 16 * samples.coding.len();
    for (component, coding) in samples.coding.iter().enumerate() {
        let of_component = bands_of(component, coding, samples, area)?;
        for resolution in 0..=usize::from(coding.levels) {
            precincts(
                component,
                resolution,
                coding,
                &of_component,
                area,
                &mut tile.precincts,
                &mut blocks_left,
            )?;
        }
        bands.push(of_component);
    }
    packets::read(&mut tile, data)?;
    let mut planes = Vec::new();
    for (component, coding) in samples.coding.iter().enumerate() {
        let bands = there(bands.get(component))?;
        planes.push(if coding.reversible {
            Plane::Integers(plane(&tile, component, coding, bands, area, |value, _| {
                value / 2
            })?)
        } else {
            Plane::Floats(plane(
                &tile,
                component,
                coding,
                bands,
                area,
                |value, step| value as f32 * 0.5 * step,
            )?)
        });
    }
    Ok(planes)
}

/// `value` over a power of two, rounded up.
fn shrink(value: u32, power: u32) -> u32 {
    u64::from(value).div_ceil(1 << power.min(40)) as u32
}

/// The area of a resolution.
fn resolution_area(area: Area, coding: &Coding, resolution: usize) -> Area {
    let power = u32::from(coding.levels) - resolution as u32;
    let [x0, y0, x1, y1] = [area.x0, area.y0, area.x1, area.y1].map(|value| shrink(value, power));
    Area { x0, y0, x1, y1 }
}

/// All bands of a component: the lowest, then three of each level.
fn bands_of(
    component: usize,
    coding: &Coding,
    samples: &Samples,
    area: Area,
) -> Outcome<Vec<Band>> {
    let quantisation = there(samples.quantisation.get(component))?;
    let levels = u32::from(coding.levels);
    let mut bands = Vec::new();
    for index in 0..=3 * levels as usize {
        let (kind, level) = match index.checked_sub(1) {
            None => (Kind::LowLow, levels),
            Some(index) => {
                let kind = [Kind::HighLow, Kind::LowHigh, Kind::HighHigh][index % 3];
                (kind, levels - index as u32 / 3)
            }
        };
        let (across, down) = match kind {
            Kind::LowLow => (0, 0),
            Kind::HighLow => (1, 0),
            Kind::LowHigh => (0, 1),
            Kind::HighHigh => (1, 1),
        };
        let side = |value: u32, is_high: u64| {
            let less = if level == 0 {
                0
            } else {
                is_high << (level - 1)
            };
            u64::from(value).saturating_sub(less).div_ceil(1 << level) as u32
        };
        let (exponent, mantissa) = there(quantisation.step(index))?;
        let planes = u32::from(quantisation.guard) + u32::from(exponent);
        let planes = planes.saturating_sub(1);
        if planes > MAX_PLANES {
            return Err(Refusal::Unsupported("more than 30 bit planes"));
        }
        let range = (samples.bits + across as u32 + down as u32) as i32;
        bands.push(Band {
            area: Area {
                x0: side(area.x0, across),
                y0: side(area.y0, down),
                x1: side(area.x1, across),
                y1: side(area.y1, down),
            },
            kind,
            planes,
            step: 2_f32.powi(range - i32::from(exponent)) * (1.0 + f32::from(mantissa) / 2048.0),
        });
    }
    Ok(bands)
}

/// Adds the precincts of a resolution, row by row (T.800 B.6 and B.7).
fn precincts(
    component: usize,
    resolution: usize,
    coding: &Coding,
    bands: &[Band],
    area: Area,
    all: &mut Vec<Precinct>,
    blocks_left: &mut usize,
) -> Outcome<()> {
    let here = resolution_area(area, coding, resolution);
    if here.is_empty() {
        return Ok(());
    }
    let (power_x, power_y) = *there(coding.precincts.get(resolution))?;
    let (power_x, power_y) = (u32::from(power_x), u32::from(power_y));
    // Bands of higher resolutions have half the size of their resolution.
    let half = u32::from(resolution > 0);
    if power_x < half || power_y < half {
        return Err(Refusal::Damaged);
    }
    let of_band = (power_x - half, power_y - half);
    let block = (
        u32::from(coding.block.0).min(of_band.0),
        u32::from(coding.block.1).min(of_band.1),
    );
    let indices = if resolution == 0 {
        0..1
    } else {
        3 * resolution - 2..3 * resolution + 1
    };
    let shift = u32::from(coding.levels) - resolution as u32;
    for y in here.y0 >> power_y..shrink(here.y1, power_y) {
        for x in here.x0 >> power_x..shrink(here.x1, power_x) {
            let mut of_precinct = Vec::new();
            for band in indices.clone() {
                let area = there(bands.get(band))?.area;
                let cut = Area {
                    x0: area.x0.max(scale(x, of_band.0)),
                    y0: area.y0.max(scale(y, of_band.1)),
                    x1: area.x1.min(scale(x + 1, of_band.0)),
                    y1: area.y1.min(scale(y + 1, of_band.1)),
                };
                of_precinct.push(precinct_band(band, cut, area, block, blocks_left)?);
            }
            *blocks_left = blocks_left
                .checked_sub(1)
                .ok_or(Refusal::Unsupported("too many precincts"))?;
            let position = |index: u32, power: u32, start: u32| {
                (u64::from(index) << (power + shift).min(32)).max(u64::from(start))
            };
            all.push(Precinct {
                component,
                resolution,
                position: [position(x, power_x, area.x0), position(y, power_y, area.y0)],
                style: coding.style,
                bands: of_precinct,
            });
        }
    }
    Ok(())
}

fn scale(index: u32, power: u32) -> u32 {
    u32::try_from(u64::from(index) << power).unwrap_or(u32::MAX)
}

fn precinct_band(
    band: usize,
    cut: Area,
    area: Area,
    block: (u32, u32),
    left: &mut usize,
) -> Outcome<PrecinctBand> {
    let mut blocks = Vec::new();
    let mut across = 0;
    let mut down = 0;
    if !cut.is_empty() {
        let (first, last) = (cut.x0 >> block.0, shrink(cut.x1, block.0));
        let (top, bottom) = (cut.y0 >> block.1, shrink(cut.y1, block.1));
        (across, down) = ((last - first) as usize, (bottom - top) as usize);
        *left = left
            .checked_sub(across * down)
            .ok_or(Refusal::Unsupported("too many code blocks"))?;
        for y in top..bottom {
            for x in first..last {
                let x0 = cut.x0.max(scale(x, block.0));
                let y0 = cut.y0.max(scale(y, block.1));
                let (x1, y1) = (
                    cut.x1.min(scale(x + 1, block.0)),
                    cut.y1.min(scale(y + 1, block.1)),
                );
                blocks.push(Block {
                    area: Area {
                        x0: x0 - area.x0,
                        y0: y0 - area.y0,
                        x1: x1 - area.x0,
                        y1: y1 - area.y0,
                    },
                    is_included: false,
                    zero_planes: 0,
                    length_bits: 3,
                    passes: 0,
                    segments: Vec::new(),
                });
            }
        }
    }
    Ok(PrecinctBand {
        band,
        across: across.max(1),
        blocks,
        inclusion: TagTree::new(across, down),
        zero_planes: TagTree::new(across, down),
    })
}

/// Decodes the code blocks of a component and puts its resolutions together.
fn plane<T: Lift>(
    tile: &Tile,
    component: usize,
    coding: &Coding,
    bands: &[Band],
    area: Area,
    convert: impl Fn(i32, f32) -> T,
) -> Outcome<Vec<T>> {
    let mut samples: Vec<Vec<T>> = bands
        .iter()
        .map(|band| vec![T::default(); band.area.width() * band.area.height()])
        .collect();
    let mut jobs = Vec::new();
    for precinct in tile
        .precincts
        .iter()
        .filter(|precinct| precinct.component == component)
    {
        for part in &precinct.bands {
            let band = there(bands.get(part.band))?;
            let coded = part.blocks.iter().filter(|block| block.passes > 0);
            jobs.extend(coded.map(|block| Job {
                index: part.band,
                band,
                block,
            }));
        }
    }
    for batch in jobs.chunks(BATCH) {
        let all = coefficients(batch, coding.style)?;
        if time_limit::is_over() {
            return Ok(Vec::new());
        }
        for (job, values) in batch.iter().zip(all) {
            let target = there(samples.get_mut(job.index))?;
            let inside = job.block.area;
            let rows = values.chunks_exact(inside.width().max(1));
            for (y, row) in (inside.y0 as usize..).zip(rows) {
                let start = y * job.band.area.width() + inside.x0 as usize;
                let places = target.get_mut(start..start + row.len()).unwrap_or_default();
                places
                    .iter_mut()
                    .zip(row)
                    .for_each(|(place, value)| *place = convert(*value, job.band.step));
            }
        }
    }
    let mut bands = samples.into_iter();
    let mut low = bands.next().unwrap_or_default();
    for resolution in 1..=usize::from(coding.levels) {
        if time_limit::is_over() {
            return Ok(Vec::new());
        }
        let [high_low, low_high, high_high] =
            [bands.next(), bands.next(), bands.next()].map(Option::unwrap_or_default);
        let here = resolution_area(area, coding, resolution);
        low = combine([&low, &high_low, &low_high, &high_high], here);
    }
    Ok(low)
}

/// A code block that is to be decoded.
struct Job<'a> {
    /// Index of its band.
    index: usize,
    band: &'a Band,
    block: &'a Block,
}

/// The coefficients of every block, in their order. Blocks do not depend on one another, so several threads share them. If the
/// time is over, some are missing at the end.
fn coefficients(batch: &[Job<'_>], style: u8) -> Outcome<Vec<Vec<i32>>> {
    static PROCESSORS: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    let threads = (*PROCESSORS)
        .min(MAX_THREADS)
        .min(batch.len() / BLOCKS_A_THREAD);
    // The limit belongs to this thread.
    let until = time_limit::until();
    let is_over = || until.is_some_and(|until| Instant::now() >= until);
    let next = AtomicUsize::new(0);
    let work = &|| {
        let mut done = Vec::new();
        while !is_over() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(Job { band, block, .. }) = batch.get(index) else {
                break;
            };
            let values = blocks::decode(block, band.kind, band.planes, style);
            done.push((index, values));
        }
        done
    };
    let mut all = std::thread::scope(|scope| {
        // Where no thread can be had, or one fails, its blocks are missing, which is seen below.
        let spawn = |_| {
            let guarded = move || rounds_imaging::catch_panic(work).unwrap_or_default();
            std::thread::Builder::new()
                .spawn_scoped(scope, guarded)
                .ok()
        };
        let others: Vec<_> = (1..threads).filter_map(spawn).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_default());
        }
        done
    });
    if all.len() < batch.len() && !is_over() {
        return Err(Refusal::Damaged);
    }
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, values)| values).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_several_threads_decode_are_those_of_one_in_their_order() {
        let area = Area {
            x0: 0,
            y0: 0,
            x1: 16,
            y1: 12,
        };
        let band = Band {
            area,
            kind: Kind::HighLow,
            planes: 9,
            step: 1.0,
        };
        // The arithmetic decoder makes coefficients of any bytes.
        let block = |number: usize| Block {
            area,
            is_included: true,
            zero_planes: number as u32 % 3,
            length_bits: 3,
            passes: 16,
            segments: vec![Segment {
                passes: 16,
                most: u32::MAX,
                data: (0..60)
                    .map(|at| (at * 73 + number * 151 + at * at * number) as u8)
                    .collect(),
            }],
        };
        let coded: Vec<Block> = (0..5 * BLOCKS_A_THREAD).map(block).collect();
        let jobs = coded.iter().map(|block| Job {
            index: 0,
            band: &band,
            block,
        });
        let jobs: Vec<Job<'_>> = jobs.collect();
        let all = coefficients(&jobs, 0).unwrap();
        assert_eq!(all.len(), jobs.len());
        for (job, values) in jobs.iter().zip(&all) {
            let alone = blocks::decode(job.block, band.kind, band.planes, 0);
            assert_eq!(*values, alone);
        }
        assert_ne!(all[0], all[1]);
    }
}
