//! Input history, browsed with the arrow keys. The text being typed is kept as the newest entry.

const MAX_LINES: usize = 500;

/// Entries, oldest first, and the current position.
#[derive(Clone, Debug, Default)]
pub struct History {
    lines: Vec<String>,
    /// `None` while nothing is recalled.
    at: Option<usize>,
    draft: String,
}

impl History {
    /// Adds an entry and stops browsing.
    pub fn add(&mut self, line: &str) {
        self.at = None;
        if self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_string());
        }
        if self.lines.len() > MAX_LINES {
            self.lines.remove(0);
        }
    }

    /// The previous entry; `current` is kept when browsing starts.
    pub fn older(&mut self, current: &str) -> Option<&str> {
        let next = match self.at {
            None => self.lines.len().checked_sub(1)?,
            Some(at) => at.checked_sub(1)?,
        };
        if self.at.is_none() {
            self.draft = current.to_string();
        }
        self.at = Some(next);
        self.lines.get(next).map(String::as_str)
    }

    /// The next entry, and at the end the text that was being typed.
    pub fn newer(&mut self) -> Option<&str> {
        let next = self.at? + 1;
        if next >= self.lines.len() {
            self.at = None;
            return Some(&self.draft);
        }
        self.at = Some(next);
        self.lines.get(next).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsing_goes_back_and_returns_to_the_text_being_typed() {
        let mut history = History::default();
        assert_eq!(history.older("draft"), None);
        history.add("one");
        history.add("two");
        history.add("two");
        assert_eq!(history.older("draft"), Some("two"));
        assert_eq!(history.older("two"), Some("one"));
        assert_eq!(history.older("one"), None);
        assert_eq!(history.newer(), Some("two"));
        assert_eq!(history.newer(), Some("draft"));
        assert_eq!(history.newer(), None);
    }
}
