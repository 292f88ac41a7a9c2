//! What an image file may demand before it is refused.

/// Maximum file length in bytes.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Maximum width and height in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// Maximum number of pixels.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Maximum memory for a decoder, in bytes.
pub(crate) const MAX_DECODER_BYTES: u64 = 512 << 20;
