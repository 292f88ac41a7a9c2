//! A bundle: a folder with a model ready to run (`model.toml`, `tokenizer.json`, weights), or the built-in model.
//!
//! `model.toml` gives the SHA-256 and length of every other file. Small files are hashed before they are parsed. Large weights
//! are checked by length when a bundle is opened and by hash with `rounds model verify`: hashing them takes longer than
//! loading them.

mod reliability;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::error::ModelError;
pub use super::families::{FAMILIES, ModelConfig};
pub use super::manifest_files::VectorIdentity;
use super::manifest_files::{self, ENCODER_MANIFEST, ManifestFiles, damaged};
pub use reliability::{Evidence, QuestionTest, Reliability, ShotEvidence, TextureTest};
use rounds_imaging::{
    HighBitDepth, Image, clip_transform, squash_opaque_transform, squash_transform,
};
use rounds_support::{files, sanitise};

/// Version of the `model.toml` format that this program reads and writes.
pub const FORMAT_VERSION: u32 = 1;
const MANIFEST: &str = "model.toml";
/// Maximum length of `model.toml` in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// Maximum length of `tokenizer.json` in bytes; the largest published one has 34 MB.
const MAX_TOKENIZER: u64 = 64 << 20;
/// Profiles of 260,000 images.
const MAX_TEXTURES: u64 = 16 << 20;
const MAX_WORDS: u64 = 1 << 20;

/// The content of `model.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format; always [`FORMAT_VERSION`] once read.
    pub format_version: u32,
    /// One of [`FAMILIES`].
    pub family: String,
    /// Name shown to people.
    pub name: String,
    /// Licence of the weights.
    pub licence: String,
    /// What the model may be used for.
    pub intended_use: String,
    /// What the model knows and what it does not know; shown with every answer.
    pub knows: String,
    /// Name of the prompt template.
    pub template: String,
    /// Below this similarity of query and best shot, the image is unlike anything the model was trained on.
    pub familiar_similarity: f32,
    /// How the weights are stored: `f32`, `f16`, `bf16`, `q8_0`, `q4_k`.
    #[serde(default = "default_dtype")]
    pub dtype: String,
    /// Files with weights: `*.safetensors` or `*.gguf`.
    #[serde(default = "default_weights")]
    pub weights: Vec<String>,
    /// What identifies its image vectors.
    #[serde(default, skip_serializing_if = "VectorIdentity::is_default")]
    pub vectors_known_by: VectorIdentity,
    /// How far its answers can be relied on, if that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reliability: Option<Reliability>,
    /// The special tokens.
    pub tokens: SpecialTokens,
    /// How pixels are prepared.
    pub pixels: Pixels,
    /// Sizes of the model.
    pub config: ModelConfig,
    /// SHA-256 of every other file.
    pub files: BTreeMap<String, String>,
    /// Length in bytes of every other file.
    #[serde(default)]
    pub lengths: BTreeMap<String, u64>,
}

impl Manifest {
    /// Identifies the vectors of its tower; with [`VectorIdentity::Weights`] it is the SHA-256 of the first weights file.
    pub fn encoder_id(&self) -> String {
        let manifest_files = self.manifest_files();
        let hashes = manifest_files.weight_hashes();
        match self.vectors_known_by {
            VectorIdentity::Weights => hashes.first().copied().unwrap_or_default().to_string(),
            VectorIdentity::Settings => {
                manifest_files::identity(&hashes, &(self.config.vision(), &self.pixels))
            }
        }
    }

    fn manifest_files(&self) -> ManifestFiles<'_> {
        ManifestFiles {
            manifest: MANIFEST,
            weights: &self.weights,
            files: &self.files,
            lengths: &self.lengths,
        }
    }
}

impl Manifest {
    /// Cleans the texts, which go to the terminal. Tokens go to the tokenizer and cannot be changed, so unclean ones are an error.
    fn sanitised(mut self) -> Result<Self, ModelError> {
        for text in [
            &mut self.name,
            &mut self.licence,
            &mut self.intended_use,
            &mut self.knows,
            &mut self.template,
            &mut self.dtype,
        ] {
            *text = sanitise::clean_line(text);
        }
        self.tokens.check().map_err(|e| damaged(MANIFEST, e))?;
        Ok(self)
    }
}

fn default_dtype() -> String {
    "f16".into()
}

fn default_weights() -> Vec<String> {
    vec!["model.safetensors".into()]
}

/// Special tokens as the tokenizer spells them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpecialTokens {
    /// Token in front of every prompt; empty for none.
    pub begin: String,
    /// Token that stands for an image.
    pub image: String,
    /// Token that ends an example or an answer.
    pub end_of_chunk: String,
    /// Further tokens that end an answer.
    #[serde(default)]
    pub stop: Vec<String>,
    /// After this token text sees no image until the next one (IDEFICS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_reset: Option<String>,
    /// Tokens whose output rows were never trained; they are never generated.
    #[serde(default)]
    pub untrained: Vec<String>,
    /// Token on both sides of an image (IDEFICS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around_image: Option<String>,
}

impl SpecialTokens {
    /// Errors where a token has control characters, which could change the terminal.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut all = [&self.begin, &self.image, &self.end_of_chunk]
            .into_iter()
            .chain(&self.stop)
            .chain(&self.media_reset)
            .chain(&self.untrained)
            .chain(&self.around_image);
        match all.find(|token| sanitise::clean(token) != **token) {
            Some(token) => Err(format!(
                "the token {} contains control characters",
                sanitise::clean_line(token)
            )),
            None => Ok(()),
        }
    }
}

/// How an image is fitted to the tower's square input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Scale the shorter side to it and keep the centre (CLIP, OpenFlamingo).
    #[default]
    Crop,
    /// Scale both sides to it, ignoring the aspect ratio (IDEFICS).
    Squash,
    /// [`Fit::Squash`], but the colours of transparent parts stay as they are (MedVInT).
    SquashOpaque,
}

/// How pixels are prepared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pixels {
    /// How an image is fitted to the square input.
    #[serde(default)]
    pub fit: Fit,
    /// Mean per colour, for samples from 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation per colour.
    pub std: [f32; 3],
}

impl Pixels {
    /// CLIP's mean and standard deviation, which every published Flamingo uses.
    pub fn clip(fit: Fit) -> Self {
        Self {
            fit,
            mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
            std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
        }
    }

    /// ImageNet's mean and standard deviation, which MedVInT uses with every tower.
    pub fn imagenet(fit: Fit) -> Self {
        Self {
            fit,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }

    /// Mean and standard deviation of TensorFlow's EfficientNet-Lite: 127 and 128 of 255 for every colour.
    pub fn efficientnet_lite(fit: Fit) -> Self {
        Self {
            fit,
            mean: [127.0 / 255.0; 3],
            std: [128.0 / 255.0; 3],
        }
    }

    /// Errors where normalising would give numbers that are none.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut numbers = self.mean.iter().chain(&self.std);
        match numbers.all(|v| v.is_finite()) && self.std.iter().all(|v| *v > 0.0) {
            true => Ok(()),
            false => Err("mean and std of the pixels must be finite, and std positive".into()),
        }
    }

    /// The image as the tower's square input: `side * side * 3` bytes of 8-bit RGB.
    pub fn square(&self, image: &Image, side: usize, depth: HighBitDepth) -> Vec<u8> {
        match self.fit {
            Fit::Crop => clip_transform(image, side, depth),
            Fit::Squash => squash_transform(image, side, depth),
            Fit::SquashOpaque => squash_opaque_transform(image, side, depth),
        }
    }

    /// Normalised pixels `[1, 3, side, side]` of an image, in f32.
    pub fn tensor(
        &self,
        image: &Image,
        side: usize,
        depth: HighBitDepth,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let values = self.normalise(&self.square(image, side, depth));
        Tensor::from_vec(values, (1, 3, side, side), device)
    }

    /// Normalises 8-bit interleaved RGB `[side, side, 3]` to planar f32 `[3, side, side]`: mean subtracted, divided by the
    /// standard deviation.
    pub fn normalise(&self, rgb: &[u8]) -> Vec<f32> {
        let plane = |c: usize| {
            let samples = rgb.iter().skip(c).step_by(3);
            samples.map(move |&v| (f32::from(v) / 255.0 - self.mean[c]) / self.std[c])
        };
        (0..3).flat_map(plane).collect()
    }
}

/// Where the weights are.
pub enum Weights {
    /// In memory: one safetensors file.
    Bytes(Cow<'static, [u8]>),
    /// Part of the program: GGUF files by name.
    Shipped(Vec<(String, &'static [u8])>),
    /// On disk: safetensors or GGUF files.
    Files(Vec<PathBuf>),
}

/// An opened bundle.
pub struct Bundle {
    /// What `model.toml` says.
    pub manifest: Manifest,
    /// The content of `tokenizer.json`.
    pub tokenizer: Cow<'static, [u8]>,
    /// Where the weights are.
    pub weights: Weights,
    /// The texture profiles of the training images, for [`TextureTest`]; empty where there is no such test.
    pub textures: Cow<'static, [u8]>,
    /// The words of the training questions, for [`QuestionTest`]; empty where there is no such test.
    pub words: HashSet<String>,
    /// SHA-256 of `model.toml`, which names the hash of everything else.
    pub sha256: String,
}

enum BundleSource {
    Shipped,
    Folder(PathBuf),
}

impl BundleSource {
    fn read(&self, name: &str, max: u64) -> Result<Cow<'static, [u8]>, ModelError> {
        match self {
            BundleSource::Folder(folder) => Ok(Cow::Owned(files::read_regular_file(
                &folder.join(name),
                max,
            )?)),
            BundleSource::Shipped => rounds_support::shipped::file(&format!("{SHIPPED}/{name}"))
                .map(Cow::Borrowed)
                .ok_or_else(|| damaged(name, "it is not part of this build")),
        }
    }
}

fn parse_manifest(text: &[u8]) -> Result<Manifest, ModelError> {
    let text = std::str::from_utf8(text).map_err(|e| damaged(MANIFEST, e))?;
    let version: VersionOnly = toml::from_str(text).map_err(|e| damaged(MANIFEST, e.message()))?;
    if version.format_version != FORMAT_VERSION {
        return Err(ModelError::Version {
            found: version.format_version,
            known: FORMAT_VERSION,
        });
    }
    let manifest: Manifest = toml::from_str(text).map_err(|e| damaged(MANIFEST, e.message()))?;
    if !FAMILIES.contains(&manifest.family.as_str()) {
        return Err(ModelError::Family(sanitise::clean_line(&manifest.family)));
    }
    manifest.manifest_files().validate()?;
    if !manifest.config.is_of(&manifest.family) {
        return Err(damaged(MANIFEST, "its sizes are those of another family"));
    }
    manifest.config.check().map_err(|e| damaged(MANIFEST, e))?;
    manifest.pixels.check().map_err(|e| damaged(MANIFEST, e))?;
    if let Some(reliability) = &manifest.reliability {
        reliability.check().map_err(|e| damaged(MANIFEST, e))?;
    }
    manifest.sanitised()
}

/// Errors where `folder` holds no model that answers.
fn require_model(folder: &Path) -> Result<(), ModelError> {
    if folder.join(MANIFEST).exists() {
        return Ok(());
    }
    let path = rounds_support::errors::display_path(folder);
    Err(match folder.join(ENCODER_MANIFEST).is_file() {
        true => ModelError::IsEncoder(path),
        false => ModelError::NotAModel(path),
    })
}

impl Bundle {
    /// Reads and checks the bundle in `folder`, or the built-in model for `None`.
    pub fn open(folder: Option<&Path>) -> Result<Self, ModelError> {
        let source = match folder {
            None => BundleSource::Shipped,
            Some(folder) => {
                require_model(folder)?;
                BundleSource::Folder(folder.to_path_buf())
            }
        };
        let text = source.read(MANIFEST, MAX_MANIFEST)?;
        let manifest = parse_manifest(&text)?;
        let manifest_files = manifest.manifest_files();
        let checked = |name: &str, max| {
            let bytes = source.read(name, max)?;
            manifest_files.check(name, &bytes).map(|()| bytes)
        };
        let tokenizer = checked("tokenizer.json", MAX_TOKENIZER)?;
        let of_test = |file: Option<&String>, max| match file {
            Some(file) if manifest.files.contains_key(file) => checked(file, max),
            Some(_) => Err(damaged(
                MANIFEST,
                "it does not list the file of a test of its reliability",
            )),
            None => Ok(Cow::Borrowed(&[][..])),
        };
        let reliability = manifest.reliability.as_ref();
        let texture = reliability.and_then(|r| r.texture.as_ref());
        let textures = of_test(texture.map(|test| &test.file), MAX_TEXTURES)?;
        let questions = reliability.and_then(|r| r.questions.as_ref());
        let words = of_test(questions.map(|test| &test.file), MAX_WORDS)?;
        let words = String::from_utf8_lossy(&words);
        let words = words.lines().map(str::to_string).collect();
        let weights = match &source {
            BundleSource::Shipped => shipped_weights(&manifest)?,
            BundleSource::Folder(folder) => Weights::Files(manifest_files.weights(folder)?),
        };
        Ok(Self {
            tokenizer,
            weights,
            textures,
            words,
            sha256: files::sha256_hex(&text),
            manifest,
        })
    }

    /// Reads only `model.toml` of the bundle in `folder`.
    pub fn manifest(folder: &Path) -> Result<Manifest, ModelError> {
        require_model(folder)?;
        parse_manifest(&files::read_regular_file(
            &folder.join(MANIFEST),
            MAX_MANIFEST,
        )?)
    }

    /// Parses and checks the text of a `model.toml`. Public for the fuzzer.
    pub fn parse_manifest(text: &[u8]) -> Result<Manifest, ModelError> {
        parse_manifest(text)
    }

    /// Hashes every file of the built-in model; returns a message for each that differs from the manifest.
    pub fn verify_shipped() -> Result<Vec<String>, ModelError> {
        let manifest = Self::open(None)?.manifest;
        let files = manifest.manifest_files();
        let fault = |name: &String| match BundleSource::Shipped.read(name, u64::MAX) {
            Ok(bytes) => files.check(name, &bytes).err().map(|e| e.to_string()),
            Err(error) => Some(error.to_string()),
        };
        Ok(manifest.files.keys().filter_map(fault).collect())
    }

    /// Hashes every file of the bundle in `folder`; returns a message for each that differs from the manifest.
    pub fn verify(folder: &Path) -> Result<Vec<String>, ModelError> {
        Ok(Self::manifest(folder)?.manifest_files().problems(folder))
    }
}

/// The folder of the shipped bundle in the repository.
const SHIPPED: &str = rounds_support::shipped::MODEL;

/// The shipped weights. They are part of the program, so they are not hashed again; a test does it.
fn shipped_weights(manifest: &Manifest) -> Result<Weights, ModelError> {
    let read = |name: &String| {
        let missing = || damaged(name, "it is not part of this build");
        let bytes = rounds_support::shipped::file(&format!("{SHIPPED}/{name}"));
        Ok((name.clone(), bytes.ok_or_else(missing)?))
    };
    let files = manifest.weights.iter().map(read);
    let files: Vec<_> = files.collect::<Result<_, ModelError>>()?;
    Ok(match files.as_slice() {
        [(name, bytes)] if name.ends_with(".safetensors") => Weights::Bytes(Cow::Borrowed(*bytes)),
        _ => Weights::Shipped(files),
    })
}

#[derive(Deserialize)]
struct VersionOnly {
    format_version: u32,
}

#[cfg(test)]
mod tests;
