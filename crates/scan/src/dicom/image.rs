//! An object that holds an image: everything that is needed to decode a frame of it, and nothing else.

use super::codec;
use super::data_set::DataSet;
use super::facts;
use super::frames::{Frames, native_floats, native_integers};
use super::kind;
use super::layout::{Layout, Photometric, Stored, check_size};
use super::lut::{Lut, Palette};
use super::parse::{Parsed, body};
use super::place::{self, Place, Spacing, group};
use super::render::{Transform, colours, grey, stored};
use super::syntax::{Codec, Encoding, Syntax};
use super::tags;
use super::walk::{PixelElement, Stop};
use crate::error::Fault;
use crate::volume::{Facts, Modality};

const FORMAT: &str = "DICOM";

/// The header of an image.
#[derive(Debug)]
pub(crate) struct Image {
    syntax: Syntax,
    encoding: Encoding,
    element: PixelElement,
    pub(crate) layout: Layout,
    pub(crate) facts: Facts,
    /// One of every frame.
    pub(crate) places: Vec<Option<Place>>,
    pub(crate) spacing: Spacing,
    /// One for all frames, or one of every frame.
    transforms: Vec<Transform>,
    padding: Option<(i64, i64)>,
    palette: Option<Palette>,
    /// The segment of every frame of a segmentation, and the value from which a fraction counts.
    pub(crate) segments: Option<Segments>,
    /// What orders images that lie at the same place.
    pub(crate) order: [i64; 3],
    /// The same of every frame; empty for a single frame.
    pub(crate) frame_order: Vec<i64>,
    offsets: Vec<u64>,
    /// When it was acquired, in seconds of the day, and what else the SUV of a series needs.
    pub(crate) pet: Option<Box<DataSet>>,
}

/// Of a segmentation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segments {
    pub(crate) numbers: Vec<u16>,
    /// From this value on a voxel belongs to the segment.
    pub(crate) from: f32,
}

/// A decoded frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Values(Vec<f32>),
    Rgb(Vec<u8>),
}

/// The stored samples of a frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Raw {
    /// One of each pixel, with how many bits it has.
    Single { values: Vec<i64>, bits: u32 },
    /// Three of 8 bits.
    Rgb(Vec<u8>),
    /// Three of more bits.
    Deep {
        values: Vec<u16>,
        bits: u32,
        /// Luma and chroma over the whole range instead of red, green and blue.
        is_ybr: bool,
    },
}

impl Image {
    /// Of a parsed object; `salt` goes into the hashes of its identifiers.
    pub(crate) fn of(mut parsed: Parsed, salt: &[u8]) -> Result<Self, Fault> {
        let Some(element) = parsed.pixels else {
            return Err(kind::no_image(&parsed));
        };
        if let Codec::Other(instead) = parsed.syntax.codec {
            return Err(Fault::Syntax {
                name: parsed.syntax.name,
                instead,
            });
        }
        if parsed.data.text(tags::SOP_CLASS).is_none()
            && let Some(class) = parsed.meta.bytes(tags::MEDIA_STORAGE_SOP_CLASS)
        {
            parsed.data.insert(
                tags::SOP_CLASS,
                super::data_set::Value::Bytes(class.to_vec()),
            );
        }
        let data = &parsed.data;
        let mut notes = Vec::new();
        let mut layout = Layout::of(data, element.tag, &mut notes)?;
        guess_frames(&mut layout, data, &element, parsed.syntax, &mut notes)?;
        let inverted = layout.photometric == Photometric::Grey { inverted: true };
        let mut facts = facts::facts(
            data,
            salt,
            parsed.syntax.name.to_owned(),
            inverted,
            layout.signed,
        );
        let palette = match layout.photometric {
            Photometric::Palette => Some(
                Palette::of(data, layout.signed)
                    .ok_or_else(|| Fault::broken(FORMAT, "its palette is missing or damaged"))?,
            ),
            _ => None,
        };
        let padding = padding(data, &layout);
        if padding.is_some() {
            notes.push("Padding around the image has no value.".to_owned());
        }
        facts.notes = notes;
        let pet = (facts.modality == Modality::Pet).then(|| Box::new(parsed.data.clone()));
        let data = &parsed.data;
        Ok(Self {
            syntax: parsed.syntax,
            encoding: parsed.encoding,
            element,
            places: place::places(data, layout.frames),
            spacing: place::spacing(data),
            transforms: transforms(data, &layout, facts.modality),
            padding,
            palette,
            segments: segments(data, &layout, facts.modality),
            order: [
                tags::TEMPORAL_POSITION,
                tags::ACQUISITION_NUMBER,
                tags::INSTANCE_NUMBER,
            ]
            .map(|tag| data.integer(tag).unwrap_or_default()),
            frame_order: frame_order(data, layout.frames),
            offsets: data.longs(tags::EXTENDED_OFFSETS),
            facts,
            layout,
            pet,
        })
    }

    /// The bytes of the file as [`Self::decode`] wants them: inflated, if they are deflated.
    pub(crate) fn body(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
        body(bytes, &self.syntax)
    }

    /// Where the samples of a frame are in the file, if they can be read without the rest of it: offset and length in bytes.
    pub(crate) fn frame_range(&self, frame: usize) -> Option<(u64, u64)> {
        let length = self.element.length? as u64;
        let bits = self.layout.frame_bits();
        let is_alone =
            self.syntax.codec == Codec::Native && !self.syntax.deflated && self.layout.frames > 1;
        // Swapped bytes and single bits reach into neighbouring frames.
        let is_whole = bits.is_multiple_of(16) && self.layout.allocated > 1;
        if !is_alone || !is_whole {
            return None;
        }
        let start = (bits / 8).checked_mul(frame as u64)?;
        Some((
            self.element.at as u64 + start,
            (bits / 8).min(length.saturating_sub(start)),
        ))
    }

    /// Decodes a frame whose bytes alone were read from [`Self::frame_range`].
    pub(crate) fn decode_alone(
        &self,
        bytes: &[u8],
        frame: usize,
        notes: &mut Vec<String>,
    ) -> Result<Frame, Fault> {
        self.decode_at(
            bytes,
            &Frames::Native(0..bytes.len()),
            0,
            self.transform(frame),
            notes,
        )
    }

    /// Finds the frames in `body`.
    pub(crate) fn frames(&self, body: &[u8]) -> Frames {
        Frames::find(
            body,
            &self.element,
            &self.syntax,
            self.encoding.little,
            self.layout.frames,
            &self.offsets,
        )
    }

    fn transform(&self, frame: usize) -> &Transform {
        const SAME: &Transform = &Transform::Linear {
            slope: 1.0,
            intercept: 0.0,
        };
        self.transforms
            .get(frame)
            .or(self.transforms.first())
            .unwrap_or(SAME)
    }

    /// Decodes a frame. What is odd about it, such as missing rows, goes to `notes`.
    pub(crate) fn decode(
        &self,
        body: &[u8],
        frames: &Frames,
        frame: usize,
        notes: &mut Vec<String>,
    ) -> Result<Frame, Fault> {
        self.decode_at(body, frames, frame, self.transform(frame), notes)
    }

    fn decode_at(
        &self,
        body: &[u8],
        frames: &Frames,
        frame: usize,
        transform: &Transform,
        notes: &mut Vec<String>,
    ) -> Result<Frame, Fault> {
        let layout = &self.layout;
        if layout.kind != Stored::Integers {
            return Ok(self.floats(frames.native(body), frame, transform, notes));
        }
        let decoded = if self.syntax.codec == Codec::Native {
            native_integers(
                frames.native(body),
                frame,
                layout,
                self.encoding,
                self.element.words,
            )?
        } else {
            match frames.compressed(body, frame) {
                Some(bytes) if !bytes.is_empty() => codec::decode(&bytes, layout, &self.syntax)?,
                _ => codec::Decoded {
                    values: vec![0; layout.pixels() * layout.samples],
                    bits: None,
                    colours: codec::Colours::AsStated,
                    rows: 0,
                },
            }
        };
        self.note_missing(decoded.rows, notes)?;
        Ok(if layout.is_colour() {
            Frame::Rgb(colours(&decoded, layout, self.palette.as_ref()))
        } else {
            Frame::Values(grey(&decoded, layout, transform, self.padding))
        })
    }

    /// The samples of a frame as they are stored, for a copy that stores them natively. Colours of 8 bits, those of a palette
    /// among them, come as red, green and blue.
    ///
    /// Errors where a frame or a row is missing, and for colours whose samples cannot be kept.
    pub(crate) fn raw(&self, body: &[u8], frames: &Frames, frame: usize) -> Result<Raw, Fault> {
        let layout = &self.layout;
        let missing = || Fault::broken(FORMAT, "a frame, or a part of one, is missing");
        let decoded = if self.syntax.codec == Codec::Native {
            if layout.kind != Stored::Integers {
                return Err(Fault::unsupported(FORMAT, "samples that are not integers"));
            }
            let bytes = frames.native(body);
            native_integers(bytes, frame, layout, self.encoding, self.element.words)?
        } else {
            let bytes = frames
                .compressed(body, frame)
                .filter(|bytes| !bytes.is_empty())
                .ok_or_else(missing)?;
            codec::decode(&bytes, layout, &self.syntax)?
        };
        if decoded.rows < layout.rows {
            return Err(missing());
        }
        let bits = decoded.bits.unwrap_or(layout.stored);
        if self.palette.is_some() {
            return Ok(Raw::Rgb(colours(&decoded, layout, self.palette.as_ref())));
        }
        if layout.samples == 1 {
            let values = stored(&decoded, layout).collect();
            return Ok(Raw::Single { values, bits });
        }
        let is_partial = matches!(layout.photometric, Photometric::YbrPartial { .. });
        match bits {
            0..=8 => Ok(Raw::Rgb(colours(&decoded, layout, None))),
            9..=16 if !is_partial => Ok(Raw::Deep {
                // A negative colour is shown as none.
                values: stored(&decoded, layout)
                    .map(|value| value.max(0) as u16)
                    .collect(),
                bits,
                is_ybr: decoded.colours == codec::Colours::Ybr
                    || matches!(layout.photometric, Photometric::YbrFull { .. }),
            }),
            9..=16 => Err(Fault::unsupported(
                FORMAT,
                "colours of more than 8 bits in the range of video",
            )),
            _ => Err(Fault::unsupported(FORMAT, "colours of more than 16 bits")),
        }
    }

    fn floats(
        &self,
        bytes: &[u8],
        frame: usize,
        transform: &Transform,
        notes: &mut Vec<String>,
    ) -> Frame {
        let little = self.encoding.little;
        let (values, rows) = match self.layout.kind {
            Stored::Floats => native_floats(bytes, frame, &self.layout, |four| {
                f64::from(if little {
                    f32::from_le_bytes(four)
                } else {
                    f32::from_be_bytes(four)
                })
            }),
            _ => native_floats(bytes, frame, &self.layout, |eight| {
                if little {
                    f64::from_le_bytes(eight)
                } else {
                    f64::from_be_bytes(eight)
                }
            }),
        };
        let _ = self.note_missing(rows.max(1), notes);
        let value = |value: f64| {
            if value.is_finite() {
                transform.apply(value) as f32
            } else {
                f32::NAN
            }
        };
        Frame::Values(values.into_iter().map(value).collect())
    }

    /// Of a single frame without a row nothing is left to show.
    fn note_missing(&self, rows: usize, notes: &mut Vec<String>) -> Result<(), Fault> {
        let layout = &self.layout;
        if rows >= layout.rows {
            return Ok(());
        }
        if rows == 0 && layout.frames == 1 {
            return Err(Fault::broken(
                FORMAT,
                "it ends before the first row of its image",
            ));
        }
        let missing = layout.rows - rows;
        let note = if rows == 0 {
            "The file is incomplete: a frame is missing.".to_owned()
        } else {
            format!(
                "The file is incomplete: the last {missing} of {} rows are missing.",
                layout.rows
            )
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
        Ok(())
    }
}

/// Where the number of frames is unreadable, the samples show it.
fn guess_frames(
    layout: &mut Layout,
    data: &DataSet,
    element: &PixelElement,
    syntax: Syntax,
    notes: &mut Vec<String>,
) -> Result<(), Fault> {
    let is_unreadable = data.text(tags::FRAMES).is_some() && data.integer(tags::FRAMES).is_none();
    let Some(length) = element
        .length
        .filter(|_| is_unreadable && syntax.codec == Codec::Native)
    else {
        return Ok(());
    };
    let fitting = (length as u64 * 8) / layout.frame_bits().max(1);
    if fitting > 1 {
        check_size(layout.columns as u64, layout.rows as u64, fitting)?;
        layout.frames = fitting as usize;
        notes.retain(|note| !note.starts_with("The number of frames"));
        notes.push(
            "The number of frames is unreadable; it was taken from the length of the samples."
                .to_owned(),
        );
    }
    Ok(())
}

fn padding(data: &DataSet, layout: &Layout) -> Option<(i64, i64)> {
    let value = |tag| {
        let value = data.unsigned(tag)?;
        let is_short = data.bytes(tag)?.len() == 2;
        Some(match (layout.signed, is_short) {
            (true, true) => i64::from(value as u16 as i16),
            (true, false) => i64::from(value as i32),
            _ => i64::from(value),
        })
    };
    let first =
        value(tags::PADDING).filter(|_| layout.kind == Stored::Integers && !layout.is_colour())?;
    let last = value(tags::PADDING_LIMIT).unwrap_or(first);
    Some((first.min(last), first.max(last)))
}

fn transforms(data: &DataSet, layout: &Layout, modality: Modality) -> Vec<Transform> {
    if modality == Modality::Labels {
        return vec![Transform::Linear {
            slope: 1.0,
            intercept: 0.0,
        }];
    }
    if modality == Modality::Dose
        && let Some(slope) = data.decimal(tags::DOSE_SCALING)
    {
        return vec![Transform::Linear {
            slope,
            intercept: 0.0,
        }];
    }
    let linear = |item: &DataSet| {
        let slope = item
            .decimal(tags::RESCALE_SLOPE)
            .filter(|&slope| slope != 0.0);
        Transform::Linear {
            slope: slope.unwrap_or(1.0),
            intercept: item.decimal(tags::RESCALE_INTERCEPT).unwrap_or_default(),
        }
    };
    if group(data, 0, tags::VALUE_TRANSFORM).is_some() {
        let of_frame = |frame| linear(group(data, frame, tags::VALUE_TRANSFORM).unwrap_or(data));
        return (0..layout.frames).map(of_frame).collect();
    }
    match Lut::modality(data, layout.signed) {
        Some(lut) => vec![Transform::Table(lut)],
        None => vec![linear(data)],
    }
}

fn segments(data: &DataSet, layout: &Layout, modality: Modality) -> Option<Segments> {
    if modality != Modality::Labels || layout.is_colour() {
        return None;
    }
    let number = |frame| {
        let item = group(data, frame, tags::SEGMENT_IDENTIFICATION)?;
        item.unsigned(tags::SEGMENT_NUMBER)
            .and_then(|number| u16::try_from(number).ok())
    };
    let numbers: Option<Vec<u16>> = (0..layout.frames).map(number).collect();
    let is_fraction = data.code(tags::SEGMENTATION_TYPE).as_deref() == Some("FRACTIONAL");
    let largest = data
        .unsigned(tags::FRACTIONAL_MAXIMUM)
        .unwrap_or(255)
        .max(1);
    Some(Segments {
        numbers: numbers?,
        from: if is_fraction {
            largest as f32 / 2.0
        } else {
            0.5
        },
    })
}

/// The temporal index of frames.
fn frame_order(data: &DataSet, frames: usize) -> Vec<i64> {
    if frames == 1 || !data.has(tags::FRAME_GROUPS) {
        return Vec::new();
    }
    let index = |frame| {
        let content = group(data, frame, tags::FRAME_CONTENT);
        content
            .and_then(|item| item.unsigned(tags::TEMPORAL_INDEX))
            .map_or(0, i64::from)
    };
    (0..frames).map(index).collect()
}

/// Whether more bytes of the file could bring an image to light.
pub(crate) fn wants_more(parsed: &Parsed) -> bool {
    // Where the bytes end between two elements, the walk ends as at the end of a file.
    parsed.pixels.is_none() && parsed.stop != Stop::Broken
}
