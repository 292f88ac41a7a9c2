//! Clauses about organs: which are shown, where, how many, how large, and what they do.

use super::place::Named;
use super::question::{Asks, yes_or_no};
use super::rationale::{distinct, seen};
use super::{Facts, Region, words};

/// The most organs that a clause lists.
const MOST_LISTED: usize = 3;

impl Facts {
    /// The boxes of an organ, on either side; of one side if `name` has one.
    pub(super) fn marked_organ(&self, name: &str) -> Vec<Region> {
        let same =
            |region: &&Region| region.name == name || words::without_side(&region.name) == name;
        self.boxes.iter().filter(same).cloned().collect()
    }

    pub(super) fn organ_shown(&self, organ: &str, question: &str, named: Named) -> Vec<String> {
        let marked = self.marked_organ(organ);
        match distinct(&marked).as_slice() {
            [name] => return self.placed(name, &marked, named),
            [_, _] => return self.pair(organ),
            _ => {}
        }
        let says = |wanted: &Asks| {
            self.others(question)
                .any(|(asks, answer)| asks == *wanted && only(organ, answer))
        };
        if says(&Asks::Largest) {
            return vec![format!("the {organ} is the largest organ")];
        }
        if says(&Asks::Main) {
            return vec![format!("the {organ} is the main organ")];
        }
        let shown = self
            .shown_organs(question)
            .iter()
            .any(|shown| shown == organ);
        if shown {
            seen(&[organ.to_owned()])
        } else {
            Vec::new()
        }
    }

    /// Other organs are seen where this one is not. That they are all is not said.
    pub(super) fn organ_missing(&self, organ: &str, question: &str) -> Vec<String> {
        let shown = self.shown_organs(question);
        let contradicted = shown.iter().any(|shown| shown == organ);
        if contradicted {
            Vec::new()
        } else {
            some_seen(&shown)
        }
    }

    /// The answer is one or more organs: where they lie, or that another annotation shows them too.
    pub(super) fn organs_answered(
        &self,
        question: &str,
        answer: &str,
        named: Named,
    ) -> Vec<String> {
        let organs = words::organs_in(answer);
        let shown = self.shown_organs(question);
        if organs.is_empty() || !organs.iter().all(|organ| shown.contains(organ)) {
            return Vec::new();
        }
        let marked = self.marked_organ(&words::organ(answer));
        match (distinct(&marked).as_slice(), organs.as_slice()) {
            ([name], _) => self.placed(name, &marked, named),
            (_, [organ]) if question.to_lowercase().contains("pairs") => self.pair(organ),
            ([_, ..], _) if named.side.is_some() => Vec::new(),
            _ => some_seen(&organs),
        }
    }

    /// "both kidneys are seen", if both are marked.
    pub(super) fn pair(&self, organ: &str) -> Vec<String> {
        let both = distinct(&self.marked_organ(organ)).len() == 2;
        both.then(|| format!("both {} are seen", words::plural(organ)))
            .into_iter()
            .collect()
    }

    /// The share of the image that the boxes of an organ cover; 0 if it is not marked.
    fn covered(&self, organ: &str) -> f32 {
        self.marked_organ(organ)
            .iter()
            .filter_map(|region| Some(region.bounds?.area()))
            .sum()
    }

    /// "the liver covers a larger area than the spleen", if the boxes agree with the answer.
    pub(super) fn by_size(&self, question: &str, answer: &str, largest: bool) -> Vec<String> {
        let (organs, lower) = (words::organs_in(answer), question.to_lowercase());
        let [organ] = organs.as_slice() else {
            return Vec::new();
        };
        let of_all = lower.contains("largest organ");
        let mut rivals = if of_all {
            self.shown_organs(question)
        } else {
            words::organs_named(&lower)
        };
        rivals.retain(|rival| rival != organ);
        let own = self.covered(organ);
        let beats = |rival: &String| {
            let other = self.covered(rival);
            other > 0.0 && if largest { own > other } else { own < other }
        };
        // A box of one side says nothing about both.
        let sided = Named::of(question)
            .side
            .or(Named::of(answer).side)
            .is_some();
        if own > 0.0 && !sided && !rivals.is_empty() && rivals.iter().all(beats) {
            let than: Vec<String> = rivals.iter().map(|rival| words::in_prose(rival)).collect();
            let area = match (of_all, largest) {
                (true, _) => "the largest area".to_owned(),
                (false, true) => format!("a larger area than {}", words::listed(&than)),
                (false, false) => format!("a smaller area than {}", words::listed(&than)),
            };
            return vec![format!("the {organ} covers {area}")];
        }
        let main = self
            .others(question)
            .any(|(asks, answer)| asks == Asks::Main && only(organ, answer));
        if main && largest {
            vec![format!("the {organ} is the main organ")]
        } else {
            Vec::new()
        }
    }

    pub(super) fn counted(&self, organ: &str, answer: &str, question: &str) -> Vec<String> {
        let marked = self.marked_organ(organ);
        let shown = || {
            self.shown_organs(question)
                .iter()
                .any(|shown| shown == organ)
        };
        match (answer.trim().parse::<usize>(), distinct(&marked).as_slice()) {
            (Ok(0), []) => self.organ_missing(organ, question),
            (Ok(1), [name]) => self.placed(name, &marked, Named::default()),
            (Ok(2), [_, _]) => self.pair(organ),
            (Ok(1), []) if shown() => seen(&[organ.to_owned()]),
            (Ok(_), []) if shown() => vec![format!("the {} are seen", words::plural(organ))],
            _ => Vec::new(),
        }
    }

    /// "the liver is seen, part of the digestive system".
    pub(super) fn system(&self, question: &str, answer: &str) -> Vec<String> {
        let shown = self.shown_organs(question);
        let (question, answer) = (question.to_lowercase(), answer.to_lowercase());
        let asked = |organ: &&String| {
            let system = words::system_of(organ);
            system.is_some_and(|system| question.contains(system) || answer.contains(system))
        };
        let fitting: Vec<String> = shown.iter().filter(asked).cloned().collect();
        let told = words::organs_in(&answer);
        let mut wanted = match (told.is_empty(), words::is_none(&answer)) {
            (false, _) if told.iter().all(|organ| fitting.contains(organ)) => told,
            (true, false) => fitting,
            (true, true) if fitting.is_empty() => return some_seen(&shown),
            _ => return Vec::new(),
        };
        wanted.truncate(MOST_LISTED);
        let Some(system) = wanted.first().and_then(|organ| words::system_of(organ)) else {
            return Vec::new();
        };
        let part = if wanted.len() == 1 { "part" } else { "parts" };
        seen(&wanted)
            .into_iter()
            .map(|seen| format!("{seen}, {part} of the {system}"))
            .collect()
    }

    /// "the bladder is seen, which does this", if just one organ that is seen does what is asked.
    pub(super) fn function(&self, question: &str, answer: &str) -> Vec<String> {
        let shown = self.shown_organs(question);
        let denied = yes_or_no(answer);
        let asked = if denied.is_some() { question } else { answer };
        let able: Vec<&String> = shown
            .iter()
            .filter(|organ| words::does(organ, asked))
            .collect();
        match (denied, able.as_slice()) {
            (Some(false), []) => some_seen(&shown),
            (Some(true) | None, [organ]) => vec![format!("the {organ} is seen, which does this")],
            _ => Vec::new(),
        }
    }
}

/// Up to three organs are seen.
fn some_seen(organs: &[String]) -> Vec<String> {
    seen(organs.get(..MOST_LISTED).unwrap_or(organs))
}

/// Whether an answer names this organ and no other.
fn only(organ: &str, answer: &str) -> bool {
    words::organs_in(answer) == [organ]
}
