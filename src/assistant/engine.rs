//! One answer from beginning to end, on the model's thread.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::types::{Answer, AssistantError, Case, Event, Provenance, Settings, Timings};
use crate::index::{Example, Index, IndexError, Search};
use crate::model::bundle::Bundle;
use crate::model::error::ModelError;
use crate::model::flamingo::FlamingoLearner;
use crate::model::generate::{StopReason, generate};
use crate::model::{EncodedImage, FewShotLearner, device};
use crate::prompt::{self, Template};
use crate::retrieval::{Query, Strategy, retrieve};
use crate::support::{Cancel, files, sanitise};

/// What to load.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// `None`: what ships.
    pub model: Option<PathBuf>,
    pub index: Option<PathBuf>,
    pub device: String,
    pub search: Search,
}

/// Longest question taken, in characters.
const LONGEST_QUESTION: usize = 8000;
const MOST_IMAGES: usize = 8;
/// Pictures whose latents are kept.
const KEPT_IMAGES: usize = 256;

/// Model, index and what is kept between answers.
pub struct Engine {
    learner: Box<dyn FewShotLearner>,
    index: Index,
    template: Template,
    model_sha256: String,
    encoder: String,
    device: &'static str,
    search: Search,
    kept: HashMap<String, Arc<EncodedImage>>,
}

fn ms(from: Instant) -> f64 {
    (from.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

impl Engine {
    /// Loads model and index and checks that they belong together.
    pub fn load(setup: &Setup) -> Result<Self, AssistantError> {
        let bundle = Bundle::open(setup.model.as_deref())?;
        let (device, name) = device::open(&setup.device)?;
        let encoder = bundle
            .manifest
            .files
            .get(bundle.manifest.weights.first().map_or("", String::as_str))
            .cloned()
            .unwrap_or_default();
        let index = Index::open(setup.index.as_deref())?;
        Ok(Self {
            learner: Box::new(FlamingoLearner::load(&bundle, &device)?),
            template: Template::shipped(&bundle.manifest.template)?,
            model_sha256: bundle.sha256,
            encoder,
            search: setup.search.settled(index.examples.len()),
            index,
            device: name,
            kept: HashMap::new(),
        })
    }

    fn encoded(
        &mut self,
        key: &str,
        load: impl FnOnce(&Self) -> Result<EncodedImage, AssistantError>,
    ) -> Result<Arc<EncodedImage>, AssistantError> {
        if let Some(image) = self.kept.get(key) {
            return Ok(image.clone());
        }
        let image = Arc::new(load(self)?);
        if self.kept.len() >= KEPT_IMAGES {
            self.kept.clear();
        }
        self.kept.insert(key.to_string(), image.clone());
        Ok(image)
    }

    fn shot_image(&mut self, example: &Example) -> Result<Arc<EncodedImage>, AssistantError> {
        self.encoded(&example.image, |engine| {
            let bytes = engine.index.image(example)?;
            let picture =
                crate::imaging::decode(&bytes, &example.id).map_err(|e| IndexError::Damaged {
                    file: format!("images/{}.jpg", example.image),
                    reason: e.to_string(),
                })?;
            Ok(engine.learner.encode_image(&picture)?)
        })
    }

    /// Answers a case. `emit` gets everything but the last event.
    pub fn answer(
        &mut self,
        case: &Case,
        settings: &Settings,
        cancel: &Cancel,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Answer, AssistantError> {
        let started = Instant::now();
        let length = case.question.chars().count();
        if length > LONGEST_QUESTION {
            return Err(AssistantError::LongQuestion(length));
        }
        if case.images.len() > MOST_IMAGES {
            return Err(AssistantError::ManyImages(case.images.len()));
        }
        let question = prompt::plain(&case.question);
        if question.is_empty() {
            return Err(AssistantError::EmptyQuestion);
        }
        let images = case
            .images
            .iter()
            .map(|p| self.encoded(&p.source.sha256, |e| Ok(e.learner.encode_image(p)?)))
            .collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<String> = case
            .images
            .iter()
            .map(|p| p.source.sha256.clone())
            .collect();
        let vectors: Vec<&[f32]> = images.iter().map(|i| i.vector.as_slice()).collect();
        let query = Query {
            vectors: &vectors,
            images: &hashes,
            question: &question,
            patient: case.patient.as_deref(),
            study: case.study.as_deref(),
            seed: settings.decoding.seed,
        };
        let asked = settings.shots;
        // Vectors of another encoder mean nothing to this model; without shots no index is needed.
        if settings.strategy != Strategy::None && self.index.encoder != self.encoder {
            return Err(IndexError::Encoder {
                index: self.index.encoder.chars().take(12).collect(),
                model: self.encoder.chars().take(12).collect(),
            }
            .into());
        }
        let mut shots = retrieve(&self.index, self.search, settings.strategy, &query, asked)?;
        let mut notices = vec![self.learner.manifest().knows.clone()];
        if settings.strategy != Strategy::None && shots.len() < asked {
            notices.push(format!(
                "{} of {asked} shots: the index has no more that fit",
                shots.len()
            ));
        }
        if settings.strategy == Strategy::Image
            && let Some(best) = shots.first()
            && best.score < self.learner.manifest().familiar_similarity
        {
            notices.push(format!(
                "this picture is unlike anything in the index (best similarity {:.2}): do not trust the answer",
                best.score
            ));
        }
        let retrieval_ms = ms(started);
        // Most similar last.
        let order: Vec<&Example> = shots.iter().rev().map(|s| &s.example).collect();
        let manifest = self.learner.manifest().clone();
        let built = prompt::build(
            &self.template,
            self.learner.tokenizer(),
            &manifest.tokens.begin,
            &order,
            &case.question,
            images.len(),
            self.learner.context(),
            settings
                .decoding
                .max_new_tokens
                .min(self.learner.context() / 2),
        )?;
        if built.dropped > 0 {
            shots.truncate(shots.len() - built.dropped);
            notices.push(format!(
                "{} shots left out: the context was full",
                built.dropped
            ));
        }
        emit(Event::Retrieved {
            shots: shots.clone(),
            asked,
            dropped: built.dropped,
        });
        emit(Event::Prompt(built.text.clone()));
        let ordered: Vec<Example> = shots.iter().rev().map(|s| s.example.clone()).collect();
        let provenance = Provenance {
            version: env!("CARGO_PKG_VERSION").to_string(),
            model_sha256: self.model_sha256.clone(),
            prompt_sha256: files::sha256_hex(built.text.as_bytes()),
            template: self.template.name.clone(),
            index_sha256: Some(self.index.sha256.clone()),
            image_sha256: hashes,
            shot_ids: ordered.iter().map(|e| e.id.clone()).collect(),
            strategy: settings.strategy.name().to_string(),
            search: self.search.name().to_string(),
            order: "most similar last".to_string(),
            seed: settings.decoding.seed,
            temperature: settings.decoding.temperature,
            top_p: settings.decoding.top_p,
            top_k: settings.decoding.top_k,
            max_new_tokens: settings.decoding.max_new_tokens,
            beams: settings.decoding.beams,
            length_penalty: settings.decoding.length_penalty,
            repetition_penalty: settings.decoding.penalties.repetition,
            no_repeat_ngram: settings.decoding.penalties.no_repeat_ngram,
            device: self.device.to_string(),
            encoder: self.encoder.clone(),
        };
        let mut answer = Answer {
            answer: String::new(),
            rationale: None,
            stop: StopReason::Length,
            shots,
            notices,
            provenance,
            timings: Timings::default(),
            prompt_tokens: built.ids.len(),
            generated_tokens: 0,
            log_probabilities: Vec::new(),
        };
        if settings.prompt_only {
            return Ok(answer);
        }
        let prefill = Instant::now();
        let mut media = ordered
            .iter()
            .map(|e| self.shot_image(e))
            .collect::<Result<Vec<_>, _>>()?;
        media.extend(images);
        let token = |text: &str| self.learner.tokenizer().token_to_id(text);
        let missing = || {
            ModelError::Tokenizer("the model's end-of-chunk token is not in its tokenizer".into())
        };
        let end = token(&manifest.tokens.end_of_chunk).ok_or_else(missing)?;
        let named = |names: &[String]| names.iter().filter_map(|t| token(t)).collect::<Vec<_>>();
        let mut ends = named(&manifest.tokens.stop);
        ends.push(end);
        let mut forbidden = named(&manifest.tokens.untrained);
        forbidden.extend(token(&manifest.tokens.begin));
        forbidden.extend(token(&manifest.tokens.image));
        let logits = match self.learner.prefill(&built.ids, &media, cancel) {
            Err(ModelError::Cancelled) => {
                answer.stop = StopReason::Cancelled;
                return Ok(answer);
            }
            other => other?,
        };
        let prefill_ms = ms(prefill);
        let decode = Instant::now();
        let mut stream = sanitise::Stream::new();
        let generated = generate(
            self.learner.as_mut(),
            logits,
            &built.ids,
            &settings.decoding,
            &ends,
            &forbidden,
            &self.template.stop,
            cancel,
            |text| emit(Event::Token(stream.push(text))),
        )?;
        let rest = stream.finish();
        if !rest.is_empty() {
            emit(Event::Token(rest));
        }
        let (text, rationale) = self.template.parse(&sanitise::clean(&generated.text));
        if text.is_empty() && generated.stop != StopReason::Cancelled {
            answer.notices.push(match generated.stop {
                StopReason::Length => format!(
                    "cut off after {} tokens, before the answer came: allow more with --max-new-tokens",
                    generated.tokens
                ),
                _ => "the model gave no answer".to_string(),
            });
        }
        answer.answer = text;
        answer.rationale = rationale;
        answer.stop = generated.stop;
        answer.generated_tokens = generated.tokens;
        answer.log_probabilities = generated.log_probabilities;
        answer.timings = Timings {
            retrieval_ms,
            prefill_ms,
            decode_ms: ms(decode),
            total_ms: ms(started),
        };
        Ok(answer)
    }
}
