//! What the tower is trained on: every question that is asked of many images, every field beside the questions, and boxes, each as a
//! classification; and what made-up names can stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{RadiologyData, Set, Split};
use rounds_assistant::comparable;
use rounds_model::ops::Choice;

/// A question needs this many training images to be a classification.
const MIN_ASKED: usize = 20;
/// A class needs this many.
const MIN_CLASS: usize = 3;

/// One classification.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// What it asks, for reports.
    pub name: String,
    /// Its classes.
    pub classes: Vec<String>,
    /// First logit.
    from: usize,
}

/// The classifications of a data set, side by side in one row of logits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    /// All classifications.
    pub tasks: Vec<Task>,
    /// Number of logits.
    pub width: usize,
    /// For every image, its classes as (task, class).
    pub of_image: Vec<Vec<(usize, usize)>>,
}

/// Coarse modality of a set's own word for it.
fn coarse_modality(word: &str) -> Option<&'static str> {
    let word = comparable(word);
    let first = word.split(' ').next().unwrap_or_default();
    Some(match first {
        "xr" | "x" | "radiograph" | "xray" => "x-ray",
        "ct" | "cta" | "noncontrast" => "ct",
        "mr" | "mri" | "t1" | "t2" | "flair" | "mra" => "mri",
        "us" | "ultrasound" => "ultrasound",
        "an" | "angiogram" => "angiography",
        "nm" | "pet" => "nuclear",
        "mammograph" | "mammogram" => "mammography",
        _ => return None,
    })
}

fn coarse_plane(word: &str) -> Option<&'static str> {
    let word = comparable(word);
    Some(match word.as_str() {
        "axial" | "transverse" | "transverse plane" => "axial",
        "sagittal" => "sagittal",
        "coronal" | "coronal plane" => "coronal",
        "ap" | "pa" | "frontal" => "frontal",
        "lateral" => "lateral",
        _ => return None,
    })
}

fn coarse_organ(set: Set, word: &str) -> Option<&'static str> {
    let word = comparable(word);
    Some(match (set, word.as_str()) {
        (Set::VqaMed, "skull and contents")
        | (Set::Slake, "brain" | "brain tissue")
        | (Set::VqaRad, "head") => "head",
        (Set::VqaMed, "lung mediastinum pleura")
        | (Set::Slake, "lung" | "chest lung" | "chest heart" | "chest mediastinal")
        | (Set::VqaRad, "chest") => "chest",
        (Set::VqaMed, "gastrointestinal") | (Set::Slake, "abdomen") | (Set::VqaRad, "abd") => {
            "abdomen"
        }
        (Set::VqaMed, "spine and contents") => "spine",
        (Set::VqaMed, "musculoskeletal") => "bones and joints",
        (Set::VqaMed, "genitourinary") => "urinary",
        (Set::Slake, "pelvic cavity") => "pelvis",
        (Set::VqaMed, "face sinuses and neck") | (Set::Slake, "neck" | "brain face") => "neck",
        (Set::VqaMed, "breast") => "breast",
        (Set::VqaMed, "heart and great vessels") => "heart",
        (Set::VqaMed, "vascular and lymphatic") => "vessels",
        _ => return None,
    })
}

/// Coarse classes of an image, the same words in every set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coarse {
    /// Such as `ct`.
    pub modality: Option<&'static str>,
    /// Such as `axial`.
    pub plane: Option<&'static str>,
    /// Such as `chest`.
    pub organ: Option<&'static str>,
}

/// The coarse classes of every image.
pub(crate) fn coarse(data: &RadiologyData) -> Vec<Coarse> {
    let mut all: Vec<Coarse> = data
        .images
        .iter()
        .map(|image| {
            let field = |name: &str| {
                let found = image.fields.iter().find(|(field, _)| *field == name);
                found.map(|(_, value)| value.as_str())
            };
            Coarse {
                modality: field("modality").and_then(coarse_modality),
                plane: None,
                organ: field("location")
                    .or(field("organ"))
                    .and_then(|word| coarse_organ(image.set, word)),
            }
        })
        .collect();
    for question in &data.questions {
        let set = data.images[question.image].set;
        let of = &mut all[question.image];
        match question.category.as_str() {
            "Modality" | "MODALITY" if !question.closed => {
                of.modality = of.modality.or(coarse_modality(&question.answer));
            }
            "Plane" | "PLANE" => of.plane = of.plane.or(coarse_plane(&question.answer)),
            "Organ" if set == Set::VqaMed => {
                of.organ = of.organ.or(coarse_organ(set, &question.answer));
            }
            _ => {}
        }
    }
    all
}

impl Labels {
    /// The classifications that the training images of `data` allow, and the classes of all images.
    pub(crate) fn new(data: &RadiologyData) -> Self {
        let mut asked: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
        let mut add = |task: String, image: usize, class: &str| {
            asked
                .entry(task)
                .or_default()
                .push((image, comparable(class)));
        };
        for question in &data.questions {
            let set = data.images[question.image].set;
            let name = set.name();
            // Questions of one category that share their answers are one classification.
            let shared =
                set == Set::VqaMed && matches!(question.category.as_str(), "Plane" | "Organ");
            let open = set == Set::VqaMed
                && matches!(question.category.as_str(), "Abnormality" | "Modality")
                && !question.closed;
            match (shared, open) {
                (true, _) => add(
                    format!("{name} {}", question.category),
                    question.image,
                    &question.answer,
                ),
                (_, true) => add(
                    format!("{name} open {}", question.category),
                    question.image,
                    &question.answer,
                ),
                _ => {}
            }
            if !shared {
                let asks = comparable(&question.question);
                add(format!("{name}: {asks}"), question.image, &question.answer);
            }
        }
        for (at, coarse) in coarse(data).iter().enumerate() {
            let words = [
                ("modality", coarse.modality),
                ("plane", coarse.plane),
                ("organ", coarse.organ),
            ];
            for (name, word) in words {
                if let Some(word) = word {
                    add(format!("coarse {name}"), at, word);
                }
            }
        }
        for (at, image) in data.images.iter().enumerate() {
            for (field, value) in &image.fields {
                add(format!("{} {field}", image.set.name()), at, value);
            }
        }
        let names: BTreeSet<&String> = data
            .images
            .iter()
            .flat_map(|i| i.boxed.iter().flatten())
            .collect();
        for name in names {
            for (at, image) in data.images.iter().enumerate() {
                if let Some(boxed) = &image.boxed
                    && !boxed.is_empty()
                {
                    let class = if boxed.contains(name) { "yes" } else { "no" };
                    add(format!("boxed {name}"), at, class);
                }
            }
        }
        let mut labels = Self {
            of_image: vec![Vec::new(); data.images.len()],
            ..Self::default()
        };
        for (name, rows) in asked {
            labels.add(data, name, &rows);
        }
        labels
    }

    fn add(&mut self, data: &RadiologyData, name: String, rows: &[(usize, String)]) {
        let trained = |at: usize| data.images[at].split == Split::Train;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (image, class) in rows {
            if trained(*image) {
                *counts.entry(class).or_default() += 1;
            }
        }
        counts.retain(|_, count| *count >= MIN_CLASS);
        if counts.len() < 2 || counts.values().sum::<usize>() < MIN_ASKED {
            return;
        }
        let classes: Vec<String> = counts.into_keys().map(str::to_string).collect();
        let task = self.tasks.len();
        let mut seen = BTreeSet::new();
        for (image, class) in rows {
            if let Ok(class) = classes.binary_search(class)
                && seen.insert(*image)
            {
                self.of_image[*image].push((task, class));
            }
        }
        self.tasks.push(Task {
            name,
            from: self.width,
            classes: classes.clone(),
        });
        self.width += classes.len();
    }

    /// The classifications of an image whose logits are in row `row`.
    pub(crate) fn choices(
        &self,
        row: usize,
        image: usize,
    ) -> impl Iterator<Item = (usize, Choice)> + '_ {
        self.of_image[image].iter().map(move |&(task, class)| {
            let of = &self.tasks[task];
            let choice = Choice {
                row,
                from: of.from,
                classes: of.classes.len(),
                target: class,
                weight: match of.name.starts_with("boxed ") {
                    true => 0.3,
                    false => 1.0,
                },
            };
            (task, choice)
        })
    }
}
