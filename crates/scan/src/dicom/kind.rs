//! What a DICOM object without an image is, and what to do about it.

use super::data_set::DataSet;
use super::parse::Parsed;
use super::tags;
use super::walk::Stop;
use crate::error::Fault;

/// The error for an object without samples.
pub(crate) fn no_image(parsed: &Parsed) -> Fault {
    if is_directory(parsed) {
        return Fault::NoPixels {
            kind: "a directory of other files",
            instead: "open the DICOMDIR where it lies beside the files it lists, or open their folder",
        };
    }
    let (kind, instead) = of_class(&class(parsed))
        .or_else(|| of_modality(&parsed.data))
        .unwrap_or((
            "an object of another kind",
            "open the image that it belongs to",
        ));
    let states_an_image = parsed.data.has(tags::ROWS) && parsed.data.has(tags::COLUMNS);
    match parsed.stop {
        Stop::Short if parsed.data.is_empty() || states_an_image => {
            Fault::broken("DICOM", "it ends before its image")
        }
        Stop::Broken if parsed.data.is_empty() || states_an_image => {
            Fault::broken("DICOM", "its elements are damaged before its image")
        }
        _ if states_an_image => Fault::NoPixels {
            kind: "an image whose pixels were taken out",
            instead: "copy or export the image again",
        },
        _ => Fault::NoPixels { kind, instead },
    }
}

/// Whether it is a DICOMDIR.
pub(crate) fn is_directory(parsed: &Parsed) -> bool {
    parsed.data.has(tags::DIRECTORY_RECORDS) || class(parsed) == "1.2.840.10008.1.3.10"
}

fn class(parsed: &Parsed) -> String {
    let stated = parsed
        .data
        .text(tags::SOP_CLASS)
        .or_else(|| parsed.meta.text(tags::MEDIA_STORAGE_SOP_CLASS));
    stated.unwrap_or_default()
}

const PLAN: (&str, &str) = (
    "a radiotherapy plan",
    "open the planning CT or the dose (RTDOSE) instead",
);
const STRUCTURES: (&str, &str) = (
    "a set of contours for radiotherapy",
    "open the CT they were drawn on, or convert them to a label map first",
);
const REPORT: (&str, &str) = (
    "a structured report",
    "open the images it reports on; its text can be part of a question",
);
const WAVEFORM: (&str, &str) = ("a waveform, such as an ECG", "export it as an image first");
const PRESENTATION: (&str, &str) = ("a presentation state", "open the images it is about");
const DOCUMENT: (&str, &str) = (
    "an embedded document",
    "extract the PDF and export its pages as PNG",
);
const PALETTE: (&str, &str) = (
    "a colour palette",
    "open an image instead; palettes are built in",
);
const REGISTRATION: (&str, &str) = (
    "a registration of other images",
    "open the images it is about",
);

fn of_class(uid: &str) -> Option<(&'static str, &'static str)> {
    let number = uid.strip_prefix("1.2.840.10008.5.1.4.")?;
    Some(match number {
        "39.1" => PALETTE,
        "1.1.481.3" => STRUCTURES,
        "1.1.481.5" | "1.1.481.8" => PLAN,
        "1.1.66.1" | "1.1.66.3" => REGISTRATION,
        _ if number.starts_with("1.1.88.") => REPORT,
        _ if number.starts_with("1.1.9.") => WAVEFORM,
        _ if number.starts_with("1.1.11.") => PRESENTATION,
        _ if number.starts_with("1.1.104.") => DOCUMENT,
        _ => return None,
    })
}

fn of_modality(data: &DataSet) -> Option<(&'static str, &'static str)> {
    Some(match data.code(tags::MODALITY)?.as_str() {
        "RTPLAN" => PLAN,
        "RTSTRUCT" => STRUCTURES,
        "SR" | "KO" => REPORT,
        "ECG" | "HD" | "EPS" | "AU" => WAVEFORM,
        "PR" => PRESENTATION,
        "DOC" => DOCUMENT,
        "REG" => REGISTRATION,
        _ => return None,
    })
}
