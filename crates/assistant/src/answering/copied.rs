//! The copy detector: whether an answer repeats that of a shot.

use super::comparable;
use crate::retrieval::Shot;
use serde::Serialize;

/// The shots whose answer was given again. Whether the model copied them or came to the same answer, nobody can tell from one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Ranks of the shots, 1 is the most similar.
    pub shots: Vec<usize>,
    /// Whether the last shot in the prompt, next to the question, is one of them.
    pub last: bool,
}

impl Copied {
    /// The shots among `shots` that give `answer`, however it is punctuated; `None` if none does. `last` is the id of the last example in the
    /// prompt.
    pub fn of(answer: &str, shots: &[Shot], last: Option<&str>) -> Option<Self> {
        let answer = comparable(answer);
        let same = |shot: &&Shot| comparable(&shot.example.answer) == answer;
        let same: Vec<&Shot> = match answer.is_empty() {
            true => Vec::new(),
            false => shots.iter().filter(same).collect(),
        };
        (!same.is_empty()).then(|| Self {
            last: last.is_some_and(|last| same.iter().any(|shot| shot.example.id == last)),
            shots: same.iter().map(|shot| shot.rank).collect(),
        })
    }

    /// One line for display.
    pub fn in_words(&self) -> String {
        let numbers: Vec<String> = self.shots.iter().map(usize::to_string).collect();
        let (whose, which) = match numbers.as_slice() {
            [only] => (format!("shot {only}'s"), "the last one in the prompt"),
            several => (
                format!("that of shots {}", several.join(", ")),
                "the last one in the prompt among them",
            ),
        };
        let last = match self.last {
            true => format!(", {which}"),
            false => String::new(),
        };
        format!("this answer equals {whose}{last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_index::Example;

    #[test]
    fn an_answer_that_repeats_a_shots_is_told_with_the_shots_number() {
        let shot = |rank: usize, answer: &str| Shot {
            example: Example {
                id: format!("e{rank}"),
                answer: answer.into(),
                ..Example::default()
            },
            score: 0.0,
            rank,
            reason: String::new(),
            match_share: None,
        };
        let shots = [shot(1, "Left lung."), shot(2, "no"), shot(3, "left  lung")];
        let words = |answer: &str, last| {
            let copied = Copied::of(answer, &shots, last);
            copied.map(|copied| copied.in_words())
        };
        assert_eq!(
            words("No", Some("e1")).unwrap(),
            "this answer equals shot 2's"
        );
        assert_eq!(
            words("no", Some("e2")).unwrap(),
            "this answer equals shot 2's, the last one in the prompt"
        );
        assert_eq!(
            words("left lung", Some("e1")).unwrap(),
            "this answer equals that of shots 1, 3, the last one in the prompt among them"
        );
        assert_eq!(words("right lung", Some("e1")), None);
        assert_eq!(words("...", Some("e1")), None, "there is no answer");
        assert_eq!(Copied::of("no", &[], None), None);
    }
}
