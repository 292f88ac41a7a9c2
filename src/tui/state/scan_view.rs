//! Views of an attached scan: another slice, window or plane. The view that is shown is the one that goes with the question.

use std::sync::Arc;

use crate::tui::journal::{Attached, Mark, Marked, ScanView};
use crate::tui::keys::Action;
use rounds_scan::plane::Plane;
use rounds_scan::window::{PRESETS, Window};
use rounds_scan::{Modality, Place, Projection, Selector};
use rounds_support::Failure;

use super::effect::Effect;
use super::machine::State;

/// A view that was asked for and is not there yet.
#[derive(Clone, Debug)]
pub struct WantedView {
    job: u64,
    /// The first of the jobs in a row for this image.
    first: u64,
    /// Which of the attached images it replaces.
    number: usize,
    selector: Selector,
    /// Its slice, where that is known.
    at: Option<usize>,
}

impl State {
    /// The selected image, if it is a view of a scan that can be changed: its number, what is wanted of it, its slice, and what is shown.
    pub(super) fn scan_in_view(&self) -> Option<(usize, Selector, Option<usize>, Arc<ScanView>)> {
        if self.selection.turn.is_some() {
            return None;
        }
        let count = self.case.images.len();
        let number = self.image_pane.selected().min(count.checked_sub(1)?);
        let scan = self.case.images.get(number)?.scan.clone()?;
        let wanted = self.wanted_view.as_ref().filter(|w| w.number == number);
        let (selector, at) = match wanted {
            Some(wanted) => (wanted.selector.clone(), wanted.at),
            None => (scan.selector.clone(), scan.at),
        };
        Some((number, selector, at, scan))
    }

    /// Whether the wheel turns slices instead of zooming.
    pub(super) fn has_slices(&self) -> bool {
        self.scan_in_view()
            .is_some_and(|(_, _, at, scan)| scan.count > 1 && at.is_some())
    }

    /// Handles a key that changes the view of a scan.
    pub(super) fn scan_action(&mut self, action: Action) {
        let Some((number, mut selector, at, scan)) = self.scan_in_view() else {
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
            Action::NextWindow => view.window = next_window(view.window, scan.modality, 1),
            Action::PreviousWindow => view.window = next_window(view.window, scan.modality, -1),
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
        self.want_view(number, selector, at, mark);
    }

    /// Asks the scan what lies under the cross-hair; false if it belongs to no scan that can be asked.
    pub(super) fn probe(&mut self) -> bool {
        let Some((number, selector, at, _)) = self.scan_in_view() else {
            return false;
        };
        let mark = self.mark();
        self.want_view(number, selector, at, mark);
        true
    }

    /// `/view`: changes settings of the view by name, or tells them.
    pub(super) fn view_argument(&mut self, argument: &str) {
        let Some((number, mut selector, _, scan)) = self.scan_in_view() else {
            return self.show_error(
                Failure::usage("no scan is selected")
                    .hint("attach a DICOM or NIfTI file or folder; plain images have one view"),
            );
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
        self.want_view(number, selector, None, mark);
    }

    pub(super) fn want_view(
        &mut self,
        number: usize,
        selector: Selector,
        at: Option<usize>,
        mark: Option<Mark>,
    ) {
        self.view_jobs += 1;
        let job = self.view_jobs;
        let row = self.wanted_view.as_ref().filter(|w| w.number == number);
        self.wanted_view = Some(WantedView {
            job,
            first: row.map_or(job, |wanted| wanted.first),
            number,
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
        result: Result<Box<Attached>, Failure>,
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
        let attached = match result {
            Ok(attached) => *attached,
            Err(_) if !is_newest => return,
            Err(error) => {
                self.stop_cine();
                return self.show_error(error);
            }
        };
        let source = |of: &Attached| of.scan.as_ref().map(|scan| scan.selector.path.clone());
        let Some(slot) = self.case.images.get_mut(wanted.number) else {
            return;
        };
        // The image may have been detached meanwhile.
        if source(slot) == source(&attached) {
            let name = attached.image.source.name.clone();
            let is_same = slot.image.source.sha256 == attached.image.source.sha256;
            *slot = attached.clone();
            self.on_marked(&attached, marked);
            if self.linear {
                let lines = self.cross_hair_lines();
                match is_same && !lines.is_empty() {
                    true => self.notify(lines.join("; ")),
                    false => self.notify(name),
                }
            }
        }
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
