use crate::{assert_near, golden, list, string, strings};
use rounds_metrics::choice::{letter, likeness, medvint, nearest};

#[test]
fn likeness_is_difflibs_ratio_long_texts_included() {
    let golden = golden("choice.json");
    let ratios = list(&golden, "ratios");
    assert!(
        ratios
            .iter()
            .filter(|case| string(case, "b").chars().count() >= 200)
            .count()
            > 10
    );
    for case in ratios {
        let found = likeness(string(case, "a"), string(case, "b"));
        assert_near(found, case["ratio"].as_f64().unwrap(), case);
    }
}

#[test]
fn the_nearest_option_is_the_one_that_medvint_takes() {
    for case in list(&golden("choice.json"), "questions") {
        let (generated, options) = (string(case, "generated"), strings(case, "options"));
        let expected = |key: &str| case[key].as_u64().map(|index| index as usize);
        assert_eq!(nearest(generated, &options), expected("nearest"), "{case}");
        assert_eq!(medvint(generated, &options), expected("medvint"), "{case}");
    }
}

#[test]
fn medvints_scorer_takes_the_shortest_option_that_has_the_letter() {
    let options = [" A:Coronal BB", " B:Axial", " C:Oblique", " D:B"];
    assert_eq!(medvint("The answer is B", &options), Some(3));
    assert_eq!(letter("The answer is B", 4), Some(1));
}

#[test]
fn a_letter_is_read_where_it_stands_alone() {
    for (text, expected) in [
        ("A", Some(0)),
        ("b", Some(1)),
        ("(C)", Some(2)),
        ("[d]", Some(3)),
        ("A.", Some(0)),
        ("B) chest film", Some(1)),
        ("C: oblique", Some(2)),
        ("D - axial", Some(3)),
        ("**B**", Some(1)),
        ("'C'", Some(2)),
        ("A\nBecause of the ribs.", Some(0)),
        ("Answer: A", Some(0)),
        ("answer: (b).", Some(1)),
        ("The answer is C, because of A", Some(2)),
        ("**Answer:** D", Some(3)),
        ("Option B", Some(1)),
        ("B is wrong. Answer: C", Some(2)),
        ("A fracture", None),
        ("a", Some(0)),
        ("axial", None),
        ("A-scan", None),
        ("E", None),
        ("", None),
        ("the first one", None),
        ("Answer: chest film", None),
        ("Ä", None),
    ] {
        assert_eq!(letter(text, 4), expected, "{text:?}");
    }
}
