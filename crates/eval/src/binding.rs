//! Made-up names: whether a model learns from its shots what they are called.

use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

use crate::share::{Share, same};
use rounds_assistant::prompt::Template;
use rounds_model::bundle::Bundle;
use rounds_model::families::load_learner;
use rounds_model::generate::{Decoding, generate};
use rounds_support::Cancel;
use rounds_support::rng::Rng;
use rounds_train::episodes::{EpisodeSampler, Markers, Sequence};
use rounds_train::pool::{Pool, seeds};

/// Result of [`binding`].
#[derive(Debug, Default, Serialize)]
pub struct BindingResult {
    /// How often the full name was generated.
    pub generated: Share,
    /// How often the model preferred the right name by its first token, where its own rationale reaches the name. A rationale
    /// that never does counts as wrong.
    pub chosen: Share,
}

/// Measures fast concept binding with two made-up names that were never trained on. `shuffle` gives the shots random answers.
/// Without shots nothing defines the names, which is a control.
///
/// Errors for one shot: it shows only one of the two names, and the question could be about the other.
pub fn binding(
    model: Option<&Path>,
    count: usize,
    shots: usize,
    shuffle: bool,
) -> anyhow::Result<BindingResult> {
    anyhow::ensure!(
        shots != 1,
        "one shot cannot show both names: give at least 2 shots, or 0 for the control"
    );
    let bundle = Bundle::open(model)?;
    let mut learner = load_learner(&bundle, &candle_core::Device::Cpu)?;
    let template = Template::shipped(&bundle.manifest.template)?;
    let side = bundle.manifest.config.vision().image_size();
    let pool = Pool::render(1800, seeds::EVALUATION + 1_000_000, side, 2, &|_| {});
    let sampler = EpisodeSampler::new(&pool, None);
    let token = |t: &str| learner.tokenizer().token_to_id(t).unwrap_or(0);
    let markers = Markers {
        begin: token(&bundle.manifest.tokens.begin),
        image: token(&bundle.manifest.tokens.image),
        end_of_chunk: token(&bundle.manifest.tokens.end_of_chunk),
    };
    let mut result = BindingResult::default();
    for i in 0..count {
        let mut rng = Rng::new(seeds::EVALUATION + 77 + i as u64);
        let mut episode = sampler.binding(&mut rng, shots, true);
        let Some(names) = episode.names.clone() else {
            continue;
        };
        if shuffle {
            for turn in &mut episode.turns[..shots] {
                let name = rng.pick(&names).clone();
                turn.rationale = turn.rationale.replace(&turn.answer, &name);
                turn.answer = name;
            }
        }
        let sequence = Sequence::encode(&episode, learner.tokenizer(), &markers)
            .map_err(|e| anyhow::anyhow!(e))?;
        let Some(query) = episode.turns.last() else {
            continue;
        };
        // Cut off before the reply to the query.
        let encode = |text: String| {
            let encoding = learner.tokenizer().encode(text, false);
            encoding
                .map(|e| e.get_ids().to_vec())
                .map_err(|e| anyhow::anyhow!(e.to_string()))
        };
        let asked = encode(format!("Question: {} Rationale:", query.question))?;
        let at = sequence
            .ids
            .iter()
            .rposition(|&id| id == markers.image)
            .unwrap_or(0);
        let ids = sequence.ids[..at + 1 + asked.len()].to_vec();
        let images = sequence
            .images
            .iter()
            .map(|&image| Ok(Arc::new(learner.encode_image(&pool.image(image))?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let first: Vec<u32> = names
            .iter()
            .map(|name| Ok(encode(format!(" {name}"))?.first().copied().unwrap_or(0)))
            .collect::<anyhow::Result<_>>()?;
        let logits = learner.prefill(&ids, &images, &Cancel::new())?;
        let decoding = Decoding {
            max_new_tokens: 64,
            ..Decoding::default()
        };
        let out = generate(
            learner.as_mut(),
            logits,
            &ids,
            &decoding,
            &[markers.end_of_chunk],
            &[],
            &template.stop,
            &Cancel::new(),
            |_| {},
        )?;
        let (answer, _) = template.parse(&out.text);
        result.generated.add(same(&answer, &query.answer));
        let rationale = out
            .text
            .split_once(" called")
            .map(|(before, _)| format!("{before} called"));
        let chosen = match rationale {
            None => false,
            Some(text) => {
                let encoding = learner.tokenizer().encode(text, false);
                let more = encoding.map_err(|e| anyhow::anyhow!(e.to_string()))?;
                let all = [ids.as_slice(), more.get_ids()].concat();
                let logits = learner.prefill(&all, &images, &Cancel::new())?;
                let right = usize::from(names[1] == query.answer);
                logits[first[right] as usize] > logits[first[1 - right] as usize]
            }
        };
        result.chosen.add(chosen);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binding_with_one_shot_is_refused() {
        let refused = binding(None, 1, 1, false).unwrap_err().to_string();
        assert!(refused.contains("at least 2 shots"), "{refused}");
    }
}
