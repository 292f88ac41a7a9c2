//! The numbers of a run, made from its answers alone: every condition, control and baseline, with intervals over images.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

use super::condition::Condition;
use super::examples::{Example, examples, is_right};
use super::plan::Plan;
use super::record::Record;
use super::score::{Baseline, F1, Metric, Scored, score};
use rounds_metrics::bootstrap::intervals;
use rounds_metrics::calibration::calibration;
use rounds_metrics::exact::ExactRule;
use rounds_support::INTENDED_USE;

/// A mean with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One row of the results: a condition or baseline on a part of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The data set.
    pub dataset: String,
    /// The model.
    pub model: String,
    /// The condition, or the baseline's name with its number of shots.
    pub label: String,
    /// Whether it is a control or a baseline, not a way of answering.
    pub control: bool,
    /// Number of shots.
    pub k: usize,
    /// `all`, `closed`, `open`, `type …`, or `no near-duplicates`.
    pub part: String,
    /// Number of answers, over all trials.
    pub n: usize,
    /// The scores, by name.
    pub measures: BTreeMap<String, Measure>,
}

/// How well confidences fit, under one condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The data set.
    pub dataset: String,
    /// The model.
    pub model: String,
    /// The condition.
    pub label: String,
    /// Number of answers with a confidence.
    pub n: usize,
    /// Expected calibration error in ten bins.
    pub ece: f64,
    /// Mean squared difference of confidence and truth.
    pub brier: f64,
    /// Share of answers stated without reservation, and how many of these are right.
    pub stated: [f64; 2],
    /// Bins: mean confidence, share right, number of answers.
    pub bins: Vec<(f64, f64, usize)>,
}

/// The numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What the numbers may be used for.
    pub intended_use: String,
    /// Name of the plan.
    pub name: String,
    /// What it measures.
    pub about: String,
    /// Version of the program.
    pub version: String,
    /// The condition that controls change: what plots show where they show one. See [`Results::reference_of`].
    pub reference: String,
    /// The score that tables show.
    pub main: String,
    /// The rule of that score, in words.
    pub rule: String,
    /// All rows.
    pub cells: Vec<Cell>,
    /// Fit of the confidences.
    pub calibration: Vec<Calibration>,
    /// Some wrong and some right answers of each data set.
    pub examples: Vec<Example>,
    /// Questions that failed.
    pub failed: usize,
}

impl Results {
    /// Scores the answers of a run of `plan`.
    pub fn of(plan: &Plan, records: &[Record]) -> Self {
        let rules = &plan.exact;
        let main = rules.first().copied().unwrap_or(ExactRule::Plain);
        let mut results = Self {
            intended_use: INTENDED_USE.into(),
            name: rounds_support::sanitise::clean_line(&plan.name),
            about: rounds_support::sanitise::clean_line(&plan.about),
            version: env!("CARGO_PKG_VERSION").into(),
            reference: reference(plan, records),
            main: Metric::exact(main).name().into(),
            rule: main.description().into(),
            cells: Vec::new(),
            calibration: Vec::new(),
            examples: Vec::new(),
            failed: records.iter().filter(|r| r.error.is_some()).count(),
        };
        for group in groups(records) {
            results.add(plan, &group, rules);
        }
        results
    }

    /// The rows of a data set and model.
    fn add(&mut self, plan: &Plan, group: &Group, rules: &[ExactRule]) {
        let repeated: HashSet<&str> = group
            .records
            .iter()
            .filter(|record| record.shown_by > 0)
            .map(|record| record.item.as_str())
            .collect();
        let mut shown_majority = false;
        for (label, records) in by_label(&group.records) {
            let asked = &records[0].asked;
            let mut scored: Vec<(&Record, Scored)> = records
                .iter()
                .map(|record| (*record, score(record, rules)))
                .collect();
            let answers: Vec<(&str, &Record)> = records
                .iter()
                .map(|record| (record.answer.as_str(), *record))
                .collect();
            for (metric, values) in super::published::of_all(&answers) {
                for ((_, scored), value) in scored.iter_mut().zip(values) {
                    scored.values.push((metric.clone(), value));
                }
            }
            let row = Row {
                group,
                label: &label,
                control: asked.control.is_some(),
                k: asked.k,
                repeated: &repeated,
                plan,
            };
            self.cells.extend(row.cells(&scored));
            if asked.control.is_none() {
                self.calibration.extend(fit(group, &label, &records, rules));
            }
            let mut baseline = |baseline: Baseline, label: String| {
                let scored: Vec<(&Record, Scored)> = records
                    .iter()
                    .filter_map(|record| Some((*record, baseline.score(record, rules)?)))
                    .collect();
                let row = Row {
                    label: &label,
                    control: true,
                    ..row
                };
                self.cells.extend(row.cells(&scored));
            };
            if asked.control.is_none() {
                for one in Baseline::ALL {
                    match one {
                        Baseline::Majority if shown_majority => {}
                        Baseline::Majority => baseline(one, one.name().into()),
                        _ if asked.k > 0 => baseline(one, format!("{}, {label}", one.name())),
                        _ => {}
                    }
                }
                shown_majority = true;
            }
        }
        let reference = self.reference_of(group.dataset, group.model);
        let shown = examples(reference, group, rules);
        self.examples.extend(shown);
    }

    /// The row of a condition or baseline on a part; `None` if there is none.
    pub fn cell(&self, dataset: &str, model: &str, label: &str, part: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| {
            cell.dataset == dataset
                && cell.model == model
                && cell.label == label
                && cell.part == part
        })
    }

    /// The condition that stands for a data set where one is shown: the one that controls change, or where there is none of its name (questions
    /// with shots of their own are asked in another way) the first one with the most shots.
    pub fn reference_of(&self, dataset: &str, model: &str) -> &str {
        let mut found: Option<&Cell> = None;
        for cell in &self.cells {
            if cell.dataset != dataset || cell.model != model || cell.control {
                continue;
            }
            if cell.label == self.reference {
                return &self.reference;
            }
            if found.is_none_or(|best| cell.k > best.k) {
                found = Some(cell);
            }
        }
        found.map_or("", |cell| cell.label.as_str())
    }

    /// The data sets, in the order of the rows.
    pub fn datasets(&self) -> Vec<&str> {
        distinct(self.cells.iter().map(|cell| cell.dataset.as_str()))
    }

    /// The models, in the order of the rows.
    pub fn models(&self) -> Vec<&str> {
        distinct(self.cells.iter().map(|cell| cell.model.as_str()))
    }

    /// The labels of conditions, then those of controls and baselines.
    pub fn labels(&self) -> Vec<&str> {
        let of = |control: bool| {
            let cells = self
                .cells
                .iter()
                .filter(move |cell| cell.control == control);
            cells.map(|cell| cell.label.as_str())
        };
        distinct(of(false).chain(of(true)))
    }
}

/// The label of the condition that controls change, or else of the one with the most shots.
fn reference(plan: &Plan, records: &[Record]) -> String {
    let (k, strategy, order) = plan.controlled();
    let plain = records.iter().filter(|r| r.asked.control.is_none());
    let wanted = plain
        .clone()
        .find(|r| (r.asked.k, r.asked.strategy, r.asked.order) == (k, strategy, order));
    let found = wanted.or(plain.max_by_key(|r| r.asked.k));
    found.map_or_else(String::new, |record| label(&record.asked))
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

/// The answers of one model on one data set.
pub(super) struct Group<'a> {
    pub dataset: &'a str,
    pub model: &'a str,
    pub records: Vec<&'a Record>,
}

fn groups(records: &[Record]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for record in records.iter().filter(|record| record.error.is_none()) {
        let known = groups
            .iter_mut()
            .find(|group| group.dataset == record.dataset && group.model == record.model);
        match known {
            Some(group) => group.records.push(record),
            None => groups.push(Group {
                dataset: &record.dataset,
                model: &record.model,
                records: vec![record],
            }),
        }
    }
    groups
}

/// A condition's name without its trial: trials are pooled.
pub(super) fn label(asked: &Condition) -> String {
    let pooled = Condition {
        trial: 0,
        ..asked.clone()
    };
    pooled.id()
}

fn by_label<'a>(records: &[&'a Record]) -> Vec<(String, Vec<&'a Record>)> {
    let mut by: Vec<(String, Vec<&Record>)> = Vec::new();
    for record in records {
        let label = label(&record.asked);
        match by.iter_mut().find(|(known, _)| *known == label) {
            Some((_, list)) => list.push(record),
            None => by.push((label, vec![record])),
        }
    }
    by
}

/// What the cells of one condition have in common.
#[derive(Clone, Copy)]
struct Row<'a> {
    group: &'a Group<'a>,
    label: &'a str,
    control: bool,
    k: usize,
    /// Questions whose image is shown by an example.
    repeated: &'a HashSet<&'a str>,
    plan: &'a Plan,
}

impl Row<'_> {
    fn cells(&self, scored: &[(&Record, Scored)]) -> Vec<Cell> {
        let mut parts: BTreeMap<(usize, String), Vec<&(&Record, Scored)>> = BTreeMap::new();
        for one in scored {
            let record = one.0;
            let closed = if record.closed { "closed" } else { "open" };
            let mut of = vec![(0, "all".to_string()), (1, closed.to_string())];
            if !record.kind.is_empty() {
                of.push((2, format!("type {}", record.kind)));
            }
            if !self.repeated.is_empty() && !self.repeated.contains(record.item.as_str()) {
                of.push((3, "no near-duplicates".to_string()));
            }
            for part in of {
                parts.entry(part).or_default().push(one);
            }
        }
        let cells = parts.into_iter();
        cells
            .map(|((rank, part), scored)| Cell {
                dataset: self.group.dataset.into(),
                model: self.group.model.into(),
                label: self.label.into(),
                control: self.control,
                k: self.k,
                part,
                n: scored.len(),
                measures: self.measures(&scored, rank == 0),
            })
            .collect()
    }

    /// The means with their intervals; of a part only those of exact match and F1, as a plan can have very many parts.
    fn measures(&self, scored: &[&(&Record, Scored)], all: bool) -> BTreeMap<String, Measure> {
        // Questions about one image are not independent.
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut values: BTreeMap<&str, (Vec<f64>, Vec<usize>)> = BTreeMap::new();
        for (record, scored) in scored {
            let image = record.images.first().unwrap_or(&record.item).as_str();
            let next = numbers.len();
            let cluster = *numbers.entry(image).or_insert(next);
            let values_of = scored.values.iter();
            let shown = |(metric, _): &&(Metric, f64)| {
                all || metric.name().starts_with("exact-") || metric.name() == F1
            };
            for (metric, value) in values_of.filter(shown) {
                let list = values.entry(metric.name()).or_default();
                list.0.push(*value);
                list.1.push(cluster);
            }
        }
        // Scores of the same answers are resampled together; some scores have no value for some answers.
        let mut together: BTreeMap<Vec<usize>, Vec<(&str, Vec<f64>)>> = BTreeMap::new();
        for (name, (values, clusters)) in values {
            let group = together.entry(clusters).or_default();
            group.push((name, values));
        }
        let (resamples, seed) = (self.plan.resamples, self.plan.seed);
        let mut measures = BTreeMap::new();
        for (clusters, scores) in together {
            let columns: Vec<&[f64]> = scores.iter().map(|(_, values)| values.as_slice()).collect();
            let found = intervals(&columns, Some(&clusters), resamples, seed);
            for ((name, _), found) in scores.iter().zip(found) {
                let measure = found.map(|found| Measure {
                    mean: found.mean,
                    low: found.low,
                    high: found.high,
                });
                measures.extend(measure.map(|measure| (name.to_string(), measure)));
            }
        }
        measures
    }
}

/// How well the confidences of a condition fit; `None` where there are none.
fn fit(
    group: &Group,
    label: &str,
    records: &[&Record],
    rules: &[ExactRule],
) -> Option<Calibration> {
    let stated: Vec<(&&Record, f64)> = records
        .iter()
        .filter_map(|record| Some((record, f64::from(record.confidence?))))
        .collect();
    let confidences: Vec<f64> = stated.iter().map(|(_, confidence)| *confidence).collect();
    let right: Vec<bool> = stated.iter().map(|(r, _)| is_right(r, rules)).collect();
    let found = calibration(&confidences, &right, 10)?;
    let bold: Vec<bool> = stated
        .iter()
        .zip(&right)
        .filter(|((record, _), _)| record.sure == Some(true))
        .map(|(_, right)| *right)
        .collect();
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    let kept = bold.iter().filter(|right| **right).count();
    Some(Calibration {
        dataset: group.dataset.into(),
        model: group.model.into(),
        label: label.into(),
        n: stated.len(),
        ece: found.ece,
        brier: found.brier,
        stated: [share(bold.len(), records.len()), share(kept, bold.len())],
        bins: found
            .bins
            .iter()
            .filter_map(|bin| Some((bin.confidence?, bin.accuracy?, bin.count)))
            .collect(),
    })
}

#[cfg(test)]
#[path = "results_tests.rs"]
mod tests;
