//! Multiple choice: wrong answers are right answers to the same question elsewhere.

use std::collections::HashMap;

use rounds_index::Example;
use rounds_metrics::text::normalised;

use super::source::{Answer, DeckSource, answers, drawn, is_yes_or_no, overlap};
use super::{card_of, plain};
use crate::card::{Card, Kind};

/// Answers to choose from, the right one among them.
const CHOICES: usize = 4;

/// By what questions are alike, from most to least: wording, and beginning with topic, both for the same organ; the two for
/// any organ; topic.
type Likeness = [String; LEVELS];
const LEVELS: usize = 5;

impl DeckSource {
    /// A choice for every example for whose question there is another answer in the index.
    pub(super) fn choices(&self) -> Vec<Card> {
        let likenesses: Vec<Likeness> = self.examples.iter().map(likeness).collect();
        let mut alike: [HashMap<&str, Vec<&Example>>; LEVELS] = Default::default();
        for (example, likeness) in self.examples.iter().zip(&likenesses) {
            for (level, key) in alike.iter_mut().zip(likeness) {
                level.entry(key).or_default().push(example);
            }
        }
        let alike = alike.map(|level| {
            let distinct = |(key, examples): (_, Vec<_>)| (key, answers(examples.into_iter()));
            level
                .into_iter()
                .map(distinct)
                .collect::<HashMap<&str, Vec<Answer>>>()
        });
        let right_here = self.right_answers(&likenesses);
        let cards = self.chosen().iter().zip(&likenesses);
        let cards = cards.filter_map(|(example, likeness)| {
            let mut card = card_of(example, Kind::Choice);
            if is_yes_or_no(&card.answer) {
                card.choices = yes_and_no(&card.answer);
                return Some(card);
            }
            let image = example.images.first()?.sha256.as_str();
            let [.., topic] = likeness;
            let mut right = right_here.get(&(image, topic.as_str())).cloned();
            let right = right.get_or_insert_default();
            let places = self.places_of(example).iter();
            right.extend(places.map(|place| place.region.label.as_str()));
            let levels = alike.iter().zip(likeness);
            let levels = levels.map(|(level, key)| {
                let answers = level.get(key.as_str()).map(Vec::as_slice);
                answers.unwrap_or_default()
            });
            let wrong = self.wrong_answers(&card, levels, right);
            (!wrong.is_empty()).then(|| {
                card.choices = wrong;
                card.choices.push(card.answer.clone());
                self.luck(&card.id).fork(1).shuffle(&mut card.choices);
                card
            })
        });
        cards.collect()
    }

    /// The answers to questions of a topic about an image, by both.
    fn right_answers<'a>(
        &'a self,
        likenesses: &'a [Likeness],
    ) -> HashMap<(&'a str, &'a str), Vec<&'a str>> {
        let mut right: HashMap<_, Vec<&str>> = HashMap::new();
        for (example, [.., topic]) in self.examples.iter().zip(likenesses) {
            for image in &example.images {
                let key = (image.sha256.as_str(), topic.as_str());
                right.entry(key).or_default().push(&example.answer);
            }
        }
        right
    }

    /// Up to three wrong answers, from the questions most alike. Those with only the topic in common count if there is no
    /// other.
    fn wrong_answers<'a>(
        &self,
        card: &Card,
        levels: impl Iterator<Item = &'a [Answer<'a>]>,
        right: &[&str],
    ) -> Vec<String> {
        let mut taken: Vec<String> = right.iter().map(|right| normalised(right)).collect();
        taken.push(normalised(&card.answer));
        let mut wrong: Vec<String> = Vec::new();
        for (number, answers) in levels.enumerate() {
            if number + 1 == LEVELS && !wrong.is_empty() {
                break;
            }
            let order = drawn(answers.len(), &mut self.luck(&card.id));
            for answer in order.into_iter().filter_map(|at| answers.get(at)) {
                if wrong.len() + 1 >= CHOICES {
                    return wrong;
                }
                let is_taken = taken.iter().any(|other| overlap(&answer.plain, other));
                if !is_taken && !is_yes_or_no(answer.text) {
                    wrong.push(answer.text.to_owned());
                    taken.push(answer.plain.clone());
                }
            }
        }
        wrong
    }
}

fn likeness(example: &Example) -> Likeness {
    let question = normalised(&plain(&example.question));
    let beginning: Vec<&str> = question.split(' ').take(2).collect();
    let topic = example.tag("topic").unwrap_or_default();
    let form = example.tag("answer-type").unwrap_or_default();
    let organ = example.tag("organ").unwrap_or_default();
    let beginning = format!("{}|{topic}|{form}", beginning.join(" "));
    [
        format!("{question}|{organ}"),
        format!("{beginning}|{organ}"),
        question,
        beginning,
        format!("{topic}|{form}"),
    ]
}

/// Yes and no, written as the answer is.
fn yes_and_no(answer: &str) -> Vec<String> {
    let is_upper = answer.starts_with(|first: char| first.is_uppercase());
    let both = if is_upper {
        ["Yes", "No"]
    } else {
        ["yes", "no"]
    };
    let is_yes = normalised(answer) == "yes";
    let as_written = |(text, this): (&str, bool)| match this {
        true => answer.to_owned(),
        false => text.to_owned(),
    };
    both.into_iter()
        .zip([is_yes, !is_yes])
        .map(as_written)
        .collect()
}
