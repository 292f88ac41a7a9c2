//! What a rating file holds, and what it does not tell.

use super::*;

#[test]
fn a_rating_file_does_not_tell_which_answer_is_whose() {
    let runs = Runs::new(4);
    let set = runs.set(7);
    let file = text(&set.path);
    for told in ["radiology", "secret-model", "few-shot", "zero-shot"] {
        assert!(!file.contains(told), "{told} stands in the file");
    }
    assert_eq!(set.items.len(), 4);
    for (at, item) in set.items.iter().enumerate() {
        assert_eq!(item.answers.len(), 3);
        let letters = [
            "radiology, few-shot",
            "radiology, zero-shot",
            "secret-model, few-shot",
        ]
        .map(|system| set.letter_of(at, system).unwrap());
        let mut sorted = letters;
        sorted.sort_unstable();
        assert_eq!(sorted, ['A', 'B', 'C']);
        // The letter leads to the answer of that system.
        let last = item.answers[usize::from(letters[2] as u8 - b'A')]
            .answer
            .clone();
        assert_eq!(last, format!("answer {} of 12", item.item));
    }
}

#[test]
fn the_same_seed_gives_the_same_file_and_another_one_another_order() {
    let runs = Runs::new(8);
    let one = runs.set(1);
    let bytes = text(&one.path);
    assert_eq!(runs.set(1), one);
    assert_eq!(text(&one.path), bytes);
    let other = runs.set(2);
    assert_ne!(other.seal, one.seal);
    let ids = |set: &RatingSet| set.items.iter().map(|i| i.item.clone()).collect::<Vec<_>>();
    assert_ne!(ids(&one), ids(&other));
    let mut sorted = (ids(&one), ids(&other));
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    // Not every item has the systems in the same order.
    let first = |set: &RatingSet, at| set.letter_of(at, "secret-model, few-shot");
    assert!((1..8).any(|at| first(&one, at) != first(&one, 0)));
}

#[test]
fn without_a_seed_the_order_follows_from_the_results_and_the_seed_repeats_it() {
    let runs = Runs::new(8);
    let unseeded = Request {
        seed: None,
        ..runs.request(0)
    };
    let made = make(&unseeded).unwrap();
    let bytes = text(&unseeded.out);
    assert_eq!(make(&unseeded).unwrap(), made);
    assert_eq!(make(&runs.request(made.seed)).unwrap(), made);
    assert_eq!(text(&unseeded.out), bytes);
    // One more item is enough for another order of all.
    let other = Runs::new(9);
    let unseeded = Request {
        seed: None,
        ..other.request(0)
    };
    assert_ne!(make(&unseeded).unwrap().seed, made.seed);
}

#[test]
fn a_limit_draws_items_and_conditions_choose_systems() {
    let runs = Runs::new(8);
    let request = Request {
        limit: Some(3),
        conditions: vec!["few-shot".into()],
        ..runs.request(5)
    };
    let made = make(&request).unwrap();
    assert_eq!((made.items, made.systems), (3, 2));
    let alone = Request {
        models: vec!["secret-model".into()],
        ..runs.request(5)
    };
    let error = make(&alone).unwrap_err().to_string();
    assert!(
        error.contains("1 system; a blinded rating needs 2"),
        "{error}"
    );
}

#[test]
fn images_are_copied_beside_the_file_under_the_name_of_their_content() {
    let runs = Runs::new(2);
    let set = runs.set(1);
    std::fs::remove_dir_all(runs.path("one")).unwrap();
    let set = RatingSet::read(&set.path).unwrap();
    let image = &set.items[0].images[0];
    assert_eq!(
        image.file,
        format!("study.json.images/{}.png", image.sha256)
    );
    assert!(rounds_imaging::decode(&std::fs::read(set.image_path(image)).unwrap(), "x").is_ok());
}

#[test]
fn an_image_may_be_named_by_its_sha256() {
    let runs = Runs::new(1);
    let bytes = std::fs::read(runs.path("one/images/scan.png")).unwrap();
    let hash = rounds_support::files::sha256_hex(&bytes);
    std::fs::write(runs.path(&format!("one/images/{hash}.png")), bytes).unwrap();
    let results = text(&runs.path("one/items.jsonl")).replace("images/scan.png", &hash);
    std::fs::write(runs.path("one/items.jsonl"), results).unwrap();
    assert_eq!(runs.set(1).items[0].images[0].sha256, hash);
}

#[test]
fn items_that_not_every_system_answered_are_left_out_and_counted() {
    let runs = Runs::new(3);
    let lines = text(&runs.path("two/items.jsonl"));
    let first = lines.lines().next().unwrap();
    std::fs::write(runs.path("two/items.jsonl"), format!("{first}\n{first}\n")).unwrap();
    let made = make(&runs.request(1)).unwrap();
    assert_eq!((made.items, made.incomplete, made.repeated), (1, 2, 1));
}

#[test]
fn results_about_different_questions_are_refused() {
    let runs = Runs::new(2);
    let other = text(&runs.path("two/items.jsonl")).replace("What is shown in 1", "What is in 1");
    std::fs::write(runs.path("two/items.jsonl"), other).unwrap();
    let error = make(&runs.request(1)).unwrap_err().to_string();
    assert!(
        error.contains("item 1 of odd has a different question"),
        "{error}"
    );
}

#[test]
fn two_runs_of_one_system_are_told_apart_by_their_folders() {
    let runs = Runs::new(1);
    let request = Request {
        results: vec![runs.path("two/items.jsonl"); 2],
        ..runs.request(1)
    };
    let images = runs.path("two/images/scan.png");
    std::fs::copy(runs.path("one/images/scan.png"), images).unwrap();
    assert_eq!(make(&request).unwrap().systems, 2);
    let set = RatingSet::read(&request.out).unwrap();
    assert!(
        set.letter_of(0, "secret-model, few-shot (run 2: two)")
            .is_some()
    );
}

#[test]
fn a_line_that_is_no_result_is_named() {
    let runs = Runs::new(1);
    let lines = text(&runs.path("two/items.jsonl"));
    std::fs::write(runs.path("two/items.jsonl"), format!("{lines}\n{{}}\n")).unwrap();
    let error = make(&runs.request(1)).unwrap_err().to_string();
    assert!(error.contains("line 3: missing field"), "{error}");
}

#[test]
fn hostile_text_is_cleaned_on_the_way_in() {
    let runs = Runs::new(1);
    let lines =
        text(&runs.path("two/items.jsonl")).replace("answer 0", "\\u001b]52;c;eA==\\u0007x");
    std::fs::write(runs.path("two/items.jsonl"), lines).unwrap();
    let set = runs.set(1);
    let shown = format!("{:?}", set.items[0].answers);
    assert!(
        shown.contains("x of 12") && !shown.contains("52;c"),
        "{shown}"
    );
}

#[test]
fn any_change_breaks_the_seal() {
    let runs = Runs::new(2);
    let set = runs.set(1);
    let file = text(&set.path);
    let broken = |changed: String| {
        assert_ne!(changed, file);
        std::fs::write(&set.path, changed).unwrap();
        let error = RatingSet::read(&set.path).unwrap_err();
        assert!(matches!(error, RatingError::Seal { .. }), "{error}");
        std::fs::write(&set.path, &file).unwrap();
    };
    broken(file.replacen("answer 0", "Answer 0", 1));
    broken(file.replacen("a nodule", "no nodule", 1));
    let at = file.find("\"sealed\"").unwrap() + 30;
    let letter = if &file[at..=at] == "A" { "B" } else { "A" };
    broken(format!("{}{letter}{}", &file[..at], &file[at + 1..]));
    // Two answers of an item change places.
    let mut json: serde_json::Value = serde_json::from_str(&file).unwrap();
    json["items"][0]["answers"]
        .as_array_mut()
        .unwrap()
        .swap(0, 1);
    broken(json.to_string());
    RatingSet::read(&set.path).unwrap();
    std::fs::write(set.image_path(&set.items[0].images[0]), "other").unwrap();
    let error = RatingSet::read(&set.path).unwrap_err().to_string();
    assert!(error.contains("was changed"), "{error}");
}
