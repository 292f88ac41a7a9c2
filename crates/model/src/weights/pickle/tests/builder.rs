//! Builds archives and pickles byte by byte that neither PyTorch nor Python would write.

/// The local header of a record.
pub(super) fn header(name: &str, length: u64, method: u16) -> Vec<u8> {
    let narrow = u32::try_from(length).unwrap_or(u32::MAX);
    let mut bytes = b"PK\x03\x04\x00\x00\x00\x00".to_vec();
    bytes.extend(method.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(narrow.to_le_bytes());
    bytes.extend(narrow.to_le_bytes());
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(name.as_bytes());
    bytes
}

/// The directory entry of a record, with a zip64 field if necessary.
pub(super) fn entry(name: &str, length: u64, header: u64, method: u16) -> Vec<u8> {
    let mut wide = Vec::new();
    let mut narrow = |value: u64| {
        u32::try_from(value).unwrap_or_else(|_| {
            wide.extend(value.to_le_bytes());
            u32::MAX
        })
    };
    let (length, stored, header) = (narrow(length), narrow(length), narrow(header));
    let mut extra = Vec::new();
    if !wide.is_empty() {
        // Preceded by another field, as PyTorch's padding may be.
        extra.extend(b"FB\x02\x00ZZ\x01\x00");
        extra.extend((wide.len() as u16).to_le_bytes());
        extra.extend(wide);
    }
    let mut bytes = b"PK\x01\x02\x00\x00\x00\x00\x00\x00".to_vec();
    bytes.extend(method.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(stored.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend((extra.len() as u16).to_le_bytes());
    bytes.extend([0; 10]);
    bytes.extend(header.to_le_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend(extra);
    bytes
}

/// The end record of an archive without zip64.
pub(super) fn end(start: u32, length: u32, records: u16) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06\x00\x00\x00\x00".to_vec();
    bytes.extend(records.to_le_bytes());
    bytes.extend(records.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

/// The zip64 end record, to be placed `at` this offset, and its locator.
pub(super) fn zip64_end(start: u64, length: u64, records: u64, at: u64) -> Vec<u8> {
    let mut bytes = b"PK\x06\x06".to_vec();
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([0; 12]);
    for value in [records, records, length, start] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\x00\x00\x00\x00");
    bytes.extend(at.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

/// An archive with these records.
pub(super) fn archive(records: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in records {
        let length = content.len() as u64;
        directory.extend(entry(name, length, bytes.len() as u64, 0));
        bytes.extend(header(name, length, 0));
        bytes.extend(*content);
    }
    let end = end(
        bytes.len() as u32,
        directory.len() as u32,
        records.len() as u16,
    );
    bytes.extend(directory);
    bytes.extend(end);
    bytes
}

/// A PyTorch file with this pickle and one storage `0`.
pub(super) fn torch_file(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    archive(&[("x/data.pkl", pickle), ("x/data/0", storage)])
}

/// A text in a pickle.
pub(super) fn text(text: &str) -> Vec<u8> {
    [
        b"X",
        &(text.len() as u32).to_le_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

/// An integer in a pickle.
pub(super) fn int(value: i64) -> Vec<u8> {
    [b"\x8a\x08", &value.to_le_bytes()[..]].concat()
}

/// A tuple in a pickle.
pub(super) fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

/// A dictionary in a pickle.
pub(super) fn dict(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs: Vec<u8> = pairs
        .iter()
        .flat_map(|(key, item)| [text(key), item.clone()].concat())
        .collect();
    [b"}(", &pairs[..], b"u"].concat()
}

/// A tensor of floats in a pickle: one row of `size` elements of the storage called `key`.
pub(super) fn tensor(key: &str, stored: i64, offset: i64, size: i64) -> Vec<u8> {
    rebuilt(&storage(key, stored), offset, size)
}

/// The same in a file of PyTorch before 1.6, which also says of which part of the storage it is: `N` for all of it.
pub(super) fn legacy_tensor(
    key: &str,
    stored: i64,
    view: &[u8],
    offset: i64,
    size: i64,
) -> Vec<u8> {
    let mut parts = storage(key, stored);
    parts.push(view.to_vec());
    rebuilt(&parts, offset, size)
}

/// What identifies a storage of floats.
pub(super) fn storage(key: &str, stored: i64) -> Vec<Vec<u8>> {
    vec![
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(key),
        text("cpu"),
        int(stored),
    ]
}

/// One row of `size` elements of the storage that `parts` identify.
pub(super) fn rebuilt(parts: &[Vec<u8>], offset: i64, size: i64) -> Vec<u8> {
    let parts = [
        [tuple(parts), b"Q".to_vec()].concat(),
        int(offset),
        tuple(&[int(size)]),
        tuple(&[int(1)]),
        b"\x89".to_vec(),
        b"}".to_vec(),
    ];
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        &tuple(&parts)[..],
        b"R",
    ]
    .concat()
}

/// A complete pickle.
pub(super) fn pickle(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02", value, b"."].concat()
}

/// The parts of a file of PyTorch before 1.6, in their order.
pub(super) struct LegacyFile {
    pub(super) magic: Vec<u8>,
    pub(super) version: Vec<u8>,
    pub(super) machine: Vec<u8>,
    pub(super) object: Vec<u8>,
    pub(super) names: Vec<u8>,
    pub(super) storages: Vec<u8>,
}

impl LegacyFile {
    /// A file with this object and these storages of floats.
    pub(super) fn new(object: &[u8], storages: &[(&str, &[f32])]) -> Self {
        let names: Vec<Vec<u8>> = storages.iter().map(|(name, _)| text(name)).collect();
        let stored = storages.iter().map(|(_, elements)| counted(elements));
        Self {
            magic: pickle(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
            version: pickle(b"M\xe9\x03"),
            machine: pickle(&dict(&[("little_endian", b"\x88".to_vec())])),
            object: pickle(object),
            names: pickle(&list(&names)),
            storages: stored.collect::<Vec<_>>().concat(),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [
            &self.magic[..],
            &self.version,
            &self.machine,
            &self.object,
            &self.names,
            &self.storages,
        ]
        .concat()
    }
}

/// A list in a pickle.
pub(super) fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"](", &items.concat()[..], b"e"].concat()
}

/// A storage of floats after their count.
fn counted(elements: &[f32]) -> Vec<u8> {
    let count = elements.len() as u64;
    let floats = elements.iter().flat_map(|float| float.to_le_bytes());
    count.to_le_bytes().into_iter().chain(floats).collect()
}
