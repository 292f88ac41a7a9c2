//! Printing of what the full screen shows in windows, notices and panes.

use super::line_ui::{LineUi, StateBefore};
use super::messages;
use super::turns::EventKind;
use crate::tui::state::{Overlay, Page, Picker, Reply, SessionList};

impl LineUi {
    /// Prints what a window would show. Lists that are still loading and unanswered confirmations stay open.
    pub(super) fn print_windows(&mut self, kind: EventKind) {
        match self.state.overlay.take() {
            Some(Overlay::Sessions(list)) if list.is_reading() => {
                self.state.overlay = Some(Overlay::Sessions(list));
            }
            Some(Overlay::Picker(picker)) if picker.is_reading() => {
                self.state.overlay = Some(Overlay::Picker(picker));
            }
            Some(confirm @ Overlay::Confirm { .. }) => {
                if let (Overlay::Confirm { question, .. }, EventKind::Line) = (&confirm, kind) {
                    self.print_line(question);
                    self.print_line("yes or no?");
                }
                self.state.overlay = Some(confirm);
            }
            Some(Overlay::Compare { left, right, .. }) => self.comparing = Some((left, right)),
            Some(Overlay::Sessions(list)) => self.print_sessions(&list),
            Some(Overlay::Picker(picker)) => self.print_files(&picker),
            Some(Overlay::Help { filter, .. }) => messages::help(filter.text())
                .iter()
                .for_each(|line| self.print_line(line)),
            Some(Overlay::Cases { .. }) => self.print_cases(),
            Some(Overlay::Example { shot, .. }) => {
                self.print_line(&format!("Example {}", shot.example.id));
                for (name, text) in self.state.shot_details(&shot) {
                    self.print_line(&format!("{name}: {text}"));
                }
            }
            Some(Overlay::Prompt { turn, .. }) => {
                let turn = self.state.conversation.get(turn);
                let prompt = turn.map_or("", |turn| turn.prompt_text()).to_string();
                self.print_line(&prompt);
            }
            Some(Overlay::Page { page, .. }) => self.print_page(page),
            Some(
                Overlay::Welcome { .. }
                | Overlay::Export(_)
                | Overlay::Image
                | Overlay::Problems { .. },
            )
            | None => {}
        }
    }

    fn print_page(&mut self, page: Page) {
        let lines = self.state.page_lines(page);
        lines.iter().for_each(|line| self.print_line(line));
        let next = match page {
            Page::Shots if self.state.shot_list().is_empty() => return,
            Page::Shots => {
                "/shot N opens one, /without N asks again without it; also /pin N, /exclude N, /move N M"
            }
            Page::Turns => "/turns N selects one for /shots, /prompt, /compare, /edit, /regenerate",
            Page::Branches => "/branches N switches to one",
            Page::Question => "/edit TEXT asks the new text as a branch",
            Page::Why => "/without N asks again without a shot",
            Page::Status | Page::Reference => return,
            Page::Problems => "/problem ID opens one",
            Page::Background => {
                "ask this question, or another one about the case; /problem answer shows the answer"
            }
        };
        self.print_line(next);
    }

    fn print_cases(&mut self) {
        for case in self.state.cases.clone() {
            self.print_line(&case.title);
        }
        self.print_line("/cases N attaches one");
    }

    fn print_files(&mut self, picker: &Picker) {
        const MAX_ENTRIES: usize = 200;
        if let Some(error) = &picker.error {
            return self.print_error(error);
        }
        let visible = picker.visible();
        for entry in visible.iter().take(MAX_ENTRIES) {
            let slash = if entry.folder { "/" } else { "" };
            self.print_line(&format!("{}{slash}", entry.name));
        }
        if visible.len() > MAX_ENTRIES {
            self.print_line(&format!("and {} more", visible.len() - MAX_ENTRIES));
        }
        self.print_line("images and folders in this folder; /attach PATH attaches one");
    }

    fn print_sessions(&mut self, list: &SessionList) {
        if let Some(error) = &list.error {
            return self.print_error(error);
        }
        let query = list.words.text();
        match (list.items().len(), query.is_empty()) {
            (0, true) => self.print_line("no saved sessions yet"),
            (0, false) => self.print_line("no session matches these words"),
            _ => {}
        }
        for item in list.items() {
            let current = match self.state.session.id() == Some(item.id.as_str()) {
                true => ", current",
                false => "",
            };
            let turns = match item.turns {
                1 => "1 question".into(),
                count => format!("{count} questions"),
            };
            let line = format!(
                "{}  {}  ({}, {turns}{current})",
                item.id, item.title, item.when
            );
            self.print_line(&line);
            let about = item.about();
            if !about.is_empty() {
                self.print_line(&format!("   {about}"));
            }
            if let Some(snippet) = &item.snippet {
                self.print_line(&format!("   {snippet}"));
            }
        }
        if !list.items().is_empty() {
            self.print_line("/open ID opens one, /search WORDS searches them");
        }
    }

    /// The state's notice, unless it repeats the error of the turn that just failed.
    pub(super) fn print_notice(&mut self, before: &StateBefore) {
        let Some(notice) = self.state.notice.take() else {
            return;
        };
        let failed = before
            .running
            .and_then(|id| self.state.conversation.get(id));
        let already_printed = failed.is_some_and(
            |turn| matches!(&turn.reply, Reply::Failed(error) if *error == notice.error),
        );
        match (notice.is_error, already_printed) {
            (true, true) => {}
            (true, false) => self.print_error(&notice.error),
            (false, _) => self.print_line(&notice.error.message),
        }
    }

    /// Images, models and sessions that have arrived.
    pub(super) fn print_changes(&mut self, kind: EventKind, before: &StateBefore) {
        match kind {
            EventKind::Attached { before } if self.state.case.images.len() > before => {
                if let Some(facts) = self.state.case.images.last().map(messages::image_facts) {
                    self.print_line(&facts);
                }
            }
            EventKind::SessionOpened { ok: true } => self.print_page(Page::Turns),
            _ => {}
        }
        let opening = self.state.engine.is_opening();
        if opening && kind == EventKind::Line && !before.opening {
            self.print_opening();
        }
        if before.opening && !opening {
            self.print_opened(kind);
        }
    }

    pub(super) fn print_opening(&mut self) {
        if let Some((what, _)) = self.state.engine.opening() {
            self.print_line(&format!("opening {what}"));
        }
    }

    fn print_opened(&mut self, kind: EventKind) {
        match (&self.state.engine.error, self.state.engine.about()) {
            (Some(error), _) if kind == EventKind::Line => {
                let error = error.clone();
                self.print_error(&error);
            }
            (None, Some(about)) if kind != EventKind::Line => {
                let line = format!("ready: model {}, index {}", about.model, about.index);
                self.print_line(&line);
            }
            _ => {}
        }
    }
}
