//! The text of a header: its fields by their names.

use super::FORMAT;
use crate::error::Fault;

/// The fields that are used, in lower case and without spaces, as some are spelt with or without one.
const USED: [&str; 16] = [
    "type",
    "dimension",
    "sizes",
    "encoding",
    "endian",
    "kinds",
    "units",
    "spacings",
    "space",
    "spacedimension",
    "spaceunits",
    "spaceorigin",
    "spacedirections",
    "datafile",
    "lineskip",
    "byteskip",
];
/// With these the keys of a segmentation of 3D Slicer begin.
const SEGMENT: &[u8] = b"Segment0_";

/// Whether `bytes`, the beginning of a file, are NRRD.
pub(crate) fn is_nrrd(bytes: &[u8]) -> bool {
    bytes.starts_with(b"NRRD000") && bytes.get(7).is_some_and(u8::is_ascii_digit)
}

/// Where the header ends: behind its first empty line. `None` if `bytes` have none.
pub(crate) fn end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let length = rest.iter().position(|&byte| byte == b'\n')?;
        from += length + 1;
        if matches!(rest.get(..length), Some(b"" | b"\r")) {
            return Some(from);
        }
    }
}

/// What a header states.
pub(super) struct Fields<'a> {
    found: Vec<(&'static str, &'a str)>,
    /// Its values are the numbers of segments.
    pub(super) has_segments: bool,
}

impl<'a> Fields<'a> {
    /// Of the whole text of a header.
    pub(super) fn parse(header: &'a [u8]) -> Result<Self, Fault> {
        if !matches!(header.get(7), Some(b'1'..=b'5')) {
            return Err(Fault::unsupported(FORMAT, "a version other than 1 to 5"));
        }
        let mut fields = Self {
            found: Vec::new(),
            has_segments: false,
        };
        for line in header.split(|&byte| byte == b'\n').skip(1) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = line.iter().position(|&byte| byte == b':');
            let Some((name, rest)) = colon.map(|colon| line.split_at(colon)) else {
                continue;
            };
            if rest.starts_with(b":=") {
                fields.has_segments |= name.starts_with(SEGMENT);
            } else if !name.starts_with(b"#") {
                fields.add(name, rest.get(1..).unwrap_or_default())?;
            }
        }
        Ok(fields)
    }

    fn add(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Fault> {
        let letters = name.iter().filter(|&&byte| byte != b' ');
        let name: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
        let Some(&name) = USED.iter().find(|used| used.as_bytes() == name) else {
            return Ok(());
        };
        if self.get(name).is_some() {
            return Err(Fault::broken(
                FORMAT,
                "its header states something two times",
            ));
        }
        let value = std::str::from_utf8(value)
            .map_err(|_| Fault::broken(FORMAT, "a field of its header is not text"))?;
        self.found.push((name, value.trim()));
        Ok(())
    }

    /// The text of a field; `name` is one of [`USED`].
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.found.iter();
        fields
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    }

    /// The text of a field without which nothing can be read.
    pub(super) fn required(&self, name: &'static str) -> Result<&'a str, Fault> {
        let missing = || Fault::broken(FORMAT, format!("its header has no field \"{name}\""));
        self.get(name).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_with_its_first_empty_line() {
        assert_eq!(end(b"NRRD0004\ntype: int\n\n\n\n"), Some(20));
        assert_eq!(end(b"NRRD0004\r\ntype: int\r\n\r\nx"), Some(23));
        assert_eq!(end(b"NRRD0004\ntype: int\n"), None);
        assert_eq!(end(b""), None);
    }

    #[test]
    fn fields_are_told_from_keys_and_comments_in_any_spelling() {
        let text = b"NRRD0005\n# type: float\nType: short\r\nDataFile: a.raw\nSegment0_ID:=type: x\nnote:=sizes: 4\n\n";
        let fields = Fields::parse(text).unwrap();
        assert_eq!(fields.get("type"), Some("short"));
        assert_eq!(fields.get("datafile"), Some("a.raw"));
        assert_eq!(fields.get("sizes"), None);
        assert!(fields.has_segments);
        assert!(fields.required("sizes").is_err());
        assert!(Fields::parse(b"NRRD0004\ntype: int\ntype: int\n").is_err());
        assert!(Fields::parse(b"NRRD0006\ntype: int\n").is_err());
    }
}
