//! The opening of a rationale: modality, plane and part of the body, as far as the answer agrees.

use super::question::{Asks, yes_or_no};
use super::{Facts, words};

impl Facts {
    /// "Axial CT of the abdomen", without what the answer disagrees with. Empty if nothing is known.
    pub(super) fn opening(&self, asks: &Asks, question: &str, answer: &str) -> String {
        let (question, answer) = (question.to_lowercase(), answer.to_lowercase());
        let kept = |value: &Option<String>, same: fn(&str, &str) -> bool| {
            let value = value.clone()?;
            let agrees = match yes_or_no(&answer) {
                Some(yes) => yes == same(&question, &value.to_lowercase()),
                None => same(&answer, &value.to_lowercase()),
            };
            agrees.then_some(value)
        };
        let (mut modality, mut plane, mut part) = (
            self.modality.clone(),
            self.plane.clone(),
            self.body_part.clone(),
        );
        let (mut weighting, mut contrast) = (self.weighting.clone(), None);
        // Whether contrast was given says nothing about the modality.
        let asked = yes_or_no(&answer).is_some() && !question.contains("contrast");
        match asks {
            Asks::Modality if names_a_modality(&answer) || asked && names_a_modality(&question) => {
                modality = kept(&modality, same_modality);
            }
            Asks::Plane => plane = kept(&plane, same_plane),
            Asks::BodyPart
                if question.contains("study of the") || question.contains("exist in the") =>
            {
                part = kept(&part, |text, part| text.contains(part));
            }
            _ => {}
        }
        if *asks == Asks::Modality {
            contrast = self.contrast.filter(|_| modality.is_some());
            let named = ["t1", "t2", "flair"]
                .iter()
                .any(|name| question.contains(name));
            if named && yes_or_no(&answer).is_some() {
                weighting = kept(&weighting, |text, weighting| text.contains(weighting));
            }
        }
        let modality = modality.map(|name| match contrast {
            Some(true) => format!("contrast-enhanced {name}"),
            Some(false) => format!("noncontrast {name}"),
            None => name,
        });
        let plane = plane.map(|plane| self.plane_words(&plane, *asks == Asks::Plane));
        let known = modality.is_some() || part.is_some() || plane.is_some();
        if !known {
            return String::new();
        }
        let kind = modality.unwrap_or_else(|| "image".into());
        let weighting = weighting.filter(|weighting| !kind.contains(weighting.as_str()));
        let words: Vec<String> = [plane, weighting, Some(kind)]
            .into_iter()
            .flatten()
            .collect();
        let part = part
            .map(|part| format!(" of the {part}"))
            .unwrap_or_default();
        words::capitalised(&format!("{}{part}", words.join(" ")))
    }

    /// A coronal X-ray is called frontal, as readers do. A question on the plane gets both words.
    fn plane_words(&self, plane: &str, asked: bool) -> String {
        let film = self.modality.as_deref() == Some("X-ray");
        match (plane, film, asked) {
            ("Coronal", true, true) => "Frontal (coronal)".into(),
            ("Coronal", true, false) => "Frontal".into(),
            _ => plane.to_owned(),
        }
    }
}

fn names_a_modality(text: &str) -> bool {
    ["ct", "mri", "x-ray", "xray", "ultrasound"]
        .iter()
        .any(|name| {
            text.split(|c: char| !c.is_alphanumeric() && c != '-')
                .any(|word| word == *name)
        })
}

/// Whether `text` names the modality `value` (in lower case).
fn same_modality(text: &str, value: &str) -> bool {
    let words = || text.split(|c: char| !c.is_alphanumeric() && c != '-');
    match value {
        "x-ray" => text.contains("x-ray") || text.contains("xray") || text.contains("plain film"),
        "mri" => words().any(|w| matches!(w, "mri" | "mr" | "mra")),
        "ct" => words().any(|w| matches!(w, "ct" | "cta")),
        _ => text.contains(value),
    }
}

/// Whether `text` names the plane `value` (in lower case).
fn same_plane(text: &str, value: &str) -> bool {
    match value {
        "axial" => text.contains("axial") || text.contains("transverse"),
        "pa" => text.contains("pa") || text.contains("posteroanterior"),
        "ap" => {
            text.contains("ap")
                || text.contains("anteroposterior")
                || text.contains("anterior posterior")
        }
        "coronal" => text.contains("coronal") || text.contains("frontal"),
        _ => text.contains(value),
    }
}
