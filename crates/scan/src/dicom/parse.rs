//! From the bytes of a file to what is kept of its object: preamble, file meta information, transfer syntax, elements.
//!
//! Files come without preamble, without meta information, with a transfer syntax that is not the one they are written in.
//! What is recognised as DICOM at all is decided here, by content only.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::data_set::DataSet;
use super::syntax::{Encoding, Syntax};
use super::tags;
use super::walk::{PixelElement, Stop, looks_explicit, walk, walk_group};
use crate::error::Fault;
use crate::limits::{MAX_FILE_BYTES, MAX_GROWTH, UNSUSPICIOUS_BYTES};

/// An object as far as it was kept.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) syntax: Syntax,
    /// How the elements are really encoded, which may differ from what the syntax says.
    pub(crate) encoding: Encoding,
    pub(crate) meta: DataSet,
    pub(crate) data: DataSet,
    pub(crate) pixels: Option<PixelElement>,
    /// The elements end where they should.
    pub(crate) stop: Stop,
}

impl Parsed {
    /// Whether the elements are compressed.
    pub(crate) fn syntax_is_deflated(&self) -> bool {
        self.syntax.deflated
    }

    /// The files that a DICOMDIR lists, as the parts of their paths.
    pub(crate) fn directory_files(&self) -> Vec<Vec<String>> {
        let path = |record: &DataSet| {
            let text = record.text(tags::REFERENCED_FILE)?;
            Some(
                text.split('\\')
                    .map(|part| part.trim().to_owned())
                    .collect(),
            )
        };
        self.data
            .items(tags::DIRECTORY_RECORDS)
            .iter()
            .filter_map(path)
            .collect()
    }
}

/// Whether `bytes`, the beginning of a file, are DICOM.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    has_preamble(bytes) || bytes.starts_with(b"DICM") || without_preamble(bytes, 0).is_some()
}

fn has_preamble(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// Where the first element is.
fn after_introduction(bytes: &[u8]) -> usize {
    if has_preamble(bytes) {
        132
    } else if bytes.starts_with(b"DICM") {
        4
    } else {
        0
    }
}

/// The encoding of elements that start at `at` without an introduction: the group must be one that objects begin with.
fn without_preamble(bytes: &[u8], at: usize) -> Option<Encoding> {
    let [a, b, c, d, _, _, g, h] = *bytes.get(at..)?.first_chunk::<8>()?;
    let begins = |group: u16, element: u16| {
        matches!(
            (group, element),
            (2, 0 | 1 | 2 | 0x10) | (8, 0..=0x70) | (4, 0x1130..=0x1430)
        )
    };
    let explicit = looks_explicit(bytes, at);
    let little = begins(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let big = begins(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    match (explicit, little, big) {
        (true, true, _) => Some(Encoding::EXPLICIT),
        (true, false, true) => Some(Encoding::BIG),
        // The first elements are short: the upper half of the length is zero. An all-zero start is not an object.
        (false, true, _)
            if [g, h] == [0, 0]
                && (a, c) != (0, 0)
                && bytes.get(at + 4..at + 6) != Some(&[0, 0]) =>
        {
            Some(Encoding::IMPLICIT)
        }
        _ => None,
    }
}

/// Parses `bytes`: a file, or its beginning if `parsed.stop` may be [`Stop::Short`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, Fault> {
    if !is_dicom(bytes) {
        return Err(Fault::NotAScan { looks_like: None });
    }
    let start = after_introduction(bytes);
    let meta_encoding = if looks_explicit(bytes, start) {
        Encoding::EXPLICIT
    } else {
        Encoding::IMPLICIT
    };
    let (meta, stop, at) = walk_group(bytes, start, meta_encoding, 2);
    if stop == Stop::Short && at > start {
        return Ok(Parsed {
            syntax: Syntax::unstated(meta_encoding),
            encoding: meta_encoding,
            meta,
            data: DataSet::new(true),
            pixels: None,
            stop,
        });
    }
    let stated = meta
        .text(tags::TRANSFER_SYNTAX)
        .map(|uid| Syntax::of_uid(&uid));
    if let Some(syntax) = stated.filter(|syntax| syntax.deflated) {
        let body = inflate(bytes.get(at..).unwrap_or_default())?;
        return Ok(finish(&body, 0, syntax, meta));
    }
    let found = without_preamble(bytes, at);
    let syntax = match (stated, found) {
        (Some(syntax), _) => syntax,
        (None, Some(found)) => Syntax::unstated(found),
        (None, None) => {
            let explicit = looks_explicit(bytes, at);
            Syntax::unstated(Encoding {
                little: true,
                explicit,
            })
        }
    };
    Ok(finish(bytes, at, syntax, meta))
}

fn finish(bytes: &[u8], at: usize, syntax: Syntax, meta: DataSet) -> Parsed {
    let mut encoding = syntax.encoding;
    // Whether kinds of values are stated is seen more surely than it is said.
    if bytes.len() >= at + 8 {
        encoding.explicit = looks_explicit(bytes, at);
        if encoding.explicit && without_preamble(bytes, at).is_some_and(|found| found.explicit) {
            encoding.little = without_preamble(bytes, at).is_none_or(|found| found.little);
        }
    }
    let (data, stop) = walk(bytes, at, encoding);
    let pixels = match stop {
        Stop::Pixels(element) => Some(element),
        _ => None,
    };
    Parsed {
        syntax,
        encoding,
        meta,
        data,
        pixels,
        stop,
    }
}

/// The bytes that the offsets of [`Parsed::pixels`] refer to: `bytes`, or what they inflate to.
pub(crate) fn body(bytes: Vec<u8>, syntax: &Syntax) -> Result<Vec<u8>, Fault> {
    if !syntax.deflated {
        return Ok(bytes);
    }
    let (_, _, at) = walk_group(&bytes, after_introduction(&bytes), Encoding::EXPLICIT, 2);
    inflate(bytes.get(at..).unwrap_or_default())
}

/// Inflates as far as the data goes.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let limit = UNSUSPICIOUS_BYTES
        .max(bytes.len() as u64 * MAX_GROWTH)
        .min(MAX_FILE_BYTES);
    let mut body = Vec::new();
    // What was inflated before an error is kept: the walk says where it ends.
    let _ = DeflateDecoder::new(bytes)
        .take(limit + 1)
        .read_to_end(&mut body);
    if body.len() as u64 > limit {
        return Err(Fault::Bomb { reached: limit });
    }
    Ok(body)
}
