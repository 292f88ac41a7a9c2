//! `rounds model logits`: writes logits to compare with a reference implementation.
//!
//! Images are preprocessed exactly as in the reference: greyscale above 8 bits is clipped at 255, not scaled as it is when
//! answering questions.

use candle_core::{DType, Device, Tensor};
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::failure::Outcome;
use crate::cli::libraries::existing_model;
use rounds_assistant::prompt::{SPLIT, Template, merge_adjacent_markers, token_ids};
use rounds_imaging::load_as_reference;
use rounds_model::bundle::{Bundle, Manifest};
use rounds_model::generate::argmax;
use rounds_model::generate::score::rank;
use rounds_model::reference::ReferenceLearner;
use rounds_model::{EncodedImage, FewShotLearner, device};
use rounds_support::{Cancel, Failure, Progress, files, stderr_line};

#[derive(Args)]
pub struct Logits {
    /// Bundle name or folder
    bundle: PathBuf,
    /// Prompts in JSON Lines: {"segments": [{"image": "a.png"}, {"text": "…"}]} or {"input_ids": […], "images": ["a.png"]};
    /// optionally "left_padding": N (Flamingos only) and "continuations": ["yes", [17, 4]] to rank. For a prefix-tuned model every
    /// segment is split into tokens on its own
    #[arg(long)]
    prompt: PathBuf,
    /// File to write (safetensors); prompt N, from 0 and without blank lines, gives N.input_ids, N.logits [positions, vocabulary], N.media [images, latents, width],
    /// N.log_probabilities [continuations, 2] (sum and mean over tokens). Where images stand in the sequence, an image has as many
    /// positions as latents; MedVInT-TE has those of its padded text
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
    let mut learner = ReferenceLearner::load(&bundle, &device)?;
    let assembly = Assembly::of(&bundle.manifest);
    let text = files::read_to_string(&arguments.prompt)?;
    // Numbered as an editor numbers them, blank lines included.
    let lines = text.lines().zip(1..);
    let lines: Vec<(&str, usize)> = lines.filter(|(line, _)| !line.trim().is_empty()).collect();
    let mut progress = Progress::new("prompts", Some(lines.len() as u64));
    let mut out = BTreeMap::new();
    let folder = arguments.prompt.parent().unwrap_or(Path::new("."));
    for (i, (line, number)) in lines.into_iter().enumerate() {
        let failed = |reason: String| line_error(number, reason);
        let line: Line = serde_json::from_str(line).map_err(|e| failed(e.to_string()))?;
        let prompt = assembly.prompt(learner.get(), &line, folder);
        let prompt = prompt.map_err(failed)?;
        let done = run_line(&mut learner, &line, &prompt, arguments.tokens, cancel);
        let tensors = done.map_err(|e| failed(format!("{e:#}")))?;
        out.extend(
            tensors
                .into_iter()
                .map(|(name, tensor)| (format!("{i}.{name}"), tensor)),
        );
        progress.set(i as u64 + 1);
    }
    progress.finish();
    let blob =
        safetensors::serialize(out.iter().map(|(n, t)| (n.as_str(), t)), None).map_err(|e| {
            Failure::model(format_args!(
                "the logits cannot be written as safetensors: {e}"
            ))
        })?;
    files::write_atomic(&arguments.out, &blob)?;
    Ok(0)
}

/// A prompt as the model gets it.
struct Prompt {
    ids: Vec<u32>,
    images: Vec<Arc<EncodedImage>>,
}

/// How the segments of a line become a prompt: as the bundle's template puts questions together.
struct Assembly {
    begin: String,
    /// Whether `begin` stands in front of every text behind an image, and not in front of the prompt.
    begins_each_text: bool,
    image: String,
    around: String,
    /// What stands between segments where tokens must not reach across.
    between: Option<char>,
}

impl Assembly {
    fn of(manifest: &Manifest) -> Self {
        let tokens = &manifest.tokens;
        let template = Template::shipped(&manifest.template).ok();
        let apart = template.as_ref().is_some_and(|t| t.split_apart);
        Self {
            begin: tokens.begin.clone(),
            begins_each_text: template.is_some_and(|t| t.begins_each_text()),
            image: tokens.image.clone(),
            around: tokens.around_image.clone().unwrap_or_default(),
            between: apart.then_some(SPLIT),
        }
    }

    /// The text of `segments`, and the images in it.
    fn text(&self, segments: &[Segment]) -> (String, Vec<PathBuf>) {
        let (around, image) = (&self.around, &self.image);
        let mut text = match self.begins_each_text {
            true => String::new(),
            false => self.begin.clone(),
        };
        let (mut paths, mut begun) = (Vec::new(), !self.begins_each_text);
        for segment in segments {
            text.extend(self.between);
            match segment {
                Segment::Text(more) => {
                    if !begun {
                        text.push_str(&self.begin);
                    }
                    begun = true;
                    text.push_str(more);
                }
                Segment::Image(path) => {
                    begun = !self.begins_each_text;
                    paths.push(path.clone());
                    text.push_str(&format!("{around}{image}{around}"));
                }
            }
        }
        (merge_adjacent_markers(text, around), paths)
    }

    fn prompt(
        &self,
        learner: &dyn FewShotLearner,
        line: &Line,
        folder: &Path,
    ) -> Result<Prompt, String> {
        let (ids, paths) = match line.segments.is_empty() {
            true => (line.input_ids.clone(), line.images.clone()),
            false => {
                let (text, inside) = self.text(&line.segments);
                let ids = token_ids(learner.tokenizer(), &text).map_err(|e| e.to_string())?;
                (ids, [line.images.clone(), inside].concat())
            }
        };
        let encoded = paths.iter().map(|path| {
            let image = load_as_reference(&folder.join(path)).map_err(|e| e.to_string())?;
            let encoded = learner.encode_image(&image).map_err(|e| e.to_string())?;
            Ok(Arc::new(encoded))
        });
        Ok(Prompt {
            ids,
            images: encoded.collect::<Result<_, String>>()?,
        })
    }
}

/// Everything that is written of a line, by name.
fn run_line(
    learner: &mut ReferenceLearner,
    line: &Line,
    prompt: &Prompt,
    tokens: Option<usize>,
    cancel: &Cancel,
) -> anyhow::Result<Vec<(&'static str, Tensor)>> {
    let Prompt { ids, images } = prompt;
    let padding = line.left_padding;
    let logits = learner.logits(ids, images, padding, cancel)?;
    let mut out = vec![
        ("logits", logits.to_device(&Device::Cpu)?),
        ("input_ids", Tensor::new(ids.as_slice(), &Device::Cpu)?),
    ];
    if !images.is_empty() {
        let latents: Vec<&Tensor> = images.iter().map(|i| &i.latents).collect();
        let media = Tensor::cat(&latents, 0)?.to_dtype(DType::F32)?;
        out.push(("media", media.to_device(&Device::Cpu)?));
    }
    if !line.continuations.is_empty() {
        let mut given = Vec::new();
        for continuation in &line.continuations {
            given.push(match continuation {
                Continuation::Ids(ids) => ids.clone(),
                Continuation::Text(text) => token_ids(learner.get().tokenizer(), text)?,
            });
        }
        let logits = learner.prefill(ids, images, padding, cancel)?;
        let ranked = rank(learner.get_mut(), &logits, &given, cancel)?;
        let values: Vec<f32> = ranked
            .iter()
            .flat_map(|r| [r.sum as f32, r.mean as f32])
            .collect();
        let scores = Tensor::from_vec(values, (ranked.len(), 2), &Device::Cpu)?;
        out.push(("log_probabilities", scores));
    }
    if let Some(tokens) = tokens {
        let mut logits = learner.prefill(ids, images, padding, cancel)?;
        let mut chosen = Vec::new();
        for i in 0..tokens {
            let best = argmax(&logits);
            chosen.push(best);
            if i + 1 < tokens {
                logits = learner.get_mut().step(best, cancel)?;
            }
        }
        out.push(("greedy", Tensor::new(chosen.as_slice(), &Device::Cpu)?));
    }
    Ok(out)
}
