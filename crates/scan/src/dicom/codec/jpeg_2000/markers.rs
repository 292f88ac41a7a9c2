//! The marker segments of a stream (T.800 annex A): sizes, how components are coded, and the bytes of every tile.

use super::{Area, Outcome, Refusal, there};

/// T.800 table A.9.
const MAX_TILES: u64 = 65_535;
const MAX_BITS: u32 = 24;
const MAX_LEVELS: u8 = 32;

/// The main header.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) area: Area,
    tile_size: (u32, u32),
    tile_start: (u32, u32),
    tiles_across: u32,
    tiles_down: u32,
    pub(super) components: usize,
    pub(super) bits: u32,
    pub(super) signed: bool,
    samples: Samples,
}

/// How the samples of a tile are coded.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    pub(super) bits: u32,
    pub(super) progression: u8,
    pub(super) layers: u16,
    pub(super) colour_transform: bool,
    /// Packets may begin with a marker, or their headers end with one.
    pub(super) start_markers: bool,
    pub(super) end_markers: bool,
    pub(super) coding: Vec<Coding>,
    pub(super) quantisation: Vec<Quantisation>,
}

/// COD and COC.
#[derive(Clone, Debug, Default)]
pub(super) struct Coding {
    /// Decompositions.
    pub(super) levels: u8,
    /// Powers of two of the size of a code block.
    pub(super) block: (u8, u8),
    pub(super) style: u8,
    pub(super) reversible: bool,
    /// Powers of two of the size of a precinct, by resolution.
    pub(super) precincts: Vec<(u8, u8)>,
}

/// QCD and QCC.
#[derive(Clone, Debug, Default)]
pub(super) struct Quantisation {
    style: u8,
    pub(super) guard: u8,
    steps: Vec<(u8, u16)>,
}

impl Quantisation {
    /// Exponent and mantissa of the band with this number: 0 for the lowest, then three of each level.
    pub(super) fn step(&self, band: usize) -> Option<(u8, u16)> {
        if self.style == 1 {
            let &(exponent, mantissa) = self.steps.first()?;
            let less = u8::try_from(band.saturating_sub(1) / 3).ok()?;
            return Some((exponent.saturating_sub(less), mantissa));
        }
        self.steps.get(band).copied()
    }
}

/// The bytes of a tile and how they are coded.
pub(super) struct Part {
    pub(super) data: Vec<u8>,
    pub(super) samples: Samples,
}

impl Head {
    /// Also returns where the first tile begins.
    pub(super) fn parse(stream: &[u8]) -> Outcome<(Self, usize)> {
        let (mut head, mut at) = there(Self::size(stream))?;
        if head.bits > MAX_BITS {
            return Err(Refusal::Unsupported("more than 24 bits a sample"));
        }
        loop {
            let (marker, payload, next) = there(segment(stream, at))?;
            match marker {
                0x90 => break,
                0x50 => {
                    return Err(Refusal::Unsupported(
                        "high throughput (HTJ2K), or another extension",
                    ));
                }
                _ => head.samples.read(marker, payload, head.components)?,
            }
            at = next;
        }
        let is_complete = head.samples.layers > 0
            && head.samples.coding.len() == head.components
            && head.samples.quantisation.len() == head.components;
        if is_complete {
            Ok((head, at))
        } else {
            Err(Refusal::Damaged)
        }
    }

    /// SIZ, and where the next marker is.
    fn size(stream: &[u8]) -> Option<(Self, usize)> {
        let (_, payload, next) = segment(stream, 2)?;
        let long = |at: usize| Some(u32::from_be_bytes(*payload.get(at..)?.first_chunk()?));
        let area = Area {
            x0: long(10)?,
            y0: long(14)?,
            x1: long(2)?,
            y1: long(6)?,
        };
        let tile_size = (long(18)?, long(22)?);
        let tile_start = (long(26)?, long(30)?);
        let components = usize::from(u16::from_be_bytes(*payload.get(34..)?.first_chunk()?));
        let parts = payload.get(36..36 + components * 3)?.as_chunks::<3>().0;
        let &[depth, _, _] = parts.first()?;
        let is_plain = parts.iter().all(|part| *part == [depth, 1, 1]);
        let is_valid = !area.is_empty()
            && tile_size.0 > 0
            && tile_size.1 > 0
            && tile_start.0 <= area.x0
            && tile_start.1 <= area.y0
            && tile_start.0.saturating_add(tile_size.0) > area.x0
            && tile_start.1.saturating_add(tile_size.1) > area.y0;
        if !is_plain || !is_valid {
            return None;
        }
        let tiles_across = (area.x1 - tile_start.0).div_ceil(tile_size.0);
        let tiles_down = (area.y1 - tile_start.1).div_ceil(tile_size.1);
        if u64::from(tiles_across) * u64::from(tiles_down) > MAX_TILES {
            return None;
        }
        let bits = u32::from(depth & 0x7F) + 1;
        let head = Self {
            area,
            tile_size,
            tile_start,
            tiles_across,
            tiles_down,
            components,
            bits,
            signed: depth & 0x80 != 0,
            samples: Samples {
                bits,
                ..Samples::default()
            },
        };
        Some((head, next))
    }

    pub(super) fn width(&self) -> usize {
        self.area.width()
    }

    pub(super) fn height(&self) -> usize {
        self.area.height()
    }

    fn tiles(&self) -> usize {
        (self.tiles_across * self.tiles_down) as usize
    }

    /// Where the tile with this number is (T.800 B.3).
    pub(super) fn tile(&self, index: usize) -> Area {
        let (across, down) = (
            index as u32 % self.tiles_across,
            index as u32 / self.tiles_across,
        );
        let x = self
            .tile_start
            .0
            .saturating_add(across.saturating_mul(self.tile_size.0));
        let y = self
            .tile_start
            .1
            .saturating_add(down.saturating_mul(self.tile_size.1));
        Area {
            x0: x.max(self.area.x0),
            y0: y.max(self.area.y0),
            x1: x.saturating_add(self.tile_size.0).min(self.area.x1),
            y1: y.saturating_add(self.tile_size.1).min(self.area.y1),
        }
    }
}

impl Samples {
    fn read(&mut self, marker: u8, payload: &[u8], components: usize) -> Outcome<()> {
        match marker {
            0x52 => there(self.coding_default(payload, components)),
            0x53 => there(self.coding_of_component(payload, components)),
            0x5C => {
                let quantisation = there(quantisation(payload))?;
                self.quantisation = vec![quantisation; components];
                Ok(())
            }
            0x5D => there(self.quantisation_of_component(payload, components)),
            0x5E => Err(Refusal::Unsupported("a region of interest")),
            0x5F => Err(Refusal::Unsupported("changes of the order of packets")),
            0x60 | 0x61 => Err(Refusal::Unsupported("packed packet headers")),
            _ => Ok(()),
        }
    }

    fn coding_default(&mut self, payload: &[u8], components: usize) -> Option<()> {
        let &[flags, progression, l1, l0, transform] = payload.first_chunk()?;
        self.progression = progression;
        self.layers = u16::from_be_bytes([l1, l0]);
        self.colour_transform = transform == 1;
        self.start_markers = flags & 2 != 0;
        self.end_markers = flags & 4 != 0;
        self.coding = vec![coding(payload.get(5..)?, flags & 1 != 0)?; components];
        (progression <= 4 && self.layers > 0 && (transform == 0 || components >= 3)).then_some(())
    }

    fn coding_of_component(&mut self, payload: &[u8], components: usize) -> Option<()> {
        let (component, rest) = component(payload, components)?;
        let (&flags, rest) = rest.split_first()?;
        *self.coding.get_mut(component)? = coding(rest, flags & 1 != 0)?;
        Some(())
    }

    fn quantisation_of_component(&mut self, payload: &[u8], components: usize) -> Option<()> {
        let (component, rest) = component(payload, components)?;
        *self.quantisation.get_mut(component)? = quantisation(rest)?;
        Some(())
    }
}

fn component(payload: &[u8], components: usize) -> Option<(usize, &[u8])> {
    if components < 257 {
        let (&index, rest) = payload.split_first()?;
        return Some((usize::from(index), rest));
    }
    Some((
        usize::from(u16::from_be_bytes(*payload.first_chunk()?)),
        payload.get(2..)?,
    ))
}

fn coding(payload: &[u8], has_precincts: bool) -> Option<Coding> {
    let &[levels, width, height, style, transform] = payload.first_chunk()?;
    let block = (width.checked_add(2)?, height.checked_add(2)?);
    if levels > MAX_LEVELS
        || block.0 > 10
        || block.1 > 10
        || block.0 + block.1 > 12
        || transform > 1
        || style & 0x40 != 0
    {
        return None;
    }
    let count = usize::from(levels) + 1;
    let precincts = if has_precincts {
        payload
            .get(5..5 + count)?
            .iter()
            .map(|&sizes| (sizes & 15, sizes >> 4))
            .collect()
    } else {
        vec![(15, 15); count]
    };
    Some(Coding {
        levels,
        block,
        style,
        reversible: transform == 1,
        precincts,
    })
}

fn quantisation(payload: &[u8]) -> Option<Quantisation> {
    let (&style, rest) = payload.split_first()?;
    let steps: Vec<(u8, u16)> = match style & 31 {
        0 => rest.iter().map(|&byte| (byte >> 3, 0)).collect(),
        1 | 2 => {
            let words = rest
                .as_chunks()
                .0
                .iter()
                .map(|&two| u16::from_be_bytes(two));
            words
                .map(|word| ((word >> 11) as u8, word & 0x7FF))
                .collect()
        }
        _ => return None,
    };
    (!steps.is_empty()).then_some(Quantisation {
        style: style & 31,
        guard: style >> 5,
        steps,
    })
}

/// The marker at `at`, its payload, and where the next one is.
fn segment(stream: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let &[0xFF, marker, l1, l0] = stream.get(at..)?.first_chunk()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    Some((
        marker,
        stream.get(at + 4..at + 2 + length)?,
        at + 2 + length,
    ))
}

/// The bytes of all tiles. A stream that is cut off has some of them, and the last one in part.
pub(super) fn tiles(stream: &[u8], mut at: usize, head: &Head) -> Outcome<Vec<Option<Part>>> {
    let mut parts: Vec<Option<Part>> = (0..head.tiles()).map(|_| None).collect();
    while let Some((0x90, payload, mut inside)) = segment(stream, at) {
        let &[t1, t0, p3, p2, p1, p0, _, _] = there(payload.first_chunk())?;
        let index = usize::from(u16::from_be_bytes([t1, t0]));
        let length = u32::from_be_bytes([p3, p2, p1, p0]) as usize;
        let end = if length == 0 {
            stream.len()
        } else {
            at.saturating_add(length).min(stream.len())
        };
        let place = there(parts.get_mut(index))?;
        let part = place.get_or_insert_with(|| Part {
            data: Vec::new(),
            samples: head.samples.clone(),
        });
        loop {
            match stream.get(inside..inside + 2) {
                // SOD: the rest are packets.
                Some([0xFF, 0x93]) => {
                    part.data
                        .extend_from_slice(stream.get(inside + 2..end).unwrap_or_default());
                    break;
                }
                Some(_) => {
                    let Some((marker, payload, next)) = segment(stream, inside) else {
                        return Ok(parts);
                    };
                    part.samples.read(marker, payload, head.components)?;
                    inside = next;
                }
                None => return Ok(parts),
            }
        }
        if end <= at {
            break;
        }
        at = end;
    }
    Ok(parts)
}
