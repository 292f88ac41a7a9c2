//! Worked examples for the index that ships: questions in this project's own words, answered from the annotations.

mod general;
mod position;

use super::findings::NOTHING;
use super::place::Named;
use super::question::{Asks, Subject, yes_or_no};
use super::rationale::distinct;
use super::{Facts, Knowledge, Region, words};

/// A question in this project's own words, with its answer and the reason for it.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkedExample {
    /// `modality`, `plane`, `body part`, `organ`, `finding`, `place`, `side`, `count` or `knowledge`.
    pub topic: &'static str,
    /// The question.
    pub question: String,
    /// The answer, short and regular: `CT`, `Axial`, `Yes`, `Left lung`.
    pub answer: String,
    /// One or two short sentences, at most 22 words.
    pub rationale: String,
    /// Whether the answer is yes or no.
    pub closed: bool,
    /// The marked regions that the question is about.
    pub boxes: Vec<Region>,
}

/// Three to six examples on one image, at most one of each group: how it was made, what it shows, an organ, a finding, a
/// place or number, and a piece of knowledge. Which of a group is chosen depends on the image alone, so that over many
/// images all kinds come up and yes and no are about as frequent. `facts` must be of SLAKE's train split to ship.
#[must_use]
pub fn worked_examples(facts: &Facts, knowledge: &Knowledge) -> Vec<WorkedExample> {
    let teacher = Teacher { facts, knowledge };
    let groups = [
        teacher.method(),
        teacher.view(),
        teacher.organ(),
        teacher.finding(),
        teacher.position(),
        teacher.general(),
    ];
    groups.into_iter().flatten().collect()
}

struct Teacher<'a> {
    facts: &'a Facts,
    knowledge: &'a Knowledge,
}

impl Teacher<'_> {
    /// One of `choices`, the same one for an image and a purpose every time.
    fn choose<'c, T>(&self, purpose: &str, choices: &'c [T]) -> Option<&'c T> {
        let count = u64::try_from(choices.len())
            .ok()
            .filter(|count| *count > 0)?;
        choices.get(usize::try_from(self.facts.pick(purpose) % count).ok()?)
    }

    fn chance(&self, purpose: &str, of: u64) -> bool {
        self.facts.pick(purpose).is_multiple_of(of)
    }

    fn example(
        &self,
        topic: &'static str,
        asks: &Asks,
        question: &str,
        answer: &str,
        clauses: Vec<String>,
        boxes: Vec<Region>,
    ) -> WorkedExample {
        WorkedExample {
            topic,
            question: question.to_owned(),
            answer: answer.to_owned(),
            rationale: self.facts.reasoned(asks, question, answer, clauses),
            closed: matches!(answer, "Yes" | "No"),
            boxes,
        }
    }

    /// How the image was made: its modality, or the weighting of an MRI.
    fn method(&self) -> Option<WorkedExample> {
        let modality = self.facts.modality.as_deref()?;
        let asks = Asks::Modality;
        let made = |question: &str, answer: &str| {
            Some(self.example("modality", &asks, question, answer, Vec::new(), Vec::new()))
        };
        if let Some(weighting) = self
            .facts
            .weighting
            .as_deref()
            .filter(|_| self.chance("weighting", 2))
        {
            return made("Which weighting does this MRI have?", weighting);
        }
        let closed = [
            ("CT", "Was CT used to make this?"),
            ("MRI", "Was MRI used to make this?"),
            ("X-ray", "Is this a plain X-ray film?"),
        ];
        if self.chance("closed modality", 3) {
            let own = closed.iter().find(|(name, _)| *name == modality)?;
            let others: Vec<_> = closed
                .iter()
                .filter(|(name, _)| *name != modality)
                .collect();
            let yes = self.chance("modality yes", 2);
            let (_, question) = if yes {
                own
            } else {
                *self.choose("other modality", &others)?
            };
            return made(question, if yes { "Yes" } else { "No" });
        }
        let questions = [
            "Which kind of scan is this?",
            "Name the imaging method.",
            "By which method was this made?",
        ];
        made(self.choose("modality", &questions)?, modality)
    }

    /// What is seen as a whole: the plane, or the part of the body.
    fn view(&self) -> Option<WorkedExample> {
        let plane = self
            .facts
            .plane
            .as_deref()
            .filter(|_| self.chance("plane", 2));
        let part = self.facts.body_part.as_deref();
        let (topic, asks, value, open, nouns): (_, _, _, [&str; 2], &[&str]) = match (plane, part) {
            (Some(plane), _) => {
                let open = [
                    "Which plane does this view show?",
                    "Name the plane of this view.",
                ];
                (
                    "plane",
                    Asks::Plane,
                    plane.to_lowercase(),
                    open,
                    &["axial", "coronal"],
                )
            }
            (None, Some(part)) => {
                let open = [
                    "Which region of the body do you see?",
                    "What body region does this view cover?",
                ];
                let parts = &["chest", "abdomen", "head", "neck", "pelvic cavity"];
                ("body part", Asks::BodyPart, part.to_owned(), open, parts)
            }
            (None, None) => return None,
        };
        if self.chance("closed view", 3) {
            let yes = self.chance("view yes", 2);
            // A brain is in a head, so the one is no wrong answer to the other.
            let brain = value == "brain";
            let others: Vec<&str> = nouns
                .iter()
                .copied()
                .filter(|noun| *noun != value && !(brain && *noun == "head"))
                .collect();
            let noun = if yes {
                value.as_str()
            } else {
                self.choose("other view", &others)?
            };
            let question = match topic {
                "plane" => format!("Is the view {noun}?"),
                _ => format!("Is this a view of the {noun}?"),
            };
            let answer = if yes { "Yes" } else { "No" };
            return Some(self.example(topic, &asks, &question, answer, Vec::new(), Vec::new()));
        }
        let question = self.choose("view", &open)?;
        Some(self.example(
            topic,
            &asks,
            question,
            &words::capitalised(&value),
            Vec::new(),
            Vec::new(),
        ))
    }

    /// Whether an organ is shown. Few images state what is absent, so those that do are mostly asked about that.
    fn organ(&self) -> Option<WorkedExample> {
        let facts = self.facts;
        let yes =
            facts.absent.is_empty() || (!facts.organs.is_empty() && self.chance("organ yes", 6));
        let organ = self.choose("organ", if yes { &facts.organs } else { &facts.absent })?;
        let questions = [
            format!("Can you see the {organ} here?"),
            format!("Is the {organ} visible?"),
        ];
        let question = self.choose("organ question", &questions)?;
        let asks = Asks::Shows(organ.clone());
        let answer = if yes { "Yes" } else { "No" };
        let clauses = facts.supports(&asks, question, answer);
        Some(self.example(
            "organ",
            &asks,
            question,
            answer,
            clauses,
            facts.marked_organ(organ),
        ))
    }

    /// Whether anything is abnormal, whether an organ is, or what.
    fn finding(&self) -> Option<WorkedExample> {
        let found = !self.facts.findings.is_empty();
        let healthy = self.healthy_organs();
        match (found, healthy.is_empty()) {
            (true, false) if self.chance("healthy organ", 2) => self.healthy_organ(&healthy),
            (true, _) if self.facts.normal == Some(false) && self.chance("closed finding", 4) => {
                self.anything("Yes")
            }
            (true, _) => self.which(),
            (false, _) if self.facts.normal == Some(true) => {
                if self.chance("no finding", 4) {
                    self.which()
                } else {
                    self.anything("No")
                }
            }
            (false, _) => self.healthy_organ(&healthy),
        }
    }

    fn anything(&self, answer: &str) -> Option<WorkedExample> {
        let question = self.choose(
            "closed question",
            &["Is anything abnormal here?", "Do you find a disease here?"],
        )?;
        let asks = Asks::Health {
            subject: Subject::Image,
            healthy: false,
        };
        Some(self.example(
            "finding",
            &asks,
            question,
            answer,
            self.found(),
            self.placed_findings(),
        ))
    }

    fn which(&self) -> Option<WorkedExample> {
        let question = self.choose(
            "open question",
            &[
                "Which finding stands out?",
                "What is abnormal, if anything?",
            ],
        )?;
        let names = words::with_one_tumor(distinct(&self.facts.findings));
        let bare: Vec<String> = names.iter().map(|name| words::bare(name)).collect();
        let answer = if names.is_empty() {
            "None".to_owned()
        } else {
            words::capitalised(&bare.join(", "))
        };
        Some(self.example(
            "finding",
            &Asks::Diseases,
            question,
            &answer,
            self.found(),
            self.placed_findings(),
        ))
    }

    /// The findings and where they lie, or that there are none.
    fn found(&self) -> Vec<String> {
        let found = self
            .facts
            .seen_findings(&self.facts.findings, Named::default());
        if found.is_empty() {
            vec![NOTHING.to_owned()]
        } else {
            found
        }
    }

    fn placed_findings(&self) -> Vec<Region> {
        self.facts
            .findings
            .iter()
            .filter(|region| region.bounds.is_some())
            .cloned()
            .collect()
    }

    /// Organs that an answer calls healthy, without a side, and in which no finding is.
    fn healthy_organs(&self) -> Vec<String> {
        let facts = self.facts;
        let with_finding = |organ: &String| {
            facts
                .findings
                .iter()
                .any(|region| words::organ_of(&region.name) == Some(organ))
        };
        let whole = facts
            .qa
            .iter()
            .filter(|(question, _)| Named::of(question).side.is_none());
        whole
            .filter_map(|(question, answer)| match Asks::of(question) {
                Asks::Health {
                    subject: Subject::Organ(organ),
                    healthy,
                } => (yes_or_no(answer)? == healthy).then_some(organ),
                _ => None,
            })
            .filter(|organ| !with_finding(organ))
            .collect()
    }

    fn healthy_organ(&self, healthy: &[String]) -> Option<WorkedExample> {
        let organ = self.choose("healthy", healthy)?;
        let question = format!("Does the {organ} show a disease?");
        let asks = Asks::Health {
            subject: Subject::Organ(organ.clone()),
            healthy: false,
        };
        let clauses = self.facts.health(
            &Subject::Organ(organ.clone()),
            true,
            &question,
            Named::default(),
        );
        Some(self.example(
            "finding",
            &asks,
            &question,
            "No",
            clauses,
            self.facts.marked_organ(organ),
        ))
    }
}
