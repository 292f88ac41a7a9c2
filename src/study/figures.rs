//! Lines of text whose parts have roles, so that a window draws them in colours and a command prints them without.

/// How a part of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Text,
    Dim,
    Strong,
    /// Bars and cells of the calendar.
    Bar,
}

/// A line.
pub type FigureLine = Vec<(String, Role)>;

/// Lines, made by [`super::report`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub lines: Vec<FigureLine>,
}

impl Figures {
    /// Adds a line in one role.
    pub fn line(&mut self, text: impl Into<String>, role: Role) {
        self.lines.push(vec![(text.into(), role)]);
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.lines.push(Vec::new());
    }

    /// The lines without their roles, each with its line break.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let line: String = line.iter().map(|(part, _)| part.as_str()).collect();
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
