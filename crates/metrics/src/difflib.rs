//! The similarity of Python's `difflib.SequenceMatcher`, on characters (Ratcliff and Obershelp).

use std::collections::HashMap;

/// `SequenceMatcher(None, a, b).ratio()`: twice the characters in matching blocks over all characters; 1 for two empty
/// texts. The order of the arguments matters. In a `b` of 200 characters or more, those that make up more than a
/// hundredth of it do not start a block (`autojunk`).
pub(crate) fn ratio(a: &str, b: &str) -> f64 {
    let matcher = Matcher::new(a, b);
    let all = matcher.a.len() + matcher.b.len();
    if all == 0 {
        return 1.0;
    }
    2.0 * matcher.matching() as f64 / all as f64
}

struct Matcher {
    a: Vec<char>,
    b: Vec<char>,
    /// Where a character stands in `b`, without the frequent ones.
    places: HashMap<char, Vec<usize>>,
}

/// `a[a..a + size]` equals `b[b..b + size]`.
struct Block {
    a: usize,
    b: usize,
    size: usize,
}

impl Matcher {
    fn new(a: &str, b: &str) -> Self {
        let b: Vec<char> = b.chars().collect();
        let mut places: HashMap<char, Vec<usize>> = HashMap::new();
        for (at, c) in b.iter().enumerate() {
            places.entry(*c).or_default().push(at);
        }
        if b.len() >= 200 {
            let most = b.len() / 100 + 1;
            places.retain(|_, at| at.len() <= most);
        }
        Self {
            a: a.chars().collect(),
            b,
            places,
        }
    }

    /// The sizes of all matching blocks: the longest one, then those on its left and on its right.
    fn matching(&self) -> usize {
        let mut total = 0;
        let mut open = vec![(0, self.a.len(), 0, self.b.len())];
        while let Some((a_low, a_high, b_low, b_high)) = open.pop() {
            let found = self.longest(a_low, a_high, b_low, b_high);
            if found.size == 0 {
                continue;
            }
            total += found.size;
            open.push((a_low, found.a, b_low, found.b));
            open.push((found.a + found.size, a_high, found.b + found.size, b_high));
        }
        total
    }

    /// The longest block within the bounds; of equals the first in `a`, then the first in `b`.
    fn longest(&self, a_low: usize, a_high: usize, b_low: usize, b_high: usize) -> Block {
        let mut best = Block {
            a: a_low,
            b: b_low,
            size: 0,
        };
        // For each place of `b`, the length of the block that ends there and at the character of `a` before.
        let mut before: HashMap<usize, usize> = HashMap::new();
        for (i, c) in self.a.iter().enumerate().take(a_high).skip(a_low) {
            let mut now = HashMap::new();
            let places = self.places.get(c).map_or(&[][..], Vec::as_slice);
            for j in places.iter().filter(|j| (b_low..b_high).contains(*j)) {
                let length = j
                    .checked_sub(1)
                    .and_then(|left| before.get(&left))
                    .copied()
                    .unwrap_or(0)
                    + 1;
                now.insert(*j, length);
                if length > best.size {
                    best = Block {
                        a: i + 1 - length,
                        b: j + 1 - length,
                        size: length,
                    };
                }
            }
            before = now;
        }
        self.widened(best, a_low, a_high, b_low, b_high)
    }

    /// The block with equal neighbours taken in, which is how frequent characters get into one.
    fn widened(
        &self,
        mut block: Block,
        a_low: usize,
        a_high: usize,
        b_low: usize,
        b_high: usize,
    ) -> Block {
        while block.a > a_low && block.b > b_low && self.equal(block.a - 1, block.b - 1) {
            block.a -= 1;
            block.b -= 1;
            block.size += 1;
        }
        while block.a + block.size < a_high
            && block.b + block.size < b_high
            && self.equal(block.a + block.size, block.b + block.size)
        {
            block.size += 1;
        }
        block
    }

    fn equal(&self, a: usize, b: usize) -> bool {
        self.a
            .get(a)
            .zip(self.b.get(b))
            .is_some_and(|(a, b)| a == b)
    }
}
