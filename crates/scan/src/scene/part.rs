//! The pixels of one slice or projection, with the overlay over them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Overlay, Scene, middle, outlined};
use crate::colour::label_colour;
use crate::fuse;
use crate::geometry::Affine;
use crate::medical_image::Role;
use crate::outline;
use crate::plane::{Layout, Slice};
use crate::project::{Projection, Stack, project};
use crate::resample::{Grid, Interpolation, sample};
use crate::view::View;
use crate::view_error::ViewError;
use crate::window::{Window, short};
use crate::{Modality, Pixels};

/// An image in colours, and what is known about it.
pub(super) struct Part {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
    pub(super) spacing: [Option<f64>; 2],
    pub(super) affine: Option<Affine>,
    /// That pixels were made square, as a sentence.
    pub(super) stretched: Option<String>,
    /// The overlay's labels here, if it is outlined.
    pub(super) labels: BTreeSet<u32>,
    /// There is an overlay, but no value of it here.
    pub(super) overlay_is_absent: bool,
}

impl Scene {
    /// The images `images` of the stack as one.
    pub(super) fn part(
        &self,
        view: &View,
        layout: &Layout,
        images: Range<usize>,
        role: Role,
    ) -> Result<Part, ViewError> {
        let (layout, images) = &self.held(view, layout, images)?;
        let labels = self.base.facts.modality == Modality::Labels && view.window == Window::Auto;
        let native = match (view.projection, role) {
            // Where only the grid matters, nothing has to be projected.
            (Some(how), Role::Base | Role::Fusion) => {
                project(&self.base, layout, images.clone(), how)?
            }
            _ => Slice::cut(&self.base, layout, middle(images))?,
        };
        let stretched = stretched(&native);
        let square = native.square(labels);
        let mut part = Part {
            width: square.width,
            height: square.height,
            rgb: match role {
                Role::Overlay => vec![0; square.width * square.height * 3],
                _ => self.ground_pixels(view, &square.pixels, labels)?,
            },
            spacing: square.spacing,
            affine: square.affine,
            stretched,
            labels: BTreeSet::new(),
            overlay_is_absent: false,
        };
        if let (Some(overlay), Role::Overlay | Role::Fusion) = (&self.overlay, role) {
            let values = overlay_values(overlay, view, layout, &square, images)?;
            self.draw(view, overlay, &values, role, &mut part)?;
        }
        Ok(part)
    }

    fn ground_pixels(
        &self,
        view: &View,
        pixels: &Pixels,
        labels: bool,
    ) -> Result<Vec<u8>, ViewError> {
        match pixels {
            Pixels::Rgb(rgb) => Ok(rgb.clone()),
            Pixels::Values(values) if labels => Ok(in_label_colours(values)),
            Pixels::Values(values) => {
                let applied = self.windows.get(view.window, &self.base)?;
                let mut rgb = vec![0_u8; values.len() * 3];
                for (pixel, value) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(values) {
                    *pixel = [applied.tone.grey(*value); 3];
                }
                Ok(rgb)
            }
        }
    }

    fn draw(
        &self,
        view: &View,
        overlay: &Overlay,
        values: &[f32],
        role: Role,
        part: &mut Part,
    ) -> Result<(), ViewError> {
        part.overlay_is_absent = values.iter().all(|value| value.is_nan());
        if outlined(view, &overlay.volume) {
            part.labels = outline::labels_in(values);
            match role {
                Role::Overlay => part.rgb = in_label_colours(values),
                _ => outline::draw(&mut part.rgb, part.width, values, view.outline_opacity()),
            }
            return Ok(());
        }
        let applied = overlay.windows.get(view.overlay_window, &overlay.volume)?;
        match role {
            Role::Overlay => part.rgb = fuse::in_colour(values, &applied.tone, view.map),
            _ => fuse::lay_over(
                &mut part.rgb,
                values,
                &applied.tone,
                view.map,
                view.colour_opacity(),
            ),
        }
        Ok(())
    }
}

/// The overlay's values on the pixels of an image: sampled slice by slice and then projected as the base is. Of labels, the
/// largest is kept.
fn overlay_values(
    overlay: &Overlay,
    view: &View,
    layout: &Layout,
    square: &Slice,
    images: &Range<usize>,
) -> Result<Vec<f32>, ViewError> {
    let (Some(affine), Some(_)) = (square.affine, layout.plane) else {
        return Err(ViewError::DifferentSpaces(
            "one of the files states no position in the patient".to_owned(),
        ));
    };
    let (how, projection) = match outlined(view, &overlay.volume) {
        true => (Interpolation::Nearest, Projection::Maximum),
        false => (
            Interpolation::for_volume(&overlay.volume),
            view.projection.unwrap_or(Projection::Maximum),
        ),
    };
    let middle = middle(images) as f64;
    let mut stack = Stack::new(projection, square.width * square.height);
    for image in images.clone() {
        let mut affine = affine;
        for row in affine.iter_mut().take(3) {
            row[3] += row[2] * (image as f64 - middle);
        }
        let grid = Grid {
            size: [square.width, square.height, 1],
            affine,
        };
        stack.add(&sample(&overlay.volume, &grid, how)?);
    }
    Ok(stack.finish())
}

fn in_label_colours(values: &[f32]) -> Vec<u8> {
    let colour = |value: &f32| label_colour(outline::label_of(*value)).unwrap_or_default();
    values.iter().flat_map(colour).collect()
}

/// That the pixels of a slice are not square, and what becomes of them.
fn stretched(native: &Slice) -> Option<String> {
    let (width, height) = native.square_size();
    if (width, height) == (native.width, native.height) {
        return None;
    }
    let [Some(across), Some(down)] = native.spacing else {
        return Some("pixels that are not square were made square by interpolation".to_owned());
    };
    let now = across * native.width as f64 / width as f64;
    Some(format!(
        "voxels of {} x {} mm were interpolated to square pixels of {} mm",
        short(across),
        short(down),
        short(now)
    ))
}
