//! Study mode without a screen: cards line by line, and the commands for decks.

use serde_json::Value;

use crate::common::{Home, ended, ok};

/// The numbers at the end of the session, from standard error.
fn told(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn cards_are_graded_line_by_line_and_kept_and_managed_by_commands() {
    let home = Home::new();
    let none = ok(&home.run(&["study", "decks"]));
    assert_eq!(none, "");

    let studied = home.feed(&["study", "--kind", "question"], "\n4\nsomething\n1\n");
    let out = ok(&studied);
    assert!(out.contains("education and research only"), "{out}");
    assert!(out.contains("answer: "), "{out}");
    assert!(told(&studied).contains("2 cards graded, 50 % of them known"));

    let decks = ok(&home.run(&["study", "decks"]));
    assert!(decks.contains("shipped"), "{decks}");
    let stats = ok(&home.run(&["study", "stats", "shipped", "--json"]));
    let stats: Value = serde_json::from_str(&stats).expect("one JSON object");
    assert_eq!(stats["reviews"], 2);
    let page = ok(&home.run(&["study", "stats"]));
    assert!(
        page.contains("53 weeks") && !page.contains('\u{1b}'),
        "{page}"
    );

    let shown = ok(&home.run(&["study", "settings", "shipped", "new-per-day=7"]));
    assert!(shown.contains("new-per-day=7"), "{shown}");
    let again = ok(&home.run(&["study", "settings", "shipped"]));
    assert!(again.contains("new-per-day=7"), "{again}");
    let (code, ..) = ended(&home.run(&["study", "settings", "shipped", "retention=7"]));
    assert_eq!(code, 2);
    let (code, _, err) = ended(&home.run(&["study", "fit", "shipped"]));
    assert!(code != 0 && err.contains("200"), "{err}");

    let (code, _, err) = ended(&home.run(&["study", "nothing-of-this-name"]));
    assert_eq!(code, 2);
    assert!(err.contains("rounds study decks"), "{err}");
    let (code, ..) = ended(&home.run(&["study", "remove", "shipped"]));
    assert_eq!(code, 2, "without a terminal nothing is deleted");
    ok(&home.run(&["study", "remove", "shipped", "--yes"]));
    assert_eq!(ok(&home.run(&["study", "decks"])), "");
}

#[test]
fn a_typed_answer_is_compared_with_the_reference_unless_the_model_is_off() {
    let home = Home::new();
    let study = ["study", "--kind", "question", "--tag", "topic=reading"];
    let out = ok(&home.feed(&study, "zebra\n1\n/quit\n"));
    assert!(
        out.contains("a guess: nearer to the reference than"),
        "{out}"
    );
    let without = [&study[..], &["--no-model"]].concat();
    let out = ok(&home.feed(&without, "zebra\n1\n/quit\n"));
    assert!(!out.contains("nearer to the reference"), "{out}");
}

#[test]
fn an_encoder_must_exist_and_is_left_out_if_the_index_does_not_have_its_vectors() {
    let home = Home::new();
    let (code, _, err) = ended(&home.run(&["study", "--encoder", "no/such"]));
    assert_eq!(code, 2);
    assert!(err.contains("no model named"), "{err}");
    let checkpoint = "tests/golden/encoders/clip/hf";
    ok(&home.run(&[
        "model",
        "import",
        "--family",
        "encoder",
        "--checkpoint",
        checkpoint,
        "--out",
        "tiny",
        "--licence",
        "CC0",
    ]));
    let kind = ["study", "--kind", "question", "--tag", "topic=reading"];
    let study = [&kind[..], &["--encoder", "tiny"]].concat();
    let studied = home.feed(&study, "zebra\n1\n/quit\n");
    assert!(told(&studied).contains("the encoder is left out: "));
    let out = ok(&studied);
    assert!(out.contains("by the model's token vectors"), "{out}");
}
