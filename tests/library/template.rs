//! The trainer's token sequences and the program's prompts must be the same.

use rounds_assistant::prompt::{Template, build};
use rounds_index::Example;
use rounds_train::episodes::{Episode, Markers, Sequence, Turn};

use crate::fixtures;

#[test]
fn a_prompt_has_the_tokens_that_the_model_was_trained_on() {
    let file = fixtures::path("nano/tokenizer.json");
    let tokenizer = tokenizers::Tokenizer::from_file(file).expect("a tokenizer");
    let id = |t: &str| tokenizer.token_to_id(t).expect("a special token");
    let markers = Markers {
        begin: id("<s>"),
        image: id("<image>"),
        end_of_chunk: id("<|endofchunk|>"),
    };
    let turn = |answer: &str| Turn {
        image: 0,
        question: "Is there a nodule?".into(),
        answer: answer.into(),
        rationale: "I see dark lungs.".into(),
        answerable: true,
    };
    let episode = Episode {
        turns: vec![turn("no"), turn("yes")],
        names: None,
    };
    let trained = Sequence::encode(&episode, &tokenizer, &markers).expect("encoded");
    let example = Example {
        id: "a".into(),
        images: vec![rounds_index::ExampleImage {
            sha256: "ab".repeat(32),
            extension: "jpg".into(),
        }],
        question: "Is there a nodule?".into(),
        answer: "no".into(),
        rationale: "I see dark lungs.".into(),
        ..Example::default()
    };
    let template = Template::shipped("nano").expect("the template");
    let prompt = build(
        &template,
        &tokenizer,
        "<s>",
        &[(1, &example)],
        "Is there a nodule?",
        1,
        1024,
        96,
        &<[u32]>::len,
    )
    .expect("a prompt");
    assert_eq!(prompt.ids, trained.ids[..prompt.ids.len()]);
    assert!(prompt.ids.len() > trained.ids.len() / 2);
}
