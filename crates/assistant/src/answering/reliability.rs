//! How far an answer can be relied on: the model's calibrated confidence, what its shots say, and reasons not to show it as an answer.

use rounds_model::generate::{Generated, StopReason};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::Request;
use super::copied::Copied;
use crate::engine::Engine;
use crate::prompt::Template;
use crate::retrieval::Shot;
use rounds_imaging::Image;
use rounds_index::Example;
use rounds_model::EncodedImage;
use rounds_model::bundle::{Evidence, ShotEvidence, TextureTest};

/// How far an answer can be relied on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Standing {
    /// The probability that the answer is right, from 0 to 1, measured on images that the model was not trained on; `None` where the
    /// model was not calibrated or gave no answer.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "in_thousandths"
    )]
    pub confidence: Option<f32>,
    /// The confidence, from 0 to 1, from which on an answer counts as sure; `None` where there is no confidence.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "in_thousandths"
    )]
    pub sure_from: Option<f32>,
    /// Whether the confidence is high enough to show the answer without reservation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sure: Option<bool>,
    /// Why there is no answer, if it was withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
    /// The answers of the shots, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vote: Vec<Vote>,
    /// The shots whose answer this one repeats, if it repeats any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copied: Option<Copied>,
    /// The clause of the rationale that says the opposite of the answer, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contradicted: Option<String>,
    /// How like the shots are to the question; `None` without shots.
    #[serde(skip)]
    pub(super) nearness: Option<Nearness>,
}

fn in_thousandths<S: Serializer>(share: &Option<f32>, out: S) -> Result<S::Ok, S::Error> {
    share.map(rounds_support::thousandths).serialize(out)
}

/// How like the shots of a prompt are to the question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nearness {
    /// As in [`ShotEvidence`].
    overlap: f32,
    /// As in [`ShotEvidence`].
    likeness: f32,
}

impl Nearness {
    /// That of `shots` to `question`. `media` has the images of the shots, followed by the `own` images of the question.
    pub(super) fn of(
        shots: &[Example],
        question: &str,
        media: &[Arc<EncodedImage>],
        own: usize,
    ) -> Option<Self> {
        let overlaps = shots.iter().map(|shot| overlap(question, &shot.question));
        let shown = &media[..media.len().saturating_sub(own)];
        let asked = media.last().filter(|_| own > 0);
        (!shots.is_empty()).then(|| Self {
            overlap: overlaps.sum::<f32>() / shots.len() as f32,
            likeness: asked.map_or(0.0, |asked| asked.likeness(shown.iter().map(Arc::as_ref))),
        })
    }
}

/// How many shots gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vote {
    /// The answer.
    pub answer: String,
    /// Number of shots.
    pub shots: usize,
}

/// Lower case, without punctuation.
pub fn comparable(answer: &str) -> String {
    let kept: String = answer
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an answer says yes or no and nothing else.
pub fn is_yes_or_no(answer: &str) -> bool {
    matches!(comparable(answer).as_str(), "yes" | "no")
}

/// What the shots say; equal counts keep the order of the shots, which is by similarity.
pub(super) fn vote(shots: &[Shot]) -> Vec<Vote> {
    let mut votes: Vec<(String, Vote)> = Vec::new();
    for shot in shots {
        let answer = &shot.example.answer;
        let key = comparable(answer);
        match votes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, vote)) => vote.shots += 1,
            None => votes.push((
                key,
                Vote {
                    answer: answer.clone(),
                    shots: 1,
                },
            )),
        }
    }
    votes.sort_by_key(|(_, vote)| std::cmp::Reverse(vote.shots));
    votes.into_iter().map(|(_, vote)| vote).collect()
}

/// Shares the match with the question's image out to the shots: the softmax of the match scores, which are in the order of the prompt.
/// Leaves the shots as they are where the scores are not theirs, as with examples without an image.
pub(super) fn share_match(shots: &mut [Shot], ordered: &[Example], scores: &[f32]) {
    if scores.is_empty() || scores.len() != ordered.len() {
        return;
    }
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    let total: f32 = scores.iter().map(|score| (score - largest).exp()).sum();
    for (example, score) in ordered.iter().zip(scores) {
        if let Some(shot) = shots.iter_mut().find(|shot| shot.example.id == example.id) {
            shot.match_share = Some((score - largest).exp() / total);
        }
    }
}

impl Standing {
    /// The share of the shots that give `answer`; `None` without shots.
    fn agreement(&self, answer: &str) -> Option<f32> {
        let total: usize = self.vote.iter().map(|vote| vote.shots).sum();
        let answer = comparable(answer);
        let same = self
            .vote
            .iter()
            .find(|vote| comparable(&vote.answer) == answer);
        (total > 0).then(|| same.map_or(0, |vote| vote.shots) as f32 / total as f32)
    }

    /// What the shots say beside the model's answer, in one line; `None` without shots. They agree with an answer that no other has more
    /// shots than.
    pub fn vote_in_words(&self, answer: &str) -> Option<String> {
        let most = self.vote.iter().map(|vote| vote.shots).max()?;
        let total: usize = self.vote.iter().map(|vote| vote.shots).sum();
        let listed: Vec<String> = self
            .vote
            .iter()
            .take(3)
            .map(|vote| format!("{} {}", vote.answer, vote.shots))
            .collect();
        let more = if self.vote.len() > 3 { ", …" } else { "" };
        let examples = if total == 1 {
            "example says"
        } else {
            "examples say"
        };
        let told = format!("your {total} {examples}: {}{more}", listed.join(", "));
        if answer.is_empty() {
            return Some(told);
        }
        let said = comparable(answer);
        let agrees = self
            .vote
            .iter()
            .any(|vote| vote.shots == most && comparable(&vote.answer) == said);
        let mark = if agrees { "" } else { " (they disagree)" };
        Some(format!("{told}; the model says: {answer}{mark}"))
    }

    /// The confidence in one line.
    pub fn confidence_in_words(&self) -> Option<String> {
        let share = (self.confidence? * 100.0).round();
        Some(match self.sure {
            Some(false) => format!("not sure: right in about {share:.0} of 100 such answers"),
            _ => format!("right in about {share:.0} of 100 such answers"),
        })
    }
}

/// Whether a text says the same again and again, or has no word.
fn is_broken(answer: &str) -> Option<&'static str> {
    let words: Vec<String> = comparable(answer).split(' ').map(String::from).collect();
    if !answer.chars().any(char::is_alphanumeric) {
        return Some("the model's text has no word");
    }
    let repeats = |size: usize| {
        words.len() >= 4 * size
            && words
                .chunks_exact(size)
                .collect::<Vec<_>>()
                .windows(4)
                .any(|run| run.iter().all(|part| *part == run[0]))
    };
    (1..=4)
        .any(repeats)
        .then_some("the model repeated itself without end")
}

/// The probability of the answer's own tokens, with the token that ends it.
fn probability(
    generated: &Generated,
    template: &Template,
    prefix: &dyn Fn(&[u32]) -> String,
) -> f32 {
    let known = &generated.log_probabilities;
    // Up to the first token of the rationale's marker, which is where the answer ends.
    let end = (1..=generated.ids.len()).find(|&n| {
        prefix(&generated.ids[..n]).contains(template.rationale_marker.trim_end_matches(':'))
    });
    let own: f32 = match end {
        Some(n) => known.iter().take(n).sum(),
        None => known.iter().sum::<f32>() + generated.end_log_probability.unwrap_or(0.0),
    };
    own.exp()
}

impl Engine {
    /// Why a question is not answered at all, judged before anything is generated.
    pub(super) fn refusal(&self, request: &Request, shots: &[Shot]) -> Option<String> {
        let reliability = self.learner.manifest().reliability.as_ref()?;
        if request.case.images.is_empty() {
            return Some(
                "there is no image to look at: attach one or open a sample case; the examples nearest to your words are listed all the same".into(),
            );
        }
        let coloured = |image: &Image| {
            reliability
                .colour
                .is_some_and(|most| rounds_imaging::coloured_share(image) > most)
        };
        let unlike = |image: &Image| {
            reliability.texture.as_ref().is_some_and(|test| {
                let profile = rounds_imaging::texture_profile(image);
                TextureTest::distance_of(&profile, &self.textures) > test.distance
            })
        };
        let how = if request.case.images.iter().any(coloured) {
            "is in colour"
        } else if request.case.images.iter().any(unlike) {
            "has another texture"
        } else {
            return self.unknown_words(&request.case.question, shots);
        };
        Some(format!(
            "this image {how}, unlike the radiology images that the model was trained on, so its answer would mean nothing; the nearest examples are listed all the same"
        ))
    }

    /// Why a question is of a kind that the model never saw, by its words. Those of its shots count as known, as shots may define them.
    fn unknown_words(&self, question: &str, shots: &[Shot]) -> Option<String> {
        let test = self
            .learner
            .manifest()
            .reliability
            .as_ref()?
            .questions
            .as_ref()?;
        let examples = shots.iter().map(|shot| &shot.example);
        let told: HashSet<String> = examples
            .flat_map(|example| [&example.question, &example.answer])
            .flat_map(|text| telling_words(text))
            .collect();
        let (unknown, share) = unknown_of(question, &|word| {
            self.words.contains(word) || told.contains(word)
        });
        (share < test.known).then(|| {
            let told = unknown.into_iter().filter(|word| word.chars().count() > 2);
            let listed: Vec<String> = told.take(4).collect();
            format!(
                "the model learned from questions about radiology images in other words than these{}, so its answer would mean nothing; the nearest examples are listed all the same",
                match listed.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", listed.join(", ")),
                }
            )
        })
    }

    /// Fills in the confidence of a generated answer, or why it is withheld.
    pub(super) fn stand(&self, generated: &Generated, answer: &mut crate::types::Answer) {
        let Some(reliability) = &self.learner.manifest().reliability else {
            return;
        };
        if answer.answer.is_empty() || generated.stop == StopReason::Cancelled {
            return;
        }
        if let Some(reason) = is_broken(&answer.answer) {
            answer.standing.withheld = Some(reason.into());
            answer.answer.clear();
            answer.rationale = None;
            return;
        }
        if generated.log_probabilities.is_empty() || self.template.rationale_first() {
            return;
        }
        let tokenizer = self.learner.tokenizer();
        let prefix = |ids: &[u32]| tokenizer.decode(ids, false).unwrap_or_default();
        let probability = probability(generated, &self.template, &prefix);
        let agreement = answer.standing.agreement(&answer.answer);
        let shots = agreement.zip(answer.standing.nearness);
        let confidence = reliability.confidence(&Evidence {
            probability,
            yes_or_no: is_yes_or_no(&answer.answer),
            shots: shots.map(|(agreement, nearness)| ShotEvidence {
                agreement,
                overlap: nearness.overlap,
                likeness: nearness.likeness,
            }),
        });
        answer.standing.confidence = Some((confidence * 1000.0).round() / 1000.0);
        answer.standing.sure = Some(confidence >= reliability.sure);
        answer.standing.sure_from = Some(reliability.sure);
    }
}

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

/// Words that say nothing about what is asked.
const EMPTY_WORDS: [&str; 22] = [
    "a", "an", "any", "are", "can", "do", "does", "here", "how", "if", "image", "in", "is", "it",
    "of", "on", "the", "this", "was", "what", "which", "you",
];

/// The words of a text that say what it is about, in lower case and in their order.
pub fn telling_words(text: &str) -> Vec<String> {
    let text = comparable(text);
    let words = text.split(' ').filter(|word| !word.is_empty());
    let telling = words.filter(|word| !EMPTY_WORDS.contains(word));
    telling.map(String::from).collect()
}

/// The telling words of a question that are not known, in the singular or the plural, and the share of those that are; 1 for a question
/// without telling words.
pub fn unknown_of(question: &str, known: &dyn Fn(&str) -> bool) -> (Vec<String>, f32) {
    let words = telling_words(question);
    let either = |word: &str| {
        let mut singular = ["s", "es"].into_iter().filter_map(|s| word.strip_suffix(s));
        known(word)
            || singular.any(known)
            || known(&format!("{word}s"))
            || known(&format!("{word}es"))
    };
    let unknown: Vec<String> = words.iter().filter(|word| !either(word)).cloned().collect();
    let share = 1.0 - unknown.len() as f32 / words.len().max(1) as f32;
    (unknown, share)
}

/// The share of the telling words of two questions that both have, from 0 to 1.
pub fn overlap(asked: &str, other: &str) -> f32 {
    let (words, theirs) = (telling_words(asked), telling_words(other));
    let shared = words.iter().filter(|word| theirs.contains(word)).count();
    shared as f32 / words.len().max(theirs.len()).max(1) as f32
}

/// What the annotators of a sample case stated, beside the model's `answer`; `None` for any other image.
pub(super) fn known_finding(images: &[Image], question: &str, answer: &str) -> Option<String> {
    let cases = known_cases();
    let hash = &images.last()?.source.sha256;
    let case = cases.into_iter().find(|case| case.sha256 == *hash)?;
    known_fact(&case.known, question, answer)
}

/// Words of questions about what is wrong with a patient.
const FINDING_WORDS: [&str; 7] = [
    "abnormal",
    "abnormalities",
    "abnormality",
    "disease",
    "diseases",
    "finding",
    "findings",
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

/// The known fact that is nearest to a question, with a verdict on `answer` only where the same was asked. A question that is near to none is
/// told the fact it shares most telling words with, otherwise the finding; `None` if there is neither.
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
    let asked: BTreeSet<String> = telling_words(question).into_iter().collect();
    let shared = |fact: &KnownAnswer| {
        let words: BTreeSet<String> = telling_words(&fact.question).into_iter().collect();
        words.intersection(&asked).count()
    };
    let close = |fact: &KnownAnswer| {
        let share = overlap(question, &fact.question);
        if share >= 0.6 { share } else { 0.0 }
    };
    let nearest = known
        .iter()
        .filter(|fact| shared(fact) > 0)
        // Of equals `max_by` takes the last one, and the first one is wanted.
        .rev()
        .max_by(|a, b| {
            let by_share = close(a).total_cmp(&close(b));
            by_share.then_with(|| shared(a).cmp(&shared(b)))
        });
    let is_finding = |fact: &&KnownAnswer| {
        let words = telling_words(&fact.question);
        words
            .iter()
            .any(|word| FINDING_WORDS.contains(&word.as_str()))
    };
    let fact = nearest.or_else(|| known.iter().find(is_finding))?;
    Some(format!(
        "known about this case: {} {}",
        fact.question, fact.answer
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_and_texts_without_words_are_no_answers() {
        assert!(is_broken("...").is_some());
        assert!(is_broken("left lung left lung left lung left lung").is_some());
        assert!(is_broken("no no no no").is_some());
        assert!(is_broken("left lung, right").is_none());
    }

    #[test]
    fn a_question_is_judged_by_the_share_of_its_words_that_are_known() {
        let known = |word: &str| ["kidney", "masses", "see"].contains(&word);
        let of = |question: &str| unknown_of(question, &known);
        assert_eq!(
            of("Do you see kidneys, or a mass?"),
            (vec!["or".to_string()], 0.75)
        );
        let (unknown, share) = of("What is the capital of France?");
        assert_eq!((unknown.join(" "), share), ("capital france".into(), 0.0));
        assert_eq!(of("What is this?"), (vec![], 1.0));
    }

    #[test]
    fn answers_are_compared_without_case_and_punctuation() {
        assert_eq!(comparable("XR - Plain  film."), "xr plain film");
        assert!(is_yes_or_no("Yes.") && !is_yes_or_no("Yes, left"));
    }

    #[test]
    fn shots_are_near_by_their_words_and_their_images() {
        let image = |vector: [f32; 2]| {
            Arc::new(EncodedImage {
                vector: vector.to_vec(),
                latents: candle_core::Tensor::zeros(
                    1,
                    candle_core::DType::F32,
                    &candle_core::Device::Cpu,
                )
                .unwrap(),
            })
        };
        let shot = |question: &str| Example {
            question: question.into(),
            ..Example::default()
        };
        let shots = [
            shot("Is the heart enlarged?"),
            shot("Which organ is shown?"),
        ];
        let media = [image([0.0, 1.0]), image([0.6, 0.8]), image([1.0, 0.0])];
        let near = Nearness::of(&shots, "Is the heart enlarged?", &media, 1).unwrap();
        assert_eq!((near.overlap, near.likeness), (0.5, 0.6));
        let unseen = Nearness::of(&shots, "Is the heart enlarged?", &[], 0).unwrap();
        assert_eq!(unseen.likeness, 0.0);
        assert_eq!(Nearness::of(&[], "Which organ?", &media[2..], 1), None);
    }

    #[test]
    fn questions_are_compared_by_their_words() {
        assert_eq!(
            overlap("Which finding stands out?", "which finding stands out"),
            1.0
        );
        assert!(overlap("Is this a CT?", "Which finding stands out?") < 0.1);
        let (organ, place) = (
            "What is the main organ in the image?",
            "Where in the image is the mass?",
        );
        assert!(overlap(organ, place) < 0.1);
    }

    #[test]
    fn shots_share_the_match_by_their_place_in_the_prompt() {
        let shot = |id: &str| Shot {
            example: Example {
                id: id.into(),
                ..Example::default()
            },
            score: 0.0,
            rank: 0,
            reason: String::new(),
            match_share: None,
        };
        let mut shots = [shot("near"), shot("far")];
        let ordered = [shots[1].example.clone(), shots[0].example.clone()];
        share_match(&mut shots, &ordered, &[1.0]);
        assert_eq!(shots[0].match_share, None);
        share_match(&mut shots, &ordered, &[-1.0, 1.0]);
        let shares = shots.map(|shot| shot.match_share.unwrap());
        assert!(shares[0] > 0.85 && (shares[0] + shares[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn votes_are_put_into_words() {
        let standing = Standing {
            vote: vec![
                Vote {
                    answer: "Lung".into(),
                    shots: 3,
                },
                Vote {
                    answer: "Heart".into(),
                    shots: 1,
                },
            ],
            ..Standing::default()
        };
        assert_eq!(
            standing.vote_in_words("lung.").unwrap(),
            "your 4 examples say: Lung 3, Heart 1; the model says: lung."
        );
        assert!(
            standing
                .vote_in_words("Heart")
                .unwrap()
                .ends_with("(they disagree)")
        );
        assert_eq!(Standing::default().vote_in_words("Lung"), None);
    }

    #[test]
    fn an_answer_among_the_most_frequent_ones_agrees_with_the_vote() {
        let vote = |answer: &str, shots| Vote {
            answer: answer.into(),
            shots,
        };
        let tied = Standing {
            vote: vec![vote("MRI", 2), vote("CT", 2), vote("X-ray", 1)],
            ..Standing::default()
        };
        assert_eq!(
            tied.vote_in_words("CT").unwrap(),
            "your 5 examples say: MRI 2, CT 2, X-ray 1; the model says: CT"
        );
        let disagrees = |answer: &str| {
            let words = tied.vote_in_words(answer).unwrap();
            words.ends_with("(they disagree)")
        };
        assert!(!disagrees("mri."));
        assert!(disagrees("X-ray") && disagrees("PET"));
    }

    #[test]
    fn shares_have_three_decimals_in_json() {
        let standing = Standing {
            confidence: Some(0.892),
            sure_from: Some(0.700_04),
            ..Standing::default()
        };
        let json = serde_json::to_value(&standing).unwrap();
        assert_eq!(json.to_string(), r#"{"confidence":0.892,"sure_from":0.7}"#);
    }

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
            told("Is contrast given?").unwrap(),
            "known about this case: What is abnormal, if anything? Lung cancer"
        );
        let without = known(&[("Name the imaging method.", "CT")]);
        assert_eq!(known_fact(&without, "Is contrast given?", "Yes"), None);
        assert_eq!(known_fact(&[], "Is contrast given?", "Yes"), None);
    }
}
