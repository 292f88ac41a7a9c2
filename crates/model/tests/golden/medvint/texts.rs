//! Masked texts, scorers and pixels.

use rounds_imaging::{HighBitDepth, load_as_reference};
use rounds_model::bundle::{Fit, Pixels};
use rounds_model::medvint::{MaskedText, mask_answer, most_similar, similarity};
use rounds_support::files::sha256_hex;
use std::path::Path;
use tokenizers::Tokenizer;

use super::{golden, ids, json, list, text};

#[test]
fn answers_are_masked_as_published_with_what_leaks() {
    let tokenizer = Tokenizer::from_file(golden("masked/tokenizer.json")).expect("a tokenizer");
    let mut leaked = Vec::new();
    for case in list(&json(&golden("masked/cases.json"))) {
        let (prompt, whole) = (text(&case["prompt"]), text(&case["whole"]));
        let masked = mask_answer(&tokenizer, (1, 2), prompt, whole).expect("masked");
        assert_eq!(masked.input, ids(&case["input"]), "{whole}");
        assert_eq!(masked.labels, ids(&case["labels"]), "{whole}");
        // What is scored of perfect predictions is the masked part of the answer.
        let scored = tokenizer.decode(&masked.scored(&masked.labels), true);
        let words = whole.split_whitespace();
        let hidden: Vec<&str> = words.skip(prompt.split_whitespace().count()).collect();
        assert_eq!(scored.expect("a text").trim(), hidden.join(" "));
        leaked.push(masked.leaked);
    }
    let glued = |word: &str| Some(word.to_string());
    assert_eq!(leaked, [glued("left"), glued("liver"), None, None, None]);
    assert_eq!(MaskedText::NONE, 0);
}

#[test]
fn texts_are_compared_as_python_compares_them() {
    let cases = json(&golden("scorers.json"));
    for pair in list(&cases["ratios"]) {
        let found = similarity(text(&pair["a"]), text(&pair["b"]));
        let wanted = pair["ratio"].as_f64().expect("a ratio");
        assert!((found - wanted).abs() < 1e-12, "{pair}: {found}");
    }
    for case in list(&cases["choices"]) {
        let choices: Vec<&str> = list(&case["choices"]).iter().map(text).collect();
        let found = most_similar(&choices, text(&case["target"]));
        let wanted = case["index"].as_u64().map(|index| index as usize);
        assert_eq!(found, wanted, "{case}");
    }
}

#[test]
fn pixels_are_those_of_the_published_transform_bit_for_bit() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden");
    let pixels = Pixels::imagenet(Fit::SquashOpaque);
    let sums = json(&golden("pixels.json"));
    for (name, wanted) in sums.as_object().expect("sums") {
        let image = load_as_reference(&folder.join("pixels").join(name)).expect("an image");
        let rgb = pixels.square(&image, 512, HighBitDepth::AsReference);
        let values = pixels.normalise(&rgb);
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(sha256_hex(&bytes), text(wanted), "{name}");
    }
}
