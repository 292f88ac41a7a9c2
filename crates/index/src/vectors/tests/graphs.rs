//! Compares the graphs with exact search, and tests the cache of the own one.

use super::*;
use std::sync::Arc;

const DIMENSION: usize = 24;

fn vectors_of(count: usize) -> (tempfile::TempDir, Vec<Option<Vec<f32>>>, Arc<Vectors>) {
    let rows = clustered(count, DIMENSION, 21);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), DIMENSION, &rows);
    let vectors = open(folder.path(), DIMENSION, count);
    (folder, rows, Arc::new(vectors))
}

fn build(vectors: &Vectors) -> Graph {
    Graph::build(vectors, &mut |_, _| {}, &Cancel::new()).unwrap()
}

fn own(vectors: &Arc<Vectors>) -> GraphSearch {
    GraphSearch::own(build(vectors), Arc::clone(vectors))
}

fn hnsw_rs(vectors: &Arc<Vectors>) -> GraphSearch {
    GraphSearch::hnsw_rs(Arc::clone(vectors), &mut |_, _| {}, &Cancel::new()).unwrap()
}

/// The share of the true 10 nearest rows that a search finds, over a sample of queries.
fn recall(
    rows: &[Option<Vec<f32>>],
    vectors: &Vectors,
    filter: &Filter<'_>,
    search: impl Fn(&[f32]) -> SearchResult,
) -> f64 {
    let (mut same, mut all) = (0, 0);
    for query in rows.iter().flatten().step_by(17) {
        let right = vectors.search(query, 10, filter).unwrap();
        let found = search(query).hits;
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
fn both_graphs_find_nearly_all_that_exact_search_finds_with_exact_scores() {
    let (_folder, rows, vectors) = vectors_of(3000);
    let graphs = [own(&vectors), hnsw_rs(&vectors)];
    assert_eq!(graphs.each_ref().map(GraphSearch::rows), [2816, 3000]);
    let half = |row: usize| row.is_multiple_of(2);
    let hundred: Vec<usize> = (0..3000).step_by(30).collect();
    for graph in &graphs {
        for (filter, least) in [
            (Filter::All, 0.99),
            (Filter::Fn(&half), 0.99),
            (Filter::Rows(&hundred), 1.0),
        ] {
            let search = |query: &[f32]| graph.search(query, 10, &filter).unwrap();
            let found = recall(&rows, &vectors, &filter, search);
            assert!(found >= least, "{:?}: {found}", graph.engine());
        }
    }
}

#[test]
fn both_graphs_respect_a_filter_while_they_are_walked() {
    let (_folder, rows, vectors) = vectors_of(3000);
    for graph in [own(&vectors), hnsw_rs(&vectors)] {
        for one_in in [2, 5, 20] {
            let allowed = |row: usize| row.is_multiple_of(one_in);
            let filter = Filter::Fn(&allowed);
            let search = |query: &[f32]| graph.search_graph_only(query, 10, &filter).unwrap();
            let found = recall(&rows, &vectors, &filter, search);
            assert!(
                found >= 0.97,
                "{:?}, one in {one_in}: {found}",
                graph.engine()
            );
            let result = search(rows[0].as_ref().unwrap());
            assert_eq!(result.by, graph.engine().search(), "one in {one_in}");
        }
        // Fewer rows than asked for: the graph gives up, and the result says so.
        let few = graph.search_graph_only(&[0.5; DIMENSION], 10, &Filter::Rows(&[3, 5]));
        let few = few.unwrap();
        assert_eq!((few.hits.len(), few.by), (2, Search::Exact));
    }
}

#[test]
fn both_graphs_find_an_image_that_has_many_questions() {
    let distinct = clustered(300, DIMENSION, 23);
    let rows: Vec<_> = (0..3000).map(|row| distinct[row / 10].clone()).collect();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), DIMENSION, &rows);
    let vectors = Arc::new(open(folder.path(), DIMENSION, rows.len()));
    for graph in [own(&vectors), hnsw_rs(&vectors)] {
        let search = |query: &[f32]| graph.search(query, 10, &Filter::All).unwrap();
        let found = recall(&rows, &vectors, &Filter::All, search);
        assert!(found >= 0.95, "{:?}: {found}", graph.engine());
    }
}

#[test]
fn exact_search_and_both_graphs_stand_behind_one_trait() {
    let (_folder, rows, vectors) = vectors_of(1500);
    let graphs = [own(&vectors), hnsw_rs(&vectors)];
    let [own, hnsw_rs] = &graphs;
    let searches: [(&dyn NearestNeighbours, Search); 3] = [
        (vectors.as_ref(), Search::Exact),
        (own, Search::Hnsw),
        (hnsw_rs, Search::HnswRs),
    ];
    let query = rows[3].as_ref().unwrap();
    for (search, by) in searches {
        let hits = naive(&rows, query, 5, |_| true);
        let found = search.search(query, 5, &Filter::All).unwrap();
        assert_eq!(found, SearchResult { hits, by });
        for bad in [&[0.0; DIMENSION][..], &[f32::NAN; DIMENSION], &[1.0; 3]] {
            assert!(search.search(bad, 5, &Filter::All).is_err(), "{by:?}");
        }
    }
}

#[test]
fn hnsw_rs_builds_the_same_graph_of_the_same_rows() {
    let (_folder, rows, vectors) = vectors_of(3000);
    let (first, second) = (hnsw_rs(&vectors), hnsw_rs(&vectors));
    // With few candidates the two would miss different rows if they differed.
    for query in rows.iter().flatten().step_by(17) {
        let found = |graph: &GraphSearch| graph.search_wide(query, 4, &Filter::All, 4).unwrap();
        assert_eq!(found(&first), found(&second));
    }
}

#[test]
fn hnsw_rs_is_built_from_the_rows_as_they_are_now() {
    let (folder, rows, vectors) = vectors_of(600);
    let near: Vec<f32> = rows[0].iter().flatten().map(|v| v + 0.1).collect();
    let first = |vectors: Vectors| {
        let graph = hnsw_rs(&Arc::new(vectors));
        let found = graph.search(&near, 1, &Filter::All).unwrap();
        assert_eq!(found.by, Search::HnswRs);
        found.hits[0].row
    };
    drop(vectors);
    // Damaged codes do not matter: it reads the rows.
    let codes = folder.path().join(format!("{NAME}.i8"));
    let mut bytes = std::fs::read(&codes).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&codes, &bytes).unwrap();
    assert!(first(open(folder.path(), DIMENSION, 600)) < 600);
    let mut writer = VectorWriter::open(folder.path(), NAME, DIMENSION, 600).unwrap();
    writer.push(Some(&near)).unwrap();
    writer.flush().unwrap();
    drop(writer);
    assert_eq!(first(open(folder.path(), DIMENSION, 601)), 600);
    // A damaged row is an error of the build, never a point of the graph.
    let path = folder.path().join(format!("{NAME}.f16"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let vectors = Arc::new(open(folder.path(), DIMENSION, 601));
    let refused = GraphSearch::hnsw_rs(vectors, &mut |_, _| {}, &Cancel::new());
    assert!(matches!(refused.err(), Some(VectorError::Damaged { .. })));
}

#[test]
fn a_lazy_graph_of_hnsw_rs_is_built_in_the_background_and_stores_nothing() {
    let (folder, rows, vectors) = vectors_of(1500);
    let lazy = LazyGraph::start_hnsw_rs(Arc::clone(&vectors));
    let query = rows[3].as_ref().unwrap();
    let hits = naive(&rows, query, 5, |_| true);
    assert_eq!(lazy.search(query, 5, &Filter::All).unwrap().hits, hits);
    assert_eq!(lazy.wait(), GraphState::Ready { rows: 1500 });
    let by = Search::HnswRs;
    let found = lazy.search(query, 5, &Filter::All).unwrap();
    assert_eq!(found, SearchResult { hits, by });
    let files = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(files.count(), 2, "the rows and their codes");
    let lazy = LazyGraph::start_hnsw_rs(vectors);
    lazy.cancel();
    lazy.wait();
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
    let vectors = Arc::new(open(folder.path(), DIMENSION, 1001));
    assert!(graph.fits(&vectors));
    let graph = GraphSearch::own(graph, vectors);
    let found = graph.search(&near, 1, &Filter::All).unwrap();
    assert_eq!(found.hits[0].row, 1000);
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
    let vectors = Arc::new(open(folder.path(), DIMENSION, 1000));
    assert!(!graph.fits(&vectors));
    let refused = Graph::build(&vectors, &mut |_, _| {}, &Cancel::new());
    assert!(matches!(refused, Err(VectorError::Graph { .. })));
    let query = rows[0].as_ref().unwrap();
    let graph = GraphSearch::own(graph, vectors);
    let found = graph.search(query, 10, &Filter::All).unwrap();
    assert_eq!(found.hits, naive(&rows, query, 10, |_| true));
}

#[test]
fn an_index_without_vectors_has_no_graph_and_no_hits() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3, &vec![None; 300]);
    let vectors = open(folder.path(), 3, 300);
    assert!(Graph::build(&vectors, &mut |_, _| {}, &Cancel::new()).is_err());
    let vectors = Arc::new(vectors);
    assert!(GraphSearch::hnsw_rs(Arc::clone(&vectors), &mut |_, _| {}, &Cancel::new()).is_err());
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
    let lazy = LazyGraph::start(vectors, NAME, Some(cache.clone()));
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
    let lazy = LazyGraph::start(vectors, NAME, None);
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
