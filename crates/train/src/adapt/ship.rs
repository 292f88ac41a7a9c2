//! Makes a bundle of a finished run: the base's weights, the best trained ones, and a card of what was measured.

use candle_core::{Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::AdaptError;
use super::base::Base;
use super::curve::Point;
use super::data::AdaptData;
use super::recipe::{AdaptRecipe, Method};
use rounds_model::bundle::{FORMAT_VERSION, Manifest, VectorIdentity};
use rounds_model::import::{WeightFormat, write_weights};
use rounds_model::prefix::{PrefixConfig, PrefixModel};
use rounds_model::store::TensorSpec;
use rounds_support::{files, sanitise};

/// File of the card.
pub(super) const CARD: &str = "model-card.md";

/// A finished run.
pub(super) struct Finished<'a> {
    pub(super) base: &'a Base,
    pub(super) config: PrefixConfig,
    pub(super) recipe: &'a AdaptRecipe,
    pub(super) method: Method,
    pub(super) data: &'a AdaptData,
    pub(super) points: &'a [Point],
    /// Weights that were never trained.
    pub(super) constants: HashMap<String, Tensor>,
    pub(super) folder: &'a Path,
    pub(super) trained: usize,
}

impl Finished<'_> {
    /// The measurement of the best epoch.
    pub(super) fn best(&self) -> Option<&Point> {
        let measured = self
            .points
            .iter()
            .filter(|point| point.validation.is_some());
        measured.min_by(|a, b| {
            let loss = |point: &Point| point.validation.unwrap_or(f32::INFINITY);
            loss(a).total_cmp(&loss(b))
        })
    }

    /// Writes the bundle to `out`.
    pub(super) fn ship(
        &self,
        out: &Path,
        name: &str,
        format: WeightFormat,
    ) -> Result<(), AdaptError> {
        let best = self.folder.join("best.safetensors");
        let best = candle_core::safetensors::load(best, &Device::Cpu)?;
        let mut config = self.config.clone();
        config.language.tied_head &= !format.is_packed();
        let specs = PrefixModel::tensors(&config)?;
        let table = "lang_encoder.model.embed_tokens.weight";
        let mut tensor = |name: &str| {
            let of = |name: &str| best.get(name).or_else(|| self.constants.get(name)).cloned();
            match name {
                "lang_encoder.lm_head.weight" => of(name).or_else(|| of(table)),
                _ => of(name),
            }
        };
        let name = sanitise::clean_line(name);
        let card = self.card(&name);
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            family: "prefix".into(),
            licence: format!("as the base model's: {}", self.base.licence),
            intended_use: rounds_support::INTENDED_USE.into(),
            knows: format!("{name} was trained on a user's own index; see {CARD}"),
            template: config.layout.template().into(),
            name,
            familiar_similarity: -1.0,
            reliability: None,
            dtype: String::new(),
            weights: Vec::new(),
            vectors_known_by: VectorIdentity::Settings,
            tokens: self.base.tokens.clone(),
            pixels: self.base.pixels.clone(),
            config: config.into(),
            files: BTreeMap::new(),
            lengths: BTreeMap::new(),
        };
        let tokenizer = self.base.tokenizer.as_bytes();
        write_bundle(out, format, &specs, &mut tensor, manifest, tokenizer, &card)
    }

    fn card(&self, name: &str) -> String {
        let percent = |share: Option<f32>| match share {
            Some(share) => format!("{:.1} %", 100.0 * share),
            None => "not measured".into(),
        };
        let best = self.best();
        let recipe = serde_json::to_string_pretty(self.recipe).unwrap_or_default();
        format!(
            "# {name}\n\n{}\n\nTrained with `rounds train adapt`: {}, {} parameters, on top of {} ({}). Everything else stayed as it was.\n\n\
             * Training: {} questions. Validation: {} questions about other images and patients. {} questions of the index were left out. No patient, \
             study or image is on both sides, and no image that shows the same as one on the other side ({} pairs of groups were joined for that; crops are not found).\n\
             * Best validation loss {:.4} after {} steps. Answers that greedy decoding writes exactly: {}; with another question's image: {}. \
             A small difference between the two means that it answers from the question alone.\n\
             * Licences of the index's examples: {}. Index {}.\n\n```json\n{recipe}\n```\n",
            rounds_support::INTENDED_USE,
            self.method.described(),
            self.trained,
            sanitise::clean_line(&self.base.name),
            sanitise::clean_line(&self.base.licence),
            self.data.train.len(),
            self.data.validation.len(),
            self.data.skipped,
            self.data.joined,
            best.and_then(|point| point.validation).unwrap_or(f32::NAN),
            best.map_or(0, |point| point.step),
            percent(best.and_then(|point| point.right)),
            percent(best.and_then(|point| point.right_with_other_images)),
            sanitise::clean_line(&self.data.licences.join(", ")),
            self.data.sha256,
        )
    }
}

/// Writes weights, tokenizer, card and manifest to the folder `out`. `tensor` gives the tensor of a name; the manifest's files and types are
/// filled in.
pub(super) fn write_bundle(
    out: &Path,
    format: WeightFormat,
    specs: &[TensorSpec],
    tensor: &mut dyn FnMut(&str) -> Option<Tensor>,
    manifest: Manifest,
    tokenizer: &[u8],
    card: &str,
) -> Result<(), AdaptError> {
    files::create_private_dir(out)?;
    let written = write_weights(out, format, specs, &mut |spec: &TensorSpec| {
        let missing = || candle_core::Error::msg(format!("{} is missing", spec.name));
        Ok(tensor(&spec.name).ok_or_else(missing)?)
    });
    let written = written.map_err(|e| AdaptError::Tensor(candle_core::Error::wrap(e)))?;
    files::write_atomic(&out.join(CARD), card.as_bytes())?;
    let weights = format.file().to_string();
    let tokenizer = std::str::from_utf8(tokenizer).map_err(|e| AdaptError::Input(e.to_string()))?;
    let manifest = Manifest {
        dtype: format.name().into(),
        weights: vec![weights.clone()],
        files: BTreeMap::from([
            (weights.clone(), written.sha256.clone()),
            (
                "tokenizer.json".into(),
                files::sha256_hex(tokenizer.as_bytes()),
            ),
            (CARD.into(), files::sha256_hex(card.as_bytes())),
        ]),
        lengths: BTreeMap::from([
            (weights, written.length),
            ("tokenizer.json".into(), tokenizer.len() as u64),
            (CARD.into(), card.len() as u64),
        ]),
        ..manifest
    };
    let text = toml::to_string(&manifest).map_err(|e| AdaptError::Input(e.to_string()))?;
    let committed = written.commit(out, tokenizer, ("model.toml", &text));
    committed.map_err(AdaptError::File)
}
