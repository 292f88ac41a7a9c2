//! The stages after the tower: resampler, gated blocks and decoder learn to answer, first from the tower's cached features,
//! then, briefly, together with the tower.

use candle_core::{Device, Result, Tensor};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokenizers::Tokenizer;

use super::checkpoint::Checkpoint;
use super::episodes::{EpisodeMix, EpisodeSampler, Markers, Sequence};
use super::optim::{AdamW, Schedule, gradients};
use super::pool::Pool;
use super::recipe::{NanoRecipe, Stage};
use super::report::Report;
use super::targets::Layout;
use super::tower::Features;
use super::vars::Vars;
use rounds_model::flamingo::{
    Flamingo, FlamingoConfig, MediaMask, SeenImages, seen_images, text_time,
};
use rounds_model::ops::{choice_loss, cross_entropy, linear};
use rounds_model::store::Store;
use rounds_support::Cancel;
use rounds_support::rng::Rng;

/// Where a stage's image features come from.
pub(crate) enum VisionSource<'a> {
    /// Cached features; the tower is frozen.
    Cached(&'a Features),
    /// The tower runs and is trained.
    Live,
}

/// What a stage works with.
pub(crate) struct StageContext<'a> {
    /// The recipe.
    pub recipe: &'a NanoRecipe,
    /// Sizes of the model.
    pub config: &'a FlamingoConfig,
    /// The trainable weights.
    pub vars: &'a Arc<Vars>,
    /// The training images.
    pub pool: &'a Pool,
    /// The tower's features of the pool.
    pub features: &'a Features,
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Ids of the marker tokens.
    pub markers: &'a Markers,
    /// The device to train on.
    pub device: &'a Device,
}

/// Sequences padded on the right to the same length, with their images.
pub(crate) struct Batch {
    ids: Tensor,
    seen: Vec<SeenImages>,
    images: Vec<usize>,
    images_each: usize,
    /// Rows of the flattened hidden states that predict a token; with the token, its weight and the turn it is scored with.
    rows: Vec<u32>,
    targets: Vec<u32>,
    weights: Vec<f32>,
    scored: Vec<Option<(Task, usize)>>,
}

/// The task of a scored turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Teaching,
    Binding,
}

impl Batch {
    /// Pads and joins `sequences`.
    pub(crate) fn new(sequences: &[Sequence], markers: &Markers, device: &Device) -> Result<Self> {
        let tokens = sequences.iter().map(|s| s.ids.len()).max().unwrap_or(1);
        let images_each = sequences.iter().map(|s| s.images.len()).max().unwrap_or(1);
        let (mut ids, mut seen, mut images) = (Vec::new(), Vec::new(), Vec::new());
        let (mut rows, mut targets, mut weights, mut scored) = (vec![], vec![], vec![], vec![]);
        for (i, sequence) in sequences.iter().enumerate() {
            let mut padded = sequence.ids.clone();
            padded.resize(tokens, markers.end_of_chunk);
            let times = text_time(&padded, markers.image, MediaMask::Previous);
            seen.extend(seen_images(
                &padded,
                &times,
                markers.image,
                MediaMask::Previous,
            ));
            for t in 1..sequence.ids.len() {
                if sequence.weights[t] > 0.0 {
                    rows.push((i * tokens + t - 1) as u32);
                    targets.push(sequence.ids[t]);
                    weights.push(sequence.weights[t]);
                    let task = if sequence.binding {
                        Task::Binding
                    } else {
                        Task::Teaching
                    };
                    scored.push(sequence.scored[t].map(|turn| (task, 64 * i + turn)));
                }
            }
            ids.extend(padded);
            // Pad missing images with any image; no token attends to it.
            let filler = sequence.images.first().copied().unwrap_or(0);
            let mut mine = sequence.images.clone();
            mine.resize(images_each, filler);
            images.extend(mine);
        }
        Ok(Self {
            ids: Tensor::from_vec(ids, (sequences.len(), tokens), device)?,
            seen,
            images,
            images_each,
            rows,
            targets,
            weights,
            scored,
        })
    }

    fn total_weight(&self) -> f32 {
        self.weights.iter().sum()
    }
}

/// A classifier of the phantom's attributes on the mean of the latents, for training only: it makes the resampler preserve what
/// the tower sees while the decoder has not yet learnt to use it.
struct LatentHead {
    layout: Layout,
    weight: Tensor,
}

/// Weight of its loss relative to the loss of the answers.
const LATENT_WEIGHT: f64 = 0.05;

impl LatentHead {
    fn load(width: usize, store: Store) -> Result<Self> {
        let layout = Layout::new();
        let init = candle_nn::Init::Randn {
            mean: 0.0,
            stdev: 1.0 / (width as f64).sqrt(),
        };
        Ok(Self {
            weight: store.get((layout.width, width), "latents", init)?,
            layout,
        })
    }

    /// Summed loss over images; `latents` is `[images, latents, width]`.
    fn loss(&self, latents: &Tensor, pool: &Pool, images: &[usize]) -> Result<Tensor> {
        let (mut choices, mut kinds) = (Vec::new(), Vec::new());
        for (row, &image) in images.iter().enumerate() {
            self.layout
                .global(row, &pool.phantoms[image], &mut choices, &mut kinds);
        }
        choice_loss(&linear(&latents.mean(1)?, &self.weight, None)?, choices)
    }
}

/// Weighted loss sum of a batch; then right and total scored turns of teaching, and the same of binding. `images` are the
/// batch's different images, sorted, and `latents` their latents.
fn loss(
    model: &Flamingo,
    batch: &Batch,
    images: &[usize],
    latents: &Tensor,
    device: &Device,
) -> Result<(Tensor, Vec<f32>)> {
    let (_, count, width) = latents.dims3()?;
    let sequences = batch.images.len() / batch.images_each;
    let rows: Vec<u32> = batch
        .images
        .iter()
        .map(|image| images.binary_search(image).unwrap_or(0) as u32)
        .collect();
    let rows = Tensor::from_vec(rows, batch.images.len(), device)?;
    let media =
        latents
            .index_select(&rows, 0)?
            .reshape((sequences, batch.images_each * count, width))?;
    let hidden = model.hidden(&batch.ids, &media, &batch.seen)?;
    let (_, _, size) = hidden.dims3()?;
    let rows = Tensor::from_vec(batch.rows.clone(), batch.rows.len(), device)?;
    let picked = hidden.reshape(((), size))?.index_select(&rows, 0)?;
    let logits = model.language.logits(&picked)?;
    let best = logits.argmax(1)?.to_vec1::<u32>()?;
    // A turn is right if every token is the model's first choice, so that greedy decoding would give exactly this text.
    let mut turns = BTreeMap::new();
    for ((best, target), scored) in best.iter().zip(&batch.targets).zip(&batch.scored) {
        if let Some(turn) = scored {
            *turns.entry(*turn).or_insert(true) &= best == target;
        }
    }
    let mut counts = vec![0.0; 4];
    for ((task, _), right) in turns {
        let at = 2 * usize::from(task == Task::Binding);
        counts[at] += f32::from(right);
        counts[at + 1] += 1.0;
    }
    let loss = cross_entropy(&logits, batch.targets.clone(), batch.weights.clone())?;
    Ok((loss, counts))
}

/// Runs a stage from `checkpoint.step` on.
#[expect(clippy::too_many_arguments, reason = "a stage needs its whole context")]
pub(crate) fn train(
    context: &StageContext,
    name: &str,
    stage: &Stage,
    mix: EpisodeMix,
    vision: &VisionSource,
    checkpoint: &mut Checkpoint,
    report: &mut Report,
    cancel: &Cancel,
) -> Result<()> {
    let model = Flamingo::load(context.config, context.vars.store(context.device))?;
    let head = LatentHead::load(
        context.config.latent_width(),
        context.vars.store(context.device).pp("heads"),
    )?;
    let live = matches!(vision, VisionSource::Live);
    let trained = context.vars.select(|name| {
        name == "heads.latents"
            || !name.starts_with("heads.") && (live || !name.starts_with("vision_encoder."))
    });
    let mut optimiser = AdamW::new(trained, context.recipe.weight_decay, 1.0);
    checkpoint.restore(&mut optimiser)?;
    let sampler = EpisodeSampler::new(context.pool, Some(context.features));
    let schedule = Schedule::of(stage);
    let pixel_norm = super::recipe::pixel_norm();
    while checkpoint.step < stage.steps && !cancel.is_cancelled() {
        let step = checkpoint.step;
        let salt = ((checkpoint.stage as u64) << 40) + step as u64;
        let mut rng = Rng::new(context.recipe.seed).fork(salt);
        let episodes: Vec<_> = (0..stage.batch)
            .flat_map(|_| match mix {
                EpisodeMix::Drill => sampler.drill(&mut rng),
                EpisodeMix::Full => vec![sampler.sample(&mut rng)],
            })
            .collect();
        let mut sequences = episodes
            .iter()
            .map(|episode| Sequence::encode(episode, context.tokenizer, context.markers))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(candle_core::Error::msg)?;
        // Batch sequences of similar length to reduce padding, and distribute batches so that threads get similar work.
        sequences.sort_by_key(|s| s.ids.len());
        let micro = 2 * context.recipe.threads;
        let mut groups: Vec<Vec<Batch>> = (0..context.recipe.threads).map(|_| Vec::new()).collect();
        let mut total = 0.0;
        for (i, chunk) in sequences
            .chunks(episodes.len().div_ceil(micro).max(1))
            .enumerate()
        {
            let batch = Batch::new(chunk, context.markers, context.device)?;
            total += batch.total_weight();
            let turn = i % (2 * groups.len());
            let slot = turn.min(2 * groups.len() - 1 - turn);
            groups[slot].push(batch);
        }
        let seed = rng.next_u64();
        let (value, counts, grads) = gradients(
            &optimiser.vars,
            &groups,
            context.recipe.precision,
            |batches| {
                let mut sum: Option<Tensor> = None;
                let mut counts = vec![0.0; 4];
                for batch in batches {
                    let mut images = batch.images.clone();
                    images.sort_unstable();
                    images.dedup();
                    let patches = match vision {
                        VisionSource::Cached(features) => {
                            features.batch(&images, context.device)?
                        }
                        VisionSource::Live => {
                            let mut rng = Rng::new(seed).fork(images[0] as u64);
                            let pixels = context.pool.batch(
                                &images,
                                &pixel_norm,
                                Some(&mut rng),
                                context.device,
                            )?;
                            model.tower.forward(&pixels)?.tokens
                        }
                    };
                    let latents = model.resampler.forward(&patches)?;
                    let latent_loss = head.loss(&latents, context.pool, &images)?;
                    let (value, right) = loss(&model, batch, &images, &latents, context.device)?;
                    counts.iter_mut().zip(&right).for_each(|(a, b)| *a += b);
                    let value = (value + (latent_loss * LATENT_WEIGHT)?)?;
                    sum = Some(match sum {
                        None => value,
                        Some(sum) => (sum + value)?,
                    });
                }
                let sum = match sum {
                    Some(sum) => sum,
                    None => candle_core::bail!("a training thread got no episode"),
                };
                Ok(((sum / f64::from(total))?, counts))
            },
        )?;
        let norm = optimiser.step(&grads, schedule.rate(step))?;
        checkpoint.step += 1;
        report.step(
            name,
            step,
            stage.steps,
            value,
            [
                counts[0] / counts[1].max(1.0),
                counts[2] / counts[3].max(1.0),
            ],
            norm,
        );
        if checkpoint.step.is_multiple_of(stage.evaluate_every) {
            checkpoint.save(context.vars, &optimiser)?;
        }
    }
    checkpoint.save(context.vars, &optimiser)
}
