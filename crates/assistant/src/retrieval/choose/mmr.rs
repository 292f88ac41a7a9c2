//! Maximal marginal relevance (Carbonell and Goldstein 1998): similar images that differ from each other.

use super::candidates::{Candidate, most_similar_first};
use rounds_index::IndexError;
use rounds_index::vectors::Vectors;

/// Weight of the similarity to the query; the rest is the weight of the similarity to chosen candidates.
const RELEVANCE: f32 = 0.5;

/// Chooses `k` candidates from `pool`.
pub(super) fn diversify(
    mut pool: Vec<Candidate>,
    k: usize,
    vectors: &Vectors,
) -> Result<Vec<Candidate>, IndexError> {
    let mut chosen: Vec<Candidate> = Vec::new();
    // For every candidate, its greatest similarity to a chosen one.
    let mut similarity = vec![-1.0_f32; pool.len()];
    while chosen.len() < k {
        let Some((best, gain)) = best(&pool, &similarity, chosen.is_empty()) else {
            break;
        };
        let mut next = pool.remove(best);
        let nearest = similarity.remove(best);
        next.reason = match chosen.is_empty() {
            true => format!("image similarity {:.3}, the most similar", next.score),
            false => format!(
                "marginal relevance {gain:.3}: image similarity {:.3}, {nearest:.3} to another shot",
                next.score
            ),
        };
        if let Some(vector) = vectors.row(next.example.number)? {
            for (nearest, other) in similarity.iter_mut().zip(&pool) {
                let score = vectors.score(&vector, other.example.number)?;
                *nearest = nearest.max(score.unwrap_or(0.0));
            }
        }
        chosen.push(next);
    }
    Ok(most_similar_first(chosen))
}

/// Position and gain of the candidate with the greatest gain; ties go to the first.
fn best(pool: &[Candidate], similarity: &[f32], is_first: bool) -> Option<(usize, f32)> {
    let gain = |(candidate, nearest): (&Candidate, &f32)| {
        let nearest = if is_first { 0.0 } else { *nearest };
        RELEVANCE * candidate.score - (1.0 - RELEVANCE) * nearest
    };
    pool.iter()
        .zip(similarity)
        .map(gain)
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}
