//! Full-text search over questions, answers and tag values: SQLite's FTS5, ranked by BM25.

use rusqlite::Connection;

use super::error::IndexError;
use super::vectors::Hit;

/// Query words used; further ones are ignored.
const MAX_WORDS: usize = 64;

/// At most `k` examples that pass `allowed` and share a word with `text`, best first; ties by number. Scores are BM25, higher
/// is better; questions have full weight, answers and tags a quarter.
pub(crate) fn search(
    connection: &Connection,
    text: &str,
    k: usize,
    allowed: &dyn Fn(usize) -> bool,
) -> Result<Vec<Hit>, IndexError> {
    // Quote every word, so that no FTS5 query syntax gets through.
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .take(MAX_WORDS)
        .map(|w| format!("\"{w}\""))
        .collect();
    if words.is_empty() || k == 0 {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
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
