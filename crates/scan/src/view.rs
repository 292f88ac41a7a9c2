//! What a person wants to see of a volume: window, plane, slice, projection, overlay. No volume is needed to say it, and nothing
//! here reads one.

use rounds_support::sanitise::clean_line_max;

use crate::colour::ColourMap;
use crate::fuse::DEFAULT_OPACITY;
use crate::plane::Plane;
use crate::project::Projection;
use crate::view_error::ViewError;
use crate::window::Window;

/// The most images of a montage.
pub const MAX_MONTAGE: usize = 100;
/// Thickest slab, in millimetres.
const MAX_SLAB_MM: f64 = 10_000.0;

/// Which of a volume's slices or frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Place {
    /// The one in the middle.
    #[default]
    Middle,
    /// By its number, counted from 1.
    Number(usize),
    /// From 0 (the first) to 1 (the last).
    Fraction(f64),
    /// The nearest to a position along the patient axis that the plane crosses, in millimetres.
    Position(f64),
}

/// How an overlay is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlayStyle {
    /// Outlines for label maps, colour for everything else.
    #[default]
    Auto,
    /// In colour over the grey.
    Colour,
    /// As outlines of its whole numbers.
    Outline,
}

/// All of it. The default shows the middle slice as is customary.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Which values are black and white.
    pub window: Window,
    /// The plane; the volume's own if `None`.
    pub plane: Option<Plane>,
    /// The slice or frame.
    pub place: Place,
    /// Several slices as one.
    pub projection: Option<Projection>,
    /// How thick the projected slab is, in millimetres; the whole volume if `None`.
    pub slab_mm: Option<f64>,
    /// Show so many slices side by side.
    pub montage: Option<usize>,
    /// How an overlay is drawn.
    pub overlay_style: OverlayStyle,
    /// The overlay's own window.
    pub overlay_window: Window,
    /// The overlay's colours.
    pub map: ColourMap,
    /// How much of the grey a bright overlay covers, 0 to 1; for outlines, how much their inside is tinted.
    pub opacity: Option<f64>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            window: Window::Auto,
            plane: None,
            place: Place::Middle,
            projection: None,
            slab_mm: None,
            montage: None,
            overlay_style: OverlayStyle::Auto,
            overlay_window: Window::Auto,
            map: ColourMap::Hot,
            opacity: None,
        }
    }
}

/// The keys of a view, as a selector and the flags name them.
pub(crate) const KEYS: [&str; 11] = [
    "window",
    "plane",
    "slice",
    "frame",
    "project",
    "slab",
    "montage",
    "opacity",
    "map",
    "overlay-as",
    "overlay-window",
];

impl View {
    /// Changes one setting. Returns false for a key that is not one of a view's.
    ///
    /// Errors for a value that is not understood.
    pub fn set(&mut self, key: &str, value: &str) -> Result<bool, ViewError> {
        match key {
            "window" => self.window = Window::parse(value)?,
            "plane" => self.plane = Some(Plane::parse(value)?),
            "slice" => self.place = Place::parse(value)?,
            "frame" => self.place = Place::Number(positive("frame", value)?),
            "project" => self.projection = Some(Projection::parse(value)?),
            "slab" => self.slab_mm = Some(slab(value)?),
            "montage" => self.montage = Some(montage(value)?),
            "opacity" => self.opacity = Some(opacity(value)?),
            "map" => self.map = ColourMap::parse(value)?,
            "overlay-as" => self.overlay_style = OverlayStyle::parse(value)?,
            "overlay-window" => self.overlay_window = Window::parse(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks what belongs together. A slab without a projection is an average, as a thicker slice would be.
    pub fn check(mut self) -> Result<Self, ViewError> {
        if self.slab_mm.is_some() && self.projection.is_none() {
            self.projection = Some(Projection::Average);
        }
        let both = |what: &str| {
            Err(ViewError::Contradiction(format!(
                "montage shows many slices, so that {what} cannot be chosen as well"
            )))
        };
        match self {
            Self {
                montage: Some(_),
                projection: Some(_),
                ..
            } => both("a projection"),
            Self {
                montage: Some(_),
                place: Place::Number(_) | Place::Fraction(_) | Place::Position(_),
                ..
            } => both("one slice"),
            Self {
                projection: Some(_),
                slab_mm: None,
                place: Place::Number(_) | Place::Fraction(_) | Place::Position(_),
                ..
            } => Err(ViewError::Contradiction(
                "a projection without a slab takes all slices, so that one slice cannot be chosen as well"
                    .to_owned(),
            )),
            view => Ok(view),
        }
    }

    /// The settings that differ from the default, as (key, value).
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let plain = Self::default();
        let mut all = Vec::new();
        let mut add = |key, value: Option<String>| all.extend(value.map(|value| (key, value)));
        let changed = |window: Window| (window != Window::Auto).then(|| window.to_string());
        add("window", changed(self.window));
        add("plane", self.plane.map(|plane| plane.name().to_owned()));
        add("slice", self.place.text());
        add("project", self.projection.map(|how| how.key().to_owned()));
        add("slab", self.slab_mm.map(|mm| mm.to_string()));
        add("montage", self.montage.map(|count| count.to_string()));
        add("opacity", self.opacity.map(|share| share.to_string()));
        add(
            "map",
            (self.map != plain.map).then(|| self.map.name().to_owned()),
        );
        add("overlay-as", self.overlay_style.text().map(str::to_owned));
        add("overlay-window", changed(self.overlay_window));
        all
    }

    /// The opacity for colours.
    pub(crate) fn colour_opacity(&self) -> f64 {
        self.opacity.unwrap_or(DEFAULT_OPACITY)
    }

    /// How much the inside of outlines is tinted.
    pub(crate) fn outline_opacity(&self) -> f64 {
        self.opacity.unwrap_or(0.0)
    }
}

impl Place {
    /// Reads `31` (a number), `0.5` (a fraction, with a point), `-34.5mm` (a position), `first`, `middle` or `last`.
    pub fn parse(text: &str) -> Result<Self, ViewError> {
        let lower = text.trim().to_lowercase();
        let parsed = match lower.as_str() {
            "middle" => Some(Self::Middle),
            "first" => Some(Self::Fraction(0.0)),
            "last" => Some(Self::Fraction(1.0)),
            number => match number.strip_suffix("mm") {
                Some(mm) => finite(mm).map(Self::Position),
                None if number.contains('.') => finite(number)
                    .filter(|share| (0.0..=1.0).contains(share))
                    .map(Self::Fraction),
                None => number.parse().ok().filter(|n| *n > 0).map(Self::Number),
            },
        };
        parsed.ok_or_else(|| {
            bad("slice", text, "a number from 1, a fraction from 0.0 to 1.0, a position such as -34.5mm, first, middle or last")
        })
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Middle => None,
            Self::Number(number) => Some(number.to_string()),
            // A fraction keeps its point, which tells it from a number.
            Self::Fraction(share) => Some(format!("{share:?}")),
            Self::Position(mm) => Some(format!("{mm}mm")),
        }
    }
}

impl OverlayStyle {
    /// Reads `colour` or `outline`.
    pub fn parse(text: &str) -> Result<Self, ViewError> {
        match text.trim().to_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "colour" | "color" => Ok(Self::Colour),
            "outline" | "outlines" | "labels" => Ok(Self::Outline),
            _ => Err(bad("overlay-as", text, "colour or outline")),
        }
    }

    fn text(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Colour => Some("colour"),
            Self::Outline => Some("outline"),
        }
    }
}

pub(crate) fn bad(key: &'static str, value: &str, expected: &str) -> ViewError {
    ViewError::BadValue {
        key,
        value: clean_line_max(value, 80),
        expected: expected.to_owned(),
    }
}

/// A number counted from 1.
pub(crate) fn positive(key: &'static str, value: &str) -> Result<usize, ViewError> {
    let number = value.trim().parse().ok().filter(|n| *n > 0);
    number.ok_or_else(|| bad(key, value, "a whole number from 1"))
}

fn finite(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

fn slab(value: &str) -> Result<f64, ViewError> {
    let text = value.trim().to_lowercase();
    let mm = finite(text.strip_suffix("mm").unwrap_or(&text));
    mm.filter(|mm| *mm > 0.0 && *mm <= MAX_SLAB_MM)
        .ok_or_else(|| bad("slab", value, "a thickness in millimetres"))
}

fn montage(value: &str) -> Result<usize, ViewError> {
    let count = positive("montage", value).ok();
    count
        .filter(|count| *count <= MAX_MONTAGE)
        .ok_or_else(|| bad("montage", value, "a number of slices from 1 to 100"))
}

fn opacity(value: &str) -> Result<f64, ViewError> {
    let share = finite(value).filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| bad("opacity", value, "a number from 0 to 1"))
}
