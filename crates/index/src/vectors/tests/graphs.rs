//! Compares the graph with exact search, and tests its cache.

use super::*;
use std::sync::Arc;

const DIMENSION: usize = 24;

fn vectors_of(count: usize) -> (tempfile::TempDir, Vec<Option<Vec<f32>>>, Vectors) {
    let rows = clustered(count, DIMENSION, 21);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), DIMENSION, &rows);
    let vectors = open(folder.path(), DIMENSION, count);
    (folder, rows, vectors)
}

fn build(vectors: &Vectors) -> Graph {
    Graph::build(vectors, &mut |_, _| {}, &Cancel::new()).unwrap()
}

/// The share of the true 10 nearest rows that the graph finds, over a sample of queries.
fn recall(graph: &Graph, vectors: &Vectors, rows: &[Option<Vec<f32>>], filter: &Filter<'_>) -> f64 {
    let (mut same, mut all) = (0, 0);
    for query in rows.iter().flatten().step_by(17) {
        let right = vectors.search(query, 10, filter).unwrap();
        let found = graph.search(vectors, query, 10, filter).unwrap();
        assert_eq!(found.len(), right.len());
        assert!(found.iter().all(|hit| filter.allows(hit.row)));
        assert!(
            found
                .iter()
                .all(|hit| vectors.score(query, hit.row).unwrap() == Some(hit.score))
        );
        // Equal rows are interchangeable.
        same += found
            .iter()
            .filter(|hit| hit.score >= right[right.len() - 1].score)
            .count();
        all += right.len();
    }
    f64::from(same as u32) / f64::from(all as u32)
}

#[test]
fn the_graph_finds_nearly_all_that_exact_search_finds_with_exact_scores() {
    let (_folder, rows, vectors) = vectors_of(3000);
    let graph = build(&vectors);
    assert_eq!(graph.rows(), 2816);
    let half = |row: usize| row.is_multiple_of(2);
    let hundred: Vec<usize> = (0..3000).step_by(30).collect();
    for (filter, least) in [
        (Filter::All, 0.99),
        (Filter::Fn(&half), 0.99),
        (Filter::Rows(&hundred), 1.0),
    ] {
        let found = recall(&graph, &vectors, &rows, &filter);
        assert!(found >= least, "{found}");
    }
}

#[test]
fn a_graph_stays_usable_when_rows_are_appended() {
    let (folder, rows, vectors) = vectors_of(1000);
    let graph = build(&vectors);
    drop(vectors);
    let mut writer = VectorWriter::open(folder.path(), NAME, DIMENSION, 1000).unwrap();
    let near: Vec<f32> = rows[0].iter().flatten().map(|v| v + 0.1).collect();
    writer.push(Some(&near)).unwrap();
    writer.flush().unwrap();
    let vectors = open(folder.path(), DIMENSION, 1001);
    assert!(graph.fits(&vectors));
    let found = graph.search(&vectors, &near, 1, &Filter::All).unwrap();
    assert_eq!(found[0].row, 1000);
}

#[test]
fn building_is_deterministic_and_a_stored_graph_loads_unchanged() {
    let (folder, _, vectors) = vectors_of(1000);
    let graph = build(&vectors);
    assert_eq!(graph, build(&vectors));
    assert!(Graph::load(folder.path(), NAME, &vectors).is_none());
    graph.save(folder.path(), NAME, DIMENSION).unwrap();
    assert_eq!(Graph::load(folder.path(), NAME, &vectors), Some(graph));
}

#[test]
fn a_stored_graph_that_is_damaged_or_belongs_to_other_vectors_is_not_used() {
    let (folder, _, vectors) = vectors_of(600);
    build(&vectors)
        .save(folder.path(), NAME, DIMENSION)
        .unwrap();
    let path = folder.path().join(format!("{NAME}.graph"));
    let whole = std::fs::read(&path).unwrap();
    let loads = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Graph::load(folder.path(), NAME, &vectors).is_some()
    };
    assert!(loads(&whole));
    for at in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        assert!(!loads(&bytes), "byte {at}");
        assert!(!loads(&whole[..at]), "cut at {at}");
    }
    std::fs::write(folder.path().join("other.graph"), &whole).unwrap();
    assert!(Graph::load(folder.path(), "other", &vectors).is_none());
    std::fs::write(&path, &whole).unwrap();
    let other = tempfile::tempdir().unwrap();
    write(other.path(), DIMENSION, &clustered(600, DIMENSION, 22));
    let others = open(other.path(), DIMENSION, 600);
    assert!(Graph::load(folder.path(), NAME, &others).is_none());
}

#[test]
fn with_damaged_codes_exact_search_replaces_the_graph() {
    let (folder, rows, vectors) = vectors_of(1000);
    let graph = build(&vectors);
    let path = folder.path().join(format!("{NAME}.i8"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let vectors = open(folder.path(), DIMENSION, 1000);
    assert!(!graph.fits(&vectors));
    let refused = Graph::build(&vectors, &mut |_, _| {}, &Cancel::new());
    assert!(matches!(refused, Err(VectorError::Graph { .. })));
    let query = rows[0].as_ref().unwrap();
    let found = graph.search(&vectors, query, 10, &Filter::All).unwrap();
    assert_eq!(found, naive(&rows, query, 10, |_| true));
}

#[test]
fn an_index_without_vectors_has_no_graph_and_no_hits() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3, &vec![None; 300]);
    let vectors = open(folder.path(), 3, 300);
    assert!(Graph::build(&vectors, &mut |_, _| {}, &Cancel::new()).is_err());
    assert!(
        vectors
            .search(&[1.0; 3], 5, &Filter::All)
            .unwrap()
            .is_empty()
    );
    assert!(faults(&vectors).is_empty());
}

#[test]
fn a_lazy_graph_answers_at_once_and_stores_its_graph() {
    let (folder, rows, vectors) = vectors_of(1500);
    let vectors = Arc::new(vectors);
    let query = rows[3].as_ref().unwrap();
    let right = naive(&rows, query, 5, |_| true);
    let cache = Some(folder.path().join("graph"));
    let lazy = LazyGraph::start(Arc::clone(&vectors), NAME, cache.clone());
    let answered = lazy.search(query, 5, &Filter::All).unwrap();
    assert_eq!(answered.hits, right);
    let ready = GraphState::Ready { rows: 1280 };
    assert_eq!(lazy.wait_cancellable(&Cancel::new()), Some(ready));
    assert!(lazy.has_graph());
    let answered = lazy.search(query, 5, &Filter::All).unwrap();
    assert_eq!(
        answered,
        SearchResult {
            hits: right,
            by: Search::Hnsw
        }
    );
    // With few rows a scan is faster, and the result says so.
    let few = lazy.search(query, 5, &Filter::Rows(&[3, 5])).unwrap();
    assert_eq!((few.hits.len(), few.by), (2, Search::Exact));
    let kept = folder.path().join(format!("graph/{NAME}.graph"));
    let written = std::fs::metadata(&kept).unwrap().modified().unwrap();
    assert_eq!(
        LazyGraph::start(vectors, NAME, cache).wait(),
        GraphState::Ready { rows: 1280 }
    );
    assert_eq!(
        std::fs::metadata(&kept).unwrap().modified().unwrap(),
        written
    );
}

#[test]
fn a_graph_of_half_the_rows_is_used_until_a_new_one_is_built() {
    let (folder, rows, vectors) = vectors_of(1500);
    let cache = folder.path().join("graph");
    let half = open(folder.path(), DIMENSION, 700);
    build(&half).save(&cache, NAME, DIMENSION).unwrap();
    let lazy = LazyGraph::start(Arc::new(vectors), NAME, Some(cache.clone()));
    let query = rows[1400].as_ref().unwrap();
    for _ in 0..20 {
        let found = lazy.search(query, 1, &Filter::All).unwrap();
        assert_eq!(found.hits, naive(&rows, query, 1, |_| true));
    }
    assert_eq!(lazy.wait(), GraphState::Ready { rows: 1280 });
    let vectors = open(folder.path(), DIMENSION, 1500);
    assert_eq!(Graph::load(&cache, NAME, &vectors).unwrap().rows(), 1280);
}

#[test]
fn a_cancelled_build_is_reported_and_exact_search_stays_in_use() {
    let (_folder, rows, vectors) = vectors_of(5000);
    let lazy = LazyGraph::start(Arc::new(vectors), NAME, None);
    let raised = Cancel::new();
    raised.cancel();
    assert_eq!(
        lazy.wait_cancellable(&raised),
        None,
        "a cancelled wait returns at once"
    );
    assert!(!lazy.has_graph());
    lazy.cancel();
    assert_eq!(
        lazy.wait(),
        GraphState::Failed {
            reason: "interrupted".to_owned()
        }
    );
    let query = rows[3].as_ref().unwrap();
    let found = lazy.search(query, 5, &Filter::All).unwrap();
    let right = naive(&rows, query, 5, |_| true);
    assert_eq!(found, SearchResult::exact(right));
}

/// Compares with `hnsw_rs` with its usual settings over the same rows.
#[test]
fn the_graph_has_at_least_the_recall_of_hnsw_rs() {
    use hnsw_rs::api::AnnT;
    use hnsw_rs::prelude::{DistL2, Hnsw};

    let (_folder, rows, vectors) = vectors_of(1024);
    let peer = Hnsw::<f32, DistL2>::new(16, rows.len(), 16, 200, DistL2 {});
    let units: Vec<Vec<f32>> = rows
        .iter()
        .flatten()
        .map(|row| unit(row).into_iter().map(|x| x as f32).collect())
        .collect();
    for (number, row) in units.iter().enumerate() {
        peer.insert((row.as_slice(), number));
    }
    let graph = build(&vectors);
    let (mut ours, mut theirs) = (0, 0);
    for query in units.iter().step_by(16) {
        let truth = vectors.search(query, 10, &Filter::All).unwrap();
        let right = |row: usize| truth.iter().any(|hit| hit.row == row);
        let found = graph.search(&vectors, query, 10, &Filter::All).unwrap();
        ours += found.iter().filter(|hit| right(hit.row)).count();
        let found = peer.search_neighbours(query, 10, 64);
        theirs += found.iter().filter(|n| right(n.d_id)).count();
    }
    assert!(ours >= theirs, "{ours} against {theirs} of 640");
}
