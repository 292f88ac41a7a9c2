//! The command line itself: its help and manual, the short form with an image, names and paths that do not exist.

use crate::common::{CASE, Home, ended, ok};

#[test]
fn an_image_and_a_question_without_a_terminal_are_one_answer() {
    let home = Home::new();
    let short = ok(&home.run(&[CASE, "--shots", "2", "Is there a nodule?"]));
    let long = ok(&home.run(&["ask", "-i", CASE, "--shots", "2", "Is there a nodule?"]));
    let answer = |text: &str| text.split(" tokens in ").next().map(str::to_string);
    assert_eq!(answer(&short), answer(&long));
    assert!(short.contains("Answer: yes"), "{short}");
}

#[test]
fn an_image_alone_opens_the_chat_with_it() {
    let home = Home::new();
    let out = ok(&home.feed(&[CASE, "--shots", "2"], "Is there a nodule?\n"));
    assert!(out.contains("chest-nodule.png"), "{out}");
    let sessions = ok(&home.run(&["session", "export", "1"]));
    assert!(sessions.contains("Is there a nodule?"), "{sessions}");
    assert!(sessions.contains("chest-nodule"), "{sessions}");
}

#[test]
fn a_mistyped_command_is_still_an_error() {
    let (code, _, err) = ended(&Home::new().run(&["asl", "Is there a nodule?"]));
    assert_eq!(code, 2);
    assert!(err.contains("asl"), "{err}");
}

#[test]
fn help_lists_what_a_student_needs_and_explains_every_command() {
    let home = Home::new();
    let help = ok(&home.run(&["--help"]));
    let (main, research) = help
        .split_once("For researchers and developers:")
        .expect("a heading");
    for command in ["chat", "ask", "session", "index", "doctor"] {
        assert!(main.contains(&format!("\n  {command} ")), "{main}");
    }
    assert!(!main.contains("train") && research.contains("\n  train "));
    assert!(ok(&home.run(&["help", "train"])).contains("nano"));
    assert!(ok(&home.run(&["train", "--help"])).contains("nano"));
    let model = ok(&home.run(&["model", "--help"]));
    let (main, research) = model
        .split_once("For researchers and developers:")
        .expect("a heading");
    assert!(!main.contains("\n  logits") && research.contains("\n  logits "));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let home = Home::new();
    let folder = home.path("manual");
    let folder = folder.to_str().expect("UTF-8");
    let output = home.run(&["man", "--out", folder]);
    ok(&output);
    for (name, says) in [
        ("rounds", "few"),
        ("rounds-ask", "question"),
        ("rounds-index-search", "image"),
        ("rounds-model-logits", "safetensors"),
        ("rounds-train-nano", "recipe"),
    ] {
        let page = std::fs::read_to_string(home.path("manual").join(format!("{name}.1")));
        let page = page.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".TH ") && page.to_lowercase().contains(says));
    }
    let printed = ok(&home.run(&["man", "index", "search"]));
    let written = std::fs::read_to_string(home.path("manual/rounds-index-search.1"));
    assert_eq!(printed, written.expect("a page"));
    let (code, _, err) = ended(&home.run(&["man", "no", "such"]));
    assert_eq!(code, 2);
    assert!(err.starts_with("error: there is no command no such\nhint: "));
}

#[test]
fn a_name_that_does_not_exist_is_a_usage_error_everywhere() {
    let home = Home::new();
    ok(&home.feed(&["chat", "--plain"], "What is a nodule?\n"));
    let prompt = home.path("prompt.jsonl");
    std::fs::write(&prompt, "{}\n").expect("written");
    let prompt = prompt.to_str().expect("UTF-8");
    for arguments in [
        &["replay", "1", "--model", "no/such"][..],
        &["replay", "1", "--index", "no/such"],
        &["replay", "1", "--encoder", "no/such"],
        &["eval", "phantoms", "-n", "1", "--model", "no/such"],
        &["eval", "phantoms", "-n", "1", "--index", "no/such"],
        &["eval", "binding", "-n", "1", "--model", "no/such"],
        &[
            "eval",
            "neighbours",
            "--index",
            "no/such",
            "--queries",
            "shipped",
        ],
        &[
            "model", "logits", "no/such", "--prompt", prompt, "--out", "x",
        ],
        &["model", "bench", "no/such"],
        &["index", "search", "no/such", "--text", "nodule"],
    ] {
        let (code, out, err) = ended(&home.run(arguments));
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains("error: ") && err.contains("no/such"), "{err}");
    }
}

#[test]
fn an_evaluation_finds_indexes_and_models_by_name() {
    let home = Home::new();
    ok(&home.run(&["index", "create", "mine"]));
    ok(&home.run(&[
        "index",
        "add",
        "mine",
        "-i",
        CASE,
        "--question",
        "Is there a nodule?",
        "--answer",
        "yes",
    ]));
    let arguments = ["eval", "phantoms", "-n", "1", "--shots", "1"];
    let named = [&arguments[..], &["--index", "mine", "--model", "shipped"]].concat();
    ok(&home.run(&named));
}

#[test]
fn an_error_in_a_prompt_file_has_the_line_number_of_an_editor() {
    let home = Home::new();
    let prompt = home.path("prompt.jsonl");
    std::fs::write(
        &prompt,
        "\n{\"segments\": [{\"text\": \"a\"}]}\n\n{\"no\"\n",
    )
    .expect("written");
    let (code, _, err) = ended(&home.run(&[
        "model",
        "logits",
        "tests/fixtures/nano",
        "--prompt",
        prompt.to_str().expect("UTF-8"),
        "--out",
        home.path("out.safetensors").to_str().expect("UTF-8"),
    ]));
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("error: line 4 of the prompt file: "), "{err}");
}
