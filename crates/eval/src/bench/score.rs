//! The scores of one answer, by name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::record::Record;
use rounds_assistant::comparable;
use rounds_assistant::retrieval::Strategy;
use rounds_metrics::exact::{ExactRule, exact_match};
use rounds_metrics::overlap::word_overlap;

/// A score of one answer, from 0 to 1, but for CIDEr, whose scale is that of its paper (tables show 100 times each score, as papers do);
/// the mean over answers is what a table shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Metric(String);

impl Metric {
    /// Exact match under a rule.
    pub fn exact(rule: ExactRule) -> Self {
        Self(format!("exact-{}", rule.name()))
    }

    /// One of the other scores, by name.
    pub fn named(name: &str) -> Self {
        Self(name.to_string())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.0
    }
}

impl From<String> for Metric {
    fn from(name: String) -> Self {
        Self(rounds_support::sanitise::clean_line(&name))
    }
}

/// All scores of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Name and value.
    pub values: Vec<(Metric, f64)>,
}

/// What the scores of text against text are called, beside exact match.
pub(super) const F1: &str = "f1";

/// The scores of `answer` against the reference of a record.
fn of_text(answer: &str, record: &Record, rules: &[ExactRule]) -> Vec<(Metric, f64)> {
    let truth = |yes: bool| f64::from(u8::from(yes));
    let reference = record.reference.as_str();
    let mut values: Vec<(Metric, f64)> = rules
        .iter()
        .map(|rule| {
            let right = exact_match(*rule, answer, reference);
            (Metric::exact(*rule), truth(right))
        })
        .collect();
    let words = word_overlap(answer, reference);
    values.extend([
        (Metric::named(F1), words.f1),
        (Metric::named("precision"), words.precision),
        (Metric::named("recall"), words.recall),
    ]);
    values.extend(super::published::scores(answer, record));
    values
}

/// The scores of a record's own answer: those of its text, whether it repeats a shot, and the choice among options.
pub fn score(record: &Record, rules: &[ExactRule]) -> Scored {
    let mut values = of_text(&record.answer, record, rules);
    let said = comparable(&record.answer);
    let repeats =
        |answer: &str| f64::from(u8::from(!said.is_empty() && comparable(answer) == said));
    if !record.shots.is_empty() {
        let any = record.shots.iter().map(|shot| repeats(&shot.answer));
        values.push((Metric::named("repeats-a-shot"), any.fold(0.0, f64::max)));
    }
    if let Some(last) = record.last.and_then(|at| record.shots.get(at)) {
        values.push((Metric::named("repeats-the-last"), repeats(&last.answer)));
    }
    values.extend(super::published::choices(record));
    Scored { values }
}

/// What needs no model: the answer that the shots or the question's type alone give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The most frequent answer among the shots; equal counts go to the most similar, or of shots that a question comes with to the first, as
    /// in SMMILE's script.
    Vote,
    /// The answer of a shot at random: the mean over all of them.
    RandomShot,
    /// The answer of the most similar shot.
    NearestShot,
    /// The answer of the last shot in the prompt.
    LastShot,
    /// The most frequent answer to the same type of question among all examples.
    Majority,
}

impl Baseline {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 5] = [
        Self::Vote,
        Self::RandomShot,
        Self::NearestShot,
        Self::LastShot,
        Self::Majority,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vote => "vote of the shots",
            Self::RandomShot => "a random shot's answer",
            Self::NearestShot => "the nearest shot's answer",
            Self::LastShot => "the last shot's answer",
            Self::Majority => "majority answer of the type",
        }
    }

    /// Its scores on a record; `None` where it has nothing to say.
    pub(super) fn score(self, record: &Record, rules: &[ExactRule]) -> Option<Scored> {
        let shots = &record.shots;
        // A question that got no shots has no vote, which is a wrong answer and not a missing one.
        if shots.is_empty() && record.asked.k > 0 && self != Self::Majority {
            return Some(Scored {
                values: of_text("", record, rules),
            });
        }
        // Shots that a question comes with are not compared with it, and the first of them stands first in the prompt.
        let own = record.asked.strategy == Strategy::Fixed;
        let said = shots.iter().map(|shot| shot.answer.as_str());
        let answers: Vec<&str> = match self {
            Self::Vote if own => vec![vote(said.rev())?],
            Self::Vote => vec![vote(said)?],
            Self::NearestShot if own => return None,
            Self::RandomShot => shots.iter().map(|shot| shot.answer.as_str()).collect(),
            Self::NearestShot => vec![&shots.first()?.answer],
            Self::LastShot => vec![&shots.get(record.last?)?.answer],
            Self::Majority => vec![record.majority.as_deref()?],
        };
        // Some scores have no value for some answers, so each has a count of its own.
        let mut sums: BTreeMap<Metric, (f64, usize)> = BTreeMap::new();
        for answer in &answers {
            for (metric, value) in of_text(answer, record, rules) {
                let slot = sums.entry(metric).or_default();
                *slot = (slot.0 + value, slot.1 + 1);
            }
        }
        let mean = |(metric, (sum, n)): (Metric, (f64, usize))| (metric, sum / n as f64);
        Some(Scored {
            values: sums.into_iter().map(mean).collect(),
        })
    }
}

/// The most frequent answer; equal counts go to the first.
fn vote<'a>(answers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut votes: Vec<(String, &str, usize)> = Vec::new();
    for answer in answers {
        let key = comparable(answer);
        match votes.iter_mut().find(|(known, ..)| *known == key) {
            Some((_, _, count)) => *count += 1,
            None => votes.push((key, answer, 1)),
        }
    }
    let most = votes.iter().map(|(_, _, count)| *count).max()?;
    votes
        .iter()
        .find(|(_, _, count)| *count == most)
        .map(|(_, answer, _)| *answer)
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn value(scored: &Scored, name: &str) -> f64 {
        let mut values = scored.values.iter();
        let found = values.find(|(metric, _)| metric.name() == name);
        found.unwrap_or_else(|| panic!("no {name}")).1
    }

    #[test]
    fn an_answer_is_scored_and_its_copying_noticed() {
        let scored = score(
            &record("a", "Lung.", "lung"),
            &[ExactRule::Plain, ExactRule::Raw],
        );
        assert_eq!(value(&scored, "exact-plain"), 1.0);
        assert_eq!(value(&scored, "exact-raw"), 0.0);
        assert_eq!(value(&scored, "repeats-a-shot"), 1.0);
        assert_eq!(value(&scored, "repeats-the-last"), 1.0);
        let scored = score(&record("a", "heart", "lung"), &[ExactRule::Plain]);
        assert_eq!(value(&scored, "exact-plain"), 0.0);
        assert_eq!(value(&scored, "repeats-a-shot"), 1.0);
        assert_eq!(value(&scored, "repeats-the-last"), 0.0);
    }

    #[test]
    fn baselines_answer_without_the_model() {
        let record = record("a", "anything", "lung");
        let exact = |baseline: Baseline| {
            let scored = baseline.score(&record, &[ExactRule::Plain]).unwrap();
            value(&scored, "exact-plain")
        };
        assert_eq!(exact(Baseline::Vote), 1.0, "a tie goes to the nearest");
        assert_eq!(exact(Baseline::RandomShot), 0.5);
        assert_eq!(exact(Baseline::NearestShot), 1.0);
        assert_eq!(exact(Baseline::Majority), 1.0);
        let mut without = Record {
            shots: Vec::new(),
            last: None,
            ..record
        };
        let vote = |record: &Record| Baseline::Vote.score(record, &[ExactRule::Plain]);
        assert_eq!(value(&vote(&without).unwrap(), "exact-plain"), 0.0);
        without.asked.k = 0;
        assert!(vote(&without).is_none());
    }

    #[test]
    fn shots_that_a_question_comes_with_have_no_nearest_one_and_ties_go_to_the_first() {
        let mut asked = record("a", "anything", "heart");
        asked.asked.strategy = Strategy::Fixed;
        let rules = [ExactRule::Plain];
        let vote = Baseline::Vote.score(&asked, &rules).unwrap();
        assert_eq!(value(&vote, "exact-plain"), 1.0, "heart stands first");
        assert!(Baseline::NearestShot.score(&asked, &rules).is_none());
    }
}
