//! Trains the additions of a radiology learner further on a user's own questions.

use candle_core::{Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use tokenizers::Tokenizer;

use super::data::{RadiologyData, Split};
use super::episodes::{Episode, EpisodeTurn, Markers, Pool};
use super::labels::Coarse;
use super::learner::{Best, LearnerStage};
use super::recipe::RadiologyRecipe;
use super::similar::Neighbours;
use super::{RadiologyError, tower, weights_of};
use crate::checkpoint::Checkpoint;
use crate::report::Report;
use crate::vars::Vars;
use rounds_assistant::comparable;
use rounds_model::bundle::{Bundle, Fit, Manifest};
use rounds_model::flamingo::FlamingoConfig;
use rounds_model::vision::{EfficientNetConfig, EfficientNetTower, VisionConfig};
use rounds_support::rng::Rng;
use rounds_support::{Cancel, stderr_line};

/// Most questions of the tuning split that the trained model is measured on.
const MEASURED: usize = 200;
/// Shots of a measured question that has any.
const SHOTS: usize = 4;

type Tensors = HashMap<String, Tensor>;

/// A run on one's own questions.
pub(crate) struct OwnRun<'a> {
    /// The model to go on from.
    pub bundle: &'a Bundle,
    /// The images (without paths) and questions.
    pub data: &'a RadiologyData,
    /// Every image as RGB `[side, side, 3]`.
    pub pixels: &'a [Vec<u8>],
    /// For every image those of the same patient or study, or that show the same, ascending: none is a shot of the other's question.
    pub same: &'a [Vec<usize>],
    /// The recipe.
    pub recipe: &'a RadiologyRecipe,
    /// What tells the run from another, for its folder.
    pub written: &'a str,
    /// Folder of the run.
    pub folder: &'a Path,
}

/// What a run made.
pub(crate) struct OwnResult {
    /// All weights of the model.
    pub weights: HashMap<String, Tensor>,
    /// Trained parameters.
    pub parameters: usize,
    /// The step with the best tuning score.
    pub step: usize,
    /// How many of the tuning questions were asked for that.
    pub asked: usize,
    /// Shares of right answers to them, by condition: before the run, and after it.
    pub measured: [BTreeMap<&'static str, f32>; 2],
}

/// The sizes of a bundle that can be trained so.
///
/// Errors, saying why, where it is not of the shipped model's kind.
pub(crate) fn fitting(
    manifest: &Manifest,
) -> Result<(&FlamingoConfig, &EfficientNetConfig), String> {
    let fits = manifest.template == "radiology" && manifest.pixels.fit == Fit::Squash;
    match manifest.config.flamingo() {
        Some(config) if fits => match &config.vision {
            VisionConfig::EfficientNet(tower) => Ok((config, tower)),
            _ => Err(unfit(manifest)),
        },
        _ => Err(unfit(manifest)),
    }
}

fn unfit(manifest: &Manifest) -> String {
    format!(
        "the method flamingo goes on from the shipped model or one that was trained from it, and {} is another kind: leave out --model, or use --method lora",
        manifest.name
    )
}

impl OwnRun<'_> {
    /// Trains, or resumes the run in its folder; `None` where it was cancelled.
    pub(crate) fn train(&self, cancel: &Cancel) -> Result<Option<OwnResult>, RadiologyError> {
        let manifest = &self.bundle.manifest;
        let (config, vision) = fitting(manifest).map_err(RadiologyError::Input)?;
        let other = || RadiologyError::OtherRecipe(self.folder.display().to_string());
        let opened = Checkpoint::open_run(self.folder, self.written)?;
        let (mut checkpoint, weights) = opened.ok_or_else(other)?;
        let (before, constants): (Tensors, Tensors) = weights_of(self.bundle, config)?
            .into_iter()
            .partition(|(name, _)| LearnerStage::trained(name));
        let mut given = before.clone();
        given.extend(weights);
        let vars = Vars::with_constants(self.recipe.seed, given, constants.clone());
        let store = vars.store(&Device::Cpu).pp("vision_encoder");
        let published = EfficientNetTower::load(vision, store)?;
        let views = self.recipe.learner_views;
        stderr_line(format_args!(
            "encoding {} images in {views} views",
            self.data.images.len()
        ));
        let fronts = match tower::fronts(&published, self.pixels, self.recipe, views, cancel) {
            Err(_) if cancel.is_cancelled() => return Ok(None),
            fronts => fronts?,
        };
        let images = self.data.images.len();
        let features = tower::Features::compute(self.recipe, vision, &fronts, images, &vars)?;
        drop(fronts);
        let (mean, _) = features.moments(&self.data.images_of(Split::Train));
        let nothing = RadiologyData::default();
        let near = |data| {
            let vectors = (0..images).map(|image| features.vector((image, 0)));
            let questions = RadiologyData::questions_of(data, Split::Train);
            Neighbours::new(data, vectors, &mean, self.same, &questions)
        };
        let (neighbours, none) = (near(self.data), near(&nothing));
        let text = std::str::from_utf8(&self.bundle.tokenizer).map_err(input)?;
        let tokenizer: Tokenizer = text.parse().map_err(input)?;
        let id = |token: &str| {
            let missing = || RadiologyError::Input(format!("the tokenizer has no token {token}"));
            tokenizer.token_to_id(token).ok_or_else(missing)
        };
        let coarse = vec![Coarse::default(); images];
        let stage = LearnerStage {
            recipe: self.recipe,
            config,
            data: self.data,
            features: &features,
            neighbours: &neighbours,
            worked: (&nothing, &none),
            coarse: &coarse,
            tokenizer: &tokenizer,
            markers: Markers {
                begin: id(&manifest.tokens.begin)?,
                end: id(&manifest.tokens.end_of_chunk)?,
                image: id(&manifest.tokens.image)?,
            },
            vars: &vars,
            folder: self.folder,
        };
        let measure = |weights: HashMap<String, Tensor>| {
            let vars = Vars::with_constants(self.recipe.seed, weights, constants.clone());
            let stage = LearnerStage {
                vars: &vars,
                ..stage
            };
            stage.measure_own()
        };
        let first = measure(before)?;
        describe("before", &first);
        let mut report = Report::new(self.folder, 10);
        stage.train(&mut checkpoint, &mut report, cancel)?;
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let best = self.folder.join("best.safetensors");
        let best = candle_core::safetensors::load(best, &Device::Cpu)?;
        let last = measure(best.clone())?;
        describe("after", &last);
        let parameters = vars.select(LearnerStage::trained);
        let parameters = parameters.iter().map(|(_, var)| var.elem_count()).sum();
        let mut weights = constants.clone();
        weights.extend(best);
        Ok(Some(OwnResult {
            weights,
            parameters,
            step: Best::read(self.folder).map_or(0, |best| best.step),
            asked: self.data.questions_of(Split::Tune).len().min(MEASURED),
            measured: [first, last],
        }))
    }
}

fn input(error: impl std::fmt::Display) -> RadiologyError {
    RadiologyError::Input(error.to_string())
}

fn describe(when: &str, measured: &BTreeMap<&'static str, f32>) {
    let listed: Vec<String> = measured
        .iter()
        .map(|(name, share)| format!("{name} {:.1}", 100.0 * share))
        .collect();
    stderr_line(format_args!(
        "{when} the run, % of the kept questions right: {}",
        listed.join(", ")
    ));
}

impl LearnerStage<'_> {
    /// The shares of right answers about the tuning images, by condition: with and without shots, each with another image in place of the
    /// question's too, and the vote of the same shots.
    fn measure_own(&self) -> Result<BTreeMap<&'static str, f32>, RadiologyError> {
        let model = self.load()?;
        let mut rng = Rng::new(self.recipe.seed ^ 0x0417);
        let mut questions = self.data.questions_of(Split::Tune);
        rng.shuffle(&mut questions);
        questions.truncate(MEASURED);
        let pool = Pool::new(self.data, self.neighbours, self.recipe);
        let mut named: Vec<(&'static str, Episode)> = Vec::new();
        let mut votes = 0;
        for &question in &questions {
            let near = self.neighbours.of(question, SHOTS);
            votes += usize::from(self.vote_is_right(question, &near));
            let shots: Vec<EpisodeTurn> = near
                .into_iter()
                .rev()
                .map(|shot| pool.turn(shot, 1, false, &mut rng))
                .collect();
            let own = pool.turn(question, 1, false, &mut rng);
            let other = self.another_image(own.first_image())?;
            let with_other = EpisodeTurn {
                images: vec![(other, 0)],
                ..own.clone()
            };
            let after_shots =
                |turn: &EpisodeTurn| [shots.as_slice(), std::slice::from_ref(turn)].concat();
            named.push(("4 shots", after_shots(&own)));
            named.push(("4 shots, another image", after_shots(&with_other)));
            named.push(("no shots", vec![own]));
            named.push(("no shots, another image", vec![with_other]));
        }
        let episodes: Vec<(String, Episode)> = named
            .iter()
            .map(|(name, episode)| (name.to_string(), episode.clone()))
            .collect();
        let right = self.right(&model, &episodes)?;
        let count = questions.len().max(1) as f32;
        let mut shares = BTreeMap::from([("vote of the shots", votes as f32 / count)]);
        for ((name, _), right) in named.iter().zip(right) {
            *shares.entry(*name).or_default() += f32::from(u8::from(right)) / count;
        }
        Ok(shares)
    }

    /// An image of another patient that does not show the same as `image`: of the tuning images if there is one.
    fn another_image(&self, image: usize) -> Result<usize, RadiologyError> {
        let tuning = self.data.images_of(Split::Tune);
        let (before, after): (Vec<usize>, Vec<usize>) =
            tuning.into_iter().partition(|other| *other <= image);
        let training = self.data.images_of(Split::Train);
        let mut others = after.into_iter().chain(before).chain(training);
        let missing = || RadiologyError::Input("the index has no two unlike images".into());
        others
            .find(|&other| self.neighbours.may_show(image, other))
            .ok_or_else(missing)
    }

    /// Whether most of the shots, best first, have the question's answer; of equal counts the one with the better shot.
    fn vote_is_right(&self, question: usize, near: &[usize]) -> bool {
        let answer = |question: usize| comparable(&self.data.questions[question].answer);
        let answers: Vec<String> = near.iter().map(|&shot| answer(shot)).collect();
        let count = |wanted: &String| answers.iter().filter(|answer| *answer == wanted).count();
        // The first of the most frequent: `max_by_key` would take the last.
        let best = answers.iter().rev().max_by_key(|answer| count(answer));
        best.is_some_and(|best| *best == answer(question))
    }
}
