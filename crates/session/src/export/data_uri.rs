//! Images inside a page, as `data:` URIs.
//!
//! An image is decoded under the program's own limits and encoded again, so that a browser never parses an untrusted file
//! and no names, dates or places hidden in its metadata are exported. Never pass on a file's own bytes.

use rounds_imaging as imaging;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const QUALITY: u8 = 88;

/// A `data:` URI of the image as a JPEG that fits in `side` x `side` pixels; `None` if it cannot be decoded.
pub(super) fn jpeg_data_uri(file: &[u8], name: &str, side: u32) -> Option<String> {
    let image = imaging::decode(file, name).ok()?;
    let jpeg = imaging::thumbnail_jpeg(&image, side, QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", base64(&jpeg)))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for group in bytes.chunks(3) {
        let byte = |position: usize| group.get(position).map_or(0, |&byte| u32::from(byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            let letter = ALPHABET.get((bits >> (18 - 6 * position) & 63) as usize);
            let padded = position > group.len();
            out.push(if padded {
                '='
            } else {
                letter.map_or('=', |&letter| char::from(letter))
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_standard() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{3ff}?>", "z78/Pg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_file_that_is_not_an_image_has_no_uri() {
        assert_eq!(jpeg_data_uri(b"<svg onload=alert(1)>", "x.svg", 64), None);
    }
}
