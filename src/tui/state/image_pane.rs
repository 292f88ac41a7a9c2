//! The image pane: which image is shown, how, and which one next to it.

use std::collections::HashMap;

use crate::tui::terminal_image::ViewTransform;

/// State of the image pane.
#[derive(Clone, Debug, Default)]
pub struct ImagePane {
    pub(super) selected: usize,
    /// Two images side by side: this and the next, or this and the selected shot's.
    pub two: bool,
    /// The second image is the selected shot's.
    pub with_shot: bool,
    /// By what they stay with ([`crate::tui::journal::Attached::anchor`]): a scan keeps its zoom from slice to slice.
    pub(super) transforms: HashMap<String, ViewTransform>,
}

impl ImagePane {
    /// Index of the image that is shown.
    pub fn selected(&self) -> usize {
        self.selected
    }

    pub(super) fn choose(&mut self, at: usize) {
        self.selected = at;
    }

    /// Clamps the selection after images were removed.
    pub(super) fn fit(&mut self, count: usize) {
        self.selected = self.selected.min(count.saturating_sub(1));
    }

    /// Zoom, position and tones of an image, or of a scan.
    pub fn look(&self, anchor: &str) -> ViewTransform {
        self.transforms.get(anchor).copied().unwrap_or_default()
    }
}
