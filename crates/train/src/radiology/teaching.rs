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
use rounds_imaging::{Image, decode, load, thumbnail_jpeg};
use rounds_index::{self as index, Example, Writer};
use rounds_model::FewShotLearner;
use rounds_model::bundle::Bundle;
use rounds_model::learner::FlamingoLearner;
use rounds_support::{files, stderr_line};

/// Longest side of an image in pixels.
const SIDE: u32 = 384;
/// Most images and most examples of one image.
const IMAGES: usize = 380;
const PER_IMAGE: usize = 4;
/// Phantoms in their own group.
const PHANTOMS: usize = 90;
/// Sample cases.
const CASES: usize = 10;
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
                held.push((image.path.clone(), image.name.clone(), known));
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
    sample_cases(&held, &knowledge, cases)
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

/// Images that no example shows, with what the annotators stated about them in `known-findings.json` beside the folder: for each file its questions, answers and
/// rationales, the best one to begin with first.
fn sample_cases(
    held: &[(std::path::PathBuf, String, Facts)],
    knowledge: &Knowledge,
    folder: &Path,
) -> Result<(), RadiologyError> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(text)?;
    }
    std::fs::create_dir_all(folder).map_err(text)?;
    let mut listed = Vec::new();
    let mut names = std::collections::BTreeMap::<String, usize>::new();
    for (path, original, known) in held {
        let worked = worked_examples(known, knowledge);
        let Some(first) = worked
            .iter()
            .find(|w| matches!(w.topic, "finding" | "side" | "place") && !w.closed)
            .or(worked.first())
        else {
            continue;
        };
        let words = |text: &Option<String>| text.clone().unwrap_or_default().to_lowercase();
        let base = format!("{}-{}", words(&known.body_part), words(&known.modality))
            .replace([' ', '/'], "-");
        let same = names.entry(base.clone()).or_default();
        *same += 1;
        if *same > 3 || listed.len() >= CASES {
            continue;
        }
        let file = format!("{base}-{same}.png");
        let (_, small) = shrunk(&load(path).map_err(text)?)?;
        let pixels = image::RgbImage::from_raw(small.width, small.height, small.rgb.to_vec())
            .ok_or_else(|| text("an image has the wrong size"))?;
        // Radiology images are grey, which takes a third of the space.
        let grey = pixels
            .pixels()
            .all(|p| p[0].abs_diff(p[1]) < 8 && p[1].abs_diff(p[2]) < 8);
        let path = folder.join(&file);
        match grey {
            true => image::DynamicImage::ImageRgb8(pixels)
                .to_luma8()
                .save(&path)
                .map_err(text)?,
            false => pixels.save(&path).map_err(text)?,
        }
        let sha256 = files::sha256_hex(&files::read(&path)?);
        let of = |w: &WorkedExample| json!({ "question": w.question, "answer": w.answer, "rationale": w.rationale });
        listed.push(json!({
            "file": file,
            "sha256": sha256,
            "source": format!("SLAKE {original}"),
            "licence": LICENCE,
            "known": std::iter::once(first)
                .chain(worked.iter().filter(|w| w.question != first.question))
                .map(of)
                .collect::<Vec<_>>(),
        }));
    }
    let text = serde_json::to_string_pretty(&listed).map_err(text)?;
    files::write_atomic(
        &folder.with_file_name("known-findings.json"),
        text.as_bytes(),
    )?;
    Ok(())
}
