//! The settings file with its faults, and whether what it chooses goes together.

use serde_json::json;
use std::path::Path;

use super::Finding;
use super::own::{Tower, compared_by};
use crate::cli::Failure;
use crate::cli::config::{Examined, examine_own};
use rounds_assistant::{SHIPPED, Setup, compares};
use rounds_index::Index;
use rounds_support::Hint;
use rounds_support::errors::shown;

/// Looks at the user's settings, and at what the chat would answer with.
pub fn look(towers: &[Tower], findings: &mut Vec<Finding>) {
    let found = match examine_own() {
        Ok(found) => found,
        Err(failure) => return findings.push(failed(Finding::new("settings", "", ""), failure)),
    };
    findings.push(file(&found));
    for (fault, hint) in found.faults.iter().skip(1) {
        findings.push(Finding::new("settings", "", "").fails(fault, hint.clone()));
    }
    if let Some(common) = &found.common {
        let answers = Finding::new("answers", "", "");
        findings.push(match common.setup() {
            Ok(setup) => together(&setup, towers),
            Err(failure) => failed(answers, failure),
        });
    }
}

fn failed(finding: Finding, failure: Failure) -> Finding {
    finding.fails(failure.message, failure.hint)
}

fn file(found: &Examined) -> Finding {
    let finding = Finding::new("settings", shown(&found.path), found.says.clone()).with(json!({
        "path": shown(&found.path), "exists": found.path.exists(), "settings": found.settings,
        "faults": found.faults.iter().map(|(fault, hint)| json!({ "message": fault, "hint": hint })).collect::<Vec<_>>(),
    }));
    match found.faults.first() {
        Some((fault, hint)) => finding.fails(fault, hint.clone()),
        None => finding,
    }
}

/// Whether the model, the index and the encoder that the settings choose go together.
fn together(setup: &Setup, towers: &[Tower]) -> Finding {
    let name = |path: Option<&Path>| match path {
        None => SHIPPED.to_string(),
        Some(path) => shown(path.file_name().map_or(path, Path::new)),
    };
    let (model, index) = (name(setup.model.as_deref()), name(setup.index.as_deref()));
    let opened = match Index::open(setup.index.as_deref()) {
        Ok(opened) => opened,
        Err(error) => return Finding::new("answers", "", "").error(&error),
    };
    let encoder = compares(setup, &opened);
    let by = match encoder {
        Some(encoder) => format!("encoder {}", name(Some(encoder))),
        None => format!("model {model}"),
    };
    let says = format!("model {model}, index {index}, compared by {by}");
    let finding = Finding::new("answers", "", says).with(json!({
        "model": model, "index": index, "compared_by": by,
    }));
    let sha256 = match compared_by(encoder.or(setup.model.as_deref())) {
        Ok(sha256) => sha256,
        Err(error) => return finding.error(&error),
    };
    match opened.encoder(&sha256) {
        Ok(_) => finding,
        Err(error) => {
            let others = opened.encoders().iter().flat_map(|encoder| {
                let same = towers.iter().filter(|t| t.sha256 == encoder.sha256);
                same.map(|tower| tower.called.clone())
            });
            let others: Vec<String> = others.collect();
            let hint = match others.is_empty() {
                true => error.hint(),
                false => Some(format!(
                    "choose {}, which made its vectors, or add those of {by} with `rounds index embed {index} --model MODEL`",
                    others.join(" or ")
                )),
            };
            finding.fails(format!("they do not go together: {error}"), hint)
        }
    }
}
