//! Cards of the learner's own: an image with a question, or with rectangles drawn on it.

use clap::Args;
use std::path::PathBuf;

use super::exchange::{MAX_NAME, existing};
use super::store;
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use crate::study::own_deck;
use rounds_imaging::{decode, format_of, limits::MAX_FILE_BYTES};
use rounds_study::card::{Card, CardImage, Kind, Region};
use rounds_study::deck::{add_or_replace, own_card, place_cards};
use rounds_support::errors::{count, display_path};
use rounds_support::sanitise::{clean_line, clean_line_max};
use rounds_support::{Failure, Paths, files};

/// What a rectangle must look like.
const FORM: &str =
    "a region is a label and x,y,width,height in pixels of the image: \"liver 54,106,30,31\"";

/// What the cards are made from.
#[derive(Args)]
pub struct Add {
    /// Name of the deck; a new name makes a deck
    deck: String,
    /// Image file
    #[arg(long)]
    image: PathBuf,
    /// A question about the image
    #[arg(long, requires = "answer")]
    question: Option<String>,
    /// Its answer
    #[arg(long, requires = "question")]
    answer: Option<String>,
    /// Why the answer is right
    #[arg(long, requires = "question", default_value = "")]
    rationale: String,
    /// A wrong answer to choose from; may be given several times
    #[arg(long = "wrong", requires = "question")]
    wrong: Vec<String>,
    /// A rectangle and what lies in it; may be given several times. Makes a card to mark it and one to name it under a cover
    #[arg(
        long = "region",
        value_name = "LABEL X,Y,W,H",
        required_unless_present = "question"
    )]
    regions: Vec<String>,
    /// Source and licence of the image, shown on the card
    #[arg(long, default_value = "")]
    source: String,
}

/// Adds cards to a deck.
pub fn add(add: &Add) -> Outcome {
    let mut store = store(&Paths::find()?)?;
    let name = clean_line_max(&add.deck, MAX_NAME).trim().to_string();
    if name.is_empty() {
        return Err(Failure::usage("the deck needs a name"));
    }
    check(add)?;
    let mut cards = existing(&store, &name)?;
    let bytes = files::read_regular_file(&add.image, MAX_FILE_BYTES)?;
    let image = decode(&bytes, &display_path(&add.image))?;
    let size = [image.width, image.height];
    let regions = add.regions.iter().map(|text| region(text, size));
    let regions = regions.collect::<Result<Vec<_>, _>>()?;
    let extension = format_of(&bytes).map_or("png", rounds_imaging::Format::extension);
    let kept = store.put_media(&bytes, extension)?;
    let cards_made = made_of(add, &kept, &regions);
    let made = cards_made.len();
    add_or_replace(&mut cards, cards_made);
    let info = match store.has_deck(&name)? {
        true => store.deck_info(&name)?,
        false => own_deck(),
    };
    if let Err(error) = store.put_deck(&name, &info, &cards) {
        store.remove_unused_media(&[kept])?;
        return Err(error.into());
    }
    print(format_args!("{name}: {}", count(made, "card")))?;
    Ok(0)
}

/// Errors if a text says nothing, or a wrong answer is the right one.
fn check(add: &Add) -> Result<(), Failure> {
    let said = |text: &str| clean_line(text).trim().to_string();
    let answer = add.answer.as_deref().map(said);
    let question = add.question.as_deref().map(said);
    for (name, text) in [("--question", &question), ("--answer", &answer)] {
        if text.as_deref() == Some("") {
            return Err(Failure::usage(format_args!("{name} is empty")));
        }
    }
    let is_wrong = |wrong: &String| {
        let wrong = said(wrong);
        !wrong.is_empty() && Some(&wrong) != answer.as_ref()
    };
    match add.wrong.iter().all(is_wrong) {
        true => Ok(()),
        false => Err(Failure::usage(
            "a wrong answer is empty, or the same as the right one",
        )),
    }
}

/// The cards of an image: its question, and two for every label.
fn made_of(add: &Add, image: &CardImage, regions: &[Region]) -> Vec<Card> {
    let mut cards = Vec::new();
    if let (Some(question), Some(answer)) = (&add.question, &add.answer) {
        let (question, answer) = (clean_line(question), clean_line(answer));
        let mut choices: Vec<String> = add.wrong.iter().map(|wrong| clean_line(wrong)).collect();
        let kind = match choices.is_empty() {
            true => Kind::Question,
            false => Kind::Choice,
        };
        if kind == Kind::Choice {
            choices.push(answer.clone());
            // Where the right one stands must tell nothing.
            choices.sort();
            choices.dedup();
        }
        cards.push(Card {
            rationale: clean_line(&add.rationale),
            choices,
            ..own_card(kind, image, &question, &answer)
        });
    }
    cards.extend(place_cards(image, regions));
    for card in &mut cards {
        card.source = clean_line(&add.source);
    }
    cards
}

/// Reads `LABEL X,Y,W,H` for an image of this width and height.
fn region(text: &str, [width, height]: [u32; 2]) -> Result<Region, Failure> {
    let wrong = |what: String| Failure::usage(what).hint(FORM);
    let shown = clean_line_max(text, 80);
    let (label, numbers) = text
        .trim()
        .rsplit_once(' ')
        .ok_or_else(|| wrong(format!("{shown} is no region")))?;
    let numbers: Vec<u32> = numbers
        .split(',')
        .map_while(|n| n.trim().parse().ok())
        .collect();
    let label = clean_line_max(label, 200).trim().to_string();
    let &[x, y, w, h] = numbers.as_slice() else {
        return Err(wrong(format!("{shown} does not end with four numbers")));
    };
    let inside = |start: u32, length: u32, all: u32| {
        length > 0 && start.checked_add(length).is_some_and(|end| end <= all)
    };
    if label.is_empty() || !inside(x, w, width) || !inside(y, h, height) {
        return Err(wrong(format!(
            "{shown} has no label, no area, or does not lie in the image of {width} x {height} pixels"
        )));
    }
    let share = |part: u32, all: u32| part as f32 / all as f32;
    Ok(Region {
        label,
        x: share(x, width),
        y: share(y, height),
        width: share(w, width),
        height: share(h, height),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_label_and_a_rectangle_inside_the_image() {
        let found = region("left lung 10,20,50,100", [100, 200]).unwrap();
        assert_eq!(found.label, "left lung");
        assert_eq!(
            [found.x, found.y, found.width, found.height],
            [0.1, 0.1, 0.5, 0.5]
        );
        for bad in [
            "",
            "lung",
            "lung 1,2,3",
            "lung 1,2,3,x",
            "10,20,30,40",
            "lung 60,0,50,10",
            "lung 0,0,0,10",
            "lung 4294967295,0,2,2",
        ] {
            assert!(region(bad, [100, 200]).is_err(), "{bad}");
        }
    }

    fn question(question: &str, answer: &str, wrong: &[&str]) -> Add {
        Add {
            deck: "own".into(),
            image: PathBuf::new(),
            question: Some(question.into()),
            answer: Some(answer.into()),
            rationale: "Air.".into(),
            wrong: wrong.iter().map(|text| (*text).to_string()).collect(),
            regions: Vec::new(),
            source: "mine".into(),
        }
    }

    #[test]
    fn texts_that_say_nothing_and_wrong_answers_that_are_right_are_refused() {
        assert!(check(&question("Which organ?", "Lung", &["Liver", "Heart"])).is_ok());
        for (asked, answer, wrong) in [
            (" ", "Lung", "Liver"),
            ("Which organ?", "\t", "Liver"),
            ("Which organ?", "Lung", ""),
            ("Which organ?", "Lung", " Lung"),
        ] {
            let add = question(asked, answer, &[wrong]);
            assert!(check(&add).is_err(), "{asked:?} {answer:?} {wrong:?}");
        }
    }

    #[test]
    fn every_label_makes_a_card_to_mark_and_one_to_name() {
        let add = question("Which organ?", "Lung", &["Liver", "Lung"]);
        let image = CardImage {
            sha256: "ab".repeat(32),
            extension: "png".into(),
        };
        let regions = ["lung 0,0,10,10", "heart 10,10,10,10", "lung 20,20,5,5"];
        let regions: Vec<Region> = regions
            .iter()
            .map(|text| region(text, [100, 100]).unwrap())
            .collect();
        let cards = made_of(&add, &image, &regions);
        let kinds: Vec<Kind> = cards.iter().map(|card| card.kind).collect();
        use Kind::{Choice, Occlusion, Spot};
        assert_eq!(kinds, [Choice, Spot, Occlusion, Spot, Occlusion]);
        assert_eq!(cards[0].choices, ["Liver", "Lung"]);
        let lung = &cards[4];
        assert_eq!((lung.answer.as_str(), lung.regions.len()), ("lung", 2));
        assert_eq!(lung.regions[0].label, "lung");
        assert_eq!(lung.regions[1].label, "heart");
        assert_eq!(cards[3].regions.len(), 2);
        let mut ids: Vec<&str> = cards.iter().map(|card| card.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5);
    }
}
