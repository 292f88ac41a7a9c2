//! Which numbers may be found at all: conditions, exclusions, pins, and the query's own examples.

use std::collections::HashSet;

use super::super::{Plan, condition};
use rounds_index::{Index, IndexError, Living, With};

/// Which numbers may be found; can be asked from several threads.
pub struct MayBe<'a> {
    living: &'a Living,
    rows: usize,
    /// Excluded, pinned, of a pinned picture, or the query's own.
    not: HashSet<usize>,
    /// Numbers that meet the conditions, sorted; `None`: all.
    only: Option<Vec<usize>>,
}

impl<'a> MayBe<'a> {
    /// `pinned` are shots already, `own` belong to the query.
    pub fn new(
        index: &'a Index,
        plan: &Plan,
        pinned: &[usize],
        own: &HashSet<usize>,
    ) -> Result<Self, IndexError> {
        let mut not: HashSet<usize> = numbers(index, &plan.excluded, "excluded")?
            .into_iter()
            .collect();
        not.extend(own);
        not.extend(pinned);
        for number in pinned {
            // Of a picture's examples one is a shot.
            for image in &index.example(*number)?.images {
                not.extend(index.numbers_with(With::Image, &image.sha256)?);
            }
        }
        Ok(Self {
            living: index.living(),
            rows: index.rows(),
            not,
            only: condition::numbers(&plan.filter, index)?,
        })
    }

    pub fn allows(&self, number: usize) -> bool {
        let met = |only: &Vec<usize>| only.binary_search(&number).is_ok();
        self.living.has(number) && !self.not.contains(&number) && self.only.as_ref().is_none_or(met)
    }

    /// Every number that may be found, in order.
    pub fn all(&self) -> Vec<usize> {
        match &self.only {
            Some(only) => only.iter().copied().filter(|n| self.allows(*n)).collect(),
            None => (0..self.rows).filter(|n| self.allows(*n)).collect(),
        }
    }

    /// The same where conditions leave few of them; `None` where there are no conditions.
    pub fn few(&self) -> Option<Vec<usize>> {
        self.only.as_ref().map(|_| self.all())
    }
}

/// Numbers of the examples with these ids, each once, in this order. Errors where there is none that is to be `what`.
pub fn numbers(
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
