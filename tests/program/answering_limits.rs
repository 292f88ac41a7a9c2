//! The limits of a question: what does not fit, what is cancelled, what must never be waited for.

use serde_json::{Value, json};

use super::answering::{copied, run};
use crate::common::{CASE, Home, feed, fixtures, json_lines as events, setup};

#[test]
fn a_bench_that_does_not_fit_is_refused_and_not_tried() {
    for decode in ["1022", "1024", "99999999999"] {
        let (code, _, err) = run(&["model", "bench", "--decode", decode], "");
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("--decode must be at most"), "{err}");
    }
}

/// More shots than the context holds: what is left stands in the prompt in the order that the answer says.
#[test]
fn shuffled_shots_that_do_not_all_fit_keep_their_order_in_prompt_and_provenance() {
    let common = [
        "-i",
        CASE,
        "--order",
        "shuffled",
        "--shots",
        "200",
        "--seed",
        "3",
        "Is there a nodule?",
    ];
    let (code, out, _) = run(&[&["ask", "--json"], &common[..]].concat(), "");
    assert_eq!(code, 0);
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let (code, prompt, _) = run(&[&["ask", "--show-prompt"], &common[..]].concat(), "");
    assert_eq!(code, 0);
    let shots = answer["shots"].as_array().expect("shots");
    let order = answer["provenance"]["shot_ids"].as_array().expect("ids");
    assert!(order.len() > 4 && order.len() < 200, "{}", order.len());
    assert_eq!(order.len(), shots.len());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let mut rest = prompt.as_str();
    for id in order {
        let shot = shots.iter().find(|shot| shot["example_id"] == *id);
        let shot = shot.expect("a shot of that id");
        let expected = format!(
            "Question: {} Rationale: {} Answer: {}<",
            text(&shot["question"]),
            text(&shot["rationale"]),
            text(&shot["answer"])
        );
        let at = rest.find(&expected);
        rest = &rest[at.unwrap_or_else(|| panic!("{expected} is not in its place"))..];
    }
}

#[test]
fn more_shots_than_fit_are_reported_and_a_missing_answer_is_said_to_be_missing() {
    let question = ["-i", CASE, "--shots", "200", "Is there a nodule?"];
    let (code, out, err) = run(&[&["ask", "--json"], &question[..]].concat(), "");
    assert_eq!(code, 0, "{err}");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let kept = answer["shots"].as_array().map_or(0, Vec::len);
    assert!(kept > 4 && kept < 200, "{kept}");
    let notices = answer["notices"].to_string();
    let fitting = format!("{kept} of 200 shots fit into the model's context of 1024 tokens");
    assert!(notices.contains(&fitting), "{notices}");
    let (code, text, err) = run(&[&["ask"], &question[..]].concat(), "");
    assert_eq!(code, 0, "{err}");
    let is_missing = answer["answer"] == "";
    assert_eq!(
        text.contains("(the model gave no answer)"),
        is_missing,
        "{text}"
    );
    assert_eq!(notices.contains("fewer shots may help"), is_missing);
    assert!(!text.lines().any(|line| line.trim() == "Answer:"), "{text}");
}

#[test]
fn an_answer_without_shots_says_so_and_announces_no_list() {
    for (flags, heading) in [
        (["--floor", "1"], "no shots were found\n"),
        (["--strategy", "none"], "no shots\n"),
    ] {
        let question = ["ask", "-i", CASE, "Is there a nodule?"];
        let (code, text, err) = run(&[&question[..], &flags].concat(), "");
        assert_eq!(code, 0, "{err}");
        assert!(text.starts_with(heading), "{text}");
    }
}

#[test]
fn a_script_line_takes_every_setting_of_the_flags_and_its_answer_records_them() {
    let request = format!(
        "{{\"images\":[\"{CASE}\"],\"question\":\"Is there a nodule?\",\"shots\":1,\"beams\":2,\
         \"length_penalty\":0.5,\"no_repeat_ngram\":9,\"repetition_penalty\":1.5,\"floor\":\"off\",\"top_p\":0.9}}\n"
    );
    let (code, out, err) = run(&["script", "--floor", "0.9", "--top-k", "5"], &request);
    assert_eq!(code, 0, "{err}");
    let events = events(&out);
    let answer = events.iter().find(|event| event["event"] == "answer");
    let provenance = &answer.expect("an answer")["provenance"];
    for (name, value) in [
        ("beams", json!(2)),
        ("length_penalty", json!(0.5)),
        ("no_repeat_ngram", json!(9)),
        ("repetition_penalty", json!(1.5)),
        ("floor", Value::Null),
        ("top_p", json!(0.9)),
        ("top_k", json!(5)),
        ("order", json!("most similar last")),
        ("strategy", json!("image")),
    ] {
        assert_eq!(provenance[name], value, "{name}");
    }
}

#[test]
fn a_flag_out_of_range_says_what_it_takes() {
    for (flag, value, takes) in [
        ("--shots", "513", "it takes a number from 0 to 512"),
        ("--floor", "-2", "it takes a number from -1 to 1, or off"),
        ("--filter", "ct", "`ct` is not a condition"),
    ] {
        let (code, out, err) = run(&["ask", flag, value, "Is it?"], "");
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(takes), "{err}");
    }
}

#[test]
fn an_answer_that_reaches_the_end_of_the_context_is_kept() {
    // Nearly every token is as likely as any other, so some seed goes on to the end.
    let ended = (0..8).any(|seed| {
        let seed = seed.to_string();
        let (code, out, err) = run(
            &[
                "ask",
                "--json",
                "-i",
                CASE,
                "--temperature",
                "10",
                "--max-new-tokens",
                "5000",
                "--seed",
                &seed,
                "Is there a nodule?",
            ],
            "",
        );
        assert_eq!(code, 0, "{err}");
        let answer: Value = serde_json::from_str(&out).expect("JSON");
        let tokens = |kind: &str| answer["tokens"][kind].as_u64().unwrap_or(0);
        assert!(tokens("prompt") + tokens("generated") <= 1024, "{answer}");
        answer["stop_reason"] == "length"
    });
    assert!(ended, "no seed reached the end");
}

#[test]
fn a_question_without_an_image_is_told_of_the_one_it_is_read_with_and_of_no_likeness() {
    let (code, out, err) = run(&["ask", "Is there a nodule?", "--json"], "");
    assert_eq!(code, 0, "{err}");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let notices = answer["notices"].to_string();
    assert!(notices.contains("chosen by your words"), "{notices}");
    assert!(
        notices.contains("the model looked at the last example's image"),
        "{notices}"
    );
    assert!(!notices.contains("unlike anything"), "{notices}");
}

#[test]
fn a_question_that_was_given_up_while_it_waited_costs_nothing() {
    use rounds_assistant::{Case, Engine, Settings, Setup};
    use rounds_index::Search;
    use rounds_model::generate::StopReason;
    // The graph is kept in the index's folder, so this is a copy.
    let folder = tempfile::tempdir().expect("a folder");
    copied(&fixtures::path("index"), folder.path());
    let setup = Setup {
        index: Some(folder.path().into()),
        search: Search::Hnsw,
        ..setup()
    };
    let mut engine = Engine::load(&setup).expect("a model");
    let image = rounds_imaging::load(std::path::Path::new(CASE)).expect("an image");
    let case = Case {
        images: vec![image],
        question: "Is there a nodule?".into(),
        ..Case::default()
    };
    let cancel = rounds_support::Cancel::new();
    cancel.cancel();
    let mut events = 0;
    let answer = engine
        .answer(&case, &Settings::default(), &cancel, &mut |_| events += 1)
        .expect("an answer that says it was stopped");
    assert_eq!(answer.stop, StopReason::Cancelled);
    assert_eq!((events, answer.shots.len()), (0, 0));
    cancel.reset();
    let answer = engine
        .answer(&case, &Settings::default(), &cancel, &mut |_| {})
        .expect("an answer");
    assert_eq!(answer.timings.images_encoded, 1 + answer.shots.len());
    // Of a few hundred rows a scan is sooner done than a walk through the graph, and is told as what it is.
    assert_eq!(answer.provenance.search, "exact");
}

#[test]
fn a_question_that_is_cancelled_while_the_prompt_is_read_has_its_times() {
    use rounds_assistant::{Case, Engine, Event, Settings};
    use rounds_model::generate::StopReason;
    let mut engine = Engine::load(&setup()).expect("a model");
    let image = rounds_imaging::load(std::path::Path::new(CASE)).expect("an image");
    let case = Case {
        images: vec![image],
        question: "Is there a nodule?".into(),
        ..Case::default()
    };
    let settings = Settings {
        shots: 0,
        ..Settings::default()
    };
    let cancel = rounds_support::Cancel::new();
    let answer = engine
        .answer(&case, &settings, &cancel, &mut |event| {
            // The next thing after this event is the prefill.
            if let Event::Prompt(_) = event {
                cancel.cancel();
            }
        })
        .expect("an answer that was stopped");
    assert_eq!(answer.stop, StopReason::Cancelled);
    let times = answer.timings;
    assert!(times.retrieval_ms > 0.0, "{times:?}");
    assert!(times.total_ms >= times.retrieval_ms, "{times:?}");
    assert_eq!(times.images_encoded, 1);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_the_place_of_a_file_is_refused_and_never_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("model");
    copied(&fixtures::path("nano"), &root);
    let model = root.to_string_lossy();
    let pipe = |path: &std::path::Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo").success());
    };
    let refused = |arguments: &[&str]| {
        let (code, _, err) = run(arguments, "");
        assert_eq!(code, 3, "{err}");
        assert!(err.contains("not a regular file"), "{err}");
    };
    let image = folder.path().join("image.png");
    pipe(&image);
    refused(&["ask", "-i", &image.to_string_lossy(), "What is this?"]);
    for name in ["model.toml", "tokenizer.json"] {
        let path = root.join(name);
        let bytes = std::fs::read(&path).expect("a file");
        std::fs::remove_file(&path).expect("removed");
        pipe(&path);
        refused(&["ask", "--model", &model, "What is this?"]);
        std::fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("/dev/zero", &path).expect("a link");
        refused(&["ask", "--model", &model, "What is this?"]);
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, bytes).expect("written");
    }
}

#[test]
fn a_settings_file_that_was_named_must_be_there_and_the_environment_is_judged() {
    for what in ["check", "show"] {
        assert_eq!(run(&["config", what, "no/such.toml"], "").0, 2);
    }
    let home = Home::new();
    let check = |device: &str| {
        let mut command = home.command(&["config", "check"]);
        command.env("ROUNDS_DEVICE", device);
        feed(command, "").status.code()
    };
    assert_eq!((check("cpu"), check("abacus")), (Some(0), Some(2)));
}
