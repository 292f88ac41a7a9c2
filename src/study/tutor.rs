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
    /// An answer to weigh beside the reference, in place of a question for the model's own.
    typed: Option<String>,
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
        self.put(card, images, None);
    }

    /// Lets the model weigh a typed answer beside the reference, after it has answered itself.
    pub fn weigh(&self, card: Box<Card>, images: Vec<Image>, typed: String) {
        self.put(card, images, Some(typed));
    }

    fn put(&self, card: Box<Card>, images: Vec<Image>, typed: Option<String>) {
        let _ = self.questions.send(Asked {
            card,
            images,
            typed,
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
    let mut model = Model {
        assistant: sources.assistant,
        setup: sources.setup,
    };
    let mut known: HashMap<String, Opinion> = HashMap::new();
    while let Ok(question) = asked.recv() {
        if question.cancel.is_cancelled() {
            continue;
        }
        let card = question.card.id.clone();
        if question.typed.is_some() {
            if let Some(words) = catch_panic(None, || model.weigh(&question)) {
                post(Event::Weighed { card, words });
            }
            continue;
        }
        let opinion = known.get(&card).cloned().unwrap_or_else(|| {
            let broken = Opinion::Failed("internal error".into());
            catch_panic(broken, || model.opinion(&question))
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

/// The model, loaded when it is first asked.
struct Model {
    assistant: Option<Arc<Assistant>>,
    setup: Setup,
}

impl Model {
    fn opinion(&mut self, asked: &Asked) -> Opinion {
        match self.answer(asked, Settings::default()) {
            Ok(answer) => said(answer),
            Err(failure) => Opinion::Failed(failure.to_string()),
        }
    }

    /// How likely the typed answer is beside the reference; `None` where the model has nothing to say.
    fn weigh(&mut self, asked: &Asked) -> Option<String> {
        let typed = asked.typed.clone()?;
        let reference = asked.card.answer.clone();
        let settings = Settings {
            options: vec![typed.clone(), reference.clone()],
            ..Settings::default()
        };
        let answer = self.answer(asked, settings).ok()?;
        // What is withheld must not come in by another door.
        if answer.standing.withheld.is_some() || asked.cancel.is_cancelled() {
            return None;
        }
        let weight = |option: &str| {
            let mut ranked = answer.ranking.iter();
            let found = ranked.find(|ranked| ranked.option == option);
            found.map(|ranked| ranked.per_token)
        };
        Some(weighed_in_words(weight(&reference)? - weight(&typed)?))
    }

    fn answer(&mut self, asked: &Asked, settings: Settings) -> Result<Answer, Failure> {
        let opened = match &self.assistant {
            Some(opened) => opened.clone(),
            None => {
                let opened = Arc::new(Assistant::start(self.setup.clone())?);
                self.assistant = Some(opened.clone());
                opened
            }
        };
        let case = case(&asked.card, asked.images.clone());
        for heard in opened.ask(case, settings, asked.cancel.clone()) {
            match heard {
                Heard::Answer(answer) => return Ok(*answer),
                Heard::Failed(error) => return Err(Failure::from(error)),
                _ => {}
            }
        }
        Err(Failure::model("the model stopped"))
    }
}

/// By how many nats a token the reference is likelier than the answer.
fn weighed_in_words(more: f64) -> String {
    let times = more.exp();
    match times {
        times if times.is_nan() => "a guess: the model could not weigh your answer".into(),
        times if times > 1e6 => {
            "a guess: the model finds the reference more than a million times as likely as your answer"
                .into()
        }
        times if times <= 1.0 => {
            "a guess: the model finds your answer no less likely than the reference".into()
        }
        times if times < 10.0 => format!(
            "a guess: the model finds the reference {times:.1} times as likely as your answer"
        ),
        times => format!(
            "a guess: the model finds the reference {times:.0} times as likely as your answer"
        ),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_weighed_in_words_that_say_it_is_a_guess() {
        assert!(weighed_in_words(-3.0).contains("no less likely"));
        assert!(weighed_in_words(1.0).contains("2.7 times"));
        assert!(weighed_in_words(3.0).contains("20 times"));
        for nats in [-1.0, 1.0, 1e9, f64::INFINITY] {
            assert!(weighed_in_words(nats).starts_with("a guess: "));
        }
    }
}
