//! The prompt of a question, and what it takes to repeat the answer.

use super::Asked;
use crate::assistant::engine::Engine;
use crate::assistant::types::{Answer, AssistantError, Provenance, Timings};
use crate::index::{Example, Search};
use crate::model::generate::StopReason;
use crate::prompt::{self, Prompt};
use crate::retrieval::{Found, Shot, Strategy};
use crate::support::files;

/// A question with its shots, ready for the model.
pub(super) struct Prepared {
    pub(super) prompt: Prompt,
    /// The shots in it, in their order there.
    pub(super) ordered: Vec<Example>,
    /// The answer before anything was generated.
    pub(super) answer: Answer,
}

impl Engine {
    /// Puts a case and as many of its shots into a prompt as fit.
    pub(super) fn prepare(&self, asked: &Asked, found: Found) -> Result<Prepared, AssistantError> {
        let Found {
            mut shots,
            mut notices,
            instead,
        } = found;
        let prompt = self.prompt(asked, &shots)?;
        let kept = shots.len() - prompt.dropped;
        // In the order of the prompt: shuffling what is left would be another order.
        let order = asked.settings.order;
        let ordered: Vec<Example> = order
            .arrange(&shots, asked.settings.decoding.seed)
            .into_iter()
            .filter(|shot| shot.rank <= kept)
            .map(|shot| shot.example.clone())
            .collect();
        if prompt.dropped > 0 {
            shots.truncate(kept);
            notices.push(format!(
                "{} shots left out: the context was full",
                prompt.dropped
            ));
        }
        let answer = Answer {
            answer: String::new(),
            rationale: None,
            stop: StopReason::Length,
            provenance: self.provenance(asked, instead, &prompt, &ordered),
            shots,
            notices,
            timings: Timings::default(),
            prompt_tokens: prompt.ids.len(),
            generated_tokens: 0,
            log_probabilities: Vec::new(),
            ranking: Vec::new(),
        };
        Ok(Prepared {
            prompt,
            ordered,
            answer,
        })
    }

    fn prompt(&self, asked: &Asked, shots: &[Shot]) -> Result<Prompt, AssistantError> {
        let (case, settings) = (asked.case, asked.settings);
        let order = settings.order.arrange(shots, settings.decoding.seed);
        let order: Vec<(usize, &Example)> = order.iter().map(|s| (s.rank, &s.example)).collect();
        let context = self.learner.context();
        Ok(prompt::build(
            &self.template,
            self.learner.tokenizer(),
            &self.learner.manifest().tokens.begin,
            &order,
            &case.question,
            case.images.len(),
            context,
            settings.decoding.max_new_tokens.min(context / 2),
        )?)
    }

    fn provenance(
        &self,
        asked: &Asked,
        instead: Option<Strategy>,
        built: &Prompt,
        ordered: &[Example],
    ) -> Provenance {
        let (case, settings) = (asked.case, asked.settings);
        let decoding = &settings.decoding;
        let strategy = instead.unwrap_or(settings.strategy);
        let search = match strategy.needs_vectors() {
            true => self.index.search_in_use(&self.encoder, self.search),
            false => Search::Exact,
        };
        Provenance {
            version: env!("CARGO_PKG_VERSION").to_string(),
            model_sha256: self.model_sha256.clone(),
            prompt_sha256: files::sha256_hex(built.text.as_bytes()),
            template: self.template.name.clone(),
            index_sha256: Some(self.index.sha256()),
            image_sha256: case
                .images
                .iter()
                .map(|p| p.source.sha256.clone())
                .collect(),
            shot_ids: ordered.iter().map(|e| e.id.clone()).collect(),
            strategy: strategy.name().to_string(),
            search: search.name().to_string(),
            order: settings.order.name().to_string(),
            floor: settings.floor,
            filter: settings.filter.clone(),
            pinned: settings.pinned.clone(),
            excluded: settings.excluded.clone(),
            seed: decoding.seed,
            temperature: decoding.temperature,
            top_p: decoding.top_p,
            top_k: decoding.top_k,
            max_new_tokens: decoding.max_new_tokens,
            beams: decoding.beams,
            length_penalty: decoding.length_penalty,
            repetition_penalty: decoding.penalties.repetition,
            no_repeat_ngram: decoding.penalties.no_repeat_ngram,
            device: self.device.to_string(),
            encoder: self.encoder.clone(),
        }
    }
}
