//! CSV and TSV, and the text that Anki exports ("notes in plain text").

use csv::{ByteRecord, ReaderBuilder};
use serde_json::Value;

use rounds_support::{errors, sanitise};

use crate::exchange::error::{ExchangeError, at_most, damaged};
use crate::exchange::html;
use crate::exchange::import::Collector;

use super::folder::Folder;
use super::formulas;
use super::values::{self, Column};

/// Most columns.
const MAX_COLUMNS: usize = 4096;
/// Most column names in a message.
const MAX_NAMES: usize = 8;

/// What the lines before a table say about it, as Anki writes them: `#separator:tab`, `#html:true`, `#tags column:3`.
#[derive(Default)]
struct Directives {
    any: bool,
    separator: Option<u8>,
    html: bool,
    /// Names of columns, if a line gives them.
    columns: Option<Vec<String>>,
    /// The number of the column with tags, from 0.
    tags: Option<usize>,
    /// The number of lines.
    lines: u64,
}

/// Reads the table in `content`, whose values are separated by `usual` unless it looks otherwise.
pub(super) fn read(
    content: &[u8],
    usual: u8,
    folder: &Folder,
    collector: &mut Collector,
) -> Result<(), ExchangeError> {
    let (directives, content) = directives(content);
    let separator = directives
        .separator
        .unwrap_or_else(|| separator(content, usual));
    let mut rows = ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .from_reader(content);
    let mut columns = directives.known_columns();
    let open_quote = content.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row).map_err(damaged)? {
        let line = row.position().map_or(0, csv::Position::line) + directives.lines;
        let place = format!("line {line}");
        let Some(columns) = &columns else {
            columns = Some(header(&row)?);
            continue;
        };
        // A quote that is not closed swallows the rest of the file.
        let is_last = rows.position().byte() >= content.len() as u64;
        if open_quote && is_last && row.iter().any(|field| field.contains(&b'\n')) {
            collector.skip(
                &place,
                "a quote is not closed: the line extends to the end of the file",
            );
            continue;
        }
        match fields(&row, columns, &directives) {
            Ok(fields) => {
                let named = fields.iter().map(|(column, value)| (*column, value));
                values::add(named, &place, folder, collector)?;
            }
            Err(reason) => collector.skip(&place, &reason),
        }
    }
    Ok(())
}

/// What the columns are; those of an unknown name are left out.
fn header(row: &ByteRecord) -> Result<Vec<Option<Column>>, ExchangeError> {
    at_most("columns:", row.len(), MAX_COLUMNS)?;
    let names: Vec<String> = row
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let columns: Vec<Option<Column>> = names.iter().map(|name| Column::named(name)).collect();
    for (column, missing) in [(Column::Question, "question"), (Column::Answer, "answer")] {
        if !columns.contains(&Some(column)) {
            let found = names.iter().take(MAX_NAMES);
            let found = found
                .map(|name| sanitise::clean_line_max(name, 40))
                .collect();
            return Err(ExchangeError::Columns { missing, found });
        }
    }
    Ok(columns)
}

fn fields(
    row: &ByteRecord,
    columns: &[Option<Column>],
    directives: &Directives,
) -> Result<Vec<(Column, Value)>, String> {
    // Without a header nothing says how many there must be.
    if row.len() != columns.len() && !directives.any {
        return Err(format!(
            "it has {}, the first line has {}",
            errors::count(row.len(), "field"),
            columns.len()
        ));
    }
    let mut fields = Vec::with_capacity(row.len());
    for (column, field) in columns.iter().zip(row) {
        let text = std::str::from_utf8(field).map_err(|_| "it is not UTF-8".to_owned())?;
        let Some(column) = column.filter(|_| !text.trim().is_empty()) else {
            continue;
        };
        fields.extend(match column {
            Column::Tags if directives.any => {
                let words: Vec<Value> = text.split_whitespace().map(Value::from).collect();
                vec![(column, Value::Array(words))]
            }
            Column::Question if directives.html => {
                let plain = html::to_plain(text);
                let images = plain.images.into_iter().map(Value::from).collect();
                vec![
                    (column, Value::from(plain.text)),
                    (Column::Images, Value::Array(images)),
                ]
            }
            _ if directives.html => vec![(column, Value::from(html::to_plain(text).text))],
            _ if directives.any => vec![(column, Value::from(text))],
            _ => vec![(column, Value::from(formulas::unguarded(text)))],
        });
    }
    Ok(fields)
}

impl Directives {
    /// The columns of a table without a header: question, answer, rationale, and tags where a line says so.
    fn known_columns(&self) -> Option<Vec<Option<Column>>> {
        if !self.any {
            return None;
        }
        if let Some(names) = &self.columns {
            let columns: Vec<Option<Column>> =
                names.iter().map(|name| Column::named(name)).collect();
            if columns.contains(&Some(Column::Question)) {
                return Some(columns);
            }
        }
        let mut columns = vec![None; self.tags.map_or(3, |tags| tags + 1).clamp(3, MAX_COLUMNS)];
        let mut order = [Column::Question, Column::Answer, Column::Rationale].into_iter();
        for (at, column) in columns.iter_mut().enumerate() {
            *column = match self.tags == Some(at) {
                true => Some(Column::Tags),
                false => order.next(),
            };
        }
        Some(columns)
    }
}

/// The directives at the start of a table, and the rest.
fn directives(content: &[u8]) -> (Directives, &[u8]) {
    let mut directives = Directives::default();
    let mut rest = content;
    while rest.starts_with(b"#") {
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        let line = String::from_utf8_lossy(line);
        let Some((key, value)) = line.trim_start_matches('#').split_once(':') else {
            break;
        };
        let value = value.trim_end_matches(['\r', '\n']);
        match key.trim().to_lowercase().as_str() {
            "separator" => directives.separator = named_separator(value),
            "html" => directives.html = value.trim().eq_ignore_ascii_case("true"),
            "columns" => {
                let separator = char::from(directives.separator.unwrap_or(b'\t'));
                directives.columns = Some(value.split(separator).map(str::to_owned).collect());
            }
            "tags column" => {
                directives.tags = value
                    .trim()
                    .parse::<usize>()
                    .ok()
                    .and_then(|number| number.checked_sub(1));
            }
            "notetype" | "notetype column" | "deck" | "deck column" | "guid column" | "tags"
            | "if matches" => {}
            // Not a directive: a first line that begins with this sign.
            _ => break,
        }
        directives.any = true;
        directives.lines += 1;
        rest = after;
    }
    (directives, rest)
}

fn named_separator(value: &str) -> Option<u8> {
    match value.trim().to_lowercase().as_str() {
        "tab" | "\\t" => Some(b'\t'),
        "comma" | "," => Some(b','),
        "semicolon" | ";" => Some(b';'),
        "pipe" | "|" => Some(b'|'),
        _ if value.starts_with('\t') => Some(b'\t'),
        _ => None,
    }
}

/// `usual`, or another separator if the first line does not have it: in many countries spreadsheets write semicolons.
fn separator(content: &[u8], usual: u8) -> u8 {
    let line = content
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or(content);
    let mut known = [usual, b';', b'\t', b','].into_iter();
    known.find(|byte| line.contains(byte)).unwrap_or(usual)
}
