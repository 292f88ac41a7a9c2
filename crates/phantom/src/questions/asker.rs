//! Builds the question, answer and rationale for each topic.

use super::*;
use crate::KINDS;

pub(super) struct Asker<'a> {
    pub(super) phantom: &'a Phantom,
}

fn phrase(rng: &mut Rng, options: &[&str], name: &str) -> String {
    rng.pick(options).replace("{}", name)
}

fn with_article(spec: &FindingSpec) -> String {
    match spec.article {
        "" => spec.name.to_string(),
        article => format!("{article} {}", spec.name),
    }
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_string()
}

/// Where a finding lies, as the tail of a sentence: ` on the patient's left, in the upper zone`.
fn whereabouts(spec: &FindingSpec, truth: &FindingTruth) -> String {
    let mut out = String::new();
    match truth.side {
        Some(Side::Both) => out.push_str(" on both sides"),
        Some(side) => out.push_str(&format!(" on the patient's {}", side.word())),
        None => {}
    }
    if let Some(place) = truth.place.and_then(|p| spec.places.get(p)) {
        out.push_str(&format!(", {place}"));
    }
    out
}

impl Asker<'_> {
    fn spec(&self, truth: &FindingTruth) -> &'static FindingSpec {
        &self.phantom.spec().findings[truth.finding]
    }

    fn pick(
        &self,
        rng: &mut Rng,
        usable: impl Fn(&FindingSpec, &FindingTruth) -> bool,
    ) -> Option<(&'static FindingSpec, &FindingTruth)> {
        let found: Vec<_> = self
            .phantom
            .truth
            .findings
            .iter()
            .map(|truth| (self.spec(truth), truth))
            .filter(|(spec, truth)| usable(spec, truth))
            .collect();
        (!found.is_empty()).then(|| *rng.pick(&found))
    }

    fn qa(&self, topic: Topic, key: &str, question: String, answer: &str, rationale: String) -> Qa {
        Qa {
            topic,
            key: format!("{}/{}/{key}", self.phantom.spec().id, topic.name()),
            question,
            closed: matches!(answer, "yes" | "no"),
            answer: answer.to_string(),
            rationale,
        }
    }

    pub(super) fn modality(&self, rng: &mut Rng) -> Qa {
        let spec = self.phantom.spec();
        let rationale = format!(
            "I see {}, so this is {}.",
            spec.modality_sign, spec.modality
        );
        if rng.chance(0.6) {
            let question = phrase(
                rng,
                &[
                    "Which imaging modality is this?",
                    "What kind of image is this?",
                    "What modality was used?",
                    "How was this image made?",
                ],
                "",
            );
            return self.qa(Topic::Modality, "open", question, spec.modality, rationale);
        }
        let other = KINDS[rng.below(KINDS.len())].modality;
        let asked = if rng.chance(0.5) {
            spec.modality
        } else {
            other
        };
        let question = phrase(
            rng,
            &[
                "Is the modality {}?",
                "Was this made by {}?",
                "Is this an image of type {}?",
            ],
            asked,
        );
        let answer = yes(asked == spec.modality);
        self.qa(Topic::Modality, asked, question, &answer, rationale)
    }

    pub(super) fn view(&self, rng: &mut Rng) -> Qa {
        let spec = self.phantom.spec();
        let question = phrase(
            rng,
            &[
                "Which view is this?",
                "What is the plane or view of this image?",
                "In which view was this taken?",
            ],
            "",
        );
        let rationale = format!("I see {}, so the view is {}.", spec.view_sign, spec.view);
        self.qa(Topic::View, "open", question, spec.view, rationale)
    }

    pub(super) fn organ(&self, rng: &mut Rng) -> Qa {
        let spec = self.phantom.spec();
        let rationale = format!("I see {}, so this is the {}.", spec.organ_sign, spec.organ);
        if rng.chance(0.6) {
            let question = phrase(
                rng,
                &[
                    "Which part of the body is shown?",
                    "What organ is this?",
                    "Which organ or region does this image show?",
                ],
                "",
            );
            return self.qa(Topic::Organ, "open", question, spec.organ, rationale);
        }
        let other = KINDS[rng.below(KINDS.len())].organ;
        let asked = if rng.chance(0.5) { spec.organ } else { other };
        let question = phrase(
            rng,
            &["Does this image show the {}?", "Is this the {}?"],
            asked,
        );
        let answer = yes(asked == spec.organ);
        self.qa(Topic::Organ, asked, question, &answer, rationale)
    }

    fn seen(&self, spec: &FindingSpec, truth: &FindingTruth) -> String {
        format!("I see {}{}", spec.sign, whereabouts(spec, truth))
    }

    pub(super) fn presence(&self, rng: &mut Rng) -> Option<Qa> {
        let kind = self.phantom.spec();
        let present = self.pick(rng, |_, _| true);
        let absent: Vec<_> = (0..kind.findings.len())
            .filter(|i| self.phantom.truth.findings.iter().all(|f| f.finding != *i))
            .collect();
        let (spec, found) = match present {
            Some((spec, truth)) if rng.chance(0.62) || absent.is_empty() => (spec, Some(truth)),
            _ if absent.is_empty() => return None,
            _ => (&kind.findings[*rng.pick(&absent)], None),
        };
        let name = with_article(spec);
        let question = if spec.name == spec.plural && spec.article.is_empty() {
            phrase(
                rng,
                &[
                    "Is there {}?",
                    "Do you see {}?",
                    "Does this image show {}?",
                    "Can {} be seen?",
                ],
                &name,
            )
        } else {
            phrase(
                rng,
                &[
                    "Is there {}?",
                    "Do you see {}?",
                    "Does this image show {}?",
                    "Is {} present?",
                ],
                &name,
            )
        };
        let rationale = match found {
            Some(truth) => format!("{}: {}.", self.seen(spec, truth), spec.reading),
            None => format!("I see {}.", spec.absent),
        };
        Some(self.qa(
            Topic::Presence,
            spec.id,
            question,
            &yes(found.is_some()),
            rationale,
        ))
    }

    pub(super) fn side(&self, rng: &mut Rng) -> Option<Qa> {
        let (spec, truth) = self.pick(rng, |_, truth| truth.side.is_some())?;
        let side = truth.side?;
        let rationale = match side {
            Side::Both => format!("I see {} on both sides.", spec.sign),
            side => {
                let image_side = if side == Side::Left { "right" } else { "left" };
                format!(
                    "I see {} on the {image_side} of the picture, which is the patient's {}.",
                    spec.sign,
                    side.word()
                )
            }
        };
        if rng.chance(0.65) {
            let question = phrase(
                rng,
                &[
                    "On which side is the {}?",
                    "Which side shows the {}?",
                    "Is the {} on the left or the right?",
                    "Name the side of the {}.",
                ],
                spec.name,
            );
            return Some(self.qa(Topic::Side, spec.id, question, side.word(), rationale));
        }
        let asked = if rng.chance(0.5) {
            Side::Left
        } else {
            Side::Right
        };
        let options = match asked {
            Side::Left => [
                "Is the {} on the left?",
                "Is the {} on the patient's left side?",
            ],
            _ => [
                "Is the {} on the right?",
                "Is the {} on the patient's right side?",
            ],
        };
        let question = phrase(rng, &options, spec.name);
        let answer = yes(asked == side || side == Side::Both);
        let key = format!("{}?{}", spec.id, asked.word());
        Some(self.qa(Topic::Side, &key, question, &answer, rationale))
    }

    pub(super) fn place(&self, rng: &mut Rng) -> Option<Qa> {
        let (spec, truth) = self.pick(rng, |spec, truth| {
            truth.place.is_some() && spec.places.len() > 1
        })?;
        let place = *spec.places.get(truth.place?)?;
        let rationale = format!("{}.", self.seen(spec, truth));
        if rng.chance(0.7) {
            let question = phrase(
                rng,
                &[
                    "Where is the {}?",
                    "In which place is the {}?",
                    "Where does the {} lie?",
                ],
                spec.name,
            );
            return Some(self.qa(Topic::Place, spec.id, question, place, rationale));
        }
        let asked = if rng.chance(0.5) {
            place
        } else {
            *rng.pick(spec.places)
        };
        let question = format!("Is the {} here: {asked}?", spec.name);
        let key = format!("{}?{asked}", spec.id);
        Some(self.qa(
            Topic::Place,
            &key,
            question,
            &yes(asked == place),
            rationale,
        ))
    }

    pub(super) fn count(&self, rng: &mut Rng) -> Option<Qa> {
        let (spec, truth) = self.pick(rng, |spec, _| spec.max_count > 1)?;
        let number = truth.count.to_string();
        let noun = if truth.count == 1 {
            spec.name
        } else {
            spec.plural
        };
        let rationale = format!("I count {number} {noun}{}.", whereabouts(spec, truth));
        if rng.chance(0.7) {
            let question = phrase(
                rng,
                &[
                    "How many {} are there?",
                    "Count the {}.",
                    "How many {} do you see?",
                ],
                spec.plural,
            );
            return Some(self.qa(Topic::Count, spec.id, question, &number, rationale));
        }
        let question = phrase(
            rng,
            &["Is there more than one {}?", "Do you see more than one {}?"],
            spec.name,
        );
        let key = format!("{}?many", spec.id);
        Some(self.qa(
            Topic::Count,
            &key,
            question,
            &yes(truth.count > 1),
            rationale,
        ))
    }

    pub(super) fn grade(&self, rng: &mut Rng) -> Option<Qa> {
        let (spec, truth) = self.pick(rng, |_, truth| truth.grade.is_some())?;
        let grade = *spec.grades.get(truth.grade?)?;
        let options: &[&str] = if spec.grades.contains(&"many") {
            &["Are the {} few or many?", "How much of {} is there?"]
        } else {
            &[
                "How large is the {}?",
                "What is the size of the {}?",
                "How big is the {}?",
            ]
        };
        let noun = if truth.count > 1 {
            spec.plural
        } else {
            spec.name
        };
        let question = phrase(rng, options, noun);
        let rationale = format!("{}; it is {grade}.", self.seen(spec, truth));
        Some(self.qa(Topic::Grade, spec.id, question, grade, rationale))
    }

    pub(super) fn larger(&self, rng: &mut Rng) -> Option<Qa> {
        let (spec, truth) = self.pick(rng, |_, truth| truth.larger.is_some())?;
        let side = truth.larger?;
        let question = phrase(
            rng,
            &[
                "Which {} is larger, left or right?",
                "On which side is the larger {}?",
                "Which side has the bigger {}?",
            ],
            spec.name,
        );
        let other = if side == Side::Left { "right" } else { "left" };
        let rationale = format!(
            "I see two {}; the one on the {} is wider than the one on the {other}.",
            spec.plural,
            side.word()
        );
        Some(self.qa(Topic::Larger, spec.id, question, side.word(), rationale))
    }

    pub(super) fn reading(&self, rng: &mut Rng) -> Qa {
        let kind = self.phantom.spec();
        let question = phrase(
            rng,
            &[
                "What is the most likely reading?",
                "What is the most likely finding?",
                "How would you read this image?",
                "What does this image show?",
            ],
            "",
        );
        let (answer, rationale) = match (kind.reading_rule, self.phantom.truth.findings.as_slice())
        {
            (Some(rule), _) => {
                let (answer, rationale) = rule(&self.phantom.truth);
                (answer.to_string(), rationale.to_string())
            }
            (None, []) => (
                kind.normal.to_string(),
                "I see nothing out of the ordinary, so I read it as normal.".to_string(),
            ),
            (None, findings) => {
                let readings: Vec<_> = findings.iter().map(|f| self.spec(f).reading).collect();
                let signs: Vec<_> = findings.iter().map(|f| self.spec(f).sign).collect();
                (
                    readings.join(" and "),
                    format!("I see {}.", signs.join(" and ")),
                )
            }
        };
        self.qa(Topic::Reading, "open", question, &answer, rationale)
    }

    pub(super) fn normal(&self, rng: &mut Rng) -> Qa {
        let question = phrase(
            rng,
            &[
                "Is this image normal?",
                "Is everything normal here?",
                "Would you call this normal?",
            ],
            "",
        );
        let (answer, rationale) = match self.phantom.truth.findings.first() {
            None => (
                "yes",
                "I see nothing out of the ordinary, so I read it as normal.".to_string(),
            ),
            Some(truth) => {
                let spec = self.spec(truth);
                (
                    "no",
                    format!("{}: {}.", self.seen(spec, truth), spec.reading),
                )
            }
        };
        self.qa(Topic::Normal, "closed", question, answer, rationale)
    }

    pub(super) fn attribute(&self, rng: &mut Rng) -> Option<Qa> {
        let kind = self.phantom.spec();
        if kind.attributes.is_empty() {
            return None;
        }
        let index = rng.below(kind.attributes.len());
        let spec = &kind.attributes[index];
        let (answer, rationale) = *spec
            .values
            .get(*self.phantom.truth.attributes.get(index)?)?;
        let question = rng.pick(spec.questions).to_string();
        Some(self.qa(
            Topic::Attribute,
            spec.id,
            question,
            answer,
            rationale.to_string(),
        ))
    }
}
