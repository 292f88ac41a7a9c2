//! What the desk deals where another window changes the deck, while cramming, and for a part of the deck.

use super::*;
use crate::study::exchanged::Next;
use rounds_study::schedule::Grade;

fn graded(card: &str, grade: Grade) -> Work {
    Work::Grade {
        card: card.into(),
        grade,
        took_ms: 1000,
        typed: None,
    }
}

/// The card that was dealt; `None` at the end.
fn dealt(deal: &Deal) -> Option<String> {
    match &deal.next {
        Next::Card(dealt) => Some(dealt.card.id.clone()),
        Next::Nothing { .. } | Next::Stay => None,
    }
}

fn log(folder: &tempfile::TempDir) -> Vec<Review> {
    Store::open(folder.path()).unwrap().log("cases").unwrap()
}

/// Makes the deck anew with some of its cards, as another window does when the index has changed.
fn keep_only(folder: &tempfile::TempDir, kept: &[&Card]) {
    let mut store = Store::open(folder.path()).unwrap();
    let ids: Vec<&str> = kept.iter().map(|card| card.id.as_str()).collect();
    let mut cards = store.cards("cases").unwrap();
    cards.retain(|card| ids.contains(&card.id.as_str()));
    let info = store.deck_info("cases").unwrap();
    store.put_deck("cases", &info, &cards).unwrap();
}

#[test]
fn undo_while_cramming_takes_back_no_grade_from_before() {
    let all = cards(Kind::Question, 1);
    let folder = deck(all.clone());
    let mut desk = Desk::open(plan(folder.path(), false), START).unwrap();
    desk.perform(&graded(&all[0].id, Grade::Easy), START)
        .unwrap();
    let before = log(&folder);
    let mut desk = Desk::open(plan(folder.path(), true), START).unwrap();
    let failure = desk.perform(&Work::Undo, START).unwrap_err();
    assert!(failure.to_string().contains("nothing to undo"));
    desk.perform(&graded(&all[0].id, Grade::Again), START)
        .unwrap();
    desk.perform(&Work::Undo, START).unwrap();
    assert!(desk.perform(&Work::Undo, START).is_err());
    assert_eq!(log(&folder), before);
}

#[test]
fn undo_and_the_next_day_do_not_begin_cramming_anew() {
    let folder = deck(cards(Kind::Question, 3));
    let mut desk = Desk::open(plan(folder.path(), true), START).unwrap();
    let first = dealt(&desk.perform(&Work::Deal, START).unwrap()).unwrap();
    let deal = desk.perform(&graded(&first, Grade::Good), START).unwrap();
    let second = dealt(&deal).unwrap();
    let deal = desk.perform(&Work::Bury(second.clone()), START).unwrap();
    let third = dealt(&deal).unwrap();
    let deal = desk.perform(&Work::Undo, START).unwrap();
    assert_eq!(dealt(&deal).as_ref(), Some(&second));
    let tomorrow = START + 24 * 60 * MINUTE;
    let deal = desk.perform(&graded(&second, Grade::Good), tomorrow);
    assert_eq!(dealt(&deal.unwrap()).as_ref(), Some(&third));
    let deal = desk.perform(&graded(&third, Grade::Good), tomorrow);
    assert_eq!(dealt(&deal.unwrap()), None);
}

#[test]
fn a_card_that_another_window_removed_is_left_out_and_the_grade_before_it_counts_once() {
    let all = cards(Kind::Question, 3);
    let folder = deck(all.clone());
    let mut desk = Desk::open(plan(folder.path(), false), START).unwrap();
    desk.perform(&Work::Deal, START).unwrap();
    keep_only(&folder, &[&all[0], &all[2]]);
    let deal = desk.perform(&graded(&all[0].id, Grade::Easy), START);
    assert_eq!(dealt(&deal.unwrap()).as_ref(), Some(&all[2].id));
    assert_eq!(log(&folder).len(), 1);
    // The one on the screen goes as well: its grade is not kept, and that is said.
    keep_only(&folder, &[&all[0]]);
    let deal = desk.perform(&graded(&all[2].id, Grade::Good), START);
    let deal = deal.unwrap();
    assert_eq!(dealt(&deal), None);
    assert!(deal.ungraded && deal.notice.unwrap().contains("no longer in the deck"));
    assert_eq!(log(&folder).len(), 1);
}

#[test]
fn the_next_card_that_is_due_is_one_of_those_that_are_studied() {
    let question = card(Kind::Question);
    let folder = deck(vec![question.clone(), card(Kind::Choice)]);
    let part = Plan {
        filter: Filter {
            kinds: vec![Kind::Question],
            tags: Vec::new(),
        },
        ..plan(folder.path(), false)
    };
    let mut desk = Desk::open(part, START).unwrap();
    let deal = desk.perform(&graded(&question.id, Grade::Easy), START);
    let Next::Nothing { due } = deal.unwrap().next else {
        panic!("a card that was not asked for");
    };
    let days = (due.unwrap() - START) / (24 * 60 * MINUTE);
    assert!(days > 2, "in {days} days: the other card is new");
}
