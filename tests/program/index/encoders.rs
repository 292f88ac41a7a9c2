//! Vectors of further encoders: made once an image, searched, and dropped again.

use super::*;
use rounds_imaging::Image;
use rounds_index::Encoder;
use rounds_index::ingest::Embedder;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A program's home with a small CLIP called `tiny` in its library and an index of nine questions about three images.
fn with_tiny() -> (tempfile::TempDir, PathBuf) {
    let (folder, home) = imported(9);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/encoders/clip/hf");
    let words = [
        "model",
        "import",
        "--family",
        "encoder",
        "--checkpoint",
        golden.to_str().unwrap(),
        "--out",
        "tiny",
        "--licence",
        "CC0",
    ];
    let (code, out, err) = run(&home, &words);
    assert_eq!(code, 0, "{out}{err}");
    (folder, home)
}

fn embed(home: &Path) {
    let (code, _, err) = run(home, &["index", "embed", "mine", "--encoder", "tiny"]);
    assert_eq!(code, 0, "{err}");
}

fn case() -> String {
    let path = fixtures::path("cases/chest-nodule.png");
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_search_compares_the_encoder_that_it_names_or_that_its_strategy_needs() {
    let (_folder, home) = with_tiny();
    let case = case();
    let by_words = [
        "index",
        "search",
        "mine",
        "--strategy",
        "text-to-image",
        "--text",
        "a finding",
        "--json",
    ];
    let ask = [
        "ask",
        "a finding",
        "-i",
        &case,
        "--index",
        "mine",
        "--strategy",
        "text-to-image",
    ];
    for words in [&by_words[..], &ask[..]] {
        let (code, _, err) = run(&home, words);
        assert_eq!(code, 2, "{words:?}: {err}");
        assert!(err.contains("no text tower"), "{err}");
    }
    embed(&home);
    let found = |words: &[&str]| -> Value {
        let (code, out, err) = run(&home, words);
        assert_eq!(code, 0, "{words:?}: {err}");
        serde_json::from_str(&out).unwrap()
    };
    let hits = found(&by_words);
    assert_eq!(hits.as_array().unwrap().len(), 3);
    let reason = hits[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("question-to-image similarity"),
        "{reason}"
    );
    let by_image = ["index", "search", "mine", "--image", &case, "--json"];
    let hash = stats(&home, "mine")["encoders"][2]["sha256"]
        .as_str()
        .unwrap()[..8]
        .to_owned();
    let with = |name: &str| found(&[&by_image[..], &["--encoder", name]].concat());
    assert_eq!(with("tiny"), with(&hash));
    assert_ne!(with("tiny")[0]["score"], found(&by_image)[0]["score"]);
    let wrong = [&by_image[..], &["--encoder", "huge"]].concat();
    let (code, _, err) = run(&home, &wrong);
    assert_eq!(code, 3);
    assert!(
        err.contains("no vectors from huge; it has vectors from"),
        "{err}"
    );
    let wordless = ["index", "search", "mine", "--strategy", "text-to-image"];
    let (code, _, err) = run(&home, &wordless);
    assert_eq!(code, 2);
    assert!(err.contains("--text"), "{err}");
}

#[test]
fn an_index_whose_encoder_is_gone_says_so_and_can_drop_its_vectors() {
    let (_folder, home) = with_tiny();
    embed(&home);
    let tiny = stats(&home, "mine")["encoders"][2]["sha256"].clone();
    let (code, _, err) = run(&home, &["model", "remove", "tiny"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("index mine uses vectors from it"), "{err}");
    let case = case();
    let add = [
        "index",
        "add",
        "mine",
        "-i",
        &case,
        "--question",
        "New?",
        "--answer",
        "yes",
    ];
    let (code, _, err) = run(&home, &add);
    assert_eq!(code, 3, "{err}");
    assert!(
        err.contains("its bundle tiny is missing") && err.contains("--drop"),
        "{err}"
    );
    let drop = |name: &str| run(&home, &["index", "embed", "mine", "--drop", name]);
    assert_eq!(drop("huge").0, 2);
    let (code, _, err) = drop("tiny");
    assert_eq!(code, 0, "{err}");
    let mut files = Vec::new();
    collect(&home.join("data/indexes/mine"), &mut files);
    let stem = &tiny.as_str().unwrap()[..16];
    assert!(
        files
            .iter()
            .all(|file| !file.to_string_lossy().contains(stem)),
        "{files:?}"
    );
    let (code, _, err) = run(&home, &add);
    assert_eq!(code, 0, "{err}");
    assert_eq!(run(&home, &["index", "verify", "mine"]).0, 0);
    assert_eq!(drop("descriptor").0, 0);
    let last = stats(&home, "mine")["encoders"][0]["name"].clone();
    let (code, _, err) = drop(last.as_str().unwrap());
    assert_eq!(code, 2);
    assert!(err.contains("the only encoder"), "{err}");
    assert_eq!(
        stats(&home, "mine")["encoders"].as_array().unwrap().len(),
        1
    );
}

/// Makes a vector of an image's first dot, and counts the images.
#[derive(Default)]
struct Counting {
    images: AtomicUsize,
    texts: bool,
}

impl Embedder for Counting {
    fn image(&self, image: &Image) -> Result<Vec<Vec<f32>>, String> {
        self.images.fetch_add(1, Ordering::Relaxed);
        let dots = image.rgb.iter().take(3);
        Ok(vec![dots.map(|dot| f32::from(*dot) + 1.0).collect()])
    }

    fn text(&self, text: &str) -> Result<Vec<Option<Vec<f32>>>, String> {
        let vector = || vec![text.len() as f32, 1.0, 0.0];
        Ok(vec![self.texts.then(vector)])
    }
}

/// An index of two hundred questions about five images, one image after the other.
fn interleaved() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (home, data) = (folder.path().join("home"), folder.path().join("data"));
    std::fs::create_dir(&data).unwrap();
    let mut table = String::from("image,question,answer\n");
    for i in 0..200_u32 {
        let shade = (i % 5 * 50) as u8;
        image::RgbImage::from_pixel(24, 20, image::Rgb([shade, 77, 255 - shade]))
            .save(data.join(format!("{}.png", i % 5)))
            .unwrap();
        table += &format!("{}.png,What is seen in {i}?,finding\n", i % 5);
    }
    std::fs::write(data.join("rows.csv"), table).unwrap();
    let words = [
        "index",
        "import",
        "mine",
        data.to_str().unwrap(),
        "--format",
        "folder",
    ];
    let (code, _, err) = run(&home, &words);
    assert_eq!(code, 0, "{err}");
    (folder, home.join("data/indexes/mine"))
}

#[test]
fn an_image_of_many_examples_is_encoded_once_even_where_the_work_was_interrupted() {
    let (_folder, place) = interleaved();
    let encoder = Encoder {
        sha256: "c".repeat(64),
        name: "counting".into(),
        dimension: 3,
        bundle: String::new(),
        text: false,
    };
    let counting = Counting::default();
    let cancel = Cancel::new();
    let stopped =
        rounds_index::embed::embed(&place, encoder.clone(), &counting, &cancel, &mut |_, _| {
            cancel.cancel()
        });
    assert!(matches!(stopped, Err(IndexError::Cancelled)));
    rounds_index::embed::embed(
        &place,
        encoder.clone(),
        &counting,
        &Cancel::new(),
        &mut |_, _| {},
    )
    .unwrap();
    assert_eq!(counting.images.load(Ordering::Relaxed), 5);
    let index = Index::open(Some(&place)).unwrap();
    assert_eq!(index.rows(), 200);
    let vectors = index.vectors(&encoder.sha256).unwrap();
    let row = |number: usize| vectors.row(number).unwrap().unwrap();
    for number in 5..200 {
        assert_eq!(row(number), row(number % 5), "{number}");
    }
    assert_ne!(row(0), row(1));
}

#[test]
fn vectors_of_texts_that_were_lost_meanwhile_are_made_again() {
    let (_folder, place) = interleaved();
    let encoder = Encoder {
        sha256: "d".repeat(64),
        name: "with texts".into(),
        dimension: 3,
        bundle: String::new(),
        text: true,
    };
    let embedder = Counting {
        texts: true,
        ..Counting::default()
    };
    let cancel = Cancel::new();
    let stop = &mut |_, _| cancel.cancel();
    let stopped = rounds_index::embed::embed(&place, encoder.clone(), &embedder, &cancel, stop);
    assert!(matches!(stopped, Err(IndexError::Cancelled)));
    let mut files = Vec::new();
    collect(&place.join("vectors"), &mut files);
    let of_texts = |file: &&PathBuf| file.to_string_lossy().contains("text");
    let lost: Vec<_> = files.iter().filter(of_texts).collect();
    assert!(!lost.is_empty(), "{files:?}");
    for file in lost {
        std::fs::remove_file(file).unwrap();
    }
    let cancel = Cancel::new();
    rounds_index::embed::embed(&place, encoder.clone(), &embedder, &cancel, &mut |_, _| {})
        .unwrap();
    let index = Index::open(Some(&place)).unwrap();
    let texts = index.text_vectors(&encoder.sha256).unwrap();
    assert!(texts.row(0).unwrap().is_some() && texts.row(199).unwrap().is_some());
}
