//! An NRRD file as a series.

use std::ops::Range;
use std::path::PathBuf;

use rounds_support::files::sha256_hex;

use super::content::Content;
use super::directory::resolve;
use super::incomplete;
use super::nifti_series::IDENTIFYING_BYTES;
use super::series::{Series, Source};
use crate::dicom::facts::hash;
use crate::error::{Fault, ScanError};
use crate::limits::{MAX_FILE_BYTES, MAX_SAMPLES};
use crate::nrrd::{
    ByteSkip, Encoding, Header, end, numbers, parse, pixels_of_bytes, pixels_of_numbers,
};
use crate::time_limit;
use crate::volume::Pixels;

const FORMAT: &str = "NRRD";
/// How much of a file is read at first, to find the end of its header.
const FIRST_BYTES: usize = 16 << 10;
/// Longest header. Those of segmentations and of many directions of diffusion have up to some 100 KiB.
const MAX_HEADER_BYTES: usize = 1 << 20;
/// Longest text in front of the samples that is left out line by line.
const MAX_LINES_BYTES: u64 = 1 << 20;

/// The header, and where the samples begin.
pub(super) struct NrrdSeries {
    header: Header,
    samples: Content,
    offset: u64,
}

/// Opens the NRRD file `content`, with its samples in it or beside it.
///
/// Its samples take the place of a series number, so that an index can tell other slices of the same scan.
pub(super) fn open(content: &Content, salt: &[u8]) -> Result<Series, ScanError> {
    let opened = time_limit::reading(content.name(), || open_in_time(content));
    let (series, first) = opened.map_err(|error| unnamed(error, content))?;
    let header = &series.header;
    let mut facts = header.facts.clone();
    facts.series = Some(hash(salt, "series", &sha256_hex(&first)));
    if content.is_gzip() {
        facts.encoding.push_str(", gzip");
    }
    Ok(Series {
        facts,
        size: header.layout.size,
        components: header.layout.components(),
        affine: header.affine,
        spacing: header.spacing,
        name: content.name().to_owned(),
        source: Source::Nrrd(Box::new(series)),
    })
}

/// Also returns the first bytes of the samples.
fn open_in_time(content: &Content) -> Result<(NrrdSeries, Vec<u8>), ScanError> {
    let failed = |fault: Fault| fault.in_file(content.name());
    let (header, behind) = header(content)?;
    let (stored, start) = match (&header.data_file, behind) {
        (Some(file), _) => (beside(content, file)?, 0),
        (None, Some(behind)) => (content.clone(), behind),
        (None, None) => return Err(failed(Fault::broken(FORMAT, "it ends inside its header"))),
    };
    let start = behind_lines(&stored, start, header.line_skip)?;
    let (samples, offset) = samples(&header, stored, start)?;
    if offset > MAX_FILE_BYTES {
        let reason = "the offset of its samples is not valid";
        return Err(failed(Fault::broken(FORMAT, reason)));
    }
    let first = samples.range(offset, IDENTIFYING_BYTES as u64)?;
    let series = NrrdSeries {
        header,
        samples,
        offset,
    };
    Ok((series, first))
}

/// The header, and where it ends, if something can follow it.
fn header(content: &Content) -> Result<(Header, Option<u64>), ScanError> {
    let failed = |fault: Fault| fault.in_file(content.name());
    let mut length = FIRST_BYTES;
    loop {
        let bytes = content.prefix(length)?;
        let end = end(&bytes);
        if end.is_none() && bytes.len() == length {
            if length >= MAX_HEADER_BYTES {
                return Err(failed(Fault::TooLong {
                    what: "its header",
                    limit: MAX_HEADER_BYTES as u64,
                }));
            }
            length *= 4;
            continue;
        }
        let text = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let header = parse(text).map_err(failed)?;
        return Ok((header, end.map(|end| end as u64)));
    }
}

/// The file with the samples. It must lie beside the header: whoever made the header must not choose which files are read.
fn beside(content: &Content, file: &str) -> Result<Content, ScanError> {
    let failed = |reason: &'static str| Fault::broken(FORMAT, reason).in_file(content.name());
    let missing = || failed("the file with its samples is missing");
    let folder = content.path().ok_or_else(missing)?.parent();
    let folder = folder.ok_or_else(missing)?;
    let folder = match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_path_buf(),
    };
    let name = file.strip_prefix("./").unwrap_or(file);
    if name.contains(['/', '\\', ':', '\0']) || name == ".." {
        return Err(failed("the file with its samples would not lie beside it"));
    }
    let found = resolve(&folder, &[name.to_owned()]).ok_or_else(missing)?;
    // A link could lead anywhere.
    let (real, folder) = found
        .canonicalize()
        .and_then(|real| Ok((real, folder.canonicalize()?)))
        .map_err(|_| missing())?;
    if real.parent() != Some(folder.as_path()) {
        return Err(failed("the file with its samples would not lie beside it"));
    }
    Ok(Content::stored_file(&real, content.name()))
}

/// Where the samples begin, after so many lines.
fn behind_lines(stored: &Content, start: u64, lines: u64) -> Result<u64, ScanError> {
    if lines == 0 {
        return Ok(start);
    }
    let bytes = stored.range(start, MAX_LINES_BYTES)?;
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let last = usize::try_from(lines - 1)
        .ok()
        .and_then(|skip| ends.nth(skip));
    let (last, _) = last.ok_or_else(|| {
        Fault::broken(FORMAT, "it has too few lines before its samples").in_file(stored.name())
    })?;
    Ok(start + last as u64 + 1)
}

/// What holds the samples, and from where on in it.
fn samples(header: &Header, stored: Content, start: u64) -> Result<(Content, u64), ScanError> {
    let failed = |fault: Fault| fault.in_file(stored.name());
    let skip = match (header.byte_skip, header.encoding) {
        (ByteSkip::Bytes(skip), Encoding::Gzip) => {
            if stored.is_gzip() {
                let reason = "compressed samples in a compressed file";
                return Err(failed(Fault::unsupported(FORMAT, reason)));
            }
            let reason = "its samples are not gzip, as its header says";
            let unpacked = stored.unpacked_from(start)?;
            let unpacked = unpacked.ok_or_else(|| failed(Fault::broken(FORMAT, reason)))?;
            return Ok((unpacked, skip));
        }
        (ByteSkip::Bytes(skip), _) => skip,
        (ByteSkip::ToEnd, _) => {
            let wanted = header.layout.total * header.sample.bytes();
            let length = stored.length()?.ok_or_else(|| {
                let reason = "samples counted from the end of a compressed file";
                failed(Fault::unsupported(FORMAT, reason))
            })?;
            length
                .checked_sub(start)
                .and_then(|length| length.checked_sub(wanted))
                .ok_or_else(|| failed(Fault::broken(FORMAT, "it is shorter than its samples")))?
        }
    };
    Ok((stored, start.saturating_add(skip)))
}

/// The name of the file with the samples comes from the header, and must not be told.
fn unnamed(error: ScanError, content: &Content) -> ScanError {
    match error {
        ScanError::File(_) => {
            Fault::broken(FORMAT, "its samples cannot be read").in_file(content.name())
        }
        other => other,
    }
}

impl NrrdSeries {
    /// Reads `slices` of a component.
    pub(super) fn read(
        &self,
        component: usize,
        slices: Range<usize>,
        notes: &mut Vec<String>,
    ) -> Result<Pixels, ScanError> {
        let read = time_limit::reading(self.samples.name(), || {
            self.read_in_time(component, slices, notes)
        });
        read.map_err(|error| unnamed(error, &self.samples))
    }

    fn read_in_time(
        &self,
        component: usize,
        slices: Range<usize>,
        notes: &mut Vec<String>,
    ) -> Result<Pixels, ScanError> {
        let failed = |fault: Fault| fault.in_file(self.samples.name());
        let (header, count) = (&self.header, slices.len());
        let (first, span) = header.layout.span(component, slices.start, count);
        let step = header.layout.steps[2];
        if header.encoding == Encoding::Text {
            // Each is kept as a float of 4 bytes.
            if span > MAX_SAMPLES {
                return Err(failed(too_wide()));
            }
            let text = self.text()?;
            let numbers = numbers(&text, first as usize, span as usize).map_err(failed)?;
            let found = numbers.len() as u64;
            incomplete::note(FORMAT, [found, span], count, step, notes).map_err(failed)?;
            return pixels_of_numbers(header, &numbers, count).map_err(failed);
        }
        let each = header.sample.bytes();
        let wanted = span * each;
        if wanted > MAX_FILE_BYTES {
            return Err(failed(too_wide()));
        }
        let bytes = self.samples.range(self.offset + first * each, wanted)?;
        let found = bytes.len() as u64 / each;
        incomplete::note(FORMAT, [found, span], count, step, notes).map_err(failed)?;
        pixels_of_bytes(header, &bytes, count).map_err(failed)
    }

    /// All samples as they are written.
    fn text(&self) -> Result<Vec<u8>, ScanError> {
        let text = self.samples.range(self.offset, MAX_FILE_BYTES + 1)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            let fault = Fault::TooLong {
                what: "the file",
                limit: MAX_FILE_BYTES,
            };
            return Err(fault.in_file(self.samples.name()));
        }
        Ok(text)
    }
}

/// Where other values lie between those of a volume, all of them are read at once.
fn too_wide() -> Fault {
    Fault::TooLong {
        what: "the part of the file that holds this volume",
        limit: MAX_FILE_BYTES,
    }
}
