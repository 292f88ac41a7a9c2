//! What an image is, in the words that stand under it and go into a transcript.

use std::ops::Range;

use super::part::Part;
use super::{Overlay, Scene, outlined};
use crate::medical_image::Role;
use crate::plane::Layout;
use crate::view::View;
use crate::view_error::ViewError;
use crate::window::{Window, short};
use crate::{Modality, Pixels};

/// From this angle on, in degrees, a note says that a volume is oblique.
const OBLIQUE_FROM: f64 = 2.0;
/// The most labels that a line names.
const MAX_NAMED_LABELS: usize = 6;

impl Scene {
    /// What the pixels of an image's ground mean.
    pub(super) fn ground(&self, view: &View, role: Role) -> Result<String, ViewError> {
        if let (Some(overlay), Role::Overlay) = (&self.overlay, role) {
            return self.overlay_colours(view, overlay);
        }
        match (&self.base.pixels, self.base.facts.modality) {
            (Pixels::Rgb(_), _) if view.window != Window::Auto => {
                Err(ViewError::Colours("a window"))
            }
            (Pixels::Rgb(_), _) => Ok("colours as stored".to_owned()),
            (_, Modality::Labels) if view.window == Window::Auto => {
                Ok("a colour for each label".into())
            }
            _ => Ok(self.windows.get(view.window, &self.base)?.in_grey()),
        }
    }

    fn overlay_colours(&self, view: &View, overlay: &Overlay) -> Result<String, ViewError> {
        if outlined(view, &overlay.volume) {
            return Ok("a colour for each label".to_owned());
        }
        let applied = overlay.windows.get(view.overlay_window, &overlay.volume)?;
        Ok(format!("{} colours, {}", view.map.name(), applied.name))
    }

    pub(super) fn overlay_in_words(
        &self,
        view: &View,
        role: Role,
        part: &Part,
    ) -> Result<Option<String>, ViewError> {
        let (Some(overlay), Role::Fusion) = (&self.overlay, role) else {
            return Ok(None);
        };
        let modality = modality_in_words(overlay.volume.facts.modality);
        if outlined(view, &overlay.volume) {
            return Ok(Some(match part.labels.len() {
                0 => "no label here".to_owned(),
                count => {
                    let named: Vec<_> = part
                        .labels
                        .iter()
                        .take(MAX_NAMED_LABELS)
                        .map(u32::to_string)
                        .collect();
                    let more = if count > MAX_NAMED_LABELS {
                        ", ..."
                    } else {
                        ""
                    };
                    let noun = if count == 1 { "label" } else { "labels" };
                    let tint = match view.outline_opacity() {
                        none if none <= 0.0 => String::new(),
                        tint => format!(" and tinted (opacity {})", short(tint)),
                    };
                    format!("{noun} {}{more} outlined{tint}", named.join(", "))
                }
            }));
        }
        let colours = self.overlay_colours(view, overlay)?;
        let opacity = short(view.colour_opacity());
        Ok(Some(format!(
            "{modality} over it ({colours}, opacity {opacity})"
        )))
    }

    pub(super) fn notes(&self, layout: &Layout, role: Role, part: &Part) -> Vec<String> {
        let mut notes = Vec::new();
        if layout.obliqueness >= OBLIQUE_FROM {
            notes.push(format!(
                "the scan is oblique by {} degrees and shown along its own axes; planes and edges are named after the nearest ones of the patient",
                short(layout.obliqueness.round())
            ));
        }
        if let Some(stretched) = &part.stretched {
            notes.push(stretched.clone());
        }
        if let (Some(overlay), Role::Overlay | Role::Fusion) = (&self.overlay, role) {
            notes.extend(overlay.assumed.clone());
            if part.overlay_is_absent {
                notes.push("the overlay does not reach this slice".to_owned());
            }
            notes.extend(
                overlay
                    .volume
                    .facts
                    .notes
                    .iter()
                    .map(|note| format!("overlay: {note}")),
            );
        }
        if role != Role::Overlay {
            notes.extend(self.base.facts.notes.iter().cloned());
        }
        notes
    }
}

/// A modality as people call it.
pub fn modality_in_words(modality: Modality) -> &'static str {
    match modality {
        Modality::Ct => "CT",
        Modality::Mr => "MR",
        Modality::Pet => "PET",
        Modality::Nm => "nuclear medicine",
        Modality::Xray => "radiograph",
        Modality::Ultrasound => "ultrasound",
        Modality::Labels => "label map",
        Modality::Dose => "dose",
        Modality::Other => "scan",
    }
}

pub(super) fn in_words(view: &View, layout: &Layout, images: &Range<usize>) -> String {
    let (count, noun) = (layout.count(), layout.noun());
    let plane = layout
        .plane
        .map(|plane| format!("{} ", plane.name()))
        .unwrap_or_default();
    let Some(how) = view.projection else {
        return match (count, layout.plane) {
            (1, None) => "single image".to_owned(),
            (1, Some(plane)) => format!("single {} slice", plane.name()),
            _ => format!("{plane}{noun} {} of {count}", images.start + 1),
        };
    };
    let which = match images.len() {
        all if all == count => format!("all {count} {noun}s"),
        1 => format!("{noun} {} of {count}", images.start + 1),
        _ => format!("{noun}s {} to {} of {count}", images.start + 1, images.end),
    };
    let thick = layout.spacing[2].filter(|_| view.slab_mm.is_some());
    let thick = thick.map(|mm| format!(" ({} mm)", short(mm * images.len() as f64)));
    format!(
        "{plane}{} of {which}{}",
        how.name(),
        thick.unwrap_or_default()
    )
}
