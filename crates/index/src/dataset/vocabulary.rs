//! The vocabulary shared by all data sets: modalities, splits, answer types.
//!
//! Data sets spell these in many ways, but filters need one. Unknown words are left as they are.

/// The alphanumeric words of a text in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Modalities and the words that name them. The first match wins, as in PET/CT or CT with GI contrast.
const MODALITIES: [(&str, &[&str]); 9] = [
    ("pet", &["pet", "positron"]),
    (
        "nuclear medicine",
        &["nm", "nuclear", "scintigraphy", "scintigram", "spect"],
    ),
    (
        "mammography",
        &["mammography", "mammogram", "mammograph", "mammo"],
    ),
    (
        "us",
        &[
            "us",
            "ultrasound",
            "ultrasonography",
            "sonography",
            "sonogram",
            "doppler",
            "echocardiography",
        ],
    ),
    ("ct", &["ct", "cta", "computed", "cat"]),
    (
        "mr",
        &[
            "mr", "mri", "mra", "magnetic", "t1", "t2", "t1w", "t2w", "flair", "dwi", "stir",
            "adc", "fiesta",
        ],
    ),
    (
        "angiography",
        &[
            "angiography",
            "angiogram",
            "arteriography",
            "venogram",
            "venography",
        ],
    ),
    (
        "fluoroscopy",
        &[
            "fluoroscopy",
            "barium",
            "bas",
            "ugi",
            "sbft",
            "esophagram",
            "enema",
            "gastrografin",
        ],
    ),
    (
        "xr",
        &[
            "xr",
            "xray",
            "ray",
            "rays",
            "radiograph",
            "radiography",
            "film",
            "cxr",
        ],
    ),
];

/// The modality that a short label such as `mr - t1w w/gadolinium` names.
pub(super) fn modality(label: &str) -> Option<&'static str> {
    let words = words(label);
    let named = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    MODALITIES
        .iter()
        .find(|(_, names)| named(names))
        .map(|(modality, _)| *modality)
}

/// The modality of a UMLS concept, as used in ROCOv2.
pub(super) fn modality_of_concept(concept: &str) -> Option<&'static str> {
    Some(match concept {
        "C0040405" => "ct",
        "C0024485" => "mr",
        "C1306645" => "xr",
        "C0041618" => "us",
        "C0002978" => "angiography",
        "C0032743" => "pet",
        _ => return None,
    })
}

/// A normalised body part: `ABD` becomes abdomen, `Brain_Tissue` brain tissue.
pub(super) fn organ(label: &str) -> String {
    let label = label.trim().replace('_', " ").to_lowercase();
    match label.as_str() {
        "abd" => "abdomen".to_owned(),
        _ => label,
    }
}

/// `closed` for yes and no, `open` for everything else.
pub(super) fn answer_type(answer: &str) -> &'static str {
    let answer = answer.trim().trim_end_matches('.').to_lowercase();
    match answer.as_str() {
        "yes" | "no" => "closed",
        _ => "open",
    }
}

/// The split named in a text: `train`, `validation`, `test`, or empty.
pub(super) fn split_of(name: &str) -> String {
    let words = words(name);
    let any = |is: fn(&str) -> bool| words.iter().any(|word| is(word));
    let split = if any(|word| word.starts_with("train")) {
        "train"
    } else if any(|word| matches!(word, "val" | "dev") || word.starts_with("valid")) {
        "validation"
    } else if any(|word| word.starts_with("test")) {
        "test"
    } else {
        ""
    };
    split.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modality_labels_are_normalised() {
        for (label, expected) in [
            ("cta - ct angiography", Some("ct")),
            ("an - angiogram", Some("angiography")),
            ("ct with gi and iv contrast", Some("ct")),
            ("be - barium enema", Some("fluoroscopy")),
            ("X-Ray", Some("xr")),
            ("mr t2* gradient,gre,mpgr,swan,swi", Some("mr")),
            ("us-d - doppler ultrasound", Some("us")),
            ("pet/ct", Some("pet")),
            ("yes", None),
            ("contrast", None),
        ] {
            assert_eq!(modality(label), expected, "{label}");
        }
    }

    #[test]
    fn splits_are_recognised_by_the_words_of_a_name() {
        for (name, expected) in [
            ("trainset.json", "train"),
            ("All_QA_Pairs_val.txt", "validation"),
            ("validate.json", "validation"),
            ("test_clean.csv", "test"),
            ("VQA_RAD Dataset Public.json", ""),
            ("latest values.csv", ""),
        ] {
            assert_eq!(split_of(name), expected, "{name}");
        }
    }
}
