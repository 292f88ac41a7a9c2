//! What the model and the index say about a card, on two threads of their own: nothing here may keep a learner waiting.
//!
//! A question whose card has been left is dropped.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::exchanged::Opinion;
use super::lookup;
use super::model::CardModel;
use super::state::Event;
use crate::tui::effects::catch_panic;
use rounds_assistant::{Assistant, Setup};
use rounds_imaging::Image;
use rounds_index::Index;
use rounds_study::card::Card;
use rounds_support::{Cancel, Failure};

/// Sends an event to the state.
pub type Post = Arc<dyn Fn(Event) + Send + Sync>;

/// Where answers and similar cases come from.
#[derive(Clone)]
pub struct Sources {
    /// An assistant that is open already.
    pub assistant: Option<Arc<Assistant>>,
    /// What to open otherwise.
    pub setup: Setup,
    /// The index of the deck; `None` inside is the shipped one.
    pub index: Option<Option<PathBuf>>,
}

/// What the model is asked.
enum Wanted {
    /// Its own answer.
    Opinion,
    /// To weigh this answer beside the reference.
    Weight(String),
    /// How near this answer is to the reference.
    Nearness(String),
}

struct Asked {
    card: Box<Card>,
    images: Vec<Image>,
    wanted: Wanted,
    cancel: Cancel,
}

enum Lookup {
    FollowUp(Box<Card>),
    LookAlikes(Box<Card>),
}

/// A handle to both threads.
pub struct Tutor {
    /// `None` where nothing is asked of the model.
    questions: Option<Sender<Asked>>,
    lookups: Sender<(Lookup, Cancel)>,
    /// Of what was asked about the card on the screen.
    cancel: Cancel,
}

impl Tutor {
    /// Starts the threads, that of the model only if it `asks_model`.
    pub fn start(sources: Sources, asks_model: bool, post: Post) -> std::io::Result<Self> {
        let (lookups, wanted) = channel();
        let index = sources.index.clone();
        let find = {
            let post = post.clone();
            move || look_up(&wanted, index, &post)
        };
        let spawn = |name: &str| std::thread::Builder::new().name(name.into());
        spawn("study-index").spawn(find)?;
        let mut questions = None;
        if asks_model {
            let (sender, asked) = channel();
            spawn("study-model").spawn(move || answer_all(&asked, sources, &post))?;
            questions = Some(sender);
        }
        Ok(Self {
            questions,
            lookups,
            cancel: Cancel::new(),
        })
    }

    /// Asks the model about a card; an earlier question is dropped.
    pub fn ask(&mut self, card: Box<Card>, images: Vec<Image>) {
        self.drop_questions();
        self.put(card, images, Wanted::Opinion);
    }

    /// Drops what the model and the index were asked.
    pub fn drop_questions(&mut self) {
        self.cancel.cancel();
        self.cancel = Cancel::new();
    }

    /// Lets the model weigh a typed answer beside the reference, after it has answered itself.
    pub fn weigh(&self, card: Box<Card>, images: Vec<Image>, typed: String) {
        self.put(card, images, Wanted::Weight(typed));
    }

    /// Asks how near a typed answer is to the reference, which needs no image.
    pub fn find_nearness(&self, card: Box<Card>, typed: String) {
        self.put(card, Vec::new(), Wanted::Nearness(typed));
    }

    fn put(&self, card: Box<Card>, images: Vec<Image>, wanted: Wanted) {
        if let Some(questions) = &self.questions {
            let _ = questions.send(Asked {
                card,
                images,
                wanted,
                cancel: self.cancel.clone(),
            });
        }
    }

    /// Looks for a question that follows up on a wrong answer.
    pub fn find_follow_up(&self, card: Box<Card>) {
        self.look(Lookup::FollowUp(card));
    }

    /// Looks for cases that look alike and have another answer.
    pub fn find_look_alikes(&self, card: Box<Card>) {
        self.look(Lookup::LookAlikes(card));
    }

    fn look(&self, lookup: Lookup) {
        let _ = self.lookups.send((lookup, self.cancel.clone()));
    }
}

impl Drop for Tutor {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn answer_all(asked: &Receiver<Asked>, sources: Sources, post: &Post) {
    let mut model = CardModel::new(sources);
    let mut known: HashMap<String, Opinion> = HashMap::new();
    while let Ok(question) = asked.recv() {
        let Asked {
            card,
            images,
            wanted,
            cancel,
        } = question;
        if cancel.is_cancelled() {
            continue;
        }
        let id = card.id.clone();
        match wanted {
            Wanted::Nearness(typed) => {
                let find = || model.nearness(&card, &typed, &cancel);
                // Why the model cannot be asked is said in the place of its own answer.
                if let Ok(Some(words)) = catch_panic(Ok(None), find) {
                    post(Event::Nearness { card: id, words });
                }
            }
            Wanted::Weight(typed) => {
                let weigh = || model.weigh(&card, images, &typed, &cancel);
                if let Some(words) = catch_panic(None, weigh) {
                    post(Event::Weighed { card: id, words });
                }
            }
            Wanted::Opinion => {
                let opinion = known.get(&id).cloned().unwrap_or_else(|| {
                    let broken = Opinion::Failed("internal error".into());
                    catch_panic(broken, || model.opinion(&card, images, &cancel))
                });
                if cancel.is_cancelled() {
                    continue;
                }
                if matches!(opinion, Opinion::Said { .. } | Opinion::Withheld(_)) {
                    known.insert(id.clone(), opinion.clone());
                }
                post(Event::Opinion { card: id, opinion });
            }
        }
    }
}

fn look_up(wanted: &Receiver<(Lookup, Cancel)>, folder: Option<Option<PathBuf>>, post: &Post) {
    let mut index: Option<Result<Index, Failure>> = None;
    while let Ok((lookup, cancel)) = wanted.recv() {
        if cancel.is_cancelled() {
            continue;
        }
        let folder = folder.as_ref().map(Option::as_deref);
        let index = index.get_or_insert_with(|| lookup::open(folder));
        match lookup {
            Lookup::FollowUp(card) => {
                let find = || {
                    let index = index.as_ref().ok()?;
                    lookup::follow_up(index, &card).ok().flatten()
                };
                post(Event::FollowUp {
                    found: catch_panic(None, find),
                    card: card.id,
                });
            }
            Lookup::LookAlikes(card) => {
                let broken = Err(Failure::model("internal error: the search failed"));
                let find = || match index {
                    Ok(index) => lookup::look_alikes(index, &card),
                    Err(failure) => Err(failure.clone()),
                };
                post(Event::LookAlikes {
                    found: catch_panic(broken, find),
                    card: card.id,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::card;
    use rounds_study::card::Kind;

    #[test]
    fn without_the_model_there_is_nobody_to_ask() {
        let sources = Sources {
            assistant: None,
            setup: Setup::default(),
            index: None,
        };
        let post: Post = Arc::new(|_: Event| {});
        let start = |asks_model| Tutor::start(sources.clone(), asks_model, post.clone());
        assert!(start(false).unwrap().questions.is_none());
        assert!(start(true).unwrap().questions.is_some());
    }

    #[test]
    fn a_search_for_a_card_that_was_left_is_not_begun() {
        let (lookups, wanted) = channel();
        let left = Cancel::new();
        left.cancel();
        for (kind, cancel) in [(Kind::Question, left), (Kind::Choice, Cancel::new())] {
            let card = Box::new(card(kind));
            lookups.send((Lookup::FollowUp(card), cancel)).unwrap();
        }
        drop(lookups);
        let (events, heard) = channel();
        let post: Post = Arc::new(move |event: Event| events.send(event).unwrap());
        look_up(&wanted, None, &post);
        drop(post);
        let found: Vec<Event> = heard.iter().collect();
        let there = card(Kind::Choice).id;
        assert!(matches!(&found[..], [Event::FollowUp { card, .. }] if *card == there));
    }
}
