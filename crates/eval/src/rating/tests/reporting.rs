//! What the report says of known ratings.

use super::*;

const SYSTEMS: [&str; 3] = [
    "radiology, few-shot",
    "radiology, zero-shot",
    "secret-model, few-shot",
];
/// Points of each system on items 0 to 3.
const ANNA: [[u8; 4]; 3] = [[8, 7, 9, 6], [3, 4, 2, 5], [10, 8, 7, 7]];
const BOB: [[u8; 4]; 3] = [[7, 7, 8, 5], [4, 2, 2, 6], [9, 9, 6, 8]];

fn rate(set: &RatingSet, name: &str, points: &[[u8; 4]; 3], items: usize) {
    let (mut file, _) = RatingsFile::open(set, name).unwrap();
    for (at, item) in set.items.iter().enumerate() {
        let number: usize = item.item.parse().unwrap();
        for (system, points) in SYSTEMS.iter().zip(points) {
            let letter = set.letter_of(at, system).unwrap();
            let mut entry = entry(at, usize::from(letter as u8 - b'A'), points[number]);
            if points[number] == 2 {
                entry.rating.flags = Flags::default().toggled(Flag::Unsupported);
            }
            if number < items {
                file.append(&entry).unwrap();
            }
        }
    }
}

fn rated() -> (Runs, Report) {
    let runs = Runs::new(4);
    let set = runs.set(9);
    rate(&set, "anna", &ANNA, 4);
    rate(&set, "bob", &BOB, 4);
    let report = Report::read(&set.path).unwrap();
    (runs, report)
}

fn is_near(value: Option<f64>, expected: f64) {
    assert!(
        value.is_some_and(|v| (v - expected).abs() < 1e-6),
        "{value:?} is not {expected}"
    );
}

#[test]
fn means_ranks_and_flags_are_those_of_each_system() {
    let (_runs, report) = rated();
    let rows: Vec<_> = report
        .systems
        .iter()
        .map(|row| row.system.as_str())
        .collect();
    assert_eq!(rows, [SYSTEMS[2], SYSTEMS[0], SYSTEMS[1]]);
    // The mean of 4 items, each the mean of 2 raters.
    for (row, (mean, rank, average)) in
        report
            .systems
            .iter()
            .zip([(8.0, 1.25, 1.25), (7.125, 1.875, 1.75), (3.5, 2.875, 3.0)])
    {
        is_near(row.mean, mean);
        is_near(row.mean_rank, rank);
        is_near(row.average_rank, average);
        assert_eq!(row.ratings, 8);
        let (low, high) = row.interval.unwrap();
        assert!(low < mean && mean < high, "{low} to {high}");
        assert!(low >= 2.0 && high <= 9.5);
    }
    let worst = &report.systems[2];
    assert_eq!(worst.flags.unsupported, 3.0 / 8.0);
    assert_eq!((worst.flags.hallucination, worst.flags.unsafe_), (0.0, 0.0));
    let even = report
        .datasets
        .iter()
        .position(|name| name == "even")
        .unwrap();
    is_near(report.systems[1].by_dataset[even], 8.0);
    is_near(worst.by_dataset[1 - even], 4.25);
}

/// From pingouin 0.7.0 (ICC(A,1) and ICC(A,k)), scikit-learn 1.9.1 (quadratic weights) and krippendorff 0.9.0 (interval);
/// `tests/reference/rating.py` prints them.
#[test]
fn agreement_is_that_of_the_reference_packages() {
    let (_runs, report) = rated();
    let agreement = report.agreement;
    assert_eq!(agreement.answers, 12);
    is_near(agreement.icc_2_1.map(|icc| icc.value), 0.907_801);
    is_near(agreement.icc_2_k.map(|icc| icc.value), 0.951_673);
    is_near(agreement.weighted_kappa, 0.900_255_754);
    is_near(agreement.krippendorff_alpha, 0.904_135_941);
}

#[test]
fn items_that_a_rater_has_not_reached_do_not_count_for_that_rater() {
    let runs = Runs::new(4);
    let set = runs.set(9);
    rate(&set, "anna", &ANNA, 4);
    rate(&set, "bob", &BOB, 1);
    let report = Report::read(&set.path).unwrap();
    assert_eq!(report.agreement.answers, 3);
    let unfinished: Vec<_> = report
        .unfinished()
        .map(|row| (row.rater.as_str(), row.rated))
        .collect();
    assert_eq!(unfinished, [("bob", 3)]);
    // Item 0 has two raters, the others one.
    is_near(report.systems[0].mean, (9.5 + 8.0 + 7.0 + 7.0) / 4.0);
}

#[test]
fn without_ratings_or_with_one_rater_nothing_is_made_up() {
    let runs = Runs::new(4);
    let set = runs.set(9);
    let report = Report::read(&set.path).unwrap();
    assert!(report.raters.is_empty());
    assert!(
        report
            .systems
            .iter()
            .all(|row| row.mean.is_none() && row.interval.is_none())
    );
    rate(&set, "anna", &ANNA, 4);
    let report = Report::read(&set.path).unwrap();
    assert_eq!(
        report.agreement,
        Agreement {
            answers: 12,
            ..Agreement::default()
        }
    );
    is_near(report.systems[0].mean, 8.0);
    assert!(report.text().contains("ICC(2,1)"));
}

#[test]
fn a_rater_who_has_not_begun_changes_no_agreement() {
    let runs = Runs::new(4);
    let set = runs.set(9);
    rate(&set, "anna", &ANNA, 4);
    rate(&set, "bob", &BOB, 4);
    let before = Report::read(&set.path).unwrap().agreement;
    drop(RatingsFile::open(&set, "carl").unwrap());
    let report = Report::read(&set.path).unwrap();
    assert_eq!(report.agreement, before);
    assert!(before.icc_2_1.is_some());
    assert_eq!(report.raters.len(), 3);
}

#[test]
fn a_single_item_has_a_mean_and_no_interval() {
    let runs = Runs::new(1);
    let set = runs.set(9);
    rate(&set, "anna", &ANNA, 1);
    let report = Report::read(&set.path).unwrap();
    assert_eq!(report.systems[0].mean, Some(10.0));
    assert!(report.systems.iter().all(|row| row.interval.is_none()));
}

#[test]
fn tables_are_made_for_a_terminal_markdown_and_latex() {
    let (_runs, report) = rated();
    let text = report.text();
    let row = text
        .lines()
        .find(|line| line.starts_with(SYSTEMS[2]))
        .unwrap();
    assert!(row.contains("8.00") && row.contains("1.25"), "{text}");
    assert!(
        text.contains("ICC(2,1)") && text.contains("0.908"),
        "{text}"
    );
    let markdown = report.markdown();
    assert!(
        markdown.contains("| radiology, few-shot | 7.1"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| Krippendorff's alpha | 0.904 | - |"),
        "{markdown}"
    );
    let latex = report.latex();
    assert!(latex.contains("radiology, few-shot & "), "{latex}");
    assert!(latex.contains("95 \\% interval"), "{latex}");
    for all in [
        text,
        markdown,
        latex,
        serde_json::to_string(&report).unwrap(),
    ] {
        assert_eq!(
            all.matches(rounds_support::INTENDED_USE).count(),
            1,
            "{all}"
        );
        assert!(all.contains(&report.seal));
    }
}
