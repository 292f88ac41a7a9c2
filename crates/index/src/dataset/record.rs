//! Records of named fields, as sources produce them.
//!
//! Names are case-insensitive. Numbers are stored as texts, because real data mixes both.

use super::error::{DatasetError, quote};

/// The content of a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Value {
    #[default]
    Null,
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// One record of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    /// Its position in the input: `train.json, entry 12`.
    pub(super) origin: String,
    /// Split given by the name of its file or list; empty if none.
    pub(super) split: String,
    /// Lower-case trimmed names, and values.
    fields: Vec<(String, Value)>,
}

impl Record {
    /// A record with these fields.
    pub(super) fn new(
        origin: String,
        split: &str,
        fields: impl IntoIterator<Item = (String, Value)>,
    ) -> Self {
        let fields = fields.into_iter();
        Self {
            origin,
            split: split.to_owned(),
            fields: fields.map(|(name, value)| (key(&name), value)).collect(),
        }
    }

    /// Renames the fields called `column` to `field`, replacing an empty `field`.
    pub(super) fn rename(&mut self, column: &str, field: &str) {
        if column == field || self.get(column).is_none() {
            return;
        }
        self.fields
            .retain(|(name, value)| name != field || *value != Value::Null);
        for (name, _) in &mut self.fields {
            if name == column {
                field.clone_into(name);
            }
        }
    }

    /// Renames the fields called `column` to `field`, replacing `field` even if `column` is empty: the user said that nothing
    /// else is `field`.
    pub(super) fn map(&mut self, column: &str, field: &str) {
        if column != field && self.get(column).is_some() {
            self.rename(field, "ignore");
            self.rename(column, field);
        }
    }

    /// Adds a field unless one of this name exists.
    pub(super) fn add(&mut self, name: &str, value: Value) {
        if self.get(name).is_none() {
            self.fields.push((key(name), value));
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let field = self.fields.iter().find(|(n, _)| n == name);
        field.map(|(_, value)| value)
    }

    /// Whether there is a non-empty field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        !matches!(self.get(name), None | Some(Value::Null))
    }

    /// Takes the value out of a field, to avoid copying large content; `Null` if it is missing.
    pub(super) fn take(&mut self, name: &str) -> Value {
        let field = self.fields.iter_mut().find(|(n, _)| n == name);
        field
            .map(|(_, value)| std::mem::take(value))
            .unwrap_or_default()
    }

    /// The trimmed text of a field; empty if it is missing. Errors if it is not a text.
    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::Text(text)) => Ok(text.trim().to_owned()),
            Some(_) => Err(format!("{} is not a text", quote(name))),
        }
    }

    /// The text of the first of these fields that is not empty.
    pub(super) fn first_text(&self, names: &[&str]) -> Result<String, String> {
        for name in names {
            let text = self.text(name)?;
            if !text.is_empty() {
                return Ok(text);
            }
        }
        Ok(String::new())
    }

    /// Like [`Self::text`] for optional fields: anything but a text counts as missing.
    pub(super) fn note(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// The texts of a field that is a list of texts or a single text.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| value.as_text().map(|text| text.trim().to_owned());
        match self.get(name) {
            Some(Value::List(items)) => items.iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// All fields, in input order.
    pub(super) fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }
}

/// A field name in the form in which names are compared.
pub(super) fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What a source produces for each input row.
#[derive(Debug)]
pub(super) enum Entry {
    Record(Record),
    /// A row that could not be parsed.
    Bad {
        origin: String,
        reason: String,
    },
}

/// The rows of a source.
pub(super) type EntryIterator = Box<dyn Iterator<Item = Result<Entry, DatasetError>> + Send>;

/// The rows of one or more sources, and their number if known.
pub(super) struct Entries {
    pub(super) total: Option<u64>,
    pub(super) iterator: EntryIterator,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, &str)]) -> Record {
        let fields = fields.iter().map(|(name, text)| {
            let value = match *text {
                "" => Value::Null,
                text => Value::Text(text.to_owned()),
            };
            ((*name).to_owned(), value)
        });
        Record::new(String::new(), "", fields)
    }

    #[test]
    fn an_empty_field_is_replaced_by_a_column_with_content() {
        let mut record = record(&[("image", ""), ("file_name", "a.png"), ("note", "x")]);
        record.rename("missing", "image");
        record.rename("file_name", "image");
        assert_eq!(record.text("image").unwrap(), "a.png");
        assert_eq!(record.take("image"), Value::Text("a.png".to_owned()));
        record.rename("note", "note");
        assert!(record.has("note"));
    }

    #[test]
    fn a_mapped_column_that_is_empty_leaves_the_field_empty() {
        let mut mapped = record(&[("answer", "of another kind"), ("finding", "")]);
        mapped.map("finding", "answer");
        assert!(!mapped.has("answer") && mapped.has("ignore"));
        let mut unmapped = record(&[("answer", "yes")]);
        unmapped.map("finding", "answer");
        assert_eq!(unmapped.text("answer").unwrap(), "yes");
    }
}
