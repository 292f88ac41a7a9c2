//! Findings: their usual names, how they read in a sentence, and their organs.

use super::find_word;

/// The spellings of findings in answers and boxes, the name used here, and how it reads in a sentence.
const FINDINGS: [(&[&str], &str, &str, &str); 16] = [
    (
        &["brain enhancing tumor"],
        "brain enhancing tumor",
        "an enhancing brain tumor",
        "brain",
    ),
    (
        &["brain non-enhancing tumor"],
        "brain non-enhancing tumor",
        "a non-enhancing brain tumor",
        "brain",
    ),
    (
        &["brain tumor", "tumor"],
        "brain tumor",
        "a brain tumor",
        "brain",
    ),
    (
        &["brain edema", "brian edema"],
        "brain edema",
        "brain edema",
        "brain",
    ),
    (&["liver cancer"], "liver cancer", "liver cancer", "liver"),
    (&["lung cancer"], "lung cancer", "lung cancer", "lung"),
    (
        &["kidney cancer"],
        "kidney cancer",
        "kidney cancer",
        "kidney",
    ),
    (
        &["cardiomegaly", "cardiomegal", "cardiomega"],
        "cardiomegaly",
        "cardiomegaly",
        "heart",
    ),
    (&["atelectasis"], "atelectasis", "atelectasis", "lung"),
    (&["pneumonia"], "pneumonia", "pneumonia", "lung"),
    (&["pneumothorax"], "pneumothorax", "a pneumothorax", "lung"),
    (
        &["nodule", "noudle", "pulmonary nodule"],
        "nodule",
        "a nodule",
        "lung",
    ),
    (&["mass", "pulmonary mass"], "mass", "a mass", "lung"),
    (
        &["effusion", "pleural effusion", "pulmonary effusion"],
        "effusion",
        "an effusion",
        "lung",
    ),
    (
        &[
            "infiltrate",
            "infiltration",
            "pulmonary infiltration",
            "pleural infiltration",
        ],
        "infiltration",
        "infiltration",
        "lung",
    ),
    (
        &["abnormality", "abnormalities"],
        "abnormality",
        "an abnormality",
        "",
    ),
];

/// The name used here of a finding in an answer or a box; `None` for `None` and for anything unknown.
pub(in super::super) fn finding(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    FINDINGS
        .iter()
        .find(|(spellings, ..)| spellings.contains(&lower.as_str()))
        .map(|(_, name, ..)| (*name).to_owned())
}

/// The finding that a question names.
pub(in super::super) fn finding_named(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let spelled = FINDINGS
        .iter()
        .flat_map(|(spellings, name, ..)| spellings.iter().map(move |spelling| (*spelling, *name)));
    spelled
        .filter(|(spelling, _)| find_word(&lower, spelling).is_some())
        .max_by_key(|(spelling, _)| spelling.len())
        .map(|(_, name)| name.to_owned())
}

/// Whether `name` is a finding rather than an organ.
pub(in super::super) fn is_finding(name: &str) -> bool {
    FINDINGS.iter().any(|(_, known, ..)| *known == name)
}

/// Whether a box named `marked` shows what is asked as `asked`: a brain tumor may be an enhancing one.
pub(in super::super) fn same_finding(asked: &str, marked: &str) -> bool {
    asked == marked
        || asked == "abnormality"
        || (asked == "brain tumor" && marked.ends_with("tumor"))
        || (marked == "brain tumor" && asked.ends_with("tumor"))
}

/// The organ of a finding.
pub(in super::super) fn organ_of(finding: &str) -> Option<&'static str> {
    FINDINGS
        .iter()
        .find(|(_, name, _, organ)| *name == finding && !organ.is_empty())
        .map(|(.., organ)| *organ)
}

/// Names of findings with several kinds of a brain tumor as one.
pub(in super::super) fn with_one_tumor(mut names: Vec<String>) -> Vec<String> {
    let is_tumor = |name: &String| name.ends_with("tumor");
    if names.iter().filter(|name| is_tumor(name)).count() > 1 {
        names.retain(|name| !is_tumor(name));
        names.push("brain tumor".to_owned());
    }
    names
}

/// How a finding reads in a sentence; `None` for an organ.
pub(super) fn prose_of(name: &str) -> Option<&'static str> {
    FINDINGS
        .iter()
        .find(|(_, finding, ..)| *finding == name)
        .map(|(_, _, prose, _)| *prose)
}
