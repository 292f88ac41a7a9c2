//! The words of examples put together anew, to compare with those that an index keeps: FTS5 checks that its structure is one,
//! not that it is that of the examples.

use rusqlite::Connection;

use super::database;
use super::error::IndexError;
use super::example::Example;

/// A full-text table of its own, in a file that is nobody's.
pub struct WordsAgain {
    own: Connection,
}

impl WordsAgain {
    /// An empty one, made as `kept` made its.
    pub fn like(kept: &Connection) -> Result<Self, IndexError> {
        let query = "select sql from sqlite_schema where name = 'words'";
        let made: String = kept.query_row(query, [], |row| row.get(0))?;
        let own = Connection::open("")?;
        own.execute_batch(&made)?;
        own.execute_batch("begin")?;
        Ok(Self { own })
    }

    pub fn add(&self, example: &Example) -> Result<(), IndexError> {
        database::add_words(&self.own, example)
    }

    /// Whether `kept` has the same words in the same places, lengths and mean lengths: all that a search ranks by.
    pub fn are_those_of(&self, kept: &Connection) -> Result<bool, IndexError> {
        let places = "select term, doc, col, offset from temp.places";
        let lengths = "select id, hex(sz), 0, 0 from words_docsize order by id";
        let means = "select id, hex(block), 0, 0 from words_data where id = 1";
        for connection in [&self.own, kept] {
            connection.execute_batch(
                "create virtual table if not exists temp.places using fts5vocab (main, words, instance)",
            )?;
        }
        for query in [places, lengths, means] {
            if !same(&self.own, kept, query)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether a query of four columns gives the same rows of both.
fn same(own: &Connection, kept: &Connection, query: &str) -> Result<bool, IndexError> {
    type Row = [rusqlite::types::Value; 4];
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    };
    let (mut own, mut kept) = (own.prepare(query)?, kept.prepare(query)?);
    let (mut own, mut kept) = (own.query([])?, kept.query([])?);
    loop {
        let (own, kept) = (own.next()?.map(read), kept.next()?.map(read));
        match (own.transpose()?, kept.transpose()?) {
            (None, None) => return Ok(true),
            (own, kept) if own == kept => {}
            _ => return Ok(false),
        }
    }
}
