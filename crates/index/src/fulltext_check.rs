//! Rebuilds the full-text table from the examples to compare it with the stored one. FTS5's own check covers its structure,
//! not whether it matches the examples.

use rusqlite::Connection;

use super::database;
use super::error::IndexError;
use super::example::Example;

/// A full-text table rebuilt in a temporary database.
pub(crate) struct FulltextCheck {
    rebuilt: Connection,
}

impl FulltextCheck {
    /// An empty table with the schema of the one in `stored`.
    pub(crate) fn new(stored: &Connection) -> Result<Self, IndexError> {
        let query = "select sql from sqlite_schema where name = 'words'";
        let schema: String = stored.query_row(query, [], |row| row.get(0))?;
        let rebuilt = Connection::open("")?;
        rebuilt.execute_batch(&schema)?;
        rebuilt.execute_batch("begin")?;
        Ok(Self { rebuilt })
    }

    /// Adds an example.
    pub(crate) fn add(&self, example: &Example) -> Result<(), IndexError> {
        database::add_to_fulltext(&self.rebuilt, example)
    }

    /// Whether `stored` has the same words at the same positions and the same lengths: everything a search ranks by.
    pub(crate) fn matches(&self, stored: &Connection) -> Result<bool, IndexError> {
        let places = "select term, doc, col, offset from temp.places";
        let lengths = "select id, hex(sz), 0, 0 from words_docsize order by id";
        let means = "select id, hex(block), 0, 0 from words_data where id = 1";
        for connection in [&self.rebuilt, stored] {
            connection.execute_batch(
                "create virtual table if not exists temp.places using fts5vocab (main, words, instance)",
            )?;
        }
        for query in [places, lengths, means] {
            if !same(&self.rebuilt, stored, query)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether a query of four columns returns the same rows from both.
fn same(rebuilt: &Connection, stored: &Connection, query: &str) -> Result<bool, IndexError> {
    type Row = [rusqlite::types::Value; 4];
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    };
    let (mut rebuilt, mut stored) = (rebuilt.prepare(query)?, stored.prepare(query)?);
    let (mut rebuilt, mut stored) = (rebuilt.query([])?, stored.query([])?);
    loop {
        let (rebuilt, stored) = (rebuilt.next()?.map(read), stored.next()?.map(read));
        match (rebuilt.transpose()?, stored.transpose()?) {
            (None, None) => return Ok(true),
            (rebuilt, stored) if rebuilt == stored => {}
            _ => return Ok(false),
        }
    }
}
