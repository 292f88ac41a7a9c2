//! What the model says about a card: its own answer, how it weighs a typed one beside the reference, and how near that is to it.
//!
//! Everything said here is a guess and is worded as one. The model is loaded when it is first asked.

use std::path::PathBuf;
use std::sync::Arc;

use super::answers::{Answers, Beside};
use super::desk::subject;
use super::exchanged::Opinion;
use super::lookup;
use super::pair::Pair;
use super::tutor::Sources;
use rounds_assistant::prompt::plain;
use rounds_assistant::{
    Answer, Assistant, Background, Case, Event as Heard, LabValue, Nearness, NearnessRequest,
    Settings, Setup, TextVectors,
};
use rounds_imaging::Image;
use rounds_index::Index;
use rounds_study::card::{Card, Kind, LabRow};
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Cancel, Failure};

/// Longest other answer that is named in full, in characters.
const MAX_OTHER: usize = 120;

/// The model, with the index of the deck.
pub struct CardModel {
    assistant: Option<Arc<Assistant>>,
    setup: Setup,
    /// As in [`Sources::index`].
    folder: Option<Option<PathBuf>>,
    index: Option<Result<Index, Failure>>,
    answers: Option<Answers>,
}

impl CardModel {
    /// A model that is not loaded yet, unless the assistant is open.
    pub fn new(sources: Sources) -> Self {
        Self {
            assistant: sources.assistant,
            setup: sources.setup,
            folder: sources.index,
            index: None,
            answers: None,
        }
    }

    /// Its own answer to a card.
    pub fn opinion(&mut self, card: &Card, images: Vec<Image>, cancel: &Cancel) -> Opinion {
        let opinion = match card.kind {
            Kind::Compare => self.comparison(card, images, cancel),
            _ => self
                .answer(case(card, images), Settings::default(), cancel)
                .map(said),
        };
        opinion.unwrap_or_else(|failure| Opinion::Failed(failure.to_string()))
    }

    /// How likely a typed answer is beside the reference; `None` where the model has nothing to say.
    pub fn weigh(
        &mut self,
        card: &Card,
        images: Vec<Image>,
        typed: &str,
        cancel: &Cancel,
    ) -> Option<String> {
        let settings = Settings {
            options: vec![typed.to_owned(), card.answer.clone()],
            ..Settings::default()
        };
        let answer = self.answer(case(card, images), settings, cancel).ok()?;
        // What is withheld must not come in by another door.
        if answer.standing.withheld.is_some() || cancel.is_cancelled() {
            return None;
        }
        let more = per_token(&answer, &card.answer)? - per_token(&answer, typed)?;
        Some(weighed_in_words(more))
    }

    /// How near a typed answer is to the reference, beside the other answers of the index; `None` where there is nothing to
    /// compare it with, or it was cancelled.
    ///
    /// Errors if the model or the index cannot be read.
    pub fn nearness(
        &mut self,
        card: &Card,
        typed: &str,
        cancel: &Cancel,
    ) -> Result<Option<String>, Failure> {
        let Some(beside) = self.beside(card)? else {
            return Ok(None);
        };
        let request = NearnessRequest {
            text: typed.to_owned(),
            reference: card.answer.clone(),
            others: beside.answers,
        };
        let found = self.assistant()?.nearness(request, cancel.clone());
        match found {
            _ if cancel.is_cancelled() => Ok(None),
            Ok(near) => Ok(near.map(|near| near_in_words(&near, beside.which))),
            Err(error) => Err(error.into()),
        }
    }

    fn beside(&mut self, card: &Card) -> Result<Option<Beside>, Failure> {
        if self.folder.is_none() {
            return Ok(None);
        }
        if self.answers.is_none() {
            self.answers = Some(Answers::read(self.index()?)?);
        }
        let answers = self.answers.as_ref();
        Ok(answers.and_then(|answers| answers.beside(card)))
    }

    /// For which of the two images the model finds the answer likelier, beside that of the other image. Each is a question of
    /// its own.
    fn comparison(
        &mut self,
        card: &Card,
        images: Vec<Image>,
        cancel: &Cancel,
    ) -> Result<Opinion, Failure> {
        let pair = match self.folder {
            Some(_) => Pair::of(self.index()?, card)?,
            None => None,
        };
        let Some(pair) = pair else {
            let reason = "it needs the two cases in the index";
            return Ok(Opinion::NotFor(reason));
        };
        if images.len() != pair.shown.len() {
            return Ok(Opinion::Failed("an image cannot be read".into()));
        }
        let mut margins = Vec::new();
        for (image, example) in images.into_iter().zip(&pair.shown) {
            let named = |name: &String| (!name.is_empty()).then(|| name.clone());
            let case = Case {
                images: vec![image],
                question: example.question.clone(),
                patient: named(&example.patient),
                study: named(&example.study),
                ..Case::default()
            };
            let settings = Settings {
                options: pair.answers.to_vec(),
                excluded: pair.excluded.clone(),
                ..Settings::default()
            };
            let answer = self.answer(case, settings, cancel)?;
            if let Some(reason) = &answer.standing.withheld {
                return Ok(Opinion::Withheld(reason.clone()));
            }
            let [asked, other] = pair
                .answers
                .each_ref()
                .map(|option| per_token(&answer, option));
            margins.extend(asked.zip(other).map(|(asked, other)| asked - other));
        }
        let [asked, _] = &pair.answers;
        Ok(compared(card, asked, &margins))
    }

    fn index(&mut self) -> Result<&Index, Failure> {
        let folder = self.folder.as_ref().map(Option::as_deref);
        let opened = self.index.get_or_insert_with(|| lookup::open(folder));
        opened.as_ref().map_err(Failure::clone)
    }

    fn assistant(&mut self) -> Result<Arc<Assistant>, Failure> {
        if let Some(opened) = &self.assistant {
            return Ok(opened.clone());
        }
        let opened = Arc::new(Assistant::start(self.setup.clone())?);
        self.assistant = Some(opened.clone());
        Ok(opened)
    }

    fn answer(
        &mut self,
        case: Case,
        settings: Settings,
        cancel: &Cancel,
    ) -> Result<Answer, Failure> {
        for heard in self.assistant()?.ask(case, settings, cancel.clone()) {
            match heard {
                Heard::Answer(answer) => return Ok(*answer),
                Heard::Failed(error) => return Err(Failure::from(error)),
                _ => {}
            }
        }
        Err(Failure::model("the model stopped"))
    }
}

/// The log-probability of an option for each of its tokens.
fn per_token(answer: &Answer, option: &str) -> Option<f64> {
    let option = plain(option);
    let found = answer.ranking.iter().find(|known| known.option == option);
    found.map(|ranked| ranked.per_token)
}

/// How many times as likely something is, for this many nats.
fn times(nats: f64) -> String {
    match nats.exp() {
        times if times > 1e6 => "more than a million times".into(),
        times if times < 10.0 => format!("{times:.1} times"),
        times => format!("{times:.0} times"),
    }
}

/// By how many nats a token the reference is likelier than the answer.
fn weighed_in_words(more: f64) -> String {
    if more.is_nan() {
        return "a guess: the model could not weigh your answer".into();
    }
    match more > 0.0 {
        true => format!(
            "a guess: the model finds the reference {} as likely as your answer, per token",
            times(more)
        ),
        false => "a guess: the model finds your answer no less likely than the reference".into(),
    }
}

/// `which` says which other answers these are.
fn near_in_words(near: &Nearness, which: &str) -> String {
    let vectors = match near.vectors {
        TextVectors::Encoder => "the encoder's text vectors",
        TextVectors::Tokens => "the model's token vectors",
    };
    let nearer = match &near.nearer_to {
        Some(other) => {
            let other = clean_line_max(other, MAX_OTHER);
            format!(", but nearer to another answer: {other}")
        }
        None => String::new(),
    };
    format!(
        "a guess: nearer to the reference than {} % of {} other answers {which}, by {vectors}{nearer}",
        near.percent(),
        near.others
    )
}

/// By how many nats a token the answer that is asked for is likelier than the other one, for each image.
fn compared(card: &Card, asked: &str, margins: &[f64]) -> Opinion {
    let &[first, second] = margins else {
        return Opinion::Failed("it could not rank the answers".into());
    };
    let more = first - second;
    let choice = card.choices.get(usize::from(more < 0.0));
    match choice.filter(|_| more != 0.0 && !more.is_nan()) {
        Some(choice) => Opinion::Said {
            answer: choice.clone(),
            rationale: None,
            is_unsure: false,
            standing: vec![format!(
                "beside the other image's answer, \u{201C}{asked}\u{201D} is {} as likely there as for the other image, per token",
                times(more.abs())
            )],
        },
        None => Opinion::Failed("it finds the answer as likely for both images".into()),
    }
}

/// The card as a case: its own patient and study are never shots.
fn case(card: &Card, images: Vec<Image>) -> Case {
    let (patient, study) = subject(card);
    let lab = |row: &LabRow| LabValue {
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
        standing.contradiction_in_words(),
        standing.confidence_in_words(),
        standing.vote_in_words(&answer.answer),
    ];
    Opinion::Said {
        answer: answer.answer,
        rationale: answer.rationale,
        is_unsure: standing.sure == Some(false),
        standing: lines.into_iter().flatten().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_weighed_in_words_that_say_it_is_a_guess() {
        assert!(weighed_in_words(-3.0).contains("no less likely"));
        assert!(weighed_in_words(1.0).contains("2.7 times as likely as your answer, per token"));
        assert!(weighed_in_words(3.0).contains("20 times"));
        for nats in [-1.0, 1.0, 1e9, f64::INFINITY, f64::NAN] {
            assert!(weighed_in_words(nats).starts_with("a guess: "));
        }
    }

    #[test]
    fn nearness_is_said_as_a_share_of_other_answers_and_as_a_guess() {
        let mut near = Nearness {
            farther: 42,
            others: 43,
            nearer_to: None,
            vectors: TextVectors::Tokens,
        };
        let words = near_in_words(&near, "of this kind");
        assert_eq!(
            words,
            "a guess: nearer to the reference than 97 % of 43 other answers of this kind, by the model's token vectors"
        );
        near.nearer_to = Some("pneumonia".into());
        near.vectors = TextVectors::Encoder;
        let words = near_in_words(&near, "in the index");
        assert!(words.contains("encoder"), "{words}");
        assert!(words.ends_with("but nearer to another answer: pneumonia"));
        near.nearer_to = Some(format!("\u{1B}[2J{}", "long ".repeat(100)));
        let words = near_in_words(&near, "in the index");
        assert!(!words.contains('\u{1B}') && words.ends_with('…'), "{words}");
        assert!(words.chars().count() < 300);
    }

    #[test]
    fn of_two_images_the_one_with_the_larger_margin_is_guessed() {
        let card = super::super::tests::card(Kind::Compare);
        let guessed = |margins: &[f64]| match compared(&card, "pneumonia", margins) {
            Opinion::Said {
                answer, standing, ..
            } => {
                assert!(standing[0].contains("2.7 times"), "{standing:?}");
                answer
            }
            other => format!("{other:?}"),
        };
        assert_eq!(guessed(&[-1.5, -2.5]), "The first");
        assert_eq!(guessed(&[0.5, 1.5]), "The second");
        for margins in [&[1.0, 1.0][..], &[f64::NAN, 1.0], &[1.0]] {
            assert!(guessed(margins).starts_with("Failed"), "{margins:?}");
        }
    }
}
