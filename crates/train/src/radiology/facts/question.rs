//! What a question of a data set asks for, told from its words.

use super::words;

/// What a question asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// The modality, its weighting or its contrast.
    Modality,
    /// The plane.
    Plane,
    /// The part of the body or the organ system imaged.
    BodyPart,
    /// Whether the named organ is shown.
    Shows(String),
    /// The main organ.
    Main,
    /// The largest organ, of all or of those named.
    Largest,
    /// The smallest organ of those named.
    Smallest,
    /// The organ at a place that the question names.
    OrganAt,
    /// How many of the named organ are shown.
    Count(String),
    /// How many organs are shown.
    CountOrgans,
    /// How many kinds of findings there are.
    CountFindings,
    /// Whether something is healthy (`healthy`) or not (`!healthy`).
    Health { subject: Subject, healthy: bool },
    /// The findings.
    Diseases,
    /// Whether the named finding is there.
    Finding(String),
    /// The organ that is not healthy.
    AbnormalOrgan,
    /// Which side is normal (`healthy`) or not.
    Side { healthy: bool },
    /// Where the named organ or finding is, or what it looks like.
    Where(String),
    /// The body system of what is shown.
    System,
    /// What an organ does, or whether one that does something is shown.
    Function,
    /// The cause, treatment, prevention or symptoms of a disease that is shown.
    Disease,
    /// Anything else.
    Other,
}

/// What is healthy or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The whole image.
    Image,
    /// An organ.
    Organ(String),
}

/// The meaning of a yes/no answer.
pub(super) fn yes_or_no(answer: &str) -> Option<bool> {
    match answer.trim().trim_end_matches('.').to_lowercase().as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

const MODALITY: [&str; 26] = [
    "modality",
    "weighting",
    "weighted",
    "contrast",
    "how was this image taken",
    "how was the image taken",
    "how is the image taken",
    "was this image taken with",
    "type of mri",
    "type of medical image",
    "taken via",
    "ct scan?",
    "is this a ct",
    "is this an mri",
    "is this a x-ray",
    "kind of image",
    "kind of scan",
    "type of imaging",
    "type of image is",
    "imaging method",
    "noncontrast",
    "non-contrast",
    "mri sequence",
    "how was this mri taken",
    "plain film",
    "imaging was used",
];

const BODY_PART: [&str; 14] = [
    "part of the body",
    "part of the human body",
    "does the picture show",
    "image represent in the body",
    "aspect of the whole body",
    "study of the",
    "exist in the",
    "organ system",
    "part of the body is being imaged",
    "organ is this image of",
    "principally shown",
    "organ is this",
    "organ is captured",
    "show what organ",
];

impl Asks {
    /// What `question` asks for.
    pub(crate) fn of(question: &str) -> Self {
        let text = question.trim().to_lowercase().replace("brian", "brain");
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        if has(&["treat", "prevent", "cause of the disease", "symptoms"]) {
            return Self::Disease;
        }
        if has(&[
            "respiratory system",
            "circulatory system",
            "digestive system",
            "urinary system",
            "nervous system",
            "what system",
            "sensory organs",
            "lymphatic system",
        ]) {
            return Self::System;
        }
        if has(&[
            "function",
            "effect of",
            "role does",
            "used for",
            "that can ",
            "that could ",
            "organ which has",
            "related with",
        ]) {
            return Self::Function;
        }
        if has(&[
            "color",
            "shape",
            "density",
            "hyperdense",
            "hypodense",
            "enhancing?",
        ]) {
            return words::finding_named(&text)
                .or_else(|| sided_organ(&text))
                .map_or(Self::Other, Self::Where);
        }
        if starts(&["how many"]) {
            return counted(&text);
        }
        if has(&["largest organ", "bigger", "biggest"]) {
            return Self::Largest;
        }
        if has(&["smaller", "smallest"]) {
            return Self::Smallest;
        }
        if let Some(asks) = health(&text) {
            return asks;
        }
        if has(&MODALITY) {
            return Self::Modality;
        }
        if has(&["plane", "section?"]) {
            return Self::Plane;
        }
        if has(&BODY_PART) {
            return Self::BodyPart;
        }
        if starts(&[
            "what disease",
            "what abnormality",
            "what is the primary abnormality",
            "what is abnormal",
        ]) {
            return Self::Diseases;
        }
        if starts(&["what", "which organ"]) && has(&["organ", "tissue"]) {
            let main = text.contains("main organ");
            return if main { Self::Main } else { Self::OrganAt };
        }
        if let Some(asks) = shown(&text) {
            return asks;
        }
        if starts(&[
            "where",
            "which place",
            "what part of",
            "which part of",
            "which is",
            "which one is",
        ]) {
            let thing = words::finding_named(&text).or_else(|| sided_organ(&text));
            return thing.map_or(Self::Other, Self::Where);
        }
        Self::Other
    }
}

/// Whether a finding or an organ is there: "Is there a liver in the image?", "Can pneumonia be observed …?".
fn shown(text: &str) -> Option<Asks> {
    let openings = [
        "can ",
        "does the ",
        "does this ",
        "is there ",
        "are there ",
        "are/is there ",
        "is/are there ",
    ];
    let rest = openings
        .iter()
        .find_map(|opening| text.strip_prefix(opening))?;
    if let Some(finding) = words::finding_named(text) {
        return Some(Asks::Finding(finding));
    }
    let (rest, verb) = match rest.split_once("contain ") {
        Some((_, rest)) => (rest, true),
        None => (
            rest,
            text.contains(" appear in") || text.contains(" exist in") || text.contains(" there "),
        ),
    };
    // "Are there lymph nodes around the stomach?" does not ask for the stomach.
    words::organ_at_start(rest)
        .filter(|_| verb)
        .map(Asks::Shows)
}

/// The organ that a question names, with the side before it if there is one.
fn sided_organ(text: &str) -> Option<String> {
    let organ = words::organ_named(text)?;
    let sided = ["left", "right"].map(|side| format!("{side} {organ}"));
    Some(
        sided
            .into_iter()
            .find(|name| text.contains(name))
            .unwrap_or(organ),
    )
}

fn counted(text: &str) -> Asks {
    if text.contains("abnormalities") {
        return Asks::CountFindings;
    }
    if text.contains("organs") {
        return Asks::CountOrgans;
    }
    words::organ_named(text).map_or(Asks::Other, Asks::Count)
}

/// Questions on what is normal or healthy and what is not.
fn health(text: &str) -> Option<Asks> {
    let healthy = text.contains("healthy") || text.contains("normal");
    let not = ["unhealthy", "not healthy", "abnormal"]
        .iter()
        .any(|word| text.contains(word));
    let open = ["what", "where", "which", "how"]
        .iter()
        .any(|word| text.starts_with(word));
    let located = text.contains("located") || text.starts_with("where");
    if !healthy || located || text.contains("normal or abnormal") {
        return None;
    }
    if !open {
        let whole = [
            "image",
            "picture",
            "mri",
            "ct scan",
            "x-ray",
            "angiogram",
            "ultrasound",
            "abnormalities",
            "an abnormality",
        ];
        let subject = match words::organ_named(text) {
            Some(organ) => Subject::Organ(organ),
            None if whole.iter().any(|word| text.contains(word)) => Subject::Image,
            None => return Some(Asks::Other),
        };
        return Some(Asks::Health {
            subject,
            healthy: !not,
        });
    }
    let side = ["which side", "which lobe", "which hemisphere"];
    if side.iter().any(|word| text.starts_with(word)) {
        return Some(Asks::Side { healthy: !not });
    }
    let organ = ["which organ", "which part of"];
    organ
        .iter()
        .any(|word| text.starts_with(word))
        .then_some(Asks::AbnormalOrgan)
}
