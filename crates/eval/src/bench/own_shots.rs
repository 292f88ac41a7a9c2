//! Problems that come with worked examples of their own: SMMILE's rows, and files of problems with `shots`.
//!
//! All their examples become one index in the run's folder, each once, however many problems show it; tags say where it stands in which
//! problem. The shots of such a problem are never retrieved.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::data::{DataError, Item, meets};
use super::plan::PlanError;
use super::source::Source;
use crate::problems::{Problem, ProblemImage};
use rounds_assistant::comparable;
use rounds_assistant::retrieval::{Condition as TagCondition, Shot};
use rounds_imaging::limits::MAX_FILE_BYTES;
use rounds_index::dataset::{DatasetError, ImageSource, Item as Read, Row, open};
use rounds_index::export::LINE_FORMAT;
use rounds_index::{Example, Index, tag_name};
use rounds_support::sanitise::{clean_line, clean_line_max};
use rounds_support::{FileError, files};

/// Tag of an example that is a shot of a problem: `PROBLEM/PLACE`, from 0.
const SHOT_OF: &str = "shot-of";
/// Tag of an example that is the question of a problem: `PROBLEM/NUMBER OF ITS SHOTS`.
const QUERY_OF: &str = "query-of";
/// Why an example is a shot of its problem.
const REASON: &str = "the problem's own";

/// A worked example, or the question, of a problem.
struct Turn {
    /// Files in the folder of the table, named by their SHA-256.
    images: Vec<String>,
    question: String,
    answer: String,
    rationale: String,
    tags: Vec<(String, String)>,
    source: String,
    licence: String,
}

/// The examples of all problems, to be imported.
struct Table<'a> {
    folder: &'a Path,
    turns: Vec<Turn>,
    places: HashMap<(Vec<String>, String, String), usize>,
}

impl<'a> Table<'a> {
    fn new(folder: &'a Path) -> Result<Self, FileError> {
        files::create_private_dir(folder)?;
        Ok(Self {
            folder,
            turns: Vec::new(),
            places: HashMap::new(),
        })
    }

    /// Keeps the file of an image; returns its name.
    fn image(&self, bytes: &[u8]) -> Result<String, FileError> {
        let name = files::sha256_hex(bytes);
        let path = self.folder.join(&name);
        if !path.exists() {
            files::write_atomic(&path, bytes)?;
        }
        Ok(name)
    }

    /// Adds a problem. An example that another problem has too is shared.
    fn problem(&mut self, id: &str, shots: Vec<Turn>, query: Turn) {
        let count = shots.len();
        for (place, shot) in shots.into_iter().enumerate() {
            self.turn(shot, (SHOT_OF, format!("{id}/{place}")));
        }
        self.turn(query, (QUERY_OF, format!("{id}/{count}")));
    }

    fn turn(&mut self, turn: Turn, (name, value): (&str, String)) {
        let key = (
            turn.images.clone(),
            turn.question.clone(),
            turn.answer.clone(),
        );
        let next = self.turns.len();
        let at = *self.places.entry(key).or_insert(next);
        if at == next {
            self.turns.push(turn);
        }
        if let Some(known) = self.turns.get_mut(at) {
            known.tags.push((name.to_string(), value));
        }
    }

    /// Writes the table in the format of exported examples.
    fn write(&self) -> Result<PathBuf, FileError> {
        let mut text = String::new();
        for turn in &self.turns {
            let tags = turn.tags.iter();
            let line = serde_json::json!({
                "format": LINE_FORMAT,
                "image": turn.images,
                "question": turn.question,
                "answer": turn.answer,
                "rationale": turn.rationale,
                "tags": tags.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
                "source": turn.source,
                "licence": turn.licence,
                "patient": "",
                "study": "",
            });
            text.push_str(&format!("{line}\n"));
        }
        let path = self.folder.join("examples.jsonl");
        files::write_atomic(&path, text.as_bytes())?;
        Ok(path)
    }
}

/// A text as an index has it.
fn line(text: &str) -> String {
    clean_line(text).trim().to_string()
}

/// Writes published rows as a table in `folder`: rows of one `problem_id` belong together, by their `order`; the last one is the question.
///
/// # Errors
/// If the data cannot be read, a row cannot be used, or a row does not say its problem and order: with a row missing, a problem would be asked
/// in another way than it was written.
pub(super) fn rows_table(
    source: &Source,
    name: &str,
    base: &Path,
    folder: &Path,
) -> Result<PathBuf, DataError> {
    let invalid = |reason: String| PlanError::Invalid(format!("{name}: {reason}"));
    let (Some(format), Some(path)) = (source.format, &source.path) else {
        return Err(invalid("give `format` and `path`".into()).into());
    };
    let failed = |error: DatasetError| DataError::Import {
        name: name.to_string(),
        error: error.into(),
    };
    let data = open(format, &base.join(path), &source.options(base)?).map_err(failed)?;
    let mut table = Table::new(folder)?;
    let mut problems: Vec<(String, Vec<(f64, Turn)>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for item in data.items {
        let row = match item.map_err(failed)? {
            Read::Filtered { .. } => continue,
            Read::Rejected { origin, reason } => {
                let origin = clean_line_max(&origin, 120);
                let reason = clean_line_max(&reason, 200);
                return Err(invalid(format!(
                    "{origin}: {reason}; a problem without this row would be another problem"
                ))
                .into());
            }
            Read::Row(row) => row,
        };
        let (id, order) = stands(&row).ok_or_else(|| {
            let origin = clean_line_max(&row.origin, 120);
            invalid(format!("{origin} has no `problem_id` and `order`"))
        })?;
        let next = problems.len();
        let at = *places.entry(id.clone()).or_insert(next);
        if at == next {
            problems.push((id, Vec::new()));
        }
        let turn = turn_of(*row, &table)?;
        if let Some((_, turns)) = problems.get_mut(at) {
            turns.push((order, turn));
        }
    }
    for (id, mut turns) in problems {
        turns.sort_by(|a, b| a.0.total_cmp(&b.0));
        if turns.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid(format!("problem {id} has two rows of one order")).into());
        }
        let Some((_, query)) = turns.pop().filter(|_| !turns.is_empty()) else {
            return Err(invalid(format!("problem {id} has a question and no shots")).into());
        };
        let shots = turns.into_iter().map(|(_, turn)| turn).collect();
        table.problem(&id, shots, query);
    }
    Ok(table.write()?)
}

/// The problem that a row belongs to, if it says so.
pub(super) fn problem_of(row: &Row) -> Option<String> {
    stands(row).map(|(id, _)| id)
}

/// The problem that a row belongs to, and its place in it.
fn stands(row: &Row) -> Option<(String, f64)> {
    let value = |wanted: &str| {
        let mut tags = row.tags.iter();
        let found = tags.find(|(name, _)| tag_name(name) == wanted);
        found.map(|(_, value)| value)
    };
    let id = clean_line_max(value("problem-id")?.trim(), 120);
    let order: f64 = value("order")?.trim().parse().ok()?;
    (!id.is_empty() && order.is_finite()).then_some((id, order))
}

fn turn_of(row: Row, table: &Table) -> Result<Turn, DataError> {
    let mut images = Vec::new();
    for image in &row.images {
        images.push(match image {
            ImageSource::File(path) => {
                table.image(&files::read_regular_file(path, MAX_FILE_BYTES)?)?
            }
            ImageSource::Bytes { bytes, .. } => table.image(bytes)?,
        });
    }
    let tags = row.tags.into_iter();
    let places = ["problem-id", "order"];
    Ok(Turn {
        images,
        question: line(&row.question),
        answer: line(&row.answer),
        rationale: row.rationale,
        tags: tags
            .filter(|(name, _)| !places.contains(&tag_name(name).as_str()))
            .collect(),
        source: row.source,
        licence: row.licence,
    })
}

/// Writes problems with shots as a table in `folder`. Vignette and laboratory values stand before the question, as in every prompt.
///
/// # Errors
/// If some of the problems have shots and others do not, or an image cannot be read.
pub(super) fn problems_table(
    problems: &[Problem],
    name: &str,
    folder: &Path,
) -> Result<PathBuf, DataError> {
    let mut table = Table::new(folder)?;
    for problem in problems {
        if problem.shots.is_empty() {
            return Err(PlanError::Invalid(format!(
                "{name}: some of the problems have shots of their own and {} has none; make two files of them",
                problem.id
            ))
            .into());
        }
        let images = |images: &[ProblemImage]| -> Result<Vec<String>, DataError> {
            let each = images.iter();
            each.map(|image| Ok(table.image(&image.bytes()?)?))
                .collect()
        };
        let tags = |answer: &str| {
            let closed = ["yes", "no"].contains(&comparable(answer).as_str());
            let kind = if closed { "closed" } else { "open" };
            let tags = [("category", problem.topic.as_str()), ("answer_type", kind)];
            let tags = tags.into_iter().filter(|(_, value)| !value.is_empty());
            tags.map(|(name, value)| (name.to_string(), value.to_string()))
                .collect::<Vec<_>>()
        };
        let turn = |images, question: &str, answer: &str, rationale: &str| Turn {
            images,
            question: line(question),
            answer: line(answer),
            rationale: rationale.to_string(),
            tags: tags(answer),
            source: problem.source.clone(),
            licence: String::new(),
        };
        let mut shots = Vec::new();
        for shot in &problem.shots {
            let images = images(&shot.images)?;
            shots.push(turn(images, &shot.question, &shot.answer, &shot.rationale));
        }
        let question = problem.background.with_question(&problem.question);
        let images = images(&problem.images)?;
        let query = turn(images, &question, &problem.answer, &problem.rationale);
        table.problem(&problem.id, shots, query);
    }
    Ok(table.write()?)
}

/// Problems with shots of their own.
#[derive(Default)]
pub(super) struct Problems {
    /// Those of which every example is in the index.
    pub(super) items: Vec<Item>,
    /// Ids of the others, of which an example could not be imported.
    pub(super) incomplete: Vec<String>,
}

/// The problems of an index that meet all conditions; `None` if it is not one of problems with shots of their own.
pub(super) fn items(
    index: &Index,
    conditions: &[TagCondition],
) -> Result<Option<Problems>, DataError> {
    let mut queries: Vec<(String, usize, Example)> = Vec::new();
    let mut shots: HashMap<String, BTreeMap<usize, Example>> = HashMap::new();
    index.each_example(&mut |example| {
        let example = example?;
        for (name, value) in &example.tags {
            let Some((id, number)) = value.rsplit_once('/') else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            match name.as_str() {
                SHOT_OF => {
                    let of = shots.entry(id.to_string()).or_default();
                    of.insert(number, example.clone());
                }
                QUERY_OF => queries.push((id.to_string(), number, example.clone())),
                _ => {}
            }
        }
        Ok(())
    })?;
    if queries.is_empty() && shots.is_empty() {
        return Ok(None);
    }
    let (mut items, mut incomplete) = (Vec::new(), Vec::new());
    let asked: HashSet<&str> = queries.iter().map(|(id, ..)| id.as_str()).collect();
    let without = shots.keys().filter(|id| !asked.contains(id.as_str()));
    incomplete.extend(without.cloned());
    for (id, count, example) in queries {
        let own = shots.remove(&id).unwrap_or_default();
        let places = own.keys().copied();
        if !places.eq(0..count) || count == 0 {
            incomplete.push(id);
            continue;
        }
        if !meets(&example, conditions) {
            continue;
        }
        items.push(Item {
            id,
            own: own.into_values().collect(),
            ..Item::of(example)
        });
    }
    incomplete.sort();
    Ok(Some(Problems { items, incomplete }))
}

/// The first `k` of a problem's own examples as shots. The last of them stands next to the question if the most similar shot does.
pub(super) fn shots(own: &[Example], k: usize) -> Vec<Shot> {
    let shown = own.iter().take(k).rev().enumerate();
    shown
        .map(|(at, example)| Shot {
            example: example.clone(),
            score: 0.0,
            rank: at + 1,
            reason: REASON.into(),
            match_share: None,
        })
        .collect()
}

#[cfg(test)]
#[path = "own_shots_tests.rs"]
mod tests;
