//! What the log says about a learner's work: what comes, what was kept, when it was done.
//!
//! Everything is counted anew from the store. A retention is a share with its interval, never a bare number: after ten
//! reviews nobody knows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::card::{Card, CardId};
use crate::days::Days;
use crate::error::StudyError;
use crate::schedule::{Grade, Phase, Schedule};
use crate::settings::Settings;
use crate::store::{Review, Standing, Store};

/// Days that are looked ahead.
const FORECAST_DAYS: usize = 30;
/// Weeks of the calendar.
const WEEKS: i64 = 53;
/// From this interval in days a card is mature.
const MATURE_DAYS: u32 = 21;
/// From this many lapses a card is a leech.
const LEECH_LAPSES: u32 = 8;
/// Longest time that counts for the average; who took longer was away.
const LONGEST_MS: u32 = 10 * 60 * 1000;

/// A share of reviews.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Known.
    pub right: usize,
    /// All.
    pub asked: usize,
}

impl Share {
    fn add(&mut self, right: bool) {
        self.asked += 1;
        self.right += usize::from(right);
    }

    /// The share, 0 to 1; `None` if nothing was asked.
    pub fn value(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.right as f64 / self.asked as f64)
    }

    /// Its 95 % confidence interval (Wilson 1927), 0 to 1; `None` if nothing was asked.
    pub fn interval(&self) -> Option<(f64, f64)> {
        const Z: f64 = 1.959_964;
        let (share, n) = (self.value()?, self.asked as f64);
        let scale = 1.0 + Z * Z / n;
        let middle = (share + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some(((middle - half).max(0.0), (middle + half).min(1.0)))
    }
}

/// A day of the calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// `2026-11-30`.
    pub date: String,
    /// Number of grades.
    pub reviews: usize,
}

/// The cards with a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagStats {
    /// `name=value`.
    pub tag: String,
    /// Number of cards.
    pub cards: usize,
    /// Number of grades.
    pub reviews: usize,
    /// Share of reviews that were known.
    pub retention: Share,
}

/// Cards by how well they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Maturity {
    /// Never graded.
    pub new: usize,
    /// Come again after minutes.
    pub learning: usize,
    /// Come again within 21 days.
    pub young: usize,
    /// Come again later.
    pub mature: usize,
    /// Suspended, counted nowhere else.
    pub suspended: usize,
}

/// A card that is forgotten again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leech {
    /// Its deck.
    pub deck: String,
    /// Its id.
    pub card: CardId,
    /// What it asks.
    pub question: String,
    /// How often it was forgotten.
    pub lapses: u32,
}

/// The statistics of a deck or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Number of cards.
    pub cards: usize,
    /// Cards due today or overdue, without new ones.
    pub due_today: usize,
    /// Cards due within 7 days, today's among them.
    pub due_7_days: usize,
    /// Cards due within 30 days.
    pub due_30_days: usize,
    /// Cards due on each of 30 days; what is overdue counts for today, the first.
    pub forecast: Vec<usize>,
    /// Share of reviews known in the last 7 days: those of cards that had been learnt, without learning and cramming.
    pub retention_7_days: Share,
    /// The same for 30 days.
    pub retention_30_days: Share,
    /// The same for all time.
    pub retention: Share,
    /// Grades on each day of 53 weeks, from a Monday on; the last week is this one.
    pub days: Vec<Day>,
    /// Days in a row with a grade, up to today or yesterday.
    pub streak: usize,
    /// Days with a grade.
    pub studied_days: usize,
    /// Number of grades.
    pub reviews: usize,
    /// Average time for a card in milliseconds; at most 10 minutes of one grade count.
    pub average_ms: Option<u32>,
    /// By tag, those with most cards first.
    pub tags: Vec<TagStats>,
    /// Cards by how well they are known.
    pub maturity: Maturity,
    /// Cards forgotten 8 times or more, the worst first; without those that are suspended, which no longer come.
    pub leeches: Vec<Leech>,
}

/// A deck as far as statistics need it.
pub(crate) struct Part {
    pub(crate) deck: String,
    pub(crate) cards: Vec<Card>,
    pub(crate) standings: Vec<Standing>,
    pub(crate) log: Vec<Review>,
}

impl Stats {
    /// The statistics of a deck at `now`; of all decks if `None`, with days that begin as those of the first deck do.
    pub fn of(
        store: &Store,
        deck: Option<&str>,
        now: i64,
        zone: &TimeZone,
    ) -> Result<Self, StudyError> {
        let names = match deck {
            Some(deck) => vec![deck.to_owned()],
            None => {
                let decks = store.decks(now, zone)?.into_iter();
                decks.map(|deck| deck.name).collect()
            }
        };
        let settings = match names.first() {
            Some(deck) => store.settings(deck)?,
            None => Settings::default(),
        };
        let parts = names.into_iter().map(|deck| {
            Ok(Part {
                cards: store.cards(&deck)?,
                standings: store.standings(&deck)?,
                log: store.log(&deck)?,
                deck,
            })
        });
        let parts = parts.collect::<Result<Vec<_>, StudyError>>()?;
        Ok(Self::count(
            &parts,
            &Days::new(zone, settings.day_starts_at),
            now,
        ))
    }

    /// Counts everything.
    pub(crate) fn count(parts: &[Part], days: &Days, now: i64) -> Self {
        let mut stats = Self {
            forecast: vec![0; FORECAST_DAYS],
            ..Self::default()
        };
        for part in parts {
            stats.count_cards(part, days, now);
        }
        let log = parts.iter().flat_map(|part| &part.log);
        stats.count_log(log, days, now);
        stats.tags = tags(parts);
        stats.due_today = stats.forecast.iter().take(1).sum();
        stats.due_7_days = stats.forecast.iter().take(7).sum();
        stats.due_30_days = stats.forecast.iter().sum();
        stats.leeches.sort_by(|a, b| {
            let worst_first = b.lapses.cmp(&a.lapses);
            worst_first.then_with(|| (&a.deck, &a.card).cmp(&(&b.deck, &b.card)))
        });
        stats
    }

    fn count_cards(&mut self, part: &Part, days: &Days, now: i64) {
        let questions: HashMap<&str, &str> = part
            .cards
            .iter()
            .map(|card| (card.id.as_str(), card.question.as_str()))
            .collect();
        let today = days.of(now);
        for standing in part.standings.iter().filter(|standing| standing.present) {
            self.cards += 1;
            let schedule = standing.schedule.as_ref();
            if standing.suspended {
                self.maturity.suspended += 1;
                continue;
            }
            if let Some(schedule) = schedule.filter(|schedule| schedule.lapses >= LEECH_LAPSES) {
                let question = questions.get(standing.card.as_str()).copied();
                self.leeches.push(Leech {
                    deck: part.deck.clone(),
                    card: standing.card.clone(),
                    question: question.unwrap_or_default().to_owned(),
                    lapses: schedule.lapses,
                });
            }
            *self.maturity.of(schedule, days) += 1;
            let graded = schedule.filter(|schedule| !schedule.is_new());
            if let Some(schedule) = graded {
                let ahead = (days.of(schedule.due) - today).max(0);
                let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
                if let Some(due) = self.forecast.get_mut(ahead) {
                    *due += 1;
                }
            }
        }
    }

    fn count_log<'a>(&mut self, log: impl Iterator<Item = &'a Review>, days: &Days, now: i64) {
        let today = days.of(now);
        let mut by_day: BTreeMap<i64, usize> = BTreeMap::new();
        let mut time = 0_u64;
        for review in log {
            let day = days.of(review.at);
            *by_day.entry(day).or_default() += 1;
            time += u64::from(review.took_ms.min(LONGEST_MS));
            self.reviews += 1;
            if review.is_of_memory() {
                let right = review.grade != Grade::Again;
                self.retention.add(right);
                if day > today - 7 {
                    self.retention_7_days.add(right);
                }
                if day > today - 30 {
                    self.retention_30_days.add(right);
                }
            }
        }
        let average = time.checked_div(self.reviews as u64);
        self.average_ms = average.and_then(|ms| u32::try_from(ms).ok());
        self.studied_days = by_day.len();
        self.streak = streak(&by_day, today);
        let until = today + 6 - monday_offset(days, today);
        self.days = (until + 1 - 7 * WEEKS..=until)
            .map(|day| Day {
                date: days.date(day).to_string(),
                reviews: by_day.get(&day).copied().unwrap_or(0),
            })
            .collect();
    }
}

impl Maturity {
    /// The count for a card that stands so.
    fn of(&mut self, schedule: Option<&Schedule>, days: &Days) -> &mut usize {
        let Some(schedule) = schedule else {
            return &mut self.new;
        };
        match schedule.phase {
            Phase::New => &mut self.new,
            Phase::Learning(_) | Phase::Relearning(_) => &mut self.learning,
            Phase::Review => {
                let last = schedule.last_review.unwrap_or(schedule.due);
                match days.elapsed(last, schedule.due) {
                    ..MATURE_DAYS => &mut self.young,
                    _ => &mut self.mature,
                }
            }
        }
    }
}

/// Days in a row up to `today`, or up to yesterday if nothing was done today.
fn streak(by_day: &BTreeMap<i64, usize>, today: i64) -> usize {
    let from = match by_day.contains_key(&today) {
        true => today,
        false => today - 1,
    };
    let back = (0..).map(|days| from - days);
    back.take_while(|day| by_day.contains_key(day)).count()
}

/// Days since Monday.
fn monday_offset(days: &Days, day: i64) -> i64 {
    i64::from(days.date(day).weekday().since(Weekday::Monday))
}

fn tags(parts: &[Part]) -> Vec<TagStats> {
    let mut tags: BTreeMap<String, TagStats> = BTreeMap::new();
    for part in parts {
        let mut of_card: HashMap<&str, BTreeSet<String>> = HashMap::new();
        for card in &part.cards {
            // Where something lies on one image says nothing about others.
            let named = card.tags.iter().filter(|(name, _)| name != "box");
            let names = named.map(|(name, value)| format!("{name}={value}"));
            // A tag that a card has twice counts once.
            let names: BTreeSet<String> = names.collect();
            let names = of_card.entry(&card.id).or_insert(names);
            for name in names.iter() {
                let new = || TagStats {
                    tag: name.clone(),
                    cards: 0,
                    reviews: 0,
                    retention: Share::default(),
                };
                tags.entry(name.clone()).or_insert_with(new).cards += 1;
            }
        }
        for review in &part.log {
            for name in of_card.get(review.card.as_str()).into_iter().flatten() {
                if let Some(stats) = tags.get_mut(name) {
                    stats.reviews += 1;
                    if review.is_of_memory() {
                        stats.retention.add(review.grade != Grade::Again);
                    }
                }
            }
        }
    }
    let mut tags: Vec<TagStats> = tags.into_values().collect();
    tags.sort_by(|a, b| b.cards.cmp(&a.cards).then_with(|| a.tag.cmp(&b.tag)));
    tags
}
