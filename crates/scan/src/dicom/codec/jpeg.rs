//! JPEG (ITU T.81): which process a stream uses, its tables, and the decoder for it.
//!
//! Samples of 8 bits are decoded by `zune-jpeg`; 12 bits and lossless, which it lacks, in the neighbouring modules.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::huffman::Huffman;
use super::{Colours, Decoded, check, jpeg_12, jpeg_lossless};
use crate::dicom::layout::Layout;
use crate::error::Fault;

pub(super) const FORMAT: &str = "JPEG";

/// What a stream says before its first scan.
#[derive(Debug, Default)]
struct Head {
    /// The number of the SOF marker.
    process: u8,
    precision: u32,
    width: usize,
    height: usize,
    components: Vec<Component>,
    /// Adobe's statement about colours.
    adobe: Option<u8>,
    jfif: bool,
}

/// A component of the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    id: u8,
    sampling: u8,
    pub(super) quantisation: u8,
}

/// Decodes a frame.
pub(super) fn decode(bytes: &[u8], layout: &Layout) -> Result<Decoded, Fault> {
    let head =
        head(bytes).ok_or_else(|| Fault::broken(FORMAT, "its stream has no frame header"))?;
    check(
        FORMAT,
        layout,
        head.width,
        head.height,
        head.components.len(),
    )?;
    let colours = match (head.adobe, layout.samples) {
        // Writers of luma and chroma set Adobe's "no transform" too, so that then the object knows better.
        (Some(1), 3) => Colours::Ybr,
        (None, 3) if head.jfif => Colours::Ybr,
        _ => Colours::AsStated,
    };
    let (values, rows) = match (head.process, head.precision) {
        (0..=2, 8) => (eight_bits(bytes, layout)?, layout.rows),
        (0 | 1, 12) => sequential(bytes, &head, layout, Process::Dct)?,
        (3, 2..=16) => sequential(bytes, &head, layout, Process::Lossless)?,
        (process, bits) => {
            return Err(Fault::unsupported(
                FORMAT,
                format!("process {process} with {bits} bits a sample"),
            ));
        }
    };
    Ok(Decoded {
        values,
        bits: None,
        colours,
        rows,
    })
}

fn eight_bits(bytes: &[u8], layout: &Layout) -> Result<Vec<i32>, Fault> {
    let failed = || Fault::broken(FORMAT, "its stream cannot be decoded");
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(layout.columns)
        .set_max_height(layout.rows);
    let bare = without_applications(bytes);
    let decoded = rounds_imaging::catch_panic(|| {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bare.as_slice()), options);
        decoder.decode_headers().ok()?;
        // As stored: what the colours are is decided by the object.
        let space = if layout.samples == 1 {
            ColorSpace::Luma
        } else {
            decoder.input_colorspace()?
        };
        decoder.set_options(options.jpeg_set_out_colorspace(space));
        decoder.decode().ok()
    });
    let decoded = decoded.flatten().ok_or_else(failed)?;
    if decoded.len() != layout.pixels() * layout.samples {
        return Err(failed());
    }
    Ok(decoded.into_iter().map(i32::from).collect())
}

/// The stream without its application segments: some are damaged, and what they say about colours is known already.
fn without_applications(bytes: &[u8]) -> Vec<u8> {
    let mut bare = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for (marker, payload, after) in Segments::new(bytes) {
        if marker == 0xDA {
            break;
        }
        if matches!(marker, 0xE0..=0xEF | 0xFE) {
            bare.extend_from_slice(
                bytes
                    .get(from..after - payload.len() - 4)
                    .unwrap_or_default(),
            );
            from = after;
        }
    }
    bare.extend_from_slice(bytes.get(from..).unwrap_or_default());
    bare
}

#[derive(Clone, Copy)]
enum Process {
    Dct,
    Lossless,
}

/// The tables in force at a scan.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Huffman>; 4],
    pub(super) ac: [Option<Huffman>; 4],
    pub(super) quantisation: [Option<[u16; 64]>; 4],
    /// Units between restart markers, 0 for none.
    pub(super) restart: usize,
}

/// A scan: what it holds, and where its bits start.
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Of every component in it: its index in the frame, and its DC and AC table.
    pub(super) parts: Vec<(usize, usize, usize)>,
    /// Start of the spectrum, or the predictor.
    pub(super) first: u8,
    /// Point transform.
    pub(super) shift: u32,
    pub(super) precision: u32,
    pub(super) components: &'a [Component],
}

/// Decodes all scans of a frame whose components have the same size.
fn sequential(
    bytes: &[u8],
    head: &Head,
    layout: &Layout,
    process: Process,
) -> Result<(Vec<i32>, usize), Fault> {
    let sampling = head.components.first().map(|first| first.sampling);
    if head
        .components
        .iter()
        .any(|component| Some(component.sampling) != sampling)
    {
        return Err(Fault::unsupported(
            FORMAT,
            "components of different sizes with more than 8 bits or without loss",
        ));
    }
    let damaged = || Fault::broken(FORMAT, "its tables or scans are damaged");
    let mut values = vec![0; layout.pixels() * layout.samples];
    let mut tables = Tables::default();
    let mut rows = layout.rows;
    let mut seen = false;
    for (marker, payload, after) in Segments::new(bytes) {
        match marker {
            0xC4 => huffman_tables(payload, &mut tables).ok_or_else(damaged)?,
            0xDB => quantisation_tables(payload, &mut tables).ok_or_else(damaged)?,
            0xDD => {
                tables.restart = payload
                    .first_chunk()
                    .map_or(0, |two| usize::from(u16::from_be_bytes(*two)))
            }
            0xDA => {
                let scan = scan(bytes, payload, after, head).ok_or_else(damaged)?;
                let done = match process {
                    Process::Dct => jpeg_12::scan(&scan, &tables, layout, &mut values),
                    Process::Lossless => jpeg_lossless::scan(&scan, &tables, layout, &mut values),
                };
                rows = rows.min(done.ok_or_else(damaged)?);
                seen = true;
            }
            _ => {}
        }
    }
    if seen {
        Ok((values, rows))
    } else {
        Err(damaged())
    }
}

fn scan<'a>(bytes: &'a [u8], payload: &[u8], at: usize, head: &'a Head) -> Option<Scan<'a>> {
    let (&count, rest) = payload.split_first()?;
    let (parts, last) = rest.split_at_checked(usize::from(count) * 2)?;
    let parts = parts.as_chunks::<2>().0.iter().map(|&[id, tables]| {
        let component = head
            .components
            .iter()
            .position(|component| component.id == id)?;
        Some((
            component,
            usize::from(tables >> 4),
            usize::from(tables & 15),
        ))
    });
    let [first, _, bit] = *last.first_chunk()?;
    Some(Scan {
        bytes,
        at,
        parts: parts
            .collect::<Option<Vec<_>>>()
            .filter(|parts| !parts.is_empty())?,
        first,
        shift: u32::from(bit & 15),
        precision: head.precision,
        components: &head.components,
    })
}

fn huffman_tables(mut payload: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&class, rest)) = payload.split_first() {
        let counts: [u8; 16] = *rest.first_chunk()?;
        let symbols = rest.get(16..)?;
        let table = Huffman::new(counts, symbols)?;
        let place = if class >> 4 == 0 {
            &mut tables.dc
        } else {
            &mut tables.ac
        };
        *place.get_mut(usize::from(class & 15))? = Some(table);
        let used: usize = counts.iter().map(|&count| usize::from(count)).sum();
        payload = symbols.get(used..)?;
    }
    Some(())
}

fn quantisation_tables(mut payload: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&kind, rest)) = payload.split_first() {
        let mut table = [0_u16; 64];
        let wide = kind >> 4 != 0;
        let length = if wide { 128 } else { 64 };
        let bytes = rest.get(..length)?;
        for (index, entry) in table.iter_mut().enumerate() {
            *entry = if wide {
                u16::from_be_bytes([*bytes.get(index * 2)?, *bytes.get(index * 2 + 1)?])
            } else {
                u16::from(*bytes.get(index)?)
            };
        }
        *tables.quantisation.get_mut(usize::from(kind & 15))? = Some(table);
        payload = rest.get(length..)?;
    }
    Some(())
}

fn head(bytes: &[u8]) -> Option<Head> {
    let mut head = Head::default();
    for (marker, payload, _) in Segments::new(bytes) {
        match marker {
            0xE0 => head.jfif |= payload.starts_with(b"JFIF\0"),
            0xEE if payload.starts_with(b"Adobe") => head.adobe = payload.get(11).copied(),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let [precision, h1, h0, w1, w0, count] = *payload.first_chunk()?;
                head.process = marker - 0xC0;
                head.precision = u32::from(precision);
                head.height = usize::from(u16::from_be_bytes([h1, h0]));
                head.width = usize::from(u16::from_be_bytes([w1, w0]));
                let components = payload.get(6..6 + usize::from(count) * 3)?;
                head.components = components
                    .as_chunks::<3>()
                    .0
                    .iter()
                    .map(|&[id, sampling, quantisation]| Component {
                        id,
                        sampling,
                        quantisation,
                    })
                    .collect();
                return (!head.components.is_empty()).then_some(head);
            }
            0xDA => return None,
            _ => {}
        }
    }
    None
}

/// The marker segments of a stream: marker, payload, and the offset behind it. Entropy-coded data is stepped over.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            let skip = rest.iter().position(|&byte| byte == 0xFF)?;
            self.at += skip;
            match *self.bytes.get(self.at + 1)? {
                0xFF => self.at += 1,
                0x00 | 0x01 | 0xD0..=0xD8 => self.at += 2,
                0xD9 => return None,
                marker => {
                    let length = usize::from(u16::from_be_bytes(
                        *self.bytes.get(self.at + 2..)?.first_chunk()?,
                    ));
                    let payload = self.bytes.get(self.at + 4..self.at + 2 + length)?;
                    self.at += 2 + length;
                    return Some((marker, payload, self.at));
                }
            }
        }
    }
}
