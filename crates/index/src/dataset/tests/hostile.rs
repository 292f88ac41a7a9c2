//! For arbitrary input, every format gives rows, rejections or an error, never a panic.

use proptest::prelude::*;

use super::*;

/// Each format with a file name, and the start of a file that passes its first checks.
const FORMATS: [(Format, &str, &str); 14] = [
    (
        Format::VqaRad,
        "trainset.json",
        "[{\"image_name\":\"a.jpg\",",
    ),
    (
        Format::Slake,
        "train.json",
        "[{\"img_name\":\"a.jpg\",\"triple\":[",
    ),
    (Format::VqaMed2019, "All_QA_Pairs_train.txt", "a|q|x\na|"),
    (Format::PathVqa, "train_qa.pkl", "\u{4}](}("),
    (
        Format::PmcVqa,
        "train.csv",
        "Figure_path,Question,Answer,Choice A,Answer_label\na.jpg,q,",
    ),
    (
        Format::PmcOa,
        "pmc_oa.jsonl",
        "{\"image\":\"a.jpg\",\"caption\":\"",
    ),
    (Format::Roco, "captions.txt", "a\t"),
    (Format::RocoV2, "train_captions.csv", "ID,Caption\na,"),
    (
        Format::IuXray,
        "annotation.json",
        "{\"train\":[{\"image_path\":[\"a.jpg\"],",
    ),
    (Format::Folder, "t.csv", "image,question,answer\na.jpg,"),
    (
        Format::Folder,
        "t.json",
        "[{\"image\":\"a.jpg\",\"question\":",
    ),
    (Format::Interleaved, "d.md", "<image:a.jpg> ![x](a.jpg)"),
    (
        Format::Interleaved,
        "d.jsonl",
        "{\"images\":[\"a.jpg\"],\"text\":\"<image>",
    ),
    (Format::Parquet, "x.parquet", "PAR1"),
];

/// Reads everything. There is one item per input row, so their number is bounded by the length of the input.
fn exhaust(format: Format, name: &str, bytes: &[u8]) {
    let folder = Folder::new(&[("a.jpg", "x")]);
    let path = folder.write(name, bytes);
    let options = Options {
        language: Some("all".to_owned()),
        ..Options::default()
    };
    if let Ok(dataset) = open(format, &path, &options) {
        let items = dataset.items.take(bytes.len() + 2).count();
        assert!(items <= bytes.len() + 1, "{format:?} has {items} items");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (format, name, _) in FORMATS {
            exhaust(format, name, &bytes);
        }
    }

    #[test]
    fn a_valid_start_followed_by_anything_never_panics(tail in "[\\[\\]{}\",:|\\\\()<>!.a-c0-9\\n\\t;é\u{FFFC}=]{0,80}") {
        for (format, name, beginning) in FORMATS {
            exhaust(format, name, format!("{beginning}{tail}").as_bytes());
        }
    }

    #[test]
    fn a_damaged_parquet_file_never_panics(at in 0_usize..4000, byte in any::<u8>()) {
        let mut file = parquet_files::small_file();
        let length = file.len();
        file[at % length] = byte;
        exhaust(Format::Parquet, "x.parquet", &file);
    }

    #[test]
    fn a_pickle_of_arbitrary_instructions_never_panics(tail in proptest::collection::vec(
        prop_oneof![Just(b']'), Just(b'}'), Just(b'('), Just(b'e'), Just(b'u'), Just(b's'), Just(b'a'), Just(b'2'), Just(b't'),
            Just(b'N'), Just(b'.'), Just(0x94), Just(b'h'), Just(0_u8), Just(0x85), Just(b'K'), Just(0x8a)], 0..60)) {
        let mut pickle = b"\x80\x04]".to_vec();
        pickle.extend(tail);
        pickle.push(b'.');
        exhaust(Format::PathVqa, "train_qa.pkl", &pickle);
    }
}
