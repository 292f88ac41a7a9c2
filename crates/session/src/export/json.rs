//! A session as JSON: everything saved except patient and study. `docs/session.schema.json` describes it.
//!
//! The fields of an answer have the names of `rounds ask --json`. Raise [`SCHEMA_VERSION`] when a field is removed or changes
//! its meaning.

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::types::{Session, StoredAnswer, StoredImage, StoredShot, Turn};
use rounds_support::{INTENDED_USE, millionths, thousandths};

/// Version of the JSON schema.
pub const SCHEMA_VERSION: u32 = 1;

/// A session as indented JSON that ends with a line break.
pub fn json(session: &Session) -> String {
    let value = json!({
        "schema_version": SCHEMA_VERSION,
        "intended_use": INTENDED_USE,
        "session": {
            "id": session.id.as_str(),
            "number": session.number,
            "title": session.title,
            "model": session.model,
            "index": session.index,
            "created": rfc3339(session.created),
            "used": rfc3339(session.used),
        },
        "turns": session.turns.iter().map(turn).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn turn(turn: &Turn) -> Value {
    json!({
        "number": turn.number,
        "parent": turn.parent,
        "asked": rfc3339(turn.asked),
        "ended": turn.ended.map(rfc3339),
        "state": turn.state.name(),
        "question": turn.question,
        "images": turn.images.iter().map(image).collect::<Vec<_>>(),
        "settings": turn.settings,
        "answer": turn.answer.as_ref().map(answer),
        "partial_text": if turn.answer.is_none() { Value::from(turn.text.clone()) } else { Value::Null },
        "message": turn.message,
        "prompt": turn.prompt,
        "shots": turn.shots.iter().map(shot).collect::<Vec<_>>(),
        "intended_use": INTENDED_USE,
    })
}

fn image(image: &StoredImage) -> Value {
    json!({
        "sha256": image.sha256,
        "name": image.name,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bytes": image.bytes,
    })
}

fn answer(answer: &StoredAnswer) -> Value {
    let finite = |number: &f32| Some(*number).filter(|n| n.is_finite());
    json!({
        "answer": answer.answer,
        "rationale": answer.rationale,
        "rationale_missing": answer.rationale.is_none() && answer.withheld.is_none(),
        "sure": answer.sure,
        "withheld": answer.withheld,
        "stop_reason": answer.stop_reason,
        "notices": answer.notices,
        "about_model": answer.about_model,
        "provenance": answer.provenance,
        "timings": answer.timings,
        "tokens": { "prompt": answer.prompt_tokens, "generated": answer.generated_tokens },
        "log_probabilities": answer.log_probabilities.iter().map(finite).collect::<Vec<_>>(),
        "ranking": answer.ranking,
    })
}

fn shot(shot: &StoredShot) -> Value {
    let tag = |(name, value): &(String, String)| json!({ "name": name, "value": value });
    json!({
        "example_id": shot.example_id,
        "rank": shot.rank,
        "score": shot.known_score().map(millionths),
        "match_share": shot.match_share.map(thousandths),
        "reason": shot.reason,
        "question": shot.question,
        "answer": shot.answer,
        "rationale": shot.rationale,
        "source": shot.source,
        "licence": shot.licence,
        "images": shot.images,
        "tags": shot.tags.iter().map(tag).collect::<Vec<_>>(),
    })
}
