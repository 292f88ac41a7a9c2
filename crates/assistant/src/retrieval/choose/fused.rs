//! Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009).

use std::collections::BTreeMap;

use super::Ranking;
use rounds_index::Hit;

/// The constant of the paper: how little the first ranks stand out.
const SMOOTHING: f32 = 60.0;

/// Two rankings as one, best first; ties by number. Equal scores have one rank: the many examples of a picture are one place
/// in the order of pictures.
pub fn fused(by_image: &[Hit], by_text: &[Hit]) -> Ranking {
    let mut ranks: BTreeMap<usize, [Option<usize>; 2]> = BTreeMap::new();
    for (side, hits) in [by_image, by_text].into_iter().enumerate() {
        let (mut rank, mut before) = (0, None);
        for hit in hits {
            if before.replace(hit.score) != Some(hit.score) {
                rank += 1;
            }
            if let Some(place) = ranks.entry(hit.row).or_default().get_mut(side) {
                *place = Some(rank);
            }
        }
    }
    let mut out: Ranking = ranks.into_iter().map(one).collect();
    out.sort_by(|a, b| b.0.score.total_cmp(&a.0.score).then(a.0.row.cmp(&b.0.row)));
    out
}

fn one((row, ranks): (usize, [Option<usize>; 2])) -> (Hit, String) {
    let score = ranks
        .iter()
        .flatten()
        .map(|r| 1.0 / (SMOOTHING + *r as f32));
    let place = |r: Option<usize>| r.map_or("-".to_string(), |r| r.to_string());
    let [picture, text] = ranks.map(place);
    let hit = Hit {
        row,
        score: score.sum(),
    };
    (hit, format!("ranks fused: picture {picture}, text {text}"))
}
