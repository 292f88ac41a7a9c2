//! The SQLite side of an index: the schema, opening untrusted files, and reading and writing rows.
//!
//! A database may come from anywhere. Its schema must match ours exactly, so that no trigger or view can hide in it; it is
//! opened defensively, and a row is used only if its checksum is right. Image and vector files are not handled here.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use std::path::Path;

use super::error::{IndexError, damaged};
use super::example::{Example, images_of, tags_of};
use rounds_support::files;
use rounds_support::sanitise::clean_line;

/// Name of the database file in the index's folder.
pub(crate) const DATABASE: &str = "examples.sqlite3";

/// `number` is an example's row in the vector files. `words` is contentless: it stores only the search structure.
const SCHEMA: &str = "
create table meta (key text primary key, value not null) without rowid;
create table examples (
  number integer primary key, id text not null unique, identity blob not null unique, images text not null,
  question text not null, answer text not null, rationale text not null, tags text not null, source text not null,
  licence text not null, patient text not null, study text not null, checksum blob not null) strict;
create index examples_by_patient on examples (patient) where patient <> '';
create index examples_by_study on examples (study) where study <> '';
create table images (
  sha256 text primary key, extension text not null, bytes integer not null, width integer not null,
  height integer not null, look integer not null) strict, without rowid;
create table pictured (sha256 text not null, number integer not null, primary key (sha256, number)) strict, without rowid;
create table tags (name text not null, value text not null, number integer not null, primary key (name, value, number)) strict, without rowid;
create table removed (number integer primary key) strict;
create virtual table words using fts5 (question, answer, tags, content='', contentless_delete=1, tokenize='porter unicode61');
";

const COLUMNS: &str = "number, id, images, question, answer, rationale, tags, source, licence, patient, study, checksum";

/// Counters in `meta`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Number of examples.
    pub examples: usize,
    /// The number the next example will get.
    pub next: usize,
    /// Incremented by every compaction, which renumbers the examples.
    pub generation: u64,
    /// Lane-wise sum of the checksums of all examples, so that it does not depend on the order of changes.
    pub digest: [u64; 4],
}

/// Creates an empty database.
pub(crate) fn create(path: &Path) -> Result<Connection, IndexError> {
    // SQLite gives its -wal and -shm files the same permissions.
    files::open_private(path)?;
    let connection = Connection::open(path)?;
    prepare(&connection)?;
    begin_writing(&connection)?;
    connection.execute_batch(SCHEMA)?;
    put_counts(&connection, &Counts::default())?;
    Ok(connection)
}

/// Whether it is a database of ours without examples, as left by an interrupted creation. It may lack tables but have no others.
pub(crate) fn is_empty_database(path: &Path) -> Result<bool, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    let (expected, found) = (expected_schema()?, schema(&connection)?);
    if !found.iter().all(|table| expected.contains(table)) {
        return Ok(false);
    }
    let has_examples = found.iter().any(|(_, name, ..)| name == "examples");
    let mut any = has_examples
        .then(|| connection.prepare("select 1 from examples"))
        .transpose()?;
    Ok(!any.as_mut().map_or(Ok(false), |query| query.exists([]))?)
}

/// Opens for one writer. Nothing in the file changes before [`begin_writing`].
pub(crate) fn open_for_writing(path: &Path) -> Result<Connection, IndexError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    prepare(&connection)?;
    check_schema(&connection)?;
    Ok(connection)
}

/// Switches to a write-ahead log, so that others can read during writes. This changes the file if it had none.
pub(crate) fn begin_writing(connection: &Connection) -> Result<(), IndexError> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(())
}

/// Opens for reading; a writer may be active.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    match check_schema(&connection) {
        // In a read-only folder SQLite cannot create its shared memory; nobody can write there either, so it is immutable.
        Err(IndexError::Database(error))
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen) =>
        {
            let address = format!("file:{}?immutable=1", escaped(path));
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(address, flags)?;
            prepare(&connection)?;
            check_schema(&connection)?;
            Ok(connection)
        }
        other => other.map(|()| connection),
    }
}

/// Opens a database held in memory, read-only.
pub(crate) fn open_bytes(bytes: &'static [u8]) -> Result<Connection, IndexError> {
    let mut connection = Connection::open_in_memory()?;
    connection.deserialize_read_exact("main", bytes, bytes.len(), true)?;
    prepare(&connection)?;
    check_schema(&connection)?;
    Ok(connection)
}

/// A path escaped for a `file:` URI.
fn escaped(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
}

fn prepare(connection: &Connection) -> Result<(), IndexError> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

/// Errors unless the schema is exactly the expected one.
fn check_schema(connection: &Connection) -> Result<(), IndexError> {
    if expected_schema()? != schema(connection)? {
        return Err(damaged(DATABASE, "its tables are not those of an index"));
    }
    Ok(())
}

/// The schema of a new database.
fn expected_schema() -> Result<Vec<SchemaRow>, IndexError> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(SCHEMA)?;
    schema(&fresh)
}

type SchemaRow = (String, String, String, Option<String>);

fn schema(connection: &Connection) -> Result<Vec<SchemaRow>, IndexError> {
    let mut statement = connection
        .prepare("select type, name, tbl_name, sql from sqlite_schema order by type, name")?;
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The counters.
pub(crate) fn counts(connection: &Connection) -> Result<Counts, IndexError> {
    let text: String =
        connection.query_row("select value from meta where key = 'counts'", [], |row| {
            row.get(0)
        })?;
    let numbers: Option<Vec<u64>> = text.split(' ').map(|n| n.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[examples, next, generation, a, b, c, d]) if examples <= next => Ok(Counts {
            examples: examples as usize,
            next: next as usize,
            generation,
            digest: [a, b, c, d],
        }),
        _ => Err(damaged(DATABASE, "its counters cannot be read")),
    }
}

/// Size of the database in bytes, including the write-ahead log.
pub(crate) fn length(connection: &Connection) -> Result<u64, IndexError> {
    let query = "select page_count * page_size from pragma_page_count, pragma_page_size";
    let bytes: i64 = connection.query_row(query, [], |row| row.get(0))?;
    Ok(bytes as u64)
}

/// Writes the counters.
pub(crate) fn put_counts(connection: &Connection, counts: &Counts) -> Result<(), IndexError> {
    let [a, b, c, d] = counts.digest;
    let (examples, next, generation) = (counts.examples, counts.next, counts.generation);
    let text = format!("{examples} {next} {generation} {a} {b} {c} {d}");
    connection.execute(
        "insert into meta values ('counts', ?1) on conflict (key) do update set value = ?1",
        [text],
    )?;
    Ok(())
}

impl Counts {
    /// Counts one more example with this checksum.
    pub(crate) fn plus(&mut self, checksum: &[u8; 32]) {
        self.examples += 1;
        self.digest = lanes(self.digest, checksum, u64::wrapping_add);
    }

    /// Counts one example less.
    pub(crate) fn minus(&mut self, checksum: &[u8; 32]) {
        self.examples = self.examples.saturating_sub(1);
        self.digest = lanes(self.digest, checksum, u64::wrapping_sub);
    }
}

fn lanes(digest: [u64; 4], checksum: &[u8; 32], with: fn(u64, u64) -> u64) -> [u64; 4] {
    let mut out = digest;
    for (lane, bytes) in out.iter_mut().zip(checksum.chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(bytes);
        *lane = with(*lane, u64::from_le_bytes(word));
    }
    out
}

/// Inserts an example and its entries in the lookup tables; returns its checksum.
pub(crate) fn insert(connection: &Connection, example: &Example) -> Result<[u8; 32], IndexError> {
    let (checksum, number) = (example.checksum(), example.number as i64);
    connection
        .prepare_cached(
            "insert into examples (number, id, identity, images, question, answer, rationale, tags, source, licence, patient, study, checksum)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            number,
            example.id,
            example.identity(),
            example.images_text(),
            example.question,
            example.answer,
            example.rationale,
            example.tags_text(),
            example.source,
            example.licence,
            example.patient,
            example.study,
            checksum,
        ])?;
    for image in &example.images {
        connection
            .prepare_cached("insert or ignore into pictured values (?1, ?2)")?
            .execute(params![image.sha256, number])?;
    }
    for (name, value) in &example.tags {
        connection
            .prepare_cached("insert or ignore into tags values (?1, ?2, ?3)")?
            .execute(params![name, value, number])?;
    }
    add_to_fulltext(connection, example)?;
    Ok(checksum)
}

/// Adds an example to the full-text table.
pub(crate) fn add_to_fulltext(
    connection: &Connection,
    example: &Example,
) -> Result<(), IndexError> {
    connection
        .prepare_cached(
            "insert into words (rowid, question, answer, tags) values (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            example.number as i64,
            example.question,
            example.answer,
            tag_values(example)
        ])?;
    Ok(())
}

/// The tag values as full-text search indexes them.
fn tag_values(example: &Example) -> String {
    let values = example.tags.iter().map(|(_, value)| value.as_str());
    values.collect::<Vec<_>>().join(" ")
}

/// Deletes an example from every table; its number is not reused.
pub(crate) fn delete(connection: &Connection, number: usize) -> Result<(), IndexError> {
    let number = number as i64;
    for statement in [
        "delete from examples where number = ?1",
        "delete from pictured where number = ?1",
        "delete from tags where number = ?1",
        "delete from words where rowid = ?1",
        "insert into removed values (?1)",
    ] {
        connection.prepare_cached(statement)?.execute([number])?;
    }
    Ok(())
}

/// The example with this number. Errors if its row is damaged.
pub(crate) fn example(
    connection: &Connection,
    number: usize,
) -> Result<Option<Example>, IndexError> {
    let text = format!("select {COLUMNS} from examples where number = ?1");
    let mut statement = connection.prepare_cached(&text)?;
    let found = statement
        .query_row([number as i64], |row| Ok(read(row)))
        .optional()?;
    found.transpose()
}

/// Calls `each` with every example by ascending number, or with the error if one is damaged.
pub(crate) fn each_example(
    connection: &Connection,
    each: &mut dyn FnMut(Result<Example, IndexError>) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let text = format!("select {COLUMNS} from examples order by number");
    let mut statement = connection.prepare(&text)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(read(row))?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<Example, IndexError> {
    let text = |column: usize| row.get::<_, String>(column);
    let example = Example {
        number: row.get::<_, i64>(0)? as usize,
        id: text(1)?,
        images: images_of(&text(2)?)?,
        question: text(3)?,
        answer: text(4)?,
        rationale: text(5)?,
        tags: tags_of(&text(6)?),
        source: text(7)?,
        licence: text(8)?,
        patient: text(9)?,
        study: text(10)?,
    };
    let checksum: Vec<u8> = row.get(11)?;
    if checksum != example.checksum() {
        return Err(damaged(
            DATABASE,
            format!("the checksum of example {} does not match", example.number),
        ));
    }
    // Texts are cleaned when written, but a valid checksum does not prove that this program wrote them.
    let fields = [
        &example.id,
        &example.question,
        &example.answer,
        &example.rationale,
        &example.source,
        &example.licence,
        &example.patient,
        &example.study,
    ];
    if fields.iter().any(|field| clean_line(field) != **field) {
        return Err(damaged(
            DATABASE,
            format!("example {} contains control characters", example.number),
        ));
    }
    Ok(example)
}

/// The number of the example with this id, or with an unambiguous prefix of it.
pub(crate) fn number_of(connection: &Connection, id: &str) -> Result<Option<usize>, IndexError> {
    let exact = connection
        .query_row("select number from examples where id = ?1", [id], |r| {
            r.get::<_, i64>(0)
        })
        .optional()?;
    if exact.is_some() || id.len() < 4 {
        return Ok(exact.map(|n| n as usize));
    }
    let mut statement = connection
        .prepare_cached("select number from examples where substr(id, 1, ?2) = ?1 limit 2")?;
    let found = statement
        .query_map(params![id, id.chars().count() as i64], |r| {
            r.get::<_, i64>(0)
        })?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match found.as_slice() {
        [one] => Some(*one as usize),
        _ => None,
    })
}

/// The numbers a query with text parameters returns, sorted and without duplicates.
pub(crate) fn numbers(
    connection: &Connection,
    query: &str,
    parameters: &[&str],
) -> Result<Vec<usize>, IndexError> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map(rusqlite::params_from_iter(parameters), |row| {
        row.get::<_, i64>(0)
    })?;
    let mut out = rows
        .map(|n| n.map(|n| n as usize))
        .collect::<Result<Vec<_>, _>>()?;
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

/// Whether an example is found by its id, identity, images, tags, patient and study, and is in the full-text table.
pub(crate) fn is_indexed(connection: &Connection, example: &Example) -> Result<bool, IndexError> {
    let number = example.number as i64;
    let identity: Option<i64> = connection
        .prepare_cached("select number from examples where identity = ?1")?
        .query_row([example.identity()], |row| row.get(0))
        .optional()?;
    let by_id: Option<i64> = connection
        .prepare_cached("select number from examples where id = ?1")?
        .query_row([&example.id], |row| row.get(0))
        .optional()?;
    let mut found = identity == Some(number) && by_id == Some(number);
    for image in &example.images {
        found &= connection
            .prepare_cached("select 1 from pictured where sha256 = ?1 and number = ?2")?
            .exists(params![image.sha256, number])?;
    }
    for (name, value) in &example.tags {
        found &= connection
            .prepare_cached("select 1 from tags where name = ?1 and value = ?2 and number = ?3")?
            .exists(params![name, value, number])?;
    }
    for (column, value) in [("patient", &example.patient), ("study", &example.study)] {
        if !value.is_empty() {
            let query = format!(
                "select 1 from examples where {column} = ?1 and {column} <> '' and number = ?2"
            );
            found &= connection
                .prepare_cached(&query)?
                .exists(params![value, number])?;
        }
    }
    Ok(found
        && connection
            .prepare_cached("select 1 from words where rowid = ?1")?
            .exists([number])?)
}
