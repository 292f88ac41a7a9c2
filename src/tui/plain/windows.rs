//! What the full screen shows in windows, notices and panes, as lines.

use super::face::{Before, Face};
use super::turns::Kind;
use super::words;
use crate::tui::state::{Overlay, Page, Picker, Reply, SessionList};

impl Face {
    /// Says what a window would show. Lists that are still being read, and questions to be answered, stay open.
    pub(super) fn say_windows(&mut self, kind: Kind) {
        match self.state.overlay.take() {
            Some(Overlay::Sessions(list)) if list.is_reading() => {
                self.state.overlay = Some(Overlay::Sessions(list));
            }
            Some(Overlay::Picker(picker)) if picker.is_reading() => {
                self.state.overlay = Some(Overlay::Picker(picker));
            }
            Some(confirm @ Overlay::Confirm { .. }) => {
                if let (Overlay::Confirm { question, .. }, Kind::Line) = (&confirm, kind) {
                    self.say(question);
                    self.say("yes or no?");
                }
                self.state.overlay = Some(confirm);
            }
            Some(Overlay::Compare { left, right, .. }) => self.comparing = Some((left, right)),
            Some(Overlay::Sessions(list)) => self.say_sessions(&list),
            Some(Overlay::Picker(picker)) => self.say_files(&picker),
            Some(Overlay::Help { .. }) => words::help().iter().for_each(|line| self.say(line)),
            Some(Overlay::Cases { .. }) => self.say_cases(),
            Some(Overlay::Example { shot, .. }) => {
                self.say(&format!("Example {}", shot.example.id));
                for (name, text) in self.state.facts_of(&shot) {
                    self.say(&format!("{name}: {text}"));
                }
            }
            Some(Overlay::Prompt { turn, .. }) => {
                let turn = self.state.talk.get(turn);
                let prompt = turn.map_or("", |turn| turn.prompt_text()).to_string();
                self.say(&prompt);
            }
            Some(Overlay::Page { page, .. }) => self.say_page(page),
            Some(Overlay::Welcome { .. } | Overlay::Export(_) | Overlay::Picture) | None => {}
        }
    }

    fn say_page(&mut self, page: Page) {
        let lines = self.state.lines_of(page);
        lines.iter().for_each(|line| self.say(line));
        let next = match page {
            Page::Shots if self.state.shot_list().is_empty() => return,
            Page::Shots => {
                "/shot N opens one, /without N asks again without it, /pin N, /exclude N, /move N M"
            }
            Page::Turns => {
                "/turns N selects one, for /shots, /prompt, /compare, /edit, /regenerate"
            }
            Page::Branches => "/branches N goes to one",
            Page::Question => "/edit and the new words ask it as a branch",
            Page::Status => return,
        };
        self.say(next);
    }

    fn say_cases(&mut self) {
        for (number, name) in self.state.cases.clone().iter().enumerate() {
            self.say(&format!("{}. {name}", number + 1));
        }
        self.say("/cases and a name or a number attaches one");
    }

    fn say_files(&mut self, picker: &Picker) {
        const MOST: usize = 200;
        if let Some(trouble) = &picker.trouble {
            return self.complain(trouble);
        }
        let visible = picker.visible();
        for entry in visible.iter().take(MOST) {
            let slash = if entry.folder { "/" } else { "" };
            self.say(&format!("{}{slash}", entry.name));
        }
        if visible.len() > MOST {
            self.say(&format!("and {} more", visible.len() - MOST));
        }
        self.say("these are the pictures and folders here; /attach and a path attaches one");
    }

    fn say_sessions(&mut self, list: &SessionList) {
        if let Some(trouble) = &list.trouble {
            return self.complain(trouble);
        }
        let words = list.words.text();
        match (list.items().len(), words.is_empty()) {
            (0, true) => self.say("no session is kept yet"),
            (0, false) => self.say("no session has these words"),
            _ => {}
        }
        for item in list.items() {
            let here = match self.state.session.id() == Some(item.id.as_str()) {
                true => ", this one",
                false => "",
            };
            let turns = match item.turns {
                1 => "1 question".into(),
                some => format!("{some} questions"),
            };
            let line = format!(
                "{}  {}  ({}, {turns}{here})",
                item.id, item.title, item.when
            );
            self.say(&line);
            if let Some(snippet) = &item.snippet {
                self.say(&format!("   {snippet}"));
            }
        }
        if !list.items().is_empty() {
            self.say("/open ID opens one, /search WORDS looks for words");
        }
    }

    /// The notice of the state, unless the end of a turn says the same.
    pub(super) fn say_notice(&mut self, before: &Before) {
        let Some(notice) = self.state.notice.take() else {
            return;
        };
        let failed = before.running.and_then(|id| self.state.talk.get(id));
        let said = failed.is_some_and(
            |turn| matches!(&turn.reply, Reply::Failed(trouble) if *trouble == notice.trouble),
        );
        match (notice.error, said) {
            (true, true) => {}
            (true, false) => self.complain(&notice.trouble),
            (false, _) => self.say(&notice.trouble.message),
        }
    }

    /// Pictures, models and sessions that came.
    pub(super) fn say_changes(&mut self, kind: Kind, before: &Before) {
        match kind {
            Kind::Attached { before } if self.state.attached.len() > before => {
                if let Some(facts) = self.state.attached.last().map(words::picture) {
                    self.say(&facts);
                }
            }
            Kind::SessionOpened { well: true } => self.say_page(Page::Turns),
            _ => {}
        }
        let opening = self.state.engine.is_opening();
        if opening && kind == Kind::Line && !before.opening {
            self.say_opening();
        }
        if before.opening && !opening {
            self.say_opened(kind);
        }
    }

    pub(super) fn say_opening(&mut self) {
        if let Some((what, _)) = self.state.engine.opening() {
            self.say(&format!("opening {what}"));
        }
    }

    fn say_opened(&mut self, kind: Kind) {
        match (&self.state.engine.trouble, self.state.engine.about()) {
            (Some(trouble), _) if kind == Kind::Line => {
                let trouble = trouble.clone();
                self.complain(&trouble);
            }
            (None, Some(about)) if kind != Kind::Line => {
                let line = format!("ready: model {}, index {}", about.model, about.index);
                self.say(&line);
            }
            _ => {}
        }
    }
}
