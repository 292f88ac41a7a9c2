//! Single values of a GGUF file's metadata. Lists and long texts are known to be there, and nothing of them is kept.

use std::fmt;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number of any width.
    Whole(i128),
    /// A floating point number; one of 32 bits as the decimal that it is written as, so that `1e-6` is `1e-6`.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// A short text.
    Text(String),
    /// A list, or a text too long to matter.
    Skipped,
}

impl Value {
    /// A whole number that is not negative.
    pub fn whole(&self) -> Option<u64> {
        match self {
            Self::Whole(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A finite number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Real(x) => Some(*x).filter(|x| x.is_finite()),
            Self::Whole(n) => Some(*n as f64),
            _ => None,
        }
    }

    /// True or false.
    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(n) => write!(formatter, "{n}"),
            Self::Real(x) => write!(formatter, "{x}"),
            Self::Flag(flag) => write!(formatter, "{flag}"),
            Self::Text(text) => write!(formatter, "'{text}'"),
            Self::Skipped => formatter.write_str("a list"),
        }
    }
}
