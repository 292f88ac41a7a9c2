//! IU X-Ray in the R2Gen layout: chest radiographs with reports, two images per study.

use std::path::Path;

use super::filter::{RawDataset, Recipe};
use super::image_finder::ImageFinder;
use super::inputs::folder_of;
use super::readers::read_tables;
use super::record::Record;
use super::row::Row;
use super::{DatasetError, Options, json};

pub(super) fn open(path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    let wanted = "annotation.json of IU X-Ray";
    let entries = read_tables(path, &[&["annotation.json"]], json::entries, wanted)?;
    Ok(RawDataset {
        entries,
        recipe: Box::new(IuXray {
            images: ImageFinder::new(&folder_of(path), options, &["images"])?,
        }),
        source: "IU X-Ray (Open-i, Indiana University)".to_owned(),
        licence: "CC BY-NC-ND 4.0",
        language: None,
    })
}

struct IuXray {
    images: ImageFinder,
}

impl Recipe for IuXray {
    fn rows(&mut self, record: &mut Record) -> Result<Vec<Row>, String> {
        let study = record.text("id")?;
        let images = self.images.of_value(record.take("image_path"))?;
        let mut row = Row::caption(images, record.text("report")?);
        row.study = study;
        row.tag("modality", "xr");
        row.tag("organ", "chest");
        row.tag("category", "report");
        Ok(vec![row])
    }

    fn language(&self, _: &Record) -> String {
        "en".to_owned()
    }
}
