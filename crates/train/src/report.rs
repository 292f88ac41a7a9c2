//! Reports the progress of a run: a line on stderr now and then, and the curve in `curve.jsonl` and, drawn, in
//! `curve.svg`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use crate::plot::curve_svg;
use rounds_support::stderr_line;

/// Collects measurements and writes them out.
pub(crate) struct Report {
    curve: PathBuf,
    started: Instant,
    window: Vec<[f32; 4]>,
    every: usize,
}

/// The values as a bar chart in one line of text.
fn sparkline(values: &[f32]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let low = values.iter().copied().fold(f32::MAX, f32::min);
    let high = values.iter().copied().fold(f32::MIN, f32::max);
    values
        .iter()
        .map(|v| {
            BARS[(((v - low) / (high - low).max(1e-6)) * 7.0)
                .round()
                .clamp(0.0, 7.0) as usize]
        })
        .collect()
}

impl Report {
    /// Reports into `folder`, with a line for every `every` steps.
    pub(crate) fn new(folder: &std::path::Path, every: usize) -> Self {
        Self {
            curve: folder.join("curve.jsonl"),
            started: Instant::now(),
            window: Vec::new(),
            every: every.max(1),
        }
    }

    fn append(&self, line: &serde_json::Value) {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.curve);
        if let Ok(mut file) = file {
            let _ = writeln!(file, "{line}");
        }
    }

    /// Reports the loss of a step, its accuracy (of attributes or answers, then of made-up names) and its gradient norm.
    pub(crate) fn step(
        &mut self,
        stage: &str,
        step: usize,
        steps: usize,
        loss: f32,
        right: [f32; 2],
        norm: f32,
    ) {
        self.window.push([loss, right[0], right[1], norm]);
        if !(step + 1).is_multiple_of(self.every) && step + 1 != steps {
            return;
        }
        let n = self.window.len() as f32;
        let mean = |i: usize| self.window.iter().map(|w| w[i]).sum::<f32>() / n;
        let (loss, right, names, norm) = (mean(0), mean(1), mean(2), mean(3));
        let losses: Vec<f32> = self.window.iter().map(|w| w[0]).collect();
        let seconds = self.started.elapsed().as_secs_f32();
        stderr_line(format_args!(
            "{stage} {:>5}/{steps}  loss {loss:.4}  right {:>5.1} %  names {:>5.1} %  norm {norm:.2}  {seconds:.0} s  {}",
            step + 1,
            right * 100.0,
            names * 100.0,
            sparkline(&losses)
        ));
        self.append(&serde_json::json!({
            "stage": stage, "step": step + 1, "loss": loss, "right": right, "names": names, "norm": norm, "seconds": seconds
        }));
        self.window.clear();
    }

    /// Reports shares of the tuning split by name.
    pub(crate) fn shares(&self, stage: &str, step: usize, shares: &BTreeMap<String, f32>) {
        let listed: Vec<String> = shares
            .iter()
            .map(|(name, share)| format!("{name} {:.1}", share * 100.0))
            .collect();
        stderr_line(format_args!(
            "{stage} {step:>5}  tuning, % right: {}",
            listed.join(", ")
        ));
        self.append(&serde_json::json!({
            "stage": stage, "step": step, "tuning": shares
        }));
        // Drawn from the file, so that the curve of a resumed run is whole.
        if let Ok(lines) = std::fs::read_to_string(&self.curve) {
            let _ = std::fs::write(self.curve.with_extension("svg"), curve_svg(&lines));
        }
    }

    /// Reports the accuracy on held-out images.
    pub(crate) fn held_out(
        &self,
        stage: &str,
        step: usize,
        share: f32,
        by_kind: &BTreeMap<super::targets::TargetKind, f32>,
    ) {
        let kinds = serde_json::json!(by_kind);
        stderr_line(format_args!(
            "{stage} {step:>5}  held out: {:.2} % right  {kinds}",
            share * 100.0
        ));
        self.append(&serde_json::json!({
            "stage": stage, "step": step, "held_out": share, "by_sort": kinds
        }));
    }
}
