//! The tables and the migrations between versions.
//!
//! Never change a released step; a new version adds a step at the end. Triggers keep full-text search in sync with the
//! turns, so no writer can forget to update it.

use rounds_database::Layout;

/// Version 1: sessions, turns and images. `turns.number` counts within a session; `pictured` lists which turn uses which image.
const STEP_1: &str = "
create table sessions (
  number integer primary key autoincrement, id text not null unique, title text not null, model text not null,
  index_name text not null, created integer not null, used integer not null, turns integer not null default 0) strict;
create index sessions_by_use on sessions (used desc, number desc);
create table turns (
  row integer primary key, session integer not null references sessions (number) on delete cascade,
  number integer not null, parent integer, asked integer not null, ended integer, state text not null, writer text,
  question text not null, answer text not null default '', rationale text, message text,
  shot_words text not null default '', record text not null, unique (session, number)) strict;
create index turns_unfinished on turns (writer) where state = 'asked';
create table images (sha256 text primary key, bytes integer not null) strict, without rowid;
create table pictured (
  sha256 text not null references images (sha256), turn integer not null references turns (row) on delete cascade,
  primary key (sha256, turn)) strict, without rowid;
create index pictured_by_turn on pictured (turn);
";

/// Version 2: full-text search. Deleted text leaves the search index at once; questions weigh most. `shot_words` is no longer
/// written or searched.
const STEP_2: &str = "
create virtual table words using fts5 (question, answer, rationale, shot_words, content='turns', content_rowid='row',
  tokenize='porter unicode61 remove_diacritics 2');
insert into words (words, rank) values ('secure-delete', 1);
insert into words (words, rank) values ('rank', 'bm25(4.0, 2.0, 1.0, 0.5)');
create trigger turns_added after insert on turns begin
  insert into words (rowid, question, answer, rationale, shot_words)
  values (new.row, new.question, new.answer, new.rationale, new.shot_words);
end;
create trigger turns_removed after delete on turns begin
  insert into words (words, rowid, question, answer, rationale, shot_words)
  values ('delete', old.row, old.question, old.answer, old.rationale, old.shot_words);
end;
create trigger turns_changed after update of question, answer, rationale, shot_words on turns begin
  insert into words (words, rowid, question, answer, rationale, shot_words)
  values ('delete', old.row, old.question, old.answer, old.rationale, old.shot_words);
  insert into words (rowid, question, answer, rationale, shot_words)
  values (new.row, new.question, new.answer, new.rationale, new.shot_words);
end;
insert into words (words) values ('rebuild');
";

/// The database of the sessions.
pub(crate) const LAYOUT: Layout = Layout {
    name: "sessions",
    holds: "the saved sessions",
    steps: &[STEP_1, STEP_2],
    words: Some("words"),
};

/// The version this program writes.
#[cfg(test)]
pub(crate) const VERSION: i64 = LAYOUT.version();

/// Version 1, for the test that old sessions still open.
#[cfg(test)]
pub(crate) const VERSION_1: &str = STEP_1;
