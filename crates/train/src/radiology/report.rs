//! The report on the images that were never trained on: shots, strategies, controls, by set and by type of question.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

use super::data::{RadiologyData, Set, Split};
use super::exam::{self, Asked, Said, exact, f1};
use super::names::{Names, names};
use super::similar::{Neighbours, WORD_WEIGHT, near_duplicates};
use super::{RadiologyError, SAME, views};
use rounds_assistant::comparable;
use rounds_model::bundle::Bundle;
use rounds_support::rng::Rng;
use rounds_support::{Cancel, stderr_line};

/// A share of right answers.
#[derive(Clone, Debug, Serialize)]
pub struct Share {
    /// The set.
    pub set: String,
    /// What was asked or compared: `hybrid`, `vote`, ….
    pub condition: String,
    /// Number of shots.
    pub shots: usize,
    /// All, closed, open, or a type of question.
    pub part: String,
    /// Number of questions.
    pub questions: usize,
    /// Share of exact matches.
    pub exact: f32,
    /// Its 95 % bootstrap interval, over images.
    pub interval: [f32; 2],
    /// Mean token F1.
    pub f1: f32,
}

/// What is reported.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RadiologyReport {
    /// All shares.
    pub shares: Vec<Share>,
    /// Expected calibration error of the answers with four shots, in ten bins, by set.
    pub calibration_error: BTreeMap<String, f32>,
    /// Of the answers that are stated without reservation, how many there are and how many are right, as shares, by set.
    pub stated: BTreeMap<String, [f32; 2]>,
    /// Made-up names: how the two kinds differ, which organs, number of shots, episodes, share named right, and the share that the nearest
    /// mean of the shots' vectors gets right.
    pub names: Vec<Names>,
    /// Wrong answers with four shots: set, question, the answer, what the model said.
    pub failures: Vec<[String; 4]>,
}

/// How shots are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Random,
    Image,
    Text,
    Hybrid,
}

/// What is asked under one condition.
struct Condition {
    name: &'static str,
    shots: usize,
    choice: Choice,
    blank: bool,
    shuffled: bool,
}

const fn condition(name: &'static str, shots: usize, choice: Choice) -> Condition {
    Condition {
        name,
        shots,
        choice,
        blank: false,
        shuffled: false,
    }
}

/// One judged answer.
struct Judged {
    image: usize,
    category: String,
    closed: bool,
    exact: bool,
    f1: f32,
}

/// Measures the bundle in the folder `bundle` on at most `questions` questions of each set. `quick` asks without shots, with four, and with
/// a grey image only.
pub fn report_radiology(
    bundle: &Path,
    data: &Path,
    questions: usize,
    quick: bool,
    threads: usize,
    cancel: &Cancel,
) -> Result<RadiologyReport, RadiologyError> {
    crate::process::prepare();
    let text = RadiologyError::Input;
    let data = RadiologyData::read(data).map_err(text)?;
    let side = 128;
    let pixels = views::squashed(&data, side, threads).map_err(text)?;
    let same = near_duplicates(&pixels, side, SAME);
    drop(pixels);
    stderr_line(format_args!("computing the vectors of all images"));
    let vectors = exam::vectors(bundle, &data, threads)?;
    let train = data.images_of(Split::Train);
    let mean = exam::mean(&vectors, &train);
    let candidates = data.questions_of(Split::Train);
    let neighbours = |image_weight, word_weight| {
        let vectors = vectors.iter().map(Vec::as_slice);
        Neighbours::new(&data, vectors, &mean, &same, &candidates)
            .with_weights(image_weight, word_weight)
    };
    let (by_image, by_text, hybrid) = (
        neighbours(1.0, 1e-6),
        neighbours(1e-6, 1.0),
        neighbours(1.0, WORD_WEIGHT),
    );
    let mut conditions = vec![
        condition("hybrid", 0, Choice::Hybrid),
        condition("hybrid", 4, Choice::Hybrid),
        Condition {
            blank: true,
            ..condition("question only", 0, Choice::Hybrid)
        },
    ];
    if !quick {
        conditions.extend([
            condition("hybrid", 1, Choice::Hybrid),
            condition("hybrid", 2, Choice::Hybrid),
            condition("hybrid", 8, Choice::Hybrid),
            condition("image", 4, Choice::Image),
            condition("text", 4, Choice::Text),
            condition("random", 4, Choice::Random),
            Condition {
                shuffled: true,
                ..condition("shuffled answers", 4, Choice::Hybrid)
            },
            Condition {
                blank: true,
                ..condition("question and shots only", 4, Choice::Hybrid)
            },
        ]);
    }
    let mut report = RadiologyReport::default();
    let reliability = Bundle::manifest(bundle)
        .map_err(|e| text(e.to_string()))?
        .reliability;
    for set in Set::ALL {
        let of_set = |q: &usize| data.images[data.questions[*q].image].set == set;
        let mut own: Vec<usize> = data.questions_of(Split::Report);
        own.retain(of_set);
        // Each set and each purpose has its own numbers, so that fewer conditions ask the same questions.
        let drawn = Rng::new(20_261_129).fork(set as u64);
        drawn.fork(0).shuffle(&mut own);
        own.truncate(questions);
        let mut rng = drawn.fork(1);
        let of_its_set: Vec<usize> = candidates.iter().copied().filter(of_set).collect();
        if own.is_empty() {
            continue;
        }
        let shots_of = |choice: Choice, question: usize, count: usize, rng: &mut Rng| {
            let mut near = match choice {
                Choice::Random => {
                    let fit = candidates.iter().copied();
                    let mut fit: Vec<usize> = fit
                        .filter(|other| hybrid.may_be_shot(question, *other))
                        .collect();
                    rng.shuffle(&mut fit);
                    fit.truncate(count);
                    fit
                }
                Choice::Image => by_image.of(question, count),
                Choice::Text => by_text.of(question, count),
                Choice::Hybrid => hybrid.of(question, count),
            };
            near.reverse();
            near
        };
        let mut asked: Vec<Vec<Asked>> = Vec::new();
        for condition in &conditions {
            let mut list = Vec::new();
            for &question in &own {
                let near = shots_of(condition.choice, question, condition.shots, &mut rng);
                let mut answers: Vec<String> = near
                    .iter()
                    .map(|&at| data.questions[at].answer.clone())
                    .collect();
                if condition.shuffled {
                    // Answers of other questions of the set.
                    answers = near
                        .iter()
                        .map(|_| data.questions[*rng.pick(&of_its_set)].answer.clone())
                        .collect();
                }
                list.push(Asked {
                    question,
                    shots: near.into_iter().zip(answers).collect(),
                    rationales: !condition.shuffled,
                    blank: condition.blank,
                    wording: None,
                });
            }
            asked.push(list);
        }
        let all: Vec<Asked> = asked.iter().flatten().cloned().collect();
        stderr_line(format_args!("{}: {} answers", set.name(), all.len()));
        let encoded = exam::encode(bundle, &data, &all, threads).map_err(text)?;
        let said = exam::answers(bundle, &data, &all, &encoded, threads, cancel).map_err(text)?;
        for (condition, said) in conditions.iter().zip(said.chunks(own.len())) {
            let judged: Vec<Judged> = own
                .iter()
                .zip(said)
                .map(|(&question, said)| judge(&data, question, &said.answer))
                .collect();
            report.add(set, condition.name, condition.shots, &judged);
            if condition.name == "hybrid" && condition.shots == 4 {
                report.add_calibration(set, &judged, said, reliability.as_ref());
                for ((&question, said), judged) in own.iter().zip(said).zip(&judged) {
                    if !judged.exact && report.failures.len() < 10 * (1 + set as usize) / 3 + 1 {
                        let of = &data.questions[question];
                        report.failures.push([
                            format!("{} {}", set.name(), data.images[of.image].name),
                            of.question.clone(),
                            of.answer.clone(),
                            said.answer.clone(),
                        ]);
                    }
                }
            }
        }
        // What needs no model.
        let mut majority: BTreeMap<(String, bool), BTreeMap<String, usize>> = BTreeMap::new();
        for &at in &candidates {
            let of = &data.questions[at];
            if data.images[of.image].set == set {
                let kind = (of.category.clone(), looks_closed(&of.question));
                *majority
                    .entry(kind)
                    .or_default()
                    .entry(of.answer.clone())
                    .or_default() += 1;
            }
        }
        let best = |question: usize| {
            let of = &data.questions[question];
            let kind = (of.category.clone(), looks_closed(&of.question));
            let counts = majority.get(&kind)?;
            counts
                .iter()
                .max_by_key(|(_, n)| **n)
                .map(|(answer, _)| answer.clone())
        };
        let without: Vec<Judged> = own
            .iter()
            .map(|&q| judge(&data, q, &best(q).unwrap_or_default()))
            .collect();
        report.add(set, "majority by type", 0, &without);
        for (name, count) in [("nearest answer", 1), ("vote", 4), ("vote", 8)] {
            let judged: Vec<Judged> = own
                .iter()
                .map(|&q| {
                    let near = hybrid.of(q, count);
                    let mut votes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
                    for (at, &near) in near.iter().enumerate() {
                        let answer = comparable(&data.questions[near].answer);
                        votes.entry(answer).or_insert((0, usize::MAX - at)).0 += 1;
                    }
                    let won = votes.into_iter().max_by_key(|(_, rank)| *rank);
                    judge(&data, q, &won.map(|(answer, _)| answer).unwrap_or_default())
                })
                .collect();
            report.add(set, name, count, &judged);
        }
        let apart: Vec<Judged> = own
            .iter()
            .zip(said.chunks(own.len()).nth(1).unwrap_or_default())
            .filter(|(q, _)| {
                let image = data.questions[**q].image;
                !same[image]
                    .iter()
                    .any(|other| data.images[*other].split != Split::Report)
            })
            .map(|(&q, said)| judge(&data, q, &said.answer))
            .collect();
        report.add(
            set,
            "hybrid, images without a near-duplicate in training",
            4,
            &apart,
        );
    }
    let episodes = if quick { 40 } else { 100 };
    report.names = names(bundle, &data, &vectors, &mean, episodes, threads, cancel)?;
    Ok(report)
}

/// Whether a question asks for yes or no, by its first word.
fn looks_closed(question: &str) -> bool {
    let text = comparable(question);
    let first = text.split(' ').next().unwrap_or_default();
    [
        "is", "are", "does", "do", "was", "were", "can", "has", "have", "did",
    ]
    .contains(&first)
}

fn judge(data: &RadiologyData, question: usize, answer: &str) -> Judged {
    let of = &data.questions[question];
    Judged {
        image: of.image,
        category: of.category.clone(),
        closed: of.closed,
        exact: exact(answer, &of.answer),
        f1: f1(answer, &of.answer),
    }
}

impl RadiologyReport {
    fn add(&mut self, set: Set, condition: &str, shots: usize, judged: &[Judged]) {
        let mut parts: BTreeMap<String, Vec<&Judged>> = BTreeMap::new();
        for answer in judged {
            parts.entry("all".into()).or_default().push(answer);
            let kind = if answer.closed { "closed" } else { "open" };
            parts.entry(kind.into()).or_default().push(answer);
            let category = format!("type {}", answer.category);
            parts.entry(category).or_default().push(answer);
        }
        for (part, answers) in parts {
            let n = answers.len() as f32;
            let right = |answers: &[&Judged]| {
                let right = answers.iter().filter(|answer| answer.exact).count();
                right as f32 / answers.len().max(1) as f32
            };
            self.shares.push(Share {
                set: set.name().into(),
                condition: condition.into(),
                shots,
                part,
                questions: answers.len(),
                exact: right(&answers),
                interval: bootstrap(&answers),
                f1: answers.iter().map(|answer| answer.f1).sum::<f32>() / n,
            });
        }
    }

    fn add_calibration(
        &mut self,
        set: Set,
        judged: &[Judged],
        said: &[Said],
        reliability: Option<&rounds_model::bundle::Reliability>,
    ) {
        let Some(reliability) = reliability else {
            return;
        };
        let mut bins = [(0f32, 0f32, 0f32); 10];
        let (mut stated, mut right) = (0f32, 0f32);
        for (judged, said) in judged.iter().zip(said) {
            let confidence = reliability.confidence(&said.evidence);
            let correct = f32::from(u8::from(judged.exact));
            let bin = &mut bins[((confidence * 10.0) as usize).min(9)];
            *bin = (bin.0 + 1.0, bin.1 + confidence, bin.2 + correct);
            if confidence >= reliability.sure {
                stated += 1.0;
                right += correct;
            }
        }
        let n = judged.len().max(1) as f32;
        let error: f32 = bins
            .iter()
            .map(|(_, sum, right)| (sum - right).abs() / n)
            .sum();
        self.calibration_error.insert(set.name().into(), error);
        let share = [stated / n, right / stated.max(1.0)];
        self.stated.insert(set.name().into(), share);
    }

    /// One line for each share of all questions, and of closed and open ones.
    pub fn table(&self) -> String {
        let mut out = String::from(
            "| set | what | shots | part | questions | exact % | 95 % | F1 % |\n|---|---|---|---|---|---|---|---|\n",
        );
        for share in &self.shares {
            let [low, high] = share.interval.map(|v| v * 100.0);
            out.push_str(&format!(
                "| {} | {} | {} | {} | {} | {:.1} | {low:.1} to {high:.1} | {:.1} |\n",
                share.set,
                share.condition,
                share.shots,
                share.part,
                share.questions,
                share.exact * 100.0,
                share.f1 * 100.0
            ));
        }
        out
    }
}

/// The 95 % interval of the share of exact answers, resampling images with all their questions.
fn bootstrap(answers: &[&Judged]) -> [f32; 2] {
    let mut by_image: BTreeMap<usize, (f32, f32)> = BTreeMap::new();
    for answer in answers {
        let slot = by_image.entry(answer.image).or_default();
        slot.0 += f32::from(u8::from(answer.exact));
        slot.1 += 1.0;
    }
    let images: Vec<(f32, f32)> = by_image.into_values().collect();
    let mut rng = Rng::new(1);
    let mut shares: Vec<f32> = (0..1000)
        .map(|_| {
            let (mut right, mut asked) = (0.0, 0.0);
            for _ in 0..images.len() {
                let (r, a) = rng.pick(&images);
                right += r;
                asked += a;
            }
            right / f32::max(asked, 1.0)
        })
        .collect();
    shares.sort_by(f32::total_cmp);
    [shares[25], shares[974]]
}
