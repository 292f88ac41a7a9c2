//! What is written: lines, text that streams, and the prompt, each on a line of its own.

/// What is to be written next, and how what was written ends.
#[derive(Debug, Default)]
pub struct Paper {
    text: String,
    /// The text ends inside a line.
    open: bool,
    /// The last thing written is the prompt.
    prompted: bool,
}

impl Paper {
    /// Text as it is. After the prompt it begins a new line.
    pub fn put(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.prompted) {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.open = !text.ends_with('\n');
    }

    /// A line of its own.
    pub fn line(&mut self, line: &str) {
        self.end_line();
        self.put(line);
        self.put("\n");
    }

    pub fn end_line(&mut self) {
        if self.open {
            self.put("\n");
        }
    }

    /// Asks for a line with these words, unless it does already.
    pub fn prompt(&mut self, words: &str) {
        if !self.prompted {
            self.end_line();
            self.text.push_str(words);
            self.prompted = true;
        }
    }

    /// A line was typed after the prompt; the terminal went on to a new one itself.
    pub fn typed(&mut self) {
        self.prompted = false;
    }

    /// Whatever comes next begins a line.
    pub fn close(&mut self) {
        self.end_line();
        if std::mem::take(&mut self.prompted) {
            self.text.push('\n');
        }
    }

    /// What is to be written now.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_begins_a_line_of_its_own() {
        let mut paper = Paper::default();
        paper.put("half");
        paper.line("whole");
        paper.prompt("> ");
        paper.prompt("> ");
        assert_eq!(paper.take(), "half\nwhole\n> ");
        paper.line("news");
        paper.prompt("> ");
        assert_eq!(paper.take(), "\nnews\n> ");
        paper.typed();
        paper.line("answer");
        assert_eq!(paper.take(), "answer\n");
        paper.prompt("> ");
        paper.close();
        assert_eq!(paper.take(), "> \n");
    }
}
