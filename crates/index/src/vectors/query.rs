//! A query: checked, at unit length, and as codes.
//!
//! Its codes come in two layers, the second for what the first leaves over, so that practically all of the error of an
//! approximate score is the row's. The error that remains is known; never score with codes without adding it.

use super::codes::CodeRow;
use super::encode;
use super::error::VectorError;
use super::simd::{self, Kernel, Side};

/// What rounding to f32 can add to any of the figures here, and more.
const SLACK: f64 = 1e-6;

/// A vector to search with.
pub struct Query {
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
    /// What the score can be wrong by without further layers, for each unit of a row's scale.
    error_by_scale: f64,
}

impl Layer {
    fn new(values: &[f32]) -> (Self, Vec<i8>) {
        let mut codes = vec![0; values.len()];
        let made = encode::quantise(values, &mut codes);
        // A row's codes are at most 128 · √dimension long.
        let longest = 128.0 * (values.len() as f64).sqrt();
        let layer = Self {
            codes: Side::new(codes.clone()),
            scale: f64::from(made.scale),
            error_by_scale: (f64::from(made.error) + SLACK) * longest,
        };
        (layer, codes)
    }
}

/// An approximate score and how far the true one can be from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The dot product of the codes.
    pub score: f64,
    /// The true score is no further away than this.
    pub error: f64,
}

/// Refuses a vector that has another length or a value that is not a number, and brings it to unit length.
pub fn normalised(vector: &[f32], dimension: usize) -> Result<Vec<f32>, VectorError> {
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
    pub fn new(vector: &[f32], dimension: usize) -> Result<Self, VectorError> {
        Self::with_kernel(vector, dimension, Kernel::best())
    }

    /// As [`Query::new`], with the given instructions.
    pub fn with_kernel(
        vector: &[f32],
        dimension: usize,
        kernel: Kernel,
    ) -> Result<Self, VectorError> {
        let values = normalised(vector, dimension)?;
        let (high, codes) = Layer::new(&values);
        // Rounds once a value, by less than SLACK in all.
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

    /// The score of a row by its codes. The error is sound by Cauchy-Schwarz: with `query = q + f` and `row = r + e`, both
    /// in codes plus what they leave over, `query·row - q·r = f·r + query·e`.
    ///
    /// The second layer is only counted where the first cannot rule out that the score reaches `floor`.
    #[inline]
    pub fn estimate(&self, row: CodeRow<'_>, floor: f32) -> Estimate {
        let scale = f64::from(row.scale);
        let row_codes = f64::from(row.error) * (1.0 + SLACK) + SLACK;
        let sum = f64::from(self.kernel.dot_side(row.codes, &self.high.codes)) * self.high.scale;
        let first = Estimate {
            score: scale * sum,
            error: scale * self.high.error_by_scale + row_codes,
        };
        if first.score + first.error < f64::from(floor) {
            return first;
        }
        let more = f64::from(self.kernel.dot_side(row.codes, &self.low.codes)) * self.low.scale;
        Estimate {
            score: scale * (sum + more),
            error: scale * self.low.error_by_scale + row_codes,
        }
    }

    /// The score of codes by the first layer alone, without their scale: to walk a graph with.
    #[inline]
    pub fn approximate_score(&self, codes: &[i8]) -> f32 {
        self.kernel.dot_side(codes, &self.high.codes) as f32 * self.high.scale as f32
    }

    /// The score that counts: the dot product with a row, summed in f64, the same on every machine.
    pub fn score(&self, row: &[f32]) -> f32 {
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
        fn the_true_score_is_within_the_stated_error((query, row) in vectors()) {
            prop_assume!(query.iter().any(|&v| v != 0.0) && row.iter().any(|&v| v != 0.0));
            let row = normalised(&row, row.len()).unwrap();
            let mut out = vec![0; row.len()];
            let made = encode::quantise(&row, &mut out);
            let codes = CodeRow { codes: &out, scale: made.scale, error: made.error };
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
    fn a_vector_without_a_direction_or_of_another_length_is_refused() {
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
