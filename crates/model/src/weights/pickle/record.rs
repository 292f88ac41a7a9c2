//! Where bytes are in a file: of a storage, or of another part that is read on request.

use crate::weights::WeightError;
use crate::weights::input::Input;

/// Where the bytes of one record are in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// Offset of the first byte.
    pub(super) start: u64,
    /// Length in bytes.
    pub(super) length: u64,
}

impl Record {
    /// The part of `length` bytes from its byte `offset`; `None` if it is not inside.
    pub(super) fn part(self, offset: u64, length: u64) -> Option<Self> {
        let end = offset.checked_add(length)?;
        let start = self.start.checked_add(offset)?;
        (end <= self.length).then_some(Self { start, length })
    }

    /// `length` bytes from its byte `offset`.
    pub(super) fn read(
        self,
        input: &Input,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, WeightError> {
        let part = self.part(offset, length).ok_or_else(|| {
            let reason = format!("{length} bytes at byte {offset} are outside their record");
            WeightError::format(input.name(), reason)
        })?;
        input.read(part.start, part.length)
    }
}
