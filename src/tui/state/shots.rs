//! The shots of the selected answer: pin, exclude, reorder, open, ask again without one.
//!
//! The shots of an existing answer never change: pins and exclusions apply from the next question on.

use crate::tui::backend::{region_names, tags_line};
use crate::tui::keys::Action;
use rounds_assistant::retrieval::{Order, Shot};

use rounds_assistant::MAX_SHOTS;
use rounds_support::Failure;

use super::branches;
use super::focus::Focus;
use super::machine::State;
use super::overlay::Overlay;

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
            .get(self.selection.shot.min(shots.len().saturating_sub(1)))
            .copied()
    }

    /// Details of a shot as pairs of label and text.
    pub fn shot_details(&self, shot: &Shot) -> Vec<(&'static str, String)> {
        let example = &shot.example;
        let next = match (self.pin_place(&example.id), self.is_excluded(&example.id)) {
            (Some(place), _) => format!(
                "pinned, place {}: {}",
                place + 1,
                prompt_place(place, self.settings.order)
            ),
            (None, true) => "excluded".into(),
            (None, false) => String::new(),
        };
        let chosen = match shot.has_score() {
            true => format!(
                "shot {}, score {:.4}: {}",
                shot.rank, shot.score, shot.reason
            ),
            false => format!("shot {}: {}", shot.rank, shot.reason),
        };
        let did = self.influence(shot).map_or(String::new(), |(own, _)| {
            format!("{own:+.3}: log-likelihood with all shots minus without this one")
        });
        let facts = [
            ("Question", example.question.clone()),
            ("Answer", example.answer.clone()),
            ("Rationale", example.rationale.clone()),
            ("Why it was chosen", chosen),
            ("What it did to the answer", did),
            ("For the next question", next),
            ("Marked in the image", region_names(example).join(", ")),
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
        self.selection.shot = self.selection.shot.min(last);
        let Some(id) = self.chosen_shot().map(|shot| shot.example.id.clone()) else {
            return self.notify("this answer has no shots");
        };
        match action {
            Action::ShotUp => self.selection.shot = self.selection.shot.saturating_sub(1),
            Action::ShotDown => self.selection.shot = (self.selection.shot + 1).min(last),
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
            Action::ShotWhy => self.explain_answer(),
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
            let place = prompt_place(self.settings.pinned.len() - 1, self.settings.order);
            self.notify(format!(
                "{id} is pinned: always used, from the next question on, {place}"
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

    /// Moves the selected shot up or down, past excluded ones, which have no place in the order.
    fn move_shot(&mut self, step: isize) {
        let shots = self.shot_list();
        let mut to = self.selection.shot.checked_add_signed(step);
        while let Some(at) = to
            && shots
                .get(at)
                .is_some_and(|shot| self.is_excluded(&shot.example.id))
        {
            to = at.checked_add_signed(step);
        }
        if let Some(to) = to.filter(|to| *to < shots.len()) {
            self.reorder(self.selection.shot, to);
        }
    }

    /// Moves a shot; the list order becomes the order of the pins. Excluded shots stay excluded.
    fn reorder(&mut self, from: usize, to: usize) {
        let mut ids: Vec<String> = self
            .shot_list()
            .iter()
            .map(|shot| shot.example.id.clone())
            .collect();
        let moved = ids.remove(from);
        if self.is_excluded(&moved) {
            return self.show_error(
                Failure::usage(format!(
                    "{moved} is excluded, so it has no place in the order"
                ))
                .hint(format!("/exclude {moved} lets it be used again")),
            );
        }
        ids.insert(to, moved.clone());
        ids.retain(|id| !self.is_excluded(id));
        let pinned = ids.len();
        let others: Vec<String> = self
            .settings
            .pinned
            .iter()
            .filter(|id| !ids.contains(id))
            .cloned()
            .collect();
        self.settings.pinned = ids;
        self.settings.pinned.extend(others);
        self.follow_shot(&moved);
        let first = prompt_place(0, self.settings.order);
        self.notify(format!(
            "{} pinned in this order from the next question on; the first stands {first}",
            match pinned {
                1 => "this shot is".into(),
                count => format!("these {count} shots are"),
            }
        ));
    }

    fn follow_shot(&mut self, id: &str) {
        let place = self
            .shot_list()
            .iter()
            .position(|shot| shot.example.id == id);
        self.selection.shot = place.unwrap_or(self.selection.shot);
    }

    /// Selects a shot by its typed number; without one the selection stays. True if there is a shot.
    fn select_shot(&mut self, argument: &str) -> bool {
        let count = self.shot_list().len();
        if count == 0 {
            self.show_error(Failure::usage("this answer has no shots"));
            return false;
        }
        match branches::parse_index(argument, count) {
            Some(at) => self.selection.shot = at,
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
                Failure::usage("/move takes the number of a shot and its new place")
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

/// Where a pinned example stands in the prompt; `place` is its position among the pins, which come before all others.
fn prompt_place(place: usize, order: Order) -> String {
    match (order, place) {
        (Order::SimilarLast, 0) => "last in the prompt, next to the question".into(),
        (Order::SimilarLast, more) => format!("{more} before the last in the prompt"),
        (Order::SimilarFirst, 0) => "first in the prompt".into(),
        (Order::SimilarFirst, more) => format!("as number {} in the prompt", more + 1),
        (Order::Shuffled, _) => "at a place that the seed draws".into(),
    }
}
