//! A card as the queue knows it.

use std::collections::HashMap;

use rounds_support::rng::Rng;

use super::Filter;
use crate::card::{Card, CardId};
use crate::schedule::Schedule;
use crate::store::Standing;

/// A card of the deck.
pub(super) struct Entry {
    pub(super) id: CardId,
    pub(super) schedule: Schedule,
    /// Sibling keys by number.
    pub(super) keys: Vec<usize>,
    /// Whether the filter lets it through and it is not suspended.
    pub(super) wanted: bool,
    pub(super) buried_until: Option<i64>,
    /// Put aside by hand since the queue was built.
    pub(super) aside: bool,
    /// Grades today.
    pub(super) today: u32,
    pub(super) crammed: bool,
}

/// A card of the deck at `now`. `numbers` has the numbers of sibling keys.
pub(super) fn entry(
    card: Card,
    standing: Option<Standing>,
    filter: &Filter,
    numbers: &mut HashMap<String, usize>,
    now: i64,
) -> Entry {
    let suspended = standing.as_ref().is_some_and(|standing| standing.suspended);
    let wanted = !suspended && card.matches(&filter.kinds, &filter.tags);
    let mut keys: Vec<usize> = Vec::new();
    for key in card.sibling_keys {
        let next = numbers.len();
        keys.push(*numbers.entry(key).or_insert(next));
    }
    keys.sort_unstable();
    keys.dedup();
    let schedule = standing.as_ref().and_then(|standing| standing.schedule);
    Entry {
        id: card.id,
        schedule: schedule.unwrap_or_else(|| Schedule::new(now)),
        keys,
        wanted,
        buried_until: standing.and_then(|standing| standing.buried_until),
        aside: false,
        today: 0,
        crammed: false,
    }
}

/// All cards in an order that is another each time.
pub(super) fn cram_order(entries: &[Entry], now: i64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    Rng::new(now.unsigned_abs()).shuffle(&mut order);
    order
}
