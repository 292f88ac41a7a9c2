//! Keys of the image pane and of the image on the full screen.

use crate::tui::journal::Attached;
use crate::tui::keys::Action;
use crate::tui::terminal_image::ViewTransform;

use super::machine::State;
use super::overlay::Overlay;

impl State {
    /// Handles an image key, in the pane and on the full screen.
    pub(super) fn image_action(&mut self, action: Action) {
        let count = self.images_in_view().len();
        let selected = self.image_pane.selected.min(count.saturating_sub(1));
        if self.cross_hair_action(action) {
            return;
        }
        match action {
            Action::NextImage => self.image_pane.selected = (selected + 1) % count.max(1),
            Action::PreviousImage => {
                self.image_pane.selected = (selected + count.max(1) - 1) % count.max(1)
            }
            Action::DetachImage if self.selection.turn.is_none() => self.detach(selected),
            Action::DetachImage => self.notify("these images belong to an earlier question"),
            Action::SideBySide => {
                self.image_pane.two = !self.image_pane.two;
                self.image_pane.with_shot = false;
                if self.image_pane.two && count < 2 {
                    self.image_pane.with_shot = true;
                }
            }
            Action::FullScreenImage if matches!(self.overlay, Some(Overlay::Image)) => {
                self.overlay = None
            }
            Action::FullScreenImage if count > 0 => self.overlay = Some(Overlay::Image),
            Action::FullScreenImage => self.notify("no image is attached"),
            Action::NextSlice
            | Action::PreviousSlice
            | Action::SlicesOn
            | Action::SlicesBack
            | Action::NextWindow
            | Action::PreviousWindow
            | Action::NextPlane
            | Action::Projection => self.scan_action(action),
            Action::MoreOverlay | Action::LessOverlay | Action::NextMap => {
                self.overlay_action(action);
            }
            Action::Cine => self.toggle_cine(),
            Action::WiderWindow => self.shift_window(1, 0),
            Action::NarrowerWindow => self.shift_window(-1, 0),
            Action::HigherLevel => self.shift_window(0, 1),
            Action::LowerLevel => self.shift_window(0, -1),
            _ => self.change_view(selected, action),
        }
    }

    fn change_view(&mut self, selected: usize, action: Action) {
        let attached = self.images_in_view().get(selected);
        let Some(anchor) = attached.map(Attached::anchor) else {
            return;
        };
        let look = self.image_pane.transforms.entry(anchor).or_default();
        match action {
            Action::ZoomIn => look.zoom(1),
            Action::ZoomOut => look.zoom(-1),
            Action::PanLeft => look.pan(-1, 0),
            Action::PanRight => look.pan(1, 0),
            Action::PanUp => look.pan(0, -1),
            Action::PanDown => look.pan(0, 1),
            Action::Brighter => look.brighten(1),
            Action::Darker => look.brighten(-1),
            Action::MoreContrast => look.contrast(1),
            Action::LessContrast => look.contrast(-1),
            Action::ResetView => *look = ViewTransform::default(),
            _ => {}
        }
    }
}
