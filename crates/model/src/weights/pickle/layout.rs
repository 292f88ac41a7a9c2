//! The layout of a tensor in its storage: sizes, strides and offset, checked before a byte is read.
//!
//! All three come from the pickle. Every layout is created by [`Layout::new`], which guarantees that it stays inside its
//! storage and has a length that can be allocated.

use super::values::Value;
use crate::weights::WeightError;
use rounds_support::errors::bytes;

/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 32;
/// Maximum length of a tensor in bytes. The largest published ones, token embeddings, have a few GiB.
const MAX_TENSOR: u64 = 16 << 30;
/// Maximum length in bytes of a tensor that is longer than its storage because it repeats elements.
const MAX_REPEATED: u64 = 16 << 20;

/// A checked layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) shape: Vec<usize>,
    /// Strides in elements.
    stride: Vec<usize>,
    /// Index of the first element in the storage.
    offset: usize,
    /// Number of elements of the tensor.
    elements: usize,
    /// Number of elements in the storage from the first to the last one used.
    extent: usize,
    /// Bytes of one element.
    width: usize,
}

impl Layout {
    /// Checks what a pickle says about the `tensor` of that name: size, stride and offset in a storage of `stored` elements
    /// of `width` bytes each. The caller must have checked the length of the storage.
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
            return Err(wrong("it has not as many strides as dimensions"));
        }
        let shape = numbers(size).ok_or_else(|| wrong("its shape is invalid"))?;
        let stride = numbers(stride).ok_or_else(|| wrong("its strides are invalid"))?;
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

    /// The range of the storage with the tensor: first byte, and length in bytes.
    pub(super) fn byte_range(&self) -> (u64, u64) {
        // No overflow: the range is inside the storage, whose length in bytes was computed.
        let first = self.offset * self.width;
        let length = self.extent * self.width;
        (first as u64, length as u64)
    }

    /// Whether the elements are contiguous in row-major order.
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

    /// The elements in row-major order, from the bytes of [`Self::byte_range`]. `None` if there is not enough memory or too few
    /// bytes.
    pub(super) fn gather(&self, range_bytes: Vec<u8>) -> Option<Vec<u8>> {
        if self.is_contiguous() {
            return Some(range_bytes);
        }
        let mut gathered = Vec::new();
        gathered
            .try_reserve_exact(self.elements.checked_mul(self.width)?)
            .ok()?;
        let (&row, outer) = self.shape.split_last()?;
        let (&step, outer_stride) = self.stride.split_last()?;
        let mut index = vec![0_usize; outer.len()];
        loop {
            let start: usize = index
                .iter()
                .zip(outer_stride)
                .map(|(i, stride)| i * stride)
                .sum();
            for i in 0..row {
                let at = (start + i * step) * self.width;
                gathered.extend_from_slice(range_bytes.get(at..at + self.width)?);
            }
            if !advance(&mut index, outer) {
                return Some(gathered);
            }
        }
    }
}

/// The values as non-negative numbers.
fn numbers(values: &[Value]) -> Option<Vec<usize>> {
    let number = |value: &Value| match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    };
    values.iter().map(number).collect()
}

/// Number of elements from the first to the last one used.
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

/// Moves `index` to the next index in row-major order; `false` after the last one.
fn advance(index: &mut [usize], shape: &[usize]) -> bool {
    for (axis, &size) in index.iter_mut().zip(shape).rev() {
        *axis += 1;
        if *axis < size {
            return true;
        }
        *axis = 0;
    }
    false
}
