//! Code blocks (T.800 annex D): coefficients by bit planes, three passes each.
//!
//! Values come out doubled, with the bit below the lowest decoded one set: the middle of the interval in which the coefficient lies.

use super::mq::{Context, Mq, Plain};
use super::packets::{BYPASS, TERMINATE};
use super::tile::{Block, Kind};

const RESET: u8 = 2;
const CAUSAL: u8 = 8;
const SYMBOLS: u8 = 0x20;

/// What is known about a coefficient, above the sides on which a neighbour is significant: one number, so that a look at a
/// coefficient, of which there are very many, is one access to memory.
const SIGNIFICANT: u16 = 0x100;
const VISITED: u16 = 0x200;
const REFINED: u16 = 0x400;
const NEGATIVE: u16 = 0x800;

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
        states: vec![0; (width + 2) * (height + 2)],
        values: vec![0; width * height],
        zero_contexts: std::array::from_fn(|near| zero_context(kind, near as u8)),
        causal: style & CAUSAL != 0,
        contexts: fresh(),
    };
    let Some(plane) = planes.checked_sub(block.zero_planes) else {
        return coder.values;
    };
    // The first plane only has a clean-up pass.
    let mut next = Next {
        plane,
        pass: 2,
        number: 0,
    };
    for segment in &block.segments {
        // Of a stream that is cut off, passes without bytes would only be noise.
        if segment.data.is_empty() && style & TERMINATE == 0 && next.number == 0 {
            break;
        }
        if style & BYPASS != 0 && next.number >= 10 && next.pass < 2 {
            coder.segment(
                &mut next,
                segment.passes,
                style,
                &mut Plain::new(&segment.data),
            );
        } else {
            coder.segment(
                &mut next,
                segment.passes,
                style,
                &mut Mq::new(&segment.data),
            );
        }
    }
    coder.values
}

/// The pass that comes next.
struct Next {
    /// Bit plane; 0 behind the last.
    plane: u32,
    /// Significance, refinement or clean-up.
    pass: u8,
    /// Counted from the first pass of the block.
    number: u32,
}

fn fresh() -> [Context; 19] {
    let mut contexts = [Context::default(); 19];
    contexts[0] = Context::new(4);
    contexts[RUN] = Context::new(3);
    contexts[UNIFORM] = Context::new(46);
    contexts
}

/// Where decisions come from.
trait Source {
    /// Decisions are plain bits.
    const IS_PLAIN: bool;

    fn decide(&mut self, context: &mut Context) -> bool;
}

impl Source for Mq<'_> {
    const IS_PLAIN: bool = false;

    #[inline]
    fn decide(&mut self, context: &mut Context) -> bool {
        Mq::decide(self, context)
    }
}

impl Source for Plain<'_> {
    const IS_PLAIN: bool = true;

    fn decide(&mut self, _: &mut Context) -> bool {
        self.bit()
    }
}

struct Coder {
    width: usize,
    height: usize,
    /// Of the states, which have a border of one.
    stride: usize,
    /// Of every coefficient: the sides on which a neighbour is significant, and above them its flags.
    states: Vec<u16>,
    values: Vec<i32>,
    /// The context of zero coding by those sides.
    zero_contexts: [u8; 256],
    /// What lies below a stripe does not count for it.
    causal: bool,
    contexts: [Context; 19],
}

/// Sides on which a neighbour is significant.
const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const UP: u8 = 4;
const DOWN: u8 = 8;
const UP_LEFT: u8 = 16;
const UP_RIGHT: u8 = 32;
const DOWN_LEFT: u8 = 64;
const DOWN_RIGHT: u8 = 128;

/// The context of zero coding for the neighbours that are significant (T.800 table D.1).
fn zero_context(kind: Kind, near: u8) -> u8 {
    let count = |sides: u8| (near & sides).count_ones() as u8;
    let (horizontal, vertical) = match kind {
        Kind::HighLow => (count(UP | DOWN), count(LEFT | RIGHT)),
        _ => (count(LEFT | RIGHT), count(UP | DOWN)),
    };
    let diagonal = count(UP_LEFT | UP_RIGHT | DOWN_LEFT | DOWN_RIGHT);
    if kind == Kind::HighHigh {
        return match (diagonal, horizontal + vertical) {
            (3.., _) => 8,
            (2, 1..) => 7,
            (2, 0) => 6,
            (1, 2..) => 5,
            (1, 1) => 4,
            (1, 0) => 3,
            (_, 2..) => 2,
            (_, sides) => sides,
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
        (.., diagonal) => diagonal,
    }
}

impl Coder {
    /// Decodes the passes of a segment.
    fn segment(&mut self, next: &mut Next, passes: u32, style: u8, source: &mut impl Source) {
        for _ in 0..passes {
            if next.plane == 0 {
                return;
            }
            match next.pass {
                0 => self.significance(next.plane, source),
                1 => self.refinement(next.plane, source),
                _ => {
                    self.clean_up(next.plane, source);
                    if style & SYMBOLS != 0 {
                        for _ in 0..4 {
                            source.decide(&mut self.contexts[UNIFORM]);
                        }
                    }
                }
            }
            if style & RESET != 0 {
                self.contexts = fresh();
            }
            next.number += 1;
            next.pass += 1;
            if next.pass == 3 {
                next.pass = 0;
                next.plane -= 1;
            }
        }
    }

    fn at(&self, x: usize, y: usize) -> usize {
        (y + 1) * self.stride + x + 1
    }

    fn is_cut(&self, y: usize) -> bool {
        self.causal && y % STRIPE == STRIPE - 1
    }

    /// Which neighbours of a coefficient are significant, by its state.
    fn near(&self, state: u16, y: usize) -> u8 {
        let near = state as u8;
        if self.is_cut(y) {
            near & !(DOWN | DOWN_LEFT | DOWN_RIGHT)
        } else {
            near
        }
    }

    fn zero_context(&self, near: u8) -> usize {
        usize::from(self.zero_contexts[usize::from(near)])
    }

    /// Tells the neighbours that a coefficient has become significant.
    fn tell_neighbours(&mut self, at: usize) {
        let (up, down) = (at - self.stride, at + self.stride);
        for (neighbour, side) in [
            (at - 1, RIGHT),
            (at + 1, LEFT),
            (up, DOWN),
            (down, UP),
            (up - 1, DOWN_RIGHT),
            (up + 1, DOWN_LEFT),
            (down - 1, UP_RIGHT),
            (down + 1, UP_LEFT),
        ] {
            self.states[neighbour] |= u16::from(side);
        }
    }

    /// Reads a sign (T.800 table D.2 and D.3) and makes the coefficient significant.
    fn become_significant<S: Source>(
        &mut self,
        at: usize,
        x: usize,
        y: usize,
        plane: u32,
        source: &mut S,
    ) {
        let sign = |at: usize| match self.states[at] & (SIGNIFICANT | NEGATIVE) {
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
        let bit = source.decide(&mut self.contexts[SIGN + context]);
        let is_negative = bit != (flip && !S::IS_PLAIN);
        let size = (1 << plane) | (1 << (plane - 1));
        self.values[y * self.width + x] = if is_negative { -size } else { size };
        self.states[at] |= SIGNIFICANT | if is_negative { NEGATIVE } else { 0 };
        self.tell_neighbours(at);
    }

    /// Goes through the coefficients by stripes and columns: their place among the states, column and row.
    fn stripes(&mut self, mut visit: impl FnMut(&mut Self, usize, usize, usize)) {
        for top in (0..self.height).step_by(STRIPE) {
            let left = self.at(0, top);
            for x in 0..self.width {
                let mut at = left + x;
                for y in top..(top + STRIPE).min(self.height) {
                    visit(self, at, x, y);
                    at += self.stride;
                }
            }
        }
    }

    fn significance(&mut self, plane: u32, source: &mut impl Source) {
        self.stripes(|coder, at, x, y| {
            let state = coder.states[at];
            let near = coder.near(state, y);
            // Without a significant neighbour the context is 0, which this pass leaves out.
            if near == 0 || state & SIGNIFICANT != 0 {
                return;
            }
            let context = coder.zero_context(near);
            if source.decide(&mut coder.contexts[context]) {
                coder.become_significant(at, x, y, plane, source);
            }
            coder.states[at] |= VISITED;
        });
    }

    fn refinement(&mut self, plane: u32, source: &mut impl Source) {
        let half = 1 << (plane - 1);
        self.stripes(|coder, at, x, y| {
            let state = coder.states[at];
            if state & (SIGNIFICANT | VISITED) != SIGNIFICANT {
                return;
            }
            let context = if state & REFINED != 0 {
                2
            } else {
                usize::from(coder.near(state, y) != 0)
            };
            let bit = source.decide(&mut coder.contexts[MAGNITUDE + context]);
            let value = &mut coder.values[y * coder.width + x];
            let change = if bit { half } else { -half };
            *value += if *value < 0 { -change } else { change };
            coder.states[at] = state | REFINED;
        });
    }

    fn clean_up(&mut self, plane: u32, source: &mut impl Source) {
        let stride = self.stride;
        for top in (0..self.height).step_by(STRIPE) {
            let left = self.at(0, top);
            let rows = top..(top + STRIPE).min(self.height);
            for x in 0..self.width {
                let place = |y: usize| left + x + (y - top) * stride;
                let mut first = top;
                if rows.len() == STRIPE && rows.clone().all(|y| self.is_blank(place(y), y)) {
                    if !source.decide(&mut self.contexts[RUN]) {
                        continue;
                    }
                    let high = source.decide(&mut self.contexts[UNIFORM]);
                    let low = source.decide(&mut self.contexts[UNIFORM]);
                    let y = top + 2 * usize::from(high) + usize::from(low);
                    self.become_significant(place(y), x, y, plane, source);
                    first = y + 1;
                }
                for y in first..rows.end {
                    let at = place(y);
                    let state = self.states[at];
                    if state & (SIGNIFICANT | VISITED) == 0 {
                        let context = self.zero_context(self.near(state, y));
                        if source.decide(&mut self.contexts[context]) {
                            self.become_significant(at, x, y, plane, source);
                        }
                    }
                }
            }
        }
        self.states.iter_mut().for_each(|state| *state &= !VISITED);
    }

    /// Neither it nor a neighbour is significant, and it was not visited.
    fn is_blank(&self, at: usize, y: usize) -> bool {
        let state = self.states[at];
        state & (SIGNIFICANT | VISITED) == 0 && self.near(state, y) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_context_is_that_of_no_significant_neighbour_and_of_nothing_else() {
        for kind in [Kind::LowLow, Kind::HighLow, Kind::LowHigh, Kind::HighHigh] {
            for near in 0..=u8::MAX {
                assert_eq!(zero_context(kind, near) == 0, near == 0, "{near:#b}");
            }
        }
    }
}
