//! Whom a scan shows, as codes from which nothing can be read: an index leaves out the patient, the study and the series of a
//! question by comparing them.
//!
//! A number of a patient is short, so that its plain hash could be found by trying all numbers. A code is therefore the result of
//! many rounds of SHA-256; and an index stores it salted once more, with a salt of its own, which an export leaves out. Never
//! store or show an identifier in any other way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rounds_support::files::sha256_hex;

use crate::Facts;
use crate::dicom::facts::hash;

/// Begins a code that an index has not salted yet.
const CODE: &str = "scan:";
/// Begins a code as an index stores it.
const STORED: &str = "scan-";
/// Characters after these.
const CODE_CHARS: usize = 32;
/// Rounds of SHA-256: about 5 ms for each new patient, and 14 hours for all numbers of seven digits.
const ROUNDS: usize = 20_000;
/// So many codes are remembered; a folder has many files of few patients.
const MAX_KNOWN: usize = 4096;

/// What an identifier names. Equal identifiers of different kinds have different codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A patient: Patient ID (0010,0020).
    Patient,
    /// A study: Study Instance UID (0020,000D).
    Study,
    /// A series: Series Instance UID (0020,000E); of a NIfTI file, its content.
    Series,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Study => "study",
            Self::Series => "series",
        }
    }
}

/// The codes of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Of the patient, if the file states one.
    pub patient: Option<String>,
    /// Of the study.
    pub study: Option<String>,
    /// Of the series.
    pub series: Option<String>,
}

impl Identity {
    /// The codes for facts that were read with an empty salt, as [`crate::Options::default`] does.
    pub fn of(facts: &Facts) -> Self {
        let code = |hash: &Option<String>| hash.as_deref().map(strengthened);
        Self {
            patient: code(&facts.patient),
            study: code(&facts.study),
            series: code(&facts.series),
        }
    }

    /// Adds the codes to what is known about a question: its patient, and its study, which stands for the series as well. A text
    /// may hold a name that the user gave, and any number of codes.
    pub fn add_to(&self, patient: &mut Option<String>, study: &mut Option<String>) {
        let add = |to: &mut Option<String>, code: &Option<String>| {
            let Some(code) = code else { return };
            match to {
                Some(text) if text.split(' ').any(|word| word == code) => {}
                Some(text) if !text.trim().is_empty() => *text = format!("{text} {code}"),
                _ => *to = Some(code.clone()),
            }
        };
        add(patient, &self.patient);
        add(study, &self.study);
        add(study, &self.series);
    }
}

/// The code of an identifier as a file or a user states it.
pub fn code(kind: Kind, identifier: &str) -> String {
    strengthened(&hash(b"", kind.name(), identifier.trim()))
}

fn strengthened(hash: &str) -> String {
    static KNOWN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(code) = known().get(hash) {
        return code.clone();
    }
    let mut strong = hash.to_owned();
    for _ in 0..ROUNDS {
        strong = sha256_hex(strong.as_bytes());
    }
    strong.truncate(CODE_CHARS);
    let code = format!("{CODE}{strong}");
    let mut known = known();
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    known.insert(hash.to_owned(), code.clone());
    code
}

/// A code as the index with this salt stores it.
pub fn stored(code: &str, salt: &str) -> String {
    format!("{STORED}{}", hash(salt.as_bytes(), "index", code))
}

/// Whether a word is a code that was not salted yet.
pub fn is_code(word: &str) -> bool {
    word.strip_prefix(CODE).is_some_and(|code| {
        code.len() == CODE_CHARS
            && code
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The codes in a text, and what else it says.
pub fn split(text: &str) -> (Vec<&str>, String) {
    let (codes, rest): (Vec<&str>, Vec<&str>) = text.split(' ').partition(|word| is_code(word));
    (codes, rest.join(" ").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_nothing_and_is_the_same_wherever_it_comes_from() {
        let facts = Facts {
            patient: Some(hash(b"", "patient", "MRN 1234")),
            series: Some(hash(b"", "series", "1.2.3")),
            ..Facts::default()
        };
        let identity = Identity::of(&facts);
        let patient = identity.patient.clone().unwrap();
        assert_eq!(patient, code(Kind::Patient, " MRN 1234 "));
        assert_ne!(patient, code(Kind::Study, "MRN 1234"));
        assert!(is_code(&patient) && !patient.contains("1234"));
        assert_eq!(identity.study, None);
        let (one, other) = (stored(&patient, "salt"), stored(&patient, "pepper"));
        assert!(one != other && one.starts_with("scan-") && !is_code(&one));
    }

    #[test]
    fn what_the_user_said_about_the_patient_stays_beside_the_codes() {
        let identity = Identity {
            patient: Some(code(Kind::Patient, "a")),
            study: Some(code(Kind::Study, "b")),
            series: Some(code(Kind::Series, "c")),
        };
        let (mut patient, mut study) = (Some("P 7".to_owned()), None);
        for _ in 0..2 {
            identity.add_to(&mut patient, &mut study);
        }
        let (codes, name) = split(patient.as_deref().unwrap());
        assert_eq!((codes.len(), name.as_str()), (1, "P 7"));
        let (codes, name) = split(study.as_deref().unwrap());
        assert_eq!((codes.len(), name.as_str()), (2, ""));
        assert_eq!(split("scan:xyz P"), (vec![], "scan:xyz P".to_owned()));
    }
}
