//! Looking into an index: search, lists, and what JSON says of its use.

use super::*;

fn found(home: &Path, words: &[&str]) -> (Vec<Value>, String) {
    let words = [&["index", "search", "mine", "--json"][..], words].concat();
    let (code, out, err) = run(home, &words);
    assert_eq!(code, 0, "{err}");
    (serde_json::from_str(&out).unwrap(), err)
}

#[test]
fn words_and_filters_find_every_example_of_an_image() {
    let (_folder, home) = imported(30);
    for words in [&["-t", "seen"][..], &["--filter", "modality=CT"], &[]] {
        let (all, err) = found(&home, &[words, &["-k", "100"]].concat());
        assert_eq!(all.len(), 30, "{words:?}");
        assert!(err.contains("30 of 100 results"), "{err}");
        let (few, err) = found(&home, &[words, &["-k", "4"]].concat());
        assert_eq!(few.len(), 4);
        assert!(err.contains("4 of 30 results"), "{err}");
    }
    let (first, _) = found(&home, &["-k", "1"]);
    assert_eq!(first[0]["question"], "What is seen in 0?");
    let (random, err) = found(&home, &["--strategy", "random", "-k", "100"]);
    assert_eq!(random.len(), 10);
    assert!(err.contains("results, one per image"), "{err}");
    let (hits, _) = found(&home, &["-t", "finding", "-k", "1"]);
    let reason = hits[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("matching words in question, answer or tags"),
        "{reason}"
    );
}

#[test]
fn a_condition_on_a_tag_that_nothing_has_is_refused_with_the_tags_there_are() {
    let (_folder, home) = imported(6);
    for wrong in ["nosuch=1", "modalty=ct", "nosuch!=1"] {
        let (code, out, err) = run(&home, &["index", "search", "mine", "--filter", wrong]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("modality") && err.contains("source"), "{err}");
    }
    let ask = [
        "ask",
        "What is seen?",
        "--index",
        "mine",
        "--strategy",
        "text",
    ];
    let (code, _, err) = run(&home, &[&ask[..], &["--filter", "modalty=ct"]].concat());
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = run(
        &home,
        &["index", "search", "mine", "--filter", "modality==ct"],
    );
    assert_eq!(code, 2, "{err}");
    for right in [
        "source=QUESTIONS.csv",
        "license=cc0 1.0",
        "patient=Patient 0",
    ] {
        assert_eq!(found(&home, &["--filter", right]).0.len(), 6, "{right}");
    }
}

#[test]
fn every_summary_in_json_says_what_it_is_for() {
    let (_folder, home) = imported(3);
    for words in [
        &["index", "list", "--json"][..],
        &["index", "verify", "mine", "--json"],
        &["session", "stats", "--json"],
        &["eval", "phantoms", "-n", "1", "--shots", "0", "--json"],
        &["eval", "binding", "-n", "1", "--shots", "2", "--json"],
        &[
            "eval",
            "neighbours",
            "--index",
            "mine",
            "--queries",
            "mine",
            "--json",
        ],
        &["eval", "neighbours", "--index", "mine", "--queries", "mine"],
    ] {
        let (code, out, err) = run(&home, words);
        assert_eq!(code, 0, "{err}");
        assert!(
            out.contains(rounds_support::INTENDED_USE),
            "{words:?}: {out}"
        );
    }
}

#[test]
fn an_import_lists_its_rejections_and_says_each_commit_once() {
    let (_folder, home, data) = begun(3);
    let table = std::fs::read_to_string(data.join("questions.csv")).unwrap();
    std::fs::write(data.join("questions.csv"), table + "gone.png,q,a,ct,,CC0\n").unwrap();
    let data = data.to_str().unwrap();
    let import = [
        "index",
        "import",
        "mine",
        data,
        "--format",
        "folder",
        "--json",
        "--commits",
    ];
    let (code, out, err) = run(&home, &import);
    assert_eq!(code, 1, "{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["rejections"][0]["origin"], "questions.csv, line 5");
    assert_eq!(
        summary["rejections"][0]["reason"],
        "image not found: gone.png"
    );
    assert_eq!(err.matches("committed").count(), 1, "{err}");
}

#[test]
fn a_mapped_column_that_no_row_has_makes_no_index() {
    let (_folder, home, data) = begun(3);
    let data = data.to_str().unwrap();
    let import = [
        "index",
        "import",
        "mine",
        data,
        "--format",
        "folder",
        "--map",
        "nosuch=answer",
    ];
    let (code, _, err) = run(&home, &import);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("the columns are: image, question"), "{err}");
    assert!(!home.join("data/indexes/mine").exists());
}
