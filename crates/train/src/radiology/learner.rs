//! Second stage: resampler, gated blocks, match bias and low-rank additions learn from episodes. Tower and decoder are frozen; the tower's
//! features are computed once.

use candle_core::{Device, Result, Tensor};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokenizers::Tokenizer;

use super::data::{RadiologyData, Split};
use super::episodes::{Binding, Contrast, Episode, Episodes, Markers, Organs, Pool, Sequence};
use super::recipe::RadiologyRecipe;
use super::several::Several;
use super::similar::Neighbours;
use super::tower::Features;
use crate::checkpoint::Checkpoint;
use crate::optim::{AdamW, Schedule, gradients};
use crate::report::Report;
use crate::vars::Vars;
use rounds_model::flamingo::{Flamingo, FlamingoConfig, seen_images, text_time, turns};
use rounds_model::ops::{Precision, cross_entropy, with_precision};
use rounds_support::Cancel;
use rounds_support::rng::Rng;

/// Tokens of one forward pass.
const MICRO_BATCH: usize = 640;

/// What the learner's stage works with.
pub(crate) struct LearnerStage<'a> {
    /// The recipe.
    pub recipe: &'a RadiologyRecipe,
    /// Sizes of the model.
    pub config: &'a FlamingoConfig,
    /// Images and questions.
    pub data: &'a RadiologyData,
    /// The tower's features.
    pub features: &'a Features,
    /// Finds shots among the training questions.
    pub neighbours: &'a Neighbours<'a>,
    /// Worked examples of the training images, as the teaching index words them, and what finds shots among them.
    pub worked: (&'a RadiologyData, &'a Neighbours<'a>),
    /// The coarse classes of all images.
    pub coarse: &'a [super::labels::Coarse],
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Ids of the marker tokens.
    pub markers: Markers,
    /// The variables.
    pub vars: &'a Arc<Vars>,
    /// Folder of the run.
    pub folder: &'a Path,
}

/// Sequences of about the same length.
struct Batch {
    /// Where each of them was in the list that was batched.
    positions: Vec<usize>,
    sequences: Vec<Sequence>,
    tokens: usize,
}

impl Batch {
    fn cost(&self) -> usize {
        self.sequences.len() * self.tokens
    }
}

/// Sorts sequences by length and joins neighbours into batches.
fn batches(sequences: Vec<Sequence>) -> Vec<Batch> {
    let mut sequences: Vec<(usize, Sequence)> = sequences.into_iter().enumerate().collect();
    sequences.sort_by_key(|(_, s)| s.ids.len());
    let mut all: Vec<Batch> = Vec::new();
    for (position, sequence) in sequences {
        let tokens = sequence.ids.len();
        match all
            .last_mut()
            .filter(|batch| (batch.sequences.len() + 1) * tokens <= MICRO_BATCH)
        {
            Some(batch) => {
                batch.tokens = tokens;
                batch.positions.push(position);
                batch.sequences.push(sequence);
            }
            None => all.push(Batch {
                positions: vec![position],
                sequences: vec![sequence],
                tokens,
            }),
        }
    }
    all
}

/// Distributes batches so that threads get similar work.
fn shares(mut all: Vec<Batch>, threads: usize) -> Vec<Vec<Batch>> {
    all.sort_by_key(|batch| std::cmp::Reverse(batch.cost()));
    let mut shares: Vec<(usize, Vec<Batch>)> = (0..threads).map(|_| (0, Vec::new())).collect();
    for batch in all {
        if let Some(least) = shares.iter_mut().min_by_key(|(cost, _)| *cost) {
            least.0 += batch.cost();
            least.1.push(batch);
        }
    }
    shares.into_iter().map(|(_, batches)| batches).collect()
}

/// The mean of some vectors, as a turn with several images has it.
fn mean(vectors: &[&[f32]]) -> Vec<f32> {
    let width = vectors.first().map_or(0, |vector| vector.len());
    (0..width)
        .map(|at| vectors.iter().map(|v| v[at]).sum::<f32>() / vectors.len() as f32)
        .collect()
}

/// What is known of the weights in `best.safetensors`.
const BEST: &str = "best.json";

/// The best weights of a run so far.
#[derive(serde::Deserialize)]
pub(super) struct Best {
    score: f32,
    /// The step that they are of.
    pub(super) step: usize,
}

impl Best {
    /// Those of the run in `folder`; `None` where none were kept.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join(BEST)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// What a forward pass found.
struct Outcome {
    loss: Tensor,
    /// For every sequence, whether each token of the last answer was the model's first choice, so that greedy decoding would write it.
    right: Vec<bool>,
}

impl LearnerStage<'_> {
    /// Whether the learner's stage trains the tensor of this name.
    pub(super) fn trained(name: &str) -> bool {
        let added = ["perceiver.", "match_bias.weight", "match_bias.projection"];
        added.iter().any(|prefix| name.starts_with(prefix))
            || name.contains("gated_cross_attn_layers")
            || name.contains("low_rank")
    }

    /// Whether the tensor of this name belongs to the learner and not to the published decoder, to a run's heads or its optimiser.
    pub(super) fn is_own(name: &str) -> bool {
        Self::trained(name)
            || name.starts_with("vision_encoder.")
            || name.starts_with("match_bias.")
    }

    /// The model of the variables, its decoder packed for products in bf16.
    pub(super) fn load(&self) -> Result<Flamingo> {
        let mut model = Flamingo::load(self.config, self.vars.store(&Device::Cpu))?;
        model.language.freeze()?;
        Ok(model)
    }

    /// Runs sequences through the model.
    fn forward(&self, model: &Flamingo, batch: &Batch) -> Result<Outcome> {
        let device = &Device::Cpu;
        let (count, tokens) = (batch.sequences.len(), batch.tokens);
        let largest =
            |of: fn(&Sequence) -> usize| batch.sequences.iter().map(of).max().unwrap_or(1);
        let most = largest(Sequence::image_count);
        let most_turns = largest(|s| s.images.len());
        let mut pairs: Vec<(usize, usize)> = batch
            .sequences
            .iter()
            .flat_map(|s| s.images.concat())
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let (mut ids, mut seen, mut of_token) = (Vec::new(), Vec::new(), Vec::new());
        let (mut rows, mut vectors) = (Vec::new(), Vec::new());
        let (mut picked, mut targets, mut weights, mut scored) = (vec![], vec![], vec![], vec![]);
        for (at, sequence) in batch.sequences.iter().enumerate() {
            let mut padded = sequence.ids.clone();
            padded.resize(tokens, self.markers.end);
            let (image, mask) = (self.markers.image, self.config.media_mask);
            let times = text_time(&padded, image, mask);
            seen.extend(seen_images(&padded, &times, image, mask));
            of_token.extend(turns(&padded, self.markers.image));
            for t in 1..sequence.ids.len() {
                if sequence.weights[t] > 0.0 {
                    picked.push((at * tokens + t - 1) as u32);
                    targets.push(sequence.ids[t]);
                    weights.push(sequence.weights[t]);
                    scored.push(sequence.scored[t].then_some(at));
                }
            }
            ids.extend(padded);
            // Missing images and turns repeat the first one; no token attends to it.
            let mut own = sequence.images.concat();
            own.resize(most, sequence.images[0][0]);
            rows.extend(
                own.iter()
                    .map(|pair| pairs.binary_search(pair).unwrap_or(0) as u32),
            );
            let first = &sequence.images[0];
            for turn in 0..most_turns {
                let images = sequence.images.get(turn).unwrap_or(first);
                let of_images: Vec<&[f32]> = images
                    .iter()
                    .map(|&pair| self.features.vector(pair))
                    .collect();
                vectors.extend(mean(&of_images));
            }
        }
        let latents = model.resampler.forward(&self.features.tokens(&pairs)?)?;
        let (_, each, width) = latents.dims3()?;
        let rows = Tensor::from_vec(rows, count * most, device)?;
        let media = latents
            .index_select(&rows, 0)?
            .reshape((count, most * each, width))?;
        let ids = Tensor::from_vec(ids, (count, tokens), device)?;
        let scores = match &model.match_bias {
            Some(bias) => {
                let vectors =
                    Tensor::from_vec(vectors, (count, most_turns, self.features.width), device)?;
                let similarities = bias.similarities(&vectors)?;
                Some(bias.scores(&similarities, &of_token, Arc::new(of_token.clone()))?)
            }
            None => None,
        };
        let hidden = model.hidden_with_turns(&ids, &media, &seen, scores.as_ref())?;
        let picked = Tensor::new(picked, device)?;
        let hidden = hidden
            .reshape((count * tokens, self.config.language.hidden_size))?
            .index_select(&picked, 0)?;
        let logits = model.language.logits(&hidden)?;
        let values = logits.to_vec2::<f32>()?;
        let mut right = vec![true; count];
        for ((row, &target), sequence) in values.iter().zip(&targets).zip(&scored) {
            let Some(sequence) = *sequence else { continue };
            let own = row[target as usize];
            right[sequence] &= row.iter().all(|v| *v <= own);
        }
        Ok(Outcome {
            loss: cross_entropy(&logits, targets, weights)?,
            right,
        })
    }

    /// An episode as the model sees it, without its first shots where it would not fit.
    fn encode(&self, episode: &Episode) -> Result<Sequence> {
        let (tokenizer, markers) = (self.tokenizer, self.markers);
        let weight = self.recipe.rationale_weight;
        for first in 0..episode.len() {
            let sequence = Sequence::encode(&episode[first..], tokenizer, markers, weight);
            let sequence = sequence.map_err(candle_core::Error::msg)?;
            if sequence.ids.len() <= self.config.language.max_positions {
                return Ok(sequence);
            }
        }
        candle_core::bail!("a question has more tokens than fit into the model")
    }

    /// Trains from `checkpoint.step` on. The weights with the best tuning score are kept in `best.safetensors`.
    pub(crate) fn train(
        &self,
        checkpoint: &mut Checkpoint,
        report: &mut Report,
        cancel: &Cancel,
    ) -> Result<()> {
        let recipe = self.recipe;
        let model = self.load()?;
        let scalar = |name: &str| {
            ["attn_gate", "ff_gate", "match_bias.weight"]
                .iter()
                .any(|part| name.ends_with(part))
        };
        let mut optimiser = AdamW::new(self.vars.select(Self::trained), recipe.weight_decay, 1.0)
            .with_multipliers(|name| match name {
                _ if scalar(name) => recipe.scalar_rate,
                _ if name.contains("low_rank") => recipe.low_rank_rate,
                _ if name.starts_with("match_bias.projection") => 2.0,
                _ => 1.0,
            });
        checkpoint.restore(&mut optimiser)?;
        let stage = &recipe.learner;
        let schedule = Schedule::of(stage);
        let binding = Binding::new(self.coarse, &self.data.images_of(Split::Train));
        let views = self.features.views();
        let pools = [
            Pool::new(self.data, self.neighbours, recipe),
            Pool::new(self.worked.0, self.worked.1, recipe),
        ];
        let episodes = Episodes {
            recipe,
            pools: &pools,
            binding: &binding,
            several: &Several::new(self.data, self.coarse, Split::Train),
            views,
        };
        let singles = (recipe.single_share * stage.steps as f32) as usize;
        if checkpoint.step == 0 && (recipe.patience > 0 || !recipe.started_from.is_empty()) {
            // What the run begins with is what it must improve on.
            self.tune(&model, 0, report)?;
            checkpoint.save(self.vars, &optimiser)?;
        }
        while checkpoint.step < stage.steps
            && !self.is_over(checkpoint.step)
            && !cancel.is_cancelled()
        {
            let step = checkpoint.step;
            let mut rng = Rng::new(recipe.seed).fork((1 << 40) + step as u64);
            let (mut sequences, mut tokens) = (Vec::new(), 0);
            while tokens < stage.batch {
                let sequence = self.encode(&episodes.sample(step < singles, &mut rng))?;
                tokens += sequence.ids.len();
                sequences.push(sequence);
            }
            let total: f32 = sequences.iter().flat_map(|s| &s.weights).sum();
            let parts = shares(batches(sequences), recipe.threads);
            let (loss, counts, grads) =
                gradients(&optimiser.vars, &parts, Precision::Bf16, |batches| {
                    let mut sum = Tensor::zeros((), candle_core::DType::F32, &Device::Cpu)?;
                    let mut counts = vec![0.0; 2];
                    for batch in batches {
                        let found = self.forward(&model, batch)?;
                        counts[0] += found.right.iter().filter(|right| **right).count() as f32;
                        counts[1] += found.right.len() as f32;
                        sum = (sum + found.loss)?;
                    }
                    Ok(((sum / f64::from(total))?, counts))
                })?;
            let norm = optimiser.step(&grads, schedule.rate(step))?;
            checkpoint.step += 1;
            let right = counts[0] / counts[1].max(1.0);
            report.step("learner", step, stage.steps, loss, [right, 0.0], norm);
            if checkpoint.step.is_multiple_of(stage.evaluate_every)
                || checkpoint.step == stage.steps
            {
                self.tune(&model, checkpoint.step, report)?;
                checkpoint.save(self.vars, &optimiser)?;
            }
        }
        checkpoint.save(self.vars, &optimiser)
    }

    /// Whether the last evaluations, as many as the recipe's patience, were no better than one before them.
    fn is_over(&self, step: usize) -> bool {
        let patience = self.recipe.patience * self.recipe.learner.evaluate_every;
        let best = Best::read(self.folder);
        patience > 0 && best.is_some_and(|best| step.saturating_sub(best.step) >= patience)
    }

    /// Judges the model on the tuning split and keeps it if it is the best so far.
    fn tune(&self, model: &Flamingo, step: usize, report: &mut Report) -> Result<()> {
        let (score, shares) = self.evaluate(model, Split::Tune, self.recipe.tuning_questions)?;
        report.shares("learner", step, &shares);
        if Best::read(self.folder).is_none_or(|best| score > best.score) {
            let weights = self.vars.select(|name| !name.starts_with("heads."));
            let weights: std::collections::HashMap<String, Tensor> = weights
                .into_iter()
                .map(|(name, var)| (name, var.as_tensor().clone()))
                .collect();
            candle_core::safetensors::save(&weights, self.folder.join("best.safetensors.new"))?;
            std::fs::rename(
                self.folder.join("best.safetensors.new"),
                self.folder.join("best.safetensors"),
            )?;
            let text = serde_json::json!({ "score": score, "step": step, "tuning": shares });
            let file = self.folder.join(BEST);
            rounds_support::files::write_atomic(&file, text.to_string().as_bytes())
                .map_err(candle_core::Error::wrap)?;
        }
        Ok(())
    }

    /// The shares of right answers on a split by set and number of shots, and of made-up names by contrast; and a score that sums them up.
    fn evaluate(
        &self,
        model: &Flamingo,
        split: Split,
        questions: usize,
    ) -> Result<(f32, BTreeMap<String, f32>)> {
        let mut rng = Rng::new(self.recipe.seed ^ 0x7E57);
        let mut named: Vec<(String, Episode)> = Vec::new();
        let all = self.data.questions_of(split);
        let binding = Binding::new(self.coarse, &self.data.images_of(split));
        let pool = Pool::new(self.data, self.neighbours, self.recipe);
        let several = Several::new(self.data, self.coarse, split);
        let sets = self.data.sets();
        for set in &sets {
            let of_set = |q: &&usize| self.data.images[self.data.questions[**q].image].set == *set;
            let mut own: Vec<usize> = all.iter().filter(of_set).copied().collect();
            rng.shuffle(&mut own);
            own.truncate(questions / sets.len());
            for question in own {
                for shots in [0, 4] {
                    let mut near = self.neighbours.of(question, shots);
                    near.reverse();
                    near.push(question);
                    let episode = near
                        .into_iter()
                        .map(|q| pool.turn(q, 1, false, &mut rng))
                        .collect();
                    named.push((format!("{} k={shots}", set.name()), episode));
                }
            }
        }
        // Where nothing of the kind is trained, nothing of it is asked.
        let asked = |share: f32, questions: usize| match share > 0.0 {
            true => questions,
            false => 0,
        };
        for contrast in Contrast::ALL {
            for _ in 0..asked(self.recipe.binding_share, questions / 5) {
                if let Some(pair) = binding.pair(contrast, Organs::Trained, &mut rng) {
                    let episode = binding.episode(pair, 4, 1, true, false, &mut rng);
                    named.push((format!("names {}", contrast.name()), episode));
                }
            }
        }
        for _ in 0..asked(self.recipe.several_share, questions / 4) {
            if let Some((task, turn)) = several.turn(1, &mut rng) {
                named.push((format!("images {}", task.name()), vec![turn]));
            }
        }
        let right = self.right(model, &named)?;
        let mut counts: BTreeMap<String, (f32, f32)> = BTreeMap::new();
        for ((name, _), right) in named.iter().zip(right) {
            let slot = counts.entry(name.clone()).or_default();
            slot.0 += f32::from(u8::from(right));
            slot.1 += 1.0;
        }
        let shares: BTreeMap<String, f32> = counts
            .into_iter()
            .map(|(name, (right, asked))| (name, right / asked))
            .collect();
        let mean = |part: &str| {
            let found: Vec<f32> = shares
                .iter()
                .filter(|(name, _)| name.contains(part))
                .map(|(_, share)| *share)
                .collect();
            found.iter().sum::<f32>() / found.len().max(1) as f32
        };
        let score =
            0.3 * mean("k=0") + 0.35 * mean("k=4") + 0.25 * mean("names ") + 0.1 * mean("images ");
        Ok((score, shares))
    }

    /// Whether the model answers each episode right.
    pub(super) fn right(&self, model: &Flamingo, named: &[(String, Episode)]) -> Result<Vec<bool>> {
        let sequences = named.iter().map(|(_, episode)| self.encode(episode));
        let mut groups = batches(sequences.collect::<Result<_>>()?);
        // Each thread gets a share of the list in its order, so long and short ones take turns.
        let threads = self.recipe.threads.max(1);
        let mut turn = 0;
        groups.sort_by_cached_key(|_| {
            turn += 1;
            turn % threads
        });
        let found = super::tower::in_threads(&groups, threads, |groups| {
            with_precision(Precision::Bf16, || {
                groups
                    .iter()
                    .map(|batch| Ok(self.forward(model, batch)?.right))
                    .collect::<Result<Vec<_>>>()
            })
        })?;
        let mut right = vec![false; named.len()];
        for (batch, found) in groups.iter().zip(found) {
            for (at, value) in batch.positions.iter().zip(found) {
                right[*at] = value;
            }
        }
        Ok(right)
    }
}
