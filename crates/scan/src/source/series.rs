//! One stack of slices that can be read: all of it, or a slice.

use rounds_support::Cancel;

use super::dicom_series::DicomSeries;
use super::nifti_series::NiftiSeries;
use super::nrrd_series::NrrdSeries;
use crate::error::{Fault, ScanError};
use crate::geometry::{Affine, apply};
use crate::volume::{Facts, Volume};

/// A series of slices of one size and orientation. Its samples are read when they are asked for, and not kept.
pub struct Series {
    /// What is known from the headers. A volume that is read may have more notes, such as about missing rows.
    pub facts: Facts,
    /// Columns, rows, slices or frames; each at least 1.
    pub size: [usize; 3],
    /// Time points or other components; at least 1.
    pub components: usize,
    /// See [`Volume::affine`].
    pub affine: Option<Affine>,
    /// See [`Volume::spacing`].
    pub spacing: [Option<f64>; 3],
    pub(super) source: Source,
    /// Sanitised name of what the user gave.
    pub(super) name: String,
}

pub(super) enum Source {
    Dicom(Box<DicomSeries>),
    Nifti(Box<NiftiSeries>),
    Nrrd(Box<NrrdSeries>),
}

impl std::fmt::Debug for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Series")
            .field("size", &self.size)
            .field("components", &self.components)
            .finish_non_exhaustive()
    }
}

impl Series {
    /// Reads all slices of the first component.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or decoded, or `cancel` is set.
    pub fn volume(&self, cancel: &Cancel) -> Result<Volume, ScanError> {
        self.component(0, cancel)
    }

    /// Reads all slices of a component, such as a time point, counted from 0.
    ///
    /// # Errors
    ///
    /// Like [`Self::volume`]; also if there is no such component.
    pub fn component(&self, component: usize, cancel: &Cancel) -> Result<Volume, ScanError> {
        self.read(component, 0..self.size[2], cancel)
    }

    /// Reads one slice of the first component, counted from 0, as a volume of one slice in its place.
    ///
    /// # Errors
    ///
    /// Like [`Self::volume`]; also if there is no such slice.
    pub fn slice(&self, slice: usize) -> Result<Volume, ScanError> {
        self.slice_of(0, slice)
    }

    /// Reads one slice of a component, both counted from 0.
    ///
    /// # Errors
    ///
    /// Like [`Self::slice`]; also if there is no such component.
    pub fn slice_of(&self, component: usize, slice: usize) -> Result<Volume, ScanError> {
        if slice >= self.size[2] {
            return Err(ScanError::OutOfRange {
                what: "slice",
                index: slice,
                count: self.size[2],
            });
        }
        self.read(component, slice..slice + 1, &Cancel::new())
    }

    fn read(
        &self,
        component: usize,
        slices: std::ops::Range<usize>,
        cancel: &Cancel,
    ) -> Result<Volume, ScanError> {
        if component >= self.components {
            return Err(ScanError::OutOfRange {
                what: "time point",
                index: component,
                count: self.components,
            });
        }
        let mut notes = Vec::new();
        let range = slices.clone();
        let read = rounds_imaging::catch_panic(|| match &self.source {
            Source::Dicom(source) => source.read(component, range, cancel, &mut notes),
            Source::Nifti(source) => source.read(component, range, &mut notes),
            Source::Nrrd(source) => source.read(component, range, &mut notes),
        });
        let pixels = read.ok_or_else(|| Fault::Panicked.in_file(&self.name))??;
        let mut facts = self.facts.clone();
        notes.retain(|note| !facts.notes.contains(note));
        facts.notes.extend(notes);
        Ok(Volume {
            size: [self.size[0], self.size[1], slices.len()],
            pixels,
            affine: self.affine.map(|affine| moved(&affine, slices.start)),
            spacing: self.spacing,
            facts,
        })
    }
}

/// The affine of a stack that begins with slice number `start` of this one.
fn moved(affine: &Affine, start: usize) -> Affine {
    let origin = apply(affine, [0.0, 0.0, start as f64]);
    let mut moved = *affine;
    for (row, value) in moved.iter_mut().zip(origin) {
        row[3] = value;
    }
    moved
}
