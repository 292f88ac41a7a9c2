//! The settings file as it was written: names, values as text, and the lines they stand on.
//!
//! Values are kept as text because the command line's own parsers judge them; never judge one here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::table;
use rounds_support::sanitise::clean_line_max;
use rounds_support::{FileError, files};

/// The longest settings file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Where keys of the interface stand.
pub const KEYS: &str = "keys";

/// A value and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// One a value; several for a list.
    pub values: Vec<String>,
    pub line: usize,
}

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The file as a whole.
    File,
    /// From 1.
    Line(usize),
    /// An environment variable.
    Variable(String),
}

/// What is wrong in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: At,
    pub message: String,
    pub hint: Option<String>,
}

/// A settings file.
#[derive(Clone, Debug, Default)]
pub struct SettingsFile {
    /// By the name of the flag.
    pub settings: BTreeMap<String, Written>,
    /// Action names to keys.
    pub keys: BTreeMap<String, Written>,
}

impl SettingsFile {
    /// Reads `path`; a file that is not there has no settings. All faults are found, not only the first.
    pub fn read(path: &Path) -> (Self, Vec<Fault>) {
        let mut file = Self::default();
        let faults = match files::read_limited(path, MOST_BYTES) {
            Ok(content) => match String::from_utf8(content) {
                Ok(text) => file.parse(&text),
                Err(_) => vec![whole("it is not UTF-8 text")],
            },
            Err(FileError::NotFound { .. }) => Vec::new(),
            Err(error) => vec![whole(&error.to_string())],
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
                    .map_or(At::File, |span| At::Line(line_of(text, &span))),
                message: clean_line_max(error.message(), 200),
                hint: None,
            })
            .collect();
        // What stands behind a syntax error may be anything.
        if !faults.is_empty() {
            return faults;
        }
        for (section, value) in parsed.get_ref() {
            let line = line_of(text, &section.span());
            match (section.get_ref().as_ref(), value.get_ref()) {
                (KEYS, DeValue::Table(keys)) => self.take_keys(text, keys, &mut faults),
                (name, DeValue::Table(rows)) if table::SECTIONS.iter().any(|s| s.name == name) => {
                    self.take_settings(text, name, rows, &mut faults);
                }
                (name, DeValue::Table(_)) => faults.push(Fault {
                    at: At::Line(line),
                    message: format!("there is no section [{}]", clean_line_max(name, 40)),
                    hint: Some(format!("the sections are {}", table::section_names())),
                }),
                (name, _) => faults.push(outside(name, line)),
            }
        }
        faults.sort_by(|a, b| a.at.cmp(&b.at));
        faults
    }

    fn take_settings(
        &mut self,
        text: &str,
        section: &str,
        rows: &DeTable,
        faults: &mut Vec<Fault>,
    ) {
        for (name, value) in rows {
            let line = line_of(text, &name.span());
            let flag = name.get_ref().replace('_', "-");
            match (table::section_of(&flag), texts(value.get_ref())) {
                (Some(right), _) if right != section => faults.push(Fault {
                    at: At::Line(line),
                    message: format!("`{flag}` belongs into the section [{right}]"),
                    hint: None,
                }),
                (Some(_), Ok(values)) => {
                    self.settings.insert(flag, Written { values, line });
                }
                (Some(_), Err(message)) => faults.push(Fault {
                    at: At::Line(line),
                    message: format!("`{flag}` {message}"),
                    hint: None,
                }),
                (None, _) => faults.push(Fault {
                    at: At::Line(line),
                    message: format!("there is no setting `{}`", clean_line_max(&flag, 40)),
                    hint: table::nearest(&flag).map(|near| format!("did you mean `{near}`?")),
                }),
            }
        }
    }

    fn take_keys(&mut self, text: &str, keys: &DeTable, faults: &mut Vec<Fault>) {
        for (name, value) in keys {
            let line = line_of(text, &name.span());
            match texts(value.get_ref()) {
                Ok(values) => {
                    self.keys.insert(
                        name.get_ref().to_string(),
                        Written {
                            values: vec![values.join(" ")],
                            line,
                        },
                    );
                }
                Err(message) => faults.push(Fault {
                    at: At::Line(line),
                    message: format!("`{}` {message}", clean_line_max(name.get_ref(), 40)),
                    hint: Some("write keys as a text: send = \"enter\"".into()),
                }),
            }
        }
    }
}

fn whole(message: &str) -> Fault {
    Fault {
        at: At::File,
        message: message.into(),
        hint: None,
    }
}

fn outside(name: &str, line: usize) -> Fault {
    let name = clean_line_max(name, 40);
    match table::section_of(&name.replace('_', "-")) {
        Some(section) => Fault {
            at: At::Line(line),
            message: format!("`{name}` stands in no section"),
            hint: Some(format!("put it under [{section}]")),
        },
        None => Fault {
            at: At::Line(line),
            message: format!("there is no setting `{name}`"),
            hint: Some(format!("the sections are {}", table::section_names())),
        },
    }
}

/// A value, or the values of a list, as they would be typed after a flag.
fn texts(value: &DeValue) -> Result<Vec<String>, &'static str> {
    match value {
        DeValue::Array(items) if items.is_empty() => {
            Err("has an empty list; leave the line out instead")
        }
        DeValue::Array(items) => items.iter().map(|item| one(item.get_ref())).collect(),
        value => Ok(vec![one(value)?]),
    }
}

fn one(value: &DeValue) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(yes) => Ok(yes.to_string()),
        _ => Err("takes a text, a number, true or false, or a list of them"),
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
