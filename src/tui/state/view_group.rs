//! The attached images that show one view: a scan alone, or of two scans the base, the overlay and both together.
//!
//! They are attached at once and change at once, so that what the model gets is always three images of one place. One that was
//! detached stays away.

use std::sync::Arc;

use crate::tui::journal::{Attached, Marked};
use crate::tui::keys::Action;
use rounds_assistant::MAX_IMAGES;
use rounds_scan::colour::ColourMap;

use super::machine::State;

impl State {
    /// Images that were read together change together from now on.
    pub(super) fn group(&mut self, mut images: Vec<Attached>) -> Vec<Attached> {
        self.view_groups += 1;
        images
            .iter_mut()
            .for_each(|image| number(image, self.view_groups));
        images
    }

    /// Attaches base, overlay and fusion, all or none. An image that was attached alone before and is one of them becomes part of
    /// them, so that they stay in their order.
    pub(super) fn attach_together(&mut self, images: Vec<Attached>) {
        let hash = |image: &Attached| image.image.source.sha256.clone();
        let fusion = images.last().map(|image| image.image.source.name.clone());
        let name = fusion.unwrap_or_default();
        let places = images.iter().map(|new| self.case.position(&hash(new)));
        if let Some(places) = places.collect::<Option<Vec<usize>>>() {
            self.image_pane
                .choose(places.last().copied().unwrap_or_default());
            return self.notify(format!("{name} is already attached"));
        }
        let is_taken_over = |known: &&Attached| {
            let others = self.case.images.iter();
            let alone = others.filter(|other| other.anchor() == known.anchor());
            alone.count() == 1 && images.iter().any(|new| hash(new) == hash(known))
        };
        let known = self.case.images.iter();
        let kept: Vec<Attached> = known.filter(|i| !is_taken_over(i)).cloned().collect();
        if kept.len() + images.len() > MAX_IMAGES {
            return self.too_many_images();
        }
        self.case.images = kept;
        // Those of the fusion, the last, are those of all.
        let mut notes = String::new();
        for attached in images {
            notes = self.push_image(attached);
        }
        self.notify(format!(
            "attached {name}; it goes with your next question, after base and overlay alone{notes}"
        ));
    }

    /// Shows another view of a scan, or of two: each image takes the place of the one of its kind.
    pub(super) fn replace_group(
        &mut self,
        group: u64,
        mut images: Vec<Attached>,
        marked: Option<Marked>,
    ) {
        let slots = self.case.images.iter();
        let known: Vec<&Attached> = slots.filter(|i| i.is_of_group(group)).collect();
        // They may have been detached meanwhile.
        let Some(first) = known.first().and_then(|image| image.scan.clone()) else {
            return;
        };
        let hashes = known.iter().map(|i| i.image.source.sha256.clone());
        let before: Vec<String> = hashes.collect();
        let is_laid_over = first.selector.overlay.is_none() && images.len() > 1;
        if is_laid_over && self.case.images.len() + images.len() - 1 > MAX_IMAGES {
            return self.too_many_images();
        }
        images.iter_mut().for_each(|image| number(image, group));
        let role = |image: &Attached| image.scan.as_ref().map(|scan| scan.role);
        let mut next = self.case.images.len();
        for new in images {
            let place = |i: &Attached| i.is_of_group(group) && role(i) == role(&new);
            match self.case.images.iter().position(place) {
                Some(at) => {
                    next = at + 1;
                    if let Some(slot) = self.case.images.get_mut(at) {
                        *slot = new;
                    }
                }
                None if is_laid_over => {
                    self.case.images.insert(next, new);
                    self.image_pane.choose(next);
                    next += 1;
                }
                None => {}
            }
        }
        self.on_marked(group, marked);
        if self.linear {
            self.tell_view(group, &before);
        }
    }

    /// Line mode: says what is seen now, or if only the cross-hair has moved, what lies under it.
    fn tell_view(&mut self, group: u64, before: &[String]) {
        let is_now = self.selection.turn.is_none();
        let selected = self.image_in_view().filter(|_| is_now);
        let mut images = self.case.images.iter();
        let shown = selected
            .filter(|image| image.is_of_group(group))
            .or_else(|| images.rfind(|image| image.is_of_group(group)));
        let Some(shown) = shown.map(|image| &image.image.source) else {
            return;
        };
        let lines = self.cross_hair_lines();
        let words = match before.contains(&shown.sha256) && !lines.is_empty() {
            true => lines.join("; "),
            false => shown.name.clone(),
        };
        self.notify(words);
    }

    /// Handles a key that changes how an overlay lies over its base.
    pub(super) fn overlay_action(&mut self, action: Action) {
        let scan = self.scan_in_view();
        let Some((mut selector, at, scan)) = scan.filter(|(_, _, scan)| scan.opacity.is_some())
        else {
            return self.notify("nothing is laid over this image; /view overlay=FILE does that");
        };
        let view = &mut selector.view;
        // Keys may come faster than views.
        let now = view.opacity.or(scan.opacity).unwrap_or_default();
        match action {
            Action::MoreOverlay => view.opacity = Some(stepped(now, 1.0)),
            Action::LessOverlay => view.opacity = Some(stepped(now, -1.0)),
            _ => view.map = next_map(view.map),
        }
        let mark = self.mark();
        self.want_view(scan.group, selector, at, mark);
    }
}

fn number(image: &mut Attached, group: u64) {
    if let Some(scan) = &mut image.scan {
        Arc::make_mut(scan).group = group;
    }
}

/// A tenth more or less, from 0 to 1.
fn stepped(opacity: f64, tenths: f64) -> f64 {
    ((opacity * 10.0).round() + tenths).clamp(0.0, 10.0) / 10.0
}

fn next_map(now: ColourMap) -> ColourMap {
    let at = ColourMap::ALL.iter().position(|map| *map == now);
    let next = at.map_or(0, |at| at + 1) % ColourMap::ALL.len();
    ColourMap::ALL.get(next).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opacity_goes_in_tenths_and_maps_go_round() {
        assert_eq!(stepped(0.5, -1.0), 0.4);
        assert_eq!(stepped(0.25, 1.0), 0.4);
        assert_eq!((stepped(1.0, 1.0), stepped(0.0, -1.0)), (1.0, 0.0));
        let mut map = ColourMap::Hot;
        for _ in ColourMap::ALL {
            map = next_map(map);
        }
        assert_eq!(map, ColourMap::Hot);
    }
}
