//! A session as Markdown, for notes and repositories. Images are named, not shown: Markdown cannot embed them.
//!
//! Text of the session appears only in block quotes and list items, escaped, so it cannot change the document's structure.

use std::fmt::Write as _;

use super::escape::{markdown as escaped, markdown_quote as quoted};
use super::notes::{
    about_model, answer_text, no_answer_reason, rationale_text, score, turn_status,
};
use crate::clock;
use crate::provenance_diff::{field_label, leaf_fields, value_text};
use crate::types::{Session, StoredShot, Turn};
use rounds_support::INTENDED_USE;

/// A session as Markdown.
pub fn markdown(session: &Session) -> String {
    let mut out = format!(
        "# {}\n\n**For {INTENDED_USE}.**\n\n",
        escaped(&session.title)
    );
    for (name, value) in [
        ("Session", session.id.as_str()),
        ("Model", &session.model),
        ("Index", &session.index),
        ("Created", &clock::readable(session.created)),
    ] {
        let _ = writeln!(out, "- {name}: {}", escaped(value));
    }
    if let Some(about) = about_model(session) {
        let _ = writeln!(out, "- About the model: {}", escaped(about));
    }
    out.push('\n');
    for turn in &session.turns {
        one_turn(&mut out, session, turn);
    }
    let _ = write!(out, "---\n\n**For {INTENDED_USE}.**\n");
    out
}

fn one_turn(out: &mut String, session: &Session, turn: &Turn) {
    let _ = write!(out, "## Turn {}\n\n", turn.number);
    let turn_status = turn_status(session, turn);
    let comma = if turn_status.is_empty() { "" } else { ", " };
    let _ = write!(
        out,
        "{}{comma}{}\n\n",
        clock::readable(turn.asked),
        escaped(&turn_status)
    );
    for image in &turn.images {
        let _ = writeln!(
            out,
            "- Image {} ({} × {}, SHA-256 {})",
            escaped(&image.name),
            image.width,
            image.height,
            escaped(&image.sha256)
        );
    }
    if !turn.images.is_empty() {
        out.push('\n');
    }
    let mut part = |name: &str, text: &str| {
        let _ = write!(out, "**{name}**\n\n{}", quoted(text));
    };
    part("Question", &turn.question);
    match &turn.answer {
        Some(answer) => {
            part("Answer", &answer_text(answer));
            if let Some(rationale) = rationale_text(answer) {
                part("Rationale", rationale);
            }
            for notice in &answer.notices {
                part("Notice", notice);
            }
        }
        None => {
            if !turn.text.is_empty() {
                part("Partial answer", &turn.text);
            }
            part("Notice", &no_answer_reason(turn));
        }
    }
    if !turn.shots.is_empty() {
        out.push_str("**Shots**\n\n");
        turn.shots.iter().for_each(|shot| one_shot(out, shot));
        out.push('\n');
    }
    if let Some(answer) = &turn.answer {
        out.push_str("**Provenance**\n\n");
        for (name, value) in leaf_fields(&answer.provenance) {
            let _ = writeln!(
                out,
                "- {}: {}",
                escaped(&field_label(name)),
                escaped(&value_text(value))
            );
        }
        out.push('\n');
    }
}

fn one_shot(out: &mut String, shot: &StoredShot) {
    let score = score(shot).map_or("no score".to_owned(), |score| format!("score {score}"));
    let _ = writeln!(
        out,
        "- {} (rank {}, {score})",
        escaped(&shot.example_id),
        shot.rank
    );
    for (name, value) in [
        ("Question", &shot.question),
        ("Answer", &shot.answer),
        ("Rationale", &shot.rationale),
        ("Why", &shot.reason),
        ("Source", &shot.source),
        ("Licence", &shot.licence),
    ] {
        if !value.is_empty() {
            let _ = writeln!(out, "  - {name}: {}", escaped(value));
        }
    }
}
