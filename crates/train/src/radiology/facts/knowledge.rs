//! SLAKE's knowledge graph: what organs do and belong to, how diseases are treated, what they cause and come from.
//!
//! Its values are lists of phrases. They are shortened and put into the words used here; nothing is added to them.

use std::collections::BTreeMap;
use std::path::Path;

use super::read::{self, FactsError};
use super::words;

/// The most words of an answer from the graph.
const MOST_WORDS: usize = 7;

/// What the graph lists among symptoms but a patient does not feel.
const SIGNS: [&str; 2] = ["encephalomalacia", "local edema"];

/// Facts about organs and findings in general, by the names that [`super::Facts`] uses.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// Values by the graph's subject and attribute, both in lower case. The first value of a subject counts.
    values: BTreeMap<(String, String), String>,
}

impl Knowledge {
    /// Reads `KG/en_organ.csv`, `KG/en_organ_rel.csv` and `KG/en_disease.csv` of the SLAKE `folder`; each line is
    /// `subject#attribute#value`.
    pub fn read(folder: &Path) -> Result<Self, FactsError> {
        let mut knowledge = Self::default();
        for name in ["en_organ.csv", "en_organ_rel.csv", "en_disease.csv"] {
            knowledge.add(&read::text(&folder.join("KG").join(name))?);
        }
        Ok(knowledge)
    }

    /// Adds lines of `subject#attribute#value`. Lines of another form, the header among them, do no harm.
    pub(super) fn add(&mut self, lines: &str) {
        for line in lines.lines() {
            let mut fields = line.trim().splitn(3, '#');
            let (Some(subject), Some(attribute), Some(value)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let key = (subject.to_lowercase(), attribute.to_lowercase());
            self.values
                .entry(key)
                .or_insert_with(|| value.to_lowercase());
        }
    }

    fn value(&self, name: &str, attribute: &str) -> Option<&str> {
        let key = (subject(name).to_owned(), attribute.to_owned());
        self.values.get(&key).map(String::as_str)
    }

    /// What an organ does: `Storing urine`.
    #[must_use]
    pub fn function(&self, organ: &str) -> Option<String> {
        let value = self
            .value(organ, "function")
            .or_else(|| self.value(organ, "effect"))?;
        let items = value
            .split(", ")
            .map(|item| as_noun(item.trim_start_matches("organs of ")));
        short(&merged(items.collect()), "and")
    }

    /// The body system of an organ: `Digestive system`.
    #[must_use]
    pub fn system(&self, organ: &str) -> Option<String> {
        let system = self
            .value(organ, "belong to")
            .filter(|value| value.ends_with("system"))?;
        Some(words::capitalised(system))
    }

    /// How a disease is treated: `Surgery, chemotherapy or radiotherapy`.
    #[must_use]
    pub fn treatment(&self, finding: &str) -> Option<String> {
        let items = self
            .value(finding, "treatment")?
            .split(", ")
            .map(|item| treatment(item).to_owned());
        short(&merged(items.collect()), "or")
    }

    /// The symptoms of a disease: `Dyspnea and cough`.
    #[must_use]
    pub fn symptoms(&self, finding: &str) -> Option<String> {
        let items = self.value(finding, "symptom")?.split(", ");
        let brief = items.filter(|item| item.split(' ').count() <= 3 && !SIGNS.contains(item));
        short(&brief.map(str::to_owned).collect::<Vec<_>>(), "and")
    }

    /// What a disease comes from: `Hypertension or dilated cardiomyopathy`.
    #[must_use]
    pub fn causes(&self, finding: &str) -> Option<String> {
        let items = self
            .value(finding, "cause")?
            .split(", ")
            .filter(|item| *item != "etc");
        let brief = items
            .filter(|item| item.split(' ').count() <= 3)
            .map(str::to_owned);
        short(&brief.collect::<Vec<_>>(), "or")
    }
}

/// The graph's name of an organ or finding, in lower case.
fn subject(name: &str) -> &str {
    match name {
        "nodule" => "pulmonary nodules",
        "mass" => "pulmonary mass",
        "effusion" => "pleural effusion",
        "infiltration" => "pulmonary infiltration",
        "brain tumor" | "brain enhancing tumor" | "brain non-enhancing tumor" => "brain tumour",
        "small bowel" => "small intestine",
        "large bowel" => "large intestine",
        "brain stem" => "brainstem",
        other => other,
    }
}

/// The first items, up to three, that fit into an answer.
fn short(items: &[String], joint: &str) -> Option<String> {
    (1..=items.len().min(3)).rev().find_map(|count| {
        let text = match items.get(..count)? {
            [one] => one.clone(),
            [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
            [] => return None,
        };
        let fits = text.split(' ').count() <= MOST_WORDS;
        fits.then(|| words::capitalised(&text))
    })
}

/// Items without repeats; `storing feces, excreting feces` becomes `storing and excreting feces`.
fn merged(items: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    if let [first, second] = kept.as_slice()
        && let (Some((verb, object)), Some((other_verb, other))) =
            (first.split_once(' '), second.split_once(' '))
    {
        if object == other {
            return vec![format!("{verb} and {other_verb} {object}")];
        }
        if verb == other_verb {
            return vec![format!("{verb} {object} and {other}")];
        }
    }
    kept
}

/// `digest food` as `digesting food`; a phrase without a known verb stays.
fn as_noun(item: &str) -> String {
    const VERBS: [(&str, &str); 14] = [
        ("breathe", "breathing"),
        ("digest", "digesting"),
        ("secrete", "secreting"),
        ("store", "storing"),
        ("excrete", "excreting"),
        ("absorb", "absorbing"),
        ("discharge", "discharging"),
        ("adjust", "adjusting"),
        ("promote", "promoting"),
        ("improve", "improving"),
        ("control", "controlling"),
        ("maintain", "maintaining"),
        ("protect", "protecting"),
        ("receive", "receiving"),
    ];
    let item = item
        .replace("individual life", "life")
        .replace("bridge between", "connecting");
    let (verb, rest) = item.split_once(' ').unwrap_or((&item, ""));
    match VERBS.iter().find(|(plain, _)| *plain == verb) {
        Some((_, noun)) => format!("{noun} {rest}").trim().to_owned(),
        None => item,
    }
}

/// One word for each way to treat a disease.
fn treatment(item: &str) -> &str {
    match item.trim() {
        "surgical treatment" | "surgical therapy" => "surgery",
        "medical treatment" | "medical therapy" | "pharmacotherapy" | "medication" => "medicine",
        "supportive treatment" | "supportive therapy" => "supportive care",
        "targeted drug therapy" => "targeted drugs",
        "physiotherapy" => "physical therapy",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knowledge_is_put_into_short_answers() {
        let mut knowledge = Knowledge::default();
        let lines = [
            "Rectum#function#store feces, excrete feces",
            "Bladder#function#store urine",
            "Spinal Cord#effect#bridge between brain and peripheral nerve",
            "Liver#belong to#Digestive System",
            "Liver Cancer#treatment#surgical treatment, chemotherapy, radiotherapy",
            "Pulmonary Nodules#symptom#chest tightness, fatigue",
            "Pleural Effusion#cause#inflammation, malignant tumor, trauma, etc",
            "a line of another form",
        ];
        knowledge.add(&lines.join("\n"));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            knowledge.function("rectum"),
            some("Storing and excreting feces")
        );
        assert_eq!(knowledge.function("bladder"), some("Storing urine"));
        assert_eq!(
            knowledge.function("spinal cord"),
            some("Connecting brain and peripheral nerve")
        );
        assert_eq!(knowledge.system("liver"), some("Digestive system"));
        assert_eq!(
            knowledge.treatment("liver cancer"),
            some("Surgery, chemotherapy or radiotherapy")
        );
        assert_eq!(
            knowledge.symptoms("nodule"),
            some("Chest tightness and fatigue")
        );
        assert_eq!(
            knowledge.causes("effusion"),
            some("Inflammation, malignant tumor or trauma")
        );
        assert_eq!(knowledge.causes("gallstone"), None);
    }
}
