//! How a tensor lies in its storage: sizes, strides and a first element, checked before a byte is read.
//!
//! All three come from the pickle. A layout that exists here stays inside its storage and has a length that can be
//! allocated; never make one in another way than through [`Layout::new`].

use super::values::Value;
use crate::weights::WeightError;
use rounds_support::errors::bytes;

/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 32;
/// Longest tensor in bytes. The largest published ones, embeddings of a vocabulary, have some GiB.
const MAX_TENSOR: u64 = 16 << 30;
/// Longest tensor in bytes that may be longer than its storage, by using elements of it more than once.
const MAX_REPEATED: u64 = 16 << 20;

/// A checked layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) shape: Vec<usize>,
    /// In elements.
    stride: Vec<usize>,
    /// First element in the storage.
    offset: usize,
    /// Number of elements of the tensor.
    elements: usize,
    /// Number of elements of the storage from the first one to the last one that is used.
    extent: usize,
    /// Bytes of one element.
    width: usize,
}

impl Layout {
    /// Checks what a pickle says about the `tensor` of that name: size, stride and offset in a storage that holds
    /// `stored` elements of `width` bytes. The caller has made sure that the storage is that long.
    pub(super) fn new(
        file: &str,
        tensor: &str,
        (size, stride, offset): (&[Value], &[Value], i64),
        (stored, width): (usize, usize),
    ) -> Result<Self, WeightError> {
        let wrong = |reason: &str| WeightError::format(file, format!("tensor {tensor}: {reason}"));
        if size.len() > MAX_DIMENSIONS {
            let what = format!("a tensor of {} dimensions ({tensor})", size.len());
            return Err(WeightError::too_large(file, what, MAX_DIMENSIONS));
        }
        if size.len() != stride.len() {
            return Err(wrong("as many strides as dimensions are needed"));
        }
        let shape = numbers(size).ok_or_else(|| wrong("its shape is not made of sizes"))?;
        let stride = numbers(stride).ok_or_else(|| wrong("its strides cannot be followed"))?;
        let offset = usize::try_from(offset).map_err(|_| wrong("it begins before its storage"))?;
        let elements = shape
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size))
            .ok_or_else(|| wrong("it has more elements than can be counted"))?;
        let extent = extent(&shape, &stride, elements)
            .ok_or_else(|| wrong("it has more elements than can be counted"))?;
        if offset.checked_add(extent).is_none_or(|end| end > stored) {
            return Err(wrong("it reaches beyond its storage"));
        }
        let limit = MAX_TENSOR.min(MAX_REPEATED.max(stored.saturating_mul(width) as u64));
        let length = elements.checked_mul(width);
        if length.is_none_or(|length| length as u64 > limit) {
            let what = format!("a tensor of {elements} elements ({tensor})");
            return Err(WeightError::too_large(file, what, bytes(limit)));
        }
        Ok(Self {
            shape,
            stride,
            offset,
            elements,
            extent,
            width,
        })
    }

    /// The piece of the storage that holds the tensor: its first byte, and its length in bytes.
    pub(super) fn piece(&self) -> (u64, u64) {
        // No overflow: the storage ends behind it, and its length in bytes was counted.
        let first = self.offset * self.width;
        let length = self.extent * self.width;
        (first as u64, length as u64)
    }

    /// Whether the elements follow each other without gaps, the last dimension fastest.
    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        let dimensions = self.shape.iter().zip(&self.stride);
        self.elements == 0
            || dimensions.rev().all(|(&size, &stride)| {
                let fits = size == 1 || stride == expected;
                expected *= size;
                fits
            })
    }

    /// The elements in the order of the shape, out of the piece of storage that [`Self::piece`] names.
    /// `None` if the memory cannot be had or the piece is another one.
    pub(super) fn gather(&self, piece: Vec<u8>) -> Option<Vec<u8>> {
        if self.is_contiguous() {
            return Some(piece);
        }
        let mut gathered = Vec::new();
        gathered
            .try_reserve_exact(self.elements.checked_mul(self.width)?)
            .ok()?;
        let (&row, outer) = self.shape.split_last()?;
        let (&step, outer_stride) = self.stride.split_last()?;
        let mut place = vec![0_usize; outer.len()];
        loop {
            let start: usize = place
                .iter()
                .zip(outer_stride)
                .map(|(i, stride)| i * stride)
                .sum();
            for i in 0..row {
                let at = (start + i * step) * self.width;
                gathered.extend_from_slice(piece.get(at..at + self.width)?);
            }
            if !advance(&mut place, outer) {
                return Some(gathered);
            }
        }
    }
}

/// The values as numbers from zero up.
fn numbers(values: &[Value]) -> Option<Vec<usize>> {
    let number = |value: &Value| match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    };
    values.iter().map(number).collect()
}

/// Elements from the first one to the last one that is used.
fn extent(shape: &[usize], stride: &[usize], elements: usize) -> Option<usize> {
    if elements == 0 {
        return Some(0);
    }
    shape
        .iter()
        .zip(stride)
        .try_fold(1_usize, |last, (&size, &stride)| {
            last.checked_add(size.checked_sub(1)?.checked_mul(stride)?)
        })
}

/// Goes to the next place, the last dimension fastest; `false` after the last one.
fn advance(place: &mut [usize], shape: &[usize]) -> bool {
    for (index, &size) in place.iter_mut().zip(shape).rev() {
        *index += 1;
        if *index < size {
            return true;
        }
        *index = 0;
    }
    false
}
