//! `rounds index search`.

use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use super::look::example_json;
use super::{Failure, Maker, Outcome, as_typed, embedders, encoder_word, failed};
use crate::cli::model::library as models;
use crate::cli::out::print;
use rounds_assistant::retrieval::{
    Condition, Found, Plan, Query, Shot, Strategy, Wanted, find, list,
};
use rounds_imaging::{Picture, load};
use rounds_index::ingest::Embedder;
use rounds_index::{Encoder, Index, IndexError};
use rounds_model::library::is_bundle;
use rounds_support::errors::count;
use rounds_support::{Cancel, Hint, aside};

#[derive(Args)]
pub struct Search {
    index: PathBuf,
    /// Picture to find similar ones of; each picture is listed once, with the example whose question fits best
    #[arg(short, long)]
    image: Option<PathBuf>,
    /// Words to find, in questions, answers and tags; without a picture every example that has one of them is a result;
    /// a text without blanks, as in Chinese, is found as a whole only
    #[arg(short, long)]
    text: Option<String>,
    /// Most results
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// How results are found and ranked; left out: image, text or hybrid, by what was given, and all examples in the order of
    /// the index where neither was
    #[arg(long, value_enum)]
    strategy: Option<Strategy>,
    /// Encoder of the index whose vectors are compared: its name, its bundle, or the beginning of its hash; left out: the
    /// index's first, or the first with a text tower where the strategy needs one
    #[arg(long, value_name = "NAME")]
    encoder: Option<PathBuf>,
    #[arg(long, value_enum, default_value = "auto")]
    search: rounds_index::Search,
    /// Only examples with this tag: modality=ct, organ!=chest, source=…, licence=… (may be given several times)
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    filter: Vec<Condition>,
    #[arg(long, allow_negative_numbers = true)]
    floor: Option<f32>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[arg(long)]
    json: bool,
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

/// What an encoder makes of the query.
#[derive(Default)]
struct Encoded {
    /// SHA-256 of the encoder; empty where the index has none.
    encoder: String,
    picture: Vec<Vec<f32>>,
    text: Option<Vec<f32>>,
}

pub fn search(search: &Search) -> Outcome {
    let index = super::open(&search.index)?;
    let Some(strategy) = search.strategy() else {
        let found = list(&index, &search.wanted()).map_err(failed)?;
        return tell(&found, search.json);
    };
    search.can(strategy)?;
    let picture = search.image.as_deref().map(read).transpose()?;
    let encoded = search.encoded(&index, strategy, picture.as_ref())?;
    let own: Vec<_> = picture
        .iter()
        .flat_map(|p| {
            let looks = rounds_imaging::looks(p).into_iter();
            looks.map(|look| (p.source.sha256.clone(), look))
        })
        .collect();
    let vectors: Vec<&[f32]> = encoded.picture.iter().map(Vec::as_slice).collect();
    let query = Query {
        encoder: &encoded.encoder,
        vectors: &vectors,
        text: encoded.text.as_deref(),
        images: &own,
        question: search.text.as_deref().unwrap_or(""),
        patient: None,
        study: None,
        seed: search.seed,
    };
    let mut plan = search.plan(strategy);
    if strategy.needs_vectors() {
        // Nothing here listens, so an interrupt ends the program.
        let settled = index.settle(&encoded.encoder, plan.search, &Cancel::new());
        plan.search = settled.map_err(failed)?;
    }
    let mut found = find(&index, &query, &plan).map_err(failed)?;
    if let Some(why) = &found.no_more {
        found.notices.push(format!(
            "{} of {}, one a picture: {why}",
            found.shots.len(),
            count(search.k, "result")
        ));
    }
    tell(&found, search.json)
}

impl Search {
    /// Errors where the strategy has nothing to compare, or nothing to search.
    fn can(&self, strategy: Strategy) -> Result<(), Failure> {
        use Strategy::{
            Balanced, Diverse, Fixed, Hybrid, Image, ImageToText, None, Text, TextToImage,
        };
        let (message, hint) = match strategy {
            Fixed | None => ("fixed and none search nothing", "leave --strategy out"),
            Image | Diverse | Balanced | Hybrid | ImageToText if self.image.is_none() => (
                "this strategy compares a picture",
                "give one with --image, or search words with --text alone",
            ),
            Text | TextToImage if self.text.is_none() => {
                ("this strategy compares words", "say them with --text")
            }
            _ => return Ok(()),
        };
        Err(Failure::usage(
            format!("--strategy {}: {message}", strategy.name()),
            Some(hint.into()),
        ))
    }

    /// `None` where every example is listed: words or conditions alone, and no ranking that chooses among a picture's.
    fn strategy(&self) -> Option<Strategy> {
        match (self.strategy, &self.image, &self.text) {
            (Some(Strategy::Text), None, Some(_)) | (None, None, _) => None,
            (Some(strategy), ..) => Some(strategy),
            (None, Some(_), Some(_)) => Some(Strategy::Hybrid),
            (None, Some(_), None) => Some(Strategy::Image),
        }
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            words: self.text.as_deref(),
            filter: &self.filter,
            most: self.k,
        }
    }

    fn plan(&self, strategy: Strategy) -> Plan {
        Plan {
            shots: self.k,
            strategy,
            search: self.search,
            floor: self.floor,
            filter: self.filter.clone(),
            pinned: Vec::new(),
            excluded: Vec::new(),
        }
    }

    /// The query as vectors, where any are compared.
    fn encoded(
        &self,
        index: &Index,
        strategy: Strategy,
        picture: Option<&Picture>,
    ) -> Result<Encoded, Failure> {
        let Some(encoder) = self.encoder(index, strategy)? else {
            return Ok(Encoded::default());
        };
        let mut encoded = Encoded {
            encoder: encoder.sha256.clone(),
            ..Encoded::default()
        };
        if !strategy.needs_vectors() && picture.is_none() {
            return Ok(encoded);
        }
        let embedders = embedders(std::slice::from_ref(&encoder), &self.device)?;
        let refused = |e: String| Failure::usage(e, None);
        if let Some(text) = &self.text {
            let made = embedders.text(text).map_err(refused)?;
            encoded.text = made.into_iter().next().flatten();
        }
        if let Some(picture) = picture {
            encoded.picture = embedders.picture(picture).map_err(refused)?;
        }
        Ok(encoded)
    }

    /// Whose vectors are compared; `None` where the index has none.
    fn encoder(&self, index: &Index, strategy: Strategy) -> Result<Option<Encoder>, Failure> {
        let Some(given) = &self.encoder else {
            let texts = matches!(strategy, Strategy::ImageToText | Strategy::TextToImage);
            let all = index.encoders();
            let fit = all.iter().find(|encoder| encoder.text || !texts);
            return Ok(fit.or(all.first()).cloned());
        };
        match index.encoder_called(&encoder_word(given)) {
            Ok(encoder) => Ok(Some(encoder.clone())),
            Err(IndexError::Encoder { .. }) if is_bundle(&models()?.find(given)) => {
                self.by_weights(index, given).map(Some)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The index's encoder with the weights of a bundle that it knows by another name.
    fn by_weights(&self, index: &Index, bundle: &Path) -> Result<Encoder, Failure> {
        let maker = Maker {
            model: Some(bundle.to_path_buf()),
            device: self.device.clone(),
        };
        let (encoder, _) = maker.load()?;
        let known = index.encoder(&encoder.sha256).map_err(failed)?;
        Ok(Encoder {
            bundle: as_typed(bundle),
            ..known.clone()
        })
    }
}

fn read(path: &Path) -> Result<Picture, Failure> {
    load(path).map_err(|e| Failure {
        message: e.to_string(),
        hint: e.hint(),
        code: 3,
    })
}

fn tell(found: &Found, as_json: bool) -> Outcome {
    for notice in &found.notices {
        aside(format_args!("note: {notice}"));
    }
    if as_json {
        let hits = found.shots.iter().map(in_json).collect();
        print(format!("{:#}", Value::Array(hits)))?;
        return Ok(0);
    }
    for shot in &found.shots {
        let e = &shot.example;
        print(format!("{:3}. {}  {}", shot.rank, e.id, shot.reason))?;
        print(format!("     Q: {}  A: {}", e.question, e.answer))?;
        let tags: Vec<String> = e.tags.iter().map(|(n, v)| format!("{n}={v}")).collect();
        print(format!(
            "     {} | {}, {}",
            tags.join(" "),
            e.source,
            e.licence
        ))?;
    }
    Ok(0)
}

fn in_json(shot: &Shot) -> Value {
    let mut value = example_json(&shot.example);
    value["rank"] = shot.rank.into();
    value["score"] = json!((f64::from(shot.score) * 1e4).round() / 1e4);
    value["reason"] = shot.reason.clone().into();
    value
}
