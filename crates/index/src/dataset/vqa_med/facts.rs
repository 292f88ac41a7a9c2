//! Facts about an image, collected from its questions.

use crate::dataset::row::Row;
use crate::dataset::vocabulary::{modality, words};

/// The topic of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Modality,
    Plane,
    Organ,
    Abnormality,
}

const ALL: [Category; 4] = [
    Category::Modality,
    Category::Plane,
    Category::Organ,
    Category::Abnormality,
];

impl Category {
    /// Its name in the data.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Modality => "modality",
            Self::Plane => "plane",
            Self::Organ => "organ",
            Self::Abnormality => "abnormality",
        }
    }

    /// The category with this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        ALL.into_iter().find(|category| category.name() == name)
    }

    /// The category given by a file name: `c1_modality_train.txt`.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        let mut words = words(name).into_iter();
        let number = words.next()?;
        let numbered = matches!(number.as_bytes(), [b'c', digit] if digit.is_ascii_digit());
        numbered.then(|| Self::of_name(&words.next()?)).flatten()
    }

    /// The category inferred from the words of a question, if no file gives it.
    pub(super) fn of_question(question: &str) -> Option<Self> {
        let words = words(question);
        let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
        if has(&["plane"]) {
            Some(Self::Plane)
        } else if has(&["organ", "part"]) {
            Some(Self::Organ)
        } else if has(&[
            "abnormality",
            "abnormal",
            "wrong",
            "alarming",
            "normal",
            "diagnosis",
        ]) {
            Some(Self::Abnormality)
        } else if has(&[
            "modality",
            "weighted",
            "weighting",
            "contrast",
            "noncontrast",
        ]) || modality(question).is_some()
        {
            Some(Self::Modality)
        } else {
            None
        }
    }
}

/// Facts about one image; each is empty until a question reveals it.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The normalised modality, and whether an answer named it.
    modality: Option<(&'static str, bool)>,
    modality_text: Vec<String>,
    organ: String,
    plane: String,
}

impl Facts {
    /// Adds what a question and its answer reveal.
    pub(super) fn learn(&mut self, category: Option<Category>, question: &str, answer: &str) {
        let answer = answer.trim().to_lowercase();
        let named = !matches!(answer.as_str(), "" | "yes" | "no");
        match category {
            Some(Category::Plane) if named && self.plane.is_empty() => {
                self.plane.clone_from(&answer)
            }
            Some(Category::Organ) if named && self.organ.is_empty() => {
                self.organ.clone_from(&answer)
            }
            Some(Category::Modality) if named => self.named_modality(&answer),
            _ => {}
        }
        // "Is this a CT scan? no" says what it is not.
        let question = question.trim().to_lowercase();
        let denied = answer == "no" && question.starts_with("is this");
        if self.modality.is_none() && !denied {
            self.modality = presupposed(&question).map(|modality| (modality, false));
        }
    }

    fn named_modality(&mut self, answer: &str) {
        let Some(found) = modality(answer) else {
            return;
        };
        if !matches!(self.modality, Some((_, true))) {
            self.modality = Some((found, true));
        }
        if self.modality_text.len() < 4 && !self.modality_text.iter().any(|text| text == answer) {
            self.modality_text.push(answer.to_owned());
        }
    }

    /// Adds the facts as tags to a row about the image.
    pub(super) fn tag(&self, row: &mut Row) {
        row.tag(
            "modality",
            self.modality.map_or("", |(modality, _)| modality),
        );
        row.tag_all(
            "modality-text",
            self.modality_text.iter().map(String::as_str),
        );
        row.tag("organ", &self.organ);
        row.tag("plane", &self.plane);
    }
}

/// The modality a question presupposes; none if it mentions several.
fn presupposed(question: &str) -> Option<&'static str> {
    let words = words(question);
    let mut found = words.iter().filter_map(|word| match word.as_str() {
        "ct" => Some("ct"),
        "mri" | "mr" | "t1" | "t2" | "flair" => Some("mr"),
        "ultrasound" => Some("us"),
        "xray" | "ray" | "radiograph" => Some("xr"),
        "mammogram" | "mammograph" => Some("mammography"),
        "angiogram" => Some("angiography"),
        _ => None,
    });
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modality_after(questions: &[(&str, &str)]) -> Option<&'static str> {
        let mut facts = Facts::default();
        for (question, answer) in questions {
            facts.learn(Category::of_question(question), question, answer);
        }
        facts.modality.map(|(modality, _)| modality)
    }

    #[test]
    fn the_modality_comes_from_answers_or_from_what_questions_presuppose() {
        assert_eq!(modality_after(&[("is this a ct scan?", "no")]), None);
        assert_eq!(modality_after(&[("is this a ct scan?", "yes")]), Some("ct"));
        assert_eq!(
            modality_after(&[("in what plane is this mri?", "axial")]),
            Some("mr")
        );
        let both = [
            ("is this a ct or an mri?", "yes"),
            ("what imaging modality is this?", "us - ultrasound"),
        ];
        assert_eq!(modality_after(&both), Some("us"));
        assert_eq!(
            modality_after(&[("is this a t1 weighted, t2 weighted, or flair image?", "t2")]),
            Some("mr")
        );
    }
}
