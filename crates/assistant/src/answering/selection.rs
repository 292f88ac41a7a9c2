//! Chooses the shots of a question.

use std::sync::Arc;

use super::Request;
use crate::engine::Engine;
use crate::prompt;
use crate::query_images::QueryImages;
use crate::retrieval::{Found, Plan, Query, Shot, Strategy, retrieve};
use crate::settings::Settings;
use crate::types::{AssistantError, Case};
use rounds_index::ExampleImage;
use rounds_index::ingest::Embedder;
use rounds_model::EncodedImage;

/// Vectors of a question from the retrieval encoder, if that is not the model's own tower.
#[derive(Default)]
struct QueryVectors {
    images: Vec<Vec<f32>>,
    text: Option<Vec<f32>>,
}

impl Engine {
    /// The shots, with notices about the choice. `images` are those of the case.
    pub(super) fn choose(
        &self,
        request: &Request,
        images: &[Arc<EncodedImage>],
    ) -> Result<Found, AssistantError> {
        let (case, settings) = (request.case, request.settings);
        let own = QueryImages::of(&case.images);
        let same_pixels = |image: &ExampleImage| self.sketches.show_same(&self.index, image, &own);
        let question = prompt::plain(&case.question);
        let query_vectors = self.query_vectors(case, &question)?;
        let vectors: Vec<&[f32]> = match &self.retrieval_encoder {
            None => images.iter().map(|i| i.vector.as_slice()).collect(),
            Some(_) => query_vectors.images.iter().map(Vec::as_slice).collect(),
        };
        let query = Query {
            encoder: &self.encoder,
            vectors: &vectors,
            text: query_vectors.text.as_deref(),
            images: &own.phashes,
            altered: &own.altered,
            same_pixels: Some(&same_pixels),
            question: &question,
            patient: case.patient.as_deref(),
            study: case.study.as_deref(),
            seed: settings.decoding.seed,
        };
        let mut found = retrieve(&self.index, &query, &self.plan(request)?)?;
        self.warn_if_unfamiliar(settings, &mut found);
        Ok(found)
    }

    fn query_vectors(&self, case: &Case, question: &str) -> Result<QueryVectors, AssistantError> {
        let Some(retrieval_encoder) = &self.retrieval_encoder else {
            return Ok(QueryVectors::default());
        };
        let vector = |image| {
            Ok(retrieval_encoder
                .image(image)?
                .into_iter()
                .next()
                .unwrap_or_default())
        };
        let images: Result<_, String> = case.images.iter().map(vector).collect();
        let texts = retrieval_encoder.text(question);
        Ok(QueryVectors {
            images: images.map_err(AssistantError::RetrievalEncoder)?,
            text: texts
                .map_err(AssistantError::RetrievalEncoder)?
                .into_iter()
                .next()
                .flatten(),
        })
    }

    fn plan(&self, request: &Request) -> Result<Plan, AssistantError> {
        let settings = request.settings;
        // Without an image most strategies compare text instead, so do not wait for the graph.
        let needs_search = settings.strategy.needs_vectors()
            && (!request.case.images.is_empty() || settings.strategy == Strategy::TextToImage);
        let search = match needs_search {
            true => self
                .index
                .resolve_search(&self.encoder, self.search, request.cancel)?,
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

    /// The threshold was measured with the model's own tower, so it does not apply to other encoders.
    fn warn_if_unfamiliar(&self, settings: &Settings, found: &mut Found) {
        let applies = found.fallback.unwrap_or(settings.strategy) == Strategy::Image
            && self.retrieval_encoder.is_none();
        let threshold = self.learner.manifest().familiar_similarity;
        if let Some(best) = best_if_unfamiliar(&found.shots, threshold).filter(|_| applies) {
            found.notices.push(format!(
                "this image is unlike anything in the index (best similarity {best:.2}): do not trust the answer"
            ));
        }
    }
}

/// The similarity of the most similar shot, if even that is below `threshold`. Pinned shots were not chosen by similarity.
fn best_if_unfamiliar(shots: &[Shot], threshold: f32) -> Option<f32> {
    let found = shots.iter().filter(|shot| !shot.is_pinned());
    let best = found.map(|shot| shot.score).max_by(f32::total_cmp);
    best.filter(|best| *best < threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_unfamiliar_if_its_best_shot_is_and_pins_do_not_count() {
        let shot = |score, reason: &str| Shot {
            example: rounds_index::Example::default(),
            score,
            rank: 1,
            reason: reason.into(),
            match_share: None,
        };
        let (pin, near) = (shot(0.0, "pinned"), shot(0.7, "image similarity 0.700"));
        let far = [
            shot(-0.2, "image similarity"),
            shot(-0.5, "image similarity"),
        ];
        assert_eq!(
            best_if_unfamiliar(&far, 0.59),
            Some(-0.2),
            "none is above 0"
        );
        assert_eq!(best_if_unfamiliar(&[pin.clone(), near], 0.59), None);
        assert_eq!(
            best_if_unfamiliar(&[pin], 0.59),
            None,
            "nothing was compared"
        );
        assert_eq!(best_if_unfamiliar(&far, -1.0), None);
    }
}
