//! The elements of a DICOM object that are ever kept. All others are stepped over where the object is parsed, so that what
//! identifies a patient is never in memory as a value: never add an element here that holds a name, a day or free text. The
//! few identifiers below only go into salted hashes, the times only into a difference (see `facts` and `pet`).

/// Group and element.
pub(crate) type Tag = (u16, u16);

/// What is kept of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Its value.
    Value,
    /// Its items, parsed in the same way.
    Items,
}

macro_rules! tags {
    ($($keep:ident { $($name:ident = ($group:literal, $element:literal),)* })*) => {
        $($(pub(crate) const $name: Tag = ($group, $element);)*)*

        /// What is kept of the element `tag`; `None` for nothing.
        pub(crate) fn keep(tag: Tag) -> Option<Keep> {
            match tag {
                $($($name => Some(Keep::$keep),)*)*
                _ => None,
            }
        }
    };
}

tags! {
    Value {
        MEDIA_STORAGE_SOP_CLASS = (0x0002, 0x0002),
        TRANSFER_SYNTAX = (0x0002, 0x0010),
        REFERENCED_FILE = (0x0004, 0x1500),
        SOP_CLASS = (0x0008, 0x0016),
        SERIES_TIME = (0x0008, 0x0031),
        ACQUISITION_TIME = (0x0008, 0x0032),
        MODALITY = (0x0008, 0x0060),
        DISPLAY_FRAME_RATE = (0x0008, 0x2144),
        PATIENT_ID = (0x0010, 0x0020),
        PATIENT_WEIGHT = (0x0010, 0x1030),
        BODY_PART = (0x0018, 0x0015),
        CINE_RATE = (0x0018, 0x0040),
        SLICE_THICKNESS = (0x0018, 0x0050),
        SPACING_BETWEEN_SLICES = (0x0018, 0x0088),
        FRAME_TIME = (0x0018, 0x1063),
        INJECTION_TIME = (0x0018, 0x1072),
        INJECTED_DOSE = (0x0018, 0x1074),
        HALF_LIFE = (0x0018, 0x1075),
        IMAGER_PIXEL_SPACING = (0x0018, 0x1164),
        SCANNED_PIXEL_SPACING = (0x0018, 0x2010),
        REGION_UNIT_X = (0x0018, 0x6024),
        REGION_UNIT_Y = (0x0018, 0x6026),
        REGION_DELTA_X = (0x0018, 0x602C),
        REGION_DELTA_Y = (0x0018, 0x602E),
        STUDY_UID = (0x0020, 0x000D),
        SERIES_UID = (0x0020, 0x000E),
        ACQUISITION_NUMBER = (0x0020, 0x0012),
        INSTANCE_NUMBER = (0x0020, 0x0013),
        IMAGE_POSITION = (0x0020, 0x0032),
        IMAGE_ORIENTATION = (0x0020, 0x0037),
        FRAME_OF_REFERENCE = (0x0020, 0x0052),
        TEMPORAL_POSITION = (0x0020, 0x0100),
        TEMPORAL_INDEX = (0x0020, 0x9128),
        SAMPLES_PER_PIXEL = (0x0028, 0x0002),
        PHOTOMETRIC = (0x0028, 0x0004),
        PLANAR = (0x0028, 0x0006),
        FRAMES = (0x0028, 0x0008),
        ROWS = (0x0028, 0x0010),
        COLUMNS = (0x0028, 0x0011),
        PIXEL_SPACING = (0x0028, 0x0030),
        PIXEL_ASPECT = (0x0028, 0x0034),
        BITS_ALLOCATED = (0x0028, 0x0100),
        BITS_STORED = (0x0028, 0x0101),
        HIGH_BIT = (0x0028, 0x0102),
        PIXEL_REPRESENTATION = (0x0028, 0x0103),
        PADDING = (0x0028, 0x0120),
        PADDING_LIMIT = (0x0028, 0x0121),
        BURNED_IN = (0x0028, 0x0301),
        WINDOW_CENTRE = (0x0028, 0x1050),
        WINDOW_WIDTH = (0x0028, 0x1051),
        RESCALE_INTERCEPT = (0x0028, 0x1052),
        RESCALE_SLOPE = (0x0028, 0x1053),
        RESCALE_TYPE = (0x0028, 0x1054),
        WINDOW_EXPLANATION = (0x0028, 0x1055),
        VOI_FUNCTION = (0x0028, 0x1056),
        RED_DESCRIPTOR = (0x0028, 0x1101),
        GREEN_DESCRIPTOR = (0x0028, 0x1102),
        BLUE_DESCRIPTOR = (0x0028, 0x1103),
        RED_DATA = (0x0028, 0x1201),
        GREEN_DATA = (0x0028, 0x1202),
        BLUE_DATA = (0x0028, 0x1203),
        RED_SEGMENTED = (0x0028, 0x1221),
        GREEN_SEGMENTED = (0x0028, 0x1222),
        BLUE_SEGMENTED = (0x0028, 0x1223),
        LUT_DESCRIPTOR = (0x0028, 0x3002),
        LUT_DATA = (0x0028, 0x3006),
        CORRECTED_IMAGE = (0x0028, 0x0051),
        PET_UNITS = (0x0054, 0x1001),
        DECAY_CORRECTION = (0x0054, 0x1102),
        SEGMENTATION_TYPE = (0x0062, 0x0001),
        FRACTIONAL_MAXIMUM = (0x0062, 0x000E),
        SEGMENT_NUMBER = (0x0062, 0x000B),
        DOSE_UNITS = (0x3004, 0x0002),
        FRAME_OFFSETS = (0x3004, 0x000C),
        DOSE_SCALING = (0x3004, 0x000E),
        EXTENDED_OFFSETS = (0x7FE0, 0x0001),
    }
    Items {
        DIRECTORY_RECORDS = (0x0004, 0x1220),
        ULTRASOUND_REGIONS = (0x0018, 0x6011),
        FRAME_CONTENT = (0x0020, 0x9111),
        PLANE_POSITION = (0x0020, 0x9113),
        PLANE_ORIENTATION = (0x0020, 0x9116),
        PIXEL_MEASURES = (0x0028, 0x9110),
        FRAME_VOI = (0x0028, 0x9132),
        VALUE_TRANSFORM = (0x0028, 0x9145),
        MODALITY_LUTS = (0x0028, 0x3000),
        VOI_LUTS = (0x0028, 0x3010),
        RADIOPHARMACEUTICAL = (0x0054, 0x0016),
        SEGMENT_IDENTIFICATION = (0x0062, 0x000A),
        SHARED_GROUPS = (0x5200, 0x9229),
        FRAME_GROUPS = (0x5200, 0x9230),
    }
}

/// Samples as integers.
pub(crate) const PIXELS: Tag = (0x7FE0, 0x0010);
/// Samples as 32-bit floats.
pub(crate) const FLOAT_PIXELS: Tag = (0x7FE0, 0x0008);
/// Samples as 64-bit floats.
pub(crate) const DOUBLE_PIXELS: Tag = (0x7FE0, 0x0009);

pub(crate) const ITEM: Tag = (0xFFFE, 0xE000);
pub(crate) const ITEM_END: Tag = (0xFFFE, 0xE00D);
pub(crate) const SEQUENCE_END: Tag = (0xFFFE, 0xE0DD);
