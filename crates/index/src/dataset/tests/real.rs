//! The three available data sets: every row is read, and no valid one is rejected.

use super::*;

/// The folder of a real data set; `None`, with a message, if it is missing.
fn real(name: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .join("../shared/data")
        .join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {name} is not available");
    None
}

fn split(name: &str) -> Options {
    Options {
        split: Some(name.to_owned()),
        ..Options::default()
    }
}

#[test]
fn vqa_rad_is_read_completely_in_both_forms() {
    let Some(folder) = real("vqa-rad") else {
        return;
    };
    let expanded = plain(Format::VqaRad, &folder);
    assert_eq!((expanded.rows.len(), expanded.rejected.len()), (1152, 0));
    assert!(expanded.error.is_none());
    let original = plain(Format::VqaRad, &folder.join("VQA_RAD Dataset Public.json"));
    assert_eq!((original.rows.len(), original.rejected.len()), (734, 0));
    let first = &original.rows[0];
    assert_eq!(
        first.question,
        "What type of imaging does this not represent?"
    );
    assert_eq!(first.answer, "ultrasound");
    assert_eq!(file(first, 0), "synpic28602.jpg");
    assert!(first.study.contains("19aa8a2b"));
    assert_eq!(tag(first, "organ"), "chest");
    assert_eq!(
        tag(first, "qid_linked_id"),
        "0e90b6bc-265f-490b-a039-509b9907a3cb"
    );
    assert_eq!(
        (first.source.as_str(), first.licence.as_str()),
        ("VQA-RAD", "CC0 1.0")
    );
    let paraphrases = original
        .rows
        .iter()
        .filter(|row| tag(row, "phrase_type") == "para");
    assert_eq!(paraphrases.count(), 236);
    let closed = original
        .rows
        .iter()
        .filter(|row| tag(row, "answer_type") == "closed")
        .count();
    let open = original
        .rows
        .iter()
        .filter(|row| tag(row, "answer_type") == "open")
        .count();
    assert_eq!((closed, open), (432, 302));
    assert!(
        original
            .rows
            .iter()
            .all(|row| tag(row, "answer_type_source").is_empty())
    );
    assert!(
        original
            .rows
            .iter()
            .all(|row| tag(row, "question_relation") != "null")
    );
}

#[test]
fn slake_is_english_unless_another_language_is_requested() {
    let Some(folder) = real("slake") else { return };
    let language = |name: &str| Options {
        language: Some(name.to_owned()),
        ..Options::default()
    };
    for (table, english, chinese) in [("train.json", 4743, 3302), ("validate.json", 1003, 179)] {
        let path = folder.join(table);
        let read_english = plain(Format::Slake, &path);
        // One answer in the published file is empty.
        let empty = usize::from(table == "train.json");
        let empty_english = read_english.rejected.len();
        assert_eq!(read_english.rows.len() + empty_english, english);
        assert_eq!(read_english.filtered, chinese);
        let read_chinese = read(Format::Slake, &path, &language("zh"));
        assert_eq!(
            read_chinese.rows.len() + read_chinese.rejected.len(),
            chinese
        );
        assert_eq!(empty_english + read_chinese.rejected.len(), empty);
        let all = read(Format::Slake, &path, &language("all"));
        assert_eq!(all.rows.len() + all.rejected.len(), english + chinese);
        assert_eq!(all.filtered, 0);
    }
    let both = plain(Format::Slake, &folder);
    assert_eq!(both.rows.len() + both.rejected.len(), 4743 + 1003);
    assert_eq!(both.reasons(), ["the answer is empty"]);
    let only = read(Format::Slake, &folder, &split("val"));
    assert_eq!(only.rows.len(), 1003);
}

#[test]
fn knowledge_questions_of_slake_come_with_the_fact_they_rely_on() {
    let Some(folder) = real("slake") else { return };
    let read = plain(Format::Slake, &folder.join("train.json"));
    let about = read
        .rows
        .iter()
        .filter(|row| tag(row, "base_type") == "kvqa");
    let joined = about
        .clone()
        .filter(|row| tag(row, "knowledge") == "graph")
        .count();
    assert!(
        joined * 2 > about.clone().count(),
        "{joined} of {}",
        about.count()
    );
    let lung = read
        .rows
        .iter()
        .find(|row| row.question.contains("function of the main organ"))
        .unwrap();
    assert!(
        lung.rationale.contains("Lung, function: breathe."),
        "{}",
        lung.rationale
    );
    assert_eq!(tag(lung, "rationale"), "derived");
    let boxed = read.rows.iter().find(|row| row.study == "xmlab69").unwrap();
    assert!(!tag(boxed, "box").is_empty());
    assert!(boxed.rationale.contains("Marked in the image: "));
    let modalities = ["ct", "mr", "xr"];
    assert!(
        read.rows
            .iter()
            .all(|row| modalities.contains(&tag(row, "modality").as_str()))
    );
    assert!(read.rows.iter().all(|row| !tag(row, "organ").contains('_')));
}

#[test]
fn vqa_med_is_read_completely_with_the_modality_of_its_images() {
    let Some(folder) = real("vqa-med-2019") else {
        return;
    };
    let training = open(
        Format::VqaMed2019,
        &folder.join("training"),
        &Options::default(),
    )
    .unwrap();
    assert_eq!(training.total, Some(12_628));
    let training = Read::of(training);
    assert_eq!((training.rows.len(), training.rejected.len()), (12_628, 0));
    let validation = plain(
        Format::VqaMed2019,
        &folder.join("validation/All_QA_Pairs_val.txt"),
    );
    assert_eq!(
        (validation.rows.len(), validation.rejected.len()),
        (1976, 0)
    );
    let of = |category: &str| {
        training
            .rows
            .iter()
            .filter(|row| tag(row, "category") == category)
            .count()
    };
    let counts = ["modality", "plane", "organ", "abnormality"].map(of);
    assert_eq!(counts, [3159, 3159, 3159, 3151]);
    assert!(
        training
            .rows
            .iter()
            .all(|row| tag(row, "category_source").is_empty())
    );
    let first: Vec<_> = training
        .rows
        .iter()
        .filter(|row| file(row, 0) == "synpic41148.jpg")
        .collect();
    assert_eq!(first.len(), 4);
    for row in &first {
        assert_eq!(tag(row, "modality"), "ct");
        assert_eq!(tag(row, "modality-text"), "cta - ct angiography");
        assert_eq!(tag(row, "plane"), "axial");
        assert_eq!(tag(row, "organ"), "lung, mediastinum, pleura");
        assert_eq!(tag(row, "split"), "train");
    }
    let known = training
        .rows
        .iter()
        .filter(|row| !tag(row, "modality").is_empty())
        .count();
    assert!(known * 100 > training.rows.len() * 95, "{known}");
    let category = folder.join("training/QAPairsByCategory/C3_Organ_train.txt");
    let organ = plain(Format::VqaMed2019, &category);
    assert_eq!((organ.rows.len(), organ.rejected.len()), (3159, 0));
    assert!(organ.rows.iter().all(|row| tag(row, "category") == "organ"));
    let all = read(Format::VqaMed2019, &folder, &split("validation"));
    assert_eq!((all.rows.len(), all.filtered), (1976, 12_628));
}
