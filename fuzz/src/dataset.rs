//! Reads input as each data set format. Both the fuzz targets and `tests/dataset_corpus.rs` call these functions.

use rounds_index::dataset::{Format, Item, Options, open};

/// Reads `data` as a JSON list, or an object of lists.
pub fn json(data: &[u8]) {
    for format in [
        Format::IuXray,
        Format::VqaRad,
        Format::Slake,
        Format::Folder,
    ] {
        read(format, "annotation.json", data);
    }
}

/// Reads `data` as JSON Lines.
pub fn lines(data: &[u8]) {
    for format in [Format::PmcOa, Format::Interleaved] {
        read(format, "lines.jsonl", data);
    }
}

/// Reads `data` as a comma-separated and as a tab-separated table.
pub fn table(data: &[u8]) {
    read(Format::PmcVqa, "test.csv", data);
    read(Format::RocoV2, "train_captions.csv", data);
    read(Format::Folder, "table.tsv", data);
}

/// Reads `data` as lines with separated fields.
pub fn text(data: &[u8]) {
    read(Format::VqaMed2019, "All_QA_Pairs_train.txt", data);
    read(Format::Roco, "captions.txt", data);
}

/// Reads `data` as a document with image placeholders.
pub fn document(data: &[u8]) {
    read(Format::Interleaved, "case.md", data);
}

/// Reads `data` as a pickle of questions.
pub fn pickle(data: &[u8]) {
    read(Format::PathVqa, "train_qa.pkl", data);
}

/// Reads `data` as a Parquet file.
pub fn parquet(data: &[u8]) {
    read(Format::Parquet, "train.parquet", data);
}

/// Reads all rows of a file called `name`, in a folder with one image called `a.jpg`.
fn read(format: Format, name: &str, data: &[u8]) {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("a.jpg"), b"x").expect("image written");
    let path = folder.path().join(name);
    std::fs::write(&path, data).expect("input written");
    let options = Options {
        language: Some("all".to_owned()),
        ..Options::default()
    };
    let Ok(dataset) = open(format, &path, &options) else {
        return;
    };
    let max_rows = data.len().saturating_add(1);
    let mut count = 0;
    for item in dataset.items {
        count += 1;
        assert!(count <= max_rows, "more rows than bytes");
        if let Ok(Item::Row(row)) = item {
            let placeholders = row.question.matches('\u{FFFC}').count();
            assert!(placeholders == 0 || placeholders == row.images.len());
            assert!(!row.images.is_empty() && !row.answer.trim().is_empty());
        }
    }
}
