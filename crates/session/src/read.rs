//! Reads sessions: lists, whole sessions, single turns.
//!
//! Other programs can write to the database, so text is cleaned again when it is read. Nothing here writes.

use rusqlite::{Row, params};

use crate::error::{SessionError, unreadable};
use crate::id::{SessionId, TurnId};
use crate::record::{MAX_TITLE, Record, cleaned_text, cleaned_title};
use crate::sessions::Sessions;
use crate::types::{Session, StoredAnswer, StoredImage, Summary, Turn, TurnState};
use rounds_support::sanitise::clean_line_max;

/// Longest answer in a list, in characters.
const MAX_ANSWER_CHARS: usize = 80;

/// The image's name is looked for in the first and the last turn only: a session may have thousands. A record that is not
/// JSON has none.
const SUMMARY: &str = "select id, number, title, model, index_name, created, used, turns,
   (select iif(json_valid(t.record), json_extract(t.record, '$.images[0].name'), null) as name from turns t
    where t.session = sessions.number and t.number in
      (1, (select max(l.number) from turns l where l.session = sessions.number))
    order by name is null, t.number limit 1),
   (select substr(t.answer, 1, 400) from turns t where t.session = sessions.number and t.state = 'answered'
    order by t.number desc limit 1)
   from sessions";
const TURN: &str = "select t.number, t.parent, t.asked, t.ended, t.state, t.question, t.answer, t.rationale, t.message, t.record
   from turns t join sessions s on s.number = t.session where s.id = ?1";

/// Size of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Number of sessions.
    pub sessions: u64,
    /// Number of turns.
    pub turns: u64,
    /// Number of different images, including thumbnails of shots.
    pub images: u64,
    /// Bytes of those images.
    pub image_bytes: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// When the least recently used session was used, in milliseconds since 1970.
    pub oldest: Option<i64>,
    /// When the most recently used session was used, in milliseconds since 1970.
    pub newest: Option<i64>,
}

impl Sessions {
    /// At most `limit` sessions after skipping `offset`, most recently used first.
    pub fn list(&self, limit: usize, offset: usize) -> Result<Vec<Summary>, SessionError> {
        let text = format!("{SUMMARY} order by used desc, number desc limit ?1 offset ?2");
        let mut statement = self.connection.prepare_cached(&text)?;
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![number(limit), number(offset)])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(summary(row)?);
        }
        Ok(found)
    }

    /// Loads a whole session.
    pub fn load(&self, id: &SessionId) -> Result<Session, SessionError> {
        // A transaction gives one consistent view while other processes write.
        let view = self.connection.unchecked_transaction()?;
        let Summary {
            id,
            number,
            title,
            model,
            index,
            created,
            used,
            ..
        } = self.summary(id)?;
        let mut statement = view.prepare_cached(&format!("{TURN} order by t.number"))?;
        let mut rows = statement.query([id.as_str()])?;
        let mut turns = Vec::new();
        while let Some(row) = rows.next()? {
            turns.push(turn(row)?);
        }
        Ok(Session {
            id,
            number,
            title,
            model,
            index,
            created,
            used,
            turns,
        })
    }

    /// The list entry of one session.
    pub fn summary(&self, id: &SessionId) -> Result<Summary, SessionError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{SUMMARY} where id = ?1"))?;
        let mut rows = statement.query([id.as_str()])?;
        match rows.next()? {
            Some(row) => summary(row),
            None => Err(SessionError::Unknown(id.to_string())),
        }
    }

    /// Loads one turn.
    pub fn turn(&self, id: &TurnId) -> Result<Turn, SessionError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{TURN} and t.number = ?2"))?;
        let mut rows = statement.query(params![id.session.as_str(), id.number])?;
        match rows.next()? {
            Some(row) => turn(row),
            None => Err(SessionError::UnknownTurn {
                session: id.session.to_string(),
                turn: id.number,
            }),
        }
    }

    /// The bytes of a saved image.
    ///
    /// Errors if it is missing or does not match its hash.
    pub fn image(&self, image: &StoredImage) -> Result<Vec<u8>, SessionError> {
        self.images.get(&image.sha256)
    }

    /// Size of the store.
    pub fn stats(&self) -> Result<Stats, SessionError> {
        let stats = self.connection.query_row(
            "select (select count(*) from sessions), (select count(*) from turns), (select count(*) from images),
               (select coalesce(sum(bytes), 0) from images), (select min(used) from sessions),
               (select max(used) from sessions), (select page_count from pragma_page_count),
               (select page_size from pragma_page_size)",
            [],
            |row| {
                // SQLite counts in signed numbers, but none of these is negative.
                let count = |column: usize| row.get(column).map(i64::unsigned_abs);
                Ok(Stats {
                    sessions: count(0)?,
                    turns: count(1)?,
                    images: count(2)?,
                    image_bytes: count(3)?,
                    oldest: row.get(4)?,
                    newest: row.get(5)?,
                    database_bytes: count(6)?.saturating_mul(count(7)?),
                })
            },
        );
        Ok(stats?)
    }
}

fn summary(row: &Row) -> Result<Summary, SessionError> {
    let text = |column: usize| row.get::<_, String>(column);
    let line = |column: usize, max: usize| -> Result<Option<String>, SessionError> {
        // Other programs can write any type.
        let text = row.get_ref(column)?.as_str().unwrap_or_default();
        Ok(Some(clean_line_max(text.trim(), max)).filter(|line| !line.is_empty()))
    };
    Ok(Summary {
        id: text(0)?
            .parse()
            .map_err(|_| unreadable("the id of a session is not valid"))?,
        number: row.get(1)?,
        title: cleaned_title(&text(2)?),
        model: cleaned_title(&text(3)?),
        index: cleaned_title(&text(4)?),
        created: row.get(5)?,
        used: row.get(6)?,
        turns: row.get(7)?,
        image: line(8, MAX_TITLE)?,
        last_answer: line(9, MAX_ANSWER_CHARS)?,
    })
}

fn turn(row: &Row) -> Result<Turn, SessionError> {
    let text = |column: usize, what: &'static str| -> Result<Option<String>, SessionError> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| cleaned_text(what, &text)).transpose()
    };
    let state: String = row.get(4)?;
    let state = TurnState::ALL
        .into_iter()
        .find(|known| known.name() == state);
    let state = state.ok_or_else(|| unreadable("the state of a turn is not valid"))?;
    let record = Record::from_text(&row.get::<_, String>(9)?)?;
    let words = text(6, "bytes in the answer")?.unwrap_or_default();
    let rationale = text(7, "bytes in the rationale")?;
    let (words, answer) = match state {
        TurnState::Answered => {
            let rest = record.answer.unwrap_or_default();
            (
                String::new(),
                Some(StoredAnswer {
                    answer: words,
                    rationale,
                    ..rest
                }),
            )
        }
        _ => (words, None),
    };
    Ok(Turn {
        number: row.get(0)?,
        parent: row.get(1)?,
        asked: row.get(2)?,
        ended: row.get(3)?,
        state,
        question: text(5, "bytes in the question")?.unwrap_or_default(),
        images: record.images,
        settings: record.settings,
        sources: record.sources,
        patient: record.patient,
        study: record.study,
        text: words,
        answer,
        shots: record.shots,
        prompt: record.prompt,
        message: text(8, "bytes in the message")?,
    })
}
