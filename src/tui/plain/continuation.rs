//! Line continuation: a backslash at the end joins the next line, so that a question can span several.

use rounds_support::lines::{BadLine, Line, MAX_LINE_BYTES};

/// An input line that may continue on the next.
#[derive(Debug, Default)]
pub struct Continuation {
    partial: Option<Line>,
}

impl Continuation {
    /// Adds a line as read; returns the joined line unless it continues.
    ///
    /// As in a shell, two backslashes at the end stand for one, and an odd one joins the next line.
    pub fn push(&mut self, line: Line) -> Option<Line> {
        let (line, more) = match line {
            Ok(line) => {
                let (line, more) = unescape(&line);
                (Ok(line), more)
            }
            // Its end is unknown, so it cannot continue.
            Err(bad) => (Err(bad), false),
        };
        let joined = match self.partial.take() {
            None => line,
            Some(partial) => join(partial, line),
        };
        if !more {
            return Some(joined);
        }
        self.partial = Some(joined);
        None
    }

    /// At the end of the input: what there is of a continued line.
    pub fn finish(&mut self) -> Option<Line> {
        self.partial.take()
    }

    /// Discards a continued line; returns whether there was one.
    pub fn discard(&mut self) -> bool {
        self.partial.take().is_some()
    }

    pub fn is_pending(&self) -> bool {
        self.partial.is_some()
    }
}

/// The line with its trailing backslashes unescaped, and whether it continues.
fn unescape(line: &str) -> (String, bool) {
    let text = line.trim_end_matches('\\');
    let count = line.len() - text.len();
    (format!("{text}{}", "\\".repeat(count / 2)), count % 2 == 1)
}

/// Joins two lines. The first error wins.
fn join(partial: Line, line: Line) -> Line {
    let (partial, line) = (partial?, line?);
    match partial.len() + line.len() < MAX_LINE_BYTES {
        true => Ok(format!("{partial}\n{line}")),
        false => Err(BadLine::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join_all(lines: &[Line]) -> Vec<Line> {
        let mut continuation = Continuation::default();
        let joined = lines
            .iter()
            .filter_map(|line| continuation.push(line.clone()));
        let mut joined: Vec<Line> = joined.collect();
        joined.extend(continuation.finish());
        joined
    }

    fn texts(lines: &[&str]) -> Vec<String> {
        let lines: Vec<Line> = lines.iter().map(|line| Ok((*line).into())).collect();
        join_all(&lines).into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn a_backslash_at_the_end_joins_the_next_line() {
        assert_eq!(
            texts(&["one\\", "two\\", "three", "four"]),
            ["one\ntwo\nthree", "four"]
        );
        assert_eq!(texts(&["a\\b", "\\c"]), ["a\\b", "\\c"]);
        assert_eq!(texts(&["\\", ""]), ["\n"]);
        assert_eq!(texts(&["last\\"]), ["last"]);
    }

    #[test]
    fn two_backslashes_at_the_end_are_one_literal_backslash() {
        assert_eq!(texts(&["C:\\scans\\\\", "next"]), ["C:\\scans\\", "next"]);
        assert_eq!(texts(&["three\\\\\\", "next"]), ["three\\\nnext"]);
    }

    #[test]
    fn a_bad_part_makes_the_joined_line_bad_but_not_the_next() {
        let first = || Ok("first\\".to_string());
        let next = || Ok("next".to_string());
        assert_eq!(
            join_all(&[first(), Err(BadLine::NotUtf8), next()]),
            [Err(BadLine::NotUtf8), next()]
        );
        let long = Ok(format!("{}\\", "x".repeat(MAX_LINE_BYTES - 8)));
        assert_eq!(
            join_all(&[first(), long, first(), next(), next()]),
            [Err(BadLine::TooLong), next()]
        );
    }
}
