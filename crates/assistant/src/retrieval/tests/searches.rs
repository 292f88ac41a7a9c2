//! Every search ranks alike, and only an encoder of the index is searched.

use super::*;

#[test]
fn both_searches_give_the_same_ranking() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.3);
    let of = |search| {
        index.resolve_search(&name, search, &Cancel::new()).unwrap();
        let plan = Plan {
            search,
            ..plan(Strategy::Image)
        };
        ids(&index, &blank(&name, &[&vector]), &plan)
    };
    assert_eq!(of(Search::Exact), of(Search::Hnsw));
    assert_eq!(of(Search::Exact), of(Search::HnswRs));
    assert_eq!(of(Search::Exact)[0], "e1");
}

#[test]
fn the_result_says_which_search_was_used() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.3);
    // So few rows are scanned even if the graph is requested and exists.
    for search in [Search::Exact, Search::Hnsw] {
        for (strategy, by) in [
            (Strategy::Image, Some(Search::Exact)),
            (Strategy::Hybrid, Some(Search::Exact)),
            (Strategy::Text, None),
            (Strategy::Random, None),
        ] {
            let plan = Plan {
                search,
                ..plan(strategy)
            };
            let found = retrieve(&index, &blank(&name, &[&vector]), &plan).unwrap();
            assert_eq!(found.search, by, "{strategy:?}");
        }
    }
}

#[test]
fn an_encoder_without_vectors_in_the_index_is_refused_if_vectors_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let other = "f".repeat(64);
    let query = blank(&other, &[&FAR]);
    let refused = retrieve(&index, &query, &plan(Strategy::Image));
    assert!(matches!(refused, Err(IndexError::Encoder { .. })));
    assert_eq!(ids(&index, &query, &plan(Strategy::Text)).len(), 12);
    assert!(matches!(
        retrieve(
            &index,
            &blank(&encoder(), &[&FAR]),
            &plan(Strategy::ImageToText)
        ),
        Err(IndexError::NoTextVectors)
    ));
}
