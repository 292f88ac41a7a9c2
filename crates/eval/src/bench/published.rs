//! The scores that papers report, as they were published and corrected, from `rounds-metrics`.

use super::record::Record;
use super::score::Metric;
use rounds_metrics::bleu::{Smoothing, sentence_bleu, uniform};
use rounds_metrics::cider::{Item, Variant, cider};
use rounds_metrics::llava_med::{self, ClosedScript};
use rounds_metrics::rouge::rouge_l;
use rounds_metrics::text::{normalised, words};
use rounds_metrics::{bleu, choice, med_eval_kit};

fn truth(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

/// The scores of a text beside exact match and word overlap.
pub(super) fn scores(answer: &str, record: &Record) -> Vec<(Metric, f64)> {
    let reference = record.reference.as_str();
    let mut values: Vec<(&str, f64)> = Vec::new();
    let (said, wanted) = (normalised(answer), normalised(reference));
    let (said, wanted) = (words(&said), words(&wanted));
    for (order, name) in (1..).zip(["bleu-1", "bleu-2", "bleu-3", "bleu-4"]) {
        let found = sentence_bleu(&said, &[&wanted], &uniform(order), Smoothing::None);
        values.push((name, found.unwrap_or(0.0)));
    }
    // Prefix tuning's: on the characters of the raw strings.
    let (said, wanted): (Vec<char>, Vec<char>) =
        (answer.chars().collect(), reference.chars().collect());
    let found = sentence_bleu(&said, &[&wanted], &uniform(1), Smoothing::None);
    values.push(("bleu-1-characters", found.unwrap_or(0.0)));
    values.push(("bleu-vqa-med", bleu::vqa_med(answer, reference)));
    values.push(("rouge-l", rouge_l(answer, reference).f1));
    match record.closed {
        false => values.extend([
            (
                "llava-med-open-recall-published",
                llava_med::open_published(answer, reference).recall,
            ),
            (
                "llava-med-open-recall-corrected",
                llava_med::open_corrected(answer, reference).recall,
            ),
            (
                "med-eval-kit-f1-published",
                med_eval_kit::open_published(answer, reference).map_or(0.0, |found| found.f1),
            ),
            (
                "med-eval-kit-f1-corrected",
                med_eval_kit::open_corrected(answer, reference).map_or(0.0, |found| found.f1),
            ),
        ]),
        true => {
            // The first script leaves wrong answers out of what it divides by, so there is no value for them.
            let found = llava_med::closed_published(ClosedScript::Release, answer, reference);
            values.extend(found.map(|right| ("llava-med-closed-published", truth(right))));
            let right = llava_med::closed_corrected(answer, reference);
            values.push(("llava-med-closed-corrected", truth(right)));
        }
    }
    let values = values.into_iter();
    values
        .map(|(name, value)| (Metric::named(name), value))
        .collect()
}

/// The scores of a choice among options: by the published nearest option, by letter, by likelihood.
pub(super) fn choices(record: &Record) -> Vec<(Metric, f64)> {
    let texts: Vec<&str> = record.options.iter().map(|(_, text)| &**text).collect();
    if texts.is_empty() {
        return Vec::new();
    }
    // Signs count here: "<5 cm" is not ">5 cm".
    let same = |text: &str| text.trim() == record.reference.trim();
    let loosely = normalised(&record.reference);
    let right = texts.iter().position(|text| same(text));
    let right = right.or_else(|| texts.iter().position(|text| normalised(text) == loosely));
    // A set may leave letters out: C can be the second option.
    let by_letter = |answer: &str| {
        let place = choice::letter(answer, 26)?;
        let letter = char::from(b'A' + u8::try_from(place).ok()?).to_string();
        let mut options = record.options.iter();
        options.position(|(own, _)| own.eq_ignore_ascii_case(&letter))
    };
    let is_right = |chosen: Option<usize>| truth(chosen.is_some() && chosen == right);
    let letters: Vec<String> = record
        .options
        .iter()
        .map(|(letter, text)| format!("{letter}: {text}"))
        .collect();
    let mut values = vec![
        ("choice-by-letter", is_right(by_letter(&record.answer))),
        (
            "choice-by-nearest-text",
            is_right(choice::nearest(&record.answer, &texts)),
        ),
        (
            "choice-medvint-published",
            is_right(choice::medvint(&record.answer, &letters)),
        ),
    ];
    if let Some(first) = record.ranking.first() {
        let chosen = texts
            .iter()
            .position(|text| text.trim() == first.option.trim());
        let loosely = normalised(&first.option);
        let chosen = chosen.or_else(|| texts.iter().position(|text| normalised(text) == loosely));
        values.push(("choice-by-likelihood", is_right(chosen)));
    }
    let values = values.into_iter();
    values
        .map(|(name, value)| (Metric::named(name), value))
        .collect()
}

/// CIDEr and CIDEr-D of answers under one condition; they depend on all of them.
pub(super) fn of_all(records: &[(&str, &Record)]) -> [(Metric, Vec<f64>); 2] {
    let texts: Vec<(String, String)> = records
        .iter()
        .map(|(answer, record)| (normalised(answer), normalised(&record.reference)))
        .collect();
    let items: Vec<Item> = texts
        .iter()
        .map(|(answer, reference)| Item {
            answer,
            references: vec![reference],
        })
        .collect();
    [("cider", Variant::Cider), ("cider-d", Variant::CiderD)].map(|(name, variant)| {
        let found = cider(&items, variant).unwrap_or_default();
        (Metric::named(name), found)
    })
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn value(values: &[(Metric, f64)], name: &str) -> Option<f64> {
        let mut values = values.iter();
        let found = values.find(|(metric, _)| metric.name() == name);
        found.map(|(_, value)| *value)
    }

    #[test]
    fn published_and_corrected_scores_stand_side_by_side() {
        let mut asked = record("a", "lung lung lung", "left lung");
        let values = scores(&asked.answer, &asked);
        assert_eq!(
            value(&values, "llava-med-open-recall-published"),
            Some(0.75)
        );
        assert_eq!(value(&values, "llava-med-open-recall-corrected"), Some(0.5));
        asked.closed = true;
        asked.reference = "no".into();
        let values = scores("it looks normal", &asked);
        assert_eq!(value(&values, "llava-med-closed-published"), Some(1.0));
        assert_eq!(value(&values, "llava-med-closed-corrected"), Some(0.0));
    }

    #[test]
    fn a_choice_is_read_in_every_way() {
        let mut asked = record("a", "B", "heart");
        asked.options = [("A", "lung"), ("B", "heart")]
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .to_vec();
        asked.ranking = vec![rounds_assistant::Ranked {
            option: "lung".into(),
            log_probability: -1.0,
            per_token: -1.0,
        }];
        let values = choices(&asked);
        assert_eq!(value(&values, "choice-by-letter"), Some(1.0));
        assert_eq!(value(&values, "choice-medvint-published"), Some(1.0));
        assert_eq!(value(&values, "choice-by-likelihood"), Some(0.0));
        assert!(choices(&record("a", "B", "heart")).is_empty());
        asked.options = [("A", "<5 cm"), ("C", ">5 cm")]
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .to_vec();
        (asked.reference, asked.answer) = (">5 cm".into(), "C".into());
        assert_eq!(value(&choices(&asked), "choice-by-letter"), Some(1.0));
        asked.answer = "A".into();
        assert_eq!(value(&choices(&asked), "choice-by-letter"), Some(0.0));
    }
}
