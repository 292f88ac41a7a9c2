//! Chooses shots by a plan: which strategy, how many hits to look at, and which of them to take.
//!
//! A ranking (`rankings`, `rrf`) returns numbers and scores, `candidates` loads the examples, one per image, and `mmr` and
//! `balanced` choose among those. Every strategy goes through `eligibility` and `candidates`, so that excluded examples are
//! excluded for all of them.

mod balanced;
mod candidates;
mod eligibility;
mod floor;
mod mmr;
mod random;
mod rankings;
mod rrf;

use std::cell::Cell;
use std::collections::HashSet;

use super::leakage::LeakageFilter;
use super::{Found, PINNED, Plan, Query, SAME_IMAGE, SAME_PATIENT, Shot, Strategy};
use candidates::Candidate;
use eligibility::Eligibility;
use floor::Floor;
use rounds_index::{Example, Hit, Index, IndexError, Search};

/// Why there are too few shots if the floor rejected none.
pub(super) const NO_MORE_MATCHES: &str = "no more matching examples found";

/// Fewest images that `diverse` and `balanced` choose from.
const POOL: usize = 64;
/// Fewest and most neighbours to look at.
const MIN_WIDTH: usize = 32;
const MAX_WIDTH: usize = 1 << 16;

/// How often shots are chosen again because some of them showed the query's image.
const MAX_ROUNDS: usize = 32;

/// Hits, each with its reason.
type Ranking = Vec<(Hit, String)>;

/// Chooses the shots of one query.
pub(super) struct Chooser<'a> {
    index: &'a Index,
    query: &'a Query<'a>,
    plan: &'a Plan,
    leakage: LeakageFilter<'a>,
    /// Whether the query's own examples may be found.
    browsing: bool,
    pinned: Vec<usize>,
    eligibility: Eligibility<'a>,
    floor: Option<Floor<'a>>,
    /// The search used so far; a graph's once it was used.
    search_used: Cell<Option<Search>>,
}

impl<'a> Chooser<'a> {
    /// Prepares the filters of a query.
    ///
    /// Errors if the index does not have what the plan needs, or a pinned or excluded id is not in it.
    pub(super) fn new(
        index: &'a Index,
        query: &'a Query<'a>,
        plan: &'a Plan,
    ) -> Result<Self, IndexError> {
        Self::prepare(index, query, plan, false)
    }

    /// As [`Chooser::new`], but the query's own examples are found too.
    pub(super) fn browsing(
        index: &'a Index,
        query: &'a Query<'a>,
        plan: &'a Plan,
    ) -> Result<Self, IndexError> {
        Self::prepare(index, query, plan, true)
    }

    fn prepare(
        index: &'a Index,
        query: &'a Query<'a>,
        plan: &'a Plan,
        browsing: bool,
    ) -> Result<Self, IndexError> {
        let has_floor = plan.floor.is_some() && !query.vectors.is_empty();
        if plan.strategy.needs_vectors() || has_floor {
            index.encoder(query.encoder)?;
        }
        let leakage = LeakageFilter::new(index, query)?;
        let pinned = eligibility::numbers(index, &plan.pinned, "pinned")?;
        let nothing = HashSet::new();
        let query_owned = match browsing {
            true => &nothing,
            false => leakage.excluded(),
        };
        Ok(Self {
            eligibility: Eligibility::new(index, plan, &pinned, query_owned)?,
            browsing,
            floor: Floor::new(index, query, plan)?,
            search_used: Cell::new(None),
            leakage,
            pinned,
            index,
            query,
            plan,
        })
    }

    /// What makes an example the query's own; `None` if nothing does.
    pub(super) fn relation(&self, example: &Example) -> Result<Option<&'static str>, IndexError> {
        Ok(if self.leakage.shows_query(example)? {
            Some(SAME_IMAGE)
        } else if !self.leakage.allows(example)? {
            Some(SAME_PATIENT)
        } else {
            None
        })
    }

    /// Adds the pinned examples, except those that must not be shots.
    pub(super) fn pinned(&mut self, found: &mut Found) -> Result<(), IndexError> {
        for number in self.pinned.clone() {
            let example = self.index.example(number)?;
            self.leakage.exclude_if_shown([&example].into_iter())?;
            if self.leakage.allows(&example)? {
                found.shots.push(Shot {
                    score: self.similarity(number)?.unwrap_or(0.0),
                    example,
                    rank: 0,
                    reason: PINNED.into(),
                    match_share: None,
                });
            } else {
                found.notices.push(format!(
                    "{} is pinned but was left out: it has the image, patient or study of your question",
                    example.id
                ));
            }
        }
        Ok(())
    }

    /// The similarity of an example's image to the query's; `None` if the query or the example has no vector to compare.
    fn similarity(&self, number: usize) -> Result<Option<f32>, IndexError> {
        let encoder = self.query.encoder;
        let Some(vector) = self.query.vectors.last() else {
            return Ok(None);
        };
        // A strategy that compares no vectors also works with an encoder that the index has no vectors of.
        if self.index.encoder(encoder).is_err() {
            return Ok(None);
        }
        Ok(self.index.vectors(encoder)?.score(vector, number)?)
    }

    /// Adds up to `k` shots by the plan's strategy.
    pub(super) fn strategy(&mut self, k: usize, found: &mut Found) -> Result<(), IndexError> {
        let strategy = self.effective_strategy()?;
        if strategy != self.plan.strategy {
            found.fallback = Some(strategy);
        }
        if strategy == Strategy::Text && strategy != self.plan.strategy {
            found
                .notices
                .push("No image: examples were chosen by your words".into());
        }
        if let (Some(floor), None) = (self.plan.floor, &self.floor) {
            found.notices.push(format!(
                "the floor of {floor} was ignored: there is no image to compare"
            ));
        }
        let chosen = self.select_others(strategy, k)?;
        found.shown_by = self.leakage.shown_count();
        found.shots.extend(chosen.into_iter().map(|c| Shot {
            example: c.example,
            score: c.score,
            rank: 0,
            reason: c.reason,
            match_share: None,
        }));
        found.search = self.search_used.get();
        Ok(())
    }

    /// Why there are fewer shots than requested.
    pub(super) fn shortfall_reason(&self) -> String {
        match self.floor.as_ref().filter(|floor| floor.rejected_any()) {
            Some(floor) => format!(
                "the remaining examples are below the floor of {}",
                floor.minimum
            ),
            None => NO_MORE_MATCHES.into(),
        }
    }

    /// The strategy to use: without an image only the text can be compared, and `auto` looks at the index.
    fn effective_strategy(&self) -> Result<Strategy, IndexError> {
        use Strategy::{Auto, Balanced, Case, Diverse, Hybrid, Image, ImageToText, Text};
        Ok(match self.plan.strategy {
            Auto | Image | Hybrid | Case | Diverse | Balanced | ImageToText
                if self.query.vectors.is_empty() =>
            {
                Text
            }
            Auto if self.index.has_several_questions_an_image()? => Case,
            Auto => Image,
            strategy => strategy,
        })
    }

    /// As [`Chooser::select`], again until none of the candidates shows the query's image. Pixels are compared for what was
    /// chosen only: that takes milliseconds an image.
    fn select_others(
        &mut self,
        strategy: Strategy,
        k: usize,
    ) -> Result<Vec<Candidate>, IndexError> {
        let mut chosen = self.select(strategy, k)?;
        for _ in 0..MAX_ROUNDS {
            let examples = chosen.iter().map(|candidate| &candidate.example);
            if !self.leakage.exclude_if_shown(examples)? || self.browsing {
                return Ok(chosen);
            }
            self.eligibility.exclude(self.leakage.excluded());
            chosen = self.select(strategy, k)?;
        }
        // An index of nothing but copies.
        Ok(Vec::new())
    }

    /// At most `k` candidates, most similar first.
    fn select(&self, strategy: Strategy, k: usize) -> Result<Vec<Candidate>, IndexError> {
        let by_image = |n: usize| self.by_image(n);
        match strategy {
            Strategy::None | Strategy::Fixed => Ok(Vec::new()),
            Strategy::Auto | Strategy::Image => self.search_until_filled(k, &by_image),
            Strategy::Text => self.search_until_filled(k, &|n| self.by_text(n)),
            Strategy::Hybrid => self.search_until_filled(k, &|n| self.hybrid(n)),
            Strategy::Case => self.search_until_filled(k, &|n| self.by_case(n)),
            Strategy::Random => self.random(k),
            Strategy::Diverse => {
                let pool = self.search_until_filled(POOL.max(k.saturating_mul(4)), &by_image)?;
                mmr::diversify(pool, k, self.index.vectors(self.query.encoder)?)
            }
            Strategy::Balanced => {
                let pool = self.search_until_filled(POOL.max(k.saturating_mul(8)), &by_image)?;
                Ok(balanced::balanced(pool, k))
            }
            Strategy::ImageToText => self.search_until_filled(k, &|n| self.image_to_texts(n)),
            Strategy::TextToImage => self.search_until_filled(k, &|n| self.question_to_images(n)),
        }
    }

    /// Asks `ranked` for more and more hits until `k` candidates pass all filters, one per image.
    fn search_until_filled(
        &self,
        k: usize,
        ranked: &dyn Fn(usize) -> Result<Ranking, IndexError>,
    ) -> Result<Vec<Candidate>, IndexError> {
        let mut width = k.saturating_mul(8).max(MIN_WIDTH);
        loop {
            let hits = ranked(width)?;
            let exhausted = hits.len() < width;
            let mut candidates = self.candidates(hits)?;
            if candidates.len() >= k || exhausted || width >= MAX_WIDTH {
                candidates.truncate(k);
                return Ok(candidates);
            }
            width = width.saturating_mul(4);
        }
    }
}
