//! Percentiles of a volume's values. Large volumes are sampled at equal steps: which values are black and white does not depend
//! on every voxel, and the same volume always gives the same window.

/// The most values that are looked at.
const MAX_SAMPLES: usize = 1 << 20;

/// The values at these percentiles (0 to 100), by linear interpolation between the closest ranks, as NumPy's default. Values
/// that are not finite do not count; nothing for no values.
pub fn percentiles_of(values: &[f32], percentiles: &[f64]) -> Vec<f64> {
    let mut step = values.len().div_ceil(MAX_SAMPLES).max(1);
    // A step that shares a factor with the row length would look at few columns only.
    if step > 1 && step.is_multiple_of(2) {
        step += 1;
    }
    let mut sorted: Vec<f32> = values.iter().step_by(step).copied().collect();
    sorted.retain(|value| value.is_finite());
    sorted.sort_unstable_by(f32::total_cmp);
    let found = percentiles
        .iter()
        .map(|p| percentile_of_sorted(&sorted, *p));
    found.collect::<Option<_>>().unwrap_or_default()
}

/// The value at a percentile of sorted values.
pub(crate) fn percentile_of_sorted(sorted: &[f32], percentile: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = percentile.clamp(0.0, 100.0) / 100.0 * last as f64;
    let below = rank.floor() as usize;
    let low = f64::from(*sorted.get(below)?);
    let high = f64::from(*sorted.get((below + 1).min(last))?);
    Some(low + (high - low) * (rank - below as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_ranks() {
        let values = [3.0, f32::NAN, 1.0, 2.0, 4.0, f32::INFINITY];
        assert_eq!(
            percentiles_of(&values, &[0.0, 50.0, 90.0, 100.0]),
            [1.0, 2.5, 3.7, 4.0]
        );
        assert!(percentiles_of(&[f32::NAN], &[50.0]).is_empty());
    }

    #[test]
    fn a_sampled_volume_has_nearly_the_same_percentiles() {
        let values: Vec<f32> = (0..3_000_000).map(|i| (i % 1000) as f32).collect();
        let found = percentiles_of(&values, &[1.0, 99.0]);
        assert!(
            (found[0] - 10.0).abs() < 2.0 && (found[1] - 989.0).abs() < 2.0,
            "{found:?}"
        );
    }
}
