//! Which examples a search may return, by conditions, exclusions, pins, and the query's own examples.

use std::collections::HashSet;

use super::super::{Plan, condition};
use rounds_index::{Index, IndexError, LiveRows, LookupBy};

/// The numbers that a search may return. Can be shared between threads.
pub(super) struct Eligibility<'a> {
    living: &'a LiveRows,
    rows: usize,
    /// Excluded, pinned, with a pinned image, or the query's own.
    excluded: HashSet<usize>,
    /// Numbers that meet the conditions, sorted; `None` for all.
    only: Option<Vec<usize>>,
}

impl<'a> Eligibility<'a> {
    /// `pinned` are already shots; `query_owned` are the query's own examples.
    pub(super) fn new(
        index: &'a Index,
        plan: &Plan,
        pinned: &[usize],
        query_owned: &HashSet<usize>,
    ) -> Result<Self, IndexError> {
        let mut excluded: HashSet<usize> = numbers(index, &plan.excluded, "excluded")?
            .into_iter()
            .collect();
        excluded.extend(query_owned);
        excluded.extend(pinned);
        for number in pinned {
            // Only one example per image is a shot.
            for image in &index.example(*number)?.images {
                excluded.extend(index.numbers_by(LookupBy::Image, &image.sha256)?);
            }
        }
        Ok(Self {
            living: index.live_rows(),
            rows: index.rows(),
            excluded,
            only: condition::numbers(&plan.filter, index)?,
        })
    }

    /// Excludes more numbers.
    pub(super) fn exclude(&mut self, numbers: &HashSet<usize>) {
        self.excluded.extend(numbers);
    }

    /// Whether a search may return this number.
    pub(super) fn allows(&self, number: usize) -> bool {
        let met = |only: &Vec<usize>| only.binary_search(&number).is_ok();
        self.living.has(number)
            && !self.excluded.contains(&number)
            && self.only.as_ref().is_none_or(met)
    }

    /// Every allowed number, in order.
    pub(super) fn all(&self) -> Vec<usize> {
        match &self.only {
            Some(only) => only.iter().copied().filter(|n| self.allows(*n)).collect(),
            None => (0..self.rows).filter(|n| self.allows(*n)).collect(),
        }
    }

    /// Every allowed number if there are conditions, which usually leave few; `None` otherwise.
    pub(super) fn few(&self) -> Option<Vec<usize>> {
        self.only.as_ref().map(|_| self.all())
    }
}

/// Numbers of the examples with these ids, each once, in this order. Errors if an id does not exist; `what` says what it is
/// used for.
pub(super) fn numbers(
    index: &Index,
    ids: &[String],
    what: &'static str,
) -> Result<Vec<usize>, IndexError> {
    let mut out = Vec::new();
    for id in ids {
        let number = match index.by_id(id) {
            Err(IndexError::Unknown(id)) => return Err(IndexError::Missing { what, id }),
            found => found?.number,
        };
        if !out.contains(&number) {
            out.push(number);
        }
    }
    Ok(out)
}
