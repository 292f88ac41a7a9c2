//! Questions on what organs do and on diseases in general, about what the image shows.

use super::super::place::Named;
use super::super::question::Asks;
use super::super::rationale::distinct;
use super::super::{Region, words};
use super::{Teacher, WorkedExample};

impl Teacher<'_> {
    /// What is known in general about an organ or a finding of the image.
    pub(super) fn general(&self) -> Option<WorkedExample> {
        let facts = self.facts;
        let findings: Vec<Region> = facts
            .findings
            .iter()
            .filter(|region| region.name != "abnormality")
            .cloned()
            .collect();
        let about_finding = self.chance("general", 2);
        let first = if about_finding {
            self.of_finding(&findings)
        } else {
            self.of_organ()
        };
        first.or_else(|| {
            if about_finding {
                self.of_organ()
            } else {
                self.of_finding(&findings)
            }
        })
    }

    fn of_finding(&self, findings: &[Region]) -> Option<WorkedExample> {
        let name = self.choose("finding known", &distinct(findings))?.clone();
        let called = if name.ends_with("tumor") {
            "a brain tumor".to_owned()
        } else {
            words::in_prose(&name)
        };
        let known = [
            (
                format!("How is {called} usually treated?"),
                self.knowledge.treatment(&name),
            ),
            (
                format!("Which symptoms go with {called}?"),
                self.knowledge.symptoms(&name),
            ),
            (
                format!("What can {called} come from?"),
                self.knowledge.causes(&name),
            ),
        ];
        let known: Vec<(String, String)> = known
            .into_iter()
            .filter_map(|(question, answer)| Some((question, answer?)))
            .collect();
        let (question, answer) = self.choose("finding fact", &known)?;
        let regions: Vec<Region> = findings
            .iter()
            .filter(|region| region.name == name)
            .cloned()
            .collect();
        let clauses = self.facts.seen_findings(&regions, Named::default());
        let boxes = regions
            .into_iter()
            .filter(|region| region.bounds.is_some())
            .collect();
        Some(self.example(
            "knowledge",
            &Asks::Disease,
            question,
            answer,
            clauses,
            boxes,
        ))
    }

    fn of_organ(&self) -> Option<WorkedExample> {
        let facts = self.facts;
        let known: Vec<(String, String, String)> = facts
            .organs
            .iter()
            .flat_map(|organ| {
                let does = format!("What does the {organ} do?");
                let belongs = format!("Which body system is the {organ} part of?");
                let function = self
                    .knowledge
                    .function(organ)
                    .map(|answer| (organ.clone(), does, answer));
                let system = self
                    .knowledge
                    .system(organ)
                    .map(|answer| (organ.clone(), belongs, answer));
                [function, system].into_iter().flatten()
            })
            .collect();
        let (organ, question, answer) = self.choose("organ fact", &known)?;
        let boxes = facts.marked_organ(organ);
        let clauses = facts.supports(&Asks::Shows(organ.clone()), question, "Yes");
        Some(self.example(
            "knowledge",
            &Asks::Function,
            question,
            answer,
            clauses,
            boxes,
        ))
    }
}
