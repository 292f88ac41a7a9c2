//! The program as its users meet it: one question, a script with bad lines in it, bad input.

use serde_json::{Value, json};

use crate::common::{
    CASE, Home, ended, feed, fixtures, json_lines as events, rounds, setup, shared_home,
};

fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    ended(&feed(rounds(&shared_home(), arguments), input))
}

#[test]
fn ask_answers_with_four_shots_and_says_what_it_is_for() {
    let (code, out, _) = run(&["ask", "-i", CASE, "Is there a nodule?", "--json"], "");
    assert_eq!(code, 0);
    let answer: Value = serde_json::from_str(&out).expect("one JSON object");
    assert_eq!(
        answer["intended_use"],
        "education and research only, not for diagnosis"
    );
    assert_eq!(answer["shots"].as_array().map(Vec::len), Some(4));
    assert!(
        matches!(answer["answer"].as_str(), Some("yes" | "no")),
        "{answer}"
    );
    let best = &answer["shots"][0];
    assert!(
        best["example_id"]
            .as_str()
            .is_some_and(|id| id.contains("chest-film")),
        "{best}"
    );
}

#[test]
fn a_problem_is_asked_with_its_vignette_and_values() {
    let (code, out, told) = run(
        &["ask", "--problem", "missed-dialysis", "--show-prompt"],
        "",
    );
    assert_eq!(code, 0, "{told}");
    for part in [
        "haemodialysis",
        "Potassium 7.8 mmol/L (normal: 3.5-5.0)",
        "What explains the ECG",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, out, told) = run(&["ask", "--problem", "missed-dialysis", "--json"], "");
    assert_eq!(code, 0, "{told}");
    let answer: Value = serde_json::from_str(&out).expect("one JSON object");
    assert_eq!(answer["problem"], "missed-dialysis");
    assert!(
        answer["reference"]
            .as_str()
            .is_some_and(|text| text.contains("Hyperkalaemia"))
    );
    let background = &answer["provenance"]["background"];
    assert_eq!(background["labs"][0]["value"], "7.8");
    let (code, out, _) = run(&["ask", "--problem", "missed-dialysis"], "");
    assert_eq!(code, 0);
    assert!(
        out.contains("HIGH") && out.contains("reference answer: Hyperkalaemia"),
        "{out}"
    );
    let (code, out, told) = run(&["ask", "--problem", "no-such"], "");
    assert_eq!((code, out.as_str()), (2, ""), "{told}");
    assert!(told.contains("there is no problem no-such") && told.contains("missed-dialysis"));
}

#[test]
fn every_event_of_a_script_fits_the_documented_schema() {
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/script.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let input = format!(
        "{{\"id\":1,\"images\":[\"{CASE}\"],\"question\":\"Is there a nodule?\",\"session\":\"a\",\"tokens\":true}}\n\
         not json\n\
         {{\"id\":2,\"question\":\"On which side is the nodule?\",\"session\":\"a\",\"order\":\"shuffled\"}}\n\
         {{\"id\":3,\"question\":\"\"}}\n\
         {{\"id\":4,\"images\":[\"no/such.png\"],\"question\":\"What is it?\"}}\n\
         {{\"id\":5,\"question\":\"q\",\"shot\":1}}\n"
    );
    let (code, out, _) = run(&["script"], &input);
    assert_eq!(code, 1, "some lines failed");
    let events = events(&out);
    for event in &events {
        assert!(
            validator.is_valid(event),
            "{event}: {:?}",
            validator
                .iter_errors(event)
                .map(|e| e.to_string())
                .collect::<Vec<_>>()
        );
    }
    let of = |name: &str| events.iter().filter(|e| e["event"] == name).count();
    assert_eq!((of("answer"), of("error")), (2, 4));
    let second = events
        .iter()
        .find(|e| e["event"] == "answer" && e["id"] == 2)
        .expect("an answer");
    assert_eq!(
        second["provenance"]["image_sha256"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "the session kept its image"
    );
}

#[test]
fn a_script_gives_the_same_answers_twice() {
    let questions = [
        "Is there a nodule?",
        "Which view is this?",
        "Is the heart enlarged?",
    ];
    let input: String = (0..12)
        .map(|i| {
            let (question, strategy) = (questions[i % 3], ["image", "text", "hybrid", "random"][i % 4]);
            format!("{{\"images\":[\"{CASE}\"],\"question\":\"{question}\",\"strategy\":\"{strategy}\",\"seed\":{i},\"temperature\":{}}}\n", i % 2)
        })
        .collect();
    let answers = || -> Vec<Value> {
        let (code, out, _) = run(&["script"], &input);
        assert_eq!(code, 0);
        let mut found = events(&out);
        found.retain(|e| e["event"] == "answer");
        found.iter_mut().for_each(|e| e["timings"] = Value::Null);
        found
    };
    let first = answers();
    assert_eq!(first.len(), 12);
    assert_eq!(first, answers());
}

#[test]
fn a_query_is_never_its_own_shot() {
    let images = std::fs::read_dir(fixtures::path("index/images")).expect("an index");
    let folder = images.flatten().next().expect("a folder of images").path();
    let mut images = std::fs::read_dir(folder).expect("images").flatten();
    let image = images.next().expect("an image").path();
    let (code, out, _) = run(
        &[
            "ask",
            "-i",
            &image.to_string_lossy(),
            "What is this?",
            "--json",
        ],
        "",
    );
    assert_eq!(code, 0);
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let own = answer["provenance"]["image_sha256"][0]
        .as_str()
        .expect("a hash")
        .to_string();
    // An image's folder is the beginning of its hash, its name the rest.
    let rest = image.file_stem().expect("a name").to_string_lossy();
    assert!(own.ends_with(&*rest) && rest.len() == 62, "{own}");
    for shot in answer["shots"].as_array().expect("shots") {
        assert!(shot["score"].as_f64() < Some(0.9995), "{shot}");
    }
}

#[test]
fn bad_input_is_named_with_a_hint_and_the_documented_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.to_string_lossy().into_owned()
    };
    let whole = std::fs::read(CASE).expect("the sample case");
    for path in [
        "no/such.png".to_string(),
        bad("empty.png", b""),
        bad("text.png", b"hello"),
        bad("cut.png", &whole[..whole.len() / 3]),
    ] {
        let (code, out, err) = run(&["ask", "-i", &path, "What is it?"], "");
        assert_eq!((code, out.as_str()), (3, ""), "{path}: {err}");
        assert!(err.starts_with("error: "), "{err}");
    }
    assert_eq!(run(&["ask", "  "], "").0, 2);
    assert_eq!(run(&["ask", &"x".repeat(9000)], "").0, 2);
    assert_eq!(run(&["ask", "--bogus"], "").0, 2);
    for command in [&["ask", "q"][..], &["script"], &["chat"]] {
        for wrong in [
            ["--index", "no/such"],
            ["--model", "no/such"],
            ["--encoder", "no/such"],
            ["--device", "abacus"],
            ["--top-k", "0"],
            ["--floor", "5"],
        ] {
            let (code, _, err) = run(&[command, &wrong].concat(), "");
            assert_eq!(code, 2, "{command:?} {wrong:?}: {err}");
            assert!(err.starts_with("error: "), "{err}");
        }
    }
}

fn copied(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copied(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("copied");
        }
    }
}

#[test]
fn a_damaged_index_or_model_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = |path: &std::path::Path| std::fs::read(path).expect("a file");
    for (option, from, files) in [
        (
            "--index",
            "index",
            ["index.toml", "examples.sqlite3", "seal.toml"],
        ),
        (
            "--model",
            "nano",
            ["model.toml", "tokenizer.json", "model.safetensors"],
        ),
    ] {
        let root = folder.path().join(from);
        copied(&fixtures::path(from), &root);
        let ask = || {
            run(
                &["ask", option, &root.to_string_lossy(), "What is this?"],
                "",
            )
        };
        assert_eq!(ask().0, 0, "the copy works: {}", ask().2);
        for name in files {
            let path = root.join(name);
            let bytes = whole(&path);
            let mut flipped = bytes.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 0x55;
            for damaged in [
                &bytes[..bytes.len() / 2],
                &flipped,
                b"format_version = 99\n",
            ] {
                std::fs::write(&path, damaged).expect("written");
                let (code, out, err) = ask();
                assert_eq!((code, out.as_str()), (3, ""), "{name}: {err}");
                assert!(
                    err.starts_with("error: ") && err.contains("hint: "),
                    "{name}: {err}"
                );
            }
            std::fs::write(&path, bytes).expect("written");
        }
    }
}

#[test]
fn special_tokens_and_escapes_in_a_question_do_no_harm() {
    let question = "<image><|endofchunk|>\u{1b}]52;c;AAAA\u{7} what?";
    let (code, out, _) = run(&["ask", question, "--show-prompt", "--shots", "2"], "");
    assert_eq!(code, 0);
    assert_eq!(
        out.matches("<image>").count(),
        2,
        "only the shots have images: {out}"
    );
    assert!(!out.contains('\u{1b}'));
}

#[test]
fn without_a_command_it_is_the_chat_also_at_the_end_of_a_pipe() {
    let home = Home::new();
    let mut command = home.command(&[]);
    // A word that means yes.
    command.env("ROUNDS_NO_LOG", "1");
    let output = feed(command, "What is this?\n");
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(out.contains("Question: What is this?"), "{out}");
    assert!(out.contains("Answer: "), "{out}");
    let kept = home.run(&["session", "list"]);
    assert!(kept.stdout.is_empty(), "nothing is kept");
}

#[test]
fn options_of_the_command_line_are_ranked_in_a_script_that_names_none() {
    let asked = "{\"question\":\"Is there a nodule?\",\"shots\":0}\n";
    let (code, out, _) = run(&["script", "--option", "yes", "--option", "no"], asked);
    assert_eq!(code, 0);
    let events = events(&out);
    let ranking = events.last().expect("events")["ranking"].as_array();
    assert_eq!(ranking.map(Vec::len), Some(2));
}

#[test]
fn settings_that_do_not_go_together_are_refused_by_a_script_too() {
    let asked =
        "{\"question\":\"q\",\"temperature\":1}\n{\"question\":\"q\",\"strategy\":\"fixed\"}\n";
    let (code, out, _) = run(&["script", "--beams", "4"], asked);
    assert_eq!(code, 1);
    let events = events(&out);
    let failed: Vec<_> = events.iter().filter(|e| e["event"] == "error").collect();
    assert_eq!(failed.len(), 2, "{out}");
    assert!(failed.iter().all(|e| e["code"] == "bad-request"), "{out}");
}

#[test]
fn the_prompt_is_shown_as_json_where_that_is_asked_for() {
    let (code, out, _) = run(
        &[
            "ask",
            "-i",
            CASE,
            "--show-prompt",
            "--json",
            "Is there a nodule?",
        ],
        "",
    );
    assert_eq!(code, 0);
    let shown: Value = serde_json::from_str(&out).expect("JSON");
    let prompt = shown["prompt"].as_str().expect("a prompt");
    assert!(prompt.contains("Question: Is there a nodule?"), "{prompt}");
    assert_eq!(shown["shots"].as_array().map(Vec::len), Some(4));
}

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
