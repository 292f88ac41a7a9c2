use crate::{assert_near, golden, list, numbers, string};
use rounds_metrics::bert_score::{
    Encoded, Rescaling, Setup, Weights, best, published, rescaled, score,
};
use rounds_metrics::overlap::Overlap;
use serde_json::Value;

const EQUAL: Weights = Weights::Equal {
    first: 101,
    last: 102,
};

fn ids(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap() as u32)
        .collect()
}

fn texts(golden: &Value) -> Vec<Encoded> {
    let vector = |row: &Value| {
        row.as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap() as f32)
            .collect()
    };
    let text = |text: &Value| Encoded {
        ids: ids(&text["ids"]),
        vectors: list(text, "vectors").iter().map(vector).collect(),
    };
    list(golden, "texts").iter().map(text).collect()
}

#[test]
fn scores_are_bert_scores_with_equal_weights_and_with_idf() {
    let golden = golden("bert_score.json");
    let texts = texts(&golden);
    let references: Vec<Vec<u32>> = list(&golden, "references").iter().map(ids).collect();
    let idf = Weights::idf(&references);
    for case in list(&golden, "weights") {
        let id = case["id"].as_u64().unwrap() as u32;
        assert_near(idf.of(id), case["weight"].as_f64().unwrap(), case);
    }
    for case in list(&golden, "pairs") {
        let text = |key: &str| &texts[case[key].as_u64().unwrap() as usize];
        for (weights, key) in [(&EQUAL, "equal"), (&idf, "idf")] {
            let found = score(text("candidate"), text("reference"), weights).unwrap();
            let expected = numbers(case, key);
            assert_near(found.precision, expected[0], case);
            assert_near(found.recall, expected[1], case);
            assert_near(found.f1, expected[2], case);
        }
    }
}

#[test]
fn the_hash_is_bert_scores() {
    let golden = golden("bert_score.json");
    for case in list(&golden, "hashes") {
        let is = |key: &str| case[key].as_bool().unwrap();
        let setup = Setup {
            model: "roberta-large",
            layer: 17,
            idf: is("idf"),
            version: string(&golden, "version"),
            transformers: string(&golden, "transformers"),
            rescaling: match (is("rescaled"), is("custom")) {
                (false, _) => Rescaling::None,
                (true, false) => Rescaling::Published,
                (true, true) => Rescaling::Custom,
            },
            fast_tokenizer: is("fast"),
        };
        assert_eq!(setup.to_string(), string(case, "hash"));
    }
}

#[test]
fn rescaling_puts_the_baseline_at_0_and_leaves_1() {
    let (layer, baseline) = published("roberta-large").unwrap();
    assert_eq!(layer, 17);
    assert_eq!(rescaled(baseline, baseline), Overlap::default());
    let whole = Overlap::new(1.0, 1.0);
    assert_eq!(rescaled(whole, baseline), whole);
    assert_eq!(published("microsoft/BiomedNLP-PubMedBERT"), None);
}

#[test]
fn several_references_give_the_highest_of_each_number() {
    let scores = [Overlap::new(0.9, 0.2), Overlap::new(0.5, 0.6)];
    let found = best(&scores).unwrap();
    assert_eq!(
        (found.precision, found.recall, found.f1),
        (0.9, 0.6, scores[1].f1)
    );
    assert_eq!(best(&[]), None);
}

#[test]
fn what_does_not_fit_together_has_no_score() {
    let text = |ids: &[u32], vectors: Vec<Vec<f32>>| Encoded {
        ids: ids.to_vec(),
        vectors,
    };
    let whole = text(&[101, 5, 102], vec![vec![1.0, 0.0]; 3]);
    assert!(score(&whole, &whole, &EQUAL).is_some());
    let fewer = text(&[101, 5, 102], vec![vec![1.0, 0.0]; 2]);
    assert_eq!(score(&whole, &fewer, &EQUAL), None);
    let narrower = text(&[101, 5, 102], vec![vec![1.0]; 3]);
    assert_eq!(score(&narrower, &whole, &EQUAL), None);
    let flat = text(&[101, 5, 102], vec![vec![]; 3]);
    assert_eq!(score(&flat, &flat, &EQUAL), None);
    let nothing = text(&[], vec![]);
    assert_eq!(score(&nothing, &nothing, &EQUAL), None);
}
