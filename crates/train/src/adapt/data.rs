//! The questions of a user's index as sequences, split into training and validation.
//!
//! Questions that share an image, a patient or a study, or whose images show the same, are always on the same side. Never split by row: an
//! image seen in training would then vouch for itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use tokenizers::Tokenizer;

use super::AdaptError;
use super::alike::Look;
use super::recipe::AdaptRecipe;
use rounds_assistant::prompt::plain;
use rounds_index::{Example, ExampleImage, Index};
use rounds_model::bundle::SpecialTokens;
use rounds_model::prefix::{BEFORE_ANSWER, BEFORE_IMAGE, BEFORE_QUESTION, Layout, Pieces};
use rounds_support::rng::Rng;

/// A question with its answer as token ids.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// Which image.
    pub(super) image: usize,
    /// The whole sequence, with one image token and the token that ends it.
    pub(super) ids: Vec<u32>,
    /// Where the answer begins.
    pub(super) answer: usize,
    /// Number of its example in [`AdaptData::examples`].
    pub(super) example: usize,
    /// Number of its group.
    pub(super) group: usize,
}

impl Sample {
    /// Which of its tokens are predicted: every token after the one that follows the image, as published.
    pub(super) fn predicted(&self, image_token: u32) -> Range<usize> {
        let image = self.ids.iter().position(|&id| id == image_token);
        let first = image.unwrap_or(0) + 2;
        first..self.ids.len().max(first)
    }

    /// A sequence that belongs to no group.
    #[cfg(test)]
    pub(super) fn new(image: usize, ids: Vec<u32>, answer: usize) -> Self {
        Self {
            image,
            ids,
            answer,
            example: 0,
            group: 0,
        }
    }
}

/// The questions of an index, not yet split.
pub(super) struct Questions {
    pub(super) images: Vec<ExampleImage>,
    examples: Vec<Example>,
    samples: Vec<Sample>,
    groups: Groups,
    skipped: usize,
    licences: Vec<String>,
    pub(super) sha256: String,
    image_token: u32,
    end_token: u32,
}

/// The questions of an index, split.
pub(super) struct AdaptData {
    pub(super) images: Vec<ExampleImage>,
    /// All examples of the index, those that were left out too.
    pub(super) examples: Vec<Example>,
    pub(super) train: Vec<Sample>,
    pub(super) validation: Vec<Sample>,
    /// Groups of questions: no group is on both sides.
    pub(super) groups: usize,
    /// Pairs of groups that are one because images of theirs show the same.
    pub(super) joined: usize,
    /// Questions without an answer, with no image or several, or too long.
    pub(super) skipped: usize,
    pub(super) licences: Vec<String>,
    pub(super) sha256: String,
    pub(super) image_token: u32,
    pub(super) end_token: u32,
}

/// Splits texts into tokens, piece by piece.
struct Encoder<'a> {
    tokenizer: &'a Tokenizer,
    image: u32,
    end: u32,
}

impl Encoder<'_> {
    fn ids(&self, text: &str) -> Result<Vec<u32>, AdaptError> {
        let encoding = self.tokenizer.encode(text, false);
        let encoding = encoding.map_err(|e| AdaptError::Input(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The sequence of an example, and where its answer begins.
    fn sequence(&self, example: &Example) -> Result<(Vec<u32>, usize), AdaptError> {
        let mut ids = Layout::Regular.sequence(&Pieces {
            before_question: &self.ids(BEFORE_QUESTION)?,
            question: &self.ids(&plain(&example.question))?,
            before_image: &self.ids(BEFORE_IMAGE)?,
            image: self.image,
            before_answer: &self.ids(BEFORE_ANSWER)?,
        });
        let answer = ids.len();
        ids.extend(self.ids(&plain(&example.answer))?);
        ids.push(self.end);
        Ok((ids, answer))
    }
}

/// Joins what belongs together.
#[derive(Default)]
struct Groups {
    parents: Vec<usize>,
    known: HashMap<String, usize>,
}

impl Groups {
    fn root(&self, mut at: usize) -> usize {
        while self.parents[at] != at {
            at = self.parents[at];
        }
        at
    }

    fn node(&mut self, key: String) -> usize {
        let next = self.parents.len();
        let node = *self.known.entry(key).or_insert(next);
        if node == next {
            self.parents.push(next);
        }
        self.root(node)
    }

    /// The group of an image.
    fn of_image(&mut self, image: &ExampleImage) -> usize {
        self.node(image_key(image))
    }

    /// Makes the groups of two nodes one. Returns whether they were two.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        let (first, second) = (a.min(b), a.max(b));
        self.parents[second] = first;
        first != second
    }

    /// The group of an example.
    fn add(&mut self, example: &Example) -> usize {
        let images = example.images.iter().map(image_key);
        let named =
            |kind: &str, value: &str| (!value.is_empty()).then(|| format!("{kind} {value}"));
        let keys: Vec<String> = images
            .chain(named("patient", &example.patient))
            .chain(named("study", &example.study))
            .collect();
        let nodes: Vec<usize> = keys.into_iter().map(|key| self.node(key)).collect();
        let first = nodes.iter().copied().min().unwrap_or(0);
        for node in nodes {
            self.join(first, node);
        }
        first
    }
}

fn image_key(image: &ExampleImage) -> String {
    format!("image {}", image.sha256)
}

impl Questions {
    /// Reads the questions that have one image and an answer.
    pub(super) fn read(
        index: &Index,
        tokenizer: &Tokenizer,
        tokens: &SpecialTokens,
        context: usize,
        recipe: &AdaptRecipe,
    ) -> Result<Self, AdaptError> {
        let id = |token: &str| {
            let missing = || AdaptError::Input(format!("the tokenizer has no token {token}"));
            tokenizer.token_to_id(token).ok_or_else(missing)
        };
        let (image_token, end_token) = (id(&tokens.image)?, id(&tokens.end_of_chunk)?);
        let encoder = Encoder {
            tokenizer,
            image: image_token,
            end: end_token,
        };
        let mut examples = Vec::new();
        index.each_example(&mut |example| {
            examples.push(example?);
            Ok(())
        })?;
        let (mut images, mut numbers) = (Vec::new(), HashMap::new());
        let (mut samples, mut skipped) = (Vec::new(), 0);
        let (mut groups, mut licences) = (Groups::default(), BTreeMap::new());
        let most = recipe.max_tokens.min(context);
        for (at, example) in examples.iter().enumerate() {
            let group = groups.add(example);
            let ([image], false) = (example.images.as_slice(), example.answer.trim().is_empty())
            else {
                skipped += 1;
                continue;
            };
            let (ids, answer) = encoder.sequence(example)?;
            if ids.len() + recipe.prefix_length > most {
                skipped += 1;
                continue;
            }
            *licences.entry(example.licence.clone()).or_insert(0usize) += 1;
            let next = images.len();
            let number = *numbers.entry(image.sha256.clone()).or_insert(next);
            if number == next {
                images.push(image.clone());
            }
            samples.push(Sample {
                image: number,
                ids,
                answer,
                example: at,
                group,
            });
        }
        let roots = samples.iter().map(|sample| groups.root(sample.group));
        if roots.collect::<BTreeSet<_>>().len() < 2 {
            return Err(too_few());
        }
        Ok(Self {
            images,
            examples,
            samples,
            groups,
            skipped,
            licences: licences.into_keys().filter(|l| !l.is_empty()).collect(),
            sha256: index.sha256(),
            image_token,
            end_token,
        })
    }

    /// Splits the questions. `looks` has the look of every image, in the same order.
    pub(super) fn split(
        self,
        looks: &[Look],
        recipe: &AdaptRecipe,
    ) -> Result<AdaptData, AdaptError> {
        let (mut samples, mut groups) = (self.samples, self.groups);
        let nodes = self.images.iter().map(|image| groups.of_image(image));
        let looks: Vec<(usize, &Look)> = nodes.collect::<Vec<_>>().into_iter().zip(looks).collect();
        let mut joined = 0;
        for (count, (node, look)) in looks.iter().enumerate() {
            for (other, seen) in looks.iter().take(count) {
                let apart = groups.root(*node) != groups.root(*other);
                if apart && look.shows_same(seen) {
                    joined += usize::from(groups.join(*node, *other));
                }
            }
        }
        for sample in &mut samples {
            sample.group = groups.root(sample.group);
        }
        let distinct: BTreeSet<usize> = samples.iter().map(|sample| sample.group).collect();
        let (train, validation) = split(samples, recipe)?;
        Ok(AdaptData {
            images: self.images,
            examples: self.examples,
            train,
            validation,
            groups: distinct.len(),
            joined,
            skipped: self.skipped,
            licences: self.licences,
            sha256: self.sha256,
            image_token: self.image_token,
            end_token: self.end_token,
        })
    }
}

impl AdaptData {
    /// How the questions were split, in words.
    pub(super) fn described(&self) -> String {
        format!(
            "{} questions to train on, {} for validation, {} left out; {} groups by patient, study and image, {} of them joined because images show the same",
            self.train.len(),
            self.validation.len(),
            self.skipped,
            self.groups,
            self.joined,
        )
    }

    /// Tokens of the longest sequence, and how many of a sequence are predicted at most.
    pub(super) fn longest(&self) -> (usize, usize) {
        let samples = || self.train.iter().chain(&self.validation);
        let tokens = samples().map(|sample| sample.ids.len()).max();
        let predicted = samples().map(|sample| sample.predicted(self.image_token).len());
        (tokens.unwrap_or(0), predicted.max().unwrap_or(0))
    }
}

/// Whole groups, drawn at random, until validation has its share of the questions.
fn split(
    samples: Vec<Sample>,
    recipe: &AdaptRecipe,
) -> Result<(Vec<Sample>, Vec<Sample>), AdaptError> {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for sample in &samples {
        *sizes.entry(sample.group).or_default() += 1;
    }
    let mut order: Vec<usize> = sizes.keys().copied().collect();
    Rng::new(recipe.seed).shuffle(&mut order);
    let wanted = (samples.len() as f32 * recipe.validation).ceil() as usize;
    let (mut kept, mut chosen) = (0, Vec::new());
    // The last group is always left for training.
    for group in order.iter().skip(1) {
        if kept >= wanted {
            break;
        }
        kept += sizes.get(group).copied().unwrap_or(0);
        chosen.push(*group);
    }
    chosen.sort_unstable();
    let is_kept = |sample: &Sample| chosen.binary_search(&sample.group).is_ok();
    let (validation, train): (Vec<Sample>, Vec<Sample>) = samples.into_iter().partition(is_kept);
    match train.is_empty() || validation.is_empty() {
        true => Err(too_few()),
        false => Ok((train, validation)),
    }
}

fn too_few() -> AdaptError {
    AdaptError::Input(
        "the index needs questions about at least two patients or unlike images, each with one image, an answer, and no more tokens than max_tokens of the recipe".into(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::alike::tests::{altered, picture};
    use super::*;

    fn example(image: &str, patient: &str, study: &str) -> Example {
        Example {
            images: vec![ExampleImage {
                sha256: image.into(),
                extension: "png".into(),
            }],
            patient: patient.into(),
            study: study.into(),
            ..Example::default()
        }
    }

    #[test]
    fn what_shares_an_image_a_patient_or_a_study_is_one_group() {
        let mut groups = Groups::default();
        let rows = [
            ("a", "p", ""),
            ("b", "q", "s"),
            ("c", "", ""),
            ("b", "", ""),
            ("d", "p", "t"),
            ("e", "", "t"),
            ("c", "q", ""),
        ];
        let found: Vec<usize> = rows
            .iter()
            .map(|(image, patient, study)| groups.add(&example(image, patient, study)))
            .collect();
        let found: Vec<usize> = found.iter().map(|&at| groups.root(at)).collect();
        assert_eq!(found[0], found[4]);
        assert_eq!(found[4], found[5]);
        assert_eq!(found[1], found[3]);
        assert_eq!(found[2], found[6]);
        assert_eq!(found[1], found[2], "joined by a later row");
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn questions_about_images_that_show_the_same_are_on_one_side() {
        let image = |name: &str| ExampleImage {
            sha256: name.into(),
            extension: "png".into(),
        };
        let pictures = [picture(1), picture(2), altered(1), picture(3)];
        let looks = pictures.each_ref().map(Look::of);
        for seed in 0..20 {
            let mut groups = Groups::default();
            let images = ["a", "b", "c", "d"].map(image).to_vec();
            let samples = images.iter().enumerate().map(|(at, image)| Sample {
                group: groups.of_image(image),
                ..Sample::new(at, vec![1, 2, 3], 2)
            });
            let questions = Questions {
                samples: samples.collect(),
                images,
                examples: Vec::new(),
                groups,
                skipped: 0,
                licences: Vec::new(),
                sha256: String::new(),
                image_token: 1,
                end_token: 3,
            };
            let recipe = AdaptRecipe {
                seed,
                validation: 0.25,
                ..AdaptRecipe::default()
            };
            let data = questions.split(&looks, &recipe).unwrap();
            assert_eq!((data.groups, data.joined), (3, 1));
            assert_eq!(data.longest(), (3, 1));
            let kept: Vec<usize> = data.validation.iter().map(|s| s.image).collect();
            assert_eq!(kept.contains(&0), kept.contains(&2), "{kept:?}");
        }
    }
}
