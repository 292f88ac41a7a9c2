//! The header: sizes, type of the samples, scaling, affine (nifti1.h and nifti2.h of the NIfTI data format working group).

use super::affine::{from_quaternion, to_lps};
use super::data::Type;
use crate::dicom::check_size;
use crate::error::Fault;
use crate::geometry::{Affine, column, length};
use crate::volume::{Facts, Modality};

const FORMAT: &str = "NIfTI";
/// So many bytes at the beginning are enough for [`parse`].
pub(crate) const HEADER_BYTES: usize = 544;
const MAGIC_2: &[u8] = b"n+2\0\r\n\x1A\n";
const MAGIC_2_PAIR: &[u8] = b"ni2\0\r\n\x1A\n";
/// Intents of CIFTI files, whose samples are matrices of brain regions.
const CIFTI: std::ops::RangeInclusive<i32> = 3000..=3099;
const LABELS: i32 = 1002;

/// Where the samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Behind the header.
    Single,
    /// In a file of their own.
    Pair,
    /// Also in a file of their own, and the header says neither scaling nor orientation.
    Analyze,
}

/// What the header says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) size: [usize; 3],
    /// Time points, or other components.
    pub(crate) components: usize,
    pub(crate) sample: Type,
    pub(crate) little: bool,
    /// Offset of the samples in their file.
    pub(crate) offset: u64,
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
    pub(crate) affine: Option<Affine>,
    pub(crate) spacing: [Option<f64>; 3],
    pub(crate) facts: Facts,
}

impl Header {
    /// Samples of one slice.
    pub(crate) fn slice_samples(&self) -> usize {
        self.size[0] * self.size[1]
    }
}

/// Whether `bytes`, the beginning of a file, are NIfTI.
pub(crate) fn is_nifti(bytes: &[u8]) -> bool {
    let version_1 = matches!(bytes.get(344..348), Some(b"n+1\0" | b"ni1\0"))
        && little_endian(bytes, 348).is_some();
    version_1
        || matches!(bytes.get(4..12), Some(magic) if magic == MAGIC_2 || magic == MAGIC_2_PAIR)
}

/// Whether `bytes` are the header of an Analyze file; also that of other formats, so that the name must fit too.
pub(crate) fn looks_like_analyze(bytes: &[u8]) -> bool {
    !is_nifti(bytes) && bytes.len() >= 348 && little_endian(bytes, 348).is_some()
}

/// The byte order in which the header states its own length.
fn little_endian(bytes: &[u8], length: u32) -> Option<bool> {
    let first = *bytes.first_chunk()?;
    if u32::from_le_bytes(first) == length {
        Some(true)
    } else if u32::from_be_bytes(first) == length {
        Some(false)
    } else {
        None
    }
}

/// Numbers at offsets.
struct Fields<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Fields<'_> {
    fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut part: [u8; N] = self
            .bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .unwrap_or([0; N]);
        if !self.little {
            part.reverse();
        }
        part
    }

    fn short(&self, at: usize) -> i64 {
        i64::from(i16::from_le_bytes(self.get(at)))
    }

    fn int(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.get(at))
    }

    fn long(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.get(at))
    }

    fn float(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.get(at)))
    }

    fn double(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.get(at))
    }
}

/// The fields of both versions.
struct Raw {
    dims: [i64; 8],
    code: i64,
    steps: [f64; 8],
    offset: f64,
    slope: f64,
    intercept: f64,
    units: i32,
    intent: i32,
    qform: i64,
    sform: i64,
    quaternion: [f64; 3],
    shift: [f64; 3],
    rows: [[f64; 4]; 3],
}

/// Reads the header of a file; `bytes` are at least its first [`HEADER_BYTES`], or all of it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Header, Fault> {
    let is_2 = matches!(bytes.get(4..12), Some(magic) if magic == MAGIC_2 || magic == MAGIC_2_PAIR);
    let (expected, kind) = if is_2 {
        (
            540,
            if bytes.get(4..12) == Some(MAGIC_2) {
                Kind::Single
            } else {
                Kind::Pair
            },
        )
    } else {
        let kind = match bytes.get(344..348) {
            Some(b"n+1\0") => Kind::Single,
            Some(b"ni1\0") => Kind::Pair,
            _ => Kind::Analyze,
        };
        (348, kind)
    };
    if bytes.len() < expected {
        return Err(Fault::broken(FORMAT, "it ends inside its header"));
    }
    let little = little_endian(bytes, expected as u32)
        .ok_or_else(|| Fault::broken(FORMAT, "the length of its header is wrong"))?;
    let fields = Fields { bytes, little };
    let raw = if is_2 {
        version_2(&fields)
    } else {
        version_1(&fields)
    };
    interpret(&raw, kind, little, is_2)
}

fn version_1(fields: &Fields<'_>) -> Raw {
    Raw {
        dims: std::array::from_fn(|i| fields.short(40 + 2 * i)),
        code: fields.short(70),
        steps: std::array::from_fn(|i| fields.float(76 + 4 * i)),
        offset: fields.float(108),
        slope: fields.float(112),
        intercept: fields.float(116),
        units: i32::from(fields.get::<1>(123)[0]),
        intent: fields.short(68) as i32,
        qform: fields.short(252),
        sform: fields.short(254),
        quaternion: std::array::from_fn(|i| fields.float(256 + 4 * i)),
        shift: std::array::from_fn(|i| fields.float(268 + 4 * i)),
        rows: std::array::from_fn(|row| {
            std::array::from_fn(|i| fields.float(280 + 16 * row + 4 * i))
        }),
    }
}

fn version_2(fields: &Fields<'_>) -> Raw {
    Raw {
        dims: std::array::from_fn(|i| fields.long(16 + 8 * i)),
        code: fields.short(12),
        steps: std::array::from_fn(|i| fields.double(104 + 8 * i)),
        offset: fields.long(168) as f64,
        slope: fields.double(176),
        intercept: fields.double(184),
        units: fields.int(500),
        intent: fields.int(504),
        qform: i64::from(fields.int(344)),
        sform: i64::from(fields.int(348)),
        quaternion: std::array::from_fn(|i| fields.double(352 + 8 * i)),
        shift: std::array::from_fn(|i| fields.double(376 + 8 * i)),
        rows: std::array::from_fn(|row| {
            std::array::from_fn(|i| fields.double(400 + 32 * row + 8 * i))
        }),
    }
}

fn interpret(raw: &Raw, kind: Kind, little: bool, is_2: bool) -> Result<Header, Fault> {
    let format = if kind == Kind::Analyze {
        "Analyze"
    } else {
        FORMAT
    };
    if CIFTI.contains(&raw.intent) && kind != Kind::Analyze {
        return Err(Fault::unsupported(
            format,
            "a matrix of brain regions (CIFTI), not an image",
        ));
    }
    let (size, components) = dimensions(&raw.dims, format)?;
    let sample = Type::of_code(raw.code)?;
    let mut notes = Vec::new();
    let to_mm = match raw.units & 7 {
        1 => 1000.0,
        3 => 0.001,
        _ => 1.0,
    };
    let step = |axis: usize| {
        let step = raw.steps[axis].abs() * to_mm;
        (step.is_finite() && step > 0.0).then_some(step)
    };
    let affine = if kind == Kind::Analyze {
        None
    } else {
        affine(raw, to_mm)
    };
    let spacing = match &affine {
        Some(affine) => [0, 1, 2].map(|axis| Some(length(column(affine, axis)))),
        None => [step(1), step(2), step(3)],
    };
    if affine.is_none() {
        notes.push("It does not state how it lies in the patient.".to_owned());
    }
    let (slope, intercept) = match (raw.slope, raw.intercept) {
        _ if kind == Kind::Analyze || sample.is_colour() => (1.0, 0.0),
        (slope, intercept) if slope.is_finite() && slope != 0.0 => (
            slope,
            if intercept.is_finite() {
                intercept
            } else {
                0.0
            },
        ),
        _ => (1.0, 0.0),
    };
    if sample.has_alpha() {
        notes.push("The opacity of its colours is left out.".to_owned());
    }
    if sample.is_complex() {
        notes.push("Of its complex values, the magnitude is shown.".to_owned());
    }
    let frame_ms = match raw.units & 0x38 {
        8 => 1000.0,
        16 => 1.0,
        24 => 0.001,
        _ => 0.0,
    };
    let frame_time = (components > 1)
        .then_some(raw.steps[4].abs() * frame_ms)
        .filter(|ms| ms.is_finite() && *ms > 0.0);
    Ok(Header {
        kind,
        size,
        components,
        sample,
        little,
        offset: offset(raw.offset, kind, is_2, format)?,
        slope,
        intercept,
        affine,
        spacing,
        facts: Facts {
            modality: if raw.intent == LABELS {
                Modality::Labels
            } else {
                Modality::Other
            },
            frame_time_ms: frame_time,
            encoding: match (kind, is_2) {
                (Kind::Analyze, _) => "Analyze",
                (_, false) => "NIfTI-1",
                (_, true) => "NIfTI-2",
            }
            .to_owned(),
            notes,
            ..Facts::default()
        },
    })
}

fn dimensions(dims: &[i64; 8], format: &'static str) -> Result<([usize; 3], usize), Fault> {
    let wrong = || Fault::broken(format, "its dimensions are not valid");
    let count = usize::try_from(dims[0])
        .ok()
        .filter(|count| (1..=7).contains(count))
        .ok_or_else(wrong)?;
    let mut sides = [1_u64; 7];
    for (side, &stated) in sides.iter_mut().zip(&dims[1..]).take(count) {
        *side = u64::try_from(stated)
            .ok()
            .filter(|&side| side > 0)
            .ok_or_else(wrong)?;
    }
    let [width, height, depth, rest @ ..] = sides;
    let components = rest
        .iter()
        .try_fold(1_u64, |product, &side| product.checked_mul(side));
    let slices = components
        .and_then(|components| components.checked_mul(depth))
        .unwrap_or(u64::MAX);
    check_size(width, height, slices)?;
    Ok((
        [width as usize, height as usize, depth as usize],
        (slices / depth) as usize,
    ))
}

fn offset(stated: f64, kind: Kind, is_2: bool, format: &'static str) -> Result<u64, Fault> {
    let least = match (kind, is_2) {
        (Kind::Single, false) => 352.0,
        (Kind::Single, true) => 544.0,
        _ => 0.0,
    };
    if !stated.is_finite() || stated < 0.0 || stated >= crate::limits::MAX_FILE_BYTES as f64 {
        return Err(Fault::broken(
            format,
            "the offset of its samples is not valid",
        ));
    }
    Ok(stated.max(least) as u64)
}

/// The affine in LPS millimetres: that of the sform, or of the qform; `None` if there is neither.
fn affine(raw: &Raw, to_mm: f64) -> Option<Affine> {
    let ras = if raw.sform > 0 {
        raw.rows
    } else if raw.qform > 0 {
        from_quaternion(
            raw.quaternion,
            [raw.steps[1], raw.steps[2], raw.steps[3]],
            raw.steps[0] < 0.0,
            raw.shift,
        )?
    } else {
        return None;
    };
    to_lps(ras, to_mm)
}
