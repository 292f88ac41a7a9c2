//! What the model and the index say about a card, on two threads of their own: nothing here may keep a learner waiting.
//!
//! The model is loaded at the first question. A question whose card has been left is dropped.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::desk::subject;
use super::exchanged::Opinion;
use super::lookup;
use super::state::Event;
use crate::tui::effects::catch_panic;
use rounds_assistant::{
    Answer, Assistant, Background, Case, Event as Heard, LabValue, Settings, Setup,
};
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
    /// The index of the deck; `None` inside is the built-in one.
    pub index: Option<Option<PathBuf>>,
}

struct Asked {
    card: Box<Card>,
    images: Vec<Image>,
    cancel: Cancel,
}

enum Lookup {
    FollowUp(Box<Card>),
    LookAlikes(Box<Card>),
}

/// A handle to both threads.
pub struct Tutor {
    questions: Sender<Asked>,
    lookups: Sender<Lookup>,
    cancel: Cancel,
}

impl Tutor {
    /// Starts the threads.
    pub fn start(sources: Sources, post: Post) -> std::io::Result<Self> {
        let (questions, asked) = channel();
        let (lookups, wanted) = channel();
        let index = sources.index.clone();
        let find = {
            let post = post.clone();
            move || look_up(&wanted, index, &post)
        };
        let spawn = |name: &str| std::thread::Builder::new().name(name.into());
        spawn("study-model").spawn(move || answer_all(&asked, sources, &post))?;
        spawn("study-index").spawn(find)?;
        Ok(Self {
            questions,
            lookups,
            cancel: Cancel::new(),
        })
    }

    /// Asks the model about a card; an earlier question is dropped.
    pub fn ask(&mut self, card: Box<Card>, images: Vec<Image>) {
        self.cancel.cancel();
        self.cancel = Cancel::new();
        let _ = self.questions.send(Asked {
            card,
            images,
            cancel: self.cancel.clone(),
        });
    }

    /// Looks for a question that follows up on a wrong answer.
    pub fn find_follow_up(&self, card: Box<Card>) {
        let _ = self.lookups.send(Lookup::FollowUp(card));
    }

    /// Looks for cases that look alike and have another answer.
    pub fn find_look_alikes(&self, card: Box<Card>) {
        let _ = self.lookups.send(Lookup::LookAlikes(card));
    }
}

impl Drop for Tutor {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn answer_all(asked: &Receiver<Asked>, sources: Sources, post: &Post) {
    let mut assistant = sources.assistant;
    let mut known: HashMap<String, Opinion> = HashMap::new();
    while let Ok(mut question) = asked.recv() {
        while let Ok(newer) = asked.try_recv() {
            question = newer;
        }
        if question.cancel.is_cancelled() {
            continue;
        }
        let card = question.card.id.clone();
        let opinion = known.get(&card).cloned().unwrap_or_else(|| {
            let broken = Opinion::Failed("internal error".into());
            catch_panic(broken, || {
                opinion(&mut assistant, &sources.setup, &question)
            })
        });
        if question.cancel.is_cancelled() {
            continue;
        }
        if matches!(opinion, Opinion::Said { .. } | Opinion::Withheld(_)) {
            known.insert(card.clone(), opinion.clone());
        }
        post(Event::Opinion { card, opinion });
    }
}

fn opinion(assistant: &mut Option<Arc<Assistant>>, setup: &Setup, asked: &Asked) -> Opinion {
    let opened = match assistant {
        Some(opened) => opened.clone(),
        None => match Assistant::start(setup.clone()) {
            Ok(opened) => assistant.insert(Arc::new(opened)).clone(),
            Err(error) => return Opinion::Failed(Failure::of(&error).to_string()),
        },
    };
    let case = case(&asked.card, asked.images.clone());
    for heard in opened.ask(case, Settings::default(), asked.cancel.clone()) {
        match heard {
            Heard::Answer(answer) => return said(*answer),
            Heard::Failed(error) => return Opinion::Failed(Failure::of(&error).to_string()),
            _ => {}
        }
    }
    Opinion::Failed("the model stopped".into())
}

/// The card as a case: its own patient and study are never shots.
fn case(card: &Card, images: Vec<Image>) -> Case {
    let (patient, study) = subject(card);
    let lab = |row: &rounds_study::card::LabRow| LabValue {
        name: row.test.clone(),
        value: row.value.clone(),
        unit: String::new(),
        range: row.reference.clone(),
    };
    Case {
        images,
        question: card.question.clone(),
        background: Background {
            vignette: card.vignette.clone(),
            labs: card.laboratory.iter().map(lab).collect(),
        },
        patient,
        study,
    }
}

fn said(answer: Answer) -> Opinion {
    let standing = answer.standing;
    if let Some(reason) = standing.withheld {
        return Opinion::Withheld(reason);
    }
    if answer.answer.is_empty() {
        return Opinion::Failed("it gave no answer".into());
    }
    let lines = [
        standing.confidence_in_words(),
        standing.vote_in_words(&answer.answer),
    ];
    Opinion::Said {
        answer: answer.answer,
        rationale: answer.rationale,
        standing: lines.into_iter().flatten().collect(),
    }
}

fn look_up(wanted: &Receiver<Lookup>, folder: Option<Option<PathBuf>>, post: &Post) {
    let mut index: Option<Result<Index, Failure>> = None;
    while let Ok(lookup) = wanted.recv() {
        let index = index.get_or_insert_with(|| match &folder {
            Some(folder) => Index::open(folder.as_deref()).map_err(Failure::from),
            None => Err(Failure::usage("this deck is not from an index")),
        });
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
