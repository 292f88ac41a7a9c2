//! An index that is deleted while somebody writes it.

use super::*;
use rounds_assistant::maintenance::{Import, ImportError, ImportReport, Imported, import};
use rounds_index::dataset::{Format, Options};
use rounds_index::ingest::Report;
use rounds_support::Paths;

#[test]
fn a_whole_index_is_not_deleted_while_it_is_written() {
    let (_folder, home) = imported(3);
    let place = home.join("data/indexes/mine");
    let remove = ["index", "remove", "mine", "--whole", "--yes"];
    let writer = rounds_index::Writer::open(&place).unwrap();
    let (code, _, err) = run(&home, &remove);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("another process is writing"), "{err}");
    drop(writer);
    assert_eq!(stats(&home, "mine")["examples"], 3);
    assert_eq!(run(&home, &remove).0, 0);
    assert!(!place.exists());
}

#[test]
fn a_whole_index_is_not_deleted_without_a_question() {
    let (_folder, home) = imported(3);
    let (code, _, err) = run(&home, &["index", "remove", "mine", "--whole"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--yes"), "{err}");
    assert_eq!(stats(&home, "mine")["examples"], 3);
}

#[test]
fn files_that_are_not_an_indexs_outlive_it() {
    let (_folder, home) = imported(3);
    let place = home.join("data/indexes/mine");
    let others = [
        "images/mine.png",
        "images/ab/mine.png",
        "vectors/emb.npy",
        "t.csv",
    ];
    std::fs::create_dir_all(place.join("images/ab")).unwrap();
    for other in others {
        std::fs::write(place.join(other), "mine").unwrap();
    }
    assert_eq!(run(&home, &["index", "compact", "mine"]).0, 0);
    let (code, _, err) = run(&home, &["index", "remove", "mine", "--whole", "--yes"]);
    assert_eq!(code, 0, "{err}");
    for other in others {
        assert_eq!(std::fs::read(place.join(other)).unwrap(), b"mine");
        assert!(err.contains(other), "{err}");
    }
    let left = std::fs::read_dir(&place).unwrap().count();
    assert_eq!(left, 3, "the table and two folders");
}

#[test]
fn no_index_is_made_in_a_folder_that_holds_something_else() {
    let (folder, home, data) = begun(3);
    let place = folder.path().join("project");
    std::fs::create_dir(&place).unwrap();
    let (named, data) = (place.to_str().unwrap(), data.to_str().unwrap());
    for (name, content) in [("examples.sqlite3", "mine"), ("note.txt", "mine")] {
        std::fs::write(place.join(name), content).unwrap();
        let import = ["index", "import", "--format", "folder", named, data];
        for words in [&["index", "create", named][..], &import] {
            let (code, _, err) = run(&home, words);
            assert_eq!(code, 2, "{err}");
            assert!(err.contains(name), "{err}");
        }
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1);
        assert_eq!(std::fs::read(place.join(name)).unwrap(), b"mine");
        std::fs::remove_file(place.join(name)).unwrap();
    }
    assert_eq!(run(&home, &["index", "create", named]).0, 0);
    // What an attempt leaves that was cut short before its last step.
    std::fs::remove_file(place.join("index.toml")).unwrap();
    assert_eq!(run(&home, &["index", "create", named]).0, 0);
    assert_eq!(stats(&home, named)["examples"], 0);
    // The same with examples in it is somebody's index that lost a file.
    let (code, _, err) = run(
        &home,
        &["index", "import", "--format", "folder", named, data],
    );
    assert_eq!(code, 0, "{err}");
    std::fs::remove_file(place.join("index.toml")).unwrap();
    assert_eq!(run(&home, &["index", "create", named]).0, 2);
}

#[test]
fn a_writer_notices_that_its_index_was_deleted_even_where_a_new_one_took_its_place() {
    let (_folder, home) = imported(3);
    let place = home.join("data/indexes/mine");
    let mut writer = rounds_index::Writer::open(&place).unwrap();
    writer.commit().unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    assert!(matches!(writer.commit(), Err(IndexError::Deleted(_))));
    assert_eq!(run(&home, &["index", "create", "mine"]).0, 0);
    assert!(matches!(writer.finish(), Err(IndexError::Deleted(_))));
    assert_eq!(Index::open(Some(&place)).unwrap().len(), 0);
}

/// Imports nine rows into an empty index that is deleted when they were said to be safe for the `deleted`th time.
fn import_and_delete(deleted: usize) -> Imported {
    let (_folder, home, data) = begun(9);
    let paths = Paths::find_from(Some(home.as_os_str())).unwrap();
    let place = home.join("mine");
    let create = ["index", "create", place.to_str().unwrap()];
    assert_eq!(
        run(&home, &[&create[..], &["--encoder", "descriptor"]].concat()).0,
        0
    );
    let what = Import {
        index: place.clone(),
        format: Format::Folder,
        path: data,
        options: Options::default(),
        device: "cpu".into(),
        salt: None,
    };
    let mut said = 0;
    import(
        &what,
        &rounds_index::library::Library::of(&paths),
        &rounds_model::library::Library::of(&paths),
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
            matches!(
                imported.ended,
                Err(ImportError::Index(IndexError::Deleted(_)))
            ),
            "{deleted}: {:?}",
            imported.ended
        );
    }
}
