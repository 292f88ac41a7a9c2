//! Parquet files as published: images as pairs of bytes and path.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

const SCHEMA: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (UTF8); }
    optional binary question (UTF8);
    optional binary answer (UTF8);
    optional int64 grade;
}";

/// A file of `rows` rows in groups of `group`; the third row has an empty image.
fn file_of(rows: usize, group: usize, compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for start in (0..rows).step_by(group) {
        let numbers = start..rows.min(start + group);
        let texts = |make: &dyn Fn(usize) -> String| -> Vec<ByteArray> {
            numbers
                .clone()
                .map(|number| ByteArray::from(make(number).into_bytes()))
                .collect()
        };
        let columns = [
            texts(&|number| {
                if number == 2 {
                    String::new()
                } else {
                    format!("image {number}")
                }
            }),
            texts(&|number| format!("{number}.jpg")),
            texts(&|number| format!("question {number}")),
            texts(&|number| format!("answer {number}")),
        ];
        let mut written = file.next_row_group().unwrap();
        for (column, values) in columns.into_iter().enumerate() {
            let inner = if column < 2 { 2 } else { 1 };
            let levels = vec![inner; values.len()];
            let mut writer = written.next_column().unwrap().unwrap();
            writer
                .typed::<ByteArrayType>()
                .write_batch(&values, Some(&levels), None)
                .unwrap();
            writer.close().unwrap();
        }
        let numbers: Vec<i64> = numbers.map(|number| number as i64).collect();
        let mut writer = written.next_column().unwrap().unwrap();
        writer
            .typed::<Int64Type>()
            .write_batch(&numbers, Some(&vec![1; numbers.len()]), None)
            .unwrap();
        writer.close().unwrap();
        written.close().unwrap();
    }
    file.into_inner().unwrap()
}

/// A small file, for the tests of hostile input.
pub(super) fn small_file() -> Vec<u8> {
    file_of(5, 3, Compression::SNAPPY)
}

#[test]
fn parquet_files_of_a_folder_are_read_in_order_across_row_groups() {
    let folder = Folder::new(&[]);
    folder.write(
        "data/train-00000-of-00002.parquet",
        &file_of(10, 4, Compression::SNAPPY),
    );
    folder.write(
        "data/train-00001-of-00002.parquet",
        &file_of(2, 2, Compression::UNCOMPRESSED),
    );
    folder.write(
        "data/validation-00000-of-00001.parquet",
        &file_of(1, 1, Compression::GZIP(Default::default())),
    );
    let dataset = open(Format::Parquet, folder.path(), &Options::default()).unwrap();
    assert_eq!(dataset.total, Some(13));
    let read = Read::of(dataset);
    assert_eq!(read.rows.len(), 12);
    assert_eq!(read.reasons(), ["the image is empty"]);
    assert!(read.error.is_none());
    assert_eq!(read.rows[8].answer, "answer 9");
    assert_eq!(
        read.rows[8].images,
        [ImageSource::Bytes {
            name: "9.jpg".to_owned(),
            bytes: b"image 9".to_vec()
        }]
    );
    assert_eq!(tag(&read.rows[8], "grade"), "9");
    assert_eq!(tag(&read.rows[8], "split"), "train");
    assert_eq!(tag(&read.rows[11], "split"), "validation");
    for format in [Format::VqaRad, Format::PathVqa, Format::Slake] {
        assert_eq!(plain(format, folder.path()).rows.len(), 12, "{format:?}");
    }
}

/// A file of one row with a list of `count` images that all refer to the same dictionary entry.
fn repeated(count: usize, content: &[u8]) -> Vec<u8> {
    let schema = "message schema {
        required group image (LIST) { repeated group list { required binary element; } }
        required binary question (UTF8);
        required binary answer (UTF8);
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    let one = ByteArray::from(content.to_vec());
    let columns = [vec![one; count], vec!["q".into()], vec!["a".into()]];
    for (column, values) in columns.iter().enumerate() {
        let levels: Vec<i16> = (0..values.len()).map(|at| i16::from(at > 0)).collect();
        let (defined, repeated) = (vec![1; values.len()], levels);
        let levels = (column == 0).then_some((&defined[..], &repeated[..]));
        let mut writer = group.next_column().unwrap().unwrap();
        writer
            .typed::<ByteArrayType>()
            .write_batch(values, levels.map(|l| l.0), levels.map(|l| l.1))
            .unwrap();
        writer.close().unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[test]
fn one_value_referenced_many_times_is_not_copied_without_limit() {
    let folder = Folder::new(&[]);
    let content = vec![7_u8; 500 << 10];
    let path = folder.write("few.parquet", &repeated(12, &content));
    assert_eq!(plain(Format::Parquet, &path).rows[0].images.len(), 12);
    let path = folder.write("bomb.parquet", &repeated(4000, &content));
    assert!(std::fs::metadata(&path).unwrap().len() < 2 << 20);
    let read = plain(Format::Parquet, &path);
    let reasons = read.reasons();
    assert!(
        reasons.len() == 1 && reasons[0].contains("larger than"),
        "{reasons:?}"
    );
}

#[test]
fn an_unsupported_codec_is_named() {
    // Writing such a file would need the codec, so change the bytes that could mean Snappy to Zstandard, one at a time.
    let folder = Folder::new(&[]);
    let whole = file_of(1, 1, Compression::SNAPPY);
    let [snappy, zstandard] = [2_u8, 12];
    let errors: Vec<String> = (0..whole.len())
        .filter(|at| whole[*at] == snappy)
        .filter_map(|at| {
            let mut changed = whole.clone();
            changed[at] = zstandard;
            let path = folder.write("x.parquet", &changed);
            open(Format::Parquet, &path, &Options::default()).err()
        })
        .map(|error| error.to_string())
        .collect();
    let named = "x.parquet: column question is compressed with Zstandard; only Snappy, gzip and no compression are supported";
    assert!(errors.iter().any(|error| error == named), "{errors:?}");
}

#[test]
fn opening_a_truncated_file_or_one_that_is_not_parquet_fails() {
    let folder = Folder::new(&[]);
    let whole = small_file();
    for content in [
        &b""[..],
        b"PAR1",
        b"PAR1\xff\xff\xff\xffPAR1",
        &whole[..whole.len() - 1],
    ] {
        let path = folder.write("x.parquet", content);
        assert!(open(Format::Parquet, &path, &Options::default()).is_err());
    }
}
