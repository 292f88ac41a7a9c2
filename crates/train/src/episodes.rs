//! Interleaved few-shot episodes: up to eight shots, then the question.
//!
//! There are two kinds. *Teaching* episodes ask about the image itself; the shots show the format and similar cases, as in
//! retrieval. *Binding* episodes give two findings made-up names that only the shots define (fast concept binding, as in the
//! Frozen paper, <https://arxiv.org/abs/2106.13884>), so they can only be answered by reading the shots.

use std::collections::BTreeMap;
use tokenizers::Tokenizer;

use super::pool::Pool;
use super::tower::Features;
use rounds_phantom::KINDS;
use rounds_phantom::questions::{Qa, ask};
use rounds_support::rng::Rng;

/// One shot or the query of an episode.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Index of the image in the pool.
    pub image: usize,
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// The rationale.
    pub rationale: String,
    /// Whether the answer can be known at this point in the episode.
    pub answerable: bool,
}

/// Some shots followed by the query.
#[derive(Clone, Debug)]
pub struct Episode {
    /// The shots, then the query.
    pub turns: Vec<Turn>,
    /// The made-up names of a binding episode.
    pub names: Option<Vec<String>>,
}

/// The phrasings of a binding question.
pub const BINDING_QUESTIONS: [&str; 3] = [
    "What is this called?",
    "Which name fits this image?",
    "What is the name of this?",
];

/// Syllables of made-up names. A name is two of them.
const SYLLABLES: [&str; 28] = [
    "bo", "da", "fe", "gu", "ka", "lo", "mi", "nu", "pa", "ro", "su", "ti", "va", "wo", "za", "ke",
    "du", "fi", "ga", "ho", "ju", "le", "ma", "ni", "po", "ra", "so", "tu",
];

/// A made-up name. A fifth of all names is held out from training, so that a test can tell reading from memorising.
pub fn made_up_name(rng: &mut Rng, held_out: bool) -> String {
    loop {
        let (a, b) = (rng.below(SYLLABLES.len()), rng.below(SYLLABLES.len()));
        if a != b && ((a * 31 + b * 17) % 5 == 0) == held_out {
            return format!("{}{}", SYLLABLES[a], SYLLABLES[b]);
        }
    }
}

/// Every made-up name, for training the tokenizer.
pub fn all_names() -> impl Iterator<Item = String> {
    SYLLABLES
        .iter()
        .flat_map(|a| SYLLABLES.iter().map(move |b| format!("{a}{b}")))
}

/// What a made-up name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concept {
    /// A kind of phantom.
    Kind(usize),
    /// A finding, by kind and finding, in phantoms with no other finding.
    Finding(usize, usize),
}

/// Samples episodes from a pool.
pub struct EpisodeSampler<'a> {
    pool: &'a Pool,
    features: Option<&'a Features>,
    by_kind: Vec<Vec<usize>>,
    by_finding: BTreeMap<(usize, usize), Vec<usize>>,
    /// Kinds with at least two findings that have enough images in the pool, and those findings.
    distinguishable: Vec<(usize, Vec<usize>)>,
}

impl<'a> EpisodeSampler<'a> {
    /// With features, the shots of teaching episodes are often the most similar of a few, as in retrieval.
    pub fn new(pool: &'a Pool, features: Option<&'a Features>) -> Self {
        let mut by_kind = vec![Vec::new(); KINDS.len()];
        let mut by_finding: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (i, phantom) in pool.phantoms.iter().enumerate() {
            by_kind[phantom.kind].push(i);
            if let [only] = phantom.truth.findings.as_slice() {
                by_finding
                    .entry((phantom.kind, only.finding))
                    .or_default()
                    .push(i);
            }
        }
        let distinguishable = (0..KINDS.len())
            .map(|kind| {
                let findings = by_finding
                    .iter()
                    .filter(|((k, _), images)| *k == kind && images.len() > 8)
                    .map(|((_, f), _)| *f)
                    .collect::<Vec<_>>();
                (kind, findings)
            })
            .filter(|(_, findings)| findings.len() > 1)
            .collect();
        Self {
            pool,
            features,
            by_kind,
            by_finding,
            distinguishable,
        }
    }

    /// Short exercises that teach one thing each: four questions about one image (as four episodes), or two or three names
    /// bound by six shots. With more than two names guessing is less often right, so the model learns sooner to look names up.
    pub fn drill(&self, rng: &mut Rng) -> Vec<Episode> {
        if rng.chance(0.45) {
            let names = 2 + rng.below(2);
            let concepts = self.concepts(rng, 0.6, names);
            return vec![self.naming(rng, &concepts, 6, false)];
        }
        let image = rng.below(self.pool.len());
        (0..4)
            .map(|_| Episode {
                turns: vec![self.turn(image, rng)],
                names: None,
            })
            .collect()
    }

    /// Samples a training episode.
    pub fn sample(&self, rng: &mut Rng) -> Episode {
        if rng.chance(0.35) {
            let shots = 2 + rng.below(5);
            return self.binding(rng, shots, false);
        }
        let shots = *rng.pick(&[0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 8]);
        self.teaching(rng, shots)
    }

    fn turn(&self, image: usize, rng: &mut Rng) -> Turn {
        let Qa {
            question,
            answer,
            rationale,
            ..
        } = ask(&self.pool.phantoms[image], rng);
        Turn {
            image,
            question,
            answer,
            rationale,
            answerable: true,
        }
    }

    /// An episode with `shots` shots and a query about an image.
    pub fn teaching(&self, rng: &mut Rng, shots: usize) -> Episode {
        let query = rng.below(self.pool.len());
        let kind = self.pool.phantoms[query].kind;
        let mut turns: Vec<Turn> = (0..shots)
            .map(|_| {
                let image = if rng.chance(0.15) {
                    rng.below(self.pool.len())
                } else {
                    self.similar(query, kind, rng)
                };
                self.turn(image, rng)
            })
            .collect();
        turns.push(self.turn(query, rng));
        Episode { turns, names: None }
    }

    fn similar(&self, query: usize, kind: usize, rng: &mut Rng) -> usize {
        let candidates: Vec<usize> = (0..6)
            .map(|_| *rng.pick(&self.by_kind[kind]))
            .filter(|&i| i != query)
            .collect();
        let score = |i: usize| self.features.map_or(0.0, |f| f.similarity(i, query));
        let first = candidates.first().copied().unwrap_or(query);
        candidates.into_iter().fold(
            first,
            |best, i| if score(i) > score(best) { i } else { best },
        )
    }

    /// `count` concepts: different kinds with probability `kinds`, otherwise findings of one kind (fewer if it has fewer).
    fn concepts(&self, rng: &mut Rng, kinds: f32, count: usize) -> Vec<Concept> {
        let some = |rng: &mut Rng, of: usize| {
            let mut all: Vec<usize> = (0..of).collect();
            rng.shuffle(&mut all);
            all.truncate(count);
            all
        };
        if !rng.chance(kinds) && !self.distinguishable.is_empty() {
            let (kind, findings) = rng.pick(&self.distinguishable);
            return some(rng, findings.len())
                .into_iter()
                .map(|i| Concept::Finding(*kind, findings[i]))
                .collect();
        }
        some(rng, KINDS.len())
            .into_iter()
            .map(Concept::Kind)
            .collect()
    }

    fn image_of(&self, concept: Concept, rng: &mut Rng) -> usize {
        match concept {
            Concept::Kind(kind) => *rng.pick(&self.by_kind[kind]),
            Concept::Finding(kind, finding) => match self.by_finding.get(&(kind, finding)) {
                Some(images) => *rng.pick(images),
                None => *rng.pick(&self.by_kind[kind]),
            },
        }
    }

    /// An episode with two names, `shots` shots of them in equal parts and random order, and an image to name.
    pub fn binding(&self, rng: &mut Rng, shots: usize, held_out_names: bool) -> Episode {
        let concepts = self.concepts(rng, 0.35, 2);
        self.naming(rng, &concepts, shots, held_out_names)
    }

    fn naming(
        &self,
        rng: &mut Rng,
        concepts: &[Concept],
        shots: usize,
        held_out_names: bool,
    ) -> Episode {
        let mut names: Vec<String> = Vec::new();
        while names.len() < concepts.len() {
            let name = made_up_name(rng, held_out_names);
            if names.iter().all(|n| n[..2] != name[..2]) {
                names.push(name);
            }
        }
        let mut which: Vec<usize> = (0..shots).map(|i| i % concepts.len()).collect();
        rng.shuffle(&mut which);
        which.push(rng.below(concepts.len()));
        let question = *rng.pick(&BINDING_QUESTIONS);
        let mut seen = vec![false; concepts.len()];
        let mut used: Vec<usize> = Vec::new();
        let turns = which
            .into_iter()
            .map(|w| {
                let mut image = self.image_of(concepts[w], rng);
                // Repeat an image only if the pool has too few.
                for _ in 0..64 {
                    if !used.contains(&image) {
                        break;
                    }
                    image = self.image_of(concepts[w], rng);
                }
                used.push(image);
                let answerable = seen[w];
                seen[w] = true;
                let sign = match concepts[w] {
                    Concept::Kind(kind) => KINDS[kind].organ_sign,
                    Concept::Finding(kind, finding) => KINDS[kind].findings[finding].sign,
                };
                Turn {
                    image,
                    question: question.to_string(),
                    answer: names[w].clone(),
                    rationale: format!("I see {sign}, called {}.", names[w]),
                    answerable,
                }
            })
            .collect();
        Episode {
            turns,
            names: Some(names),
        }
    }
}

/// Token ids of the markers that episodes are built with.
pub struct Markers {
    /// Beginning of the sequence.
    pub begin: u32,
    /// End of a shot.
    pub end_of_chunk: u32,
    /// An image.
    pub image: u32,
}

/// Which episodes a stage samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpisodeMix {
    /// [`EpisodeSampler::drill`].
    Drill,
    /// [`EpisodeSampler::sample`].
    Full,
}

/// An episode as the model sees it.
#[derive(Default)]
pub struct Sequence {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Loss weight of predicting the token at the same position.
    pub weights: Vec<f32>,
    /// The turn whose accuracy the token counts for: in a binding episode only the name counts, otherwise rationale and answer.
    pub scored: Vec<Option<usize>>,
    /// Indices of the images in the pool.
    pub images: Vec<usize>,
    /// Whether it is a binding episode.
    pub binding: bool,
}

impl Sequence {
    /// Encodes an episode with the template's markers, rationale before answer. Must give exactly the tokens that `prompt`
    /// gives at inference; a test compares the two.
    pub fn encode(
        episode: &Episode,
        tokenizer: &Tokenizer,
        markers: &Markers,
    ) -> Result<Self, String> {
        let mut out = Self {
            binding: episode.names.is_some(),
            ..Self::default()
        };
        let text = |s: String| {
            let encoding = tokenizer.encode(s, false).map_err(|e| e.to_string())?;
            Ok::<_, String>(encoding.get_ids().to_vec())
        };
        out.push(markers.begin, 0.0, None);
        for (i, turn) in episode.turns.iter().enumerate() {
            out.images.push(turn.image);
            out.push(markers.image, 0.0, None);
            for id in text(format!("Question: {} Rationale:", turn.question))? {
                out.push(id, 0.0, None);
            }
            let weight = if turn.answerable { 1.0 } else { 0.0 };
            let reply = text(format!(" {} Answer: {}", turn.rationale, turn.answer))?;
            let name = match out.binding {
                true => text(format!(" {}", turn.answer))?,
                false => Vec::new(),
            };
            let mut in_name = vec![!out.binding; reply.len()];
            for at in 0..reply.len() {
                if !name.is_empty() && reply[at..].starts_with(&name) {
                    in_name[at..at + name.len()].fill(true);
                }
            }
            for (id, in_name) in reply.into_iter().zip(in_name) {
                let scored = (in_name && turn.answerable).then_some(i);
                out.push(id, weight, scored);
            }
            out.push(markers.end_of_chunk, weight, None);
        }
        Ok(out)
    }

    fn push(&mut self, id: u32, weight: f32, scored: Option<usize>) {
        self.ids.push(id);
        self.weights.push(weight);
        self.scored.push(scored);
    }
}
