//! Media of a package: which entry of the zip has which name.

use std::collections::HashMap;

use serde_json::Value;

use crate::exchange::error::{ExchangeError, at_most, damaged};
use crate::exchange::limits::Limits;

use super::archive::Archive;

/// Longest map of names, in bytes.
const MAX_MAP_BYTES: u64 = 64 << 20;

/// Entries of the zip by the names that fields use. A name is a key and nothing else: no file is ever opened by it.
pub(super) struct Media {
    entries: HashMap<String, String>,
}

impl Media {
    /// The map of a package; empty if it has none.
    pub(super) fn read(archive: &mut Archive, limits: &Limits) -> Result<Self, ExchangeError> {
        if !archive.has("media") {
            return Ok(Self {
                entries: HashMap::new(),
            });
        }
        let map = archive.content("media", MAX_MAP_BYTES);
        let map = map.map_err(|reason| damaged(format!("its map of media: {reason}")))?;
        let broken = |_| damaged("its map of media is not JSON");
        let map: HashMap<String, Value> = serde_json::from_slice(&map).map_err(broken)?;
        at_most("images:", map.len(), limits.files)?;
        let names = map.into_iter().filter_map(|(entry, name)| {
            let is_number = !entry.is_empty() && entry.bytes().all(|byte| byte.is_ascii_digit());
            Some((name.as_str()?.to_owned(), entry)).filter(|_| is_number)
        });
        Ok(Self {
            entries: names.collect(),
        })
    }

    /// The entry of the image that a field calls `source`.
    pub(super) fn entry(&self, source: &str) -> Option<&str> {
        let source = source.trim();
        let found = self.entries.get(source);
        let found = found.or_else(|| self.entries.get(&percent_decoded(source)));
        found.map(String::as_str)
    }
}

/// `text` with `%20` and the like decoded, as browsers do with a source.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_decoded() {
        assert_eq!(percent_decoded("a%20b%C3%A9.png"), "a bé.png");
        assert_eq!(percent_decoded("100%.png%"), "100%.png%");
        assert_eq!(percent_decoded("%FF"), "%FF");
    }
}
