//! Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009).

use std::collections::BTreeMap;

use super::Ranking;
use rounds_index::Hit;

/// The constant from the paper; larger values favour the first ranks less.
const SMOOTHING: f32 = 60.0;

/// Fuses two rankings, best first; ties by number. Equal scores share a rank, so that the many examples of one image count as
/// one position.
pub(super) fn fuse(by_image: &[Hit], by_text: &[Hit]) -> Ranking {
    let mut ranks: BTreeMap<usize, [Option<usize>; 2]> = BTreeMap::new();
    for (ranking, hits) in [by_image, by_text].into_iter().enumerate() {
        let (mut rank, mut before) = (0, None);
        for hit in hits {
            if before.replace(hit.score) != Some(hit.score) {
                rank += 1;
            }
            if let Some(slot) = ranks.entry(hit.row).or_default().get_mut(ranking) {
                *slot = Some(rank);
            }
        }
    }
    let mut out: Ranking = ranks.into_iter().map(fused_hit).collect();
    out.sort_by(|a, b| b.0.score.total_cmp(&a.0.score).then(a.0.row.cmp(&b.0.row)));
    out
}

fn fused_hit((row, ranks): (usize, [Option<usize>; 2])) -> (Hit, String) {
    let score = ranks
        .iter()
        .flatten()
        .map(|r| 1.0 / (SMOOTHING + *r as f32));
    let rank_text = |r: Option<usize>| r.map_or("-".to_string(), |r| r.to_string());
    let [image, text] = ranks.map(rank_text);
    let hit = Hit {
        row,
        score: score.sum(),
    };
    (hit, format!("fused ranks: image {image}, text {text}"))
}
