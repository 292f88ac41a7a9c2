//! An exported index, read back.

use super::*;

/// Runs a command that must succeed; gives its output.
fn done(home: &Path, words: &[&str]) -> String {
    let (code, out, err) = run(home, words);
    assert_eq!(code, 0, "{words:?}: {out}{err}");
    out
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An index called `first` with everything that an example may have.
fn first(folder: &Path, home: &Path) {
    let data = folder.join("data");
    std::fs::create_dir_all(data.join("documents")).unwrap();
    for (name, shade) in [("a.png", 10), ("b.png", 200)] {
        for place in [data.join(name), data.join("documents").join(name)] {
            image::RgbImage::from_pixel(24, 20, image::Rgb([shade, 50, 7]))
                .save(place)
                .unwrap();
        }
    }
    let rows = r#"{"image":"a.png","question":"Is it?","answer":"Yes.","rationale":"Because.","language":"EN","split":"train","organ":"ABD","modality":"X-Ray","plane":"Axial","grade":"II","patient":"p1","study":"s1","source":"me","licence":"CC0 1.0"}
{"image":["a.png","b.png"],"caption":"Two films.","language":"de","split":"test"}
"#;
    std::fs::write(data.join("rows.jsonl"), rows).unwrap();
    let document = "A film ![x](a.png) and another ![y](b.png)\n\nBoth show a nodule.\n";
    std::fs::write(data.join("documents/case.md"), document).unwrap();
    let documents = data.join("documents");
    done(
        home,
        &[
            "index",
            "import",
            "first",
            text(&data),
            "--format",
            "folder",
        ],
    );
    done(
        home,
        &[
            "index",
            "import",
            "first",
            text(&documents),
            "--format",
            "interleaved",
        ],
    );
    let long = format!("note={}", "a long remark; ".repeat(40));
    let image = data.join("b.png");
    done(
        home,
        &[
            "index",
            "add",
            "first",
            "-i",
            text(&image),
            "--question",
            "Two  blanks: is it so?",
            "--answer",
            "no",
            "--tag",
            "Modality=X-Ray; old",
            "--tag",
            &long,
            "--source",
            "",
        ],
    );
    done(
        home,
        &[
            "index",
            "add",
            "first",
            "--question",
            "Without an image?",
            "--answer",
            "yes",
        ],
    );
}

fn lines(export: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(export.join("examples.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn an_index_that_is_exported_and_read_back_is_exported_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    first(folder.path(), &home);
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    done(&home, &["index", "export", "first", text(&one)]);
    let import = [
        "index",
        "import",
        "second",
        text(&one),
        "--format",
        "folder",
        "--json",
    ];
    let summary: Value = serde_json::from_str(&done(&home, &import)).unwrap();
    assert_eq!(
        (&summary["added"], &summary["rows"]),
        (&5.into(), &5.into())
    );
    done(&home, &["index", "export", "second", text(&two)]);
    assert_eq!(lines(&one), lines(&two));
    assert_eq!(lines(&one).len(), 5);
    let (mut images, mut again) = (Vec::new(), Vec::new());
    collect(&one.join("images"), &mut images);
    collect(&two.join("images"), &mut again);
    assert_eq!((images.len(), again.len()), (2, 2));
    assert_eq!(
        stats(&home, "first")["tags"],
        stats(&home, "second")["tags"]
    );
}

#[test]
fn the_lines_of_an_export_are_chosen_by_language_and_split_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    first(folder.path(), &home);
    let one = folder.path().join("one");
    done(&home, &["index", "export", "first", text(&one)]);
    for (option, value) in [("--language", "de"), ("--split", "train")] {
        let import = [
            "index",
            "import",
            value,
            text(&one),
            "--format",
            "folder",
            "--json",
            option,
            value,
        ];
        let summary: Value = serde_json::from_str(&done(&home, &import)).unwrap();
        assert_eq!(
            (&summary["added"], &summary["left_out"]),
            (&1.into(), &4.into())
        );
    }
}

#[test]
fn an_export_that_somebody_changed_stays_data() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    first(folder.path(), &home);
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    done(&home, &["index", "export", "first", text(&one)]);
    std::fs::write(folder.path().join("secret.png"), "x").unwrap();
    let mut changed = Vec::new();
    for (field, value) in [
        ("answer", "\u{1B}]0;owned\u{7}yes".into()),
        (
            "tags",
            serde_json::json!(["na\u{1B}me=va\u{9B}2Jlue", "organ=head"]),
        ),
        ("image", "../secret.png".into()),
        ("tags", serde_json::json!(["no name"])),
        ("question", " \u{FFFC} ".into()),
    ] {
        let mut line: Value = serde_json::from_str(&lines(&one)[0]).unwrap();
        line[field] = value;
        changed.push(line.to_string());
    }
    std::fs::write(one.join("examples.jsonl"), changed.join("\n")).unwrap();
    let words = [
        "index",
        "import",
        "second",
        text(&one),
        "--format",
        "folder",
    ];
    let (code, out, err) = run(&home, &words);
    assert_eq!(code, 1, "{out}{err}");
    // The second has the images, question and answer that the first had before it was changed.
    assert!(
        out.starts_with("5 rows = 2 added + 0 duplicates + 3 rejected"),
        "{out}"
    );
    done(&home, &["index", "export", "second", text(&two)]);
    let clean = lines(&two).join("");
    assert!(
        !clean.contains("\\u001b") && !clean.contains('\u{9B}') && !clean.contains("\\u009b"),
        "{clean}"
    );
}
