//! A prefix-tuned model behind every command: import, embed, ask with shots, beams and options, script, eval.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{ended, feed, fixtures, rounds, run};

fn golden(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/golden/prefix").join(name);
    path.to_str().unwrap().to_owned()
}

#[path = "../common/word_tokenizer.rs"]
mod word_tokenizer;

/// A home with the small model `tuned`, and an index with its vectors.
pub fn with_tuned() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    word_tokenizer::write(folder.path(), 64, &[("<|endoftext|>", 63)]);
    let (checkpoint, language, vision) = (golden("gpt2-lora.pt"), golden("gpt2"), golden("vision"));
    let import = [
        "model",
        "import",
        "--family",
        "prefix",
        "--checkpoint",
        &checkpoint,
        "--language",
        &language,
        "--vision",
        &vision,
        "--tokenizer",
        folder.path().to_str().unwrap(),
        "--out",
        "tuned",
    ];
    let (code, out, err) = run(&home, &import);
    assert_eq!(code, 0, "{out}{err}");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut table = String::from("image,question,answer\n");
    for i in 0..4u8 {
        let pixels =
            image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([40 * i, x as u8, y as u8]));
        pixels.save(data.join(format!("{i}.png"))).unwrap();
        table.push_str(&format!("{i}.png,t1 t{i} ?,t{}\n", 9 + i));
    }
    std::fs::write(data.join("rows.csv"), table).unwrap();
    let data = data.to_str().unwrap().to_owned();
    for words in [
        vec!["index", "import", "mine", &data, "--format", "folder"],
        vec!["index", "embed", "mine", "--encoder", "tuned"],
        vec!["model", "verify", "tuned"],
    ] {
        let (code, out, err) = run(&home, &words);
        assert_eq!(code, 0, "{words:?}: {out}{err}");
    }
    (folder, home)
}

fn case() -> String {
    let path = fixtures::path("cases/chest-nodule.png");
    path.to_str().unwrap().to_owned()
}

fn asked(home: &Path, more: &[&str]) -> Value {
    let case = case();
    let words = [
        "ask",
        "--model",
        "tuned",
        "--index",
        "mine",
        "-i",
        &case,
        "--json",
        "--max-new-tokens",
        "6",
    ];
    let (code, out, err) = run(home, &[&words, more, &["t1 t2 ?"]].concat());
    assert_eq!(code, 0, "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_prefix_tuned_model_answers_with_and_without_shots_with_beams_and_options() {
    let (_folder, home) = with_tuned();
    let plain = asked(&home, &["--shots", "0"]);
    let told = |answer: &Value| {
        answer["notices"]
            .to_string()
            .contains("outside what it was trained on")
    };
    assert!(!told(&plain), "{plain}");
    assert_eq!(plain["shots"].as_array().map(Vec::len), Some(0), "{plain}");
    let shown = asked(&home, &["--shots", "2", "--strategy", "image"]);
    assert!(told(&shown), "{shown}");
    assert_eq!(shown["shots"].as_array().map(Vec::len), Some(2), "{shown}");
    let beams = asked(&home, &["--shots", "0", "--beams", "3"]);
    assert_eq!(
        beams["answer"],
        asked(&home, &["--shots", "0", "--beams", "3"])["answer"]
    );
    let ranked = asked(
        &home,
        &["--shots", "0", "--option", "t3", "--option", "t4 t5"],
    );
    assert_eq!(
        ranked["ranking"].as_array().map(Vec::len),
        Some(2),
        "{ranked}"
    );
    let line = serde_json::json!({
        "id": "1", "images": [case()], "question": "t1 t2 ?", "shots": 1
    });
    let script = rounds(&home, &["script", "--model", "tuned", "--index", "mine"]);
    let (code, out, err) = ended(&feed(script, &format!("{line}\n")));
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("\"event\":\"answer\"") || out.contains("\"type\":\"answer\""),
        "{out}"
    );
}

#[test]
fn what_cannot_be_trained_is_refused_as_wrong_usage_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let train = |more: &[&str]| {
        let common = ["train", "adapt", "--index", "shipped", "--out", "own"];
        let (code, out, err) = run(home.path(), &[common.as_slice(), more].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        err
    };
    let parts = ["--decoder", "a.gguf", "--tower", "b.pth"];
    let err = train(&[["--method", "flamingo"].as_slice(), &parts].concat());
    assert!(err.contains("give --model"), "{err}");
    // The model of the tests is no radiology learner.
    let err = train(&["--method", "flamingo"]);
    assert!(err.contains("--method lora"), "{err}");
    let err = train(&["--method", "other"]);
    assert!(err.contains("prefix-tuning, unfrozen, flamingo"), "{err}");
}
