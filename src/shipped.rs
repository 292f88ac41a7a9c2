//! Files that are part of the binary: the model, the index, the sample cases and the prompt templates.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The bytes of a shipped file by its path in the repository (`assets/nano/model.toml`).
pub fn file(name: &str) -> Option<&'static [u8]> {
    let at = SHIPPED.binary_search_by_key(&name, |(n, _)| n).ok()?;
    SHIPPED.get(at).map(|(_, bytes)| *bytes)
}

/// Names of the shipped files below a folder.
pub fn below(folder: &str) -> impl Iterator<Item = &'static str> {
    SHIPPED
        .iter()
        .map(|(n, _)| *n)
        .filter(move |n| n.starts_with(folder))
}
