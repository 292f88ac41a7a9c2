//! From frames with places to slices in order: along the normal of their plane, never by file name.

use rounds_support::errors::count;

use crate::dicom::place::{Place, Spacing, dot};
use crate::geometry::{Affine, from_columns};

/// A frame before it has its place in a grid.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Which file and frame it is.
    pub(crate) frame: FrameId,
    pub(crate) place: Option<Place>,
    /// Orders frames that share a place, or have none.
    pub(crate) order: [i64; 4],
}

/// A frame of a file of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameId {
    pub(crate) file: usize,
    pub(crate) frame: usize,
}

/// Slices in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    /// By component (such as the time point), then by slice: the frames that make it. None where a slice is missing; several
    /// where label maps are laid over one another.
    pub(crate) components: Vec<Vec<Vec<FrameId>>>,
    pub(crate) affine: Option<Affine>,
    pub(crate) spacing: [Option<f64>; 3],
    pub(crate) notes: Vec<String>,
}

/// Closer than this, two heights are one, in millimetres.
const SAME: f64 = 0.005;
/// A slice may be off its even place by this part of a step.
const UNEVEN: f64 = 0.1;

/// Arranges the frames of one series, which must not be empty. `overlay` keeps all frames that share a place together.
pub(crate) fn arrange(mut frames: Vec<Candidate>, spacing: &Spacing, overlay: bool) -> Grid {
    frames.sort_by_key(|candidate| candidate.order);
    let places: Option<Vec<Place>> = frames.iter().map(|candidate| candidate.place).collect();
    let same_plane = places.filter(|places| {
        places
            .iter()
            .all(|place| is_parallel(place, places.first()))
    });
    let Some(first) = same_plane
        .as_ref()
        .and_then(|places| places.first())
        .copied()
    else {
        return unplaced(&frames, spacing);
    };
    let normal = first.normal();
    let mut layers = layers(frames, normal);
    let mut notes = Vec::new();
    let components = if overlay {
        1
    } else {
        repeats(&mut layers, &mut notes)
    };
    let slots = slots(&layers, spacing, &mut notes);
    let last_slot = slots.last().copied().unwrap_or_default();
    let mut grid = vec![vec![Vec::new(); last_slot + 1]; components];
    for (layer, &slot) in layers.iter().zip(&slots) {
        for (index, candidate) in layer.frames.iter().enumerate() {
            let component = if overlay { 0 } else { index };
            if let Some(cell) = grid
                .get_mut(component)
                .and_then(|slices| slices.get_mut(slot))
            {
                cell.push(candidate.frame);
            }
        }
    }
    let lowest = layers
        .first()
        .and_then(|layer| layer.origin())
        .unwrap_or(first.origin);
    let highest = layers
        .last()
        .and_then(|layer| layer.origin())
        .unwrap_or(lowest);
    let step = if last_slot > 0 {
        std::array::from_fn(|axis| (highest[axis] - lowest[axis]) / last_slot as f64)
    } else {
        normal.map(|part| part * spacing.slices.or(spacing.thickness).unwrap_or(1.0))
    };
    if shift_of(&layers, &slots, lowest, step) > 0.5 * dot(step, step).sqrt().max(1.0) {
        notes.push(
            "Its slices are shifted against one another; they are shown as if they were not."
                .to_owned(),
        );
    }
    let scaled = |direction: [f64; 3], mm: f64| direction.map(|part| part * mm);
    let affine = spacing.columns.zip(spacing.rows).map(|(columns, rows)| {
        from_columns(
            scaled(first.across, columns),
            scaled(first.down, rows),
            step,
            lowest,
        )
    });
    let between = if last_slot > 0 {
        Some(dot(step, step).sqrt())
    } else {
        spacing.slices
    };
    Grid {
        components: grid,
        affine,
        spacing: [spacing.columns, spacing.rows, between],
        notes,
    }
}

/// Frames that state no place, or are turned against one another, follow in the order of their numbers.
fn unplaced(frames: &[Candidate], spacing: &Spacing) -> Grid {
    let mut notes = Vec::new();
    if frames.len() > 1 && frames.iter().any(|candidate| candidate.place.is_some()) {
        notes.push(
            "Its slices do not lie in parallel; they are in the order of their numbers.".to_owned(),
        );
    }
    Grid {
        components: vec![
            frames
                .iter()
                .map(|candidate| vec![candidate.frame])
                .collect(),
        ],
        affine: None,
        spacing: [spacing.columns, spacing.rows, spacing.slices],
        notes,
    }
}

fn is_parallel(place: &Place, first: Option<&Place>) -> bool {
    first.is_some_and(|first| {
        dot(place.across, first.across) > 0.999 && dot(place.down, first.down) > 0.999
    })
}

/// The frames at one height.
struct Layer {
    height: f64,
    frames: Vec<Candidate>,
}

impl Layer {
    fn origin(&self) -> Option<[f64; 3]> {
        self.frames.first()?.place.map(|place| place.origin)
    }
}

/// By height; frames of one height keep their order.
fn layers(frames: Vec<Candidate>, normal: [f64; 3]) -> Vec<Layer> {
    let height = |candidate: &Candidate| candidate.place.map_or(0.0, |place| place.height(normal));
    let mut frames: Vec<(f64, Candidate)> = frames
        .into_iter()
        .map(|candidate| (height(&candidate), candidate))
        .collect();
    frames.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut layers: Vec<Layer> = Vec::new();
    for (height, candidate) in frames {
        match layers.last_mut() {
            Some(layer) if height - layer.height < SAME => layer.frames.push(candidate),
            _ => layers.push(Layer {
                height,
                frames: vec![candidate],
            }),
        }
    }
    layers
}

/// How many components there are: as many as every layer has frames. Where layers differ, what is beyond the first frame is left out.
fn repeats(layers: &mut [Layer], notes: &mut Vec<String>) -> usize {
    for layer in layers.iter_mut() {
        layer.frames.sort_by_key(|candidate| candidate.order);
    }
    let frames = layers.first().map_or(1, |layer| layer.frames.len());
    if layers.iter().all(|layer| layer.frames.len() == frames) {
        return frames;
    }
    let surplus: usize = layers.iter().map(|layer| layer.frames.len() - 1).sum();
    notes.push(format!(
        "Left out, as another slice lies at the same place: {}.",
        count(surplus, "slice")
    ));
    layers.iter_mut().for_each(|layer| layer.frames.truncate(1));
    1
}

/// The number of every layer in a grid of even steps. Where slices are missing, numbers are; where steps are uneven, none are.
fn slots(layers: &[Layer], spacing: &Spacing, notes: &mut Vec<String>) -> Vec<usize> {
    let plain: Vec<usize> = (0..layers.len()).collect();
    let heights: Vec<f64> = layers.iter().map(|layer| layer.height).collect();
    let mut steps: Vec<f64> = heights.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_by(f64::total_cmp);
    let (Some(&smallest), Some(&largest), Some(&median)) =
        (steps.first(), steps.last(), steps.get(steps.len() / 2))
    else {
        return plain;
    };
    if largest - smallest < UNEVEN * median {
        if let Some(stated) = spacing
            .slices
            .filter(|stated| (stated - median).abs() > UNEVEN * median)
        {
            notes.push(format!(
                "Its slices lie {median:.2} mm apart, though {stated:.2} mm are stated."
            ));
        }
        return plain;
    }
    let start = heights.first().copied().unwrap_or_default();
    let even: Vec<usize> = heights
        .iter()
        .map(|height| ((height - start) / median).round().max(0.0) as usize)
        .collect();
    let fits = heights.iter().zip(&even).all(|(height, &slot)| {
        (height - start - slot as f64 * median).abs() < 2.0 * UNEVEN * median
    });
    let is_rising = even.windows(2).all(|pair| pair[0] < pair[1]);
    let total = even.last().map_or(0, |last| last + 1);
    if fits && is_rising && total <= 2 * layers.len() + 8 {
        notes.push(format!(
            "{} of {total} slices are missing.",
            total - layers.len()
        ));
        return even;
    }
    notes.push(format!(
        "Its slices lie unevenly, {smallest:.2} to {largest:.2} mm apart; they are shown as if they were even."
    ));
    plain
}

/// How far the origin farthest from its place in the grid is off, in millimetres.
fn shift_of(layers: &[Layer], slots: &[usize], lowest: [f64; 3], step: [f64; 3]) -> f64 {
    let off = |(layer, &slot): (&Layer, &usize)| {
        let origin = layer.origin()?;
        let difference: [f64; 3] =
            std::array::from_fn(|axis| origin[axis] - lowest[axis] - step[axis] * slot as f64);
        Some(dot(difference, difference).sqrt())
    };
    layers.iter().zip(slots).filter_map(off).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(heights: &[f64]) -> Vec<Candidate> {
        let candidate = |(file, &z): (usize, &f64)| Candidate {
            frame: FrameId { file, frame: 0 },
            place: Some(Place {
                origin: [1.0, 2.0, z],
                across: [1.0, 0.0, 0.0],
                down: [0.0, 1.0, 0.0],
            }),
            order: [0, 0, file as i64, 0],
        };
        heights.iter().enumerate().map(candidate).collect()
    }

    const SPACING: Spacing = Spacing {
        columns: Some(0.5),
        rows: Some(0.7),
        slices: None,
        thickness: None,
        aspect: None,
    };

    fn files(grid: &Grid, component: usize) -> Vec<Option<usize>> {
        grid.components[component]
            .iter()
            .map(|cell| cell.first().map(|id| id.file))
            .collect()
    }

    #[test]
    fn slices_are_sorted_by_position_and_a_gap_keeps_its_place() {
        let grid = arrange(candidates(&[9.0, 0.0, 3.0, 12.0]), &SPACING, false);
        assert_eq!(files(&grid, 0), [Some(1), Some(2), None, Some(0), Some(3)]);
        assert_eq!(grid.notes, ["1 of 5 slices are missing."]);
        assert_eq!(grid.spacing, [Some(0.5), Some(0.7), Some(3.0)]);
        let affine = grid.affine.unwrap();
        assert_eq!(
            [affine[0][3], affine[1][3], affine[2][3], affine[2][2]],
            [1.0, 2.0, 0.0, 3.0]
        );
    }

    #[test]
    fn a_repeated_stack_is_components_and_a_single_double_is_left_out() {
        let grid = arrange(candidates(&[0.0, 2.0, 0.0, 2.0]), &SPACING, false);
        assert_eq!(grid.components.len(), 2);
        assert_eq!(files(&grid, 1), [Some(2), Some(3)]);
        let grid = arrange(candidates(&[0.0, 2.0, 2.0, 4.0]), &SPACING, false);
        assert_eq!(files(&grid, 0), [Some(0), Some(1), Some(3)]);
        assert_eq!(
            grid.notes,
            ["Left out, as another slice lies at the same place: 1 slice."]
        );
    }

    #[test]
    fn uneven_slices_and_slices_without_a_place_are_said_to_be_so() {
        let grid = arrange(candidates(&[0.0, 1.0, 2.6, 3.0]), &SPACING, false);
        assert!(grid.notes[0].contains("unevenly"), "{:?}", grid.notes);
        let mut some = candidates(&[4.0, 0.0]);
        some[0].place = None;
        let grid = arrange(some, &SPACING, false);
        assert_eq!(
            (files(&grid, 0), grid.affine),
            (vec![Some(0), Some(1)], None)
        );
    }

    #[test]
    fn labels_at_one_place_stay_together() {
        let grid = arrange(candidates(&[0.0, 0.0, 1.0]), &SPACING, true);
        assert_eq!(grid.components[0][0].len(), 2);
    }
}
