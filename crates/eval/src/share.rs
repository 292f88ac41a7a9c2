//! Shares of right answers, with Wilson's interval.

use serde::Serialize;

/// The share of right answers.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Share {
    /// Number of right answers.
    pub right: usize,
    /// Number of questions.
    pub asked: usize,
}

impl Share {
    pub(crate) fn add(&mut self, right: bool) {
        self.asked += 1;
        self.right += usize::from(right);
    }

    /// The share in percent; 0 if nothing was asked.
    pub fn percent(&self) -> f64 {
        100.0 * self.right as f64 / self.asked.max(1) as f64
    }

    /// 95 % confidence interval in percent, for independent answers; 0 to 100 if nothing was asked.
    pub fn interval(&self) -> (f64, f64) {
        wilson(self.percent() / 100.0, self.asked as f64)
    }
}

/// 95 % confidence interval in percent (Wilson 1927) of the share `p` among `n` independent answers.
pub(crate) fn wilson(p: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    if n <= 0.0 {
        return (0.0, 100.0);
    }
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (
        100.0 * (middle - half).max(0.0),
        100.0 * (middle + half).min(1.0),
    )
}

/// Exact match after lower-casing and dropping outer punctuation.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let plain = |s: &str| s.trim().trim_end_matches(['.', ' ']).to_lowercase();
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_matches_wilsons() {
        let (low, high) = Share {
            right: 9,
            asked: 10,
        }
        .interval();
        assert!(
            (low - 59.58).abs() < 0.01 && (high - 98.21).abs() < 0.01,
            "{low} {high}"
        );
    }
}
