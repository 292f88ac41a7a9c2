//! Lines that go on: a backslash at the end takes in the next one, so that a question can have several.

use rounds_support::lines::{BadLine, LONGEST_LINE, Line};

/// A line of which more may come.
#[derive(Debug, Default)]
pub struct Joining {
    begun: Option<Line>,
}

impl Joining {
    /// Takes a line as it was read; gives the whole one where it does not go on.
    ///
    /// Of the backslashes at the end two are one, and the odd one takes in the next line, as in a shell.
    pub fn push(&mut self, line: Line) -> Option<Line> {
        let (line, more) = match line {
            Ok(line) => {
                let (line, more) = unescaped(&line);
                (Ok(line), more)
            }
            // Nobody knows how it ends.
            Err(bad) => (Err(bad), false),
        };
        let whole = match self.begun.take() {
            None => line,
            Some(begun) => joined(begun, line),
        };
        if !more {
            return Some(whole);
        }
        self.begun = Some(whole);
        None
    }

    /// What was begun, as it stands: no line comes any more.
    pub fn finish(&mut self) -> Option<Line> {
        self.begun.take()
    }

    /// Drops what was begun; true where there was something.
    pub fn forget(&mut self) -> bool {
        self.begun.take().is_some()
    }

    pub fn is_begun(&self) -> bool {
        self.begun.is_some()
    }
}

/// A line without the backslashes at its end that have a meaning, and whether it goes on.
fn unescaped(line: &str) -> (String, bool) {
    let text = line.trim_end_matches('\\');
    let count = line.len() - text.len();
    (format!("{text}{}", "\\".repeat(count / 2)), count % 2 == 1)
}

/// The first thing that is wrong counts; what comes after it is passed over.
fn joined(begun: Line, line: Line) -> Line {
    let (begun, line) = (begun?, line?);
    match begun.len() + line.len() < LONGEST_LINE {
        true => Ok(format!("{begun}\n{line}")),
        false => Err(BadLine::Long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &[Line]) -> Vec<Line> {
        let mut joining = Joining::default();
        let whole = lines.iter().filter_map(|line| joining.push(line.clone()));
        let mut whole: Vec<Line> = whole.collect();
        whole.extend(joining.finish());
        whole
    }

    fn texts(lines: &[&str]) -> Vec<String> {
        let lines: Vec<Line> = lines.iter().map(|line| Ok((*line).into())).collect();
        all(&lines).into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn a_backslash_at_the_end_takes_in_the_next_line() {
        assert_eq!(
            texts(&["one\\", "two\\", "three", "four"]),
            ["one\ntwo\nthree", "four"]
        );
        assert_eq!(texts(&["a\\b", "\\c"]), ["a\\b", "\\c"]);
        assert_eq!(texts(&["\\", ""]), ["\n"]);
        assert_eq!(texts(&["last\\"]), ["last"]);
    }

    #[test]
    fn two_backslashes_at_the_end_are_one() {
        assert_eq!(texts(&["C:\\scans\\\\", "next"]), ["C:\\scans\\", "next"]);
        assert_eq!(texts(&["three\\\\\\", "next"]), ["three\\\nnext"]);
    }

    #[test]
    fn a_bad_part_makes_the_whole_bad_and_the_next_line_is_good() {
        let begun = || Ok("begun\\".to_string());
        let next = || Ok("next".to_string());
        assert_eq!(
            all(&[begun(), Err(BadLine::NotUtf8), next()]),
            [Err(BadLine::NotUtf8), next()]
        );
        let long = Ok(format!("{}\\", "x".repeat(LONGEST_LINE - 8)));
        assert_eq!(
            all(&[begun(), long, begun(), next(), next()]),
            [Err(BadLine::Long), next()]
        );
    }
}
