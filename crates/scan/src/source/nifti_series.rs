//! A NIfTI or Analyze file as a series.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::content::Content;
use super::incomplete;
use super::series::{Series, Source};
use rounds_support::files::sha256_hex;

use crate::dicom::facts::hash;
use crate::error::{Fault, ScanError};
use crate::nifti::{HEADER_BYTES, Header, Kind, parse, pixels};
use crate::time_limit;
use crate::volume::Pixels;

/// So many bytes at the beginning tell one scan from another. The first slices of a head are often empty, so not too few.
pub(super) const IDENTIFYING_BYTES: usize = 4 << 20;

/// The header and the file that holds the samples.
pub(super) struct NiftiSeries {
    header: Header,
    samples: Content,
}

/// Opens the NIfTI or Analyze file `content`; of a pair, either file or an `.img` that was found `beside` it.
///
/// Its content takes the place of a series number, so that an index can tell other slices of the same scan.
pub(super) fn open(
    content: &Content,
    beside: Option<Content>,
    salt: &[u8],
) -> Result<Series, ScanError> {
    let failed = |fault: Fault| fault.in_file(content.name());
    let header = parse(&content.prefix(HEADER_BYTES)?).map_err(failed)?;
    let samples = match header.kind {
        Kind::Single => content.clone(),
        Kind::Pair | Kind::Analyze => match beside {
            Some(samples) => samples,
            None => image_file(content)?,
        },
    };
    let mut facts = header.facts.clone();
    if samples.is_gzip() {
        facts.encoding.push_str(", gzip");
    }
    let first = sha256_hex(&samples.prefix(IDENTIFYING_BYTES)?);
    facts.series = Some(hash(salt, "series", &first));
    Ok(Series {
        facts,
        size: header.size,
        components: header.components,
        affine: header.affine,
        spacing: header.spacing,
        source: Source::Nifti(Box::new(NiftiSeries { header, samples })),
        name: content.name().to_owned(),
    })
}

/// The file with the samples: of the same name, with `.img`.
fn image_file(header: &Content) -> Result<Content, ScanError> {
    let missing = || {
        Fault::broken("NIfTI", "the .img file with its samples is missing").in_file(header.name())
    };
    let path = header.path().ok_or_else(missing)?;
    let candidates = partners(path, "img");
    let found = candidates
        .into_iter()
        .find(|candidate| candidate.is_file())
        .ok_or_else(missing)?;
    Content::file(&found, header.name())
}

/// The header of the pair to which the `.img` file at `path` belongs.
pub(super) fn header_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let is_image = name.ends_with(".img") || name.ends_with(".img.gz");
    partners(path, "hdr")
        .into_iter()
        .find(|candidate| is_image && candidate.is_file())
}

/// The paths that the other file of a pair may have.
fn partners(path: &Path, extension: &str) -> Vec<PathBuf> {
    let is_gz = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    let stem = if is_gz {
        path.with_extension("")
    } else {
        path.to_path_buf()
    };
    let upper = extension.to_ascii_uppercase();
    [extension.to_owned(), format!("{extension}.gz"), upper]
        .iter()
        .map(|end| stem.with_extension(end))
        .collect()
}

impl NiftiSeries {
    /// Reads `slices` of a component.
    pub(super) fn read(
        &self,
        component: usize,
        slices: Range<usize>,
        notes: &mut Vec<String>,
    ) -> Result<Pixels, ScanError> {
        time_limit::reading(self.samples.name(), || {
            self.read_in_time(component, slices, notes)
        })
    }

    fn read_in_time(
        &self,
        component: usize,
        slices: Range<usize>,
        notes: &mut Vec<String>,
    ) -> Result<Pixels, ScanError> {
        let (header, count) = (&self.header, slices.len());
        let (step, each) = (header.slice_samples(), header.sample.bytes());
        let first = (component * header.size[2] + slices.start) * step;
        let wanted = (count * step) as u64;
        let offset = header.offset + first as u64 * each;
        let bytes = self.samples.range(offset, wanted * each)?;
        let found = bytes.len() as u64 / each;
        incomplete::note("NIfTI", [found, wanted], count, step, notes)
            .map_err(|fault| fault.in_file(self.samples.name()))?;
        Ok(pixels(header, &bytes, count))
    }
}
