//! Tag trees (T.800 B.10.2): values of a grid, coded by the smallest value of ever larger squares.

use super::packets::HeaderBits;

pub(super) struct TagTree {
    levels: Vec<Level>,
}

struct Level {
    width: usize,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// The value is at least this.
    least: u32,
    is_known: bool,
}

impl TagTree {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let (mut width, mut height) = (width, height);
        let mut levels = Vec::new();
        loop {
            levels.push(Level {
                width,
                nodes: vec![Node::default(); width * height],
            });
            if width <= 1 && height <= 1 {
                return Self { levels };
            }
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
        }
    }

    /// Reads until it is known whether the value at (`x`, `y`) is below `limit`; the value if it is.
    pub(super) fn below(
        &mut self,
        x: usize,
        y: usize,
        limit: u32,
        bits: &mut HeaderBits<'_>,
    ) -> Option<u32> {
        let mut least = 0;
        let mut leaf = None;
        for (depth, level) in self.levels.iter_mut().enumerate().rev() {
            let node = level
                .nodes
                .get_mut((y >> depth) * level.width + (x >> depth))?;
            node.least = node.least.max(least);
            while !node.is_known && node.least < limit {
                if bits.bit() {
                    node.is_known = true;
                } else {
                    node.least += 1;
                }
            }
            least = node.least;
            leaf = (node.is_known && least < limit).then_some(least);
        }
        leaf
    }
}
