//! Which values of a volume are black and which are white: what a person may choose, and what that means for a volume.
//!
//! The default follows custom: a window that the file states for CT and radiographs, percentiles for MR, standardised uptake
//! in inverted grey for PET. The name of the window used is part of every image, because the same slice looks different
//! through another. Never choose a window by what the slice shows: all slices of a volume share one.

mod percentile;
mod presets;
mod tone;

use std::sync::Arc;

use rounds_support::sanitise::clean_line_max;

pub(crate) use percentile::percentile_of_sorted;
pub use percentile::percentiles_of;
pub use presets::{PRESETS, Preset};
pub use tone::{Curve, Tone};

use crate::view_error::ViewError;
use crate::{Facts, Modality, Pixels, VoiFunction, Volume};

/// The percentiles that are black and white where nothing else is known.
pub const DEFAULT_PERCENTILES: (f64, f64) = (1.0, 99.0);
/// The uptake that is black in PET.
pub const DEFAULT_SUV: f64 = 5.0;

/// What a person chose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Window {
    /// What is customary for the modality.
    #[default]
    Auto,
    /// A preset of CT.
    Preset(&'static Preset),
    /// A centre and a width, in the values' unit.
    Own {
        /// Centre (level).
        centre: f64,
        /// Width.
        width: f64,
    },
    /// The window that the file states, counted from 1.
    Stated(usize),
    /// Between two percentiles of the volume's values.
    Percentile {
        /// The percentile that is black, 0 to 100.
        low: f64,
        /// The percentile that is white, 0 to 100.
        high: f64,
    },
    /// Standardised uptake from 0 to `high`, inverted.
    Suv {
        /// The uptake that is black.
        high: f64,
    },
    /// From the smallest to the largest value.
    Full,
}

/// A window as it applies to one volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// From values to grey.
    pub tone: Tone,
    /// For people: `lung window (1500/-600)`; width and level in that order, as radiologists write them.
    pub name: String,
}

/// What [`Window::parse`] accepts.
const EXPECTED: &str = "a preset (soft-tissue, lung, liver, bone, brain, mediastinum, stroke, subdural, temporal-bone, spine, \
angiography), CENTRE,WIDTH, WIDTH/LEVEL, file, file2, percentile, percentile,LOW,HIGH, suv, suv,HIGH, full or auto";

impl Window {
    /// Reads `lung`, `40,400` (centre and width), `400/40` (width and level), `file`, `file2`, `percentile`,
    /// `percentile,LOW,HIGH`, `suv`, `suv,HIGH`, `full` or `auto`.
    pub fn parse(text: &str) -> Result<Self, ViewError> {
        let bad = || ViewError::BadValue {
            key: "window",
            value: clean_line_max(text, 80),
            expected: EXPECTED.to_owned(),
        };
        let lower = text.trim().to_lowercase();
        let (word, rest) = match lower.split_once(',') {
            Some((word, rest)) => (word.trim(), Some(rest)),
            None => (lower.as_str(), None),
        };
        if let Some((width, level)) = numbers(&lower, '/') {
            return Self::own(level, width).ok_or_else(bad);
        }
        if let Some((centre, width)) = numbers(&lower, ',') {
            return Self::own(centre, width).ok_or_else(bad);
        }
        let found = match (word, rest) {
            ("auto", None) => Some(Self::Auto),
            ("full", None) => Some(Self::Full),
            ("percentile" | "percentiles", None) => Some(Self::percentile(DEFAULT_PERCENTILES)),
            ("percentile" | "percentiles", Some(rest)) => numbers(rest, ',')
                .filter(|(low, high)| 0.0 <= *low && low < high && *high <= 100.0)
                .map(Self::percentile),
            ("suv", None) => Some(Self::Suv { high: DEFAULT_SUV }),
            ("suv", Some(rest)) => number(rest)
                .filter(|high| *high > 0.0)
                .map(|high| Self::Suv { high }),
            (word, None) if word.starts_with("file") => match &word["file".len()..] {
                "" => Some(Self::Stated(1)),
                which => which.parse().ok().filter(|n| *n > 0).map(Self::Stated),
            },
            (word, None) => presets::find(word).map(Self::Preset),
            (_, Some(_)) => None,
        };
        found.ok_or_else(bad)
    }

    /// Whether [`Window::apply`] looks at the values, so that one slice alone would get another window than its volume.
    pub fn looks_at_values(&self, facts: &Facts) -> bool {
        match self {
            Self::Percentile { .. } | Self::Full => true,
            Self::Preset(_) | Self::Own { .. } | Self::Stated(_) | Self::Suv { .. } => false,
            Self::Auto => match facts.modality {
                Modality::Pet => suv(facts, DEFAULT_SUV).is_err(),
                Modality::Mr | Modality::Labels | Modality::Dose => true,
                _ if !facts.windows.is_empty() || facts.voi_lut.is_some() => false,
                modality => modality != Modality::Ct || facts.unit.as_deref() != Some("HU"),
            },
        }
    }

    fn own(centre: f64, width: f64) -> Option<Self> {
        (width > 0.0).then_some(Self::Own { centre, width })
    }

    fn percentile((low, high): (f64, f64)) -> Self {
        Self::Percentile { low, high }
    }

    /// What this means for `volume`.
    ///
    /// Errors for colours, and where the volume lacks what the choice needs.
    pub fn apply(&self, volume: &Volume) -> Result<Applied, ViewError> {
        let Pixels::Values(values) = &volume.pixels else {
            return Err(ViewError::Colours("a window"));
        };
        let facts = &volume.facts;
        let applied = match *self {
            Self::Auto => return automatic(volume, values),
            Self::Preset(preset) => {
                refuse_preset(preset, facts)?;
                let named = format!("{} window", preset.name);
                voi(&named, preset.centre, preset.width, VoiFunction::Linear)
            }
            Self::Own { centre, width } => voi("window", centre, width, VoiFunction::Linear),
            Self::Stated(which) => stated(facts, which)?,
            Self::Percentile { low, high } => percentile(values, low, high),
            Self::Suv { high } => suv(facts, high)?,
            Self::Full => full(values),
        };
        Ok(applied.inverted_if(facts.inverted && !matches!(self, Self::Suv { .. })))
    }
}

impl std::fmt::Display for Window {
    /// As [`Window::parse`] reads it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Preset(preset) => formatter.write_str(&preset.name.replace(' ', "-")),
            Self::Own { centre, width } => write!(formatter, "{centre},{width}"),
            Self::Stated(1) => formatter.write_str("file"),
            Self::Stated(which) => write!(formatter, "file{which}"),
            Self::Percentile { low, high } => write!(formatter, "percentile,{low},{high}"),
            Self::Suv { high } => write!(formatter, "suv,{high}"),
            Self::Full => formatter.write_str("full"),
        }
    }
}

impl Applied {
    fn new(curve: Curve, name: String) -> Self {
        let tone = Tone {
            curve,
            factor: 1.0,
            inverted: false,
            missing: 0,
        };
        Self { tone, name }
    }

    fn inverted_if(mut self, inverted: bool) -> Self {
        self.tone.inverted ^= inverted;
        self
    }

    /// On white ground, as PET is shown: what has no value looks like what takes nothing up.
    fn on_white(mut self) -> Self {
        self.tone.inverted = true;
        self.tone.missing = 255;
        self
    }

    /// The name, for an image in grey: also says whether the ground is white.
    pub fn in_grey(&self) -> String {
        match self.tone.missing {
            255 => format!("{}, inverted grey", self.name),
            _ => self.name.clone(),
        }
    }
}

/// A preset has no meaning for other values than Hounsfield units. A file that states neither its modality nor a unit, as
/// most NIfTI files do, may hold them.
fn refuse_preset(preset: &Preset, facts: &Facts) -> Result<(), ViewError> {
    let values = match (facts.unit.as_deref(), facts.modality) {
        (Some("HU"), _) | (None, Modality::Ct | Modality::Other) => return Ok(()),
        (Some(unit), _) => format!("these values are in {unit}"),
        (None, _) => "this is no CT".to_owned(),
    };
    Err(ViewError::NoWindow(format!(
        "the {} window is for CT in Hounsfield units, and {values}",
        preset.name
    )))
}

/// What is customary. See the module.
fn automatic(volume: &Volume, values: &[f32]) -> Result<Applied, ViewError> {
    let facts = &volume.facts;
    let (low, high) = DEFAULT_PERCENTILES;
    let applied = match facts.modality {
        Modality::Pet => {
            return Ok(match suv(facts, DEFAULT_SUV) {
                Ok(applied) => applied,
                Err(error) => {
                    let mut applied = percentile(values, low, high);
                    applied.name = format!("{} ({error})", applied.name);
                    applied.on_white()
                }
            });
        }
        Modality::Mr => percentile(values, low, high),
        _ if !facts.windows.is_empty() || facts.voi_lut.is_some() => stated(facts, 1)?,
        Modality::Ct if facts.unit.as_deref() == Some("HU") => {
            return Window::Preset(&PRESETS[0]).apply(volume);
        }
        Modality::Labels | Modality::Dose => full(values),
        _ if eight_bit(values) => Applied::new(
            Curve::Range {
                low: 0.0,
                high: 255.0,
            },
            "grey as stored (0 to 255)".into(),
        ),
        _ => percentile(values, low, high),
    };
    Ok(applied.inverted_if(facts.inverted))
}

/// Whether values look like the grey of an 8-bit image, which is shown as it is: whole numbers from 0 to 255 that use most of
/// that range.
fn eight_bit(values: &[f32]) -> bool {
    let mut largest = 0.0_f32;
    for value in values.iter().filter(|value| !value.is_nan()) {
        if *value < 0.0 || *value > 255.0 || value.fract() != 0.0 {
            return false;
        }
        largest = largest.max(*value);
    }
    largest > 127.0
}

fn voi(name: &str, centre: f64, width: f64, function: VoiFunction) -> Applied {
    let curve = Curve::Voi {
        centre,
        width,
        function,
    };
    Applied::new(
        curve,
        format!("{name} ({}/{})", short(width), short(centre)),
    )
}

fn stated(facts: &Facts, which: usize) -> Result<Applied, ViewError> {
    if let (1, Some(table)) = (which, &facts.voi_lut) {
        let curve = Curve::Table(Arc::new(table.clone()));
        return Ok(Applied::new(curve, "the file's look-up table".to_owned()));
    }
    let window = which.checked_sub(1).and_then(|n| facts.windows.get(n));
    let Some(window) = window else {
        return Err(ViewError::NoWindow(match facts.windows.len() {
            0 => "the file states no window".to_owned(),
            1 => "the file states one window only".to_owned(),
            count => format!("the file states {count} windows only"),
        }));
    };
    let name = match &window.name {
        Some(name) => format!("the file's {} window", clean_line_max(name, 40)),
        None => "the file's window".to_owned(),
    };
    let mut applied = voi(&name, window.centre, window.width, window.function);
    if window.function == VoiFunction::Sigmoid {
        applied.name.push_str(", sigmoid");
    }
    Ok(applied)
}

fn suv(facts: &Facts, high: f64) -> Result<Applied, ViewError> {
    let factor = match (facts.unit.as_deref(), facts.suv_factor) {
        (Some("SUV"), _) => 1.0,
        (_, Some(factor)) if factor.is_finite() && factor > 0.0 => factor,
        _ => {
            let why = facts.no_suv.clone();
            let why = why.unwrap_or_else(|| "the file lacks what it takes to compute it".into());
            return Err(ViewError::NoWindow(format!("no SUV: {why}")));
        }
    };
    let curve = Curve::Range { low: 0.0, high };
    let mut applied = Applied::new(curve, format!("SUV 0 to {}", short(high)));
    applied.tone.factor = factor;
    Ok(applied.on_white())
}

fn percentile(values: &[f32], low: f64, high: f64) -> Applied {
    let found = percentiles_of(values, &[low, high]);
    let ends = found.as_slice().first().zip(found.get(1));
    match ends {
        Some((black, white)) if white > black => Applied::new(
            Curve::Range {
                low: *black,
                high: *white,
            },
            format!(
                "window from percentile {} to {} ({} to {})",
                short(low),
                short(high),
                short(*black),
                short(*white)
            ),
        ),
        // Where nearly all values are the same, such as a mask, percentiles would show nothing.
        _ => full(values),
    }
}

fn full(values: &[f32]) -> Applied {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let (low, high) = match low <= high {
        true => (f64::from(low), f64::from(high)),
        false => (0.0, 1.0),
    };
    let name = format!("full range ({} to {})", short(low), short(high));
    // A constant volume is grey neither way: black, and white only above its value.
    Applied::new(Curve::Range { low, high }, name)
}

/// A number for people: whole where that loses nothing that can be seen.
pub(crate) fn short(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e7 {
        return format!("{value:.0}");
    }
    match value.abs() {
        size if size >= 1e7 || (size < 1e-3 && size > 0.0) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => trimmed(format!("{value:.1}")),
        size if size >= 1.0 => trimmed(format!("{value:.2}")),
        _ => trimmed(format!("{value:.4}")),
    }
}

fn trimmed(number: String) -> String {
    let number = number.trim_end_matches('0').trim_end_matches('.');
    number.to_owned()
}

fn numbers(text: &str, between: char) -> Option<(f64, f64)> {
    let (first, second) = text.split_once(between)?;
    number(first).zip(number(second))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

#[cfg(test)]
mod tests;
