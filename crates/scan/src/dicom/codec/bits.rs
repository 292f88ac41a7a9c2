//! Bits of a JPEG or JPEG-LS stream, the highest first, without what was stuffed in.
//!
//! Behind the end, or at a marker, zeros follow without end; [`Bits::is_over`] says so. A loop that reads bits must be bounded by
//! the size of the image.

/// How a byte after 0xFF is treated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stuffing {
    /// JPEG: a zero byte follows and is dropped.
    Byte,
    /// JPEG-LS: its highest bit is zero and is dropped.
    Bit,
}

pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
    stuffing: Stuffing,
    after_ff: bool,
    /// Bits that were made up behind the end.
    missing: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, stuffing: Stuffing) -> Self {
        Self {
            bytes,
            at,
            held: 0,
            count: 0,
            stuffing,
            after_ff: false,
            missing: 0,
        }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = self.bytes.get(self.at).copied();
            let next = self.bytes.get(self.at + 1).copied();
            let (value, bits) = match (byte, self.stuffing) {
                (None, _) => (0, 8),
                (Some(byte), Stuffing::Byte) => match (byte, next) {
                    (0xFF, Some(0)) => {
                        self.at += 2;
                        (0xFF, 8)
                    }
                    // A marker, or the end.
                    (0xFF, _) => (0, 8),
                    _ => {
                        self.at += 1;
                        (byte, 8)
                    }
                },
                (Some(byte), Stuffing::Bit) => {
                    let bits = if self.after_ff { 7 } else { 8 };
                    if byte == 0xFF && next.is_none_or(|next| next >= 0x80) {
                        // A marker.
                        (0, 8)
                    } else {
                        self.at += 1;
                        self.after_ff = byte == 0xFF;
                        (if bits == 7 { byte & 0x7F } else { byte }, bits)
                    }
                }
            };
            let made_up = match self.stuffing {
                _ if byte.is_none() => true,
                Stuffing::Byte => byte == Some(0xFF) && next != Some(0),
                Stuffing::Bit => byte == Some(0xFF) && next.is_none_or(|next| next >= 0x80),
            };
            if made_up {
                self.missing = self.missing.saturating_add(bits);
            }
            self.held = (self.held << bits) | u64::from(value);
            self.count += bits;
        }
    }

    /// The next `count` bits, at most 32.
    pub(super) fn read(&mut self, count: u32) -> u32 {
        let value = self.peek(count);
        self.skip(count);
        value
    }

    /// The next `count` bits, at most 32, which stay.
    pub(super) fn peek(&mut self, count: u32) -> u32 {
        if self.count < count {
            self.fill();
        }
        if count == 0 {
            return 0;
        }
        ((self.held >> (self.count - count)) & ((1 << count) - 1)) as u32
    }

    /// Drops bits that were peeked at.
    pub(super) fn skip(&mut self, count: u32) {
        self.count -= count.min(self.count);
    }

    /// Counts zeros up to a one, which is dropped too; at most `limit`.
    pub(super) fn zeros(&mut self, limit: u32) -> u32 {
        let mut zeros = 0;
        while zeros < limit && self.read(1) == 0 {
            zeros += 1;
        }
        zeros
    }

    /// More was read than there is.
    pub(super) fn is_over(&self) -> bool {
        self.missing > self.count
    }

    /// Goes behind the next restart marker; false if another marker or the end comes first.
    pub(super) fn restart(&mut self) -> bool {
        self.held = 0;
        self.count = 0;
        self.missing = 0;
        self.after_ff = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            match (byte, self.bytes.get(self.at + 1)) {
                (0xFF, Some(0xD0..=0xD7)) => {
                    self.at += 2;
                    return true;
                }
                (0xFF, Some(0x01..=0xFE)) => return false,
                _ => self.at += 1,
            }
        }
        false
    }
}
