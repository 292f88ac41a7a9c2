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
    let (none, err) = found(&home, &["-t", "zebra"]);
    assert!(none.is_empty());
    assert_eq!(err, "note: No matching examples found\n");
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
fn the_flags_of_a_search_take_what_those_of_a_question_take() {
    let (_folder, home) = imported(3);
    for (flag, value, takes) in [
        ("--floor", "7", "it takes a number from -1 to 1, or off"),
        ("--filter", "ct", "`ct` is not a condition"),
        ("--seed", "-1", "it takes a whole number"),
    ] {
        let (code, out, err) = run(&home, &["index", "search", "mine", flag, value]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(takes), "{err}");
    }
    let off = ["--floor", "off", "--filter", "off", "--seed", "7"];
    assert_eq!(found(&home, &off).0.len(), 3);
    let (_, help, _) = run(&home, &["index", "search", "--help"]);
    assert!(help.contains("Seed for random results"), "{help}");
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

#[test]
fn an_image_of_the_index_is_found_by_itself_and_marked_as_the_same() {
    let (folder, home) = imported(12);
    let image = folder.path().join("data/p0001.png");
    let image = image.to_str().unwrap();
    let (hits, err) = found(&home, &["-i", image, "-k", "3"]);
    assert_eq!(err, "", "nothing is kept away");
    assert_eq!(hits.len(), 3);
    assert_eq!(hits[0]["same_image"], true, "{}", hits[0]);
    let reason = hits[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the same image; image similarity 1.000"),
        "{reason}"
    );
    assert!(hits[1..].iter().all(|hit| hit["same_image"] == false));
    let (_, out, _) = run(&home, &["index", "search", "mine", "-i", image, "-k", "1"]);
    assert!(out.contains("the same image; image similarity"), "{out}");
    // The image itself is more similar than any floor, unless the conditions exclude it.
    let (hits, err) = found(
        &home,
        &[
            "-i",
            image,
            "--floor",
            "0.9999",
            "--filter",
            "patient!=Patient 0",
        ],
    );
    assert!(hits.is_empty());
    let wanted = "No matching examples found with a similarity of at least 0.9999";
    assert!(err.contains(wanted), "{err}");
}

#[test]
fn a_question_whose_words_match_no_example_says_that_there_are_no_shots() {
    let (_folder, home) = imported(3);
    let ask = ["ask", "Xylophone?", "--index", "mine", "--strategy", "text"];
    let (_, out, err) = run(&home, &ask);
    assert!(
        out.contains("note: No matching examples found"),
        "{out}{err}"
    );
}

#[test]
fn every_search_finds_the_same_and_an_unknown_one_is_refused() {
    let (folder, home) = imported(30);
    let image = folder.path().join("data/p0004.png");
    let image = image.to_str().unwrap();
    let ids = |search: &str| {
        let (hits, _) = found(&home, &["-i", image, "-k", "5", "--search", search]);
        let ids: Vec<_> = hits.iter().map(|hit| hit["id"].clone()).collect();
        assert_eq!(ids.len(), 5, "{search}");
        ids
    };
    let exact = ids("exact");
    for search in ["auto", "hnsw", "hnsw-rs"] {
        assert_eq!(ids(search), exact, "{search}");
    }
    let words = ["index", "search", "mine", "-i", image, "--search", "faiss"];
    let (code, _, err) = run(&home, &words);
    assert_eq!(code, 2);
    assert!(err.contains("hnsw-rs"), "{err}");
}

#[test]
fn the_list_of_indexes_is_a_table_with_the_shipped_one() {
    let (_folder, home) = imported(6);
    let (code, out, err) = run(&home, &["index", "list"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["NAME", "EXAMPLES", "IMAGES", "ENCODERS", "SIZE"]);
    assert_eq!(lines[1][..3], ["mine", "6", "2"], "{out}");
    assert_eq!(lines[2][0], "shipped", "{out}");
    assert!(!out.contains('['), "{out}");
    let (_, out, _) = run(&home, &["index", "list", "--json"]);
    let listed: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(listed[0]["images"], 2);
    for index in &listed {
        assert!(index["bytes"].as_u64().unwrap() > 1000, "{index}");
        assert!(
            index["encoders"]
                .as_array()
                .is_some_and(|all| !all.is_empty()),
            "{index}"
        );
    }
    assert_eq!(stats(&home, "shipped")["bytes"], listed[1]["bytes"]);
    let (_, out, err) = run(&home.with_file_name("empty"), &["index", "list"]);
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(err.contains("no indexes of your own yet"), "{err}");
}

#[test]
fn an_import_takes_the_format_before_the_path_or_as_a_flag() {
    let (_folder, home, data) = begun(3);
    let data = data.to_str().unwrap();
    let (code, _, err) = run(&home, &["index", "import", "mine", "folder", data]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(stats(&home, "mine")["examples"], 3);
    for (words, wanted) in [
        (&["mine", data][..], "the format is missing"),
        (&["mine", "nosuch", data], "nosuch is not a format"),
        (
            &["mine", "folder", data, "--format", "folder"],
            "given twice",
        ),
    ] {
        let words = [&["index", "import"][..], words].concat();
        let (code, out, err) = run(&home, &words);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(wanted), "{err}");
    }
    let (_, _, err) = run(&home, &["index", "import", "mine", data]);
    assert!(err.contains("slake") && err.contains("vqa-rad"), "{err}");
}

#[test]
fn stats_list_no_values_of_tags_that_are_ids_and_no_tag_twice() {
    let (_folder, home, data) = begun(3);
    let mut table = String::from("image,question,answer,box,content_type,category\n");
    for i in 0..300 {
        let kind = ["organ", "plane"][i % 2];
        table += &format!("p0000.png,What is {i}?,it,Liver {i} 2 3 4,{kind},{kind}\n");
    }
    std::fs::write(data.join("questions.csv"), table).unwrap();
    let words = ["index", "import", "mine", "folder", data.to_str().unwrap()];
    let (code, _, err) = run(&home, &words);
    assert_eq!(code, 0, "{err}");
    let (_, out, _) = run(&home, &["index", "stats", "mine"]);
    assert!(out.contains("box: 300 values, not listed"), "{out}");
    assert!(!out.contains("Liver"), "{out}");
    assert!(out.contains("category, content-type: 2 values"), "{out}");
    assert_eq!(out.matches("plane").count(), 1, "{out}");
    let all = stats(&home, "mine");
    assert_eq!(all["tags"]["box"].as_object().unwrap().len(), 300);
}
