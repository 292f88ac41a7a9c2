//! What an index knows beside a card: other questions about its image, and images that look like it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::exchanged::{Contrast, FollowUp, LookAlike, Picture};
use rounds_assistant::comparable;
use rounds_imaging::decode;
use rounds_index::{Example, ExampleImage, Filter, Index, LookupBy, Search};
use rounds_model::encoder::Descriptor;
use rounds_study::card::Card;
use rounds_support::Failure;

/// Cases shown beside a card.
const LOOK_ALIKES: usize = 3;
/// Nearest examples that are looked at; an index may have many questions about one image.
const MAX_NEAREST: usize = 3000;
/// What a learner who was wrong is asked first.
const BASICS: [&str; 3] = ["organ", "modality", "plane"];

/// Opens the index of a deck; `None` inside is the shipped one.
///
/// Errors if the deck is not from an index, or the index cannot be opened.
pub fn open(folder: Option<Option<&Path>>) -> Result<Index, Failure> {
    match folder {
        Some(folder) => Index::open(folder).map_err(Failure::from),
        None => Err(Failure::usage("this deck is not from an index")),
    }
}

/// What follows up on a wrong answer: another question about the image, else the same about a case that looks alike.
///
/// Errors if the index cannot be read.
pub fn follow_up(index: &Index, card: &Card) -> Result<Option<FollowUp>, Failure> {
    if let Some(found) = sibling(index, card)? {
        return Ok(Some(found));
    }
    let found = contrast(index, card)?;
    Ok(found.map(|found| FollowUp::Contrast(Box::new(found))))
}

/// Another question about the image of a card: one of the basics where there is one, else a short one.
fn sibling(index: &Index, card: &Card) -> Result<Option<FollowUp>, Failure> {
    let Some(image) = card.images.first() else {
        return Ok(None);
    };
    let asked = comparable(&card.question);
    let mut best: Option<((usize, usize, String), FollowUp)> = None;
    for number in index.numbers_by(LookupBy::Image, &image.sha256)? {
        let Some(example) = index.find_example(number)? else {
            continue;
        };
        let answer = comparable(&example.answer);
        let tells = ["yes", "no"].contains(&answer.as_str());
        if comparable(&example.question) == asked || tells || example.id == card.example {
            continue;
        }
        let topic = example.tag("topic").unwrap_or_default().to_lowercase();
        let basic = BASICS.iter().position(|basic| topic.contains(basic));
        let rank = (
            basic.unwrap_or(BASICS.len()),
            example.question.chars().count(),
            example.id,
        );
        if best.as_ref().is_none_or(|(known, _)| rank < *known) {
            let found = FollowUp::Sibling {
                question: example.question,
                answer: example.answer,
            };
            best = Some((rank, found));
        }
    }
    Ok(best.map(|(_, found)| found))
}

/// The same question about the nearest case that has another answer, where the card's own answer is not right too. `None` also
/// for cards that do not ask what their example asks, such as those about a place.
fn contrast(index: &Index, card: &Card) -> Result<Option<Contrast>, Failure> {
    if card.example.is_empty() {
        return Ok(None);
    }
    let own = index.by_id(&card.example)?;
    let same = |one: &str, two: &str| comparable(one) == comparable(two);
    if !same(&own.question, &card.question) || !same(&own.answer, &card.answer) {
        return Ok(None);
    }
    let mut nearest = Nearest::of(&own);
    for (number, similarity) in near(index, &own)? {
        let Some(example) = index.find_example(number)? else {
            continue;
        };
        let relation = nearest.relation(&own, &example);
        if !matches!(relation, Some(Relation::SameQuestion))
            || is_right_too(index, &example, &own.answer)?
        {
            continue;
        }
        let mut choices = [card.answer.clone(), example.answer.clone()];
        // Neither place is always right, and a card that comes again asks the same.
        if card
            .id
            .bytes()
            .next_back()
            .is_some_and(|byte| byte.is_multiple_of(2))
        {
            choices.swap(0, 1);
        }
        return Ok(Some(Contrast {
            case: look_alike(index, example, similarity),
            choices,
        }));
    }
    Ok(None)
}

/// Whether an answer can be right for the question and the image of an example, by what the index says about them.
fn is_right_too(index: &Index, example: &Example, answer: &str) -> Result<bool, Failure> {
    let Some(image) = example.image() else {
        return Ok(false);
    };
    let (question, answer) = (comparable(&example.question), comparable(answer));
    for number in index.numbers_by(LookupBy::Image, &image.sha256)? {
        let Some(other) = index.find_example(number)? else {
            continue;
        };
        if comparable(&other.question) == question && overlap(&comparable(&other.answer), &answer) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether all words of one text are in the other, as `left` is in `upper left`: then both can be right.
fn overlap(one: &str, two: &str) -> bool {
    let within = |one: &str, two: &str| {
        let words: Vec<&str> = two.split(' ').collect();
        one.split(' ').all(|word| words.contains(&word))
    };
    within(one, two) || within(two, one)
}

fn look_alike(index: &Index, example: Example, similarity: f32) -> LookAlike {
    LookAlike {
        picture: picture(index, example.image()),
        question: example.question,
        answer: example.answer,
        rationale: example.rationale,
        similarity,
    }
}

/// The nearest images, of other patients, for which the same question has another answer; where too few have the same
/// question, those with a question on the same topic.
///
/// Errors if the card is not from this index, or the index has no vectors or cannot be read.
pub fn look_alikes(index: &Index, card: &Card) -> Result<Vec<LookAlike>, Failure> {
    if card.example.is_empty() {
        return Err(Failure::usage("this card is not from an index"));
    }
    let own = index.by_id(&card.example)?;
    let mut nearest = Nearest::of(&own);
    let mut by_topic = Vec::new();
    let mut found = Vec::new();
    for (number, similarity) in near(index, &own)? {
        if found.len() == LOOK_ALIKES {
            break;
        }
        let Some(example) = index.find_example(number)? else {
            continue;
        };
        match nearest.relation(&own, &example) {
            Some(Relation::SameQuestion) => found.push((example, similarity)),
            Some(Relation::SameTopic) => by_topic.push((example, similarity)),
            None => {}
        }
    }
    for (example, similarity) in by_topic {
        if found.len() < LOOK_ALIKES && nearest.use_image(&example) {
            found.push((example, similarity));
        }
    }
    let case = |(example, similarity)| look_alike(index, example, similarity);
    Ok(found.into_iter().map(case).collect())
}

/// Examples by the similarity of their first image, nearest first.
fn near(index: &Index, own: &Example) -> Result<Vec<(usize, f32)>, Failure> {
    let encoders = index.encoders();
    let descriptor = encoders
        .iter()
        .find(|known| known.sha256 == Descriptor::id());
    let Some(encoder) = descriptor.or(encoders.first()) else {
        return Err(Failure::usage("the index has no vectors of its images")
            .hint("compute them with `rounds index embed`"));
    };
    let vectors = index.vectors(&encoder.sha256)?;
    let row = vectors
        .row(own.number)
        .map_err(rounds_index::IndexError::from)?;
    let Some(vector) = row else {
        return Err(Failure::usage(
            "the card's image has no vector in the index",
        ));
    };
    let wanted = index.rows().min(MAX_NEAREST);
    let rows = index.live_rows();
    let live = |row: usize| rows.has(row);
    let hits = index.nearest(
        &encoder.sha256,
        &vector,
        wanted,
        &Filter::Fn(&live),
        Search::Exact,
    )?;
    Ok(hits.into_iter().map(|hit| (hit.row, hit.score)).collect())
}

enum Relation {
    SameQuestion,
    SameTopic,
}

/// What was seen on the way from near to far.
struct Nearest {
    question: String,
    answer: String,
    images: HashSet<String>,
}

impl Nearest {
    fn of(own: &Example) -> Self {
        Self {
            question: comparable(&own.question),
            answer: comparable(&own.answer),
            images: own
                .images
                .iter()
                .map(|image| image.sha256.clone())
                .collect(),
        }
    }

    /// How an example is related; `None` if it is of no use here.
    fn relation(&mut self, own: &Example, other: &Example) -> Option<Relation> {
        let same = |one: &str, two: &str| !one.is_empty() && one == two;
        let image = other.image()?;
        if self.images.contains(&image.sha256)
            || same(&own.patient, &other.patient)
            || same(&own.study, &other.study)
            || comparable(&other.answer) == self.answer
        {
            return None;
        }
        if comparable(&other.question) == self.question {
            self.use_image(other);
            return Some(Relation::SameQuestion);
        }
        let tag = |name| own.tag(name).is_some() && own.tag(name) == other.tag(name);
        (tag("topic") && tag("answer-type")).then_some(Relation::SameTopic)
    }

    /// Uses the image of an example; false if it was used.
    fn use_image(&mut self, example: &Example) -> bool {
        let image = example.image();
        image.is_some_and(|image| self.images.insert(image.sha256.clone()))
    }
}

fn picture(index: &Index, image: Option<&ExampleImage>) -> Result<Picture, String> {
    let image = image.ok_or("the example has no image")?;
    let bytes = index.image(image).map_err(|error| error.to_string())?;
    let decoded = decode(&bytes, "image").map_err(|error| error.to_string())?;
    Ok(Picture {
        id: image.sha256.clone(),
        image: Arc::new(decoded),
    })
}
