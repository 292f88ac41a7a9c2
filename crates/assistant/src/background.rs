//! What is known about a case besides its images: a vignette and laboratory values.
//!
//! The model reads both as text in front of the question. Shots are chosen by the image and the question alone, as before.

use serde::{Deserialize, Serialize};

use rounds_support::sanitise::{clean, clean_line};

/// Vignette and laboratory values of a case; empty if there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Background {
    /// Who the patient is and what happened, in sentences.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vignette: String,
    /// Laboratory values, in the order of the table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labs: Vec<LabValue>,
}

/// A row of a laboratory table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabValue {
    /// What was measured: `Haemoglobin`.
    pub name: String,
    /// The result: a number, or words such as `negative`.
    pub value: String,
    /// Its unit; empty if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What is normal, as [`ReferenceRange::parse`] reads it; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub range: String,
}

/// What is normal.
#[derive(Clone, Debug, PartialEq)]
pub enum ReferenceRange {
    /// From a lower to an upper limit, both normal: `3.5 to 5.0`, `3.5-5.0`.
    Between(f64, f64),
    /// At most: `<= 5`, `up to 5`.
    AtMost(f64),
    /// Less than: `< 5`.
    Below(f64),
    /// At least: `>= 60`.
    AtLeast(f64),
    /// More than: `> 60`.
    Above(f64),
    /// A word: `negative`.
    Word(String),
}

/// How a value stands to its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabStanding {
    /// In the range.
    Normal,
    /// Below it.
    Low,
    /// Above it.
    High,
    /// Not the word that is normal.
    Abnormal,
    /// There is no range, or the value cannot be compared with it.
    Unknown,
}

impl LabStanding {
    /// The word that marks a value outside its range; empty for all others.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "HIGH",
            Self::Abnormal => "abnormal",
            Self::Normal | Self::Unknown => "",
        }
    }
}

impl ReferenceRange {
    /// Reads a range: two numbers with `to`, `-` or a dash between them, or a comparison sign, or `up to`, with one number, or
    /// a word without digits. `None` for anything else, and for a lower limit above the upper one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        for (sign, make) in [
            ("<=", Self::AtMost as fn(f64) -> Self),
            ("≤", Self::AtMost),
            ("up to ", Self::AtMost),
            (">=", Self::AtLeast),
            ("≥", Self::AtLeast),
            ("<", Self::Below),
            (">", Self::Above),
        ] {
            if let Some(limit) = text.strip_prefix(sign) {
                return number(limit).map(make);
            }
        }
        for between in [" to ", "–", "-"] {
            // The first sign is that of a negative number.
            let at = text.char_indices().skip(1).find(|(at, _)| {
                text.get(*at..)
                    .is_some_and(|rest| rest.starts_with(between))
            });
            if let Some((at, _)) = at {
                let (low, high) = (text.get(..at)?, text.get(at + between.len()..)?);
                if let (Some(low), Some(high)) = (number(low), number(high)) {
                    return (low <= high).then_some(Self::Between(low, high));
                }
            }
        }
        let is_word = !text.is_empty() && !text.contains(|c: char| c.is_ascii_digit());
        is_word.then(|| Self::Word(text.to_lowercase()))
    }
}

fn number(text: &str) -> Option<f64> {
    let value: f64 = text.trim().parse().ok()?;
    value.is_finite().then_some(value)
}

impl LabValue {
    /// How the value stands to its range.
    pub fn standing(&self) -> LabStanding {
        use LabStanding::{Abnormal, High, Low, Normal, Unknown};
        let Some(range) = ReferenceRange::parse(&self.range) else {
            return Unknown;
        };
        if let ReferenceRange::Word(normal) = range {
            return match self.value.trim().to_lowercase() == normal {
                true => Normal,
                false => Abnormal,
            };
        }
        let Some(value) = number(&self.value) else {
            return Unknown;
        };
        match range {
            ReferenceRange::Between(low, _) if value < low => Low,
            ReferenceRange::Between(_, high) if value > high => High,
            ReferenceRange::AtMost(limit) if value > limit => High,
            ReferenceRange::Below(limit) if value >= limit => High,
            ReferenceRange::AtLeast(limit) if value < limit => Low,
            ReferenceRange::Above(limit) if value <= limit => Low,
            _ => Normal,
        }
    }

    /// The value with its unit.
    pub fn measured(&self) -> String {
        format!("{} {}", self.value, self.unit)
            .trim_end()
            .to_string()
    }
}

impl Background {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.vignette.is_empty() && self.labs.is_empty()
    }

    /// The same, with all texts as they may be shown and put into a prompt.
    pub fn sanitised(&self) -> Self {
        let lab = |lab: &LabValue| LabValue {
            name: clean_line(lab.name.trim()),
            value: clean_line(lab.value.trim()),
            unit: clean_line(lab.unit.trim()),
            range: clean_line(lab.range.trim()),
        };
        Self {
            vignette: clean(self.vignette.trim()),
            labs: self.labs.iter().map(lab).collect(),
        }
    }

    /// A question with everything in front of it, as a model reads it. A question without background stays as it is.
    pub fn with_question(&self, question: &str) -> String {
        let mut parts: Vec<String> = Vec::new();
        if !self.vignette.is_empty() {
            parts.push(self.vignette.clone());
        }
        if !self.labs.is_empty() {
            let rows: Vec<String> = self.labs.iter().map(LabValue::in_prompt).collect();
            parts.push(format!("Laboratory values: {}.", rows.join("; ")));
        }
        parts.push(question.to_string());
        parts.join("\n")
    }

    /// The laboratory table as aligned lines of text: name, value with unit, mark, and range.
    pub fn table(&self) -> Vec<LabRow> {
        let cells: Vec<[String; 4]> = self
            .labs
            .iter()
            .map(|lab| {
                let mark = lab.standing().mark();
                [&lab.name, &lab.measured(), mark, &lab.range].map(str::to_string)
            })
            .collect();
        let heads = ["test", "value", "", "reference"];
        let width = |at: usize| {
            let all = cells.iter().map(|row| &row[at]);
            let widest = all.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(heads[at].len())
        };
        let widths = [0, 1, 2].map(width);
        let line = |row: [&str; 4]| {
            let pad = |at: usize| format!("{:<wide$}", row[at], wide = widths[at]);
            let text = format!("{}  {}  {}  {}", pad(0), pad(1), pad(2), row[3]);
            text.trim_end().to_string()
        };
        let head = LabRow {
            text: line(heads),
            marked: false,
        };
        let rows = cells.iter().map(|row| LabRow {
            text: line([&row[0], &row[1], &row[2], &row[3]]),
            marked: !row[2].is_empty(),
        });
        std::iter::once(head).chain(rows).collect()
    }
}

impl LabValue {
    fn in_prompt(&self) -> String {
        let measured = format!("{} {}", self.name, self.measured());
        match self.range.as_str() {
            "" => measured,
            range => format!("{measured} (normal: {range})"),
        }
    }
}

/// A line of the laboratory table; the first is its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabRow {
    /// The line; a value outside its range has a word beside it.
    pub text: String,
    /// Whether the value is outside its range.
    pub marked: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(value: &str, range: &str) -> LabValue {
        LabValue {
            name: "Potassium".into(),
            value: value.into(),
            unit: "mmol/L".into(),
            range: range.into(),
        }
    }

    #[test]
    fn a_value_is_low_normal_or_high_by_its_range() {
        use LabStanding::{Abnormal, High, Low, Normal, Unknown};
        for (value, range, standing) in [
            ("3.4", "3.5-5.0", Low),
            ("3.5", "3.5 to 5.0", Normal),
            ("5.0", "3.5–5.0", Normal),
            ("5.1", "3.5 - 5.0", High),
            ("-3", "-2 to 2", Low),
            ("5", "< 5", High),
            ("5", "<= 5", Normal),
            ("5", "up to 5", Normal),
            ("6", "≤5", High),
            ("60", "> 60", Low),
            ("60", ">=60", Normal),
            ("59", "≥ 60", Low),
            ("Negative", "negative", Normal),
            ("positive", "negative", Abnormal),
            ("haemolysed", "3.5-5.0", Unknown),
            ("5", "", Unknown),
            ("5", "5.0-3.5", Unknown),
            ("NaN", "3.5-5.0", Unknown),
        ] {
            assert_eq!(lab(value, range).standing(), standing, "{value} in {range}");
        }
    }

    #[test]
    fn text_that_is_no_range_is_not_taken_for_one() {
        for text in ["", "3.5", "a 3", "< x", "1-2-3", "inf - 3", "<"] {
            assert_eq!(ReferenceRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_question_without_background_stays_as_it_is() {
        assert_eq!(Background::default().with_question("Why?"), "Why?");
        let background = Background {
            vignette: "A man of 60 is weak.".into(),
            labs: vec![lab("6.9", "3.5-5.0"), lab("4", "")],
        };
        assert_eq!(
            background.with_question("Why?"),
            "A man of 60 is weak.\nLaboratory values: Potassium 6.9 mmol/L (normal: 3.5-5.0); Potassium 4 mmol/L.\nWhy?"
        );
    }

    #[test]
    fn the_table_is_aligned_and_marks_by_words() {
        let background = Background {
            vignette: String::new(),
            labs: vec![lab("6.9", "3.5-5.0"), lab("10", "3.5-50")],
        };
        let rows = background.table();
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "test       value             reference",
                "Potassium  6.9 mmol/L  HIGH  3.5-5.0",
                "Potassium  10 mmol/L         3.5-50",
            ]
        );
        assert_eq!(
            rows.iter().map(|row| row.marked).collect::<Vec<_>>(),
            [false, true, false]
        );
    }

    #[test]
    fn hostile_text_is_cleaned_and_stays_on_its_line() {
        let background = Background {
            vignette: " a\u{1b}[2Jb ".into(),
            labs: vec![lab("1\n2", "x\u{7}")],
        };
        let clean = background.sanitised();
        assert!(!clean.vignette.contains('\u{1b}'));
        assert_eq!(clean.labs[0].value, "1 2");
        assert_eq!(clean.sanitised(), clean);
    }
}
