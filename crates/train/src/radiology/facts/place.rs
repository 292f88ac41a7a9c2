//! Where a box lies, in the image and in the patient, and how that is said.

/// A box as fractions of the image's width and height, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Distance of the left edge from the image's left edge, 0 to 1.
    pub x: f32,
    /// Distance of the upper edge from the image's upper edge, 0 to 1.
    pub y: f32,
    /// Width, 0 to 1.
    pub width: f32,
    /// Height, 0 to 1.
    pub height: f32,
}

/// A side, of the image or of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A height in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Upper,
    Lower,
}

/// The sides and heights that a text names. A text that names both sides names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub side: Option<Side>,
    pub level: Option<Level>,
    /// The middle is named.
    pub central: bool,
    /// The side is the patient's: a lung, a lobe or a hemisphere is named with it.
    pub of_patient: bool,
}

/// The place of one or more boxes, as far as they agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub side: Option<Side>,
    pub level: Option<Level>,
    /// The patient's side, where the image's convention is known and the boxes lie clearly on one side.
    pub patient: Option<Side>,
}

impl Side {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
        }
    }
}

impl Named {
    /// The sides and heights named in `text`. In `left lung, right` the second side is the image's, and the first one counts.
    pub(crate) fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let has = |words: &[&str]| {
            lower
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| words.contains(&word))
        };
        let sided = |side: &str| {
            ["lung", "lobe", "hemisphere", "chest"]
                .iter()
                .any(|organ| lower.contains(&format!("{side} {organ}")))
        };
        let one = |a: bool, b: bool| if a == b { None } else { Some(a) };
        let left = one(sided("left"), sided("right"))
            .or_else(|| one(has(&["left", "leftmost"]), has(&["right", "rightmost"])));
        let upper = one(has(&["upper", "top"]), has(&["lower", "bottom"]));
        Self {
            side: left.map(|left| if left { Side::Left } else { Side::Right }),
            level: upper.map(|upper| if upper { Level::Upper } else { Level::Lower }),
            central: has(&["center", "middle"]),
            of_patient: has(&["lung", "lungs", "lobe", "hemisphere", "patient", "chest"]),
        }
    }

    /// What a question and its answer name together: the answer's side and height, or else the question's, unless the answer
    /// denies them.
    pub(crate) fn by(question: &str, answer: &str) -> Self {
        let (asked, told) = (Self::of(question), Self::of(answer));
        let of_patient = asked.of_patient || told.of_patient;
        let denied = super::question::yes_or_no(answer) == Some(false);
        if denied || super::words::names_both_sides(question) {
            return Self { of_patient, ..told };
        }
        Self {
            side: told.side.or(asked.side),
            level: told.level.or(asked.level),
            central: told.central,
            of_patient,
        }
    }
}

/// How far from the middle of the image, as a share of its width or height, still counts as the middle.
const MIDDLE: f32 = 0.06;

/// The share of a box that must lie on one side of the midline before a side of the patient is stated.
const CLEARLY: f32 = 0.8;

impl Bounds {
    /// The share of the image that the box covers, 0 to 1.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// Where the box lies. `radiological`: image left is the patient's right.
    pub(super) fn spot(&self, radiological: bool) -> Spot {
        let (across, down) = (self.x + self.width / 2.0, self.y + self.height / 2.0);
        let side = beyond_middle(across).map(|low| if low { Side::Left } else { Side::Right });
        let left_share = ((0.5 - self.x) / self.width.max(f32::EPSILON)).clamp(0.0, 1.0);
        let patient = side.filter(|side| {
            let share = match side {
                Side::Left => left_share,
                Side::Right => 1.0 - left_share,
            };
            radiological && share >= CLEARLY
        });
        Spot {
            side,
            level: beyond_middle(down).map(|low| if low { Level::Upper } else { Level::Lower }),
            patient: patient.map(Side::other),
        }
    }
}

/// Whether a distance from 0 to 1 is before the middle or beyond it; `None` in the middle.
fn beyond_middle(distance: f32) -> Option<bool> {
    ((distance - 0.5).abs() > MIDDLE).then_some(distance < 0.5)
}

impl Spot {
    /// The place that all of `spots` share. `None` if there are none.
    pub(crate) fn shared(spots: impl IntoIterator<Item = Self>) -> Option<Self> {
        spots.into_iter().reduce(|a, b| Self {
            side: a.side.filter(|_| a.side == b.side),
            level: a.level.filter(|_| a.level == b.level),
            patient: a.patient.filter(|_| a.patient == b.patient),
        })
    }

    /// The places that may be said beside a text that names `named`, the fullest first. Each agrees with the text; a side is
    /// said in the frame (image or patient) in which it agrees.
    pub(crate) fn phrases(self, named: Named) -> Vec<String> {
        let level = self
            .level
            .filter(|_| named.level.is_none() || named.level == self.level);
        if named.level.is_some() && level.is_none() && named.side.is_none() {
            return Vec::new();
        }
        if named.central && (self.side.is_some() || self.level != named.level) {
            return Vec::new();
        }
        let in_image = |side| in_image(side, level);
        match named.side {
            None => {
                let image = in_image(self.side);
                let patient = self
                    .patient
                    .map(|side| format!("{image}, on the patient's {}", side.word()));
                patient.into_iter().chain([image]).collect()
            }
            Some(side) if self.side == Some(side) && !named.of_patient => {
                vec![in_image(Some(side))]
            }
            Some(side) if self.patient == Some(side) => {
                let plain = format!("on the patient's {}", side.word());
                let low = level
                    .map(|level| format!("in the {} part of the image, {plain}", level.word()));
                low.into_iter().chain([plain]).collect()
            }
            Some(_) => Vec::new(),
        }
    }

    /// The place as a short answer: `Upper left`, `Left`, `Top`, `Middle`.
    pub(crate) fn answer(self) -> String {
        let words = match (self.level, self.side) {
            (Some(level), Some(side)) => format!("{} {}", level.word(), side.word()),
            (None, Some(side)) => side.word().to_owned(),
            (Some(Level::Upper), None) => "top".to_owned(),
            (Some(Level::Lower), None) => "bottom".to_owned(),
            (None, None) => "middle".to_owned(),
        };
        super::words::capitalised(&words)
    }
}

/// "in the upper left of the image" and the like.
fn in_image(side: Option<Side>, level: Option<Level>) -> String {
    let place = match (level, side) {
        (Some(level), Some(side)) => format!("in the {} {}", level.word(), side.word()),
        (None, Some(side)) => format!("at the {}", side.word()),
        (Some(Level::Upper), None) => "at the top".to_owned(),
        (Some(Level::Lower), None) => "at the bottom".to_owned(),
        (None, None) => "in the middle".to_owned(),
    };
    format!("{place} of the image")
}
