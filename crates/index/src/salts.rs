//! Where the database keeps the salts of the codes of scans: in `meta`, apart from the examples.

use rusqlite::{Connection, OptionalExtension};

use super::error::IndexError;

/// The salt of the codes of scans, if any were imported.
pub(crate) fn own(connection: &Connection) -> Result<Option<String>, IndexError> {
    let query = "select value from meta where key = 'salt'";
    let salt = connection.query_row(query, [], |row| row.get(0));
    Ok(salt.optional()?)
}

/// Stores the salt, which must never change afterwards.
pub(crate) fn put_own(connection: &Connection, salt: &str) -> Result<(), IndexError> {
    connection.execute("insert into meta values ('salt', ?1)", [salt])?;
    Ok(())
}

/// Keys of what exports said about their codes; each value is one word a line.
const OTHER_SALTS: &str = "other-salts";
const UNKNOWN_SALTS: &str = "unknown-salts";

fn words(connection: &Connection, key: &str) -> Result<Vec<String>, IndexError> {
    let query = "select value from meta where key = ?1";
    let value = connection.query_row(query, [key], |row| row.get::<_, String>(0));
    let value = value.optional()?.unwrap_or_default();
    Ok(value.lines().map(str::to_owned).collect())
}

/// All salts of the codes: that of the index first, then those that came with exports.
pub(crate) fn all(connection: &Connection) -> Result<Vec<String>, IndexError> {
    let own = own(connection)?;
    let others = words(connection, OTHER_SALTS)?;
    Ok(own.into_iter().chain(others).collect())
}

/// The names of salts that codes have, but that are not known.
pub(crate) fn unknown(connection: &Connection) -> Result<Vec<String>, IndexError> {
    words(connection, UNKNOWN_SALTS)
}

/// Stores the salts that came with exports, and the names of those that did not; the index's own among `salts` stays where it is.
pub(crate) fn put_others(
    connection: &Connection,
    salts: &[String],
    unknown: &[String],
) -> Result<(), IndexError> {
    let own = own(connection)?;
    let others: Vec<&str> = salts
        .iter()
        .filter(|salt| own.as_ref() != Some(*salt))
        .map(String::as_str)
        .collect();
    for (key, value) in [
        (OTHER_SALTS, others.join("\n")),
        (UNKNOWN_SALTS, unknown.join("\n")),
    ] {
        connection.execute(
            "insert into meta values (?1, ?2) on conflict (key) do update set value = ?2",
            [key, value.as_str()],
        )?;
    }
    Ok(())
}
