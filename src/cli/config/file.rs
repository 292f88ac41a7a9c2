//! The settings file as written: names, values as text, and line numbers.
//!
//! Values stay text because the command line's parsers validate them; do not validate values here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::table::{self, KEYS};
use rounds_support::sanitise::clean_line_max;
use rounds_support::{FileError, files};

/// Largest settings file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A setting's values and its line number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// One value, or several for a list.
    pub values: Vec<String>,
    /// From 1.
    pub line: usize,
}

/// Where a fault is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// The file as a whole.
    File,
    /// A line of the file, from 1.
    Line(usize),
    /// An environment variable.
    Variable(String),
}

/// A fault in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: Location,
    pub message: String,
    pub hint: Option<String>,
}

/// A settings file.
#[derive(Clone, Debug, Default)]
pub struct SettingsFile {
    /// Settings by flag name.
    pub settings: BTreeMap<String, Entry>,
    /// Key bindings by action name.
    pub keys: BTreeMap<String, Entry>,
}

impl SettingsFile {
    /// Reads `path` and returns all faults; a missing file has no settings and no faults.
    pub fn read(path: &Path) -> (Self, Vec<Fault>) {
        let mut file = Self::default();
        let faults = match files::read_limited(path, MAX_BYTES) {
            Ok(content) => match String::from_utf8(content) {
                Ok(text) => file.parse(&text),
                Err(_) => vec![file_fault("the file is not UTF-8 text")],
            },
            Err(FileError::NotFound { .. }) => Vec::new(),
            Err(error) => vec![file_fault(&error.to_string())],
        };
        (file, faults)
    }

    fn parse(&mut self, text: &str) -> Vec<Fault> {
        let (parsed, errors) = DeTable::parse_recoverable(text);
        let mut faults: Vec<Fault> = errors
            .iter()
            .map(|error| Fault {
                at: error
                    .span()
                    .map_or(Location::File, |span| Location::Line(line_of(text, &span))),
                message: clean_line_max(error.message(), 200),
                hint: None,
            })
            .collect();
        // After a syntax error the rest cannot be trusted.
        if !faults.is_empty() {
            return faults;
        }
        for (section, value) in parsed.get_ref() {
            let line = line_of(text, &section.span());
            match (section.get_ref().as_ref(), value.get_ref()) {
                (KEYS, DeValue::Table(keys)) => self.read_keys(text, keys, &mut faults),
                (name, DeValue::Table(rows)) if table::SECTIONS.iter().any(|s| s.name == name) => {
                    self.read_settings(text, name, rows, &mut faults);
                }
                (name, DeValue::Table(_)) => faults.push(Fault {
                    at: Location::Line(line),
                    message: format!("there is no section [{}]", clean_line_max(name, 40)),
                    hint: Some(format!("the sections are {}", table::section_names())),
                }),
                (name, _) => faults.push(outside_section(name, line)),
            }
        }
        faults.sort_by(|a, b| a.at.cmp(&b.at));
        faults
    }

    fn read_settings(
        &mut self,
        text: &str,
        section: &str,
        rows: &DeTable,
        faults: &mut Vec<Fault>,
    ) {
        for (name, value) in rows {
            let line = line_of(text, &name.span());
            let flag = name.get_ref().replace('_', "-");
            match (table::section_of(&flag), value_texts(value.get_ref())) {
                (Some(right), _) if right != section => faults.push(Fault {
                    at: Location::Line(line),
                    message: format!("`{flag}` belongs in section [{right}]"),
                    hint: None,
                }),
                (Some(_), Ok(values)) => {
                    self.settings.insert(flag, Entry { values, line });
                }
                (Some(_), Err(message)) => faults.push(Fault {
                    at: Location::Line(line),
                    message: format!("`{flag}` {message}"),
                    hint: None,
                }),
                (None, _) => faults.push(Fault {
                    at: Location::Line(line),
                    message: format!("there is no setting `{}`", clean_line_max(&flag, 40)),
                    hint: table::nearest(&flag).map(|near| format!("did you mean `{near}`?")),
                }),
            }
        }
    }

    fn read_keys(&mut self, text: &str, keys: &DeTable, faults: &mut Vec<Fault>) {
        for (name, value) in keys {
            let line = line_of(text, &name.span());
            match value_texts(value.get_ref()) {
                Ok(values) => {
                    self.keys.insert(
                        name.get_ref().to_string(),
                        Entry {
                            values: vec![values.join(" ")],
                            line,
                        },
                    );
                }
                Err(message) => faults.push(Fault {
                    at: Location::Line(line),
                    message: format!("`{}` {message}", clean_line_max(name.get_ref(), 40)),
                    hint: Some("write keys as a string: send = \"enter\"".into()),
                }),
            }
        }
    }
}

fn file_fault(message: &str) -> Fault {
    Fault {
        at: Location::File,
        message: message.into(),
        hint: None,
    }
}

fn outside_section(name: &str, line: usize) -> Fault {
    let name = clean_line_max(name, 40);
    match table::section_of(&name.replace('_', "-")) {
        Some(section) => Fault {
            at: Location::Line(line),
            message: format!("`{name}` is outside a section"),
            hint: Some(format!("put it under [{section}]")),
        },
        None => Fault {
            at: Location::Line(line),
            message: format!("there is no setting `{name}`"),
            hint: Some(format!("the sections are {}", table::section_names())),
        },
    }
}

/// The value, or the values of a list, as text that could follow a flag.
fn value_texts(value: &DeValue) -> Result<Vec<String>, &'static str> {
    match value {
        DeValue::Array(items) if items.is_empty() => {
            Err("is an empty list; remove the line instead")
        }
        DeValue::Array(items) => items
            .iter()
            .map(|item| value_text(item.get_ref()))
            .collect(),
        value => Ok(vec![value_text(value)?]),
    }
}

fn value_text(value: &DeValue) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(yes) => Ok(yes.to_string()),
        _ => Err("takes a string, a number, true or false, or a list of these"),
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text
        .as_bytes()
        .iter()
        .take(span.start)
        .filter(|byte| **byte == b'\n')
        .count()
}
