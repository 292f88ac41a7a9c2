//! Probing on nano, the model of the tests.

use super::*;
use crate::engine::on_nano as new_engine;
use crate::fixtures;
use rounds_model::generate::Decoding;

fn case() -> Case {
    let image = rounds_imaging::load(&fixtures::path("cases/chest-nodule.png"));
    Case {
        images: vec![image.unwrap()],
        question: "Is there a nodule?".into(),
        ..Case::default()
    }
}

fn settings() -> Settings {
    Settings {
        shots: 3,
        decoding: Decoding {
            max_new_tokens: 60,
            ..Decoding::default()
        },
        ..Settings::default()
    }
}

#[test]
fn the_models_own_words_are_read_again_with_the_probabilities_they_were_written_with() {
    let (mut engine, case, settings, cancel) = (new_engine(), case(), settings(), Cancel::new());
    let answer = engine.answer(&case, &settings, &cancel, &mut |_| {});
    let answer = answer.unwrap();
    let asked = Asked {
        case: &case,
        settings: &settings,
    };
    let shots = answer.shots_in_prompt_order();
    assert_eq!(shots.len(), 3);
    let wording = Wording::from(&answer);
    let scored = engine.likelihood(asked, &shots, &wording, &cancel).unwrap();
    // Rationale, marker and answer, as generated.
    assert_eq!(scored.tokens.len(), answer.log_probabilities.len());
    for (read, written) in scored.tokens.iter().zip(&answer.log_probabilities) {
        assert!(
            (read - f64::from(*written)).abs() < 1e-3,
            "{read} {written}"
        );
    }
    let again = engine.written_after(asked, &shots, &cancel).unwrap();
    assert_eq!(again, wording);
}

#[test]
fn what_is_used_again_of_the_last_prompt_changes_no_likelihood() {
    let (mut engine, case, settings, cancel) = (new_engine(), case(), settings(), Cancel::new());
    let asked = Asked {
        case: &case,
        settings: &settings,
    };
    let answer = engine.answer(&case, &settings, &cancel, &mut |_| {});
    let answer = answer.unwrap();
    let (shots, wording) = (answer.shots_in_prompt_order(), Wording::from(&answer));
    let mut seen = 0;
    let explained = engine.explain(asked, &shots, &wording, &cancel, &mut |done, all| {
        seen += 1;
        assert_eq!((done, all), (seen, 4));
    });
    let explained = explained.unwrap();
    assert_eq!((seen, explained.shots.len()), (4, 3));
    for influence in &explained.shots {
        let mut others = shots.clone();
        let left_out = others.remove(influence.position - 1);
        assert_eq!(left_out.example.id, influence.example_id);
        // A prefill in between: nothing of the last inspection is left.
        let mut fresh = new_engine();
        let without = fresh.likelihood(asked, &others, &wording, &cancel).unwrap();
        let wanted = explained.whole.sum - without.sum;
        assert!(
            (influence.total - wanted).abs() < 1e-3,
            "{influence:?} {wanted}"
        );
    }
}

#[test]
fn attention_is_recorded_for_every_token_and_changes_no_number() {
    let (mut engine, case, settings, cancel) = (new_engine(), case(), settings(), Cancel::new());
    let asked = Asked {
        case: &case,
        settings: &settings,
    };
    let answer = engine.answer(&case, &settings, &cancel, &mut |_| {});
    let answer = answer.unwrap();
    let (shots, wording) = (answer.shots_in_prompt_order(), Wording::from(&answer));
    let plain = engine.likelihood(asked, &shots, &wording, &cancel).unwrap();
    let reading = new_engine().read(asked, &shots, &wording, &cancel);
    let reading = reading.unwrap();
    let fresh = new_engine().likelihood(asked, &shots, &wording, &cancel);
    assert_eq!(reading.likelihood, fresh.unwrap(), "bit by bit");
    assert!((reading.likelihood.sum - plain.sum).abs() < 1e-3);
    assert_eq!(reading.images, (3, 1));
    let count = reading.likelihood.tokens.len();
    let whole = *reading.borders.last().unwrap();
    assert_eq!(reading.borders.len(), 5);
    assert!(reading.borders.windows(2).all(|pair| pair[0] < pair[1]));
    let trace = reading.trace.unwrap();
    let config = engine.learner.manifest().config.flamingo().unwrap();
    assert_eq!(trace.layers.len(), config.language.layers);
    let latents = config.resampler.num_latents;
    let mut gated_layers = 0;
    for (at, layer) in trace.layers.iter().enumerate() {
        assert_eq!(layer.self_attention.len(), count);
        for (row, number) in layer.self_attention.iter().zip(0..) {
            assert_eq!(row.len(), whole + count - 1);
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            let mut later = row.iter().skip(whole + number);
            assert!(later.all(|weight| *weight == 0.0));
        }
        assert_eq!(layer.gated.is_some(), config.is_gated(at));
        let Some(gated) = &layer.gated else {
            continue;
        };
        gated_layers += 1;
        assert!(gated.attention_gate.abs() <= 1.0);
        assert_eq!(gated.attention_added.len(), count);
        assert_eq!(gated.feed_forward_added.len(), count);
        for row in &gated.cross_attention {
            assert_eq!(row.len(), 4 * latents);
            let (hidden, own) = row.split_at(3 * latents);
            assert!(hidden.iter().all(|weight| *weight == 0.0), "media mask");
            assert!((own.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
    assert!(gated_layers > 0);
}

#[test]
fn the_borders_count_the_vignette_to_the_question() {
    let (mut engine, settings, cancel) = (new_engine(), settings(), Cancel::new());
    let case = Case {
        background: crate::Background {
            vignette: "A man of 60 years coughs.".into(),
            labs: Vec::new(),
        },
        ..case()
    };
    let asked = Asked {
        case: &case,
        settings: &settings,
    };
    let wording = Wording {
        answer: "no".into(),
        rationale: None,
    };
    let reading = engine.read(asked, &[], &wording, &cancel).unwrap();
    let whole = *reading.borders.last().unwrap();
    let prompt = engine.with_shots(asked, &[], &cancel).unwrap().0.prompt;
    assert_eq!(whole, prompt.ids.len());
}

#[test]
fn an_image_is_read_by_latents_whose_rollout_stays_within_one() {
    let (engine, case) = (new_engine(), case());
    let seen = engine.patch_attention(&case.images[0]).unwrap().unwrap();
    let rollout = seen.rollout();
    let config = engine.learner.manifest().config.flamingo().unwrap();
    assert_eq!(rollout.len(), config.resampler.num_latents);
    for (layer, rows) in seen.layers.iter().enumerate() {
        for row in rows {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{layer}");
        }
    }
    for row in &rollout {
        assert_eq!(row.len(), seen.side * seen.side);
        let sum: f32 = row.iter().sum();
        assert!(sum > 0.0 && sum <= 1.0 + 1e-4, "{sum}");
    }
}

#[test]
fn an_answer_without_text_and_too_many_shots_are_refused() {
    let (mut engine, case, settings, cancel) = (new_engine(), case(), settings(), Cancel::new());
    let asked = Asked {
        case: &case,
        settings: &settings,
    };
    let wording = |answer: &str| Wording {
        answer: answer.into(),
        rationale: None,
    };
    let empty = engine.likelihood(asked, &[], &wording(" "), &cancel);
    assert!(empty.unwrap_err().to_string().contains("no answer"));
    let answer = engine.answer(&case, &settings, &cancel, &mut |_| {});
    let shots = answer.unwrap().shots_in_prompt_order();
    let many: Vec<Shot> = shots.iter().cycle().take(200).cloned().collect();
    let refused = engine.likelihood(asked, &many, &wording("yes"), &cancel);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("of 200 shots fit"), "{refused}");
    cancel.cancel();
    let stopped = engine.likelihood(asked, &shots, &wording("yes"), &cancel);
    assert!(matches!(
        stopped,
        Err(AssistantError::Model(ModelError::Cancelled))
    ));
}
