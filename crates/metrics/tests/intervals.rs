//! Intervals and paired tests: what must hold whatever the random numbers.

use proptest::prelude::*;
use rounds_metrics::bootstrap::{interval, intervals, quantile};
use rounds_metrics::paired::{mcnemar, mcnemar_of_counts, paired_difference};

fn scores() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..=1.0, 1..40)
}

proptest! {
    #[test]
    fn an_interval_lies_within_its_values_and_is_the_same_twice(values in scores(), seed: u64) {
        let once = interval(&values, None, 200, seed).unwrap();
        let (least, most) = values.iter().fold((1f64, 0f64), |(least, most), v| (least.min(*v), most.max(*v)));
        prop_assert!(least - 1e-12 <= once.low && once.low <= once.high && once.high <= most + 1e-12);
        prop_assert_eq!(Some(once), interval(&values, None, 200, seed));
    }

    #[test]
    fn clusters_of_one_are_no_clusters(values in scores(), seed: u64) {
        let own: Vec<usize> = (0..values.len()).collect();
        prop_assert_eq!(interval(&values, Some(&own), 100, seed), interval(&values, None, 100, seed));
    }

    #[test]
    fn swapping_the_runs_swaps_the_sign(pairs in prop::collection::vec((0.0..=1.0, 0.0..=1.0), 1..40), seed: u64) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let forth = paired_difference(&a, &b, None, 100, seed).unwrap();
        let back = paired_difference(&b, &a, None, 100, seed).unwrap();
        prop_assert!((forth.difference + back.difference).abs() < 1e-12);
        prop_assert!((forth.low + back.high).abs() < 1e-9 && (forth.high + back.low).abs() < 1e-9);
        prop_assert_eq!(forth.p, back.p);
        prop_assert!(0.0 < forth.p && forth.p <= 1.0);
    }

    #[test]
    fn mcnemar_does_not_care_which_run_is_first(b in 0usize..400, c in 0usize..400) {
        let (forth, back) = (mcnemar_of_counts(b, c), mcnemar_of_counts(c, b));
        prop_assert_eq!(forth.p, back.p);
        prop_assert!(forth.mid_p <= forth.p && forth.p <= 1.0);
    }
}

#[test]
fn an_interval_is_about_as_wide_as_the_normal_approximation() {
    let values: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
    let found = interval(&values, None, 4000, 1).unwrap();
    let half = 1.96 * (0.25f64 * 0.75 / 400.0).sqrt();
    assert_eq!((found.mean, found.n), (0.25, 400));
    assert!((found.low - (0.25 - half)).abs() < 0.005, "{found:?}");
    assert!((found.high - (0.25 + half)).abs() < 0.005, "{found:?}");
}

#[test]
fn questions_about_the_same_image_widen_the_interval() {
    // Ten images with twenty questions each, all of an image right or all wrong.
    let values: Vec<f64> = (0..200)
        .map(|i| f64::from(u8::from((i / 20) % 2 == 0)))
        .collect();
    let images: Vec<usize> = (0..200).map(|i| i / 20).collect();
    let alone = interval(&values, None, 2000, 7).unwrap();
    let together = interval(&values, Some(&images), 2000, 7).unwrap();
    assert!(
        together.high - together.low > 3.0 * (alone.high - alone.low),
        "{alone:?} {together:?}"
    );
}

#[test]
fn another_seed_gives_another_interval() {
    let values: Vec<f64> = (0..50).map(f64::from).collect();
    assert_ne!(
        interval(&values, None, 100, 1),
        interval(&values, None, 100, 2)
    );
}

#[test]
fn what_has_no_interval_has_none() {
    assert_eq!(interval(&[], None, 100, 0), None);
    assert_eq!(interval(&[f64::NAN], None, 100, 0), None);
    assert_eq!(interval(&[1.0], None, 0, 0), None);
    assert_eq!(interval(&[1.0, 2.0], Some(&[0]), 100, 0), None);
    assert_eq!(paired_difference(&[1.0], &[], None, 100, 0), None);
    assert_eq!(mcnemar(&[true], &[]), None);
    assert_eq!(quantile(&[], 0.5), None);
}

#[test]
fn a_run_that_is_always_better_differs_for_sure() {
    let found = paired_difference(&[1.0; 30], &[0.0; 30], None, 999, 3).unwrap();
    assert_eq!(
        (found.difference, found.low, found.high, found.p),
        (1.0, 1.0, 1.0, 0.002)
    );
}

#[test]
fn equal_runs_do_not_differ() {
    let found = paired_difference(&[0.5; 30], &[0.5; 30], None, 999, 3).unwrap();
    assert_eq!((found.difference, found.p), (0.0, 1.0));
    let test = mcnemar(&[true, false], &[true, false]).unwrap();
    assert_eq!(
        (test.only_first, test.only_second, test.p, test.mid_p),
        (0, 0, 1.0, 1.0)
    );
}

#[test]
fn scores_that_share_their_draws_have_the_intervals_that_they_have_alone() {
    let clusters = [0, 0, 1, 2, 2, 2, 3];
    let columns: [&[f64]; 4] = [
        &[1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0],
        &[0.2, 0.9, 0.4, 0.4, 0.1, 0.7, 0.3],
        &[f64::NAN, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0],
        &[1.0, 2.0],
    ];
    for clusters in [Some(&clusters[..]), None] {
        let together = intervals(&columns, clusters, 300, 5);
        let alone = columns.map(|values| interval(values, clusters, 300, 5));
        assert_eq!(together, alone);
    }
    assert_eq!(intervals(&columns, None, 0, 5), [None; 4]);
}
