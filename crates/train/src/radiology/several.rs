//! Questions about several images at once: one that has the same answer for each of them, and comparisons of what is known about two.

use std::collections::BTreeMap;

use super::data::{RadiologyData, Split};
use super::episodes::EpisodeTurn;
use super::labels::Coarse;
use rounds_assistant::comparable;
use rounds_support::rng::Rng;

/// A kind of question about several images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// A question of the sets that has the same answer for each of the images.
    Shared,
    /// Whether two images agree in something.
    Agree,
    /// What each of two images is.
    Each,
}

impl Task {
    const ALL: [Task; 3] = [Task::Shared, Task::Agree, Task::Each];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Task::Shared => "shared",
            Task::Agree => "agree",
            Task::Each => "each",
        }
    }
}

/// What two images can be compared by: the words of the two kinds of questions, and the class.
type Topic = (
    &'static str,
    &'static str,
    fn(&Coarse) -> Option<&'static str>,
);

const TOPICS: [Topic; 3] = [
    (
        "Were both images made by the same method?",
        "Which methods were used for these images?",
        |of| of.modality,
    ),
    (
        "Do both images show the same part of the body?",
        "Which parts of the body do these images show?",
        |of| of.organ,
    ),
    (
        "Are both images in the same plane?",
        "In which planes are these images?",
        |of| of.plane,
    ),
];

/// The questions about two images that are not the sets' own.
pub(crate) fn questions_about_two() -> Vec<&'static str> {
    let both = |(agree, each, _): &Topic| [*agree, *each];
    TOPICS.iter().flat_map(both).collect()
}

/// An image with a question about it and the answer.
type Known = (usize, String, String);

/// Draws questions about several images.
pub(crate) struct Several {
    /// Groups with one question and one answer, of at least two images.
    shared: Vec<Vec<Known>>,
    /// For each of [`TOPICS`], the images of each class.
    classes: Vec<BTreeMap<&'static str, Vec<usize>>>,
}

impl Several {
    /// Draws from the images of `split`.
    pub(crate) fn new(data: &RadiologyData, coarse: &[Coarse], split: Split) -> Self {
        let mut groups: BTreeMap<(String, String), Vec<Known>> = BTreeMap::new();
        for question in data.questions_of(split) {
            let of = &data.questions[question];
            let key = (comparable(&of.question), comparable(&of.answer));
            let known = (of.image, of.question.clone(), of.answer.clone());
            groups.entry(key).or_default().push(known);
        }
        let images = data.images_of(split);
        let classes = TOPICS.map(|(_, _, class)| {
            let mut of: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
            for &image in &images {
                if let Some(name) = class(&coarse[image]) {
                    of.entry(name).or_default().push(image);
                }
            }
            of.retain(|_, images| images.len() >= 2);
            of
        });
        Self {
            shared: groups.into_values().filter(|g| g.len() >= 2).collect(),
            classes: classes.into(),
        }
    }

    /// A question with its two or three images, each in one of `views` views; `None` where the data allow none of the kind drawn.
    pub(crate) fn turn(&self, views: usize, rng: &mut Rng) -> Option<(Task, EpisodeTurn)> {
        let task = *rng.pick(&Task::ALL);
        let (images, question, answer) = match task {
            Task::Shared => self.shared(rng)?,
            Task::Agree | Task::Each => self.compared(task, rng)?,
        };
        let turn = EpisodeTurn {
            images: images
                .into_iter()
                .map(|image| (image, rng.below(views.max(1))))
                .collect(),
            question,
            answer,
            rationale: String::new(),
            answerable: true,
        };
        Some((task, turn))
    }

    fn shared(&self, rng: &mut Rng) -> Option<(Vec<usize>, String, String)> {
        if self.shared.is_empty() {
            return None;
        }
        let group = rng.pick(&self.shared);
        let mut images = Vec::new();
        for _ in 0..2 + rng.below(2) {
            images.push(rng.pick(group).0);
        }
        images.dedup();
        let (_, question, answer) = rng.pick(group).clone();
        (images.len() > 1).then_some((images, question, answer))
    }

    fn compared(&self, task: Task, rng: &mut Rng) -> Option<(Vec<usize>, String, String)> {
        let at = rng.below(TOPICS.len());
        let classes = &self.classes[at];
        let names: Vec<&str> = classes.keys().copied().collect();
        if names.len() < 2 {
            return None;
        }
        let first = *rng.pick(&names);
        let other: Vec<&str> = names.iter().copied().filter(|n| *n != first).collect();
        let second = if rng.chance(0.5) {
            first
        } else {
            *rng.pick(&other)
        };
        let images = vec![*rng.pick(&classes[first]), *rng.pick(&classes[second])];
        let (agree, each, _) = TOPICS[at];
        Some(match task {
            Task::Agree => {
                let answer = if first == second { "Yes" } else { "No" };
                (images, agree.to_string(), answer.to_string())
            }
            _ => (images, each.to_string(), in_words(first, second)),
        })
    }
}

/// Two classes in the order of the alphabet, or `both` with the one.
fn in_words(first: &str, second: &str) -> String {
    let written = |name: &str| match name {
        "ct" | "mri" => name.to_uppercase(),
        "x-ray" => "X-ray".to_string(),
        other => other.to_string(),
    };
    match first.cmp(second) {
        std::cmp::Ordering::Equal => format!("both {}", written(first)),
        std::cmp::Ordering::Less => format!("{} and {}", written(first), written(second)),
        std::cmp::Ordering::Greater => format!("{} and {}", written(second), written(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_are_named_in_one_order() {
        assert_eq!(in_words("mri", "ct"), "CT and MRI");
        assert_eq!(in_words("ct", "mri"), "CT and MRI");
        assert_eq!(in_words("axial", "axial"), "both axial");
    }
}
