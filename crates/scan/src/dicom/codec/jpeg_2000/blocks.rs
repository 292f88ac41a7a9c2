//! Code blocks (T.800 annex D): coefficients by bit planes, three passes each.
//!
//! Values come out doubled, with the bit below the lowest decoded one set: the middle of the interval in which the coefficient lies.

use super::mq::{Context, Mq, Plain};
use super::packets::{BYPASS, TERMINATE};
use super::tile::{Block, Kind};

const RESET: u8 = 2;
const CAUSAL: u8 = 8;
const SYMBOLS: u8 = 0x20;

const SIGNIFICANT: u8 = 1;
const VISITED: u8 = 2;
const REFINED: u8 = 4;
const NEGATIVE: u8 = 8;

/// Numbers of the contexts: zero coding from 0, then these.
const SIGN: usize = 9;
const MAGNITUDE: usize = 14;
const RUN: usize = 17;
const UNIFORM: usize = 18;

/// Rows that are coded together.
const STRIPE: usize = 4;

/// The coefficients of a block, row by row, doubled. `planes` are those of its band.
pub(super) fn decode(block: &Block, kind: Kind, planes: u32, style: u8) -> Vec<i32> {
    let (width, height) = (block.area.width(), block.area.height());
    let mut coder = Coder {
        width,
        height,
        stride: width + 2,
        flags: vec![0; (width + 2) * (height + 2)],
        values: vec![0; width * height],
        kind,
        causal: style & CAUSAL != 0,
        contexts: fresh(),
    };
    let Some(mut plane) = planes.checked_sub(block.zero_planes) else {
        return coder.values;
    };
    // The first plane only has a clean-up pass.
    let mut pass = 2;
    let mut number = 0;
    for segment in &block.segments {
        let is_plain = style & BYPASS != 0 && number >= 10 && pass < 2;
        let mut source = if is_plain {
            Source::Plain(Plain::new(&segment.data))
        } else {
            Source::Mq(Mq::new(&segment.data))
        };
        for _ in 0..segment.passes {
            if plane == 0 {
                return coder.values;
            }
            // Of a stream that is cut off, the passes without bytes would only be noise.
            if segment.data.is_empty() && style & TERMINATE == 0 && number == 0 {
                return coder.values;
            }
            match pass {
                0 => coder.significance(plane, &mut source),
                1 => coder.refinement(plane, &mut source),
                _ => {
                    coder.clean_up(plane, &mut source);
                    if style & SYMBOLS != 0 {
                        for _ in 0..4 {
                            source.decide(&mut coder.contexts, UNIFORM);
                        }
                    }
                }
            }
            if style & RESET != 0 {
                coder.contexts = fresh();
            }
            number += 1;
            pass += 1;
            if pass == 3 {
                pass = 0;
                plane -= 1;
            }
        }
    }
    coder.values
}

fn fresh() -> [Context; 19] {
    let mut contexts = [Context::default(); 19];
    contexts[0] = Context::new(4);
    contexts[RUN] = Context::new(3);
    contexts[UNIFORM] = Context::new(46);
    contexts
}

/// Where decisions come from.
enum Source<'a> {
    Mq(Mq<'a>),
    Plain(Plain<'a>),
}

impl Source<'_> {
    fn decide(&mut self, contexts: &mut [Context; 19], context: usize) -> bool {
        match self {
            Self::Mq(mq) => mq.decide(&mut contexts[context]),
            Self::Plain(plain) => plain.bit(),
        }
    }

    fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

struct Coder {
    width: usize,
    height: usize,
    /// Of the flags, which have a border of one.
    stride: usize,
    flags: Vec<u8>,
    values: Vec<i32>,
    kind: Kind,
    /// What lies below a stripe does not count for it.
    causal: bool,
    contexts: [Context; 19],
}

/// The neighbours of a coefficient that are significant.
struct Around {
    horizontal: u8,
    vertical: u8,
    diagonal: u8,
}

impl Coder {
    fn at(&self, x: usize, y: usize) -> usize {
        (y + 1) * self.stride + x + 1
    }

    fn is_cut(&self, y: usize) -> bool {
        self.causal && y % STRIPE == STRIPE - 1
    }

    fn around(&self, at: usize, y: usize) -> Around {
        let significant = |at: usize| self.flags[at] & SIGNIFICANT;
        let (up, down) = (at - self.stride, at + self.stride);
        let below = if self.is_cut(y) {
            [0; 3]
        } else {
            [down - 1, down, down + 1].map(significant)
        };
        Around {
            horizontal: significant(at - 1) + significant(at + 1),
            vertical: significant(up) + below[1],
            diagonal: significant(up - 1) + significant(up + 1) + below[0] + below[2],
        }
    }

    /// T.800 table D.1.
    fn zero_context(&self, around: &Around) -> usize {
        let (horizontal, vertical, diagonal) = match self.kind {
            Kind::HighLow => (around.vertical, around.horizontal, around.diagonal),
            _ => (around.horizontal, around.vertical, around.diagonal),
        };
        if self.kind == Kind::HighHigh {
            return match (diagonal, horizontal + vertical) {
                (3.., _) => 8,
                (2, 1..) => 7,
                (2, 0) => 6,
                (1, 2..) => 5,
                (1, 1) => 4,
                (1, 0) => 3,
                (_, 2..) => 2,
                (_, sides) => usize::from(sides),
            };
        }
        match (horizontal, vertical, diagonal) {
            (2.., _, _) => 8,
            (1, 1.., _) => 7,
            (1, _, 1..) => 6,
            (1, ..) => 5,
            (_, 2.., _) => 4,
            (_, 1, _) => 3,
            (.., 2..) => 2,
            (.., diagonal) => usize::from(diagonal),
        }
    }

    /// Reads a sign (T.800 table D.2 and D.3) and makes the coefficient significant.
    fn become_significant(&mut self, x: usize, y: usize, plane: u32, source: &mut Source<'_>) {
        let at = self.at(x, y);
        let sign = |at: usize| match self.flags[at] & (SIGNIFICANT | NEGATIVE) {
            SIGNIFICANT => 1_i32,
            flags if flags & SIGNIFICANT != 0 => -1,
            _ => 0,
        };
        let below = if self.is_cut(y) {
            0
        } else {
            sign(at + self.stride)
        };
        let horizontal = (sign(at - 1) + sign(at + 1)).clamp(-1, 1);
        let vertical = (sign(at - self.stride) + below).clamp(-1, 1);
        let (context, flip) = match (horizontal, vertical) {
            (1, 1) => (4, false),
            (1, 0) => (3, false),
            (1, _) => (2, false),
            (0, 1) => (1, false),
            (0, 0) => (0, false),
            (0, _) => (1, true),
            (_, 1) => (2, true),
            (_, 0) => (3, true),
            _ => (4, true),
        };
        let bit = source.decide(&mut self.contexts, SIGN + context);
        let is_negative = if source.is_plain() { bit } else { bit != flip };
        let size = (1 << plane) | (1 << (plane - 1));
        self.values[y * self.width + x] = if is_negative { -size } else { size };
        self.flags[at] |= SIGNIFICANT | if is_negative { NEGATIVE } else { 0 };
    }

    /// Goes through the coefficients by stripes and columns.
    fn stripes(&mut self, mut visit: impl FnMut(&mut Self, usize, usize)) {
        for top in (0..self.height).step_by(STRIPE) {
            for x in 0..self.width {
                for y in top..(top + STRIPE).min(self.height) {
                    visit(self, x, y);
                }
            }
        }
    }

    fn significance(&mut self, plane: u32, source: &mut Source<'_>) {
        self.stripes(|coder, x, y| {
            let at = coder.at(x, y);
            if coder.flags[at] & SIGNIFICANT != 0 {
                return;
            }
            let around = coder.around(at, y);
            let context = coder.zero_context(&around);
            if context == 0 {
                return;
            }
            if source.decide(&mut coder.contexts, context) {
                coder.become_significant(x, y, plane, source);
            }
            coder.flags[at] |= VISITED;
        });
    }

    fn refinement(&mut self, plane: u32, source: &mut Source<'_>) {
        let half = 1 << (plane - 1);
        self.stripes(|coder, x, y| {
            let at = coder.at(x, y);
            if coder.flags[at] & (SIGNIFICANT | VISITED) != SIGNIFICANT {
                return;
            }
            let context = if coder.flags[at] & REFINED != 0 {
                2
            } else {
                let around = coder.around(at, y);
                usize::from(around.horizontal + around.vertical + around.diagonal > 0)
            };
            let bit = source.decide(&mut coder.contexts, MAGNITUDE + context);
            let value = &mut coder.values[y * coder.width + x];
            let change = if bit { half } else { -half };
            *value += if *value < 0 { -change } else { change };
            coder.flags[at] |= REFINED;
        });
    }

    fn clean_up(&mut self, plane: u32, source: &mut Source<'_>) {
        for top in (0..self.height).step_by(STRIPE) {
            for x in 0..self.width {
                let rows = top..(top + STRIPE).min(self.height);
                let mut first = top;
                if rows.len() == STRIPE && rows.clone().all(|y| self.is_blank(x, y)) {
                    if !source.decide(&mut self.contexts, RUN) {
                        continue;
                    }
                    let high = source.decide(&mut self.contexts, UNIFORM);
                    let low = source.decide(&mut self.contexts, UNIFORM);
                    let y = top + 2 * usize::from(high) + usize::from(low);
                    self.become_significant(x, y, plane, source);
                    first = y + 1;
                }
                for y in first..rows.end {
                    let at = self.at(x, y);
                    if self.flags[at] & (SIGNIFICANT | VISITED) == 0 {
                        let around = self.around(at, y);
                        let context = self.zero_context(&around);
                        if source.decide(&mut self.contexts, context) {
                            self.become_significant(x, y, plane, source);
                        }
                    }
                }
            }
        }
        self.flags.iter_mut().for_each(|flags| *flags &= !VISITED);
    }

    /// Neither it nor a neighbour is significant, and it was not visited.
    fn is_blank(&self, x: usize, y: usize) -> bool {
        let at = self.at(x, y);
        let around = self.around(at, y);
        self.flags[at] & (SIGNIFICANT | VISITED) == 0
            && around.horizontal + around.vertical + around.diagonal == 0
    }
}
