//! Tests of the store through its public interface. Times and ids are real here, so snapshots use sessions built by hand.

mod branching;
mod damage;
mod exports;
mod hostile;
mod lookup;
mod replays;
mod saving;
mod stored_images;
mod volume;

use serde_json::json;
use std::path::Path;
use std::sync::Arc;

use super::*;
use rounds_support::Paths;

/// A temporary home directory.
struct Home {
    folder: tempfile::TempDir,
    paths: Paths,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        Self { folder, paths }
    }

    fn open(&self) -> Sessions {
        Sessions::open(&self.paths).unwrap()
    }

    fn data(&self) -> &Path {
        &self.paths.data_dir
    }

    fn database(&self) -> std::path::PathBuf {
        self.data().join("sessions.sqlite3")
    }

    /// Number of stored image files.
    fn image_files(&self) -> usize {
        std::fs::read_dir(self.data().join("session-images")).map_or(0, |entries| entries.count())
    }
}

fn asking(question: &str) -> NewTurn {
    NewTurn {
        question: question.into(),
        settings: json!({ "shots": 4, "strategy": "image" }),
        ..NewTurn::default()
    }
}

/// A PNG of one colour; another colour is another image.
fn png(colour: u8) -> Arc<[u8]> {
    let mut file = std::io::Cursor::new(Vec::new());
    let canvas = image::RgbImage::from_pixel(12, 8, image::Rgb([colour, 90, 160]));
    canvas.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner().into()
}

fn new_image(colour: u8) -> NewImage {
    NewImage {
        name: format!("film-{colour}.png"),
        format: "png".into(),
        width: 12,
        height: 8,
        bytes: png(colour),
    }
}

fn shot(question: &str) -> NewShot {
    NewShot {
        shot: StoredShot {
            example_id: "chest-film-7".into(),
            rank: 1,
            score: 0.91,
            reason: "most similar image".into(),
            question: question.into(),
            answer: "yes".into(),
            rationale: "A round shadow.".into(),
            source: "phantom".into(),
            licence: "CC0-1.0".into(),
            ..StoredShot::default()
        },
        thumbnail: Some(png(200).to_vec()),
    }
}

fn answer(text: &str) -> StoredAnswer {
    StoredAnswer {
        answer: text.into(),
        rationale: Some("A round shadow above the left hilum.".into()),
        stop_reason: "end-of-chunk".into(),
        provenance: json!({ "version": "0.1.0", "model_sha256": "aa", "shot_ids": ["a", "b"], "seed": 7, "temperature": 0.0 }),
        timings: json!({ "total_ms": 12.5 }),
        prompt_tokens: 120,
        generated_tokens: 3,
        log_probabilities: vec![-0.25, f32::NEG_INFINITY],
        ..StoredAnswer::default()
    }
}

fn answered(text: &str) -> TurnEnd {
    TurnEnd {
        shots: vec![shot("Is there a nodule in the example?")],
        ..Outcome::Answered(Box::new(answer(text))).into()
    }
}

fn stopped(text: &str) -> TurnEnd {
    Outcome::Stopped { text: text.into() }.into()
}

/// A session with one answered turn.
fn one_answer(sessions: &mut Sessions, question: &str) -> TurnId {
    let id = sessions.create(question, "nano", "phantoms").unwrap();
    let turn = sessions.begin_turn(&id, &asking(question)).unwrap();
    sessions.finish_turn(&turn, answered("yes")).unwrap();
    turn
}
