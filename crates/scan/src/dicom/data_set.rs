//! What was kept of a DICOM object, and its values as numbers.
//!
//! A value that cannot be read is no value: nothing here fails. Text is ASCII; what else it holds never matters, as only codes
//! are read from it.

use std::collections::BTreeMap;

use super::tags::Tag;

/// Elements by tag.
#[derive(Clone, Debug, Default)]
pub(crate) struct DataSet {
    /// Whether numbers have their low byte first.
    pub(crate) little: bool,
    elements: BTreeMap<Tag, Value>,
}

/// What is kept of an element.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Bytes(Vec<u8>),
    Items(Vec<DataSet>),
}

impl DataSet {
    pub(crate) fn new(little: bool) -> Self {
        Self {
            little,
            elements: BTreeMap::new(),
        }
    }

    /// The first of several elements with one tag counts.
    pub(crate) fn insert(&mut self, tag: Tag, value: Value) {
        self.elements.entry(tag).or_insert(value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    pub(crate) fn has(&self, tag: Tag) -> bool {
        self.elements.contains_key(&tag)
    }

    pub(crate) fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match self.elements.get(&tag) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn items(&self, tag: Tag) -> &[DataSet] {
        match self.elements.get(&tag) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }

    /// The first item of a sequence.
    pub(crate) fn item(&self, tag: Tag) -> Option<&DataSet> {
        self.items(tag).first()
    }

    /// The value as text without padding; `None` if it is empty.
    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes(tag)?);
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A code string in upper case.
    pub(crate) fn code(&self, tag: Tag) -> Option<String> {
        Some(self.text(tag)?.to_ascii_uppercase())
    }

    /// All values of a decimal or integer string; one that is no number is `None`.
    pub(crate) fn decimals(&self, tag: Tag) -> Vec<Option<f64>> {
        let Some(text) = self.text(tag) else {
            return Vec::new();
        };
        text.split('\\').map(number).collect()
    }

    /// The first value of a decimal or integer string.
    pub(crate) fn decimal(&self, tag: Tag) -> Option<f64> {
        self.decimals(tag).into_iter().next().flatten()
    }

    /// Exactly `N` values of a decimal string.
    pub(crate) fn vector<const N: usize>(&self, tag: Tag) -> Option<[f64; N]> {
        let values: Option<Vec<f64>> = self.decimals(tag).into_iter().collect();
        values?.try_into().ok()
    }

    /// The first value of an integer string.
    pub(crate) fn integer(&self, tag: Tag) -> Option<i64> {
        let value = self.decimal(tag)?;
        (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
    }

    /// All values of 16 bits.
    pub(crate) fn shorts(&self, tag: Tag) -> Vec<u16> {
        let bytes = self.bytes(tag).unwrap_or_default();
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|pair| self.short(*pair))
            .collect()
    }

    fn short(&self, pair: [u8; 2]) -> u16 {
        if self.little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        }
    }

    /// One unsigned value of 16 or 32 bits.
    pub(crate) fn unsigned(&self, tag: Tag) -> Option<u32> {
        match *self.bytes(tag)? {
            [a, b] => Some(u32::from(self.short([a, b]))),
            [a, b, c, d] if self.little => Some(u32::from_le_bytes([a, b, c, d])),
            [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// All values of 64-bit floats.
    pub(crate) fn doubles(&self, tag: Tag) -> Vec<f64> {
        let bytes = self.bytes(tag).unwrap_or_default();
        let double = |eight: &[u8; 8]| {
            if self.little {
                f64::from_le_bytes(*eight)
            } else {
                f64::from_be_bytes(*eight)
            }
        };
        bytes.as_chunks().0.iter().map(double).collect()
    }

    /// All unsigned values of 64 bits.
    pub(crate) fn longs(&self, tag: Tag) -> Vec<u64> {
        self.doubles(tag).into_iter().map(f64::to_bits).collect()
    }
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_strings_are_read_with_padding_and_without_trust() {
        let tag = super::super::tags::IMAGE_POSITION;
        let mut data = DataSet::new(true);
        data.insert(tag, Value::Bytes(b"1.5\\ -2e1\\3\0".to_vec()));
        assert_eq!(data.vector(tag), Some([1.5, -20.0, 3.0]));
        assert_eq!(data.vector::<2>(tag), None);
        let mut odd = DataSet::new(true);
        odd.insert(tag, Value::Bytes(b"1A\\inf\\".to_vec()));
        assert_eq!(odd.decimals(tag), [None, None, None]);
        assert_eq!(odd.integer(tag), None);
    }

    #[test]
    fn numbers_follow_the_byte_order() {
        let tag = super::super::tags::ROWS;
        for (little, expected) in [(true, 0x0201), (false, 0x0102)] {
            let mut data = DataSet::new(little);
            data.insert(tag, Value::Bytes(vec![1, 2]));
            assert_eq!(data.unsigned(tag), Some(expected));
        }
    }
}
