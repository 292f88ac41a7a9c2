//! What a source gives: records of named fields, without a meaning yet.
//!
//! Names are compared without regard to case. Numbers are texts, as dirty data has them now as one, now as the other.

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
    /// A text; anything else that is no `Null` is not one.
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
    /// Where it stands: `train.json, entry 12`.
    pub(super) origin: String,
    /// Split that the file or the list it stands in is named after; empty if none.
    pub(super) split: String,
    /// Lower-case names without blanks around them.
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

    /// Gives the fields called `column` the name `field`; an empty one that had it goes.
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

    /// Gives the fields called `column` the name `field`, in place of any that had it, even where `column` is empty: nothing
    /// else is what the user called so.
    pub(super) fn map(&mut self, column: &str, field: &str) {
        if column != field && self.get(column).is_some() {
            self.rename(field, "ignore");
            self.rename(column, field);
        }
    }

    /// Adds a field, unless there is one of this name.
    pub(super) fn add(&mut self, name: &str, value: Value) {
        if self.get(name).is_none() {
            self.fields.push((key(name), value));
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let field = self.fields.iter().find(|(n, _)| n == name);
        field.map(|(_, value)| value)
    }

    /// Whether there is a field of this name, with content.
    pub(super) fn has(&self, name: &str) -> bool {
        !matches!(self.get(name), None | Some(Value::Null))
    }

    /// Takes a field out, so that large content is not copied; `Null` if there is none.
    pub(super) fn take(&mut self, name: &str) -> Value {
        let field = self.fields.iter_mut().find(|(n, _)| n == name);
        field
            .map(|(_, value)| std::mem::take(value))
            .unwrap_or_default()
    }

    /// The trimmed text of a field; empty where it is missing. An error where it is no text.
    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::Text(text)) => Ok(text.trim().to_owned()),
            Some(_) => Err(format!("{} is not a text", quote(name))),
        }
    }

    /// The text of the first of these fields that has one.
    pub(super) fn first_text(&self, names: &[&str]) -> Result<String, String> {
        for name in names {
            let text = self.text(name)?;
            if !text.is_empty() {
                return Ok(text);
            }
        }
        Ok(String::new())
    }

    /// As [`Self::text`] of a field nothing depends on: no text counts as none.
    pub(super) fn note(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// The texts of a field that is a list of them, or of one.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let own = |value: &Value| value.as_text().map(|text| text.trim().to_owned());
        match self.get(name) {
            Some(Value::List(items)) => items.iter().filter_map(own).collect(),
            Some(value) => own(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// All fields, in the order of the input.
    pub(super) fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }
}

/// A field's name as it is compared.
pub(super) fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What a source gives for each input row.
#[derive(Debug)]
pub(super) enum Entry {
    Record(Record),
    /// A row that is no record.
    Bad {
        origin: String,
        reason: String,
    },
}

/// The rows of a source.
pub(super) type EntryIterator = Box<dyn Iterator<Item = Result<Entry, DatasetError>> + Send>;

/// The rows of one source or several, and how many there are where that is known.
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
    fn an_empty_field_gives_way_to_a_column_that_has_the_content() {
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
