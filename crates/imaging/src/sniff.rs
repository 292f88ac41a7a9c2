//! Detects formats from file content.
//!
//! File names are ignored: anyone can type anything. Unsupported formats are recognised too, because "this is a DICOM
//! file" helps more than "unknown".

use super::Format;

/// The supported format that `content` starts like, if any.
pub fn format(content: &[u8]) -> Option<Format> {
    match content {
        // The 128-byte preamble of a DICOM file may start like another format, usually TIFF.
        _ if at(content, 128, b"DICM") => None,
        _ if content.starts_with(b"\x89PNG\r\n\x1A\n") => Some(Format::Png),
        _ if content.starts_with(&[0xFF, 0xD8, 0xFF]) => Some(Format::Jpeg),
        _ if content.starts_with(b"GIF87a") || content.starts_with(b"GIF89a") => Some(Format::Gif),
        _ if content.starts_with(b"RIFF") && at(content, 8, b"WEBP") => Some(Format::WebP),
        _ if content.starts_with(b"II*\0") || content.starts_with(b"MM\0*") => Some(Format::Tiff),
        // Text may start with these two letters too, but never has a valid header size.
        _ if content.starts_with(b"BM") && bitmap_header(content) => Some(Format::Bmp),
        _ => None,
    }
}

fn bitmap_header(content: &[u8]) -> bool {
    matches!(content.get(14..18), Some([12..=124, 0, 0, 0]))
}

/// What an unsupported `content` looks like, with an article where English needs one.
pub(crate) fn looks_like(content: &[u8]) -> Option<&'static str> {
    if at(content, 128, b"DICM") {
        return Some("DICOM");
    }
    if at(content, 344, b"n+1\0")
        || at(content, 344, b"ni1\0")
        || at(content, 4, b"n+2\0\r\n\x1A\n")
    {
        return Some("NIfTI");
    }
    if at(content, 4, b"ftyp") {
        return Some(match content.get(8..12) {
            Some(b"avif" | b"avis") => "AVIF",
            Some(b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1") => "HEIC",
            _ => "a video",
        });
    }
    let signs: [(&[u8], &'static str); 14] = [
        (b"%PDF-", "PDF"),
        (&[0x1F, 0x8B], "a gzip archive, perhaps NIfTI"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\0\0\0\x0CjP  \r\n\x87\n", "JPEG 2000"),
        (&[0xFF, 0x4F, 0xFF, 0x51], "JPEG 2000"),
        (&[0xFF, 0x0A], "JPEG XL"),
        (b"\0\0\0\x0CJXL \r\n\x87\n", "JPEG XL"),
        (b"8BPS", "a Photoshop file"),
        (&[0, 0, 1, 0], "an icon"),
        (b"II+\0", "BigTIFF"),
        (b"MM\0+", "BigTIFF"),
        (b"\x89HDF", "HDF5"),
        (b"SQLite format 3\0", "a database"),
        (b"NRRD000", "NRRD"),
    ];
    if let Some((_, kind)) = signs.iter().find(|(sign, _)| content.starts_with(sign)) {
        return Some(kind);
    }
    text(content)
}

/// Markup and plain text.
fn text(content: &[u8]) -> Option<&'static str> {
    let head = &content[..content.len().min(1024)];
    let valid = match std::str::from_utf8(head) {
        Ok(valid) => valid,
        // The cut at 1,024 bytes may split a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if valid.is_empty() || valid.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let lower = valid
        .trim_start_matches('\u{FEFF}')
        .trim_start()
        .to_ascii_lowercase();
    Some(match lower.as_str() {
        _ if lower.contains("<svg") => "SVG",
        _ if lower.starts_with("<!doctype html") || lower.starts_with("<html") => "a web page",
        _ => "text",
    })
}

fn at(content: &[u8], offset: usize, sign: &[u8]) -> bool {
    content
        .get(offset..)
        .is_some_and(|rest| rest.starts_with(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_formats_are_detected_from_their_first_bytes() {
        assert_eq!(format(b"\x89PNG\r\n\x1A\nrest"), Some(Format::Png));
        assert_eq!(format(b"RIFF\x10\0\0\0WEBPVP8 "), Some(Format::WebP));
        assert_eq!(
            format(b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0"),
            Some(Format::Bmp)
        );
        assert_eq!(format(b"BMI of 31 and a cough"), None);
        assert_eq!(format(b""), None);
        let mut dicom = b"II*\0".to_vec();
        dicom.resize(128, 0);
        dicom.extend(b"DICM");
        assert_eq!(format(&dicom), None);
        assert_eq!(looks_like(&dicom), Some("DICOM"));
    }

    #[test]
    fn unsupported_formats_are_named() {
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM");
        assert_eq!(looks_like(&dicom), Some("DICOM"));
        let mut nifti = vec![0; 344];
        nifti.extend(b"n+1\0");
        assert_eq!(looks_like(&nifti), Some("NIfTI"));
        assert_eq!(looks_like(b"\0\0\0\x18ftypheic"), Some("HEIC"));
        assert_eq!(looks_like(b"\0\0\0\x18ftypavif"), Some("AVIF"));
        assert_eq!(looks_like(b"%PDF-1.7"), Some("PDF"));
        assert_eq!(looks_like(b"NRRD0004\ntype: short\n"), Some("NRRD"));
        assert_eq!(looks_like(b"<?xml version='1.0'?><svg/>"), Some("SVG"));
        assert_eq!(looks_like("plain wörds".as_bytes()), Some("text"));
        assert_eq!(
            looks_like(&"é".repeat(600).as_bytes()[..1025]),
            Some("text")
        );
        assert_eq!(looks_like(&[0xFE, 0, 1, 2]), None);
    }
}
