//! The copy detector: whether an answer or its rationale repeats that of a shot.

use super::comparable;
use crate::retrieval::Shot;
use rounds_index::Example;
use serde::Serialize;

/// The shots whose answer or rationale was given again. Whether the model copied them or came to the same words, nobody can tell from one
/// answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Ranks of the shots with the same answer, 1 is the most similar; empty if only the rationale is that of a shot.
    pub shots: Vec<usize>,
    /// Whether the last shot in the prompt, next to the question, is one of them.
    pub last: bool,
    /// Ranks of the shots with the same rationale, word for word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rationale: Vec<usize>,
}

impl Copied {
    /// The shots among `shots` that give `answer` or `rationale`, however they are punctuated; `None` if none does. `last` is the id of the
    /// last example in the prompt.
    pub fn of(
        answer: &str,
        rationale: Option<&str>,
        shots: &[Shot],
        last: Option<&str>,
    ) -> Option<Self> {
        let same = saying(shots, answer, |example| &example.answer);
        let rationale = rationale.unwrap_or_default();
        let reasons = saying(shots, rationale, |example| &example.rationale);
        (!same.is_empty() || !reasons.is_empty()).then(|| Self {
            last: last.is_some_and(|last| same.iter().any(|shot| shot.example.id == last)),
            shots: ranks(&same),
            rationale: ranks(&reasons),
        })
    }

    /// One line for display.
    pub fn in_words(&self) -> String {
        let last = match (self.last, self.shots.len()) {
            (false, _) => "",
            (true, 1) => ", the last one in the prompt",
            (true, _) => ", the last one in the prompt among them",
        };
        let reasons = || {
            let whose = whose(&self.rationale, "that");
            format!("the rationale equals {whose} word for word")
        };
        if self.shots.is_empty() {
            return reasons();
        }
        if self.shots == self.rationale {
            let whose = whose(&self.shots, "those");
            return format!("this answer and its rationale equal {whose}{last}");
        }
        let answer = format!("this answer equals {}{last}", whose(&self.shots, "that"));
        match self.rationale.is_empty() {
            true => answer,
            false => format!("{answer}; {}", reasons()),
        }
    }
}

/// The shots whose `part` has the words of `text`; none if it has no words.
fn saying<'a>(shots: &'a [Shot], text: &str, part: fn(&Example) -> &String) -> Vec<&'a Shot> {
    let text = comparable(text);
    let same = |shot: &&Shot| !text.is_empty() && comparable(part(&shot.example)) == text;
    shots.iter().filter(same).collect()
}

fn ranks(shots: &[&Shot]) -> Vec<usize> {
    shots.iter().map(|shot| shot.rank).collect()
}

/// `shot 2's`, or with `that` as the pronoun `that of shots 2, 3`.
fn whose(shots: &[usize], pronoun: &str) -> String {
    let numbers: Vec<String> = shots.iter().map(usize::to_string).collect();
    match numbers.as_slice() {
        [only] => format!("shot {only}'s"),
        several => format!("{pronoun} of shots {}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(rank: usize, answer: &str, rationale: &str) -> Shot {
        Shot {
            example: Example {
                id: format!("e{rank}"),
                answer: answer.into(),
                rationale: rationale.into(),
                ..Example::default()
            },
            score: 0.0,
            rank,
            reason: String::new(),
            match_share: None,
        }
    }

    #[test]
    fn an_answer_that_repeats_a_shots_is_told_with_the_shots_number() {
        let shots = [
            shot(1, "Left lung.", ""),
            shot(2, "no", ""),
            shot(3, "left  lung", ""),
        ];
        let words = |answer: &str, last| {
            let copied = Copied::of(answer, None, &shots, last);
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
        assert_eq!(Copied::of("no", None, &[], None), None);
    }

    #[test]
    fn a_rationale_that_repeats_a_shots_is_told_with_or_without_the_answer() {
        let shots = [
            shot(1, "Yes", "Axial CT of the chest; the lung is seen."),
            shot(2, "No", "Axial CT of the abdomen."),
            shot(3, "Yes", "Frontal X-ray of the chest."),
            shot(4, "Lung", "Axial CT of the abdomen."),
        ];
        let words = |answer: &str, rationale: &str| {
            let copied = Copied::of(answer, Some(rationale), &shots, Some("e4"));
            copied.map(|copied| copied.in_words())
        };
        assert_eq!(
            words("Lung.", "axial CT of the chest: the lung is seen").unwrap(),
            "this answer equals shot 4's, the last one in the prompt; the rationale equals shot 1's word for word"
        );
        assert_eq!(
            words("Heart", "Axial CT of the abdomen").unwrap(),
            "the rationale equals that of shots 2, 4 word for word"
        );
        assert_eq!(
            words("Heart", "Frontal X-ray of the chest").unwrap(),
            "the rationale equals shot 3's word for word"
        );
        assert_eq!(words("Heart", "A large heart."), None);
        assert_eq!(words("Heart", " "), None, "there is no rationale");
        let answer = Copied::of("no", Some("Axial CT of the chest."), &shots[1..2], None);
        assert_eq!(answer.unwrap().in_words(), "this answer equals shot 2's");
        let both = Copied::of("no", Some("Axial CT of the abdomen."), &shots[1..2], None);
        assert_eq!(
            both.unwrap().in_words(),
            "this answer and its rationale equal shot 2's"
        );
    }

    #[test]
    fn the_ranks_of_copied_rationales_are_in_the_json_only_where_there_are_any() {
        let shots = [shot(1, "Yes", "Axial CT.")];
        let json = |answer: &str, rationale| {
            let copied = Copied::of(answer, rationale, &shots, None);
            serde_json::to_string(&copied).unwrap()
        };
        assert_eq!(json("yes", None), r#"{"shots":[1],"last":false}"#);
        assert_eq!(
            json("no", Some("Axial CT")),
            r#"{"shots":[],"last":false,"rationale":[1]}"#
        );
    }
}
