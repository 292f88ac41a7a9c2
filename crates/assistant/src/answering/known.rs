//! What is known about the sample cases.

use rounds_imaging::Image;
use serde::Deserialize;
use std::collections::BTreeSet;

use super::contradiction::ASKING_WORDS;
use super::{comparable, overlap, telling_words};

/// What is known about a sample case.
#[derive(Deserialize)]
pub struct KnownCase {
    file: String,
    sha256: String,
    known: Vec<KnownAnswer>,
}

impl KnownCase {
    /// The name of its file, without the extension.
    pub fn name(&self) -> &str {
        self.file
            .rsplit_once('.')
            .map_or(&self.file, |(name, _)| name)
    }

    /// The question to begin with.
    pub fn first_question(&self) -> Option<&str> {
        self.known.first().map(|known| known.question.as_str())
    }
}

/// The sample cases of which something is known, in the order in which to show them.
pub fn known_cases() -> Vec<KnownCase> {
    let file = rounds_support::shipped::file("assets/known-findings.json");
    file.and_then(|file| serde_json::from_slice(file).ok())
        .unwrap_or_default()
}

/// A question about a sample case and its true answer.
#[derive(Deserialize)]
struct KnownAnswer {
    question: String,
    answer: String,
}

/// What the annotators of a sample case stated, beside the model's `answer`; `None` for any other image.
pub(super) fn known_finding(images: &[Image], question: &str, answer: &str) -> Option<String> {
    let cases = known_cases();
    let hash = &images.last()?.source.sha256;
    let case = cases.into_iter().find(|case| case.sha256 == *hash)?;
    known_fact(&case.known, question, answer)
}

/// Words of questions about what is wrong with a patient.
const FINDING_WORDS: [&str; 15] = [
    "abnormal",
    "abnormalities",
    "abnormality",
    "cancer",
    "diagnosis",
    "disease",
    "diseases",
    "finding",
    "findings",
    "lesion",
    "mass",
    "nodule",
    "pathology",
    "tumor",
    "wrong",
];

/// Words that questions for a yes or no begin with.
const YES_OR_NO_WORDS: [&str; 10] = [
    "are", "can", "could", "did", "do", "does", "has", "have", "is", "was",
];

/// Whether two questions ask the same: they have the same telling words, and both ask for a yes or no or neither does.
fn asks_the_same(one: &str, other: &str) -> bool {
    let set = |question: &str| telling_words(question).into_iter().collect::<BTreeSet<_>>();
    let closed = |question: &str| {
        let plain = comparable(question);
        let first = plain.split(' ').next().unwrap_or_default();
        YES_OR_NO_WORDS.contains(&first)
    };
    let words = set(one);
    !words.is_empty() && words == set(other) && closed(one) == closed(other)
}

/// Words that ask where or what something is, and name nothing.
const OPEN_WORDS: [&str; 8] = [
    "kind", "lie", "lies", "main", "name", "part", "type", "where",
];

/// The words of a text that name something.
fn naming_words(text: &str) -> BTreeSet<String> {
    let words = telling_words(text).into_iter();
    words
        .filter(|word| {
            !ASKING_WORDS.contains(&word.as_str()) && !OPEN_WORDS.contains(&word.as_str())
        })
        .collect()
}

/// The known fact that is nearest to a question, with a verdict on `answer` only where the same was asked. Otherwise it is the fact that
/// shares most words with the question that name something; a question about what is wrong is told the finding. `None` if there is neither:
/// another fact would give away what was not asked.
fn known_fact(known: &[KnownAnswer], question: &str, answer: &str) -> Option<String> {
    if let Some(fact) = known
        .iter()
        .find(|fact| asks_the_same(question, &fact.question))
    {
        let verdict = match comparable(answer) {
            said if said.is_empty() => "",
            said if said == comparable(&fact.answer) => "; the answer is right",
            _ => "; the answer is wrong or says it differently",
        };
        return Some(format!(
            "known finding: {} {}{verdict}",
            fact.question, fact.answer
        ));
    }
    let asked = naming_words(question);
    // What a fact asks counts before what it answers.
    let shared = |fact: &KnownAnswer| {
        let count = |text: &str| naming_words(text).intersection(&asked).count();
        (count(&fact.question), count(&fact.answer))
    };
    let close = |fact: &KnownAnswer| {
        let share = overlap(question, &fact.question);
        if share >= 0.6 { share } else { 0.0 }
    };
    let nearest = known
        .iter()
        .filter(|fact| shared(fact) != (0, 0))
        // Of equals `max_by` takes the last one, and the first one is wanted.
        .rev()
        .max_by(|a, b| {
            let by_share = close(a).total_cmp(&close(b));
            by_share.then_with(|| shared(a).cmp(&shared(b)))
        });
    let asks_what_is_wrong = |question: &str| {
        let words = telling_words(question);
        words
            .iter()
            .any(|word| FINDING_WORDS.contains(&word.as_str()))
    };
    let finding = || {
        let mut facts = known.iter().filter(|_| asks_what_is_wrong(question));
        facts.find(|fact| asks_what_is_wrong(&fact.question))
    };
    let fact = nearest.or_else(finding)?;
    Some(format!(
        "known about this case: {} {}",
        fact.question, fact.answer
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(facts: &[(&str, &str)]) -> Vec<KnownAnswer> {
        let facts = facts.iter().map(|(question, answer)| KnownAnswer {
            question: (*question).into(),
            answer: (*answer).into(),
        });
        facts.collect()
    }

    #[test]
    fn an_answer_is_judged_only_where_the_same_was_asked() {
        let known = known(&[
            ("Which kind of scan is this?", "X-ray"),
            ("Can you see the lung here?", "Yes"),
            ("What does the heart do?", "Pumping blood"),
        ]);
        let told = |question: &str, answer: &str| known_fact(&known, question, answer).unwrap();
        assert_eq!(
            told("Do you see a lung?", "yes."),
            "known finding: Can you see the lung here? Yes; the answer is right"
        );
        assert_eq!(
            told("Can you see the lung here?", "No"),
            "known finding: Can you see the lung here? Yes; the answer is wrong or says it differently"
        );
        assert_eq!(
            told("Can you see the lung here?", ""),
            "known finding: Can you see the lung here? Yes"
        );
        assert_eq!(
            told("Can you see a lung tumor here?", "Yes"),
            "known about this case: Can you see the lung here? Yes"
        );
        assert_eq!(
            told("Is this the heart?", "Yes"),
            "known about this case: What does the heart do? Pumping blood"
        );
    }

    #[test]
    fn a_question_that_is_not_known_is_told_the_nearest_fact_or_else_the_finding() {
        let facts = known(&[
            ("Name the imaging method.", "CT"),
            ("What is abnormal, if anything?", "Lung cancer"),
            ("Where in the image is the lung cancer?", "Left"),
        ]);
        let told = |question: &str| known_fact(&facts, question, "Yes");
        assert_eq!(
            told("How large is the lung cancer of this old patient?").unwrap(),
            "known about this case: Where in the image is the lung cancer? Left"
        );
        assert_eq!(
            told("Is there any disease?").unwrap(),
            "known about this case: What is abnormal, if anything? Lung cancer"
        );
        assert_eq!(
            told("Was CT used?").unwrap(),
            "known about this case: Name the imaging method. CT"
        );
        // What was not asked is not given away.
        assert_eq!(told("Is contrast given?"), None);
        assert_eq!(told("Can you see the part where it lies?"), None);
        let without = known(&[("Name the imaging method.", "CT")]);
        assert_eq!(known_fact(&without, "Is there any disease?", "Yes"), None);
        assert_eq!(known_fact(&[], "Is there any disease?", "Yes"), None);
    }
}
