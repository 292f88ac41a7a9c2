//! `rounds model bench`: measures speed and memory of a bundle, relative to the memory bandwidth.

use candle_core::Device;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::cli::failure::Outcome;
use crate::cli::failure::other;
use crate::cli::libraries::existing_model;
use crate::cli::out::print;
use rounds_model::bundle::Bundle;
use rounds_model::error::ModelError;
use rounds_model::families::load_learner;
use rounds_model::generate::argmax;
use rounds_model::{FewShotLearner, device};
use rounds_support::Cancel;
use rounds_support::Failure;

#[derive(Args)]
pub struct Bench {
    /// Bundle name or folder [default: the shipped model]
    bundle: Option<PathBuf>,
    /// Number of prompt tokens
    #[arg(long, default_value_t = 256)]
    prompt: usize,
    /// Number of tokens to generate
    #[arg(long, default_value_t = 32)]
    decode: usize,
    /// Number of images to encode
    #[arg(long, default_value_t = 3)]
    images: usize,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = device::NAMES)]
    device: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Minimum number of prompt tokens: an image and one text token.
const MIN_PROMPT: usize = 2;

pub fn run(bench: &Bench, cancel: &Cancel) -> Outcome {
    let folder = bench.bundle.as_deref().map_or(Ok(None), existing_model)?;
    let mut opened = load_model(bench, folder.as_deref())?;
    let max = opened.learner.context().saturating_sub(MIN_PROMPT + 1);
    if bench.decode > max {
        return Err(Failure::usage(format!(
            "--decode must be at most {max} for this model"
        )));
    }
    let report = measure(bench, &mut opened, cancel).map_err(other)?;
    if bench.json {
        print(format_args!("{report:#}"))?;
        return Ok(0);
    }
    if let Some(rows) = report.as_object() {
        for (name, value) in rows {
            let value = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            print(format_args!("{name:32} {value}"))?;
        }
    }
    Ok(0)
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

struct LoadedModel {
    bundle: Bundle,
    device: Device,
    /// The device's name.
    name: &'static str,
    learner: Box<dyn FewShotLearner>,
    /// Loading time in seconds.
    load: f64,
}

fn load_model(bench: &Bench, folder: Option<&Path>) -> Result<LoadedModel, Failure> {
    let failed = |e: ModelError| Failure::from(e);
    let started = Instant::now();
    let bundle = Bundle::open(folder).map_err(failed)?;
    let (device, name) = device::open(&bench.device).map_err(failed)?;
    let learner = load_learner(&bundle, &device).map_err(failed)?;
    Ok(LoadedModel {
        bundle,
        device,
        name,
        learner,
        load: started.elapsed().as_secs_f64(),
    })
}

fn measure(
    bench: &Bench,
    opened: &mut LoadedModel,
    cancel: &Cancel,
) -> anyhow::Result<serde_json::Value> {
    let LoadedModel {
        bundle,
        device,
        name,
        learner,
        load,
    } = opened;
    let side = bundle.manifest.config.vision().image_size();
    let pixels = rounds_imaging::blank(side as u32);
    // The first run packs weights and starts the thread pool, so it is measured separately.
    let first = Instant::now();
    let image = Arc::new(learner.encode_image(&pixels)?);
    let first_image = first.elapsed().as_secs_f64();
    let repeated = Instant::now();
    for _ in 0..bench.images {
        learner.encode_image(&pixels)?;
    }
    device.synchronize()?;
    let per_image = repeated.elapsed().as_secs_f64() / bench.images.max(1) as f64;
    let image_token = learner
        .tokenizer()
        .token_to_id(&bundle.manifest.tokens.image)
        .unwrap_or(0);
    let length = bench
        .prompt
        .clamp(MIN_PROMPT, learner.context() - bench.decode - 1);
    let vocab = bundle.manifest.config.language().vocab_size as u32;
    let ids: Vec<u32> = (0..length as u32)
        .map(|i| match (7 + i * 13) % vocab.min(1000) {
            _ if i == 0 => image_token,
            id if id == image_token => 1,
            id => id,
        })
        .collect();
    let images = [image];
    let cold = Instant::now();
    learner.prefill(&ids, &images, cancel)?;
    let cold_prefill = cold.elapsed().as_secs_f64();
    let warm = Instant::now();
    let mut logits = learner.prefill(&ids, &images, cancel)?;
    let prefill = warm.elapsed().as_secs_f64();
    let mut steps = Vec::new();
    for _ in 0..bench.decode {
        let step = Instant::now();
        let best = argmax(&logits);
        let best = if best == image_token { 1 } else { best };
        logits = learner.step(best, cancel)?;
        steps.push(step.elapsed().as_secs_f64());
    }
    steps.sort_by(f64::total_cmp);
    let step = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
    let weights = decode_bytes(bundle);
    // Read before the bandwidth measurement allocates its buffers.
    let peak = peak_memory();
    let bandwidth = read_bandwidth();
    let config = &bundle.manifest.config;
    Ok(serde_json::json!({
        "model": bundle.manifest.name,
        "dtype": bundle.manifest.dtype,
        "device": name,
        "threads": std::thread::available_parallelism().map_or(1, |n| n.get()),
        "load average": load_average(),
        "layers": config.language().layers,
        "load s": round(*load),
        "first image s": round(first_image),
        "images per s": round(1.0 / per_image),
        "prompt tokens": ids.len(),
        "first prefill s": round(cold_prefill),
        "prefill tokens per s": round(ids.len() as f64 / prefill),
        "decode ms per token (median)": round(step * 1e3),
        "decode tokens per s": round(1.0 / step.max(1e-9)),
        "GB read per token": round(weights / 1e9),
        "GB per s while decoding": round(weights / step.max(1e-9) / 1e9),
        "GB per s of plain reading": round(bandwidth / 1e9),
        "share of bandwidth %": round(100.0 * weights / step.max(1e-9) / bandwidth),
        "peak memory GB": round(peak / 1e9),
    }))
}

/// Bytes of weights read per decoded token (decoder, gated blocks and head), as stored in memory.
fn decode_bytes(bundle: &Bundle) -> f64 {
    let tensors = bundle.manifest.config.tensors();
    let per_weight = |linear: bool, width: usize| match bundle.manifest.dtype.as_str() {
        "q8_0" if linear && width.is_multiple_of(32) => 34.0 / 32.0,
        "q4_k" if linear && width.is_multiple_of(256) => 144.0 / 256.0,
        "q4_k" if linear && width.is_multiple_of(32) => 34.0 / 32.0,
        _ => 4.0,
    };
    let tied = bundle.manifest.config.language().tied_head;
    tensors
        .unwrap_or_default()
        .iter()
        .filter(|a| a.name.starts_with("lang_encoder."))
        .filter(|a| tied || !a.name.ends_with("embed_tokens.weight"))
        // Keys and values of the image are cached.
        .filter(|a| !a.name.ends_with("to_kv.weight"))
        .map(|a| {
            let count: usize = a.shape.iter().product();
            count as f64 * per_weight(a.linear, a.shape.last().copied().unwrap_or(0))
        })
        .sum()
}

/// Sequential read bandwidth of all cores, in bytes per second.
fn read_bandwidth() -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let words = (256usize << 20) / 8;
    let blocks: Vec<Vec<u64>> = (0..threads).map(|i| vec![i as u64 + 1; words]).collect();
    let mut best = 0f64;
    for _ in 0..3 {
        let started = Instant::now();
        let sum: u64 = std::thread::scope(|scope| {
            let handles: Vec<_> = blocks
                .iter()
                .map(|block| {
                    scope.spawn(move || {
                        // Eight independent sums, so that memory is the bottleneck and not the additions.
                        let mut sums = [0u64; 8];
                        for chunk in block.chunks_exact(8) {
                            for (s, v) in sums.iter_mut().zip(chunk) {
                                *s = s.wrapping_add(*v);
                            }
                        }
                        sums.iter().fold(0u64, |a, b| a.wrapping_add(*b))
                    })
                })
                .collect();
            handles
                .into_iter()
                .filter_map(|h| h.join().ok())
                .fold(0u64, |a, b| a.wrapping_add(b))
        });
        std::hint::black_box(sum);
        let rate = (threads * words * 8) as f64 / started.elapsed().as_secs_f64();
        best = best.max(rate);
    }
    best
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|t| t.split_whitespace().next().map(String::from))
        .unwrap_or_else(|| "unknown".into())
}

/// Peak resident memory in bytes; 0 if unknown.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok())
        .map_or(0.0, |kb| kb * 1024.0)
}
