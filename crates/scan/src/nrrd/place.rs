//! Where the grid lies in the patient: spaces, directions and units, brought to the axes of DICOM (left, back, head).

use super::FORMAT;
use super::axes::{Axes, one_each};
use super::fields::Fields;
use crate::error::Fault;
use crate::geometry::{Affine, cross, determinant, from_columns, length};

/// The axes of a space.
pub(super) struct Space {
    axes: usize,
    /// Its fourth axis is time.
    pub(super) has_time: bool,
    /// What brings its first three axes to left, back and head; `None` if they say nothing about the patient.
    signs: Option<[f64; 3]>,
}

impl Space {
    /// The space that is stated, if one is.
    pub(super) fn of(fields: &Fields<'_>) -> Result<Option<Self>, Fault> {
        let Some(name) = fields.get("space") else {
            let Some(count) = fields.get("spacedimension") else {
                return Ok(None);
            };
            let axes = count.parse().map_err(|_| unknown())?;
            return Ok(Some(Self {
                axes,
                has_time: false,
                signs: None,
            }));
        };
        let name = name.to_ascii_lowercase();
        let (base, has_time) = match name.strip_suffix("-time") {
            Some(base) => (base, true),
            None => (name.as_str(), false),
        };
        let (base, has_time) = match base {
            "rast" => ("ras", true),
            "last" => ("las", true),
            "lpst" => ("lps", true),
            _ => (base, has_time),
        };
        let signs = match base {
            "right-anterior-superior" | "ras" => Some([-1.0, -1.0, 1.0]),
            "left-anterior-superior" | "las" => Some([1.0, -1.0, 1.0]),
            "left-posterior-superior" | "lps" => Some([1.0, 1.0, 1.0]),
            "scanner-xyz" | "3d-right-handed" | "3d-left-handed" => None,
            _ => return Err(unknown()),
        };
        Ok(Some(Self {
            axes: if has_time { 4 } else { 3 },
            has_time,
            signs,
        }))
    }
}

fn unknown() -> Fault {
    Fault::broken(FORMAT, "its space is not known")
}

/// A vector in a space.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vector(Vec<f64>);

impl Vector {
    /// Whether it leads through time and nowhere else.
    pub(super) fn is_time_only(&self) -> bool {
        matches!(self.0.as_slice(), [x, y, z, time] if [x, y, z] == [&0.0; 3] && *time != 0.0)
    }

    fn in_space(&self) -> [f64; 3] {
        std::array::from_fn(|axis| self.0.get(axis).copied().unwrap_or_default())
    }
}

/// Vectors such as `(1,0,0) none (0,0,2.5)`; `None` if the text is something else.
pub(super) fn vectors(text: &str) -> Option<Vec<Option<Vector>>> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("none") {
            found.push(None);
            rest = after.trim_start();
            continue;
        }
        let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
        let numbers = inside
            .split(',')
            .map(|number| number.trim().parse::<f64>().ok());
        let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
        // Some writers fill what should be `none`.
        let is_none = numbers.iter().all(|number| number.is_nan());
        found.push((!is_none).then_some(Vector(numbers)));
        rest = after.trim_start();
    }
    Some(found)
}

/// The directions of all axes, where a field states them.
pub(super) fn directions(
    fields: &Fields<'_>,
    space: Option<&Space>,
) -> Result<Option<Vec<Option<Vector>>>, Fault> {
    let Some(text) = fields.get("spacedirections") else {
        return Ok(None);
    };
    let wrong = || Fault::broken(FORMAT, "its directions in space are not valid");
    let directions = vectors(text).ok_or_else(wrong)?;
    let count = match space {
        Some(space) => space.axes,
        None => directions
            .iter()
            .flatten()
            .next()
            .map_or(0, |first| first.0.len()),
    };
    let has_time = space.is_some_and(|space| space.has_time);
    let is_mixed = |one: &Vector| one.0.get(3) != Some(&0.0) && !one.is_time_only();
    let mut stated = directions.iter().flatten();
    if stated.any(|one| one.0.len() != count || (has_time && is_mixed(one))) {
        return Err(wrong());
    }
    Ok(Some(directions))
}

/// Texts in quotation marks; without any, words.
fn quoted(text: &str) -> Vec<&str> {
    if text.contains('"') {
        return text.split('"').skip(1).step_by(2).collect();
    }
    text.split_whitespace().collect()
}

/// The millimetres of a unit of length. Without a unit they are millimetres.
fn millimetres(unit: &str) -> Option<f64> {
    match unit.trim() {
        "" | "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => Some(1.0),
        "cm" | "centimeter" | "centimeters" => Some(10.0),
        "m" | "meter" | "meters" => Some(1000.0),
        "um" | "\u{B5}m" | "\u{3BC}m" | "micron" | "microns" | "micrometer" | "micrometers" => {
            Some(0.001)
        }
        "nm" | "nanometer" | "nanometers" => Some(1e-6),
        _ => None,
    }
}

/// Where the grid lies, and how far its voxels are apart.
pub(super) struct Placed {
    pub(super) affine: Option<Affine>,
    pub(super) spacing: [Option<f64>; 3],
    pub(super) frame_time_ms: Option<f64>,
    pub(super) note: Option<&'static str>,
}

const NO_PLACE: &str = "It does not state how it lies in the patient.";
const NO_UNIT: &str = "The unit of its distances is not known.";

/// Where the axes of `axes` lie.
pub(super) fn place(
    fields: &Fields<'_>,
    axes: &Axes,
    space: Option<&Space>,
    directions: Option<&[Option<Vector>]>,
) -> Result<Placed, Fault> {
    let count = axes.count();
    let units = match fields.get("units") {
        Some(text) => one_each(Some(quoted(text)), count)?,
        None => vec![""; count],
    };
    let spacings = match fields.get("spacings") {
        Some(text) => {
            let numbers = text
                .split_whitespace()
                .map(|number| number.parse::<f64>().ok());
            one_each(numbers.collect::<Option<Vec<f64>>>(), count)?
        }
        None => vec![f64::NAN; count],
    };
    let mut placed = Placed {
        affine: None,
        spacing: [None; 3],
        frame_time_ms: frame_time(axes, &spacings, &units),
        note: Some(NO_PLACE),
    };
    match directions {
        Some(directions) => in_space(&mut placed, fields, axes, space, directions)?,
        None => {
            placed.spacing = axes.spatial().map(|axis| {
                let axis = axis?;
                positive(spacings[axis].abs() * millimetres(units[axis])?)
            });
        }
    }
    Ok(placed)
}

fn positive(number: f64) -> Option<f64> {
    (number.is_finite() && number > 0.0).then_some(number)
}

/// Milliseconds between points in time.
fn frame_time(axes: &Axes, spacings: &[f64], units: &[&str]) -> Option<f64> {
    let axis = axes.time()?;
    let milliseconds = match units[axis].trim() {
        "s" | "sec" | "second" | "seconds" => 1000.0,
        "ms" | "msec" | "millisecond" | "milliseconds" => 1.0,
        _ => return None,
    };
    positive(spacings[axis].abs() * milliseconds)
}

/// What the directions of the axes say.
fn in_space(
    placed: &mut Placed,
    fields: &Fields<'_>,
    axes: &Axes,
    space: Option<&Space>,
    directions: &[Option<Vector>],
) -> Result<(), Fault> {
    let units = fields.get("spaceunits").map(quoted).unwrap_or_default();
    let unit = units.first().copied().unwrap_or_default();
    let are_equal = units.iter().take(3).all(|other| *other == unit);
    let Some(scale) = millimetres(unit).filter(|_| are_equal) else {
        placed.note = Some(NO_UNIT);
        return Ok(());
    };
    let scaled = |vector: &Vector| vector.in_space().map(|part| part * scale);
    let steps = axes
        .spatial()
        .map(|axis| directions.get(axis?)?.as_ref().map(scaled));
    placed.spacing = steps.map(|step| positive(length(step?)));
    let origin = match fields.get("spaceorigin").map(vectors) {
        Some(Some(origin)) => origin.into_iter().next().flatten(),
        Some(None) => return Err(Fault::broken(FORMAT, "its origin is not valid")),
        None => None,
    };
    let lies = |space: &Space| {
        let origin = origin
            .as_ref()
            .filter(|origin| origin.0.len() == space.axes)?;
        affine(steps, scaled(origin), space.signs?)
    };
    placed.affine = space.and_then(lies);
    if placed.affine.is_some() {
        placed.note = None;
    }
    Ok(())
}

/// The affine in LPS millimetres; `None` if the steps do not span a space. A single slice is taken to be 1 mm thick.
fn affine(steps: [Option<[f64; 3]>; 3], origin: [f64; 3], signs: [f64; 3]) -> Option<Affine> {
    let turned =
        |vector: [f64; 3]| -> [f64; 3] { std::array::from_fn(|axis| vector[axis] * signs[axis]) };
    let (across, down) = (turned(steps[0]?), turned(steps[1]?));
    let through = match steps[2] {
        Some(step) => turned(step),
        None => {
            let normal = cross(across, down);
            normal.map(|part| part / length(normal))
        }
    };
    let affine = from_columns(across, down, through, turned(origin));
    let is_finite = affine.iter().flatten().all(|value| value.is_finite());
    (is_finite && determinant(&affine).abs() > 1e-12).then_some(affine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_with_spaces_and_holes() {
        let found = vectors("none (1, 0,0)(0,-2.5e0,0) (nan,nan,nan)").unwrap();
        let vector = |numbers: [f64; 3]| Some(Vector(numbers.to_vec()));
        assert_eq!(
            found,
            [
                None,
                vector([1.0, 0.0, 0.0]),
                vector([0.0, -2.5, 0.0]),
                None
            ]
        );
        for text in ["(1,2", "1 2 3", "(1,x,3)", "()"] {
            assert_eq!(vectors(text), None, "{text}");
        }
    }

    #[test]
    fn a_single_slice_has_a_normal_and_flat_steps_have_no_place() {
        let x = Some([2.0, 0.0, 0.0]);
        let y = Some([0.0, 3.0, 0.0]);
        let found = affine([x, y, None], [5.0, 6.0, 7.0], [-1.0, -1.0, 1.0]).unwrap();
        assert_eq!(found[0], [-2.0, 0.0, 0.0, -5.0]);
        assert_eq!(found[1], [0.0, -3.0, 0.0, -6.0]);
        assert_eq!(found[2], [0.0, 0.0, 1.0, 7.0]);
        assert_eq!(affine([x, x, y], [0.0; 3], [1.0; 3]), None);
        assert_eq!(affine([x, None, None], [0.0; 3], [1.0; 3]), None);
    }
}
