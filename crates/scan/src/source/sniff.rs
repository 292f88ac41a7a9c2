//! What bytes are, by their content. Only of formats without a signature does the name count too.

use super::content::{Content, is_zip};
use crate::dicom::is_dicom;
use crate::nifti::{is_nifti, looks_like_analyze};
use crate::nrrd::is_nrrd;

/// So many bytes at the beginning are looked at.
pub(crate) const PREFIX_BYTES: usize = 1024;
/// So many are read to look at them: most headers end within, and a file of a long series need not be opened again.
pub(crate) const FIRST_BYTES: usize = 16 << 10;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Dicom,
    /// NIfTI; also the header of a pair.
    Nifti,
    /// The header of an Analyze file.
    Analyze,
    /// NRRD; also a header whose samples are in a file of their own.
    Nrrd,
    Zip,
    /// Something else, if it was recognised.
    Other(Option<&'static str>),
}

/// Whether `bytes`, a file or its first KiB, are a scan: DICOM, NIfTI, NRRD, the header of an Analyze file, or a zip or gzip named as
/// one. `name` is the name of the file.
pub fn is_scan(bytes: &[u8], name: &str) -> bool {
    match what(bytes, name) {
        Found::Dicom | Found::Nifti | Found::Nrrd | Found::Analyze => true,
        Found::Zip => has_extension(name, "zip"),
        Found::Other(Some("gzip")) => {
            let name = name.to_ascii_lowercase();
            let inside = rounds_imaging::catch_panic(|| {
                let content = Content::memory(bytes.to_vec(), "").ok()?;
                content.prefix(PREFIX_BYTES).ok()
            });
            let inside = inside.flatten().unwrap_or_default();
            matches!(
                what(&inside, name.trim_end_matches(".gz")),
                Found::Dicom | Found::Nifti | Found::Nrrd
            )
        }
        Found::Other(_) => false,
    }
}

pub(crate) fn what(bytes: &[u8], name: &str) -> Found {
    if is_nifti(bytes) {
        Found::Nifti
    } else if is_dicom(bytes) {
        Found::Dicom
    } else if is_nrrd(bytes) {
        Found::Nrrd
    } else if is_zip(bytes) {
        Found::Zip
    } else if looks_like_analyze(bytes) && has_extension(name, "hdr") {
        Found::Analyze
    } else {
        Found::Other(other(bytes))
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
}

/// Formats that are mistaken for scans, or hold scans that cannot be read.
fn other(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(&[u8], &str)] = &[
        (&[0x1F, 0x8B], "gzip"),
        (b"\x89PNG", "a PNG image"),
        (&[0xFF, 0xD8, 0xFF], "a JPEG image"),
        (b"\x89HDF", "MINC 2 or another HDF5 file"),
        (b"CDF\x01", "MINC 1 or another NetCDF file"),
        (b"CDF\x02", "MINC 1 or another NetCDF file"),
        (b"TRACK", "a TrackVis file of fibre tracts"),
        (b"mrtrix tracks", "an MRtrix file of fibre tracts"),
        (b"MATRIX7", "an ECAT file"),
        (&[0, 0, 0, 1, 0, 0], "an MGH file of FreeSurfer"),
        (b"# === DATA DESCRIPTION FILE", "a Philips PAR header"),
        (b"\ntype  = string-attribute", "an AFNI header"),
        (b"%PDF", "a PDF document"),
        (b"Rar!", "a RAR archive"),
        (b"7z\xBC\xAF", "a 7z archive"),
        (b"{", "JSON"),
        (b"<", "XML or HTML"),
    ];
    if let Some((_, name)) = SIGNATURES
        .iter()
        .find(|(signature, _)| bytes.starts_with(signature))
    {
        return Some(name);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("a tar archive");
    }
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    (!bytes.is_empty() && bytes.iter().all(is_text)).then_some("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_text_or_photographs_are_no_scans() {
        let mut dicom = vec![0; 128];
        dicom.extend_from_slice(b"DICM");
        assert!(is_scan(&dicom, "holiday.jpg"));
        let mut nifti = vec![0; 348];
        nifti[0] = 0x5C;
        nifti[1] = 0x01;
        assert!(!is_scan(&nifti, "a.bin"));
        assert!(is_scan(&nifti, "a.hdr"));
        nifti[344..348].copy_from_slice(b"n+1\0");
        assert!(is_scan(&nifti, "a.bin"));
        assert!(is_scan(b"NRRD0004\ntype: short\n", "a.bin"));
        assert!(!is_scan(b"NRRD is a format", "a.nrrd"));
        for (bytes, name) in [
            (&b"\x89PNG\r\n"[..], "a.dcm"),
            (b"hello", "a.nii"),
            (b"", "a.dcm"),
            (b"PK\x03\x04", "a.docx"),
        ] {
            assert!(!is_scan(bytes, name), "{name}");
        }
        assert!(!is_scan(&[0; 600], "zeros"));
    }
}
