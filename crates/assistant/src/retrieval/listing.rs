//! Lists examples of an index by words and conditions. Unlike shots, several examples may share an image.

use super::{Condition, Found, Shot, condition};
use rounds_index::{Hit, Index, IndexError};
use rounds_support::errors::count;

/// What to list.
#[derive(Clone, Copy, Debug)]
pub struct ListQuery<'a> {
    /// Lists examples with any of these words, best first; `None` lists all examples in index order.
    pub words: Option<&'a str>,
    /// Conditions that every example must meet.
    pub filter: &'a [Condition],
    /// Largest number of results.
    pub limit: usize,
}

/// Lists the examples, with a notice if there are more or fewer than the requested number.
///
/// Errors if no example has the tag of a condition, or the index cannot be read.
pub fn list(index: &Index, wanted: &ListQuery) -> Result<Found, IndexError> {
    let ranked = match wanted.words {
        Some(words) => by_words(index, words, wanted.filter)?,
        None => in_order(index, wanted.filter)?,
    };
    let mut found = Found::default();
    for (hit, reason) in &ranked {
        if found.shots.len() == wanted.limit {
            break;
        }
        // Another process may have removed it since the index was opened.
        let Some(example) = index.find_example(hit.row)? else {
            continue;
        };
        found.shots.push(Shot {
            example,
            score: hit.score,
            rank: found.shots.len() + 1,
            reason: reason.clone(),
            match_share: None,
        });
    }
    let (shown, all) = (found.shots.len(), ranked.len());
    if shown < all {
        found.notices.push(format!(
            "{shown} of {}; show more with -k",
            count(all, "result")
        ));
    } else if shown == 0 {
        found.notices.push(super::NOTHING_FOUND.into());
    } else if shown < wanted.limit {
        found.notices.push(format!(
            "{shown} of {}: no more matching examples found",
            count(wanted.limit, "result")
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
        index.live_rows().has(number) && only.as_ref().is_none_or(met)
    };
    let hits = index.fulltext_search(words, usize::MAX, &is_met)?;
    Ok(hits.into_iter().map(super::with_text_reason).collect())
}

fn in_order(index: &Index, filter: &[Condition]) -> Result<Vec<(Hit, String)>, IndexError> {
    let numbers = match condition::numbers(filter, index)? {
        Some(numbers) => numbers,
        None => (0..index.rows())
            .filter(|n| index.live_rows().has(*n))
            .collect(),
    };
    let reason = match filter.is_empty() {
        true => "in index order",
        false => "meets the conditions",
    };
    let hit = |row| Hit { row, score: 0.0 };
    Ok(numbers
        .into_iter()
        .map(|n| (hit(n), reason.to_string()))
        .collect())
}
