//! The knowledge graph of SLAKE, and the facts a question relies on.
//!
//! A question's triple gives the relation: `[vhead, function, ktail]` asks for the function of what is seen,
//! `[vhead, belong to, respiratory system]` for what is seen and belongs to it. A fact is used only if its relation, its value
//! and, if the question asks for one, its entity match the question and the answer.

use std::path::Path;

use crate::dataset::error::DatasetError;
use crate::dataset::vocabulary::words;
use rounds_support::errors::display_path;
use rounds_support::files;

/// Largest file of facts, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Most facts of all files.
const MAX_FACTS: usize = 200_000;
/// Most facts in one rationale.
const MAX_NAMED: usize = 3;

/// Files of facts and their delimiters: the English files use `#`, because their values contain commas.
const FILES: [(&str, char); 6] = [
    ("en_disease.csv", '#'),
    ("en_organ.csv", '#'),
    ("en_organ_rel.csv", '#'),
    ("disease.csv", ','),
    ("organ.csv", ','),
    ("organ_rel.csv", ','),
];

/// Names of relations in questions, and in the graph.
const RELATIONS: [(&[&str], &[&str]); 10] = [
    (
        &["effect", "function", "be used for", "can", "could", "role"],
        &["function", "effect"],
    ),
    (&["treat"], &["treatment", "therapeutic method"]),
    (&["prevent"], &["prevention"]),
    (&["belong to", "part of"], &["belong to"]),
    (&["属于"], &["属于"]),
    (&["功能", "作用", "可以", "被用于"], &["功能", "作用"]),
    (&["治疗"], &["治疗方法"]),
    (&["预防"], &["预防"]),
    (&["症状"], &["主要症状"]),
    (&["病因"], &["病因"]),
];

/// One fact of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    entity: String,
    attribute: String,
    value: String,
}

impl Fact {
    /// As an English sentence.
    pub(super) fn english(&self) -> String {
        let value = self.value.trim_end_matches('.').to_lowercase();
        match self.attribute.as_str() {
            "belong to" => format!("{} belongs to: {value}.", self.entity),
            attribute => format!("{}, {attribute}: {value}.", self.entity),
        }
    }

    /// As a Chinese sentence.
    pub(super) fn chinese(&self) -> String {
        let value = self.value.trim_end_matches('。');
        format!("{}，{}：{value}。", self.entity, self.attribute)
    }
}

/// All facts.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    facts: Vec<Fact>,
}

impl Knowledge {
    /// Reads the facts in `folder`; empty if the folder does not exist.
    pub(super) fn read(folder: &Path) -> Result<Self, DatasetError> {
        let mut facts = Vec::new();
        for (name, separator) in FILES {
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            let bytes = files::read_limited(&path, MAX_FILE_BYTES)?;
            let text = String::from_utf8_lossy(&bytes);
            facts.extend(
                text.lines()
                    .skip(1)
                    .filter_map(|line| fact(line, separator)),
            );
            if facts.len() > MAX_FACTS {
                let reason = format!("more than {MAX_FACTS} facts");
                return Err(DatasetError::unsupported(&display_path(folder), reason));
            }
        }
        Ok(Self { facts })
    }

    /// The facts a question with this `triple` and `answer` relies on, preferring those about marked structures.
    pub(super) fn facts(&self, triple: &[String], answer: &str, marked: &[String]) -> Vec<&Fact> {
        let [head, relation, tail] = triple else {
            return Vec::new();
        };
        if relation == "_" || head == "_" {
            return Vec::new();
        }
        let relation = relation.to_lowercase();
        let asked = RELATIONS
            .iter()
            .find(|(asked, _)| asked.contains(&relation.as_str()));
        let unmapped = [relation.as_str()];
        let attributes = asked.map_or(&unmapped[..], |(_, attributes)| attributes);
        let about = self
            .facts
            .iter()
            .filter(|fact| attributes.contains(&fact.attribute.as_str()));
        let seen = |fact: &Fact| marked.iter().any(|name| same_thing(name, &fact.entity));
        let mut found: Vec<&Fact> = match tail.as_str() {
            "ktail" => about
                .filter(|fact| normalised(&fact.value) == normalised(answer))
                .collect(),
            tail => about
                .filter(|fact| parts(&fact.value).any(|part| normalised(part) == normalised(tail)))
                .filter(|fact| {
                    is_yes_or_no(answer)
                        || parts(answer).any(|name| normalised(name) == normalised(&fact.entity))
                })
                .collect(),
        };
        found.dedup();
        // A value shared by many entities is uninformative unless one of them is marked.
        if found.iter().any(|fact| seen(fact)) {
            found.retain(|fact| seen(fact));
        } else if tail == "ktail" && found.len() > MAX_NAMED {
            found.clear();
        }
        found.truncate(MAX_NAMED);
        found
    }
}

fn fact(line: &str, separator: char) -> Option<Fact> {
    let mut fields = line
        .trim()
        .splitn(3, separator)
        .map(|field| field.trim().to_owned());
    let fact = Fact {
        entity: fields.next()?,
        attribute: fields.next()?.to_lowercase(),
        value: fields.next()?,
    };
    let whole = ![&fact.entity, &fact.attribute, &fact.value]
        .iter()
        .any(|field| field.is_empty());
    whole.then_some(fact)
}

/// A text in lower case without punctuation, for comparison.
fn normalised(text: &str) -> String {
    words(text).join(" ")
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', '、', ';'])
        .filter(|part| !part.trim().is_empty())
}

/// Whether an answer is yes or no, and so names no entity.
fn is_yes_or_no(answer: &str) -> bool {
    matches!(
        answer.trim().to_lowercase().as_str(),
        "yes" | "no" | "有" | "没有" | "是" | "不是" | "包含" | "不包含" | "属于" | "不属于"
    )
}

/// Whether a box and an entity denote the same thing: `Left Kidney` and `Kidney`, `Effusion` and `Pleural Effusion`.
fn same_thing(marked: &str, entity: &str) -> bool {
    let (marked, entity) = (normalised(marked), normalised(entity));
    !marked.is_empty()
        && !entity.is_empty()
        && (marked.contains(&entity) || entity.contains(&marked))
}
