//! Tests of the public behaviour of vectors, with files in a temporary folder.

mod damage;
mod exactness;
mod graphs;
mod writing;

use std::path::Path;

use half::f16;

use super::*;
use rounds_support::Cancel;

const NAME: &str = "encoder";

/// SplitMix64, so that every run uses the same rows.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From -1 to 1.
    fn value(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.value()).collect()
    }
}

/// Rows around a few centres; every ninth is absent, every seventh repeats the one before.
fn clustered(count: usize, dimension: usize, seed: u64) -> Vec<Option<Vec<f32>>> {
    let mut random = Random(seed);
    let centres: Vec<Vec<f32>> = (0..5).map(|_| random.vector(dimension)).collect();
    let mut rows: Vec<Option<Vec<f32>>> = Vec::new();
    for row in 0..count {
        rows.push(match row {
            _ if row % 9 == 8 => None,
            _ if row % 7 == 6 => rows[row - 1].clone(),
            _ => {
                let centre = &centres[random.next() as usize % centres.len()];
                Some(centre.iter().map(|c| c + 0.2 * random.value()).collect())
            }
        });
    }
    rows
}

fn write(folder: &Path, dimension: usize, rows: &[Option<Vec<f32>>]) {
    let mut writer = VectorWriter::open(folder, NAME, dimension, 0).unwrap();
    for row in rows {
        writer.push(row.as_deref()).unwrap();
    }
    assert_eq!(writer.flush().unwrap(), rows.len());
}

fn open(folder: &Path, dimension: usize, rows: usize) -> Vectors {
    Vectors::open(folder, NAME, dimension, rows).unwrap()
}

fn faults(vectors: &Vectors) -> Vec<String> {
    vectors.verify(&mut |_, _| {}, &Cancel::new()).unwrap()
}

/// A vector scaled to unit length, computed in f64.
fn unit(vector: &[f32]) -> Vec<f64> {
    let length = vector
        .iter()
        .map(|&v| f64::from(v).powi(2))
        .sum::<f64>()
        .sqrt();
    vector
        .iter()
        .map(|&v| f64::from((f64::from(v) / length) as f32))
        .collect()
}

/// The reference: scores every row in turn, in f64.
fn naive(
    rows: &[Option<Vec<f32>>],
    query: &[f32],
    k: usize,
    allowed: impl Fn(usize) -> bool,
) -> Vec<Hit> {
    let query = unit(query);
    let mut hits: Vec<Hit> = rows
        .iter()
        .enumerate()
        .filter(|(row, _)| allowed(*row))
        .filter_map(|(row, vector)| {
            let score: f64 = unit(vector.as_ref()?)
                .iter()
                .zip(&query)
                .map(|(&a, &b)| f64::from(f16::from_f32(a as f32).to_f32()) * b)
                .sum();
            Some(Hit {
                row,
                score: score as f32,
            })
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    hits.truncate(k);
    hits
}
