//! Looking through an index by words and conditions, where no shots are meant: every example counts, however many there are
//! of its picture.

use super::{Condition, Found, Shot, condition};
use rounds_index::{Hit, Index, IndexError};
use rounds_support::errors::count;

/// What a list is of.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Words that the examples share one of, best first; `None`: all examples, in the order of the index.
    pub words: Option<&'a str>,
    /// What holds of all of them.
    pub filter: &'a [Condition],
    /// Most results.
    pub most: usize,
}

/// At most `wanted.most` examples. A notice says how many there are where that is another number.
///
/// Errors where a condition is on something that no example has, and where the index cannot be read.
pub fn list(index: &Index, wanted: &Wanted) -> Result<Found, IndexError> {
    let ranked = match wanted.words {
        Some(words) => by_words(index, words, wanted.filter)?,
        None => in_order(index, wanted.filter)?,
    };
    let mut found = Found::default();
    for (hit, reason) in &ranked {
        if found.shots.len() == wanted.most {
            break;
        }
        // Removed by another process since the index was opened.
        let Some(example) = index.example_if_there(hit.row)? else {
            continue;
        };
        found.shots.push(Shot {
            example,
            score: hit.score,
            rank: found.shots.len() + 1,
            reason: reason.clone(),
        });
    }
    let (shown, all) = (found.shots.len(), ranked.len());
    if shown < all {
        found.notices.push(format!(
            "{shown} of {}; -k says how many are shown",
            count(all, "result")
        ));
    } else if shown < wanted.most {
        found.notices.push(format!(
            "{shown} of {}: the index has no more that fit",
            count(wanted.most, "result")
        ));
    }
    Ok(found)
}

fn by_words(
    index: &Index,
    words: &str,
    filter: &[Condition],
) -> Result<Vec<(Hit, String)>, IndexError> {
    let only = condition::numbers(filter, index)?;
    let is_met = |number: usize| {
        let met = |only: &Vec<usize>| only.binary_search(&number).is_ok();
        index.living().has(number) && only.as_ref().is_none_or(met)
    };
    let hits = index.by_words(words, usize::MAX, &is_met)?;
    Ok(hits.into_iter().map(super::by_words).collect())
}

fn in_order(index: &Index, filter: &[Condition]) -> Result<Vec<(Hit, String)>, IndexError> {
    let numbers = match condition::numbers(filter, index)? {
        Some(numbers) => numbers,
        None => (0..index.rows())
            .filter(|n| index.living().has(*n))
            .collect(),
    };
    let reason = match filter.is_empty() {
        true => "in the order of the index",
        false => "meets the conditions",
    };
    let hit = |row| Hit { row, score: 0.0 };
    Ok(numbers
        .into_iter()
        .map(|n| (hit(n), reason.to_string()))
        .collect())
}
