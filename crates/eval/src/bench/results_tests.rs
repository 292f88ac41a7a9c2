//! Tests of `results`.

use super::super::condition::Control;
use super::super::record::tests::record;
use super::*;

fn plan() -> Plan {
    Plan::parse("control_k = 2\n[[data]]\nname = \"set\"\nqueries = { index = \"shipped\" }\n")
        .unwrap()
}

#[test]
fn every_condition_comes_with_its_baselines() {
    let records: Vec<Record> = (0..8)
        .map(|at| {
            let answer = if at < 6 { "lung" } else { "spleen" };
            record(&format!("item-{at}"), answer, "lung")
        })
        .collect();
    let results = Results::of(&plan(), &records);
    let label = "k=2 image similar-last";
    let exact = |label: &str, part: &str| {
        let cell = results.cell("set", "shipped", label, part);
        cell.unwrap_or_else(|| panic!("{label}, {part}")).measures["exact-plain"]
    };
    let own = exact(label, "all");
    assert_eq!(own.mean, 0.75);
    assert!(own.low < own.mean && own.mean < own.high);
    assert_eq!(exact(label, "type organ").mean, 0.75);
    for baseline in Baseline::ALL {
        let label = match baseline {
            Baseline::Majority => baseline.name().to_string(),
            _ => format!("{}, {label}", baseline.name()),
        };
        exact(&label, "all");
    }
    assert_eq!(
        exact("vote of the shots, k=2 image similar-last", "all").mean,
        1.0
    );
    let fit = &results.calibration[0];
    assert_eq!(fit.stated, [1.0, 0.75]);
    assert!((fit.ece - 0.05).abs() < 1e-6, "{}", fit.ece);
    assert_eq!(results.examples.iter().filter(|e| !e.right).count(), 2);
}

#[test]
fn trials_are_pooled_and_controls_stay_apart() {
    let mut second = record("item", "lung", "lung");
    second.asked.trial = 1;
    let mut control = record("item", "heart", "lung");
    control.asked.control = Some(Control::ShuffledAnswers);
    let mut failed = record("item", "lung", "lung");
    failed.error = Some("damaged".into());
    let records = [record("item", "heart", "lung"), second, control, failed];
    let results = Results::of(&plan(), &records);
    let cell = |label: &str| results.cell("set", "shipped", label, "all").unwrap();
    let own = cell("k=2 image similar-last");
    assert_eq!((own.n, own.control), (2, false));
    assert_eq!(own.measures["exact-plain"].mean, 0.5);
    let control = cell("k=2 image similar-last shuffled-answers");
    assert_eq!((control.n, control.control), (1, true));
    assert_eq!(results.failed, 1);
}

#[test]
fn images_that_the_index_shows_are_also_left_out_of_a_part() {
    let mut seen = record("seen", "heart", "lung");
    seen.shown_by = 3;
    let results = Results::of(&plan(), &[seen, record("new", "lung", "lung")]);
    let label = "k=2 image similar-last";
    let part = results.cell("set", "shipped", label, "no near-duplicates");
    assert_eq!(part.unwrap().n, 1);
}
