//! Steps through the elements of a DICOM object and keeps what `tags` names, as far as the bytes go.
//!
//! A file may be cut off, or only its beginning may have been read so far: running out of bytes is an outcome, not an error,
//! and what was kept until then stays. Lengths are untrusted: nothing is allocated by one before the bytes are known to be
//! there, and nesting is bounded.

use std::ops::Range;

use super::data_set::{DataSet, Value};
use super::syntax::Encoding;
use super::tags::{self, Keep, Tag};
use crate::limits::{MAX_ELEMENTS, MAX_NESTING, MAX_VALUE_BYTES};

/// Where the samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelElement {
    pub(crate) tag: Tag,
    /// Samples are stored as 16-bit words, whatever their size.
    pub(crate) words: bool,
    /// Offset of the value.
    pub(crate) at: usize,
    /// Length as stated; `None` if the value is a sequence of fragments.
    pub(crate) length: Option<usize>,
}

/// Why the walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// At the end of what was to be read.
    End,
    /// At the samples.
    Pixels(PixelElement),
    /// The bytes ended inside an element.
    Short,
    /// What follows is no element, or there are too many.
    Broken,
}

const UNDEFINED: u32 = u32::MAX;
/// Kinds of value whose length has 32 bits.
const LONG: [&[u8; 2]; 13] = [
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
];

struct Header {
    tag: Tag,
    /// `None` if it is not stated.
    kind: Option<[u8; 2]>,
    length: u32,
    /// Offset of the value.
    value: usize,
}

/// Walks through `bytes[start..]` until the samples.
pub(crate) fn walk(bytes: &[u8], start: usize, encoding: Encoding) -> (DataSet, Stop) {
    let mut walker = Walker {
        bytes,
        elements: 0,
        group: None,
    };
    let mut at = start;
    let mut data = DataSet::new(encoding.little);
    let stop = walker.elements(&mut at, bytes.len(), encoding, &mut data, true, 0);
    (data, stop)
}

/// Walks through the elements of `group` at `start`; also returns the offset of what follows.
pub(crate) fn walk_group(
    bytes: &[u8],
    start: usize,
    encoding: Encoding,
    group: u16,
) -> (DataSet, Stop, usize) {
    let mut walker = Walker {
        bytes,
        elements: 0,
        group: Some(group),
    };
    let mut at = start;
    let mut data = DataSet::new(encoding.little);
    let stop = walker.elements(&mut at, bytes.len(), encoding, &mut data, true, 0);
    (data, stop, at)
}

/// The fragments of the sequence at `at`: ranges of bytes, the last one cut off where the bytes end. The first is the table
/// of offsets, which may be empty.
pub(crate) fn fragments(bytes: &[u8], mut at: usize, little: bool) -> (Vec<Range<usize>>, bool) {
    let mut found = Vec::new();
    let encoding = Encoding {
        little,
        explicit: false,
    };
    while let Some(header) = header(bytes, at, encoding) {
        if header.tag != tags::ITEM {
            return (found, header.tag == tags::SEQUENCE_END);
        }
        let end = header.value.saturating_add(header.length as usize);
        found.push(header.value..end.min(bytes.len()));
        if end > bytes.len() {
            break;
        }
        at = end;
    }
    (found, false)
}

struct Walker<'a> {
    bytes: &'a [u8],
    elements: usize,
    group: Option<u16>,
}

impl Walker<'_> {
    /// Elements from `at` to `end`, or to a delimiter; `at` is moved behind what was read.
    fn elements(
        &mut self,
        at: &mut usize,
        end: usize,
        encoding: Encoding,
        data: &mut DataSet,
        is_top: bool,
        depth: usize,
    ) -> Stop {
        while *at < end {
            let Some(header) = header(self.bytes, *at, encoding) else {
                return Stop::Short;
            };
            if self.group.is_some_and(|group| header.tag.0 != group) {
                return Stop::End;
            }
            self.elements += 1;
            if self.elements > MAX_ELEMENTS {
                return Stop::Broken;
            }
            match header.tag {
                tags::ITEM_END | tags::SEQUENCE_END => {
                    *at = header.value;
                    if is_top {
                        // A delimiter that delimits nothing.
                        continue;
                    }
                    return Stop::End;
                }
                tags::ITEM => return Stop::Broken,
                // No element has group 0: what follows is padding.
                (0, _) if is_top => return Stop::End,
                tags::PIXELS | tags::FLOAT_PIXELS | tags::DOUBLE_PIXELS if is_top => {
                    *at = header.value;
                    return Stop::Pixels(PixelElement {
                        tag: header.tag,
                        words: header.kind.is_none_or(|kind| &kind == b"OW"),
                        at: header.value,
                        length: (header.length != UNDEFINED).then_some(header.length as usize),
                    });
                }
                _ => {}
            }
            let stop = self.element(at, &header, encoding, data, depth);
            if stop != Stop::End {
                return stop;
            }
        }
        Stop::End
    }

    fn element(
        &mut self,
        at: &mut usize,
        header: &Header,
        encoding: Encoding,
        data: &mut DataSet,
        depth: usize,
    ) -> Stop {
        let keep = tags::keep(header.tag);
        let is_unknown = header.kind.is_some_and(|kind| &kind == b"UN");
        // Whoever wrote a sequence as "unknown" did not know its kind, and PS3.5 6.2.2 has its items be implicit.
        let inner = if is_unknown {
            Encoding::IMPLICIT
        } else {
            encoding
        };
        if header.length == UNDEFINED {
            *at = header.value;
            let mut items = Vec::new();
            let stop = self.items(
                at,
                self.bytes.len(),
                inner,
                &mut items,
                keep == Some(Keep::Items),
                depth,
            );
            if keep == Some(Keep::Items) {
                data.insert(header.tag, Value::Items(items));
            }
            return stop;
        }
        let end = header.value.saturating_add(header.length as usize);
        let available = self
            .bytes
            .get(header.value..end.min(self.bytes.len()))
            .unwrap_or_default();
        match keep {
            Some(Keep::Value) if end <= self.bytes.len() && available.len() <= MAX_VALUE_BYTES => {
                data.insert(header.tag, Value::Bytes(available.to_vec()));
            }
            Some(Keep::Items) => {
                let mut items = Vec::new();
                let mut inside = header.value;
                // Damage inside an element of known length does not reach beyond it.
                let stop = self.items(
                    &mut inside,
                    end.min(self.bytes.len()),
                    inner,
                    &mut items,
                    true,
                    depth,
                );
                data.insert(header.tag, Value::Items(items));
                if stop == Stop::Short && end > self.bytes.len() {
                    return Stop::Short;
                }
            }
            _ => {}
        }
        if end > self.bytes.len() {
            return Stop::Short;
        }
        *at = end;
        Stop::End
    }

    fn items(
        &mut self,
        at: &mut usize,
        end: usize,
        encoding: Encoding,
        items: &mut Vec<DataSet>,
        keep: bool,
        depth: usize,
    ) -> Stop {
        if depth >= MAX_NESTING {
            return Stop::Broken;
        }
        while *at < end {
            let Some(header) = header(self.bytes, *at, encoding) else {
                return Stop::Short;
            };
            self.elements += 1;
            match header.tag {
                tags::SEQUENCE_END => {
                    *at = header.value;
                    return Stop::End;
                }
                tags::ITEM if self.elements <= MAX_ELEMENTS => {}
                _ => return Stop::Broken,
            }
            let item_end = if header.length == UNDEFINED {
                end
            } else {
                header.value.saturating_add(header.length as usize)
            };
            if header.length != UNDEFINED && !keep {
                if item_end > self.bytes.len() {
                    return Stop::Short;
                }
                *at = item_end;
                continue;
            }
            *at = header.value;
            let mut data = DataSet::new(encoding.little);
            let stop = self.elements(at, item_end.min(end), encoding, &mut data, false, depth + 1);
            if keep {
                items.push(data);
            }
            if header.length != UNDEFINED {
                if item_end > self.bytes.len() {
                    return Stop::Short;
                }
                *at = item_end;
            } else if stop != Stop::End {
                return stop;
            }
        }
        Stop::End
    }
}

/// The header of the element at `at`; `None` if the bytes end before it does.
fn header(bytes: &[u8], at: usize, encoding: Encoding) -> Option<Header> {
    let [a, b, c, d, e, f, g, h] = *bytes.get(at..)?.first_chunk()?;
    let short = |pair: [u8; 2]| {
        if encoding.little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        }
    };
    let long = |four: [u8; 4]| {
        if encoding.little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        }
    };
    let tag = (short([a, b]), short([c, d]));
    let kind = [e, f];
    // Some writers forget the kind of single elements; two bytes that are no letters belong to a length.
    if tag.0 == 0xFFFE || !encoding.explicit || !kind.iter().all(u8::is_ascii_uppercase) {
        return Some(Header {
            tag,
            kind: None,
            length: long([e, f, g, h]),
            value: at + 8,
        });
    }
    if LONG.contains(&&kind) {
        let four = *bytes.get(at + 8..)?.first_chunk()?;
        return Some(Header {
            tag,
            kind: Some(kind),
            length: long(four),
            value: at + 12,
        });
    }
    Some(Header {
        tag,
        kind: Some(kind),
        length: u32::from(short([g, h])),
        value: at + 8,
    })
}

/// Whether an element at `at` states one of the kinds of value there are.
pub(crate) fn looks_explicit(bytes: &[u8], at: usize) -> bool {
    const SHORT: [&[u8; 2]; 18] = [
        b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN",
        b"SH", b"SL", b"SS", b"ST", b"TM",
    ];
    let kind = bytes
        .get(at + 4..at + 6)
        .and_then(|two| two.first_chunk::<2>());
    kind.is_some_and(|kind| {
        SHORT.contains(&kind) || LONG.contains(&kind) || [b"UI", b"UL", b"US"].contains(&kind)
    })
}
