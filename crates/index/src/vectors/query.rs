//! A query: validated, normalised to unit length, and quantised.
//!
//! Its codes have two layers, the second for the residual of the first, so that nearly all of the error of an approximate
//! score comes from the row. The error is bounded; never use a score from codes without its bound.

use super::codes::CodeRow;
use super::encode;
use super::error::VectorError;
use super::simd::{self, Kernel, Side};

/// More than rounding to f32 can add to any value here.
const SLACK: f64 = 1e-6;

/// A vector to search with.
pub(super) struct Query {
    /// The vector at unit length.
    pub values: Vec<f32>,
    high: Layer,
    low: Layer,
    kernel: Kernel,
}

/// One layer of codes.
struct Layer {
    codes: Side,
    scale: f64,
    /// Error bound of a score from this layer and those above it, per unit of a row's scale.
    error_by_scale: f64,
}

impl Layer {
    fn new(values: &[f32]) -> (Self, Vec<i8>) {
        let mut codes = vec![0; values.len()];
        let quantised = encode::quantise(values, &mut codes);
        // A row's codes are at most 128 · √dimension long.
        let max_length = 128.0 * (values.len() as f64).sqrt();
        let layer = Self {
            codes: Side::new(codes.clone()),
            scale: f64::from(quantised.scale),
            error_by_scale: (f64::from(quantised.error) + SLACK) * max_length,
        };
        (layer, codes)
    }
}

/// An approximate score and its error bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    /// The dot product of the codes.
    pub score: f64,
    /// Upper bound of the distance to the exact score.
    pub error: f64,
}

/// Scales a vector to unit length. Errors if it has another dimension, is not finite, or is zero.
pub(super) fn normalised(vector: &[f32], dimension: usize) -> Result<Vec<f32>, VectorError> {
    if vector.len() != dimension {
        return Err(VectorError::Dimension {
            found: vector.len(),
            expected: dimension,
        });
    }
    if vector.iter().any(|value| !value.is_finite()) {
        return Err(VectorError::NotFinite);
    }
    let square: f64 = vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    if square == 0.0 {
        return Err(VectorError::Zero);
    }
    let length = square.sqrt();
    Ok(vector
        .iter()
        .map(|&value| (f64::from(value) / length) as f32)
        .collect())
}

impl Query {
    /// Prepares `vector` for rows of `dimension` values.
    pub(super) fn new(vector: &[f32], dimension: usize) -> Result<Self, VectorError> {
        Self::with_kernel(vector, dimension, Kernel::best())
    }

    /// Like [`Query::new`], with the given kernel.
    pub(super) fn with_kernel(
        vector: &[f32],
        dimension: usize,
        kernel: Kernel,
    ) -> Result<Self, VectorError> {
        let values = normalised(vector, dimension)?;
        let (high, codes) = Layer::new(&values);
        // Each value is rounded once; the total is less than SLACK.
        let rest: Vec<f32> = values
            .iter()
            .zip(&codes)
            .map(|(&value, &code)| (f64::from(value) - high.scale * f64::from(code)) as f32)
            .collect();
        let (low, _) = Layer::new(&rest);
        Ok(Self {
            values,
            high,
            low,
            kernel,
        })
    }

    /// Estimates the score of a row from its codes. The error bound follows from Cauchy-Schwarz: with `query = q + f` and
    /// `row = r + e`, codes plus residuals, `query·row - q·r = f·r + query·e`.
    ///
    /// The second layer is only computed if the first cannot rule out that the score reaches `floor`.
    #[inline]
    pub(super) fn estimate(&self, row: CodeRow<'_>, floor: f32) -> Estimate {
        let scale = f64::from(row.scale);
        let row_error = f64::from(row.error) * (1.0 + SLACK) + SLACK;
        let sum = f64::from(self.kernel.dot_side(row.codes, &self.high.codes)) * self.high.scale;
        let first = Estimate {
            score: scale * sum,
            error: scale * self.high.error_by_scale + row_error,
        };
        if first.score + first.error < f64::from(floor) {
            return first;
        }
        let more = f64::from(self.kernel.dot_side(row.codes, &self.low.codes)) * self.low.scale;
        Estimate {
            score: scale * (sum + more),
            error: scale * self.low.error_by_scale + row_error,
        }
    }

    /// The score of codes from the first layer alone, without their scale; used to traverse the graph.
    #[inline]
    pub(super) fn approximate_score(&self, codes: &[i8]) -> f32 {
        self.kernel.dot_side(codes, &self.high.codes) as f32 * self.high.scale as f32
    }

    /// The codes of the first layer, and the factor from them to values.
    pub(super) fn codes(&self) -> (&[i8], f32) {
        (self.high.codes.values(), self.high.scale as f32)
    }

    /// The exact score: the dot product with a row, summed in f64, identical on every machine.
    pub(super) fn score(&self, row: &[f32]) -> f32 {
        simd::dot_f64(self.kernel, row, &self.values) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        (1_usize..150).prop_flat_map(|dimension| {
            let one = || prop::collection::vec(-1.0_f32..1.0, dimension);
            (one(), one())
        })
    }

    proptest! {
        #[test]
        fn the_exact_score_is_within_the_error_bound((query, row) in vectors()) {
            prop_assume!(query.iter().any(|&v| v != 0.0) && row.iter().any(|&v| v != 0.0));
            let row = normalised(&row, row.len()).unwrap();
            let mut out = vec![0; row.len()];
            let quantised = encode::quantise(&row, &mut out);
            let codes = CodeRow { codes: &out, scale: quantised.scale, error: quantised.error };
            let estimates: Vec<Estimate> = Kernel::available()
                .into_iter()
                .flat_map(|kernel| {
                    let query = Query::with_kernel(&query, row.len(), kernel).unwrap();
                    [f32::NEG_INFINITY, f32::INFINITY].map(|floor| query.estimate(codes, floor))
                })
                .collect();
            let score = f64::from(Query::new(&query, row.len()).unwrap().score(&row));
            for estimate in &estimates {
                prop_assert!((estimate.score - score).abs() <= estimate.error, "{estimate:?} {score}");
                prop_assert!(estimates[..2].contains(estimate));
            }
        }
    }

    #[test]
    fn a_zero_vector_or_one_of_another_dimension_is_refused() {
        let refused = |vector: &[f32]| Query::new(vector, 3).map(|_| ()).unwrap_err();
        assert!(matches!(refused(&[0.0; 3]), VectorError::Zero));
        assert!(matches!(refused(&[1.0; 2]), VectorError::Dimension { .. }));
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(matches!(refused(&[1.0, bad, 0.0]), VectorError::NotFinite));
        }
        let query = Query::new(&[f32::MIN_POSITIVE / 8.0, 0.0, 0.0], 3).unwrap();
        assert_eq!(query.values, [1.0, 0.0, 0.0]);
        assert_eq!(
            Query::new(&[f32::MAX; 3], 3).unwrap().score(&query.values),
            (1.0 / 3.0_f64.sqrt()) as f32
        );
    }
}
