//! How well made-up names are bound by their shots, on images that were never trained on.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

use super::RadiologyError;
use super::data::{RadiologyData, Split};
use super::episodes::{Binding, Contrast, Organs};
use super::exam::{self, Asked, exact};
use super::labels;
use rounds_support::Cancel;
use rounds_support::rng::Rng;

/// How well made-up names are bound.
#[derive(Clone, Debug, Serialize)]
pub struct Names {
    /// How the two kinds of images differ: `easy`, `modality`, `organ`, `plane`; `shuffled` is a control.
    pub contrast: String,
    /// Whether organs are shown that no training episode named.
    pub held_out_organs: bool,
    /// Number of shots.
    pub shots: usize,
    /// Number of episodes.
    pub episodes: usize,
    /// Share named right.
    pub right: f32,
    /// Share that the nearest mean of the shots' vectors gets right.
    pub nearest_mean: f32,
}

/// Binding episodes on the reported images, with names that training never used.
pub(super) fn names(
    bundle: &Path,
    data: &RadiologyData,
    vectors: &[Vec<f32>],
    mean: &[f32],
    episodes: usize,
    threads: usize,
    cancel: &Cancel,
) -> Result<Vec<Names>, RadiologyError> {
    let binding = Binding::new(&labels::coarse(data), &data.images_of(Split::Report));
    let mut first: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, question) in data.questions.iter().enumerate() {
        first.entry(question.image).or_insert(at);
    }
    let centred = |image: usize| -> Vec<f32> {
        vectors[image]
            .iter()
            .zip(mean)
            .map(|(v, m)| v - m)
            .collect()
    };
    let mut rng = Rng::new(7);
    let mut rows = Vec::new();
    for (contrast, organs, shots, shuffled) in Contrast::ALL
        .into_iter()
        .flat_map(|contrast| {
            [
                (contrast, Organs::Trained, 4, false),
                (contrast, Organs::Trained, 2, false),
                (contrast, Organs::HeldOut, 4, false),
            ]
        })
        .chain([(Contrast::Easy, Organs::Trained, 4, true)])
    {
        let (mut asked, mut wanted, mut nearest) = (Vec::new(), Vec::new(), 0);
        for _ in 0..episodes {
            let Some(pair) = binding.pair(contrast, organs, &mut rng) else {
                break;
            };
            let episode = binding.episode(pair, shots, 1, true, shuffled, &mut rng);
            let Some((query, before)) = episode.split_last() else {
                continue;
            };
            let mut sums: BTreeMap<&str, (Vec<f32>, f32)> = BTreeMap::new();
            for shot in before {
                let slot = sums
                    .entry(&shot.answer)
                    .or_insert_with(|| (vec![0.0; mean.len()], 0.0));
                let vector = centred(shot.first_image());
                slot.0.iter_mut().zip(vector).for_each(|(s, v)| *s += v);
                slot.1 += 1.0;
            }
            let own = centred(query.first_image());
            let likeness = |sum: &[f32]| {
                let dot: f32 = sum.iter().zip(&own).map(|(s, v)| s * v).sum();
                dot / sum.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-9)
            };
            let best = sums
                .iter()
                .max_by(|a, b| likeness(&a.1.0).total_cmp(&likeness(&b.1.0)));
            nearest += usize::from(best.is_some_and(|(name, _)| *name == query.answer));
            let of = |image: usize| first.get(&image).copied().unwrap_or(0);
            asked.push(Asked {
                question: of(query.first_image()),
                shots: before
                    .iter()
                    .map(|shot| (of(shot.first_image()), shot.answer.clone()))
                    .collect(),
                rationales: false,
                blank: false,
                wording: Some(query.question.clone()),
            });
            wanted.push(query.answer.clone());
        }
        if asked.is_empty() {
            continue;
        }
        let encoded = exam::encode(bundle, data, &asked, threads).map_err(RadiologyError::Input)?;
        let said = exam::answers(bundle, data, &asked, &encoded, threads, cancel)
            .map_err(RadiologyError::Input)?;
        let right = said
            .iter()
            .zip(&wanted)
            .filter(|(said, wanted)| exact(&said.answer, wanted));
        let n = asked.len() as f32;
        rows.push(Names {
            contrast: if shuffled {
                "shuffled"
            } else {
                contrast.name()
            }
            .into(),
            held_out_organs: organs == Organs::HeldOut,
            shots,
            episodes: asked.len(),
            right: right.count() as f32 / n,
            nearest_mean: nearest as f32 / n,
        });
    }
    Ok(rows)
}
