//! The shots of a question.

use std::sync::Arc;

use super::Asked;
use crate::engine::Engine;
use crate::prompt;
use crate::retrieval::{Found, Plan, Query, Shot, Strategy, retrieve};
use crate::types::{AssistantError, Case, Settings};
use rounds_imaging as imaging;
use rounds_index::ingest::Embedder;
use rounds_model::EncodedImage;

/// A question as another encoder than the model's own tower sees it.
#[derive(Default)]
struct Compared {
    pictures: Vec<Vec<f32>>,
    text: Option<Vec<f32>>,
}

impl Engine {
    /// The shots, and what is to be known of the choice. `images` are those of the case.
    pub(super) fn choose(
        &self,
        asked: &Asked,
        images: &[Arc<EncodedImage>],
    ) -> Result<Found, AssistantError> {
        let (case, settings) = (asked.case, asked.settings);
        let looks = looks(case);
        let question = prompt::plain(&case.question);
        let compared = self.compared(case, &question)?;
        let vectors: Vec<&[f32]> = match &self.comparer {
            None => images.iter().map(|i| i.vector.as_slice()).collect(),
            Some(_) => compared.pictures.iter().map(Vec::as_slice).collect(),
        };
        let query = Query {
            encoder: &self.encoder,
            vectors: &vectors,
            text: compared.text.as_deref(),
            images: &looks,
            question: &question,
            patient: case.patient.as_deref(),
            study: case.study.as_deref(),
            seed: settings.decoding.seed,
        };
        let mut found = retrieve(&self.index, &query, &self.plan(asked)?)?;
        self.warn_of_unlike(settings, &mut found);
        found
            .notices
            .insert(0, self.learner.manifest().knows.clone());
        Ok(found)
    }

    fn compared(&self, case: &Case, question: &str) -> Result<Compared, AssistantError> {
        let Some(comparer) = &self.comparer else {
            return Ok(Compared::default());
        };
        let picture = |p| Ok(comparer.picture(p)?.into_iter().next().unwrap_or_default());
        let pictures: Result<_, String> = case.images.iter().map(picture).collect();
        let texts = comparer.text(question);
        Ok(Compared {
            pictures: pictures.map_err(AssistantError::Comparer)?,
            text: texts
                .map_err(AssistantError::Comparer)?
                .into_iter()
                .next()
                .flatten(),
        })
    }

    fn plan(&self, asked: &Asked) -> Result<Plan, AssistantError> {
        let settings = asked.settings;
        // Without a picture most strategies compare words instead: nobody waits for a graph then.
        let compares = settings.strategy.needs_vectors()
            && (!asked.case.images.is_empty() || settings.strategy == Strategy::TextToImage);
        let search = match compares {
            true => self
                .index
                .settle(&self.encoder, self.search, asked.cancel)?,
            false => self.search,
        };
        Ok(Plan {
            shots: settings.shots,
            strategy: settings.strategy,
            search,
            floor: settings.floor,
            filter: settings.filter.clone(),
            pinned: settings.pinned.clone(),
            excluded: settings.excluded.clone(),
        })
    }

    /// The threshold was measured with the model's own tower, so it says nothing of another one.
    fn warn_of_unlike(&self, settings: &Settings, found: &mut Found) {
        let compared = settings.strategy == Strategy::Image
            && found.instead.is_none()
            && self.comparer.is_none();
        let least = self.learner.manifest().familiar_similarity;
        if let Some(best) = unlike(&found.shots, least).filter(|_| compared) {
            found.notices.push(format!(
                "this picture is unlike anything in the index (best similarity {best:.2}): do not trust the answer"
            ));
        }
    }
}

/// The similarity of the most similar shot, where even that is below `least`. What is pinned was not found by its likeness.
fn unlike(shots: &[Shot], least: f32) -> Option<f32> {
    let found = shots.iter().filter(|shot| !shot.is_pinned());
    let best = found.map(|shot| shot.score).max_by(f32::total_cmp);
    best.filter(|best| *best < least)
}

/// SHA-256 and perceptual hashes of a case's pictures.
fn looks(case: &Case) -> Vec<(String, u64)> {
    let of = |p: &imaging::Picture| {
        let sha256 = p.source.sha256.clone();
        let looks = imaging::looks(p).into_iter();
        looks.map(move |look| (sha256.clone(), look))
    };
    case.images.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_unlike_everything_by_the_best_that_was_found_and_not_by_a_pin() {
        let shot = |score, reason: &str| Shot {
            example: rounds_index::Example::default(),
            score,
            rank: 1,
            reason: reason.into(),
        };
        let (pin, near) = (shot(0.0, "pinned"), shot(0.7, "picture similarity 0.700"));
        let far = [
            shot(-0.2, "picture similarity"),
            shot(-0.5, "picture similarity"),
        ];
        assert_eq!(unlike(&far, 0.59), Some(-0.2), "none is above 0");
        assert_eq!(unlike(&[pin.clone(), near], 0.59), None);
        assert_eq!(unlike(&[pin], 0.59), None, "nothing was compared");
        assert_eq!(unlike(&far, -1.0), None);
    }
}
