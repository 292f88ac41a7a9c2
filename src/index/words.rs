//! Full-text search over an index's examples: SQLite's FTS5, ranked by BM25.
//!
//! The table is made in memory from the examples: it is a cache like the graph, and an index's own database is only ever
//! read, never trusted with a virtual table.

use rusqlite::Connection;

use super::{Example, Hit, IndexError};

/// A full-text table of examples, by row.
pub struct Words {
    table: Connection,
}

impl Words {
    pub fn new(examples: &[Example]) -> Result<Self, IndexError> {
        let mut table = Connection::open_in_memory()?;
        table.execute_batch(
            "create virtual table words using fts5(question, answer, tags, tokenize = 'porter unicode61')",
        )?;
        let filling = table.transaction()?;
        {
            let mut insert = filling.prepare(
                "insert into words (rowid, question, answer, tags) values (?1, ?2, ?3, ?4)",
            )?;
            for (row, e) in examples.iter().enumerate() {
                insert.execute(rusqlite::params![row as i64, e.question, e.answer, e.tags])?;
            }
        }
        filling.commit()?;
        Ok(Self { table })
    }

    /// At most `k` rows that pass `allowed` and share a word with `text`, best first; ties by row. The score is BM25's, higher
    /// is better; questions count in full, answers and tags a quarter.
    pub fn search(
        &self,
        text: &str,
        k: usize,
        allowed: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Hit>, IndexError> {
        // Every word as a quoted string: the query language has no way in.
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .take(64)
            .map(|w| format!("\"{w}\""))
            .collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.table.prepare_cached(
            "select rowid, -bm25(words, 1.0, 0.25, 0.25) as score from words where words match ?1
             order by score desc, rowid",
        )?;
        let mut rows = statement.query([words.join(" OR ")])?;
        let mut hits = Vec::new();
        while hits.len() < k
            && let Some(row) = rows.next()?
        {
            let hit = Hit {
                row: row.get::<_, i64>(0)? as usize,
                score: row.get::<_, f64>(1)? as f32,
            };
            if allowed(hit.row) {
                hits.push(hit);
            }
        }
        Ok(hits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Words {
        let example = |question: &str, answer: &str| Example {
            id: String::new(),
            image: String::new(),
            question: question.into(),
            answer: answer.into(),
            rationale: String::new(),
            tags: String::new(),
            source: String::new(),
            licence: String::new(),
            patient: String::new(),
            study: String::new(),
        };
        Words::new(&[
            example("Is there a nodule?", "yes"),
            example("Which view is this?", "frontal"),
            example("How many nodules are there?", "2"),
        ])
        .unwrap()
    }

    #[test]
    fn shared_and_rare_words_rank_first_and_filters_hold() {
        let rows = |text: &str, allowed: &dyn Fn(usize) -> bool| -> Vec<usize> {
            let hits = table().search(text, 3, allowed).unwrap();
            hits.iter().map(|h| h.row).collect()
        };
        assert_eq!(rows("count the nodules", &|_| true).len(), 2);
        assert_eq!(rows("which view", &|_| true), [1]);
        assert_eq!(rows("nodule", &|row| row != 0), [2]);
    }

    #[test]
    fn the_query_language_has_no_way_in() {
        for text in [
            "\"",
            "a OR",
            "question:x NEAR(",
            "* ^ - + {}",
            "'; drop table words",
        ] {
            assert!(table().search(text, 3, &|_| true).is_ok(), "{text}");
        }
    }
}
