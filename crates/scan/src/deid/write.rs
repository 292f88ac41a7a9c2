//! Writes the copy of an object as a file, with what the profile wants it to say.

use super::elements::{Content, Copy, Elements, Encoding, Kept, Object, even};
use super::rules::{EMPTY, Tag};
use crate::limits::MAX_FILE_BYTES;
use crate::view_error::ViewError;

/// Our implementation, as a UUID.
const IMPLEMENTATION: &str = "2.25.180219264371926743318826104862374412309";
const VERSION_NAME: &str = "ROUNDS";
const METHOD: &str = "PS3.15 basic profile; only listed technical elements kept";
const LONG: [&[u8; 2]; 6] = [b"OB", b"OW", b"OF", b"OD", b"SQ", b"UN"];

pub(super) fn file(
    mut copy: Copy,
    object: &Object,
    is_blacked: bool,
) -> Result<Vec<u8>, ViewError> {
    let class = copy
        .text((0x0008, 0x0016))
        .unwrap_or_else(|| "1.2.840.10008.5.1.4.1.1.7".to_owned());
    let instance = copy.text((0x0008, 0x0018)).unwrap_or_default();
    add(&mut copy.elements, is_blacked);
    let mut meta = Elements::new();
    let mut uid = |element: u16, uid: &str| {
        put(
            &mut meta,
            (2, element),
            *b"UI",
            even(uid.as_bytes().to_vec(), 0),
        );
    };
    uid(0x0002, &class);
    uid(0x0003, &instance);
    uid(0x0010, &object.syntax);
    uid(0x0012, IMPLEMENTATION);
    put(&mut meta, (2, 0x0001), *b"OB", vec![0, 1]);
    put(
        &mut meta,
        (2, 0x0013),
        *b"SH",
        VERSION_NAME.as_bytes().to_vec(),
    );
    let mut group = Vec::new();
    elements(&mut group, &meta, Encoding::EXPLICIT)?;
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM");
    let length = u32::try_from(group.len()).unwrap_or_default().to_le_bytes();
    header(&mut bytes, (2, 0), *b"UL", 4, Encoding::EXPLICIT)?;
    bytes.extend_from_slice(&length);
    bytes.append(&mut group);
    elements(&mut bytes, &copy.elements, object.encoding)?;
    Ok(bytes)
}

fn put(elements: &mut Elements, tag: Tag, kind: [u8; 2], value: Vec<u8>) {
    let value = Content::Bytes(value);
    elements.insert(tag, Kept { kind, value });
}

/// What a de-identified object must say, and the empty elements that an image must have.
fn add(elements: &mut Elements, is_blacked: bool) {
    for (tag, kind) in EMPTY {
        elements.entry(tag).or_insert_with(|| Kept {
            kind,
            value: Content::Bytes(Vec::new()),
        });
    }
    let text = |text: &str| even(text.as_bytes().to_vec(), b' ');
    put(elements, (0x0012, 0x0062), *b"CS", text("YES"));
    put(elements, (0x0012, 0x0063), *b"LO", text(METHOD));
    put(elements, (0x0028, 0x0303), *b"CS", text("REMOVED"));
    let mut codes = vec![code("113100", "Basic Application Confidentiality Profile")];
    if is_blacked {
        codes.push(code("113101", "Clean Pixel Data Option"));
    }
    let kind = *b"SQ";
    let value = Content::Items(codes);
    elements.insert((0x0012, 0x0064), Kept { kind, value });
}

/// A code of DICOM's own scheme (PS3.16 CID 7050).
fn code(value: &str, meaning: &str) -> Elements {
    let mut item = Elements::new();
    let text = |text: &str| even(text.as_bytes().to_vec(), b' ');
    put(&mut item, (0x0008, 0x0100), *b"SH", text(value));
    put(&mut item, (0x0008, 0x0102), *b"SH", text("DCM"));
    put(&mut item, (0x0008, 0x0104), *b"LO", text(meaning));
    item
}

fn elements(bytes: &mut Vec<u8>, elements: &Elements, encoding: Encoding) -> Result<(), ViewError> {
    for (tag, kept) in elements {
        match &kept.value {
            Content::Bytes(value) => {
                header(bytes, *tag, kept.kind, value.len(), encoding)?;
                bytes.extend_from_slice(value);
            }
            Content::Items(items) => {
                undefined(bytes, *tag, *b"SQ", encoding)?;
                for item in items {
                    delimiter(bytes, 0xE000, u32::MAX, encoding);
                    self::elements(bytes, item, encoding)?;
                    delimiter(bytes, 0xE00D, 0, encoding);
                }
                delimiter(bytes, 0xE0DD, 0, encoding);
            }
            Content::Fragments(fragments) => {
                undefined(bytes, *tag, *b"OB", encoding)?;
                for fragment in fragments {
                    let length = u32::try_from(fragment.len()).map_err(|_| too_large())?;
                    delimiter(bytes, 0xE000, length, encoding);
                    bytes.extend_from_slice(fragment);
                }
                delimiter(bytes, 0xE0DD, 0, encoding);
            }
        }
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(too_large());
        }
    }
    Ok(())
}

fn too_large() -> ViewError {
    ViewError::Size("the clean copy would be too large".to_owned())
}

fn tag_bytes(bytes: &mut Vec<u8>, (group, element): Tag, encoding: Encoding) {
    bytes.extend_from_slice(&encoding.short(group));
    bytes.extend_from_slice(&encoding.short(element));
}

fn header(
    bytes: &mut Vec<u8>,
    tag: Tag,
    kind: [u8; 2],
    length: usize,
    encoding: Encoding,
) -> Result<(), ViewError> {
    let length = u32::try_from(length).map_err(|_| too_large())?;
    tag_bytes(bytes, tag, encoding);
    if !encoding.explicit {
        bytes.extend_from_slice(&encoding.long(length));
        return Ok(());
    }
    bytes.extend_from_slice(&kind);
    if LONG.contains(&&kind) {
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&encoding.long(length));
    } else {
        let short = u16::try_from(length).map_err(|_| too_large())?;
        bytes.extend_from_slice(&encoding.short(short));
    }
    Ok(())
}

fn undefined(
    bytes: &mut Vec<u8>,
    tag: Tag,
    kind: [u8; 2],
    encoding: Encoding,
) -> Result<(), ViewError> {
    header(bytes, tag, kind, u32::MAX as usize, encoding)
}

fn delimiter(bytes: &mut Vec<u8>, element: u16, length: u32, encoding: Encoding) {
    tag_bytes(bytes, (0xFFFE, element), encoding);
    bytes.extend_from_slice(&encoding.long(length));
}
