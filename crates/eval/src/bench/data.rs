//! Makes a plan's data ready: published files become indexes in the run's folder, and every question an item.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::condition::Condition;
use super::plan::{Data, Plan, PlanError, Source};
use crate::problems::{self, ProblemError};
use rounds_assistant::maintenance::{Import, ImportError, ImportReport, import};
use rounds_assistant::retrieval::Condition as TagCondition;
use rounds_assistant::{AssistantError, Embedders, comparable};
use rounds_index::dataset::Format;
use rounds_index::{Example, Index, IndexError};
use rounds_model::device;
use rounds_support::rng::Rng;
use rounds_support::{Cancel, FailureKind, FileError, Hint, files};

/// The user's libraries, and the device to compute on.
pub struct Shelf {
    /// Indexes by name.
    pub indexes: rounds_index::library::Library,
    /// Models by name.
    pub models: rounds_model::library::Library,
    /// Name of the device.
    pub device: String,
}

/// Data that is ready to be asked about.
pub struct Prepared {
    /// The data sets, in the order of the plan.
    pub data: Vec<PreparedData>,
    /// Folder of each model; `None` for the built-in one.
    pub models: Vec<Option<PathBuf>>,
}

/// A data set that is ready to be asked about.
pub struct PreparedData {
    /// Its name.
    pub name: String,
    /// Folder of the index of the questions; `None` for the built-in one.
    pub queries: Option<PathBuf>,
    /// For every model, the folder of the index of the shots; `None` for the built-in one.
    pub shots: Vec<Option<PathBuf>>,
    /// What shots must meet.
    pub shot_filter: Vec<TagCondition>,
    /// Whether shots come from the index of the questions.
    pub one_index: bool,
    /// The questions, in the order in which they are asked.
    pub items: Vec<Item>,
    /// The most frequent answer of each kind of question among the shots, and of all of them under the empty name.
    pub majority: BTreeMap<String, String>,
}

impl PreparedData {
    /// The most frequent answer to questions like this one.
    pub(super) fn majority_of(&self, item: &Item) -> Option<String> {
        let found = self.majority.get(&item.group());
        found.or(self.majority.get("")).cloned()
    }
}

/// A question with its true answer.
#[derive(Clone, Debug)]
pub struct Item {
    /// The example it was made from.
    pub example: Example,
    /// Type of the question, as the data set states it; empty if it does not.
    pub kind: String,
    /// Whether it has a fixed set of answers.
    pub closed: bool,
    /// The options of a multiple-choice question: letter and text.
    pub options: Vec<(String, String)>,
}

impl Item {
    fn of(example: Example) -> Self {
        let kind = example.tag("category").unwrap_or_default().to_string();
        let closed = example.tag("answer_type").or(example.tag("answer-type"));
        let options = example
            .tags
            .iter()
            .filter(|(name, _)| name == "choice")
            .filter_map(|(_, value)| value.split_once(':'))
            .map(|(letter, text)| (letter.trim().to_string(), text.trim().to_string()))
            .collect();
        Self {
            closed: closed.is_some_and(|closed| closed.eq_ignore_ascii_case("closed")),
            kind,
            options,
            example,
        }
    }

    /// Takes the options out of the question, at whose end importers put them.
    fn hide_options(&mut self) {
        let tail: String = self
            .options
            .iter()
            .map(|(letter, text)| format!(" {letter}: {text}"))
            .collect();
        if let Some(question) = self.example.question.strip_suffix(&tail) {
            self.example.question = question.to_string();
        }
    }

    /// What a majority answer is taken over: the type of the question, and whether it is closed.
    pub(super) fn group(&self) -> String {
        format!("{}{}", self.kind, if self.closed { " closed" } else { "" })
    }
}

/// Why data cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The plan cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Published files could not be imported.
    #[error("{name}: {error}")]
    Import {
        /// The data set.
        name: String,
        /// Why.
        error: ImportError,
    },
    /// An index could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A model could not be loaded.
    #[error(transparent)]
    Model(#[from] AssistantError),
    /// Problems could not be read.
    #[error(transparent)]
    Problems(#[from] ProblemError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for DataError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Plan(error) => error.hint(),
            Self::Import { error, .. } => error.hint(),
            Self::Index(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Problems(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Plan(error) => error.kind(),
            Self::Import { error, .. } => error.kind(),
            Self::Index(error) => error.kind(),
            Self::Model(error) => error.kind(),
            Self::Problems(error) => error.kind(),
            Self::File(error) => error.kind(),
        }
    }
}

impl Shelf {
    /// The folder of a model; `None` for the built-in one.
    ///
    /// # Errors
    /// If there is no model of that name.
    pub fn model(&self, name: &str) -> Result<Option<PathBuf>, PlanError> {
        let folder = self.models.find(Path::new(name));
        match rounds_model::library::is_bundle(&folder) {
            true => Ok(Some(folder)),
            false if name == rounds_assistant::SHIPPED => Ok(None),
            false => Err(PlanError::Invalid(format!(
                "there is no model named {}",
                rounds_support::sanitise::clean_line(name)
            ))),
        }
    }

    pub(super) fn index(&self, given: &Path, base: &Path) -> Result<Option<PathBuf>, DataError> {
        let beside = base.join(given);
        let folder = match rounds_index::library::is_index(&beside) {
            true => beside,
            false => self.indexes.find(given),
        };
        match rounds_index::library::is_index(&folder) {
            true => Ok(Some(folder)),
            false if given == Path::new(rounds_assistant::SHIPPED) => Ok(None),
            false => {
                let shown = rounds_support::errors::display_path(&folder);
                Err(IndexError::NotAnIndex(shown).into())
            }
        }
    }
}

/// Makes the data of `plan` ready in the folder `run`. Relative paths start at `base`. `report` gets a line for every step.
///
/// # Errors
/// If files or models are missing or damaged, or it was cancelled; what is finished is kept and used by the next call.
pub fn prepare(
    plan: &Plan,
    base: &Path,
    run: &Path,
    shelf: &Shelf,
    cancel: &Cancel,
    report: &mut dyn FnMut(&str),
) -> Result<Prepared, DataError> {
    let models = plan
        .models
        .iter()
        .map(|name| shelf.model(name))
        .collect::<Result<Vec<_>, _>>()?;
    let mut data = Vec::new();
    for set in &plan.data {
        data.push(prepare_set(
            plan, set, &models, base, run, shelf, cancel, report,
        )?);
    }
    Ok(Prepared { data, models })
}

fn prepare_set(
    plan: &Plan,
    set: &Data,
    models: &[Option<PathBuf>],
    base: &Path,
    run: &Path,
    shelf: &Shelf,
    cancel: &Cancel,
    report: &mut dyn FnMut(&str),
) -> Result<PreparedData, DataError> {
    let mut folder_of = |source: &Source, name: String, model: Option<&Path>| match &source.index {
        Some(index) => shelf.index(index, base),
        None => published(source, &name, model, base, run, shelf, cancel, report).map(Some),
    };
    let queries = folder_of(&set.queries, format!("{}-queries", set.name), None)?;
    let mut shots = Vec::new();
    for (at, model) in models.iter().enumerate() {
        let source = match &set.shots {
            Some(source) => source,
            None if set.queries.index.is_some() => &set.queries,
            // Published questions without a source of shots: the built-in examples.
            None => {
                shots.push(None);
                continue;
            }
        };
        // Vectors belong to one model, so every model has an index of its own.
        let name = match at {
            0 => format!("{}-shots", set.name),
            at => format!("{}-shots-{}", set.name, at + 1),
        };
        shots.push(folder_of(source, name, model.as_deref())?);
    }
    let mut items = items_of(
        &Index::open(queries.as_deref())?,
        &set.queries.conditions()?,
    )?;
    Rng::new(plan.seed).shuffle(&mut items);
    if plan.limit > 0 {
        items.truncate(plan.limit);
    }
    if !plan.rank_options {
        items.iter_mut().for_each(Item::hide_options);
    }
    if items.is_empty() {
        return Err(PlanError::Invalid(format!("{} has no questions", set.name)).into());
    }
    let shot_filter = match &set.shots {
        Some(source) => source.conditions()?,
        None if set.queries.index.is_some() => set.queries.conditions()?,
        None => Vec::new(),
    };
    let one_index = shots.first() == Some(&queries);
    let pool = Index::open(shots.first().and_then(|folder| folder.as_deref()))?;
    let mut pool = items_of(&pool, &shot_filter)?;
    if pool.is_empty() && Condition::all(plan).iter().any(|c| c.k > 0) {
        return Err(
            PlanError::Invalid(format!("{} has nothing to take shots from", set.name)).into(),
        );
    }
    if one_index {
        let asked: HashSet<&str> = items.iter().map(|item| item.example.id.as_str()).collect();
        pool.retain(|item| !asked.contains(item.example.id.as_str()));
    }
    Ok(PreparedData {
        name: set.name.clone(),
        majority: majority(&pool),
        shot_filter,
        one_index,
        queries,
        shots,
        items,
    })
}

/// The examples of an index that meet all conditions, as retrieval understands them.
pub(super) fn items_of(index: &Index, conditions: &[TagCondition]) -> Result<Vec<Item>, DataError> {
    let meets = |example: &Example, condition: &TagCondition| {
        let own = match condition.name.as_str() {
            "source" => vec![&example.source],
            "licence" => vec![&example.licence],
            "patient" => vec![&example.patient],
            "study" => vec![&example.study],
            name => {
                let tags = example.tags.iter().filter(|(tag, _)| tag == name);
                tags.map(|(_, value)| value).collect()
            }
        };
        let mut own = own.iter();
        own.any(|value| value.eq_ignore_ascii_case(&condition.value)) == condition.equal
    };
    let mut items = Vec::new();
    index.each_example(&mut |example| {
        let example = example?;
        if conditions
            .iter()
            .all(|condition| meets(&example, condition))
        {
            items.push(Item::of(example));
        }
        Ok(())
    })?;
    Ok(items)
}

/// The most frequent answer of every kind of question; equal counts go to the first in the alphabet.
fn majority(items: &[Item]) -> BTreeMap<String, String> {
    let mut counts: BTreeMap<String, BTreeMap<String, (usize, String)>> = BTreeMap::new();
    for item in items {
        for group in [item.group(), String::new()] {
            let answers = counts.entry(group).or_default();
            let answer = &item.example.answer;
            let slot = answers.entry(comparable(answer));
            slot.or_insert_with(|| (0, answer.clone())).0 += 1;
        }
    }
    let best = |answers: BTreeMap<String, (usize, String)>| {
        let mut best: Option<(usize, String)> = None;
        for (count, answer) in answers.into_values() {
            if best.as_ref().is_none_or(|(most, _)| count > *most) {
                best = Some((count, answer));
            }
        }
        best.map(|(_, answer)| answer)
    };
    let kinds = counts.into_iter();
    kinds
        .filter_map(|(kind, answers)| Some((kind, best(answers)?)))
        .collect()
}

/// Writes problems as a table with images, which is then imported like any other. Vignette and laboratory values stand before the
/// question, as in every prompt.
fn problems_table(
    problems: &Path,
    name: &str,
    base: &Path,
    run: &Path,
) -> Result<PathBuf, DataError> {
    let list = match problems == Path::new(rounds_assistant::SHIPPED) {
        true => problems::shipped_set()?,
        false => problems::read(&base.join(problems))?,
    };
    let folder = run.join("data").join(format!("{name}.problems"));
    files::create_private_dir(&folder)?;
    let mut table = String::new();
    for problem in list {
        let mut images = Vec::new();
        for (at, image) in problem.images.iter().enumerate() {
            let kept = image.name();
            let kept = format!("{}-{at}-{kept}", problem.id);
            files::write_atomic(&folder.join(&kept), &image.bytes()?)?;
            images.push(kept);
        }
        let row = serde_json::json!({
            "images": images,
            "question": problem.background.with_question(&problem.question),
            "answer": problem.answer,
            "rationale": problem.rationale,
            "source": problem.source,
            "study": problem.id,
            "category": problem.topic,
        });
        table.push_str(&format!("{row}\n"));
    }
    files::write_atomic(&folder.join("problems.jsonl"), table.as_bytes())?;
    Ok(folder)
}

/// The index of a published data set in the run's folder, imported if it is not there yet.
fn published(
    source: &Source,
    name: &str,
    model: Option<&Path>,
    base: &Path,
    run: &Path,
    shelf: &Shelf,
    cancel: &Cancel,
    report: &mut dyn FnMut(&str),
) -> Result<PathBuf, DataError> {
    let invalid = || PlanError::Invalid(format!("{name}: give `format` and `path`"));
    let (format, path) = match (&source.problems, source.format, &source.path) {
        (Some(problems), ..) => (Format::Folder, problems_table(problems, name, base, run)?),
        (None, Some(format), Some(path)) => (format, base.join(path)),
        _ => return Err(invalid().into()),
    };
    let folder = run.join("data").join(name);
    let done = run.join("data").join(format!("{name}.imported"));
    let made_from = format!("{source:?} in {}\n", base.display());
    match files::read_to_string(&done) {
        Ok(text) if text.starts_with(&made_from) => return Ok(folder),
        // Another source of an earlier plan, of which nothing was asked yet.
        Ok(_) => drop(rounds_index::library::delete(&folder)?),
        Err(_) => {}
    }
    files::create_private_dir(&run.join("data"))?;
    let failed = |error: ImportError| DataError::Import {
        name: name.to_string(),
        error,
    };
    if !rounds_index::library::is_index(&folder) {
        let (device, _) = device::open(&shelf.device).map_err(AssistantError::from)?;
        let encoders = Embedders::of_new_index(model, &device)?;
        rounds_index::create(&folder, encoders)?;
    }
    report(&format!("importing {name}"));
    let request = Import {
        index: folder.clone(),
        format,
        path,
        options: source.options(base)?,
        device: shelf.device.clone(),
    };
    let imported = import(
        &request,
        &shelf.indexes,
        &shelf.models,
        cancel,
        &mut |step| {
            if let ImportReport::Rows(rounds_index::ingest::Report::Progress(summary)) = step {
                let rows = summary.rows;
                report(&format!("importing {name}: {rows} rows"));
            }
        },
    )
    .map_err(failed)?;
    imported.ended.map_err(failed)?;
    let summary = imported.summary;
    if imported.examples == 0 {
        return Err(PlanError::Invalid(format!(
            "{name}: no row was imported ({} rejected, {} of another split or language)",
            summary.rejected, summary.filtered
        ))
        .into());
    }
    report(&format!(
        "{name}: {} examples, {} rejected, {} of another split",
        imported.examples, summary.rejected, summary.filtered
    ));
    let text = format!(
        "{made_from}examples = {}\nrejected = {}\nfiltered = {}\n",
        imported.examples, summary.rejected, summary.filtered
    );
    files::write_atomic(&done, text.as_bytes())?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(answer: &str, kind: &str) -> Item {
        Item::of(Example {
            answer: answer.into(),
            tags: vec![
                ("category".into(), kind.into()),
                ("choice".into(), "B: left lung".into()),
                ("answer_type".into(), "closed".into()),
            ],
            ..Example::default()
        })
    }

    #[test]
    fn an_items_type_and_options_are_in_its_tags() {
        let item = item("yes", "organ");
        assert!(item.closed && item.kind == "organ");
        assert_eq!(item.options, [("B".to_string(), "left lung".to_string())]);
    }

    #[test]
    fn the_majority_answer_is_one_for_each_type_and_ties_do_not_depend_on_order() {
        let answers = majority(&[
            item("No", "a"),
            item("yes", "a"),
            item("Yes.", "a"),
            item("left", "b"),
            item("right", "b"),
        ]);
        assert_eq!(answers["a closed"], "yes");
        assert_eq!(answers["b closed"], "left");
        assert_eq!(answers[""], "yes", "for types that it never saw");
    }

    #[test]
    fn a_question_without_its_options_ends_with_itself() {
        let mut item = item("left lung", "a");
        item.example.question = "Where is it? B: left lung".into();
        item.hide_options();
        assert_eq!(item.example.question, "Where is it?");
    }
}
