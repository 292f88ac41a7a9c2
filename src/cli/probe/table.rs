//! Numbers with bars, as lines of text.

/// Width of a bar.
const BAR: usize = 10;

/// A bar as long as `share` of the whole, which is 1.
pub(super) fn bar(share: f64) -> String {
    let full = (share.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "·".repeat(BAR - full))
}

/// A bar for a change, in parts of the largest: filled where it is above 0, hatched where it is below.
pub(super) fn change_bar(value: f64, largest: f64) -> String {
    let full = (value.abs() / largest.max(1e-9)).clamp(0.0, 1.0) * BAR as f64;
    let full = full.round() as usize;
    let letter = if value < 0.0 { "▒" } else { "█" };
    format!("{}{}", letter.repeat(full), "·".repeat(BAR - full))
}

/// The largest absolute value.
pub(super) fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values
        .filter(|v| v.is_finite())
        .map(f64::abs)
        .fold(0.0, f64::max)
}

/// Where a log-likelihood lies between the lowest and the highest, from 0 to 1.
pub(super) fn between(value: f64, (low, high): (f64, f64)) -> f64 {
    match high > low {
        true => (value - low) / (high - low),
        false => 1.0,
    }
}

/// The lowest and the highest value.
pub(super) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(low, high), v| {
        (low.min(v), high.max(v))
    })
}

/// A map as rows of digits, 9 for its largest value.
pub(super) fn digits(values: &[f32], side: usize) -> Vec<String> {
    let most = values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let digit = |value: &f32| format!("{}", (value / most * 9.0).round() as u8);
    let rows = values.chunks(side.max(1));
    rows.map(|row| row.iter().map(digit).collect::<Vec<_>>().join(" "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_one_width_and_show_the_sign_without_colour() {
        assert_eq!(bar(0.5), "█████·····");
        assert_eq!(bar(7.0), "██████████");
        assert_eq!(change_bar(-1.0, 2.0), "▒▒▒▒▒·····");
        assert_eq!(change_bar(2.0, 2.0), "██████████");
        assert_eq!(change_bar(0.0, 0.0), "··········");
        assert_eq!(largest([0.5, -2.0, f64::NEG_INFINITY].into_iter()), 2.0);
        assert_eq!(between(1.0, range([1.0, 3.0].into_iter())), 0.0);
        assert_eq!(between(1.0, (1.0, 1.0)), 1.0);
        assert_eq!(digits(&[1.0, 0.5, 0.0, 0.25], 2), ["9 5", "0 2"]);
    }
}
