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
fn each_weight_of_a_reliability_counts_where_it_should() {
    let text = "[reliability]\nslope = 1.0\noffset = 0.0\nalone = 0.1\nagreement = 1.0\noverlap = 0.5\nlikeness = 0.25\n\
                yes_or_no = -1.0\nyes_or_no_overlap = 2.0\nsure = 0.5\n\n[tokens]";
    let known = changed("[tokens]", text).unwrap().reliability.unwrap();
    // The logit, as the probability of the tokens is even.
    let logit = |yes_or_no, shots: Option<[f32; 3]>| {
        let confidence = known.confidence(&Evidence {
            probability: 0.5,
            yes_or_no,
            shots: shots.map(|[agreement, overlap, likeness]| ShotEvidence {
                agreement,
                overlap,
                likeness,
            }),
        });
        (confidence / (1.0 - confidence)).ln()
    };
    let cases = [
        (logit(false, None), 0.1),
        (logit(true, None), -0.9),
        (logit(false, Some([1.0, 0.0, 0.0])), 1.0),
        (logit(false, Some([0.0, 1.0, 0.0])), 0.5),
        (logit(false, Some([0.0, 0.0, 1.0])), 0.25),
        (logit(true, Some([0.0, 0.0, 0.0])), -1.0),
        (logit(true, Some([0.0, 1.0, 0.0])), 1.5),
    ];
    for (found, expected) in cases {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
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
