//! Clauses about findings, and about what is healthy.

use super::place::{Named, Side};
use super::question::{Asks, Subject, yes_or_no};
use super::rationale::distinct;
use super::{Facts, Region, words};

/// That there is nothing, as the annotators' boxes tell it.
pub(super) const NOTHING: &str = "nothing abnormal is marked";

impl Facts {
    /// The boxes of findings.
    pub(super) fn marked_findings(&self) -> Vec<Region> {
        self.boxes
            .iter()
            .filter(|region| words::is_finding(&region.name))
            .cloned()
            .collect()
    }

    /// Findings by name, and where they lie. Empty without findings.
    pub(super) fn seen_findings(&self, regions: &[Region], named: Named) -> Vec<String> {
        let names = words::with_one_tumor(distinct(regions));
        let prose: Vec<String> = names.iter().map(|name| words::in_prose(name)).collect();
        if prose.is_empty() {
            return Vec::new();
        }
        self.lying(&words::listed(&prose), prose.len() > 1, regions, named)
    }

    /// The patient's side of a region, if it is known.
    fn patient_side(&self, region: &Region) -> Option<Side> {
        region.bounds?.spot(self.radiological).patient
    }

    /// `well`: the answer says that the subject is healthy.
    pub(super) fn health(
        &self,
        subject: &Subject,
        well: bool,
        question: &str,
        named: Named,
    ) -> Vec<String> {
        let organ = match subject {
            Subject::Image => None,
            Subject::Organ(organ) => Some(organ.as_str()),
        };
        let all = self.findings_besides(question);
        let mut inside = all.clone();
        inside.retain(|region| organ.is_none() || words::organ_of(&region.name) == organ);
        let asked = Named::of(question).side;
        let mut affected = inside.clone();
        affected.retain(|region| asked.is_none() || self.patient_side(region) == asked);
        match (well, affected.as_slice()) {
            (false, [_, ..]) => self.seen_findings(&affected, named),
            (true, []) if all.is_empty() => self.nothing(),
            // One side is well: the findings lie on the other, if all of them clearly do.
            (true, []) if asked.is_some() => {
                let elsewhere = inside
                    .iter()
                    .all(|region| self.patient_side(region).is_some());
                if elsewhere {
                    self.seen_findings(&inside, named)
                } else {
                    Vec::new()
                }
            }
            (true, []) => self.in_one_organ(&all),
            _ => Vec::new(),
        }
    }

    /// That nothing is marked, where the annotators drew boxes.
    fn nothing(&self) -> Vec<String> {
        self.annotated
            .then(|| NOTHING.to_owned())
            .into_iter()
            .collect()
    }

    /// "the only finding is liver cancer, in the liver".
    fn in_one_organ(&self, findings: &[Region]) -> Vec<String> {
        match distinct(findings).as_slice() {
            [name] => words::organ_of(name)
                .map(|organ| {
                    format!(
                        "the only finding is {}, in the {organ}",
                        words::in_prose(name)
                    )
                })
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn diseases(&self, question: &str, answer: &str, named: Named) -> Vec<String> {
        let marked = self.marked_findings();
        if words::is_none(answer) {
            return if marked.is_empty() {
                self.nothing()
            } else {
                Vec::new()
            };
        }
        let names: Vec<String> = answer.split(',').filter_map(words::finding).collect();
        let asked_for = |region: &&Region| {
            names
                .iter()
                .any(|name| words::same_finding(name, &region.name))
        };
        let matching: Vec<Region> = marked.iter().filter(asked_for).cloned().collect();
        if !matching.is_empty() {
            let together = self.seen_findings(&matching, named);
            // An answer that tells the kinds of a tumor apart gets them apart.
            if !answer.to_lowercase().contains("enhancing") {
                return together;
            }
            let prose: Vec<String> = distinct(&matching)
                .iter()
                .map(|name| words::in_prose(name))
                .collect();
            let apart = self.lying(&words::listed(&prose), prose.len() > 1, &matching, named);
            return apart.into_iter().chain(together).collect();
        }
        // Without a box, an answer about an organ still tells where the trouble is.
        let organ = names.first().and_then(|name| words::organ_of(name));
        let unhealthy = self.others(question).any(|(asks, answer)| match asks {
            Asks::Health {
                subject: Subject::Organ(of),
                healthy,
            } => Some(of.as_str()) == organ && yes_or_no(answer) == Some(!healthy),
            _ => false,
        });
        match organ {
            Some(organ) if unhealthy => vec![format!("the {organ} is not healthy")],
            _ => Vec::new(),
        }
    }

    pub(super) fn has_finding(
        &self,
        name: &str,
        yes: bool,
        question: &str,
        named: Named,
    ) -> Vec<String> {
        let asked = Named::of(question);
        let marked = self.marked_findings();
        let mut on_side = marked.clone();
        on_side.retain(|region| words::same_finding(name, &region.name));
        on_side.retain(|region| asked.side.is_none() || self.patient_side(region) == asked.side);
        let level = |region: &Region| {
            region
                .bounds
                .and_then(|bounds| bounds.spot(self.radiological).level)
        };
        let mut there = on_side.clone();
        there.retain(|region| asked.level.is_none() || level(region) == asked.level);
        match (yes, there.is_empty()) {
            (true, false) => self.seen_findings(&there, named),
            // The side fits, only the height is not clear.
            (true, true) => self.seen_findings(
                &on_side,
                Named {
                    level: None,
                    ..named
                },
            ),
            (false, true) if !marked.is_empty() => self.seen_findings(&marked, named),
            (false, true) if self.findings_besides(question).is_empty() => self.nothing(),
            _ => Vec::new(),
        }
    }

    /// "pneumonia is seen, a finding of the lung", if all findings are of the organ in the answer.
    pub(super) fn abnormal_organ(&self, answer: &str) -> Vec<String> {
        let (organs, findings) = (words::organs_in(answer), self.marked_findings());
        let [organ] = organs.as_slice() else {
            return Vec::new();
        };
        let all_there = findings
            .iter()
            .all(|region| words::organ_of(&region.name) == Some(organ));
        match (all_there, distinct(&findings).as_slice()) {
            (true, [name]) => vec![format!(
                "{} is seen, a finding of the {organ}",
                words::in_prose(name)
            )],
            (true, [_, ..]) => self.seen_findings(&findings, Named::default()),
            _ => Vec::new(),
        }
    }

    /// The side that is abnormal, or the normal one. What lies on the other side is told without naming that side.
    pub(super) fn abnormal_side(&self, healthy: bool, answer: &str, named: Named) -> Vec<String> {
        let findings = self.marked_findings();
        let Some(spot) = self.spot(&findings) else {
            return Vec::new();
        };
        let place = match (named.side, healthy) {
            (Some(side), false) if spot.patient == Some(side) => {
                format!("on the patient's {}", side.word())
            }
            (Some(side), true) if spot.patient == Some(side.other()) => {
                "on the other side".to_owned()
            }
            (None, false)
                if answer.to_lowercase().contains("both") && self.on_both_sides(&findings) =>
            {
                "on both sides".to_owned()
            }
            _ => return Vec::new(),
        };
        let names = words::with_one_tumor(distinct(&findings));
        let prose: Vec<String> = names.iter().map(|name| words::in_prose(name)).collect();
        let lies = if prose.len() > 1 { "lie" } else { "lies" };
        vec![format!("{} {lies} {place}", words::listed(&prose))]
    }
}
