//! `rounds index list`: the user's indexes and the shipped one.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::Outcome;
use crate::cli::libraries::indexes;
use crate::cli::out::print;
use rounds_assistant::SHIPPED;
use rounds_index::compact::length;
use rounds_index::{Index, IndexError};
use rounds_support::errors::bytes;
use rounds_support::sanitise::clean_line;
use rounds_support::{INTENDED_USE, shipped, stderr_line};

#[derive(Args)]
pub struct List {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// What is listed of an index.
struct Row {
    name: String,
    examples: usize,
    images: usize,
    encoders: Vec<String>,
    bytes: u64,
    sha256: String,
}

impl Row {
    fn of(name: &str, index: &Index) -> Result<Self, IndexError> {
        let encoders = index.encoders().iter();
        Ok(Self {
            name: clean_line(name),
            examples: index.len(),
            images: index.image_count()?,
            encoders: encoders.map(|encoder| encoder.name.clone()).collect(),
            bytes: index.folder().map_or_else(shipped_length, length),
            sha256: index.sha256(),
        })
    }

    fn cells(&self) -> [String; 5] {
        [
            self.name.clone(),
            self.examples.to_string(),
            self.images.to_string(),
            self.encoders.join(", "),
            bytes(self.bytes),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "examples": self.examples, "images": self.images,
            "encoders": self.encoders, "bytes": self.bytes, "sha256": self.sha256,
            "intended_use": INTENDED_USE,
        })
    }
}

/// Total size in bytes of the shipped index.
pub(super) fn shipped_length() -> u64 {
    let files = shipped::below(shipped::INDEX).into_iter();
    files
        .filter_map(|name| shipped::file(&name))
        .map(|bytes| bytes.len() as u64)
        .sum()
}

pub fn list(list: &List) -> Outcome {
    let own = indexes()?.list();
    if own.is_empty() {
        stderr_line("no indexes of your own yet; see `rounds index import --help`");
    }
    let mut rows = Vec::new();
    let mut faults = 0;
    let shipped = (SHIPPED.to_string(), Index::open(None));
    for (name, index) in own.into_iter().chain([shipped]) {
        match index.and_then(|index| Row::of(&name, &index)) {
            Ok(row) => rows.push(row),
            Err(error) => {
                faults += 1;
                stderr_line(format_args!("{}: {error}", clean_line(&name)));
            }
        }
    }
    if list.json {
        let rows = rows.iter().map(Row::json).collect();
        print(format!("{:#}", Value::Array(rows)))?;
    } else {
        print(table(&rows))?;
    }
    Ok(u8::from(faults > 0))
}

/// A line of headings and one of each row; numbers to the right, the rest to the left.
fn table(rows: &[Row]) -> String {
    const TO_THE_RIGHT: [bool; 5] = [false, true, true, false, true];
    let headings = ["NAME", "EXAMPLES", "IMAGES", "ENCODERS", "SIZE"].map(String::from);
    let lines: Vec<[String; 5]> = std::iter::once(headings)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let padded = |(column, cell): (usize, &String)| {
        let blanks = " ".repeat(width(column).saturating_sub(cell.chars().count()));
        match TO_THE_RIGHT.get(column) {
            Some(true) => format!("{blanks}{cell}"),
            _ => format!("{cell}{blanks}"),
        }
    };
    let lines = lines.iter().map(|line| {
        let cells: Vec<String> = line.iter().enumerate().map(padded).collect();
        cells.join("  ").trim_end().to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}
