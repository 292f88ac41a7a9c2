//! Reads the elements of a DICOM object and copies those that [`super::rules`] keeps.
//!
//! Unlike the reader of images, this one refuses what is damaged: a clean copy of half a file would be a wrong one, and what
//! follows a damaged length could be anything.

use std::collections::BTreeMap;

use super::damaged;
use super::rules::{Rule, Tag, rule};
use crate::limits::{MAX_ELEMENTS, MAX_NESTING};
use crate::view_error::ViewError;

const UNDEFINED: u32 = u32::MAX;
const ITEM: Tag = (0xFFFE, 0xE000);
const ITEM_END: Tag = (0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = (0xFFFE, 0xE0DD);
const PIXELS: Tag = (0x7FE0, 0x0010);
const FLOAT_PIXELS: Tag = (0x7FE0, 0x0008);
const DOUBLE_PIXELS: Tag = (0x7FE0, 0x0009);
/// Kinds of value whose length has 32 bits.
const LONG: [&[u8; 2]; 13] = [
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
];
/// Kinds of value that are numbers in binary.
const BINARY: [&[u8; 2]; 11] = [
    b"US", b"SS", b"UL", b"SL", b"FL", b"FD", b"AT", b"OB", b"OW", b"OF", b"OD",
];
const IMPLICIT_SYNTAX: &str = "1.2.840.10008.1.2";

/// Numbers that decide what the image shows and where it lies: position, orientation, frames, spacing, rescaling.
const NEEDED: [Tag; 6] = [
    (0x0020, 0x0032),
    (0x0020, 0x0037),
    (0x0028, 0x0008),
    (0x0028, 0x0030),
    (0x0028, 0x1052),
    (0x0028, 0x1053),
];

/// How elements are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    pub(super) little: bool,
    pub(super) explicit: bool,
}

impl Encoding {
    pub(super) const EXPLICIT: Self = Self {
        little: true,
        explicit: true,
    };
    const IMPLICIT: Self = Self {
        little: true,
        explicit: false,
    };

    pub(super) fn short(self, value: u16) -> [u8; 2] {
        if self.little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }

    pub(super) fn long(self, value: u32) -> [u8; 4] {
        if self.little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }

    fn read_short(self, two: [u8; 2]) -> u16 {
        if self.little {
            u16::from_le_bytes(two)
        } else {
            u16::from_be_bytes(two)
        }
    }

    fn read_long(self, four: [u8; 4]) -> u32 {
        if self.little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        }
    }
}

/// Where an object's elements begin, and how they are encoded.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) start: usize,
    pub(super) encoding: Encoding,
    pub(super) deflated: bool,
    /// The UID of the transfer syntax.
    pub(super) syntax: String,
}

impl Object {
    /// Reads the file meta information; a file without any must begin with an element of group 8.
    pub(super) fn find(bytes: &[u8]) -> Result<Self, ViewError> {
        let has_preamble = bytes.get(128..132) == Some(b"DICM");
        // Without a preamble, an object begins with group 8, or with its meta information.
        let begins = has_preamble || bytes.starts_with(&[8, 0]) || bytes.starts_with(&[2, 0]);
        if !begins {
            return Err(ViewError::NotCleaned("it is not a DICOM file".to_owned()));
        }
        let mut at = if has_preamble { 132 } else { 0 };
        let mut syntax = None;
        while let Some(header) =
            header(bytes, at, Encoding::EXPLICIT)?.filter(|header| header.tag.0 == 2)
        {
            let value = header.value(bytes)?;
            if header.tag == (2, 0x10) {
                syntax = Some(text(value));
            }
            at = header.at + value.len();
        }
        let explicit = bytes
            .get(at + 4..at + 6)
            .is_some_and(|kind| kind.iter().all(u8::is_ascii_uppercase));
        let syntax = match syntax {
            Some(syntax) if syntax.starts_with("1.2.840.10008.1.2") => syntax,
            Some(_) => return Err(damaged("its transfer syntax is unknown")),
            None if bytes.get(at) == Some(&8) && explicit => "1.2.840.10008.1.2.1".to_owned(),
            None if bytes.get(at) == Some(&8) => IMPLICIT_SYNTAX.to_owned(),
            None => return Err(ViewError::NotCleaned("it is not a DICOM file".to_owned())),
        };
        let deflated = syntax == "1.2.840.10008.1.2.1.99";
        let encoding = Encoding {
            little: syntax != "1.2.840.10008.1.2.2",
            explicit: syntax != IMPLICIT_SYNTAX,
        };
        if !deflated && encoding.explicit != explicit {
            return Err(damaged("its elements are not encoded as it says"));
        }
        Ok(Self {
            start: at,
            encoding,
            deflated,
            syntax,
        })
    }
}

/// An element of the copy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    /// The kind of value; of no meaning where kinds are not written.
    pub(super) kind: [u8; 2],
    pub(super) value: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    Items(Vec<Elements>),
    /// Fragments of compressed samples; the first is the table of offsets.
    Fragments(Vec<Vec<u8>>),
}

pub(super) type Elements = BTreeMap<Tag, Kept>;

/// The copy of an object.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) elements: Elements,
    pub(super) encoding: Encoding,
    pub(super) kept: usize,
    pub(super) removed: usize,
}

impl Copy {
    /// The value of an element as text.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        Some(text(self.bytes(tag)?))
    }

    /// A number of 16 bits.
    pub(super) fn number(&self, tag: Tag) -> Option<usize> {
        let two = *self.bytes(tag)?.first_chunk()?;
        Some(usize::from(self.encoding.read_short(two)))
    }

    fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match &self.elements.get(&tag)?.value {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The element of the samples.
    pub(super) fn pixels(&mut self) -> Option<&mut Kept> {
        let tags = [PIXELS, FLOAT_PIXELS, DOUBLE_PIXELS];
        let tag = tags
            .into_iter()
            .find(|tag| self.elements.contains_key(tag))?;
        self.elements.get_mut(&tag)
    }
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
        .to_owned()
}

/// Copies what may be kept; UIDs go through `new_uid`.
pub(super) fn copy(
    bytes: &[u8],
    object: &Object,
    new_uid: &dyn Fn(&str) -> String,
) -> Result<Copy, ViewError> {
    let mut copier = Copier {
        bytes,
        new_uid,
        kept: 0,
        removed: 0,
        seen: 0,
    };
    let mut at = object.start;
    let elements = copier.elements(&mut at, bytes.len(), object.encoding, 0)?;
    let mut copy = Copy {
        elements,
        encoding: object.encoding,
        kept: copier.kept,
        removed: copier.removed,
    };
    match copy.pixels() {
        Some(_) => Ok(copy),
        None => Err(ViewError::NotCleaned(
            "this DICOM file holds no image".to_owned(),
        )),
    }
}

#[derive(Clone, Copy)]
struct Header {
    tag: Tag,
    kind: Option<[u8; 2]>,
    length: u32,
    /// Where the value begins.
    at: usize,
}

impl Header {
    fn value<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], ViewError> {
        let end = self.at.saturating_add(self.length as usize);
        bytes
            .get(self.at..end)
            .ok_or_else(|| damaged("it is incomplete"))
    }
}

/// The header at `at`; `None` at the end of the bytes.
fn header(bytes: &[u8], at: usize, encoding: Encoding) -> Result<Option<Header>, ViewError> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(None);
    }
    let short = || damaged("it is incomplete");
    let [a, b, c, d, e, f, g, h] = *rest.first_chunk().ok_or_else(short)?;
    let tag = (encoding.read_short([a, b]), encoding.read_short([c, d]));
    let kind = [e, f];
    let header = |kind, length, size| Header {
        tag,
        kind,
        length,
        at: at + size,
    };
    if tag.0 == 0xFFFE || !encoding.explicit {
        return Ok(Some(header(None, encoding.read_long([e, f, g, h]), 8)));
    }
    if !kind.iter().all(u8::is_ascii_uppercase) {
        return Err(damaged("an element has no kind of value"));
    }
    if LONG.contains(&&kind) {
        let four = *rest
            .get(8..)
            .and_then(|rest| rest.first_chunk())
            .ok_or_else(short)?;
        return Ok(Some(header(Some(kind), encoding.read_long(four), 12)));
    }
    Ok(Some(header(
        Some(kind),
        u32::from(encoding.read_short([g, h])),
        8,
    )))
}

struct Copier<'a> {
    bytes: &'a [u8],
    new_uid: &'a dyn Fn(&str) -> String,
    kept: usize,
    removed: usize,
    seen: usize,
}

impl Copier<'_> {
    /// The elements from `at` to `end` or to the end of an item.
    fn elements(
        &mut self,
        at: &mut usize,
        end: usize,
        encoding: Encoding,
        depth: usize,
    ) -> Result<Elements, ViewError> {
        if depth > MAX_NESTING {
            return Err(damaged("its sequences are nested too deeply"));
        }
        let mut kept = Elements::new();
        while *at < end {
            let Some(header) = header(self.bytes, *at, encoding)? else {
                break;
            };
            self.seen += 1;
            if self.seen > MAX_ELEMENTS {
                return Err(damaged("it has too many elements"));
            }
            *at = header.at;
            if header.tag == ITEM_END {
                break;
            }
            let element = self.element(&header, at, encoding, depth)?;
            match element {
                Some(element) => {
                    self.kept += 1;
                    kept.entry(header.tag).or_insert(element);
                }
                None => self.removed += 1,
            }
        }
        Ok(kept)
    }

    /// One element, if it may be kept; `at` is moved behind it.
    fn element(
        &mut self,
        header: &Header,
        at: &mut usize,
        encoding: Encoding,
        depth: usize,
    ) -> Result<Option<Kept>, ViewError> {
        let is_pixels = depth == 0 && matches!(header.tag, PIXELS | FLOAT_PIXELS | DOUBLE_PIXELS);
        let rule = rule(header.tag);
        // What was written as "unknown" has implicit items (PS3.5 6.2.2).
        let inner = match header.kind {
            Some(kind) if &kind == b"UN" => Encoding::IMPLICIT,
            _ => encoding,
        };
        let is_sequence =
            header.length == UNDEFINED || header.kind == Some(*b"SQ") || rule == Some(Rule::Items);
        if is_pixels && header.length == UNDEFINED {
            let fragments = self.fragments(at, encoding)?;
            return Ok(Some(Kept {
                kind: *b"OB",
                value: Content::Fragments(fragments),
            }));
        }
        if is_sequence && !is_pixels {
            let (kept, removed) = (self.kept, self.removed);
            let items = self.items(header, at, inner, depth)?;
            if rule == Some(Rule::Items) && inner == encoding {
                return Ok(Some(Kept {
                    kind: *b"SQ",
                    value: Content::Items(items),
                }));
            }
            // All that was in it is gone with it.
            self.removed = removed + (self.kept - kept) + (self.removed - removed);
            self.kept = kept;
            return Ok(None);
        }
        let value = header.value(self.bytes)?;
        *at += value.len();
        if is_pixels {
            let kind = header.kind.unwrap_or(*b"OW");
            return Ok(Some(Kept {
                kind,
                value: Content::Bytes(value.to_vec()),
            }));
        }
        let kept = rule.and_then(|rule| self.allowed(rule, header.kind, value));
        if kept.is_none() && NEEDED.contains(&header.tag) {
            return Err(damaged(
                "a number without which the image would be another one cannot be read",
            ));
        }
        Ok(kept.map(|value| Kept {
            kind: header.kind.unwrap_or(*b"UN"),
            value: Content::Bytes(value),
        }))
    }

    fn items(
        &mut self,
        header: &Header,
        at: &mut usize,
        encoding: Encoding,
        depth: usize,
    ) -> Result<Vec<Elements>, ViewError> {
        let end = match header.length {
            UNDEFINED => self.bytes.len(),
            _ => header.at + header.value(self.bytes)?.len(),
        };
        let mut items = Vec::new();
        while *at < end {
            let Some(item) = self::header(self.bytes, *at, encoding)? else {
                return Err(damaged("it is incomplete"));
            };
            *at = item.at;
            match item.tag {
                SEQUENCE_END => return Ok(items),
                ITEM if item.length == UNDEFINED => {
                    items.push(self.elements(at, end, encoding, depth + 1)?);
                }
                ITEM => {
                    let item_end = item.at + item.value(self.bytes)?.len();
                    items.push(self.elements(at, item_end, encoding, depth + 1)?);
                    *at = item_end;
                }
                _ => return Err(damaged("a sequence holds something else than items")),
            }
        }
        Ok(items)
    }

    fn fragments(&mut self, at: &mut usize, encoding: Encoding) -> Result<Vec<Vec<u8>>, ViewError> {
        let mut fragments = Vec::new();
        loop {
            let item = header(self.bytes, *at, encoding)?
                .ok_or_else(|| damaged("its image is incomplete"))?;
            *at = item.at;
            match item.tag {
                SEQUENCE_END => return Ok(fragments),
                ITEM => {
                    let value = item.value(self.bytes)?;
                    *at += value.len();
                    fragments.push(value.to_vec());
                }
                _ => {
                    return Err(damaged(
                        "its compressed image holds something else than fragments",
                    ));
                }
            }
        }
    }

    /// A value as far as a rule lets it through.
    fn allowed(&self, rule: Rule, kind: Option<[u8; 2]>, value: &[u8]) -> Option<Vec<u8>> {
        match rule {
            Rule::Digits => {
                let plain = text(value);
                let is_number = |part: &str| {
                    part.trim().is_empty() || part.trim().parse::<f64>().is_ok_and(f64::is_finite)
                };
                let all = plain.split('\\').all(is_number);
                all.then(|| even(plain.into_bytes(), b' '))
            }
            Rule::Binary(most) => {
                let is_binary = kind.is_none_or(|kind| BINARY.contains(&&kind));
                let fits = value.len() <= most && value.len().is_multiple_of(2);
                (is_binary && fits).then(|| value.to_vec())
            }
            Rule::Terms(terms) => {
                let plain = text(value);
                let known = |part: &&str| terms.contains(part);
                let parts: Vec<&str> = plain.split('\\').map(str::trim).filter(known).collect();
                (!parts.is_empty()).then(|| even(parts.join("\\").into_bytes(), b' '))
            }
            Rule::StandardUid => {
                let plain = text(value);
                let is_standard = plain
                    .strip_prefix("1.2.840.10008.")
                    .is_some_and(is_digits_and_points);
                is_standard.then(|| even(plain.into_bytes(), 0))
            }
            Rule::NewUid => {
                let plain = text(value);
                (!plain.is_empty()).then(|| even((self.new_uid)(&plain).into_bytes(), 0))
            }
            Rule::Items => None,
        }
    }
}

fn is_digits_and_points(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A value of even length.
pub(super) fn even(mut value: Vec<u8>, padding: u8) -> Vec<u8> {
    if !value.len().is_multiple_of(2) {
        value.push(padding);
    }
    value
}
