//! A query never meets itself, whatever the strategy and the search.

use super::*;
use crate::index::Writer;

const STRATEGIES: [Strategy; 4] = [
    Strategy::Image,
    Strategy::Text,
    Strategy::Hybrid,
    Strategy::Random,
];

/// Twelve examples of six patients (one without a name twice), two studies each, vectors on a half circle.
fn index(folder: &std::path::Path) -> Index {
    let mut writer = Writer::new(folder, "test");
    for i in 0..12 {
        let angle = i as f32 * 0.25;
        let example = Example {
            id: format!("e{i}"),
            image: String::new(),
            question: "Is there a nodule?".into(),
            answer: "yes".into(),
            rationale: "I see it.".into(),
            tags: "test".into(),
            source: "test".into(),
            licence: "MIT".into(),
            patient: if i < 2 {
                String::new()
            } else {
                format!("p{}", i / 2)
            },
            study: format!("s{i}"),
        };
        let picture = format!("picture {i}");
        writer
            .add(example, picture.as_bytes(), &[angle.cos(), angle.sin()])
            .unwrap();
    }
    writer.finish().unwrap();
    Index::open(Some(folder)).unwrap()
}

fn ids(index: &Index, search: Search, strategy: Strategy, query: &Query) -> Vec<String> {
    let shots = retrieve(index, search, strategy, query, 100).unwrap();
    shots.into_iter().map(|s| s.example.id).collect()
}

#[test]
fn the_querys_picture_patient_and_study_are_never_shots() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let far = [-0.6f32, -0.8];
    let near_6 = [(6.0f32 * 0.25 + 0.001).cos(), (6.0f32 * 0.25 + 0.001).sin()];
    let hash = index.examples[6].image.clone();
    let blank = Query {
        vectors: &[&far],
        images: &[],
        question: "a nodule",
        patient: None,
        study: None,
        seed: 3,
    };
    for search in [Search::Exact, Search::Hnsw] {
        for strategy in STRATEGIES {
            let of = |query: &Query| ids(&index, search, strategy, query);
            assert_eq!(of(&blank).len(), 12, "{strategy:?}");
            let by_hash = of(&Query {
                images: std::slice::from_ref(&hash),
                ..blank
            });
            let by_vector = of(&Query {
                vectors: &[&near_6, &far],
                ..blank
            });
            let by_patient = of(&Query {
                patient: Some("p3"),
                ..blank
            });
            for found in [by_hash, by_vector, by_patient] {
                assert_eq!(found.len(), 10, "{search:?} {strategy:?}: {found:?}");
                assert!(!found.contains(&"e6".into()) && !found.contains(&"e7".into()));
            }
            let by_study = of(&Query {
                study: Some("s1"),
                ..blank
            });
            assert_eq!(by_study.len(), 11);
            assert!(!by_study.contains(&"e1".into()));
        }
    }
}

#[test]
fn an_unknown_patient_leaves_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let first = index.examples[0].image.clone();
    let query = Query {
        vectors: &[],
        images: &[first],
        question: "a nodule",
        patient: Some(""),
        study: None,
        seed: 0,
    };
    let found = ids(&index, Search::Auto, Strategy::Image, &query);
    assert_eq!(found.len(), 11, "only the picture itself: {found:?}");
}

#[test]
fn both_searches_rank_alike() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let vector = [0.3f32.cos(), 0.3f32.sin()];
    let query = Query {
        vectors: &[&vector],
        images: &[],
        question: "",
        patient: None,
        study: None,
        seed: 0,
    };
    let of = |search| ids(&index, search, Strategy::Image, &query);
    assert_eq!(of(Search::Exact), of(Search::Hnsw));
    assert_eq!(of(Search::Exact)[0], "e1");
    assert!(
        folder.path().join("graph/graph.toml").exists(),
        "kept for the next start"
    );
}
