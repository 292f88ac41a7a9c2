//! Where the frames of an object lie in the patient, and how far apart their pixels are.

use super::data_set::DataSet;
use super::tags::{self, Tag};

/// A frame in space: the centre of its first pixel, and directions of length 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Millimetres.
    pub(crate) origin: [f64; 3],
    /// Towards the next column.
    pub(crate) across: [f64; 3],
    /// Towards the next row.
    pub(crate) down: [f64; 3],
}

impl Place {
    /// The direction in which slices follow one another.
    pub(crate) fn normal(&self) -> [f64; 3] {
        let ([a, b, c], [d, e, f]) = (self.across, self.down);
        [b * f - c * e, c * d - a * f, a * e - b * d]
    }

    /// Millimetres along `normal`.
    pub(crate) fn height(&self, normal: [f64; 3]) -> f64 {
        dot(self.origin, normal)
    }
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The item of a functional group for a frame: its own, or the one shared by all.
pub(crate) fn group(data: &DataSet, frame: usize, tag: Tag) -> Option<&DataSet> {
    let own = data
        .items(tags::FRAME_GROUPS)
        .get(frame)
        .and_then(|item| item.item(tag));
    own.or_else(|| {
        data.item(tags::SHARED_GROUPS)
            .and_then(|item| item.item(tag))
    })
}

/// The places of all frames; `None` for those that state none.
pub(crate) fn places(data: &DataSet, frames: usize) -> Vec<Option<Place>> {
    if data.has(tags::FRAME_GROUPS) || data.has(tags::SHARED_GROUPS) {
        return (0..frames).map(|frame| of_group(data, frame)).collect();
    }
    let Some(first) = place(
        data.vector(tags::IMAGE_POSITION),
        data.vector(tags::IMAGE_ORIENTATION),
    ) else {
        return vec![None; frames];
    };
    if frames == 1 {
        return vec![Some(first)];
    }
    let offsets: Option<Vec<f64>> = data.decimals(tags::FRAME_OFFSETS).into_iter().collect();
    let Some(offsets) = offsets.filter(|offsets| offsets.len() == frames) else {
        return vec![None; frames];
    };
    // Offsets of a dose count from its first plane, or are positions along the patient (PS3.3 C.8.8.3.2).
    let start = offsets.first().copied().unwrap_or_default();
    let normal = first.normal();
    let along = |offset: f64| {
        std::array::from_fn(|axis| first.origin[axis] + normal[axis] * (offset - start))
    };
    offsets
        .into_iter()
        .map(|offset| {
            Some(Place {
                origin: along(offset),
                ..first
            })
        })
        .collect()
}

fn of_group(data: &DataSet, frame: usize) -> Option<Place> {
    let position =
        group(data, frame, tags::PLANE_POSITION).and_then(|item| item.vector(tags::IMAGE_POSITION));
    let orientation = group(data, frame, tags::PLANE_ORIENTATION)
        .and_then(|item| item.vector(tags::IMAGE_ORIENTATION));
    place(
        position.or_else(|| data.vector(tags::IMAGE_POSITION)),
        orientation.or_else(|| data.vector(tags::IMAGE_ORIENTATION)),
    )
}

fn place(origin: Option<[f64; 3]>, directions: Option<[f64; 6]>) -> Option<Place> {
    let [a, b, c, d, e, f] = directions?;
    let (across, down) = (unit([a, b, c])?, unit([d, e, f])?);
    // Not a right angle: what is stated is no orientation.
    (dot(across, down).abs() < 0.01).then_some(Place {
        origin: origin?,
        across,
        down,
    })
}

fn unit(vector: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(vector, vector).sqrt();
    ((0.5..2.0).contains(&length)).then(|| vector.map(|part| part / length))
}

/// How far apart pixels are, as stated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spacing {
    /// Millimetres between columns.
    pub(crate) columns: Option<f64>,
    /// Millimetres between rows.
    pub(crate) rows: Option<f64>,
    /// Millimetres between slices, by their own statement.
    pub(crate) slices: Option<f64>,
    /// Thickness of a slice in millimetres.
    pub(crate) thickness: Option<f64>,
    /// Height of a pixel over its width, where only that is stated.
    pub(crate) aspect: Option<f64>,
}

/// The spacing that `data` states. Of the detector, where that of the patient is not known.
pub(crate) fn spacing(data: &DataSet) -> Spacing {
    let measures = group(data, 0, tags::PIXEL_MEASURES);
    let pair = |data: &DataSet, tag| {
        data.vector::<2>(tag)
            .filter(|pair| pair.iter().all(|&mm| mm > 0.0))
    };
    let stated = measures
        .and_then(|item| pair(item, tags::PIXEL_SPACING))
        .or_else(|| pair(data, tags::PIXEL_SPACING))
        .or_else(|| ultrasound(data))
        .or_else(|| pair(data, tags::IMAGER_PIXEL_SPACING))
        .or_else(|| pair(data, tags::SCANNED_PIXEL_SPACING));
    let length = |tag| {
        let value = measures
            .and_then(|item| item.decimal(tag))
            .or_else(|| data.decimal(tag));
        value.map(f64::abs).filter(|&mm| mm > 0.0)
    };
    Spacing {
        columns: stated.map(|[_, columns]| columns),
        rows: stated.map(|[rows, _]| rows),
        slices: length(tags::SPACING_BETWEEN_SLICES),
        thickness: length(tags::SLICE_THICKNESS),
        aspect: match (stated, pair(data, tags::PIXEL_ASPECT)) {
            (None, Some([vertical, horizontal])) => Some(vertical / horizontal),
            _ => None,
        },
    }
}

/// Of ultrasound with a single region that is measured in centimetres.
fn ultrasound(data: &DataSet) -> Option<[f64; 2]> {
    const CENTIMETRES: Option<u32> = Some(3);
    let [region] = data.items(tags::ULTRASOUND_REGIONS) else {
        return None;
    };
    if region.unsigned(tags::REGION_UNIT_X) != CENTIMETRES
        || region.unsigned(tags::REGION_UNIT_Y) != CENTIMETRES
    {
        return None;
    }
    let step = |tag| {
        region
            .doubles(tag)
            .first()
            .map(|cm| cm.abs() * 10.0)
            .filter(|&mm| mm > 0.0 && mm < 100.0)
    };
    Some([step(tags::REGION_DELTA_Y)?, step(tags::REGION_DELTA_X)?])
}
