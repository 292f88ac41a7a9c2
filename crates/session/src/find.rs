//! Finds a session by what the user types: an id or its beginning, a number, or a title.
//!
//! Never guess: text that matches several sessions is an error that names them.

use rusqlite::params;

use crate::error::SessionError;
use crate::id::{SessionId, TurnAddress, TurnId, as_prefix};
use crate::sessions::Sessions;
use rounds_support::sanitise::clean_line_max;

/// Most candidates named in an error.
const MAX_CANDIDATES: i64 = 5;

/// Fewest letters taken as the beginning of an id; a single letter is more likely part of a title.
const MIN_PREFIX: usize = 4;

impl Sessions {
    /// The session that `text` names. Tried in this order: id, number, whole title, beginning of an id, part of a title; the
    /// first kind that matches any session counts.
    ///
    /// Errors if no session matches, or more than one.
    pub fn find(&self, text: &str) -> Result<SessionId, SessionError> {
        let text = text.trim();
        let prefix = as_prefix(text)
            .filter(|prefix| prefix.len() >= MIN_PREFIX)
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
                "select id from sessions where {condition} order by used desc, number desc limit {MAX_CANDIDATES}"
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

    /// The turn that `SESSION#TURN` names; the session is found as in [`Sessions::find`].
    pub fn find_turn(&self, text: &str) -> Result<TurnId, SessionError> {
        let address: TurnAddress = text.parse()?;
        let id = TurnId {
            session: self.find(&address.session)?,
            number: address.turn,
        };
        crate::turns::row_of(&self.connection, &id)?;
        Ok(id)
    }

    /// The most recently used session, if there is one.
    pub fn latest(&self) -> Result<Option<SessionId>, SessionError> {
        Ok(self.list(1, 0)?.into_iter().next().map(|found| found.id))
    }
}
