//! The strategies.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::left_out::LeftOut;
use super::{Found, Plan, Query, Shot, Strategy, condition};
use crate::index::{Example, Filter, Hit, Index, IndexError, Living, Search, With};
use crate::phantom::rng::Rng;

/// Examples that a fusion takes from each side, and pictures that diverse and balanced choose from.
const FUSED: usize = 1000;
const POOL: usize = 64;
/// Of maximal marginal relevance: how much likeness to the query counts against likeness to what is chosen already.
const RELEVANCE: f32 = 0.5;
/// Most neighbours looked at for one shot more.
const WIDEST: usize = 1 << 16;

/// A hit with its example and what is said of it.
struct Candidate {
    example: Example,
    score: f32,
    reason: String,
}

/// Everything that is fixed for one query.
pub struct Chooser<'a> {
    index: &'a Index,
    query: &'a Query<'a>,
    plan: &'a Plan,
    left_out: LeftOut<'a>,
    pinned: Vec<usize>,
    may_be: MayBe<'a>,
    /// The search that answered so far.
    answered: Cell<Option<Search>>,
}

/// Which numbers may be found; can be asked from several threads.
struct MayBe<'a> {
    living: &'a Living,
    /// Excluded, pinned, or the query's own.
    not: HashSet<usize>,
    /// Numbers that meet the conditions; `None`: all.
    only: Option<Vec<usize>>,
}

impl MayBe<'_> {
    fn allows(&self, number: usize) -> bool {
        self.living.has(number)
            && !self.not.contains(&number)
            && self
                .only
                .as_ref()
                .is_none_or(|only| only.binary_search(&number).is_ok())
    }

    /// Every number that may be found, in order.
    fn all(&self, rows: usize) -> Vec<usize> {
        match &self.only {
            Some(only) => only.iter().copied().filter(|n| self.allows(*n)).collect(),
            None => (0..rows).filter(|n| self.allows(*n)).collect(),
        }
    }
}

impl<'a> Chooser<'a> {
    pub fn new(index: &'a Index, query: &'a Query<'a>, plan: &'a Plan) -> Result<Self, IndexError> {
        let numbers = |ids: &[String]| -> Result<Vec<usize>, IndexError> {
            ids.iter().map(|id| Ok(index.by_id(id)?.number)).collect()
        };
        let usable = index.encoder(query.encoder).is_ok();
        if plan.strategy.needs_vectors() || plan.floor.is_some() {
            index.encoder(query.encoder)?;
        }
        let left_out = LeftOut::new(index, query, usable)?;
        let pinned = numbers(&plan.pinned)?;
        let mut not: HashSet<usize> = numbers(&plan.excluded)?.into_iter().collect();
        not.extend(left_out.numbers());
        not.extend(&pinned);
        for number in &pinned {
            // Of a picture's examples one is a shot.
            for image in &index.example(*number)?.images {
                not.extend(index.numbers_with(With::Image, &image.sha256)?);
            }
        }
        Ok(Self {
            may_be: MayBe {
                living: index.living(),
                not,
                only: condition::numbers(&plan.filter, index)?,
            },
            answered: Cell::new(None),
            left_out,
            pinned,
            index,
            query,
            plan,
        })
    }

    /// The pinned examples, but for those that must not be shots.
    pub fn pinned(&self, found: &mut Found) -> Result<(), IndexError> {
        for number in &self.pinned {
            let example = self.index.example(*number)?;
            if self.left_out.allows_example(&example)? {
                found.shots.push(Shot {
                    example,
                    score: 0.0,
                    rank: 0,
                    reason: "pinned".into(),
                });
            } else {
                found.notices.push(format!(
                    "{} is pinned but left out: it is the query's own picture, patient or study",
                    example.id
                ));
            }
        }
        Ok(())
    }

    /// Up to `k` shots by the plan's strategy.
    pub fn strategy(&self, k: usize, found: &mut Found) -> Result<(), IndexError> {
        let strategy = match (self.plan.strategy, self.query.vectors.is_empty()) {
            // Without a picture only the question can be compared.
            (
                Strategy::Image
                | Strategy::Hybrid
                | Strategy::Diverse
                | Strategy::Balanced
                | Strategy::ImageToText,
                true,
            ) => Strategy::Text,
            (strategy, _) => strategy,
        };
        if strategy != self.plan.strategy {
            found.instead = Some(strategy);
            found.notices.push(format!(
                "no picture to compare: shots were chosen by the question's text, not by the strategy {}",
                self.plan.strategy.name()
            ));
        }
        let chosen = match strategy {
            Strategy::None | Strategy::Fixed => Vec::new(),
            Strategy::Image => self.widening(k, &|n| self.by_picture(n))?,
            Strategy::Text => self.widening(k, &|n| self.by_text(n))?,
            Strategy::Hybrid => self.widening(k, &|n| self.hybrid(n))?,
            Strategy::Random => self.random(k)?,
            Strategy::Diverse => self.diverse(k)?,
            Strategy::Balanced => {
                balanced(self.widening(POOL.max(8 * k), &|n| self.by_picture(n))?, k)
            }
            Strategy::ImageToText => self.widening(k, &|n| self.to_texts(n))?,
            Strategy::TextToImage => self.widening(k, &|n| self.to_pictures(n))?,
        };
        let before = chosen.len();
        let chosen = self.above_floor(chosen)?;
        if let (Some(floor), true) = (self.plan.floor, chosen.len() < before) {
            found.notices.push(format!(
                "{} shots left out: less similar than the floor of {floor}",
                before - chosen.len()
            ));
        }
        found.shots.extend(chosen.into_iter().take(k).map(|c| Shot {
            example: c.example,
            score: c.score,
            rank: 0,
            reason: c.reason,
        }));
        found.search = self.answered.get();
        Ok(())
    }

    /// Drops what is less similar to the query's picture than the floor.
    fn above_floor(&self, candidates: Vec<Candidate>) -> Result<Vec<Candidate>, IndexError> {
        let (Some(floor), Some(vector)) = (self.plan.floor, self.query.vectors.last()) else {
            return Ok(candidates);
        };
        let vectors = self.index.vectors(self.query.encoder)?;
        let mut kept = Vec::new();
        for candidate in candidates {
            let score = vectors.score(vector, candidate.example.number)?;
            if score.is_some_and(|score| score >= floor) {
                kept.push(candidate);
            }
        }
        Ok(kept)
    }

    /// Asks `ranked` for more and more until `k` candidates are left after the last look, one a picture.
    ///
    /// Of a picture's examples the one whose question is nearest to the query's is taken.
    fn widening(
        &self,
        k: usize,
        ranked: &dyn Fn(usize) -> Result<Vec<(Hit, String)>, IndexError>,
    ) -> Result<Vec<Candidate>, IndexError> {
        let mut width = (8 * k).max(32);
        loop {
            let hits = ranked(width)?;
            let ended = hits.len() < width;
            let candidates = self.one_a_picture(hits)?;
            if candidates.len() >= k || ended || width >= WIDEST {
                return Ok(candidates.into_iter().take(k).collect());
            }
            width *= 4;
        }
    }

    fn one_a_picture(&self, hits: Vec<(Hit, String)>) -> Result<Vec<Candidate>, IndexError> {
        let among: HashSet<usize> = hits.iter().map(|(hit, _)| hit.row).collect();
        let by_question = self
            .index
            .by_words(self.query.question, among.len(), &|n| among.contains(&n))?;
        let question: HashMap<usize, f32> = by_question
            .into_iter()
            .map(|hit| (hit.row, hit.score))
            .collect();
        let fits = |number: usize| question.get(&number).copied().unwrap_or(0.0);
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut out: Vec<Candidate> = Vec::new();
        for (hit, reason) in hits {
            let Some(example) = self.still_there(hit.row)? else {
                continue;
            };
            if !self.left_out.allows_example(&example)? {
                continue;
            }
            let candidate = Candidate {
                score: hit.score,
                reason,
                example,
            };
            let picture = candidate.example.image().map(|i| i.sha256.clone());
            let place = picture.as_ref().and_then(|p| places.get(p).copied());
            match (place, picture) {
                (Some(place), _) => {
                    if let Some(kept) = out.get_mut(place)
                        && candidate.score == kept.score
                        && fits(candidate.example.number) > fits(kept.example.number)
                    {
                        *kept = candidate;
                    }
                }
                (None, picture) => {
                    if let Some(picture) = picture {
                        places.insert(picture, out.len());
                    }
                    out.push(candidate);
                }
            }
        }
        Ok(out)
    }

    /// An example, unless another process has removed it since the index was opened.
    fn still_there(&self, number: usize) -> Result<Option<Example>, IndexError> {
        match self.index.example(number) {
            Ok(example) => Ok(Some(example)),
            Err(IndexError::Unknown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn nearest(&self, k: usize, vector: &[f32]) -> Result<Vec<Hit>, IndexError> {
        let may_be = &self.may_be;
        let allowed = |n: usize| may_be.allows(n);
        let only = may_be.only.as_ref().map(|_| may_be.all(self.index.rows()));
        let filter = match &only {
            Some(only) => Filter::Rows(only),
            None => Filter::Fn(&allowed),
        };
        let encoder = self.query.encoder;
        let found = self
            .index
            .answer(encoder, vector, k, &filter, self.plan.search)?;
        if self.answered.get() != Some(Search::Hnsw) {
            self.answered.set(Some(found.by));
        }
        Ok(found.hits)
    }

    fn by_picture(&self, k: usize) -> Result<Vec<(Hit, String)>, IndexError> {
        let Some(vector) = self.query.vectors.last() else {
            return Ok(Vec::new());
        };
        Ok(said(self.nearest(k, vector)?, "picture similarity"))
    }

    fn by_text(&self, k: usize) -> Result<Vec<(Hit, String)>, IndexError> {
        let hits = self
            .index
            .by_words(self.query.question, k, &|n| self.may_be.allows(n))?;
        Ok(hits
            .into_iter()
            .map(|hit| (hit, format!("question text, BM25 {:.2}", hit.score)))
            .collect())
    }

    fn to_texts(&self, k: usize) -> Result<Vec<(Hit, String)>, IndexError> {
        let Some(vector) = self.query.vectors.last() else {
            return Ok(Vec::new());
        };
        let may_be = &self.may_be;
        let allowed = |n: usize| may_be.allows(n);
        let vectors = self.index.text_vectors(self.query.encoder)?;
        let hits = vectors.search(vector, k, &Filter::Fn(&allowed))?;
        Ok(said(hits, "picture to text similarity"))
    }

    fn to_pictures(&self, k: usize) -> Result<Vec<(Hit, String)>, IndexError> {
        let vector = self.query.text.ok_or(IndexError::NoTexts)?;
        Ok(said(
            self.nearest(k, vector)?,
            "question to picture similarity",
        ))
    }

    fn hybrid(&self, k: usize) -> Result<Vec<(Hit, String)>, IndexError> {
        let rows = |ranked: Vec<(Hit, String)>| -> Vec<Hit> {
            ranked.into_iter().map(|(hit, _)| hit).collect()
        };
        let pictures = rows(self.by_picture(FUSED.max(k))?);
        let texts = rows(self.by_text(FUSED.max(k))?);
        let mut fused = fused(&pictures, &texts);
        fused.truncate(k);
        Ok(fused)
    }

    fn random(&self, k: usize) -> Result<Vec<Candidate>, IndexError> {
        let mut rows = self.may_be.all(self.index.rows());
        Rng::new(self.query.seed).shuffle(&mut rows);
        let mut out = Vec::new();
        let mut pictures: HashSet<String> = HashSet::new();
        for number in rows {
            if out.len() == k {
                break;
            }
            let Some(example) = self.still_there(number)? else {
                continue;
            };
            let picture = example.image().map(|image| image.sha256.clone());
            if picture.as_ref().is_some_and(|p| pictures.contains(p)) {
                continue;
            }
            if self.left_out.allows_example(&example)? {
                pictures.extend(picture);
                out.push(Candidate {
                    example,
                    score: 0.0,
                    reason: format!("random with seed {}", self.query.seed),
                });
            }
        }
        Ok(out)
    }

    /// Maximal marginal relevance (Carbonell and Goldstein 1998) over the most similar pictures.
    fn diverse(&self, k: usize) -> Result<Vec<Candidate>, IndexError> {
        let mut pool = self.widening(POOL.max(4 * k), &|n| self.by_picture(n))?;
        let vectors = self.index.vectors(self.query.encoder)?;
        let mut chosen: Vec<Candidate> = Vec::new();
        // Of every candidate, the greatest likeness to anything chosen.
        let mut likeness = vec![-1.0_f32; pool.len()];
        while chosen.len() < k && !pool.is_empty() {
            let gain = |i: usize, c: &Candidate| {
                let nearest = if chosen.is_empty() {
                    0.0
                } else {
                    likeness.get(i).copied().unwrap_or(0.0)
                };
                RELEVANCE * c.score - (1.0 - RELEVANCE) * nearest
            };
            let best = pool
                .iter()
                .enumerate()
                .map(|(i, c)| (i, gain(i, c)))
                .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
            let Some((best, value)) = best else {
                break;
            };
            let mut next = pool.remove(best);
            let nearest = likeness.remove(best);
            next.reason = match chosen.is_empty() {
                true => format!("picture similarity {:.3}, the nearest", next.score),
                false => format!(
                    "marginal relevance {value:.3}: picture similarity {:.3}, {nearest:.3} to a chosen one",
                    next.score
                ),
            };
            if let Some(vector) = vectors.row(next.example.number)? {
                for (nearest, other) in likeness.iter_mut().zip(&pool) {
                    let score = vectors.score(&vector, other.example.number)?;
                    *nearest = nearest.max(score.unwrap_or(0.0));
                }
            }
            chosen.push(next);
        }
        Ok(most_similar_first(chosen))
    }
}

fn most_similar_first(mut chosen: Vec<Candidate>) -> Vec<Candidate> {
    chosen.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.example.number.cmp(&b.example.number))
    });
    chosen
}

fn said(hits: Vec<Hit>, what: &str) -> Vec<(Hit, String)> {
    hits.into_iter()
        .map(|hit| (hit, format!("{what} {:.3}", hit.score)))
        .collect()
}

/// Turns from answer to answer, each time the most similar that is left of it; answers in the order of their best.
fn balanced(candidates: Vec<Candidate>, k: usize) -> Vec<Candidate> {
    let mut order: Vec<String> = Vec::new();
    let mut groups: HashMap<String, std::collections::VecDeque<Candidate>> = HashMap::new();
    for candidate in candidates {
        let label = candidate.example.answer.trim().to_lowercase();
        if !groups.contains_key(&label) {
            order.push(label.clone());
        }
        groups.entry(label).or_default().push_back(candidate);
    }
    let mut out = Vec::new();
    while out.len() < k {
        let before = out.len();
        for label in &order {
            let Some(mut next) = groups.get_mut(label).and_then(|g| g.pop_front()) else {
                continue;
            };
            if out.len() == k {
                break;
            }
            next.reason = format!("for the answer \"{label}\": {}", next.reason);
            out.push(next);
        }
        if out.len() == before {
            break;
        }
    }
    most_similar_first(out)
}

/// Reciprocal rank fusion with the constant 60 (Cormack, Clarke and Buettcher 2009), best first; ties by number. Equal scores
/// have one rank: the many examples of a picture are one place in the order of pictures.
fn fused(by_image: &[Hit], by_text: &[Hit]) -> Vec<(Hit, String)> {
    let mut ranks: BTreeMap<usize, [Option<usize>; 2]> = BTreeMap::new();
    for (side, hits) in [by_image, by_text].into_iter().enumerate() {
        let (mut rank, mut before) = (0, None);
        for hit in hits {
            if before.replace(hit.score) != Some(hit.score) {
                rank += 1;
            }
            if let Some(place) = ranks.entry(hit.row).or_default().get_mut(side) {
                *place = Some(rank);
            }
        }
    }
    let mut out: Vec<(Hit, String)> = ranks
        .into_iter()
        .map(|(row, ranks)| {
            let score = ranks.iter().flatten().map(|r| 1.0 / (60.0 + *r as f32));
            let place = |r: Option<usize>| r.map_or("-".to_string(), |r| r.to_string());
            (
                Hit {
                    row,
                    score: score.sum(),
                },
                format!(
                    "ranks fused: picture {}, text {}",
                    place(ranks[0]),
                    place(ranks[1])
                ),
            )
        })
        .collect();
    out.sort_by(|a, b| b.0.score.total_cmp(&a.0.score).then(a.0.row.cmp(&b.0.row)));
    out
}
