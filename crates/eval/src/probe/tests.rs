//! Probes of nano, the model of the tests, on its phantoms.

use super::*;
use crate::fixtures;
use rounds_assistant::Setup;
use rounds_index::Example;
use rounds_model::generate::Decoding;

fn engine() -> Engine {
    let setup = Setup {
        model: Some(fixtures::path("nano")),
        index: Some(fixtures::path("index")),
        device: "cpu".into(),
        ..Setup::default()
    };
    Engine::load(&setup).unwrap()
}

fn case(question: &str) -> Case {
    let image = rounds_imaging::load(&fixtures::path("cases/chest-nodule.png"));
    Case {
        images: vec![image.unwrap()],
        question: question.into(),
        ..Case::default()
    }
}

fn settings(shots: usize) -> Settings {
    Settings {
        shots,
        decoding: Decoding {
            max_new_tokens: 60,
            ..Decoding::default()
        },
        ..Settings::default()
    }
}

/// Shots with images of the index: in the place `right` a chest film, which the question's image is too, under a made-up name, as nano was
/// trained to read it; the others are examples as they are, without names.
fn named(engine: &Engine, right: usize) -> Vec<Shot> {
    let shot = |at: usize| {
        let example = match at == right {
            true => Example {
                question: "What is this called?".into(),
                answer: "lobo".into(),
                rationale: "I see two dark lungs, ribs and a white heart, called lobo.".into(),
                ..engine.index().by_id("phantom-chest-film-009").unwrap()
            },
            false => engine.index().example(1 + 9 * at).unwrap(),
        };
        Shot {
            example,
            score: 0.5,
            rank: at + 1,
            reason: String::new(),
            match_share: None,
        }
    };
    (0..4).map(shot).collect()
}

#[test]
fn the_only_shot_with_the_right_made_up_name_has_the_largest_influence() {
    let mut engine = engine();
    let (case, settings, cancel) = (case("What is this called?"), settings(4), Cancel::new());
    let asked = Asked {
        case: &case,
        settings: &settings,
    };
    let wording = Wording {
        answer: "lobo".into(),
        rationale: Some("I see two dark lungs, ribs and a white heart, called lobo.".into()),
    };
    for right in [2, 3] {
        let shots = named(&engine, right);
        let explained = engine.explain(asked, &shots, &wording, &cancel, &mut |_, _| {});
        let explained = explained.unwrap();
        assert_eq!(explained.shots.len(), 4);
        let own = &explained.shots[right];
        assert_eq!(own.position, right + 1);
        assert!(own.total > 1.0, "{explained:?}");
        for other in explained.shots.iter().filter(|other| *other != own) {
            assert!(other.total < own.total, "{explained:?}");
        }
    }
}

#[test]
fn every_measure_agrees_with_the_others_where_they_measure_the_same() {
    let mut engine = engine();
    let (case, settings, cancel) = (case("Is there a nodule?"), settings(3), Cancel::new());
    let (mut last, mut all) = (0, 0);
    let options = ProbeOptions::default();
    let probe = probe(
        &mut engine,
        &case,
        &settings,
        &options,
        &cancel,
        &mut |done, of| {
            assert_eq!(done, last + 1, "one step after the other");
            (last, all) = (done, of);
        },
    );
    let probe = probe.unwrap();
    assert!(last <= all && all == 22, "{last} of {all}");
    assert_eq!((probe.shots.len(), probe.build_up.len()), (3, 4));
    let whole = probe.log_likelihood.total;
    let same = |a: f64, b: f64| (a - b).abs() < 1e-2;
    assert!(same(probe.build_up[3].log_likelihood.total, whole));
    assert_eq!(probe.build_up[3].answer, probe.scored_answer);
    let sweep = probe.sweep.as_ref().unwrap();
    assert_eq!(
        (sweep.position, sweep.places.len()),
        (3, 3),
        "most similar last"
    );
    assert!(same(sweep.places[2].log_likelihood.total, whole));
    let without_last = probe.build_up[2].log_likelihood.total;
    assert!(same(probe.shots[2].influence.total, whole - without_last));
    for shot in &probe.shots {
        let same = rounds_assistant::comparable(&shot.answer)
            == rounds_assistant::comparable(&probe.model_answer);
        assert_eq!(shot.copied, same);
    }
    assert_eq!(probe.copied.is_some(), probe.shots.iter().any(|s| s.copied));
    let attention = probe.attention.as_ref().unwrap();
    assert_eq!(attention.layers.len(), 6);
    for layer in &attention.layers {
        let on_shots: f32 = layer.shots.iter().sum();
        let sum = on_shots + layer.before_shots + layer.question + layer.answer;
        assert!((sum - 1.0).abs() < 1e-4, "{layer:?}");
        if let Some(gated) = &layer.gated {
            let (own, shots) = gated.images.split_last().unwrap();
            assert!((own - 1.0).abs() < 1e-4 && shots.iter().all(|s| *s == 0.0));
        }
    }
    let map = &attention.maps[0];
    assert_eq!(map.values.len(), map.side * map.side);
    assert!((map.values.iter().sum::<f32>() - 1.0).abs() < 1e-4);
}

#[test]
fn without_shots_there_is_a_build_up_of_one_point_and_nothing_to_move_or_replace() {
    let mut engine = engine();
    let (case, settings, cancel) = (case("Is there a nodule?"), settings(0), Cancel::new());
    let options = ProbeOptions {
        answer: Some("no".into()),
        moved: None,
    };
    let probe = probe(
        &mut engine,
        &case,
        &settings,
        &options,
        &cancel,
        &mut |_, _| {},
    );
    let probe = probe.unwrap();
    assert_eq!(
        (probe.build_up.len(), probe.scored_answer.as_str()),
        (1, "no")
    );
    assert!(probe.shots.is_empty() && probe.sweep.is_none() && probe.flips.is_empty());
    assert!(probe.copied.is_none());
}

#[test]
fn a_cancelled_probe_ends_as_cancelled() {
    let mut engine = engine();
    let (case, settings, cancel) = (case("Is there a nodule?"), settings(2), Cancel::new());
    let stop = cancel.clone();
    let options = ProbeOptions::default();
    let ended = probe(
        &mut engine,
        &case,
        &settings,
        &options,
        &cancel,
        &mut |done, _| {
            if done == 4 {
                stop.cancel();
            }
        },
    );
    assert!(matches!(
        ended,
        Err(AssistantError::Model(ModelError::Cancelled))
    ));
}
