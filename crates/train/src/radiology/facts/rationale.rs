//! The one or two sentences that lead to an answer.
//!
//! A rationale opens with modality, plane and body part. What supports the answer follows only if another annotation of the
//! same image states it and if it agrees with the answer; otherwise the opening stands alone. The order is fixed, so that a
//! small model can learn it: what is seen, then where.

use super::place::{Named, Spot};
use super::question::{Asks, yes_or_no};
use super::{Facts, Region, words};

/// The most words a rationale may have.
const MOST_WORDS: usize = 22;

impl Facts {
    /// One or two short sentences, at most 22 words, that lead to `answer` and never contradict it.
    ///
    /// `question` and `answer` are as the data set words them. What only this pair states is not repeated as its own support.
    /// Empty if nothing is known.
    #[must_use]
    pub fn rationale(&self, question: &str, answer: &str) -> String {
        let asks = Asks::of(question);
        let support = self.supports(&asks, question, answer);
        self.reasoned(&asks, question, answer, support)
    }

    /// The opening and the first of `support` that agrees with the answer and fits, or the opening alone.
    pub(super) fn reasoned(
        &self,
        asks: &Asks,
        question: &str,
        answer: &str,
        support: Vec<String>,
    ) -> String {
        let opening = self.opening(asks, question, answer);
        let agreeing = support.iter().filter(|clause| agrees(clause, answer));
        agreeing
            .map(|clause| self.joined(&opening, clause, question))
            .find(|text| text.split_whitespace().count() <= MOST_WORDS)
            .unwrap_or_else(|| sentence(&opening))
    }

    /// The opening and a clause in one sentence or in two, as the image and the question decide.
    fn joined(&self, opening: &str, clause: &str, question: &str) -> String {
        match (opening.is_empty(), self.pick(question) % 2) {
            (true, _) => sentence(clause),
            (false, 0) => format!("{opening}; {clause}."),
            (false, _) => format!("{opening}. {}", sentence(clause)),
        }
    }

    /// Clauses that support the answer, the fullest first. Empty if no other annotation does.
    pub(super) fn supports(&self, asks: &Asks, question: &str, answer: &str) -> Vec<String> {
        let named = Named::by(question, answer);
        let clauses = match (asks, yes_or_no(answer)) {
            (Asks::Shows(organ), Some(true)) => self.organ_shown(organ, question, named),
            (Asks::Shows(organ), Some(false)) => self.organ_missing(organ, question),
            (Asks::Main | Asks::OrganAt, _) => self.organs_answered(question, answer, named),
            (Asks::Largest, _) => self.by_size(question, answer, true),
            (Asks::Smallest, _) => self.by_size(question, answer, false),
            (Asks::Count(organ), _) => self.counted(organ, answer, question),
            (Asks::CountOrgans, _) => self.counted_names(answer, false),
            (Asks::CountFindings, _) => self.counted_names(answer, true),
            (Asks::Health { subject, healthy }, Some(yes)) => {
                self.health(subject, *healthy == yes, question, named)
            }
            (Asks::Diseases, _) => self.diseases(question, answer, named),
            (Asks::Finding(name), Some(yes)) => self.has_finding(name, yes, question, named),
            (Asks::AbnormalOrgan, _) => self.abnormal_organ(answer),
            (Asks::Side { healthy }, _) => self.abnormal_side(*healthy, answer, named),
            (Asks::Where(name), _) => self.where_is(name, named),
            (Asks::System, _) => self.system(question, answer),
            (Asks::Function, _) => self.function(question, answer),
            (Asks::Disease, _) => self.seen_findings(&self.marked_findings(), named),
            _ => Vec::new(),
        };
        if clauses.is_empty() {
            self.told(question, answer)
        } else {
            clauses
        }
    }

    /// "the liver lies at the left of the image" and less: the place is left out where the answer disagrees with it.
    pub(super) fn placed(&self, name: &str, regions: &[Region], named: Named) -> Vec<String> {
        // A name with a side tells the patient's side, so the other frame could only confuse.
        let own = Named::of(name).side.filter(|_| named.side.is_none());
        let named = own.map_or(named, |side| Named {
            side: Some(side),
            of_patient: true,
            ..named
        });
        self.lying(&words::in_prose(name), false, regions, named)
    }

    /// A subject in words, one or many, and where its regions lie.
    pub(super) fn lying(
        &self,
        subject: &str,
        many: bool,
        regions: &[Region],
        named: Named,
    ) -> Vec<String> {
        let (lies, seen) = if many {
            ("lie", "are seen")
        } else {
            ("lies", "is seen")
        };
        let place = |place: String| format!("{subject} {lies} {place}");
        let both = self.on_both_sides(regions);
        let places = match self.spot(regions) {
            Some(_) if both && !many && named.side.is_none() && named.level.is_none() => {
                vec!["on both sides".to_owned()]
            }
            Some(spot) if !both => spot.phrases(named),
            _ => Vec::new(),
        };
        places
            .into_iter()
            .map(place)
            .chain([format!("{subject} {seen}")])
            .collect()
    }

    /// The place that `regions` share.
    pub(super) fn spot(&self, regions: &[Region]) -> Option<Spot> {
        let spots: Option<Vec<Spot>> = regions
            .iter()
            .map(|region| region.bounds.map(|bounds| bounds.spot(self.radiological)))
            .collect();
        Spot::shared(spots?)
    }

    /// Whether all of the regions lie clearly on a side, and not all on the same one.
    pub(super) fn on_both_sides(&self, regions: &[Region]) -> bool {
        let sides: Option<Vec<_>> = regions
            .iter()
            .map(|region| region.bounds?.spot(self.radiological).side)
            .collect();
        sides.is_some_and(|sides| sides.iter().any(|side| Some(side) != sides.first()))
    }

    fn where_is(&self, name: &str, named: Named) -> Vec<String> {
        if words::is_finding(name) {
            let mut same = self.marked_findings();
            same.retain(|region| words::same_finding(name, &region.name));
            return self.seen_findings(&same, named);
        }
        let marked = self.marked_organ(name);
        match distinct(&marked).as_slice() {
            [one] => self.placed(one, &marked, named),
            [_, _] if named.side.is_none() => self.pair(name),
            _ => Vec::new(),
        }
    }

    /// The marked organs or findings, if there are as many as the answer says.
    fn counted_names(&self, answer: &str, findings: bool) -> Vec<String> {
        let mut regions = self.boxes.clone();
        regions.retain(|region| words::is_finding(&region.name) == findings);
        let names = distinct(&regions);
        match (findings, names.as_slice()) {
            _ if answer.trim().parse() != Ok(names.len()) => Vec::new(),
            (true, [name]) => vec![format!("{} is the only finding", words::in_prose(name))],
            _ => seen(&names),
        }
    }
}

/// "the lung and the heart are seen".
pub(super) fn seen(names: &[String]) -> Vec<String> {
    let prose: Vec<String> = names.iter().map(|name| words::in_prose(name)).collect();
    match prose.len() {
        0 => Vec::new(),
        1 => vec![format!("{} is seen", words::listed(&prose))],
        _ => vec![format!("{} are seen", words::listed(&prose))],
    }
}

/// The names of regions, each once, in order.
pub(super) fn distinct(regions: &[Region]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for region in regions {
        if !names.contains(&region.name) {
            names.push(region.name.clone());
        }
    }
    names
}

/// The text as a sentence; nothing for nothing.
fn sentence(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{}.", words::capitalised(text))
    }
}

/// Whether a clause names no side and no height opposite to the answer's.
fn agrees(clause: &str, answer: &str) -> bool {
    let (said, told) = (Named::of(clause), Named::of(answer));
    let has = |word: &str| {
        clause
            .split(|c: char| !c.is_alphabetic())
            .any(|w| w.eq_ignore_ascii_case(word))
    };
    let side = told.side.filter(|_| !words::names_both_sides(answer));
    let level = told.level.is_some() && said.level.is_some() && told.level != said.level;
    !level && !side.is_some_and(|side| has(side.other().word()))
}
