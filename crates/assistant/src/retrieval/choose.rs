//! From a plan to shots: which strategy, how far it looks, and what becomes of what it finds.
//!
//! A ranking (`rankings`, `fused`) gives numbers and scores, `candidates` makes examples of them, one a picture, and `diverse`
//! and `balanced` choose among those. Every strategy asks `may_be` and `candidates`, so that what may not be a shot is kept
//! away from all of them alike.

mod balanced;
mod candidates;
mod diverse;
mod floor;
mod fused;
mod may_be;
mod random;
mod rankings;

use std::cell::Cell;

use super::left_out::LeftOut;
use super::{Found, PINNED, Plan, Query, Shot, Strategy};
use rounds_index::{Hit, Index, IndexError, Search};
use candidates::Candidate;
use floor::Floor;
use may_be::MayBe;

/// Pictures that diverse and balanced choose from.
const POOL: usize = 64;
/// Fewest and most neighbours that are looked at for some shots.
const NARROWEST: usize = 32;
const WIDEST: usize = 1 << 16;

/// Hits, and what is said of each.
type Ranking = Vec<(Hit, String)>;

/// Everything that is fixed for one query.
pub struct Chooser<'a> {
    index: &'a Index,
    query: &'a Query<'a>,
    plan: &'a Plan,
    left_out: LeftOut<'a>,
    pinned: Vec<usize>,
    may_be: MayBe<'a>,
    floor: Option<Floor<'a>>,
    /// The search that answered so far.
    answered: Cell<Option<Search>>,
}

impl<'a> Chooser<'a> {
    pub fn new(index: &'a Index, query: &'a Query<'a>, plan: &'a Plan) -> Result<Self, IndexError> {
        let has_floor = plan.floor.is_some() && !query.vectors.is_empty();
        if plan.strategy.needs_vectors() || has_floor {
            index.encoder(query.encoder)?;
        }
        let left_out = LeftOut::new(index, query)?;
        let pinned = may_be::numbers(index, &plan.pinned, "pinned")?;
        Ok(Self {
            may_be: MayBe::new(index, plan, &pinned, left_out.numbers())?,
            floor: Floor::new(index, query, plan)?,
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
                    reason: PINNED.into(),
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
        let strategy = self.strategy_in_use();
        if strategy != self.plan.strategy {
            found.instead = Some(strategy);
            found.notices.push(format!(
                "no picture to compare: shots were chosen by the question's text, not by the strategy {}",
                self.plan.strategy.name()
            ));
        }
        if let (Some(least), None) = (self.plan.floor, &self.floor) {
            found.notices.push(format!(
                "the floor of {least} was not asked: there is no picture to compare"
            ));
        }
        let chosen = self.chosen(strategy, k)?;
        found.shots.extend(chosen.into_iter().map(|c| Shot {
            example: c.example,
            score: c.score,
            rank: 0,
            reason: c.reason,
        }));
        found.search = self.answered.get();
        Ok(())
    }

    /// Why there are fewer shots than were asked for.
    pub fn why_no_more(&self) -> String {
        match self.floor.as_ref().filter(|floor| floor.was_met()) {
            Some(floor) => format!(
                "the others are less similar than the floor of {}",
                floor.least
            ),
            None => "the index has no more that fit".into(),
        }
    }

    /// Without a picture only the question can be compared.
    fn strategy_in_use(&self) -> Strategy {
        use Strategy::{Balanced, Diverse, Hybrid, Image, ImageToText, Text};
        match self.plan.strategy {
            Image | Hybrid | Diverse | Balanced | ImageToText if self.query.vectors.is_empty() => {
                Text
            }
            strategy => strategy,
        }
    }

    /// At most `k` candidates, most similar first.
    fn chosen(&self, strategy: Strategy, k: usize) -> Result<Vec<Candidate>, IndexError> {
        let by_picture = |n: usize| self.by_picture(n);
        match strategy {
            Strategy::None | Strategy::Fixed => Ok(Vec::new()),
            Strategy::Image => self.widening(k, &by_picture),
            Strategy::Text => self.widening(k, &|n| self.by_text(n)),
            Strategy::Hybrid => self.widening(k, &|n| self.hybrid(n)),
            Strategy::Random => self.random(k),
            Strategy::Diverse => {
                let pool = self.widening(POOL.max(k.saturating_mul(4)), &by_picture)?;
                diverse::diverse(pool, k, self.index.vectors(self.query.encoder)?)
            }
            Strategy::Balanced => {
                let pool = self.widening(POOL.max(k.saturating_mul(8)), &by_picture)?;
                Ok(balanced::balanced(pool, k))
            }
            Strategy::ImageToText => self.widening(k, &|n| self.to_texts(n)),
            Strategy::TextToImage => self.widening(k, &|n| self.to_pictures(n)),
        }
    }

    /// Asks `ranked` for more and more until `k` candidates are left after the last look, one a picture.
    fn widening(
        &self,
        k: usize,
        ranked: &dyn Fn(usize) -> Result<Ranking, IndexError>,
    ) -> Result<Vec<Candidate>, IndexError> {
        let mut width = k.saturating_mul(8).max(NARROWEST);
        loop {
            let hits = ranked(width)?;
            let ended = hits.len() < width;
            let mut candidates = self.candidates(hits)?;
            if candidates.len() >= k || ended || width >= WIDEST {
                candidates.truncate(k);
                return Ok(candidates);
            }
            width = width.saturating_mul(4);
        }
    }
}
