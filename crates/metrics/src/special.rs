//! The few special functions that the statistics need.

/// Natural logarithm of the gamma function for positive arguments (Lanczos, g = 7, nine terms).
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (i, coefficient) in COEFFICIENTS.iter().enumerate() {
        sum += coefficient / (x + i as f64 + 1.0);
    }
    let t = x + G + 0.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Probability of exactly `k` heads in `n` fair throws.
pub(crate) fn binomial_half_pmf(k: usize, n: usize) -> f64 {
    if k > n {
        return 0.0;
    }
    let (k, n) = (k as f64, n as f64);
    (ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0) - n * std::f64::consts::LN_2)
        .exp()
}

/// Probability of at most `k` heads in `n` fair throws.
pub(crate) fn binomial_half_cdf(k: usize, n: usize) -> f64 {
    // Small terms first.
    (0..=k.min(n))
        .map(|i| binomial_half_pmf(i, n))
        .sum::<f64>()
        .min(1.0)
}
