//! An index changed by another process, and an interrupted embedding.

use super::embed::embed;
use super::ingest::Embedder;
use super::*;
use rounds_imaging::Image;
use rounds_support::{Cancel, files};
use std::path::Path;

fn encoder(letter: &str, text: bool) -> Encoder {
    Encoder {
        sha256: letter.repeat(64),
        name: letter.into(),
        dimension: 2,
        bundle: String::new(),
        text,
    }
}

/// An index of `count` examples without images.
fn index(folder: &Path, count: usize) {
    create(folder, vec![encoder("a", false)]).unwrap();
    let mut writer = Writer::open(folder).unwrap();
    for number in 0..count {
        let example = Example {
            question: format!("Question {number}?"),
            answer: "yes".into(),
            ..Example::default()
        };
        writer.add(example, &[], &[NewVectors::default()]).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn counters_too_large_for_the_database_are_reported_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    index(folder.path(), 3);
    let database = rusqlite::Connection::open(folder.path().join("examples.sqlite3")).unwrap();
    let counters = |examples: u64| {
        let text = format!("{examples} {examples} 0 0 0 0 0");
        database
            .execute("update meta set value = ?1", [text])
            .unwrap();
        std::fs::remove_file(folder.path().join("seal.toml")).ok();
        Index::open(Some(folder.path())).map(|index| index.len())
    };
    assert_eq!(counters(3).unwrap(), 3);
    for absurd in [1_000_000_000, u64::MAX / 2] {
        let refused = counters(absurd);
        assert!(
            matches!(refused, Err(IndexError::Damaged { .. })),
            "{absurd}"
        );
    }
}

/// An index with `count` different vectors.
fn index_of_vectors(folder: &Path, count: usize) {
    create(folder, vec![encoder("a", false)]).unwrap();
    let mut writer = Writer::open(folder).unwrap();
    for number in 0..count {
        let example = Example {
            question: format!("Question {number}?"),
            answer: "yes".into(),
            ..Example::default()
        };
        let angle = number as f32 * 0.02;
        let vectors = NewVectors {
            image: Some(vec![angle.cos(), angle.sin()]),
            text: None,
        };
        writer.add(example, &[], &[vectors]).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn the_manifest_and_the_request_choose_the_graph_and_the_result_says_which_was_used() {
    let folder = tempfile::tempdir().unwrap();
    index_of_vectors(folder.path(), 300);
    let manifest = folder.path().join("index.toml");
    let written = std::fs::read_to_string(&manifest).unwrap();
    assert!(!written.contains("graph"), "{written}");
    let encoder = "a".repeat(64);
    let used = |search| {
        let index = Index::open(Some(folder.path())).unwrap();
        let resolved = index
            .resolve_search(&encoder, search, &Cancel::new())
            .unwrap();
        let found = index
            .search(&encoder, &[0.995, -0.1], 3, &Filter::All, resolved)
            .unwrap();
        let rows: Vec<usize> = found.hits.iter().map(|hit| hit.row).collect();
        assert_eq!(rows, [0, 1, 2], "{search:?}");
        assert_eq!(found.by, resolved);
        resolved
    };
    let own = "graph = \"own\"\n".to_string() + &written;
    let hnsw_rs = "graph = \"hnsw_rs\"\n".to_string() + &written;
    for (text, by_name) in [
        (&written, Search::Hnsw),
        (&own, Search::Hnsw),
        (&hnsw_rs, Search::HnswRs),
    ] {
        std::fs::write(&manifest, text).unwrap();
        assert_eq!(used(Search::Hnsw), by_name, "{text}");
        assert_eq!(used(Search::HnswRs), Search::HnswRs);
        assert_eq!(used(Search::Exact), Search::Exact);
        assert_eq!(used(Search::Auto), Search::Exact, "there are few rows");
    }
    // The choice stays when the manifest is written again.
    let other = self::encoder("b", true);
    embed(
        folder.path(),
        other,
        &TextEmbedder,
        &Cancel::new(),
        &mut |_, _| (),
    )
    .unwrap();
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("graph = \"hnsw_rs\""), "{text}");
}

#[test]
fn a_wrong_choice_of_a_graph_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    index_of_vectors(folder.path(), 3);
    let manifest = folder.path().join("index.toml");
    let written = std::fs::read_to_string(&manifest).unwrap();
    let refused = |text: String| {
        std::fs::write(&manifest, text).unwrap();
        let opened = Index::open(Some(folder.path()));
        opened.err().expect("it is refused").to_string()
    };
    let below = refused(written.clone() + "graph = \"hnsw_rs\"\n");
    assert!(below.contains("above the first [[encoders]]"), "{below}");
    let unknown = refused("graph = \"faiss\"\n".to_string() + &written);
    assert!(unknown.contains("hnsw_rs"), "{unknown}");
    // Everything else is still protected by the checksum.
    let changed = refused("graph = \"own\"\n".to_string() + &written.replace("\"a\"", "\"c\""));
    assert!(changed.contains("checksum"), "{changed}");
}

#[test]
fn verifying_during_a_write_finds_no_fault_and_reports_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    index(folder.path(), 200);
    let path = folder.path().to_path_buf();
    let done = Cancel::new();
    let stop = done.clone();
    let mut writer = Writer::open(&path).unwrap();
    let writing = std::thread::spawn(move || {
        for number in 0.. {
            if stop.is_cancelled() {
                break;
            }
            let example = Example {
                question: format!("And {number}?"),
                answer: "yes".into(),
                ..Example::default()
            };
            writer.add(example, &[], &[NewVectors::default()]).unwrap();
            writer.commit().unwrap();
        }
        writer.finish().unwrap();
    });
    let mut written = 0;
    for _ in 0..40 {
        let verdict = verify::verify(Some(&path), &Cancel::new(), &mut |_, _| ()).unwrap();
        assert_eq!(verdict.faults, Vec::<String>::new());
        written += usize::from(verdict.written);
    }
    done.cancel();
    writing.join().unwrap();
    assert!(written > 0);
    let verdict = verify::verify(Some(&path), &Cancel::new(), &mut |_, _| ()).unwrap();
    assert!(!verdict.written && verdict.faults.is_empty());
}

struct TextEmbedder;

impl Embedder for TextEmbedder {
    fn image(&self, _: &Image) -> Result<Vec<Vec<f32>>, String> {
        Ok(vec![vec![1.0, 0.0]])
    }

    fn text(&self, text: &str) -> Result<Vec<Option<Vec<f32>>>, String> {
        Ok(vec![Some(vec![1.0, text.len() as f32])])
    }
}

#[test]
fn embedding_resumes_where_it_stopped_and_starts_over_if_its_files_are_too_short() {
    for shortened in ["", ".f16", "-text.f16"] {
        let folder = tempfile::tempdir().unwrap();
        index(folder.path(), 150);
        let (other, cancel) = (encoder("b", true), Cancel::new());
        let first = embed(
            folder.path(),
            other.clone(),
            &TextEmbedder,
            &cancel,
            &mut |_, _| {
                cancel.cancel();
            },
        );
        assert!(matches!(first, Err(IndexError::Cancelled)));
        if !shortened.is_empty() {
            let name = format!("vectors/{}{shortened}", other.file(0));
            let file = std::fs::File::options()
                .write(true)
                .open(folder.path().join(name));
            file.unwrap().set_len(70).unwrap();
        }
        let mut progress = Vec::new();
        embed(
            folder.path(),
            other,
            &TextEmbedder,
            &Cancel::new(),
            &mut |done, _| {
                progress.push(done);
            },
        )
        .unwrap();
        let expected = if shortened.is_empty() { 128 } else { 64 };
        assert_eq!(progress[0], expected, "{shortened}");
        let verdict = verify::verify(Some(folder.path()), &Cancel::new(), &mut |_, _| ()).unwrap();
        assert_eq!(verdict.faults, Vec::<String>::new(), "{shortened}");
        assert!(
            files::below(&folder.path().join("vectors"))
                .all(|path| path.extension() != Some("progress".as_ref()))
        );
    }
}
