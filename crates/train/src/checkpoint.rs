//! Saves the state of a run, so that it can be stopped at any time and resumed exactly.
//!
//! One safetensors file holds the weights and the optimiser's moments; its metadata holds stage, step and update count.
//! Batches depend only on seed and step, so nothing else is needed. The file is replaced atomically.

use candle_core::{Device, Result, Tensor};
use safetensors::View;
use safetensors::tensor::Dtype;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::optim::{AdamW, Moments};
use super::vars::Vars;
use rounds_support::files;

/// Position of a run, and the moments to resume with.
pub(crate) struct Checkpoint {
    path: PathBuf,
    /// 0 tower, 1 drill, 2 episodes, 3 joint.
    pub stage: usize,
    /// Steps done in the stage.
    pub step: usize,
    updates: usize,
    moments: HashMap<String, Vec<f32>>,
}

impl Checkpoint {
    /// A new run at the beginning of `stage`.
    pub(crate) fn fresh(path: PathBuf, stage: usize) -> Self {
        Self {
            path,
            stage,
            step: 0,
            updates: 0,
            moments: HashMap::new(),
        }
    }

    /// Opens the run in `folder`, or begins one: its checkpoint and the weights to go on with. `recipe` is the text of its recipe, which
    /// `recipe.json` keeps; `None` where the run there, or the weights that one left without a checkpoint, were made with another.
    pub(crate) fn open_run(
        folder: &Path,
        recipe: &str,
    ) -> Result<Option<(Self, HashMap<String, Tensor>)>> {
        files::create_private_dir(folder).map_err(candle_core::Error::wrap)?;
        let recipe_file = folder.join("recipe.json");
        let file = folder.join("checkpoint.safetensors");
        if !file.exists() {
            let is_of_this_run = || {
                let known = files::read_to_string(&recipe_file);
                known.is_ok_and(|known| known == recipe)
            };
            if folder.join("best.safetensors").exists() && !is_of_this_run() {
                return Ok(None);
            }
            // What an earlier run left that was stopped before its first checkpoint says nothing about this one.
            for stale in ["best.json", "best.safetensors", "curve.jsonl"] {
                match std::fs::remove_file(folder.join(stale)) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
                    _ => {}
                }
            }
            files::write_atomic(&recipe_file, recipe.as_bytes())
                .map_err(candle_core::Error::wrap)?;
            return Ok(Some((Self::fresh(file, 0), HashMap::new())));
        }
        let known = files::read_to_string(&recipe_file).map_err(candle_core::Error::wrap)?;
        match known == recipe {
            true => Self::load(&file).map(Some),
            false => Ok(None),
        }
    }

    /// Reads a checkpoint; also returns its weights.
    pub(crate) fn load(path: &Path) -> Result<(Self, HashMap<String, Tensor>)> {
        let bytes = files::read(path).map_err(candle_core::Error::wrap)?;
        let (_, meta) = safetensors::SafeTensors::read_metadata(&bytes)?;
        let meta = meta.metadata().clone().unwrap_or_default();
        let number = |key: &str| meta.get(key).and_then(|v| v.parse().ok()).unwrap_or(0);
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
        let (mut weights, mut moments) = (HashMap::new(), HashMap::new());
        for (name, tensor) in tensors {
            if name.starts_with("adam.") {
                moments.insert(name, tensor.flatten_all()?.to_vec1::<f32>()?);
            } else {
                weights.insert(name, tensor);
            }
        }
        let checkpoint = Self {
            path: path.to_path_buf(),
            stage: number("stage"),
            step: number("step"),
            updates: number("updates"),
            moments,
        };
        Ok((checkpoint, weights))
    }

    /// Restores the optimiser's moments, for the variables that the checkpoint has.
    pub(crate) fn restore(&mut self, optimiser: &mut AdamW) -> Result<()> {
        let names: Vec<String> = optimiser.vars.iter().map(|(n, _)| n.clone()).collect();
        for (name, slot) in names.iter().zip(&mut optimiser.moments) {
            let mean = self.moments.remove(&format!("adam.mean.{name}"));
            let square = self.moments.remove(&format!("adam.square.{name}"));
            if let (Some(mean), Some(square)) = (mean, square)
                && mean.len() == slot.mean.len()
            {
                *slot = Moments { mean, square };
            }
        }
        optimiser.updates = self.updates;
        Ok(())
    }

    /// Moves on to the next stage, with fresh moments.
    pub(crate) fn next_stage(&mut self) {
        self.stage += 1;
        self.step = 0;
        self.updates = 0;
        self.moments.clear();
    }

    /// Writes weights, moments and position.
    pub(crate) fn save(&mut self, vars: &Vars, optimiser: &AdamW) -> Result<()> {
        self.updates = optimiser.updates;
        let vars = vars.select(|_| true);
        let weights = vars
            .iter()
            .map(|(name, var)| (name.clone(), Entry::Weight(var.as_tensor())));
        let moments = optimiser.vars.iter().zip(&optimiser.moments);
        let moments = moments.flat_map(|((name, _), moments)| {
            [("mean", &moments.mean), ("square", &moments.square)].map(|(kind, values)| {
                let entry = Entry::Moment([values.len()], values);
                (format!("adam.{kind}.{name}"), entry)
            })
        });
        let meta = HashMap::from([
            ("stage".to_string(), self.stage.to_string()),
            ("step".to_string(), self.step.to_string()),
            ("updates".to_string(), self.updates.to_string()),
        ]);
        // Written tensor by tensor: a copy of everything would take more memory than a step does.
        let new = self.path.with_extension("safetensors.new");
        safetensors::serialize_to_file(weights.chain(moments), Some(meta), &new)?;
        std::fs::File::open(&new)?.sync_all()?;
        Ok(std::fs::rename(&new, &self.path)?)
    }
}

/// What a checkpoint keeps, written when its turn comes.
enum Entry<'a> {
    Weight(&'a Tensor),
    Moment([usize; 1], &'a [f32]),
}

impl View for Entry<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Weight(tensor) => tensor.dims(),
            Self::Moment(shape, _) => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Weight(tensor) => View::data(*tensor),
            Self::Moment(_, values) => {
                Cow::Owned(values.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
        }
    }

    fn data_len(&self) -> usize {
        4 * self.shape().iter().product::<usize>()
    }
}

/// Names and values of the weights in a run's checkpoint, sorted.
#[cfg(test)]
pub(crate) fn weights(folder: &Path) -> Vec<(String, Vec<f32>)> {
    let file = folder.join("checkpoint.safetensors");
    let mut all: Vec<_> = candle_core::safetensors::load(file, &Device::Cpu)
        .unwrap()
        .into_iter()
        .map(|(name, t)| (name, t.flatten_all().unwrap().to_vec1().unwrap()))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
