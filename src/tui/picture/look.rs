//! How a picture is looked at: zoom, place, brightness and contrast. For the eye only: the model always gets the file.
//!
//! Whole numbers, so that equal looks are equal and an encoded picture can be found again.

/// Steps of zoom: each is a quarter more.
const MOST_ZOOM: u8 = 12;
/// Steps of brightness and contrast either way.
const MOST_TONE: i8 = 10;
/// Places go from 0 to this.
pub const WHOLE: u16 = 1000;

/// A way to look at a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    zoom: u8,
    /// Centre of what is shown, in thousandths of the picture.
    x: u16,
    y: u16,
    brightness: i8,
    contrast: i8,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            zoom: 0,
            x: WHOLE / 2,
            y: WHOLE / 2,
            brightness: 0,
            contrast: 0,
        }
    }
}

impl Look {
    /// One step nearer or further.
    pub fn zoom(&mut self, step: i8) {
        self.zoom = self.zoom.saturating_add_signed(step).min(MOST_ZOOM);
        self.pan(0, 0);
    }

    /// Moves by a fifth of what is shown.
    pub fn pan(&mut self, right: i32, down: i32) {
        let half = f64::from(WHOLE) / self.factor() / 2.0;
        let step = half * 0.4;
        let moved = |at: u16, by: i32| {
            let to = f64::from(at) + f64::from(by) * step;
            to.clamp(half, f64::from(WHOLE) - half).round() as u16
        };
        self.x = moved(self.x, right);
        self.y = moved(self.y, down);
    }

    pub fn brighten(&mut self, step: i8) {
        self.brightness = tone(self.brightness, step);
    }

    pub fn contrast(&mut self, step: i8) {
        self.contrast = tone(self.contrast, step);
    }

    /// How many times larger than the whole picture.
    pub fn factor(self) -> f64 {
        1.25_f64.powi(i32::from(self.zoom))
    }

    /// The part of a picture of `width` by `height` that is shown: left, top, width, height in pixels, inside it.
    pub fn part(self, width: u32, height: u32) -> (u32, u32, u32, u32) {
        let side = |length: u32, centre: u16| {
            let shown = (f64::from(length) / self.factor())
                .round()
                .clamp(1.0, f64::from(length.max(1)));
            let middle = f64::from(length) * f64::from(centre) / f64::from(WHOLE);
            let start = (middle - shown / 2.0).clamp(0.0, f64::from(length) - shown);
            (start as u32, shown as u32)
        };
        let (left, across) = side(width, self.x);
        let (top, down) = side(height, self.y);
        (left, top, across, down)
    }

    /// The value shown for each value of the file; `None` where nothing is changed.
    pub fn tones(self) -> Option<[u8; 256]> {
        if self.brightness == 0 && self.contrast == 0 {
            return None;
        }
        let gain = 1.2_f64.powi(i32::from(self.contrast));
        let shift = f64::from(self.brightness) * 12.0;
        Some(std::array::from_fn(|value| {
            ((value as f64 - 127.5) * gain + 127.5 + shift).clamp(0.0, 255.0) as u8
        }))
    }

    /// What differs from the file, in words; empty for the whole picture as it is.
    pub fn words(self) -> String {
        let mut words = Vec::new();
        if self.zoom > 0 {
            words.push(format!("{:.1}x", self.factor()));
        }
        for (name, value) in [("brightness", self.brightness), ("contrast", self.contrast)] {
            if value != 0 {
                words.push(format!("{name} {value:+}"));
            }
        }
        words.join(", ")
    }
}

fn tone(value: i8, step: i8) -> i8 {
    value.saturating_add(step).clamp(-MOST_TONE, MOST_TONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_stays_inside_the_picture() {
        let mut look = Look::default();
        assert_eq!(look.part(100, 50), (0, 0, 100, 50));
        for step in 0..200 {
            look.zoom(if step % 3 == 0 { -1 } else { 1 });
            look.pan(step % 7 - 3, step % 5 - 1);
            for (width, height) in [(1, 1), (100, 50), (3, 4000)] {
                let (left, top, across, down) = look.part(width, height);
                assert!(across >= 1 && down >= 1);
                assert!(left + across <= width && top + down <= height, "{look:?}");
            }
        }
    }

    #[test]
    fn tones_change_only_when_asked() {
        let mut look = Look::default();
        assert!(look.tones().is_none());
        look.contrast(2);
        let tones = look.tones().unwrap();
        assert!(tones[20] < 20 && tones[230] > 230);
        look.contrast(-2);
        look.brighten(3);
        assert!(look.tones().unwrap()[100] > 100);
        assert_eq!(look.words(), "brightness +3");
    }
}
