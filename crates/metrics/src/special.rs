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

/// Terms of a series or a continued fraction before giving up; they converge in far fewer.
const TERMS: usize = 10_000;

/// The regularised incomplete beta function I_x(a, b), for positive `a` and `b` (continued fraction, modified Lentz).
pub(crate) fn beta_regularised(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on one side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_regularised(b, a, 1.0 - x);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    front.exp() * beta_fraction(a, b, x) / a
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..TERMS {
        let m = term as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// Probability that an F-distributed number with these degrees of freedom is above `f`.
pub(crate) fn f_above(f: f64, df1: f64, df2: f64) -> f64 {
    if f <= 0.0 {
        return 1.0;
    }
    beta_regularised(df2 / 2.0, df1 / 2.0, df2 / (df2 + df1 * f))
}

/// The F-distributed number that is exceeded with probability `above`, 0 to 1.
pub(crate) fn f_exceeded(above: f64, df1: f64, df2: f64) -> f64 {
    // Bisection of the logarithm: F is positive and may be huge.
    let (mut low, mut high) = (-700.0f64, 700.0f64);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if f_above(middle.exp(), df1, df2) > above {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

/// Probability that a chi-squared number with `df` degrees of freedom is above `x`.
pub(crate) fn chi_squared_above(x: f64, df: f64) -> f64 {
    let (a, x) = (df / 2.0, x / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..TERMS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let mut b = x + 1.0 - a;
    let mut c = f64::INFINITY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for n in 1..TERMS {
        let i = n as f64;
        let coefficient = -i * (i - a);
        b += 2.0;
        d = 1.0 / (coefficient * d + b);
        c = b + coefficient / c;
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() <= 1e-12 * expected.abs().max(1e-3),
            "{found} is not {expected}"
        );
    }

    #[test]
    fn values_known_in_closed_form() {
        near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln());
        near(ln_gamma(11.0), 3_628_800f64.ln());
        near(beta_regularised(1.0, 3.0, 0.2), 1.0 - 0.8f64.powi(3));
        near(beta_regularised(5.0, 1.0, 0.7), 0.7f64.powi(5));
        near(chi_squared_above(3.0, 2.0), (-1.5f64).exp());
        near(chi_squared_above(0.1, 2.0), (-0.05f64).exp());
        near(f_above(2.0, 2.0, 2.0), 1.0 / 3.0);
        near(binomial_half_cdf(2, 4), 11.0 / 16.0);
    }

    #[test]
    fn the_quantile_undoes_the_probability() {
        for (df1, df2) in [(3.0, 7.5), (40.0, 2.3), (1.0, 1.0), (9.0, 3_000.0)] {
            for above in [0.025, 0.5, 0.975] {
                near(f_above(f_exceeded(above, df1, df2), df1, df2), above);
            }
        }
    }
}
