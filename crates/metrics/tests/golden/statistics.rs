use crate::{assert_near, golden, indices, list, numbers};
use rounds_metrics::bootstrap::{Interval, interval, quantile};
use rounds_metrics::calibration::calibration;
use rounds_metrics::paired::{mcnemar_of_counts, paired_difference};

#[test]
fn mcnemars_test_is_statsmodels_exact_one() {
    for case in list(&golden("statistics.json"), "mcnemar") {
        let count = |key: &str| case[key].as_u64().unwrap() as usize;
        let found = mcnemar_of_counts(count("first"), count("second"));
        assert_near(found.p, case["p"].as_f64().unwrap(), case);
        assert_near(found.mid_p, case["mid_p"].as_f64().unwrap(), case);
    }
}

#[test]
fn calibration_has_scikit_learns_bins_and_brier_score() {
    for case in list(&golden("statistics.json"), "calibration") {
        let correct: Vec<bool> = list(case, "correct")
            .iter()
            .map(|value| value.as_bool().unwrap())
            .collect();
        let bins = list(case, "bins");
        let found = calibration(&numbers(case, "confidences"), &correct, bins.len()).unwrap();
        assert_near(found.ece, case["ece"].as_f64().unwrap(), &"ece");
        assert_near(found.mce, case["mce"].as_f64().unwrap(), &"mce");
        assert_near(found.brier, case["brier"].as_f64().unwrap(), &"brier");
        for (found, expected) in found.bins.iter().zip(bins) {
            assert_eq!(found.count as u64, expected[0].as_u64().unwrap());
            assert_eq!(found.confidence.is_none(), expected[1].is_null());
            if let Some((confidence, accuracy)) = found.confidence.zip(found.accuracy) {
                assert_near(confidence, expected[1].as_f64().unwrap(), expected);
                assert_near(accuracy, expected[2].as_f64().unwrap(), expected);
            }
        }
    }
}

#[test]
fn a_quantile_is_numpys() {
    let golden = golden("statistics.json");
    let case = &golden["quantiles"];
    let mut values = numbers(case, "values");
    values.sort_by(f64::total_cmp);
    for (fraction, expected) in numbers(case, "fractions")
        .into_iter()
        .zip(numbers(case, "expected"))
    {
        assert_near(quantile(&values, fraction).unwrap(), expected, &fraction);
    }
}

/// Other random numbers give other resamples, so the bounds agree only as far as many resamples pin them down.
#[track_caller]
fn assert_interval(found: Interval, expected: &[f64]) {
    assert_near(found.mean, expected[0], &"mean");
    let tolerance = 0.02 * (expected[2] - expected[1]);
    assert!(
        (found.low - expected[1]).abs() < tolerance,
        "{found:?} {expected:?}"
    );
    assert!(
        (found.high - expected[2]).abs() < tolerance,
        "{found:?} {expected:?}"
    );
}

#[test]
fn intervals_are_scipys_up_to_the_random_numbers() {
    let golden = golden("statistics.json");
    let case = &golden["bootstrap"];
    let values = numbers(case, "values");
    let found = interval(&values, None, 50_000, 42).unwrap();
    assert_interval(found, &numbers(case, "interval"));

    let clusters = indices(case, "clusters");
    let found = interval(
        &numbers(case, "clustered values"),
        Some(&clusters),
        50_000,
        42,
    )
    .unwrap();
    assert_interval(found, &numbers(case, "clustered interval"));

    let found = paired_difference(&values, &numbers(case, "other"), None, 50_000, 42).unwrap();
    let as_interval = Interval {
        mean: found.difference,
        low: found.low,
        high: found.high,
        n: found.n,
    };
    assert_interval(as_interval, &numbers(case, "paired interval"));
}
