//! Samples on a grid in space, and what is known about them. The readers of DICOM, NIfTI and NRRD make a [`Volume`]; windows,
//! planes, projections and fusion only know this type.

use serde::Serialize;

/// What made the image, as DICOM's Modality (0008,0060) or a NIfTI's intent says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// Computed tomography.
    Ct,
    /// Magnetic resonance.
    Mr,
    /// Positron emission tomography.
    Pet,
    /// Nuclear medicine.
    Nm,
    /// Projection radiography: CR, DX, RG, MG, XA, RF.
    Xray,
    /// Ultrasound.
    Ultrasound,
    /// A label map: DICOM SEG, a NIfTI of labels, or a segmentation of 3D Slicer.
    Labels,
    /// Dose of radiotherapy.
    Dose,
    /// Anything else, such as a secondary capture or a photograph.
    #[default]
    Other,
}

/// The samples of a volume: one value a voxel, or colours.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// Values after rescaling (modality LUT), such as Hounsfield units; `columns * rows * slices`, x fastest, then y, then slice.
    /// A sample without a value (padding, NaN) is `f32::NAN`.
    Values(Vec<f32>),
    /// 8-bit RGB, `columns * rows * slices * 3`, in the same order.
    Rgb(Vec<u8>),
}

/// One stack of slices. A plain image is a volume of one slice; a multi-frame object without positions is a stack whose
/// `affine` is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Columns, rows, slices (or frames); each at least 1.
    pub size: [usize; 3],
    /// The samples.
    pub pixels: Pixels,
    /// From (column, row, slice) indices of a voxel's centre to millimetres in the patient's axes: x to the left, y to the back,
    /// z to the head (LPS, as in DICOM). Rows of a 4 x 4 matrix whose last row is 0 0 0 1. `None` where the file states no position.
    pub affine: Option<[[f64; 4]; 4]>,
    /// Millimetres between voxel centres along columns, rows and slices; `None` where unknown. In a projection image it is that of the detector.
    pub spacing: [Option<f64>; 3],
    /// The technical facts.
    pub facts: Facts,
}

/// The allow-list: the only facts of a file that are ever kept. Nothing here identifies a patient, an institution or a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    /// What made the image.
    pub modality: Modality,
    /// Body part examined, lower case, sanitised, from a list of known terms.
    pub body_part: Option<String>,
    /// What a value means: `HU`, `SUV`, `Bq/ml`, `mm`, ...
    pub unit: Option<String>,
    /// Windows stated in the file, as (centre, width) with the file's VOI function, in order.
    pub windows: Vec<StatedWindow>,
    /// The first VOI LUT that the file states, which takes the place of a window.
    #[serde(skip)]
    pub voi_lut: Option<VoiLut>,
    /// Height of a pixel over its width, where the file states that instead of a spacing.
    pub pixel_aspect: Option<f64>,
    /// MONOCHROME1: low values are bright.
    pub inverted: bool,
    /// Salted hash of the frame of reference; equal where two scans share their coordinates.
    pub frame_of_reference: Option<String>,
    /// Salted hash of the series.
    pub series: Option<String>,
    /// Salted hash of the study.
    pub study: Option<String>,
    /// Salted hash of the patient.
    pub patient: Option<String>,
    /// Time between frames in milliseconds, for cine.
    pub frame_time_ms: Option<f64>,
    /// Whether text is burned into the pixels: the file's own statement, `None` if it makes none.
    pub burned_in: Option<bool>,
    /// The factor from stored activity (Bq/ml) to SUV by body weight, where the tags allow it.
    pub suv_factor: Option<f64>,
    /// Why there is no SUV, for PET without the tags.
    pub no_suv: Option<String>,
    /// What was odd about the file and how it was read nevertheless, each a sentence.
    pub notes: Vec<String>,
    /// How the file is encoded, such as `JPEG 2000 lossless` or `NIfTI-1, gzip`.
    pub encoding: String,
}

/// A window that a file states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatedWindow {
    /// Centre (level), in units of the rescaled values.
    pub centre: f64,
    /// Width, in the same units.
    pub width: f64,
    /// DICOM's VOI LUT function.
    pub function: VoiFunction,
    /// The explanation in the file, sanitised.
    pub name: Option<String>,
}

/// A table from rescaled values to brightness (DICOM PS3.3 C.11.2.1.1).
#[derive(Clone, Debug, PartialEq)]
pub struct VoiLut {
    /// The value of the first entry; lower ones also get the first entry, those beyond the table the last.
    pub first: f64,
    /// The largest brightness that the table's bits allow; it is white.
    pub white: u16,
    /// The brightness of `first`, `first + 1`, ...; never empty.
    pub entries: Vec<u16>,
}

/// How a window maps values to brightness (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VoiFunction {
    /// `LINEAR`: from centre - 0.5 - (width - 1) / 2.
    #[default]
    Linear,
    /// `LINEAR_EXACT`: from centre - width / 2.
    LinearExact,
    /// `SIGMOID`.
    Sigmoid,
}
