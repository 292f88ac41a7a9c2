//! The shots of the selected answer: pin, exclude, reorder, open, ask again without one.
//!
//! The shots of an existing answer never change: pins and exclusions apply from the next question on.

use crate::tui::backend::tags_line;
use crate::tui::keys::Action;
use rounds_assistant::retrieval::Shot;

use super::overlay::Overlay;
use super::user_error::UserError;
use super::{Focus, State, branches};
use rounds_assistant::MAX_SHOTS;

impl State {
    /// The shots in list order: pinned ones first, as in the next prompt.
    pub fn shot_list(&self) -> Vec<&Shot> {
        let Some(turn) = self.turn().and_then(|id| self.conversation.get(id)) else {
            return Vec::new();
        };
        let mut shots: Vec<&Shot> = turn.shots.iter().collect();
        shots.sort_by_key(|shot| self.pin_place(&shot.example.id).unwrap_or(usize::MAX));
        shots
    }

    /// Position among the pinned examples, from 0.
    pub fn pin_place(&self, id: &str) -> Option<usize> {
        self.settings.pinned.iter().position(|pinned| pinned == id)
    }

    pub fn is_excluded(&self, id: &str) -> bool {
        self.settings.excluded.iter().any(|excluded| excluded == id)
    }

    /// The selected shot.
    pub fn chosen_shot(&self) -> Option<&Shot> {
        let shots = self.shot_list();
        shots
            .get(self.shot.min(shots.len().saturating_sub(1)))
            .copied()
    }

    /// Details of a shot as pairs of label and text.
    pub fn shot_details(&self, shot: &Shot) -> Vec<(&'static str, String)> {
        let example = &shot.example;
        let next = match (self.pin_place(&example.id), self.is_excluded(&example.id)) {
            (Some(place), _) => format!("pinned, place {}", place + 1),
            (None, true) => "excluded".into(),
            (None, false) => String::new(),
        };
        let chosen = format!(
            "shot {}, score {:.4}: {}",
            shot.rank, shot.score, shot.reason
        );
        let facts = [
            ("Question", example.question.clone()),
            ("Answer", example.answer.clone()),
            ("Rationale", example.rationale.clone()),
            ("Why it was chosen", chosen),
            ("For the next question", next),
            ("Tags", tags_line(example)),
            ("Source", example.source.clone()),
            ("Licence", example.licence.clone()),
            ("Patient", example.patient.clone()),
            ("Study", example.study.clone()),
        ];
        let said = facts.into_iter().filter(|(_, text)| !text.is_empty());
        said.collect()
    }

    pub(super) fn shot_action(&mut self, action: Action) {
        let count = self.shot_list().len();
        let last = count.saturating_sub(1);
        self.shot = self.shot.min(last);
        let Some(id) = self.chosen_shot().map(|shot| shot.example.id.clone()) else {
            return self.notify("this answer has no shots");
        };
        match action {
            Action::ShotUp => self.shot = self.shot.saturating_sub(1),
            Action::ShotDown => self.shot = (self.shot + 1).min(last),
            Action::ShotOpen => {
                self.overlay = self.chosen_shot().map(|shot| Overlay::Example {
                    shot: Box::new(shot.clone()),
                    scroll: 0,
                });
            }
            Action::ShotPin => self.toggle_pin(&id),
            Action::ShotExclude => self.toggle_excluded(&id),
            Action::ShotEarlier => self.move_shot(-1),
            Action::ShotLater => self.move_shot(1),
            Action::AskWithout => self.ask_without(&id),
            Action::ShotSideBySide => {
                self.image_pane.two = !(self.image_pane.two && self.image_pane.with_shot);
                self.image_pane.with_shot = true;
                if self.image_pane.two {
                    self.show_pane(Focus::Images);
                }
            }
            _ => {}
        }
    }

    fn toggle_pin(&mut self, id: &str) {
        if self.pin_place(id).is_some() {
            self.settings.pinned.retain(|pinned| pinned != id);
            self.notify(format!("{id} is no longer pinned"));
        } else {
            self.settings.excluded.retain(|excluded| excluded != id);
            self.settings.pinned.push(id.to_string());
            self.notify(format!(
                "{id} is pinned: always used, from the next question on"
            ));
        }
        self.follow_shot(id);
    }

    fn toggle_excluded(&mut self, id: &str) {
        if self.is_excluded(id) {
            self.settings.excluded.retain(|excluded| excluded != id);
            self.notify(format!("{id} can be used again"));
        } else {
            self.settings.pinned.retain(|pinned| pinned != id);
            self.settings.excluded.push(id.to_string());
            self.notify(format!(
                "{id} is excluded: never used, from the next question on"
            ));
        }
        self.follow_shot(id);
    }

    /// Moves the selected shot up or down.
    fn move_shot(&mut self, step: isize) {
        let to = self.shot.checked_add_signed(step);
        if let Some(to) = to.filter(|to| *to < self.shot_list().len()) {
            self.reorder(self.shot, to);
        }
    }

    /// Moves a shot; the list order becomes the order of the pins.
    fn reorder(&mut self, from: usize, to: usize) {
        let mut ids: Vec<String> = self
            .shot_list()
            .iter()
            .map(|shot| shot.example.id.clone())
            .collect();
        let moved = ids.remove(from);
        ids.insert(to, moved);
        self.settings.excluded.retain(|id| !ids.contains(id));
        let others: Vec<String> = self
            .settings
            .pinned
            .iter()
            .filter(|id| !ids.contains(id))
            .cloned()
            .collect();
        self.settings.pinned = ids;
        self.settings.pinned.extend(others);
        self.shot = to;
        self.notify("these shots are pinned in this order from the next question on");
    }

    fn follow_shot(&mut self, id: &str) {
        let place = self
            .shot_list()
            .iter()
            .position(|shot| shot.example.id == id);
        self.shot = place.unwrap_or(self.shot);
    }

    /// Selects a shot by its typed number; without one the selection stays. True if there is a shot.
    fn select_shot(&mut self, argument: &str) -> bool {
        let count = self.shot_list().len();
        if count == 0 {
            self.show_error(UserError::new("this answer has no shots"));
            return false;
        }
        match branches::parse_index(argument, count) {
            Some(at) => self.shot = at,
            None if argument.is_empty() && !self.linear => {}
            None => {
                self.show_error(branches::no_such_number("shot", argument, count));
                return false;
            }
        }
        true
    }

    /// Applies an action to the shot with a typed number, or to the selected one.
    pub(super) fn shot_command(&mut self, argument: &str, action: Action) {
        if self.select_shot(argument) {
            self.shot_action(action);
        }
    }

    pub(super) fn move_argument(&mut self, argument: &str) {
        let count = self.shot_list().len();
        let mut places = argument
            .split_whitespace()
            .map(|word| branches::parse_index(word, count));
        match (places.next(), places.next(), places.next()) {
            (Some(Some(from)), Some(Some(to)), None) => self.reorder(from, to),
            _ => self.show_error(
                UserError::new("/move takes the number of a shot and its new place")
                    .hint("/shots lists them; /move 3 1 puts the third first"),
            ),
        }
    }

    /// Whether an argument means a shot of the list rather than the id of an example: any small number, even one out of
    /// range.
    fn is_shot(argument: &str) -> bool {
        let number = argument.parse::<usize>();
        argument.is_empty() || number.is_ok_and(|number| number <= MAX_SHOTS)
    }

    pub(super) fn pin_argument(&mut self, argument: &str) {
        match argument {
            shot if Self::is_shot(shot) => self.shot_command(shot, Action::ShotPin),
            "off" => {
                self.settings.pinned.clear();
                self.notify("nothing is pinned now");
            }
            id => self.toggle_pin(id),
        }
    }

    pub(super) fn exclude_argument(&mut self, argument: &str) {
        match argument {
            shot if Self::is_shot(shot) => self.shot_command(shot, Action::ShotExclude),
            "off" => {
                self.settings.excluded.clear();
                self.notify("nothing is excluded now");
            }
            id => self.toggle_excluded(id),
        }
    }
}
