//! Settings, the status, other models and indexes, patient and study.

use super::answered;
use crate::tui::plain::tests::user::{User, assert_contains};
use crate::tui::state::{Effect, Event};
use rounds_support::Failure;

#[test]
fn settings_can_be_changed_and_invalid_ones_explain_what_is_accepted() {
    let mut user = User::new();
    for (line, expected) in [
        ("/k 2", "Next question will use 2 shots"),
        ("/strategy random", "strategy random"),
        ("/order shuffled", "order shuffled"),
        ("/floor", "no floor; /floor NUMBER|off changes it"),
        ("/floor 0.3", "floor 0.3"),
        ("/floor", "floor 0.3; "),
        (
            "/floor 2",
            "error: /floor takes a number from -1 to 1, or off",
        ),
        ("/filter organ=chest", "filter organ=chest"),
        ("/filter", "filter organ=chest; "),
        ("/seed 7", "seed 7"),
        ("/temperature 0.5", "temperature 0.5"),
        ("/options yes | no", "option yes | no"),
        ("/options off", "no option"),
        ("/top-p 0.9", "top-p 0.9"),
        ("/top-k 40", "top-k 40"),
        ("/top-k off", "no top-k"),
        ("/max-new-tokens 50", "max-new-tokens 50"),
        (
            "/beams 2",
            "beam search cannot be combined with a temperature",
        ),
        ("/length-penalty -1", "length-penalty -1"),
        ("/repetition-penalty 1.2", "repetition-penalty 1.2"),
        ("/no-repeat-ngram 3", "no-repeat-ngram 3"),
        (
            "/k many",
            "error: /k takes a number from 0 to 512, not `many`",
        ),
        ("/strategy best", "hint: one of auto, "),
        ("/nonsense", "error: there is no command /nonsense"),
    ] {
        assert_contains(&user.output_of(line), expected);
    }
    let output = user.output_of("/status");
    for line in [
        "now: ready\n",
        "model: nano\n",
        "device: cpu\n",
        "index: shipped\n",
        "search: auto\n",
        "shots: k=2 random, shuffled\n",
        "floor: 0.3\n",
        "filter: organ=chest\n",
        "temperature: 0.5\n",
        "seed: 7\n",
        "no session yet\n",
        "use: education and research only, not for diagnosis\n",
    ] {
        assert_contains(&output, line);
    }
}

#[test]
fn the_status_shows_context_memory_and_session() {
    let mut user = answered();
    user.event(Event::Tick {
        memory: Some(64 << 20),
    });
    let output = user.output_of("/status");
    assert_contains(&output, "context: 334 of 1024 tokens\n");
    assert_contains(&output, "memory: 64 MiB\n");
    let id = user.journal.open_session("1").unwrap().id;
    assert_contains(&output, &format!("session: Is there a nodule? ({id})\n"));
}

#[test]
fn opening_another_model_or_index_can_be_cancelled() {
    let mut user = User::new();
    assert_contains(&user.output_of("/model /models/big"), "opening model big");
    assert_contains(
        &user.output_of("/stop"),
        "opening cancelled; the previous one stays open",
    );
    assert_contains(&user.output_of("/index /data/own"), "opening index own");
    let jobs: Vec<u64> = user
        .effects()
        .iter()
        .filter_map(|e| match e {
            Effect::Open { job, .. } => Some(*job),
            _ => None,
        })
        .collect();
    user.event(Event::Opened {
        job: *jobs.last().unwrap(),
        result: Err(Failure::usage("no index there").hint("look again")),
    });
    assert_contains(
        &user.new_output(),
        "error: no index there\nhint: look again\n",
    );
    assert_contains(&user.output_of("/stop"), "nothing is running");
}

#[test]
fn patient_and_study_stay_with_the_question_when_it_is_asked_again() {
    let asked_about = |user: &mut User| {
        let effects = user.effects();
        let asked = effects.into_iter().find_map(|effect| match effect {
            Effect::Ask { subject, .. } => Some((subject.patient, subject.study)),
            _ => None,
        });
        asked.expect("no question was asked")
    };
    let some = |id: &str| Some(id.to_string());
    let mut user = User::new();
    assert_contains(&user.output_of("/patient"), "no patient is set");
    assert_contains(
        &user.output_of("/patient P 7"),
        "patient P 7: its examples are not used",
    );
    assert_contains(&user.output_of("/study s-1"), "study s-1: ");
    assert_contains(&user.output_of("/status"), "patient: P 7\nstudy: s-1\n");
    user.exchange("Is there a nodule?", "yes");
    assert_eq!(asked_about(&mut user), (some("P 7"), some("s-1")));
    assert_contains(&user.output_of("/study off"), "no study is set");
    // Study mode has a line mode of its own.
    assert_contains(
        &user.output_of("/study"),
        "no study is set; /study ID sets it; for cards, leave",
    );
    assert_contains(&user.output_of("/patient other"), "patient other: ");
    user.line("/compare");
    assert_eq!(asked_about(&mut user), (some("P 7"), some("s-1")));
    user.model_answers("no");
    user.line("/temperature 0.7");
    user.line("/regenerate");
    assert_eq!(asked_about(&mut user), (some("P 7"), some("s-1")));
    user.model_answers("yes");
    user.exchange("And an effusion?", "no");
    assert_eq!(asked_about(&mut user), (some("other"), None));

    // A new session has no patient; a reopened one keeps its own.
    assert_contains(&user.output_of("/new"), "no patient or study is set");
    assert_contains(&user.output_of("/patient"), "no patient is set");
    user.line("/open 1");
    assert_contains(&user.output_of("/patient"), "patient other: ");
    let turns = user.journal.open_session("1").unwrap().turns;
    assert_eq!(turns[0].subject.patient, some("P 7"));
    assert_eq!(turns[0].subject.study, some("s-1"));
}
