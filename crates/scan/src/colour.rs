//! Colours: maps for values laid over grey, and a distinct colour for each label.
//!
//! The maps are computed, not copied from a table: `hot` runs from black over red and yellow to white, `hsv` round the colour
//! circle from blue to red, `cool` from black over blue to cyan and white.

use crate::view_error::ViewError;

/// A map from 0..1 to colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColourMap {
    /// Black, red, yellow, white.
    #[default]
    Hot,
    /// Blue, cyan, green, yellow, red.
    Hsv,
    /// Black, blue, cyan, white.
    Cool,
    /// No colours.
    Grey,
}

impl ColourMap {
    /// All maps.
    pub const ALL: [Self; 4] = [Self::Hot, Self::Hsv, Self::Cool, Self::Grey];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Hsv => "hsv",
            Self::Cool => "cool",
            Self::Grey => "grey",
        }
    }

    /// Reads a map's name.
    pub fn parse(text: &str) -> Result<Self, ViewError> {
        let lower = text.trim().to_lowercase();
        let named = Self::ALL.into_iter().find(|map| map.name() == lower);
        named.ok_or_else(|| ViewError::BadValue {
            key: "map",
            value: rounds_support::sanitise::clean_line_max(text, 40),
            expected: "hot, hsv, cool or grey".to_owned(),
        })
    }

    /// The colour of a share between 0 and 1.
    pub fn colour(self, share: f64) -> [u8; 3] {
        let share = if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0)
        };
        // Each third of the range fills one channel.
        let thirds = [0.0, 1.0, 2.0].map(|n| (share * 3.0 - n).clamp(0.0, 1.0));
        let channels = match self {
            Self::Hot => thirds,
            Self::Cool => [thirds[2], thirds[1], thirds[0]],
            Self::Grey => [share; 3],
            Self::Hsv => hue(240.0 * (1.0 - share)),
        };
        channels.map(|channel| (channel * 255.0).round() as u8)
    }
}

/// A saturated colour of a hue in degrees.
fn hue(degrees: f64) -> [f64; 3] {
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + degrees / 60.0) % 6.0;
        1.0 - k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

/// The colours of labels 1 to 12, chosen to differ from each other and from grey; further labels begin again.
const LABELS: [[u8; 3]; 12] = [
    [230, 60, 50],
    [60, 180, 75],
    [255, 225, 25],
    [70, 130, 255],
    [245, 130, 48],
    [190, 70, 220],
    [70, 240, 240],
    [240, 50, 200],
    [190, 240, 60],
    [250, 170, 190],
    [0, 150, 136],
    [170, 110, 40],
];

/// The colour of a label; 0, the background, has none.
pub fn label_colour(label: u32) -> Option<[u8; 3]> {
    let number = label.checked_sub(1)? as usize;
    LABELS.get(number % LABELS.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_begin_and_end_where_they_say() {
        let ends = |map: ColourMap| (map.colour(0.0), map.colour(1.0));
        assert_eq!(ends(ColourMap::Hot), ([0, 0, 0], [255, 255, 255]));
        assert_eq!(ends(ColourMap::Hsv), ([0, 0, 255], [255, 0, 0]));
        assert_eq!(ends(ColourMap::Cool), ([0, 0, 0], [255, 255, 255]));
        assert_eq!(ColourMap::Hot.colour(1.0 / 3.0), [255, 0, 0]);
        assert_eq!(ColourMap::Hsv.colour(0.5), [0, 255, 0]);
        assert_eq!(ColourMap::Grey.colour(f64::NAN), [0, 0, 0]);
    }

    #[test]
    fn hot_and_cool_never_get_darker() {
        let light = |rgb: [u8; 3]| rgb.iter().map(|c| u32::from(*c)).sum::<u32>();
        for map in [ColourMap::Hot, ColourMap::Cool, ColourMap::Grey] {
            let lights: Vec<u32> = (0..=100)
                .map(|i| light(map.colour(f64::from(i) / 100.0)))
                .collect();
            assert!(lights.is_sorted(), "{map:?}");
        }
    }

    #[test]
    fn neighbouring_labels_differ_and_the_background_has_no_colour() {
        assert_eq!(label_colour(0), None);
        assert_eq!(label_colour(13), label_colour(1));
        for label in 1..24 {
            assert_ne!(label_colour(label), label_colour(label + 1));
        }
    }
}
