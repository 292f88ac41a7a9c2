//! Support from what other answers of the same image say in words, for the images that have no boxes.

use super::Facts;
use super::place::Named;
use super::question::{Asks, Subject, yes_or_no};

/// The words for a finding that a question about place uses.
const FINDINGS: [&str; 14] = [
    "lesion",
    "mass",
    "abnormality",
    "infarct",
    "hemorrhage",
    "bleed",
    "pneumothorax",
    "effusion",
    "abscess",
    "fracture",
    "edema",
    "opacity",
    "infarction",
    "ischemia",
];

/// The openings of a question about place.
const PLACE: [&str; 9] = [
    "where is the",
    "where are the",
    "where is/are the",
    "what is the location of the",
    "which side is the",
    "which lobe is the",
    "what lobe of the brain is the",
    "what side of the brain is the",
    "in which area of the brain are the",
];

impl Facts {
    /// "the lesion lies in the left temporal lobe", from another answer, if `question` is about that finding or about whether
    /// the image is normal, and `answer` does not deny it.
    pub(super) fn told(&self, question: &str, answer: &str) -> Vec<String> {
        let lower = question.to_lowercase();
        let denied = yes_or_no(answer) == Some(false);
        let abnormal = match Asks::of(question) {
            Asks::Health {
                subject: Subject::Image,
                healthy,
            } => yes_or_no(answer) == Some(!healthy),
            _ => false,
        };
        let told = self.qa.iter().filter(|(other, told)| {
            !other.eq_ignore_ascii_case(question) && !told.eq_ignore_ascii_case(answer)
        });
        let mut clauses = told.filter_map(|(other, told)| {
            let other = other.trim().to_lowercase();
            let finding = FINDINGS.iter().find(|finding| has_word(&other, finding))?;
            let about = has_word(&lower, finding) && !denied;
            let asked_place = PLACE.iter().any(|opening| other.starts_with(opening));
            ((about || abnormal) && asked_place)
                .then(|| located(finding, in_plural(&other, finding), told))
                .flatten()
        });
        clauses
            .find(|clause| agrees_in_side(clause, answer))
            .into_iter()
            .collect()
    }
}

/// Whether a text has a word in the plural.
fn in_plural(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|w| w.strip_suffix('s') == Some(word))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|w| w == word || w.strip_suffix('s') == Some(word))
}

/// Two answers about place may be about different things: a clause is only used if both name the same side or one names none.
fn agrees_in_side(clause: &str, answer: &str) -> bool {
    let (said, told) = (Named::of(clause).side, Named::of(answer).side);
    said.is_none() || told.is_none() || said == told
}

/// "the mass lies in the right temporal horn" from the answer to a question about place.
fn located(finding: &str, many: bool, answer: &str) -> Option<String> {
    let place = answer.trim().trim_end_matches('.');
    let place: Vec<String> = place.split_whitespace().map(lowered).collect();
    let place = place.strip_prefix(&["the".to_owned()]).unwrap_or(&place);
    let (first, last) = (place.first()?.as_str(), place.last()?.as_str());
    let text = place.join(" ");
    if place.len() > 6
        || yes_or_no(&text).is_some()
        || last.ends_with("cardiac")
        || last.ends_with("arachnoid")
    {
        return None;
    }
    let phrase = match first {
        "in" | "on" | "anterior" | "posterior" | "adjacent" => text,
        "left" | "right" if place.len() == 1 || place.iter().any(|word| word == "side") => {
            format!("on the {text}")
        }
        _ => format!("in the {text}"),
    };
    Some(if many {
        format!("the {finding}s lie {phrase}")
    } else {
        format!("the {finding} lies {phrase}")
    })
}

/// A word in lower case, unless it is an abbreviation.
fn lowered(word: &str) -> String {
    let capitals = word.chars().filter(|c| c.is_uppercase()).count();
    if capitals > 1 {
        word.to_owned()
    } else {
        word.to_lowercase()
    }
}
