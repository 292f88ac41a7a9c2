//! The perceptual hashes of an index's images, read once and compared in memory.

use rusqlite::Connection;

use super::error::IndexError;
use rounds_imaging::hamming;

/// Hexadecimal digits of an image's SHA-256 stored with its hash; enough to find it again.
const DIGITS: usize = 16;

/// The perceptual hashes of all images, 16 bytes each.
pub(crate) struct Phashes(Vec<ImagePhash>);

struct ImagePhash {
    bits: u64,
    /// The first [`DIGITS`] digits of the image's SHA-256.
    image: u64,
}

impl Phashes {
    /// Reads the hashes of an index.
    pub(crate) fn read(connection: &Connection) -> Result<Self, IndexError> {
        let mut statement = connection.prepare("select sha256, look from images")?;
        let mut rows = statement.query([])?;
        let mut hashes = Vec::new();
        while let Some(row) = rows.next()? {
            let digits = row.get_ref(0)?.as_str().unwrap_or_default().get(..DIGITS);
            // Skip rows whose name is not a hash; they cannot refer to an image.
            if let Some(Ok(image)) = digits.map(|digits| u64::from_str_radix(digits, 16)) {
                let bits = row.get::<_, i64>(1)? as u64;
                hashes.push(ImagePhash { bits, image });
            }
        }
        Ok(Self(hashes))
    }

    /// Images whose hash is within `max_bits` of one of `phashes`: SHA-256 and distance in bits.
    pub(crate) fn within(
        &self,
        connection: &Connection,
        phashes: &[u64],
        max_bits: u32,
    ) -> Result<Vec<(String, u32)>, IndexError> {
        let distance = |stored: &ImagePhash| {
            let distances = phashes.iter().map(|phash| hamming(*phash, stored.bits));
            distances.min()
        };
        let mut found = Vec::new();
        for stored in &self.0 {
            let Some(bits) = distance(stored).filter(|bits| *bits <= max_bits) else {
                continue;
            };
            let from = format!("{:016x}", stored.image);
            let query = "select sha256 from images where sha256 >= ?1 and sha256 < ?1 || 'g'";
            let mut statement = connection.prepare_cached(query)?;
            let names = statement.query_map([from], |row| row.get::<_, String>(0))?;
            for name in names {
                found.push((name?, bits));
            }
        }
        Ok(found)
    }
}
