//! The prompt of a question, and what it takes to repeat the answer.

use super::Asked;
use crate::engine::Engine;
use crate::prompt::{self, Prompt};
use crate::retrieval::{Found, Shot, Strategy};
use crate::types::{Answer, AssistantError, Provenance, Timings};
use rounds_index::{Example, Search};
use rounds_model::flamingo::MediaMask;
use rounds_model::generate::StopReason;
use rounds_support::files;

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
            search,
            ..
        } = found;
        let prompt = self.prompt(asked, &shots)?;
        // In the order of the prompt: shuffling what is left would be another order.
        let order = asked.settings.order;
        let ordered: Vec<Example> = order
            .arrange(&shots, asked.settings.decoding.seed)
            .into_iter()
            .filter(|shot| prompt.kept.contains(&shot.rank))
            .map(|shot| shot.example.clone())
            .collect();
        if prompt.dropped > 0 {
            shots.retain(|shot| prompt.kept.contains(&shot.rank));
            notices.push(format!(
                "{} shots left out: they did not fit into the context",
                prompt.dropped
            ));
        }
        let mask = self.learner.manifest().config.media_mask;
        notices.extend(borrowed(mask, asked.case.images.len(), &ordered));
        let answer = Answer {
            answer: String::new(),
            rationale: None,
            stop: StopReason::Length,
            provenance: self.provenance(asked, (instead, search), &prompt, &ordered),
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
        (instead, search): (Option<Strategy>, Option<Search>),
        built: &Prompt,
        ordered: &[Example],
    ) -> Provenance {
        let (case, settings) = (asked.case, asked.settings);
        let decoding = &settings.decoding;
        let strategy = instead.unwrap_or(settings.strategy);
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
            search: search.unwrap_or(Search::Exact).name().to_string(),
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

/// What is to be known where a text sees a picture that is not its own, as the models' rules of masking have it. `images` are
/// those of the question, `shots` stand as in the prompt.
fn borrowed(mask: MediaMask, images: usize, shots: &[Example]) -> Vec<String> {
    let pictured = |shots: &[Example]| shots.iter().any(|shot| !shot.images.is_empty());
    let sees_other = |at: usize| match mask {
        MediaMask::Previous => pictured(&shots[..at]),
        MediaMask::Next => images > 0 || pictured(&shots[at..]),
    };
    let bare = |at: &usize| shots[*at].images.is_empty() && sees_other(*at);
    let count = (0..shots.len()).filter(bare).count();
    let mut notices = Vec::new();
    if count > 0 {
        notices.push(format!(
            "{count} shots have no picture: this model reads them with a neighbour's"
        ));
    }
    if images == 0 && mask == MediaMask::Previous && pictured(shots) {
        notices.push(
            "the question has no picture: this model reads it with the one of the last shot".into(),
        );
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_index::ExampleImage;

    fn shots(pictures: &[usize]) -> Vec<Example> {
        let image = ExampleImage {
            sha256: "ab".repeat(32),
            extension: "png".into(),
        };
        let shot = |&count: &usize| Example {
            images: vec![image.clone(); count],
            ..Example::default()
        };
        pictures.iter().map(shot).collect()
    }

    #[test]
    fn whoever_reads_a_text_with_the_picture_of_another_says_so() {
        let (previous, next) = (MediaMask::Previous, MediaMask::Next);
        for (mask, images, pictures, bare, question) in [
            (previous, 1, &[1, 1][..], 0, false),
            (previous, 0, &[1, 1], 0, true),
            (previous, 0, &[0, 0], 0, false),
            (previous, 0, &[], 0, false),
            (previous, 1, &[0, 1, 0, 0], 2, false),
            (next, 0, &[1, 1], 0, false),
            (next, 0, &[0, 1, 0], 1, false),
            (next, 1, &[0, 1, 0], 2, false),
        ] {
            let notices = borrowed(mask, images, &shots(pictures)).join("; ");
            let told = format!("{bare} shots have no picture");
            assert_eq!(notices.contains(&told), bare > 0, "{notices}");
            assert_eq!(notices.contains("the question"), question, "{notices}");
        }
    }
}
