//! The header: sizes, type and encoding of the samples, where they are, and where the grid lies.

use super::FORMAT;
use super::axes::{Axes, Layout};
use super::fields::Fields;
use super::place::{Space, directions, place};
use crate::error::Fault;
use crate::geometry::Affine;
use crate::sample::Sample;
use crate::volume::{Facts, Modality};

/// How the samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    Gzip,
    Text,
}

/// What lies before the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteSkip {
    /// So many bytes; where they are compressed, of what comes out.
    Bytes(u64),
    /// Everything but the samples, which are the end of the file.
    ToEnd,
}

/// What the header says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) layout: Layout,
    pub(crate) sample: Sample,
    pub(crate) encoding: Encoding,
    pub(crate) little: bool,
    /// The name of the file with the samples, as it is stated; `None` if they follow the header.
    pub(crate) data_file: Option<String>,
    /// Lines before the samples.
    pub(crate) line_skip: u64,
    pub(crate) byte_skip: ByteSkip,
    pub(crate) affine: Option<Affine>,
    pub(crate) spacing: [Option<f64>; 3],
    pub(crate) facts: Facts,
}

/// Reads the whole text of a header.
pub(crate) fn parse(text: &[u8]) -> Result<Header, Fault> {
    let fields = Fields::parse(text)?;
    let sample = Sample::of_name(fields.required("type")?)?;
    let encoding = encoding(fields.required("encoding")?)?;
    let space = Space::of(&fields)?;
    let directions = directions(&fields, space.as_ref())?;
    let has_time = space.as_ref().is_some_and(|space| space.has_time);
    let axes = Axes::of(&fields, directions.as_deref(), has_time)?;
    let layout = axes.layout()?;
    if layout.colours.is_some() && sample != Sample::U8 {
        return Err(Fault::unsupported(FORMAT, "colours of other than 8 bits"));
    }
    let placed = place(&fields, &axes, space.as_ref(), directions.as_deref())?;
    let mut notes: Vec<String> = placed.note.map(str::to_owned).into_iter().collect();
    if layout.colours.is_some_and(|colours| colours.alpha) {
        notes.push("The opacity of its colours is left out.".to_owned());
    }
    let components = layout.components();
    if components > 1 && axes.time().is_none() {
        notes.push(format!(
            "A voxel has {components} values; they are seen one at a time, from time=1 to time={components}."
        ));
    }
    let byte_skip = byte_skip(&fields)?;
    if byte_skip == ByteSkip::ToEnd && encoding != Encoding::Raw {
        let reason = "samples that are not raw and counted from the end of the file";
        return Err(Fault::unsupported(FORMAT, reason));
    }
    Ok(Header {
        sample,
        encoding,
        little: is_little(&fields, sample, encoding)?,
        data_file: data_file(&fields)?,
        line_skip: line_skip(&fields)?,
        byte_skip,
        affine: placed.affine,
        spacing: placed.spacing,
        facts: Facts {
            modality: if fields.has_segments {
                Modality::Labels
            } else {
                Modality::Other
            },
            frame_time_ms: placed.frame_time_ms.filter(|_| components > 1),
            encoding: match encoding {
                Encoding::Raw => "NRRD",
                Encoding::Gzip => "NRRD, gzip",
                Encoding::Text => "NRRD, text",
            }
            .to_owned(),
            notes,
            ..Facts::default()
        },
        layout,
    })
}

fn encoding(name: &str) -> Result<Encoding, Fault> {
    let unsupported = |reason: &str| Err(Fault::unsupported(FORMAT, reason));
    match name.to_ascii_lowercase().as_str() {
        "raw" => Ok(Encoding::Raw),
        "gz" | "gzip" => Ok(Encoding::Gzip),
        "txt" | "text" | "ascii" => Ok(Encoding::Text),
        "hex" => unsupported("hex encoding"),
        "bz2" | "bzip2" => unsupported("bzip2 encoding"),
        "zrl" => unsupported("zrl encoding"),
        _ => Err(Fault::broken(FORMAT, "its encoding is not known")),
    }
}

fn is_little(fields: &Fields<'_>, sample: Sample, encoding: Encoding) -> Result<bool, Fault> {
    match fields.get("endian").map(str::to_ascii_lowercase).as_deref() {
        Some("little") => Ok(true),
        Some("big") => Ok(false),
        None if sample.bytes() == 1 || encoding == Encoding::Text => Ok(true),
        _ => Err(Fault::broken(
            FORMAT,
            "it does not state the order of the bytes of a sample",
        )),
    }
}

/// The name in the header, not yet checked.
fn data_file(fields: &Fields<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = fields.get("datafile") else {
        return Ok(None);
    };
    // Either a list of names follows, or the name has a place for a number and the numbers follow.
    let first = text.split_whitespace().next().unwrap_or_default();
    if first == "LIST" || (text.contains('%') && text.split_whitespace().count() > 3) {
        return Err(Fault::unsupported(FORMAT, "samples in several files"));
    }
    Ok(Some(text.to_owned()))
}

fn line_skip(fields: &Fields<'_>) -> Result<u64, Fault> {
    let lines = fields.get("lineskip").unwrap_or("0");
    let wrong = |_| Fault::broken(FORMAT, "the lines before its samples are not valid");
    lines.parse().map_err(wrong)
}

fn byte_skip(fields: &Fields<'_>) -> Result<ByteSkip, Fault> {
    match fields.get("byteskip").unwrap_or("0") {
        "-1" => Ok(ByteSkip::ToEnd),
        text => text
            .parse()
            .map(ByteSkip::Bytes)
            .map_err(|_| Fault::broken(FORMAT, "the offset of its samples is not valid")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(more: &str) -> Result<Header, Fault> {
        let text = format!("NRRD0005\ntype: short\ndimension: 2\nsizes: 4 3\n{more}\n\n");
        parse(text.as_bytes())
    }

    #[test]
    fn what_is_not_read_is_named_and_what_is_wrong_is_refused() {
        for (more, expected) in [
            ("encoding: bzip2\nendian: little", "bzip2"),
            ("encoding: hex\nendian: little", "hex"),
            ("encoding: raw\nendian: little\ndata file: LIST", "several"),
            (
                "encoding: raw\nendian: little\ndata file: I.%03d 1 9 1",
                "several",
            ),
            ("encoding: raw", "order of the bytes"),
            ("encoding: raw\nendian: middle", "order of the bytes"),
            ("encoding: gzip\nendian: big\nbyte skip: -1", "from the end"),
            ("encoding: raw\nendian: big\nbyte skip: -2", "offset"),
            ("encoding: raw\nendian: big\nline skip: x", "lines"),
            ("encoding: raw\nendian: big\nspace: up", "space"),
            ("endian: big", "encoding"),
        ] {
            let error = header(more).unwrap_err().to_string();
            assert!(error.contains(expected), "{more}: {error}");
        }
        assert!(header("encoding: ascii").is_ok());
    }

    #[test]
    fn spaces_units_and_steps_become_millimetres_in_the_patient() {
        let placed = "encoding: raw\nendian: little\nspace origin: (1,2,3)\nspace directions: (0,2,0) (0,0,4)\n";
        let affine = |space: &str| header(&format!("{placed}{space}")).unwrap().affine;
        let found = affine("space: left-anterior-superior").unwrap();
        assert_eq!(found[0], [0.0, 0.0, -1.0, 1.0]);
        assert_eq!(found[1], [-2.0, 0.0, 0.0, -2.0]);
        assert_eq!(found[2], [0.0, 4.0, 0.0, 3.0]);
        let small = affine("space: LPS\nspace units: \"um\" \"um\" \"um\"").unwrap();
        assert_eq!([small[1][0], small[2][3]], [0.002, 0.003]);
        assert_eq!(affine("space: scanner-xyz"), None);
        assert_eq!(
            affine("space: LPS\nspace units: \"parsec\" \"parsec\" \"parsec\""),
            None
        );
    }
}
