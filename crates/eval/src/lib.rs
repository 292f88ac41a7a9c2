//! Evaluation of a model on phantoms with unseen seeds, with controls.

#![warn(missing_docs, unreachable_pub)]

mod neighbours;
pub mod problems;
pub mod rating;

pub use neighbours::{Precision, neighbours};

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rounds_assistant::prompt::Template;
use rounds_assistant::retrieval::Strategy;
use rounds_assistant::{Case, Engine, Settings, Setup};
use rounds_model::bundle::Bundle;
use rounds_model::families::load_learner;
use rounds_model::generate::{Decoding, generate};
use rounds_phantom::questions::ask;
use rounds_phantom::{KINDS, render};
use rounds_support::Cancel;
use rounds_support::rng::Rng;
use rounds_train::episodes::{EpisodeSampler, Markers, Sequence};
use rounds_train::pool::{PHANTOM_SIDE, Pool, phantom_image, seeds};

/// The share of right answers.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Share {
    /// Number of right answers.
    pub right: usize,
    /// Number of questions.
    pub asked: usize,
}

impl Share {
    fn add(&mut self, right: bool) {
        self.asked += 1;
        self.right += usize::from(right);
    }

    /// The share in percent; 0 if nothing was asked.
    pub fn percent(&self) -> f64 {
        100.0 * self.right as f64 / self.asked.max(1) as f64
    }

    /// 95 % confidence interval in percent, for independent answers; 0 to 100 if nothing was asked.
    pub fn interval(&self) -> (f64, f64) {
        wilson(self.percent() / 100.0, self.asked as f64)
    }
}

/// 95 % confidence interval in percent (Wilson 1927) of the share `p` among `n` independent answers.
fn wilson(p: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    if n <= 0.0 {
        return (0.0, 100.0);
    }
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (
        100.0 * (middle - half).max(0.0),
        100.0 * (middle + half).min(1.0),
    )
}

/// Result of [`phantoms`].
#[derive(Debug, Default, Serialize)]
pub struct PhantomResult {
    /// Questions with a fixed set of answers.
    pub closed: Share,
    /// All other questions.
    pub open: Share,
    /// What copying would reach: the most common answer among the shots; ties go to the most similar shot.
    pub vote: Share,
    /// All questions by topic.
    pub by_topic: BTreeMap<String, Share>,
}

/// The most common answer; ties go to the first, which is the most similar example's.
fn vote<'a>(answers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let answers: Vec<&str> = answers.collect();
    let count = |a: &str| answers.iter().filter(|b| same(a, b)).count();
    let best = answers.iter().map(|a| count(a)).max()?;
    answers.iter().copied().find(|a| count(a) == best)
}

/// Exact match after lower-casing and dropping outer punctuation.
fn same(a: &str, b: &str) -> bool {
    let plain = |s: &str| s.trim().trim_end_matches(['.', ' ']).to_lowercase();
    plain(a) == plain(b)
}

/// Asks about `count` phantoms with `shots` shots by image similarity. `blank` shows the model a grey image instead.
pub fn phantoms(
    setup: &Setup,
    count: usize,
    shots: usize,
    blank: bool,
    mut each: impl FnMut(usize),
) -> anyhow::Result<PhantomResult> {
    let mut engine = Engine::load(setup)?;
    let mut result = PhantomResult::default();
    for i in 0..count {
        let seed = seeds::EVALUATION + i as u64;
        let phantom = render(i % KINDS.len(), seed, PHANTOM_SIDE);
        let qa = ask(&phantom, &mut Rng::new(seed));
        let mut shown = phantom_image(&phantom);
        if blank {
            shown = rounds_imaging::blank(shown.width);
        }
        let case = Case {
            images: vec![shown],
            question: qa.question.clone(),
            ..Case::default()
        };
        let settings = Settings {
            shots,
            strategy: if shots == 0 {
                Strategy::None
            } else {
                Strategy::Image
            },
            decoding: Decoding {
                max_new_tokens: 80,
                ..Decoding::default()
            },
            ..Settings::default()
        };
        let answer = engine.answer(&case, &settings, &Cancel::new(), &mut |_| {})?;
        let right = same(&answer.answer, &qa.answer);
        if qa.closed {
            result.closed.add(right);
        } else {
            result.open.add(right);
        }
        if let Some(voted) = vote(answer.shots.iter().map(|s| s.example.answer.as_str())) {
            result.vote.add(same(voted, &qa.answer));
        }
        result
            .by_topic
            .entry(qa.topic.name().into())
            .or_default()
            .add(right);
        each(i + 1);
    }
    Ok(result)
}

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
    fn the_interval_matches_wilsons() {
        let (low, high) = Share {
            right: 9,
            asked: 10,
        }
        .interval();
        assert!(
            (low - 59.58).abs() < 0.01 && (high - 98.21).abs() < 0.01,
            "{low} {high}"
        );
    }

    #[test]
    fn binding_with_one_shot_is_refused() {
        let refused = binding(None, 1, 1, false).unwrap_err().to_string();
        assert!(refused.contains("at least 2 shots"), "{refused}");
    }

    #[test]
    fn a_vote_takes_the_most_common_answer_and_ties_go_to_the_first() {
        assert_eq!(vote(["no", "yes", "Yes."].into_iter()), Some("yes"));
        assert_eq!(vote(["left", "right"].into_iter()), Some("left"));
        assert_eq!(vote(std::iter::empty()), None);
    }
}
