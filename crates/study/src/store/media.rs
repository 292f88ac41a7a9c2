//! Images of imported cards: files in one folder, each named by the SHA-256 of its content.
//!
//! The images of an index are not here; they are read from it. Every read is checked against the file's name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::card::CardImage;
use crate::error::{StudyError, at_most, unreadable};
use rounds_imaging::limits::MAX_FILE_BYTES;
use rounds_support::files;

/// Folder in the study folder.
const FOLDER: &str = "media";

/// Where images are stored.
pub(crate) enum Media {
    /// In a folder, one file each.
    Folder(PathBuf),
    /// In memory, by name.
    Memory(BTreeMap<String, Vec<u8>>),
}

impl Media {
    /// The images below the study folder.
    pub(crate) fn below(folder: &Path) -> Self {
        Self::Folder(folder.join(FOLDER))
    }

    /// Stores an image, unless an intact copy exists.
    pub(crate) fn put(&mut self, bytes: &[u8], extension: &str) -> Result<CardImage, StudyError> {
        let limit = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
        at_most("bytes in an image", bytes.len(), limit)?;
        let image = CardImage {
            sha256: files::sha256_hex(bytes),
            extension: extension.to_ascii_lowercase(),
        };
        let name = name_of(&image)?;
        match self {
            Self::Memory(kept) => {
                kept.entry(name).or_insert_with(|| bytes.to_vec());
            }
            Self::Folder(folder) => {
                files::create_private_dir(folder)?;
                let path = folder.join(name);
                let is_there =
                    is_file(&path) && files::sha256_file(&path).is_ok_and(|it| it == image.sha256);
                if !is_there {
                    files::write_atomic(&path, bytes)?;
                }
            }
        }
        Ok(image)
    }

    /// Whether there is a file of this image, intact or not.
    pub(crate) fn has(&self, image: &CardImage) -> bool {
        name_of(image).is_ok_and(|name| match self {
            Self::Memory(kept) => kept.contains_key(&name),
            Self::Folder(folder) => is_file(&folder.join(name)),
        })
    }

    /// The bytes of an image.
    ///
    /// Errors if it is missing, is not a regular file, or does not match its name.
    pub(crate) fn get(&self, image: &CardImage) -> Result<Vec<u8>, StudyError> {
        let name = name_of(image)?;
        let missing = || unreadable(format!("image {name} is missing"));
        let bytes = match self {
            Self::Memory(kept) => kept.get(&name).ok_or_else(missing)?.clone(),
            Self::Folder(folder) => {
                let path = folder.join(&name);
                // A link could lead out of the folder.
                if !is_file(&path) {
                    return Err(missing());
                }
                files::read_limited(&path, MAX_FILE_BYTES)?
            }
        };
        if files::sha256_hex(&bytes) != image.sha256 {
            return Err(unreadable(format!(
                "image {name} was changed after it was saved"
            )));
        }
        Ok(bytes)
    }

    /// Removes an image; does nothing if it is not here.
    pub(crate) fn remove(&mut self, image: &CardImage) -> Result<(), StudyError> {
        let name = name_of(image)?;
        match self {
            Self::Memory(kept) => {
                kept.remove(&name);
                Ok(())
            }
            Self::Folder(folder) if is_file(&folder.join(&name)) => {
                Ok(files::delete(&folder.join(&name))?)
            }
            Self::Folder(_) => Ok(()),
        }
    }
}

fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Only a hash and a plain extension become a file name, so no name can lead out of the folder.
fn name_of(image: &CardImage) -> Result<String, StudyError> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_hash = image.sha256.len() == 64 && image.sha256.bytes().all(digit);
    let is_extension =
        (1..=5).contains(&image.extension.len()) && image.extension.bytes().all(plain);
    match is_hash && is_extension {
        true => Ok(format!("{}.{}", image.sha256, image.extension)),
        false => Err(unreadable("an image has an impossible name")),
    }
}
