//! What writers leave behind: seals, permissions, names, and exports that were cut short.

use super::*;
use rounds_index::export::export;

/// A copy of the index of the fixtures, whose database has no write-ahead log, as that of the one that ships.
fn copy_without_log(folder: &Path) -> PathBuf {
    let from = fixtures::path("index");
    let to = folder.join("copy");
    let mut files = Vec::new();
    collect(&from, &mut files);
    for file in files {
        let place = to.join(file.strip_prefix(&from).unwrap());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(&file, &place).unwrap();
    }
    to
}

fn whole_and_sealed(place: &Path) {
    let verdict =
        rounds_index::verify::verify(Some(place), &Cancel::new(), &mut |_, _| {}).unwrap();
    assert!(verdict.sealed && verdict.faults.is_empty(), "{verdict:?}");
}

#[test]
fn a_writer_that_changes_nothing_leaves_a_sealed_index_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let place = copy_without_log(folder.path());
    let before = std::fs::read(place.join("examples.sqlite3")).unwrap();
    let words = ["index", "remove", place.to_str().unwrap(), "nosuchid"];
    assert_eq!(run(folder.path(), &words).0, 2);
    drop(rounds_index::Writer::open(&place).unwrap());
    assert!(std::fs::read(place.join("examples.sqlite3")).unwrap() == before);
    whole_and_sealed(&place);
    // One that does change something seals what it made of it.
    let id = {
        let index = Index::open(Some(&place)).unwrap();
        index.example(0).unwrap().id
    };
    let words = ["index", "remove", place.to_str().unwrap(), &id];
    let (code, _, err) = run(folder.path(), &words);
    assert_eq!(code, 0, "{err}");
    whole_and_sealed(&place);
}

#[test]
fn an_index_cannot_be_made_over_one_that_is_there() {
    let (_folder, home) = imported(6);
    let (code, _, err) = run(&home, &["index", "create", "mine"]);
    assert!(code == 2 && err.contains("already"), "{err}");
    assert_eq!(stats(&home, "mine")["examples"], 6);
}

#[test]
fn names_of_the_programs_own_and_the_folder_above_are_no_names_of_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let inside = folder.path().join("outer/inner");
    std::fs::create_dir_all(&inside).unwrap();
    for word in ["shipped", "descriptor"] {
        let (code, _, err) = run(&home, &["index", "create", word]);
        assert!(code == 2 && err.contains("choose another name"), "{err}");
    }
    let create = |name: &str| {
        let mut command = rounds(&home, &["index", "create", name]);
        command.current_dir(&inside).output().unwrap()
    };
    assert!(create("../new").status.success());
    assert!(folder.path().join("outer/new/index.toml").is_file());
    // The folder above is a folder like any other, and this one is not empty.
    assert_eq!(create("..").status.code(), Some(2));
    assert!(!folder.path().join("outer/index.toml").exists());
    assert!(!home.join("data/index.toml").exists());
}

#[test]
#[cfg(unix)]
fn every_file_of_an_index_and_beside_it_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, home) = imported(6);
    let place = home.join("data/indexes/mine");
    // While it is written there is a write-ahead log too.
    let mut writer = rounds_index::Writer::open(&place).unwrap();
    let id = Index::open(Some(&place)).unwrap().example(0).unwrap().id;
    writer.remove(&id).unwrap();
    let mut files = Vec::new();
    collect(&home, &mut files);
    assert!(
        files
            .iter()
            .any(|file| file.ends_with("examples.sqlite3-wal"))
    );
    for file in files {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", file.display());
    }
}

#[test]
fn an_export_that_is_cut_short_has_no_list_of_examples() {
    let (folder, home) = imported(12);
    let index = Index::open(Some(&home.join("data/indexes/mine"))).unwrap();
    let (cancel, out) = (Cancel::new(), folder.path().join("out"));
    let ended = export(&index, &out, &cancel, &mut |done, _| {
        if done == 5 {
            cancel.cancel();
        }
    });
    assert!(matches!(ended, Err(IndexError::Cancelled)));
    let mut files = Vec::new();
    collect(&out, &mut files);
    assert!(
        !files.is_empty()
            && files
                .iter()
                .all(|f| f.extension().is_some_and(|e| e == "png"))
    );
    let again = folder.path().join("again");
    assert_eq!(
        export(&index, &again, &Cancel::new(), &mut |_, _| {}).unwrap(),
        12
    );
    let lines = std::fs::read_to_string(again.join("examples.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 12);
}
