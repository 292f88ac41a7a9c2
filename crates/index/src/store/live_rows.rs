//! Which example numbers are in use.

/// The example numbers in use, without those of removed examples.
#[derive(Clone, Debug)]
pub struct LiveRows {
    next: usize,
    /// Numbers of removed examples, sorted.
    removed: Vec<usize>,
}

impl LiveRows {
    /// The numbers below `next` except `removed`, which are sorted.
    pub(super) fn new(next: usize, removed: Vec<usize>) -> Self {
        Self { next, removed }
    }

    /// Whether an example has this number.
    pub fn has(&self, number: usize) -> bool {
        number < self.next && self.removed.binary_search(&number).is_err()
    }

    /// Number of removed examples.
    pub fn removed(&self) -> usize {
        self.removed.len()
    }
}
