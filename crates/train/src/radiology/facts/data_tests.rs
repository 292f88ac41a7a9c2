//! The three data sets: no rationale may contradict its answer or the annotations.

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.join("slake").is_dir()
        && folder.join("vqa-med-2019").is_dir()
        && folder.join("vqa-rad").is_dir()
    {
        return Some(folder);
    }
    println!("skipped: the radiology data sets are not in ../shared/data");
    None
}

fn sets(data: &Path) -> Vec<(&'static str, ImageFacts)> {
    let (slake_folder, med) = (data.join("slake"), data.join("vqa-med-2019"));
    vec![
        ("slake train", slake(&slake_folder, "train").unwrap()),
        ("slake validate", slake(&slake_folder, "validate").unwrap()),
        ("vqa-med train", vqa_med(&med, "train").unwrap()),
        ("vqa-med validate", vqa_med(&med, "validate").unwrap()),
        ("vqa-rad", vqa_rad(&data.join("vqa-rad")).unwrap()),
    ]
}

fn tokens(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .map(str::to_owned)
        .collect()
}

fn has(text: &str, word: &str) -> bool {
    tokens(text).iter().any(|token| token == word)
}

/// What is wrong with a rationale, told from its words alone.
fn fault(facts: &Facts, answer: &str, rationale: &str) -> Option<String> {
    let both = has(answer, "left") && has(answer, "right");
    for (side, opposite) in [
        ("left", "right"),
        ("right", "left"),
        ("upper", "lower"),
        ("lower", "upper"),
    ] {
        if has(answer, side) && !both && has(rationale, opposite) {
            return Some(format!("says {opposite}, not {side}"));
        }
    }
    if has(answer, "no") && has(rationale, "yes") || has(answer, "yes") && has(rationale, "no") {
        return Some("yes for no".into());
    }
    let modalities = ["ct", "mri", "x-ray", "ultrasound", "angiogram", "mammogram"];
    let own = facts.modality.clone().unwrap_or_default();
    if let Some(other) = modalities
        .iter()
        .find(|name| has(rationale, name) && !has(&own, name))
    {
        return Some(format!("says {other}, not {own}"));
    }
    (rationale.split_whitespace().count() > 22).then(|| "too long".into())
}

/// A modality in the rationale that an answer on the modality does not name.
fn other_modality(answer: &str, rationale: &str) -> Option<String> {
    let told = ["ct", "mri", "x-ray"]
        .into_iter()
        .find(|name| has(answer, name))?;
    let other = ["ct", "mri", "x-ray"]
        .into_iter()
        .find(|name| *name != told && has(rationale, name));
    other.map(|other| format!("says {other}, the answer {told}"))
}

#[test]
fn no_rationale_of_the_data_sets_contradicts_its_answer() {
    let Some(data) = data() else { return };
    let mut faults = Vec::new();
    for (name, images) in sets(&data) {
        let (mut pairs, mut supported, mut empty) = (0, 0, 0);
        let mut words = BTreeSet::new();
        for facts in images.values() {
            for (question, answer) in &facts.qa {
                let rationale = facts.rationale(question, answer);
                pairs += 1;
                empty += usize::from(rationale.is_empty());
                let opening = facts.opening(&Asks::of(question), question, answer);
                supported += usize::from(rationale.len() > opening.len() + 1);
                words.extend(tokens(&rationale));
                if let Some(fault) = fault(facts, answer, &rationale).or_else(|| {
                    (Asks::of(question) == Asks::Modality)
                        .then(|| other_modality(answer, &rationale))?
                }) {
                    faults.push(format!("{fault}: {question} | {answer} | {rationale}"));
                }
            }
        }
        let of = |known: fn(&Facts) -> bool| images.values().filter(|facts| known(facts)).count();
        println!(
            "{name}: {} images (modality {}, plane {}, body part {}, boxes {}, placed {}), {pairs} pairs, {supported} supported, {empty} empty, {} words",
            images.len(),
            of(|f| f.modality.is_some()),
            of(|f| f.plane.is_some()),
            of(|f| f.body_part.is_some()),
            of(|f| !f.boxes.is_empty()),
            of(|f| f.boxes.iter().any(|b| b.bounds.is_some())),
            words.len(),
        );
        let step = (pairs / 10).max(1);
        let all = images
            .values()
            .flat_map(|facts| facts.qa.iter().map(move |qa| (facts, qa)));
        for (facts, (question, answer)) in all.skip(step / 2).step_by(step) {
            println!(
                "  {question} | {answer} | {}",
                facts.rationale(question, answer)
            );
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn boxes_with_a_sided_name_lie_on_the_patients_side() {
    let Some(data) = data() else { return };
    let images = slake(&data.join("slake"), "train").unwrap();
    let (mut sided, mut placed) = (0, 0);
    for region in images.values().flat_map(|facts| &facts.boxes) {
        let Some(bounds) = region.bounds else {
            continue;
        };
        placed += 1;
        let middle = bounds.x + bounds.width / 2.0;
        if region.name.starts_with("left ") || region.name.starts_with("right ") {
            sided += 1;
            assert_eq!(
                middle > 0.49,
                region.name.starts_with("left "),
                "{region:?}"
            );
        }
    }
    assert!(sided > 100, "{sided}");
    println!("{placed} boxes have a place, {sided} of them a side in their name");
}

#[test]
fn worked_examples_of_slake_are_in_our_own_words_and_balanced() {
    let Some(data) = data() else { return };
    let folder = data.join("slake");
    let knowledge = Knowledge::read(&folder).unwrap();
    let images = slake(&folder, "train").unwrap();
    let known = |text: &str| text.trim().to_lowercase();
    let theirs: BTreeSet<String> = sets(&data)
        .iter()
        .flat_map(|(_, images)| {
            images
                .values()
                .flat_map(|f| f.qa.iter().map(|(q, _)| known(q)))
                .collect::<Vec<_>>()
        })
        .collect();
    let (mut topics, mut closed) = (BTreeMap::new(), BTreeMap::new());
    let mut few = 0;
    for (index, facts) in images.values().enumerate() {
        let examples = worked_examples(facts, &knowledge);
        assert!(examples.len() <= 6);
        few += usize::from(examples.len() < 3);
        for example in &examples {
            *topics.entry(example.topic).or_insert(0) += 1;
            if example.closed {
                *closed
                    .entry((example.topic, example.answer.clone()))
                    .or_insert(0) += 1;
            }
            assert!(
                !theirs.contains(&known(&example.question)),
                "{}",
                example.question
            );
            assert!(
                !example.rationale.is_empty() && !example.answer.is_empty(),
                "{example:?}"
            );
            let fault = fault(facts, &example.answer, &example.rationale);
            assert!(fault.is_none(), "{fault:?}: {example:?}");
        }
        if index % 43 == 0 {
            for example in examples {
                println!(
                    "{} | {} | {} | {}",
                    example.topic, example.question, example.answer, example.rationale
                );
            }
        }
    }
    println!("{topics:?}\n{closed:?}\n{few} images have fewer than three");
    assert_eq!(few, 0);
}

#[test]
fn the_systems_named_here_are_those_of_the_graph() {
    let Some(data) = data() else { return };
    let knowledge = Knowledge::read(&data.join("slake")).unwrap();
    for organ in [
        "lung",
        "heart",
        "liver",
        "spleen",
        "kidney",
        "bladder",
        "brain",
        "spinal cord",
        "larynx",
        "trachea",
        "colon",
        "rectum",
        "stomach",
        "parotid",
        "tooth",
        "esophagus",
        "brain stem",
    ] {
        let graph = knowledge.system(organ).map(|system| system.to_lowercase());
        assert_eq!(words::system_of(organ), graph.as_deref(), "{organ}");
        println!("{organ}: {:?}", knowledge.function(organ));
    }
}
