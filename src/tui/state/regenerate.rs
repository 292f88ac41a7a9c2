//! Asking a question again: with other settings, without a shot, edited, or compared with the first answer.
//!
//! Each is a new branch next to the old turn; no answer is ever replaced.

use rounds_assistant::retrieval::Strategy;
use rounds_assistant::{Settings, SettingsPatch};

use rounds_support::Failure;

use super::composer::Draft;
use super::conversation::{Finished, Reply, Turn, TurnId};
use super::focus::Focus;
use super::machine::State;
use super::overlay::Overlay;
use super::page::Page;
use super::settings::failure;
use super::values::{shot_count, value_name};

impl State {
    /// Adds a branch next to `turn` with other settings. Returns the new turn, or shows why it cannot be asked.
    fn add_sibling(
        &mut self,
        turn: TurnId,
        settings: Settings,
        label: Option<String>,
    ) -> Option<TurnId> {
        if !self.has_all_images(turn) || !self.can_ask(&settings) {
            return None;
        }
        let old = self.conversation.get(turn)?;
        let mut new = Turn::new(
            old.parent,
            old.question.clone(),
            old.images.clone(),
            old.subject.clone(),
            settings,
        );
        new.label = label;
        Some(self.conversation.add(new))
    }

    /// Answers the selected question again with the current settings, unless that would only repeat an answer.
    pub(super) fn regenerate(&mut self) {
        let Some(turn) = self.turn_or_error() else {
            return;
        };
        if !self.has_all_images(turn) {
            return;
        }
        let mut settings = self.settings.clone();
        if settings.decoding.temperature > 0.0 {
            // A new sample: the first seed, counting up from the user's, that was not tried yet.
            while !self.turns_asked_with(turn, &settings).is_empty() {
                settings.decoding.seed = settings.decoding.seed.wrapping_add(1);
            }
        } else if self.would_repeat(turn, &settings) {
            return self.notify("Same settings give the same answer; `/temperature 0.7` varies it");
        }
        if let Some(new) = self.add_sibling(turn, settings, None) {
            self.show_end();
            self.enqueue(new);
        }
    }

    /// Whether the model and index that are open now have already answered `turn` with `settings`, or are about to.
    fn would_repeat(&self, turn: TurnId, settings: &Settings) -> bool {
        let mut asked = self.turns_asked_with(turn, settings).into_iter();
        asked.any(|id| {
            let other = self.conversation.get(id);
            other.is_some_and(|other| self.engine.answers_like(&other.setup, other.opening))
        })
    }

    /// The siblings of `turn`, itself included, that ask the same question about the same images with `settings` and
    /// are answered or pending.
    fn turns_asked_with(&self, turn: TurnId, settings: &Settings) -> Vec<TurnId> {
        let asked = self.conversation.get(turn);
        let is_it = |other: &Turn| {
            let came = matches!(other.reply, Reply::Pending | Reply::Answered(_));
            came && asked.is_some_and(|asked| asked.asks_the_same(other))
                && other.settings == *settings
        };
        let mut siblings = self.conversation.siblings(turn);
        siblings.retain(|id| self.conversation.get(*id).is_some_and(is_it));
        siblings
    }

    /// The selected turn; shows an error if nothing was asked yet.
    pub(super) fn turn_or_error(&mut self) -> Option<TurnId> {
        let turn = self.turn();
        if turn.is_none() {
            self.show_error(Failure::usage("nothing was asked yet").hint("ask something first"));
        }
        turn
    }

    /// Whether a turn was asked of the index that is open now. A reopened turn, of which that is not known, counts as such.
    pub(super) fn asked_of_open_index(&self, turn: TurnId) -> bool {
        let asked = self.conversation.get(turn);
        let asked = asked.filter(|turn| turn.prompt.is_some());
        asked.is_none_or(|turn| turn.setup.index == self.engine.setup().index)
    }

    /// Whether all images of a turn could be loaded; shows an error otherwise, since without one it would be a
    /// different question.
    fn has_all_images(&mut self, turn: TurnId) -> bool {
        let turn = self.conversation.get(turn);
        match turn.map_or(Ok(()), Turn::check_images) {
            Ok(()) => true,
            Err(error) => {
                self.show_error(error);
                false
            }
        }
    }

    /// Asks again without one of the shots.
    pub(super) fn ask_without(&mut self, id: &str) {
        let Some(turn) = self.turn() else { return };
        let mut settings = self.settings.clone();
        settings.pinned.retain(|pinned| pinned != id);
        if !settings.excluded.iter().any(|excluded| excluded == id) {
            settings.excluded.push(id.to_string());
        }
        if let Some(new) = self.add_sibling(turn, settings, Some(format!("without {id}"))) {
            self.show_end();
            self.enqueue(new);
        }
    }

    /// Puts the selected question back into the input; sending it makes a branch.
    pub(super) fn edit_question(&mut self) {
        let Some(turn) = self.turn_or_error() else {
            return;
        };
        if !self.has_all_images(turn) {
            return;
        }
        if self.composer.editing.is_none() {
            self.composer.draft = Some(Draft {
                text: self.composer.input.text().to_string(),
                attached: self.case.images.clone(),
                subject: self.case.subject.clone(),
            });
        }
        if let Some(old) = self.conversation.get(turn) {
            self.composer.input.set(&old.question);
            self.case.images = old.images.clone();
            self.case.subject = old.subject.clone();
            self.image_pane.fit(self.case.images.len());
            self.composer.editing = Some(turn);
            self.composer.completion = None;
            self.go(Focus::Input);
        }
    }

    /// Cancels an edit and restores the input from before it. True if something was being edited.
    pub(super) fn cancel_editing(&mut self) -> bool {
        if let Some(draft) = self.composer.draft.take() {
            self.composer.input.set(&draft.text);
            self.case.images = draft.attached;
            self.case.subject = draft.subject;
            self.image_pane.fit(self.case.images.len());
        }
        self.composer.editing.take().is_some()
    }

    /// Like [`Self::edit_question`]; with a new question, asks it at once.
    pub(super) fn edit_argument(&mut self, words: &str) {
        if words.is_empty() && self.linear {
            if self.turn_or_error().is_some() {
                self.show_page(Page::Question);
            }
            return;
        }
        self.edit_question();
        if !words.is_empty() && self.composer.editing.is_some() {
            self.composer.input.set(words);
            self.send();
        }
    }

    /// Shows two answers to the selected question: as it is, and with one setting changed.
    pub(super) fn compare(&mut self, argument: &str) {
        let Some(turn) = self.turn_or_error() else {
            return;
        };
        let mut base = self
            .conversation
            .get(turn)
            .map_or_else(|| self.settings.clone(), |t| t.settings.clone());
        if !self.asked_of_open_index(turn) {
            // Pins of another index would only fail.
            base.pinned.clone_from(&self.settings.pinned);
            base.excluded.clone_from(&self.settings.excluded);
        }
        let (settings, label) = match changed(&base, argument) {
            Ok(changed) => changed,
            Err(error) => return self.show_error(error),
        };
        // Repeating a comparison shows the existing one, unless it was stopped or failed.
        let there = self
            .turns_asked_with(turn, &settings)
            .into_iter()
            .find(|id| {
                let other = self.conversation.get(*id);
                *id != turn && other.is_some_and(|other| other.label.as_ref() == Some(&label))
            });
        let right = match there {
            Some(there) => there,
            None => {
                let Some(new) = self.add_sibling(turn, settings, Some(label)) else {
                    return;
                };
                self.conversation.show(turn);
                self.enqueue(new);
                new
            }
        };
        self.overlay = Some(Overlay::Compare {
            left: turn,
            right,
            scroll: 0,
        });
    }
}

/// How the shots of a question were chosen, as text: pinned ones first, then those of the strategy.
pub fn describe_shots(settings: &Settings) -> String {
    let order = value_name(&settings.order);
    let pinned = settings.pinned.len();
    match settings.strategy {
        Strategy::None => "no shots".into(),
        strategy if pinned == 0 => {
            format!("k={} {}, {order}", settings.shots, value_name(&strategy))
        }
        Strategy::Fixed => format!("{pinned} pinned, {order}"),
        _ if pinned >= settings.shots => format!("{pinned} pinned, {order}"),
        strategy => format!(
            "k={}: {pinned} pinned, {} {}, {order}",
            settings.shots,
            settings.shots - pinned,
            value_name(&strategy)
        ),
    }
}

/// Whether two answers are the same, whatever their case and punctuation; `None` if one is missing or withheld.
pub fn same_answer(one: &Turn, other: &Turn) -> Option<bool> {
    let (Reply::Answered(one), Reply::Answered(other)) = (&one.reply, &other.reply) else {
        return None;
    };
    if one.answer.is_empty() || other.answer.is_empty() {
        return None;
    }
    let plain = rounds_assistant::comparable;
    Some(plain(&one.answer) == plain(&other.answer))
}

/// What two answers with their rationales say of each other's opposites: `left against right`, `yes against no`. What is said of the patient's
/// sides is compared apart from that of the image, where left and right are the other way round.
pub fn opposites(one: &Turn, other: &Turn) -> Vec<String> {
    let (Reply::Answered(one), Reply::Answered(other)) = (&one.reply, &other.reply) else {
        return Vec::new();
    };
    let text = |done: &Finished| {
        let rationale = done.rationale.as_deref().unwrap_or_default();
        format!("{}. {rationale}", done.answer)
    };
    let mut found = opposed(&text(one), &text(other));
    found.extend(opposed_replies(&one.answer, &other.answer));
    found
}

/// Pairs of words of which one image shows one only.
const PAIRS: [(&str, &str); 4] = [
    ("left", "right"),
    ("upper", "lower"),
    ("normal", "abnormal"),
    ("present", "absent"),
];

/// The pairs of which one text has only one word and the other text only the other.
fn opposed(one: &str, other: &str) -> Vec<String> {
    let ((one, ones_patient), (other, others_patient)) = (words(one), words(other));
    let mut found = Vec::new();
    for (a, b) in PAIRS {
        found.extend(against(&one, &other, (a, b), ""));
        found.extend(against(
            &ones_patient,
            &others_patient,
            (a, b),
            "patient's ",
        ));
    }
    found
}

/// `a against b`, with `whose` before each, if one text has only one word of a pair and the other only the other.
fn against(one: &[String], other: &[String], (a, b): (&str, &str), whose: &str) -> Option<String> {
    let has = |words: &[String], word: &str| words.iter().any(|known| known == word);
    let only = |words: &[String], this: &str, not: &str| has(words, this) && !has(words, not);
    if only(one, a, b) && only(other, b, a) {
        return Some(format!("{whose}{a} against {whose}{b}"));
    }
    let turned = only(one, b, a) && only(other, a, b);
    turned.then(|| format!("{whose}{b} against {whose}{a}"))
}

/// The words of a text in lower case: those of the image and of organs, and the sides of the patient.
fn words(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut others, mut patients) = (Vec::new(), Vec::new());
    // A clause at a time: in "on the patient's left; the right lung" the second side is the lung's.
    for clause in text.split(['.', ',', ';', ':', '(', ')', '\n']) {
        let plain = rounds_assistant::comparable(clause);
        let words: Vec<&str> = plain.split(' ').collect();
        let mut of_patient = false;
        for (at, word) in words.iter().enumerate() {
            of_patient = match *word {
                "patient" | "patients" => true,
                // "The patient's", and what may stand between that and a side.
                "s" | "left" | "right" | "upper" | "lower" | "middle" | "and" | "or" => of_patient,
                _ => false,
            };
            let after = words.get(at + 1..).unwrap_or_default();
            let is_side = matches!(*word, "left" | "right");
            match is_side && (of_patient || is_of_patient(after)) {
                true => patients.push((*word).to_owned()),
                false => others.push((*word).to_owned()),
            }
        }
    }
    (others, patients)
}

/// Whether a side is the patient's by what comes after it: `of the patient`, `side of the patient`.
fn is_of_patient(after: &[&str]) -> bool {
    let after = match after {
        ["of", ..] => after,
        [_, rest @ ..] => rest,
        [] => &[],
    };
    matches!(after, ["of", "the", "patient", ..] | ["of", "patient", ..])
}

/// `yes against no`, if one answer says yes and the other no.
fn opposed_replies(one: &str, other: &str) -> Option<String> {
    let (one, other) = (yes_or_no(one)?, yes_or_no(other)?);
    (one != other).then(|| format!("{one} against {other}"))
}

/// The yes or no of an answer: its first word, as in "Yes, no effusion", or else the only one of the two in it.
fn yes_or_no(answer: &str) -> Option<&'static str> {
    let plain = rounds_assistant::comparable(answer);
    let mut said = plain.split(' ').map(|word| match word {
        "yes" => Some("yes"),
        "no" => Some("no"),
        _ => None,
    });
    let first = said.next().flatten();
    let mut rest = said.flatten();
    first.or_else(|| {
        let found = rest.next()?;
        rest.all(|other| other == found).then_some(found)
    })
}

/// The settings of a comparison, and its label.
fn changed(base: &Settings, argument: &str) -> Result<(Settings, String), Failure> {
    let mut settings = base.clone();
    if argument.is_empty() {
        return Ok(if base.strategy == Strategy::None || base.shots == 0 {
            settings.strategy = Strategy::Auto;
            settings.shots = base.shots.max(4);
            let label = format!("with {}", shot_count(settings.shots));
            (settings, label)
        } else {
            settings.strategy = Strategy::None;
            settings.pinned.clear();
            (settings, "without shots".into())
        });
    }
    let mut patch = SettingsPatch::default();
    for part in argument.split_whitespace() {
        let (name, value) = part.split_once('=').ok_or_else(|| {
            Failure::usage(format!("`{part}` is not a setting"))
                .hint("write k=2, strategy=random or top-p=0.9")
        })?;
        patch.set(name, value).map_err(failure)?;
    }
    let settings = patch.checked(base).map_err(failure)?;
    Ok((settings, argument.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_name_opposite_words_are_opposed() {
        let (left, right) = ("In the left lung.", "In the Right lung, upper zone");
        assert_eq!(opposed(left, right), ["left against right"]);
        assert_eq!(opposed(right, left), ["right against left"]);
        assert!(opposed(left, "in the left and the right lung").is_empty());
        assert!(opposed("bright", left).is_empty());
    }

    #[test]
    fn sides_of_the_image_and_of_the_patient_are_compared_apart() {
        let left = "It lies in the upper left of the image, on the patient's right.";
        let right = "It lies in the lower right of the image, on the patient's left.";
        assert_eq!(
            opposed(left, right),
            [
                "left against right",
                "patient's right against patient's left",
                "upper against lower"
            ]
        );
        let beside = "It lies at the left of the image, on the right of the patient.";
        assert!(opposed(left, beside).is_empty());
        assert_eq!(
            opposed("The patient's right lung is dark.", "On the patient’s left"),
            ["patient's right against patient's left"]
        );
        assert_eq!(
            opposed(
                "On the left side of the patient",
                "The patient's upper right lobe"
            ),
            ["patient's left against patient's right"]
        );
        let both = "The patient's left and right lung are clear.";
        assert!(opposed(both, "On the patient's left").is_empty());
        let lungs = "On the patient's left; the right lung";
        assert_eq!(opposed(lungs, "Left lung"), ["right against left"]);
        assert!(opposed("The patient's left", "Right").is_empty());
    }

    #[test]
    fn a_yes_and_a_no_are_opposed_whatever_else_the_answers_say() {
        let opposed = opposed_replies;
        let found = Some("yes against no".to_string());
        assert_eq!(opposed("yes", "No."), found);
        assert_eq!(opposed("Yes, but there is no effusion", "No"), found);
        assert_eq!(opposed("Yes", "There is no nodule"), found);
        assert_eq!(opposed("No, it is not", "yes").unwrap(), "no against yes");
        assert_eq!(opposed("Yes", "Yes, no doubt"), None);
        assert_eq!(opposed("it may be yes or no", "no"), None);
        assert_eq!(opposed("Left", ""), None);
    }
}
