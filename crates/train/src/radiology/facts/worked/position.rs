//! Questions on where something lies, on which side of the patient, and how many there are.

use super::super::place::Named;
use super::super::question::Asks;
use super::super::rationale::distinct;
use super::super::{Region, words};
use super::{Teacher, WorkedExample};

/// The largest share of the image's width or height for which a box's place is asked.
const SMALL: f32 = 0.6;

impl Teacher<'_> {
    /// Where something lies, on which side of the patient, or how many there are.
    pub(super) fn position(&self) -> Option<WorkedExample> {
        let makers: [fn(&Self) -> Option<WorkedExample>; 3] =
            [Self::side, Self::count, Self::place];
        let start = usize::try_from(self.facts.pick("position") % 3).ok()?;
        (0..3).find_map(|i| makers.get((start + i) % 3).and_then(|make| make(self)))
    }

    /// "On which side of the patient is the nodule?", for findings marked on one side only.
    fn side(&self) -> Option<WorkedExample> {
        let facts = self.facts;
        let regions: Vec<Region> = facts.findings.clone();
        let name = self.choose("side", &distinct(&regions))?.clone();
        let of_name: Vec<Region> = regions
            .into_iter()
            .filter(|region| region.name == name)
            .collect();
        let side = facts.spot(&of_name)?.patient?;
        let thing = definite(&name);
        let organ = words::organ_of(&name)?;
        let (question, answer) = match (organ, self.chance("lung side", 2)) {
            ("lung", true) => (
                format!("Which lung has {}?", words::in_prose(&name)),
                format!("{} lung", side.word()),
            ),
            _ => (
                format!("On which side of the patient is {thing}?"),
                side.word().to_owned(),
            ),
        };
        let named = Named {
            side: Some(side),
            of_patient: true,
            ..Named::default()
        };
        let clauses = facts.seen_findings(&of_name, named);
        let asks = Asks::Where(name);
        Some(self.example(
            "side",
            &asks,
            &question,
            &words::capitalised(&answer),
            clauses,
            of_name,
        ))
    }

    /// "Where in the image is the liver?", for what has one box only.
    fn place(&self) -> Option<WorkedExample> {
        let facts = self.facts;
        let single: Vec<&Region> = facts
            .boxes
            .iter()
            .filter(|region| {
                facts
                    .boxes
                    .iter()
                    .filter(|other| other.name == region.name)
                    .count()
                    == 1
            })
            .filter(|region| Named::of(&region.name).side.is_none())
            .filter(|region| {
                region
                    .bounds
                    .is_some_and(|bounds| bounds.width.max(bounds.height) <= SMALL)
            })
            .collect();
        let region = (*self.choose("place", &single)?).clone();
        let spot = region.bounds?.spot(facts.radiological);
        let thing = definite(&region.name);
        let questions = [
            format!("Where in the image is {thing}?"),
            format!("In which part of the image does {thing} lie?"),
        ];
        let question = self.choose("place question", &questions)?;
        let answer = spot.answer();
        let named = Named {
            of_patient: false,
            ..Named::of(&answer)
        };
        let clauses = facts.placed(&region.name, std::slice::from_ref(&region), named);
        let asks = Asks::Where(region.name.clone());
        Some(self.example("place", &asks, question, &answer, clauses, vec![region]))
    }

    /// How many of an organ there are, where a question of the data set states it and the boxes do not disagree.
    fn count(&self) -> Option<WorkedExample> {
        let facts = self.facts;
        let stated: Vec<(String, usize)> = facts
            .others("")
            .filter_map(|(asks, answer)| match asks {
                Asks::Count(organ) => Some((organ, answer.trim().parse().ok()?)),
                _ => None,
            })
            .filter(|(organ, count)| {
                let marked = distinct(&facts.marked_organ(organ)).len();
                let shown = facts.organs.contains(organ);
                *count > 0 && shown && (marked == 0 || marked == *count)
            })
            .collect();
        let (organ, count) = self.choose("count", &stated)?;
        let many = words::plural(organ);
        let questions = [
            format!("How many {many} do you see?"),
            format!("Count the {many}."),
        ];
        let question = self.choose("count question", &questions)?;
        let asks = Asks::Count(organ.clone());
        let answer = count.to_string();
        let clauses = facts.supports(&asks, question, &answer);
        let boxes = facts.marked_organ(organ);
        Some(self.example("count", &asks, question, &answer, clauses, boxes))
    }
}

/// "the nodule", "the brain edema".
fn definite(name: &str) -> String {
    format!("the {}", words::bare(name))
}
