//! Packets (T.800 annex B): which code blocks get which bytes, layer by layer.

use super::Outcome;
use super::tag_tree::TagTree;
use super::tile::{Block, Precinct, Tile};
use crate::time_limit;

/// Bits of a packet header; after 0xFF a byte has seven.
pub(super) struct HeaderBits<'a> {
    bytes: &'a [u8],
    at: usize,
    value: u8,
    left: u8,
    is_over: bool,
}

impl<'a> HeaderBits<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            value: 0,
            left: 0,
            is_over: false,
        }
    }

    pub(super) fn bit(&mut self) -> bool {
        if self.left == 0 {
            self.left = if self.value == 0xFF { 7 } else { 8 };
            match self.bytes.get(self.at) {
                Some(&byte) => self.value = byte,
                None => {
                    // Ones end every loop that reads bits.
                    self.value = 0x7F;
                    self.is_over = true;
                }
            }
            self.at += 1;
        }
        self.left -= 1;
        self.value >> self.left & 1 == 1
    }

    fn bits(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| value << 1 | u32::from(self.bit()))
    }

    /// Where the byte behind the header is. A byte after 0xFF only holds a stuffed bit.
    fn end(&self) -> usize {
        if self.value == 0xFF {
            self.at + 1
        } else {
            self.at
        }
    }
}

/// Code-block styles.
pub(super) const BYPASS: u8 = 1;
pub(super) const TERMINATE: u8 = 4;

/// Reads packets until the tile has all, or the bytes end.
pub(super) fn read(tile: &mut Tile, data: &[u8]) -> Outcome<()> {
    let mut at = 0;
    for (layer, index) in order(tile) {
        if at >= data.len() || time_limit::is_over() {
            return Ok(());
        }
        let (start_markers, end_markers) = (tile.start_markers, tile.end_markers);
        let Some(precinct) = tile.precincts.get_mut(index) else {
            continue;
        };
        if start_markers && data.get(at..at + 2) == Some(&[0xFF, 0x91]) {
            at += 6;
        }
        match packet(precinct, layer, data, at, end_markers) {
            Some(next) => at = next,
            // Cut off: what was read so far is shown.
            None => return Ok(()),
        }
    }
    Ok(())
}

/// The order of packets: layers and indices of precincts (T.800 B.12). It is made as it goes: there may be very many, and bytes for few.
fn order(tile: &Tile) -> Box<dyn Iterator<Item = (u32, usize)>> {
    let layers = u32::from(tile.layers);
    let mut indices: Vec<usize> = (0..tile.precincts.len()).collect();
    let key = |&index: &usize| {
        let Some(precinct) = tile.precincts.get(index) else {
            return [0; 5];
        };
        let (r, c, [x, y]) = (
            precinct.resolution as u64,
            precinct.component as u64,
            precinct.position,
        );
        match tile.progression {
            0 | 1 => [r, c, 0, 0, 0],
            2 => [r, y, x, c, 0],
            3 => [y, x, c, r, 0],
            _ => [c, y, x, r, 0],
        }
    };
    // Precincts of a resolution are in order already, and sorting is stable.
    indices.sort_by_key(key);
    match tile.progression {
        0 => {
            Box::new((0..layers).flat_map(move |layer| {
                indices.clone().into_iter().map(move |index| (layer, index))
            }))
        }
        1 => {
            let resolution = |index: &usize| {
                tile.precincts
                    .get(*index)
                    .map(|precinct| precinct.resolution)
            };
            let groups: Vec<Vec<usize>> = indices
                .chunk_by(|a, b| resolution(a) == resolution(b))
                .map(<[usize]>::to_vec)
                .collect();
            Box::new(groups.into_iter().flat_map(move |group| {
                (0..layers).flat_map(move |layer| {
                    group.clone().into_iter().map(move |index| (layer, index))
                })
            }))
        }
        _ => Box::new(
            indices
                .into_iter()
                .flat_map(move |index| (0..layers).map(move |layer| (layer, index))),
        ),
    }
}

/// Reads a packet; returns where the next one is.
fn packet(
    precinct: &mut Precinct,
    layer: u32,
    data: &[u8],
    at: usize,
    end_markers: bool,
) -> Option<usize> {
    let mut bits = HeaderBits::new(data, at);
    let mut bodies: Vec<(usize, usize, usize, usize)> = Vec::new();
    if bits.bit() {
        for (band_index, band) in precinct.bands.iter_mut().enumerate() {
            for index in 0..band.blocks.len() {
                let (x, y) = (index % band.across, index / band.across);
                let Some(block) = band.blocks.get_mut(index) else {
                    continue;
                };
                let is_included = if block.is_included {
                    bits.bit()
                } else {
                    band.inclusion.below(x, y, layer + 1, &mut bits).is_some()
                };
                if bits.is_over {
                    return None;
                }
                if !is_included {
                    continue;
                }
                if !block.is_included {
                    block.is_included = true;
                    block.zero_planes = zero_planes(&mut band.zero_planes, x, y, &mut bits)?;
                }
                let style = precinct.style;
                lengths(
                    block,
                    passes(&mut bits),
                    style,
                    &mut bits,
                    |segment, length| {
                        bodies.push((band_index, index, segment, length));
                    },
                )?;
            }
        }
    }
    if bits.is_over {
        return None;
    }
    let mut at = bits.end();
    if end_markers && data.get(at..at + 2) == Some(&[0xFF, 0x92]) {
        at += 2;
    }
    for (band, index, segment, length) in bodies {
        let end = at.saturating_add(length);
        let block = precinct.bands.get_mut(band)?.blocks.get_mut(index)?;
        let segment = block.segments.get_mut(segment)?;
        segment
            .data
            .extend_from_slice(data.get(at..end.min(data.len())).unwrap_or_default());
        if end > data.len() {
            return None;
        }
        at = end;
    }
    Some(at)
}

fn zero_planes(tree: &mut TagTree, x: usize, y: usize, bits: &mut HeaderBits<'_>) -> Option<u32> {
    (1..80).find_map(|limit| tree.below(x, y, limit, bits))
}

/// How many passes follow (T.800 table B.4).
fn passes(bits: &mut HeaderBits<'_>) -> u32 {
    if !bits.bit() {
        return 1;
    }
    if !bits.bit() {
        return 2;
    }
    match bits.bits(2) {
        3 => match bits.bits(5) {
            31 => 37 + bits.bits(7),
            more => 6 + more,
        },
        more => 3 + more,
    }
}

/// Distributes new passes over segments, each of which has a length.
fn lengths(
    block: &mut Block,
    mut passes: u32,
    style: u8,
    bits: &mut HeaderBits<'_>,
    mut found: impl FnMut(usize, usize),
) -> Option<()> {
    while bits.bit() {
        block.length_bits += 1;
        if block.length_bits > 32 || bits.is_over {
            return None;
        }
    }
    while passes > 0 {
        let is_full = block
            .segments
            .last()
            .is_none_or(|segment| segment.passes == segment.most);
        if is_full {
            let most = most_passes(block.passes, style);
            block.segments.push(super::tile::Segment {
                passes: 0,
                most,
                data: Vec::new(),
            });
        }
        let index = block.segments.len() - 1;
        let segment = block.segments.last_mut()?;
        let here = passes.min(segment.most - segment.passes);
        let count = block.length_bits + here.ilog2();
        if count > 32 {
            return None;
        }
        found(index, bits.bits(count) as usize);
        segment.passes += here;
        block.passes += here;
        passes -= here;
    }
    Some(())
}

/// How many passes the segment that begins with pass number `first` can have.
fn most_passes(first: u32, style: u8) -> u32 {
    if style & TERMINATE != 0 {
        return 1;
    }
    if style & BYPASS == 0 {
        return u32::MAX;
    }
    match first {
        0..10 => 10 - first,
        // A clean-up pass by itself, then two plain passes.
        _ if first.is_multiple_of(3) => 1,
        _ => 2,
    }
}
