//! The folder of a run: the plan, what its answers are made from, and every answer, appended as soon as it is there.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::record::{IMAGES, Key, Record};
use rounds_support::sanitise::clean_line;
use rounds_support::{FileError, files};

/// Name of the file of answers in a run's folder.
pub(super) const ITEMS: &str = "items.jsonl";
/// Version, models, templates and indexes, by their hashes, and settings.
const INPUTS: &str = "inputs.json";
/// The plan, as it was given.
pub(super) const PLAN: &str = "plan.toml";

/// The folder of a run, held by one process at a time.
pub struct RunFolder {
    folder: PathBuf,
    items: Mutex<File>,
    _lock: File,
}

impl RunFolder {
    /// Opens the folder of a run, or makes it. `plan` is the text of the plan.
    ///
    /// # Errors
    /// If the folder belongs to another plan, is in use, or cannot be written.
    pub fn open(folder: &Path, plan: &str) -> Result<Self, RunFolderError> {
        files::create_private_dir(folder)?;
        let lock = folder.join("lock");
        let held = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .map_err(|e| FileError::from_io(&lock, "open", &e))?;
        if held.try_lock().is_err() {
            return Err(RunFolderError::Busy(rounds_support::errors::display_path(
                folder,
            )));
        }
        let kept = folder.join(PLAN);
        let asked = folder.join(ITEMS);
        // A plan that was corrected before anything was asked is no other run.
        let begun = asked.exists() && files::length(&asked)? > 0;
        match kept.exists() {
            true if begun && files::read_to_string(&kept)? != plan => {
                let shown = rounds_support::errors::display_path(folder);
                return Err(RunFolderError::OtherPlan(shown));
            }
            true if begun => {}
            _ => files::write_atomic(&kept, plan.as_bytes())?,
        }
        let path = folder.join(ITEMS);
        drop_cut_line(&path)?;
        let items = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| FileError::from_io(&path, "open", &e))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            items: Mutex::new(items),
            _lock: held,
        })
    }

    /// Notes what its answers are made from beside the plan.
    ///
    /// # Errors
    /// If answers were made from something else before.
    pub(super) fn hold_to(&self, inputs: &str) -> Result<(), RunFolderError> {
        let path = self.folder.join(INPUTS);
        let begun = files::length(&self.folder.join(ITEMS))? > 0;
        match files::read_to_string(&path) {
            Ok(known) if known == inputs => Ok(()),
            Ok(_) if begun => Err(RunFolderError::OtherInputs(
                rounds_support::errors::display_path(&self.folder),
            )),
            _ => Ok(files::write_atomic(&path, inputs.as_bytes())?),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The answers so far.
    pub fn records(&self) -> Result<Vec<Record>, RunFolderError> {
        read_records(&self.folder)
    }

    /// Adds an answer; when this returns, the end of the process cannot lose it.
    pub fn append(&self, record: &Record) -> Result<(), FileError> {
        let path = self.folder.join(ITEMS);
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        line.push(b'\n');
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items
            .write_all(&line)
            .map_err(|e| FileError::from_io(&path, "write", &e))
    }

    /// Writes all answers in the given order, so that the same plan gives the same file.
    pub(super) fn rewrite(&self, records: &[Record]) -> Result<(), FileError> {
        let mut text = Vec::new();
        for record in records {
            text.extend(serde_json::to_vec(record).unwrap_or_default());
            text.push(b'\n');
        }
        files::write_atomic(&self.folder.join(ITEMS), &text)
    }

    /// Keeps the file of an image, named by its SHA-256.
    pub(super) fn keep_image(&self, name: &str, content: &[u8]) -> Result<(), FileError> {
        let folder = self.folder.join(IMAGES);
        let path = folder.join(name);
        if path.exists() {
            return Ok(());
        }
        files::create_private_dir(&folder)?;
        files::write_atomic(&path, content)
    }

    /// Writes another file of the run.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), FileError> {
        files::write_atomic(&self.folder.join(name), content)
    }
}

/// Why a run's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunFolderError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process is writing it.
    #[error("another run is writing {0}")]
    Busy(String),
    /// It was made for another plan.
    #[error("{0} has the answers of another plan")]
    OtherPlan(String),
    /// It was made with another version, model or index.
    #[error("{0} has answers of another model, template, index or version of the program")]
    OtherInputs(String),
    /// A line is damaged.
    #[error("{file}, line {line}: {reason}")]
    Line {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl rounds_support::Hint for RunFolderError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Busy(_) => Some("wait until it has ended, or give another folder".into()),
            Self::OtherPlan(_) => Some(
                "give another folder with --out; a changed plan is a new run, because its numbers would not be comparable".into(),
            ),
            Self::OtherInputs(_) => Some(
                "give another folder with --out; inputs.json in it says what its answers were made from".into(),
            ),
            Self::Line { .. } => Some("remove the line; its question is then asked again".into()),
        }
    }

    fn kind(&self) -> rounds_support::FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Busy(_) | Self::OtherPlan(_) | Self::OtherInputs(_) => {
                rounds_support::FailureKind::Usage
            }
            Self::Line { .. } => rounds_support::FailureKind::Io,
        }
    }
}

/// Removes an unfinished last line, which a killed run may have left.
fn drop_cut_line(path: &Path) -> Result<(), FileError> {
    if !path.exists() {
        return Ok(());
    }
    let content = files::read(path)?;
    let whole = content
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    match whole < content.len() {
        true => files::write_atomic(path, &content[..whole]),
        false => Ok(()),
    }
}

/// The answers in a run's folder, or in a file. An unfinished last line is left out.
///
/// # Errors
/// If the file cannot be read, or a line is not a record.
pub fn read_records(path: &Path) -> Result<Vec<Record>, RunFolderError> {
    let path = match path.is_dir() {
        true => path.join(ITEMS),
        false => path.to_path_buf(),
    };
    let content = files::read(&path)?;
    let whole = content.iter().rposition(|byte| *byte == b'\n');
    let whole = &content[..whole.unwrap_or(0)];
    // A question that failed and was asked again has several lines; the last one counts.
    let (mut records, mut places) = (Vec::<Record>::new(), HashMap::<Key, usize>::new());
    for (at, line) in whole.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let record: Record = serde_json::from_slice(line).map_err(|e| RunFolderError::Line {
            file: rounds_support::errors::display_path(&path),
            line: at + 1,
            reason: clean_line(&e.to_string()),
        })?;
        let record = record.cleaned();
        match places.get(&record.key()) {
            Some(&place) => records[place] = record,
            None => {
                places.insert(record.key(), records.len());
                records.push(record);
            }
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn a_cut_last_line_is_asked_again_and_nothing_else_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let plan = "name = \"a\"\n";
        {
            let run = RunFolder::open(folder.path(), plan).unwrap();
            run.append(&record("one", "lung", "lung")).unwrap();
            run.append(&record("two", "lung", "heart")).unwrap();
        }
        let path = folder.path().join(ITEMS);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let run = RunFolder::open(folder.path(), plan).unwrap();
            let lines = whole[..cut].iter().filter(|b| **b == b'\n').count();
            assert_eq!(run.records().unwrap().len(), lines);
        }
    }

    #[test]
    fn a_folder_belongs_to_one_plan_and_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::open(folder.path(), "a").unwrap();
        assert!(matches!(
            RunFolder::open(folder.path(), "a"),
            Err(RunFolderError::Busy(_))
        ));
        drop(run);
        // Nothing was asked yet, so the plan may still be corrected.
        let run = RunFolder::open(folder.path(), "b").unwrap();
        run.append(&record("one", "lung", "lung")).unwrap();
        drop(run);
        assert!(matches!(
            RunFolder::open(folder.path(), "c"),
            Err(RunFolderError::OtherPlan(_))
        ));
    }

    #[test]
    fn a_failure_that_was_asked_again_counts_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::open(folder.path(), "a").unwrap();
        let mut failed = record("one", "", "lung");
        failed.error = Some("damaged".into());
        run.append(&failed).unwrap();
        run.append(&record("one", "left\nlung", "lung")).unwrap();
        let read = run.records().unwrap();
        assert_eq!(read.len(), 1);
        assert!(read[0].error.is_none() && read[0].answer.contains('\n'));
    }

    #[test]
    fn texts_from_a_file_are_sanitised() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::open(folder.path(), "a").unwrap();
        run.append(&record("one", "lu\u{1b}[2Jng", "lung")).unwrap();
        let read = run.records().unwrap();
        assert!(!read[0].answer.contains('\u{1b}'), "{:?}", read[0].answer);
    }
}
