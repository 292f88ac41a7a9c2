//! `rounds index search`: finds examples by image, text or tags.

use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use super::inspect::example_json;
use super::shared_flags::SharedFlags;
use super::{EncoderArgs, bundle_name, embedders, encoder_key};
use crate::cli::failure::Outcome;
use crate::cli::libraries::{models, open_index};
use crate::cli::out::print;
use rounds_assistant::retrieval::{
    Found, ListQuery, NOTHING_FOUND, Plan, Query, Shot, Strategy, browse, list,
};
use rounds_assistant::{IndexSketches, QueryImages};
use rounds_imaging::Image;
use rounds_index::ingest::Embedder;
use rounds_index::{Encoder, ExampleImage, Index, IndexError};
use rounds_model::library::is_bundle;
use rounds_support::errors::count;
use rounds_support::{Cancel, Failure, stderr_line};

#[derive(Args)]
pub struct Search {
    /// Index name or folder; `shipped` for the shipped index
    index: PathBuf,
    /// Find examples with similar images; each image is listed once, with its best matching question. The image itself is
    /// found too, and marked as the same
    #[arg(short, long)]
    image: Option<PathBuf>,
    /// Find words in questions, answers and tags; without --image, all examples with any of the words match. Text written
    /// without spaces, such as Chinese, matches only as a whole
    #[arg(short, long)]
    text: Option<String>,
    /// Maximum number of results
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// How results are found and ranked [default: image, text or hybrid, depending on --image and --text; with neither, all
    /// examples in index order]
    #[arg(long, value_enum)]
    strategy: Option<Strategy>,
    /// Encoder of the index to use, given by its name, bundle or hash prefix [default: the first one that suits the strategy]
    #[arg(long, value_name = "NAME")]
    encoder: Option<PathBuf>,
    /// Search algorithm for similar images; auto picks one by index size
    #[arg(long, value_enum, default_value = "auto")]
    search: rounds_index::Search,
    #[command(flatten)]
    shared: SharedFlags,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
    /// Compute device; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
}

/// The query's vectors.
#[derive(Default)]
struct Encoded {
    /// SHA-256 of the encoder; empty where the index has none.
    encoder: String,
    image: Vec<Vec<f32>>,
    text: Option<Vec<f32>>,
}

pub fn search(search: &Search) -> Outcome {
    let index = open_index(&search.index)?;
    let Some(strategy) = search.strategy() else {
        let found = list(&index, &search.wanted())?;
        return print_results(&found, search.json);
    };
    search.check_inputs(strategy)?;
    let image = search.image.as_deref().map(read).transpose()?;
    let encoded = search.encode_query(&index, strategy, image.as_ref())?;
    let own = QueryImages::of(&image);
    let sketches = IndexSketches::default();
    let same_pixels = |image: &ExampleImage| sketches.show_same(&index, image, &own);
    let vectors: Vec<&[f32]> = encoded.image.iter().map(Vec::as_slice).collect();
    let query = Query {
        encoder: &encoded.encoder,
        vectors: &vectors,
        text: encoded.text.as_deref(),
        images: &own.phashes,
        altered: &own.altered,
        same_pixels: Some(&same_pixels),
        question: search.text.as_deref().unwrap_or(""),
        patient: None,
        study: None,
        seed: search.shared.settings.decoding.seed,
    };
    let mut plan = search.plan(strategy);
    if strategy.needs_vectors() {
        // Nothing polls a cancel flag here: Ctrl-C ends the program.
        let chosen = index.resolve_search(&encoded.encoder, plan.search, &Cancel::new());
        plan.search = chosen?;
    }
    let mut found = browse(&index, &query, &plan)?;
    if let Some(why) = &found.shortfall {
        found
            .notices
            .push(shortfall(found.shots.len(), search, why));
    }
    print_results(&found, search.json)
}

/// Why there are only `found` results.
fn shortfall(found: usize, search: &Search, why: &str) -> String {
    let floor = search.shared.settings.floor;
    match (found, floor.filter(|_| search.image.is_some())) {
        (0, Some(floor)) => format!("{NOTHING_FOUND} with a similarity of at least {floor}"),
        (0, None) => NOTHING_FOUND.into(),
        _ => format!(
            "{found} of {}, one per image: {why}",
            count(search.k, "result")
        ),
    }
}

impl Search {
    /// Errors if the strategy lacks its input, or does not search at all.
    fn check_inputs(&self, strategy: Strategy) -> Result<(), Failure> {
        use Strategy::{
            Auto, Balanced, Case, Diverse, Fixed, Hybrid, Image, ImageToText, None, Text,
            TextToImage,
        };
        let (message, hint) = match strategy {
            Fixed | None => ("this strategy does not search", "remove --strategy"),
            Auto | Image | Case | Diverse | Balanced | Hybrid | ImageToText
                if self.image.is_none() =>
            {
                (
                    "this strategy needs an image",
                    "give one with --image, or search by --text alone",
                )
            }
            Text | TextToImage if self.text.is_none() => {
                ("this strategy needs words", "give them with --text")
            }
            _ => return Ok(()),
        };
        Err(Failure::usage(format!("--strategy {}: {message}", strategy.name())).hint(hint))
    }

    /// The strategy; `None` to list all matching examples: words or conditions alone, without one example per image.
    fn strategy(&self) -> Option<Strategy> {
        match (self.strategy, &self.image, &self.text) {
            (Some(Strategy::Text), None, Some(_)) | (None, None, _) => None,
            (Some(strategy), ..) => Some(strategy),
            (None, Some(_), Some(_)) => Some(Strategy::Hybrid),
            (None, Some(_), None) => Some(Strategy::Image),
        }
    }

    fn wanted(&self) -> ListQuery<'_> {
        ListQuery {
            words: self.text.as_deref(),
            filter: &self.shared.settings.filter,
            limit: self.k,
        }
    }

    fn plan(&self, strategy: Strategy) -> Plan {
        Plan {
            shots: self.k,
            strategy,
            search: self.search,
            floor: self.shared.settings.floor,
            filter: self.shared.settings.filter.clone(),
            pinned: Vec::new(),
            excluded: Vec::new(),
        }
    }

    /// Computes the query's vectors that the strategy needs.
    fn encode_query(
        &self,
        index: &Index,
        strategy: Strategy,
        image: Option<&Image>,
    ) -> Result<Encoded, Failure> {
        let Some(encoder) = self.encoder(index, strategy)? else {
            return Ok(Encoded::default());
        };
        let mut encoded = Encoded {
            encoder: encoder.sha256.clone(),
            ..Encoded::default()
        };
        if !strategy.needs_vectors() && image.is_none() {
            return Ok(encoded);
        }
        let embedders = embedders(std::slice::from_ref(&encoder), &self.device)?;
        let refused = |e: String| Failure::usage(e);
        if let Some(text) = &self.text {
            let vectors = embedders.text(text).map_err(refused)?;
            encoded.text = vectors.into_iter().next().flatten();
        }
        if let Some(image) = image {
            encoded.image = embedders.image(image).map_err(refused)?;
        }
        Ok(encoded)
    }

    /// The encoder whose vectors are compared; `None` if the index has none.
    fn encoder(&self, index: &Index, strategy: Strategy) -> Result<Option<Encoder>, Failure> {
        let Some(given) = &self.encoder else {
            let needs_text = matches!(strategy, Strategy::ImageToText | Strategy::TextToImage);
            let all = index.encoders();
            let fit = all.iter().find(|encoder| encoder.text || !needs_text);
            return Ok(fit.or(all.first()).cloned());
        };
        match index.encoder_named(&encoder_key(given)) {
            Ok(encoder) => Ok(Some(encoder.clone())),
            Err(IndexError::Encoder { .. }) if is_bundle(&models()?.find(given)) => {
                self.by_weights(index, given).map(Some)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The index's encoder with the same weights as `bundle`, which the index records under another name.
    fn by_weights(&self, index: &Index, bundle: &Path) -> Result<Encoder, Failure> {
        let encoder_args = EncoderArgs {
            model: Some(bundle.to_path_buf()),
            device: self.device.clone(),
        };
        let (encoder, _) = encoder_args.load()?;
        let known = index.encoder(&encoder.sha256)?;
        Ok(Encoder {
            bundle: bundle_name(bundle),
            ..known.clone()
        })
    }
}

fn read(path: &Path) -> Result<Image, Failure> {
    let mut note = |text: &str| stderr_line(format_args!("note: {text}"));
    let images = crate::given::images(path, &mut note)?.images;
    // Of a fusion, the last image shows both scans.
    let last = images.into_iter().next_back();
    last.ok_or_else(|| Failure::model("the scan gave no image"))
}

fn print_results(found: &Found, as_json: bool) -> Outcome {
    for notice in &found.notices {
        stderr_line(format_args!("note: {notice}"));
    }
    if as_json {
        let hits = found.shots.iter().map(result_json).collect();
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

fn result_json(shot: &Shot) -> Value {
    let mut value = example_json(&shot.example);
    value["rank"] = shot.rank.into();
    value["score"] = json!(rounds_support::millionths(shot.score));
    value["reason"] = shot.reason.clone().into();
    value["same_image"] = shot.is_same_image().into();
    value
}
