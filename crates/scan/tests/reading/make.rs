//! Writes DICOM files into memory, in any of the three encodings, valid or not. No reader of the crate is used for it.

/// Group and element.
pub(crate) type Tag = (u16, u16);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Implicit,
    Explicit,
    Big,
}

/// A data set that is being written.
#[derive(Clone)]
pub(crate) struct Writer {
    encoding: Encoding,
    elements: Vec<(Tag, Vec<u8>)>,
}

impl Writer {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            elements: Vec::new(),
        }
    }

    fn short(&self, value: u16) -> [u8; 2] {
        if self.encoding == Encoding::Big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn long(&self, value: u32) -> [u8; 4] {
        if self.encoding == Encoding::Big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn header(&self, tag: Tag, kind: &[u8; 2], length: u32) -> Vec<u8> {
        let mut bytes = [self.short(tag.0), self.short(tag.1)].concat();
        if self.encoding == Encoding::Implicit {
            bytes.extend(self.long(length));
            return bytes;
        }
        bytes.extend(kind);
        if [
            b"OB", b"OD", b"OF", b"OW", b"SQ", b"UN", b"UC", b"UR", b"UT",
        ]
        .contains(&kind)
        {
            bytes.extend([0, 0]);
            bytes.extend(self.long(length));
        } else {
            bytes.extend(self.short(length as u16));
        }
        bytes
    }

    /// An element as it is; a former one with the tag is replaced.
    pub(crate) fn raw(mut self, tag: Tag, kind: &[u8; 2], value: &[u8]) -> Self {
        self.elements.retain(|(other, _)| *other != tag);
        self.add(tag, kind, value)
    }

    /// An element as it is; nothing is looked for.
    pub(crate) fn add(mut self, tag: Tag, kind: &[u8; 2], value: &[u8]) -> Self {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if kind == b"UI" || kind == b"OB" {
                0
            } else {
                b' '
            });
        }
        let mut bytes = self.header(tag, kind, value.len() as u32);
        bytes.extend(value);
        self.elements.push((tag, bytes));
        self
    }

    pub(crate) fn text(self, tag: Tag, kind: &[u8; 2], text: &str) -> Self {
        self.raw(tag, kind, text.as_bytes())
    }

    pub(crate) fn us(self, tag: Tag, values: &[u16]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| self.short(*value)).collect();
        self.raw(tag, b"US", &bytes)
    }

    /// 16-bit words.
    pub(crate) fn words(self, tag: Tag, values: &[u16]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| self.short(*value)).collect();
        self.raw(tag, b"OW", &bytes)
    }

    /// A sequence of undefined length.
    pub(crate) fn items(mut self, tag: Tag, items: Vec<Writer>) -> Self {
        let mut bytes = self.header(tag, b"SQ", u32::MAX);
        for item in items {
            bytes.extend(self.mark(0xE000, u32::MAX));
            bytes.extend(item.body());
            bytes.extend(self.mark(0xE00D, 0));
        }
        bytes.extend(self.mark(0xE0DD, 0));
        self.elements.push((tag, bytes));
        self
    }

    /// Encapsulated pixel data.
    pub(crate) fn fragments(mut self, table: &[u8], fragments: &[&[u8]]) -> Self {
        let mut bytes = self.header((0x7FE0, 0x0010), b"OB", u32::MAX);
        for fragment in std::iter::once(&table).chain(fragments) {
            bytes.extend(self.mark(0xE000, fragment.len() as u32));
            bytes.extend(*fragment);
        }
        bytes.extend(self.mark(0xE0DD, 0));
        self.elements.push(((0x7FE0, 0x0010), bytes));
        self
    }

    fn mark(&self, element: u16, length: u32) -> Vec<u8> {
        [
            &self.short(0xFFFE)[..],
            &self.short(element),
            &self.long(length),
        ]
        .concat()
    }

    /// The elements in order.
    pub(crate) fn body(mut self) -> Vec<u8> {
        self.elements.sort_by_key(|(tag, _)| *tag);
        self.elements
            .into_iter()
            .flat_map(|(_, bytes)| bytes)
            .collect()
    }

    /// A file in the syntax of the encoding.
    pub(crate) fn file(self) -> Vec<u8> {
        let uid = match self.encoding {
            Encoding::Implicit => "1.2.840.10008.1.2",
            Encoding::Explicit => "1.2.840.10008.1.2.1",
            Encoding::Big => "1.2.840.10008.1.2.2",
        };
        self.file_as(uid)
    }

    /// A file that says it is in the syntax `uid`.
    pub(crate) fn file_as(self, uid: &str) -> Vec<u8> {
        let meta = introduction(uid);
        [meta, self.body()].concat()
    }
}

/// Preamble and file meta information.
pub(crate) fn introduction(uid: &str) -> Vec<u8> {
    let meta = Writer::new(Encoding::Explicit)
        .text((2, 0x10), b"UI", uid)
        .body();
    let length = Writer::new(Encoding::Explicit)
        .raw((2, 0), b"UL", &(meta.len() as u32).to_le_bytes())
        .body();
    [vec![0; 128], b"DICM".to_vec(), length, meta].concat()
}

/// A grey image of 16 bits without samples.
pub(crate) fn grey(encoding: Encoding, columns: u16, rows: u16) -> Writer {
    Writer::new(encoding)
        .text((0x0008, 0x0060), b"CS", "MR")
        .us((0x0028, 0x0002), &[1])
        .text((0x0028, 0x0004), b"CS", "MONOCHROME2")
        .us((0x0028, 0x0010), &[rows])
        .us((0x0028, 0x0011), &[columns])
        .us((0x0028, 0x0100), &[16])
        .us((0x0028, 0x0101), &[16])
        .us((0x0028, 0x0102), &[15])
        .us((0x0028, 0x0103), &[0])
}

/// A slice of a CT series at height `z`, all of whose samples are `value`.
pub(crate) fn slice(series: &str, z: f64, number: u16, value: u16) -> Writer {
    grey(Encoding::Explicit, 4, 3)
        .text((0x0008, 0x0060), b"CS", "CT")
        .text((0x0010, 0x0020), b"LO", "P1")
        .text((0x0020, 0x000D), b"UI", "1.2.3")
        .text((0x0020, 0x000E), b"UI", series)
        .text((0x0020, 0x0013), b"IS", &number.to_string())
        .text((0x0020, 0x0032), b"DS", &format!("10\\20\\{z}"))
        .text((0x0020, 0x0037), b"DS", "1\\0\\0\\0\\1\\0")
        .text((0x0028, 0x0030), b"DS", "0.5\\0.25")
        .words((0x7FE0, 0x0010), &[value; 12])
}
