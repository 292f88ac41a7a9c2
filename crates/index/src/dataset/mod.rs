//! Readers that turn published data sets into a stream of rows for an example index.
//!
//! A data set is read in two steps. A source (`json`, `jsonl`, `table`, `text`, `pickle`, `parquet_reader`) parses a file
//! format into records of named fields. A recipe (one file per data set) knows what the fields mean and turns records into
//! rows. Every input row becomes exactly one [`Item`]: nothing is dropped silently, and guesses are tagged as such. Only one
//! record is in memory at a time. Input is untrusted: never follow a name out of the given folder, never allocate by a size
//! given in a file, never panic on content.

mod column_check;
mod error;
mod exported;
mod filter;
mod fold;
mod general;
mod image_finder;
mod inputs;
mod interleaved;
mod iu_xray;
mod json;
mod jsonl;
mod parquet_reader;
mod path_vqa;
mod pickle;
mod pmc;
mod readers;
mod record;
mod roco;
mod row;
mod scans;
mod slake;
mod table;
mod text;
mod vocabulary;
mod vqa_med;
mod vqa_rad;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rounds_support::Cancel;

pub use error::DatasetError;
pub use fold::Fold;
pub use row::{DERIVED_QUESTION, ImageSource, Row};

use filter::{RawDataset, Rows};

/// The result of one input row.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A worked example.
    Row(Box<Row>),
    /// A row that cannot be used.
    Rejected {
        /// Where the row is in the input.
        origin: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A row of another language or split than requested, counted separately.
    Filtered {
        /// Where the row is in the input.
        origin: String,
        /// Why it was filtered out.
        reason: String,
    },
}

/// The published formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Format {
    /// VQA-RAD: the original JSON, the expanded `trainset.json`, or Parquet.
    VqaRad,
    /// SLAKE: JSON with boxes and a knowledge graph, or Parquet.
    Slake,
    /// ImageCLEF VQA-Med 2019: text files of `image|question|answer`.
    #[cfg_attr(feature = "clap", value(name = "vqa-med-2019"))]
    #[serde(rename = "vqa-med-2019")]
    VqaMed2019,
    /// PathVQA: pickles of questions, or Parquet.
    #[cfg_attr(feature = "clap", value(name = "pathvqa"))]
    #[serde(rename = "pathvqa")]
    PathVqa,
    /// PMC-VQA, both versions: CSV with choices, or Parquet.
    PmcVqa,
    /// PMC-OA: JSON Lines of images and captions.
    PmcOa,
    /// ROCO: tab-separated captions, keywords and licences, or Parquet.
    Roco,
    /// ROCOv2: CSV captions and concepts, or Parquet.
    #[cfg_attr(feature = "clap", value(name = "rocov2"))]
    #[serde(rename = "rocov2")]
    RocoV2,
    /// IU X-Ray in the R2Gen layout: `annotation.json`, images by study.
    #[cfg_attr(feature = "clap", value(name = "iu-xray"))]
    IuXray,
    /// A folder of images with a CSV, TSV, JSON or JSON Lines table.
    Folder,
    /// Documents of text with embedded images: JSON Lines, Markdown or plain text.
    Interleaved,
    /// Any Parquet file with images in it or next to it.
    Parquet,
    /// A folder, zip or file of DICOM, NIfTI or NRRD scans, with or without a table of questions.
    #[cfg_attr(feature = "clap", value(aliases = ["nifti", "nrrd"]))]
    Dicom,
}

/// Options for reading a data set.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Columns mapped to fields, both as typed. Fields are `image`, `question`, `answer`, `caption`, `rationale`, `patient`,
    /// `study`, `licence`, `source`, `split`, `language` and `ignore`; any other word is a tag.
    pub map: Vec<(String, String)>,
    /// Only rows of this language, or `all`. The default of SLAKE is `en`.
    pub language: Option<String>,
    /// Only rows of this split: `train`, `validation`, `test`, or `all`.
    pub split: Option<String>,
    /// Only rows of this part of the images.
    pub fold: Option<Fold>,
    /// Folder of the images, if they are not next to the table.
    pub images: Option<PathBuf>,
    /// Licence of rows that do not state their own.
    pub licence: Option<String>,
    /// Source of rows that do not state their own.
    pub source: Option<String>,
    /// Of scans, a table of questions and answers by file, series or study.
    pub table: Option<PathBuf>,
    /// Of scans, take every so many slices of a series; only the middle one if `None`.
    pub every: Option<usize>,
    /// Stops the reading of a large folder of scans.
    pub cancel: Cancel,
}

/// An opened data set.
pub struct Dataset {
    /// Number of items, if the format gives it without reading everything.
    pub total: Option<u64>,
    /// The rows in input order. After an `Err` the input cannot be read further, so it is the last item.
    pub items: Box<dyn Iterator<Item = Result<Item, DatasetError>> + Send>,
}

/// Opens the data set at `path`, a file or a folder in the format's usual layout.
///
/// # Errors
/// If the input is missing or cannot be read, an option is invalid for it, or a required column is missing from all rows.
pub fn open(format: Format, path: &Path, options: &Options) -> Result<Dataset, DatasetError> {
    check_options(format, options)?;
    let opened = unfiltered(format, path, options)?;
    if column_check::is_needed(&opened, options) {
        column_check::check(unfiltered(format, path, options)?, options)?;
    }
    let total = opened.entries.total;
    let items = Box::new(Rows::new(opened, options)?);
    Ok(Dataset { total, items })
}

/// Errors where an option belongs to another format.
fn check_options(format: Format, options: &Options) -> Result<(), DatasetError> {
    let of_scans = [
        ("--table", options.table.is_some()),
        ("--every", options.every.is_some()),
    ];
    match of_scans.iter().find(|(_, given)| *given) {
        Some((name, _)) if format != Format::Dicom => Err(DatasetError::Option(format!(
            "{name} is for the format dicom only"
        ))),
        _ => Ok(()),
    }
}

fn unfiltered(format: Format, path: &Path, options: &Options) -> Result<RawDataset, DatasetError> {
    Ok(match format {
        Format::VqaRad => vqa_rad::open(path, options)?,
        Format::Slake => slake::open(path, options)?,
        Format::VqaMed2019 => vqa_med::open(path, options)?,
        Format::PathVqa => path_vqa::open(path, options)?,
        Format::PmcVqa => pmc::open_vqa(path, options)?,
        Format::PmcOa => pmc::open_captions(path, options)?,
        Format::Roco => roco::open(path, options)?,
        Format::RocoV2 => roco::open_v2(path, options)?,
        Format::IuXray => iu_xray::open(path, options)?,
        Format::Folder => general::open_folder(path, options)?,
        Format::Interleaved => interleaved::open(path, options)?,
        Format::Parquet => general::open_parquet(path, options)?,
        Format::Dicom => scans::open_scans(path, options)?,
    })
}
