//! The two cases behind a card that compares images.

use rounds_assistant::comparable;
use rounds_index::{Example, Index, LookupBy};
use rounds_study::card::Card;
use rounds_support::Failure;

/// Two examples about which the same was asked.
#[derive(Debug)]
pub struct Pair {
    /// In the order of the card's images.
    pub shown: [Example; 2],
    /// The answer that the card asks for, and that of the other image.
    pub answers: [String; 2],
    /// Every example about these images, patients and studies: none of them may be a shot.
    pub excluded: Vec<String>,
}

impl Pair {
    /// The examples of a card; `None` where the index has changed since the card was made.
    ///
    /// Errors if the index cannot be read.
    pub fn of(index: &Index, card: &Card) -> Result<Option<Self>, Failure> {
        let own = index.by_id(&card.example)?;
        let mut shown = Vec::new();
        let mut other = None;
        for image in &card.images {
            if own.image().is_some_and(|own| own.sha256 == image.sha256) {
                shown.push(own.clone());
            } else if let Some(example) = differing(index, &own, &image.sha256)? {
                other = Some(example.answer.clone());
                shown.push(example);
            }
        }
        let (Ok(shown), Some(other)) = (<[Example; 2]>::try_from(shown), other) else {
            return Ok(None);
        };
        if shown.iter().all(|example| example.id != own.id) {
            return Ok(None);
        }
        Ok(Some(Self {
            excluded: related(index, &shown)?,
            answers: [own.answer, other],
            shown,
        }))
    }
}

/// The example about an image that asks the same as `own` and has another answer.
fn differing(index: &Index, own: &Example, sha256: &str) -> Result<Option<Example>, Failure> {
    for number in index.numbers_by(LookupBy::Image, sha256)? {
        let Some(example) = index.find_example(number)? else {
            continue;
        };
        let same = |one: &str, two: &str| comparable(one) == comparable(two);
        if same(&example.question, &own.question) && !same(&example.answer, &own.answer) {
            return Ok(Some(example));
        }
    }
    Ok(None)
}

/// The ids of all examples that share an image, a patient or a study with these.
fn related(index: &Index, shown: &[Example]) -> Result<Vec<String>, Failure> {
    let mut numbers = Vec::new();
    for example in shown {
        for image in &example.images {
            numbers.extend(index.numbers_by(LookupBy::Image, &image.sha256)?);
        }
        for (what, value) in [
            (LookupBy::Patient, &example.patient),
            (LookupBy::Study, &example.study),
        ] {
            if !value.is_empty() {
                numbers.extend(index.numbers_by(what, value)?);
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    let mut ids = Vec::new();
    for number in numbers {
        ids.extend(index.find_example(number)?.map(|example| example.id));
    }
    Ok(ids)
}
