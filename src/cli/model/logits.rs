//! `rounds model logits`: writes logits to compare with a reference implementation.
//!
//! Images are preprocessed exactly as in the reference: greyscale above 8 bits is clipped at 255, not scaled as it is when
//! answering questions.

use candle_core::{DType, Device, Tensor};
use clap::Args;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::failure::Outcome;
use crate::cli::libraries::existing_model;
use rounds_imaging::{HighBitDepth, load_as_reference};
use rounds_model::bundle::Bundle;
use rounds_model::generate::argmax;
use rounds_model::generate::score::rank;
use rounds_model::learner::FlamingoLearner;
use rounds_model::{EncodedImage, FewShotLearner, device};
use rounds_support::{Cancel, Failure, Progress, files, stderr_line};

#[derive(Args)]
pub struct Logits {
    /// Bundle name or folder
    bundle: PathBuf,
    /// Prompts in JSON Lines: {"segments": [{"image": "a.png"}, {"text": "…"}]} or {"input_ids": […], "images": ["a.png"]};
    /// optionally "left_padding": N and "continuations": ["yes", [17, 4]] to rank
    #[arg(long)]
    prompt: PathBuf,
    /// File to write (safetensors); prompt N, from 0 and without blank lines, gives N.input_ids, N.logits [tokens, vocabulary], N.media [images, latents, width],
    /// N.log_probabilities [continuations, 2] (sum and mean over tokens)
    #[arg(long)]
    out: PathBuf,
    /// Also write N.greedy: this many greedily decoded tokens, ignoring stop tokens
    #[arg(long)]
    tokens: Option<usize>,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

/// One line of the prompt file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    segments: Vec<Segment>,
    #[serde(default)]
    input_ids: Vec<u32>,
    #[serde(default)]
    images: Vec<PathBuf>,
    /// Number of padding tokens at the start.
    #[serde(default)]
    left_padding: usize,
    /// Continuations of the prompt to rank, as text or token ids.
    #[serde(default)]
    continuations: Vec<Continuation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Continuation {
    Text(String),
    Ids(Vec<u32>),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Segment {
    Image(PathBuf),
    Text(String),
}

fn line_error(line: usize, reason: impl std::fmt::Display) -> Failure {
    Failure::model(format_args!("line {line} of the prompt file: {reason}"))
}

pub fn run(arguments: &Logits, cancel: &Cancel) -> Outcome {
    let folder = existing_model(&arguments.bundle)?;
    let bundle = Bundle::open(folder.as_deref())?;
    let (device, name) = device::open(&arguments.device)?;
    stderr_line(format_args!("device {name}"));
    let learner = FlamingoLearner::load(&bundle, &device)?;
    let mut learner = learner.with_high_bit_depth(HighBitDepth::AsReference);
    let text = files::read_to_string(&arguments.prompt)?;
    // Numbered as an editor numbers them, blank lines included.
    let lines = text.lines().zip(1..);
    let lines: Vec<(&str, usize)> = lines.filter(|(line, _)| !line.trim().is_empty()).collect();
    let mut progress = Progress::new("prompts", Some(lines.len() as u64));
    let mut out = HashMap::new();
    let folder = arguments.prompt.parent().unwrap_or(Path::new("."));
    for (i, (line, number)) in lines.into_iter().enumerate() {
        let failed = |reason: String| line_error(number, reason);
        let line: Line = serde_json::from_str(line).map_err(|e| failed(e.to_string()))?;
        let (ids, images) = interleaved(&learner, &line, folder).map_err(failed)?;
        run_line(
            &mut learner,
            &mut out,
            i,
            &line,
            &ids,
            &images,
            arguments,
            cancel,
        )
        .map_err(|e| failed(format!("{e:#}")))?;
        progress.set(i as u64 + 1);
    }
    progress.finish();
    let sorted: std::collections::BTreeMap<_, _> = out.into_iter().collect();
    let blob =
        safetensors::serialize(sorted.iter().map(|(n, t)| (n.as_str(), t)), None).map_err(|e| {
            Failure::model(format_args!(
                "the logits cannot be written as safetensors: {e}"
            ))
        })?;
    files::write_atomic(&arguments.out, &blob)?;
    Ok(0)
}

type Interleaved = (Vec<u32>, Vec<Arc<EncodedImage>>);

fn interleaved(
    learner: &FlamingoLearner,
    line: &Line,
    folder: &Path,
) -> Result<Interleaved, String> {
    let mut paths = line.images.clone();
    let ids = if line.segments.is_empty() {
        line.input_ids.clone()
    } else {
        let tokens = &learner.manifest().tokens;
        let around = tokens.around_image.clone().unwrap_or_default();
        let mut text = tokens.begin.clone();
        for segment in &line.segments {
            match segment {
                Segment::Text(more) => text.push_str(more),
                Segment::Image(path) => {
                    paths.push(path.clone());
                    text.push_str(&format!("{around}{}{around}", tokens.image));
                }
            }
        }
        let text = rounds_assistant::prompt::merge_adjacent_markers(text, &around);
        let encoding = learner.tokenizer().encode(text, false);
        encoding.map_err(|e| e.to_string())?.get_ids().to_vec()
    };
    let images = paths
        .iter()
        .map(|path| {
            let image = load_as_reference(&folder.join(path)).map_err(|e| e.to_string())?;
            let encoded = learner.encode_image(&image).map_err(|e| e.to_string())?;
            Ok(Arc::new(encoded))
        })
        .collect::<Result<_, String>>()?;
    Ok((ids, images))
}

fn run_line(
    learner: &mut FlamingoLearner,
    out: &mut HashMap<String, Tensor>,
    index: usize,
    line: &Line,
    ids: &[u32],
    images: &[Arc<EncodedImage>],
    arguments: &Logits,
    cancel: &Cancel,
) -> anyhow::Result<()> {
    let logits = learner.logits(ids, images, line.left_padding, cancel)?;
    out.insert(format!("{index}.logits"), logits.to_device(&Device::Cpu)?);
    out.insert(
        format!("{index}.input_ids"),
        Tensor::new(ids, &Device::Cpu)?,
    );
    if !images.is_empty() {
        let latents: Vec<&Tensor> = images.iter().map(|i| &i.latents).collect();
        let media = Tensor::cat(&latents, 0)?.to_dtype(DType::F32)?;
        out.insert(format!("{index}.media"), media.to_device(&Device::Cpu)?);
    }
    if !line.continuations.is_empty() {
        let mut given = Vec::new();
        for continuation in &line.continuations {
            given.push(match continuation {
                Continuation::Ids(ids) => ids.clone(),
                Continuation::Text(text) => learner
                    .tokenizer()
                    .encode(text.as_str(), false)
                    .map_err(|e| anyhow::anyhow!(e.to_string()))?
                    .get_ids()
                    .to_vec(),
            });
        }
        let logits = learner.prefill_padded(ids, images, line.left_padding, cancel)?;
        let ranked = rank(learner, &logits, &given, cancel)?;
        let values: Vec<f32> = ranked
            .iter()
            .flat_map(|r| [r.sum as f32, r.mean as f32])
            .collect();
        let scores = Tensor::from_vec(values, (ranked.len(), 2), &Device::Cpu)?;
        out.insert(format!("{index}.log_probabilities"), scores);
    }
    if let Some(tokens) = arguments.tokens {
        let mut logits = learner.prefill_padded(ids, images, line.left_padding, cancel)?;
        let mut chosen = Vec::new();
        for i in 0..tokens {
            let best = argmax(&logits);
            chosen.push(best);
            if i + 1 < tokens {
                logits = learner.step(best, cancel)?;
            }
        }
        let chosen = Tensor::new(chosen.as_slice(), &Device::Cpu)?;
        out.insert(format!("{index}.greedy"), chosen);
    }
    Ok(())
}
