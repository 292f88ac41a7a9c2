//! BERTScore of the answers of a run, on an encoder of the user's.

use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

use super::record::Record;
use super::results::{Measure, label};
use candle_core::Device;
use rounds_metrics::bert_score::{self, Encoded, Weights};
use rounds_metrics::bootstrap::interval;
use rounds_metrics::overlap::Overlap;
use rounds_model::encoder::TokenEncoder;
use rounds_model::error::ModelError;
use rounds_model::import::ImportError;
use rounds_support::{Cancel, FailureKind, Hint};

/// How it is computed.
#[derive(Clone, Debug)]
pub struct BertOptions<'a> {
    /// Folder of a published BERT or RoBERTa: `config.json`, weights, tokenizer.
    pub encoder: &'a Path,
    /// Its published name, which stands in the hash string and gives the layer and the baseline.
    pub name: &'a str,
    /// The layer whose states are compared, from 1; `None` for the one that bert_score takes for `name`.
    pub layer: Option<usize>,
    /// Weigh tokens by how rare they are in the references.
    pub idf: bool,
    /// Rescale with bert_score's baseline for `name`.
    pub rescale: bool,
}

/// BERTScore of one condition on a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BertRow {
    /// The data set.
    pub dataset: String,
    /// The model.
    pub model: String,
    /// The condition.
    pub label: String,
    /// Number of answers.
    pub n: usize,
    /// Precision, recall and F1, with intervals over images.
    pub precision: Measure,
    /// See `precision`.
    pub recall: Measure,
    /// See `precision`.
    pub f1: Measure,
}

/// Why it could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum BertError {
    /// The encoder could not be opened.
    #[error(transparent)]
    Open(#[from] ImportError),
    /// It could not be run.
    #[error(transparent)]
    Run(#[from] ModelError),
    /// The layer must be given.
    #[error("{0} has no layer and baseline in bert_score")]
    Unknown(String),
    /// The texts could not be compared.
    #[error("the encoder's states cannot be compared")]
    States,
}

impl Hint for BertError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Run(error) => error.hint(),
            Self::Unknown(_) => {
                Some("give --layer, and leave out --rescale; published names are those of bert_score, for example bert-base-uncased".into())
            }
            Self::States => None,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Open(error) => error.kind(),
            Self::Run(error) => error.kind(),
            Self::Unknown(_) => FailureKind::Usage,
            Self::States => FailureKind::Model,
        }
    }
}

/// Scores all answers without an error. Returns the hash string of the setting, and a row for each condition, in the order of the records;
/// trials are pooled. Each text goes through the encoder once.
///
/// # Errors
/// If the encoder cannot be read, its layer is not known, or it was cancelled.
pub fn bert_scores(
    records: &[Record],
    options: &BertOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(String, Vec<BertRow>), BertError> {
    let published = bert_score::published(options.name);
    let unknown = || BertError::Unknown(options.name.to_string());
    let layer = options.layer.or(published.map(|(layer, _)| layer));
    let layer = layer.ok_or_else(unknown)?;
    let baseline = match options.rescale {
        false => None,
        true => Some(
            published
                .filter(|(own, _)| *own == layer)
                .ok_or_else(unknown)?
                .1,
        ),
    };
    let encoder = TokenEncoder::open(options.encoder, layer, &Device::Cpu)?;
    let records: Vec<&Record> = records.iter().filter(|r| r.error.is_none()).collect();
    let mut texts: Vec<&str> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for text in records.iter().flat_map(|r| [&r.answer, &r.reference]) {
        places.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() - 1
        });
    }
    let mut encoded = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled.into());
        }
        progress(at, texts.len());
        let ids = encoder.ids(text)?;
        let vectors = encoder.states(&ids)?;
        encoded.push(Encoded { ids, vectors });
    }
    let of = |text: &str| &encoded[places[text]];
    let weights = match options.idf {
        true => {
            let references = records.iter().map(|r| of(&r.reference).ids.as_slice());
            Weights::idf(&references.collect::<Vec<_>>())
        }
        false => {
            let (first, last) = encoder.special();
            Weights::Equal { first, last }
        }
    };
    type Condition<'a> = (&'a str, &'a str, String);
    let mut groups: Vec<(Condition, Vec<(&Record, Overlap)>)> = Vec::new();
    for record in &records {
        let score = bert_score::score(of(&record.answer), of(&record.reference), &weights);
        let score = score.ok_or(BertError::States)?;
        let score = baseline.map_or(score, |baseline| bert_score::rescaled(score, baseline));
        let key = (
            record.dataset.as_str(),
            record.model.as_str(),
            label(&record.asked),
        );
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, list)) => list.push((record, score)),
            None => groups.push((key, vec![(record, score)])),
        }
    }
    let rows = groups.into_iter().map(|((dataset, model, label), scores)| {
        let mut images: HashMap<&str, usize> = HashMap::new();
        let clusters: Vec<usize> = scores
            .iter()
            .map(|(record, _)| {
                let next = images.len();
                let image = record.images.first().unwrap_or(&record.item).as_str();
                *images.entry(image).or_insert(next)
            })
            .collect();
        let measure = |of: fn(&Overlap) -> f64| {
            let values: Vec<f64> = scores.iter().map(|(_, score)| of(score)).collect();
            let found = interval(&values, Some(&clusters), 1000, 0);
            found.map_or(
                Measure {
                    mean: 0.0,
                    low: 0.0,
                    high: 0.0,
                },
                |found| Measure {
                    mean: found.mean,
                    low: found.low,
                    high: found.high,
                },
            )
        };
        BertRow {
            dataset: dataset.into(),
            model: model.into(),
            label,
            n: scores.len(),
            precision: measure(|score| score.precision),
            recall: measure(|score| score.recall),
            f1: measure(|score| score.f1),
        }
    });
    let setup = bert_score::Setup {
        model: options.name,
        layer,
        idf: options.idf,
        version: concat!("rounds-", env!("CARGO_PKG_VERSION")),
        transformers: "none",
        rescaling: match options.rescale {
            true => bert_score::Rescaling::Published,
            false => bert_score::Rescaling::None,
        },
        fast_tokenizer: true,
    };
    Ok((setup.to_string(), rows.collect()))
}
