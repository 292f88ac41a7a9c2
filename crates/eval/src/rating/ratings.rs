//! A rater's file: one line for each rating, appended and synced at once, so that a crash loses nothing that was saved.
//!
//! Lines are never changed. The last line of an answer counts, and a line that was cut by a crash does not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use rounds_support::{FileError, INTENDED_USE, files};

use super::rating_types::{Entry, Flags, MAX_SCORE, Rating, letter};
use super::{RatingError, RatingSet};

const FORMAT: &str = "rounds-ratings";
const VERSION: u32 = 1;
const ENDING: &str = ".ratings.jsonl";
/// Largest file of ratings that is read.
const MAX_BYTES: u64 = 64 << 20;
const MAX_NAME: usize = 40;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    intended_use: String,
    rater: String,
    /// The seal of the rating file.
    seal: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// From 1.
    item: usize,
    answer: char,
    score: Option<u8>,
    #[serde(default)]
    flags: Flags,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    undo: bool,
    /// Seconds since 1970.
    #[serde(default)]
    at: u64,
}

/// The ratings of one rater.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ratings {
    /// The rater's name.
    pub rater: String,
    /// All entries in their order.
    pub entries: Vec<Entry>,
}

impl Ratings {
    /// The last rating of every answer that was ever rated, by item and answer.
    pub fn current(&self) -> BTreeMap<(usize, usize), Rating> {
        let of = |entry: &Entry| ((entry.item, entry.answer), entry.rating);
        self.entries.iter().map(of).collect()
    }

    /// Reads the file of a rater of `set`. One that was cut before its first line was complete has no ratings yet.
    pub fn read(path: &Path, set: &RatingSet) -> Result<Self, RatingError> {
        let rater = rater_of(&set.path, path)
            .ok_or_else(|| RatingError::format(path, "its name is not that of a rater's file"))?;
        let bytes = files::read_regular_file(path, MAX_BYTES)?;
        let (ratings, _) = parse(path, &bytes, set, &rater)?;
        Ok(ratings.unwrap_or(Self {
            rater,
            entries: Vec::new(),
        }))
    }
}

/// The ratings and the length of the part that counts: up to the last complete line. `None` without a header.
///
/// Fails if they are another rater's: a copy under another name would count one person as two.
fn parse(
    path: &Path,
    bytes: &[u8],
    set: &RatingSet,
    rater: &str,
) -> Result<(Option<Ratings>, usize), RatingError> {
    let complete = bytes.iter().rposition(|byte| *byte == b'\n');
    let length = complete.map_or(0, |at| at + 1);
    let text = std::str::from_utf8(bytes.get(..length).unwrap_or_default())
        .map_err(|_| RatingError::format(path, "not UTF-8 text"))?;
    let mut lines = text.lines();
    let Some(first) = lines.next() else {
        return Ok((None, length));
    };
    let header: Header =
        serde_json::from_str(first).map_err(|error| RatingError::format(path, error))?;
    if header.format != FORMAT || header.version != VERSION {
        let reason = format!("not a file of ratings of version {VERSION}");
        return Err(RatingError::format(path, reason));
    }
    if header.seal != set.seal {
        return Err(RatingError::seal(
            &set.path,
            format_args!("{} rated another version of it", clean_name(&header.rater)),
        ));
    }
    if header.rater != rater {
        let reason = format!("it holds the ratings of {}", clean_name(&header.rater));
        return Err(RatingError::format(path, reason));
    }
    let mut entries = Vec::new();
    for (number, line) in lines.enumerate() {
        let wrong =
            |reason: String| RatingError::format(path, format!("line {}: {reason}", number + 2));
        let line: Line = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        entries.push(entry(&line, set).map_err(wrong)?);
    }
    let ratings = Ratings {
        rater: header.rater,
        entries,
    };
    Ok((Some(ratings), length))
}

fn clean_name(name: &str) -> String {
    rounds_support::sanitise::clean_line_max(name, MAX_NAME)
}

fn entry(line: &Line, set: &RatingSet) -> Result<Entry, String> {
    let item = line.item.checked_sub(1).unwrap_or(usize::MAX);
    let answers = set.items.get(item).map_or(0, |item| item.answers.len());
    let answer = (0..answers)
        .find(|at| letter(*at) == line.answer)
        .ok_or_else(|| format!("there is no answer {} of item {}", line.answer, line.item))?;
    if line.score.is_some_and(|score| score > MAX_SCORE) {
        return Err(format!("a score must be 0 to {MAX_SCORE}"));
    }
    let rating = Rating {
        score: line.score,
        flags: line.flags,
    };
    Ok(Entry {
        item,
        answer,
        rating,
        undo: line.undo,
    })
}

/// Checks a rater's name, which becomes part of a file name.
pub fn check_rater(name: &str) -> Result<(), RatingError> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match (1..=MAX_NAME).contains(&name.len()) && name.chars().all(good) {
        true => Ok(()),
        false => Err(RatingError::Rater(clean_name(name))),
    }
}

/// The file of a rater.
pub fn ratings_path(set: &Path, rater: &str) -> PathBuf {
    let mut name = set.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{rater}{ENDING}"));
    set.with_file_name(name)
}

/// Whose file this is, by its name; `None` if it is not a rater's of `set`.
fn rater_of(set: &Path, path: &Path) -> Option<String> {
    let start = format!("{}.", set.file_name()?.to_string_lossy());
    let name = path.file_name()?.to_string_lossy();
    let rater = name.strip_prefix(&start)?.strip_suffix(ENDING)?;
    check_rater(rater).ok().map(|()| rater.to_string())
}

/// The files of all raters, sorted by name.
pub fn rater_files(set: &Path) -> Vec<PathBuf> {
    let folder = match set.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let is_one = |path: &PathBuf| rater_of(set, path).is_some();
    let mut found: Vec<PathBuf> = files::below(folder).filter(is_one).collect();
    found.sort();
    found
}

/// A rater's file, open to add ratings; locked against another program.
pub struct RatingsFile {
    file: File,
    path: PathBuf,
    /// Length up to which everything is complete.
    length: u64,
    /// Something may stand behind that, because removing it failed.
    torn: bool,
}

impl RatingsFile {
    /// Opens the file of `rater`, or creates it, and reads what is in it. A last line that a crash has cut is removed.
    pub fn open(set: &RatingSet, rater: &str) -> Result<(Self, Ratings), RatingError> {
        check_rater(rater)?;
        let path = ratings_path(&set.path, rater);
        let file = files::open_private(&path)?;
        if file.try_lock().is_err() {
            return Err(RatingError::InUse(path));
        }
        let bytes = files::read_limited(&path, MAX_BYTES)?;
        let (ratings, length) = parse(&path, &bytes, set, rater)?;
        let mut opened = Self {
            file,
            path,
            length: length as u64,
            torn: false,
        };
        opened.cut()?;
        if let Some(ratings) = ratings {
            return Ok((opened, ratings));
        }
        opened.line(&Header {
            format: FORMAT.into(),
            version: VERSION,
            intended_use: INTENDED_USE.into(),
            rater: rater.into(),
            seal: set.seal.clone(),
        })?;
        let folder = opened.path.parent().filter(|p| !p.as_os_str().is_empty());
        files::sync_folder(folder.unwrap_or(Path::new(".")))?;
        let ratings = Ratings {
            rater: rater.into(),
            entries: Vec::new(),
        };
        Ok((opened, ratings))
    }

    /// Adds a rating and waits until it is on disk. After an error the file is as before.
    pub fn append(&mut self, entry: &Entry) -> Result<(), FileError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.line(&Line {
            item: entry.item + 1,
            answer: letter(entry.answer),
            score: entry.rating.score,
            flags: entry.rating.flags,
            undo: entry.undo,
            at: now.map_or(0, |since| since.as_secs()),
        })
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), FileError> {
        if self.torn {
            self.cut()?;
        }
        let failed = |error: std::io::Error| FileError::from_io(&self.path, "write", &error);
        let mut line = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        match written.map_err(failed) {
            Ok(()) => {
                self.length += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would spoil the next one.
                self.torn = self.cut().is_err();
                Err(error)
            }
        }
    }

    /// Removes everything behind the last complete line.
    fn cut(&mut self) -> Result<(), FileError> {
        let (file, length) = (&mut self.file, self.length);
        file.set_len(length)
            .and_then(|()| file.seek(SeekFrom::Start(length)))
            .map_err(|error| FileError::from_io(&self.path, "write", &error))?;
        self.torn = false;
        Ok(())
    }
}
