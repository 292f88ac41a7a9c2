//! Letters pressed in a pane: keys of that pane, unless more letters follow as when typing. Then they are the start of a
//! question, and what the first one did is undone.

use std::time::Duration;

use crate::tui::keys::{Action, Press};

use super::machine::State;
use super::pane_letter::{Before, PaneLetter};

/// Two different keys within this time are typing.
const TYPING: Duration = Duration::from_millis(300);
/// A letter without a meaning in the pane within this time after a key shows that both are typing.
const HESITATION: Duration = Duration::from_secs(1);

/// Whether a key only moves or adjusts what is shown, so that several follow each other quickly.
fn is_motion(action: Action) -> bool {
    use Action::*;
    matches!(
        action,
        TurnUp
            | TurnDown
            | TurnFirst
            | TurnLast
            | ShotUp
            | ShotDown
            | ShotEarlier
            | ShotLater
            | NextImage
            | PreviousImage
            | ZoomIn
            | ZoomOut
            | PanLeft
            | PanRight
            | PanUp
            | PanDown
            | Brighter
            | Darker
            | MoreContrast
            | LessContrast
            | FarLeft
            | FarRight
            | FarUp
            | FarDown
    )
}

/// Whether a key asks a question or starts work, which cannot be undone.
fn is_final(action: Action) -> bool {
    matches!(
        action,
        Action::TurnRegenerate | Action::AskWithout | Action::ShotWhy
    )
}

impl State {
    /// A letter, or another character, with a meaning in the focused pane.
    pub(super) fn pane_letter(&mut self, letter: char, action: Action, press: Press) {
        if !letter.is_alphabetic() {
            return self.do_action(action, press);
        }
        let deferred = is_final(action);
        self.letter = Some(PaneLetter {
            letter,
            action,
            press,
            context: self.focus.key_context(),
            at: self.now,
            deferred,
            before: Box::new(self.before_letter()),
        });
        if !deferred {
            self.do_action(action, press);
        }
    }

    /// Whether a key goes on with the text that a letter in a pane began; then both are in the input.
    pub(super) fn continues_text(&mut self, press: Press) -> bool {
        let Some(first) = self.letter.take() else {
            return false;
        };
        let typed = press.character().filter(|typed| *typed != first.letter);
        let elapsed = self.now.saturating_sub(first.at);
        let within = match (typed, self.keymap.action(first.context, press)) {
            // The beginning of a command, and the key of the help.
            (Some('/' | '?'), None) => Duration::ZERO,
            (_, None) => HESITATION,
            (_, Some(action)) if is_motion(action) && is_motion(first.action) => Duration::ZERO,
            (Some(letter), Some(_)) if letter.is_alphabetic() || letter == ' ' => TYPING,
            (_, Some(_)) => Duration::ZERO,
        };
        match typed.filter(|_| elapsed < within) {
            Some(letter) => {
                self.undo_letter(*first.before);
                self.type_character(first.letter);
                self.type_character(letter);
                true
            }
            None => {
                self.finish_letter(first);
                false
            }
        }
    }

    /// Does what a letter asked for, when nothing followed it.
    fn finish_letter(&mut self, first: PaneLetter) {
        if first.deferred {
            self.do_action(first.action, first.press);
        }
    }

    /// A deferred letter acts when no other has followed in time.
    pub(super) fn tick_letter(&mut self) {
        let now = self.now;
        let is_due =
            |first: &mut PaneLetter| first.deferred && now.saturating_sub(first.at) >= TYPING;
        if let Some(first) = self.letter.take_if(is_due) {
            self.finish_letter(first);
        }
    }

    /// Whether a letter waits to act, so that tick events are needed.
    pub fn has_deferred_letter(&self) -> bool {
        self.letter.as_ref().is_some_and(|first| first.deferred)
    }

    /// Whether the next letter may make the last one part of a text.
    #[cfg(test)]
    pub fn has_pane_letter(&self) -> bool {
        self.letter.is_some()
    }

    fn before_letter(&self) -> Before {
        Before {
            focus: self.focus,
            front: self.front,
            chosen: self.selection.turn,
            scroll: self.selection.scroll,
            shot: self.selection.shot,
            pinned: self.settings.pinned.clone(),
            excluded: self.settings.excluded.clone(),
            attached: self.case.images.clone(),
            subject: self.case.subject.clone(),
            image_pane: self.image_pane.clone(),
            cross_hair: self.cross_hair.clone(),
            input: self.composer.input.text().to_string(),
            is_editing: self.composer.editing.is_some(),
        }
    }

    fn undo_letter(&mut self, before: Before) {
        if !before.is_editing {
            self.cancel_editing();
        }
        if self.composer.input.text() != before.input {
            self.composer.input.set(&before.input);
        }
        self.overlay = None;
        self.notice = None;
        self.focus = before.focus;
        self.front = before.front;
        self.selection.turn = before.chosen;
        self.selection.scroll = before.scroll;
        self.selection.shot = before.shot;
        self.settings.pinned = before.pinned;
        self.settings.excluded = before.excluded;
        self.case.images = before.attached;
        self.case.subject = before.subject;
        self.image_pane = before.image_pane;
        self.cross_hair = before.cross_hair;
        // A view that the letter asked for would come later.
        self.wanted_view = None;
    }
}
