//! Checks the settings file, and whether the chosen model, index and encoder work together.

use serde_json::json;
use std::path::Path;

use super::Finding;
use super::libraries::{Tower, vector_sha256};
use crate::cli::config::{SettingsReport, examine_user_file};
use rounds_assistant::{SHIPPED, Setup, retrieval_encoder_path};
use rounds_index::Index;
use rounds_support::Failure;
use rounds_support::Hint;
use rounds_support::errors::display_path;

/// Checks the user's settings, and whether the chat can answer under them.
pub fn check(towers: &[Tower], findings: &mut Vec<Finding>) {
    let report = match examine_user_file() {
        Ok(report) => report,
        Err(failure) => return findings.push(failed(Finding::new("settings", "", ""), failure)),
    };
    findings.push(file(&report));
    for (fault, hint) in report.faults.iter().skip(1) {
        findings.push(Finding::new("settings", "", "").fails(fault, hint.clone()));
    }
    if let Some(answer_args) = &report.answer_args {
        let answers = Finding::new("answers", "", "");
        findings.push(match answer_args.setup() {
            Ok(setup) => compatibility(&setup, towers),
            Err(failure) => failed(answers, failure),
        });
    }
}

fn failed(finding: Finding, failure: Failure) -> Finding {
    finding.fails(failure.message, failure.hint)
}

fn file(report: &SettingsReport) -> Finding {
    let finding = Finding::new("settings", display_path(&report.path), report.summary.clone()).with_facts(json!({
        "path": display_path(&report.path), "exists": report.path.exists(), "settings": report.settings,
        "faults": report.faults.iter().map(|(fault, hint)| json!({ "message": fault, "hint": hint })).collect::<Vec<_>>(),
    }));
    match report.faults.first() {
        Some((fault, hint)) => finding.fails(fault, hint.clone()),
        None => finding,
    }
}

/// Whether the chosen model, index and encoder work together.
fn compatibility(setup: &Setup, towers: &[Tower]) -> Finding {
    let name = |path: Option<&Path>| match path {
        None => SHIPPED.to_string(),
        Some(path) => display_path(path.file_name().map_or(path, Path::new)),
    };
    let (model, index) = (name(setup.model.as_deref()), name(setup.index.as_deref()));
    let opened = match Index::open(setup.index.as_deref()) {
        Ok(opened) => opened,
        Err(error) => return Finding::new("answers", "", "").error(&error),
    };
    let encoder = retrieval_encoder_path(setup, &opened);
    let by = match encoder {
        Some(encoder) => format!("encoder {}", name(Some(encoder))),
        None => format!("model {model}"),
    };
    let summary = format!("model {model}, index {index}, images compared by {by}");
    let finding = Finding::new("answers", "", summary).with_facts(json!({
        "model": model, "index": index, "compared_by": by,
    }));
    let sha256 = match vector_sha256(encoder.or(setup.model.as_deref())) {
        Ok(sha256) => sha256,
        Err(error) => return finding.error(&error),
    };
    match opened.encoder(&sha256) {
        Ok(_) => finding,
        Err(error) => {
            let others = opened.encoders().iter().flat_map(|encoder| {
                let same = towers.iter().filter(|t| t.sha256 == encoder.sha256);
                same.map(|tower| tower.label.clone())
            });
            let others: Vec<String> = others.collect();
            let hint = match others.is_empty() {
                true => error.hint(),
                false => Some(format!(
                    "choose {}, which made the index's vectors, or add vectors from {by} with `rounds index embed {index} --model MODEL`",
                    others.join(" or ")
                )),
            };
            finding.fails(format!("model and index do not match: {error}"), hint)
        }
    }
}
