//! Rating files from made-up results, and what happens to them.

mod making;
mod rating;
mod reporting;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;

/// A folder with the results of two runs on `items` items of two data sets, and what is made of them.
pub(super) struct Runs {
    pub(super) folder: tempfile::TempDir,
}

impl Runs {
    pub(super) fn new(items: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runs = Self { folder };
        for run in ["one", "two"] {
            std::fs::create_dir_all(runs.path(run).join("images")).unwrap();
        }
        let pixel = image::RgbImage::from_pixel(4, 4, image::Rgb([90, 90, 90]));
        pixel.save(runs.path("one/images/scan.png")).unwrap();
        let line = |item: usize, model: &str, condition: &str| {
            let dataset = if item.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            };
            json!({
                "dataset": dataset, "item": item, "question": format!("What is shown in {item}?"),
                "reference": "a nodule", "images": ["images/scan.png"], "model": model,
                "condition": condition, "answer": format!("answer {item} of {}", model.len()),
                "rationale": null, "seconds": 0.5,
            })
        };
        let all = |model, condition| (0..items).map(move |at| line(at, model, condition));
        let first = all("radiology", "few-shot").chain(all("radiology", "zero-shot"));
        runs.write("one/items.jsonl", first);
        runs.write("two/items.jsonl", all("secret-model", "few-shot"));
        runs
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, lines: impl IntoIterator<Item = serde_json::Value>) {
        let lines = lines.into_iter().map(|line| format!("{line}\n"));
        std::fs::write(self.path(name), lines.collect::<String>()).unwrap();
    }

    pub(super) fn request(&self, seed: u64) -> Request {
        Request {
            results: vec![self.path("one/items.jsonl"), self.path("two/items.jsonl")],
            seed: Some(seed),
            out: self.path("study.json"),
            ..Request::default()
        }
    }

    /// Makes a rating file and reads it.
    pub(super) fn set(&self, seed: u64) -> RatingSet {
        make(&self.request(seed)).unwrap();
        RatingSet::read(&self.path("study.json")).unwrap()
    }
}

pub(super) fn entry(item: usize, answer: usize, score: u8) -> Entry {
    Entry {
        item,
        answer,
        rating: Rating {
            score: Some(score),
            flags: Flags::default(),
        },
        undo: false,
    }
}

pub(super) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
