//! The tables and the migrations between versions.
//!
//! Never change a released step; a new version adds a step at the end.

use rounds_database::Layout;

/// Version 1. A schedule is JSON, null for a card never graded; `phase` and `due` repeat what lists ask of it. `position` is
/// the order of the deck; a card that is not `present` is there for its reviews. Reviews are only ever marked as undone.
const STEP_1: &str = "
create table decks (
  number integer primary key autoincrement, name text not null unique, index_name text, about text not null,
  settings text) strict;
create table cards (
  row integer primary key, deck integer not null references decks (number) on delete cascade, id text not null,
  position integer not null, present integer not null, suspended integer not null default 0, buried_until integer,
  phase text not null default 'new', due integer, schedule text, card text not null, unique (deck, id)) strict;
create table reviews (
  number integer primary key autoincrement, deck integer not null references decks (number) on delete cascade,
  card text not null, at integer not null, grade integer not null, took_ms integer not null, kind text not null,
  state_before text not null, state_after text not null, typed text, imported integer not null default 0,
  undone integer not null default 0) strict;
create index reviews_by_time on reviews (deck, at);
create index reviews_by_card on reviews (deck, card);
";

/// The database of study mode.
pub(crate) const LAYOUT: Layout = Layout {
    name: "study",
    holds: "the saved decks and reviews",
    steps: &[STEP_1],
    words: None,
};

/// The version this program writes.
#[cfg(test)]
pub(crate) const VERSION: i64 = LAYOUT.version();
