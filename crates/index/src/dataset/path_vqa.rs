//! PathVQA: questions about pathology images, in pickles or Parquet.

use std::path::Path;

use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::{Input, Reader, chain, extension, files, folder_of, parquet_files};
use super::record::{Record, Value};
use super::row::Row;
use super::{DatasetError, Options, pickle, vocabulary};

pub(super) fn open(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let (inputs, reader) = find(path)?;
    if inputs.is_empty() {
        return Err(DatasetError::nothing("train_qa.pkl of PathVQA", path));
    }
    let folder = folder_of(path);
    let above = folder.parent().map(Path::to_path_buf).unwrap_or_default();
    // The published archive has `qas/train/train_qa.pkl` and `images/train/NAME.jpg`.
    let root = [&folder, &above, &above.join("..")]
        .into_iter()
        .find(|folder| folder.join("images").is_dir())
        .unwrap_or(&folder)
        .clone();
    Ok(RawDataset {
        entries: chain(inputs, reader)?,
        recipe: Box::new(PathVqa {
            images: ImageFinder::new(&root, options, &["images"])?,
        }),
        source: "PathVQA".to_owned(),
        licence: "MIT for the questions; images of textbooks and the PEIR library, rights not stated",
        language: None,
    })
}

fn find(path: &Path) -> Result<(Vec<Input>, Reader), DatasetError> {
    if path.is_file() || !path.exists() {
        let input = Input::new(path.to_path_buf());
        let reader: Reader = match extension(path).as_str() {
            "parquet" => super::parquet_reader::entries,
            _ => pickle::entries,
        };
        return Ok((vec![input], reader));
    }
    let mut inputs = files(path, |name| name.ends_with("_qa.pkl"))?;
    for split in ["train", "val", "test"] {
        let inner = path.join("qas").join(split).join(format!("{split}_qa.pkl"));
        if inner.is_file() {
            inputs.push(Input::new(inner));
        }
    }
    match inputs.is_empty() {
        true => Ok((parquet_files(path)?, super::parquet_reader::entries)),
        false => Ok((inputs, pickle::entries)),
    }
}

struct PathVqa {
    images: ImageFinder,
}

impl Recipe for PathVqa {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let split = self.split(record);
        let images = match record.take("image") {
            Value::Text(name) => vec![self.find_image(&name, &split)?],
            value => self.images.of_value(value)?,
        };
        let mut row = Row::new(images, record.text("question")?, record.text("answer")?);
        row.tag("modality", "pathology");
        if record.has("answer_type") {
            row.tag(
                "answer_type",
                &vocabulary::organ(&record.note("answer_type")),
            );
        }
        Ok(vec![row])
    }

    fn language(&self, _: &Record) -> String {
        "en".to_owned()
    }
}

impl PathVqa {
    /// Finds an image in the folder of its split, which may have a short name.
    fn find_image(&self, name: &str, split: &str) -> Result<super::ImageSource, String> {
        let folders = match split {
            "validation" => ["val", "validation"],
            "test" => ["test", "test"],
            _ => ["train", "train"],
        };
        let plain = self.images.find_stem(name);
        if plain.is_ok() {
            return plain;
        }
        let mut inner = folders
            .iter()
            .map(|folder| self.images.find_stem(&format!("{folder}/{name}")));
        inner.find(Result::is_ok).unwrap_or(plain)
    }
}
