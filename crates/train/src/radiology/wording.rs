//! The test whether a question is of a kind that the model was trained on, by its words.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use super::RadiologyError;
use super::data::{RadiologyData, Split};
use super::episodes::BINDING_QUESTIONS;
use super::several::questions_about_two;
use rounds_assistant::{marking_words, unknown_of};
use rounds_model::bundle::{Manifest, QuestionTest};
use rounds_support::{files, stderr_line};

/// Name of the file in a bundle.
const FILE: &str = "words.txt";
/// A question is answered if at least this share of its marking words is known. Half of them: at two thirds, a quarter of VQA-RAD's free
/// questions would be refused; at half, a few in a hundred, and what has nothing to do with images is refused all the same.
const KNOWN: f32 = 0.5;

/// Writes the words of the training questions to the bundle in `folder` and lists the file in `manifest`.
pub(super) fn write(
    data: &RadiologyData,
    manifest: &mut Manifest,
    folder: &Path,
) -> Result<QuestionTest, RadiologyError> {
    let mut all: Vec<&str> = Vec::new();
    for at in data.questions_of(Split::Train) {
        all.push(&data.questions[at].question);
    }
    all.extend(data.worked.iter().map(|worked| worked.question.as_str()));
    all.extend(BINDING_QUESTIONS);
    all.extend(questions_about_two());
    let words: BTreeSet<String> = all.into_iter().flat_map(marking_words).collect();
    let known: HashSet<&str> = words.iter().map(String::as_str).collect();
    for split in [Split::Tune, Split::Report] {
        let asked = data.questions_of(split);
        let refused = |set| {
            let of_set = asked.iter().map(|&at| &data.questions[at]);
            let of_set = of_set.filter(|of| data.images[of.image].set == set);
            let shares = of_set.map(|of| unknown_of(&of.question, &|word| known.contains(word)).1);
            let shares: Vec<f32> = shares.collect();
            let refused = shares.iter().filter(|share| **share < KNOWN).count();
            format!("{refused} of {} {} questions", shares.len(), set.name())
        };
        let refused: Vec<String> = data.sets().into_iter().map(refused).collect();
        stderr_line(format_args!(
            "words: {} known; refused {split:?}: {}",
            words.len(),
            refused.join(", ")
        ));
    }
    let text: String = words.iter().map(|word| format!("{word}\n")).collect();
    files::write_atomic(&folder.join(FILE), text.as_bytes())?;
    let (name, length) = (FILE.to_string(), text.len() as u64);
    manifest.lengths.insert(name.clone(), length);
    manifest
        .files
        .insert(name.clone(), files::sha256_hex(text.as_bytes()));
    Ok(QuestionTest {
        file: name,
        known: KNOWN,
    })
}
