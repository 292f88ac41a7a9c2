//! Open problems in the style of a licensing examination: a vignette, images, laboratory values, a question, and the
//! reference answer with its rationale.
//!
//! A file of problems is TOML or JSON Lines, described in `docs/problems.md`. It is untrusted: texts are sanitised and sizes
//! limited here. A set written for the project's own images ships with the program.

mod error;
#[cfg(test)]
mod tests;

pub use error::ProblemError;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use rounds_assistant::{Background, Case, LabValue, MAX_IMAGES, MAX_QUESTION};
use rounds_imaging::limits::MAX_FILE_BYTES;
use rounds_imaging::{Image, decode};
use rounds_support::sanitise::{clean, clean_line, clean_line_max};
use rounds_support::{files, shipped};

/// The set that ships, by its path in the repository.
const SHIPPED: &str = "assets/problems/problems.toml";
/// Largest file of problems.
const MAX_BYTES: u64 = 16 << 20;
/// Most rows of a laboratory table.
const MAX_LABS: usize = 100;
/// Most worked examples of one problem.
const MAX_OWN_SHOTS: usize = 64;
const VERSION: u32 = 1;

/// One problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Unique in its file.
    pub id: String,
    /// The subject, such as `cardiology`; empty if not given.
    pub topic: String,
    /// Vignette and laboratory values.
    pub background: Background,
    /// The images.
    pub images: Vec<ProblemImage>,
    /// The open question.
    pub question: String,
    /// The reference answer.
    pub answer: String,
    /// Why that is the answer; empty if not given.
    pub rationale: String,
    /// Where the images come from and what is known of them; empty if not given.
    pub source: String,
    /// Worked examples of its own, in the order of the prompt, for evaluations; empty if shots are to be retrieved.
    pub shots: Vec<ProblemShot>,
}

/// A worked example of a problem's own.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemShot {
    /// The images; at least one.
    pub images: Vec<ProblemImage>,
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// Why that is the answer; empty if not given.
    pub rationale: String,
}

/// Where an image of a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemImage {
    /// A file.
    File(PathBuf),
    /// A file that ships with the program, by its path in the repository.
    Shipped(String),
}

impl ProblemImage {
    /// The bytes of the file.
    pub fn bytes(&self) -> Result<Vec<u8>, ProblemError> {
        match self {
            Self::File(path) => Ok(files::read_regular_file(path, MAX_FILE_BYTES)?),
            Self::Shipped(name) => match shipped::file(name) {
                Some(bytes) => Ok(bytes.to_vec()),
                None => Err(ProblemError::Missing(clean_line(name))),
            },
        }
    }

    /// Name of the file, sanitised.
    pub fn name(&self) -> String {
        let path = match self {
            Self::File(path) => path.as_path(),
            Self::Shipped(name) => Path::new(name),
        };
        let name = path.file_name().unwrap_or(path.as_os_str());
        clean_line_max(&name.to_string_lossy(), 120)
    }

    /// Reads and decodes it.
    pub fn load(&self) -> Result<Image, ProblemError> {
        Ok(decode(&self.bytes()?, &self.name())?)
    }
}

impl Problem {
    /// The case that a model is asked about.
    pub fn case(&self) -> Result<Case, ProblemError> {
        let images = self.images.iter().map(ProblemImage::load);
        Ok(Case {
            images: images.collect::<Result<_, _>>()?,
            question: self.question.clone(),
            background: self.background.clone(),
            ..Case::default()
        })
    }

    /// One line for a list: `iron  haematology  What is the most likely diagnosis?`
    pub fn in_words(&self) -> String {
        match self.topic.as_str() {
            "" => format!("{}: {}", self.id, self.question),
            topic => format!("{} ({topic}): {}", self.id, self.question),
        }
    }
}

/// A file of problems as it is written in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    #[serde(default)]
    problem: Vec<Fields>,
}

/// The fields of a problem, the same in both formats.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    id: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    vignette: String,
    #[serde(default)]
    labs: Vec<LabValue>,
    #[serde(default)]
    images: Vec<String>,
    question: String,
    answer: String,
    #[serde(default)]
    rationale: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    shots: Vec<ShotFields>,
}

/// The fields of a worked example of a problem.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShotFields {
    images: Vec<String>,
    question: String,
    answer: String,
    #[serde(default)]
    rationale: String,
}

/// Where the images of a file are.
#[derive(Clone, Copy)]
enum Base<'a> {
    Folder(&'a Path),
    Shipped(&'a str),
}

impl Base<'_> {
    fn image(self, name: &str) -> ProblemImage {
        match self {
            Self::Folder(folder) => ProblemImage::File(folder.join(name)),
            Self::Shipped(folder) => {
                let mut parts: Vec<&str> = folder.split('/').collect();
                for part in name.split('/') {
                    match part {
                        ".." => drop(parts.pop()),
                        "." => {}
                        part => parts.push(part),
                    }
                }
                ProblemImage::Shipped(parts.join("/"))
            }
        }
    }
}

/// Reads a file of problems: TOML, or JSON Lines if its name ends in `.jsonl`.
///
/// Fails if anything in it is not as described in `docs/problems.md`; images are not opened.
pub fn read(path: &Path) -> Result<Vec<Problem>, ProblemError> {
    let bytes = files::read_regular_file(path, MAX_BYTES)?;
    let wrong = |reason: String| ProblemError::format(path, reason);
    let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8 text".into()))?;
    let text = text.trim_start_matches('\u{FEFF}');
    let folder = Base::Folder(path.parent().unwrap_or(Path::new("")));
    let is_lines = path.extension().is_some_and(|ending| ending == "jsonl");
    let parsed = if is_lines {
        json_lines(text)
    } else {
        toml_document(text)
    };
    parsed
        .and_then(|fields| problems(fields, folder))
        .map_err(wrong)
}

/// The problems that ship with the program.
pub fn shipped_set() -> Result<Vec<Problem>, ProblemError> {
    let wrong = |reason: String| ProblemError::format(Path::new(SHIPPED), reason);
    let bytes = shipped::file(SHIPPED).ok_or_else(|| ProblemError::Missing(SHIPPED.into()))?;
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("not UTF-8 text".into()))?;
    let folder = SHIPPED.rsplit_once('/').map_or("", |(folder, _)| folder);
    toml_document(text)
        .and_then(|fields| problems(fields, Base::Shipped(folder)))
        .map_err(wrong)
}

/// The problem that a name means: `ID` of the set that ships, or `FILE#ID`.
pub fn find(name: &str) -> Result<Problem, ProblemError> {
    let (set, id) = match name.rsplit_once('#') {
        Some((file, id)) => (read(Path::new(file))?, id),
        None => (shipped_set()?, name),
    };
    let ids: Vec<String> = set.iter().map(|problem| problem.id.clone()).collect();
    let found = set.into_iter().find(|problem| problem.id == id);
    found.ok_or_else(|| ProblemError::Unknown {
        id: clean_line_max(id, 80),
        known: clean_line_max(&ids.join(", "), 700),
    })
}

fn toml_document(text: &str) -> Result<Vec<Fields>, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
    if document.format != "rounds-problems" || document.version != VERSION {
        return Err(format!("not a file of problems of version {VERSION}"));
    }
    Ok(document.problem)
}

fn json_lines(text: &str) -> Result<Vec<Fields>, String> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))
    };
    lines.map(parse).collect()
}

fn problems(all: Vec<Fields>, base: Base) -> Result<Vec<Problem>, String> {
    let mut known = HashSet::new();
    let mut problems = Vec::new();
    for (number, fields) in all.into_iter().enumerate() {
        let id = clean_line_max(&fields.id, 80);
        let problem = problem(fields, base)
            .map_err(|reason| format!("problem {} ({id}): {reason}", number + 1))?;
        if !known.insert(problem.id.clone()) {
            return Err(format!("two problems have the id {id}"));
        }
        problems.push(problem);
    }
    if problems.is_empty() {
        return Err("there is no problem in it".into());
    }
    Ok(problems)
}

fn problem(fields: Fields, base: Base) -> Result<Problem, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=60).contains(&fields.id.len()) || !fields.id.chars().all(good) {
        return Err("an id has 1 to 60 letters, digits, hyphens and underscores".into());
    }
    let background = Background {
        vignette: fields.vignette,
        labs: fields.labs,
    }
    .sanitised();
    if background.labs.len() > MAX_LABS {
        return Err(format!("more than {MAX_LABS} laboratory values"));
    }
    for lab in &background.labs {
        if lab.name.is_empty() || lab.value.is_empty() {
            return Err("a laboratory value needs a name and a value".into());
        }
        let is_known = |range| rounds_assistant::ReferenceRange::parse(range).is_some();
        if !lab.range.is_empty() && !is_known(&lab.range) {
            return Err(format!(
                "the range of {} cannot be read: {}",
                lab.name, lab.range
            ));
        }
    }
    if fields.images.len() > MAX_IMAGES {
        return Err(format!("more than {MAX_IMAGES} images"));
    }
    let text = |text: &str| clean(text.trim());
    if fields.shots.len() > MAX_OWN_SHOTS {
        return Err(format!("more than {MAX_OWN_SHOTS} shots"));
    }
    let shot = |(at, shot): (usize, ShotFields)| {
        let shown = ProblemShot {
            images: shot.images.iter().map(|name| base.image(name)).collect(),
            question: text(&shot.question),
            answer: text(&shot.answer),
            rationale: text(&shot.rationale),
        };
        if shown.question.is_empty() || shown.answer.is_empty() {
            return Err(format!(
                "shot {}: the question or the answer is empty",
                at + 1
            ));
        }
        match shown.images.len() {
            1..=MAX_IMAGES => Ok(shown),
            count => Err(format!(
                "shot {}: {count} images, not 1 to {MAX_IMAGES}",
                at + 1
            )),
        }
    };
    let shots = fields.shots.into_iter().enumerate().map(shot);
    let shots = shots.collect::<Result<Vec<_>, _>>()?;
    let problem = Problem {
        shots,
        topic: clean_line_max(fields.topic.trim(), 80),
        images: fields.images.iter().map(|name| base.image(name)).collect(),
        question: text(&fields.question),
        answer: text(&fields.answer),
        rationale: text(&fields.rationale),
        source: text(&fields.source),
        id: fields.id,
        background,
    };
    if problem.question.is_empty() || problem.answer.is_empty() {
        return Err("the question or the answer is empty".into());
    }
    let asked = problem.background.with_question(&problem.question);
    match asked.chars().count() > MAX_QUESTION {
        true => Err(format!(
            "vignette and question have more than {MAX_QUESTION} characters"
        )),
        false => Ok(problem),
    }
}
