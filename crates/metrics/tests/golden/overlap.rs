use crate::{assert_near, golden, list, numbers, string, strings};
use rounds_metrics::bleu::{Smoothing, corpus_bleu, sentence_bleu, uniform};
use rounds_metrics::cider::{Item, Variant, cider};
use rounds_metrics::overlap::{Overlap, token_overlap};
use rounds_metrics::rouge::{best, rouge_l, rouge_n};
use rounds_metrics::text::{characters, words};
use serde_json::Value;

#[track_caller]
fn assert_overlap(found: Overlap, case: &Value, key: &str) {
    let expected = numbers(case, key);
    assert_near(found.precision, expected[0], case);
    assert_near(found.recall, expected[1], case);
    assert_near(found.f1, expected[2], case);
}

/// Each order and smoothing of the golden file.
fn settings() -> Vec<(String, Vec<f64>, Smoothing)> {
    let mut settings = Vec::new();
    for (name, smoothing) in [("none", Smoothing::None), ("epsilon", Smoothing::Epsilon)] {
        for order in 1..=4 {
            settings.push((format!("{order} {name}"), uniform(order), smoothing));
        }
        settings.push((format!("only-2 {name}"), vec![0.0, 1.0], smoothing));
    }
    settings
}

#[track_caller]
fn assert_bleu<T: Ord>(hypothesis: &[T], references: &[Vec<T>], expected: &Value) {
    for (name, weights, smoothing) in settings() {
        let found = sentence_bleu(hypothesis, references, &weights, smoothing).unwrap();
        assert_near(found, expected[&name].as_f64().unwrap(), &(&name, expected));
    }
}

#[test]
fn token_overlap_counts_bags_of_words_and_characters() {
    for case in list(&golden("overlap.json"), "pairs") {
        let (answer, reference) = (string(case, "answer"), string(case, "reference"));
        assert_overlap(
            token_overlap(&words(answer), &words(reference)),
            case,
            "tokens",
        );
        assert_overlap(
            token_overlap(&characters(answer), &characters(reference)),
            case,
            "characters",
        );
    }
}

#[test]
fn bleu_is_nltks_on_words_and_on_characters() {
    for case in list(&golden("overlap.json"), "pairs") {
        let (answer, reference) = (string(case, "answer"), string(case, "reference"));
        assert_bleu(&words(answer), &[words(reference)], &case["bleu words"]);
        assert_bleu(
            &characters(answer),
            &[characters(reference)],
            &case["bleu characters"],
        );
    }
}

#[test]
fn bleu_takes_several_references_as_nltk_does() {
    for case in list(&golden("overlap.json"), "several") {
        let references: Vec<_> = strings(case, "references").into_iter().map(words).collect();
        assert_bleu(&words(string(case, "answer")), &references, &case["bleu"]);
    }
}

#[test]
fn corpus_bleu_is_nltks() {
    for case in list(&golden("overlap.json"), "corpora") {
        let items: Vec<_> = list(case, "items")
            .iter()
            .map(|item| {
                (
                    words(string(item, "answer")),
                    strings(item, "references").into_iter().map(words).collect(),
                )
            })
            .collect();
        for (name, weights, smoothing) in settings() {
            let found = corpus_bleu(&items, &weights, smoothing).unwrap();
            assert_near(found, case["bleu"][&name].as_f64().unwrap(), &name);
        }
    }
}

#[test]
fn rouge_is_rouge_scores() {
    for case in list(&golden("overlap.json"), "pairs") {
        let (answer, reference) = (string(case, "answer"), string(case, "reference"));
        assert_overlap(rouge_n(answer, reference, 1), case, "rouge1");
        assert_overlap(rouge_n(answer, reference, 2), case, "rouge2");
        assert_overlap(rouge_l(answer, reference), case, "rougeL");
    }
}

#[test]
fn of_several_references_rouge_takes_the_best() {
    for case in list(&golden("overlap.json"), "several") {
        let answer = string(case, "answer");
        let found = best(&strings(case, "references"), |reference| {
            rouge_l(answer, reference)
        })
        .unwrap();
        assert_overlap(found, case, "rougeL");
    }
}

#[test]
fn cider_d_is_pycocoevalcaps_and_cider_the_plain_cosine() {
    let mut positive = 0;
    for case in list(&golden("overlap.json"), "corpora") {
        let items: Vec<_> = list(case, "items")
            .iter()
            .map(|item| Item {
                answer: string(item, "answer"),
                references: strings(item, "references"),
            })
            .collect();
        for (variant, key) in [(Variant::CiderD, "cider-d"), (Variant::Cider, "cider")] {
            let (found, expected) = (cider(&items, variant).unwrap(), numbers(case, key));
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert_near(*found, expected, &key);
                positive += usize::from(expected > 0.0);
            }
        }
    }
    assert!(positive > 4, "{positive} scores above 0");
}
