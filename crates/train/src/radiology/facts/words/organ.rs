//! Organs: their usual names, their systems and what they do.

use super::find_word;

/// Organs by their usual name, with the system that the knowledge graph puts them in and the words by which the data set asks
/// for what they do.
const ORGANS: [(&str, &str, &[&str]); 25] = [
    ("lung", "respiratory system", &["breath"]),
    ("heart", "circulatory system", &["blood"]),
    ("liver", "digestive system", &["detox", "biotransform"]),
    ("spleen", "lymphatic system", &["immun"]),
    ("kidney", "urinary system", &["osmotic", "discharg"]),
    ("stomach", "digestive system", &["digest", "enzyme"]),
    (
        "small bowel",
        "digestive system",
        &[
            "absorbing nutrients",
            "absorb nutrients",
            "digest",
            "enzyme",
        ],
    ),
    (
        "duodenum",
        "digestive system",
        &[
            "absorbing nutrients",
            "absorb nutrients",
            "digest",
            "enzyme",
        ],
    ),
    (
        "colon",
        "digestive system",
        &["absorbing water", "absorb water", "body waste", "digest"],
    ),
    ("large bowel", "digestive system", &[]),
    ("intestine", "digestive system", &[]),
    ("rectum", "digestive system", &["feces"]),
    (
        "esophagus",
        "digestive system",
        &["food delivery", "deliver food", "delivering food"],
    ),
    ("tooth", "digestive system", &["chew"]),
    ("parotid", "digestive system", &["saliva", "enzyme"]),
    ("bladder", "urinary system", &["urine"]),
    ("brain", "nervous system", &["think"]),
    ("brain stem", "nervous system", &["heartbeat"]),
    ("spinal cord", "nervous system", &[]),
    ("larynx", "respiratory system", &["ventilat", "pronunc"]),
    ("trachea", "respiratory system", &["gas delivery"]),
    ("eye", "", &["light"]),
    ("ear", "", &["sound"]),
    ("mandible", "", &[]),
    ("femoral head", "", &[]),
];

/// Organs that the graph and the questions on function do not speak of.
const OTHER_ORGANS: [&str; 2] = ["temporal lobe", "humeral head"];

/// The usual name of an organ, or the text in lower case if it is not one: `Kidneys` is `kidney`, `brian` is `brain`.
pub(in super::super) fn organ(text: &str) -> String {
    let lower = text.trim().trim_end_matches(['.', '?']).to_lowercase();
    let bare = ["a ", "an ", "the "]
        .iter()
        .find_map(|article| lower.strip_prefix(article));
    let bare = bare.unwrap_or(&lower).trim();
    match bare {
        "brian" | "barin" => "brain".into(),
        "spine cord" => "spinal cord".into(),
        "teeth" => "tooth".into(),
        "lungs" | "kidneys" | "eyes" | "ears" | "parotids" | "mandibles" | "femoral heads"
        | "temporal lobes" => bare.trim_end_matches('s').into(),
        "humerus head" => "humeral head".into(),
        _ => bare.into(),
    }
}

/// Whether `name` is the usual name of an organ, without a side.
pub(in super::super) fn is_organ(name: &str) -> bool {
    ORGANS.iter().any(|(organ, ..)| *organ == name) || OTHER_ORGANS.contains(&name)
}

/// The organs that an answer lists (`Heart and Liver`, `Lung, Heart`), without sides.
pub(in super::super) fn organs_in(answer: &str) -> Vec<String> {
    let lower = answer.to_lowercase().replace(" and ", ",");
    lower
        .split(',')
        .map(|part| without_side(&organ(part)).to_owned())
        .filter(|name| is_organ(name))
        .collect()
}

/// The first organ that a question names: `lung` in "Does the lung look normal?".
pub(in super::super) fn organ_named(text: &str) -> Option<String> {
    organs_named(text).into_iter().next()
}

/// The organs that a question names, in its order.
pub(in super::super) fn organs_named(text: &str) -> Vec<String> {
    let lower = text
        .to_lowercase()
        .replace("brian", "brain")
        .replace("teeth", "tooth");
    let names = ORGANS.iter().map(|(organ, ..)| *organ).chain(OTHER_ORGANS);
    let mut found: Vec<(usize, &str)> = names
        .filter_map(|name| find_word(&lower, name).map(|at| (at, name)))
        .collect();
    // Of two names at the same place the longer one is meant: brain stem, not brain.
    found.sort_by_key(|(at, name)| (*at, usize::MAX - name.len()));
    found.dedup_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// The organ that a text begins with, after an article: `liver` in `a liver in the image?`.
pub(in super::super) fn organ_at_start(text: &str) -> Option<String> {
    let bare = ["a ", "an ", "the "]
        .iter()
        .find_map(|article| text.strip_prefix(article));
    let bare = bare.unwrap_or(text).trim_start();
    let bare = bare
        .replace("spine cord", "spinal cord")
        .replace("humerus head", "humeral head");
    let organ = organ_named(&bare)?;
    (find_word(&bare.replace("teeth", "tooth"), &organ) == Some(0)).then_some(organ)
}

/// `kidney` from `left kidney`.
pub(in super::super) fn without_side(name: &str) -> &str {
    ["left ", "right "]
        .iter()
        .find_map(|side| name.strip_prefix(side))
        .unwrap_or(name)
}

/// The body system of an organ.
pub(in super::super) fn system_of(organ: &str) -> Option<&'static str> {
    ORGANS
        .iter()
        .find(|(name, system, _)| *name == organ && !system.is_empty())
        .map(|(_, system, _)| *system)
}

/// Whether a question on function (`absorb nutrients`, `storing urine`) speaks of what `organ` does.
pub(in super::super) fn does(organ: &str, question: &str) -> bool {
    let lower = question.to_lowercase();
    ORGANS
        .iter()
        .any(|(name, _, words)| *name == organ && words.iter().any(|word| lower.contains(word)))
}

/// The plural of an organ's name.
pub(in super::super) fn plural(organ: &str) -> String {
    if organ == "tooth" {
        "teeth".into()
    } else {
        format!("{organ}s")
    }
}
