//! The windows over the panes. At most one is open.

use std::path::PathBuf;

use crate::tui::journal::{ExportFormat, SessionSummary};
use rounds_assistant::retrieval::Shot;

use rounds_support::Failure;

use super::conversation::TurnId;
use super::editor::Editor;
use super::event::Entry;
use super::fuzzy;
use super::page::Page;
use super::paths;

/// The welcome step with the sample cases.
pub const CASES_STEP: usize = 1;

/// An open window.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The welcome of the first run, in three steps.
    Welcome {
        step: usize,
        selected: usize,
        /// Scroll offset of the text steps.
        scroll: usize,
    },
    Help {
        scroll: usize,
        /// Only lines with these words are shown.
        filter: Editor,
    },
    Cases {
        selected: usize,
    },
    Problems {
        selected: usize,
    },
    Picker(Picker),
    Sessions(SessionList),
    Example {
        shot: Box<Shot>,
        scroll: usize,
    },
    Prompt {
        turn: TurnId,
        scroll: usize,
    },
    Page {
        page: Page,
        scroll: usize,
    },
    Export(ExportDialog),
    /// The selected image on the full screen.
    Image,
    Compare {
        left: TurnId,
        right: TurnId,
        scroll: usize,
    },
    /// Asks before something that cannot be undone.
    Confirm {
        question: String,
        confirmed: Confirmed,
    },
}

/// What is done after a confirmation.
#[derive(Clone, Debug)]
pub enum Confirmed {
    DeleteSession {
        id: String,
        /// The list that opened it, to go back to.
        list: Option<Box<SessionList>>,
    },
    ReplaceExport {
        format: ExportFormat,
        path: PathBuf,
    },
}

impl Confirmed {
    /// What it does, as the title of the window and in its hints.
    pub fn verb(&self) -> (&'static str, &'static str) {
        match self {
            Self::DeleteSession { .. } => ("Delete", "deletes"),
            Self::ReplaceExport { .. } => ("Replace", "replaces"),
        }
    }
}

impl Overlay {
    /// The text field that receives typed characters.
    pub(super) fn field(&mut self) -> Option<&mut Editor> {
        match self {
            Self::Picker(picker) => Some(&mut picker.filter),
            Self::Sessions(list) => Some(match &mut list.renaming {
                Some(renaming) => &mut renaming.title,
                None => &mut list.words,
            }),
            Self::Export(dialog) => Some(&mut dialog.path),
            Self::Help { filter, .. } => Some(filter),
            _ => None,
        }
    }

    /// The scroll offset of a text window.
    pub(super) fn scroll(&mut self) -> Option<&mut usize> {
        match self {
            Self::Help { scroll, .. }
            | Self::Example { scroll, .. }
            | Self::Prompt { scroll, .. }
            | Self::Page { scroll, .. }
            | Self::Compare { scroll, .. } => Some(scroll),
            Self::Welcome { step, scroll, .. } if *step != CASES_STEP => Some(scroll),
            _ => None,
        }
    }
}

/// The file picker.
#[derive(Clone, Debug)]
pub struct Picker {
    pub folder: PathBuf,
    entries: Option<Vec<Entry>>,
    pub error: Option<Failure>,
    pub filter: Editor,
    pub selected: usize,
}

impl Picker {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            entries: None,
            error: None,
            filter: Editor::line(""),
            selected: 0,
        }
    }

    /// Sets the entries of the folder; the selected entry stays selected if it still exists.
    pub(super) fn fill(&mut self, result: Result<Vec<Entry>, Failure>) {
        let chosen = self.entry().map(|entry| entry.path.clone());
        self.error = result.as_ref().err().cloned();
        self.entries = Some(result.unwrap_or_default());
        let visible = self.visible();
        let place = visible
            .iter()
            .position(|e| Some(&e.path) == chosen.as_ref());
        self.selected = place.unwrap_or(self.selected.min(visible.len().saturating_sub(1)));
    }

    /// Whether the folder is still being read.
    pub fn is_reading(&self) -> bool {
        self.entries.is_none()
    }

    /// Folders and images that match the filter.
    pub fn visible(&self) -> Vec<&Entry> {
        let wanted = self.filter.text();
        let hidden = wanted.starts_with('.');
        let entries: Vec<&Entry> = self
            .entries
            .iter()
            .flatten()
            .filter(|e| hidden || !e.name.starts_with('.'))
            .filter(|e| e.folder || paths::is_image_path(&e.path))
            .collect();
        fuzzy::sorted(wanted, &entries, |entry| &entry.name)
            .into_iter()
            .copied()
            .collect()
    }

    /// The selected entry.
    pub fn entry(&self) -> Option<&Entry> {
        let visible = self.visible();
        visible
            .get(self.selected.min(visible.len().saturating_sub(1)))
            .copied()
    }
}

/// The list of sessions.
#[derive(Clone, Debug)]
pub struct SessionList {
    /// Words to search for.
    pub words: Editor,
    items: Option<Vec<SessionSummary>>,
    pub error: Option<Failure>,
    pub selected: usize,
    /// The session that is being renamed.
    pub renaming: Option<Renaming>,
}

/// A session being renamed, fixed by id since the list may change, and the title as typed so far.
#[derive(Clone, Debug)]
pub struct Renaming {
    pub id: String,
    pub title: Editor,
}

impl SessionList {
    pub fn new(words: &str) -> Self {
        Self {
            words: Editor::line(words),
            items: None,
            error: None,
            selected: 0,
            renaming: None,
        }
    }

    pub(super) fn fill(&mut self, result: Result<Vec<SessionSummary>, Failure>) {
        match result {
            Ok(items) => {
                self.selected = self.selected.min(items.len().saturating_sub(1));
                self.items = Some(items);
                self.error = None;
            }
            Err(error) => {
                self.items = Some(Vec::new());
                self.error = Some(error);
            }
        }
    }

    pub fn is_reading(&self) -> bool {
        self.items.is_none()
    }

    pub fn items(&self) -> &[SessionSummary] {
        self.items.as_deref().unwrap_or_default()
    }

    /// The selected session.
    pub fn item(&self) -> Option<&SessionSummary> {
        self.items().get(self.selected)
    }
}

/// The export dialog: format and path.
#[derive(Clone, Debug)]
pub struct ExportDialog {
    pub format: ExportFormat,
    pub path: Editor,
    pub error: Option<Failure>,
}

impl ExportDialog {
    /// The format is taken from the extension of the path.
    pub fn new(path: Option<PathBuf>, title: &str) -> Self {
        let format = path.as_deref().and_then(ExportFormat::of);
        let format = format.unwrap_or_default();
        let text = match path {
            Some(path) => path.to_string_lossy().into_owned(),
            None => format!("rounds-{}.{}", file_name(title), format.extension()),
        };
        Self {
            format,
            path: Editor::line(&text),
            error: None,
        }
    }

    /// Sets the format from the extension of the typed path.
    pub(super) fn set_format_from_path(&mut self) {
        let named = ExportFormat::of(std::path::Path::new(self.path.text()));
        self.format = named.unwrap_or(self.format);
    }

    /// Switches the format and the extension of the path with it.
    pub(super) fn switch(&mut self, step: isize) {
        let all = ExportFormat::ALL;
        let at = all.iter().position(|f| *f == self.format).unwrap_or(0);
        let next = (at as isize + step).rem_euclid(all.len() as isize) as usize;
        let old = format!(".{}", self.format.extension());
        self.format = all.get(next).copied().unwrap_or_default();
        if let Some(stem) = self.path.text().strip_suffix(&old) {
            let path = format!("{stem}.{}", self.format.extension());
            self.path.set(&path);
        }
    }
}

/// A title as part of a file name: letters and digits of any script, the rest as hyphens.
fn file_name(title: &str) -> String {
    let words: Vec<&str> = title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .take(6)
        .collect();
    let name: String = words.join("-").to_lowercase().chars().take(40).collect();
    if name.is_empty() {
        "session".into()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_named_after_the_session_and_its_format() {
        let mut dialog = ExportDialog::new(None, "Is there a nodule? ../../etc");
        assert_eq!(dialog.path.text(), "rounds-is-there-a-nodule-etc.md");
        dialog.switch(1);
        assert_eq!(dialog.path.text(), "rounds-is-there-a-nodule-etc.html");
        assert_eq!(
            ExportDialog::new(Some("x.json".into()), "").format,
            ExportFormat::Json
        );
    }
}
