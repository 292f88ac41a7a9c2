//! What a scan may demand before it is refused. Checked against the header's numbers, before anything is allocated.

use std::time::Duration;

/// Longest file, and most bytes a compressed file may grow to.
pub const MAX_FILE_BYTES: u64 = 2 << 30;
/// Longest header in front of the samples, in bytes. Real ones have a few KiB; of large multi-frame objects, a few MiB.
pub const MAX_HEADER_BYTES: u64 = 64 << 20;
/// Most samples a volume may have: 2 GiB as `f32`.
pub const MAX_SAMPLES: u64 = 512 << 20;
/// Most samples of a compressed frame; its decoders keep several copies of 32 bits each.
pub const MAX_FRAME_SAMPLES: usize = 128 << 20;
/// Most columns or rows.
pub const MAX_SIDE: u64 = 65_535;
/// Most slices, frames or time points.
pub const MAX_SLICES: u64 = 100_000;
/// Most files of a folder or a zip that are looked at.
pub const MAX_FILES: usize = 50_000;
/// How long the header, and the frames that are asked for, of one file may take to read.
pub const MAX_FILE_TIME: Duration = Duration::from_secs(60);
/// Deepest nesting of folders.
pub const MAX_FOLDER_DEPTH: usize = 16;
/// Deepest nesting of sequences in a DICOM object.
pub(crate) const MAX_NESTING: usize = 24;
/// Most elements of a DICOM object.
pub(crate) const MAX_ELEMENTS: usize = 4_000_000;
/// Longest value of a DICOM element that is kept, in bytes; the longest useful ones are look-up tables.
pub(crate) const MAX_VALUE_BYTES: usize = 1 << 20;
/// Up to this length a compressed file may grow without its ratio being looked at.
pub(crate) const UNSUSPICIOUS_BYTES: u64 = 64 << 20;
/// Above [`UNSUSPICIOUS_BYTES`], a compressed file that grows by more than this factor is taken for a bomb.
pub(crate) const MAX_GROWTH: u64 = 400;
