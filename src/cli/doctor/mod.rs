//! `rounds doctor`: checks the installation and explains how to fix problems.
//!
//! It is read-only: it creates, moves and changes nothing.

mod libraries;
mod settings;
mod system;

use clap::Args;
use serde_json::{Value, json};

use super::failure::Outcome;
use super::out::print;
use rounds_index::short;
use rounds_support::errors::count;
use rounds_support::sanitise::clean_line;
use rounds_support::{Hint, INTENDED_USE, Paths};

pub(super) use libraries::vector_sha256;

#[derive(Args)]
pub struct Doctor {
    /// Compute device to check; auto uses the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The outcome of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Works,
    /// It works, but the user should know something about it.
    Note,
    Fails,
}

impl State {
    /// Its name in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Note => "note",
            Self::Fails => "fails",
        }
    }
}

/// The result of one check.
#[derive(Debug)]
struct Finding {
    /// `model`, `index`, `folder` and so on.
    part: &'static str,
    /// Name of the model, index or folder; may be empty.
    name: String,
    /// A description in words.
    summary: String,
    /// The description as a JSON object.
    facts: Value,
    state: State,
    /// The error or note.
    message: Option<String>,
    /// What to do next.
    hint: Option<String>,
}

impl Finding {
    fn new(part: &'static str, name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            part,
            name: name.into(),
            summary: summary.into(),
            facts: json!({}),
            state: State::Works,
            message: None,
            hint: None,
        }
    }

    fn with_facts(mut self, facts: Value) -> Self {
        self.facts = facts;
        self
    }

    /// Adds the hash by which sessions and answers refer to it.
    fn with_sha256(mut self, sha256: &str) -> Self {
        self.summary.push_str(&format!(" ({})", short(sha256)));
        self.facts["sha256"] = sha256.into();
        self
    }

    /// Marks the check as failed.
    fn fails(self, message: impl ToString, hint: Option<String>) -> Self {
        self.set(State::Fails, message, hint)
    }

    /// Marks the check as failed, with the error's own hint.
    fn error<E: std::fmt::Display + Hint>(self, error: &E) -> Self {
        let hint = error.hint();
        self.fails(error, hint)
    }

    /// Adds a note; a failed check stays failed.
    fn note(self, message: impl ToString, hint: Option<String>) -> Self {
        match self.state {
            State::Fails => self,
            _ => self.set(State::Note, message, hint),
        }
    }

    fn set(mut self, state: State, message: impl ToString, hint: Option<String>) -> Self {
        self.state = state;
        self.message = Some(message.to_string());
        self.hint = hint;
        self
    }

    fn lines(&self) -> Vec<String> {
        let what = match (self.name.as_str(), self.summary.as_str()) {
            ("", summary) => summary.to_string(),
            (name, "") => name.to_string(),
            (name, summary) => format!("{name}: {summary}"),
        };
        let word = match self.state {
            State::Fails => "error",
            _ => "note",
        };
        let message = self.message.iter().map(|m| format!("{word}: {m}"));
        let hint = self.hint.iter().map(|h| format!("hint: {h}"));
        let mut lines = vec![format!("{:9} {what}", self.part)];
        lines.extend(message.chain(hint).map(|line| format!("{:9}   {line}", "")));
        // Names and text may come from untrusted files.
        lines.iter().map(|line| clean_line(line)).collect()
    }

    fn json(&self) -> Value {
        let clean = |text: &String| clean_line(text);
        json!({
            "part": self.part,
            "name": clean(&self.name),
            "state": self.state.name(),
            "says": clean(&self.summary),
            "facts": self.facts,
            "message": self.message.as_ref().map(clean),
            "hint": self.hint.as_ref().map(clean),
        })
    }
}

/// Prints the report; exit code 3 if a check fails.
pub fn run(doctor: &Doctor) -> Outcome {
    let findings = run_checks(&doctor.device);
    let fails = findings.iter().filter(|f| f.state == State::Fails).count();
    if doctor.json {
        print(format_args!(
            "{:#}",
            json!({
                "version": env!("CARGO_PKG_VERSION"),
                "works": fails == 0,
                "findings": findings.iter().map(Finding::json).collect::<Vec<_>>(),
                "intended_use": INTENDED_USE,
            })
        ))?;
    } else {
        print(format_args!(
            "rounds {}: {INTENDED_USE}",
            env!("CARGO_PKG_VERSION")
        ))?;
        for line in findings.iter().flat_map(Finding::lines) {
            print(line)?;
        }
        print(match fails {
            0 => "All checks passed".to_string(),
            more => format!("{} failed", count(more, "check")),
        })?;
    }
    Ok(if fails == 0 { 0 } else { 3 })
}

/// Runs all checks.
fn run_checks(device: &str) -> Vec<Finding> {
    let mut findings = vec![system::device(device), system::cpu()];
    let paths = Paths::find();
    let models = libraries::models(paths.as_ref().ok(), &mut findings);
    libraries::indexes(paths.as_ref().ok(), &models, &mut findings);
    match &paths {
        Ok(paths) => {
            settings::check(&models, &mut findings);
            system::folders(paths, &mut findings);
        }
        Err(error) => findings.push(Finding::new("folder", "", "none").error(error)),
    }
    findings.push(system::hub());
    findings.push(system::terminal());
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_does_not_replace_a_failure_and_control_sequences_are_removed() {
        let finding = Finding::new("model", "a\u{1b}[2Jb", "10 MiB")
            .fails("broken", Some("import it again".into()))
            .note("unsealed", None);
        assert_eq!(
            finding.lines(),
            [
                "model     a\u{fffd}b: 10 MiB",
                "            error: broken",
                "            hint: import it again",
            ]
        );
        assert_eq!(finding.json()["state"], "fails");
    }
}
