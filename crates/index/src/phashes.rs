//! How the images of an index look: their perceptual hashes, read once and compared without asking the database.

use rusqlite::Connection;

use super::error::IndexError;
use rounds_imaging::looks_apart;

/// Hexadecimal digits of an image's SHA-256 that are kept beside its look; enough to find it again.
const DIGITS: usize = 16;

/// The looks of all images, 16 bytes each.
pub struct Phashes(Vec<ImagePhash>);

struct ImagePhash {
    bits: u64,
    /// The first digits of the image's SHA-256.
    image: u64,
}

impl Phashes {
    /// Reads those of an index.
    pub fn read(connection: &Connection) -> Result<Self, IndexError> {
        let mut statement = connection.prepare("select sha256, look from images")?;
        let mut rows = statement.query([])?;
        let mut looks = Vec::new();
        while let Some(row) = rows.next()? {
            let digits = row.get_ref(0)?.as_str().unwrap_or_default().get(..DIGITS);
            // Anything but a hash is the name of no image.
            if let Some(Ok(image)) = digits.map(|digits| u64::from_str_radix(digits, 16)) {
                let bits = row.get::<_, i64>(1)? as u64;
                looks.push(ImagePhash { bits, image });
            }
        }
        Ok(Self(looks))
    }

    /// SHA-256 of every image whose look differs from one of `looks` in at most `most` bits, with how many those are.
    pub fn alike(
        &self,
        connection: &Connection,
        looks: &[u64],
        most: u32,
    ) -> Result<Vec<(String, u32)>, IndexError> {
        let apart = |own: &ImagePhash| looks.iter().map(|look| looks_apart(*look, own.bits)).min();
        let mut found = Vec::new();
        for own in &self.0 {
            let Some(bits) = apart(own).filter(|bits| *bits <= most) else {
                continue;
            };
            let from = format!("{:016x}", own.image);
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
