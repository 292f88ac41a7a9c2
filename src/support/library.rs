//! Where the user's own things of a kind lie: one a subfolder, called by its name.

use std::path::{Component, Path, PathBuf};

/// Names that mean something of the program itself wherever one is asked for.
const OWN_WORDS: [&str; 2] = ["shipped", "descriptor"];

/// A name that cannot be given to anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is a word of the program itself; take another name")]
pub struct OwnWord(String);

/// Whether something is called by a name of the library, and not by a path.
pub fn is_name(given: &Path) -> bool {
    let mut parts = given.components();
    matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    )
}

/// Where something new goes: a bare name into the folder `library`, a path where it says.
///
/// Errors where the name is a word of the program's own: it could never be asked for.
pub fn place(library: &Path, given: &Path) -> Result<PathBuf, OwnWord> {
    if !is_name(given) {
        return Ok(given.to_path_buf());
    }
    match OWN_WORDS.iter().find(|word| given == Path::new(word)) {
        Some(word) => Err(OwnWord((*word).to_string())),
        None => Ok(library.join(given)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_lies_in_the_library_and_a_path_where_it_says() {
        let library = Path::new("/data/indexes");
        let placed = |given: &str| place(library, Path::new(given));
        assert_eq!(placed("mine"), Ok("/data/indexes/mine".into()));
        assert_eq!(placed("..mine"), Ok("/data/indexes/..mine".into()));
        for path in [
            "..",
            ".",
            "/",
            "./mine",
            "../mine",
            "a/b",
            "/a",
            "./shipped",
        ] {
            assert_eq!(placed(path), Ok(path.into()), "{path}");
        }
        for word in OWN_WORDS {
            assert_eq!(placed(word), Err(OwnWord(word.into())));
        }
    }
}
