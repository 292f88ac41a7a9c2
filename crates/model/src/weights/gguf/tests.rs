//! Hostile and damaged files built by hand. `tests/gguf.rs` reads golden ones.

use super::*;

#[derive(Default)]
struct GgufBuilder {
    pairs: Vec<u8>,
    pair_count: u64,
    infos: Vec<u8>,
    info_count: u64,
    data: Vec<u8>,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

impl GgufBuilder {
    fn pair(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.pairs
            .extend([&text(key)[..], &kind.to_le_bytes(), value].concat());
        self.pair_count += 1;
        self
    }

    /// `shape` from the innermost axis.
    fn tensor(mut self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Self {
        self.infos.extend(text(name));
        self.infos.extend((shape.len() as u32).to_le_bytes());
        for size in shape {
            self.infos.extend(size.to_le_bytes());
        }
        self.infos.extend(kind.to_le_bytes());
        self.infos.extend(offset.to_le_bytes());
        self.info_count += 1;
        self
    }

    fn data(mut self, length: usize) -> Self {
        self.data = vec![0; length];
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF\x03\0\0\0".to_vec();
        out.extend(self.info_count.to_le_bytes());
        out.extend(self.pair_count.to_le_bytes());
        out.extend(&self.pairs);
        out.extend(&self.infos);
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(&self.data);
        out
    }

    fn open(&self) -> Result<GgufFile, WeightError> {
        GgufFile::from_bytes("a.gguf", self.bytes())
    }

    fn refused(&self) -> String {
        match self.open() {
            Ok(_) => panic!("the file was accepted"),
            Err(error) => error.to_string(),
        }
    }
}

fn good() -> GgufBuilder {
    GgufBuilder::default()
        .pair("general.architecture", 8, &text("llama"))
        .tensor("a", &[4, 2], 0, 0)
        .tensor("b", &[32], 8, 32)
        .data(66)
}

#[test]
fn a_good_file_gives_its_tensors_and_values() {
    let list = [
        &8_u32.to_le_bytes()[..],
        &2_u64.to_le_bytes(),
        &text("x"),
        &text(""),
    ]
    .concat();
    let file = good()
        .pair("eps", 6, &1e-6_f32.to_le_bytes())
        .pair("words", 9, &list)
        .pair("layers", 4, &7_u32.to_le_bytes())
        .pair("flag", 7, &[1])
        .open()
        .unwrap();
    let names: Vec<&str> = file.tensors().iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(file.tensors()[0].shape, [2, 4]);
    assert_eq!(file.read(0).unwrap().dims(), [2, 4]);
    assert_eq!(file.bytes(1).unwrap().len(), 34);
    assert_eq!(file.value("eps").and_then(Value::number), Some(1e-6));
    assert!(matches!(file.value("words"), Some(Value::List(_))));
    let words = file.texts("words").unwrap();
    assert_eq!(words, Some(vec!["x".to_string(), String::new()]));
    assert_eq!(file.integers("words").unwrap(), None);
    assert_eq!(file.texts("layers").unwrap(), None);
    assert_eq!(file.value("layers").and_then(Value::whole), Some(7));
    assert_eq!(file.value("flag").and_then(Value::flag), Some(true));
    let architecture = file.value("general.architecture");
    assert_eq!(architecture.and_then(Value::text), Some("llama"));
    assert!(file.read(2).is_err());
}

/// Bundles use the same reader. Candle's would divide by the alignment.
#[test]
fn a_zero_alignment_is_refused_in_a_bundle_too() {
    assert_eq!(crate::load::check_gguf(&good().bytes()).unwrap(), 2);
    let absurd = good().pair("general.alignment", 4, &0_u32.to_le_bytes());
    let error = crate::load::check_gguf(&absurd.bytes()).unwrap_err();
    assert!(error.to_string().contains("alignment"), "{error}");
}

#[test]
fn truncated_files_are_refused() {
    let whole = good().bytes();
    for length in 0..whole.len() {
        let cut = GgufFile::from_bytes("cut.gguf", whole[..length].to_vec());
        assert!(cut.is_err(), "{length} bytes");
    }
}

#[test]
fn absurd_counts_are_refused_before_memory_is_allocated() {
    for (at, what) in [(8, "tensors"), (16, "entries of metadata")] {
        let mut bytes = good().bytes();
        bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        let error = GgufFile::from_bytes("a.gguf", bytes).err().unwrap();
        assert!(error.to_string().contains(what), "{error}");
    }
    let many = [&4_u32.to_le_bytes()[..], &(u64::MAX / 2).to_le_bytes()].concat();
    assert!(
        good()
            .pair("list", 9, &many)
            .refused()
            .contains("ends early")
    );
    let texts = [&8_u32.to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat();
    assert!(
        good()
            .pair("list", 9, &texts)
            .refused()
            .contains("ends early")
    );
    let long = (1_u64 << 40).to_le_bytes();
    assert!(
        good()
            .pair("text", 8, &long)
            .refused()
            .contains("ends early")
    );
    let name = good().pair(&"n".repeat(300), 7, &[1]);
    assert!(name.refused().contains("a name of 300 bytes"));
}

#[test]
fn deeply_nested_lists_are_refused() {
    let mut nested = Vec::new();
    for _ in 0..1000 {
        nested.extend([&9_u32.to_le_bytes()[..], &1_u64.to_le_bytes()].concat());
    }
    assert!(
        good()
            .pair("list", 9, &nested)
            .refused()
            .contains("nested too deeply")
    );
}

#[test]
fn tensors_outside_the_file_overlapping_or_with_equal_names_are_refused() {
    let far = GgufBuilder::default()
        .tensor("a", &[8], 0, 1 << 40)
        .data(64);
    assert!(far.refused().contains("tensor a: it is outside the file"));
    let end = GgufBuilder::default()
        .tensor("a", &[8], 0, u64::MAX - 31)
        .data(64);
    assert!(end.refused().contains("outside the file"));
    let large = GgufBuilder::default()
        .tensor("a", &[1 << 40, 1 << 40], 0, 0)
        .data(64);
    assert!(large.refused().contains("absurd shape"));
    let upon = GgufBuilder::default()
        .tensor("a", &[16], 0, 0)
        .tensor("b", &[8], 0, 32)
        .data(64);
    assert!(upon.refused().contains("the tensors a and b overlap"));
    let twice = GgufBuilder::default()
        .tensor("a", &[8], 0, 0)
        .tensor("a", &[8], 0, 32)
        .data(64);
    assert!(twice.refused().contains("two tensors are called a"));
    let odd = GgufBuilder::default().tensor("a", &[8], 0, 8).data(64);
    assert!(odd.refused().contains("not aligned"));
    let keys = good().pair("k", 7, &[1]).pair("k", 7, &[0]);
    assert!(keys.refused().contains("two entries are called k"));
    for shape in [&[0][..], &[1, 1, 1, 1, 1], &[]] {
        assert!(
            GgufBuilder::default()
                .tensor("a", shape, 0, 0)
                .open()
                .is_err()
        );
    }
}

#[test]
fn unsupported_types_and_versions_are_named() {
    let error = GgufBuilder::default()
        .tensor("a", &[256], 23, 0)
        .data(256)
        .refused();
    assert!(
        error.contains("a has type IQ4_XS, which is not supported"),
        "{error}"
    );
    let error = GgufBuilder::default()
        .tensor("a", &[256], 777, 0)
        .data(256)
        .refused();
    assert!(error.contains("a has type 777"), "{error}");
    let error = GgufBuilder::default()
        .tensor("a", &[100], 12, 0)
        .data(256)
        .refused();
    assert!(error.contains("whole number of blocks"), "{error}");
    for (version, words) in [
        (1_u32, "version 1"),
        (3 << 24, "big-endian"),
        (9, "version 9"),
    ] {
        let mut bytes = good().bytes();
        bytes[4..8].copy_from_slice(&version.to_le_bytes());
        let error = GgufFile::from_bytes("a.gguf", bytes).err().unwrap();
        assert!(error.to_string().contains(words), "{error}");
    }
    for alignment in [0_u32, 3, 1 << 20] {
        let built = good().pair("general.alignment", 4, &alignment.to_le_bytes());
        assert!(built.refused().contains("alignment"));
    }
}

#[test]
fn names_are_cleaned_in_messages() {
    let built = GgufBuilder::default()
        .tensor("a\u{1b}[31m", &[8], 0, 0)
        .tensor("a\u{1b}[31m", &[8], 0, 32)
        .data(64);
    assert!(!built.refused().contains('\u{1b}'));
}
