//! What the model and similar cases add once a card is turned.

use super::*;
use crate::study::exchanged::{Contrast, FollowUp, LookAlike, Next, Opinion};
use crate::study::state::Verdict;
use rounds_study::queue::Counts;
use rounds_study::schedule::Grade;

/// Brings the question about a case that looks alike, whose answer is no, to the card on the screen.
fn offer_contrast(anna: &mut Learner, yes: &str, rationale: &str) {
    let card = anna.turn().card().id.clone();
    let case = LookAlike {
        picture: anna.turn().dealt.pictures[0].clone(),
        question: "Is there a nodule?".into(),
        answer: "No".into(),
        rationale: rationale.into(),
        similarity: 0.9,
    };
    let contrast = Contrast {
        case,
        choices: [yes.into(), "No".into()],
    };
    anna.event(Event::FollowUp {
        card,
        found: Some(FollowUp::Contrast(Box::new(contrast))),
    });
}

#[test]
fn the_model_is_asked_in_the_background_and_its_answer_is_marked_as_a_guess() {
    let mut anna = Learner::new(cards(Kind::Question, 2), (120, 40));
    let id = anna.turn().card().id.clone();
    assert_eq!(anna.asked, [("model", id.clone())]);
    let said = |is_unsure| Opinion::Said {
        answer: "no".into(),
        rationale: Some("The lungs are clear.".into()),
        is_unsure,
        standing: vec!["your 4 examples say: no 3, yes 1".into()],
    };
    anna.event(Event::Opinion {
        card: id.clone(),
        opinion: said(false),
    });
    anna.does_not_see("The model guessed");
    anna.press("space");
    anna.sees("The model guessed: no");
    anna.sees("your 4 examples say");
    anna.event(Event::Opinion {
        card: id.clone(),
        opinion: said(true),
    });
    anna.sees("The model guessed (not sure): no");
    anna.press("3 space");
    anna.sees("The model is being asked");
    let late = Opinion::Failed("too late".into());
    anna.event(Event::Opinion {
        card: id,
        opinion: late,
    });
    anna.does_not_see("too late");
    let card = anna.turn().card().id.clone();
    let opinion = Opinion::Withheld("it is not sure enough".into());
    anna.event(Event::Opinion { card, opinion });
    anna.sees("withheld: it is not sure");
}

#[test]
fn a_wrong_answer_is_followed_by_another_question_about_the_image() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (120, 40));
    anna.type_text("no").press("enter");
    let card = anna.turn().card().id.clone();
    assert_eq!(anna.asked.last(), Some(&("follow-up", card.clone())));
    anna.event(Event::Weighed {
        card: card.clone(),
        words: "a guess: the model finds the reference 3.0 times as likely".into(),
    });
    anna.sees("the reference 3.0");
    let found = FollowUp::Sibling {
        question: "Which organ is this?".into(),
        answer: "Lung".into(),
    };
    anna.event(Event::FollowUp {
        card,
        found: Some(found),
    });
    anna.sees("Try this one, on the same image:");
    anna.does_not_see("Lung");
    anna.press("f");
    anna.sees("Lung");
}

#[test]
fn a_case_that_looks_alike_is_asked_with_two_answers_and_answered_once() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (120, 40));
    anna.type_text("no").press("enter");
    offer_contrast(
        &mut anna,
        "Yes, in the right upper zone",
        "The lungs are clear.",
    );
    anna.sees("Try the same on an image that looks alike:");
    anna.press("f");
    anna.sees("The other case: Is there a nodule?");
    anna.sees("a  Yes, in the right upper zone");
    anna.does_not_see("The lungs are clear");
    anna.press("a");
    anna.sees("wrong, it is No");
    anna.sees("✓ b  No");
    anna.sees("The lungs are clear.");
    anna.press("b");
    assert!(anna.state.overlay.is_none());
    assert_eq!(anna.turn().follow_up_chosen, Some(0));
    anna.sees("wrong, it is No");
    assert_eq!(anna.log().len(), 0);
    for (columns, rows) in [(60, 16), (61, 17), (250, 16), (60, 200)] {
        anna.press("f");
        anna.resize(columns, rows);
        anna.press("x");
    }
}

#[test]
fn all_of_a_long_text_about_a_case_that_looks_alike_can_be_read() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (80, 24));
    anna.type_text("no").press("enter");
    offer_contrast(
        &mut anna,
        "Yes",
        &format!("{}END", "The lungs are clear. ".repeat(60)),
    );
    anna.press("f b");
    anna.sees("more: PageDown");
    anna.does_not_see("END");
    anna.press("pagedown pagedown pagedown");
    anna.sees("END");
    anna.does_not_see("more: PageDown");
    anna.press("esc");
    assert_eq!(anna.state.overlay, None);
}

#[test]
fn a_question_that_follows_up_belongs_to_the_answer_that_it_was_looked_for() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (120, 40));
    let card = anna.turn().card().id.clone();
    let found = || {
        let (question, answer) = ("Which organ?".into(), "Lung".into());
        Event::FollowUp {
            card: card.clone(),
            found: Some(FollowUp::Sibling { question, answer }),
        }
    };
    anna.type_text("no").press("enter f");
    anna.sees("still looking");
    // The answer to the search comes when the card is there again, and this time it is known.
    anna.press("1").wait(MINUTE);
    anna.event(found());
    anna.press("space");
    anna.does_not_see("Which organ?");
    anna.press("f");
    anna.sees("there is no question that follows up");
    anna.press("1").wait(MINUTE);
    anna.type_text("no").press("enter");
    anna.event(found());
    anna.sees("Which organ?");
}

#[test]
fn a_typed_answer_that_rules_leave_open_is_compared_and_its_grade_stays() {
    let mut anna = Learner::new(cards(Kind::Question, 2), (120, 40));
    anna.type_text("a shadow above").press("enter");
    let card = anna.turn().card().id.clone();
    assert!(anna.asked.contains(&("nearness", card.clone())));
    anna.event(Event::Nearness {
        card,
        words: "a guess: nearer to the reference than 97 %".into(),
    });
    anna.sees("a guess: nearer to the reference than 97 %");
    let suggested = anna.turn().verdict.as_ref().map(Verdict::suggestion);
    assert_eq!(suggested, Some(Grade::Again), "by the words alone");
    anna.press("1");
    anna.does_not_see("97 %");
    anna.type_text("no").press("enter");
    anna.sees("wrong, no is not yes");
    let card = anna.turn().card().id.clone();
    assert!(!anna.asked.contains(&("nearness", card)));
}

#[test]
fn a_card_that_the_model_cannot_answer_says_why_it_is_not_asked() {
    for (kind, reason) in [
        (Kind::Spot, "cannot point at a place"),
        (Kind::Occlusion, "what a cover hides"),
    ] {
        let mut anna = Learner::new(cards(kind, 1), (120, 40));
        assert!(anna.asked.is_empty());
        anna.does_not_see("The model is not asked");
        anna.press("enter");
        anna.sees("The model is not asked:");
        anna.sees(reason);
    }
    let anna = Learner::new(cards(Kind::Compare, 1), (120, 40));
    assert_eq!(anna.asked, [("model", anna.turn().card().id.clone())]);
}

#[test]
fn the_model_is_not_asked_about_an_image_that_cannot_be_shown() {
    let anna = Learner::new(cards(Kind::Question, 1), (80, 24));
    let mut dealt = anna.turn().dealt.clone();
    dealt.pictures = vec![Err("the file is missing".into())];
    let (mut state, _) = State::new("cases", false, true, START);
    let deal = Deal {
        next: Next::Card(Box::new(dealt)),
        counts: Counts::default(),
        notice: None,
        ungraded: false,
    };
    // What was asked about the card before must not keep the model busy.
    let effects = state.handle(START, Event::Dealt(Ok(deal)));
    assert_eq!(effects, [Effect::DropQuestions]);
    let opinion = &state.turn().unwrap().opinion;
    assert_eq!(*opinion, Opinion::NotFor("an image cannot be shown"));
}

#[test]
fn cases_that_look_alike_are_shown_with_their_answers() {
    let mut anna = Learner::new(cards(Kind::Question, 1), (120, 40));
    anna.press("space e");
    anna.sees("looking for similar images");
    let card = anna.turn().card().id.clone();
    let picture = anna.turn().dealt.pictures[0].clone();
    let case = |answer: &str| LookAlike {
        picture: picture.clone(),
        question: "Is there a nodule?".into(),
        answer: answer.into(),
        rationale: String::new(),
        similarity: 0.91,
    };
    anna.event(Event::LookAlikes {
        card,
        found: Ok(vec![case("No"), case("A mass"), case("Calcified")]),
    });
    anna.sees("A mass");
    anna.sees("a guess: 91 % alike");
    anna.press("esc");
    anna.does_not_see("Calcified");
}

#[test]
fn without_the_model_the_index_is_asked_all_the_same() {
    let mut anna = Learner::new(cards(Kind::Question, 2), (80, 24));
    anna.state.asks_model = false;
    anna.press("space 4").type_text("no").press("enter e");
    let asked: Vec<_> = anna.asked.iter().map(|(what, _)| *what).collect();
    assert_eq!(asked, ["model", "follow-up", "look-alikes"]);
}
