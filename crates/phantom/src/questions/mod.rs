//! Questions, answers and rationales from a phantom's ground truth.
//!
//! Every sentence is built from the tables of a kind and the truth of one image, so answers can be checked against what was
//! drawn. A rationale states what is seen and the teaching rule, and nothing that is not in the truth. The shipped model
//! was trained on these exact texts: never change one without training again.

mod asker;

use asker::Asker;

use super::Phantom;
use super::spec::{FindingSpec, FindingTruth, Side};
use rounds_support::rng::Rng;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Which modality the image is.
    Modality,
    /// Which plane or view it shows.
    View,
    /// Which organ or region it shows.
    Organ,
    /// Whether a finding is present.
    Presence,
    /// On which side a finding is.
    Side,
    /// Where a finding is.
    Place,
    /// How many instances there are.
    Count,
    /// How large a finding is.
    Grade,
    /// Which of two instances is larger.
    Larger,
    /// The most likely reading.
    Reading,
    /// Whether the image is normal.
    Normal,
    /// The value of an attribute.
    Attribute,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 12] = [
        Topic::Modality,
        Topic::View,
        Topic::Organ,
        Topic::Presence,
        Topic::Side,
        Topic::Place,
        Topic::Count,
        Topic::Grade,
        Topic::Larger,
        Topic::Reading,
        Topic::Normal,
        Topic::Attribute,
    ];

    /// The topic's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Modality => "modality",
            Topic::View => "view",
            Topic::Organ => "organ",
            Topic::Presence => "presence",
            Topic::Side => "side",
            Topic::Place => "place",
            Topic::Count => "count",
            Topic::Grade => "grade",
            Topic::Larger => "larger",
            Topic::Reading => "reading",
            Topic::Normal => "normal",
            Topic::Attribute => "attribute",
        }
    }

    /// Relative frequency of the topic among those that apply.
    fn weight(self) -> usize {
        match self {
            Topic::Presence => 6,
            Topic::Side | Topic::Reading | Topic::Attribute => 3,
            Topic::Place | Topic::Count | Topic::Grade | Topic::Normal | Topic::Larger => 2,
            Topic::Modality | Topic::View | Topic::Organ => 1,
        }
    }
}

/// A question with its correct answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qa {
    /// What the question is about.
    pub topic: Topic,
    /// Identifies the question regardless of phrasing: `chest-film/presence/nodule`, `chest-film/side/nodule?left`.
    pub key: String,
    /// The question.
    pub question: String,
    /// The correct answer.
    pub answer: String,
    /// Why the answer is correct.
    pub rationale: String,
    /// Whether it is a yes/no question.
    pub closed: bool,
}

/// A random question about the phantom. Yes and no answers are about equally frequent.
pub fn ask(phantom: &Phantom, rng: &mut Rng) -> Qa {
    loop {
        let total: usize = Topic::ALL.iter().map(|t| t.weight()).sum();
        let mut at = rng.below(total);
        for topic in Topic::ALL {
            if at < topic.weight() {
                if let Some(qa) = ask_about(phantom, topic, rng) {
                    return qa;
                }
                break;
            }
            at -= topic.weight();
        }
    }
}

/// A random question on one topic, if it applies to this phantom.
pub fn ask_about(phantom: &Phantom, topic: Topic, rng: &mut Rng) -> Option<Qa> {
    let asker = Asker { phantom };
    match topic {
        Topic::Modality => Some(asker.modality(rng)),
        Topic::View => Some(asker.view(rng)),
        Topic::Organ => Some(asker.organ(rng)),
        Topic::Presence => asker.presence(rng),
        Topic::Side => asker.side(rng),
        Topic::Place => asker.place(rng),
        Topic::Count => asker.count(rng),
        Topic::Grade => asker.grade(rng),
        Topic::Larger => asker.larger(rng),
        Topic::Reading => Some(asker.reading(rng)),
        Topic::Normal => Some(asker.normal(rng)),
        Topic::Attribute => asker.attribute(rng),
    }
}
