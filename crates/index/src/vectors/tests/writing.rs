//! Appending rows, interruptions, and resuming.

use super::super::writer::Storage;
use super::*;
use std::io;

fn file(folder: &Path, suffix: &str) -> std::path::PathBuf {
    folder.join(format!("{NAME}.{suffix}"))
}

fn contents(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let read = |suffix| std::fs::read(file(folder, suffix)).unwrap();
    (read("f16"), read("i8"))
}

#[test]
fn appending_in_steps_gives_the_same_files_as_writing_at_once() {
    let rows = clustered(1100, 5, 1);
    let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(whole.path(), 5, &rows);
    let mut done = 0;
    for until in [0, 1, 255, 256, 300, 511, 1024, 1100] {
        let mut writer = VectorWriter::open(pieces.path(), NAME, 5, done).unwrap();
        for row in &rows[done..until] {
            writer.push(row.as_deref()).unwrap();
        }
        assert_eq!(writer.rows(), until);
        done = writer.flush().unwrap();
        drop(writer);
        assert!(faults(&open(pieces.path(), 5, done)).is_empty());
    }
    assert_eq!(contents(whole.path()), contents(pieces.path()));
}

#[test]
fn a_truncated_file_is_continued_or_reported_as_too_short() {
    let rows = clustered(12, 3, 2);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3, &rows);
    let (whole, _) = contents(folder.path());
    let committed = 7;
    let needed = 64 + committed * 14;
    for cut in 0..=whole.len() {
        std::fs::write(file(folder.path(), "f16"), &whole[..cut]).unwrap();
        let opened = VectorWriter::open(folder.path(), NAME, 3, committed);
        if cut < needed {
            assert!(
                matches!(opened, Err(VectorError::Short { wanted: 7, .. })),
                "{cut}"
            );
            assert_eq!(contents(folder.path()).0, whole[..cut], "{cut}");
            continue;
        }
        let mut writer = opened.unwrap();
        for row in &rows[committed..] {
            writer.push(row.as_deref()).unwrap();
        }
        writer.flush().unwrap();
        assert_eq!(contents(folder.path()).0, whole, "{cut}");
    }
}

#[test]
fn truncated_codes_are_rebuilt() {
    let rows = clustered(530, 2, 3);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, &rows);
    let (_, whole) = contents(folder.path());
    for cut in (0..=whole.len()).step_by(61).chain([whole.len() - 1]) {
        std::fs::write(file(folder.path(), "i8"), &whole[..cut]).unwrap();
        drop(VectorWriter::open(folder.path(), NAME, 2, rows.len()).unwrap());
        assert_eq!(contents(folder.path()).1, whole, "{cut}");
    }
    std::fs::remove_file(file(folder.path(), "i8")).unwrap();
    let mut vectors = open(folder.path(), 2, rows.len());
    assert!(vectors.codes_fault().is_some());
    assert_eq!(faults(&vectors).len(), 1);
    vectors
        .rebuild_codes(&mut |_, _| {}, &Cancel::new())
        .unwrap();
    assert_eq!(vectors.codes_fault(), None);
    assert_eq!(contents(folder.path()).1, whole);
}

#[test]
fn a_reader_keeps_its_rows_while_others_are_appended_and_truncated() {
    let rows = clustered(700, 4, 4);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 4, &rows[..300]);
    let reader = open(folder.path(), 4, 300);
    let query = [0.3, -0.1, 0.9, 0.2];
    let before = reader.search(&query, 20, &Filter::All).unwrap();
    for _ in 0..2 {
        let mut writer = VectorWriter::open(folder.path(), NAME, 4, 300).unwrap();
        for row in &rows[300..] {
            writer.push(row.as_deref()).unwrap();
        }
        writer.flush().unwrap();
        assert_eq!(reader.search(&query, 20, &Filter::All).unwrap(), before);
    }
    let all = open(folder.path(), 4, 700)
        .search(&query, 20, &Filter::All)
        .unwrap();
    assert_eq!(all, naive(&rows, &query, 20, |_| true));
    drop(VectorWriter::open(folder.path(), NAME, 4, 300).unwrap());
    assert!(matches!(
        Vectors::open(folder.path(), NAME, 4, 700),
        Err(VectorError::Short {
            found: 300,
            wanted: 700,
            ..
        })
    ));
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let first = VectorWriter::open(folder.path(), NAME, 4, 0).unwrap();
    assert!(matches!(
        VectorWriter::open(folder.path(), NAME, 4, 0),
        Err(VectorError::Busy { .. })
    ));
    drop(first);
    VectorWriter::open(folder.path(), NAME, 4, 0).unwrap();
}

#[test]
fn a_vector_that_cannot_be_stored_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = VectorWriter::open(folder.path(), NAME, 3, 0).unwrap();
    for bad in [
        &[1.0, 2.0][..],
        &[0.0; 3],
        &[1.0, f32::NAN, 0.0],
        &[f32::INFINITY; 3],
    ] {
        writer.push(Some(bad)).unwrap_err();
    }
    assert_eq!(writer.rows(), 0);
    writer.push(Some(&[1e-30, -1e-30, 0.0])).unwrap();
    assert_eq!(writer.flush().unwrap(), 1);
    let row = open(folder.path(), 3, 1).row(0).unwrap().unwrap();
    assert!((row[0] - 0.5_f32.sqrt()).abs() < 1e-3 && row[2] == 0.0);
}

#[test]
fn another_dimension_is_refused_and_nothing_is_truncated() {
    let rows = clustered(300, 4, 5);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 4, &rows);
    let before = contents(folder.path());
    assert!(matches!(
        VectorWriter::open(folder.path(), NAME, 5, 100),
        Err(VectorError::Dimension { .. })
    ));
    assert!(Vectors::open(folder.path(), NAME, 3, 100).is_err());
    assert_eq!(contents(folder.path()), before);
    for dimension in [0, 16_385] {
        assert!(VectorWriter::open(folder.path(), NAME, dimension, 0).is_err());
    }
    assert!(Vectors::open(folder.path(), NAME, 4, usize::MAX).is_err());
    assert!(Vectors::open(folder.path(), "../encoder", 4, 0).is_err());
}

#[cfg(unix)]
#[test]
fn a_link_instead_of_a_file_is_neither_read_nor_written() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(outside.path(), 4, &clustered(3, 4, 6));
    std::os::unix::fs::symlink(file(outside.path(), "f16"), file(folder.path(), "f16")).unwrap();
    let before = contents(outside.path());
    assert!(Vectors::open(folder.path(), NAME, 4, 3).is_err());
    assert!(VectorWriter::open(folder.path(), NAME, 4, 0).is_err());
    assert_eq!(contents(outside.path()), before);
}

/// Writes at most `room` bytes, like a full disk.
struct Full {
    inner: Box<dyn Storage>,
    room: std::sync::Arc<std::sync::Mutex<usize>>,
}

impl Storage for Full {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut room = self.room.lock().unwrap();
        let fits = bytes.len().min(*room);
        *room -= fits;
        self.inner.write_at(offset, &bytes[..fits])?;
        if fits < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()
    }
}

#[test]
fn a_full_disk_loses_nothing_committed_and_the_flush_can_be_retried() {
    use rounds_support::{FileError, Hint};
    let rows = clustered(10, 3, 7);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3, &rows);
    let (whole, _) = contents(folder.path());
    for bytes in 0..6 * 14 {
        let writer = VectorWriter::open(folder.path(), NAME, 3, 4).unwrap();
        let room = std::sync::Arc::new(std::sync::Mutex::new(bytes));
        let shared = std::sync::Arc::clone(&room);
        let mut writer = writer.with_rows_storage(|inner| {
            Box::new(Full {
                inner,
                room: shared,
            })
        });
        for row in &rows[4..] {
            writer.push(row.as_deref()).unwrap();
        }
        let error = writer.flush().unwrap_err();
        assert!(
            matches!(error, VectorError::File(FileError::NoSpace { .. })),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("space"));
        assert!(faults(&open(folder.path(), 3, 4)).is_empty());
        if bytes % 2 == 0 {
            *room.lock().unwrap() = usize::MAX;
            assert_eq!(writer.flush().unwrap(), 10);
            assert_eq!(contents(folder.path()).0, whole);
        }
    }
}
