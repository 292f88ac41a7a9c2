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
    /// By SHA-256.
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

    /// Zoom, position and tones of an image.
    pub fn look(&self, sha256: &str) -> ViewTransform {
        self.transforms.get(sha256).copied().unwrap_or_default()
    }
}
