//! Formats streamed text so that answer and rationale are on separate lines.

/// Formats streamed text so that answer and rationale are on separate lines.
#[derive(Debug, Default)]
pub struct AnswerLayout {
    /// The marker that the prompt ends with.
    lead: String,
    started: bool,
    /// Text that could still become a marker.
    held: String,
}

impl AnswerLayout {
    const MARKERS: [&str; 2] = [" Answer:", " Rationale:"];

    /// Takes the prompt, before the first text.
    pub fn begin(&mut self, prompt: &str) {
        let lead = match prompt.strip_suffix("Answer is:") {
            Some(_) => "Answer:",
            None => prompt.rsplit([' ', '\n']).next().unwrap_or_default(),
        };
        self.lead = lead.to_string();
    }

    /// Takes more text; returns what can be shown so far.
    pub fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        if !self.started {
            self.held = self.held.trim_start().to_string();
            if self.held.is_empty() {
                return String::new();
            }
            self.started = true;
            self.held = format!("\n{} {}", self.lead, self.held);
        }
        for marker in Self::MARKERS {
            self.held = self.held.replace(marker, &format!("\n{}", &marker[1..]));
        }
        let keep = (0..self.held.len())
            .filter(|&at| self.held.is_char_boundary(at))
            .find(|&at| {
                Self::MARKERS
                    .iter()
                    .any(|m| m.starts_with(&self.held[at..]))
            })
            .unwrap_or(self.held.len());
        let rest = self.held.split_off(keep);
        std::mem::replace(&mut self.held, rest)
    }

    /// Returns the text that was held back.
    pub fn end(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_and_rationale_are_on_separate_lines_however_the_text_is_split() {
        let text = " I see A and an Ans. Answer: yes";
        for size in 1..12 {
            let mut parts = AnswerLayout::default();
            parts.begin("<image>Question: Is it? Rationale:");
            let bytes: Vec<char> = text.chars().collect();
            let mut out: String = bytes
                .chunks(size)
                .map(|c| parts.push(&c.iter().collect::<String>()))
                .collect();
            out.push_str(&parts.end());
            assert_eq!(out, "\nRationale: I see A and an Ans.\nAnswer: yes");
        }
    }
}
