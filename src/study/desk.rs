//! The desk: deals cards of one deck and keeps what the learner does. It waits for files and the store, so it must not live
//! on the thread that draws.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::decks::Source;
use super::exchanged::{Deal, Dealt, Next, Picture};
use super::figures::Figures;
use super::pictures::{Pictures, covered};
use super::report;
use super::state::Work;
use rounds_index::{ExampleImage, Images};
use rounds_study::card::{Card, CardImage, Region};
use rounds_study::deck::{add_or_replace, place_cards, places_of};
use rounds_study::queue::{Filter, Mode, Queue};
use rounds_study::schedule::{Grade, Scheduler};
use rounds_study::stats::Stats;
use rounds_study::store::{DeckInfo, Review, ReviewKind, Store};
use rounds_study::{StudyError, TimeZone};
use rounds_support::Failure;
use rounds_support::errors::count;
use rounds_support::sanitise::clean_line_max;

/// Longest name of a deck and of a place, in characters.
const MAX_NAME: usize = 80;
const MAX_LABEL: usize = 200;
/// How the name of a deck with the learner's own cards goes on after that of the deck that they were drawn in.
const OWN: &str = " own";

/// What to study, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder of the store.
    pub folder: PathBuf,
    pub deck: String,
    pub source: Source,
    pub filter: Filter,
    pub cram: bool,
    /// Limits of this session in place of the deck's.
    pub new: Option<u32>,
    pub reviews: Option<u32>,
    pub retention: Option<f32>,
    pub zone: TimeZone,
}

/// Something that undo takes back.
#[derive(Clone, Debug)]
enum Done {
    Graded,
    Buried(String),
    Suspended(String),
}

/// A deck that is being studied.
pub struct Desk {
    store: Store,
    plan: Plan,
    scheduler: Scheduler,
    queue: Queue,
    images: Option<Images>,
    pictures: Pictures,
    done: Vec<Done>,
    /// What the store has to say, until it is said.
    notice: Option<String>,
}

/// The time, in milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

impl Desk {
    /// Opens the store of a plan.
    ///
    /// Errors if the store cannot be read, there is no such deck, or a limit is out of range.
    pub fn open(plan: Plan, now: i64) -> Result<Self, Failure> {
        let store = Store::open(&plan.folder)?;
        Self::at(store, plan, now)
    }

    /// A desk at an open store.
    pub fn at(store: Store, plan: Plan, now: i64) -> Result<Self, Failure> {
        if !store.has_deck(&plan.deck)? {
            let name = clean_line_max(&plan.deck, 80);
            return Err(Failure::usage(format!("there is no deck named {name}"))
                .hint("list the decks with `rounds study decks`"));
        }
        let mut settings = store.settings(&plan.deck)?;
        settings.new_per_day = plan.new.unwrap_or(settings.new_per_day);
        settings.reviews_per_day = plan.reviews.unwrap_or(settings.reviews_per_day);
        settings.retention = plan.retention.unwrap_or(settings.retention);
        let scheduler = Scheduler::new(&settings.validated()?, &plan.zone)?;
        let queue = queue(&store, &plan, &scheduler, now)?;
        Ok(Self {
            images: plan.source.index().map(Images::new),
            pictures: Pictures::default(),
            done: Vec::new(),
            notice: store.notice().map(str::to_string),
            scheduler,
            queue,
            store,
            plan,
        })
    }

    /// Does a piece of work and deals what comes next.
    ///
    /// Errors if it could not be saved; then nothing has changed.
    pub fn perform(&mut self, work: &Work, now: i64) -> Result<Deal, Failure> {
        let saved = match work {
            Work::Deal => Ok(self.notice.take()),
            Work::Undo => return self.undo(now),
            Work::Grade {
                card,
                grade,
                took_ms,
                typed,
            } => self.grade(card, *grade, *took_ms, typed.clone(), now),
            Work::Bury(card) => self.bury(card, now),
            Work::Suspend(card) => self.suspend(card),
            Work::AddPlace {
                card,
                image,
                label,
                place,
            } => {
                let notice = self.add_place(card, *image, label, *place)?;
                return Ok(self.with_counts(Next::Stay, Some(notice), now));
            }
        };
        match (saved, work.card()) {
            (Ok(notice), _) => self.deal(notice, now),
            // Another window has made the deck anew without it. Asking for it again would never end.
            (Err(StudyError::NoCard { .. }), Some(card)) => {
                self.queue.put_aside(card);
                let notice = "that card is no longer in the deck: nothing was saved".to_string();
                Ok(Deal {
                    ungraded: matches!(work, Work::Grade { .. }),
                    ..self.deal(Some(notice), now)?
                })
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    fn bury(&mut self, card: &str, now: i64) -> Result<Option<String>, StudyError> {
        let until = self.scheduler.days().end_of_today(now);
        self.store.bury(&self.plan.deck, card, until)?;
        self.queue.put_aside(card);
        self.done.push(Done::Buried(card.to_string()));
        Ok(Some("buried until tomorrow; u takes it back".to_string()))
    }

    fn suspend(&mut self, card: &str) -> Result<Option<String>, StudyError> {
        self.store.suspend(&self.plan.deck, card, true)?;
        self.queue.put_aside(card);
        self.done.push(Done::Suspended(card.to_string()));
        let notice = "suspended: it does not come again; u takes it back";
        Ok(Some(notice.to_string()))
    }

    fn grade(
        &mut self,
        card: &str,
        grade: Grade,
        took_ms: i64,
        typed: Option<String>,
        now: i64,
    ) -> Result<Option<String>, StudyError> {
        let before = self.store.schedule(&self.plan.deck, card, now)?;
        let (kind, after) = match self.plan.cram {
            true => (ReviewKind::Cram, before),
            false => (
                ReviewKind::of(&before),
                self.scheduler.grade(card, &before, grade, now),
            ),
        };
        let review = Review {
            card: card.to_string(),
            deck: self.plan.deck.clone(),
            at: now,
            grade,
            took_ms: u32::try_from(took_ms).unwrap_or(0),
            kind,
            before,
            after,
            typed,
        };
        self.store.record(&review)?;
        self.queue.graded(&review);
        self.done.push(Done::Graded);
        Ok(None)
    }

    /// Takes back what was done last in this session, or else the last grade of the deck, and deals its card again. Cramming
    /// takes back nothing else: the schedule of a card that was graded in its turn must stay as it is.
    fn undo(&mut self, now: i64) -> Result<Deal, Failure> {
        let deck = self.plan.deck.clone();
        let (card, what) = match self.done.last() {
            Some(Done::Buried(card)) => {
                self.store.bury(&deck, card, now)?;
                (card.clone(), "it is no longer buried".to_string())
            }
            Some(Done::Suspended(card)) => {
                self.store.suspend(&deck, card, false)?;
                (card.clone(), "it is no longer suspended".to_string())
            }
            None if self.plan.cram => return Err(nothing_to_undo()),
            Some(Done::Graded) | None => {
                let Some(review) = self.store.undo(&deck)? else {
                    return Err(nothing_to_undo());
                };
                self.queue.undone(&review);
                let what = format!("undone: {}", review.grade.name());
                self.done.pop();
                let card = self.store.card(&deck, &review.card)?;
                let next = self.deal_card(card, now)?;
                return Ok(Deal {
                    ungraded: true,
                    ..self.with_counts(next, Some(what), now)
                });
            }
        };
        self.done.pop();
        self.queue.put_back(&card);
        let card = self.store.card(&deck, &card)?;
        let next = self.deal_card(card, now)?;
        Ok(self.with_counts(next, Some(what), now))
    }

    fn deal(&mut self, notice: Option<String>, now: i64) -> Result<Deal, Failure> {
        // Cards that were crammed before the day changed do not come once more.
        if !self.plan.cram && self.queue.day_is_over(now) {
            self.queue = queue(&self.store, &self.plan, &self.scheduler, now)?;
        }
        let next = loop {
            let Some(id) = self.queue.next(now) else {
                let due = self.next_due(now)?;
                break Next::Nothing { due };
            };
            match self.store.card(&self.plan.deck, &id) {
                Ok(card) => break self.deal_card(card, now)?,
                // Removed by another window. An error would say that the card before it was not graded.
                Err(StudyError::NoCard { .. }) => self.queue.put_aside(&id),
                Err(error) => return Err(error.into()),
            }
        };
        Ok(self.with_counts(next, notice, now))
    }

    fn with_counts(&mut self, next: Next, notice: Option<String>, now: i64) -> Deal {
        Deal {
            next,
            counts: self.queue.counts(now),
            notice,
            ungraded: false,
        }
    }

    fn deal_card(&mut self, card: Card, now: i64) -> Result<Next, Failure> {
        let schedule = self.store.schedule(&self.plan.deck, &card.id, now)?;
        let outlooks = match self.plan.cram {
            true => Vec::new(),
            false => self.scheduler.next(&card.id, &schedule, now).to_vec(),
        };
        let images = card.images.clone();
        let pictures: Vec<_> = images.iter().map(|image| self.picture(image)).collect();
        let covered = match pictures.first() {
            Some(Ok(picture)) => covered(&card, picture),
            _ => None,
        };
        Ok(Next::Card(Box::new(Dealt {
            card,
            pictures,
            covered,
            outlooks,
        })))
    }

    /// Adds a place on an image of a card to the learner's own cards: in this deck, or in one beside it if it follows an index,
    /// which would take them away again. Returns what to say.
    fn add_place(
        &mut self,
        card: &str,
        image: usize,
        label: &str,
        place: [u32; 4],
    ) -> Result<String, Failure> {
        let card = self.store.card(&self.plan.deck, card)?;
        let image = card.images.get(image);
        let image = image.ok_or_else(|| Failure::usage("the card has no such image"))?;
        let picture = self.picture(image).map_err(Failure::usage)?;
        let bytes = bytes(self.images.as_ref(), &self.store, image).map_err(Failure::usage)?;
        let deck = match &self.plan.source {
            Source::Imported => self.plan.deck.clone(),
            Source::Index(_) => {
                let name: String = self.plan.deck.chars().take(MAX_NAME - OWN.len()).collect();
                format!("{}{OWN}", name.trim_end())
            }
        };
        let (mut cards, info) = match self.store.has_deck(&deck)? {
            true => (self.store.cards(&deck)?, self.store.deck_info(&deck)?),
            false => (Vec::new(), own_deck()),
        };
        if info.index.is_some() {
            let taken = format!("the deck {deck} is made from an index");
            return Err(Failure::usage(taken).hint("rename that index"));
        }
        let kept = self.store.put_media(&bytes, &image.extension)?;
        let mut places = places_of(&cards, &kept);
        places.push(region(label, place, &picture));
        let mut made = place_cards(&kept, &places);
        for own in &mut made {
            own.source.clone_from(&card.source);
            own.licence.clone_from(&card.licence);
        }
        add_or_replace(&mut cards, made);
        if let Err(error) = self.store.put_deck(&deck, &info, &cards) {
            self.store.remove_unused_media(&[kept])?;
            return Err(error.into());
        }
        Ok(format!(
            "saved in the deck {deck}, to mark it and to name it under a cover"
        ))
    }

    /// An image of a card.
    fn picture(&mut self, image: &CardImage) -> Result<Picture, String> {
        let (images, store) = (self.images.as_ref(), &self.store);
        self.pictures.get(image, || bytes(images, store, image))
    }

    /// When a card is due after everything that can be done now.
    fn next_due(&mut self, now: i64) -> Result<Option<i64>, Failure> {
        if self.plan.cram {
            return Ok(None);
        }
        if let Some(at) = self.queue.waiting_until() {
            return Ok(Some(at));
        }
        let tomorrow = self.scheduler.days().end_of_today(now);
        let mut due = None;
        for standing in self.store.standings(&self.plan.deck)? {
            if !standing.present || standing.suspended || !self.queue.wants(&standing.card) {
                continue;
            }
            // What is not done today, because of a limit or as a sibling, comes tomorrow.
            let at = standing.schedule.map_or(tomorrow, |schedule| schedule.due);
            let at = at.max(standing.buried_until.unwrap_or(at)).max(tomorrow);
            due = Some(due.map_or(at, |due: i64| due.min(at)));
        }
        Ok(due)
    }

    /// The page of statistics.
    pub fn statistics(&self, now: i64) -> Result<Figures, Failure> {
        let stats = Stats::of(&self.store, Some(&self.plan.deck), now, &self.plan.zone)?;
        Ok(report::page(&self.plan.deck, &stats))
    }
}

/// The file of an image: of the index, or else of the store. The error is a message for the user.
pub fn bytes(images: Option<&Images>, store: &Store, image: &CardImage) -> Result<Vec<u8>, String> {
    let of_index = ExampleImage {
        sha256: image.sha256.clone(),
        extension: image.extension.clone(),
    };
    match images.map(|images| images.bytes(&of_index)) {
        Some(Ok(bytes)) => Ok(bytes.into_owned()),
        Some(Err(error)) => store.media(image).map_err(|_| error.to_string()),
        None => store.media(image).map_err(|error| error.to_string()),
    }
}

/// What is known about a deck of the learner's own cards.
pub fn own_deck() -> DeckInfo {
    DeckInfo {
        index: None,
        about: "cards of your own".into(),
    }
}

/// A place in pixels of an image as a region of it.
fn region(label: &str, [x, y, width, height]: [u32; 4], picture: &Picture) -> Region {
    let share = |part: u32, all: u32| part as f32 / all.max(1) as f32;
    let (across, down) = (picture.image.width, picture.image.height);
    Region {
        label: clean_line_max(label, MAX_LABEL).trim().to_string(),
        x: share(x, across),
        y: share(y, down),
        width: share(width, across),
        height: share(height, down),
    }
}

fn nothing_to_undo() -> Failure {
    Failure::usage("there is nothing to undo")
}

fn queue(store: &Store, plan: &Plan, scheduler: &Scheduler, now: i64) -> Result<Queue, Failure> {
    let mode = match plan.cram {
        true => Mode::Cram,
        false => Mode::Study,
    };
    Ok(Queue::new(
        store,
        &plan.deck,
        scheduler,
        now,
        mode,
        &plan.filter,
    )?)
}

/// The number of cards that a change of a deck added and removed, in words; `None` if there was none.
pub fn change_in_words(change: &rounds_study::store::DeckChange) -> Option<String> {
    let parts = [
        (change.added, "added"),
        (change.updated, "updated"),
        (change.removed, "removed"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number, "card")))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// The patient and the study of a card, which its siblings share.
pub fn subject(card: &Card) -> (Option<String>, Option<String>) {
    let value = |name: &str| {
        let mut keys = card.sibling_keys.iter();
        keys.find_map(|key| key.strip_prefix(name).map(str::to_string))
    };
    (value("patient:"), value("study:"))
}
