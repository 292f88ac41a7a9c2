//! What the annotations of an image state, and the sentences that may be built from them.
//!
//! A rationale is only as good as what it rests on, so everything said here goes back to an annotation of the same image: its
//! modality, its boxes, or another question that was answered about it. Nothing is inferred from a diagnosis, and no sentence
//! of a data set is copied: the wording, of questions too, is this project's own.
//!
//! Sides need care. In SLAKE, `left lung` and `left lobe` are the patient's left, and a bare `left` is the left of the
//! image. The images follow the radiological convention (image left is the patient's right): all boxes with a sided name lie
//! where it puts them, and so do all 151 one-sided answers about a lung, a lobe or a hemisphere whose boxes lie on one side.

mod findings;
mod knowledge;
mod opening;
mod organs;
mod place;
mod question;
mod rationale;
mod read;
mod slake;
mod told;
mod vqa_med;
mod vqa_rad;
mod words;
mod worked;

#[cfg(test)]
mod data_tests;
#[cfg(test)]
mod tests;

pub use knowledge::Knowledge;
pub use place::Bounds;
pub use read::{FactsError, ImageFacts};
pub use slake::slake;
pub use vqa_med::vqa_med;
pub use vqa_rad::vqa_rad;
pub use worked::{WorkedExample, worked_examples};

use question::{Asks, Subject, yes_or_no};

/// Something that the annotators named in an image, and where they marked it.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The name in lower case, with the patient's side where the annotators gave one: `left kidney`, `liver cancer`.
    pub name: String,
    /// Where it was marked. `None` if it was only named.
    pub bounds: Option<Bounds>,
}

/// What the annotations state about one image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The image file relative to the data set's folder. It also picks among phrasings.
    pub image: String,
    /// `CT`, `MRI`, `X-ray`, `ultrasound` and so on.
    pub modality: Option<String>,
    /// `Axial`, `Coronal`, `Sagittal`, `Lateral`, `PA` and so on, as stated.
    pub plane: Option<String>,
    /// The part of the body, as it reads after "of the": `chest`, `pelvic cavity`, `musculoskeletal system`.
    pub body_part: Option<String>,
    /// The weighting or sequence of an MRI: `T1`, `T2`, `FLAIR`.
    pub weighting: Option<String>,
    /// Whether a contrast agent was given.
    pub contrast: Option<bool>,
    /// The organs stated to be shown, without a side (`kidney`), in alphabetical order.
    pub organs: Vec<String>,
    /// The organs stated not to be shown.
    pub absent: Vec<String>,
    /// Findings, marked ones first, each marked place once, then those that an answer only names.
    pub findings: Vec<Region>,
    /// Every box of the image, organs and findings.
    pub boxes: Vec<Region>,
    /// Whether the annotators drew boxes on the data set's images, so that one without a finding's box has no marked finding.
    pub annotated: bool,
    /// Whether the image as a whole is stated to be normal.
    pub normal: Option<bool>,
    /// Whether image left is known to be the patient's right.
    pub radiological: bool,
    /// The questions and answers as the data set words them.
    pub qa: Vec<(String, String)>,
}

impl Facts {
    /// Fills the plane where no question states it. In SLAKE every stated plane is axial in CT (110 images) and MRI (45), and
    /// coronal in X-ray (46), and every closed question agrees. The plane stays open for other modalities.
    #[must_use]
    pub fn with_usual_plane(mut self) -> Self {
        let usual = match self.modality.as_deref() {
            Some("CT" | "MRI") => Some("Axial"),
            Some("X-ray") => Some("Coronal"),
            _ => None,
        };
        self.plane = self.plane.or(usual.map(str::to_owned));
        self
    }

    /// Fills `organs`, `absent`, `findings` and `normal` from the boxes, the questions and the answers. What two annotations
    /// contradict is left out of both lists.
    pub(super) fn settle(&mut self) {
        let (mut organs, mut absent) = (self.shown_organs(""), self.absent_organs(""));
        organs.sort();
        absent.sort();
        self.organs = organs
            .iter()
            .filter(|organ| !absent.contains(organ))
            .cloned()
            .collect();
        self.absent = absent
            .into_iter()
            .filter(|organ| !organs.contains(organ))
            .collect();
        self.findings = self.findings_besides("");
        self.normal = self.stated_normal();
    }

    /// The questions other than `question`, each with its answer.
    fn others<'a>(&'a self, question: &str) -> impl Iterator<Item = (Asks, &'a str)> {
        let asked = question.trim().to_lowercase();
        self.qa
            .iter()
            .filter(move |(other, _)| other.trim().to_lowercase() != asked)
            .map(|(other, answer)| (Asks::of(other), answer.as_str()))
    }

    /// The organs that a box or a question other than `question` shows, without sides and repeats.
    fn shown_organs(&self, question: &str) -> Vec<String> {
        let mut shown: Vec<String> = self
            .boxes
            .iter()
            .filter(|region| !words::is_finding(&region.name))
            .map(|region| words::without_side(&region.name).to_owned())
            .collect();
        for (asks, answer) in self.others(question) {
            match asks {
                Asks::Shows(organ) if yes_or_no(answer) == Some(true) => shown.push(organ),
                Asks::Count(organ) if answer.trim().parse().is_ok_and(|n: u32| n > 0) => {
                    shown.push(organ);
                }
                Asks::Main | Asks::Largest | Asks::OrganAt => {
                    shown.extend(words::organs_in(answer))
                }
                _ => {}
            }
        }
        let mut seen = Vec::new();
        shown.retain(|organ| {
            let new = words::is_organ(organ) && !seen.contains(organ);
            seen.extend(new.then(|| organ.clone()));
            new
        });
        shown
    }

    /// The organs that a question other than `question` says are not shown.
    fn absent_organs(&self, question: &str) -> Vec<String> {
        let mut absent: Vec<String> = self
            .others(question)
            .filter_map(|(asks, answer)| match asks {
                Asks::Shows(organ) if yes_or_no(answer) == Some(false) => Some(organ),
                Asks::Count(organ) if answer.trim() == "0" => Some(organ),
                _ => None,
            })
            .filter(|organ| words::is_organ(organ))
            .collect();
        absent.sort();
        absent.dedup();
        absent
    }

    /// The marked findings, then those that a question other than `question` names.
    fn findings_besides(&self, question: &str) -> Vec<Region> {
        let mut found: Vec<Region> = self
            .boxes
            .iter()
            .filter(|region| words::is_finding(&region.name))
            .cloned()
            .collect();
        let marked = found.clone();
        for (asks, answer) in self.others(question) {
            if asks != Asks::Diseases {
                continue;
            }
            for name in answer.split(',').filter_map(words::finding) {
                let known = |region: &Region| words::same_finding(&name, &region.name);
                if !found.iter().any(known) && marked.is_empty() {
                    found.push(Region { name, bounds: None });
                }
            }
        }
        found
    }

    /// Whether a question calls the whole image normal. `None` if none does, or if answers or boxes disagree.
    fn stated_normal(&self) -> Option<bool> {
        let mut stated: Vec<bool> = self
            .others("")
            .filter_map(|(asks, answer)| match asks {
                Asks::Health {
                    subject: Subject::Image,
                    healthy,
                } => Some(yes_or_no(answer)? == healthy),
                Asks::Diseases => Some(words::is_none(answer)),
                _ => None,
            })
            .collect();
        stated.sort_unstable();
        stated.dedup();
        match (stated.as_slice(), self.findings_besides("").is_empty()) {
            ([true], true) => Some(true),
            ([false], false) => Some(false),
            _ => None,
        }
    }

    /// A number that depends only on the image and `text`, to choose among phrasings.
    fn pick(&self, text: &str) -> u64 {
        // FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): stable across releases of Rust, unlike the standard hasher.
        let bytes = self.image.bytes().chain([0]).chain(text.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash ^ (hash >> 29)
    }
}
