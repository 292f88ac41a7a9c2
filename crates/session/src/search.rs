//! Full-text search over questions, answers, rationales, the questions of shots, and titles.
//!
//! Every word the user types is quoted, so SQLite's query language cannot be injected. Never build a query from raw text.

use rusqlite::params;
use std::ops::Range;

use super::Sessions;
use super::error::{SessionError, unreadable};
use super::id::SessionId;
use super::record::cleaned_title;
use rounds_support::sanitise::clean_line;

/// Most words of a query; the rest is ignored.
const MAX_WORDS: usize = 32;
/// Words shown around a hit.
const SNIPPET_WORDS: i64 = 16;
/// SQLite puts these around a found word; cleaned text never contains them.
const MARKS: [char; 2] = ['\u{1}', '\u{2}'];

/// One line of text and the positions of the found words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// The text.
    pub text: String,
    /// Byte ranges of the found words in `text`, in order.
    pub found: Vec<Range<usize>>,
}

/// A search result.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Id of the session.
    pub session: SessionId,
    /// Title of the session.
    pub title: String,
    /// When the session was last used, in milliseconds since 1970.
    pub used: i64,
    /// Number of the turn; `None` if the title matched.
    pub turn: Option<u32>,
    /// The text around the found words.
    pub snippet: Snippet,
    /// BM25, higher is better; 0 for titles.
    pub score: f64,
}

impl Sessions {
    /// At most `limit` hits that contain every word of `text`; the last word may be incomplete. Titles come first, most
    /// recently used first, then turns, best first.
    pub fn search(&self, text: &str, limit: usize) -> Result<Vec<Hit>, SessionError> {
        let words = words(text);
        let (Some(query), true) = (query(&words), limit > 0) else {
            return Ok(Vec::new());
        };
        let mut hits = self.titles(&words, limit)?;
        let left = limit.saturating_sub(hits.len());
        let mut statement = self.connection.prepare_cached(
            "select s.id, s.title, s.used, t.number, f.piece, f.score
             from (select rowid as row, -rank as score, snippet(words, -1, char(1), char(2), '…', ?3) as piece
                   from words where words match ?1 order by rank limit ?2) f
             join turns t on t.row = f.row join sessions s on s.number = t.session
             order by f.score desc, s.used desc, t.number",
        )?;
        let mut rows = statement.query(params![
            query,
            i64::try_from(left).unwrap_or(i64::MAX),
            SNIPPET_WORDS
        ])?;
        while let Some(row) = rows.next()? {
            hits.push(Hit {
                session: id(&row.get::<_, String>(0)?)?,
                title: cleaned_title(&row.get::<_, String>(1)?),
                used: row.get(2)?,
                turn: Some(row.get(3)?),
                snippet: Snippet::from_marked(&row.get::<_, String>(4)?),
                score: row.get(5)?,
            });
        }
        Ok(hits)
    }

    fn titles(&self, words: &[String], limit: usize) -> Result<Vec<Hit>, SessionError> {
        let mut statement = self.connection.prepare_cached(
            "select id, title, used from sessions order by used desc, number desc",
        )?;
        let mut rows = statement.query([])?;
        let mut hits = Vec::new();
        while hits.len() < limit
            && let Some(row) = rows.next()?
        {
            let title = row.get_ref(1)?.as_str().map_err(unreadable)?;
            let lower = title.to_lowercase();
            if words.iter().all(|word| lower.contains(word)) {
                let title = cleaned_title(title);
                hits.push(Hit {
                    session: id(&row.get::<_, String>(0)?)?,
                    snippet: Snippet {
                        text: title.clone(),
                        found: Vec::new(),
                    },
                    title,
                    used: row.get(2)?,
                    turn: None,
                    score: 0.0,
                });
            }
        }
        Ok(hits)
    }
}

fn id(text: &str) -> Result<SessionId, SessionError> {
    text.parse()
        .map_err(|_| unreadable("the id of a session is not valid"))
}

/// The words of `text` (runs of letters and digits) in lower case.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .map(str::to_lowercase)
        .collect()
}

/// An FTS5 query for all words, the last one as a prefix; `None` if there are none.
fn query(words: &[String]) -> Option<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    (!quoted.is_empty()).then(|| format!("{} *", quoted.join(" AND ")))
}

impl Snippet {
    fn from_marked(marked: &str) -> Self {
        let mut snippet = Self::default();
        for piece in marked.split_inclusive(MARKS) {
            let ends_word = piece.ends_with(MARKS[1]);
            let start = snippet.text.len();
            snippet
                .text
                .push_str(&clean_line(piece.trim_end_matches(MARKS)));
            if ends_word {
                snippet.found.push(start..snippet.text.len());
            }
        }
        snippet
    }
}
