//! Asking the same again: with other settings, without a shot, edited, or beside what was answered.
//!
//! Each is a branch beside the old turn; nothing that was answered is replaced.

use crate::assistant::Settings;
use crate::retrieval::Strategy;
use crate::tui::journal::{Attached, Whose};

use super::State;
use super::commands::value_name;
use super::conversation::{Reply, Turn, TurnId};
use super::overlay::Overlay;
use super::pages::Page;
use super::trouble::Trouble;

/// What stood in the input before an older question took its place.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    text: String,
    attached: Vec<Attached>,
    whose: Whose,
}

impl State {
    /// A branch beside `turn` with other settings. Returns the new turn.
    fn beside(
        &mut self,
        turn: TurnId,
        settings: Settings,
        label: Option<String>,
    ) -> Option<TurnId> {
        let old = self.talk.get(turn)?;
        let mut new = Turn::new(
            old.parent,
            old.question.clone(),
            old.images.clone(),
            old.whose.clone(),
            settings,
        );
        new.label = label;
        Some(self.talk.add(new))
    }

    /// Answers the chosen question again with the settings of now.
    pub(super) fn regenerate(&mut self) {
        let Some(turn) = self.turn() else {
            return self.tell("nothing was asked yet");
        };
        let mut settings = self.settings.clone();
        let before = self.talk.get(turn).map(|t| &t.settings);
        let same = before.is_some_and(|old| same_choice(old, &settings));
        if same && settings.decoding.temperature > 0.0 {
            // Another sample, not the same one again.
            settings.decoding.seed = before.map_or(0, |old| old.decoding.seed).wrapping_add(1);
        } else if same {
            self.tell("greedy decoding with the same settings says the same again; /temperature 0.7 samples");
        }
        if let Some(new) = self.beside(turn, settings, None) {
            self.show_end();
            self.enqueue(new);
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
        if let Some(new) = self.beside(turn, settings, Some(format!("without {id}"))) {
            self.show_end();
            self.enqueue(new);
        }
    }

    /// Puts the chosen question back into the input; sending it makes a branch.
    pub(super) fn edit_question(&mut self) {
        let Some(turn) = self.turn() else {
            return self.tell("nothing was asked yet");
        };
        if self.editing.is_none() {
            self.draft = Some(Draft {
                text: self.input.text().to_string(),
                attached: self.attached.clone(),
                whose: self.whose.clone(),
            });
        }
        if let Some(old) = self.talk.get(turn) {
            self.input.set(&old.question);
            self.attached = old.images.clone();
            self.whose = old.whose.clone();
            self.pictures.fit(self.attached.len());
            self.editing = Some(turn);
            self.completion = None;
            self.go(super::Focus::Input);
        }
    }

    /// Gives an edit up: what stood in the input before is there again. True where something was being edited.
    pub(super) fn leave_editing(&mut self) -> bool {
        if let Some(draft) = self.draft.take() {
            self.input.set(&draft.text);
            self.attached = draft.attached;
            self.whose = draft.whose;
            self.pictures.fit(self.attached.len());
        }
        self.editing.take().is_some()
    }

    /// As [`Self::edit_question`]; with the new words, asks them at once.
    pub(super) fn edit_argument(&mut self, words: &str) {
        if self.turn().is_none() {
            return self.tell("nothing was asked yet");
        }
        match words.is_empty() {
            true if self.linear => self.show_page(Page::Question),
            true => self.edit_question(),
            false => {
                self.edit_question();
                self.input.set(words);
                self.send();
            }
        }
    }

    /// Shows two answers to the chosen question: as it is, and with one setting changed.
    pub(super) fn compare(&mut self, argument: &str) {
        let Some(turn) = self.turn() else {
            return self.tell("ask something first; then compare answers it another way");
        };
        let base = self
            .talk
            .get(turn)
            .map_or_else(|| self.settings.clone(), |t| t.settings.clone());
        let (settings, label) = match changed(&base, argument) {
            Ok(changed) => changed,
            Err(trouble) => return self.complain(trouble),
        };
        // The same comparison again shows what is there, unless nothing came of it.
        let is_it = |t: &Turn| {
            let came = matches!(t.reply, Reply::Coming | Reply::Answered(_));
            came && t.label.as_ref() == Some(&label)
        };
        let siblings = self.talk.siblings(turn);
        let there = siblings
            .into_iter()
            .find(|id| *id != turn && self.talk.get(*id).is_some_and(is_it));
        let right = match there {
            Some(there) => there,
            None => {
                let Some(new) = self.beside(turn, settings, Some(label)) else {
                    return;
                };
                self.talk.show(turn);
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

/// How shots were chosen for a question, in words.
pub fn how(settings: &Settings) -> String {
    match settings.strategy {
        Strategy::None => "no shots".into(),
        strategy => format!(
            "k={} {}, {}",
            settings.shots,
            value_name(&strategy),
            value_name(&settings.order)
        ),
    }
}

/// Whether two answers say the same; `None` where one is not there.
pub fn same_answer(one: &Turn, other: &Turn) -> Option<bool> {
    let (Reply::Answered(one), Reply::Answered(other)) = (&one.reply, &other.reply) else {
        return None;
    };
    let plain = |text: &str| text.trim().trim_end_matches('.').to_lowercase();
    Some(plain(&one.answer) == plain(&other.answer))
}

fn same_choice(one: &Settings, other: &Settings) -> bool {
    one.shots == other.shots
        && one.strategy == other.strategy
        && one.order == other.order
        && one.floor == other.floor
        && one.filter == other.filter
        && one.pinned == other.pinned
        && one.excluded == other.excluded
        && one.decoding.temperature == other.decoding.temperature
}

/// The settings of a comparison, and what it is called.
fn changed(base: &Settings, argument: &str) -> Result<(Settings, String), Trouble> {
    let mut settings = base.clone();
    if argument.is_empty() {
        return Ok(if base.strategy == Strategy::None || base.shots == 0 {
            settings.strategy = Strategy::Image;
            settings.shots = base.shots.max(4);
            let label = format!("with {} shots", settings.shots);
            (settings, label)
        } else {
            settings.strategy = Strategy::None;
            settings.pinned.clear();
            (settings, "without shots".into())
        });
    }
    for part in argument.split_whitespace() {
        let (name, value) = part.split_once('=').ok_or_else(|| {
            Trouble::new(format!("`{part}` is no setting"))
                .hint("write k=2, strategy=random or order=shuffled")
        })?;
        super::commands::set(&mut settings, name, value)?;
    }
    Ok((settings, argument.to_string()))
}
