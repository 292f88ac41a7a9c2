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

/// The paths of a paste or drop, if all of it looks like image paths; `None` for other text.
pub fn from_paste(text: &str, home: Option<&Path>) -> Option<Vec<PathBuf>> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_BYTES * 8 {
        return None;
    }
    let words = shell_words(text)?;
    let paths: Vec<PathBuf> = words
        .iter()
        .filter_map(|word| path_from_word(word, home))
        .collect();
    let all = paths.len() == words.len() && paths.iter().all(|path| is_image_path(path));
    // A word of prose may end in .png; a drop is always an absolute path or an address.
    let absolute = paths.iter().all(|path| path.is_absolute());
    (all && absolute && !paths.is_empty()).then_some(paths)
}

fn path_from_word(word: &str, home: Option<&Path>) -> Option<PathBuf> {
    match word.strip_prefix("file://") {
        Some(address) => Some(expand(&address_path(address)?, home)),
        None => Some(expand(word, home)),
    }
}

/// Whether the name looks like a readable image.
pub fn is_image_path(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str());
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

/// Splits words like a shell, with quotes and backslashes. `None` if a quote is not closed.
fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') if word.is_empty() => quote = Some(letter),
            (None, '\\') if letters.peek().is_some_and(|next| !next.is_alphanumeric()) => {
                word.extend(letters.next());
            }
            (None, _) if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    quote.is_none().then_some(words)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<Vec<PathBuf>> {
        from_paste(text, Some(Path::new("/home/me")))
    }

    #[test]
    fn a_dropped_path_is_read_however_it_is_written() {
        let wanted = Some(vec![PathBuf::from("/tmp/a scan.png")]);
        for text in [
            "/tmp/a\\ scan.png",
            "'/tmp/a scan.png'",
            "\"/tmp/a scan.png\" ",
            "file:///tmp/a%20scan.png",
            "file://localhost/tmp/a%20scan.png\n",
        ] {
            assert_eq!(one(text), wanted, "{text}");
        }
        assert_eq!(one("~/x.jpg /b.png").unwrap().len(), 2);
        assert_eq!(one("~/x.jpg").unwrap()[0], PathBuf::from("/home/me/x.jpg"));
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
            assert_eq!(one(text), None, "{text}");
        }
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
