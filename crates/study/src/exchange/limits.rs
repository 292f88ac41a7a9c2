//! What a deck may demand before it is refused.

use crate::store::MAX_CARDS;

/// Limits of an import. The defaults suit decks of hundreds of thousands of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of a package in bytes.
    pub package_bytes: u64,
    /// Length of the unpacked database of a package in bytes.
    pub collection_bytes: u64,
    /// Length of a table in bytes.
    pub table_bytes: u64,
    /// Length of one image in bytes.
    pub image_bytes: u64,
    /// Length of all images together in bytes.
    pub all_images_bytes: u64,
    /// Files in a package.
    pub files: usize,
    /// Cards.
    pub cards: usize,
    /// Reviews.
    pub reviews: usize,
    /// Characters in one text of a card; a longer one is skipped with its card.
    pub text_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            package_bytes: 4 << 30,
            collection_bytes: 512 << 20,
            table_bytes: 256 << 20,
            image_bytes: rounds_imaging::limits::MAX_FILE_BYTES,
            all_images_bytes: 4 << 30,
            files: 200_000,
            // More could be read, but not kept.
            cards: MAX_CARDS,
            reviews: 5_000_000,
            text_chars: 20_000,
        }
    }
}
