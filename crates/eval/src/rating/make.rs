//! Makes a rating file: pairs the answers of several systems to the same items, shuffles, and seals who is who.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rounds_imaging::decode;
use rounds_imaging::limits::MAX_FILE_BYTES;
use rounds_support::errors::{count, display_path};
use rounds_support::files;
use rounds_support::rng::Rng;

use super::RatingError;
use super::results::{self, ResultLine};
use super::sealed::{Sealed, SealedItem};
use super::set::{Item, ItemImage, RatingSet, ShownAnswer};

/// Answers have letters.
const MAX_SYSTEMS: usize = 26;

/// What to make a rating file from.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Results of evaluation runs, as JSON Lines.
    pub results: Vec<PathBuf>,
    /// Only these models; all if empty.
    pub models: Vec<String>,
    /// Only these conditions; all if empty.
    pub conditions: Vec<String>,
    /// At most so many items, drawn by the seed.
    pub limit: Option<usize>,
    /// Decides items and order; without one it follows from the results, so that no two studies share an order.
    pub seed: Option<u64>,
    /// The file to write; its images go into a folder beside it.
    pub out: PathBuf,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Number of items.
    pub items: usize,
    /// Number of systems, which is the number of answers of each item.
    pub systems: usize,
    /// Items left out because not every system answered them.
    pub incomplete: usize,
    /// Results left out because their system had answered the item before.
    pub repeated: usize,
    /// What items and order were drawn by.
    pub seed: u64,
    /// SHA-256 of the sealed part.
    pub seal: String,
}

/// A result and the file it comes from.
struct Sourced<'a> {
    line: &'a ResultLine,
    file: usize,
}

/// Makes a rating file.
pub fn make(request: &Request) -> Result<Made, RatingError> {
    let mut files = Vec::new();
    for path in &request.results {
        let mut lines = results::read(path)?;
        let chosen = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        lines.retain(|line| {
            chosen(&request.models, &line.model) && chosen(&request.conditions, &line.condition)
        });
        files.push(lines);
    }
    let systems = Systems::of(&files, &request.results)?;
    let Paired {
        mut items,
        repeated,
        incomplete,
    } = pair(&files, &systems)?;
    let seed = request.seed.unwrap_or_else(|| seed_of(&items));
    let mut rng = Rng::new(seed);
    rng.shuffle(&mut items);
    items.truncate(request.limit.unwrap_or(usize::MAX));
    if items.is_empty() {
        return Err(RatingError::pairing(
            "no item was answered by all of the systems",
        ));
    }
    let mut shown = Vec::new();
    let mut sealed = Vec::new();
    for (number, answers) in items.iter().enumerate() {
        let mut order: Vec<usize> = (0..answers.len()).collect();
        rng.fork(number as u64).shuffle(&mut order);
        let item = item(request, answers, &order)?;
        sealed.push(SealedItem {
            shown: item.hash(),
            order,
        });
        shown.push(item);
    }
    let made = Made {
        items: shown.len(),
        systems: systems.names.len(),
        incomplete,
        repeated,
        seed,
        seal: String::new(),
    };
    let sealed = Sealed {
        seed,
        systems: systems.names,
        items: sealed,
    };
    let seal = RatingSet::write(&request.out, shown, &sealed)?;
    Ok(Made { seal, ..made })
}

/// The seed where none is given: the first digits of the SHA-256 of all that systems were asked and answered.
fn seed_of(items: &[Vec<Sourced>]) -> u64 {
    let mut all: Vec<u8> = Vec::new();
    for Sourced { line, .. } in items.iter().flatten() {
        let asked = [&line.dataset, &line.item, &line.question, &line.reference];
        let said = [&line.model, &line.condition, &line.answer];
        let rationale = line.rationale.as_ref();
        for text in asked.into_iter().chain(said).chain(rationale) {
            all.extend((text.len() as u64).to_le_bytes());
            all.extend(text.as_bytes());
        }
    }
    let digits: String = files::sha256_hex(&all).chars().take(16).collect();
    u64::from_str_radix(&digits, 16).unwrap_or(0)
}

/// The systems in the order in which they first appear.
struct Systems {
    names: Vec<String>,
    /// By file, model and condition.
    numbers: HashMap<(usize, String, String), usize>,
}

impl Systems {
    fn of(files: &[Vec<ResultLine>], paths: &[PathBuf]) -> Result<Self, RatingError> {
        let mut numbers = HashMap::new();
        let mut all: Vec<(usize, String, String)> = Vec::new();
        for (file, lines) in files.iter().enumerate() {
            for line in lines {
                let key = (file, line.model.clone(), line.condition.clone());
                numbers.entry(key.clone()).or_insert_with(|| {
                    all.push(key);
                    all.len() - 1
                });
            }
        }
        if all.len() < 2 || all.len() > MAX_SYSTEMS {
            return Err(RatingError::pairing(format_args!(
                "the results are of {}; a blinded rating needs 2 to {MAX_SYSTEMS}",
                count(all.len(), "system")
            )));
        }
        let same = |(_, model, condition): &(usize, String, String)| {
            let same =
                |other: &&(usize, String, String)| other.1 == *model && other.2 == *condition;
            all.iter().filter(same).count()
        };
        let names = all.iter().map(|key| {
            let (file, model, condition) = key;
            let name = match condition.as_str() {
                "" => model.clone(),
                condition => format!("{model}, {condition}"),
            };
            match same(key) {
                1 => name,
                _ => format!("{name} (run {}: {})", file + 1, run_name(paths.get(*file))),
            }
        });
        let names = names.collect();
        Ok(Self { names, numbers })
    }

    fn number(&self, file: usize, line: &ResultLine) -> Option<usize> {
        let key = (file, line.model.clone(), line.condition.clone());
        self.numbers.get(&key).copied()
    }
}

/// The folder of a results file, which is named after its run.
fn run_name(path: Option<&PathBuf>) -> String {
    let folder = path.and_then(|path| path.parent()?.file_name());
    folder.map_or_else(String::new, |name| display_path(Path::new(name)))
}

struct Paired<'a> {
    /// The answers of each item, by system.
    items: Vec<Vec<Sourced<'a>>>,
    repeated: usize,
    incomplete: usize,
}

/// The items that every system answered, in the order of their first appearance.
fn pair<'a>(files: &'a [Vec<ResultLine>], systems: &Systems) -> Result<Paired<'a>, RatingError> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut all: Vec<Vec<Option<Sourced>>> = Vec::new();
    let mut repeated = 0;
    for (file, lines) in files.iter().enumerate() {
        for line in lines {
            let Some(system) = systems.number(file, line) else {
                continue;
            };
            let place = *places
                .entry((line.dataset.as_str(), line.item.as_str()))
                .or_insert_with(|| {
                    all.push(systems.names.iter().map(|_| None).collect());
                    all.len() - 1
                });
            let Some(answers) = all.get_mut(place) else {
                continue;
            };
            same_item(answers.iter().flatten().next(), line)?;
            match answers.get_mut(system) {
                Some(free) if free.is_none() => *free = Some(Sourced { line, file }),
                _ => repeated += 1,
            }
        }
    }
    let before = all.len();
    let complete =
        |answers: Vec<Option<Sourced<'a>>>| answers.into_iter().collect::<Option<Vec<_>>>();
    let items: Vec<Vec<Sourced>> = all.into_iter().filter_map(complete).collect();
    Ok(Paired {
        repeated,
        incomplete: before - items.len(),
        items,
    })
}

/// Whether two results are about the same question.
fn same_item(first: Option<&Sourced>, line: &ResultLine) -> Result<(), RatingError> {
    let Some(Sourced { line: first, .. }) = first else {
        return Ok(());
    };
    let what = if first.question != line.question {
        "question"
    } else if first.reference != line.reference {
        "reference answer"
    } else {
        return Ok(());
    };
    Err(RatingError::pairing(format_args!(
        "item {} of {} has a different {what} in two of the results",
        line.item, line.dataset
    )))
}

/// The item as raters see it. Its question and images are those of the first system.
fn item(request: &Request, answers: &[Sourced], order: &[usize]) -> Result<Item, RatingError> {
    let Some(first) = answers.first() else {
        return Err(RatingError::pairing("an item has no answers"));
    };
    let mut images = Vec::new();
    for given in &first.line.images {
        let results = request.results.get(first.file);
        images.push(copy_image(given, results, &request.out)?);
    }
    let shown = order.iter().filter_map(|&system| answers.get(system));
    Ok(Item {
        dataset: first.line.dataset.clone(),
        item: first.line.item.clone(),
        question: first.line.question.clone(),
        reference: first.line.reference.clone(),
        images,
        answers: shown
            .map(|from| ShownAnswer {
                answer: from.line.answer.clone(),
                rationale: from.line.rationale.clone(),
            })
            .collect(),
    })
}

/// Copies an image into the folder beside the rating file, under the name of its content.
fn copy_image(
    given: &str,
    results: Option<&PathBuf>,
    out: &Path,
) -> Result<ItemImage, RatingError> {
    let run = results.and_then(|path| path.parent());
    let source = find_image(given, run.unwrap_or(Path::new("")));
    let bytes = files::read_regular_file(&source, MAX_FILE_BYTES)?;
    decode(&bytes, "image").map_err(|error| RatingError::format(&source, error))?;
    let sha256 = files::sha256_hex(&bytes);
    let extension = source.extension().and_then(|ending| ending.to_str());
    let extension = extension
        .filter(|ending| ending.len() <= 5 && ending.bytes().all(|b| b.is_ascii_alphanumeric()))
        .unwrap_or("png");
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let folder = format!("{name}.images");
    let file = format!("{folder}/{sha256}.{extension}");
    let parent = out.parent().unwrap_or(Path::new(""));
    files::create_private_dir(&parent.join(folder))?;
    let target = parent.join(&file);
    if files::sha256_file(&target).ok().as_deref() != Some(&sha256) {
        files::write_atomic(&target, &bytes)?;
    }
    Ok(ItemImage { file, sha256 })
}

/// An image given by its path, from the folder of the run if it is relative, or by its SHA-256.
fn find_image(given: &str, run: &Path) -> PathBuf {
    let is_hash = given.len() == 64 && given.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash {
        return run.join(given);
    }
    let named = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == given);
    let images = run.join("images");
    let found = files::below(&images).find(named);
    found.unwrap_or_else(|| images.join(format!("{given}.png")))
}
