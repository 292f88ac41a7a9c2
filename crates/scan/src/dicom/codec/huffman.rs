//! Huffman codes of JPEG (ITU T.81 annexes C and F).

use super::bits::Bits;

const PEEK: u32 = 9;

/// A table of codes.
#[derive(Clone)]
pub(super) struct Huffman {
    /// By the next bits: the length of the code, 0 if it is longer, and its symbol.
    short: Vec<(u8, u8)>,
    /// By length: the first code that is too large, shifted to 16 bits, and where its symbols are.
    limits: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// From the numbers of codes by length, and the symbols. `None` if there are more codes than bits allow.
    pub(super) fn new(counts: [u8; 16], symbols: &[u8]) -> Option<Self> {
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        let symbols = symbols.get(..total)?.to_vec();
        let mut short = vec![(0, 0); 1 << PEEK];
        let mut limits = [(0, 0); 17];
        let (mut code, mut index) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(&counts) {
            let first = index as i32 - code as i32;
            for _ in 0..count {
                if code >= 1 << length {
                    return None;
                }
                if length <= PEEK {
                    let start = (code << (PEEK - length)) as usize;
                    let places = short.get_mut(start..start + (1 << (PEEK - length)))?;
                    places.fill((length as u8, *symbols.get(index)?));
                }
                code += 1;
                index += 1;
            }
            *limits.get_mut(length as usize)? = (code << (16 - length), first);
            code <<= 1;
        }
        Some(Self {
            short,
            limits,
            symbols,
        })
    }

    /// The next symbol; `None` if the bits are no code.
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let &(length, symbol) = self.short.get(bits.peek(PEEK) as usize)?;
        if length > 0 {
            bits.skip(u32::from(length));
            return Some(symbol);
        }
        let next = bits.peek(16);
        for length in PEEK + 1..=16 {
            let &(limit, first) = self.limits.get(length as usize)?;
            if next < limit {
                bits.skip(length);
                let index = (next >> (16 - length)) as i32 + first;
                return self.symbols.get(usize::try_from(index).ok()?).copied();
            }
        }
        None
    }

    /// The next difference: a number of bits, then the bits (T.81 F.2.2.1). 16 stands for 32768, as in lossless JPEG.
    pub(super) fn difference(&self, bits: &mut Bits<'_>) -> Option<i32> {
        match u32::from(self.symbol(bits)?) {
            0 => Some(0),
            16 => Some(32_768),
            size @ 1..16 => Some(extend(bits.read(size), size)),
            _ => None,
        }
    }
}

/// A number of `size` bits whose highest is 0 where it is negative.
pub(super) fn extend(value: u32, size: u32) -> i32 {
    let value = value as i32;
    if size > 0 && value < 1 << (size - 1) {
        value - (1 << size) + 1
    } else {
        value
    }
}
