//! A series of DICOM files, or of the frames of one.

use std::collections::BTreeMap;
use std::ops::Range;

use rounds_support::Cancel;

use super::content::Content;
use super::grid::{Candidate, FrameId, Grid, arrange};
use super::series::{Series, Source};
use super::sniff::FIRST_BYTES;
use crate::dicom::{self, Frame, Frames, Image, check_size, is_directory, parse, wants_more};
use crate::error::{Fault, ScanError};
use crate::limits::MAX_HEADER_BYTES;
use crate::time_limit;
use crate::volume::{Modality, Pixels};

/// The files and what they become.
pub(super) struct DicomSeries {
    files: Vec<(Content, Image)>,
    grid: Grid,
}

/// What a DICOM file turned out to be.
pub(super) enum Object {
    Image(Box<Image>),
    /// A DICOMDIR: the paths of its files, as parts.
    Directory(Vec<Vec<String>>),
}

/// Reads the header of a DICOM file, of which `first` are the first [`FIRST_BYTES`], or all there are.
pub(super) fn header(content: &Content, first: Vec<u8>, salt: &[u8]) -> Result<Object, ScanError> {
    time_limit::of_file(|| header_in_time(content, first, salt))
}

fn header_in_time(content: &Content, first: Vec<u8>, salt: &[u8]) -> Result<Object, ScanError> {
    let failed = |fault: Fault| fault.in_file(content.name());
    let mut length = FIRST_BYTES;
    let mut bytes = first;
    loop {
        let is_whole = bytes.len() < length;
        let parsed = parse(&bytes).map_err(failed)?;
        time_limit::check().map_err(failed)?;
        if wants_more(&parsed) && !is_whole {
            if length as u64 >= MAX_HEADER_BYTES {
                return Err(failed(Fault::TooLong {
                    what: "its header",
                    limit: MAX_HEADER_BYTES,
                }));
            }
            length *= 4;
            bytes = content.prefix(length)?;
            continue;
        }
        if !is_whole && parsed.syntax_is_deflated() {
            // Its elements can only be read from the beginning to the end.
            length = usize::try_from(crate::limits::MAX_FILE_BYTES).unwrap_or(usize::MAX);
            bytes = content.prefix(length)?;
            continue;
        }
        if is_directory(&parsed) {
            return Ok(Object::Directory(parsed.directory_files()));
        }
        return Image::of(parsed, salt)
            .map(|image| Object::Image(Box::new(image)))
            .map_err(failed);
    }
}

/// Groups images into series: by series, size, kind and orientation. Several frames in a file are a series of their own.
pub(super) fn group(
    images: Vec<(Content, Image)>,
    name: &str,
) -> Result<(Vec<Series>, Vec<String>), ScanError> {
    let mut groups: BTreeMap<usize, Vec<(Content, Image)>> = BTreeMap::new();
    let mut keys: Vec<String> = Vec::new();
    for (index, (content, image)) in images.into_iter().enumerate() {
        let key = key(&image, index);
        let group = keys
            .iter()
            .position(|known| *known == key)
            .unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
        groups.entry(group).or_default().push((content, image));
    }
    let parts: usize = groups.len();
    let mut uids: Vec<_> = groups
        .values()
        .filter_map(|group| group.first()?.1.facts.series.clone())
        .collect();
    uids.sort();
    uids.dedup();
    let mut notes = Vec::new();
    let without = groups
        .values()
        .filter(|group| {
            group
                .first()
                .is_some_and(|(_, image)| image.facts.series.is_none())
        })
        .count();
    let split = parts - uids.len() - without;
    if split > 0 {
        notes.push(format!(
            "Images of one series that differ in size or orientation are kept apart, in {split} more series."
        ));
    }
    let series: Result<Vec<Series>, ScanError> =
        groups.into_values().map(|group| one(group, name)).collect();
    Ok((series?, notes))
}

fn key(image: &Image, index: usize) -> String {
    let layout = &image.layout;
    let number = |value: f64| (value * 100.0).round() as i64;
    let orientation = image.places.first().copied().flatten().map(|place| {
        let directions = [place.across, place.down];
        directions.map(|direction| direction.map(number))
    });
    let alone = if layout.frames > 1 || image.facts.series.is_none() {
        Some(index)
    } else {
        None
    };
    let series = image.facts.series.as_deref().unwrap_or_default();
    format!(
        "{series} {} {} {} {orientation:?} {alone:?}",
        layout.columns,
        layout.rows,
        layout.is_colour()
    )
}

fn one(files: Vec<(Content, Image)>, name: &str) -> Result<Series, ScanError> {
    let mut candidates = Vec::new();
    for (file, (_, image)) in files.iter().enumerate() {
        for frame in 0..image.layout.frames {
            let [temporal, acquisition, instance] = image.order;
            let temporal = image.frame_order.get(frame).copied().unwrap_or(temporal);
            candidates.push(Candidate {
                frame: FrameId { file, frame },
                place: image.places.get(frame).copied().flatten(),
                order: [temporal, acquisition, instance, frame as i64],
            });
        }
    }
    let Some((_, first)) = files.first() else {
        return Err(Fault::NotAScan { looks_like: None }.in_file(name));
    };
    let mut grid = arrange(candidates, &first.spacing, first.segments.is_some());
    let mut facts = first.facts.clone();
    facts.notes.append(&mut grid.notes);
    if first.segments.is_none() && first.facts.modality == Modality::Labels {
        facts
            .notes
            .push("It does not say which segment a frame shows.".to_owned());
    }
    if files.len() > 1 {
        let earliest = files
            .iter()
            .filter_map(|(_, image)| dicom::acquired(image))
            .min_by(f64::total_cmp);
        dicom::set_series_suv(&mut facts, first, earliest);
    }
    let slices = grid.components.first().map_or(1, Vec::len);
    let size = [first.layout.columns, first.layout.rows, slices];
    check_size(size[0] as u64, size[1] as u64, slices as u64)
        .map_err(|fault| fault.in_file(name))?;
    Ok(Series {
        facts,
        size,
        components: grid.components.len(),
        affine: grid.affine,
        spacing: grid.spacing,
        source: Source::Dicom(Box::new(DicomSeries { files, grid })),
        name: name.to_owned(),
    })
}

impl DicomSeries {
    /// Reads `slices` of a component.
    pub(super) fn read(
        &self,
        component: usize,
        slices: Range<usize>,
        cancel: &Cancel,
        notes: &mut Vec<String>,
    ) -> Result<Pixels, ScanError> {
        let Some((content, first)) = self.files.first() else {
            return Ok(Pixels::Values(Vec::new()));
        };
        let cells = self
            .grid
            .components
            .get(component)
            .and_then(|cells| cells.get(slices))
            .unwrap_or_default();
        let pixels = first.layout.pixels();
        let mut all = if first.layout.is_colour() {
            Pixels::Rgb(vec![0; pixels * 3 * cells.len()])
        } else if first.segments.is_some() {
            Pixels::Values(vec![0.0; pixels * cells.len()])
        } else {
            Pixels::Values(vec![f32::NAN; pixels * cells.len()])
        };
        // Frame by frame of one file after the other, so that each is read once.
        let mut jobs: Vec<(FrameId, usize)> = Vec::new();
        for (slice, cell) in cells.iter().enumerate() {
            jobs.extend(cell.iter().map(|&id| (id, slice)));
        }
        jobs.sort_by_key(|(id, _)| (id.file, id.frame));
        let mut damaged = 0;
        let mut last_fault = None;
        for of_file in jobs.chunk_by(|(a, _), (b, _)| a.file == b.file) {
            let file = of_file.first().and_then(|(id, _)| self.files.get(id.file));
            let Some((content, image)) = file else {
                continue;
            };
            time_limit::of_file(|| {
                let reader = Reader::new(content, image, of_file)?;
                for &(id, slice) in of_file {
                    if cancel.is_cancelled() {
                        return Err(ScanError::Cancelled);
                    }
                    let frame = reader.frame(id.frame, notes)?;
                    time_limit::check().map_err(|fault| fault.in_file(content.name()))?;
                    match frame {
                        Ok(frame) => place(frame, image, id.frame, slice, pixels, &mut all),
                        Err(fault) => {
                            damaged += 1;
                            last_fault = Some(fault);
                        }
                    }
                }
                Ok(())
            })?;
        }
        match last_fault {
            // Where other slices can be shown, they are.
            Some(_) if damaged < jobs.len() => {
                notes.push(format!(
                    "{damaged} of {} slices are damaged and left blank.",
                    jobs.len()
                ));
            }
            Some(fault) => return Err(fault.in_file(content.name())),
            None => {}
        }
        Ok(all)
    }
}

/// Frames of one file.
enum Reader<'a> {
    /// Each is read where it lies, so that a large file never is in memory as a whole.
    Apart(&'a Content, &'a Image),
    /// They can only be found in the whole file, or are most of it.
    Whole(&'a Image, Vec<u8>, Frames),
}

impl<'a> Reader<'a> {
    fn new(
        content: &'a Content,
        image: &'a Image,
        jobs: &[(FrameId, usize)],
    ) -> Result<Self, ScanError> {
        let is_apart = |(id, _): &(FrameId, usize)| image.frame_range(id.frame).is_some();
        if content.is_seekable() && jobs.iter().all(is_apart) {
            return Ok(Self::Apart(content, image));
        }
        let body = image
            .body(content.all()?)
            .map_err(|fault| fault.in_file(content.name()))?;
        let frames = image.frames(&body);
        Ok(Self::Whole(image, body, frames))
    }

    /// The outer error is about the file, the inner one about the frame.
    fn frame(
        &self,
        frame: usize,
        notes: &mut Vec<String>,
    ) -> Result<Result<Frame, Fault>, ScanError> {
        match self {
            Self::Apart(content, image) => {
                let (offset, length) = image.frame_range(frame).unwrap_or_default();
                Ok(image.decode_alone(&content.range(offset, length)?, frame, notes))
            }
            Self::Whole(image, body, frames) => Ok(image.decode(body, frames, frame, notes)),
        }
    }
}

/// Puts a frame into its slice.
fn place(
    frame: Frame,
    image: &Image,
    number: usize,
    slice: usize,
    pixels: usize,
    all: &mut Pixels,
) {
    match (frame, all) {
        (Frame::Rgb(rgb), Pixels::Rgb(all)) => copy(&rgb, slice * pixels * 3, all),
        (Frame::Values(values), Pixels::Values(all)) => match &image.segments {
            None => copy(&values, slice * pixels, all),
            Some(segments) => {
                let label = f32::from(segments.numbers.get(number).copied().unwrap_or(1));
                let places = all.iter_mut().skip(slice * pixels);
                places
                    .zip(values)
                    .filter(|(_, value)| *value >= segments.from)
                    .for_each(|(place, _)| *place = label);
            }
        },
        _ => {}
    }
}

fn copy<T: Copy>(from: &[T], at: usize, to: &mut [T]) {
    if let Some(places) = to.get_mut(at..at + from.len()) {
        places.copy_from_slice(from);
    }
}
