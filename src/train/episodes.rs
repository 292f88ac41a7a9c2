//! Interleaved few-shot episodes: up to eight worked examples, then the question.
//!
//! Two sorts. *Teaching* episodes ask about the picture itself; the shots show the form and similar cases, as retrieval will.
//! *Binding* episodes give two findings made-up names that only the shots define (fast concept binding, as in the
//! Frozen paper, <https://arxiv.org/abs/2106.13884>): they can be answered by reading the shots and in no other way.

use std::collections::BTreeMap;
use tokenizers::Tokenizer;

use super::pool::Pool;
use super::tower::Features;
use crate::phantom::KINDS;
use crate::phantom::questions::{Qa, ask};
use crate::phantom::rng::Rng;

/// One worked example or query of an episode.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Index in the pool.
    pub image: usize,
    pub question: String,
    pub answer: String,
    pub rationale: String,
    /// Whether the answer can be known at this point of the episode.
    pub answerable: bool,
}

/// Shots, then the query in the last place.
#[derive(Clone, Debug)]
pub struct Episode {
    pub turns: Vec<Turn>,
    /// For binding episodes: the two names.
    pub names: Option<[String; 2]>,
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

/// A made-up name. A fifth of all names is never used in training (`held_out`), so that a test can tell reading from memory.
pub fn made_up_name(rng: &mut Rng, held_out: bool) -> String {
    loop {
        let (a, b) = (rng.below(SYLLABLES.len()), rng.below(SYLLABLES.len()));
        if a != b && ((a * 31 + b * 17) % 5 == 0) == held_out {
            return format!("{}{}", SYLLABLES[a], SYLLABLES[b]);
        }
    }
}

/// Every made-up name, for the tokenizer's text.
pub fn all_names() -> impl Iterator<Item = String> {
    SYLLABLES
        .iter()
        .flat_map(|a| SYLLABLES.iter().map(move |b| format!("{a}{b}")))
}

/// What a picture may be named for: the kind it is, or its only finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concept {
    Kind(usize),
    Finding(usize, usize),
}

/// Draws episodes from a pool.
pub struct Dealer<'a> {
    pool: &'a Pool,
    features: Option<&'a Features>,
    by_kind: Vec<Vec<usize>>,
    by_finding: BTreeMap<(usize, usize), Vec<usize>>,
    /// Kinds with at least two findings of which the pool has enough pictures, and those findings.
    tellable: Vec<(usize, Vec<usize>)>,
}

impl<'a> Dealer<'a> {
    /// With features, shots of teaching episodes are often the most similar of a handful, as retrieval gives them.
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
        let tellable = (0..KINDS.len())
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
            tellable,
        }
    }

    /// Exercises without rationales: short sequences that teach one thing each. Four questions about one picture (as four
    /// episodes), or a binding episode of eight shots.
    pub fn drill(&self, rng: &mut Rng) -> Vec<Episode> {
        if rng.chance(0.6) {
            // Whole kinds are told apart first, and a picture that comes again is the easiest of all: both teach to look
            // for a like picture among the shots before findings make it hard.
            let concepts = self.concepts(rng, 0.6);
            let mut episode = self.naming(rng, concepts, 8, false);
            if rng.chance(0.3) {
                let last = episode.turns.len() - 1;
                let name = episode.turns[last].answer.clone();
                let again = episode.turns[..last]
                    .iter()
                    .find(|turn| turn.answer == name)
                    .map(|turn| turn.image);
                if let Some(image) = again {
                    episode.turns[last].image = image;
                }
            }
            return vec![episode];
        }
        let image = rng.below(self.pool.len());
        (0..4)
            .map(|_| Episode {
                turns: vec![self.turn(image, rng)],
                names: None,
            })
            .collect()
    }

    /// A training episode.
    pub fn deal(&self, rng: &mut Rng) -> Episode {
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

    /// `shots` worked examples and a query about the picture.
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

    /// Two concepts: of different kinds with chance `kinds`, else two findings of one kind.
    fn concepts(&self, rng: &mut Rng, kinds: f32) -> [Concept; 2] {
        let two = |rng: &mut Rng, of: usize| {
            let first = rng.below(of);
            (first, (first + 1 + rng.below(of - 1)) % of)
        };
        if !rng.chance(kinds) && !self.tellable.is_empty() {
            let (kind, findings) = rng.pick(&self.tellable);
            let (a, b) = two(rng, findings.len());
            return [
                Concept::Finding(*kind, findings[a]),
                Concept::Finding(*kind, findings[b]),
            ];
        }
        let (a, b) = two(rng, KINDS.len());
        [Concept::Kind(a), Concept::Kind(b)]
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

    /// Two names, `shots` examples of them in equal parts and random order, and a picture to name.
    pub fn binding(&self, rng: &mut Rng, shots: usize, held_out_names: bool) -> Episode {
        let concepts = self.concepts(rng, 0.35);
        self.naming(rng, concepts, shots, held_out_names)
    }

    fn naming(
        &self,
        rng: &mut Rng,
        concepts: [Concept; 2],
        shots: usize,
        held_out_names: bool,
    ) -> Episode {
        let first = made_up_name(rng, held_out_names);
        let second = loop {
            let name = made_up_name(rng, held_out_names);
            if name[..2] != first[..2] {
                break name;
            }
        };
        let names = [first, second];
        let mut which: Vec<usize> = (0..shots).map(|i| i % 2).collect();
        rng.shuffle(&mut which);
        which.push(rng.below(2));
        let question = *rng.pick(&BINDING_QUESTIONS);
        let mut seen = [false; 2];
        let mut used: Vec<usize> = Vec::new();
        let turns = which
            .into_iter()
            .map(|w| {
                let mut image = self.image_of(concepts[w], rng);
                // A picture comes twice only where the pool has too few.
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
                    rationale: format!("I see {sign}, as in the example of {}.", names[w]),
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
    pub begin: u32,
    pub end_of_chunk: u32,
    pub image: u32,
}

/// Which episodes a stage deals, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deal {
    /// [`Dealer::drill`], without rationales.
    Drill,
    /// [`Dealer::deal`], in the template's own form.
    Full,
}

/// An episode as the model sees it.
#[derive(Default)]
pub struct Sequence {
    pub ids: Vec<u32>,
    /// Weight of predicting the token at the same place (from the one before it).
    pub weights: Vec<f32>,
    /// True where the token is the first of an answer that can be known.
    pub scored: Vec<bool>,
    pub images: Vec<usize>,
    /// From a binding episode.
    pub binding: bool,
}

/// Weight of a rationale's tokens beside an answer's.
const RATIONALE_WEIGHT: f32 = 0.25;

impl Sequence {
    /// Encodes an episode with the template's markers. Must give the very tokens that `prompt` gives at inference; a test
    /// holds the two together.
    pub fn encode(
        episode: &Episode,
        tokenizer: &Tokenizer,
        markers: &Markers,
        deal: Deal,
    ) -> Result<Self, String> {
        let mut out = Self {
            binding: episode.names.is_some(),
            ..Self::default()
        };
        out.push(markers.begin, 0.0, false);
        for (i, turn) in episode.turns.iter().enumerate() {
            out.images.push(turn.image);
            out.push(markers.image, 0.0, false);
            let text = |s: String| {
                let encoding = tokenizer.encode(s, false).map_err(|e| e.to_string())?;
                Ok::<_, String>(encoding.get_ids().to_vec())
            };
            // Worked examples before the last place teach as well, but the query counts in full.
            let share = if deal == Deal::Drill || i + 1 == episode.turns.len() {
                1.0
            } else {
                0.5
            };
            for id in text(format!("Question: {} Answer:", turn.question))? {
                out.push(id, 0.0, false);
            }
            let weight = if turn.answerable { share } else { 0.0 };
            for (j, id) in text(format!(" {}", turn.answer))?.into_iter().enumerate() {
                out.push(id, weight, j == 0 && turn.answerable);
            }
            if deal == Deal::Drill {
                out.push(markers.end_of_chunk, 0.0, false);
                continue;
            }
            for id in text(format!(" Rationale: {}", turn.rationale))? {
                out.push(id, weight * RATIONALE_WEIGHT, false);
            }
            out.push(markers.end_of_chunk, share * RATIONALE_WEIGHT, false);
        }
        Ok(out)
    }

    fn push(&mut self, id: u32, weight: f32, scored: bool) {
        self.ids.push(id);
        self.weights.push(weight);
        self.scored.push(scored);
    }
}
