//! `rounds doctor`: what is found on this machine, whether it works, and what to do where it does not.
//!
//! It only looks: nothing is made, moved or changed.

mod machine;
mod own;
mod settings;

use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::out::print;
use rounds_index::short;
use rounds_support::sanitise::clean_line;
use rounds_support::{Hint, INTENDED_USE, Paths};

#[derive(Args)]
pub struct Doctor {
    /// What it is computed on; auto takes the first that works
    #[arg(long, default_value = "auto", value_parser = rounds_model::device::NAMES)]
    device: String,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// How something is that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Works,
    /// It works, and there is something to know of it.
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

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    /// `model`, `index`, `folder` and so on.
    part: &'static str,
    /// Which of several; may be empty.
    name: String,
    /// What it is, in words.
    says: String,
    /// The same for a program, as an object.
    facts: Value,
    state: State,
    /// What is wrong, or to be known.
    message: Option<String>,
    /// What to do next.
    hint: Option<String>,
}

impl Finding {
    fn new(part: &'static str, name: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            part,
            name: name.into(),
            says: says.into(),
            facts: json!({}),
            state: State::Works,
            message: None,
            hint: None,
        }
    }

    fn with(mut self, facts: Value) -> Self {
        self.facts = facts;
        self
    }

    /// With the hash that sessions and answers know it by.
    fn known_by(mut self, sha256: &str) -> Self {
        self.says.push_str(&format!(" ({})", short(sha256)));
        self.facts["sha256"] = sha256.into();
        self
    }

    /// Something that does not work.
    fn fails(self, message: impl ToString, hint: Option<String>) -> Self {
        self.told(State::Fails, message, hint)
    }

    /// An error that can say what to do next.
    fn error<E: std::fmt::Display + Hint>(self, error: &E) -> Self {
        let hint = error.hint();
        self.fails(error, hint)
    }

    /// Something to know; a failure before it stays one.
    fn note(self, message: impl ToString, hint: Option<String>) -> Self {
        match self.state {
            State::Fails => self,
            _ => self.told(State::Note, message, hint),
        }
    }

    fn told(mut self, state: State, message: impl ToString, hint: Option<String>) -> Self {
        self.state = state;
        self.message = Some(message.to_string());
        self.hint = hint;
        self
    }

    fn lines(&self) -> Vec<String> {
        let what = match (self.name.as_str(), self.says.as_str()) {
            ("", says) => says.to_string(),
            (name, "") => name.to_string(),
            (name, says) => format!("{name}: {says}"),
        };
        let word = match self.state {
            State::Fails => "error",
            _ => "note",
        };
        let message = self.message.iter().map(|m| format!("{word}: {m}"));
        let hint = self.hint.iter().map(|h| format!("hint: {h}"));
        let mut lines = vec![format!("{:9} {what}", self.part)];
        lines.extend(message.chain(hint).map(|line| format!("{:9}   {line}", "")));
        // Names of files and words in them may be anybody's.
        lines.iter().map(|line| clean_line(line)).collect()
    }

    fn json(&self) -> Value {
        let clean = |text: &String| clean_line(text);
        json!({
            "part": self.part,
            "name": clean(&self.name),
            "state": self.state.name(),
            "says": clean(&self.says),
            "facts": self.facts,
            "message": self.message.as_ref().map(clean),
            "hint": self.hint.as_ref().map(clean),
        })
    }
}

/// Prints a report; exit code 3 where something does not work.
pub fn run(doctor: &Doctor) -> Outcome {
    let findings = look(&doctor.device);
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
            0 => "everything works".to_string(),
            1 => "1 thing does not work".to_string(),
            more => format!("{more} things do not work"),
        })?;
    }
    Ok(if fails == 0 { 0 } else { 3 })
}

/// Looks at everything.
fn look(device: &str) -> Vec<Finding> {
    let mut findings = vec![machine::device(device), machine::cpu()];
    let paths = Paths::find();
    let models = own::models(paths.as_ref().ok(), &mut findings);
    own::indexes(paths.as_ref().ok(), &models, &mut findings);
    match &paths {
        Ok(paths) => {
            settings::look(&models, &mut findings);
            machine::folders(paths, &mut findings);
        }
        Err(error) => findings.push(Finding::new("folder", "", "none").error(error)),
    }
    findings.push(machine::hub());
    findings.push(machine::terminal());
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_does_not_hide_a_failure_and_text_comes_out_clean() {
        let finding = Finding::new("model", "a\u{1b}[2Jb", "10 MiB")
            .fails("broken", Some("make it again".into()))
            .note("unsealed", None);
        assert_eq!(
            finding.lines(),
            [
                "model     a\u{fffd}b: 10 MiB",
                "            error: broken",
                "            hint: make it again",
            ]
        );
        assert_eq!(finding.json()["state"], "fails");
    }
}
