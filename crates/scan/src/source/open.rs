//! Opening: what there is to read, from headers only.

use std::ffi::OsStr;
use std::path::Path;

use rounds_support::{Cancel, sanitise};

use super::content::{Content, entries};
use super::dicom_series::{Object, group, header};
use super::directory::{files_below, resolve};
use super::nifti_series::{self, header_file};
use super::nrrd_series;
use super::series::Series;
use super::sniff::{FIRST_BYTES, Found, PREFIX_BYTES, what};
use crate::dicom::Image;
use crate::error::{Fault, ScanError};
use crate::limits::MAX_FILES;
use crate::volume::Volume;

/// Longest name in a message, in characters.
const MAX_NAME_CHARS: usize = 120;

/// What opening needs to know.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Goes into the hashes of patient, study, series and frame of reference, so that they cannot be found by trying. The same
    /// salt gives the same hashes.
    pub salt: Vec<u8>,
    /// Stops the reading of a large folder.
    pub cancel: Cancel,
}

/// What was found.
#[derive(Debug)]
pub struct Opened {
    /// The series, those of one patient and study together; never empty.
    pub series: Vec<Series>,
    /// What was left out and why, each a sentence.
    pub notes: Vec<String>,
    /// How many files look like scans and could not be read.
    pub unreadable: usize,
    /// Sanitised name of what the user gave.
    name: String,
}

impl Opened {
    /// The only series.
    ///
    /// # Errors
    ///
    /// If there are several.
    pub fn only(&self) -> Result<&Series, ScanError> {
        match self.series.as_slice() {
            [series] => Ok(series),
            several => Err(ScanError::ManySeries {
                name: self.name.clone(),
                count: several.len(),
            }),
        }
    }

    /// The series with this number, counted from 0.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn get(&self, index: usize) -> Result<&Series, ScanError> {
        let count = self.series.len();
        self.series.get(index).ok_or(ScanError::OutOfRange {
            what: "series",
            index,
            count,
        })
    }

    /// Reads the only series.
    ///
    /// # Errors
    ///
    /// If there are several, or like [`Series::volume`].
    pub fn volume(&self, cancel: &Cancel) -> Result<Volume, ScanError> {
        self.only()?.volume(cancel)
    }

    /// The numbers of the series by study, in order. Series that state no study are one each.
    pub fn studies(&self) -> Vec<Vec<usize>> {
        let mut studies: Vec<Vec<usize>> = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            let study = &series.facts.study;
            let same = |other: &&mut Vec<usize>| {
                let first = other.first().and_then(|&first| self.series.get(first));
                study.is_some() && first.is_some_and(|first| first.facts.study == *study)
            };
            match studies.iter_mut().find(same) {
                Some(known) => known.push(index),
                None => studies.push(vec![index]),
            }
        }
        studies
    }
}

/// Opens a file, a folder, a zip or a DICOMDIR.
///
/// # Errors
///
/// If it cannot be read, or holds no scan that can be read.
pub fn open(path: &Path, options: &Options) -> Result<Opened, ScanError> {
    let name = shown(path.file_name().unwrap_or(path.as_os_str()));
    guarded(&name, || {
        if path.is_dir() {
            return folder(path, &name, options);
        }
        file(
            &Content::file(path, &name)?,
            path.file_name().unwrap_or_default(),
            options,
        )
    })
}

/// Opens the bytes of a file, called `name`. A header without its samples, or a DICOMDIR, cannot be opened in this way.
///
/// # Errors
///
/// Like [`open`].
pub fn open_bytes(bytes: Vec<u8>, name: &str, options: &Options) -> Result<Opened, ScanError> {
    let shown = shown(OsStr::new(name));
    guarded(&shown, || {
        file(&Content::memory(bytes, &shown)?, OsStr::new(name), options)
    })
}

fn shown(name: &OsStr) -> String {
    sanitise::clean_line_max(&name.to_string_lossy(), MAX_NAME_CHARS)
}

fn guarded(
    name: &str,
    work: impl FnOnce() -> Result<Opened, ScanError>,
) -> Result<Opened, ScanError> {
    rounds_imaging::catch_panic(work).unwrap_or_else(|| Err(Fault::Panicked.in_file(name)))
}

/// What a file is, seen through gzip, and its first bytes.
fn sniffed(content: &Content, file_name: &str) -> Result<(Found, Vec<u8>), ScanError> {
    let first = content.prefix(FIRST_BYTES)?;
    let prefix = first.get(..PREFIX_BYTES).unwrap_or(&first);
    let name = if content.is_gzip() {
        file_name.trim_end_matches(".gz").trim_end_matches(".GZ")
    } else {
        file_name
    };
    Ok((what(prefix, name), first))
}

fn file(content: &Content, file_name: &OsStr, options: &Options) -> Result<Opened, ScanError> {
    let file_name = file_name.to_string_lossy();
    let name = content.name();
    let one = |series| Opened {
        series: vec![series],
        notes: Vec::new(),
        unreadable: 0,
        name: name.to_owned(),
    };
    match sniffed(content, &file_name)? {
        (_, first) if first.is_empty() && content.is_gzip() => {
            Err(Fault::broken("gzip", "nothing can be unpacked").in_file(name))
        }
        (_, first) if first.is_empty() => Err(Fault::Empty.in_file(name)),
        (Found::Dicom, first) => match header(content, first, &options.salt)? {
            Object::Image(image) => sorted(vec![(content.clone(), *image)], name, Vec::new()),
            Object::Directory(files) => listed(content, &files, options),
        },
        (Found::Nifti | Found::Analyze, _) => {
            nifti_series::open(content, None, &options.salt).map(one)
        }
        (Found::Nrrd, _) => nrrd_series::open(content, &options.salt).map(one),
        (Found::Zip, _) if content.is_gzip() => {
            Err(Fault::unsupported("gzip", "an archive in an archive").in_file(name))
        }
        (Found::Zip, _) => {
            let mut many = Many::new(name, options);
            let (found, locked) = entries(content)?;
            if locked > 0 {
                let reason = "its files need a password, or are packed in an unknown way";
                many.first_fault = Some(Fault::unsupported("zip", reason).in_file(name));
                many.unreadable += locked;
            }
            for (entry_name, entry) in found {
                many.add(&entry_name, entry)?;
            }
            many.finish()
        }
        (Found::Other(looks_like), _) => {
            // The samples of a pair were given instead of the header.
            if let Some(header) = content.path().and_then(header_file) {
                let header = Content::file(&header, name)?;
                return nifti_series::open(&header, Some(content.clone()), &options.salt).map(one);
            }
            Err(Fault::NotAScan { looks_like }.in_file(name))
        }
    }
}

fn folder(path: &Path, name: &str, options: &Options) -> Result<Opened, ScanError> {
    let (files, is_cut) = files_below(path, &options.cancel)?;
    let mut many = Many::new(name, options);
    if is_cut {
        many.notes
            .push(format!("Only the first {MAX_FILES} files were looked at."));
    }
    for path in files {
        let Ok(content) = Content::file(&path, name) else {
            many.unreadable += 1;
            continue;
        };
        many.add(&path.to_string_lossy(), content)?;
    }
    many.finish()
}

/// The files that a DICOMDIR lists; those that are not there are counted.
fn listed(
    content: &Content,
    files: &[Vec<String>],
    options: &Options,
) -> Result<Opened, ScanError> {
    let name = content.name();
    let folder = content.path().and_then(Path::parent).ok_or_else(|| {
        Fault::NoPixels {
            kind: "a directory of other files",
            instead: "open the DICOMDIR where it lies beside the files it lists, or open their folder",
        }
        .in_file(name)
    })?;
    let mut many = Many::new(name, options);
    let mut missing = 0;
    for parts in files.iter().take(MAX_FILES) {
        match resolve(folder, parts).and_then(|path| Content::file(&path, name).ok()) {
            Some(content) => many.add("", content)?,
            None => missing += 1,
        }
    }
    if missing > 0 {
        many.notes.push(format!(
            "{missing} of the {} files it lists are missing.",
            files.len()
        ));
    }
    many.finish()
}

/// Collects what several files hold.
struct Many<'a> {
    name: &'a str,
    options: &'a Options,
    images: Vec<(Content, Image)>,
    others: Vec<Series>,
    notes: Vec<String>,
    /// Files that are no scan, scans without an image, damaged scans.
    foreign: usize,
    without_image: usize,
    unreadable: usize,
    /// Why a scan could not be read, if none can.
    first_fault: Option<ScanError>,
}

impl<'a> Many<'a> {
    fn new(name: &'a str, options: &'a Options) -> Self {
        Self {
            name,
            options,
            images: Vec::new(),
            others: Vec::new(),
            notes: Vec::new(),
            foreign: 0,
            without_image: 0,
            unreadable: 0,
            first_fault: None,
        }
    }

    fn add(&mut self, file_name: &str, content: Content) -> Result<(), ScanError> {
        if self.options.cancel.is_cancelled() {
            return Err(ScanError::Cancelled);
        }
        let outcome = match sniffed(&content, file_name) {
            Ok((Found::Dicom, first)) => {
                header(&content, first, &self.options.salt).map(|object| match object {
                    Object::Image(image) => self.images.push((content, *image)),
                    // Its files lie in the same folder, and are found by themselves.
                    Object::Directory(_) => {}
                })
            }
            Ok((Found::Nifti | Found::Analyze, _)) => {
                nifti_series::open(&content, None, &self.options.salt)
                    .map(|series| self.others.push(series))
            }
            Ok((Found::Nrrd, _)) => nrrd_series::open(&content, &self.options.salt)
                .map(|series| self.others.push(series)),
            Ok(_) => {
                self.foreign += 1;
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            match &error {
                ScanError::In {
                    fault: Fault::NoPixels { .. },
                    ..
                } => self.without_image += 1,
                ScanError::Cancelled => return Err(error),
                _ => self.unreadable += 1,
            }
            self.first_fault.get_or_insert(error);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Opened, ScanError> {
        for (count, what) in [
            (self.foreign, "not a scan"),
            (self.without_image, "DICOM without an image"),
            (self.unreadable, "damaged or of an unsupported kind"),
        ] {
            if count > 0 {
                self.notes.push(format!(
                    "Left out, as {what}: {}.",
                    rounds_support::errors::count(count, "file")
                ));
            }
        }
        if self.images.is_empty() && self.others.is_empty() {
            let nothing = Fault::NotAScan { looks_like: None }.in_file(self.name);
            return Err(self.first_fault.unwrap_or(nothing));
        }
        let mut opened = sorted(self.images, self.name, self.notes)?;
        opened.series.append(&mut self.others);
        opened.unreadable = self.unreadable;
        Ok(opened)
    }
}

/// Series of one patient together, and in them of one study; otherwise in the order in which they were found.
fn sorted(
    images: Vec<(Content, Image)>,
    name: &str,
    mut notes: Vec<String>,
) -> Result<Opened, ScanError> {
    let (series, more) = group(images, name)?;
    notes.extend(more);
    let mut order: Vec<(Option<String>, Option<String>)> = Vec::new();
    let mut numbered: Vec<(usize, usize, Series)> = Vec::new();
    let mut patients: Vec<Option<String>> = Vec::new();
    for one in series {
        let number = |known: &mut Vec<Option<String>>, value: &Option<String>| {
            known
                .iter()
                .position(|other| other == value)
                .unwrap_or_else(|| {
                    known.push(value.clone());
                    known.len() - 1
                })
        };
        let patient = number(&mut patients, &one.facts.patient);
        let key = (one.facts.patient.clone(), one.facts.study.clone());
        let study = order
            .iter()
            .position(|other| *other == key)
            .unwrap_or_else(|| {
                order.push(key);
                order.len() - 1
            });
        numbered.push((patient, study, one));
    }
    numbered.sort_by_key(|&(patient, study, _)| (patient, study));
    let series = numbered.into_iter().map(|(_, _, series)| series).collect();
    Ok(Opened {
        series,
        notes,
        unreadable: 0,
        name: name.to_owned(),
    })
}
