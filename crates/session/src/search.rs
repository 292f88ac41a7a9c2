//! Full-text search over questions, answers, rationales and titles.
//!
//! Never search the text of shots: nobody in the session has said it. Turns of older versions still have it in the index.
//! Every word the user types is quoted, so SQLite's query language cannot be injected. Never build a query from raw text.

use rusqlite::{Row, params};
use std::ops::Range;

use crate::error::{SessionError, unreadable};
use crate::id::SessionId;
use crate::record::cleaned_title;
use crate::sessions::Sessions;
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

/// Where the words were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// In the title of the session.
    Title,
    /// In a question.
    Question,
    /// In an answer, complete or not.
    Answer,
    /// In a rationale.
    Rationale,
}

impl Part {
    /// The parts of a turn, in the order of the columns of the search index.
    const OF_TURN: [Self; 3] = [Self::Question, Self::Answer, Self::Rationale];

    /// Its name, for display and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Rationale => "rationale",
        }
    }
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
    /// Where most of the words were found.
    pub part: Part,
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
            "select s.id, s.title, s.used, t.number, f.score, f.question, f.answer, f.rationale
             from (select rowid as row, -rank as score,
                     snippet(words, 0, char(1), char(2), '…', ?3) as question,
                     snippet(words, 1, char(1), char(2), '…', ?3) as answer,
                     snippet(words, 2, char(1), char(2), '…', ?3) as rationale
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
            let (part, snippet) = best_part(row)?;
            hits.push(Hit {
                session: id(&row.get::<_, String>(0)?)?,
                title: cleaned_title(&row.get::<_, String>(1)?),
                used: row.get(2)?,
                turn: Some(row.get(3)?),
                part,
                snippet,
                score: row.get(4)?,
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
                    part: Part::Title,
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

/// The part of a turn with most of the found words; the earlier one of equals.
fn best_part(row: &Row) -> Result<(Part, Snippet), SessionError> {
    let mut best = (Part::Question, Snippet::default());
    for (column, part) in (5..).zip(Part::OF_TURN) {
        let marked: Option<String> = row.get(column)?;
        let snippet = Snippet::from_marked(&marked.unwrap_or_default());
        if snippet.found.len() > best.1.found.len() {
            best = (part, snippet);
        }
    }
    Ok(best)
}

/// The words of `text` (runs of letters and digits) in lower case.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .map(str::to_lowercase)
        .collect()
}

/// Whether a search for `text` looks for anything: it needs a letter or a digit.
pub fn has_words(text: &str) -> bool {
    !words(text).is_empty()
}

/// An FTS5 query for all words in what the user or the model said, the last word as a prefix; `None` if there are none.
fn query(words: &[String]) -> Option<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let all = quoted.join(" AND ");
    (!quoted.is_empty()).then(|| format!("{{question answer rationale}} : ({all} *)"))
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
