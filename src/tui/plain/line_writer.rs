//! Output layout: lines, streamed text and the prompt each start on a new line.

/// Pending output, and how the text before it ended.
#[derive(Debug, Default)]
pub struct LineWriter {
    text: String,
    /// The output ends in the middle of a line.
    mid_line: bool,
    /// The output ends with the prompt.
    at_prompt: bool,
}

impl LineWriter {
    /// Appends text as it is, on a new line if the prompt is showing.
    pub fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.at_prompt) {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.mid_line = !text.ends_with('\n');
    }

    /// Appends text as a line of its own.
    pub fn write_line(&mut self, line: &str) {
        self.end_line();
        self.write(line);
        self.write("\n");
    }

    pub fn end_line(&mut self) {
        if self.mid_line {
            self.write("\n");
        }
    }

    /// Shows the prompt, unless it is already showing.
    pub fn write_prompt(&mut self, prompt: &str) {
        if !self.at_prompt {
            self.end_line();
            self.text.push_str(prompt);
            self.at_prompt = true;
        }
    }

    /// A line was entered after the prompt: the terminal has echoed its line break.
    pub fn line_entered(&mut self) {
        self.at_prompt = false;
    }

    /// Ends the output at the start of a line.
    pub fn close(&mut self) {
        self.end_line();
        if std::mem::take(&mut self.at_prompt) {
            self.text.push('\n');
        }
    }

    /// The pending output.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_starts_on_a_new_line() {
        let mut writer = LineWriter::default();
        writer.write("half");
        writer.write_line("whole");
        writer.write_prompt("> ");
        writer.write_prompt("> ");
        assert_eq!(writer.take(), "half\nwhole\n> ");
        writer.write_line("news");
        writer.write_prompt("> ");
        assert_eq!(writer.take(), "\nnews\n> ");
        writer.line_entered();
        writer.write_line("answer");
        assert_eq!(writer.take(), "answer\n");
        writer.write_prompt("> ");
        writer.close();
        assert_eq!(writer.take(), "> \n");
    }
}
