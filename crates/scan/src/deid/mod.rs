//! Copies of scans without what identifies a patient.
//!
//! A DICOM copy follows the basic profile of DICOM PS3.15 annex E from the safe side: not what the profile lists is taken out,
//! but only what the module `rules` lists is kept, and of that only numbers, known terms and UIDs, which are replaced. So private
//! elements, free text and whatever a later edition adds are gone too. A PNG has no metadata at all.
//!
//! What is burned into the pixels is not found here: a person must look, and black it out.

mod black;
mod comments;
mod elements;
mod native;
mod rules;
mod write;

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use rounds_support::files;

use crate::limits::{MAX_FILE_BYTES, MAX_FILES, MAX_FOLDER_DEPTH, MAX_GROWTH, UNSUSPICIOUS_BYTES};
use crate::medical_image::{MedicalImage, encode_png};
use crate::radiomics::Rectangle;
use crate::view_error::ViewError;
use crate::{Facts, Modality};

use elements::{Encoding, Object};

/// Makes clean copies. The same one gives the same new UID for the same old one, so that the files of a study stay together.
#[derive(Debug)]
pub struct Cleaner {
    salt: Vec<u8>,
    black: Vec<Rectangle>,
}

/// A clean copy.
#[derive(Debug)]
pub struct Cleaned {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many elements were kept, at any depth.
    pub kept: usize,
    /// How many were removed or emptied.
    pub removed: usize,
    /// Whether the image was compressed and is no longer, because something was blacked out in it.
    pub is_uncompressed: bool,
    /// Whether its colours were stored in another way, such as in a palette, and are no longer, for the same reason.
    pub has_other_colours: bool,
}

impl Cleaner {
    /// New UIDs are made from the old ones and `salt`, which must be secret, or the old ones could be found by trying. In
    /// every image, `black` is painted over.
    pub fn new(salt: Vec<u8>, black: Vec<Rectangle>) -> Self {
        Self { salt, black }
    }

    /// A clean copy of a DICOM file with an image, in the same transfer syntax; a deflated one is written inflated. If something is
    /// blacked out in it, a compressed one is written uncompressed, and colours of a palette as red, green and blue.
    ///
    /// Errors for damaged files, which must not be guessed at here, and for objects without an image.
    pub fn dicom(&self, bytes: &[u8]) -> Result<Cleaned, ViewError> {
        let object = Object::find(bytes)?;
        match object.deflated {
            false => self.clean(bytes, &object),
            true => {
                let body = inflate(bytes.get(object.start..).unwrap_or_default())?;
                let object = Object {
                    start: 0,
                    syntax: "1.2.840.10008.1.2.1".to_owned(),
                    encoding: Encoding::EXPLICIT,
                    deflated: false,
                };
                self.clean(&body, &object)
            }
        }
    }

    fn clean(&self, bytes: &[u8], object: &Object) -> Result<Cleaned, ViewError> {
        let uid = |old: &str| self.uid(old);
        let mut copy = elements::copy(bytes, object, &uid)?;
        let mut object = object.clone();
        let stored = match self.black.is_empty() {
            true => native::Stored::default(),
            false => native::store(&mut copy, &mut object, bytes)?,
        };
        black::paint(&mut copy, &object, &self.black)?;
        comments::blank(&mut copy);
        let kept = copy.kept;
        let removed = copy.removed;
        let bytes = write::file(copy, &object, !self.black.is_empty())?;
        Ok(Cleaned {
            bytes,
            kept,
            removed,
            is_uncompressed: stored.is_uncompressed,
            has_other_colours: stored.has_other_colours,
        })
    }

    /// The new UID for an old one: a UUID under 2.25 (PS3.5 annex B.2), from a hash.
    fn uid(&self, old: &str) -> String {
        let mut secret = self.salt.clone();
        secret.extend_from_slice(old.as_bytes());
        let hash = files::sha256_hex(&secret);
        let number =
            u128::from_str_radix(hash.get(..32).unwrap_or_default(), 16).unwrap_or_default();
        // Version 4 and variant 1 of a UUID.
        let number = number & !(0xF000 << 64) | (0x4000 << 64);
        let number = number & !(0b11 << 62) | (0b10 << 62);
        format!("2.25.{number}")
    }

    /// A clean PNG of an image.
    pub fn png(&self, image: &MedicalImage) -> Result<Vec<u8>, ViewError> {
        let mut rgb = image.rgb.clone();
        for rectangle in &self.black {
            paint_rgb(&mut rgb, image.width, image.height, rectangle);
        }
        encode_png(&rgb, image.width, image.height)
    }
}

/// The files in a folder and in those inside it, sorted by path, up to the limits. Links are not followed.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for path in files::below(&folder) {
            let kind = path.symlink_metadata().map(|known| known.file_type());
            match kind {
                Ok(kind) if kind.is_file() => found.push(path),
                Ok(kind) if kind.is_dir() && depth < MAX_FOLDER_DEPTH => {
                    folders.push((path, depth + 1))
                }
                _ => {}
            }
        }
    }
    found.sort();
    found.truncate(MAX_FILES);
    found
}

fn paint_rgb(rgb: &mut [u8], width: u32, height: u32, rectangle: &Rectangle) {
    let (right, bottom) = rectangle.ends();
    let (right, bottom) = (right.min(width) as usize, bottom.min(height) as usize);
    for y in rectangle.y as usize..bottom {
        let line = y * width as usize;
        let from = (line + (rectangle.x as usize).min(right)) * 3;
        rgb.get_mut(from..(line + right) * 3)
            .unwrap_or_default()
            .fill(0);
    }
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, ViewError> {
    let limit = UNSUSPICIOUS_BYTES
        .max(bytes.len() as u64 * MAX_GROWTH)
        .min(MAX_FILE_BYTES);
    let mut body = Vec::new();
    let read = DeflateDecoder::new(bytes)
        .take(limit + 1)
        .read_to_end(&mut body);
    match read {
        Ok(_) if body.len() as u64 <= limit => Ok(body),
        Ok(_) => Err(damaged("it grows beyond all proportion")),
        Err(_) => Err(damaged("its compressed part is incomplete")),
    }
}

pub(crate) fn damaged(why: &str) -> ViewError {
    ViewError::NotCleaned(format!("the DICOM file is damaged ({why})"))
}

/// What may be left in the pixels, as sentences: what the file says about burned-in text, or that it says nothing.
pub fn warnings(facts: &Facts) -> Vec<String> {
    let mut warnings = Vec::new();
    let often = match facts.modality {
        Modality::Ultrasound => Some("ultrasound images"),
        Modality::Other => Some("screenshots, secondary captures and photographs"),
        _ => None,
    };
    match (facts.burned_in, often) {
        (Some(true), _) => warnings.push(
            "the file says that text is burned into the image: look at it, and black out what names a patient with --black"
                .to_owned(),
        ),
        (_, Some(kind)) => warnings.push(format!(
            "{kind} often have names burned into the pixels{}: look at the image before you share it",
            match facts.burned_in {
                Some(false) => ", even if the file denies it",
                _ => ", and the file does not say",
            }
        )),
        (None, None) => warnings.push("the file does not say whether text is burned into the image: look at it".to_owned()),
        (Some(false), None) => {}
    }
    let is_head = facts.body_part.as_deref().is_some_and(|part| {
        ["head", "brain", "skull", "face", "neck"]
            .iter()
            .any(|word| part.contains(word))
    });
    if is_head && matches!(facts.modality, Modality::Ct | Modality::Mr) {
        warnings.push("a face can be reconstructed from thin slices of a head".to_owned());
    }
    warnings
}

#[cfg(test)]
mod black_tests;
#[cfg(test)]
mod tests;
