//! The numbers that samples of NIfTI and NRRD can be.

/// The type of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Sample {
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// `$read!(u8)` for samples of that type, and so on.
macro_rules! by_type {
    ($sample:expr, $read:ident) => {
        match $sample {
            $crate::sample::Sample::U8 => $read!(u8),
            $crate::sample::Sample::I8 => $read!(i8),
            $crate::sample::Sample::U16 => $read!(u16),
            $crate::sample::Sample::I16 => $read!(i16),
            $crate::sample::Sample::U32 => $read!(u32),
            $crate::sample::Sample::I32 => $read!(i32),
            $crate::sample::Sample::U64 => $read!(u64),
            $crate::sample::Sample::I64 => $read!(i64),
            $crate::sample::Sample::F32 => $read!(f32),
            $crate::sample::Sample::F64 => $read!(f64),
        }
    };
}

pub(crate) use by_type;
