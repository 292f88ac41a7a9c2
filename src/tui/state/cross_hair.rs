//! The cross-hair on an image: the value under it, its place in the patient, and the distance to another point.
//!
//! It is drawn for the user only; the model gets the image without it.

use crate::tui::journal::{Attached, Mark, Marked};
use crate::tui::keys::Action;
use rounds_scan::Probe;
use rounds_scan::plane::Plane;
use rounds_support::Failure;

use super::machine::State;

/// A cross-hair, in pixels of the image from its upper left corner, counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossHair {
    /// [`Attached::anchor`] of the image, or of all images of a fusion.
    anchor: String,
    size: [u32; 2],
    plane: Option<Plane>,
    /// Pixel and line.
    pub at: [u32; 2],
    /// The first point of a distance.
    pub from: Option<[u32; 2]>,
    /// What the scan says lies there.
    pub(super) probe: Option<Probe>,
}

fn size_of(attached: &Attached) -> [u32; 2] {
    [attached.image.width, attached.image.height]
}

fn plane_of(attached: &Attached) -> Option<Plane> {
    attached.scan.as_ref()?.selector.view.plane
}

impl CrossHair {
    fn on(attached: &Attached, at: [u32; 2]) -> Self {
        Self {
            anchor: attached.anchor(),
            size: size_of(attached),
            plane: plane_of(attached),
            at,
            from: None,
            probe: None,
        }
    }

    /// Whether it is on an image: that of base, overlay and fusion is on all three, which have the same pixels.
    pub fn belongs_to(&self, attached: &Attached) -> bool {
        self.anchor == attached.anchor()
            && (self.size, self.plane) == (size_of(attached), plane_of(attached))
    }

    /// Stays on the image when a view of another size replaces it.
    fn fit(&mut self, attached: &Attached) {
        let (size, plane) = (size_of(attached), plane_of(attached));
        // A distance has no meaning in another plane.
        if (self.size, self.plane) != (size, plane) {
            (self.size, self.plane) = (size, plane);
            self.from = None;
        }
        for (at, side) in self.at.iter_mut().zip(size) {
            *at = (*at).min(side.saturating_sub(1));
        }
    }

    /// What it shows, a line each: place and value, and the distance.
    pub fn lines(&self, attached: &Attached) -> Vec<String> {
        let [x, y] = self.at;
        let mut line = format!("at {x},{y}: {}", self.value(attached));
        if let Some(place) = self.probe.as_ref().and_then(|probe| probe.position_mm) {
            line = format!("{line}; {}", place_in_words(place));
        }
        let distance = self.from.map(|from| distance(attached, from, self.at));
        std::iter::once(line).chain(distance).collect()
    }

    fn value(&self, attached: &Attached) -> String {
        let probe = self.probe.as_ref();
        if let Some((probe, value)) = probe.and_then(|probe| Some((probe, probe.value?))) {
            let base = with_unit(value, probe.unit.as_deref());
            return match probe.overlay {
                Some(overlay) => {
                    let overlay = with_unit(overlay, probe.overlay_unit.as_deref());
                    format!("{base}, overlay {overlay}")
                }
                None => base,
            };
        }
        let [x, y] = self.at.map(|at| at as usize);
        let start = (y * attached.image.width as usize + x) * 3;
        match attached.image.rgb.get(start..start + 3) {
            Some([red, green, blue]) if red == green && green == blue => {
                format!("grey {red} as shown")
            }
            Some([red, green, blue]) => format!("red {red}, green {green}, blue {blue}"),
            _ => "no value".into(),
        }
    }
}

/// A distance in millimetres, or in pixels where nothing is known about their size.
fn distance(attached: &Attached, from: [u32; 2], to: [u32; 2]) -> String {
    let step = |axis: usize| f64::from(to[axis]) - f64::from(from[axis]);
    let from = format!("from {},{}", from[0], from[1]);
    let pixel_mm = attached.scan.as_ref().and_then(|scan| scan.pixel_mm);
    match pixel_mm {
        Some([across, down]) => {
            let mm = (step(0) * across).hypot(step(1) * down);
            format!("distance {mm:.1} mm {from}")
        }
        None => {
            let pixels = step(0).hypot(step(1));
            format!("distance {pixels:.1} pixels {from} (the size of a pixel is not known)")
        }
    }
}

/// A place in the patient: to the left, to the back and to the head, or to the other side.
fn place_in_words(place: [f64; 3]) -> String {
    let letters = [('R', 'L'), ('A', 'P'), ('F', 'H')];
    let words = place.iter().zip(letters).map(|(mm, (low, high))| {
        let letter = if *mm < 0.0 { low } else { high };
        format!("{letter} {:.1}", mm.abs())
    });
    format!("{} mm", words.collect::<Vec<_>>().join(" "))
}

fn with_unit(value: f32, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => format!("{} {unit}", short(value)),
        None => short(value),
    }
}

fn short(value: f32) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e7 {
        format!("{value:.0}")
    } else if (0.01..1e7).contains(&size) {
        format!("{value:.2}")
    } else {
        format!("{value:.3e}")
    }
}

impl State {
    /// The selected image.
    pub(super) fn image_in_view(&self) -> Option<&Attached> {
        let images = self.images_in_view();
        images.get(self.image_pane.selected().min(images.len().checked_sub(1)?))
    }

    /// The cross-hair, if it is on the selected image.
    pub fn cross_hair(&self) -> Option<&CrossHair> {
        let attached = self.image_in_view()?;
        let cross = self.cross_hair.as_ref();
        cross.filter(|cross| cross.belongs_to(attached))
    }

    /// What the cross-hair shows; empty without one.
    pub fn cross_hair_lines(&self) -> Vec<String> {
        let attached = self.image_in_view();
        let lines = self.cross_hair().zip(attached);
        lines.map_or_else(Vec::new, |(cross, attached)| cross.lines(attached))
    }

    /// Handles the keys of the cross-hair, and those that move it instead of the image while it is there.
    pub(super) fn cross_hair_action(&mut self, action: Action) -> bool {
        let is_on = self.cross_hair().is_some();
        match action {
            Action::CrossHair if is_on => self.cross_hair = None,
            Action::CrossHair => self.place_in_the_middle(),
            Action::Distance => self.start_or_end_distance(),
            Action::PanLeft if is_on => self.move_cross_hair(-1, 0),
            Action::PanRight if is_on => self.move_cross_hair(1, 0),
            Action::PanUp if is_on => self.move_cross_hair(0, -1),
            Action::PanDown if is_on => self.move_cross_hair(0, 1),
            Action::FarLeft if is_on => self.move_cross_hair(-10, 0),
            Action::FarRight if is_on => self.move_cross_hair(10, 0),
            Action::FarUp if is_on => self.move_cross_hair(0, -10),
            Action::FarDown if is_on => self.move_cross_hair(0, 10),
            Action::FarLeft | Action::FarRight | Action::FarUp | Action::FarDown => {
                self.notify(format!(
                    "{} shows the cross-hair, which these keys move",
                    self.keymap.hint(Action::CrossHair)
                ));
            }
            _ => return false,
        }
        true
    }

    fn place_in_the_middle(&mut self) {
        let Some(attached) = self.image_in_view() else {
            return self.notify("no image is attached");
        };
        let middle = size_of(attached).map(|side| side / 2);
        self.place_cross_hair(middle);
    }

    /// Puts the cross-hair on a pixel of the selected image; the first point of a distance stays.
    pub(super) fn place_cross_hair(&mut self, at: [u32; 2]) {
        let Some(attached) = self.image_in_view() else {
            return;
        };
        let mut cross = CrossHair::on(attached, at);
        cross.from = self.cross_hair().and_then(|cross| cross.from);
        cross.fit(attached);
        self.cross_hair = Some(cross);
        self.probe();
    }

    fn move_cross_hair(&mut self, right: i32, down: i32) {
        let Some(cross) = self.cross_hair() else {
            return;
        };
        let moved = |at: u32, by: i32| at.saturating_add_signed(by);
        let at = [moved(cross.at[0], right), moved(cross.at[1], down)];
        self.place_cross_hair(at);
    }

    /// The first time: a distance begins at the cross-hair; then: it is forgotten.
    fn start_or_end_distance(&mut self) {
        if self.cross_hair().is_none() {
            self.place_in_the_middle();
        }
        let distance = self.keymap.hint(Action::Distance).to_string();
        let Some(cross) = &mut self.cross_hair else {
            return;
        };
        cross.from = match cross.from {
            Some(_) => None,
            None => Some(cross.at),
        };
        let is_on = cross.from.is_some();
        match is_on {
            true => self.notify(format!(
                "the distance is measured from here: move the cross-hair, or click; {distance} ends it"
            )),
            false => self.notify("the distance is no longer measured"),
        }
    }

    /// What to ask the scan for with its next view.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.cross_hair().map(|cross| Mark::Pixel(cross.at))
    }

    /// The place of the cross-hair in the patient, which another plane can show.
    pub(super) fn marked_place(&self) -> Option<[f64; 3]> {
        self.cross_hair()?.probe.as_ref()?.position_mm
    }

    /// What a new view of a scan says about the cross-hair on it.
    pub(super) fn on_marked(&mut self, group: u64, marked: Option<Marked>) {
        let mut images = self.case.images.iter();
        let Some(attached) = images.find(|image| image.is_of_group(group)) else {
            return;
        };
        let anchor = attached.anchor();
        let Some(cross) = self.cross_hair.as_mut().filter(|c| c.anchor == anchor) else {
            return;
        };
        cross.probe = None;
        cross.fit(attached);
        if let Some(marked) = marked {
            // While it was read, the cross-hair may have moved on.
            if marked.pixel == cross.at || marked.is_found {
                cross.at = marked.pixel;
                cross.probe = marked.probe;
            }
        }
    }

    /// `/measure`: the value at a pixel, or the distance between two.
    pub(super) fn measure_argument(&mut self, argument: &str) {
        let Some(attached) = self.image_in_view() else {
            return self.show_error(Failure::usage("no image is attached"));
        };
        let [width, height] = size_of(attached);
        match argument {
            "" if self.linear => {
                return match self.cross_hair_lines() {
                    lines if lines.is_empty() => {
                        self.show_error(Failure::usage("there is no point yet").hint(
                            "/measure X,Y tells the value there; /measure X,Y X,Y the distance",
                        ))
                    }
                    lines => self.notify(lines.join("; ")),
                };
            }
            "" => return self.start_or_end_distance(),
            "off" => {
                self.cross_hair = None;
                return self.notify("the cross-hair is off");
            }
            _ => {}
        }
        let points: Option<Vec<[u32; 2]>> = argument.split_whitespace().map(point).collect();
        let points = points.unwrap_or_default();
        let inside = |point: &[u32; 2]| point[0] < width && point[1] < height;
        let (from, to) = match points.as_slice() {
            [to] => (None, *to),
            [from, to] => (Some(*from), *to),
            _ => {
                return self.show_error(
                    Failure::usage("/measure takes one point or two: X,Y or X,Y X,Y")
                        .hint("pixels from the left and from the top, from 0"),
                );
            }
        };
        if !points.iter().all(inside) {
            return self.show_error(Failure::usage(format!(
                "the point is outside of the image, which has {width} x {height} pixels"
            )));
        }
        self.cross_hair = Some(CrossHair {
            from,
            ..CrossHair::on(attached, to)
        });
        // A scan answers with the value; all else is known.
        if !self.probe() && self.linear {
            self.notify(self.cross_hair_lines().join("; "));
        }
    }
}

fn point(text: &str) -> Option<[u32; 2]> {
    let (x, y) = text.split_once(',')?;
    Some([x.trim().parse().ok()?, y.trim().parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_values_are_written_as_radiologists_do() {
        assert_eq!(
            place_in_words([-12.34, 5.0, 100.06]),
            "R 12.3 P 5.0 H 100.1 mm"
        );
        for (value, text) in [
            (40.0, "40"),
            (-1024.0, "-1024"),
            (1.234, "1.23"),
            (0.0, "0"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(short(0.000_012), "1.200e-5");
        assert_eq!(point("3, 4"), Some([3, 4]));
        assert_eq!(point("3"), None);
        assert_eq!(point("-3,4"), None);
    }
}
