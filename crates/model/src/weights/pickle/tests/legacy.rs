//! Files of PyTorch before 1.6 built by hand: sound ones, and those whose parts contradict each other.

use super::super::TorchFile;
use super::builder::{
    LegacyFile, archive, dict, int, legacy_tensor, list, pickle, rebuilt, storage, tensor, text,
    tuple,
};
use crate::weights::{Dtype, WeightError};

/// All of a storage, not a view.
const WHOLE: &[u8] = b"N";

fn open(file: &LegacyFile) -> Result<TorchFile, WeightError> {
    TorchFile::from_bytes("x.pth", file.bytes())
}

#[track_caller]
fn refused(file: &LegacyFile, words: &str) {
    let error = open(file)
        .err()
        .map_or_else(String::new, |error| error.to_string());
    assert!(error.contains(words), "{error:?} without {words:?}");
}

/// Two tensors in the storage called 12, which comes second, and one in that called 11.
fn sound() -> LegacyFile {
    let object = dict(&[
        ("all", legacy_tensor("12", 3, WHOLE, 0, 3)),
        ("end", legacy_tensor("12", 3, WHOLE, 1, 2)),
        ("one", legacy_tensor("11", 1, WHOLE, 0, 1)),
    ]);
    LegacyFile::new(&object, &[("11", &[0.5]), ("12", &[1.0, 2.0, 3.0])])
}

/// One tensor in a storage of two.
fn single(tensor: &[u8]) -> LegacyFile {
    LegacyFile::new(&dict(&[("w", tensor.to_vec())]), &[("7", &[1.0, 2.0])])
}

fn view(start: i64, elements: i64) -> Vec<u8> {
    tuple(&[text("8"), int(start), int(elements)])
}

#[track_caller]
fn floats(file: &TorchFile, index: usize) -> Vec<f32> {
    let bytes = file.read(index).unwrap();
    let (floats, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty());
    floats.iter().copied().map(f32::from_le_bytes).collect()
}

#[test]
fn a_file_from_before_version_1_6_is_read() {
    let file = open(&sound()).unwrap();
    let found: Vec<_> = file
        .tensors()
        .iter()
        .map(|info| (info.name.as_str(), info.dtype, info.shape.as_slice()))
        .collect();
    let expected = [
        ("all", Dtype::F32, &[3_usize][..]),
        ("end", Dtype::F32, &[2]),
        ("one", Dtype::F32, &[1]),
    ];
    assert_eq!(found, expected);
    assert_eq!(floats(&file, 0), [1.0, 2.0, 3.0]);
    assert_eq!(floats(&file, 1), [2.0, 3.0]);
    assert_eq!(floats(&file, 2), [0.5]);
}

#[test]
fn parameters_views_and_short_descriptions_of_storages_are_read() {
    let parameter = [
        b"ctorch._utils\n_rebuild_parameter\n",
        &tuple(&[
            legacy_tensor("7", 2, WHOLE, 0, 2),
            b"\x88".to_vec(),
            b"}".to_vec(),
        ])[..],
        b"R",
    ];
    assert_eq!(
        floats(&open(&single(&parameter.concat())).unwrap(), 0),
        [1.0, 2.0]
    );
    let part = legacy_tensor("7", 2, &view(1, 1), 0, 1);
    assert_eq!(floats(&open(&single(&part)).unwrap(), 0), [2.0]);
    let short = tensor("7", 2, 1, 1);
    assert_eq!(floats(&open(&single(&short)).unwrap(), 0), [2.0]);
}

#[test]
fn files_without_tensors_and_with_unused_storages_are_read() {
    let file = open(&LegacyFile::new(b"}", &[])).unwrap();
    assert!(file.tensors().is_empty());
    let untyped = [
        text("storage"),
        b"ctorch.storage\nUntypedStorage\n".to_vec(),
        text("7"),
        text("cpu"),
        int(8),
        WHOLE.to_vec(),
    ];
    let mut file = LegacyFile::new(&[tuple(&untyped), b"Q".to_vec()].concat(), &[("7", &[])]);
    file.storages = [&8_u64.to_le_bytes()[..], &[0; 8]].concat();
    assert!(open(&file).unwrap().tensors().is_empty());
}

#[test]
fn truncated_files_are_refused() {
    let whole = sound().bytes();
    for length in 0..whole.len() {
        let cut = TorchFile::from_bytes("x.pth", whole[..length].to_vec());
        assert!(cut.is_err(), "{length} bytes");
    }
    let cut = |length: usize| {
        let cut = TorchFile::from_bytes("x.pth", whole[..length].to_vec());
        cut.err().unwrap().to_string()
    };
    for (length, words) in [
        (whole.len() - 1, "ends within the storage 12"),
        (whole.len() - 13, "ends within the storage 12"),
        (whole.len() - 21, "ends within the storage 11"),
        (whole.len() - 33, "ends within the list of storages"),
        (200, "ends within the saved object"),
        (22, "ends within the description of the machine"),
        (16, "ends within the version"),
    ] {
        let error = cut(length);
        assert!(error.contains(words), "{length} bytes: {error}");
        assert!(error.contains("download it again"), "{error}");
    }
}

#[test]
fn a_view_that_leaves_its_storage_is_refused() {
    for (offset, size) in [(0, 3), (1, 2), (2, 1), (i64::MAX, 1)] {
        let beyond = legacy_tensor("7", 2, WHOLE, offset, size);
        refused(&single(&beyond), "beyond its storage");
    }
    refused(
        &single(&legacy_tensor("7", 2, WHOLE, -1, 1)),
        "before its storage",
    );
    for (start, elements) in [
        (0, 3),
        (1, 2),
        (3, 0),
        (-1, 1),
        (0, -1),
        (i64::MAX, 1),
        (1, i64::MAX),
        (i64::MAX, i64::MAX),
    ] {
        let beyond = legacy_tensor("7", 2, &view(start, elements), 0, 1);
        refused(&single(&beyond), "a view that leaves the storage");
    }
    // The view is inside, but the tensor is not inside the view.
    let beyond = legacy_tensor("7", 2, &view(1, 1), 0, 2);
    refused(&single(&beyond), "beyond its storage");
    for bad in [&b"\x88"[..], b")", b"}"] {
        refused(
            &single(&legacy_tensor("7", 2, bad, 0, 1)),
            "a view of a storage",
        );
    }
}

#[test]
fn counts_that_differ_from_the_description_are_refused() {
    for stored in [1, 3, 0, -1, i64::MAX] {
        let other = legacy_tensor("7", stored, WHOLE, 0, 1);
        refused(
            &single(&other),
            &format!("is to have {stored} elements, but has 2"),
        );
    }
    for count in [0_u64, 1, 3, u64::MAX] {
        let mut file = single(&legacy_tensor("7", 2, WHOLE, 0, 1));
        file.storages[..8].copy_from_slice(&count.to_le_bytes());
        refused(&file, "is to have 2 elements, but has");
    }
    // The same absurd count in both places.
    for (count, words) in [
        (-1, "has an invalid length"),
        (i64::MAX, "has an invalid length"),
        (i64::MAX / 4, "ends within the storage 7"),
        (3, "ends within the storage 7"),
        (1, "its last storage ends at byte"),
    ] {
        let mut file = single(&legacy_tensor("7", count, WHOLE, 0, 1));
        file.storages[..8].copy_from_slice(&count.to_le_bytes());
        refused(&file, words);
    }
    let mut longer = sound();
    longer.storages.push(0);
    refused(&longer, "its last storage ends at byte");
}

#[test]
fn a_storage_is_listed_once_and_described_in_one_way() {
    let mut file = sound();
    file.names = pickle(&list(&[text("11")]));
    refused(&file, "its last storage ends at byte");
    file.storages.truncate(12);
    refused(&file, "the storage 12 is not in the list");
    file.names = pickle(&list(&[text("11"), text("13")]));
    refused(&file, "nothing is known about the storage 13");
    let mut file = sound();
    file.names = pickle(&list(&[text("11"), text("11")]));
    file.storages = [&file.storages[..12], &file.storages[..12]].concat();
    refused(&file, "the storage 11 is listed twice");
    file.names = pickle(b"}");
    refused(&file, "no list of its storages");
    file.names = pickle(&list(&[int(11)]));
    refused(&file, "not a text");
    let mut file = sound();
    file.names = pickle(&list(&vec![b"N".to_vec(); (1 << 17) + 1]));
    refused(&file, "131073 storages");

    let mut whole_numbers = storage("7", 2);
    whole_numbers[1] = b"ctorch\nIntStorage\n".to_vec();
    for other in [
        legacy_tensor("7", 3, WHOLE, 0, 1),
        rebuilt(&whole_numbers, 0, 1),
    ] {
        let object = dict(&[("a", legacy_tensor("7", 2, WHOLE, 0, 1)), ("b", other)]);
        let file = LegacyFile::new(&object, &[("7", &[1.0, 2.0])]);
        refused(&file, "the storage 7 is described in two ways");
    }
    let mut complex = storage("7", 2);
    complex[1] = b"ctorch\nComplexFloatStorage\n".to_vec();
    let object = [tuple(&complex), b"Q".to_vec()].concat();
    let file = LegacyFile::new(&object, &[("7", &[1.0, 2.0])]);
    refused(&file, "elements of an unsupported type");
}

#[test]
fn a_wrong_magic_number_version_or_machine_is_refused() {
    let mut file = sound();
    file.magic[5] ^= 1;
    refused(&file, "without PyTorch's magic number");
    // The magic number in a text, and after another pickle.
    let magic = sound().magic;
    file.magic = pickle(&[b"U\x0c", &magic[2..14]].concat());
    refused(&file, "does not begin with PyTorch's magic number");
    file.magic = [pickle(b"N"), magic].concat();
    refused(&file, "does not begin with PyTorch's magic number");
    for version in [&b"M\xea\x03"[..], b"N", b"]"] {
        let mut file = sound();
        file.version = pickle(version);
        refused(&file, "save it again with a newer PyTorch");
    }
    for (machine, words) in [
        (&b"N"[..], "does not describe the machine"),
        (b"}", "its byte order is unknown"),
        (
            &dict(&[("little_endian", b"N".to_vec())]),
            "its byte order is unknown",
        ),
        (
            &dict(&[("little_endian", b"\x89".to_vec())]),
            "big-endian machine",
        ),
    ] {
        let mut file = sound();
        file.machine = pickle(machine);
        refused(&file, words);
    }
}

#[test]
fn code_in_any_of_the_pickles_is_refused() {
    let hostile = b"cos\nsystem\nX\x02\x00\x00\x00ls\x85R0";
    type Part = fn(&mut LegacyFile) -> &mut Vec<u8>;
    let changes: [(Part, &str); 5] = [
        (|file| &mut file.magic, "the magic number, byte 2:"),
        (|file| &mut file.version, "the version, byte 2:"),
        (
            |file| &mut file.machine,
            "the description of the machine, byte 2:",
        ),
        (|file| &mut file.object, "the saved object, byte 2:"),
        (|file| &mut file.names, "the list of storages, byte 2:"),
    ];
    for (part, words) in changes {
        let mut file = sound();
        drop(part(&mut file).splice(2..2, hostile.iter().copied()));
        let error = open(&file).err().unwrap();
        assert!(matches!(error, WeightError::Hostile { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_whole_model_with_its_classes_is_refused_with_what_to_do() {
    let class = [
        text("module"),
        b"ctorchvision.models\nResNet\n".to_vec(),
        text("resnet.py"),
        text("class ResNet: ..."),
    ];
    let model = [tuple(&class), b"Q)\x81}b".to_vec()].concat();
    refused(
        &LegacyFile::new(&model, &[]),
        "save its state_dict() with torch.save",
    );
}

#[test]
fn an_archive_has_no_views() {
    let object = pickle(&dict(&[("w", legacy_tensor("0", 2, WHOLE, 0, 2))]));
    let zipped = archive(&[("x/data.pkl", &object), ("x/data/0", &[0; 8])]);
    let error = TorchFile::from_bytes("x.pt", zipped).err().unwrap();
    assert!(
        error.to_string().contains("a storage without tag"),
        "{error}"
    );
}

#[test]
fn a_pickle_longer_than_the_part_read_first_is_read() {
    let long = text(&"x".repeat(3 << 20));
    let object = dict(&[("note", long), ("w", legacy_tensor("7", 2, WHOLE, 0, 2))]);
    let file = LegacyFile::new(&object, &[("7", &[1.0, 2.0])]);
    assert_eq!(floats(&open(&file).unwrap(), 0), [1.0, 2.0]);
}

#[cfg(unix)]
#[test]
fn a_pickle_without_an_end_and_storages_beyond_four_gibibytes_stay_on_the_disk() {
    use std::io::{Seek, SeekFrom, Write};

    // The files are sparse: they take a few blocks on disk.
    const FLOATS: i64 = 5 << 28;
    let mut endless = LegacyFile::new(b"", &[]);
    endless.object = b"\x80\x02\x8d\x00\x00\x00\x00\x01\x00\x00\x00".to_vec();
    endless.names.clear();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&endless.bytes()).unwrap();
    file.as_file().set_len(5 << 30).unwrap();
    let error = TorchFile::open(file.path()).err().unwrap();
    assert!(matches!(error, WeightError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("64 MiB"), "{error}");

    let object = dict(&[
        ("far", legacy_tensor("1", FLOATS, WHOLE, FLOATS - 2, 2)),
        ("behind", legacy_tensor("2", 1, WHOLE, 0, 1)),
    ]);
    let mut large = LegacyFile::new(&object, &[("1", &[]), ("2", &[])]);
    large.storages = FLOATS.to_le_bytes().to_vec();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&large.bytes()).unwrap();
    file.seek(SeekFrom::Current(4 * FLOATS - 8)).unwrap();
    let tail = [
        &[1_u8, 2, 3, 4, 5, 6, 7, 8][..],
        &1_u64.to_le_bytes(),
        b"last",
    ];
    file.write_all(&tail.concat()).unwrap();
    let opened = TorchFile::open(file.path()).unwrap();
    assert_eq!(opened.read(0).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(opened.read(1).unwrap(), b"last");
}
