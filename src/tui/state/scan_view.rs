//! Views of an attached scan: another slice, window or plane. The view that is shown is the one that goes with the question.
//!
//! A scan alone is one image; two that are laid over each other are three ([`super::view_group`]), and take the same way.

use std::sync::Arc;

use crate::tui::journal::{Attached, Mark, Marked, ScanView};
use crate::tui::keys::Action;
use rounds_scan::plane::Plane;
use rounds_scan::window::{PRESETS, Window};
use rounds_scan::{Modality, Place, Projection, Role, Selector, View};
use rounds_support::Failure;

use super::effect::Effect;
use super::machine::State;

/// A view that was asked for and is not there yet.
#[derive(Clone, Debug)]
pub struct WantedView {
    job: u64,
    /// The first of the jobs in a row for these images.
    first: u64,
    /// Which of the attached images it replaces.
    group: u64,
    selector: Selector,
    /// Its slice, where that is known.
    at: Option<usize>,
}

impl State {
    /// The selected image, if it is a view of a scan that can be changed: what is wanted of it, its slice, and what is shown.
    pub(super) fn scan_in_view(&self) -> Option<(Selector, Option<usize>, Arc<ScanView>)> {
        if self.selection.turn.is_some() {
            return None;
        }
        let scan = self.image_in_view()?.scan.clone()?;
        let wanted = self.wanted_view.as_ref().filter(|w| w.group == scan.group);
        let (selector, at) = match wanted {
            Some(wanted) => (wanted.selector.clone(), wanted.at),
            None => (scan.selector.clone(), scan.at),
        };
        Some((selector, at, scan))
    }

    /// Whether the wheel turns slices instead of zooming.
    pub(super) fn has_slices(&self) -> bool {
        self.scan_in_view()
            .is_some_and(|(_, at, scan)| scan.count > 1 && at.is_some())
    }

    /// Handles a key that changes the view of a scan.
    pub(super) fn scan_action(&mut self, action: Action) {
        let Some((mut selector, at, scan)) = self.scan_in_view() else {
            let text = match self.selection.turn {
                Some(_) => "this image belongs to an earlier question",
                None => "this image is no scan with slices and windows",
            };
            return self.notify(text);
        };
        let mut mark = self.mark();
        let view = &mut selector.view;
        let steps = match action {
            Action::NextSlice => 1,
            Action::PreviousSlice => -1,
            Action::SlicesOn => 10,
            Action::SlicesBack => -10,
            _ => 0,
        };
        let mut at = at;
        match action {
            Action::NextWindow | Action::PreviousWindow => {
                let step = if action == Action::NextWindow { 1 } else { -1 };
                let window = window_of(view, scan.role);
                *window = next_window(*window, scan.modality, step);
            }
            Action::NextPlane => {
                view.plane = Some(next_plane(view.plane));
                view.place = Place::Middle;
                at = None;
                // The cross-hair stays at its place in the patient.
                if let (Some(place), Some(plane)) = (self.marked_place(), view.plane)
                    && view.projection.is_none()
                {
                    view.place = Place::Position(across(plane, place));
                    mark = Some(Mark::Place(place));
                }
            }
            Action::Projection => {
                view.projection = match view.projection {
                    Some(_) => None,
                    None => Some(Projection::Maximum),
                };
                view.slab_mm = None;
                view.place = Place::Middle;
                at = None;
            }
            _ => {
                let Some(now) = at.filter(|_| scan.count > 1) else {
                    return self.notify("this view has one image; m leaves a projection");
                };
                let next = now.saturating_add_signed(steps).min(scan.count - 1);
                if next == now {
                    return;
                }
                view.place = Place::Number(next + 1);
                at = Some(next);
            }
        }
        self.want_view(scan.group, selector, at, mark);
    }

    /// Asks the scan what lies under the cross-hair; false if it belongs to no scan that can be asked.
    pub(super) fn probe(&mut self) -> bool {
        let Some((selector, at, scan)) = self.scan_in_view() else {
            return false;
        };
        let mark = self.mark();
        self.want_view(scan.group, selector, at, mark);
        true
    }

    /// `/view`: changes settings of the view by name, or tells them.
    pub(super) fn view_argument(&mut self, argument: &str) {
        let Some((mut selector, _, scan)) = self.scan_in_view() else {
            return self.show_error(Failure::usage("no scan is selected").hint(
                "attach a DICOM, NIfTI or NRRD file or a folder; plain images have one view",
            ));
        };
        if argument.is_empty() {
            let place = match scan.at {
                Some(at) => format!("image {} of {}; ", at + 1, scan.count),
                None => String::new(),
            };
            return self.notify(format!("{place}{}", scan.selector));
        }
        for setting in argument.split_whitespace() {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            if let Err(error) = selector.set(key, value) {
                return self.show_error(error.into());
            }
        }
        match selector.view.clone().check() {
            Ok(view) => selector.view = view,
            Err(error) => return self.show_error(error.into()),
        }
        let mark = self.mark();
        self.want_view(scan.group, selector, None, mark);
    }

    pub(super) fn want_view(
        &mut self,
        group: u64,
        selector: Selector,
        at: Option<usize>,
        mark: Option<Mark>,
    ) {
        self.view_jobs += 1;
        let job = self.view_jobs;
        let row = self.wanted_view.as_ref().filter(|w| w.group == group);
        self.wanted_view = Some(WantedView {
            job,
            first: row.map_or(job, |wanted| wanted.first),
            group,
            selector: selector.clone(),
            at,
        });
        self.emit(Effect::ViewScan {
            job,
            selector,
            mark,
        });
    }

    /// A view is there: it takes the place of the one before.
    pub(super) fn on_viewed(
        &mut self,
        job: u64,
        result: Result<Vec<Attached>, Failure>,
        marked: Option<Marked>,
    ) {
        let Some(wanted) = self.wanted_view.clone() else {
            return;
        };
        let is_newest = wanted.job == job;
        if is_newest {
            self.wanted_view = None;
        } else if job < wanted.first {
            return;
        }
        // One that the user has left is shown too: otherwise nothing would move while the mouse is dragged.
        match result {
            Ok(images) => self.replace_group(wanted.group, images, marked),
            Err(_) if !is_newest => {}
            Err(error) => {
                self.stop_cine();
                self.show_error(error);
            }
        }
    }
}

/// The window that keys and the mouse change: the overlay's own where the overlay is seen alone.
pub(super) fn window_of(view: &mut View, role: Role) -> &mut Window {
    match role {
        Role::Overlay => &mut view.overlay_window,
        Role::Base | Role::Fusion => &mut view.window,
    }
}

/// The window after (1) or before (-1) this one, of those that suit the modality.
fn next_window(now: Window, modality: Modality, step: isize) -> Window {
    let mut all = vec![Window::Auto];
    match modality {
        Modality::Ct => all.extend(PRESETS.iter().map(Window::Preset)),
        _ => all.extend(
            ["percentile", "full"]
                .iter()
                .filter_map(|w| Window::parse(w).ok()),
        ),
    }
    let at = all.iter().position(|window| *window == now).unwrap_or(0);
    let count = all.len() as isize;
    let next = (at as isize + step).rem_euclid(count);
    usize::try_from(next).map_or(Window::Auto, |next| all[next])
}

/// The coordinate of a place along the axis that a plane crosses.
fn across(plane: Plane, [left, back, head]: [f64; 3]) -> f64 {
    match plane {
        Plane::Axial => head,
        Plane::Coronal => back,
        Plane::Sagittal => left,
    }
}

fn next_plane(now: Option<Plane>) -> Plane {
    match now {
        // Most scans are stored in axial slices.
        None | Some(Plane::Axial) => Plane::Coronal,
        Some(Plane::Sagittal) => Plane::Axial,
        Some(Plane::Coronal) => Plane::Sagittal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_planes_go_round() {
        let mut window = Window::Auto;
        for _ in 0..=PRESETS.len() {
            window = next_window(window, Modality::Ct, 1);
        }
        assert_eq!(window, Window::Auto);
        let back = next_window(Window::Auto, Modality::Mr, -1);
        assert_eq!(back, Window::Full);
        let round = next_plane(Some(next_plane(Some(next_plane(None)))));
        assert_eq!(round, Plane::Axial);
    }
}
