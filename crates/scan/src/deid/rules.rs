//! The elements that a clean copy keeps, and what of them. Everything else is removed.
//!
//! Never add an element of free text, a name, an address, a date, a time or an identifier. A code string is kept only where its
//! value is one of the terms listed here, because people write into any field.

/// Group and element.
pub(super) type Tag = (u16, u16);

/// What is kept of an element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// Numbers written as text.
    Digits,
    /// Numbers in binary, of this many bytes at most.
    Binary(usize),
    /// These terms.
    Terms(&'static [&'static str]),
    /// A UID of the standard itself, such as a class.
    StandardUid,
    /// A UID, replaced.
    NewUid,
    /// Its items, by the same rules.
    Items,
}

use Rule::{Binary, Digits, Items, NewUid, StandardUid, Terms};

const YES_NO: Rule = Terms(&["YES", "NO"]);
/// A number of 16 bits.
const SHORT: Rule = Binary(2);
/// A number of up to 64 bits, or a descriptor of three of 16 bits.
const NUMBER: Rule = Binary(8);
/// A few numbers.
const FEW: Rule = Binary(16);
/// A look-up table.
const TABLE: Rule = Binary(1 << 18);

/// What is kept of the element `tag`; `None` for nothing.
pub(super) fn rule((group, element): Tag) -> Option<Rule> {
    match group {
        0x0008 => general(element),
        0x0018 => acquisition(element),
        0x0020 => position(element),
        0x0028 => image(element),
        0x0054 => nuclear(element),
        0x0062 => segmentation(element),
        0x3004 => dose(element),
        0x5200 => matches!(element, 0x9229 | 0x9230).then_some(Items),
        _ => None,
    }
}

fn general(element: u16) -> Option<Rule> {
    Some(match element {
        0x0008 => Terms(&[
            "ORIGINAL",
            "DERIVED",
            "PRIMARY",
            "SECONDARY",
            "AXIAL",
            "LOCALIZER",
            "MIXED",
            "M",
            "P",
            "NORM",
            "ND",
            "OTHER",
            "MIP",
            "MPR",
            "STATIC",
            "DYNAMIC",
            "GATED",
            "WHOLE BODY",
            "SINGLE PLANE",
            "VOLUME",
            "NONE",
            "MAGNITUDE",
            "PHASE",
            "FFE",
            "SE",
        ]),
        0x0016 => StandardUid,
        0x0018 => NewUid,
        0x0060 => Terms(&[
            "CT", "MR", "PT", "NM", "CR", "DX", "MG", "XA", "RF", "RG", "US", "IVUS", "SEG",
            "RTDOSE", "OT", "SC", "ES", "GM", "SM", "XC", "OP", "OPT", "IO", "PX", "BMD", "TG",
            "EC", "DOC",
        ]),
        0x0064 => Terms(&["DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"]),
        0x0068 => Terms(&["FOR PRESENTATION", "FOR PROCESSING"]),
        0x2144 => Digits,
        0x9205 => Terms(&["MONOCHROME", "COLOR", "MIXED", "TRUE_COLOR"]),
        0x9206 => Terms(&["VOLUME", "SAMPLED", "DISTORTED", "MIXED"]),
        0x9207 => Terms(&[
            "NONE",
            "MAX_IP",
            "MEAN_IP",
            "MIN_IP",
            "VOLUME_RENDER",
            "SURFACE_RENDER",
            "MPR",
            "MIXED",
        ]),
        _ => return None,
    })
}

fn acquisition(element: u16) -> Option<Rule> {
    Some(match element {
        0x0015 => Terms(&[
            "HEAD",
            "BRAIN",
            "SKULL",
            "NECK",
            "CHEST",
            "THORAX",
            "LUNG",
            "HEART",
            "ABDOMEN",
            "LIVER",
            "KIDNEY",
            "PELVIS",
            "SPINE",
            "CSPINE",
            "TSPINE",
            "LSPINE",
            "SSPINE",
            "SHOULDER",
            "ARM",
            "ELBOW",
            "WRIST",
            "HAND",
            "HIP",
            "LEG",
            "KNEE",
            "ANKLE",
            "FOOT",
            "BREAST",
            "WHOLEBODY",
            "PROSTATE",
            "UTERUS",
            "EXTREMITY",
        ]),
        0x0020 => Terms(&["SE", "IR", "GR", "EP", "RM"]),
        0x0021 => Terms(&["SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE"]),
        0x0023 => Terms(&["1D", "2D", "3D"]),
        0x0040
        | 0x0050
        | 0x0060
        | 0x0080..=0x0084
        | 0x0086
        | 0x0087
        | 0x0088
        | 0x0089
        | 0x0091
        | 0x0093..=0x0095 => Digits,
        0x1063
        | 0x1065
        | 0x1066
        | 0x1074..=0x1076
        | 0x1100
        | 0x1110
        | 0x1111
        | 0x1120
        | 0x1130
        | 0x1150..=0x1153 => Digits,
        0x1164 | 0x1314 | 0x1316 | 0x2010 | 0x9345 => Digits,
        0x5100 => Terms(&["HFP", "HFS", "HFDR", "HFDL", "FFDR", "FFDL", "FFP", "FFS"]),
        0x5101 => Terms(&[
            "AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "CC", "MLO", "ML", "LM", "LATERAL",
        ]),
        0x6011 => Items,
        0x6012 | 0x6014 | 0x6016 | 0x6018 | 0x601A | 0x601C | 0x601E | 0x6020 | 0x6022 | 0x6024
        | 0x6026 | 0x6028 | 0x602A | 0x602C | 0x602E => NUMBER,
        _ => return None,
    })
}

fn position(element: u16) -> Option<Rule> {
    Some(match element {
        0x000D | 0x000E | 0x0052 | 0x9164 => NewUid,
        0x0011..=0x0013 | 0x0032 | 0x0037 | 0x0100 | 0x0105 | 0x0110 | 0x1041 => Digits,
        0x0020 => Terms(&[
            "L", "R", "A", "P", "H", "F", "AL", "AR", "PL", "PR", "AF", "AH", "PF", "PH", "LA",
            "LP", "RA", "RP", "FR", "FL", "HL", "HR", "LF", "LH", "RF", "RH",
        ]),
        0x0060 | 0x0062 => Terms(&["L", "R", "U", "B"]),
        0x9057 | 0x9128 | 0x9157 | 0x9156 | 0x9165 | 0x9167 => FEW,
        0x9071 | 0x9111 | 0x9113 | 0x9116 | 0x9221 | 0x9222 => Items,
        0x9072 => Terms(&["R", "L", "U", "B"]),
        _ => return None,
    })
}

fn image(element: u16) -> Option<Rule> {
    Some(match element {
        0x0002 | 0x0006 | 0x0010 | 0x0011 | 0x0100..=0x0103 | 0x0106..=0x0109 => SHORT,
        0x0120 | 0x0121 => Binary(4),
        0x0004 => Terms(&[
            "MONOCHROME1",
            "MONOCHROME2",
            "PALETTE COLOR",
            "RGB",
            "YBR_FULL",
            "YBR_FULL_422",
            "YBR_PARTIAL_422",
            "YBR_PARTIAL_420",
            "YBR_ICT",
            "YBR_RCT",
        ]),
        0x0008 | 0x0030 | 0x0034 => Digits,
        0x0051 => Terms(&[
            "DECY", "ATTN", "SCAT", "DTIM", "MOTN", "PMOT", "CLN", "RAN", "RADL", "DCAL", "NORM",
        ]),
        0x0301 => YES_NO,
        0x1040 => Terms(&["LIN", "LOG", "DISP"]),
        0x1050..=0x1053 => Digits,
        0x1054 => Terms(&[
            "HU", "US", "OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT",
        ]),
        0x1056 => Terms(&["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
        0x1101..=0x1104 | 0x3002 => Binary(6),
        0x1201..=0x1204 | 0x1221..=0x1223 | 0x3006 => TABLE,
        0x2110 => Terms(&["00", "01"]),
        0x2112 => Digits,
        0x2114 => Terms(&[
            "ISO_10918_1",
            "ISO_14495_1",
            "ISO_15444_1",
            "ISO_13818_2",
            "ISO_14496_10",
        ]),
        0x3000 | 0x3010 | 0x9110 | 0x9132 | 0x9145 => Items,
        _ => return None,
    })
}

fn nuclear(element: u16) -> Option<Rule> {
    Some(match element {
        0x0016 => Items,
        0x0081 | 0x0101 | 0x1330 => SHORT,
        0x1000 => Terms(&[
            "WHOLE BODY",
            "STATIC",
            "DYNAMIC",
            "GATED",
            "IMAGE",
            "REPROJECTION",
        ]),
        0x1001 => Terms(&[
            "CNTS",
            "NONE",
            "CM2",
            "PCNT",
            "CPS",
            "BQML",
            "MGMINML",
            "UMOLMINML",
            "MLMING",
            "MLG",
            "1CM",
            "UMOLML",
            "PROPCNTS",
            "PROPCPS",
            "MLMINML",
            "MLML",
            "GML",
            "STDDEV",
            "SUV",
        ]),
        0x1006 => Terms(&["BW", "BSA", "LBM", "LBMJAMES128", "LBMJANMA", "IBW"]),
        0x1102 => Terms(&["NONE", "START", "ADMIN"]),
        0x1300 | 0x1321 | 0x1322 => Digits,
        _ => return None,
    })
}

fn segmentation(element: u16) -> Option<Rule> {
    Some(match element {
        0x0001 => Terms(&["BINARY", "FRACTIONAL", "LABELMAP"]),
        0x0002 | 0x000A => Items,
        0x0004 | 0x000E => SHORT,
        0x000B => FEW,
        0x0008 => Terms(&["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]),
        0x0010 => Terms(&["PROBABILITY", "OCCUPANCY"]),
        0x0013 => Terms(&["YES", "NO", "UNDEFINED"]),
        _ => return None,
    })
}

fn dose(element: u16) -> Option<Rule> {
    Some(match element {
        0x0002 => Terms(&["GY", "RELATIVE"]),
        0x0004 => Terms(&["PHYSICAL", "EFFECTIVE", "ERROR"]),
        0x000A => Terms(&[
            "PLAN",
            "MULTI_PLAN",
            "FRACTION",
            "BEAM",
            "BRACHY",
            "CONTROL_POINT",
        ]),
        0x000C | 0x000E => Digits,
        _ => return None,
    })
}

/// Elements that an image must have, even if they are empty (type 2 of PS3.3).
pub(super) const EMPTY: [(Tag, [u8; 2]); 13] = [
    ((0x0008, 0x0020), *b"DA"),
    ((0x0008, 0x0030), *b"TM"),
    ((0x0008, 0x0050), *b"SH"),
    ((0x0008, 0x0070), *b"LO"),
    ((0x0008, 0x0090), *b"PN"),
    ((0x0010, 0x0010), *b"PN"),
    ((0x0010, 0x0020), *b"LO"),
    ((0x0010, 0x0030), *b"DA"),
    ((0x0010, 0x0040), *b"CS"),
    ((0x0020, 0x0010), *b"SH"),
    ((0x0020, 0x0011), *b"IS"),
    ((0x0020, 0x0013), *b"IS"),
    ((0x0020, 0x1040), *b"LO"),
];
