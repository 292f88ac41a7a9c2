//! Compares exact search with a naive reference.

use super::*;
use proptest::prelude::*;

fn agrees(rows: &[Option<Vec<f32>>], queries: &[Vec<f32>], k: usize) -> Result<(), TestCaseError> {
    let dimension = queries[0].len();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), dimension, rows);
    let vectors = open(folder.path(), dimension, rows.len());
    prop_assert_eq!(vectors.codes_fault(), None);
    let third = |row: usize| row.is_multiple_of(3);
    let thirds: Vec<usize> = (0..rows.len() + 9).filter(|&row| third(row)).collect();
    for query in queries {
        let search = |filter| vectors.search(query, k, &filter).unwrap();
        prop_assert_eq!(search(Filter::All), naive(rows, query, k, |_| true));
        let expected = naive(rows, query, k, third);
        prop_assert_eq!(&search(Filter::Fn(&third)), &expected);
        prop_assert_eq!(&search(Filter::Rows(&thirds)), &expected);
    }
    Ok(())
}

/// Few distinct values, so that many scores tie.
fn coarse(random: &mut Random, dimension: usize) -> Vec<f32> {
    let mut vector: Vec<f32> = (0..dimension)
        .map(|_| (random.next() % 3) as f32 - 1.0)
        .collect();
    vector[0] += 0.5;
    vector
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn exact_search_gives_the_same_result_as_scoring_every_row(
        dimension in 1_usize..100,
        count in 0_usize..1400,
        k in 1_usize..40,
        seed in any::<u64>(),
        is_coarse in any::<bool>(),
    ) {
        let mut random = Random(seed);
        let rows = if is_coarse {
            (0..count).map(|_| Some(coarse(&mut random, dimension))).collect()
        } else {
            clustered(count, dimension, seed)
        };
        let mut queries = vec![random.vector(dimension), coarse(&mut random, dimension)];
        queries.extend(rows.iter().flatten().take(2).cloned());
        agrees(&rows, &queries, k)?;
    }
}

#[test]
fn k_can_be_zero_or_larger_than_the_number_of_rows() {
    let rows = clustered(600, 3, 1);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3, &rows);
    let vectors = open(folder.path(), 3, rows.len());
    let query = [1.0, 0.5, -0.2];
    assert!(vectors.search(&query, 0, &Filter::All).unwrap().is_empty());
    assert!(
        vectors
            .search(&query, 5, &Filter::Rows(&[]))
            .unwrap()
            .is_empty()
    );
    let all = vectors.search(&query, usize::MAX, &Filter::All).unwrap();
    assert_eq!(all, naive(&rows, &query, rows.len(), |_| true));
    assert_eq!(all.len(), rows.iter().flatten().count());
}

#[test]
fn near_duplicates_in_a_tight_cone_are_searched_exactly() {
    let mut random = Random(5);
    let axis = random.vector(40);
    let rows: Vec<Option<Vec<f32>>> = (0..3000)
        .map(|_| Some(axis.iter().map(|a| a + 0.003 * random.value()).collect()))
        .collect();
    let queries = [axis.clone(), random.vector(40)];
    agrees(&rows, &queries, 10).unwrap();
}

#[test]
fn a_stored_row_keeps_its_direction_up_to_f16_rounding() {
    let rows = clustered(30, 20, 2);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 20, &rows);
    let vectors = open(folder.path(), 20, rows.len());
    for (row, written) in rows.iter().enumerate() {
        match (vectors.row(row).unwrap(), written) {
            (Some(read), Some(written)) => {
                for (a, b) in read.iter().zip(unit(written)) {
                    assert!((f64::from(*a) - b).abs() < 5e-4);
                }
                let score = vectors.score(written, row).unwrap().unwrap();
                assert!((score - 1.0).abs() < 1e-3);
            }
            (None, None) => assert_eq!(vectors.score(&[1.0; 20], row).unwrap(), None),
            other => panic!("row {row}: {other:?}"),
        }
    }
    assert!(matches!(
        vectors.row(30),
        Err(VectorError::NoRow { row: 30, rows: 30 })
    ));
}

#[test]
fn a_query_of_another_dimension_or_without_a_direction_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 4, &clustered(3, 4, 3));
    let vectors = open(folder.path(), 4, 3);
    let refused = |query: &[f32]| vectors.search(query, 1, &Filter::All).unwrap_err();
    assert!(matches!(
        refused(&[1.0; 3]),
        VectorError::Dimension {
            found: 3,
            expected: 4
        }
    ));
    assert!(matches!(refused(&[f32::NAN; 4]), VectorError::NotFinite));
    assert!(matches!(refused(&[0.0; 4]), VectorError::Zero));
}
