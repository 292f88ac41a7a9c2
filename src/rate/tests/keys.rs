//! What keys do, and what is kept of it.

use super::*;
use rounds_eval::rating::{Flag, Ratings, ratings_path};

fn saved(set: &RatingSet, name: &str) -> Ratings {
    Ratings::read(&ratings_path(&set.path, name), set).unwrap()
}

#[test]
fn digits_rate_the_chosen_answer_and_one_and_zero_make_ten() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.press("7 down 1 0 down 1 left");
    assert_eq!(anna.points(0), [Some(7), Some(10), Some(0)]);
    // A 0 that does not follow a 1 at once is 0 points.
    anna.press("1 up down 0");
    assert_eq!(anna.points(0)[2], Some(0));
    anna.press("t left left right");
    assert_eq!(anna.points(0)[2], Some(9));
    anna.press("t right");
    assert_eq!(anna.points(0)[2], Some(10));
    anna.press("backspace");
    assert_eq!(anna.points(0)[2], None);
    anna.press("left");
    assert_eq!(anna.points(0)[2], Some(5));
}

#[test]
fn flags_can_be_set_before_points_and_are_taken_back_by_the_same_key() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.press("h u 3");
    let rating = anna.state.rating(0, 0);
    assert_eq!(
        rating.flags.iter().collect::<Vec<_>>(),
        [Flag::Hallucination, Flag::Unsafe]
    );
    anna.sees("hallucination, unsafe");
    anna.press("h s");
    let rating = anna.state.rating(0, 0);
    assert_eq!(
        rating.flags.iter().collect::<Vec<_>>(),
        [Flag::Unsafe, Flag::Unsupported]
    );
    assert_eq!(rating.score, Some(3));
}

#[test]
fn enter_goes_to_the_next_answer_without_points_wherever_it_is() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.press("n 4 enter");
    assert_eq!((anna.state.item, anna.state.answer), (1, 1));
    anna.press("4 enter 4 enter 4 enter 4 enter 4 enter");
    assert_eq!((anna.state.item, anna.state.answer), (0, 0));
    anna.press("4 enter 4 enter 4 enter");
    assert_eq!(anna.state.rated(), 9);
    anna.sees("everything is rated");
    anna.press("n n n");
    anna.sees("this is the last item");
    anna.press("p p p");
    anna.sees("this is the first item");
}

#[test]
fn undo_takes_back_one_change_after_the_other_and_goes_there() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.press("6 h 1 0 n 2 z");
    assert_eq!((anna.state.item, anna.points(1)[0]), (1, None));
    anna.press("z");
    assert_eq!((anna.state.item, anna.points(0)[0]), (0, Some(6)));
    assert!(anna.state.rating(0, 0).flags.has(Flag::Hallucination));
    anna.press("z z");
    assert_eq!(anna.state.rating(0, 0), Default::default());
    anna.press("z");
    anna.sees("nothing to undo");
}

#[test]
fn a_rater_goes_on_where_the_rating_stopped_and_undo_still_works() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.press("7 down 8 down 9 enter 1 0 z 3");
    // Nothing was closed properly.
    drop(anna);
    assert_eq!(saved(&set, "anna").entries.len(), 7);
    let mut anna = Rater::new(&set, "anna", (80, 24));
    assert_eq!((anna.state.item, anna.state.answer), (1, 1));
    anna.sees("welcome back");
    anna.sees("4 of 9 answers rated");
    anna.press("z");
    assert_eq!((anna.state.answer, anna.points(1)[0]), (0, None));
    anna.press("z");
    assert_eq!(anna.points(0), [Some(7), Some(8), None]);
}

#[test]
fn two_raters_do_not_see_each_others_ratings() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    let mut bob = Rater::new(&set, "bob", (80, 24));
    anna.press("7 down 8");
    bob.press("2");
    assert_eq!(bob.points(0), [Some(2), None, None]);
    assert_eq!(saved(&set, "anna").current().len(), 2);
    assert_eq!(saved(&set, "bob").current().len(), 1);
}

#[test]
fn keys_that_are_faster_than_the_disk_are_saved_in_their_order() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.slow = Some(Vec::new());
    anna.press("7 8 9 down 2 q");
    assert!(!anna.left, "something is not saved yet");
    anna.sees("saving");
    anna.disk_is_done();
    assert!(anna.left);
    let scores: Vec<_> = saved(&set, "anna")
        .entries
        .iter()
        .map(|e| e.rating.score)
        .collect();
    assert_eq!(scores, [Some(7), Some(8), Some(9), Some(2)]);
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost_when_it_has_room_again() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.press("7");
    anna.full = true;
    anna.press("down 8");
    anna.sees("not saved: no space left; w tries again");
    anna.sees("1 NOT SAVED");
    anna.press("down 9 q");
    assert!(!anna.left);
    anna.sees("q leaves and loses it");
    anna.full = false;
    anna.press("w");
    anna.sees("all saved");
    assert_eq!(saved(&set, "anna").current().len(), 3);
    anna.full = true;
    anna.press("5 q");
    assert!(!anna.left);
    anna.press("q");
    assert!(anna.left);
    assert_eq!(anna.state.unsaved(), 1);
}

#[test]
fn keys_in_a_window_do_not_rate() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (80, 24));
    anna.press("i + b right");
    anna.sees("Esc closes");
    assert_ne!(anna.state.look, Default::default());
    anna.press("r esc ? 7");
    assert_eq!(anna.points(0), [None, None, None]);
    assert_eq!(anna.state.overlay, None);
}

#[test]
fn all_keys_can_be_read_on_the_smallest_screen_and_a_chord_rates_nothing() {
    let (_folder, set) = study();
    let mut anna = Rater::new(&set, "anna", (60, 16));
    anna.press("?");
    anna.sees("6 more: PageDown");
    anna.press("pagedown");
    anna.sees("q Ctrl-D");
    anna.press("esc alt-h alt-7 alt-right");
    assert_eq!(anna.state.rating(0, 0), Default::default());
}

#[test]
fn random_keys_never_panic_and_what_is_saved_is_what_is_shown() {
    let (_folder, set) = study();
    let keys = "0 1 2 5 9 t h u s z n p i m [ ] ? w + - left right up down tab enter backspace pageup pagedown esc";
    let keys: Vec<&str> = keys.split(' ').collect();
    let mut rng = rounds_support::rng::Rng::new(11);
    let mut anna = Rater::new(&set, "anna", (80, 24));
    for _ in 0..600 {
        anna.press(keys[rng.below(keys.len())]);
    }
    let current = saved(&set, "anna").current();
    assert!(!current.is_empty());
    for ((item, answer), rating) in current {
        assert_eq!(anna.state.rating(item, answer), rating);
    }
    // Everything can be taken back, also after a restart.
    drop(anna);
    let mut anna = Rater::new(&set, "anna", (80, 24));
    for _ in 0..600 {
        anna.press("z");
    }
    assert_eq!(anna.state.rated(), 0);
}
