//! Questions, answers and rationales from a phantom's ground truth.
//!
//! Every sentence here is built from the tables of a kind and the truth of one picture, so an answer can be checked
//! against what was drawn. The rationale names what is seen and the teaching rule, nothing that is not in the truth.

mod asker;

use asker::Asker;

use super::Phantom;
use super::spec::{FindingSpec, FindingTruth, Side};
use rounds_support::rng::Rng;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    Modality,
    View,
    Organ,
    Presence,
    Side,
    Place,
    Count,
    Grade,
    Larger,
    Reading,
    Normal,
    Attribute,
}

impl Topic {
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

    /// How often the topic is asked, relative to the others, where it applies.
    fn weight(self) -> usize {
        match self {
            Topic::Presence => 6,
            Topic::Side | Topic::Reading | Topic::Attribute => 3,
            Topic::Place | Topic::Count | Topic::Grade | Topic::Normal | Topic::Larger => 2,
            Topic::Modality | Topic::View | Topic::Organ => 1,
        }
    }
}

/// One question with its true answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qa {
    pub topic: Topic,
    /// Identifies the question behind the phrasing: `presence/nodule`, `side/nodule?left`.
    pub key: String,
    pub question: String,
    pub answer: String,
    pub rationale: String,
    /// True for yes/no questions.
    pub closed: bool,
}

/// A random question about the phantom. Yes/no answers come out about evenly.
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

/// A random question of one topic, if the topic applies to this phantom.
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
