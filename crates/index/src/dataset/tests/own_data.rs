//! The user's own folders and documents.

use super::*;

#[test]
fn known_columns_become_fields_and_others_become_tags() {
    let table = "Image,QUESTION,answer,Rationale,Modality,tags,patient,study,license,grade\n\
        a.png,Is it?,Yes.,Because.,X-Ray,view=PA; side: left,p1,s1,CC0 1.0,II\n\
        a.png; b.png,Both?,no,,,,,,,\n\
        \"[\"\"a.png\"\", \"\"b.png\"\"]\",List?,x,,,,,,,\n\
        c.png,Gone?,x,,,,,,,\n\
        ,None?,x,,,,,,,\n";
    let folder = Folder::new(&[("cases.csv", table), ("a.png", "x"), ("b.png", "y")]);
    let read = plain(Format::Folder, folder.path());
    let row = &read.rows[0];
    assert_eq!(
        (
            row.question.as_str(),
            row.answer.as_str(),
            row.rationale.as_str()
        ),
        ("Is it?", "Yes.", "Because.")
    );
    assert_eq!(
        (
            row.patient.as_str(),
            row.study.as_str(),
            row.licence.as_str()
        ),
        ("p1", "s1", "CC0 1.0")
    );
    assert_eq!(
        (row.source.as_str(), read.rows[1].licence.as_str()),
        ("cases.csv", "unknown")
    );
    assert_eq!(
        (tag(row, "modality"), tag(row, "modality-text")),
        ("xr".to_owned(), "X-Ray".to_owned())
    );
    assert_eq!(
        (tag(row, "view"), tag(row, "side"), tag(row, "grade")),
        ("PA".to_owned(), "left".to_owned(), "II".to_owned())
    );
    assert_eq!(tag(row, "answer_type"), "closed");
    assert_eq!(
        (read.rows[1].images.len(), read.rows[2].images.len()),
        (2, 2)
    );
    assert_eq!(
        read.reasons(),
        ["image not found: c.png", "there is no image"]
    );
}

#[test]
fn a_mapped_column_becomes_the_field_the_user_chose() {
    let table = "photo\tq\ttruth\timage\twho\n\u{FEFF}a.png\tWhat?\t7\twrong.png\tx\n"
        .replace("\u{FEFF}a", "a");
    let folder = Folder::new(&[("t.tsv", &format!("\u{FEFF}{table}")), ("a.png", "x")]);
    let pairs = [
        ("Photo", "image"),
        ("q", "question"),
        ("truth", "answer"),
        ("who", "ignore"),
    ];
    let map = pairs
        .map(|(column, field)| (column.to_owned(), field.to_owned()))
        .to_vec();
    let options = Options {
        map,
        licence: Some("mine".to_owned()),
        source: Some("me".to_owned()),
        ..Options::default()
    };
    let read = read(Format::Folder, folder.path(), &options);
    assert_eq!(read.rows.len(), 1, "{:?}", read.rejected);
    assert_eq!(read.rows[0].answer, "7");
    assert_eq!(
        (read.rows[0].source.as_str(), read.rows[0].licence.as_str()),
        ("me", "mine")
    );
    assert_eq!(tag(&read.rows[0], "who"), "");
}

#[test]
fn the_language_column_is_recognised_by_every_name() {
    for name in ["language", "lang", "q_lang"] {
        let table = format!("image\tquestion\tanswer\t{name}\na.png\tq\tx\ten\na.png\tq\ty\tfr\n");
        let folder = Folder::new(&[("t.tsv", &table), ("a.png", "x")]);
        let options = Options {
            language: Some("fr".to_owned()),
            ..Options::default()
        };
        let read = read(Format::Folder, folder.path(), &options);
        assert_eq!((read.rows.len(), read.filtered), (1, 1), "{name}");
        assert_eq!(tag(&read.rows[0], "language"), "fr");
    }
}

#[test]
fn json_and_json_lines_are_read_as_tables() {
    let list = r#"[{"image": ["a.png"], "caption": "A film.", "tags": {"view": "PA", "finding": ["x", "y"]}}, {"image": 7}, 3]"#;
    let lines = "{\"image\": \"a.png\", \"question\": \"q\", \"answer\": 3}\n{\"image\": \"a.png\", \"answer\": \"x\"}\n";
    for (name, content, rows, rejected) in [
        ("t.json", list, 1, 2),
        ("t.jsonl", lines, 1, 1),
        ("lines.json", lines, 1, 1),
    ] {
        let folder = Folder::new(&[(name, content), ("images/a.png", "x")]);
        let read = plain(Format::Folder, folder.path());
        assert_eq!(
            (read.rows.len(), read.rejected.len()),
            (rows, rejected),
            "{name}: {:?}",
            read.rejected
        );
        assert!(read.error.is_none());
        if name == "t.json" {
            assert_eq!(
                (tag(&read.rows[0], "view"), tag(&read.rows[0], "finding")),
                ("PA".to_owned(), "x; y".to_owned())
            );
        }
    }
}

#[test]
fn a_broken_list_gives_the_rows_before_the_error() {
    let folder = Folder::new(&[
        (
            "t.json",
            "[{\"image\":\"a.png\",\"question\":\"q\",\"answer\":\"x\"}, {\"image\": tru}, {\"image\": \"a",
        ),
        ("a.png", "x"),
    ]);
    let read = plain(Format::Folder, folder.path());
    assert_eq!((read.rows.len(), read.rejected.len()), (1, 1));
    assert_eq!(
        read.error.unwrap().to_string(),
        "t.json, entry 3: the file ends in the middle of an entry"
    );
}

#[test]
fn an_unclosed_quote_does_not_read_the_whole_file_into_memory() {
    let folder = Folder::new(&[("a.png", "x")]);
    let mut table = b"image,question,answer\na.png,q,x\na.png,\"q,x\n".to_vec();
    table.resize(12 << 20, b'\n');
    folder.write("t.csv", &table);
    let read = plain(Format::Folder, folder.path());
    assert_eq!(read.rows.len(), 1);
    assert!(
        read.error
            .unwrap()
            .to_string()
            .contains("is a quote not closed?")
    );
}

#[test]
fn several_tables_or_none_are_errors_with_hints() {
    use rounds_support::Hint;
    let folder = Folder::new(&[("a.csv", "image"), ("b.csv", "image")]);
    let error = open(Format::Folder, folder.path(), &Options::default())
        .err()
        .unwrap();
    assert!(error.to_string().ends_with(": a.csv, b.csv"), "{error}");
    assert!(error.hint().is_some());
    for format in [
        Format::VqaRad,
        Format::Slake,
        Format::VqaMed2019,
        Format::PathVqa,
        Format::PmcVqa,
        Format::PmcOa,
        Format::Roco,
        Format::RocoV2,
        Format::IuXray,
        Format::Interleaved,
        Format::Parquet,
    ] {
        let error = open(format, folder.path(), &Options::default())
            .err()
            .unwrap();
        assert!(
            error.to_string().starts_with("no ") && error.hint().is_some(),
            "{format:?}: {error}"
        );
        assert!(
            open(format, &folder.path().join("gone"), &Options::default()).is_err(),
            "{format:?}"
        );
    }
}

#[test]
#[cfg(unix)]
fn images_outside_the_given_folder_are_refused() {
    let outside = Folder::new(&[("secret.png", "x")]);
    let secret = outside.path().join("secret.png");
    let name = outside
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    let table = format!(
        "image,question,answer\n{},q,x\n../{name}/secret.png,q,x\nlink.png,q,x\ninner/../a.png,q,x\ninner,q,x\n",
        secret.display()
    );
    let folder = Folder::new(&[("t.csv", &table), ("a.png", "x"), ("inner/b.png", "x")]);
    std::os::unix::fs::symlink(&secret, folder.path().join("link.png")).unwrap();
    let read = plain(Format::Folder, folder.path());
    assert_eq!(read.rows.len(), 1);
    let outside = read
        .reasons()
        .iter()
        .filter(|reason| reason.starts_with("image outside"))
        .count();
    assert_eq!((outside, read.rejected.len()), (3, 4));
    let options = Options {
        images: Some(outside_folder(&secret)),
        ..Options::default()
    };
    assert_eq!(
        super::read(Format::Folder, folder.path(), &options)
            .rows
            .len(),
        2
    );
}

#[cfg(unix)]
fn outside_folder(secret: &Path) -> PathBuf {
    secret.parent().unwrap().to_path_buf()
}

#[test]
fn texts_are_sanitised_and_contain_no_stray_placeholder() {
    let folder = Folder::new(&[
        (
            "t.jsonl",
            "{\"image\":\"a.png\",\"question\":\"\\u001b]52;c;eA==\\u0007Is\\ufffc it?\",\"answer\":\" y\\u001b[31mes \",\"note\":\"\\u001b[2J!\"}",
        ),
        ("a.png", "x"),
    ]);
    let row = plain(Format::Folder, folder.path()).rows.remove(0);
    assert_eq!(row.question, "\u{FFFD}Is it?");
    assert_eq!(row.answer, "y\u{FFFD}es");
    assert!(!tag(&row, "note").contains('\u{1B}'));
}

#[test]
fn a_markdown_document_becomes_rows_with_placeholders() {
    let text =
        "# Case\nA film: ![film](a.png)\nand a CT <image:images/b.png>\n\nBoth show a nodule.\n";
    let folder = Folder::new(&[
        ("case.md", text),
        ("a.png", "x"),
        ("images/b.png", "y"),
        ("second.txt", "no image"),
        ("third.md", "![x](gone.png) x"),
    ]);
    let read = plain(Format::Interleaved, folder.path());
    assert_eq!(read.rows.len(), 1);
    let row = &read.rows[0];
    assert_eq!(row.question, "# Case\nA film: \u{FFFC} and a CT \u{FFFC}");
    assert_eq!(
        (row.answer.as_str(), row.study.as_str()),
        ("Both show a nodule.", "case")
    );
    assert_eq!(
        (file(row, 0), file(row, 1)),
        ("a.png".to_owned(), "b.png".to_owned())
    );
    assert_eq!(
        read.reasons(),
        [
            "there is no image in the document",
            "image not found: gone.png"
        ]
    );
}

#[test]
fn json_lines_documents_list_their_images_or_have_parallel_lists() {
    let lines = "{\"text\":\"<image> One. <image>Two.\",\"images\":[\"a.png\",\"a.png\"],\"id\":\"d1\"}\n\
        {\"texts\":[null,\"Three.\"],\"images\":[\"a.png\",null]}\n\
        {\"text\":\"<image><image> x\",\"images\":[\"a.png\"]}\n\
        {\"text\":\"<image> x\",\"images\":[\"a.png\",\"a.png\"]}\n";
    let folder = Folder::new(&[("d.jsonl", lines), ("a.png", "x")]);
    let read = plain(Format::Interleaved, folder.path());
    assert_eq!(read.rows.len(), 2, "{:?}", read.rejected);
    assert_eq!(read.rows[0].question, "\u{FFFC} One. \u{FFFC}");
    assert_eq!(read.rows[0].answer, "Two.");
    assert_eq!(read.rows[1].question, "\u{FFFC} What does this image show?");
    assert_eq!(tag(&read.rows[1], "question"), "derived");
    assert_eq!(
        read.reasons(),
        [
            "there are more placeholders than images",
            "there are more images than placeholders"
        ]
    );
}

fn refused(content: &[u8], name: &str, options: &Options) -> String {
    use rounds_support::Hint;
    let folder = Folder::new(&[("a.png", "x")]);
    folder.write(name, content);
    let error = open(Format::Folder, folder.path(), options).err().unwrap();
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

#[test]
fn a_mapped_column_that_no_row_has_is_an_error_that_lists_the_columns() {
    let options = Options {
        map: vec![("nosuch".to_owned(), "answer".to_owned())],
        ..Options::default()
    };
    let table = b"image,question,answer\na.png,q,x\n";
    assert_eq!(
        refused(table, "t.csv", &options),
        "no row has the column nosuch; the columns are: image, question, answer"
    );
    // A column that only appears in a later line counts.
    let folder = Folder::new(&[
        (
            "t.jsonl",
            "{\"image\":\"a.png\",\"question\":\"q\"}\n{\"image\":\"a.png\",\"question\":\"q\",\"nosuch\":\"x\"}\n",
        ),
        ("a.png", "x"),
    ]);
    assert_eq!(read(Format::Folder, folder.path(), &options).rows.len(), 1);
}

#[test]
fn a_table_without_an_image_column_is_an_error_that_lists_the_columns() {
    for table in [
        "photo,question,answer\na.png,q,x\n",
        "a.png,q,x\na.png,q,y\n",
    ] {
        let said = refused(table.as_bytes(), "t.csv", &Options::default());
        let columns = table.lines().next().unwrap().replace(',', ", ");
        assert!(said.ends_with(&columns), "{said}");
    }
}

#[test]
fn a_semicolon_separated_table_is_read() {
    let table = "image;question;answer\na.png;Is it, then?;yes\n";
    let folder = Folder::new(&[("t.csv", table), ("a.png", "x")]);
    let read = plain(Format::Folder, folder.path());
    assert_eq!(read.rows[0].question, "Is it, then?");
}

#[test]
fn files_that_are_not_utf_8_text_are_refused_with_a_reason() {
    let utf_16: Vec<u8> = "\u{FEFF}image,question,answer\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (content, part) in [
        (&utf_16[..], "UTF-16"),
        (&utf_16[2..], "UTF-16"),
        (&[0; 5000][..], "not text"),
        (&b""[..], "empty"),
    ] {
        for name in ["t.csv", "t.jsonl", "t.json"] {
            let said = refused(content, name, &Options::default());
            assert!(said.contains(part), "{name}: {said}");
        }
    }
}

#[test]
fn an_unclosed_quote_is_reported_for_the_row_it_starts_in() {
    let table = "image,question,answer\na.png,q,\"x\ny\"\na.png,q,\"open\na.png,q,x\na.png,q,x\n";
    let folder = Folder::new(&[("t.csv", table), ("a.png", "x")]);
    let read = plain(Format::Folder, folder.path());
    assert_eq!(read.rows.len(), 1);
    assert!(
        read.reasons()[0].contains("quote is not closed"),
        "{:?}",
        read.rejected
    );
}

#[test]
fn a_table_opened_as_parquet_is_not_reported_as_damaged() {
    use rounds_support::Hint;
    let folder = Folder::new(&[("t.tsv", "image\tquestion\tanswer\n")]);
    let error = open(
        Format::Parquet,
        &folder.path().join("t.tsv"),
        &Options::default(),
    );
    let error = error.err().unwrap();
    assert!(error.to_string().contains("not a Parquet file"), "{error}");
    assert!(error.hint().unwrap().contains("--format folder"));
}
