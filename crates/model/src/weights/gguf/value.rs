//! Metadata values of a GGUF file. Long texts are skipped, and lists are read on request.

use std::fmt;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer of any width.
    Whole(i128),
    /// A floating-point number. One of 32 bits is converted through its shortest decimal form, so that `1e-6` stays `1e-6`.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// A short text.
    Text(String),
    /// A list, which is read on request: where its description begins in the file.
    List(u64),
    /// A long text, which was skipped.
    Skipped,
}

impl Value {
    /// The value, if it is a non-negative integer.
    pub fn whole(&self) -> Option<u64> {
        match self {
            Self::Whole(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// The value, if it is a finite number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Real(x) => Some(*x).filter(|x| x.is_finite()),
            Self::Whole(n) => Some(*n as f64),
            _ => None,
        }
    }

    /// The value, if it is true or false.
    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The value, if it is a short text.
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
            Self::List(_) => formatter.write_str("a list"),
            Self::Skipped => formatter.write_str("a long text"),
        }
    }
}
