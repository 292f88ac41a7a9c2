//! First stage: the published tower learns what the sets' answers say about images. Its first blocks stay as published and are computed
//! once for every view.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::Init;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::data::{RadiologyData, Split};
use super::labels::Labels;
use super::recipe::RadiologyRecipe;
use super::views::view;
use crate::checkpoint::Checkpoint;
use crate::optim::{AdamW, Schedule, gradients};
use crate::report::Report;
use crate::vars::Vars;
use rounds_model::bundle::{Fit, Pixels};
use rounds_model::ops::{Precision, choice_loss, linear, with_precision};
use rounds_model::vision::{EfficientNetConfig, EfficientNetTower};
use rounds_support::Cancel;
use rounds_support::rng::Rng;

/// Maps of equal shape for every view of every image, as f16 values.
pub(crate) struct Maps {
    shape: [usize; 3],
    views: usize,
    values: Vec<half::f16>,
}

impl Maps {
    fn each(&self) -> usize {
        self.shape.iter().product()
    }

    /// The maps `[images, height, width, channels]` of (image, view) pairs.
    pub(crate) fn batch(&self, pairs: &[(usize, usize)], device: &Device) -> Result<Tensor> {
        let each = self.each();
        let mut out = Vec::with_capacity(pairs.len() * each);
        for &(image, view) in pairs {
            let at = (image * self.views + view % self.views) * each;
            out.extend(self.values[at..at + each].iter().map(|v| v.to_f32()));
        }
        let [height, width, channels] = self.shape;
        Tensor::from_vec(out, (pairs.len(), height, width, channels), device)
    }
}

/// Calls `f` on chunks of `items` on `threads` threads; the results keep the order.
pub(crate) fn in_threads<I: Sync, T: Send>(
    items: &[I],
    threads: usize,
    f: impl Fn(&[I]) -> Result<Vec<T>> + Sync,
) -> Result<Vec<T>> {
    let share = items.len().div_ceil(threads.max(1)).max(1);
    let parts: Vec<Result<Vec<T>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = items
            .chunks(share)
            .map(|mine| scope.spawn(|| f(mine)))
            .collect();
        handles
            .into_iter()
            .map(|h| match h.join() {
                Ok(part) => part,
                Err(_) => candle_core::bail!("a thread panicked"),
            })
            .collect()
    });
    let mut all = Vec::with_capacity(items.len());
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}

/// The frozen front of the tower for every view; `pixels` has every image as `[side, side, 3]`.
pub(crate) fn fronts(
    tower: &EfficientNetTower,
    pixels: &[Vec<u8>],
    recipe: &RadiologyRecipe,
    views: usize,
    cancel: &Cancel,
) -> Result<Maps> {
    let side = recipe.image_size;
    let norm = Pixels::efficientnet_lite(Fit::Squash);
    let images: Vec<usize> = (0..pixels.len()).collect();
    let probe = Tensor::zeros((1, 3, side, side), candle_core::DType::F32, &Device::Cpu)?;
    let (_, height, width, channels) = tower.front(&probe, recipe.frozen_blocks)?.dims4()?;
    let values = in_threads(&images, recipe.threads, |images| {
        let mut out = Vec::with_capacity(images.len() * views * height * width * channels);
        for &image in images {
            if cancel.is_cancelled() {
                candle_core::bail!("stopped");
            }
            let mut planes = Vec::new();
            for v in 0..views {
                let rgb = view(&pixels[image], side, image, v, recipe.seed);
                planes.extend(norm.normalise(&rgb));
            }
            let batch = Tensor::from_vec(planes, (views, 3, side, side), &Device::Cpu)?;
            let front = with_precision(Precision::Bf16, || {
                tower.front(&batch, recipe.frozen_blocks)
            })?;
            let front = front.flatten_all()?.to_vec1::<f32>()?;
            out.extend(front.into_iter().map(half::f16::from_f32));
        }
        Ok(out)
    })?;
    Ok(Maps {
        shape: [height, width, channels],
        views,
        values,
    })
}

/// Classifiers on the pooled vector, for training only.
struct Heads {
    weight: Tensor,
    bias: Tensor,
}

impl Heads {
    fn load(width: usize, inputs: usize, vars: &Arc<Vars>) -> Result<Self> {
        let store = vars.store(&Device::Cpu).pp("heads");
        let init = Init::Randn {
            mean: 0.0,
            stdev: 0.01,
        };
        Ok(Self {
            weight: store.get((width, inputs), "weight", init)?,
            bias: store.get(width, "bias", Init::Const(0.0))?,
        })
    }
}

/// What the tower's stage works with.
pub(crate) struct TowerStage<'a> {
    /// The recipe.
    pub recipe: &'a RadiologyRecipe,
    /// Sizes of the tower.
    pub config: &'a EfficientNetConfig,
    /// The images.
    pub data: &'a RadiologyData,
    /// What is learnt.
    pub labels: &'a Labels,
    /// The frozen front.
    pub fronts: &'a Maps,
    /// The variables.
    pub vars: &'a Arc<Vars>,
}

impl TowerStage<'_> {
    fn trained(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix("vision_encoder.") else {
            return name.starts_with("heads.");
        };
        let block = rest.strip_prefix("blocks.").and_then(|rest| {
            let (number, _) = rest.split_once('.')?;
            number.parse::<usize>().ok()
        });
        match block {
            Some(block) => block >= self.recipe.frozen_blocks,
            None => rest.starts_with("head."),
        }
    }

    /// Trains from `checkpoint.step` on. If cancelled, saves everything and returns early.
    pub(crate) fn train(
        &self,
        checkpoint: &mut Checkpoint,
        report: &mut Report,
        cancel: &Cancel,
    ) -> Result<()> {
        let recipe = self.recipe;
        let tower = EfficientNetTower::load(
            self.config,
            self.vars.store(&Device::Cpu).pp("vision_encoder"),
        )?;
        let heads = Heads::load(self.labels.width, self.config.head, self.vars)?;
        let trained = self.vars.select(|name| self.trained(name));
        let head_rate = recipe.head_rate;
        let mut optimiser =
            AdamW::new(trained, recipe.weight_decay, 2.0).with_multipliers(|name| {
                if name.starts_with("heads.") {
                    head_rate
                } else {
                    1.0
                }
            });
        checkpoint.restore(&mut optimiser)?;
        let stage = &recipe.tower;
        let schedule = Schedule::of(stage);
        let images = self.data.images_of(Split::Train);
        while checkpoint.step < stage.steps && !cancel.is_cancelled() {
            let step = checkpoint.step;
            let mut rng = Rng::new(recipe.seed).fork(0x0070_0000 + step as u64);
            let parts: Vec<Vec<(usize, usize)>> = (0..recipe.threads)
                .map(|_| {
                    (0..stage.batch / recipe.threads)
                        .map(|_| (*rng.pick(&images), rng.below(recipe.tower_views)))
                        .collect()
                })
                .collect();
            let (loss, counts, grads) =
                gradients(&optimiser.vars, &parts, Precision::Bf16, |pairs| {
                    let (loss, hits) = self.loss(&tower, &heads, pairs)?;
                    let right = hits.iter().filter(|(_, right)| *right).count();
                    let counts = vec![right as f32, hits.len() as f32];
                    Ok(((loss / stage.batch as f64)?, counts))
                })?;
            let norm = optimiser.step(&grads, schedule.rate(step))?;
            checkpoint.step += 1;
            let right = counts[0] / counts[1].max(1.0);
            report.step("tower", step, stage.steps, loss, [right, 0.0], norm);
            if checkpoint.step.is_multiple_of(stage.evaluate_every)
                || checkpoint.step == stage.steps
            {
                let shares = self.evaluate(&tower, &heads, Split::Tune)?;
                report.shares("tower", checkpoint.step, &shares);
                checkpoint.save(self.vars, &optimiser)?;
            }
        }
        checkpoint.save(self.vars, &optimiser)
    }

    /// Summed loss of (image, view) pairs, and for each classification its task and whether it was right.
    fn loss(
        &self,
        tower: &EfficientNetTower,
        heads: &Heads,
        pairs: &[(usize, usize)],
    ) -> Result<(Tensor, Vec<(usize, bool)>)> {
        let fronts = self.fronts.batch(pairs, &Device::Cpu)?;
        let map = tower.back(&fronts, self.recipe.frozen_blocks)?.head;
        let pooled = map.flatten(1, 2)?.mean(1)?;
        let logits = linear(&pooled, &heads.weight, Some(&heads.bias))?;
        let (mut tasks, mut choices) = (Vec::new(), Vec::new());
        for (row, &(image, _)) in pairs.iter().enumerate() {
            for (task, choice) in self.labels.choices(row, image) {
                tasks.push(task);
                choices.push(choice);
            }
        }
        let rows = logits.to_vec2::<f32>()?;
        let hits = tasks
            .into_iter()
            .zip(&choices)
            .map(|(task, c)| {
                let row = &rows[c.row][c.from..c.from + c.classes];
                (task, row.iter().all(|v| *v <= row[c.target]))
            })
            .collect();
        Ok((choice_loss(&logits, choices)?, hits))
    }

    /// The share of right classes by task, on the plain view of a split's images, for tasks with at least five of them.
    fn evaluate(
        &self,
        tower: &EfficientNetTower,
        heads: &Heads,
        split: Split,
    ) -> Result<BTreeMap<String, f32>> {
        let images = self.data.images_of(split);
        let hits = in_threads(&images, self.recipe.threads, |images| {
            let mut hits = Vec::new();
            for images in images.chunks(32) {
                let pairs: Vec<(usize, usize)> = images.iter().map(|&image| (image, 0)).collect();
                hits.extend(self.loss(tower, heads, &pairs)?.1);
            }
            Ok(hits)
        })?;
        let mut counts: BTreeMap<String, (f32, f32)> = BTreeMap::new();
        for (task, right) in hits {
            let name = &self.labels.tasks[task].name;
            let name = match name.split_once(['"', ':']) {
                Some((set, _)) => format!("{set} questions"),
                None if name.starts_with("boxed ") => "boxes".to_string(),
                None => name.clone(),
            };
            let slot = counts.entry(name).or_default();
            slot.0 += f32::from(u8::from(right));
            slot.1 += 1.0;
        }
        Ok(counts
            .into_iter()
            .filter(|(_, (_, asked))| *asked >= 5.0)
            .map(|(name, (right, asked))| (name, right / asked))
            .collect())
    }
}

/// The tower's features of all images: the tokens of some views, and unit vectors of the same views.
pub(crate) struct Features {
    /// `[images * views, tokens, width]`.
    tokens: Vec<half::f16>,
    /// `[images * views, width]`, of unit length.
    vectors: Vec<f32>,
    views: usize,
    /// Tokens of an image.
    pub count: usize,
    /// Width of a token and of a vector.
    pub width: usize,
}

impl Features {
    /// Computes them with the trained tower in `vars`.
    pub(crate) fn compute(
        recipe: &RadiologyRecipe,
        config: &EfficientNetConfig,
        fronts: &Maps,
        images: usize,
        vars: &Arc<Vars>,
    ) -> Result<Self> {
        let tower = EfficientNetTower::load(config, vars.store(&Device::Cpu).pp("vision_encoder"))?;
        let views = recipe.learner_views.min(recipe.tower_views).max(1);
        let all: Vec<usize> = (0..images).collect();
        let parts = in_threads(&all, recipe.threads, |images| {
            let mut out = Vec::new();
            for &image in images {
                let pairs: Vec<(usize, usize)> = (0..views).map(|view| (image, view)).collect();
                let batch = fronts.batch(&pairs, &Device::Cpu)?;
                let map = tower
                    .back(&batch, recipe.frozen_blocks)?
                    .head
                    .flatten(1, 2)?;
                let pooled = map.mean(1)?;
                let length = pooled.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
                let vectors = pooled
                    .broadcast_div(&length)?
                    .flatten_all()?
                    .to_vec1::<f32>()?;
                let tokens = map.flatten_all()?.to_vec1::<f32>()?;
                let tokens: Vec<half::f16> = tokens.into_iter().map(half::f16::from_f32).collect();
                out.push((tokens, vectors));
            }
            Ok(out)
        })?;
        let (mut tokens, mut vectors) = (Vec::new(), Vec::new());
        for (t, v) in parts {
            tokens.extend(t);
            vectors.extend(v);
        }
        Ok(Self {
            tokens,
            vectors,
            views,
            count: config.map_side() * config.map_side(),
            width: config.head,
        })
    }

    /// Number of views.
    pub(crate) fn views(&self) -> usize {
        self.views
    }

    /// Tokens `[pairs, tokens, width]` of (image, view) pairs.
    pub(crate) fn tokens(&self, pairs: &[(usize, usize)]) -> Result<Tensor> {
        let each = self.count * self.width;
        let mut out = Vec::with_capacity(pairs.len() * each);
        for &(image, view) in pairs {
            let at = (image * self.views + view) * each;
            out.extend(self.tokens[at..at + each].iter().map(|v| v.to_f32()));
        }
        Tensor::from_vec(out, (pairs.len(), self.count, self.width), &Device::Cpu)
    }

    /// The unit vector of a view of an image.
    pub(crate) fn vector(&self, (image, view): (usize, usize)) -> &[f32] {
        let at = (image * self.views + view) * self.width;
        &self.vectors[at..at + self.width]
    }

    /// Mean and standard deviation of every dimension over the plain views of `images`.
    pub(crate) fn moments(&self, images: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let n = images.len().max(1) as f32;
        let mut mean = vec![0f32; self.width];
        for &image in images {
            for (m, v) in mean.iter_mut().zip(self.vector((image, 0))) {
                *m += v / n;
            }
        }
        let mut square = vec![0f32; self.width];
        for &image in images {
            for ((s, v), m) in square.iter_mut().zip(self.vector((image, 0))).zip(&mean) {
                *s += (v - m) * (v - m) / n;
            }
        }
        let std = square.into_iter().map(|s| s.sqrt().max(1e-4)).collect();
        (mean, std)
    }
}
