//! Study mode line by line.

use super::*;
use crate::study::desk::Desk;
use crate::study::study_lines;

/// What is said to these lines, and how many cards were graded and known.
fn said(cards: Vec<Card>, lines: &[&str]) -> (String, usize, usize) {
    said_beside(cards, lines, &mut |_: &Card, _: &str| None)
}

/// As [`said`], with what compares typed answers.
fn said_beside(
    cards: Vec<Card>,
    lines: &[&str],
    nearness: &mut dyn FnMut(&Card, &str) -> Option<String>,
) -> (String, usize, usize) {
    let folder = deck(cards);
    let mut desk = Desk::open(plan(folder.path(), false), START).unwrap();
    let mut lines = lines.iter().map(|line| Ok(Ok((*line).to_string())));
    let mut out = Vec::new();
    let mut next = || lines.next();
    let ended = study_lines(&mut desk, &mut next, &mut out, &|| START, nearness).unwrap();
    let text = String::from_utf8(out).unwrap();
    (text, ended.graded, ended.known)
}

#[test]
fn a_card_is_asked_answered_and_graded_line_by_line() {
    let lines = ["yes, in the right upper zone", "4"];
    let (text, graded, known) = said(cards(Kind::Question, 1), &lines);
    for part in [
        "education and research only",
        "Is there a nodule? (1)",
        "answer: Yes, in the right upper zone",
        "a guess: right",
        "1 again 1 min",
        "That is all for now. The next card is due in",
    ] {
        assert!(text.contains(part), "{part:?}: {text}");
    }
    assert_eq!((graded, known), (1, 1));
}

#[test]
fn an_empty_line_gives_the_grade_that_the_answer_suggests() {
    let (text, graded, known) = said(cards(Kind::Choice, 2), &["a", "", "b", ""]);
    assert!(text.contains("? [1]") && text.contains("? [3]"), "{text}");
    assert_eq!((graded, known), (2, 1));
}

#[test]
fn the_end_of_the_input_leaves_and_keeps_what_was_graded() {
    let (text, graded, known) = said(cards(Kind::Question, 3), &["", "1", ""]);
    assert!(text.contains("Is there a nodule? (2)"), "{text}");
    assert_eq!((graded, known), (1, 0));
}

#[test]
fn a_grade_that_is_none_is_asked_again() {
    let (text, graded, _) = said(cards(Kind::Question, 1), &["", "5", "good", "", "/quit"]);
    let again = text.matches("1 is again, 2 hard, 3 good, 4 easy").count();
    assert_eq!((again, graded), (2, 1));
}

#[test]
fn choices_and_places_are_answered_in_words() {
    let (text, ..) = said(cards(Kind::Choice, 1), &["b", "3"]);
    assert!(text.contains("  b  Pneumothorax"), "{text}");
    assert!(text.contains("\nright\n"), "{text}");
    let (text, ..) = said(cards(Kind::Spot, 1), &["35 37", "3"]);
    assert!(text.contains("right: inside of nodule"), "{text}");
    let (text, ..) = said(cards(Kind::Spot, 1), &["90, 90%", "1"]);
    assert!(text.contains("not there"), "{text}");
}

#[test]
fn a_line_that_names_no_answer_does_not_turn_the_card() {
    let (text, graded, _) = said(cards(Kind::Choice, 1), &["e", "lung", "/quit"]);
    assert_eq!(text.matches("none of the answers").count(), 2, "{text}");
    assert!(!text.contains("answer: ") && graded == 0, "{text}");
    let (text, ..) = said(cards(Kind::Choice, 1), &["pneumothorax", ""]);
    assert!(text.contains("\nright\n"), "{text}");
    let (text, ..) = said(cards(Kind::Spot, 1), &["there", "35 137", "35 37", ""]);
    assert_eq!(text.matches("that is no place").count(), 2, "{text}");
    assert!(text.contains("right: inside of nodule"), "{text}");
}

#[test]
fn undo_with_nothing_to_undo_asks_the_card_again() {
    let (text, ..) = said(cards(Kind::Question, 1), &["/undo", "/quit"]);
    assert!(text.contains("there is nothing to undo"), "{text}");
    assert_eq!(text.matches("Is there a nodule?").count(), 2);
}

#[test]
fn only_a_typed_answer_that_rules_leave_open_is_compared() {
    let mut asked = Vec::new();
    let mut near = |card: &Card, typed: &str| {
        asked.push(typed.to_string());
        Some(format!("a guess: near to {}", card.answer))
    };
    let lines = [
        "a shadow above",
        "1",
        "No",
        "1",
        "yes, in the right upper zone",
        "3",
        "",
        "1",
    ];
    let (text, graded, _) = said_beside(cards(Kind::Question, 4), &lines, &mut near);
    assert_eq!((asked, graded), (vec!["a shadow above".to_string()], 4));
    let told = text.matches("a guess: near to Yes, in the right upper zone");
    assert_eq!(told.count(), 1, "{text}");
    let (text, ..) = said_beside(cards(Kind::Choice, 1), &["a", "1"], &mut |_, _| {
        panic!("a choice is certain")
    });
    assert!(text.contains("wrong"), "{text}");
}
