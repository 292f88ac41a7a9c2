//! Reads files with one row per line.

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry};
use rounds_support::{Cancel, Lines};

/// Applies `read` to each non-blank line and its position. A line that is too long or not UTF-8 is a bad row.
pub(super) fn entries(
    input: &Input,
    mut read: impl FnMut(&str, String) -> Entry + Send + 'static,
) -> Result<Entries, DatasetError> {
    let mut lines = lines(input)?;
    let name = input.name.clone();
    let iterator = Box::new(std::iter::from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            let origin = format!("{name}, line {number}");
            match line {
                Err(error) => return Some(Err(DatasetError::broken(&origin, error))),
                Ok(Err(bad)) => {
                    let reason = bad.to_string();
                    return Some(Ok(Entry::Bad { origin, reason }));
                }
                Ok(Ok(line)) if line.trim().is_empty() => {}
                Ok(Ok(line)) => return Some(Ok(read(&line, origin))),
            }
        }
    }));
    Ok(Entries {
        total: None,
        iterator,
    })
}

/// A line, or why it is refused. An outer error is the last item.
pub(super) type Line = std::io::Result<rounds_support::lines::Line>;

/// The lines of a file, numbered from 1, without a byte order mark.
pub(super) fn lines(
    input: &Input,
) -> Result<impl Iterator<Item = (u64, Line)> + Send + use<>, DatasetError> {
    let file = input.open()?;
    let lines = Lines::read(move || file);
    let lines = lines.map_err(|error| DatasetError::broken(&input.name, error))?;
    let cancel = Cancel::new();
    let all = std::iter::from_fn(move || lines.next(&cancel));
    Ok((1..).zip(all).map(|(number, line)| match line {
        Ok(Ok(text)) if number == 1 => {
            let text = text
                .strip_prefix('\u{FEFF}')
                .map(str::to_owned)
                .unwrap_or(text);
            (number, Ok(Ok(text)))
        }
        line => (number, line),
    }))
}
