//! The prompt of Med-Flamingo's published demo.

use rounds_assistant::prompt::{Template, build};
use rounds_index::Example;
use rounds_model::flamingo::{MediaMask, text_time};

use crate::word_tokenizer;

/// Med-Flamingo's published demo: six shots and a query, word for word (scripts/demo.py).
#[test]
fn the_demo_prompt_of_med_flamingo_is_built_word_for_word_and_both_masks_place_its_images() {
    let shots = [
        (
            "What is/are the structure near/in the middle of the brain?",
            "pons",
        ),
        (
            "Is there evidence of a right apical pneumothorax on this chest x-ray?",
            "yes",
        ),
        ("Is/Are there air in the patient's peritoneal cavity?", "no"),
        ("Does the heart appear enlarged?", "yes"),
        ("What side are the infarcts located?", "bilateral"),
        ("Which image modality is this?", "mr flair"),
    ];
    let query = "Where is the largest mass located in the cerebellum?";
    let demo = "You are a helpful medical assistant. You are being provided with images, a question about the image and an \
        answer. Follow the examples and answer the last question. <image>Question: What is/are the structure near/in the \
        middle of the brain? Answer: pons.<|endofchunk|><image>Question: Is there evidence of a right apical pneumothorax on \
        this chest x-ray? Answer: yes.<|endofchunk|><image>Question: Is/Are there air in the patient's peritoneal cavity? \
        Answer: no.<|endofchunk|><image>Question: Does the heart appear enlarged? Answer: yes.<|endofchunk|><image>Question: \
        What side are the infarcts located? Answer: bilateral.<|endofchunk|><image>Question: Which image modality is this? \
        Answer: mr flair.<|endofchunk|><image>Question: Where is the largest mass located in the cerebellum? Answer:";
    let examples: Vec<Example> = shots
        .iter()
        .map(|(question, answer)| Example {
            question: (*question).into(),
            answer: (*answer).into(),
            images: vec![rounds_index::ExampleImage {
                sha256: "ab".repeat(32),
                extension: "jpg".into(),
            }],
            ..Example::default()
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    word_tokenizer::write(
        folder.path(),
        131,
        &[("<|endofchunk|>", 128), ("<image>", 129), ("<PAD>", 130)],
    );
    let tokenizer = tokenizers::Tokenizer::from_file(folder.path().join("tokenizer.json"))
        .expect("a tokenizer");
    let template = Template::shipped("med-flamingo").expect("the template");
    // The first is the least similar: it stands first.
    let order: Vec<(usize, &Example)> = (1..=6).rev().zip(&examples).collect();
    let prompt = build(
        &template,
        &tokenizer,
        "",
        &order,
        query,
        1,
        2048,
        10,
        &<[u32]>::len,
    )
    .expect("a prompt");
    assert_eq!(prompt.text, demo);
    let count = |id: u32| prompt.ids.iter().filter(|&&i| i == id).count();
    assert_eq!((count(129), count(128)), (7, 6));
    let places: Vec<usize> = (0..prompt.ids.len())
        .filter(|&i| prompt.ids[i] == 129)
        .collect();
    let previous = text_time(&prompt.ids, 129, MediaMask::Previous);
    let next = text_time(&prompt.ids, 129, MediaMask::Next);
    for (k, &at) in places.iter().enumerate() {
        let image = k as u32 + 1;
        assert_eq!(
            (previous[at], next[at]),
            (image, image),
            "image {image} sees itself"
        );
        // The word before an image belongs to the one before it, or, by the other rule, to it already.
        assert_eq!((previous[at - 1], next[at - 1]), (image - 1, image));
    }
    // The question that is asked sees the last image by one rule, and none by the other.
    assert_eq!((previous.last(), next.last()), (Some(&7), Some(&0)));
}
