//! One answer from beginning to end.

use std::sync::Arc;
use std::time::Instant;

use super::engine::Engine;
use super::types::{
    Answer, AssistantError, Case, Event, LONGEST_QUESTION, MOST_IMAGES, Provenance, Ranked,
    Settings, Timings,
};
use crate::index::ingest::Embedder;
use crate::index::{Example, Search};
use crate::model::EncodedImage;
use crate::model::error::ModelError;
use crate::model::generate::score::rank;
use crate::model::generate::{StopReason, generate};
use crate::prompt::{self, Prompt};
use crate::retrieval::{Found, Plan, Query, Strategy, retrieve};
use crate::support::{Cancel, files, sanitise};

const MOST_OPTIONS: usize = 32;

fn ms(from: Instant) -> f64 {
    (from.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

/// Errors where a request cannot be answered as it is.
fn check(case: &Case, settings: &Settings) -> Result<(), AssistantError> {
    let length = case.question.chars().count();
    if length > LONGEST_QUESTION {
        return Err(AssistantError::LongQuestion(length));
    }
    if case.images.len() > MOST_IMAGES {
        return Err(AssistantError::ManyImages(case.images.len()));
    }
    if prompt::plain(&case.question).is_empty() {
        return Err(AssistantError::EmptyQuestion);
    }
    if settings.options.len() > MOST_OPTIONS {
        return Err(AssistantError::Refused(format!(
            "{} options to rank; at most {MOST_OPTIONS} are taken",
            settings.options.len()
        )));
    }
    let blank = |option: &String| prompt::plain(option).is_empty();
    if settings.options.iter().any(blank) {
        return Err(AssistantError::Refused("an option to rank is empty".into()));
    }
    Ok(())
}

impl Engine {
    /// Answers a case. `emit` gets everything but the last event.
    pub fn answer(
        &mut self,
        case: &Case,
        settings: &Settings,
        cancel: &Cancel,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Answer, AssistantError> {
        let (started, encoded_before) = (Instant::now(), self.encoded);
        check(case, settings)?;
        let images = case
            .images
            .iter()
            .map(|p| self.kept(&p.source.sha256, |engine| engine.encode(p)))
            .collect::<Result<Vec<_>, _>>()?;
        let Found {
            mut shots,
            mut notices,
            instead,
            search,
        } = self.choose(case, settings, &images)?;
        notices.insert(0, self.learner.manifest().knows.clone());
        let retrieval_ms = ms(started);
        let built = self.prompt(case, settings, &shots)?;
        let kept = shots.len() - built.dropped;
        // In the order of the prompt: shuffling what is left would be another order.
        let seed = settings.decoding.seed;
        let ordered: Vec<Example> = settings
            .order
            .arrange(&shots, seed)
            .into_iter()
            .filter(|shot| shot.rank <= kept)
            .map(|shot| shot.example.clone())
            .collect();
        if built.dropped > 0 {
            shots.truncate(kept);
            notices.push(format!(
                "{} shots left out: the context was full",
                built.dropped
            ));
        }
        emit(Event::Retrieved {
            shots: shots.clone(),
            asked: settings.shots,
            dropped: built.dropped,
        });
        emit(Event::Prompt(built.text.clone()));
        let mut answer = Answer {
            answer: String::new(),
            rationale: None,
            stop: StopReason::Length,
            provenance: self.provenance(case, settings, (instead, search), &built, &ordered),
            shots,
            notices,
            timings: Timings::default(),
            prompt_tokens: built.ids.len(),
            generated_tokens: 0,
            log_probabilities: Vec::new(),
            ranking: Vec::new(),
        };
        if settings.prompt_only {
            return Ok(answer);
        }
        let prefill = Instant::now();
        let mut media = Vec::new();
        for example in &ordered {
            if cancel.is_cancelled() {
                answer.stop = StopReason::Cancelled;
                answer.timings.total_ms = ms(started);
                return Ok(answer);
            }
            media.extend(self.shot_images(example)?);
        }
        media.extend(images);
        answer.timings.images_encoded = self.encoded - encoded_before;
        let logits = match self.learner.prefill(&built.ids, &media, cancel) {
            Err(ModelError::Cancelled) => {
                answer.stop = StopReason::Cancelled;
                return Ok(answer);
            }
            other => other?,
        };
        let prefill_ms = ms(prefill);
        let decode = Instant::now();
        let written = self.generate(&built, settings, logits, cancel, emit, &mut answer)?;
        if !settings.options.is_empty() && answer.stop != StopReason::Cancelled {
            match self.rank(&built, &written, settings, &media, cancel) {
                Ok(ranking) => answer.ranking = ranking,
                Err(AssistantError::Model(ModelError::TooLong { tokens, limit })) => {
                    answer.notices.push(format!(
                        "the options were not ranked: they take {tokens} tokens, and the context has {limit}"
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        answer.timings = Timings {
            retrieval_ms,
            prefill_ms,
            decode_ms: ms(decode),
            total_ms: ms(started),
            ..answer.timings
        };
        Ok(answer)
    }

    /// The shots of a case.
    fn choose(
        &self,
        case: &Case,
        settings: &Settings,
        images: &[Arc<EncodedImage>],
    ) -> Result<Found, AssistantError> {
        let own: Vec<(String, u64)> = case
            .images
            .iter()
            .flat_map(|p| {
                let looks = crate::imaging::looks(p).into_iter();
                looks.map(|look| (p.source.sha256.clone(), look))
            })
            .collect();
        let question = prompt::plain(&case.question);
        let refused = |e: String| AssistantError::Refused(e);
        let (other, text) = match &self.comparer {
            None => (Vec::new(), None),
            Some(comparer) => {
                let pictures = case.images.iter();
                let vectors = pictures
                    .map(|p| Ok(comparer.picture(p)?.into_iter().next().unwrap_or_default()))
                    .collect::<Result<Vec<_>, String>>()
                    .map_err(refused)?;
                let text = comparer.text(&question).map_err(refused)?;
                (vectors, text.into_iter().next().flatten())
            }
        };
        let vectors: Vec<&[f32]> = match &self.comparer {
            None => images.iter().map(|i| i.vector.as_slice()).collect(),
            Some(_) => other.iter().map(Vec::as_slice).collect(),
        };
        let query = Query {
            encoder: &self.encoder,
            vectors: &vectors,
            text: text.as_deref(),
            images: &own,
            question: &question,
            patient: case.patient.as_deref(),
            study: case.study.as_deref(),
            seed: settings.decoding.seed,
        };
        let plan = Plan {
            shots: settings.shots,
            strategy: settings.strategy,
            search: self.search,
            floor: settings.floor,
            filter: settings.filter.clone(),
            pinned: settings.pinned.clone(),
            excluded: settings.excluded.clone(),
        };
        let mut found = retrieve(&self.index, &query, &plan)?;
        // The threshold was measured with the model's own tower.
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
        Ok(found)
    }

    fn prompt(
        &self,
        case: &Case,
        settings: &Settings,
        shots: &[crate::retrieval::Shot],
    ) -> Result<Prompt, AssistantError> {
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
        case: &Case,
        settings: &Settings,
        (instead, search): (Option<Strategy>, Option<Search>),
        built: &Prompt,
        ordered: &[Example],
    ) -> Provenance {
        let decoding = &settings.decoding;
        let strategy = instead.unwrap_or(settings.strategy);
        let search = search.unwrap_or(Search::Exact);
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

    /// Generates after a prefill and fills `answer`; returns all generated text.
    fn generate(
        &mut self,
        built: &Prompt,
        settings: &Settings,
        logits: Vec<f32>,
        cancel: &Cancel,
        emit: &mut dyn FnMut(Event),
        answer: &mut Answer,
    ) -> Result<String, AssistantError> {
        let manifest = self.learner.manifest().clone();
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
        Ok(generated.text)
    }

    /// Ranks the options where the answer stands: behind the prompt, or behind the model's own rationale where its template
    /// puts that first.
    fn rank(
        &mut self,
        built: &Prompt,
        written: &str,
        settings: &Settings,
        media: &[Arc<EncodedImage>],
        cancel: &Cancel,
    ) -> Result<Vec<Ranked>, AssistantError> {
        let marker = self.template.answer_marker.clone();
        let text = match self.template.rationale_first() {
            false => built.text.clone(),
            true => {
                let rationale = written.split(marker.as_str()).next().unwrap_or("");
                format!("{}{} {marker}", built.text, rationale.trim_end())
            }
        };
        let encode = |text: &str| {
            let encoding = self.learner.tokenizer().encode(text, false);
            encoding
                .map(|e| e.get_ids().to_vec())
                .map_err(|e| ModelError::Tokenizer(e.to_string()))
        };
        let ids = encode(&text)?;
        let options = settings.options.iter().map(|o| prompt::plain(o));
        let options: Vec<String> = options.collect();
        // What the option adds to the prompt, not its tokens by themselves: spaces and merges may differ.
        let continuations = options
            .iter()
            .map(|option| {
                let whole = encode(&format!("{text} {option}"))?;
                match whole.strip_prefix(ids.as_slice()) {
                    Some(rest) => Ok(rest.to_vec()),
                    None => encode(&format!(" {option}")),
                }
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        let longest = continuations.iter().map(Vec::len).max().unwrap_or(0);
        let (tokens, limit) = (ids.len() + longest, self.learner.context());
        if tokens > limit {
            return Err(ModelError::TooLong { tokens, limit }.into());
        }
        let logits = match self.learner.prefill(&ids, media, cancel) {
            Err(ModelError::Cancelled) => return Ok(Vec::new()),
            other => other?,
        };
        let likelihoods = match rank(self.learner.as_mut(), &logits, &continuations, cancel) {
            Err(ModelError::Cancelled) => return Ok(Vec::new()),
            other => other?,
        };
        let mut ranked: Vec<Ranked> = options
            .into_iter()
            .zip(likelihoods)
            .map(|(option, likelihood)| Ranked {
                option,
                log_probability: likelihood.sum,
                per_token: likelihood.mean,
            })
            .collect();
        ranked.sort_by(|a, b| b.per_token.total_cmp(&a.per_token));
        Ok(ranked)
    }
}
