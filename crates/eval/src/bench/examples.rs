//! Answers of a run that a reader looks at, with their shots.

use serde::{Deserialize, Serialize};

use super::record::{Record, RecordedShot};
use super::results::{Group, label};
use rounds_metrics::exact::ExactRule;

/// Answers shown of each data set: wrong ones and right ones.
const SHOWN: [usize; 2] = [5, 2];

/// A wrong answer, to be looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The data set.
    pub dataset: String,
    /// The model.
    pub model: String,
    /// The condition.
    pub label: String,
    /// The question.
    pub question: String,
    /// The true answer.
    pub reference: String,
    /// What the model said.
    pub answer: String,
    /// Its images, as files in the run's folder.
    pub images: Vec<String>,
    /// The shots, in the order of the prompt.
    pub shots: Vec<ExampleShot>,
    /// Whether the answer is right.
    pub right: bool,
}

/// A shot of an answer that is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleShot {
    /// Id of the example.
    pub id: String,
    /// The answer that stood in the prompt.
    pub answer: String,
    /// Its images, as files in the run's folder, where they are kept.
    pub images: Vec<String>,
}

/// Whether an answer is right by the first rule.
pub(super) fn is_right(record: &Record, rules: &[ExactRule]) -> bool {
    let rule = rules.first().copied().unwrap_or(ExactRule::Plain);
    rounds_metrics::exact::exact_match(rule, &record.answer, &record.reference)
}

/// Some answers under the condition that controls change, wrong ones first.
pub(super) fn examples(wanted: &str, group: &Group, rules: &[ExactRule]) -> Vec<Example> {
    let mut shown = Vec::new();
    for (right, most) in [(false, SHOWN[0]), (true, SHOWN[1])] {
        let fitting = group.records.iter().filter(|record| {
            record.asked.control.is_none()
                && label(&record.asked) == wanted
                && is_right(record, rules) == right
        });
        shown.extend(fitting.take(most).map(|record| Example {
            dataset: group.dataset.into(),
            model: group.model.into(),
            label: label(&record.asked),
            question: record.question.clone(),
            reference: record.reference.clone(),
            answer: record.answer.clone(),
            images: record.images.clone(),
            shots: shown_shots(record),
            right,
        }));
    }
    shown
}

/// The shots of a record in the order of the prompt; of a record that does not tell it, most similar first.
fn shown_shots(record: &Record) -> Vec<ExampleShot> {
    let shot = |shot: &RecordedShot| ExampleShot {
        id: shot.id.clone(),
        answer: shot.answer.clone(),
        images: shot.images.clone(),
    };
    match record.prompt_order.is_empty() {
        true => record.shots.iter().map(shot).collect(),
        false => {
            let order = record.prompt_order.iter();
            order
                .filter_map(|at| record.shots.get(*at))
                .map(shot)
                .collect()
        }
    }
}
