//! Transfer syntaxes: how the elements and the samples of a DICOM file are encoded (PS3.5 annex A, PS3.6 annex A).

/// How elements are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// Low bytes first.
    pub(crate) little: bool,
    /// Elements state what kind of value they have.
    pub(crate) explicit: bool,
}

impl Encoding {
    pub(crate) const IMPLICIT: Self = Self {
        little: true,
        explicit: false,
    };
    pub(crate) const EXPLICIT: Self = Self {
        little: true,
        explicit: true,
    };
    pub(crate) const BIG: Self = Self {
        little: false,
        explicit: true,
    };
}

/// How samples are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Native,
    Rle,
    /// Baseline, extended and lossless, as the stream itself says.
    Jpeg,
    JpegLs,
    Jpeg2000,
    /// One that cannot be read, and what to do instead.
    Other(&'static str),
}

/// The tools and their options, as of the versions named.
const FROM_HTJ2K: &str = "uncompress it first: gdcmconv --raw IN OUT (GDCM 3.0.25 or later)";
const FROM_JPEG_XL: &str = "uncompress it first: dicom-transcode --expl-vr-le IN -o OUT (DICOM-rs, installed by cargo install dicom-pixeldata --features cli,jpegxl)";
const FROM_VIDEO: &str = "take the video out and save its frames as images: gdcmraw -i IN -o video.mp4, then ffmpeg -i video.mp4 frame-%04d.png";
const FROM_UNKNOWN: &str = "convert it to explicit VR little endian with a program that knows it, or export it again in that syntax";

/// A transfer syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) name: &'static str,
    pub(crate) encoding: Encoding,
    pub(crate) deflated: bool,
    pub(crate) codec: Codec,
}

const fn native(name: &'static str, encoding: Encoding) -> Syntax {
    Syntax {
        name,
        encoding,
        deflated: false,
        codec: Codec::Native,
    }
}

const fn encapsulated(name: &'static str, codec: Codec) -> Syntax {
    Syntax {
        name,
        encoding: Encoding::EXPLICIT,
        deflated: false,
        codec,
    }
}

/// Its UID is not repeated: it comes from the file.
const UNKNOWN: &str = "with an unknown UID";

impl Syntax {
    /// Of a file that does not say it.
    pub(crate) fn unstated(encoding: Encoding) -> Self {
        native(
            match (encoding.little, encoding.explicit) {
                (true, true) => "explicit little endian (not stated)",
                (true, false) => "implicit little endian (not stated)",
                (false, true) => "explicit big endian (not stated)",
                (false, false) => "implicit big endian (not stated)",
            },
            encoding,
        )
    }

    /// The one with this UID.
    pub(crate) fn of_uid(uid: &str) -> Self {
        let Some(number) = uid.strip_prefix("1.2.840.10008.1.2") else {
            return encapsulated(UNKNOWN, Codec::Other(FROM_UNKNOWN));
        };
        match number {
            "" => native("implicit little endian", Encoding::IMPLICIT),
            ".1" => native("explicit little endian", Encoding::EXPLICIT),
            ".1.98" => native("encapsulated uncompressed", Encoding::EXPLICIT),
            ".1.99" => Syntax {
                deflated: true,
                ..native("deflated", Encoding::EXPLICIT)
            },
            ".2" => native("explicit big endian", Encoding::BIG),
            ".5" => encapsulated("RLE", Codec::Rle),
            ".4.50" => encapsulated("JPEG baseline", Codec::Jpeg),
            ".4.51" => encapsulated("JPEG extended", Codec::Jpeg),
            ".4.57" => encapsulated("JPEG lossless", Codec::Jpeg),
            ".4.70" => encapsulated("JPEG lossless, first-order prediction", Codec::Jpeg),
            ".4.80" => encapsulated("JPEG-LS lossless", Codec::JpegLs),
            ".4.81" => encapsulated("JPEG-LS near-lossless", Codec::JpegLs),
            ".4.90" => encapsulated("JPEG 2000 lossless", Codec::Jpeg2000),
            ".4.91" => encapsulated("JPEG 2000", Codec::Jpeg2000),
            ".4.92" => encapsulated("JPEG 2000 part 2 lossless", Codec::Jpeg2000),
            ".4.93" => encapsulated("JPEG 2000 part 2", Codec::Jpeg2000),
            ".4.201" => encapsulated("HTJ2K lossless", Codec::Other(FROM_HTJ2K)),
            ".4.202" => encapsulated("HTJ2K lossless, by resolution", Codec::Other(FROM_HTJ2K)),
            ".4.203" => encapsulated("HTJ2K", Codec::Other(FROM_HTJ2K)),
            ".4.110" => encapsulated("JPEG XL lossless", Codec::Other(FROM_JPEG_XL)),
            ".4.111" => encapsulated("JPEG XL made from JPEG", Codec::Other(FROM_JPEG_XL)),
            ".4.112" => encapsulated("JPEG XL", Codec::Other(FROM_JPEG_XL)),
            ".4.100" | ".4.100.1" | ".4.101" | ".4.101.1" => {
                encapsulated("MPEG-2 video", Codec::Other(FROM_VIDEO))
            }
            ".4.107" | ".4.108" => encapsulated("HEVC video", Codec::Other(FROM_VIDEO)),
            _ if number.starts_with(".4.10") => {
                encapsulated("MPEG-4 video", Codec::Other(FROM_VIDEO))
            }
            _ if number.starts_with(".4.") => encapsulated("a retired kind of JPEG", Codec::Jpeg),
            _ => encapsulated(UNKNOWN, Codec::Other(FROM_UNKNOWN)),
        }
    }
}
