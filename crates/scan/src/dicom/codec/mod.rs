//! From the bytes of one compressed frame to its samples.
//!
//! A decoder only starts once the size in its stream equals the size that was checked, so that the limits hold for it too. Third-party
//! decoders run guarded, as they may panic.

mod bits;
mod huffman;
mod jpeg;
mod jpeg_12;
mod jpeg_2000;
mod jpeg_lossless;
mod jpeg_ls;
mod rle;

use super::layout::Layout;
use super::syntax::{Codec, Syntax};
use crate::error::Fault;
use crate::limits::MAX_FRAME_SAMPLES;
use crate::time_limit;

/// The samples of a frame, pixel by pixel.
#[derive(Debug, PartialEq)]
pub(crate) struct Decoded {
    /// `rows * columns * samples` integers, as stored: without a sign, unless `signed`.
    pub(crate) values: Vec<i32>,
    /// Bits of a sample, where the stream knows it better than the object.
    pub(crate) bits: Option<u32>,
    /// What the stream says about its colours.
    pub(crate) colours: Colours,
    /// Rows that were there; fewer than the image has, if the stream was cut off.
    pub(crate) rows: usize,
}

/// What colours a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// What the object says.
    AsStated,
    Ybr,
}

/// Decodes one frame.
pub(crate) fn decode(bytes: &[u8], layout: &Layout, syntax: &Syntax) -> Result<Decoded, Fault> {
    if layout.pixels() * layout.samples > MAX_FRAME_SAMPLES {
        let (width, height) = (layout.columns as u64, layout.rows as u64);
        return Err(Fault::TooLarge {
            width,
            height,
            slices: 1,
        });
    }
    let decoded = match syntax.codec {
        Codec::Rle => rle::decode(bytes, layout),
        Codec::Jpeg => jpeg::decode(bytes, layout),
        Codec::JpegLs => jpeg_ls::decode(bytes, layout),
        Codec::Jpeg2000 => jpeg_2000::decode(bytes, layout),
        Codec::Native | Codec::Other(_) => Err(Fault::unsupported("DICOM", syntax.name)),
    };
    // A decoder that ran out of time ended as if its stream were cut off.
    time_limit::check()?;
    decoded
}

/// Refuses a stream whose size is not that of the object.
fn check(
    format: &'static str,
    layout: &Layout,
    width: usize,
    height: usize,
    samples: usize,
) -> Result<(), Fault> {
    if (width, height, samples) == (layout.columns, layout.rows, layout.samples) {
        return Ok(());
    }
    Err(Fault::broken(
        format,
        format!(
            "its stream has {width} x {height} pixels of {samples} samples, its header says {} x {} of {}",
            layout.columns, layout.rows, layout.samples
        ),
    ))
}
