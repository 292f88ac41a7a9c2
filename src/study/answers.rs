//! The other answers of an index, which a typed answer is ranked among: those to questions of its kind.

use std::collections::{BTreeMap, HashMap};

use rounds_assistant::comparable;
use rounds_index::{Example, Index};
use rounds_study::card::{Card, Kind};
use rounds_support::Failure;

/// Examples that are read; of a larger index, some from everywhere in it.
const MAX_READ: usize = 10_000;
/// With fewer answers of its kind (20 others, the reference, and what was typed), an answer is ranked among all of the index.
const MIN_OF_KIND: usize = 22;

/// Answers as they are written, by their comparable form.
type Texts = BTreeMap<String, String>;

/// The answers of an index, each once, without yes, no and numbers: of these, rules know which exclude each other.
#[derive(Default)]
pub struct Answers {
    /// By topic and form of the answer.
    by_kind: HashMap<[String; 2], Texts>,
    all: Texts,
    /// What the labelled places show.
    labels: Texts,
}

/// What an answer is ranked among.
#[derive(Debug, PartialEq, Eq)]
pub struct Beside {
    pub answers: Vec<String>,
    /// Which answers these are: `of this kind`, `in the index`.
    pub which: &'static str,
}

impl Answers {
    /// Reads them.
    ///
    /// Errors if the index cannot be read.
    pub fn read(index: &Index) -> Result<Self, Failure> {
        let mut answers = Self::default();
        let step = index.rows().div_ceil(MAX_READ).max(1);
        for number in (0..index.rows()).step_by(step) {
            if let Some(example) = index.find_example(number)? {
                answers.add(&example);
            }
        }
        Ok(answers)
    }

    fn add(&mut self, example: &Example) {
        let boxes = example.tags.iter().filter(|(name, _)| name == "box");
        for (label, _) in boxes.filter_map(|(_, value)| value.rsplit_once(' ')) {
            put(&mut self.labels, label);
        }
        let kind = kind_of(&example.tags);
        if !kind[0].is_empty() {
            put(self.by_kind.entry(kind).or_default(), &example.answer);
        }
        put(&mut self.all, &example.answer);
    }

    /// What an answer to a card is ranked among; `None` where the card is not from an index, or its answer is yes, no or a
    /// number.
    pub fn beside(&self, card: &Card) -> Option<Beside> {
        if card.example.is_empty() || !is_ranked(&comparable(&card.answer)) {
            return None;
        }
        let of_kind = match card.kind {
            Kind::Occlusion => Some(&self.labels),
            _ => self.by_kind.get(&kind_of(&card.tags)),
        };
        let of_kind = of_kind.filter(|texts| texts.len() >= MIN_OF_KIND);
        let (texts, which) = match of_kind {
            Some(texts) => (texts, "of this kind"),
            None => (&self.all, "in the index"),
        };
        Some(Beside {
            answers: texts.values().cloned().collect(),
            which,
        })
    }
}

/// Topic and form of the answer, empty where they are not known.
fn kind_of(tags: &[(String, String)]) -> [String; 2] {
    ["topic", "answer-type"].map(|wanted| {
        let tag = tags.iter().find(|(name, _)| name == wanted);
        tag.map(|(_, value)| value.to_lowercase())
            .unwrap_or_default()
    })
}

fn is_ranked(plain: &str) -> bool {
    let has_letter = plain.chars().any(char::is_alphabetic);
    has_letter && !["yes", "no"].contains(&plain)
}

fn put(texts: &mut Texts, answer: &str) {
    let plain = comparable(answer);
    if is_ranked(&plain) {
        texts.entry(plain).or_insert_with(|| answer.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(topic: &str) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![pair("topic", topic), pair("answer-type", "open")]
    }

    fn card(kind: Kind, topic: &str, answer: &str) -> Card {
        Card {
            answer: answer.into(),
            tags: tags(topic),
            example: "e1".into(),
            ..super::super::tests::card(kind)
        }
    }

    /// Thirty findings, two sides, and twenty-five labelled places.
    fn answers() -> Answers {
        let mut answers = Answers::default();
        let mut add = |topic: &str, answer: String, label: Option<String>| {
            let mut tags = tags(topic);
            tags.extend(label.map(|label| ("box".to_owned(), format!("{label} 1,2,3,4"))));
            answers.add(&Example {
                answer,
                tags,
                ..Example::default()
            });
        };
        for at in 0..30 {
            let label = (at < 25).then(|| format!("part {at}"));
            add("finding", format!("Finding {at}"), label);
        }
        for answer in ["left", "Left.", "right", "yes", "No", "2", ""] {
            add("side", answer.into(), None);
        }
        answers
    }

    #[test]
    fn an_answer_is_ranked_among_those_of_its_kind_or_where_these_are_few_among_all() {
        let answers = answers();
        let of = |card: Card| answers.beside(&card).unwrap();
        let findings = of(card(Kind::Question, "Finding", "finding 3"));
        assert_eq!(
            (findings.answers.len(), findings.which),
            (30, "of this kind")
        );
        let sides = of(card(Kind::Question, "side", "left"));
        assert_eq!((sides.answers.len(), sides.which), (32, "in the index"));
        let places = of(card(Kind::Occlusion, "", "part 3"));
        assert_eq!((places.answers.len(), places.which), (25, "of this kind"));
    }

    #[test]
    fn yes_no_numbers_and_cards_that_are_from_no_index_are_not_ranked() {
        let answers = answers();
        for answer in ["Yes", "no", "2", "?"] {
            let card = card(Kind::Question, "finding", answer);
            assert_eq!(answers.beside(&card), None, "{answer}");
        }
        let imported = Card {
            example: String::new(),
            ..card(Kind::Question, "finding", "finding 3")
        };
        assert_eq!(answers.beside(&imported), None);
    }
}
