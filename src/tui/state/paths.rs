//! Paths as people type, paste and drop them: quoted, escaped, with `~`, or as `file://` addresses.
//!
//! Works on text only; whether a file exists is checked when it is opened.

use std::path::{Path, PathBuf};

/// Maximum length of a path, in bytes.
const MAX_BYTES: usize = 4096;

/// Parses a typed argument as a path.
pub fn from_input(text: &str, home: Option<&Path>) -> Option<PathBuf> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_BYTES {
        return None;
    }
    let plain = match text.strip_prefix("file://") {
        Some(address) => address_path(address)?,
        None => unquote(text),
    };
    Some(expand(&plain, home))
}

/// The image paths that a line or a paste starts with, and the text after them. Only absolute paths count: a word of
/// prose may end in `.png`, too.
pub fn leading_images<'a>(text: &'a str, home: Option<&Path>) -> (Vec<PathBuf>, &'a str) {
    split_paths(text, home, |path, _| {
        path.is_absolute() && is_image_path(path)
    })
}

/// The paths that the argument of a command starts with, and the text after them. A quoted path may have any name; without
/// quotes a path ends with the extension of an image. Without any, all of the argument is one path.
pub fn from_argument<'a>(text: &'a str, home: Option<&Path>) -> (Vec<PathBuf>, &'a str) {
    let (paths, rest) = split_paths(text, home, |path, quoted| quoted || is_image_path(path));
    match paths.is_empty() {
        true => (from_input(text, home).into_iter().collect(), ""),
        false => (paths, rest),
    }
}

/// Splits paths off the start of a text, as long as `accepts` takes them; it is told whether a path was quoted.
fn split_paths<'a>(
    text: &'a str,
    home: Option<&Path>,
    accepts: impl Fn(&Path, bool) -> bool,
) -> (Vec<PathBuf>, &'a str) {
    let mut paths = Vec::new();
    let mut rest = text.trim();
    if rest.len() > MAX_BYTES * 8 {
        return (paths, rest);
    }
    while let Some((path, after)) = next_path(rest, home, &accepts) {
        paths.push(path);
        rest = after.trim_start();
    }
    (paths, rest)
}

fn next_path<'a>(
    text: &'a str,
    home: Option<&Path>,
    accepts: &impl Fn(&Path, bool) -> bool,
) -> Option<(PathBuf, &'a str)> {
    if let Some((inner, rest)) = split_quoted(text) {
        let path = plain_path(inner, home)?;
        return accepts(&path, true).then_some((path, rest));
    }
    // Paths are also pasted without quotes: blanks belong to the path up to the first word that ends like an image.
    for end in word_ends(text) {
        let (word, rest) = text.split_at_checked(end)?;
        let word = word.trim_end_matches([',', ';', ':']);
        let Some(path) = from_input(word, home) else {
            continue;
        };
        if is_image_path(&path) {
            return accepts(&path, false).then_some((path, rest));
        }
    }
    None
}

/// The inside of the quotes that a text starts with, and the text after them, if they end a word.
fn split_quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (inner, rest) = text.get(1..)?.split_once(quote)?;
    let ends = rest.chars().next().is_none_or(char::is_whitespace);
    (ends && !inner.is_empty()).then_some((inner, rest))
}

/// A path in quotes, or an address.
fn plain_path(text: &str, home: Option<&Path>) -> Option<PathBuf> {
    match text.strip_prefix("file://") {
        Some(address) => Some(PathBuf::from(address_path(address)?)),
        None => Some(expand(text, home)),
    }
}

/// Where the words of the first line end, in bytes. A blank after a backslash ends no word.
fn word_ends(text: &str) -> Vec<usize> {
    let line = text.lines().next().unwrap_or_default();
    let mut ends = Vec::new();
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        if letter.is_whitespace() && !escaped {
            ends.push(at);
        }
        escaped = letter == '\\' && !escaped;
    }
    ends.push(line.len());
    ends
}

/// Whether the name looks like a readable image.
pub fn is_image_path(path: &Path) -> bool {
    // What is to be seen of a scan stands after the name: `ct.dcm#window=lung`.
    let text = path.to_str().unwrap_or_default();
    let file = text.split_once('#').map_or(text, |(file, _)| file);
    let extension = Path::new(file).extension().and_then(|e| e.to_str());
    let extension = extension.unwrap_or_default().to_lowercase();
    matches!(
        extension.as_str(),
        "png"
            | "jpg"
            | "jpeg"
            | "webp"
            | "tif"
            | "tiff"
            | "bmp"
            | "gif"
            | "dcm"
            | "dicom"
            | "nii"
            | "nrrd"
            | "nhdr"
            | "gz"
    )
}

fn expand(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

/// Removes quotes and backslashes from one argument, which may contain spaces.
fn unquote(text: &str) -> String {
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner.to_string();
        }
    }
    // A backslash before a letter is part of a Windows path, not an escape.
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letters.peek() {
            Some(&next) if letter == '\\' && !next.is_alphanumeric() => {
                out.push(next);
                letters.next();
            }
            _ => out.push(letter),
        }
    }
    out
}

/// The path of a local `file://` address.
fn address_path(address: &str) -> Option<String> {
    let path = address.strip_prefix("localhost").unwrap_or(address);
    if !path.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    let path = String::from_utf8(bytes).ok()?;
    (!path.contains('\0')).then_some(path)
}

/// Splits a typed path after its last slash, for completion.
pub fn split_path(text: &str) -> (&str, &str) {
    match text.rfind('/') {
        Some(at) => (
            text.get(..=at).unwrap_or_default(),
            text.get(at + 1..).unwrap_or_default(),
        ),
        None => ("", text),
    }
}

/// The folder that the typed part of a path names.
pub fn folder_of(beginning: &str, home: Option<&Path>) -> PathBuf {
    if beginning.is_empty() {
        return PathBuf::from(".");
    }
    from_input(beginning, home).unwrap_or_else(|| PathBuf::from("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "/home/me";

    /// The paths at the start of a line, and the rest.
    fn line(text: &str) -> (Vec<PathBuf>, &str) {
        leading_images(text, Some(Path::new(HOME)))
    }

    fn argument(text: &str) -> (Vec<PathBuf>, &str) {
        from_argument(text, Some(Path::new(HOME)))
    }

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_dropped_path_is_read_however_it_is_written() {
        for text in [
            "/tmp/a\\ scan.png",
            "/tmp/a scan.png",
            "'/tmp/a scan.png'",
            "\"/tmp/a scan.png\" ",
            "file:///tmp/a%20scan.png",
            "file://localhost/tmp/a%20scan.png\n",
        ] {
            assert_eq!(line(text), (paths(&["/tmp/a scan.png"]), ""), "{text}");
            assert_eq!(argument(text), line(text), "{text}");
        }
        let two = paths(&["/home/me/x y.jpg", "/b.png"]);
        for text in [
            "~/x y.jpg /b.png",
            "'~/x y.jpg' \"/b.png\"",
            "~/x\\ y.jpg\n/b.png",
        ] {
            assert_eq!(line(text), (two.clone(), ""), "{text}");
        }
    }

    #[test]
    fn a_question_may_follow_a_path() {
        for text in [
            "'/tmp/a b.png' Is it normal?",
            "/tmp/a b.png Is it normal?",
            "/tmp/a\\ b.png, Is it normal?",
            "/tmp/a b.png\nIs it normal?",
        ] {
            assert_eq!(
                line(text),
                (paths(&["/tmp/a b.png"]), "Is it normal?"),
                "{text}"
            );
        }
    }

    #[test]
    fn text_is_not_a_path() {
        for text in [
            "is there a nodule in chest.png",
            "/attach x",
            "file://elsewhere/tmp/a.png",
            "file:///tmp/%zz.png",
            "'/tmp/open.png",
            "",
        ] {
            assert_eq!(line(text), (Vec::new(), text), "{text}");
        }
    }

    #[test]
    fn an_argument_may_be_several_paths_in_any_spelling() {
        let two = paths(&["a b.png", "c.jpg"]);
        for text in [
            "\"a b.png\" \"c.jpg\"",
            "'a b.png' c.jpg",
            "a\\ b.png c.jpg",
            "a b.png  c.jpg",
        ] {
            assert_eq!(argument(text), (two.clone(), ""), "{text}");
        }
        assert_eq!(argument("'scan' 'b'"), (paths(&["scan", "b"]), ""));
        assert_eq!(argument("a scan"), (paths(&["a scan"]), ""));
        assert_eq!(argument(""), (Vec::new(), ""));
    }

    #[test]
    fn a_typed_path_may_have_spaces_and_quotes() {
        let home = Some(Path::new("/home/me"));
        assert_eq!(
            from_input("a scan.png", home),
            Some(PathBuf::from("a scan.png"))
        );
        assert_eq!(
            from_input("\"a scan.png\"", home),
            Some(PathBuf::from("a scan.png"))
        );
        assert_eq!(
            from_input("~/a\\ scan.png", home),
            Some(PathBuf::from("/home/me/a scan.png"))
        );
        assert_eq!(
            from_input("C:\\scans\\a.png", home),
            Some(PathBuf::from("C:\\scans\\a.png"))
        );
        assert_eq!(from_input("  ", home), None);
    }
}
