//! First-order measurements of a region, as the Image Biomarker Standardisation Initiative (IBSI, reference manual v11) defines
//! them: intensity-based statistics (section 3.3) and two of the intensity histogram (3.4), without resampling and without
//! resegmentation.
//!
//! Moments are those of a population (divided by the number of voxels). Percentiles interpolate linearly between ranks, as
//! NumPy does. The histogram has bins of a fixed width whose edges are multiples of it, so that values of two regions can be
//! compared; pyradiomics does the same. Its kurtosis is ours plus 3.

mod region;
mod report;

use serde::Serialize;

pub use region::{Rectangle, Region, values_in};
pub use report::{Feature, features, sentence};

use crate::view_error::ViewError;
use crate::window::percentile_of_sorted;
use crate::{Modality, Volume};

/// Bins where the values have a unit that says nothing: at least so many.
const MIN_BINS: f64 = 32.0;
/// The most bins of a histogram.
const MAX_BINS: f64 = 1e7;

/// The measurements of a region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstOrder {
    /// What a value means, such as `HU`; `None` if unknown.
    pub unit: Option<String>,
    /// Voxels with a value.
    pub voxels: usize,
    /// Voxels of the region without a value, which do not count.
    pub without_value: usize,
    /// Approximate volume by counting voxels, in cubic millimetres; `None` where the spacing is unknown.
    pub volume_mm3: Option<f64>,
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the population.
    pub sd: f64,
    /// Smallest value.
    pub minimum: f64,
    /// The 10th percentile.
    pub percentile_10: f64,
    /// The 25th percentile.
    pub percentile_25: f64,
    /// The 50th percentile.
    pub median: f64,
    /// The 75th percentile.
    pub percentile_75: f64,
    /// The 90th percentile.
    pub percentile_90: f64,
    /// Largest value.
    pub maximum: f64,
    /// From the 25th to the 75th percentile.
    pub interquartile_range: f64,
    /// From the smallest to the largest value.
    pub range: f64,
    /// Skewness; 0 for equal values.
    pub skewness: f64,
    /// Excess kurtosis: 0 for a normal distribution, and for equal values.
    pub excess_kurtosis: f64,
    /// Sum of the squares.
    pub energy: f64,
    /// Entropy of the histogram, in bits.
    pub entropy: f64,
    /// Uniformity of the histogram: the sum of the squared shares.
    pub uniformity: f64,
    /// Width of a bin of the histogram, in the unit of the values.
    pub bin_width: f64,
}

/// Measures the part of `volume` in `region`. `bin_width` is in the unit of the values: 25 for HU and 0.25 for SUV where none is
/// given, else a round number that gives at least 32 bins. PET is measured in SUV where the file allows it.
///
/// Errors for colours, for a region without values and for one on another scan's coordinates.
pub fn measure(
    volume: &Volume,
    region: &Region,
    bin_width: Option<f64>,
) -> Result<FirstOrder, ViewError> {
    let found = values_in(volume, region)?;
    let (factor, unit) = unit_of(volume);
    let values: Vec<f32> = match factor {
        1.0 => found,
        factor => found
            .iter()
            .map(|value| (f64::from(*value) * factor) as f32)
            .collect(),
    };
    let mut measured = first_order(&values, bin_width, unit.as_deref())
        .ok_or_else(|| ViewError::EmptyRegion(region.in_words()))?;
    measured.volume_mm3 = voxel_mm3(volume).map(|mm3| mm3 * measured.voxels as f64);
    measured.unit = unit;
    Ok(measured)
}

/// What values are multiplied with before they are measured, and their unit then.
fn unit_of(volume: &Volume) -> (f64, Option<String>) {
    let facts = &volume.facts;
    let factor = facts
        .suv_factor
        .filter(|factor| factor.is_finite() && *factor > 0.0);
    match (facts.modality, facts.unit.as_deref(), factor) {
        (Modality::Pet, unit, Some(factor)) if unit != Some("SUV") => (factor, Some("SUV".into())),
        _ => (1.0, facts.unit.clone()),
    }
}

/// The volume of a voxel; `None` where a spacing is unknown, as that of a single slice of unknown thickness.
fn voxel_mm3(volume: &Volume) -> Option<f64> {
    let [x, y, z] = volume.spacing;
    let straight = x? * y? * z?;
    // A sheared grid, as of a tilted gantry, has smaller voxels than its spacing says.
    let by_position = volume
        .affine
        .map(|affine| crate::geometry::determinant(&affine).abs());
    by_position
        .filter(|mm3| mm3.is_finite() && *mm3 > 0.0)
        .or(Some(straight))
}

/// The measurements of values; those that are not finite do not count. `None` if there are no others.
pub fn first_order(
    values: &[f32],
    bin_width: Option<f64>,
    unit: Option<&str>,
) -> Option<FirstOrder> {
    let mut sorted: Vec<f32> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let count = sorted.len() as f64;
    let mean = sorted.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let moment = |power: i32| {
        let powers = sorted
            .iter()
            .map(|value| (f64::from(*value) - mean).powi(power));
        powers.sum::<f64>() / count
    };
    let at = |percentile: f64| percentile_of_sorted(&sorted, percentile);
    let (minimum, maximum) = (at(0.0)?, at(100.0)?);
    let variance = moment(2);
    let flat = variance <= 0.0;
    let bin_width = bin_width
        .filter(|width| width.is_finite() && *width > 0.0)
        .unwrap_or_else(|| usual_bin_width(unit, maximum - minimum))
        .max((maximum - minimum) / MAX_BINS);
    let (entropy, uniformity) = histogram(&sorted, bin_width);
    let (percentile_25, percentile_75) = (at(25.0)?, at(75.0)?);
    Some(FirstOrder {
        unit: unit.map(str::to_owned),
        voxels: sorted.len(),
        without_value: values.len() - sorted.len(),
        volume_mm3: None,
        mean,
        sd: variance.sqrt(),
        minimum,
        percentile_10: at(10.0)?,
        percentile_25,
        median: at(50.0)?,
        percentile_75,
        percentile_90: at(90.0)?,
        maximum,
        interquartile_range: percentile_75 - percentile_25,
        range: maximum - minimum,
        skewness: if flat {
            0.0
        } else {
            moment(3) / variance.powf(1.5)
        },
        excess_kurtosis: if flat {
            0.0
        } else {
            moment(4) / variance.powi(2) - 3.0
        },
        energy: sorted.iter().map(|value| f64::from(*value).powi(2)).sum(),
        entropy,
        uniformity,
        bin_width,
    })
}

/// The usual width of a bin; for values of an unknown unit, 1, 2.5 or 5 times a power of ten.
fn usual_bin_width(unit: Option<&str>, range: f64) -> f64 {
    match unit {
        Some("HU") => 25.0,
        Some("SUV") => 0.25,
        _ if range > 0.0 => {
            let widest = range / MIN_BINS;
            let power = 10_f64.powf(widest.log10().floor());
            let steps = [5.0, 2.5, 1.0].map(|step| step * power);
            steps
                .into_iter()
                .find(|step| *step <= widest)
                .unwrap_or(power)
        }
        _ => 1.0,
    }
}

/// Entropy in bits and uniformity of sorted values in bins whose edges are multiples of `width`.
fn histogram(sorted: &[f32], width: f64) -> (f64, f64) {
    let bin = |value: &f32| (f64::from(*value) / width).floor();
    let count = sorted.len() as f64;
    let shares = sorted
        .chunk_by(|a, b| bin(a) == bin(b))
        .map(|same| same.len() as f64 / count);
    shares.fold((0.0, 0.0), |(entropy, uniformity), share| {
        (entropy - share * share.log2(), uniformity + share * share)
    })
}

#[cfg(test)]
mod tests;
