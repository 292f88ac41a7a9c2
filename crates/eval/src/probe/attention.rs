//! Gates and attention at the answer's tokens, layer by layer.
//!
//! The rows are those of the tokens at which the answer's tokens were predicted: the last of the prompt, and all of the answer but its last.

use super::Probing;
use super::maps::{Map, maps};
use rounds_assistant::{AssistantError, Reading};
use rounds_model::recorder::{GatedTrace, LayerTrace};
use serde::Serialize;

/// What attention did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attention {
    /// One entry for each layer of the decoder.
    pub layers: Vec<Layer>,
    /// Where in the question's images the answer looked.
    pub maps: Vec<Map>,
}

/// One layer of the decoder. The shares of self-attention sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// From 0.
    pub layer: usize,
    /// Self-attention on what stands before the first shot.
    pub before_shots: f32,
    /// On each shot, in prompt order.
    pub shots: Vec<f32>,
    /// On the question.
    pub question: f32,
    /// On the answer itself.
    pub answer: f32,
    /// The gated block before the layer, if it has one.
    pub gated: Option<GatedLayer>,
}

/// One gated block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatedLayer {
    /// tanh of the gate of the cross-attention.
    pub attention_gate: f32,
    /// tanh of the gate of the feed-forward.
    pub feed_forward_gate: f32,
    /// Length of what the cross-attention added in parts of the length of the hidden state; 0 without an image.
    pub attention_added: f32,
    /// The same of the feed-forward.
    pub feed_forward_added: f32,
    /// Cross-attention on each image of the prompt, those of the shots first. The media rule hides all but those that the question's text sees.
    pub images: Vec<f32>,
}

impl Attention {
    /// Mean over the layers of the self-attention on a shot.
    pub(super) fn on_shot(&self, at: usize) -> Option<f32> {
        let shares = self.layers.iter().map(|layer| layer.shots.get(at).copied());
        let shares: Vec<f32> = shares.collect::<Option<_>>()?;
        (!shares.is_empty()).then(|| mean(shares.iter().copied()))
    }
}

/// What was read off the prompt with all shots.
pub(super) struct Read {
    pub(super) attention: Option<Attention>,
    pub(super) match_scores: Vec<f32>,
}

pub(super) fn read(probing: &mut Probing) -> Result<Read, AssistantError> {
    let (asked, cancel) = (probing.asked, probing.cancel);
    let reading = probing
        .engine
        .read(asked, &probing.shots, &probing.wording, cancel)?;
    let attention = match &reading.trace {
        Some(trace) => {
            let layers = trace.layers.iter().zip(0..);
            let layers = layers.map(|(layer, number)| of_layer(layer, number, &reading));
            Some(Attention {
                layers: layers.collect(),
                maps: maps(probing.engine, asked.case, &reading)?,
            })
        }
        None => None,
    };
    probing.step();
    Ok(Read {
        attention,
        match_scores: reading.match_scores,
    })
}

pub(super) fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / count.max(1) as f32
}

/// Mean over the rows of the weights from `from` up to `to`.
pub(super) fn mass(rows: &[Vec<f32>], from: usize, to: usize) -> f32 {
    mean(rows.iter().map(|row| {
        let inside = row.iter().skip(from).take(to.saturating_sub(from));
        inside.sum()
    }))
}

fn of_layer(trace: &LayerTrace, layer: usize, reading: &Reading) -> Layer {
    let rows = &trace.self_attention;
    let border = |at: usize| reading.borders.get(at).copied().unwrap_or_default();
    let shots = reading.borders.len().saturating_sub(2);
    let on = |at: usize| mass(rows, border(at), border(at + 1));
    Layer {
        layer,
        before_shots: mass(rows, 0, border(0)),
        shots: (0..shots).map(on).collect(),
        question: on(shots),
        answer: mass(rows, border(shots + 1), usize::MAX),
        gated: trace.gated.as_ref().map(|gated| of_block(gated, reading)),
    }
}

fn of_block(gated: &GatedTrace, reading: &Reading) -> GatedLayer {
    let images = reading.images.0 + reading.images.1;
    let keys = gated.cross_attention.first().map_or(0, Vec::len);
    let latents = keys / images.max(1);
    let on = |image: usize| {
        let from = image * latents;
        mass(&gated.cross_attention, from, from + latents)
    };
    GatedLayer {
        attention_gate: gated.attention_gate,
        feed_forward_gate: gated.feed_forward_gate,
        attention_added: mean(gated.attention_added.iter().copied()),
        feed_forward_added: mean(gated.feed_forward_added.iter().copied()),
        images: (0..if keys == 0 { 0 } else { images }).map(on).collect(),
    }
}
