//! Maximal marginal relevance (Carbonell and Goldstein 1998): similar pictures that differ from each other.

use super::candidates::{Candidate, most_similar_first};
use rounds_index::IndexError;
use rounds_index::vectors::Vectors;

/// How much likeness to the query counts against likeness to what is chosen already.
const RELEVANCE: f32 = 0.5;

/// `k` of the most similar pictures in `pool`.
pub fn diverse(
    mut pool: Vec<Candidate>,
    k: usize,
    vectors: &Vectors,
) -> Result<Vec<Candidate>, IndexError> {
    let mut chosen: Vec<Candidate> = Vec::new();
    // Of every candidate, the greatest likeness to anything chosen.
    let mut likeness = vec![-1.0_f32; pool.len()];
    while chosen.len() < k {
        let Some((best, gain)) = best(&pool, &likeness, chosen.is_empty()) else {
            break;
        };
        let mut next = pool.remove(best);
        let nearest = likeness.remove(best);
        next.reason = match chosen.is_empty() {
            true => format!("picture similarity {:.3}, the nearest", next.score),
            false => format!(
                "marginal relevance {gain:.3}: picture similarity {:.3}, {nearest:.3} to a chosen one",
                next.score
            ),
        };
        if let Some(vector) = vectors.row(next.example.number)? {
            for (nearest, other) in likeness.iter_mut().zip(&pool) {
                let score = vectors.score(&vector, other.example.number)?;
                *nearest = nearest.max(score.unwrap_or(0.0));
            }
        }
        chosen.push(next);
    }
    Ok(most_similar_first(chosen))
}

/// The place of the candidate that gains most, and what it gains; of equals the first.
fn best(pool: &[Candidate], likeness: &[f32], is_first: bool) -> Option<(usize, f32)> {
    let gain = |(candidate, nearest): (&Candidate, &f32)| {
        let nearest = if is_first { 0.0 } else { *nearest };
        RELEVANCE * candidate.score - (1.0 - RELEVANCE) * nearest
    };
    pool.iter()
        .zip(likeness)
        .map(gain)
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}
