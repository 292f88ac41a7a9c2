//! Calibrates a bundle: asks it about the tuning images, as the program would, and fits how likely its answers are right.

use serde::Serialize;
use std::path::Path;

use super::calibration::{self, Judged};
use super::data::{RadiologyData, Set, Split};
use super::{RadiologyError, SAME, exam, ship, similar, textures, views, wording};
use rounds_assistant::comparable;
use rounds_model::bundle::{Bundle, Reliability};
use rounds_support::rng::Rng;
use rounds_support::{Cancel, files, stderr_line};

/// Questions of the tuning split that are asked.
const QUESTIONS: usize = 900;
/// Answers without reservation must be right this often on the tuning split.
const SURE: f32 = 0.84;
/// Side of the thumbnails that near-duplicates are found by.
const SIDE: usize = 128;

/// An answer that a calibration is made from, as a line of JSON.
#[derive(Serialize)]
struct AnswerLine<'a> {
    set: &'a str,
    question: &'a str,
    reference: &'a str,
    answer: &'a str,
    shots: usize,
    /// Cosine of the question's image and the most similar shot's, centred.
    similarity: Option<f32>,
    /// Share of the shots that ask the same question in the same words.
    same_question: Option<f32>,
    probability: f32,
    yes_or_no: bool,
    /// As in [`rounds_model::bundle::ShotEvidence`].
    agreement: Option<f32>,
    overlap: Option<f32>,
    likeness: Option<f32>,
    right: bool,
}

/// Measures on the tuning split how likely answers of the bundle in the folder `bundle` are right, and writes it to its manifest.
/// `answers` is a file for the answers it is made from, one JSON object a line; then every question is asked without shots too.
///
/// # Errors
/// If the bundle or the data cannot be read, or it was cancelled; the manifest is then as it was.
pub fn calibrate_radiology(
    bundle: &Path,
    data: &Path,
    answers: Option<&Path>,
    threads: usize,
    cancel: &Cancel,
) -> Result<(), RadiologyError> {
    crate::process::prepare();
    let text = RadiologyError::Input;
    let data = RadiologyData::read(data).map_err(text)?;
    let mut manifest = Bundle::manifest(bundle).map_err(|e| text(e.to_string()))?;
    let pixels = views::squashed(&data, SIDE, threads).map_err(text)?;
    let same = similar::near_duplicates(&pixels, SIDE, SAME);
    drop(pixels);
    stderr_line(format_args!("computing the vectors of all images"));
    let vectors = exam::vectors(bundle, &data, threads)?;
    let train = data.images_of(Split::Train);
    let mean = exam::mean(&vectors, &train);
    let neighbours = similar::Neighbours::new(
        &data,
        vectors.iter().map(Vec::as_slice),
        &mean,
        &same,
        &data.questions_of(Split::Train),
    );
    let mut questions = data.questions_of(Split::Tune);
    Rng::new(20_261_129).shuffle(&mut questions);
    questions.truncate(QUESTIONS);
    let with_shots = |&question: &usize, shots: usize| {
        let mut near = neighbours.of(question, shots);
        near.reverse();
        let answer = |at: usize| data.questions[at].answer.clone();
        exam::Asked {
            question,
            shots: near.into_iter().map(|at| (at, answer(at))).collect(),
            rationales: true,
            blank: false,
            wording: None,
        }
    };
    // Most are asked with shots, as in the program; a third counts without.
    let alone = questions.iter().take(match answers {
        Some(_) => QUESTIONS,
        None => QUESTIONS / 3,
    });
    let asked: Vec<exam::Asked> = questions
        .iter()
        .map(|question| with_shots(question, 4))
        .chain(alone.map(|question| with_shots(question, 0)))
        .collect();
    stderr_line(format_args!("asking {} questions", asked.len()));
    let encoded = exam::encode(bundle, &data, &asked, threads).map_err(text)?;
    let said = exam::answers(bundle, &data, &asked, &encoded, threads, cancel).map_err(text)?;
    if let Some(path) = answers {
        let lines = said.iter().zip(&asked).map(|(said, asked)| {
            let of = &data.questions[asked.question];
            let shots = asked.shots.iter().map(|(shot, _)| *shot);
            let similarities = shots.map(|shot| neighbours.similarity(asked.question, shot));
            let wording = comparable(&of.question);
            let same =
                |shot: &&(usize, String)| comparable(&data.questions[shot.0].question) == wording;
            let total = asked.shots.len();
            let evidence = &said.evidence;
            let line = AnswerLine {
                set: data.images[of.image].set.name(),
                question: &of.question,
                reference: &of.answer,
                answer: &said.answer,
                shots: total,
                similarity: similarities.max_by(f32::total_cmp),
                same_question: (total > 0)
                    .then(|| asked.shots.iter().filter(same).count() as f32 / total as f32),
                probability: evidence.probability,
                yes_or_no: evidence.yes_or_no,
                agreement: evidence.shots.map(|shots| shots.agreement),
                overlap: evidence.shots.map(|shots| shots.overlap),
                likeness: evidence.shots.map(|shots| shots.likeness),
                right: exam::exact(&said.answer, &of.answer),
            };
            serde_json::to_string(&line).map(|line| line + "\n")
        });
        let lines: String = lines
            .collect::<Result<_, _>>()
            .map_err(|e| text(e.to_string()))?;
        files::write_atomic(path, lines.as_bytes()).map_err(|e| text(e.to_string()))?;
    }
    let judged: Vec<(Set, Judged)> = said
        .iter()
        .zip(&asked)
        .take(questions.len() + QUESTIONS / 3)
        .map(|(said, asked)| {
            let of = &data.questions[asked.question];
            let judged = Judged {
                evidence: said.evidence,
                right: exam::exact(&said.answer, &of.answer),
            };
            (data.images[of.image].set, judged)
        })
        .collect();
    let all: Vec<Judged> = judged.iter().map(|(_, judged)| *judged).collect();
    stderr_line(format_args!("comparing the textures of all images"));
    let colour = manifest.reliability.as_ref().and_then(|known| known.colour);
    let texture = textures::write(&data, colour, threads, bundle)?;
    textures::list(&mut manifest, &texture, bundle)?;
    let questions = wording::write(&data, &mut manifest, bundle)?;
    let fitted = Reliability {
        colour,
        texture: Some(texture),
        questions: Some(questions),
        ..calibration::fit(&all, SURE)
    };
    for set in Set::ALL {
        let of = judged.iter().filter(|(from, _)| *from == set);
        let (n, right, stated) = of.fold((0, 0.0, 0.0), |(n, right, stated), (_, judged)| {
            let confidence = fitted.confidence(&judged.evidence);
            (
                n + 1,
                right + f32::from(u8::from(judged.right)),
                stated + confidence,
            )
        });
        let share = |sum: f32| 100.0 * sum / (n as f32).max(1.0);
        stderr_line(format_args!(
            "{}: {n} answers, {:.1} % right, {:.1} % on average by their confidence",
            set.name(),
            share(right),
            share(stated)
        ));
    }
    stderr_line(format_args!("{fitted:?}"));
    manifest.reliability = Some(fitted);
    ship::save(&manifest, bundle)
}
