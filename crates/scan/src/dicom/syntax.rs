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
    /// One that cannot be read.
    Other,
}

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
            return encapsulated("an unknown transfer syntax", Codec::Other);
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
            ".4.201" => encapsulated("HTJ2K lossless", Codec::Jpeg2000),
            ".4.202" => encapsulated("HTJ2K lossless, by resolution", Codec::Jpeg2000),
            ".4.203" => encapsulated("HTJ2K", Codec::Jpeg2000),
            ".4.110" | ".4.111" | ".4.112" => encapsulated("JPEG XL", Codec::Other),
            ".4.100" | ".4.100.1" | ".4.101" | ".4.101.1" => {
                encapsulated("MPEG-2 video", Codec::Other)
            }
            ".4.107" | ".4.108" => encapsulated("HEVC video", Codec::Other),
            _ if number.starts_with(".4.10") => encapsulated("MPEG-4 video", Codec::Other),
            _ if number.starts_with(".4.") => encapsulated("a retired kind of JPEG", Codec::Jpeg),
            _ => encapsulated("an unknown transfer syntax", Codec::Other),
        }
    }
}
