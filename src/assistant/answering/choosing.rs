//! The shots of a question.

use std::sync::Arc;

use super::Asked;
use crate::assistant::engine::Engine;
use crate::assistant::types::{AssistantError, Case, Settings};
use crate::imaging;
use crate::index::ingest::Embedder;
use crate::model::EncodedImage;
use crate::prompt;
use crate::retrieval::{Found, Plan, Query, Strategy, retrieve};

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
        let mut found = retrieve(&self.index, &query, &self.plan(settings))?;
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

    fn plan(&self, settings: &Settings) -> Plan {
        Plan {
            shots: settings.shots,
            strategy: settings.strategy,
            search: self.search,
            floor: settings.floor,
            filter: settings.filter.clone(),
            pinned: settings.pinned.clone(),
            excluded: settings.excluded.clone(),
        }
    }

    /// The threshold was measured with the model's own tower, so it says nothing of another one.
    fn warn_of_unlike(&self, settings: &Settings, found: &mut Found) {
        if settings.strategy == Strategy::Image
            && self.comparer.is_none()
            && let Some(best) = found.shots.iter().find(|shot| shot.score > 0.0)
            && best.score < self.learner.manifest().familiar_similarity
        {
            found.notices.push(format!(
                "this picture is unlike anything in the index (best similarity {:.2}): do not trust the answer",
                best.score
            ));
        }
    }
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
