//! Tests of `bundle`.

use super::*;

fn nano() -> String {
    std::fs::read_to_string(crate::fixtures::path("nano/model.toml")).unwrap()
}

fn changed(from: &str, to: &str) -> Result<Manifest, ModelError> {
    let text = nano();
    assert!(text.contains(from), "{from}");
    parse_manifest(text.replacen(from, to, 1).as_bytes())
}

#[test]
fn a_reliability_without_sense_is_refused() {
    let table = |sure: &str| {
        let text = format!("[reliability]\nslope = 1.0\noffset = 0.0\nsure = {sure}\n\n[tokens]");
        changed("[tokens]", &text)
    };
    let known = table("0.5").unwrap().reliability.unwrap();
    let confidence = |probability| {
        known.confidence(&Evidence {
            probability,
            yes_or_no: false,
            shots: None,
        })
    };
    assert!(confidence(0.9) > confidence(0.2));
    assert!(table("nan").is_err());
}

#[test]
fn texts_are_cleaned_and_tokens_with_control_characters_are_refused() {
    let evil = r"\u001b]52;c;QUFBQQ==\u0007";
    for (from, of) in [
        (
            "knows = \"",
            &(|m: Manifest| m.knows) as &dyn Fn(Manifest) -> String,
        ),
        ("name = \"", &|m| m.name),
        ("licence = \"", &|m| m.licence),
        ("intended_use = \"", &|m| m.intended_use),
        ("template = \"", &|m| m.template),
        ("dtype = \"", &|m| m.dtype),
    ] {
        let cleaned = of(changed(from, &format!("{from}{evil}")).unwrap());
        assert!(!cleaned.contains(['\u{1b}', '\u{7}']), "{cleaned:?}");
        assert!(cleaned.starts_with('\u{FFFD}'), "{cleaned:?}");
    }
    for from in [
        "begin = \"",
        "image = \"",
        "end_of_chunk = \"",
        "untrained = [\"",
    ] {
        let error = changed(from, &format!("{from}{evil}")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("control characters"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    let error = changed("\"tokenizer.json\" = \"5c7b", "\"tokenizer.json\" = \"xxxx");
    assert!(error.is_err(), "malformed SHA-256");
    assert_eq!(changed("", "").unwrap().name, "rounds-nano");
}

#[test]
fn pixels_that_would_become_no_numbers_are_refused() {
    for std in ["0.0", "nan", "-0.2", "inf"] {
        let error = changed("std = [0.26862955", &format!("std = [{std}")).unwrap_err();
        assert!(error.to_string().contains("std positive"), "{error}");
    }
}

#[test]
fn absurd_sizes_are_refused_before_memory_is_allocated() {
    let error = changed("max_positions = 1024", "max_positions = 99999999999").unwrap_err();
    assert!(error.to_string().contains("max_positions"), "{error}");
}
