//! A rater's file.

use super::*;

#[test]
fn the_last_rating_of_an_answer_counts_and_is_there_after_a_restart() {
    let runs = Runs::new(2);
    let set = runs.set(1);
    let (mut file, ratings) = RatingsFile::open(&set, "anna").unwrap();
    assert_eq!(ratings.entries, []);
    let flagged = Entry {
        rating: Rating {
            score: Some(2),
            flags: Flags::default().toggled(Flag::Unsafe),
        },
        ..entry(1, 2, 2)
    };
    for entry in [entry(0, 0, 7), entry(0, 0, 10), flagged] {
        file.append(&entry).unwrap();
    }
    drop(file);
    let (_, ratings) = RatingsFile::open(&set, "anna").unwrap();
    assert_eq!(ratings.rater, "anna");
    assert_eq!(ratings.entries.len(), 3);
    let current = ratings.current();
    assert_eq!(current[&(0, 0)].score, Some(10));
    assert_eq!(current[&(1, 2)], flagged.rating);
    let line = text(&ratings_path(&set.path, "anna"));
    let line = line.lines().last().unwrap();
    let shown = r#"{"item":2,"answer":"C","score":2,"flags":["unsafe"],"at":"#;
    assert!(line.starts_with(shown), "{line}");
    assert!(!text(&ratings_path(&set.path, "anna")).contains("radiology"));
}

#[test]
fn a_crash_at_any_byte_loses_no_saved_rating() {
    let runs = Runs::new(2);
    let set = runs.set(1);
    let path = ratings_path(&set.path, "anna");
    let (mut file, _) = RatingsFile::open(&set, "anna").unwrap();
    let header = std::fs::metadata(&path).unwrap().len() as usize;
    let mut ends = vec![header];
    for number in 0..4 {
        file.append(&entry(number % 2, number / 2, number as u8))
            .unwrap();
        ends.push(std::fs::metadata(&path).unwrap().len() as usize);
    }
    drop(file);
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (mut file, ratings) = RatingsFile::open(&set, "anna").unwrap();
        let saved = ends
            .iter()
            .filter(|end| **end <= cut)
            .count()
            .saturating_sub(1);
        assert_eq!(ratings.entries.len(), saved, "cut at {cut}");
        // And it goes on as if nothing had been.
        file.append(&entry(1, 1, 9)).unwrap();
        drop(file);
        let ratings = Ratings::read(&path, &set).unwrap();
        assert_eq!(ratings.entries.len(), saved + 1, "cut at {cut}");
        assert_eq!(ratings.entries.last(), Some(&entry(1, 1, 9)));
    }
}

#[test]
fn raters_have_their_own_files_and_one_file_is_open_once() {
    let runs = Runs::new(1);
    let set = runs.set(1);
    let (mut anna, _) = RatingsFile::open(&set, "anna").unwrap();
    let (_bob, _) = RatingsFile::open(&set, "bob").unwrap();
    anna.append(&entry(0, 0, 3)).unwrap();
    let again = RatingsFile::open(&set, "anna").map(|_| ()).unwrap_err();
    assert!(matches!(again, RatingError::InUse(_)), "{again}");
    let names: Vec<_> = rater_files(&set.path)
        .iter()
        .map(|path| Ratings::read(path, &set).unwrap())
        .map(|ratings| (ratings.rater, ratings.entries.len()))
        .collect();
    assert_eq!(names, [("anna".to_string(), 1), ("bob".to_string(), 0)]);
}

#[test]
fn a_copy_of_a_raters_file_does_not_count_as_another_rater() {
    let runs = Runs::new(1);
    let set = runs.set(1);
    drop(RatingsFile::open(&set, "anna").unwrap());
    let (anna, copy) = (
        ratings_path(&set.path, "anna"),
        ratings_path(&set.path, "bob"),
    );
    std::fs::copy(&anna, &copy).unwrap();
    for error in [
        Ratings::read(&copy, &set).unwrap_err(),
        RatingsFile::open(&set, "bob").map(|_| ()).unwrap_err(),
        Report::read(&set.path).unwrap_err(),
    ] {
        assert!(
            error.to_string().contains("it holds the ratings of anna"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_was_cut_in_its_first_line_has_no_ratings_yet() {
    let runs = Runs::new(1);
    let set = runs.set(1);
    let path = ratings_path(&set.path, "anna");
    for cut in ["", "{\"format\":\"rounds-ra"] {
        std::fs::write(&path, cut).unwrap();
        let ratings = Ratings::read(&path, &set).unwrap();
        assert_eq!((ratings.rater.as_str(), ratings.entries.len()), ("anna", 0));
    }
}

#[test]
fn a_name_that_is_no_file_name_is_refused() {
    let runs = Runs::new(1);
    let set = runs.set(1);
    for name in ["", "../anna", "a/b", "a b", "a.b", "Ä", &"x".repeat(41)] {
        let error = RatingsFile::open(&set, name).map(|_| ()).unwrap_err();
        assert!(matches!(error, RatingError::Rater(_)), "{name}: {error}");
    }
}

#[test]
fn ratings_of_another_version_of_the_file_are_found() {
    let runs = Runs::new(4);
    let set = runs.set(1);
    RatingsFile::open(&set, "anna")
        .unwrap()
        .0
        .append(&entry(0, 0, 3))
        .unwrap();
    let other = runs.set(2);
    let error = RatingsFile::open(&other, "anna").map(|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("anna rated another version"),
        "{error}"
    );
    assert_eq!(Report::read(&other.path).unwrap_err(), error);
}

#[test]
fn a_rating_of_something_that_is_not_there_is_named() {
    let runs = Runs::new(1);
    let set = runs.set(1);
    drop(RatingsFile::open(&set, "anna").unwrap());
    let path = ratings_path(&set.path, "anna");
    let header = text(&path);
    for (line, reason) in [
        (
            r#"{"item":2,"answer":"A","score":1}"#,
            "no answer A of item 2",
        ),
        (
            r#"{"item":0,"answer":"A","score":1}"#,
            "no answer A of item 0",
        ),
        (
            r#"{"item":1,"answer":"D","score":1}"#,
            "no answer D of item 1",
        ),
        (r#"{"item":1,"answer":"A","score":11}"#, "0 to 10"),
        (
            r#"{"item":1,"answer":"A","score":1,"flags":["x"]}"#,
            "unknown variant",
        ),
        ("nonsense", "expected"),
    ] {
        std::fs::write(&path, format!("{header}{line}\n")).unwrap();
        let error = Ratings::read(&path, &set).unwrap_err().to_string();
        assert!(
            error.contains(reason) && error.contains("line 2"),
            "{error}"
        );
    }
}
