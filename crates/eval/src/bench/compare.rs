//! Whether two runs, or two conditions of one run, differ: question by question.

use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

use super::record::Record;
use super::results::label;
use super::score::{F1, Metric, score};
use rounds_metrics::exact::ExactRule;
use rounds_metrics::paired::{mcnemar, paired_difference};

/// Which answers of a file are compared.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this model.
    pub model: Option<String>,
    /// Only this condition, without a trial.
    pub condition: Option<String>,
}

impl Selection {
    fn takes(&self, record: &Record) -> bool {
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        record.error.is_none()
            && fits(&self.model, &record.model)
            && fits(&self.condition, &label(&record.asked))
    }
}

/// The difference of two lists of answers on one data set: the first minus the second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The data set.
    pub dataset: String,
    /// The models; equal unless two were named.
    pub models: [String; 2],
    /// The conditions; equal unless two were named.
    pub conditions: [String; 2],
    /// The score.
    pub metric: String,
    /// Answers that both have, over all trials.
    pub n: usize,
    /// Their means.
    pub means: [f64; 2],
    /// The difference of the means.
    pub difference: f64,
    /// Its 95 % bootstrap interval, over images.
    pub interval: [f64; 2],
    /// Two-sided p-value of the bootstrap.
    pub p: f64,
    /// For exact match: questions that only the first got right, only the second, and McNemar's exact p-value, of the first trial alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcnemar: Option<(usize, usize, f64)>,
}

/// Compares answers to the same questions. Conditions are matched by name, unless each selection names one.
pub fn compare(
    first: &[Record],
    second: &[Record],
    selections: [&Selection; 2],
    rule: ExactRule,
    resamples: usize,
    seed: u64,
) -> Vec<Comparison> {
    let named =
        |of: fn(&Selection) -> &Option<String>| selections.iter().all(|one| of(one).is_some());
    let (condition_named, model_named) = (named(|s| &s.condition), named(|s| &s.model));
    type Pairs<'a> = BTreeMap<(String, [String; 2], [String; 2]), Vec<(&'a Record, &'a Record)>>;
    let mut pairs: Pairs = BTreeMap::new();
    type Question = (String, String, usize, Option<String>, Option<String>);
    let question = |record: &Record| -> Question {
        (
            record.dataset.clone(),
            record.item.clone(),
            record.asked.trial,
            (!condition_named).then(|| label(&record.asked)),
            (!model_named).then(|| record.model.clone()),
        )
    };
    let mut others: HashMap<Question, &Record> = HashMap::new();
    for record in second.iter().filter(|record| selections[1].takes(record)) {
        others.entry(question(record)).or_insert(record);
    }
    for record in first.iter().filter(|record| selections[0].takes(record)) {
        if let Some(other) = others.remove(&question(record)) {
            let conditions = [label(&record.asked), label(&other.asked)];
            let models = [record.model.clone(), other.model.clone()];
            let key = (record.dataset.clone(), models, conditions);
            pairs.entry(key).or_default().push((record, other));
        }
    }
    let mut all = Vec::new();
    for ((dataset, models, conditions), pairs) in pairs {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let clusters: Vec<usize> = pairs
            .iter()
            .map(|(record, _)| {
                let next = numbers.len();
                let image = record.images.first().unwrap_or(&record.item).as_str();
                *numbers.entry(image).or_insert(next)
            })
            .collect();
        for metric in [Metric::exact(rule), Metric::named(F1)] {
            let value = |record: &Record| {
                let scored = score(record, &[rule]).values;
                let found = scored.into_iter().find(|(name, _)| *name == metric);
                found.map_or(0.0, |(_, value)| value)
            };
            let a: Vec<f64> = pairs.iter().map(|(record, _)| value(record)).collect();
            let b: Vec<f64> = pairs.iter().map(|(_, record)| value(record)).collect();
            let Some(found) = paired_difference(&a, &b, Some(&clusters), resamples, seed) else {
                continue;
            };
            // Further trials of a question are no independent questions.
            let right = |values: &[f64]| -> Vec<bool> {
                let of_first = values.iter().zip(&pairs);
                of_first
                    .filter(|(_, (record, _))| record.asked.trial == 0)
                    .map(|(value, _)| *value == 1.0)
                    .collect()
            };
            let test = (metric == Metric::exact(rule))
                .then(|| mcnemar(&right(&a), &right(&b)))
                .flatten();
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
            all.push(Comparison {
                dataset: dataset.clone(),
                models: models.clone(),
                conditions: conditions.clone(),
                metric: metric.name().into(),
                n: pairs.len(),
                means: [mean(&a), mean(&b)],
                difference: found.difference,
                interval: [found.low, found.high],
                p: found.p,
                mcnemar: test.map(|test| (test.only_first, test.only_second, test.p)),
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn answers_to_the_same_questions_are_compared() {
        let first: Vec<Record> = (0..20)
            .map(|at| record(&at.to_string(), "lung", "lung"))
            .collect();
        let second: Vec<Record> = (5..25)
            .map(|at| {
                let answer = if at < 17 { "heart" } else { "lung" };
                record(&at.to_string(), answer, "lung")
            })
            .collect();
        let any = Selection::default();
        let found = compare(&first, &second, [&any, &any], ExactRule::Plain, 1000, 0);
        let exact = &found[0];
        assert_eq!((exact.n, exact.means), (15, [1.0, 0.2]));
        let (only_first, only_second, p) = exact.mcnemar.unwrap();
        assert_eq!((only_first, only_second), (12, 0));
        assert!((p - 2.0 * 0.5f64.powi(12)).abs() < 1e-12 && exact.p < 0.01);
    }

    #[test]
    fn two_conditions_of_one_run_can_be_compared_by_name() {
        let mut none = record("1", "heart", "lung");
        none.asked.k = 0;
        let records = [record("1", "lung", "lung"), none];
        let of = |condition: &str| Selection {
            condition: Some(condition.into()),
            model: None,
        };
        let (with, without) = (of("k=2 image similar-last"), of("k=0"));
        let found = compare(
            &records,
            &records,
            [&with, &without],
            ExactRule::Plain,
            200,
            0,
        );
        assert_eq!((found[0].n, found[0].difference), (1, 1.0));
        assert!(
            compare(
                &records,
                &records,
                [&with, &of("k=9")],
                ExactRule::Plain,
                200,
                0
            )
            .is_empty()
        );
    }
}
