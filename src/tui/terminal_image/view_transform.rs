//! Zoom, pan, brightness and contrast of an image on screen. Display only: the model always gets the original image.
//!
//! All fields are integers, so a transform can be part of a cache key.

/// Zoom steps; each magnifies by 1.25.
const MAX_ZOOM: u8 = 12;
/// Brightness and contrast steps in either direction.
const MAX_TONE: i8 = 10;
/// Positions run from 0 to this.
const SCALE: u16 = 1000;

/// Zoom, pan, brightness and contrast of a displayed image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewTransform {
    zoom: u8,
    /// Centre of the visible part, in thousandths of the image size.
    x: u16,
    y: u16,
    brightness: i8,
    contrast: i8,
}

/// A part of an image, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisiblePart {
    pub left: u32,
    pub top: u32,
    pub across: u32,
    pub down: u32,
}

impl Default for ViewTransform {
    fn default() -> Self {
        Self {
            zoom: 0,
            x: SCALE / 2,
            y: SCALE / 2,
            brightness: 0,
            contrast: 0,
        }
    }
}

impl ViewTransform {
    /// Zooms in (positive) or out by `step` steps.
    pub fn zoom(&mut self, step: i8) {
        self.zoom = self.zoom.saturating_add_signed(step).min(MAX_ZOOM);
        self.pan(0, 0);
    }

    /// Moves the visible part by a fifth of its size per step.
    pub fn pan(&mut self, right: i32, down: i32) {
        let half = f64::from(SCALE) / self.factor() / 2.0;
        let step = half * 0.4;
        let moved = |at: u16, by: i32| {
            let to = f64::from(at) + f64::from(by) * step;
            to.clamp(half, f64::from(SCALE) - half).round() as u16
        };
        self.x = moved(self.x, right);
        self.y = moved(self.y, down);
    }

    /// Changes brightness by `step` steps.
    pub fn brighten(&mut self, step: i8) {
        self.brightness = stepped(self.brightness, step);
    }

    /// Changes contrast by `step` steps.
    pub fn contrast(&mut self, step: i8) {
        self.contrast = stepped(self.contrast, step);
    }

    /// Magnification relative to the whole image.
    pub fn factor(self) -> f64 {
        1.25_f64.powi(i32::from(self.zoom))
    }

    /// The part of a `width` by `height` image that is visible in an area of that many pixels. Unmagnified it is the whole
    /// image; magnified it has the area's shape as far as the image goes, so that the area is filled.
    pub fn visible_part(
        self,
        width: u32,
        height: u32,
        area_width: u32,
        area_height: u32,
    ) -> VisiblePart {
        let (wide, high) = (f64::from(width.max(1)), f64::from(height.max(1)));
        let (area_width, area_height) =
            (f64::from(area_width.max(1)), f64::from(area_height.max(1)));
        let scale = (area_width / wide).min(area_height / high) * self.factor();
        let side = |length: f64, area: f64, centre: u16| {
            let visible = (area / scale).round().clamp(1.0, length);
            let middle = length * f64::from(centre) / f64::from(SCALE);
            let start = (middle - visible / 2.0).clamp(0.0, length - visible);
            (start as u32, visible as u32)
        };
        let (left, across) = side(wide, area_width, self.x);
        let (top, down) = side(high, area_height, self.y);
        VisiblePart {
            left,
            top,
            across,
            down,
        }
    }

    /// Maps each stored value to the displayed one; `None` if brightness and contrast are unchanged.
    pub fn tone_curve(self) -> Option<[u8; 256]> {
        if self.brightness == 0 && self.contrast == 0 {
            return None;
        }
        let gain = 1.2_f64.powi(i32::from(self.contrast));
        let shift = f64::from(self.brightness) * 12.0;
        Some(std::array::from_fn(|value| {
            ((value as f64 - 127.5) * gain + 127.5 + shift).clamp(0.0, 255.0) as u8
        }))
    }

    /// What differs from the original view, for the caption; empty if nothing does.
    pub fn description(self) -> String {
        let mut changes = Vec::new();
        if self.zoom > 0 {
            changes.push(format!("{:.1}x", self.factor()));
        }
        for (name, value) in [("brightness", self.brightness), ("contrast", self.contrast)] {
            if value != 0 {
                changes.push(format!("{name} {value:+}"));
            }
        }
        changes.join(", ")
    }
}

fn stepped(value: i8, step: i8) -> i8 {
    value.saturating_add(step).clamp(-MAX_TONE, MAX_TONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visible_part_stays_inside_the_image() {
        let mut transform = ViewTransform::default();
        let whole = transform.visible_part(100, 50, 30, 30);
        assert_eq!((whole.left, whole.top), (0, 0));
        assert_eq!((whole.across, whole.down), (100, 50));
        for step in 0..200 {
            transform.zoom(if step % 3 == 0 { -1 } else { 1 });
            transform.pan(step % 7 - 3, step % 5 - 1);
            for (width, height) in [(1, 1), (100, 50), (3, 4000)] {
                for (columns, rows) in [(1, 1), (60, 20), (7, 900), (0, 0)] {
                    let part = transform.visible_part(width, height, columns, rows);
                    assert!(part.across >= 1 && part.down >= 1);
                    assert!(
                        part.left + part.across <= width && part.top + part.down <= height,
                        "{transform:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_magnified_part_has_the_shape_of_the_area() {
        let mut transform = ViewTransform::default();
        transform.zoom(6);
        let part = transform.visible_part(1000, 1000, 200, 100);
        assert_eq!(part.across, part.down * 2);
    }

    #[test]
    fn the_tone_curve_changes_only_with_brightness_or_contrast() {
        let mut transform = ViewTransform::default();
        assert!(transform.tone_curve().is_none());
        transform.contrast(2);
        let tones = transform.tone_curve().unwrap();
        assert!(tones[20] < 20 && tones[230] > 230);
        transform.contrast(-2);
        transform.brighten(3);
        assert!(transform.tone_curve().unwrap()[100] > 100);
        assert_eq!(transform.description(), "brightness +3");
    }
}
