use crate::{assert_near, golden, indices, list, numbers};
use rounds_metrics::agreement::{Level, Weighting, cohen_kappa, krippendorff_alpha};
use rounds_metrics::icc::{Estimate, icc};
use rounds_metrics::ranks::friedman;
use serde_json::Value;

fn rows(value: &Value, key: &str) -> Vec<Vec<f64>> {
    let row = |row: &Value| {
        row.as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_f64().unwrap())
            .collect()
    };
    list(value, key).iter().map(row).collect()
}

#[track_caller]
fn assert_estimate(found: Estimate, expected: &[f64]) {
    assert_near(found.value, expected[0], &expected);
    assert_near(found.low.unwrap(), expected[1], &expected);
    assert_near(found.high.unwrap(), expected[2], &expected);
}

#[test]
fn icc_and_its_intervals_are_pingouins() {
    for case in list(&golden("agreement.json"), "icc") {
        let found = icc(&rows(case, "ratings")).unwrap();
        assert_estimate(found.single, &numbers(case, "single"));
        assert_estimate(found.average, &numbers(case, "average"));
        assert_near(found.f.unwrap(), case["f"].as_f64().unwrap(), case);
        assert_near(found.p.unwrap(), case["p"].as_f64().unwrap(), case);
    }
}

#[test]
fn kappa_is_scikit_learns() {
    for case in list(&golden("agreement.json"), "kappa") {
        let categories = case["categories"].as_u64().unwrap() as usize;
        for (weighting, key) in [
            (Weighting::Equal, "equal"),
            (Weighting::Linear, "linear"),
            (Weighting::Quadratic, "quadratic"),
        ] {
            let found = cohen_kappa(
                &indices(case, "a"),
                &indices(case, "b"),
                categories,
                weighting,
            )
            .unwrap();
            assert_near(found, case[key].as_f64().unwrap(), &key);
        }
    }
}

#[test]
fn alpha_is_the_package_krippendorffs_with_gaps() {
    let golden = golden("agreement.json");
    for case in list(&golden, "alpha") {
        let row = |row: &Value| row.as_array().unwrap().iter().map(Value::as_f64).collect();
        let ratings: Vec<Vec<Option<f64>>> = list(case, "ratings").iter().map(row).collect();
        for (level, key) in [
            (Level::Nominal, "nominal"),
            (Level::Ordinal, "ordinal"),
            (Level::Interval, "interval"),
        ] {
            let found = krippendorff_alpha(&ratings, level).unwrap();
            assert_near(found, case[key].as_f64().unwrap(), &key);
        }
    }
}

#[test]
fn ranks_and_friedmans_test_are_scipys() {
    for case in list(&golden("agreement.json"), "friedman") {
        let found = friedman(&rows(case, "scores")).unwrap();
        for (found, expected) in found.mean_ranks.iter().zip(numbers(case, "mean_ranks")) {
            assert_near(*found, expected, case);
        }
        assert_near(
            found.statistic.unwrap(),
            case["statistic"].as_f64().unwrap(),
            case,
        );
        assert_near(found.p.unwrap(), case["p"].as_f64().unwrap(), case);
    }
}

#[test]
fn perfect_agreement_is_one_and_no_agreement_to_speak_of_is_none() {
    let perfect: Vec<Vec<f64>> = (0..5).map(|i| vec![f64::from(i); 3]).collect();
    let found = icc(&perfect).unwrap();
    assert_eq!(
        (found.single.value, found.average.value, found.single.low),
        (1.0, 1.0, None)
    );
    assert_eq!(
        cohen_kappa(&[0, 1, 2], &[0, 1, 2], 3, Weighting::Quadratic),
        Some(1.0)
    );
    let raters = vec![vec![Some(1.0), Some(2.0), None]; 2];
    assert_eq!(krippendorff_alpha(&raters, Level::Ordinal), Some(1.0));

    assert_eq!(icc(&vec![vec![4.0; 3]; 5]), None);
    assert_eq!(icc(&[vec![1.0, 2.0], vec![1.0]]), None);
    assert_eq!(icc(&[]), None);
    assert_eq!(cohen_kappa(&[1, 1], &[1, 1], 3, Weighting::Equal), None);
    assert_eq!(cohen_kappa(&[3], &[0], 3, Weighting::Equal), None);
    assert_eq!(
        krippendorff_alpha(&[vec![Some(1.0)], vec![None]], Level::Nominal),
        None
    );
    assert_eq!(krippendorff_alpha(&[], Level::Nominal), None);
    assert_eq!(friedman(&[vec![1.0]]), None);
    let tied = friedman(&[vec![1.0, 1.0], vec![2.0, 2.0]]).unwrap();
    assert_eq!(
        (tied.mean_ranks, tied.statistic, tied.p),
        (vec![1.5, 1.5], None, None)
    );
}
