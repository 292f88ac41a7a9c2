//! The one conversion between the assistant's types and those of the session store, in both directions.

use serde_json::{Value, json};

use super::libraries::setup_of;
use super::types::{Attached, Finished, NewTurn, SavedEnd, SavedTurn, Subject};
use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Background, Ranked};
use rounds_index::{Example, ExampleImage};
use rounds_session::{
    NewImage, SessionError, SessionId, Sources, StoredAnswer, StoredShot, Turn, TurnId, TurnState,
};

/// A question in its stored form.
pub(super) fn stored_question(
    turn: &NewTurn,
    sources: Sources,
) -> Result<rounds_session::NewTurn, SessionError> {
    let parent = turn.parent.as_deref().map(str::parse::<TurnId>);
    let images = turn.images.iter().map(|attached| NewImage {
        name: attached.image.source.name.clone(),
        format: attached.image.source.format.extension().to_string(),
        width: attached.image.width,
        height: attached.image.height,
        bytes: attached.file.clone(),
    });
    Ok(rounds_session::NewTurn {
        parent: parent.transpose()?.map(|parent| parent.number),
        question: turn.question.clone(),
        images: images.collect(),
        settings: json!(turn.settings),
        sources: Some(sources),
        patient: turn.subject.patient.clone(),
        study: turn.subject.study.clone(),
    })
}

/// An answer in its stored form.
pub fn stored_answer(answer: &Answer) -> StoredAnswer {
    StoredAnswer {
        answer: answer.answer.clone(),
        rationale: answer.rationale.clone(),
        sure: answer.standing.sure,
        withheld: answer.standing.withheld.clone(),
        stop_reason: json!(answer.stop).as_str().unwrap_or_default().to_string(),
        notices: answer.notices.clone(),
        about_model: Some(answer.about_model.clone()).filter(|text| !text.is_empty()),
        provenance: json!(answer.provenance),
        timings: json!(answer.timings),
        prompt_tokens: answer.prompt_tokens as u64,
        generated_tokens: answer.generated_tokens as u64,
        log_probabilities: answer.log_probabilities.clone(),
        ranking: match answer.ranking.is_empty() {
            true => Value::Null,
            false => json!(answer.ranking),
        },
    }
}

fn restored_answer(stored: &StoredAnswer) -> Finished {
    let tokens = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let milliseconds = |name: &str| stored.timings[name].as_f64().unwrap_or_default();
    let ranking = serde_json::from_value::<Vec<Ranked>>(stored.ranking.clone());
    let shot_ids = serde_json::from_value(stored.provenance["shot_ids"].clone());
    Finished {
        answer: stored.answer.clone(),
        rationale: stored.rationale.clone(),
        sure: stored.sure,
        is_withheld: stored.withheld.is_some(),
        notices: stored.notices.clone(),
        about_model: stored.about_model.clone(),
        ranking: ranking
            .unwrap_or_default()
            .iter()
            .map(Ranked::in_words)
            .collect(),
        shot_ids: shot_ids.unwrap_or_default(),
        prompt_tokens: tokens(stored.prompt_tokens),
        generated_tokens: tokens(stored.generated_tokens),
        decode_ms: milliseconds("decode_ms"),
        total_ms: milliseconds("total_ms"),
    }
}

/// A shot in its stored form, without a thumbnail.
pub fn stored_shot(shot: &Shot) -> StoredShot {
    let example = &shot.example;
    let images = example.images.iter();
    StoredShot {
        example_id: example.id.clone(),
        rank: shot.rank as u32,
        score: shot.score,
        match_share: shot.match_share,
        reason: shot.reason.clone(),
        question: example.question.clone(),
        answer: example.answer.clone(),
        rationale: example.rationale.clone(),
        source: example.source.clone(),
        licence: example.licence.clone(),
        images: images
            .map(|i| format!("{}.{}", i.sha256, i.extension))
            .collect(),
        tags: example.tags.clone(),
        thumbnail: None,
    }
}

fn restored_shot(stored: &StoredShot) -> Shot {
    let images = stored.images.iter().filter_map(|name| {
        let (sha256, extension) = name.split_once('.')?;
        Some(ExampleImage {
            sha256: sha256.to_string(),
            extension: extension.to_string(),
        })
    });
    Shot {
        example: Example {
            id: stored.example_id.clone(),
            images: images.collect(),
            question: stored.question.clone(),
            answer: stored.answer.clone(),
            rationale: stored.rationale.clone(),
            tags: stored.tags.clone(),
            source: stored.source.clone(),
            licence: stored.licence.clone(),
            ..Example::default()
        },
        score: stored.score,
        rank: stored.rank as usize,
        reason: stored.reason.clone(),
        match_share: stored.match_share,
    }
}

/// Vignette and laboratory values, which are part of what an answer was made from; none if there is no answer.
pub fn background(turn: &Turn) -> Background {
    let made_from = turn.answer.as_ref().map(|answer| &answer.provenance);
    let background = made_from.map(|provenance| provenance["background"].clone());
    let background = background.and_then(|value| serde_json::from_value::<Background>(value).ok());
    background.unwrap_or_default().sanitised()
}

/// A stored turn as the chat needs it. `images` are those that could be read back, `damaged` the names of the others.
pub(super) fn restored_turn(
    session: &SessionId,
    turn: &Turn,
    images: Vec<Attached>,
    damaged: Vec<String>,
) -> SavedTurn {
    let id = |number: u32| TurnId {
        session: session.clone(),
        number,
    };
    SavedTurn {
        id: id(turn.number).to_string(),
        parent: turn.parent.map(|parent| id(parent).to_string()),
        question: turn.question.clone(),
        images,
        damaged,
        subject: Subject {
            patient: turn.patient.clone(),
            study: turn.study.clone(),
            background: background(turn),
        },
        // Those of another version may not be readable; the turn still is.
        settings: serde_json::from_value(turn.settings.clone()).unwrap_or_default(),
        setup: turn.sources.as_ref().map(setup_of).unwrap_or_default(),
        shots: turn.shots.iter().map(restored_shot).collect(),
        prompt: turn.prompt.clone(),
        end: match (&turn.answer, turn.state) {
            (Some(answer), _) => SavedEnd::Answered(Box::new(restored_answer(answer))),
            (None, TurnState::Failed) => SavedEnd::Failed {
                text: turn.text.clone(),
                message: turn.message.clone().unwrap_or_default(),
            },
            (None, _) => SavedEnd::Stopped {
                text: turn.text.clone(),
            },
        },
    }
}
