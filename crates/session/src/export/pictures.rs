//! Pictures inside a page, as `data:` addresses.
//!
//! A picture is decoded under the program's own limits and encoded anew: what a browser gets was made here, and names, dates
//! and places hidden in the file stay at home. Never pass a file's own bytes on.

use rounds_imaging as imaging;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const QUALITY: u8 = 88;

/// The address of a JPEG of the picture that fits in a square of `side` pixels; `None` where it cannot be decoded.
pub fn address(file: &[u8], name: &str, side: u32) -> Option<String> {
    let picture = imaging::decode(file, name).ok()?;
    let jpeg = imaging::thumbnail_jpeg(&picture, side, QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", base64(&jpeg)))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for group in bytes.chunks(3) {
        let byte = |place: usize| group.get(place).map_or(0, |&byte| u32::from(byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = ALPHABET.get((bits >> (18 - 6 * place) & 63) as usize);
            let padded = place > group.len();
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
    fn base64_is_that_of_the_standard() {
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
    fn what_is_no_picture_has_no_address() {
        assert_eq!(address(b"<svg onload=alert(1)>", "x.svg", 64), None);
    }
}
