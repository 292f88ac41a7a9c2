use crate::{assert_near, golden, list, string, strings};
use rounds_metrics::exact::{ExactRule, exact_match};
use rounds_metrics::text::normalised;
use rounds_metrics::vqa;

#[test]
fn normal_forms_are_smmiles_and_the_vqa_evaluations() {
    for case in list(&golden("text.json"), "forms") {
        let text = string(case, "text");
        assert_eq!(normalised(text), string(case, "plain"), "{text:?}");
        assert_eq!(vqa::normalised(text), string(case, "vqa"), "{text:?}");
    }
}

#[test]
fn every_word_of_the_vqa_evaluations_list_is_mended_as_there() {
    let golden = golden("text.json");
    let words = list(&golden, "words");
    assert!(words.len() > 200);
    for case in words {
        assert_eq!(
            vqa::normalised(string(case, "word")),
            string(case, "vqa"),
            "{case}"
        );
    }
}

#[test]
fn exact_match_agrees_under_every_rule() {
    let golden = golden("text.json");
    for rule in ExactRule::ALL {
        let mut matches = 0;
        for case in list(&golden, "exact") {
            let expected = case[rule.name()].as_bool().unwrap();
            assert_eq!(
                exact_match(rule, string(case, "answer"), string(case, "reference")),
                expected,
                "{rule} {case}"
            );
            matches += usize::from(expected);
        }
        assert!(matches > 10, "{rule} has {matches} matches");
    }
}

#[test]
fn vqa_accuracy_is_that_of_the_openflamingo_evaluation() {
    for case in list(&golden("text.json"), "soft") {
        let found =
            vqa::soft_accuracy(string(case, "answer"), &strings(case, "annotators")).unwrap();
        assert_near(found, case["accuracy"].as_f64().unwrap(), case);
    }
}

#[test]
fn the_answer_is_cut_out_as_openflamingo_does() {
    for case in list(&golden("text.json"), "first") {
        assert_eq!(
            vqa::first_answer(string(case, "text")),
            string(case, "first")
        );
    }
}
