//! What must hold for any input: bounds, symmetry, and that equal texts score best.

use proptest::prelude::*;
use rounds_metrics::agreement::{Level, Weighting, cohen_kappa, krippendorff_alpha};
use rounds_metrics::bleu::{Smoothing, sentence_bleu, uniform, vqa_med};
use rounds_metrics::calibration::calibration;
use rounds_metrics::choice::{letter, likeness, nearest};
use rounds_metrics::exact::{ExactRule, exact_match};
use rounds_metrics::icc::icc;
use rounds_metrics::llava_med;
use rounds_metrics::overlap::{Overlap, token_overlap, word_overlap};
use rounds_metrics::ranks::{friedman, ranks};
use rounds_metrics::rouge::{rouge_l, rouge_n};
use rounds_metrics::text::{normalised, words};
use rounds_metrics::vqa;

/// Texts with few words, so that some are shared, and with anything else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "((yes|no|left|lung|the|a|two|x-ray|dont|normal)[ .,\n]{1,2}){0,8}",
        ".{0,40}",
    ]
}

fn within_bounds(score: Overlap) -> bool {
    [score.precision, score.recall, score.f1]
        .iter()
        .all(|value| (0.0..=1.0).contains(value))
}

fn turned(score: Overlap) -> Overlap {
    Overlap {
        precision: score.recall,
        recall: score.precision,
        ..score
    }
}

fn near(a: Overlap, b: Overlap) -> bool {
    [
        (a.precision, b.precision),
        (a.recall, b.recall),
        (a.f1, b.f1),
    ]
    .iter()
    .all(|(a, b)| (a - b).abs() < 1e-12)
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(text in text()) {
        let once = normalised(&text);
        prop_assert_eq!(normalised(&once), once);
    }

    #[test]
    fn a_text_matches_itself_under_every_rule_that_does_not_cut(text in text()) {
        for rule in [ExactRule::Raw, ExactRule::Plain, ExactRule::Vqa] {
            prop_assert!(exact_match(rule, &text, &text));
        }
    }

    #[test]
    fn overlap_is_within_bounds_and_turns_with_its_arguments(a in text(), b in text()) {
        let (x, y) = (words(&a), words(&b));
        for (forth, back) in [
            (token_overlap(&x, &y), token_overlap(&y, &x)),
            (word_overlap(&a, &b), word_overlap(&b, &a)),
            (rouge_l(&a, &b), rouge_l(&b, &a)),
            (rouge_n(&a, &b, 2), rouge_n(&b, &a, 2)),
        ] {
            prop_assert!(within_bounds(forth));
            prop_assert!(near(turned(forth), back));
        }
        prop_assert_eq!(token_overlap(&x, &x), Overlap::new(1.0, 1.0));
    }

    #[test]
    fn the_longest_common_subsequence_is_within_the_common_words(a in text(), b in text()) {
        prop_assert!(rouge_l(&a, &b).recall <= rouge_n(&a, &b, 1).recall + 1e-12);
    }

    #[test]
    fn bleu_is_within_bounds_and_1_for_the_same_text(a in text(), b in text()) {
        let (x, y) = (words(&a), words(&b));
        for order in 1..=4 {
            for smoothing in [Smoothing::None, Smoothing::Epsilon] {
                let score = sentence_bleu(&x, std::slice::from_ref(&y), &uniform(order), smoothing).unwrap();
                prop_assert!((0.0..=1.0 + 1e-12).contains(&score));
            }
            let same = sentence_bleu(&x, std::slice::from_ref(&x), &uniform(order), Smoothing::None).unwrap();
            prop_assert!(x.len() < order || (same - 1.0).abs() < 1e-12);
        }
        prop_assert!((0.0..=1.0 + 1e-12).contains(&vqa_med(&a, &b)));
    }

    #[test]
    fn vqa_accuracy_is_within_bounds_and_full_if_all_agree(a in text(), b in text()) {
        let accuracy = vqa::soft_accuracy(&a, &[b.as_str(), a.as_str(), "yes"]).unwrap();
        prop_assert!((0.0..=1.0).contains(&accuracy));
        prop_assert_eq!(vqa::soft_accuracy(&a, &[a.as_str(); 10]), Some(1.0));
    }

    #[test]
    fn published_and_corrected_recall_agree_without_repeated_words(a in text(), b in text()) {
        let distinct = |text: &str| {
            let form = llava_med::form(text);
            let mut found: Vec<&str> = words(&form);
            found.sort();
            found.windows(2).all(|pair| pair[0] != pair[1])
        };
        prop_assert!(within_bounds(llava_med::open_published(&a, &b)));
        let both = !llava_med::form(&a).is_empty() && !llava_med::form(&b).is_empty();
        // The published score normalises twice, which can change odd texts once more.
        let settled = [&a, &b].iter().all(|text| llava_med::form(&llava_med::form(text)) == llava_med::form(text));
        if both && settled && distinct(&a) && distinct(&b) {
            prop_assert!(near(llava_med::open_published(&a, &b), llava_med::open_corrected(&a, &b)));
        }
    }

    #[test]
    fn likeness_is_within_bounds_and_1_for_the_same_text_only(a in text(), b in text()) {
        prop_assert!((0.0..=1.0).contains(&likeness(&a, &b)));
        prop_assert_eq!(likeness(&a, &a), 1.0);
        prop_assert!(a == b || likeness(&a, &b) < 1.0);
    }

    #[test]
    fn a_choice_is_one_of_the_options(answer in text(), options in prop::collection::vec(text(), 0..6)) {
        prop_assert!(nearest(&answer, &options).is_none_or(|index| index < options.len()));
        prop_assert!(letter(&answer, options.len()).is_none_or(|index| index < options.len()));
    }

    #[test]
    fn calibration_counts_every_answer_once(
        answers in prop::collection::vec((0.0..=1.0, any::<bool>()), 1..60),
        bins in 1usize..20,
    ) {
        let (confidences, correct): (Vec<f64>, Vec<bool>) = answers.into_iter().unzip();
        let found = calibration(&confidences, &correct, bins).unwrap();
        prop_assert_eq!(found.bins.iter().map(|bin| bin.count).sum::<usize>(), confidences.len());
        prop_assert!(found.ece <= found.mce + 1e-12 && found.mce <= 1.0);
        prop_assert!((0.0..=1.0).contains(&found.brier));
    }

    #[test]
    fn kappa_does_not_care_which_rater_is_first(pairs in prop::collection::vec((0usize..5, 0usize..5), 1..40)) {
        let (a, b): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
        for weighting in [Weighting::Equal, Weighting::Linear, Weighting::Quadratic] {
            let (forth, back) = (cohen_kappa(&a, &b, 5, weighting), cohen_kappa(&b, &a, 5, weighting));
            prop_assert_eq!(forth.is_some(), back.is_some());
            if let Some((forth, back)) = forth.zip(back) {
                prop_assert!((forth - back).abs() < 1e-12 && forth <= 1.0);
            }
        }
    }

    #[test]
    fn agreement_does_not_change_with_the_scale(
        ratings in prop::collection::vec(prop::collection::vec(0u8..11, 3), 2..20),
    ) {
        let table = |scale: f64, shift: f64| -> Vec<Vec<f64>> {
            ratings.iter().map(|row| row.iter().map(|value| f64::from(*value) * scale + shift).collect()).collect()
        };
        let (plain, scaled) = (icc(&table(1.0, 0.0)), icc(&table(4.0, 8.0)));
        prop_assert_eq!(plain.is_some(), scaled.is_some());
        if let Some((plain, scaled)) = plain.zip(scaled) {
            prop_assert!((plain.single.value - scaled.single.value).abs() < 1e-9);
            prop_assert!(plain.single.value <= 1.0 + 1e-12);
        }
        let by_rater = |table: Vec<Vec<f64>>| -> Vec<Vec<Option<f64>>> {
            (0..3).map(|rater| table.iter().map(|row| row.get(rater).copied()).collect()).collect()
        };
        for level in [Level::Nominal, Level::Ordinal, Level::Interval] {
            let plain = krippendorff_alpha(&by_rater(table(1.0, 0.0)), level);
            let scaled = krippendorff_alpha(&by_rater(table(4.0, 8.0)), level);
            prop_assert_eq!(plain.is_some(), scaled.is_some());
            prop_assert!(plain.zip(scaled).is_none_or(|(a, b)| (a - b).abs() < 1e-9 && a <= 1.0));
        }
    }

    #[test]
    fn ranks_add_up_whatever_ties(
        scores in prop::collection::vec(prop::collection::vec((0u8..4).prop_map(f64::from), 4), 1..20),
    ) {
        for row in &scores {
            prop_assert_eq!(ranks(row).unwrap().iter().sum::<f64>(), 10.0);
        }
        let found = friedman(&scores).unwrap();
        prop_assert!((found.mean_ranks.iter().sum::<f64>() - 10.0).abs() < 1e-9);
        prop_assert!(found.p.is_none_or(|p| (0.0..=1.0).contains(&p)));
    }
}

#[test]
fn what_is_outside_0_to_1_is_no_confidence() {
    for confidence in [-0.1, 1.1, f64::NAN] {
        assert_eq!(calibration(&[confidence], &[true], 10), None);
    }
    assert_eq!(calibration(&[], &[], 10), None);
    assert_eq!(calibration(&[0.5], &[true], 0), None);
    assert_eq!(calibration(&[0.5], &[], 10), None);
}
