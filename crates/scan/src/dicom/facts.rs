//! The facts that leave this crate, and how little they say: codes are mapped to known terms, identifiers are hashed with a salt.
//!
//! Never pass on text of a file, not even sanitised: anything may be written into any field, and a name is not recognised as one.

use rounds_support::files::sha256_hex;

use super::data_set::DataSet;
use super::lut::Lut;
use super::place::group;
use super::tags::{self, Tag};
use super::{pet, place};
use crate::volume::{Facts, Modality, StatedWindow, VoiFunction};

/// Characters of a hash that are kept: 128 bits.
const HASH_CHARS: usize = 32;
/// Windows beyond this many are left out.
const MAX_WINDOWS: usize = 16;

/// Salted hash of an identifier of one `kind`. Equal identifiers of different kinds have different hashes.
pub(crate) fn hash(salt: &[u8], kind: &str, identifier: &str) -> String {
    let length = (salt.len() as u64).to_le_bytes();
    let content = [&length, salt, kind.as_bytes(), b"\0", identifier.as_bytes()].concat();
    let mut hash = sha256_hex(&content);
    hash.truncate(HASH_CHARS);
    hash
}

/// Everything that is known about the image `data`.
pub(crate) fn facts(
    data: &DataSet,
    salt: &[u8],
    encoding: String,
    inverted: bool,
    signed: bool,
) -> Facts {
    let modality = modality(data);
    let hashed = |tag: Tag, kind| data.text(tag).map(|text| hash(salt, kind, &text));
    let mut facts = Facts {
        modality,
        body_part: body_part(data),
        unit: unit(data, modality),
        windows: windows(data),
        voi_lut: voi_lut(data, signed),
        pixel_aspect: place::spacing(data).aspect,
        inverted,
        frame_of_reference: hashed(tags::FRAME_OF_REFERENCE, "frame of reference"),
        series: hashed(tags::SERIES_UID, "series"),
        study: hashed(tags::STUDY_UID, "study"),
        patient: hashed(tags::PATIENT_ID, "patient"),
        frame_time_ms: frame_time(data),
        burned_in: match data.code(tags::BURNED_IN).as_deref() {
            Some("YES") => Some(true),
            Some("NO") => Some(false),
            _ => None,
        },
        encoding,
        ..Facts::default()
    };
    if modality == Modality::Pet {
        set_suv(&mut facts, data, None);
    }
    facts
}

/// Sets the SUV factor or why there is none. See [`pet::suv_factor`] for `earliest`.
pub(crate) fn set_suv(facts: &mut Facts, data: &DataSet, earliest: Option<f64>) {
    match pet::suv_factor(data, earliest) {
        Ok(factor) => (facts.suv_factor, facts.no_suv) = (Some(factor), None),
        Err(reason) => (facts.suv_factor, facts.no_suv) = (None, Some(reason.to_owned())),
    }
}

/// By the modality, or by the kind of object where that is missing.
fn modality(data: &DataSet) -> Modality {
    let stated = data.code(tags::MODALITY).unwrap_or_default();
    let class = data.text(tags::SOP_CLASS).unwrap_or_default();
    match stated.as_str() {
        "CT" => Modality::Ct,
        "MR" => Modality::Mr,
        "PT" => Modality::Pet,
        "NM" => Modality::Nm,
        "CR" | "DX" | "RG" | "MG" | "XA" | "RF" | "IO" | "PX" | "RTIMAGE" => Modality::Xray,
        "US" | "IVUS" => Modality::Ultrasound,
        "SEG" => Modality::Labels,
        "RTDOSE" => Modality::Dose,
        "" => match class
            .strip_prefix("1.2.840.10008.5.1.4.1.1.")
            .unwrap_or_default()
        {
            "2" | "2.1" => Modality::Ct,
            "4" | "4.1" => Modality::Mr,
            "128" | "130" => Modality::Pet,
            "20" => Modality::Nm,
            "1" | "1.1" | "12.1" => Modality::Xray,
            "3.1" | "6.1" => Modality::Ultrasound,
            "66.4" => Modality::Labels,
            "481.2" => Modality::Dose,
            _ => Modality::Other,
        },
        _ => Modality::Other,
    }
}

/// The terms of PS3.16 annex L that are kept, with their codes.
#[rustfmt::skip]
const BODY_PARTS: &[(&str, &str)] = &[
    ("ABDOMEN", "abdomen"), ("ABDOMENPELVIS", "abdomen and pelvis"), ("ADRENAL", "adrenal"), ("ANKLE", "ankle"),
    ("AORTA", "aorta"), ("ARM", "arm"), ("BLADDER", "bladder"), ("BRAIN", "brain"), ("BREAST", "breast"),
    ("CAROTID", "carotid"), ("CHEST", "chest"), ("CHESTABDOMEN", "chest and abdomen"),
    ("CHESTABDPELVIS", "chest, abdomen and pelvis"), ("CLAVICLE", "clavicle"), ("COCCYX", "coccyx"), ("COLON", "colon"),
    ("CSPINE", "cervical spine"), ("CTSPINE", "cervicothoracic spine"), ("EAR", "ear"), ("ELBOW", "elbow"),
    ("EXTREMITY", "extremity"), ("EYE", "eye"), ("FACE", "face"), ("FEMUR", "femur"), ("FINGER", "finger"),
    ("FOOT", "foot"), ("FOREARM", "forearm"), ("GALLBLADDER", "gallbladder"), ("HAND", "hand"), ("HEAD", "head"),
    ("HEADNECK", "head and neck"), ("HEART", "heart"), ("HIP", "hip"), ("HUMERUS", "humerus"), ("JAW", "jaw"),
    ("KIDNEY", "kidney"), ("KNEE", "knee"), ("LEG", "leg"), ("LIVER", "liver"), ("LSPINE", "lumbar spine"),
    ("LSSPINE", "lumbosacral spine"), ("LUNG", "lung"), ("MEDIASTINUM", "mediastinum"), ("NECK", "neck"), ("NOSE", "nose"),
    ("ORBIT", "orbit"), ("OVARY", "ovary"), ("PANCREAS", "pancreas"), ("PELVIS", "pelvis"), ("PROSTATE", "prostate"),
    ("RECTUM", "rectum"), ("RIB", "rib"), ("SACRUM", "sacrum"), ("SHOULDER", "shoulder"), ("SINUS", "sinus"),
    ("SKULL", "skull"), ("SPINE", "spine"), ("SPLEEN", "spleen"), ("STERNUM", "sternum"), ("STOMACH", "stomach"),
    ("TESTIS", "testis"), ("THIGH", "thigh"), ("THORAX", "chest"), ("THYROID", "thyroid"), ("TIBIA", "tibia"), ("TOE", "toe"),
    ("TSPINE", "thoracic spine"), ("UTERUS", "uterus"), ("WHOLEBODY", "whole body"), ("WRIST", "wrist"),
];

fn body_part(data: &DataSet) -> Option<String> {
    let stated = data.code(tags::BODY_PART)?;
    let letters: String = stated.chars().filter(char::is_ascii_alphabetic).collect();
    let known = BODY_PARTS.iter().find(|(code, _)| *code == letters)?;
    Some(known.1.to_owned())
}

fn unit(data: &DataSet, modality: Modality) -> Option<String> {
    let transform = group(data, 0, tags::VALUE_TRANSFORM).unwrap_or(data);
    let unit = match modality {
        Modality::Pet => match data.code(tags::PET_UNITS)?.as_str() {
            "BQML" => "Bq/ml",
            "GML" => "SUV",
            "CNTS" => "counts",
            "PROPCNTS" => "proportional to counts",
            "CPS" => "counts/s",
            "PCNT" => "%",
            _ => return None,
        },
        Modality::Dose => match data.code(tags::DOSE_UNITS)?.as_str() {
            "GY" => "Gy",
            "RELATIVE" => "relative dose",
            _ => return None,
        },
        _ => match transform.code(tags::RESCALE_TYPE).as_deref() {
            Some("HU") => "HU",
            Some("OD") => "thousandths of optical density",
            Some("HU_MOD") => "modified HU",
            None if modality == Modality::Ct && transform.has(tags::RESCALE_SLOPE) => "HU",
            _ => return None,
        },
    };
    Some(unit.to_owned())
}

/// Where the windows of the first frame are.
fn voi(data: &DataSet) -> &DataSet {
    group(data, 0, tags::FRAME_VOI).unwrap_or(data)
}

fn windows(data: &DataSet) -> Vec<StatedWindow> {
    let voi = voi(data);
    let function = match voi.code(tags::VOI_FUNCTION).as_deref() {
        Some("LINEAR_EXACT") => VoiFunction::LinearExact,
        Some("SIGMOID") => VoiFunction::Sigmoid,
        _ => VoiFunction::Linear,
    };
    // A linear window needs a width of 1 to have one level that is neither black nor white (PS3.3 C.11.2.1.2.1).
    let is_valid = |width: f64| {
        if function == VoiFunction::Linear {
            width >= 1.0
        } else {
            width > 0.0
        }
    };
    let names = voi.text(tags::WINDOW_EXPLANATION).unwrap_or_default();
    let mut names = names
        .split('\\')
        .map(window_name)
        .collect::<Vec<_>>()
        .into_iter();
    let pairs = voi
        .decimals(tags::WINDOW_CENTRE)
        .into_iter()
        .zip(voi.decimals(tags::WINDOW_WIDTH));
    let mut windows = Vec::new();
    for (centre, width) in pairs.take(MAX_WINDOWS) {
        let name = names.next().flatten();
        if let (Some(centre), Some(width)) = (centre, width.filter(|&width| is_valid(width))) {
            windows.push(StatedWindow {
                centre,
                width,
                function,
                name,
            });
        }
    }
    windows
}

/// Words of which the name of a window may consist.
const WINDOW_WORDS: &[&str] = &[
    "abdomen",
    "algo1",
    "algo2",
    "angio",
    "body",
    "bone",
    "brain",
    "chest",
    "contrast",
    "default",
    "full",
    "hard",
    "harder",
    "head",
    "high",
    "level",
    "liver",
    "low",
    "lung",
    "lungs",
    "max",
    "mediastinum",
    "medium",
    "min",
    "narrow",
    "neck",
    "normal",
    "pelvis",
    "range",
    "sharp",
    "smooth",
    "soft",
    "softer",
    "spine",
    "standard",
    "stroke",
    "tissue",
    "user",
    "wide",
    "width",
    "window",
    "window1",
    "window2",
    "window3",
];

/// The explanation, if it only has known words and small numbers.
fn window_name(text: &str) -> Option<String> {
    let lower = text
        .trim_matches(|c: char| c == '\0' || c.is_whitespace())
        .to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split([' ', '_', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    let is_known =
        |word: &&str| WINDOW_WORDS.contains(word) || matches!(word.as_bytes(), [b'0'..=b'9']);
    (!words.is_empty() && words.len() <= 4 && words.iter().all(is_known)).then(|| words.join(" "))
}

fn voi_lut(data: &DataSet, signed: bool) -> Option<crate::volume::VoiLut> {
    let falls_below_zero = data
        .decimal(tags::RESCALE_INTERCEPT)
        .is_some_and(|intercept| intercept < 0.0);
    Lut::voi(voi(data), signed || falls_below_zero)
        .or_else(|| Lut::voi(data, signed || falls_below_zero))
}

fn frame_time(data: &DataSet) -> Option<f64> {
    let by_rate = |tag| {
        data.decimal(tag)
            .filter(|&rate| rate > 0.0)
            .map(|rate| 1000.0 / rate)
    };
    let stated = data.decimal(tags::FRAME_TIME).filter(|&ms| ms > 0.0);
    stated
        .or_else(|| by_rate(tags::CINE_RATE))
        .or_else(|| by_rate(tags::DISPLAY_FRAME_RATE))
}
