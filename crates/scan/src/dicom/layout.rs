//! How the samples of an image are laid out, checked against the limits before anything is allocated for them.

use super::data_set::DataSet;
use super::tags::{self, Tag};
use crate::error::Fault;
use crate::limits::{MAX_SAMPLES, MAX_SLICES};

/// What the samples mean (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Photometric {
    Grey {
        inverted: bool,
    },
    Palette,
    Rgb,
    /// Luma and chroma over the whole range; `shared` columns and rows have one chroma each, where samples are native.
    YbrFull {
        shared: (usize, usize),
    },
    /// Luma and chroma over the range of video.
    YbrPartial {
        shared: (usize, usize),
    },
    /// What JPEG 2000 makes of RGB, and undoes itself.
    YbrReversible,
}

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Integers,
    Floats,
    Doubles,
}

/// Sizes and meaning of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) frames: usize,
    /// 1 or 3.
    pub(crate) samples: usize,
    /// 1, 8, 16, 32 or 64.
    pub(crate) allocated: u32,
    /// At least 1, at most `allocated`.
    pub(crate) stored: u32,
    /// How many bits lie below the sample.
    pub(crate) shift: u32,
    pub(crate) signed: bool,
    /// All of one colour, then all of the next.
    pub(crate) planar: bool,
    pub(crate) photometric: Photometric,
    pub(crate) kind: Stored,
}

const FORMAT: &str = "DICOM";

impl Layout {
    /// Of the object `data`, whose samples are the element `pixels`. Odd statements that do not prevent reading go to `notes`.
    pub(crate) fn of(data: &DataSet, pixels: Tag, notes: &mut Vec<String>) -> Result<Self, Fault> {
        let dimension = |tag| data.unsigned(tag).filter(|&n| n > 0).map(|n| n as usize);
        let (Some(rows), Some(columns)) = (dimension(tags::ROWS), dimension(tags::COLUMNS)) else {
            return Err(Fault::broken(
                FORMAT,
                "it does not state how many rows and columns the image has",
            ));
        };
        let frames = match data.integer(tags::FRAMES) {
            Some(frames) => usize::try_from(frames).unwrap_or(1).max(1),
            None => {
                if data.text(tags::FRAMES).is_some() {
                    notes.push(
                        "The number of frames is unreadable; the first frame is shown.".to_owned(),
                    );
                }
                1
            }
        };
        check_size(columns as u64, rows as u64, frames as u64)?;
        let samples = data.unsigned(tags::SAMPLES_PER_PIXEL).unwrap_or(1) as usize;
        let kind = match pixels {
            tags::FLOAT_PIXELS => Stored::Floats,
            tags::DOUBLE_PIXELS => Stored::Doubles,
            _ => Stored::Integers,
        };
        let photometric = photometric(data, samples, notes)?;
        let (allocated, stored, shift) = depth(data, kind, notes)?;
        Ok(Self {
            columns,
            rows,
            frames,
            samples,
            allocated,
            stored,
            shift,
            signed: kind == Stored::Integers
                && data.unsigned(tags::PIXEL_REPRESENTATION) == Some(1),
            planar: samples > 1 && data.unsigned(tags::PLANAR) == Some(1),
            photometric,
            kind,
        })
    }

    /// Pixels of a frame.
    pub(crate) fn pixels(&self) -> usize {
        self.columns * self.rows
    }

    /// Whether it comes out as colours.
    pub(crate) fn is_colour(&self) -> bool {
        !matches!(self.photometric, Photometric::Grey { .. })
    }

    /// Bits of a native frame.
    pub(crate) fn frame_bits(&self) -> u64 {
        let pixels = self.pixels() as u64;
        let samples = match self.photometric {
            Photometric::YbrFull { shared: (2, 1) }
            | Photometric::YbrPartial { shared: (2, 1) } => pixels * 2,
            Photometric::YbrPartial { shared: (2, 2) } => pixels + pixels / 2,
            _ => pixels * self.samples as u64,
        };
        samples * u64::from(self.allocated)
    }
}

/// Refuses sizes beyond the limits.
pub(crate) fn check_size(width: u64, height: u64, slices: u64) -> Result<(), Fault> {
    let samples = width
        .checked_mul(height)
        .and_then(|n| n.checked_mul(slices));
    let fits = samples.is_some_and(|n| n <= MAX_SAMPLES);
    if fits
        && width <= crate::limits::MAX_SIDE
        && height <= crate::limits::MAX_SIDE
        && slices <= MAX_SLICES
    {
        return Ok(());
    }
    Err(Fault::TooLarge {
        width,
        height,
        slices,
    })
}

fn photometric(
    data: &DataSet,
    samples: usize,
    notes: &mut Vec<String>,
) -> Result<Photometric, Fault> {
    let stated = data.code(tags::PHOTOMETRIC).unwrap_or_default();
    let found = match (stated.as_str(), samples) {
        ("MONOCHROME1", 1) => Photometric::Grey { inverted: true },
        ("MONOCHROME2", 1) => Photometric::Grey { inverted: false },
        ("PALETTE COLOR", 1) => Photometric::Palette,
        ("RGB", 3) => Photometric::Rgb,
        ("YBR_FULL", 3) => Photometric::YbrFull { shared: (1, 1) },
        ("YBR_FULL_422", 3) => Photometric::YbrFull { shared: (2, 1) },
        ("YBR_PARTIAL_422", 3) => Photometric::YbrPartial { shared: (2, 1) },
        ("YBR_PARTIAL_420", 3) => Photometric::YbrPartial { shared: (2, 2) },
        ("YBR_ICT" | "YBR_RCT", 3) => Photometric::YbrReversible,
        (_, 1) => {
            notes.push("It does not say what its samples mean; they are shown as grey.".to_owned());
            Photometric::Grey { inverted: false }
        }
        (_, 3) => {
            notes.push(
                "It does not say what its samples mean; they are shown as red, green and blue."
                    .to_owned(),
            );
            Photometric::Rgb
        }
        (_, n) => return Err(Fault::unsupported(FORMAT, format!("{n} samples a pixel"))),
    };
    Ok(found)
}

fn depth(data: &DataSet, kind: Stored, notes: &mut Vec<String>) -> Result<(u32, u32, u32), Fault> {
    match kind {
        Stored::Floats => return Ok((32, 32, 0)),
        Stored::Doubles => return Ok((64, 64, 0)),
        Stored::Integers => {}
    }
    let Some(allocated) = data.unsigned(tags::BITS_ALLOCATED) else {
        return Err(Fault::broken(
            FORMAT,
            "it does not state how many bits a sample has",
        ));
    };
    if ![1, 8, 16, 32].contains(&allocated) {
        return Err(Fault::unsupported(
            FORMAT,
            format!("{allocated} bits a sample"),
        ));
    }
    let stated = data.unsigned(tags::BITS_STORED);
    let stored = stated.unwrap_or(allocated).clamp(1, allocated);
    if stated.is_some_and(|stated| stated != stored) {
        notes.push("It states more bits in use than a sample has.".to_owned());
    }
    let high = data.unsigned(tags::HIGH_BIT).unwrap_or(stored - 1);
    // A high bit that leaves no room for the sample is a slip of the writer.
    let shift = if (stored..=allocated).contains(&high.saturating_add(1)) {
        high + 1 - stored
    } else {
        0
    };
    Ok((allocated, stored, shift))
}
