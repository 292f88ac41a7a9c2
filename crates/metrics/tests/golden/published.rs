use crate::{assert_near, golden, list, numbers, string, strings};
use rounds_metrics::bleu::{Smoothing, sentence_bleu, uniform, vqa_med};
use rounds_metrics::llava_med::{self, ClosedScript};
use rounds_metrics::med_eval_kit;

#[test]
fn llava_meds_scores_are_those_of_its_script() {
    let golden = golden("published.json");
    let candidates = strings(&golden, "candidates");
    for case in list(&golden, "cases") {
        let (answer, reference) = (string(case, "answer"), string(case, "reference"));
        assert_eq!(llava_med::form(answer), string(case, "llava form"));
        let open = llava_med::open_published(answer, reference);
        let expected = numbers(case, "llava open");
        assert_near(open.precision, expected[0], case);
        assert_near(open.recall, expected[1], case);
        assert_near(open.f1, expected[2], case);
        assert_near(
            llava_med::exact_published(answer, reference),
            case["llava exact"].as_f64().unwrap(),
            case,
        );
        let nearest = llava_med::open_accuracy_published(answer, reference, &candidates);
        assert_eq!(nearest, case["llava nearest"].as_bool(), "{case}");
        for (script, key) in [
            (ClosedScript::Release, "llava closed release"),
            (ClosedScript::Repaired, "llava closed repaired"),
        ] {
            let found = llava_med::closed_published(script, answer, reference);
            assert_eq!(found, case[key].as_bool(), "{key} {case}");
        }
    }
}

#[test]
fn med_eval_kits_scores_are_those_of_its_code() {
    for case in list(&golden("published.json"), "cases") {
        let (answer, reference) = (string(case, "answer"), string(case, "reference"));
        let found = med_eval_kit::open_published(answer, reference);
        assert_eq!(found.is_none(), case["kit open"].is_null(), "{case}");
        if let Some(found) = found {
            let expected = numbers(case, "kit open");
            assert_near(found.precision, expected[0], case);
            assert_near(found.recall, expected[1], case);
            assert_near(found.f1, expected[2], case);
        }
        let hypothesis = med_eval_kit::bleu_tokens(answer);
        let references = [med_eval_kit::bleu_tokens(reference)];
        let bleu = sentence_bleu(&hypothesis, &references, &uniform(1), Smoothing::None).unwrap();
        assert_near(bleu, case["kit bleu1"].as_f64().unwrap(), case);
    }
}

#[test]
fn med_eval_kits_closed_score_is_that_of_its_code() {
    let golden = golden("published.json");
    let cases = list(&golden, "cases").iter().filter(|case| {
        // Its code first cuts what stands before such a phrase, which is not part of the score here.
        !["answer:", "answer is"]
            .iter()
            .any(|phrase| string(case, "answer").to_lowercase().contains(phrase))
    });
    let mut right = 0;
    for case in cases {
        let expected = case["kit closed"].as_bool().unwrap();
        let found =
            med_eval_kit::closed_published(string(case, "answer"), string(case, "reference"));
        assert_eq!(found, expected, "{case}");
        right += usize::from(expected);
    }
    assert!(right > 5, "{right} are right");
}

#[test]
fn vqa_meds_bleu_is_its_evaluators_without_stop_words_and_stems() {
    let golden = golden("published.json");
    for case in list(&golden, "cases") {
        let found = vqa_med(string(case, "answer"), string(case, "reference"));
        assert_near(found, case["vqa-med bleu"].as_f64().unwrap(), case);
    }
    for case in list(&golden, "vqa-med several") {
        let found = vqa_med(string(case, "answer"), string(case, "references"));
        assert_near(found, case["bleu"].as_f64().unwrap(), case);
    }
}

#[test]
fn the_corrected_scores_do_not_have_the_faults() {
    // A repeated word counted once too often.
    let (answer, reference) = ("lung lung lung", "left lung");
    assert_eq!(llava_med::open_published(answer, reference).recall, 0.75);
    assert_eq!(llava_med::open_corrected(answer, reference).recall, 0.5);
    // "no" inside "normal", "yes" and "no" at once, and answers that are neither.
    let closed =
        |answer, reference| llava_med::closed_published(ClosedScript::Repaired, answer, reference);
    assert_eq!(
        (
            closed("normal", "no"),
            llava_med::closed_corrected("normal", "no")
        ),
        (Some(true), false)
    );
    assert_eq!(
        (
            closed("yes and no", "no"),
            llava_med::closed_corrected("yes and no", "no")
        ),
        (Some(true), false)
    );
    assert_eq!(
        (
            closed("left", "left"),
            llava_med::closed_corrected("left", "left")
        ),
        (Some(false), true)
    );
    assert_eq!(
        llava_med::closed_published(ClosedScript::Release, "no", "yes"),
        None
    );
    assert!(!llava_med::closed_corrected("no", "yes"));
    // "no" inside "abnormal".
    let answer = "Yes, it is abnormal.";
    assert!(!med_eval_kit::closed_published(answer, "yes"));
    assert!(med_eval_kit::closed_corrected(answer, "yes"));
    // Recall printed as F1.
    let (answer, reference) = ("a very large left lung", "left lung");
    assert_eq!(
        med_eval_kit::open_published(answer, reference).unwrap().f1,
        1.0
    );
    assert_eq!(
        med_eval_kit::open_corrected(answer, reference)
            .unwrap()
            .recall,
        1.0
    );
    assert!(med_eval_kit::open_corrected(answer, reference).unwrap().f1 < 0.6);
}
