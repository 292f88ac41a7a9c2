//! How far an answer can be relied on: the model's calibrated confidence, what its shots say, and reasons not to show it as an answer.

use rounds_model::generate::{Generated, StopReason};
use serde::{Serialize, Serializer};
use std::collections::HashSet;
use std::sync::Arc;

use super::copied::Copied;
use super::{Request, comparable, is_yes_or_no, marking_words, overlap, unknown_of};
use crate::engine::Engine;
use crate::prompt::Template;
use crate::retrieval::Shot;
use rounds_imaging::Image;
use rounds_index::Example;
use rounds_model::EncodedImage;
use rounds_model::bundle::{Evidence, ShotEvidence, TextureTest};
use rounds_support::sanitise::clean_line_max;

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
    /// Whether the confidence is high enough to show the answer without reservation, and the rationale does not contradict it.
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
    /// The clause of the rationale that says the opposite of the answer, if one does; the answer is not sure then.
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
        let said = comparable(answer);
        // The first three, and the model's own answer among them if a shot gives it.
        let own = self
            .vote
            .iter()
            .skip(3)
            .find(|vote| comparable(&vote.answer) == said);
        let first = self.vote.iter().take(if own.is_some() { 2 } else { 3 });
        let listed: Vec<String> = first
            .chain(own)
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
        let agrees = self
            .vote
            .iter()
            .any(|vote| vote.shots == most && comparable(&vote.answer) == said);
        let mark = if agrees { "" } else { " (they disagree)" };
        Some(format!("{told}; the model says: {answer}{mark}"))
    }

    /// What a rationale that says the opposite of its answer means, in one line.
    pub fn contradiction_in_words(&self) -> Option<String> {
        self.contradicted.as_ref().map(|clause| {
            format!("the rationale says the opposite of the answer: \u{201C}{clause}\u{201D}; rely on neither")
        })
    }

    /// The confidence in one line; `None` where there is none, and where the rationale contradicts the answer, whatever the number.
    pub fn confidence_in_words(&self) -> Option<String> {
        if self.contradicted.is_some() {
            return None;
        }
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

/// What is said of the shots where an answer is withheld.
pub(super) fn listed(shots: &[Shot]) -> &'static str {
    match shots.is_empty() {
        true => "",
        false => "; the examples are listed all the same",
    }
}

impl Engine {
    /// Why a question is not answered at all, judged before anything is generated.
    pub(super) fn refusal(&self, request: &Request, shots: &[Shot]) -> Option<String> {
        let reliability = self.learner.manifest().reliability.as_ref()?;
        if request.case.images.is_empty() {
            return Some("there is no image to look at: attach one or open a sample case".into());
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
        let images = &request.case.images;
        let (image, how) = if let Some(image) = images.iter().find(|image| coloured(image)) {
            (image, "is in colour")
        } else if let Some(image) = images.iter().find(|image| unlike(image)) {
            (image, "has another texture")
        } else {
            return self.unknown_words(&request.case.question, shots);
        };
        let which = match images.len() {
            1 => "this image",
            _ => &image.source.name,
        };
        Some(format!(
            "{which} {how}, unlike the radiology images that the model was trained on, so its answer would mean nothing"
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
            .flat_map(|text| marking_words(text))
            .collect();
        let (unknown, share) = unknown_of(question, &|word| {
            self.words.contains(word) || told.contains(word)
        });
        (share < test.known).then(|| {
            let told = unknown.into_iter().filter(|word| word.chars().count() > 2);
            let some = told.take(4).map(|word| clean_line_max(&word, 30));
            let some: Vec<String> = some.collect();
            let in_brackets = match some.is_empty() {
                true => String::new(),
                false => format!(" ({})", some.join(", ")),
            };
            format!(
                "the model learned from questions about radiology images in other words than these{in_brackets}, so its answer would mean nothing"
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
        // As both are shown: what looks equal is equal.
        let thousandths = |share: f32| (share * 1e3).round();
        answer.standing.confidence = Some(thousandths(confidence) / 1e3);
        answer.standing.sure = Some(thousandths(confidence) >= thousandths(reliability.sure));
        answer.standing.sure_from = Some(reliability.sure);
    }
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
        let scattered = Standing {
            vote: ["A", "B", "C", "D"].map(|answer| vote(answer, 1)).into(),
            ..Standing::default()
        };
        assert_eq!(
            scattered.vote_in_words("d").unwrap(),
            "your 4 examples say: A 1, B 1, D 1, …; the model says: d"
        );
        assert!(disagrees("X-ray") && disagrees("PET"));
    }

    #[test]
    fn an_answer_that_its_rationale_contradicts_has_no_confidence_in_words() {
        let mut standing = Standing {
            confidence: Some(0.89),
            sure: Some(true),
            ..Standing::default()
        };
        assert_eq!(
            standing.confidence_in_words().unwrap(),
            "right in about 89 of 100 such answers"
        );
        assert_eq!(standing.contradiction_in_words(), None);
        standing.contradicted = Some("the spleen is seen".into());
        assert_eq!(standing.confidence_in_words(), None);
        assert_eq!(
            standing.contradiction_in_words().unwrap(),
            "the rationale says the opposite of the answer: \u{201C}the spleen is seen\u{201D}; rely on neither"
        );
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
}
