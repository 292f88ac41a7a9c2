//! Episodes of the radiology learner: shots and a question, as one sequence of tokens.
//!
//! *Question* episodes have shots that retrieval would choose. *Binding* episodes give two kinds of images made-up names that only the shots
//! define (fast concept binding, <https://arxiv.org/abs/2106.13884>). Questions about several images are in `several`.

use std::collections::BTreeMap;
use tokenizers::Tokenizer;

use super::data::{RadiologyData, Set, Split};
use super::labels::Coarse;
use super::recipe::RadiologyRecipe;
use super::several::Several;
use super::similar::Neighbours;
use rounds_support::rng::Rng;

/// Organs whose images are never in a binding episode of training.
pub(crate) const HELD_OUT_ORGANS: [&str; 4] = ["breast", "heart", "spine", "urinary"];

/// The phrasings of a binding question.
pub(crate) const BINDING_QUESTIONS: [&str; 3] = [
    "What is this called?",
    "Which name fits this image?",
    "What is the name of this?",
];

/// How the two named kinds of images differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contrast {
    /// In modality and organ.
    Easy,
    /// In modality; the organ is the same.
    Modality,
    /// In organ; the modality is the same.
    Organ,
    /// In plane; modality and organ are the same.
    Plane,
}

impl Contrast {
    /// All of them.
    pub(crate) const ALL: [Contrast; 4] = [
        Contrast::Easy,
        Contrast::Modality,
        Contrast::Organ,
        Contrast::Plane,
    ];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Contrast::Easy => "easy",
            Contrast::Modality => "modality",
            Contrast::Organ => "organ",
            Contrast::Plane => "plane",
        }
    }
}

const SYLLABLES: [&str; 40] = [
    "bo", "da", "fe", "gu", "ka", "lo", "mi", "nu", "pa", "ro", "su", "ti", "va", "wo", "za", "ke",
    "du", "fi", "ga", "ho", "ju", "le", "ma", "ni", "po", "ra", "so", "tu", "vo", "xa", "ye", "zu",
    "bra", "dro", "fli", "gre", "plo", "sta", "tri", "klu",
];

/// A made-up name of two or three syllables. A fifth of all names is held out from training.
pub(crate) fn made_up_name(rng: &mut Rng, held_out: bool) -> String {
    loop {
        let count = 2 + rng.below(2);
        let parts: Vec<usize> = (0..count).map(|_| rng.below(SYLLABLES.len())).collect();
        let sum = parts.iter().fold(7, |sum, part| sum * 31 + part);
        if (sum % 5 == 0) == held_out {
            return parts.into_iter().map(|part| SYLLABLES[part]).collect();
        }
    }
}

/// A shot or the question of an episode.
#[derive(Clone, Debug)]
pub(crate) struct EpisodeTurn {
    /// (image, view) of its images, at least one.
    pub images: Vec<(usize, usize)>,
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// The rationale; empty for none.
    pub rationale: String,
    /// Whether the answer can be known at this point.
    pub answerable: bool,
}

impl EpisodeTurn {
    /// Index of its first image.
    pub(crate) fn first_image(&self) -> usize {
        self.images.first().map_or(0, |(image, _)| *image)
    }
}

/// Shots, then the question.
pub(crate) type Episode = Vec<EpisodeTurn>;

/// Ids of the marker tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Markers {
    /// In front of everything.
    pub begin: u32,
    /// End of a turn.
    pub end: u32,
    /// An image.
    pub image: u32,
}

/// An episode as the model sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Loss weight of predicting the token at the same position.
    pub weights: Vec<f32>,
    /// Whether the token belongs to the answer of the last turn.
    pub scored: Vec<bool>,
    /// (image, view) of every turn's images.
    pub images: Vec<Vec<(usize, usize)>>,
}

impl Sequence {
    /// Encodes an episode as the template `radiology` writes it: question, answer, rationale if there is one.
    ///
    /// Errors where the tokenizer does.
    pub(crate) fn encode(
        episode: &[EpisodeTurn],
        tokenizer: &Tokenizer,
        markers: Markers,
        rationale_weight: f32,
    ) -> Result<Self, String> {
        let mut out = Self::default();
        let text = |s: &str| {
            let encoding = tokenizer.encode(s, false).map_err(|e| e.to_string())?;
            Ok::<_, String>(encoding.get_ids().to_vec())
        };
        out.push(&[markers.begin], 0.0, false);
        for (i, turn) in episode.iter().enumerate() {
            let last = i + 1 == episode.len();
            out.images.push(turn.images.clone());
            for _ in &turn.images {
                out.push(&[markers.image], 0.0, false);
            }
            out.push(
                &text(&format!("Question: {} Answer:", turn.question))?,
                0.0,
                false,
            );
            let weight = f32::from(u8::from(turn.answerable));
            out.push(&text(&format!(" {}", turn.answer))?, weight, last);
            if !turn.rationale.is_empty() {
                // The marker tells where the answer ends, so it counts as the end of the answer does.
                out.push(&text(" Rationale:")?, weight, last);
                let rationale = text(&format!(" {}", turn.rationale))?;
                out.push(&rationale, weight * rationale_weight, false);
                out.push(&[markers.end], weight * rationale_weight, false);
            } else {
                out.push(&[markers.end], weight, last);
            }
        }
        Ok(out)
    }

    /// Number of its images.
    pub(crate) fn image_count(&self) -> usize {
        self.images.iter().map(Vec::len).sum()
    }

    fn push(&mut self, ids: &[u32], weight: f32, scored: bool) {
        self.ids.extend(ids);
        self.weights.resize(self.ids.len(), weight);
        self.scored.resize(self.ids.len(), scored);
    }
}

/// Which images a binding episode takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Organs {
    /// Those that training names.
    Trained,
    /// [`HELD_OUT_ORGANS`], at least on one side.
    HeldOut,
}

type Kind = (&'static str, &'static str, Option<&'static str>);

/// Draws binding episodes.
pub(crate) struct Binding {
    /// Images by modality, organ, and plane (or `None` for all planes).
    kinds: BTreeMap<Kind, Vec<usize>>,
}

impl Binding {
    /// Draws from `images`.
    pub(crate) fn new(coarse: &[Coarse], images: &[usize]) -> Self {
        let mut kinds: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
        for &image in images {
            let of = coarse[image];
            if let (Some(modality), Some(organ)) = (of.modality, of.organ) {
                kinds
                    .entry((modality, organ, None))
                    .or_default()
                    .push(image);
                if let Some(plane) = of.plane {
                    let kind = (modality, organ, Some(plane));
                    kinds.entry(kind).or_default().push(image);
                }
            }
        }
        kinds.retain(|_, images| images.len() >= 4);
        Self { kinds }
    }

    /// Two kinds that differ as `contrast` says; `None` where there are no such.
    pub(crate) fn pair(
        &self,
        contrast: Contrast,
        organs: Organs,
        rng: &mut Rng,
    ) -> Option<[Kind; 2]> {
        let fits = |a: &Kind, b: &Kind| {
            let planes = match contrast {
                Contrast::Plane => a.2.is_some() && b.2.is_some() && a.2 != b.2,
                _ => a.2.is_none() && b.2.is_none(),
            };
            let (modality, organ) = (a.0 != b.0, a.1 != b.1);
            planes
                && match contrast {
                    Contrast::Easy => modality && organ,
                    Contrast::Modality => modality && !organ,
                    Contrast::Organ => !modality && organ,
                    Contrast::Plane => !modality && !organ,
                }
        };
        let held_out = |kind: &Kind| HELD_OUT_ORGANS.contains(&kind.1);
        let kinds: Vec<&Kind> = self.kinds.keys().collect();
        let mut pairs = Vec::new();
        for a in &kinds {
            for b in &kinds {
                let wanted = match organs {
                    Organs::Trained => !held_out(a) && !held_out(b),
                    Organs::HeldOut => held_out(a) || held_out(b),
                };
                if wanted && fits(a, b) {
                    pairs.push([**a, **b]);
                }
            }
        }
        (!pairs.is_empty()).then(|| *rng.pick(&pairs))
    }

    /// The images of a kind.
    pub(crate) fn images(&self, kind: Kind) -> &[usize] {
        self.kinds.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// An episode of `shots` shots of both kinds in equal parts and random order, and an image to name. With `shuffled` names the shots'
    /// names are drawn at random, so that the answer cannot be known.
    pub(crate) fn episode(
        &self,
        pair: [Kind; 2],
        shots: usize,
        views: usize,
        held_out_names: bool,
        shuffled: bool,
        rng: &mut Rng,
    ) -> Episode {
        let mut names: Vec<String> = Vec::new();
        while names.len() < 2 {
            let name = made_up_name(rng, held_out_names);
            if names.iter().all(|known| known[..2] != name[..2]) {
                names.push(name);
            }
        }
        let mut which: Vec<usize> = (0..shots).map(|i| i % 2).collect();
        rng.shuffle(&mut which);
        which.push(rng.below(2));
        let question = *rng.pick(&BINDING_QUESTIONS);
        let (mut seen, mut used) = ([false; 2], Vec::new());
        let last = which.len() - 1;
        which
            .into_iter()
            .enumerate()
            .map(|(at, which)| {
                let images = self.images(pair[which]);
                let mut image = *rng.pick(images);
                for _ in 0..32 {
                    if !used.contains(&image) {
                        break;
                    }
                    image = *rng.pick(images);
                }
                used.push(image);
                let answerable = seen[which] && seen[1 - which];
                seen[which] = true;
                let named = match shuffled && at < last {
                    true => rng.below(2),
                    false => which,
                };
                EpisodeTurn {
                    images: vec![(image, rng.below(views.max(1)))],
                    question: question.to_string(),
                    answer: names[named].clone(),
                    rationale: String::new(),
                    answerable,
                }
            })
            .collect()
    }
}

/// Questions to draw from.
pub(crate) struct Pool<'a> {
    data: &'a RadiologyData,
    neighbours: &'a Neighbours<'a>,
    /// Training questions by set and then by category, so that none is drowned by the others, with how often each is drawn.
    kinds: Vec<(f32, Vec<usize>)>,
    recipe: &'a RadiologyRecipe,
}

impl<'a> Pool<'a> {
    /// The training questions of `data`.
    pub(crate) fn new(
        data: &'a RadiologyData,
        neighbours: &'a Neighbours<'a>,
        recipe: &'a RadiologyRecipe,
    ) -> Self {
        let mut by_kind: BTreeMap<(Set, String), Vec<usize>> = BTreeMap::new();
        for question in data.questions_of(Split::Train) {
            let of = &data.questions[question];
            let kind = (data.images[of.image].set, of.category.clone());
            by_kind.entry(kind).or_default().push(question);
        }
        let weighted = |((set, _), questions): ((Set, String), Vec<usize>)| {
            let share = match set {
                Set::VqaRad => recipe.rad_share,
                _ => 1.0,
            };
            (share * (questions.len() as f32).sqrt(), questions)
        };
        Self {
            data,
            neighbours,
            kinds: by_kind.into_iter().map(weighted).collect(),
            recipe,
        }
    }

    fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    fn draw(&self, rng: &mut Rng) -> usize {
        // In proportion to the square root of a kind's size.
        let mut at = rng.range(0.0, self.kinds.iter().map(|(weight, _)| weight).sum());
        for (weight, questions) in &self.kinds {
            if at < *weight {
                return *rng.pick(questions);
            }
            at -= weight;
        }
        let last = self.kinds.len() - 1;
        *rng.pick(&self.kinds[last].1)
    }

    /// A question that may be a shot of `question`; `None` where none was found in a few attempts.
    fn draw_shot(&self, question: usize, rng: &mut Rng) -> Option<usize> {
        let mut drawn = (0..32).map(|_| self.draw(rng));
        drawn.find(|&other| self.neighbours.may_be_shot(question, other))
    }

    /// A question as a turn, in one of the first `views` views of its image.
    pub(crate) fn turn(
        &self,
        question: usize,
        views: usize,
        rationale: bool,
        rng: &mut Rng,
    ) -> EpisodeTurn {
        let of = &self.data.questions[question];
        EpisodeTurn {
            images: vec![(of.image, rng.below(views.max(1)))],
            question: of.question.clone(),
            answer: of.answer.clone(),
            rationale: match rationale {
                true => of.rationale.clone(),
                false => String::new(),
            },
            answerable: true,
        }
    }

    /// A question with `shots` shots; the best comes last, as in a prompt.
    fn question(&self, shots: usize, views: usize, rationale: bool, rng: &mut Rng) -> Episode {
        let question = self.draw(rng);
        let of = &self.data.questions[question];
        // Yes or no says little about the next image, and a set of a hundred images has few that are alike: a learner that
        // always saw good shots would copy them where they are bad.
        let misleading = self.data.images[of.image].set == Set::VqaRad
            || (of.closed && self.recipe.misleading_closed);
        let random = match misleading {
            true => self.recipe.misleading_share,
            false => self.recipe.random_share,
        };
        let mut chosen: Vec<usize> = if shots == 0 {
            Vec::new()
        } else if rng.chance(random) {
            (0..shots)
                .filter_map(|_| self.draw_shot(question, rng))
                .collect()
        } else {
            // Some of the nearest, so that the same question is not always seen with the same shots.
            let mut near = self.neighbours.of(question, shots * 3);
            while near.len() > shots {
                near.remove(rng.below(near.len()));
            }
            near.reverse();
            near
        };
        chosen.push(question);
        chosen
            .into_iter()
            .map(|question| self.turn(question, views, rationale, rng))
            .collect()
    }
}

/// Draws the episodes of training.
pub(crate) struct Episodes<'a> {
    pub recipe: &'a RadiologyRecipe,
    /// The sets' own questions, and worked examples.
    pub pools: &'a [Pool<'a>; 2],
    pub binding: &'a Binding,
    pub several: &'a Several,
    pub views: usize,
}

impl Episodes<'_> {
    /// An episode of training; `single` asks for no shots.
    pub(crate) fn sample(&self, single: bool, rng: &mut Rng) -> Episode {
        let [asked, worked] = self.pools;
        let pool = match rng.chance(self.recipe.worked_share) && !worked.is_empty() {
            true => worked,
            false => asked,
        };
        let rationale = rng.chance(self.recipe.rationale_share);
        if rng.chance(self.recipe.several_share) {
            let turns: Episode = (0..1 + rng.below(2))
                .filter_map(|_| self.several.turn(self.views, rng))
                .map(|(_, turn)| turn)
                .collect();
            if !turns.is_empty() {
                return turns;
            }
        }
        if single {
            return pool.question(0, self.views, rationale, rng);
        }
        if rng.chance(self.recipe.binding_share) {
            let contrast = *rng.pick(&Contrast::ALL);
            if let Some(pair) = self.binding.pair(contrast, Organs::Trained, rng) {
                let shots = 2 + rng.below(6);
                return self
                    .binding
                    .episode(pair, shots, self.views, false, false, rng);
            }
        }
        let shots = match rng.chance(self.recipe.zero_share) {
            true => 0,
            false => *rng.pick(&[1, 2, 3, 4, 4, 4, 5, 6, 8]),
        };
        pool.question(shots, self.views, rationale, rng)
    }
}

#[cfg(test)]
#[path = "episodes_tests.rs"]
mod tests;
