//! JPEG-LS (ITU T.87): lossless and near-lossless, by component, line or sample.
//!
//! This is what the markers say; the samples are in `scan`.

mod scan;

use self::scan::Decoder;
use super::{Colours, Decoded, check};
use crate::dicom::layout::Layout;
use crate::error::Fault;

const FORMAT: &str = "JPEG-LS";

/// Decodes a frame.
pub(super) fn decode(bytes: &[u8], layout: &Layout) -> Result<Decoded, Fault> {
    let damaged = || Fault::broken(FORMAT, "its stream is damaged");
    let mut reader = Stream { bytes, at: 0 };
    let mut values = vec![0; layout.pixels() * layout.samples];
    let mut frame: Option<Frame> = None;
    let mut preset = Preset::default();
    let mut rows = layout.rows;
    let mut decoded = 0_usize;
    while let Some((marker, payload)) = reader.segment() {
        match marker {
            0xF7 => {
                let found = Frame::of(payload).ok_or_else(damaged)?;
                check(
                    FORMAT,
                    layout,
                    found.width,
                    found.height,
                    found.components.len(),
                )?;
                frame = Some(found);
            }
            0xF8 => preset
                .read(payload)
                .ok_or_else(|| Fault::unsupported(FORMAT, "tables of colours or sizes"))?,
            0xE8 if payload.starts_with(b"mrfx") && payload.get(4) != Some(&0) => {
                return Err(Fault::unsupported(FORMAT, "transformed colours"));
            }
            0xDD if payload.iter().any(|&byte| byte != 0) => {
                return Err(Fault::unsupported(FORMAT, "restart markers"));
            }
            0xDA => {
                let frame = frame.as_ref().ok_or_else(damaged)?;
                let scan = Scan::of(payload, frame).ok_or_else(damaged)?;
                let mut decoder = Decoder::new(bytes, reader.at, frame.bits, scan.near, &preset)
                    .ok_or_else(damaged)?;
                let done = decoder.scan(&scan, layout, &mut values);
                rows = rows.min(done.ok_or_else(damaged)?);
                decoded += scan.components.len();
            }
            _ => {}
        }
    }
    match frame {
        Some(frame) if decoded >= layout.samples => Ok(Decoded {
            values,
            bits: Some(frame.bits),
            colours: Colours::AsStated,
            rows,
        }),
        _ => Err(damaged()),
    }
}

/// The marker segments; entropy-coded data is stepped over.
struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Stream<'a> {
    fn segment(&mut self) -> Option<(u8, &'a [u8])> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|&byte| byte == 0xFF)?;
            match *self.bytes.get(self.at + 1)? {
                0xFF => self.at += 1,
                // A stuffed bit follows 0xFF in the data.
                0x00..=0x7F | 0xD0..=0xD8 => self.at += 2,
                0xD9 => return None,
                marker => {
                    let length = usize::from(u16::from_be_bytes(
                        *self.bytes.get(self.at + 2..)?.first_chunk()?,
                    ));
                    let payload = self.bytes.get(self.at + 4..self.at + 2 + length)?;
                    self.at += 2 + length;
                    return Some((marker, payload));
                }
            }
        }
    }
}

struct Frame {
    bits: u32,
    width: usize,
    height: usize,
    components: Vec<u8>,
}

impl Frame {
    fn of(payload: &[u8]) -> Option<Self> {
        let [bits, h1, h0, w1, w0, count] = *payload.first_chunk()?;
        let components = payload
            .get(6..6 + usize::from(count) * 3)?
            .as_chunks::<3>()
            .0;
        let is_valid =
            (2..=16).contains(&bits) && components.iter().all(|&[_, sampling, _]| sampling == 0x11);
        is_valid.then(|| Self {
            bits: u32::from(bits),
            height: usize::from(u16::from_be_bytes([h1, h0])),
            width: usize::from(u16::from_be_bytes([w1, w0])),
            components: components.iter().map(|component| component[0]).collect(),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Interleave {
    None,
    Line,
    Sample,
}

struct Scan {
    /// Indices of components in the frame.
    components: Vec<usize>,
    near: i32,
    interleave: Interleave,
}

impl Scan {
    fn of(payload: &[u8], frame: &Frame) -> Option<Self> {
        let (&count, rest) = payload.split_first()?;
        let (parts, last) = rest.split_at_checked(usize::from(count) * 2)?;
        let index = |&[id, _]: &[u8; 2]| {
            frame
                .components
                .iter()
                .position(|&component| component == id)
        };
        let components: Vec<usize> = parts
            .as_chunks::<2>()
            .0
            .iter()
            .map(index)
            .collect::<Option<_>>()?;
        let &[near, interleave] = last.first_chunk()?;
        let interleave = match (interleave, components.len()) {
            (_, 0) => return None,
            (0..=2, 1) => Interleave::None,
            (1, _) => Interleave::Line,
            (2, _) => Interleave::Sample,
            _ => return None,
        };
        Some(Self {
            components,
            near: i32::from(near),
            interleave,
        })
    }
}

/// Parameters of an LSE segment; 0 stands for the default.
#[derive(Default)]
struct Preset {
    max: i32,
    t: [i32; 3],
    reset: i32,
}

impl Preset {
    fn read(&mut self, payload: &[u8]) -> Option<()> {
        let (&kind, rest) = payload.split_first()?;
        if kind != 1 {
            return None;
        }
        let mut words = rest
            .as_chunks()
            .0
            .iter()
            .map(|&two| i32::from(u16::from_be_bytes(two)));
        self.max = words.next()?;
        self.t = [words.next()?, words.next()?, words.next()?];
        self.reset = words.next()?;
        Some(())
    }
}
