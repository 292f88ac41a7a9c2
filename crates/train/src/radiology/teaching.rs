//! The teaching index that ships: worked examples about SLAKE's training images, in the project's own words, from what the annotators stated;
//! phantoms as a group of their own; and sample cases that are in neither.
//!
//! SLAKE is by Bo Liu, Li-Ming Zhan, Li Xu, Lin Ma, Yan Yang and Xiao-Ming Wu (ISBI 2021), CC BY 4.0; every example says so.

use serde_json::json;
use std::path::Path;

use super::RadiologyError;
use super::data::{RadiologyData, Set, Split};
use super::facts::{self, Facts, Knowledge, WorkedExample, worked_examples};
use crate::examples::{add, add_phantoms, tag};
use candle_core::Device;
use rounds_assistant::{Case, Engine, Experiment, Settings, Setup, comparable};
use rounds_imaging::{Image, decode, load, thumbnail_jpeg};
use rounds_index::{self as index, Example, Writer};
use rounds_model::FewShotLearner;
use rounds_model::bundle::Bundle;
use rounds_model::learner::FlamingoLearner;
use rounds_support::{Cancel, files, stderr_line};

/// Longest side of an image in pixels.
const SIDE: u32 = 384;
/// Most images and most examples of one image.
const IMAGES: usize = 380;
const PER_IMAGE: usize = 4;
/// Phantoms in their own group.
const PHANTOMS: usize = 90;
/// Sample cases, and most of one kind.
const CASES: usize = 10;
const PER_KIND: usize = 3;
/// What every example states about its origin.
const SOURCE: &str = "SLAKE (Liu et al., ISBI 2021), image unchanged but for its size; question, answer and rationale by rounds";
const LICENCE: &str = "CC BY 4.0";

fn text(error: impl std::fmt::Display) -> RadiologyError {
    RadiologyError::Input(error.to_string())
}

/// Writes the index to `index` and the sample cases to `cases`, with the vectors of the bundle in `bundle`.
pub fn ship_teaching(
    bundle: &Path,
    data_folder: &Path,
    index_folder: &Path,
    cases: &Path,
) -> Result<(), RadiologyError> {
    let learner = FlamingoLearner::load(&Bundle::open(Some(bundle)).map_err(text)?, &Device::Cpu)
        .map_err(text)?;
    let data = RadiologyData::read(data_folder).map_err(RadiologyError::Input)?;
    let folder = data_folder.join(Set::Slake.name());
    let all = facts::slake(&folder, "train").map_err(text)?;
    let knowledge = Knowledge::read(&folder).map_err(text)?;
    if index_folder.exists() {
        std::fs::remove_dir_all(index_folder).map_err(text)?;
    }
    let (mut encoder, _) =
        rounds_assistant::Embedders::of(Some(bundle), &Device::Cpu).map_err(text)?;
    encoder.bundle = String::new();
    index::create(index_folder, vec![encoder]).map_err(text)?;
    let mut writer = Writer::open(index_folder).map_err(text)?;
    let (mut images, mut held) = (0, Vec::new());
    for image in data.images.iter().filter(|image| image.set == Set::Slake) {
        let name = format!("imgs/{}", image.name);
        let Some(known) = all.get(&name) else {
            continue;
        };
        let known = known.clone().with_usual_plane();
        match image.split {
            Split::Report => continue,
            Split::Tune => {
                held.push(Held {
                    path: image.path.clone(),
                    original: image.name.clone(),
                    known,
                });
                continue;
            }
            Split::Train if images >= IMAGES => continue,
            Split::Train => {}
        }
        let study = image.name.split('/').next().unwrap_or(&image.name);
        let (jpeg, decoded) = shrunk(&load(&image.path).map_err(text)?)?;
        let vector = learner.encode_image(&decoded).map_err(text)?.vector;
        for (at, worked) in chosen(worked_examples(&known, &knowledge))
            .iter()
            .enumerate()
        {
            let example = example(study, at, &known, worked, &decoded);
            add(&mut writer, example, (&jpeg, &decoded), &vector).map_err(text)?;
        }
        images += 1;
    }
    add_phantoms(&mut writer, &learner, PHANTOMS, &[tag("group", "phantom")]).map_err(text)?;
    stderr_line(format_args!(
        "{} examples about {images} images and {PHANTOMS} phantoms",
        writer.len()
    ));
    writer.finish_for_memory().map_err(text)?;
    // The lock file only matters while writing.
    std::fs::remove_file(index_folder.join("writer.lock")).map_err(text)?;
    let mut engine = Engine::load(&Setup {
        model: Some(bundle.to_path_buf()),
        index: Some(index_folder.to_path_buf()),
        device: "cpu".into(),
        ..Setup::default()
    })
    .map_err(text)?;
    sample_cases(&held, &knowledge, &mut engine, cases)
}

/// The first examples of different topics, at most [`PER_IMAGE`].
fn chosen(worked: Vec<WorkedExample>) -> Vec<WorkedExample> {
    // What is in the image teaches more than how it was taken.
    let order = [
        "finding",
        "side",
        "place",
        "organ",
        "count",
        "knowledge",
        "body part",
        "plane",
        "modality",
    ];
    let mut worked = worked;
    let rank = |topic: &str| {
        order
            .iter()
            .position(|known| *known == topic)
            .unwrap_or(order.len())
    };
    // One of the last three, so that every topic is taught.
    worked.sort_by_key(|example| rank(example.topic));
    if worked.len() > PER_IMAGE {
        let plain =
            worked.len() - 1 - (worked[0].rationale.len() % 3).min(worked.len() - PER_IMAGE);
        worked.swap(PER_IMAGE - 1, plain);
        worked.truncate(PER_IMAGE);
    }
    worked
}

fn shrunk(image: &Image) -> Result<(Vec<u8>, Image), RadiologyError> {
    let jpeg = thumbnail_jpeg(image, SIDE, 88).map_err(text)?;
    let decoded = decode(&jpeg, "slake").map_err(text)?;
    Ok((jpeg, decoded))
}

fn example(
    study: &str,
    at: usize,
    known: &Facts,
    worked: &WorkedExample,
    image: &Image,
) -> Example {
    let mut tags = vec![
        tag("group", "radiology"),
        tag("topic", worked.topic),
        tag("answer_type", if worked.closed { "closed" } else { "open" }),
        tag("rationale", "derived"),
    ];
    let fields = [
        ("modality", &known.modality),
        ("plane", &known.plane),
        ("organ", &known.body_part),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            tags.push(tag(name, &value.to_lowercase()));
        }
    }
    for region in &worked.boxes {
        if let Some(b) = &region.bounds {
            let (w, h) = (image.width as f32, image.height as f32);
            let place = format!(
                "{} {:.0},{:.0},{:.0},{:.0}",
                region.name,
                b.x * w,
                b.y * h,
                b.width * w,
                b.height * h
            );
            tags.push(("box".into(), place));
        }
    }
    Example {
        id: format!("slake-{study}-{}", at + 1),
        question: worked.question.clone(),
        answer: worked.answer.clone(),
        rationale: worked.rationale.clone(),
        tags,
        source: SOURCE.into(),
        licence: LICENCE.into(),
        patient: format!("slake-{study}"),
        study: format!("slake-{study}"),
        ..Example::default()
    }
}

/// An image that no example shows.
struct Held {
    path: std::path::PathBuf,
    /// Its name in SLAKE.
    original: String,
    known: Facts,
}

/// A sample case to choose from.
struct Candidate {
    /// The image as a file, without a name yet.
    png: Vec<u8>,
    original: String,
    /// The part of the body and the modality, as in the file's name.
    kind: String,
    /// What is known, the question to begin with first.
    known: Vec<WorkedExample>,
    /// The lower, the better to begin with.
    rank: (usize, bool, u32),
}

/// Topics that a case may begin with; what is in the image says more than how it was taken.
const OPENINGS: [&str; 8] = [
    "finding",
    "count",
    "side",
    "place",
    "organ",
    "body part",
    "plane",
    "modality",
];

/// Images that no example shows, with what the annotators stated about them in `known-findings.json` beside the folder: for each file its
/// questions, answers and rationales. The model is asked each question as the program does. A case begins with a question whose answer is
/// right and stated without reservation, and the cases that have one come first.
fn sample_cases(
    held: &[Held],
    knowledge: &Knowledge,
    engine: &mut Engine,
    folder: &Path,
) -> Result<(), RadiologyError> {
    let mut candidates = Vec::new();
    for held in held {
        let worked = worked_examples(&held.known, knowledge);
        if !worked.is_empty() {
            candidates.push(candidate(held, worked, engine)?);
        }
    }
    // Stable, so that equals keep the data's order.
    candidates.sort_by_key(|candidate| candidate.rank);
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(text)?;
    }
    std::fs::create_dir_all(folder).map_err(text)?;
    let mut listed = Vec::new();
    let mut names = std::collections::BTreeMap::<String, usize>::new();
    for candidate in candidates {
        let same = names.entry(candidate.kind.clone()).or_default();
        *same += 1;
        if *same > PER_KIND || listed.len() >= CASES {
            continue;
        }
        let file = format!("{}-{same}.png", candidate.kind);
        files::write_atomic(&folder.join(&file), &candidate.png)?;
        let of = |w: &WorkedExample| json!({ "question": w.question, "answer": w.answer, "rationale": w.rationale });
        stderr_line(format_args!(
            "{file}: SLAKE {}, begins with a question about: {}",
            candidate.original,
            OPENINGS
                .get(candidate.rank.0)
                .unwrap_or(&"nothing that is right")
        ));
        listed.push(json!({
            "file": file,
            "sha256": files::sha256_hex(&candidate.png),
            "source": format!("SLAKE {}", candidate.original),
            "licence": LICENCE,
            "known": candidate.known.iter().map(of).collect::<Vec<_>>(),
        }));
    }
    let text = serde_json::to_string_pretty(&listed).map_err(text)?;
    files::write_atomic(
        &folder.with_file_name("known-findings.json"),
        text.as_bytes(),
    )?;
    Ok(())
}

/// Asks the model what is known of an image.
fn candidate(
    held: &Held,
    mut known: Vec<WorkedExample>,
    engine: &mut Engine,
) -> Result<Candidate, RadiologyError> {
    let words = |text: &Option<String>| text.clone().unwrap_or_default().to_lowercase();
    let kind = format!(
        "{}-{}",
        words(&held.known.body_part),
        words(&held.known.modality)
    );
    let png = png(&held.path)?;
    let case = Case {
        images: vec![decode(&png, "sample case").map_err(text)?],
        ..Case::default()
    };
    let experiment = Experiment {
        answer_only: true,
        ..Experiment::default()
    };
    // Without a right answer the case begins with what is most telling, after all others.
    let mut best = None;
    for (at, worked) in known.iter().enumerate() {
        let Some(topic) = OPENINGS.iter().position(|topic| *topic == worked.topic) else {
            continue;
        };
        if tells(&worked.question, &held.known) {
            continue;
        }
        let case = Case {
            question: worked.question.clone(),
            ..case.clone()
        };
        let said = engine
            .answer_with(
                &case,
                &Settings::default(),
                &experiment,
                &Cancel::default(),
                &mut |_| {},
            )
            .map_err(text)?;
        let right = comparable(&said.answer) == comparable(&worked.answer)
            && said.standing.sure != Some(false);
        let confidence = said.standing.confidence.unwrap_or(0.0);
        let rank = match right {
            true => (topic, worked.closed, 1000 - (confidence * 1000.0) as u32),
            false => (OPENINGS.len(), worked.closed, topic as u32),
        };
        if best.is_none_or(|(known, _)| rank < known) {
            best = Some((rank, at));
        }
    }
    let (rank, first) = best.unwrap_or(((OPENINGS.len() + 1, false, 0), 0));
    known[..=first].rotate_right(1);
    Ok(Candidate {
        png,
        original: held.original.clone(),
        kind: kind.replace([' ', '/'], "-"),
        known,
        rank,
    })
}

/// Whether a question names one of the findings, so that it tells what is to be found.
fn tells(question: &str, known: &Facts) -> bool {
    let asked = comparable(question);
    // `cancer` of lung cancer: the last word of a finding's name says what it is.
    let named = |name: &str| {
        let name = comparable(name);
        let last = name.rsplit(' ').next().unwrap_or_default();
        asked.split(' ').any(|word| word == last)
    };
    known.findings.iter().any(|finding| named(&finding.name))
}

/// An image as a sample case has it. Radiology images are grey, which takes a third of the space.
fn png(path: &Path) -> Result<Vec<u8>, RadiologyError> {
    let (_, small) = shrunk(&load(path).map_err(text)?)?;
    let pixels = image::RgbImage::from_raw(small.width, small.height, small.rgb.to_vec())
        .ok_or_else(|| text("an image has the wrong size"))?;
    let grey = pixels
        .pixels()
        .all(|p| p[0].abs_diff(p[1]) < 8 && p[1].abs_diff(p[2]) < 8);
    let image = image::DynamicImage::ImageRgb8(pixels);
    let image = match grey {
        true => image.to_luma8().into(),
        false => image,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(text)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiology::facts::Region;

    #[test]
    fn a_question_that_names_the_finding_tells_it() {
        let known = Facts {
            findings: vec![Region {
                name: "lung cancer".into(),
                bounds: None,
            }],
            ..Facts::default()
        };
        assert!(tells("Where in the image is the lung cancer?", &known));
        assert!(!tells("Which finding stands out?", &known));
        assert!(!tells("Is the lung visible?", &known));
    }
}
