//! Finding a session by what a person types: an id or its beginning, a number, a title.
//!
//! What fits several sessions is an error that names them; never guess.

use rusqlite::params;

use super::Sessions;
use super::error::SessionError;
use super::id::{SessionId, TurnAddress, TurnId, as_prefix};
use rounds_support::sanitise::clean_line_max;

/// Most candidates that an error names.
const MOST_NAMED: i64 = 5;

/// Fewest letters that count as the beginning of an id; fewer would take a letter of a title for one.
const SHORTEST_PREFIX: usize = 4;

impl Sessions {
    /// The session that `text` names: by id, by number, by its whole title, by the beginning of an id, or by part of a title;
    /// the first of these that fits any session counts.
    ///
    /// Errors where none fits, or more than one.
    pub fn find(&self, text: &str) -> Result<SessionId, SessionError> {
        let text = text.trim();
        let prefix = as_prefix(text)
            .filter(|prefix| prefix.len() >= SHORTEST_PREFIX)
            .unwrap_or_default();
        let number = text.strip_prefix('#').unwrap_or(text);
        let number: i64 = number.parse().unwrap_or(0);
        for (condition, value) in [
            ("id = ?1", prefix.as_str()),
            ("number = cast(?1 as integer)", &number.to_string()),
            ("title = ?1", text),
            ("?1 <> '' and substr(id, 1, length(?1)) = ?1", &prefix),
            ("?1 <> '' and instr(lower(title), lower(?1)) > 0", text),
        ] {
            let query = format!(
                "select id from sessions where {condition} order by used desc, number desc limit {MOST_NAMED}"
            );
            let mut statement = self.connection.prepare_cached(&query)?;
            let found = statement.query_map(params![value], |row| row.get::<_, String>(0))?;
            let found: Vec<String> = found.collect::<Result<_, _>>()?;
            match found.as_slice() {
                [] => {}
                [one] => return one.parse(),
                _ => {
                    return Err(SessionError::Ambiguous {
                        text: clean_line_max(text, 60),
                        candidates: found.iter().map(|id| clean_line_max(id, 8)).collect(),
                    });
                }
            }
        }
        Err(SessionError::Unknown(clean_line_max(text, 60)))
    }

    /// The turn that `SESSION#TURN` names, the session as in [`Sessions::find`].
    pub fn find_turn(&self, text: &str) -> Result<TurnId, SessionError> {
        let address: TurnAddress = text.parse()?;
        let id = TurnId {
            session: self.find(&address.session)?,
            number: address.turn,
        };
        super::turns::row_of(&self.connection, &id)?;
        Ok(id)
    }

    /// The session that was used last, where there is one.
    pub fn latest(&self) -> Result<Option<SessionId>, SessionError> {
        Ok(self.list(1, 0)?.into_iter().next().map(|found| found.id))
    }
}
