//! Exact match, under the rules that published evaluations use.
//!
//! "Exact match" without its rule is no number: the same answers differ by tens of points between these.

use crate::text::{normalised, trimmed};
use crate::vqa;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is done to an answer and its reference before they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExactRule {
    /// Nothing: the strings as they are.
    Raw,
    /// Lower case, no ASCII punctuation, single blanks ([`normalised`]). SMMILE's rule, and the reading of
    /// Med-Flamingo's "after removing punctuation", whose code is not published.
    Plain,
    /// The normalisation of the VQA v2 evaluation ([`vqa::normalised`]), which VQA-Med 2019 to 2021 and LLaVA-Med use
    /// as well.
    Vqa,
    /// VL-ICL's rule (`evals/eval.py`): the answer is trimmed and cut at its first newline or, if it has none, at its
    /// first full stop; then both are compared in lower case. Nothing is trimmed after the cut, and the reference is
    /// neither trimmed nor cut.
    VlIcl,
}

impl ExactRule {
    /// Every rule.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Plain, Self::Vqa, Self::VlIcl];

    /// The name in plans and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Plain => "plain",
            Self::Vqa => "vqa",
            Self::VlIcl => "vl-icl",
        }
    }

    /// The rule in words, for a report.
    pub fn description(self) -> &'static str {
        match self {
            Self::Raw => "the strings as they are",
            Self::Plain => "lower case, no ASCII punctuation, single blanks",
            Self::Vqa => {
                "the VQA v2 evaluation's normalisation (punctuation, number words, articles, contractions)"
            }
            Self::VlIcl => "lower case, the answer cut at its first newline or full stop",
        }
    }

    /// The form of a model's answer that is compared.
    pub fn of_answer(self, answer: &str) -> String {
        match self {
            Self::Raw => answer.to_owned(),
            Self::Plain => normalised(answer),
            Self::Vqa => vqa::normalised(answer),
            Self::VlIcl => cut(answer).to_lowercase(),
        }
    }

    /// The form of a reference that is compared.
    pub fn of_reference(self, reference: &str) -> String {
        match self {
            Self::VlIcl => reference.to_lowercase(),
            rule => rule.of_answer(reference),
        }
    }
}

impl fmt::Display for ExactRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether an answer equals its reference under a rule.
pub fn exact_match(rule: ExactRule, answer: &str, reference: &str) -> bool {
    rule.of_answer(answer) == rule.of_reference(reference)
}

/// VL-ICL's cut. A full stop or newline at the very beginning does not cut.
fn cut(answer: &str) -> &str {
    let answer = trimmed(answer);
    let at = match answer.find('\n') {
        Some(at) if at > 0 => Some(at),
        _ => answer.find('.').filter(|at| *at > 0),
    };
    at.and_then(|at| answer.get(..at)).unwrap_or(answer)
}
