//! Tests of `prompt`.

use super::*;

fn template() -> Template {
    Template::shipped("nano").unwrap()
}

#[test]
fn special_tokens_in_text_are_neutralised() {
    for bad in [
        "<image>",
        "<|endofchunk|>",
        "<s>",
        "</s>",
        "<PAD>",
        "x\u{1b}[31m<image>",
        "<im\u{FFFC}age>",
        "<\u{FFFC}|endofchunk|>",
        "<\u{FFFC}s>",
    ] {
        let out = template().query(bad, 1);
        assert_eq!(out.matches("<image>").count(), 1, "{out}");
        assert!(!out.contains("<|") && !out.contains("<s>") && !out.contains('\u{1b}'));
    }
}

#[test]
fn possible_tokens_and_markers_are_broken_up_and_other_text_is_unchanged() {
    for (given, wanted) in [
        ("<end_of_utterance>", "< end_of_utterance>"),
        ("<fake_token_around_image>", "< fake_token_around_image>"),
        ("a</s>b", "a< /s>b"),
        ("Short answer: no", "Short answer - no"),
        ("ANSWER: no", "ANSWER - no"),
        ("Ans\u{FFFC}wer: no", "Ans wer: no"),
        (
            "a lesion of <5 mm, p < 0.05: small",
            "a lesion of <5 mm, p < 0.05: small",
        ),
        ("Réponse: non", "Réponse: non"),
    ] {
        assert_eq!(plain(given), wanted);
    }
}

#[test]
fn a_token_split_by_an_image_placeholder_is_not_joined() {
    let example = Example {
        images: vec![example_image()],
        question: "see <im\u{FFFC}age> here".into(),
        answer: "Ans\u{FFFC}wer: yes".into(),
        ..Example::default()
    };
    assert_eq!(
        template().shot(&example),
        "Question: see < im<image>age> here Answer: Ans wer: yes<|endofchunk|>"
    );
}

#[test]
fn a_missing_answer_or_rationale_is_reported_as_missing() {
    let first = template();
    let seen = Some("I see it.".to_string());
    assert_eq!(
        first.parse(" I see it. Answer: yes"),
        ("yes".into(), seen.clone())
    );
    assert_eq!(first.parse(" Answer: yes"), ("yes".into(), None));
    assert_eq!(first.parse(" I see it."), (String::new(), seen.clone()));
    assert_eq!(first.parse(" "), (String::new(), None));
    let last = Template {
        query: "{images}Question: {question} Answer:".into(),
        ..template()
    };
    assert_eq!(
        last.parse(" yes Rationale: I see it."),
        ("yes".into(), seen)
    );
    assert_eq!(last.parse(" yes"), ("yes".into(), None));
    assert_eq!(last.parse(" yes Rationale: "), ("yes".into(), None));
}

#[test]
fn a_shot_without_a_rationale_has_no_marker_for_it() {
    let example = Example {
        question: "Is it?".into(),
        answer: "no".into(),
        ..Example::default()
    };
    let one = Example {
        images: vec![example_image()],
        ..example
    };
    assert_eq!(
        template().shot(&one),
        "<image>Question: Is it? Answer: no<|endofchunk|>"
    );
}

fn example_image() -> rounds_index::ExampleImage {
    rounds_index::ExampleImage {
        sha256: "ab".repeat(32),
        extension: "jpg".into(),
    }
}

#[test]
fn an_interleaved_page_keeps_its_images_in_place() {
    let page = |question: &str| {
        let example = Example {
            images: vec![example_image(), example_image()],
            question: question.into(),
            answer: "a \u{FFFC}fracture".into(),
            ..Example::default()
        };
        template().shot(&example)
    };
    let inline = page("Before \u{FFFC} and after \u{FFFC}: what changed?");
    assert!(
        inline.contains("Before <image> and after <image>: what"),
        "{inline}"
    );
    assert_eq!(inline.matches("<image>").count(), 2);
    let other = page("one \u{FFFC} place <image>");
    assert!(other.starts_with("<image><image>"), "{other}");
    assert_eq!(other.matches("<image>").count(), 2);
    let asked = template().query("what is \u{FFFC} this?", 1);
    assert_eq!(asked.matches("<image>").count(), 1);
}

/// As transformers 4.33.3 formats [image, image, text]: adjacent images share the token between them.
#[test]
fn adjacent_images_share_the_token_between_them() {
    let idefics = Template::shipped("idefics").unwrap();
    let (around, image) = ("<fake_token_around_image>", "<image>");
    let two = format!("{around}{image}{around}{image}{around}");
    let asked = idefics.query("Is it?", 2);
    assert_eq!(asked, format!("{two}Question: Is it? Answer:"));
    let shot = |question: &str| {
        idefics.shot(&Example {
            images: vec![example_image(), example_image()],
            question: question.into(),
            answer: "no".into(),
            ..Example::default()
        })
    };
    assert!(shot("Is it?").starts_with(&format!("{two}Question")));
    assert!(shot("\u{FFFC}\u{FFFC}what changed?").contains(&format!(": {two}what")));
    let apart = shot("from \u{FFFC} to \u{FFFC}");
    assert_eq!(apart.matches(around).count(), 4, "{apart}");
    assert_eq!(template().query("Is it?", 2).matches(image).count(), 2);
}

#[test]
fn a_shot_that_is_too_long_is_dropped_and_the_others_are_kept() {
    let file = crate::fixtures::path("nano/tokenizer.json");
    let tokenizer = Tokenizer::from_file(file).unwrap();
    let example = |answer: &str| Example {
        images: vec![example_image()],
        question: "Is it?".into(),
        answer: answer.into(),
        ..Example::default()
    };
    let (long, short) = (example(&"no ".repeat(2000)), example("no"));
    let shots = [(4, &short), (3, &short), (2, &short), (1, &long)];
    let built = |reserve| {
        build(
            &template(),
            &tokenizer,
            "<s>",
            &shots,
            "Is it?",
            1,
            1024,
            reserve,
            &<[u32]>::len,
        )
    };
    let prompt = built(96).unwrap();
    assert_eq!(prompt.kept, BTreeSet::from([2, 3, 4]));
    assert_eq!(
        (prompt.dropped, prompt.text.matches("<image>").count()),
        (1, 4)
    );
    // If the question leaves no room for the answer, the hint says what to do.
    let error = built(1020).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("1020 are reserved for the answer"),
        "{error}"
    );
    let hint = rounds_support::Hint::hint(&error).unwrap();
    assert!(hint.contains("--max-new-tokens"), "{hint}");
}

#[test]
fn prefix_templates_write_the_published_layouts_in_pieces() {
    use rounds_model::prefix::{BEFORE_ANSWER, BEFORE_IMAGE, BEFORE_QUESTION, Layout};
    for layout in Layout::ALL {
        let template = Template::shipped(layout.template()).unwrap();
        let question = format!("{BEFORE_QUESTION}{SPLIT}Is it?{SPLIT}");
        let image = format!("{BEFORE_IMAGE}<image>");
        let wanted = match layout {
            Layout::Regular | Layout::ReplaceVisual => format!("{question}{image}"),
            Layout::RemoveVisual => question,
            Layout::RemoveQuestion => image,
            Layout::Swap => format!("{image}{question}"),
        };
        let found = template.query("Is it?", 1);
        assert_eq!(found, format!("{wanted}{BEFORE_ANSWER}"), "{layout:?}");
    }
    let evil = Template::shipped("prefix").unwrap();
    let evil = evil.query("a\u{1f}b", 0);
    assert_eq!(evil.matches(SPLIT).count(), 2, "{evil:?}");
}

#[test]
fn a_question_that_is_split_apart_has_the_tokens_it_has_alone() {
    let file = crate::fixtures::path("nano/tokenizer.json");
    let tokenizer = Tokenizer::from_file(file).unwrap();
    let template = Template::shipped("prefix").unwrap();
    let alone = |text: &str| tokenizer.encode(text, false).unwrap().get_ids().to_vec();
    let pieces = ["question: ", "Is it?", " context:", "<image>", "answer "].map(alone);
    let positions = &<[u32]>::len;
    let prompt = build(
        &template,
        &tokenizer,
        "",
        &[],
        "Is it?",
        1,
        99,
        9,
        positions,
    )
    .unwrap();
    assert_eq!(prompt.ids, pieces.concat());
    assert_eq!(prompt.text, "question: Is it? context:<image>answer ");
}

#[test]
fn medvint_prompts_are_those_of_pmc_vqa() {
    let named = |name: &str| Template::shipped(name).unwrap();
    let asked = |name: &str, options: &[&str]| {
        let options: Vec<String> = options.iter().map(|o| (*o).to_string()).collect();
        let template = named(name).with_choices(&options);
        let (template, begin) = template.with_begin("<unk>");
        assert_eq!(begin, "", "{name} puts the begin token after the image");
        template.query("What is it?", 1)
    };
    assert_eq!(
        asked("medvint-td", &["yes"]),
        "<image><unk>Question: What is it?The Answer is:"
    );
    assert_eq!(
        asked("medvint-td-choice", &["a cyst", "{answer}"]),
        "<image><unk>Question: What is it?Choices: A:a cyst  B:{answer} The Answer is:"
    );
    assert_eq!(
        asked("medvint-te", &[]),
        "<image><unk>Question: What is it?The Answer is:"
    );
    assert_eq!(
        asked("medvint-te-choice", &["a cyst", "a bone"]),
        "<image><unk>Question: What is it?The choices are: A:a cyst B:a bone The Answer is:"
    );
    assert_eq!(template().with_begin("<s>").1, "<s>");
    for (name, wanted) in [
        ("medvint-td", "a bone"),
        ("medvint-td-choice", "B:a bone"),
        ("medvint-te-choice", "B"),
    ] {
        assert_eq!(named(name).ranked(1, "a bone"), wanted);
    }
}

#[test]
fn a_placeholder_inside_a_question_is_not_replaced() {
    assert!(
        template()
            .query("what is {answer}?", 0)
            .contains("{answer}")
    );
}
