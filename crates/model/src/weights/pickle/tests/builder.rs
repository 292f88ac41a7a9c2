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
    let storage = [
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(key),
        text("cpu"),
        int(stored),
    ];
    let storage = [tuple(&storage), b"Q".to_vec()].concat();
    let parts = [
        storage,
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
