//! A fixed part of a data set that has no splits of its own: by the names of its image files, so that all questions about an image fall
//! on one side, and in every copy of the data on the same one.

use std::str::FromStr;

use super::row::{ImageSource, Row};
use rounds_support::files::sha256_hex;

/// The images whose file name has a SHA-256 that leaves `number` when it is divided by `of`, or all other images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fold {
    number: u32,
    of: u32,
    others: bool,
}

impl Fold {
    /// Whether a row is in it, by the file name of its first image, or by the image itself where it is embedded in the data.
    pub(super) fn contains(&self, row: &Row) -> bool {
        let hash = match row.images.first() {
            None => return false,
            Some(ImageSource::Bytes { bytes, .. }) => sha256_hex(bytes),
            Some(ImageSource::File(path)) => {
                let name = path.file_name().unwrap_or_default();
                sha256_hex(name.to_string_lossy().as_bytes())
            }
        };
        let rest = hash
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .fold(0u64, |rest, digit| {
                (rest * 16 + u64::from(digit)) % u64::from(self.of)
            });
        (rest == u64::from(self.number)) != self.others
    }
}

impl std::fmt::Display for Fold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let not = if self.others { "not " } else { "" };
        write!(f, "{not}{}/{}", self.number, self.of)
    }
}

impl FromStr for Fold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (others, plain) = match text.trim().strip_prefix("not ") {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let parsed = plain
            .split_once('/')
            .and_then(|(number, of)| Some((number.trim().parse().ok()?, of.trim().parse().ok()?)));
        match parsed {
            Some((number, of)) if number < of => Ok(Self { number, of, others }),
            _ => Err(
                "write NUMBER/OF, for example 0/10 for a tenth of the images, or \"not 0/10\" for the others"
                    .into(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn row(name: &str) -> Row {
        let image = ImageSource::File(Path::new("folder").join(name));
        Row {
            images: vec![image],
            ..Row::default()
        }
    }

    #[test]
    fn a_fold_and_the_others_share_all_images_out() {
        let (fold, others): (Fold, Fold) = ("3/10".parse().unwrap(), "not 3/10".parse().unwrap());
        let mut inside = 0;
        for number in 0..1000 {
            let row = row(&format!("image-{number}.jpg"));
            assert_ne!(fold.contains(&row), others.contains(&row));
            inside += usize::from(fold.contains(&row));
        }
        assert!((60..140).contains(&inside), "{inside}");
        assert_eq!(others.to_string().parse(), Ok(others));
    }

    #[test]
    fn the_fold_of_a_name_is_its_hash() {
        // SHA-256 of "a" is ca978112…bb, which leaves 11 when divided by 16.
        let fold: Fold = "11/16".parse().unwrap();
        assert!(fold.contains(&row("a")));
        for wrong in ["", "1", "2/2", "0/0", "x/3", "-1/3"] {
            assert!(wrong.parse::<Fold>().is_err(), "{wrong}");
        }
    }
}
