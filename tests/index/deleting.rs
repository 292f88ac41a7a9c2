//! An index that is deleted while somebody writes it.

use super::*;
use rounds::assistant::upkeep::{Import, ImportError, ImportReport, Imported, import};
use rounds::index::dataset::{Format, Options};
use rounds::index::ingest::Report;
use rounds::support::Paths;

#[test]
fn a_whole_index_is_not_deleted_while_it_is_written() {
    let (_folder, home) = imported(3);
    let place = home.join("data/indexes/mine");
    let remove = ["index", "remove", "mine", "--whole"];
    let writer = rounds::index::Writer::open(&place).unwrap();
    let (code, _, err) = rounds(&home, &remove);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("another process is writing"), "{err}");
    drop(writer);
    assert_eq!(stats(&home, "mine")["examples"], 3);
    assert_eq!(rounds(&home, &remove).0, 0);
    assert!(!place.exists());
}

#[test]
fn a_writer_notices_that_its_index_was_deleted_even_where_a_new_one_took_its_place() {
    let (_folder, home) = imported(3);
    let place = home.join("data/indexes/mine");
    let mut writer = rounds::index::Writer::open(&place).unwrap();
    writer.commit().unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    assert!(matches!(writer.commit(), Err(IndexError::Gone(_))));
    assert_eq!(rounds(&home, &["index", "create", "mine"]).0, 0);
    assert!(matches!(writer.finish(), Err(IndexError::Gone(_))));
    assert_eq!(Index::open(Some(&place)).unwrap().len(), 0);
}

/// Imports nine rows into a new index that is deleted when they were said to be safe for the `deleted`th time.
fn import_and_delete(deleted: usize) -> Imported {
    let (_folder, home, data) = begun(9);
    let paths = Paths::find_from(Some(home.as_os_str())).unwrap();
    let place = home.join("mine");
    let what = Import {
        index: place.clone(),
        format: Format::Folder,
        path: data,
        options: Options::default(),
        device: "cpu".into(),
    };
    let mut said = 0;
    import(
        &what,
        &rounds::index::library::Library::of(&paths),
        &rounds::model::library::Library::of(&paths),
        &Cancel::new(),
        &mut |report| {
            if let ImportReport::Rows(Report::Committed(summary)) = report
                && summary.rows == 9
            {
                said += 1;
                if said == deleted {
                    std::fs::remove_dir_all(&place).unwrap();
                }
            }
        },
    )
    .unwrap()
}

#[test]
fn an_import_into_an_index_that_is_deleted_meanwhile_says_so_and_tells_its_summary() {
    // After the last rows, and after everything but the seal.
    for deleted in [1, 2] {
        let imported = import_and_delete(deleted);
        assert_eq!((imported.summary.rows, imported.summary.added), (9, 9));
        assert_eq!(imported.examples, 0);
        assert!(
            matches!(imported.ended, Err(ImportError::Index(IndexError::Gone(_)))),
            "{deleted}: {:?}",
            imported.ended
        );
    }
}
