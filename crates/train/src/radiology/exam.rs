//! Asks a bundle questions as the program does: template, prompt, greedy generation, quantised weights.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::RadiologyError;
use super::data::RadiologyData;
use candle_core::Device;
use rounds_assistant::prompt::{self, Template};
use rounds_assistant::{comparable, is_yes_or_no, overlap};
use rounds_imaging::load;
use rounds_index::{Example, ExampleImage};
use rounds_model::bundle::{Bundle, Evidence, Manifest, ShotEvidence};
use rounds_model::generate::{Decoding, generate};
use rounds_model::learner::FlamingoLearner;
use rounds_model::{EncodedImage, FewShotLearner};
use rounds_support::Cancel;

/// A question for the model, with its shots in prompt order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub question: usize,
    /// Question and the answer that is shown with it.
    pub shots: Vec<(usize, String)>,
    /// Show the rationales of the shots. Not beside answers of other questions, where the shots that drew their own would stand out.
    pub rationales: bool,
    /// Replace every image by a grey one.
    pub blank: bool,
    /// Asked of every image instead of its own question.
    pub wording: Option<String>,
}

impl Asked {
    /// What the shots tell about `answer`; `None` without shots.
    fn evidence(
        &self,
        answer: &str,
        data: &RadiologyData,
        encoded: &Encoded,
    ) -> Option<ShotEvidence> {
        let total = self.shots.len() as f32;
        let same = self.shots.iter().filter(|shot| exact(&shot.1, answer));
        let wording = |question: usize| &data.questions[question].question;
        let overlaps = self
            .shots
            .iter()
            .map(|shot| overlap(wording(self.question), wording(shot.0)));
        (total > 0.0).then(|| ShotEvidence {
            agreement: same.count() as f32 / total,
            overlap: overlaps.sum::<f32>() / total,
            likeness: encoded.likeness(data, self),
        })
    }
}

/// What the model said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub answer: String,
    /// What its confidence is made from.
    pub evidence: Evidence,
}

/// Most tokens of an answer; the longest in the sets has about as many.
const MAX_TOKENS: usize = 24;

/// Images of the data as one learner encodes them.
pub(crate) struct Encoded {
    images: Vec<Option<Arc<EncodedImage>>>,
    blank: Arc<EncodedImage>,
}

impl Encoded {
    /// How like the most similar shot's image is to the question's.
    fn likeness(&self, data: &RadiologyData, asked: &Asked) -> f32 {
        let of = |question: usize| self.images[data.questions[question].image].as_deref();
        let shots = asked.shots.iter().filter_map(|shot| of(shot.0));
        of(asked.question).map_or(0.0, |own| own.likeness(shots))
    }
}

fn learner(bundle: &Path) -> Result<FlamingoLearner, String> {
    let bundle = Bundle::open(Some(bundle)).map_err(|e| e.to_string())?;
    FlamingoLearner::load(&bundle, &Device::Cpu).map_err(|e| e.to_string())
}

/// What `keep` takes of each of these images of the data, as the learner encodes it.
fn encoded<T: Send>(
    bundle: &Path,
    data: &RadiologyData,
    images: &[usize],
    threads: usize,
    keep: impl Fn(EncodedImage) -> T + Sync,
) -> candle_core::Result<Vec<T>> {
    super::tower::in_threads(images, threads, |images| {
        let learner = learner(bundle).map_err(candle_core::Error::msg)?;
        images
            .iter()
            .map(|&image| {
                let read = load(&data.images[image].path).map_err(candle_core::Error::wrap)?;
                let encoded = learner.encode_image(&read);
                encoded.map(&keep).map_err(candle_core::Error::wrap)
            })
            .collect()
    })
}

/// Encodes the images that `asked` needs.
pub(crate) fn encode(
    bundle: &Path,
    data: &RadiologyData,
    asked: &[Asked],
    threads: usize,
) -> Result<Encoded, String> {
    let of = |question: usize| data.questions[question].image;
    let mut needed: Vec<usize> = asked
        .iter()
        .flat_map(|a| std::iter::once(a.question).chain(a.shots.iter().map(|(q, _)| *q)))
        .map(of)
        .collect();
    needed.sort_unstable();
    needed.dedup();
    let found = encoded(bundle, data, &needed, threads, Arc::new).map_err(|e| e.to_string())?;
    let mut images = vec![None; data.images.len()];
    for (at, encoded) in needed.into_iter().zip(found) {
        images[at] = Some(encoded);
    }
    let blank = learner(bundle)?
        .encode_image(&rounds_imaging::blank(256))
        .map_err(|e| e.to_string())?;
    Ok(Encoded {
        images,
        blank: Arc::new(blank),
    })
}

/// Answers of the bundle in the folder `bundle`, in the order of `asked`.
pub(crate) fn answers(
    bundle: &Path,
    data: &RadiologyData,
    asked: &[Asked],
    encoded: &Encoded,
    threads: usize,
    cancel: &Cancel,
) -> Result<Vec<Said>, String> {
    // Neighbours in the list have prompts of different lengths; take turns, so that threads get similar work.
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|at| at % threads.max(1));
    let said = super::tower::in_threads(&order, threads, |order| {
        let mut learner = learner(bundle).map_err(candle_core::Error::msg)?;
        let manifest = learner.manifest().clone();
        let template = Template::shipped(&manifest.template).map_err(candle_core::Error::wrap)?;
        order
            .iter()
            .map(|&at| {
                let said = one(
                    &mut learner,
                    &manifest,
                    &template,
                    data,
                    &asked[at],
                    encoded,
                    cancel,
                );
                said.map_err(candle_core::Error::msg)
            })
            .collect()
    })
    .map_err(|e| e.to_string())?;
    let mut sorted: Vec<(usize, Said)> = order.into_iter().zip(said).collect();
    sorted.sort_by_key(|(at, _)| *at);
    Ok(sorted.into_iter().map(|(_, said)| said).collect())
}

fn one(
    learner: &mut FlamingoLearner,
    manifest: &Manifest,
    template: &Template,
    data: &RadiologyData,
    asked: &Asked,
    encoded: &Encoded,
    cancel: &Cancel,
) -> Result<Said, String> {
    let image = || ExampleImage {
        sha256: String::new(),
        extension: "jpg".into(),
    };
    let wording = |question: usize| match &asked.wording {
        Some(wording) => wording.clone(),
        None => data.questions[question].question.clone(),
    };
    // As in an index: a rationale stands with the question and the answer that it is about.
    let rationale = |question: usize, answer: &str| {
        let of = &data.questions[question];
        match asked.rationales && of.answer == answer {
            true => of.rationale.clone(),
            false => String::new(),
        }
    };
    let examples: Vec<Example> = asked
        .shots
        .iter()
        .map(|(question, answer)| Example {
            images: vec![image()],
            question: wording(*question),
            answer: answer.clone(),
            rationale: rationale(*question, answer),
            ..Example::default()
        })
        .collect();
    // The last shot in the prompt is the most similar one.
    let count = examples.len();
    let shots: Vec<(usize, &Example)> = examples
        .iter()
        .enumerate()
        .map(|(at, example)| (count - at, example))
        .collect();
    let built = prompt::build(
        template,
        learner.tokenizer(),
        &manifest.tokens.begin,
        &shots,
        &wording(asked.question),
        1,
        learner.context(),
        MAX_TOKENS,
        &|ids| learner.positions(ids),
    )
    .map_err(|e| e.to_string())?;
    let of = |question: usize| -> Result<Arc<EncodedImage>, String> {
        match asked.blank {
            true => Ok(encoded.blank.clone()),
            false => encoded.images[data.questions[question].image]
                .clone()
                .ok_or_else(|| "an image was not encoded".to_string()),
        }
    };
    let media = asked
        .shots
        .iter()
        .map(|(question, _)| of(*question))
        .chain(std::iter::once(of(asked.question)))
        .collect::<Result<Vec<_>, _>>()?;
    let logits = learner
        .prefill(&built.ids, &media, cancel)
        .map_err(|e| e.to_string())?;
    let id = |token: &str| learner.tokenizer().token_to_id(token);
    let ends: Vec<u32> = id(&manifest.tokens.end_of_chunk).into_iter().collect();
    let forbidden: Vec<u32> = [id(&manifest.tokens.begin), id(&manifest.tokens.image)]
        .into_iter()
        .flatten()
        .collect();
    let decoding = Decoding {
        max_new_tokens: MAX_TOKENS,
        ..Decoding::default()
    };
    let mut stop = template.stop.clone();
    stop.push(template.rationale_marker.clone());
    let generated = generate(
        learner,
        logits,
        &built.ids,
        &decoding,
        &ends,
        &forbidden,
        &stop,
        cancel,
        |_| {},
    )
    .map_err(|e| e.to_string())?;
    // The marker of a rationale is two tokens; the second adds nothing to where the answer ends.
    let sum: f32 = generated.log_probabilities.iter().sum();
    let answer = generated.text.trim().to_string();
    Ok(Said {
        evidence: Evidence {
            probability: (sum + generated.end_log_probability.unwrap_or(0.0)).exp(),
            yes_or_no: is_yes_or_no(&answer),
            shots: asked.evidence(&answer, data, encoded),
        },
        answer,
    })
}

/// The tower's vector of every image of the data.
pub(crate) fn vectors(
    bundle: &Path,
    data: &RadiologyData,
    threads: usize,
) -> Result<Vec<Vec<f32>>, RadiologyError> {
    let all: Vec<usize> = (0..data.images.len()).collect();
    Ok(encoded(bundle, data, &all, threads, |image| image.vector)?)
}

/// The mean vector of some images.
pub(crate) fn mean(vectors: &[Vec<f32>], images: &[usize]) -> Vec<f32> {
    let mut mean = vec![0f32; vectors.first().map_or(0, Vec::len)];
    for &image in images {
        let values = mean.iter_mut().zip(&vectors[image]);
        values.for_each(|(m, v)| *m += v / images.len() as f32);
    }
    mean
}

/// Whether two answers are the same but for case and punctuation.
pub(crate) fn exact(said: &str, wanted: &str) -> bool {
    comparable(said) == comparable(wanted)
}

/// Token F1 of two answers: the harmonic mean of the shares of shared words.
pub(crate) fn f1(said: &str, wanted: &str) -> f32 {
    let count = |text: &str| {
        let mut words: BTreeMap<String, usize> = BTreeMap::new();
        for word in comparable(text).split_whitespace() {
            *words.entry(word.to_string()).or_default() += 1;
        }
        words
    };
    let (said, wanted) = (count(said), count(wanted));
    let total = |words: &BTreeMap<String, usize>| words.values().sum::<usize>() as f32;
    let shared: usize = said
        .iter()
        .map(|(word, n)| (*n).min(wanted.get(word).copied().unwrap_or(0)))
        .sum();
    match shared {
        0 => 0.0,
        shared => 2.0 * shared as f32 / (total(&said) + total(&wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_scored_by_their_words() {
        assert!(exact("XR - Plain film", "xr plain film."));
        assert_eq!(f1("left lung", "the left lung"), 0.8);
        assert_eq!(f1("ct", "mri"), 0.0);
    }
}
