//! `rounds train nano`: runs the whole recipe stage by stage; resumable at any step.

use candle_core::Device;
use std::path::Path;
use tokenizers::Tokenizer;

use super::checkpoint::Checkpoint;
use super::episodes::{EpisodeMix, Markers};
use super::joint::{self, StageContext, VisionSource};
use super::pool::{Pool, seeds};
use super::recipe::{NanoRecipe, nano_config};
use super::report::Report;
use super::{tokenizer, tower, vars::Vars};
use rounds_model::vision::VisionTower;
use rounds_support::{Cancel, FileError, files, stderr_line};

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum NanoError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tensor operation failed.
    #[error("training failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The tokenizer could not be trained.
    #[error("the tokenizer could not be trained: {0}")]
    Tokenizer(String),
    /// The folder contains a run with a different recipe.
    #[error("the checkpoint in {0} was made with a different recipe")]
    OtherRecipe(String),
}

/// Trains into `folder`: `tokenizer.json`, `recipe.json`, `curve.jsonl`, `checkpoint.safetensors`, and after every stage
/// `stage-N.safetensors`. Resumes a run found there. Returns whether it finished (false if cancelled).
pub fn train_nano(
    recipe: &NanoRecipe,
    folder: &Path,
    device: &Device,
    cancel: &Cancel,
) -> Result<bool, NanoError> {
    super::process::prepare();
    let written = serde_json::to_string_pretty(recipe).unwrap_or_default();
    let checkpoint_file = folder.join("checkpoint.safetensors");
    let other = || NanoError::OtherRecipe(folder.display().to_string());
    let (mut checkpoint, weights) = Checkpoint::open_run(folder, &written)?.ok_or_else(other)?;
    let tokenizer = tokenizer_in(folder, recipe)?;
    let config = nano_config(tokenizer.get_vocab_size(true));
    let id = |token: &str| tokenizer.token_to_id(token).unwrap_or(0);
    let markers = Markers {
        begin: id("<s>"),
        end_of_chunk: id("<|endofchunk|>"),
        image: id("<image>"),
    };
    let side = config.vision.image_size();
    stderr_line(format_args!("rendering {} phantoms", recipe.images));
    let pool = Pool::render(recipe.images, seeds::TRAIN, side, recipe.threads, &|_| {});
    let held_out = Pool::render(
        recipe.held_out,
        seeds::TRAIN + 500_000_000,
        side,
        recipe.threads,
        &|_| {},
    );
    let vars = Vars::new(recipe.seed, weights);
    let mut report = Report::new(folder, 50);
    if checkpoint.stage == 0 {
        tower::train(
            recipe,
            &config,
            &vars,
            &pool,
            &held_out,
            &mut checkpoint,
            &mut report,
            device,
            cancel,
        )?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
        checkpoint.next_stage();
        save_stage(&checkpoint_file, folder, 0)?;
    }
    let vision = VisionTower::load(&config.vision, vars.store(device).pp("vision_encoder"))?;
    stderr_line("computing the tower's features");
    let features = tower::features(&config.vision, &vision, &pool, device, recipe.threads)?;
    let context = StageContext {
        recipe,
        config: &config,
        vars: &vars,
        pool: &pool,
        features: &features,
        tokenizer: &tokenizer,
        markers: &markers,
        device,
    };
    let stages = [
        (
            "drill",
            &recipe.drill,
            EpisodeMix::Drill,
            VisionSource::Cached(&features),
        ),
        (
            "episodes",
            &recipe.episodes,
            EpisodeMix::Full,
            VisionSource::Cached(&features),
        ),
        ("joint", &recipe.joint, EpisodeMix::Full, VisionSource::Live),
    ];
    for (i, (name, stage, mix, vision)) in stages.iter().enumerate() {
        if checkpoint.stage != i + 1 {
            continue;
        }
        joint::train(
            &context,
            name,
            stage,
            *mix,
            vision,
            &mut checkpoint,
            &mut report,
            cancel,
        )?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
        checkpoint.next_stage();
        save_stage(&checkpoint_file, folder, i + 1)?;
    }
    Ok(true)
}

fn save_stage(checkpoint: &Path, folder: &Path, stage: usize) -> Result<(), NanoError> {
    let bytes = files::read(checkpoint)?;
    files::write_atomic(&folder.join(format!("stage-{stage}.safetensors")), &bytes)?;
    Ok(())
}

fn tokenizer_in(folder: &Path, recipe: &NanoRecipe) -> Result<Tokenizer, NanoError> {
    let file = folder.join("tokenizer.json");
    if !file.exists() {
        let lines = tokenizer::corpus(recipe.seed, 9_000);
        let made = tokenizer::train(&lines, recipe.vocab_size).map_err(NanoError::Tokenizer)?;
        let text = made
            .to_string(true)
            .map_err(|e| NanoError::Tokenizer(e.to_string()))?;
        files::write_atomic(&file, text.as_bytes())?;
    }
    let text = files::read_to_string(&file)?;
    text.parse()
        .map_err(|e: tokenizers::Error| NanoError::Tokenizer(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::weights;
    use super::super::recipe::Stage;
    use super::*;

    /// Four stages of a few steps with a few images.
    fn short() -> NanoRecipe {
        let stage = |steps| Stage {
            steps,
            batch: 4,
            rate: 1e-3,
            warmup: 1,
            evaluate_every: 1,
        };
        NanoRecipe {
            images: 90,
            held_out: 9,
            tower: stage(3),
            drill: stage(2),
            episodes: stage(2),
            joint: stage(1),
            ..NanoRecipe::default()
        }
    }

    #[test]
    fn a_stopped_and_resumed_run_ends_with_the_same_weights() {
        let (straight, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let run = |folder: &Path, cancel: &Cancel| {
            train_nano(&short(), folder, &Device::Cpu, cancel).unwrap()
        };
        assert!(run(straight.path(), &Cancel::new()));
        let cancel = Cancel::new();
        std::thread::scope(|scope| {
            // Stop as soon as there is a checkpoint to resume from.
            scope.spawn(|| {
                while !broken.path().join("checkpoint.safetensors").exists() {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                cancel.cancel();
            });
            assert!(!run(broken.path(), &cancel), "it was stopped");
        });
        assert!(
            run(broken.path(), &Cancel::new()),
            "it resumed and finished"
        );
        assert!(weights(straight.path()) == weights(broken.path()));
    }

    #[test]
    fn resuming_with_a_different_recipe_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cancel = Cancel::new();
        let mut recipe = short();
        recipe.tower.steps = 1;
        recipe.drill.steps = 0;
        recipe.episodes.steps = 0;
        recipe.joint.steps = 0;
        assert!(train_nano(&recipe, folder.path(), &Device::Cpu, &cancel).unwrap());
        recipe.seed += 1;
        let refused = train_nano(&recipe, folder.path(), &Device::Cpu, &cancel);
        assert!(matches!(refused, Err(NanoError::OtherRecipe(_))));
    }
}
