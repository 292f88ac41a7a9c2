//! First stage: trains the vision tower on the phantoms' attributes.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::Init;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::optim::{AdamW, Schedule, gradients};
use super::pool::Pool;
use super::recipe::NanoRecipe;
use super::report::Report;
use super::targets::{Layout, TargetKind};
use super::vars::Vars;
use rounds_model::flamingo::FlamingoConfig;
use rounds_model::ops::{Choice, choice_loss, linear};
use rounds_model::store::Store;
use rounds_model::vision::{VisionConfig, VisionOutput, VisionTower};
use rounds_support::Cancel;
use rounds_support::rng::Rng;

/// Classifiers on top of the tower, for training only (names `heads.*`).
pub(crate) struct Heads {
    layout: Layout,
    pooled: Tensor,
    mean: Tensor,
    patch: Tensor,
}

impl Heads {
    /// Creates or loads the heads.
    pub(crate) fn load(config: &FlamingoConfig, store: Store) -> Result<Self> {
        let layout = Layout::new();
        let init = |width: usize| Init::Randn {
            mean: 0.0,
            stdev: 1.0 / (width as f64).sqrt(),
        };
        let (width, embed) = (config.vision.width(), config.vision.vector_width());
        Ok(Self {
            pooled: store.get((layout.width, embed), "pooled", init(embed))?,
            mean: store.get((layout.width, width), "mean", init(width))?,
            patch: store.get((layout.patch_classes, width), "patch", init(width))?,
            layout,
        })
    }

    /// Summed loss over a batch, and for each classification its kind and whether the mean of the patch tokens got it right.
    pub(crate) fn loss(
        &self,
        output: &VisionOutput,
        pool: &Pool,
        images: &[usize],
    ) -> Result<(Tensor, Vec<(TargetKind, bool)>)> {
        let (batch, patches, width) = output.tokens.dims3()?;
        let grid = (patches as f64).sqrt() as usize;
        let (mut global, mut kinds, mut local) = (Vec::new(), Vec::new(), Vec::new());
        for (row, &image) in images.iter().enumerate() {
            let phantom = &pool.phantoms[image];
            self.layout.global(row, phantom, &mut global, &mut kinds);
            self.layout
                .patches(row * patches, phantom, grid, &mut local);
        }
        let mean = linear(&output.tokens.mean(1)?, &self.mean, None)?;
        let pooled = linear(&output.pooled, &self.pooled, None)?;
        let patch = linear(
            &output.tokens.reshape((batch * patches, width))?,
            &self.patch,
            None,
        )?;
        let report = kinds.into_iter().zip(hits(&mean, &global)?).collect();
        let local_loss = (choice_loss(&patch, local)? * (3.0 / patches as f64))?;
        let loss = (choice_loss(&mean, global.clone())? + choice_loss(&pooled, global)?)?;
        Ok(((loss + local_loss)?, report))
    }
}

fn hits(logits: &Tensor, choices: &[Choice]) -> Result<Vec<bool>> {
    let rows = logits.to_dtype(candle_core::DType::F32)?.to_vec2::<f32>()?;
    Ok(choices
        .iter()
        .map(|c| {
            let row = &rows[c.row][c.from..c.from + c.classes];
            row.iter().all(|v| *v <= row[c.target])
        })
        .collect())
}

/// Trains the tower from `checkpoint.step` on. If cancelled, saves everything and returns early.
#[expect(clippy::too_many_arguments, reason = "a stage needs its whole context")]
pub(crate) fn train(
    recipe: &NanoRecipe,
    config: &FlamingoConfig,
    vars: &Arc<Vars>,
    pool: &Pool,
    held_out: &Pool,
    checkpoint: &mut Checkpoint,
    report: &mut Report,
    device: &Device,
    cancel: &Cancel,
) -> Result<()> {
    let store = vars.store(device);
    let tower = VisionTower::load(&config.vision, store.pp("vision_encoder"))?;
    let heads = Heads::load(config, store.pp("heads"))?;
    let trained =
        vars.select(|name| name.starts_with("vision_encoder.") || name.starts_with("heads."));
    let mut optimiser = AdamW::new(trained, recipe.weight_decay, 1.0);
    checkpoint.restore(&mut optimiser)?;
    let stage = &recipe.tower;
    let schedule = Schedule::of(stage);
    let norm = super::recipe::pixel_norm();
    while checkpoint.step < stage.steps && !cancel.is_cancelled() {
        let step = checkpoint.step;
        let mut rng = Rng::new(recipe.seed).fork(0x0070_0000 + step as u64);
        let parts: Vec<(Vec<usize>, u64)> = (0..recipe.threads)
            .map(|_| {
                let images = (0..stage.batch / recipe.threads)
                    .map(|_| rng.below(pool.len()))
                    .collect();
                (images, rng.next_u64())
            })
            .collect();
        let (loss, counts, grads) = gradients(
            &optimiser.vars,
            &parts,
            recipe.precision,
            |(images, seed)| {
                let pixels = pool.batch(images, &norm, Some(&mut Rng::new(*seed)), device)?;
                let (loss, hits) = heads.loss(&tower.forward(&pixels)?, pool, images)?;
                let right = hits.iter().filter(|(_, right)| *right).count();
                let counts = vec![right as f32, hits.len() as f32];
                Ok(((loss / stage.batch as f64)?, counts))
            },
        )?;
        let norm = optimiser.step(&grads, schedule.rate(step))?;
        checkpoint.step += 1;
        report.step(
            "tower",
            step,
            stage.steps,
            loss,
            [counts[0] / counts[1].max(1.0), 0.0],
            norm,
        );
        if checkpoint.step.is_multiple_of(stage.evaluate_every) || checkpoint.step == stage.steps {
            let (share, by_kind) = evaluate(&tower, &heads, held_out, device)?;
            report.held_out("tower", checkpoint.step, share, &by_kind);
            checkpoint.save(vars, &optimiser)?;
        }
    }
    checkpoint.save(vars, &optimiser)
}

/// Accuracy of the attributes on held-out phantoms, from the mean of the patch tokens; overall and by kind.
fn evaluate(
    tower: &VisionTower,
    heads: &Heads,
    pool: &Pool,
    device: &Device,
) -> Result<(f32, BTreeMap<TargetKind, f32>)> {
    let norm = super::recipe::pixel_norm();
    let mut counts: BTreeMap<TargetKind, (f32, f32)> = BTreeMap::new();
    let all: Vec<usize> = (0..pool.len()).collect();
    for images in all.chunks(32) {
        let output = tower.forward(&pool.batch(images, &norm, None, device)?)?;
        for (kind, right) in heads.loss(&output, pool, images)?.1 {
            let slot = counts.entry(kind).or_default();
            slot.0 += f32::from(u8::from(right));
            slot.1 += 1.0;
        }
    }
    let right: f32 = counts.values().map(|c| c.0).sum();
    let asked: f32 = counts.values().map(|c| c.1).sum();
    let by_kind = counts.into_iter().map(|(s, c)| (s, c.0 / c.1)).collect();
    Ok((right / asked, by_kind))
}

/// Features of every image in a pool: patch tokens `[images, patches, width]` as f16 values, and unit pooled vectors.
pub(crate) fn features(
    config: &VisionConfig,
    tower: &VisionTower,
    pool: &Pool,
    device: &Device,
    threads: usize,
) -> Result<Features> {
    let norm = super::recipe::pixel_norm();
    let all: Vec<usize> = (0..pool.len()).collect();
    let per_thread = all.len().div_ceil(threads);
    let parts: Vec<Result<(Vec<half::f16>, Vec<f32>)>> = std::thread::scope(|scope| {
        let handles: Vec<_> = all
            .chunks(per_thread.max(1))
            .map(|mine| {
                scope.spawn(move || {
                    let (mut tokens, mut pooled) = (Vec::new(), Vec::new());
                    for images in mine.chunks(32) {
                        let output = tower.forward(&pool.batch(images, &norm, None, device)?)?;
                        let wide = output
                            .tokens
                            .contiguous()?
                            .flatten_all()?
                            .to_vec1::<f32>()?;
                        tokens.extend(wide.into_iter().map(half::f16::from_f32));
                        let length = output.pooled.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
                        pooled.extend(
                            output
                                .pooled
                                .broadcast_div(&length)?
                                .flatten_all()?
                                .to_vec1::<f32>()?,
                        );
                    }
                    Ok((tokens, pooled))
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|h| {
                h.join()
                    .unwrap_or_else(|_| candle_core::bail!("a thread panicked"))
            })
            .collect()
    });
    let mut features = Features {
        patches: config.tokens(),
        width: config.width(),
        embed_dim: config.vector_width(),
        tokens: Vec::new(),
        pooled: Vec::new(),
    };
    for part in parts {
        let (tokens, pooled) = part?;
        features.tokens.extend(tokens);
        features.pooled.extend(pooled);
    }
    Ok(features)
}

/// The tower's features of a pool, cached so that later stages need not run it again.
pub struct Features {
    patches: usize,
    width: usize,
    embed_dim: usize,
    tokens: Vec<half::f16>,
    pooled: Vec<f32>,
}

impl Features {
    /// Patch tokens `[images, patches, width]`.
    pub fn batch(&self, images: &[usize], device: &Device) -> Result<Tensor> {
        let each = self.patches * self.width;
        let mut out = Vec::with_capacity(images.len() * each);
        for &image in images {
            out.extend(
                self.tokens[image * each..(image + 1) * each]
                    .iter()
                    .map(|v| v.to_f32()),
            );
        }
        Tensor::from_vec(out, (images.len(), self.patches, self.width), device)
    }

    /// Cosine similarity of two images.
    pub fn similarity(&self, a: usize, b: usize) -> f32 {
        let row = |i: usize| &self.pooled[i * self.embed_dim..(i + 1) * self.embed_dim];
        row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum()
    }
}
