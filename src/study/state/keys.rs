//! What keys and clicks do.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Position;

use crate::study::exchanged::FollowUp;
use crate::study::words;
use crate::tui::keys::{Press, image_key, window_key};
use crate::tui::state::Editor;
use crate::tui::terminal_image::ViewTransform;
use rounds_study::schedule::Grade;

use super::drawing::{Drawing, Drawn};
use super::{Effect, MAX_PENDING, Overlay, Scene, Shown, State, Turn, Work};

/// Lines of a page that Page Up and Page Down move.
const PAGE: usize = 8;

impl State {
    pub(super) fn key(&mut self, press: Press) -> Vec<Effect> {
        if press.modifiers.contains(KeyModifiers::CONTROL) {
            match press.code {
                KeyCode::Char('c' | 'd') => return self.leave(),
                KeyCode::Char('z') => return vec![Effect::Suspend],
                KeyCode::Char('l') => return vec![Effect::Redraw],
                _ => {}
            }
        }
        if self.busy {
            // Before the first card there is no field that it could be meant for.
            if press.code == KeyCode::Char('q') && matches!(self.scene, Scene::Waiting) {
                return self.leave();
            }
            if self.pending.len() < MAX_PENDING {
                self.pending.push_back(press);
            }
            return Vec::new();
        }
        self.notice = None;
        // Chords are for the field; a letter that grades or buries must be meant as a letter.
        let chord = KeyModifiers::CONTROL | KeyModifiers::ALT;
        let types = self.turn().is_some_and(|turn| match self.overlay {
            None => turn.typing && !turn.turned,
            Some(Overlay::Draw) => turn.drawing.as_ref().is_some_and(|drawing| drawing.naming),
            Some(_) => false,
        });
        if press.modifiers.intersects(chord) && !types {
            return Vec::new();
        }
        if self.overlay == Some(Overlay::Draw) {
            return self.drawing_key(press);
        }
        if self.overlay.is_some() {
            self.overlay_key(press);
            return Vec::new();
        }
        if press.code == KeyCode::F(1) {
            self.open(Overlay::Help);
            return Vec::new();
        }
        match &self.scene {
            Scene::Card(turn) if turn.turned => self.turned_key(press),
            Scene::Card(turn) if turn.typing => self.typing_key(press),
            Scene::Card(turn) if turn.takes_choice() => self.choice_key(press),
            Scene::Card(turn) if turn.takes_mark() => self.mark_key(press),
            Scene::Card(_) => self.open_key(press),
            Scene::Waiting | Scene::Finished { .. } => match press.code {
                KeyCode::Enter | KeyCode::Char(' ') => self.work(Work::Deal),
                _ => self.common_key(press),
            },
        }
    }

    /// Text goes into the field; Enter goes on, and so does a blank while nothing is typed.
    fn typing_key(&mut self, press: Press) -> Vec<Effect> {
        let Some(turn) = self.turn_mut() else {
            return Vec::new();
        };
        let empty = turn.field.is_empty();
        match press.code {
            KeyCode::Enter => return self.advance(),
            KeyCode::Char(' ') if empty => return self.advance(),
            KeyCode::Char('?') if empty => self.open(Overlay::Help),
            KeyCode::Esc | KeyCode::Tab => turn.typing = false,
            KeyCode::PageUp | KeyCode::PageDown | KeyCode::Up | KeyCode::Down => {
                return self.common_key(press);
            }
            _ => edit(&mut turn.field, press),
        }
        Vec::new()
    }

    /// A letter chooses an answer and turns the card.
    fn choice_key(&mut self, press: Press) -> Vec<Effect> {
        let Some(turn) = self.turn_mut() else {
            return Vec::new();
        };
        let last = turn.card().choices.len().saturating_sub(1);
        match press.code {
            KeyCode::Up => turn.highlighted = turn.highlighted.saturating_sub(1),
            KeyCode::Down => turn.highlighted = (turn.highlighted + 1).min(last),
            KeyCode::Enter if turn.next_stage().is_none() => {
                turn.chosen = Some(turn.highlighted.min(last));
                return self.turn_card();
            }
            KeyCode::Char(letter) => match words::place_of(letter).filter(|at| *at <= last) {
                Some(at) => {
                    turn.highlighted = at;
                    turn.chosen = Some(at);
                    return self.turn_card();
                }
                None => return self.open_key(press),
            },
            _ => return self.open_key(press),
        }
        Vec::new()
    }

    /// Arrows move the cross-hair.
    fn mark_key(&mut self, press: Press) -> Vec<Effect> {
        let long = press.modifiers.contains(KeyModifiers::SHIFT);
        let (right, down) = match press.code {
            KeyCode::Left => (-1, 0),
            KeyCode::Right => (1, 0),
            KeyCode::Up => (0, -1),
            KeyCode::Down => (0, 1),
            _ => return self.open_key(press),
        };
        if let Some(turn) = self.turn_mut() {
            turn.move_cross(right, down, long);
        }
        Vec::new()
    }

    /// A card that is not turned, while no text is typed.
    fn open_key(&mut self, press: Press) -> Vec<Effect> {
        match press.code {
            KeyCode::Enter | KeyCode::Char(' ') => self.advance(),
            KeyCode::Tab => {
                if let Some(turn) = self.turn_mut() {
                    turn.typing = turn.takes_text();
                }
                Vec::new()
            }
            _ => self.common_key(press),
        }
    }

    fn turned_key(&mut self, press: Press) -> Vec<Effect> {
        match press.code {
            KeyCode::Char('1') => self.grade(Grade::Again),
            KeyCode::Char('2') => self.grade(Grade::Hard),
            KeyCode::Char('3') => self.grade(Grade::Good),
            KeyCode::Char('4') => self.grade(Grade::Easy),
            KeyCode::Char(' ') | KeyCode::Enter => {
                let grade = self.turn().map_or(Grade::Good, Turn::suggested);
                self.grade(grade)
            }
            KeyCode::Char('e') => self.look_alikes(),
            KeyCode::Char('f') => {
                self.follow_up();
                Vec::new()
            }
            KeyCode::Char('d') => {
                self.draw();
                Vec::new()
            }
            _ => self.common_key(press),
        }
    }

    fn look_alikes(&mut self) -> Vec<Effect> {
        self.open(Overlay::LookAlikes);
        let turn = self.turn().filter(|turn| turn.look_alikes.is_none());
        let card = turn.map(|turn| turn.card().clone());
        card.map(|card| Effect::FindLookAlikes(Box::new(card)))
            .into_iter()
            .collect()
    }

    fn follow_up(&mut self) {
        match self.turn().and_then(|turn| turn.follow_up.as_ref()) {
            Some(FollowUp::Contrast(_)) => self.open(Overlay::Contrast),
            Some(FollowUp::Sibling { .. }) => {
                if let Some(turn) = self.turn_mut() {
                    turn.follow_up_open = true;
                }
            }
            None if self.turn().is_some_and(|turn| turn.seeks_follow_up) => {
                self.say("still looking for a question that follows up");
            }
            None => self.say("there is no question that follows up on this card"),
        }
    }

    /// Begins a rectangle on the image that the full screen shows.
    fn draw(&mut self) {
        if self.turn_mut().is_some_and(Turn::draw) {
            self.open(Overlay::Draw);
            // Until it is on the screen, a click is on nothing.
            self.shown.image = None;
        } else {
            self.say("there is no image to draw on");
        }
    }

    fn drawing_key(&mut self, press: Press) -> Vec<Effect> {
        let Some(turn) = self.turn_mut() else {
            self.overlay = None;
            return Vec::new();
        };
        let (card, image) = (turn.card().id.clone(), turn.image);
        let drawn = turn.drawing.as_mut().map(|drawing| drawing.key(press));
        match (drawn, &turn.drawing) {
            (Some(Drawn::Going), _) => {}
            (Some(Drawn::Done), Some(drawing)) => {
                if let Some(place) = drawing.rectangle() {
                    let label = drawing.label.text().trim().to_string();
                    return self.work(Work::AddPlace {
                        card,
                        image,
                        label,
                        place,
                    });
                }
            }
            _ => self.stop_drawing(),
        }
        Vec::new()
    }

    /// Leaves the drawing.
    pub(super) fn stop_drawing(&mut self) {
        if let Some(turn) = self.turn_mut() {
            turn.drawing = None;
        }
        self.shown.image = None;
        self.overlay = self.overlay.filter(|overlay| *overlay != Overlay::Draw);
    }

    /// Keys that do the same on every card and at the end.
    fn common_key(&mut self, press: Press) -> Vec<Effect> {
        let last = self.shown.text_last;
        let card = self.turn().map(|turn| turn.card().id.clone());
        match (press.code, card) {
            (KeyCode::Char('u'), _) => return self.work(Work::Undo),
            (KeyCode::Char('b'), Some(card)) => return self.work(Work::Bury(card)),
            (KeyCode::Char('s'), Some(card)) => return self.work(Work::Suspend(card)),
            (KeyCode::Char('q'), _) => return self.leave(),
            (KeyCode::Char('t'), _) => {
                self.open(Overlay::Statistics);
                self.statistics = None;
                return vec![Effect::Statistics];
            }
            (KeyCode::Char('?'), _) => self.open(Overlay::Help),
            (KeyCode::Char('i'), Some(_)) => self.open(Overlay::Image),
            (KeyCode::PageDown, _) => self.scroll(PAGE, last),
            (KeyCode::Down | KeyCode::Char(']'), _) => self.scroll(1, last),
            (KeyCode::PageUp, _) => self.scroll_back(PAGE),
            (KeyCode::Up | KeyCode::Char('['), _) => self.scroll_back(1),
            _ => {}
        }
        Vec::new()
    }

    fn scroll(&mut self, lines: usize, last: usize) {
        if let Some(turn) = self.turn_mut() {
            turn.scroll = (turn.scroll + lines).min(last);
        }
    }

    fn scroll_back(&mut self, lines: usize) {
        let last = self.shown.text_last;
        if let Some(turn) = self.turn_mut() {
            turn.scroll = turn.scroll.min(last).saturating_sub(lines);
        }
    }

    fn open(&mut self, overlay: Overlay) {
        self.window_scroll = 0;
        self.overlay = Some(overlay);
    }

    /// Shows the next stage, or turns the card.
    fn advance(&mut self) -> Vec<Effect> {
        match self.turn_mut().is_some_and(Turn::reveal) {
            true => Vec::new(),
            false => self.turn_card(),
        }
    }

    fn overlay_key(&mut self, press: Press) {
        let (scroll, last) = (self.window_scroll, self.shown.window_last);
        match self.overlay {
            Some(Overlay::Image) => self.image_key(press),
            Some(Overlay::Contrast) => self.contrast_key(press),
            Some(Overlay::Help | Overlay::Statistics) => {
                match window_key(scroll, last, press.code) {
                    Some(scroll) => self.window_scroll = scroll,
                    None => self.overlay = None,
                }
            }
            // Drawing has keys of its own.
            Some(Overlay::LookAlikes | Overlay::Draw) | None => self.overlay = None,
        }
    }

    /// A letter answers once; any other key that does not scroll closes.
    fn contrast_key(&mut self, press: Press) {
        let (scroll, last) = (self.window_scroll, self.shown.window_last);
        if let Some(scroll) = window_key(scroll, last, press.code) {
            self.window_scroll = scroll;
            return;
        }
        let chosen = match press.code {
            KeyCode::Char(letter) => words::place_of(letter).filter(|at| *at < 2),
            _ => None,
        };
        if let Some(turn) = self.turn_mut()
            && turn.follow_up_chosen.is_none()
            && chosen.is_some()
        {
            turn.follow_up_chosen = chosen;
            self.window_scroll = 0;
            return;
        }
        self.overlay = None;
    }

    fn image_key(&mut self, press: Press) {
        let Some(turn) = self.turn_mut() else {
            self.overlay = None;
            return;
        };
        match press.code {
            KeyCode::Char('m') => {
                turn.image = (turn.image + 1) % turn.dealt.pictures.len().max(1);
                turn.look = ViewTransform::default();
            }
            code if image_key(&mut turn.look, code) => {}
            _ => self.overlay = None,
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        let hidden = self.overlay.is_some();
        let drawing = self.turn_mut().and_then(|turn| turn.drawing.as_mut());
        if let Some(drawing) = drawing.filter(|drawing| drawing.naming) {
            drawing.label.insert(text);
            return Vec::new();
        }
        if let Some(turn) = self.turn_mut().filter(|turn| turn.typing && !hidden) {
            turn.field.insert(text);
        }
        Vec::new()
    }

    /// The mouse on a rectangle that is drawn; whether there is one.
    pub(super) fn drawing_mouse(&mut self, act: impl FnOnce(&mut Drawing, &Shown)) -> bool {
        let busy = self.busy;
        let Self { scene, shown, .. } = self;
        let shown: &Shown = shown;
        let Scene::Card(turn) = scene else {
            return false;
        };
        match &mut turn.drawing {
            Some(drawing) if !busy => act(drawing, shown),
            Some(_) => {}
            None => return false,
        }
        true
    }

    pub(super) fn drag(&mut self, column: u16, row: u16) {
        self.drawing_mouse(|drawing, shown| {
            if let Some(at) = shown.image.and_then(|image| image.pixel(column, row)) {
                drawing.drag(at);
            }
        });
    }

    pub(super) fn click(&mut self, column: u16, row: u16) -> Vec<Effect> {
        let draws = self.drawing_mouse(|drawing, shown| {
            if let Some(at) = shown.image.and_then(|image| image.pixel(column, row)) {
                drawing.press(at);
            }
        });
        if draws {
            return Vec::new();
        }
        if self.busy || self.overlay.is_some() {
            return Vec::new();
        }
        let cell = Position::new(column, row);
        let pixel = self.shown.image.and_then(|image| image.pixel(column, row));
        let mut choices = self.shown.choices.iter();
        let choice = choices.position(|area| area.contains(cell));
        let Some(turn) = self.turn_mut() else {
            return Vec::new();
        };
        if turn.takes_mark()
            && let Some(at) = pixel
        {
            turn.place_cross(at);
        }
        if turn.takes_choice()
            && let Some(at) = choice
        {
            turn.highlighted = at;
            turn.chosen = Some(at);
            return self.turn_card();
        }
        Vec::new()
    }
}

pub(super) fn edit(field: &mut Editor, press: Press) {
    let control = press.modifiers.contains(KeyModifiers::CONTROL);
    let word = control || press.modifiers.contains(KeyModifiers::ALT);
    match press.code {
        KeyCode::Char('a') if control => field.go_to_line_start(),
        KeyCode::Char('e') if control => field.go_to_line_end(),
        KeyCode::Char('u') if control => field.kill_to_start(),
        KeyCode::Char('k') if control => field.kill_to_end(),
        KeyCode::Char('w') if control => field.kill_word(),
        KeyCode::Char('y') if control => field.yank(),
        KeyCode::Backspace if word => field.kill_word(),
        KeyCode::Backspace => field.backspace(),
        KeyCode::Delete => field.delete(),
        KeyCode::Left if word => field.word_left(),
        KeyCode::Left => field.left(),
        KeyCode::Right if word => field.word_right(),
        KeyCode::Right => field.right(),
        KeyCode::Home => field.go_to_line_start(),
        KeyCode::End => field.go_to_line_end(),
        _ => {
            if let Some(character) = press.character() {
                field.type_character(character);
            }
        }
    }
}
