//! Single damaged bytes.

use super::*;

/// The results of several queries, errors included.
fn answers(folder: &Path, rows: &[Option<Vec<f32>>]) -> Vec<Result<Vec<Hit>, VectorError>> {
    let dimension = 2;
    let vectors = match Vectors::open(folder, NAME, dimension, rows.len()) {
        Ok(vectors) => vectors,
        Err(error) => return vec![Err(error)],
    };
    QUERIES
        .iter()
        .map(|query| vectors.search(query, 4, &Filter::All))
        .collect()
}

const QUERIES: [[f32; 2]; 3] = [[1.0, 0.1], [-0.4, 0.8], [-0.3, -0.9]];

/// Flips one bit of every byte in turn; `verify` must find each, and none may change a search result.
fn check_every_flipped_byte(suffix: &str) {
    let rows = clustered(300, 2, 11);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, &rows);
    let path = folder.path().join(format!("{NAME}.{suffix}"));
    let whole = std::fs::read(&path).unwrap();
    let right = answers(folder.path(), &rows);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(vectors) = Vectors::open(folder.path(), NAME, 2, rows.len()) {
            assert!(!faults(&vectors).is_empty(), "byte {at} of {suffix}");
        }
        for (found, right) in answers(folder.path(), &rows).iter().zip(&right) {
            match (found, right) {
                (Ok(found), Ok(right)) => assert_eq!(found, right, "byte {at} of {suffix}"),
                (Err(_), Ok(_)) => assert_eq!(suffix, "f16", "byte {at}: codes are only a cache"),
                (_, Err(error)) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_the_rows_is_found_and_never_gives_a_wrong_result() {
    check_every_flipped_byte("f16");
}

#[test]
fn a_flipped_bit_in_the_codes_is_found_and_does_not_change_the_result() {
    check_every_flipped_byte("i8");
}

#[test]
fn swapped_records_are_found() {
    let rows = clustered(4, 2, 12);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, &rows);
    let path = folder.path().join(format!("{NAME}.f16"));
    let mut bytes = std::fs::read(&path).unwrap();
    let (first, second) = bytes[64..].split_at_mut(12);
    first.swap_with_slice(&mut second[..12]);
    std::fs::write(&path, &bytes).unwrap();
    let vectors = open(folder.path(), 2, 4);
    assert_eq!(faults(&vectors).len(), 2);
    let error = vectors.search(&[1.0, 0.0], 1, &Filter::All).unwrap_err();
    assert!(error.to_string().contains("row"), "{error}");
    vectors
        .search(&[1.0, 0.0], 1, &Filter::Rows(&[2, 3]))
        .unwrap();
}

#[test]
fn codes_of_other_rows_are_not_used() {
    let (rows, others) = (clustered(600, 6, 13), clustered(600, 6, 14));
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), 6, &rows);
    write(other.path(), 6, &others);
    let codes = format!("{NAME}.i8");
    std::fs::copy(other.path().join(&codes), folder.path().join(&codes)).unwrap();
    let vectors = open(folder.path(), 6, rows.len());
    let query = [0.1, 0.9, -0.3, 0.2, 0.4, -0.8];
    let found = vectors.search(&query, 9, &Filter::All).unwrap();
    assert_eq!(found, naive(&rows, &query, 9, |_| true));
    assert_eq!(faults(&vectors).len(), 2);
}

#[test]
fn verifying_can_be_cancelled_and_reports_progress() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, &clustered(600, 2, 15));
    let vectors = open(folder.path(), 2, 600);
    let cancel = Cancel::new();
    let mut reported = Vec::new();
    let stopped = vectors.verify(
        &mut |done, total| {
            reported.push((done, total));
            cancel.cancel();
        },
        &cancel,
    );
    assert!(matches!(stopped, Err(VectorError::Cancelled)));
    assert_eq!(reported, [(0, 600)]);
}

#[test]
fn built_in_vectors_are_searched_with_and_without_codes() {
    let rows = clustered(600, 6, 16);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 6, &rows);
    let leaked = |suffix: &str| -> &'static [u8] {
        std::fs::read(folder.path().join(format!("{NAME}.{suffix}")))
            .unwrap()
            .leak()
    };
    let (f16, i8) = (leaked("f16"), leaked("i8"));
    let query = [0.1, 0.9, -0.3, 0.2, 0.4, -0.8];
    let right = naive(&rows, &query, 9, |_| true);
    for codes in [Some(i8), None, Some(&i8[..100]), Some(&[])] {
        let mut vectors = Vectors::from_static(f16, codes, 6, rows.len()).unwrap();
        assert_eq!(vectors.search(&query, 9, &Filter::All).unwrap(), right);
        assert_eq!(vectors.codes_fault().is_some(), codes != Some(i8));
        let is_faulty = codes.is_some_and(|codes| codes != i8);
        assert_eq!(faults(&vectors).len(), usize::from(is_faulty));
        vectors
            .rebuild_codes(&mut |_, _| {}, &Cancel::new())
            .unwrap();
        assert_eq!(vectors.codes_fault(), None);
        assert_eq!(vectors.search(&query, 9, &Filter::All).unwrap(), right);
    }
    assert!(Vectors::from_static(&f16[..f16.len() - 1], None, 6, rows.len()).is_err());
}
