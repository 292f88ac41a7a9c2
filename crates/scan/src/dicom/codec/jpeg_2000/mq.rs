//! The arithmetic decoder (T.800 annex C), and the plain bits that take its place in bypassed passes.

/// Probability of the less probable symbol, the next state after either symbol, and whether the symbols swap.
#[rustfmt::skip]
const STATES: [(u32, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true), (0x3401, 2, 6, false), (0x1801, 3, 9, false), (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false), (0x0221, 38, 33, false), (0x5601, 7, 6, true), (0x5401, 8, 14, false),
    (0x4801, 9, 14, false), (0x3801, 10, 14, false), (0x3001, 11, 17, false), (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false), (0x1601, 29, 21, false), (0x5601, 15, 14, true), (0x5401, 16, 14, false),
    (0x5101, 17, 15, false), (0x4801, 18, 16, false), (0x3801, 19, 17, false), (0x3401, 20, 18, false),
    (0x3001, 21, 19, false), (0x2801, 22, 19, false), (0x2401, 23, 20, false), (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false), (0x1801, 26, 23, false), (0x1601, 27, 24, false), (0x1401, 28, 25, false),
    (0x1201, 29, 26, false), (0x1101, 30, 27, false), (0x0AC1, 31, 28, false), (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false), (0x0521, 34, 31, false), (0x0441, 35, 32, false), (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false), (0x0141, 38, 35, false), (0x0111, 39, 36, false), (0x0085, 40, 37, false),
    (0x0049, 41, 38, false), (0x0025, 42, 39, false), (0x0015, 43, 40, false), (0x0009, 44, 41, false),
    (0x0005, 45, 42, false), (0x0001, 45, 43, false), (0x5601, 46, 46, false),
];

/// The same with an entry for every number of six bits, so that none has to be compared with their count. The last ones are
/// never reached.
static BY_NUMBER: [(u32, u8, u8, bool); 64] = by_number();

const fn by_number() -> [(u32, u8, u8, bool); 64] {
    let mut all = [STATES[46]; 64];
    let mut number = 0;
    while number < STATES.len() {
        all[number] = STATES[number];
        number += 1;
    }
    all
}

/// What a context has learnt.
#[derive(Clone, Copy, Default)]
pub(super) struct Context {
    pub(super) state: u8,
    symbol: bool,
}

impl Context {
    pub(super) fn new(state: u8) -> Self {
        Self {
            state,
            symbol: false,
        }
    }
}

/// A source of decisions.
pub(super) struct Mq<'a> {
    bytes: &'a [u8],
    at: usize,
    a: u32,
    c: u32,
    count: u32,
}

impl<'a> Mq<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut mq = Self {
            bytes,
            at: 0,
            a: 0x8000,
            c: 0,
            count: 0,
        };
        mq.c = mq.byte(0) << 16;
        mq.next_byte();
        mq.c <<= 7;
        mq.count -= 7;
        mq
    }

    /// Behind the end there is a marker.
    fn byte(&self, at: usize) -> u32 {
        self.bytes.get(at).map_or(0xFF, |&byte| u32::from(byte))
    }

    fn next_byte(&mut self) {
        let next = self.byte(self.at + 1);
        if self.byte(self.at) == 0xFF {
            if next > 0x8F {
                self.c += 0xFF00;
                self.count = 8;
            } else {
                self.at += 1;
                self.c += next << 9;
                self.count = 7;
            }
        } else {
            self.at += 1;
            self.c += next << 8;
            self.count = 8;
        }
    }

    #[inline]
    pub(super) fn decide(&mut self, context: &mut Context) -> bool {
        let (probability, more, less, swap) = BY_NUMBER[usize::from(context.state & 63)];
        self.a -= probability;
        let is_less = if self.c >> 16 < probability {
            let is_less = self.a >= probability;
            self.a = probability;
            is_less
        } else {
            self.c -= probability << 16;
            if self.a & 0x8000 != 0 {
                return context.symbol;
            }
            self.a < probability
        };
        let decision = context.symbol != is_less;
        if is_less {
            context.symbol ^= swap;
            context.state = less;
        } else {
            context.state = more;
        }
        // As many bits at once as it takes to bring the highest of 16 to its place, or as there are.
        let mut missing = self.a.leading_zeros().saturating_sub(16);
        while missing > 0 {
            if self.count == 0 {
                self.next_byte();
            }
            let bits = missing.min(self.count);
            self.a <<= bits;
            self.c <<= bits;
            self.count -= bits;
            missing -= bits;
        }
        decision
    }
}

/// Bits of a bypassed pass; after 0xFF a byte has seven.
pub(super) struct Plain<'a> {
    bytes: &'a [u8],
    at: usize,
    value: u8,
    left: u8,
}

impl<'a> Plain<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            value: 0,
            left: 0,
        }
    }

    pub(super) fn bit(&mut self) -> bool {
        if self.left == 0 {
            self.left = if self.value == 0xFF { 7 } else { 8 };
            self.value = self.bytes.get(self.at).copied().unwrap_or(0xFF);
            self.at += 1;
        }
        self.left -= 1;
        self.value >> self.left & 1 == 1
    }
}
