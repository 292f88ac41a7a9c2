//! Look-up tables: modality, VOI and palette (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5, C.7.9.2).

use super::data_set::DataSet;
use super::tags::{self, Tag};
use crate::volume::VoiLut;

/// From stored values to entries; values beyond the table get its first or last entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lut {
    pub(crate) first: i64,
    /// Bits of an entry.
    pub(crate) bits: u32,
    /// Never empty.
    pub(crate) entries: Vec<u16>,
}

impl Lut {
    /// The table with this descriptor and data. `signed` says how the first stored value is to be read.
    fn of(
        data: &DataSet,
        descriptor: Tag,
        entries: Tag,
        segments: Option<Tag>,
        signed: bool,
    ) -> Option<Self> {
        let &[count, first, bits] = data.shorts(descriptor).first_chunk()?;
        let count = if count == 0 {
            65_536
        } else {
            usize::from(count)
        };
        let words = match segments.filter(|_| !data.has(entries)) {
            Some(segments) => expand(data, segments, bits, count)?,
            None => words(data, entries, bits, count)?,
        };
        let mut entries = words;
        entries.truncate(count);
        if entries.is_empty() {
            return None;
        }
        let first = if signed {
            i64::from(first as i16)
        } else {
            i64::from(first)
        };
        Some(Self {
            first,
            bits: u32::from(bits).clamp(1, 16),
            entries,
        })
    }

    pub(crate) fn get(&self, stored: i64) -> u16 {
        let last = self.entries.len() as i64 - 1;
        let index = stored.saturating_sub(self.first).clamp(0, last);
        self.entries
            .get(index as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The modality LUT.
    pub(crate) fn modality(data: &DataSet, signed: bool) -> Option<Self> {
        let item = data.item(tags::MODALITY_LUTS)?;
        Self::of(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, None, signed)
    }

    /// The first VOI LUT; its input are rescaled values, which are negative where the slope or the samples make them so.
    pub(crate) fn voi(data: &DataSet, signed: bool) -> Option<VoiLut> {
        let item = data.item(tags::VOI_LUTS)?;
        let lut = Self::of(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, None, signed)?;
        let white = ((1_u32 << lut.bits) - 1) as u16;
        Some(VoiLut {
            first: lut.first as f64,
            white,
            entries: lut.entries,
        })
    }
}

/// Red, green and blue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Palette([Lut; 3]);

impl Palette {
    pub(crate) fn of(data: &DataSet, signed: bool) -> Option<Self> {
        let lut = |descriptor, entries, segments| {
            Lut::of(data, descriptor, entries, Some(segments), signed)
        };
        Some(Self([
            lut(tags::RED_DESCRIPTOR, tags::RED_DATA, tags::RED_SEGMENTED)?,
            lut(
                tags::GREEN_DESCRIPTOR,
                tags::GREEN_DATA,
                tags::GREEN_SEGMENTED,
            )?,
            lut(tags::BLUE_DESCRIPTOR, tags::BLUE_DATA, tags::BLUE_SEGMENTED)?,
        ]))
    }

    /// The colour of a stored value, 8 bits each.
    pub(crate) fn get(&self, stored: i64) -> [u8; 3] {
        [0, 1, 2].map(|index| {
            let lut = &self.0[index];
            let entry = lut.get(stored);
            if lut.bits > 8 {
                (entry >> (lut.bits - 8)) as u8
            } else {
                entry.min(255) as u8
            }
        })
    }
}

/// The entries as words, or as bytes where they fill only half of what words would.
fn words(data: &DataSet, tag: Tag, bits: u16, count: usize) -> Option<Vec<u16>> {
    let bytes = data.bytes(tag)?;
    if bits <= 8 && bytes.len() < count * 2 {
        // Bytes in big-endian words come in pairs the other way round.
        let byte = |index: usize| {
            bytes
                .get(if data.little { index } else { index ^ 1 })
                .copied()
        };
        return Some((0..bytes.len()).filter_map(byte).map(u16::from).collect());
    }
    Some(data.shorts(tag))
}

/// Expands a segmented table: discrete entries, lines, and repeats of earlier segments (PS3.3 C.7.9.2).
fn expand(data: &DataSet, tag: Tag, bits: u16, count: usize) -> Option<Vec<u16>> {
    let segments: Vec<u16> = if bits <= 8 {
        data.bytes(tag)?
            .iter()
            .map(|&byte| u16::from(byte))
            .collect()
    } else {
        data.shorts(tag)
    };
    let mut entries = Vec::new();
    let mut at = 0;
    while entries.len() < count && at < segments.len() {
        let (code, length) = (*segments.get(at)?, usize::from(*segments.get(at + 1)?));
        if code == 2 {
            let wide = |index: usize| segments.get(index).map(|&word| usize::from(word));
            let mut from = if bits <= 8 {
                wide(at + 2)? | wide(at + 3)? << 8 | wide(at + 4)? << 16 | wide(at + 5)? << 24
            } else {
                (wide(at + 2)? | wide(at + 3)? << 16) / 2
            };
            for _ in 0..length {
                // A repeat of a repeat would not end.
                if *segments.get(from)? == 2 || entries.len() >= count {
                    return None;
                }
                from = segment(&segments, from, &mut entries)?;
            }
            at += if bits <= 8 { 6 } else { 4 };
        } else {
            at = segment(&segments, at, &mut entries)?;
        }
    }
    Some(entries)
}

/// Expands the discrete or linear segment at `at`; returns where the next one is.
fn segment(segments: &[u16], at: usize, entries: &mut Vec<u16>) -> Option<usize> {
    let (code, length) = (*segments.get(at)?, usize::from(*segments.get(at + 1)?));
    match code {
        0 => {
            entries.extend_from_slice(segments.get(at + 2..at + 2 + length)?);
            Some(at + 2 + length)
        }
        1 => {
            let end = f64::from(*segments.get(at + 2)?);
            let start = f64::from(*entries.last()?);
            let step = |index: usize| start + (end - start) * index as f64 / length as f64;
            entries.extend((1..=length).map(|index| step(index).round() as u16));
            Some(at + 3)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::data_set::Value;
    use super::*;

    fn data(tag: Tag, words: &[u16]) -> DataSet {
        let mut data = DataSet::new(true);
        data.insert(
            tag,
            Value::Bytes(words.iter().flat_map(|word| word.to_le_bytes()).collect()),
        );
        data
    }

    #[test]
    fn segments_are_expanded_with_lines_and_repeats() {
        // Two entries, a line of four to 100, then both again.
        let segments = [0, 2, 0, 20, 1, 4, 100, 2, 2, 0, 0];
        let data = data(tags::RED_SEGMENTED, &segments);
        let entries = expand(&data, tags::RED_SEGMENTED, 16, 12).unwrap();
        assert_eq!(entries, [0, 20, 40, 60, 80, 100, 0, 20, 40, 60, 80, 100]);
    }

    #[test]
    fn a_repeat_of_itself_is_refused() {
        let data = data(tags::RED_SEGMENTED, &[2, 1, 0, 0]);
        assert_eq!(expand(&data, tags::RED_SEGMENTED, 16, 12), None);
    }

    #[test]
    fn a_descriptor_of_zero_stands_for_65536_and_an_empty_table_is_none() {
        let mut item = data(tags::LUT_DESCRIPTOR, &[0, 0, 16]);
        assert_eq!(
            Lut::of(&item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, None, false),
            None
        );
        item.insert(tags::LUT_DATA, Value::Bytes(vec![7, 0, 9, 0]));
        let lut = Lut::of(&item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, None, false).unwrap();
        assert_eq!([lut.get(-5), lut.get(0), lut.get(99)], [7, 7, 9]);
    }
}
