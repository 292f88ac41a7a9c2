//! Makes a plan's data ready: published files become indexes in the run's folder, and every question an item.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::condition::Condition;
use super::own_shots;
use super::plan::{Data, Plan, PlanError};
use super::published_data::published;
use super::source::Source;
use super::templates::Templates;
use rounds_assistant::comparable;
use rounds_assistant::prompt::Template;
use rounds_assistant::retrieval::Condition as TagCondition;
use rounds_index::{Example, Index, IndexError};
use rounds_support::Cancel;
use rounds_support::errors::count;
use rounds_support::rng::Rng;

pub use super::data_error::DataError;

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
    /// Whether its questions have shots of their own, which are never retrieved.
    pub own_shots: bool,
    /// For every model, the template of its prompts; `None` for the bundle's own.
    pub templates: Vec<Option<Template>>,
    /// The questions, in the order in which they are asked.
    pub items: Vec<Item>,
    /// The most frequent answer of each kind of question among the shots, and of all of them under the empty name.
    pub majority: BTreeMap<String, String>,
}

impl PreparedData {
    /// The conditions under which its questions are asked.
    pub(super) fn conditions(&self, plan: &Plan) -> Vec<Condition> {
        Condition::of(plan, self.own_shots)
    }

    /// The most frequent answer to questions like this one.
    pub(super) fn majority_of(&self, item: &Item) -> Option<String> {
        let found = self.majority.get(&item.group());
        found.or(self.majority.get("")).cloned()
    }
}

/// A question with its true answer.
#[derive(Clone, Debug)]
pub struct Item {
    /// What identifies it in its data set: the example's id, or that of a problem with shots of its own.
    pub id: String,
    /// The example it was made from.
    pub example: Example,
    /// Worked examples of its own, in the order of the problem.
    pub own: Vec<Example>,
    /// Type of the question, as the data set states it; empty if it does not.
    pub kind: String,
    /// Whether it has a fixed set of answers.
    pub closed: bool,
    /// The options of a multiple-choice question: letter and text.
    pub options: Vec<(String, String)>,
}

impl Item {
    pub(super) fn of(example: Example) -> Self {
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
            id: example.id.clone(),
            own: Vec::new(),
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

/// Makes the data of `plan` ready in the folder `run`. Relative paths start at `base`. `templates` are those that the plan names. `report`
/// gets a line for every step.
///
/// # Errors
/// If files or models are missing or damaged, or it was cancelled; what is finished is kept and used by the next call.
pub fn prepare(
    plan: &Plan,
    templates: &Templates,
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
        let mut made = prepare_set(plan, set, &models, base, run, shelf, cancel, report)?;
        let of_models = plan.models.iter();
        made.templates = of_models
            .map(|model| templates.of(plan, set, model).cloned())
            .collect();
        data.push(made);
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
    let index = Index::open(queries.as_deref())?;
    let conditions = set.queries.conditions()?;
    let found = match set.queries.may_have_own_shots() {
        true => own_shots::items(&index, &conditions)?,
        false => None,
    };
    let own_shots = found.is_some();
    let incomplete = found.as_ref().map(|found| found.incomplete.clone());
    let mut items = match found {
        Some(found) => found.items,
        None => items_of(&index, &conditions)?,
    };
    if own_shots && set.shots.is_some() {
        return Err(PlanError::Invalid(format!(
            "{}: its problems have shots of their own; leave out `shots`",
            set.name
        ))
        .into());
    }
    let mut shots = Vec::new();
    for (at, model) in models.iter().enumerate() {
        let source = match &set.shots {
            Some(source) => source,
            None if set.queries.index.is_some() => &set.queries,
            // Nothing is searched for, so one index serves every model.
            None if own_shots => {
                shots.push(queries.clone());
                continue;
            }
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
    if let Some(incomplete) = incomplete.filter(|ids| !ids.is_empty()) {
        report(&format!(
            "{}: {} left out, of which an example could not be used: {}",
            set.name,
            count(incomplete.len(), "problem"),
            incomplete.join(", ")
        ));
    }
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
    if pool.is_empty() && Condition::of(plan, own_shots).iter().any(|c| c.shown() > 0) {
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
        templates: Vec::new(),
        shot_filter,
        one_index,
        own_shots,
        queries,
        shots,
        items,
    })
}

/// The examples of an index that meet all conditions, as retrieval understands them.
pub(super) fn items_of(index: &Index, conditions: &[TagCondition]) -> Result<Vec<Item>, DataError> {
    let mut items = Vec::new();
    index.each_example(&mut |example| {
        let example = example?;
        if meets(&example, conditions) {
            items.push(Item::of(example));
        }
        Ok(())
    })?;
    Ok(items)
}

/// Whether an example meets all conditions.
pub(super) fn meets(example: &Example, conditions: &[TagCondition]) -> bool {
    let meets = |condition: &TagCondition| {
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
    conditions.iter().all(meets)
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
