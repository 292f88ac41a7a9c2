//! Readers that turn published data sets into a stream of rows for an example index.
//!
//! A data set is read in two steps. A source (`json`, `jsonl`, `table`, `text`, `pickle`, `columns`) knows a file format
//! and gives records of named fields, whatever they mean. A recipe (a file per data set) knows what the fields mean and
//! makes rows of them. Every input row becomes exactly one [`Item`]: nothing is dropped in silence, nothing is guessed
//! without a tag that says so, and no more than one record is held, however long the data is. Input is untrusted: never
//! follow a name out of the given folder, never allocate by a size that a file states, never panic over content.

mod column_check;
mod error;
mod exported;
mod filter;
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
mod record;
mod roco;
mod row;
mod slake;
mod table;
mod text;
mod vocabulary;
mod vqa_med;
mod vqa_rad;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use error::DatasetError;
pub use row::{DERIVED_QUESTION, ImageSource, Row};

use filter::{RawDataset, Rows};

/// One input row, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A worked example.
    Row(Box<Row>),
    /// A row that cannot be used; `origin` says where it stands, `reason` why.
    Rejected { origin: String, reason: String },
    /// A row of another language or split than was asked for; not an input row, but counted.
    Filtered { origin: String, reason: String },
}

/// The published formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Format {
    /// VQA-RAD: the original JSON, the expanded `trainset.json`, or Parquet.
    VqaRad,
    /// SLAKE: JSON with boxes and a knowledge graph, or Parquet.
    Slake,
    /// ImageCLEF VQA-Med 2019: text files of `image|question|answer`.
    #[cfg_attr(feature = "clap", value(name = "vqa-med-2019"))]
    VqaMed2019,
    /// PathVQA: pickles of questions, or Parquet.
    #[cfg_attr(feature = "clap", value(name = "pathvqa"))]
    PathVqa,
    /// PMC-VQA, both versions: CSV with choices, or Parquet.
    PmcVqa,
    /// PMC-OA: JSON Lines of images and captions.
    PmcOa,
    /// ROCO: tab-separated captions, keywords and licences, or Parquet.
    Roco,
    /// ROCOv2: CSV captions and concepts, or Parquet.
    #[cfg_attr(feature = "clap", value(name = "rocov2"))]
    RocoV2,
    /// IU X-Ray in the layout of R2Gen: `annotation.json`, images by study.
    #[cfg_attr(feature = "clap", value(name = "iu-xray"))]
    IuXray,
    /// A folder of images with a CSV, TSV, JSON or JSON Lines table beside them.
    Folder,
    /// Documents of text with images in their places: JSON Lines, Markdown or plain text.
    Interleaved,
    /// Any Parquet file with images in or beside it.
    Parquet,
}

/// What may be said about an input beyond its path.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Column to field, both as typed: `image`, `question`, `answer`, `caption`, `rationale`, `patient`, `study`,
    /// `licence`, `source`, `split`, `language`, `ignore`, or any other word for a tag.
    pub map: Vec<(String, String)>,
    /// Only rows of this language; `all` for every one. SLAKE takes `en` where nothing is said.
    pub language: Option<String>,
    /// Only rows of this split: `train`, `validation`, `test`, or `all`.
    pub split: Option<String>,
    /// Folder of the images, where it is not beside the table.
    pub images: Option<PathBuf>,
    /// Licence of rows that do not state their own.
    pub licence: Option<String>,
    /// Source of rows that do not state their own.
    pub source: Option<String>,
}

/// An opened data set.
pub struct Dataset {
    /// How many items will come, where the format tells without reading all of it.
    pub total: Option<u64>,
    /// The rows in the order of the input. An `Err` is the last item: the input cannot be read further.
    pub items: Box<dyn Iterator<Item = Result<Item, DatasetError>> + Send>,
}

/// Opens the data set at `path`, a file or a folder of the format's usual layout.
///
/// # Errors
/// If there is no such input, it cannot be read, an option makes no sense for it, or no row has a column that is needed.
pub fn open(format: Format, path: &Path, options: &Options) -> Result<Dataset, DatasetError> {
    let opened = unfiltered(format, path, options)?;
    if column_check::is_needed(&opened, options) {
        column_check::check(unfiltered(format, path, options)?, options)?;
    }
    let total = opened.entries.total;
    let items = Box::new(Rows::new(opened, options)?);
    Ok(Dataset { total, items })
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
    })
}
